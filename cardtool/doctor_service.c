/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "card_start.h"
#include "clock.h"
#include "doctor.h"
#include "paths.h"
#include "words.h"

#define DAEMON_MS 5000
#define LIST_MS 8000

/* ---- the daemon ---- */

/*
 * A caller who leaves without a word is answered or let go by a living daemon; systemd, which only
 * holds the socket, would do neither.
 */
static enum err daemon_reacts(int fd)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH_ROOT_SOCKET };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fail(ERR_UNAVAILABLE, PATH_ROOT_SOCKET ": %m");
	if (shutdown(fd, SHUT_WR) || poll(&p, 1, DAEMON_MS) != 1)
		return fail(ERR_TIMEOUT, "the daemon does not answer on " PATH_ROOT_SOCKET);
	return ERR_OK;
}

void doctor_daemon(struct doctor *d)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum err e = fd < 0 ? fail(ERR_SYSTEM, "socket: %m") : daemon_reacts(fd);

	if (fd >= 0)
		close(fd);
	if (e)
		doctor_fail(
			d, e,
			"systemctl status cardmfad.service; journalctl -u cardmfad");
	else
		doctor_say(d, DOCTOR_OK, NULL, _("the daemon answers"));
}

/* ---- readers ---- */

static enum err list_readers(struct card_answer *ret)
{
	struct card_request q = { .op = CARD_OP_LIST };
	int fd;
	enum err e = card_start(&fd);

	if (e)
		return e;
	e = card_ask(fd, &q, ret, LIST_MS);
	close(fd);
	if (!e && ret->result)
		e = fail(ret->result, "pcscd can't be asked for its readers");
	return e;
}

void doctor_readers(struct doctor *d)
{
	struct card_answer a;
	enum err e = list_readers(&a);

	if (e) {
		doctor_fail(d, e, "systemctl status pcscd.socket pcscd.service");
		return;
	}
	if (a.n_readers == 0)
		doctor_say(
			d, DOCTOR_WARNING,
			_("attach one; `lsusb` shows whether the system sees it, and libccid drives most of them"),
			_("pcscd answers, but there is no reader: nobody can log in with a card here"));
	for (size_t i = 0; i < a.n_readers; i++)
		doctor_say(d, DOCTOR_OK, NULL,
			   a.readers[i].present ? _("reader \"%s\", a card is in it") :
						  _("reader \"%s\", empty"),
			   a.readers[i].name);
}

#define PATH_DROP_IN CARDMFA_DATADIR "/cardmfa/drop-ins/pcscd.socket.d-cardmfa.conf"

void doctor_pcscd_socket(struct doctor *d)
{
	struct stat st;
	char advice[512];

	if (stat("/run/pcscd/pcscd.comm", &st) || !(st.st_mode & S_IWOTH)) {
		doctor_say(d, DOCTOR_OK, NULL, _("pcscd's socket is not open to all"));
		return;
	}
	snprintf(
		advice, sizeof(advice),
		_("%s narrows it, if you want that; then no program of an ordinary user (browser, ssh-agent, gpg, OpenSC)"
		  " can use a card on this machine"),
		PATH_DROP_IN);
	doctor_say(d, DOCTOR_NOTE, advice,
		   _("every local user can reach pcscd and make logins with a card wait"));
}

/* ---- a virtual reader on a real machine ---- */

static const char *const vpcd_files[] = {
	"/etc/reader.conf.d/vpcd",
	"/usr/lib/pcsc/drivers/serial/libifdvpcd.so",
	"/usr/lib/x86_64-linux-gnu/pcsc/libifdvpcd.so",
	"/usr/lib/aarch64-linux-gnu/pcsc/libifdvpcd.so",
};

static bool names_vpcd(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = line[strspn(line, " \t")] != '#' && strstr(line, "vpcd");
	if (f)
		fclose(f);
	return found;
}

static bool reader_conf_names_vpcd(char *path, size_t size)
{
	DIR *dir = opendir("/etc/reader.conf.d");
	bool found = false;

	for (const struct dirent *e; dir && !found && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, size, "/etc/reader.conf.d/%s", e->d_name);
		found = names_vpcd(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

void doctor_vpcd(struct doctor *d)
{
	const char *advice = _("remove the package vsmartcard-vpcd, then: systemctl restart pcscd");
	char path[300];

	if (reader_conf_names_vpcd(path, sizeof(path))) {
		doctor_say(
			d, DOCTOR_ERROR, advice,
			_("%s: a virtual reader that listens on all network interfaces: anybody can insert a card"),
			path);
		return;
	}
	for (size_t i = 0; i < sizeof(vpcd_files) / sizeof(vpcd_files[0]); i++) {
		if (access(vpcd_files[i], F_OK) == 0) {
			doctor_say(d, DOCTOR_ERROR, advice,
				   _("%s: the driver of a virtual reader is installed"),
				   vpcd_files[i]);
			return;
		}
	}
	doctor_say(d, DOCTOR_OK, NULL, _("no virtual reader is installed"));
}
