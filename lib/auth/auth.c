/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <pwd.h>
#include <stdlib.h>
#include <syslog.h>

#include "account.h"
#include "explain.h"
#include "log.h"
#include "login.h"
#include "session.h"
#include "speech.h"
#include "ssh_keys.h"
#include "status.h"

#define NSS_BUFFER 65536

static const struct row {
	enum wire_op op;
	enum err (*run)(const struct auth_call *c, struct wire_result *ret);
	unsigned askers;        /* enum auth_asker */
	enum auth_effect effect;
} table[] = {
#define X(op, run, askers, effect) { op, run, askers, effect },
	AUTH_RIGHTS(X)
#undef X
};
#define N_ROWS (sizeof(table) / sizeof(table[0]))

static const struct row *row_of(enum wire_op op)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (table[i].op == op)
			return &table[i];
	return NULL;
}

bool auth_only_tells(enum wire_op op)
{
	const struct row *row = row_of(op);

	return row && row->effect == AUTH_TELLS;
}

static void free_buffer(char **p)
{
	free(*p);
}

int64_t auth_keys_uid(const struct policy *p)
{
	__attribute__((cleanup(free_buffer))) char *buf = malloc(NSS_BUFFER);
	struct passwd pw, *found = NULL;

	if (!buf || getpwnam_r(p->settings.keys_user, &pw, buf, NSS_BUFFER, &found) || !found)
		return -1;
	return (int64_t)pw.pw_uid;
}

/* The places that are kept for sshd's account are for its questions alone: none of them waits for a person. */
static bool may_ask(const struct auth_call *c, unsigned askers)
{
	if (c->peer->root_socket)
		return askers & AUTH_ROOT;
	return askers & (c->peer->ruid > 0 && c->peer->ruid == auth_keys_uid(c->policy) ? AUTH_KEYS : AUTH_SELF);
}

enum err auth_run(const struct auth_call *c, struct wire_result *ret)
{
	struct wire_result r = { .verdict = VERDICT_DENY, .result = ERR_DENIED };
	const struct row *row = row_of(c->request->op);

	*ret = r;
	if (!row)
		return ERR_DENIED;
	r.result = may_ask(c, row->askers) ? row->run(c, &r) : ERR_NOT_ALLOWED;
	/* The verdict and the result must agree: otherwise it is a refusal. */
	if ((r.verdict == VERDICT_ALLOW) != (r.result == ERR_OK)) {
		r.verdict = VERDICT_DENY;
		r.result = r.result == ERR_OK ? ERR_DENIED : r.result;
	}
	*ret = r;
	return r.result;
}

void auth_tell_fault(const struct auth_io *io, const struct wire_request *request, const char *system_language)
{
	if (request->op != WIRE_AUTH)
		return;
	speech_in(system_language, request->tty);
	if (io->tell(io->arg, true, speech_refusal(ERR_STORE)) != ERR_OK)
		log_line(LOG_NOTICE, "the fault could not be shown");
}
