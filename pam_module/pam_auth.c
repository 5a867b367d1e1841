/* SPDX-License-Identifier: Apache-2.0 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "relay.h"

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const char *user = NULL;
	int rc = relay_arguments(pamh, argc, argv, NULL);

	if (rc != PAM_SUCCESS)
		return rc;
	/* Asks for the name where the host has not. */
	rc = pam_get_user(pamh, &user, NULL);
	if (rc != PAM_SUCCESS)
		return PAM_CONV_ERR;
	if (!user || !user[0])
		return PAM_AUTH_ERR;
	return relay_run(pamh, WIRE_AUTH, flags);
}

/* Without effect: whatever it says is not asked for by anything of ours. */
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_SUCCESS;
}
