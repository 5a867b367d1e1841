/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people. The programs set locale and domain; libraries only mark. */
#ifndef CARDMFA_L10N_H
#define CARDMFA_L10N_H

#include <libintl.h>

#define _(text) gettext(text)
#define N_(text) text

#endif
