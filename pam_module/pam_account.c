/* SPDX-License-Identifier: Apache-2.0 */
#include <security/pam_modules.h>

#include "relay.h"

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int rc = relay_arguments(pamh, argc, argv, NULL);

	return rc != PAM_SUCCESS ? rc : relay_run(pamh, WIRE_ACCOUNT, flags);
}
