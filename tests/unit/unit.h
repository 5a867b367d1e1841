/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with what it does not include itself, without its macro that hides fail() of error.h. */
#ifndef CARDMFA_UNIT_H
#define CARDMFA_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail

#endif
