/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody lacks to get in, in words and as the commands that give it: each way that would do. */
#ifndef CARDMFA_DOCTOR_LACK_H
#define CARDMFA_DOCTOR_LACK_H

#include <stddef.h>

#include "doctor_sim.h"

/* "card,totp or card,password", as the configuration writes it; "" if nothing lacks. Cut if it does not fit. Returns dst. */
const char *doctor_lack_text(const struct sim_result *r, char *dst, size_t size);

/* Why a card that is there is no use, where one is asked for. */
enum lack_card { LACK_NO_TROUBLE, LACK_SUSPENDED, LACK_EXPIRED };
enum lack_card doctor_lack_card(const struct sim_result *r);

/* "cardtool enroll taro; cardtool totp enroll taro or cardtool password set taro"; for USER and CARD unless it is of one. */
void doctor_lack_commands(const struct sim_result *r, bool one, char *dst, size_t size);

#endif
