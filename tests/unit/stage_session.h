/* SPDX-License-Identifier: Apache-2.0 */
/* A login of taro's whose session stands, at the console or over ssh, and what is called within it. */
#ifndef CARDMFA_STAGE_SESSION_H
#define CARDMFA_STAGE_SESSION_H

#include "stage_fault.h"
#include "stage_ssh.h"

#define SESSION_SCOPE "/user.slice/user-1001.slice/session-12.scope"
#define SESSION_SWITCH "[class switch]\nservice = sudo sudo-i su su-l polkit-1\nattempts = 3\n"
#define SESSION_DEFAULT "[default]\nfactors = card,totp card,password\nattempts = 4\n"
#define SESSION_POLICY \
	STAGE_CHEAP SESSION_SWITCH "factors = session,totp session,password card,totp card,password\n" SESSION_DEFAULT
#define SESSION_PID 4242        /* of the process that opened it */

/* pam_systemd has put the login's process into the scope of a session of logind, and our second line has been asked. */
static inline void session_opened(const char *service)
{
	assert_int_equal(stage_run(WIRE_OPEN), ERR_OK);
	host.session = "12";
	host.session_service = service;
	host.session_uid = 1001;
	host.session_active = true;
	host.session_remote = !strcmp(service, "sshd");
	host.session_host = host.session_remote ? "192.0.2.5" : NULL;
	host.session_tty = host.session_remote ? "pts/0" : "tty1";
	stage_text(stage.peer.cgroup, sizeof(stage.peer.cgroup), SESSION_SCOPE);
	assert_int_equal(stage_run(WIRE_CONFIRM), ERR_OK);
}

static inline void session_at_console(const char *secret)
{
	stage_at_console("taro");
	stage.cards[0] = &taros;
	assert_int_equal(stage_login(STAGE_PIN, secret), ERR_OK);
	session_opened("login");
}

static inline void session_over_ssh(const char *secret)
{
	stage_connect("taro", stage_key_line(&taros));
	stage.peer.parent = SESSION_PID + 1;
	stage.peer.parent_start = 70;
	assert_int_equal(stage_login(secret), ERR_OK);
	stage.peer.pid = stage.peer.parent;
	stage.peer.start = stage.peer.parent_start;
	stage_request(auth_info, "");
	session_opened("sshd");
}

/* A new process within it: a set-uid one, started by that uid, that names somebody. */
static inline void session_runs(const char *service, int64_t ruid, const char *user)
{
	static int64_t pid = 5000;

	stage.peer = (struct wire_peer){ .root_socket = true, .pid = ++pid, .start = 99, .parent = 4300, .parent_start = 80,
					 .ruid = ruid, .loginuid = 1001, .audit_session = 12, .exe = "/usr/bin/sudo",
					 .cgroup = SESSION_SCOPE };
	stage.request = (struct wire_request){ .tty = "/dev/pts/3" };
	stage_request(service, service);
	stage_request(user, user);
}

#endif
