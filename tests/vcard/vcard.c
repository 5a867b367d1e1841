/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PIV card for tests, behind vpcd's virtual reader. It shares no code with the product, is never
 * installed, and can misbehave.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vcard_cert.h"
#include "vcard_ctl.h"
#include "vcard_make.h"

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void help(void)
{
	puts("vcard --state FILE [--control PATH] [OPTIONS]   serve a card; the state is made when "
	     "absent\n"
	     "vcard new --state FILE [OPTIONS]                make the state only\n"
	     "vcard export FILE cert|spki|key SLOT            PEM of a slot (9A) on stdout\n"
	     "vcard export FILE guid|serial\n"
	     "vcard ctl PATH COMMAND...                       send a control line; exit 0 ok, 1 "
	     "err, 2 no answer;\n"
	     "                                                a wait stays up to a minute until "
	     "the socket is there\n"
	     "\nOptions of a new state:");
	vmake_help();
	puts("\nOptions of serving:\n"
	     "  --host 127.0.0.1  --port 35963   where vpcd listens (its second slot: 35964)\n"
	     "  --removed                        not inserted yet\n"
	     "  --timing contact                 2 ms per APDU, 90 us per byte, VERIFY 15 ms, RSA "
	     "250, EC 80, reset 40\n"
	     "  --fsync                          sync the state file with each change\n"
	     "\nControl lines:");
	vctl_help();
	puts("\nFaults (NAME is an APDU: SELECT CHUID CCC CERT CERT9E DISCOVERY GETDATA QUERY "
	     "LOGOUT VERIFY CHANGE UNBLOCK\n"
	     "SIGNPART SIGN RESPONSE PUTDATA GENERATE METADATA ATTEST VERSION SERIAL OTHER, ANY, "
	     "GENAUTH, or INS as XX):");
	vfault_help();
}

struct serving {
	const char *state;
	const char *control;
	const char *host;
	int port;
	bool removed, timing, sync;
};

static void loop(struct vserver *s, struct vctl *ctl)
{
	struct pollfd p[2 + VCTL_CLIENTS];

	while (!s->quit && !stopped) {
		struct timespec t, *timeout = NULL;
		int64_t until;
		int64_t left;

		p[0] = vserver_poll(s, &until);
		vctl_poll(ctl, p + 1, &until);
		if (until != VTIME_NEVER) {
			left = until - vtime_now();
			left = left > 0 ? left : 0;
			t = (struct timespec){ .tv_sec = left / 1000000,
					       .tv_nsec = left % 1000000 * 1000 };
			timeout = &t;
		}
		if (ppoll(p, 2 + VCTL_CLIENTS, timeout, NULL) < 0)
			continue;
		vserver_step(s, p[0].revents);
		vctl_step(ctl, p + 1, s);
	}
}

static int serve(const struct serving *o)
{
	static struct vserver s;
	struct vctl ctl = { 0 };
	struct sigaction stop = { .sa_handler = on_stop };

	if (!vcard_load(&s.card, o->state))
		return 1;
	s.card.sync = o->sync;
	s.link = (struct vlink){ .host = o->host, .port = o->port, .fd = -1 };
	s.piv = (struct vpiv){ .card = &s.card, .quirks = &s.faults.quirks };
	s.timing = o->timing;
	s.inserted = !o->removed;
	vpiv_reset(&s.piv);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	if (vctl_open(&ctl, o->control))
		loop(&s, &ctl);
	else
		stopped = 2;
	vctl_close(&ctl);
	vserver_free(&s);
	return stopped == 2;
}

static int export(int n, char **args)
{
	struct vcard c;
	int rc;

	if (n < 2) {
		help();
		return 2;
	}
	if (!vcard_load(&c, args[0]))
		return 1;
	rc = vmake_export(&c, args[1], n > 2 ? args[2] : "9A") ? 0 : 1;
	vcard_free(&c);
	return rc;
}

static int run(int argc, char **argv, bool only_new)
{
	enum { STATE = 1000, CONTROL, HOST, PORT, REMOVED, TIMING, SYNC, HELP };
	static const struct option own[] = {
		{ "state",   required_argument, NULL, STATE },
		{ "control", required_argument, NULL, CONTROL },
		{ "host",    required_argument, NULL, HOST },
		{ "port",    required_argument, NULL, PORT },
		{ "removed", no_argument,       NULL, REMOVED },
		{ "timing",  required_argument, NULL, TIMING },
		{ "fsync",   no_argument,       NULL, SYNC },
		{ "help",    no_argument,       NULL, HELP },
	};
	struct option all[VMAKE_OPTIONS + sizeof(own) / sizeof(own[0]) + 1] = { 0 };
	struct serving o = { .host = "127.0.0.1", .port = 35963 };
	struct vmake make = { 0 };
	int n = vmake_options(all), c;

	memcpy(all + n, own, sizeof(own));
	while ((c = getopt_long(argc, argv, "", all, NULL)) != -1) {
		switch (c) {
		case STATE:
			o.state = optarg;
			break;
		case CONTROL:
			o.control = optarg;
			break;
		case HOST:
			o.host = optarg;
			break;
		case PORT:
			o.port = atoi(optarg);
			break;
		case REMOVED:
			o.removed = true;
			break;
		case TIMING:
			o.timing = !strcmp(optarg, "contact");
			break;
		case SYNC:
			o.sync = true;
			break;
		case HELP:
			help();
			return 0;
		default:
			if (!vmake_take(&make, c, optarg)) {
				fputs("vcard: wrong option; see vcard --help\n", stderr);
				return 2;
			}
		}
	}
	if (!o.state || optind != argc) {
		fputs("vcard: --state FILE is missing, or a word too many; see vcard --help\n",
		      stderr);
		return 2;
	}
	if ((only_new || access(o.state, F_OK)) && !vmake_card(&make, o.state))
		return 1;
	return only_new ? 0 : serve(&o);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 3 && !strcmp(argv[1], "ctl"))
		return vctl_talk(argv[2], argv + 3);
	if (argc > 1 && !strcmp(argv[1], "export"))
		return export(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "new"))
		return run(argc - 1, argv + 1, true);
	return run(argc, argv, false);
}
