/* SPDX-License-Identifier: Apache-2.0 */
#include <security/pam_modules.h>

#include "relay.h"

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int confirm, rc = relay_arguments(pamh, argc, argv, &confirm);

	/* Of a broken line too: PAM_SERVICE_ERR is not obeyed by every host here. */
	if (rc != PAM_SUCCESS)
		return PAM_PERM_DENIED;
	return relay_run(pamh, confirm ? WIRE_CONFIRM : WIRE_OPEN, flags);
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	int confirm, rc = relay_arguments(pamh, argc, argv, &confirm);

	if (rc != PAM_SUCCESS)
		return PAM_PERM_DENIED;
	return confirm ? PAM_SUCCESS : relay_run(pamh, WIRE_CLOSE, flags);
}
