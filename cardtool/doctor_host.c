/* SPDX-License-Identifier: Apache-2.0 */
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "clock.h"
#include "doctor.h"
#include "program.h"
#include "secret.h"
#include "text.h"
#include "words.h"

/* ---- clock ---- */

/* 2020-01-01: before that the clock was never set. */
#define NEVER_SET 1577836800

void doctor_clock(struct doctor *d)
{
	struct timex tx = { .modes = 0 };
	bool kernel_says = adjtimex(&tx) >= 0 && !(tx.status & STA_UNSYNC);
	bool timesyncd_says = access("/run/systemd/timesync/synchronized", F_OK) == 0;

	if (clock_real_s() < NEVER_SET)
		doctor_say(d, DOCTOR_ERROR, "timedatectl set-time ...",
			   _("the clock is not set: codes and certificates can't be judged"));
	else if (kernel_says || timesyncd_says)
		doctor_say(d, DOCTOR_OK, NULL, _("the clock is synchronised"));
	else
		doctor_say(
			d, DOCTOR_WARNING,
			_("install and configure systemd-timesyncd or chrony; see `timedatectl`"),
			_("the clock is not synchronised: codes are refused when it is more than half a minute off"));
}

/* ---- the rescue way in ---- */

enum root_password { ROOT_HAS_ONE, ROOT_LOCKED, ROOT_EMPTY, ROOT_UNKNOWN };

static enum root_password root_password(void)
{
	const struct spwd *sp = getspnam("root");
	enum root_password found;

	if (!sp || !sp->sp_pwdp)
		return ROOT_UNKNOWN;
	if (!sp->sp_pwdp[0])
		found = ROOT_EMPTY;
	else
		found = strchr("!*x", sp->sp_pwdp[0]) ? ROOT_LOCKED : ROOT_HAS_ONE;
	wipe(sp->sp_pwdp, strlen(sp->sp_pwdp));
	endspent();
	return found;
}

static bool sulogin_forced(void)
{
	const char *const argv[] = { "/usr/bin/systemctl", "show", "--property=Environment",
				     "rescue.service", NULL };
	char out[1024];
	int status;

	return program_run(argv, out, sizeof(out), &status) == ERR_OK &&
	       strstr(out, "SYSTEMD_SULOGIN_FORCE=1");
}

void doctor_rescue(struct doctor *d)
{
	enum root_password found = root_password();

	if (found == ROOT_HAS_ONE)
		doctor_say(
			d, DOCTOR_OK,
			_("try it once: boot with systemd.unit=rescue.target and type root's password"),
			_("root has a password for the rescue boot, which does not pass through cardmfa"));
	else if (sulogin_forced())
		doctor_say(
			d, DOCTOR_NOTE,
			_("protect the boot loader and the room: whoever can boot this machine is root"),
			_("the rescue boot gives a root shell without a password (SYSTEMD_SULOGIN_FORCE)"));
	else if (found == ROOT_EMPTY)
		doctor_say(d, DOCTOR_ERROR, "passwd root", _("root's password is empty"));
	else
		doctor_say(
			d, DOCTOR_ERROR,
			_("passwd root; seal the password in an envelope, and try the rescue boot with it"),
			found == ROOT_LOCKED ?
				_("root has no password: if cardmfa or its store fails, the rescue boot can't be used") :
				_("root's password could not be looked at"));
}
