/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may begin a call, and who gives way to whom, by the numbers of bounds.h. Judges only: takes, refuses and ends nobody.
 * sshd's account (keys_uid of the configuration) has places of its own through the user socket.
 */
#ifndef CARDMFA_ROOM_H
#define CARDMFA_ROOM_H

#include "call.h"

/* The call is one of sshd's account. */
bool room_is_for_sshd(const struct daemon *d, const struct call *c);

/* Somebody may come through this socket. */
bool room_at(const struct daemon *d, bool root_socket);

/* This one, who has come, may begin. */
bool room_for(const struct daemon *d, bool root_socket, int64_t uid);

/* As root, but this is the real uid: su, sudo. */
bool room_for_su(const struct daemon *d, int64_t ruid);

/* Whose place goes to this one, who has come; NULL: nobody's has to, or nobody's can. */
struct call *room_taken_from(const struct daemon *d, bool root_socket, int64_t uid);

#endif
