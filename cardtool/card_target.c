/* SPDX-License-Identifier: Apache-2.0 */
#include "card_target.h"

#include "find.h"
#include "output.h"
#include "words.h"

enum exit_code card_target_check(struct tool *t)
{
	if ((t->args.n_words == 1) + option_given(&t->args, "user") + option_given(&t->args, "staff-number") == 1)
		return EXIT_DONE;
	complain(_("say whose card it is by one of these: a card, --user, --staff-number"));
	advise_usage(t->command);
	return EXIT_USAGE;
}

enum exit_code card_target_take(struct tool *t, struct card_target *ret)
{
	const char *user = option_value(&t->args, "user"), *number = option_value(&t->args, "staff-number");
	enum exit_code code;

	if (user)
		return find_person(t, user, &ret->person);
	if (number)
		return find_person_by_number(t, number, &ret->person);
	code = find_card(t, t->args.words[0], &ret->card);
	return code ? code : complain_err(store_person_by_id(t->store, ret->card.person, &ret->person));
}
