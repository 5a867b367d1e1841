/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "program.h"
#include "words.h"

/* ---- enabled and running ---- */

static const struct {
	const char *unit, *verb, *good, *advice;
} unit_states[] = {
	{ "cardmfad.socket", "is-enabled", "enabled", "systemctl enable cardmfad.socket" },
	{ "cardmfad.socket", "is-active", "active", "systemctl start cardmfad.socket" },
	{ "cardmfad-user.socket", "is-enabled", "enabled",
	  "systemctl enable cardmfad-user.socket" },
	{ "cardmfad-user.socket", "is-active", "active", "systemctl start cardmfad-user.socket" },
	{ "pcscd.socket", "is-enabled", "enabled", "systemctl enable pcscd.socket" },
	{ "pcscd.socket", "is-active", "active", "systemctl start pcscd.socket" },
};

/* Neither `enable` nor `start` would help. state: "masked", "masked-runtime". */
static bool say_masked(struct doctor *d, const char *unit, const char *state)
{
	const char *socket = strncmp(unit, "pcscd", strlen("pcscd")) == 0 ? "pcscd.socket" : "cardmfad.socket cardmfad-user.socket";
	char advice[256];

	snprintf(advice, sizeof(advice), "systemctl unmask %s%s && systemctl enable --now %s",
		 strcmp(state, "masked-runtime") == 0 ? "--runtime " : "", unit, socket);
	doctor_find(d, DOCTOR_ERROR, &(struct doctor_mark){ .finding = "masked", .service = unit }, advice,
		    _("%s is masked: nothing can start it"), unit);
	return false;
}

static bool unit_good(struct doctor *d, size_t i)
{
	const char *const argv[] = { "/usr/bin/systemctl", unit_states[i].verb, unit_states[i].unit,
				     NULL };
	char state[64];
	int status;
	enum err e = program_run(argv, state, sizeof(state), &status);

	if (e) {
		doctor_fail(d, e, NULL);
		return false;
	}
	state[strcspn(state, "\n")] = '\0';
	if (strcmp(state, unit_states[i].good) == 0)
		return true;
	if (strncmp(state, "masked", strlen("masked")) == 0)
		return say_masked(d, unit_states[i].unit, state);
	doctor_say(d, DOCTOR_ERROR, unit_states[i].advice, _("%s is not %s but %s"),
		   unit_states[i].unit, unit_states[i].good, state);
	return false;
}

static bool service_good(struct doctor *d)
{
	const char *const argv[] = { "/usr/bin/systemctl", "is-failed", "cardmfad.service", NULL };
	char state[64];
	int status;

	/* Exit code 0: it is failed. */
	if (program_run(argv, state, sizeof(state), &status) || status != 0)
		return true;
	doctor_say(d, DOCTOR_ERROR, "journalctl -u cardmfad", _("cardmfad.service has failed"));
	return false;
}

/* ---- changed by drop-ins ---- */

/* What the units ship with and lose by an override; word: it must stand in the value, which may hold more. */
static const struct {
	const char *unit, *property, *wanted;
	bool word;
} properties[] = {
	{ "cardmfad.socket", "SocketMode", "0600", false },
	{ "cardmfad.socket", "TriggerLimitIntervalUSec", "0", false },
	{ "cardmfad-user.socket", "SocketMode", "0666", false },
	{ "cardmfad-user.socket", "TriggerLimitIntervalUSec", "0", false },
	{ "cardmfad.service", "NoNewPrivileges", "yes", false },
	{ "cardmfad.service", "ProtectSystem", "strict", false },
	{ "cardmfad.service", "ProtectHome", "yes", false },
	{ "cardmfad.service", "PrivateTmp", "yes", false },
	{ "cardmfad.service", "PrivateDevices", "yes", false },
	{ "cardmfad.service", "PrivateUsers", "no", false },
	{ "cardmfad.service", "ProcSubset", "all", false },
	{ "cardmfad.service", "MemoryDenyWriteExecute", "yes", false },
	{ "cardmfad.service", "RestrictSUIDSGID", "yes", false },
	{ "cardmfad.service", "RestrictAddressFamilies", "AF_UNIX", false },
	{ "cardmfad.service", "CapabilityBoundingSet", "cap_sys_ptrace", true },
	{ "cardmfad.service", "Restart", "always", false },
	{ "cardmfad.service", "OOMPolicy", "continue", false },
	{ "cardmfad.service", "StartLimitIntervalUSec", "0", false },
	{ "cardmfad.service", "LimitCORE", "0", false },
	{ "cardmfad.service", "UMask", "0077", false },
	{ "cardmfad.service", "User", "", false },
	{ "cardmfad.service", "Environment", "", false },
	{ "cardmfad.service", "EnvironmentFiles", "", false },
};
#define N_PROPERTIES (sizeof(properties) / sizeof(properties[0]))

