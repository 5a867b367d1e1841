/* SPDX-License-Identifier: Apache-2.0 */
/* Names of accounts for those who read a list. */
#ifndef CARDMFA_LOGIN_NAME_H
#define CARDMFA_LOGIN_NAME_H

#include <stdint.h>

#define LOGIN_NAME_SIZE 33

/* The account with this uid; "uid 1001" where there is none (any more). Valid for the next few calls. */
const char *login_name(int64_t uid);

#endif
