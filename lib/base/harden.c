/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from secret.c: the PAM module links that one and must not touch the state of its host. */
#include "secret.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum err secret_harden_process(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none))
		return fail(ERR_SYSTEM, "setrlimit: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return fail(ERR_SYSTEM, "prctl dumpable: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fail(ERR_SYSTEM, "prctl no_new_privs: %s", strerror(errno));
	return ERR_OK;
}
