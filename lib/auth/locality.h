/* SPDX-License-Identifier: Apache-2.0 */
/* Is a person in front of this machine? Facts of kernel and logind only; whatever is unknown is remote. */
#ifndef CARDMFA_LOCALITY_H
#define CARDMFA_LOCALITY_H

#include <stdbool.h>
#include <stddef.h>

#include "policy.h"
#include "wire.h"

/*
 * True only if rhost is empty, the service is one of settings->local_services, and either the host's real uid is 0 and its
 * cgroup is a system service (a login below getty, a greeter: in no login session, and not su, sudo or polkit's helper), or
 * its login session is that of its cgroup and its audit session alike, active, of no remote host, has a seat or a terminal, and was
 * opened by such a service (su and sudo open none of their own). Without a running logind nothing is known of sessions.
 * In the entry points of the session group pam_loginuid, which may stand before our line, has given the process an audit session of
 * its own. WIRE_EXPLAIN: su and the like count as if somebody stood here.
 */
bool locality_is_local(const struct wire_peer *peer, const char *rhost, const char *service, enum wire_op op,
		       const struct settings *settings);

/* The logind session a cgroup path names ("/user.slice/user-1000.slice/session-4.scope" -> "4"); false: none. */
bool locality_session_of(const char *cgroup, char *dst, size_t size);

/* Does logind know this session now? */
bool locality_session_exists(const char *session);

/* Did this service open it, for this uid? */
bool locality_session_is_of(const char *session, const char *service, int64_t uid);

/*
 * It does and runs, the session is not ending, is the host's audit session too (save in the entry points of the session group), and of
 * its real uid. service: what opened it.
 */
bool locality_session_stands(const struct wire_peer *peer, enum wire_op op, const char *session, char *service, size_t size);

/* "/system.slice/...service": an ordinary system service. */
bool locality_is_system_service(const char *cgroup);

#endif