/* The value behind "NAME=" at the beginning of a line; false: it is not there. */
static bool value_of(const char *shown, const char *name, char *dst, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = shown; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		if (strncmp(at, name, len) != 0 || at[len] != '=')
			continue;
		snprintf(dst, size, "%.*s", (int)strcspn(at + len + 1, "\n"), at + len + 1);
		return true;
	}
	return false;
}

static bool has_word(const char *value, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(value, word); at; at = strstr(at + 1, word))
		if ((at == value || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static bool property_good(struct doctor *d, size_t i, const char *shown, const char *drop_ins)
{
	const char *wanted = properties[i].wanted;
	char value[512], advice[640];
	struct doctor_mark mark = { .finding = "override", .service = properties[i].unit, .detail = drop_ins };

	if (!value_of(shown, properties[i].property, value, sizeof(value)) ||
	    (properties[i].word ? has_word(value, wanted) : strcmp(value, wanted) == 0))
		return true;
	snprintf(advice, sizeof(advice), _("take it out of the drop-in (`systemctl cat %s` shows which), then: systemctl daemon-reload"),
		 properties[i].unit);
	doctor_find(d, DOCTOR_ERROR, &mark, advice, _("%s: %s is \"%s\", which weakens or breaks it; it ships with \"%s\""),
		    properties[i].unit, properties[i].property, value, wanted);
	return false;
}

static bool overrides_good(struct doctor *d, const char *unit)
{
	const char *const argv[] = { "/usr/bin/systemctl", "--no-pager", "show", unit, NULL };
	char shown[16384], drop_ins[384] = "", state[32] = "";
	int status;
	bool good = true;

	if (program_run(argv, shown, sizeof(shown), &status) || status != 0 ||
	    !value_of(shown, "LoadState", state, sizeof(state)) || strcmp(state, "loaded") != 0)
		return true;    /* said by the states */
	(void)value_of(shown, "DropInPaths", drop_ins, sizeof(drop_ins));
	for (size_t i = 0; i < N_PROPERTIES; i++)
		if (strcmp(properties[i].unit, unit) == 0)
			good &= property_good(d, i, shown, drop_ins);
	if (good && *drop_ins)
		doctor_find(d, DOCTOR_NOTE, &(struct doctor_mark){ .finding = "drop-in", .service = unit, .detail = drop_ins }, NULL,
			    _("%s has drop-ins of this machine, which do no harm"), unit);
	return good;
}

/* ---- who could change them ---- */

static const char *const units[] = { "cardmfad.socket", "cardmfad-user.socket", "cardmfad.service", "pcscd.socket", "pcscd.service" };

/* What stands there now, and where a drop-in could be put. */
static bool files_good(struct doctor *d, const char *unit)
{
	static const char *const dirs[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system" };
	const char *const argv[] = { "/usr/bin/systemctl", "--no-pager", "show", "--property=FragmentPath,DropInPaths,UnitFileState",
				     unit, NULL };
	char shown[8192], value[4096], path[512];
	int status;
	bool good = true;

	if (program_run(argv, shown, sizeof(shown), &status) || status != 0)
		return true;    /* said by the states */
	if (value_of(shown, "UnitFileState", value, sizeof(value)) && strstr(unit, ".service") &&
	    strncmp(value, "masked", strlen("masked")) == 0)
		good = say_masked(d, unit, value);
	if (value_of(shown, "FragmentPath", value, sizeof(value)) && *value)
		good &= doctor_trust(d, value);
	if (value_of(shown, "DropInPaths", value, sizeof(value)))
		for (char *rest = value, *word; (word = strsep(&rest, " "));)
			if (*word)
				good &= doctor_trust(d, word);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s.d", dirs[i], unit);
		good &= doctor_trust(d, path);
	}
	return good;
}

void doctor_units(struct doctor *d)
{
	bool good = true;

	if (access("/run/systemd/system", F_OK)) {
		doctor_say(d, DOCTOR_NOTE, NULL,
			   _("systemd does not run here: units were not looked at"));
		return;
	}
	for (size_t i = 0; i < sizeof(unit_states) / sizeof(unit_states[0]); i++)
		good &= unit_good(d, i);
	good &= service_good(d);
	good &= overrides_good(d, "cardmfad.socket");
	good &= overrides_good(d, "cardmfad-user.socket");
	good &= overrides_good(d, "cardmfad.service");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		good &= files_good(d, units[i]);
	if (good)
		doctor_say(d, DOCTOR_OK, NULL, _("the units are enabled, active and as they were shipped"));
}
