/* SPDX-License-Identifier: Apache-2.0 */
/* A module behind ours that says what only modules may see. Its verdict counts for nothing. */
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <stddef.h>

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *now = NULL, *old = NULL;

	(void)flags;
	(void)argc;
	(void)argv;
	if (pam_get_item(pamh, PAM_AUTHTOK, &now) == PAM_SUCCESS && pam_get_item(pamh, PAM_OLDAUTHTOK, &old) == PAM_SUCCESS)
		pam_info(pamh, "probe authtok=%s", now || old ? "set" : "unset");
	return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh;
	(void)flags;
	(void)argc;
	(void)argv;
	return PAM_IGNORE;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *limit = NULL;

	(void)flags;
	(void)argc;
	(void)argv;
	if (pam_get_data(pamh, "systemd.runtime_max_sec", &limit) != PAM_SUCCESS)
		limit = NULL;
	pam_info(pamh, "probe runtime=%s", limit ? (const char *)limit : "unset");
	return PAM_IGNORE;
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return pam_sm_setcred(pamh, flags, argc, argv);
}
