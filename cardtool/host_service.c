/* SPDX-License-Identifier: Apache-2.0 */
#include "host_service.h"

#include <string.h>

#define A HOST_CALLS(PHASE_AUTH)
#define C HOST_CALLS(PHASE_ACCOUNT)
#define S HOST_CALLS(PHASE_SESSION)

static const struct host_service rows[] = {
	{ "login", HOST_LOGIN, A | C | S, false },
	{ "gdm-password", HOST_LOGIN, A | C | S, false },
	{ "gdm-smartcard", HOST_LOGIN, A | C | S, false },
	{ "gdm-fingerprint", HOST_LOGIN, A | C | S, false },
	{ "lightdm", HOST_LOGIN, A | C | S, false },
	{ "sddm", HOST_LOGIN, A | C | S, false },
	{ "xdm", HOST_LOGIN, A | C | S, false },
	{ "kde", HOST_LOGIN, A | C | S, false },
	{ "greetd", HOST_LOGIN, A | C | S, false },
	{ "sshd", HOST_LOGIN, A | C | S, true },
	{ "remote", HOST_LOGIN, A | C | S, true },
	{ "cockpit", HOST_LOGIN, A | C | S, true },
	{ "xrdp-sesman", HOST_LOGIN, A | C | S, true },
	{ "vsftpd", HOST_LOGIN, A | C | S, true },
	{ "su", HOST_SWITCH, A | C | S, true },
	{ "su-l", HOST_SWITCH, A | C | S, true },
	{ "sudo", HOST_SWITCH, A | C | S, true },
	{ "sudo-i", HOST_SWITCH, A | C | S, true },
	{ "polkit-1", HOST_ASK, A | C, true },
	{ "vlock", HOST_ASK, A | C, false },
	{ "swaylock", HOST_ASK, A | C, false },
	{ "i3lock", HOST_ASK, A | C, false },
	{ "xscreensaver", HOST_ASK, A | C, false },
	{ "gnome-screensaver", HOST_ASK, A | C, false },
	{ "cron", HOST_JOBS, C | S, false },
	{ "crond", HOST_JOBS, C | S, false },
	{ "atd", HOST_JOBS, C | S, false },
	{ "systemd-user", HOST_MACHINE, C | S, false },
	{ "runuser", HOST_MACHINE, S, false },
	{ "runuser-l", HOST_MACHINE, S, false },
	{ "gdm-launch-environment", HOST_MACHINE, A | C | S, false },
	{ "gdm-autologin", HOST_MACHINE, A | C | S, false },
	{ "lightdm-greeter", HOST_MACHINE, A | C | S, false },
	{ "lightdm-autologin", HOST_MACHINE, A | C | S, false },
	{ "sddm-greeter", HOST_MACHINE, A | C | S, false },
	{ "sddm-autologin", HOST_MACHINE, A | C | S, false },
	{ "chfn", HOST_ASK, A | C, false },
	{ "chsh", HOST_ASK, A | C, false },
	{ "passwd", HOST_MACHINE, 0, false },
	{ "chpasswd", HOST_MACHINE, 0, false },
	{ "newusers", HOST_MACHINE, 0, false },
	{ "other", HOST_PART, 0, false },
	{ "system-auth", HOST_PART, 0, false },
	{ "password-auth", HOST_PART, 0, false },
	{ "smartcard-auth", HOST_PART, 0, false },
	{ "fingerprint-auth", HOST_PART, 0, false },
	{ "postlogin", HOST_PART, 0, false },
	{ "config-util", HOST_PART, 0, false },
};

static const struct host_service any = { "", HOST_LOGIN, A | C | S, true };
static const struct host_service part = { "", HOST_PART, 0, false };

static const struct host_service *find(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const struct host_service *host_service_find(const char *name)
{
	const struct host_service *row = find(name);

	if (row)
		return row;
	return strncmp(name, "common-", 7) == 0 ? &part : &any;
}

bool host_service_known(const char *name)
{
	return find(name) != NULL;
}

bool host_service_is_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return host_service_find(slash ? slash + 1 : path)->kind == HOST_PART;
}

bool host_service_ready(const char *name)
{
	static const char *const names[] = { "login", "cron", "crond", "atd" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool host_service_is_leftover(const char *name)
{
	static const char *const parts[] = { ".dpkg-", ".rpmsave", ".rpmnew", ".ucf-", ".pam-old", ".bak", ".orig", "~" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(name, parts[i]))
			return true;
	return name[0] == '.';
}
