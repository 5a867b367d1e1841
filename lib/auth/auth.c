/* SPDX-License-Identifier: Apache-2.0 */
#include "auth.h"

#include <syslog.h>

#include "account.h"
#include "explain.h"
#include "log.h"
#include "login.h"
#include "session.h"
#include "speech.h"
#include "status.h"

static const struct {
	enum wire_op op;
	enum err (*run)(const struct auth_call *c, struct wire_result *ret);
	bool root_only;         /* the user socket is for authentication, account and status of oneself */
} table[] = {
	{ WIRE_AUTH, login_run, false },
	{ WIRE_ACCOUNT, account_run, false },
	{ WIRE_OPEN, session_open, true },
	{ WIRE_CONFIRM, session_confirm, true },
	{ WIRE_CLOSE, session_close, true },
	{ WIRE_STATUS, status_run, false },
	{ WIRE_EXPLAIN, explain_run, true },
};

enum err auth_run(const struct auth_call *c, struct wire_result *ret)
{
	struct wire_result r = { .verdict = VERDICT_DENY, .result = ERR_DENIED };

	*ret = r;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].op != c->request->op)
			continue;
		r.result = table[i].root_only && !c->peer->root_socket ? ERR_NOT_ALLOWED : table[i].run(c, &r);
		/* The verdict and the result must agree: otherwise it is a refusal. */
		if ((r.verdict == VERDICT_ALLOW) != (r.result == ERR_OK)) {
			r.verdict = VERDICT_DENY;
			r.result = r.result == ERR_OK ? ERR_DENIED : r.result;
		}
		*ret = r;
		return r.result;
	}
	return ERR_DENIED;
}

void auth_tell_fault(const struct auth_io *io, const struct wire_request *request, const char *system_language)
{
	if (request->op != WIRE_AUTH)
		return;
	speech_in(system_language, request->tty);
	if (io->tell(io->arg, true, speech_refusal(ERR_STORE)) != ERR_OK)
		log_line(LOG_NOTICE, "the fault could not be shown");
}
