/* SPDX-License-Identifier: Apache-2.0 */
#include "host_service.h"

#include <string.h>

#define A HOST_CALLS(PHASE_AUTH)
#define C HOST_CALLS(PHASE_ACCOUNT)
#define S HOST_CALLS(PHASE_SESSION)

static const struct host_service rows[] = {
	{ "login", HOST_LOGIN, A | C | S, false, true },
	{ "gdm-password", HOST_LOGIN, A | C | S, false, false },
	{ "gdm-smartcard", HOST_LOGIN, A | C | S, false, false },
	{ "gdm-fingerprint", HOST_LOGIN, A | C | S, false, false },
	{ "lightdm", HOST_LOGIN, A | C | S, false, false },
	{ "sddm", HOST_LOGIN, A | C | S, false, false },
	{ "xdm", HOST_LOGIN, A | C | S, false, false },
	{ "kde", HOST_LOGIN, A | C | S, false, false },
	{ "greetd", HOST_LOGIN, A | C | S, false, false },
	{ "sshd", HOST_LOGIN, A | C | S, true, true },
	{ "remote", HOST_LOGIN, A | C | S, true, false },
	{ "cockpit", HOST_LOGIN, A | C | S, true, false },
	{ "xrdp-sesman", HOST_LOGIN, A | C | S, true, false },
	{ "vsftpd", HOST_LOGIN, A | C | S, true, false },
	{ "su", HOST_SWITCH, A | C | S, true, true },
	{ "su-l", HOST_SWITCH, A | C | S, true, true },
	{ "sudo", HOST_SWITCH, A | C | S, true, true },
	{ "sudo-i", HOST_SWITCH, A | C | S, true, true },
	{ "polkit-1", HOST_ASK, A | C, true, true },
	{ "vlock", HOST_ASK, A, false, true },
	{ "swaylock", HOST_ASK, A, false, true },
	{ "i3lock", HOST_ASK, A, false, true },
	{ "xscreensaver", HOST_ASK, A | C, false, true },
	{ "gnome-screensaver", HOST_ASK, A | C, false, true },
	{ "screen", HOST_ASK, A, false, true },
	{ "cron", HOST_JOBS, C | S, false, true },
	{ "crond", HOST_JOBS, C | S, false, true },
	{ "atd", HOST_JOBS, C | S, false, true },
	{ "systemd-user", HOST_MACHINE, C | S, false, true },
	{ "runuser", HOST_MACHINE, S, false, false },
	{ "runuser-l", HOST_MACHINE, S, false, false },
	{ "gdm-launch-environment", HOST_MACHINE, A | C | S, false, false },
	{ "gdm-autologin", HOST_MACHINE, A | C | S, false, false },
	{ "lightdm-greeter", HOST_MACHINE, A | C | S, false, false },
	{ "lightdm-autologin", HOST_MACHINE, A | C | S, false, false },
	{ "sddm-greeter", HOST_MACHINE, A | C | S, false, false },
	{ "sddm-autologin", HOST_MACHINE, A | C | S, false, false },
	{ "chfn", HOST_ASK, A | C, false, true },
	{ "chsh", HOST_ASK, A | C, false, true },
	{ "passwd", HOST_MACHINE, 0, false, false },
	{ "chpasswd", HOST_MACHINE, 0, false, false },
	{ "newusers", HOST_MACHINE, 0, false, false },
	{ "other", HOST_PART, 0, false, false },
	{ "system-auth", HOST_PART, 0, false, false },
	{ "password-auth", HOST_PART, 0, false, false },
	{ "smartcard-auth", HOST_PART, 0, false, false },
	{ "fingerprint-auth", HOST_PART, 0, false, false },
	{ "postlogin", HOST_PART, 0, false, false },
	{ "config-util", HOST_PART, 0, false, false },
};

static const struct host_service any = { "", HOST_LOGIN, A | C | S, true, false };
static const struct host_service part = { "", HOST_PART, 0, false, false };

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
	const struct host_service *row = find(name);

	return row && row->ready;
}

bool host_service_takes_one_line(const char *name)
{
	static const char *const names[] = { "swaylock", "i3lock", "screen" };

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
