#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# update.sh [--check] - bring po/*.po up to the marked strings of the sources, and say what is not translated.
# No line numbers, no dates: a string that did not change is no line of the diff.
# --check writes nothing. status 1: a file is not up to date, or a string is not translated.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case ${1:-} in
--check | "") ;;
*) sed -n '3,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
esac

xgettext --language=C --from-code=UTF-8 --keyword=_ --keyword=N_ --keyword=ngettext:1,2 --no-location \
	--package-name=cardmfa --output="$work/cardmfa.pot" \
	include/*.h lib/*/*.c pam_module/*.c cardmfad/*.c cardtool/*.[ch]
sed -i '/^"POT-Creation-Date:/d' "$work/cardmfa.pot"

status=0
for po in po/*.po; do
	new=$work/$(basename "$po")
	msgmerge --quiet --previous --no-location --width=100 --output-file="$work/merged.po" "$po" "$work/cardmfa.pot"
	msgattrib --no-obsolete --no-location --width=100 --output-file="$new" "$work/merged.po"
	if ! cmp -s "$po" "$new"; then
		if [ -z "${1:-}" ]; then
			cat "$new" >"$po"
		else
			echo "$po is not up to date: run po/update.sh"
			status=1
		fi
	fi
	msgfmt --check --statistics --output-file=/dev/null "$new" || status=1
	left=$(for kind in --untranslated --only-fuzzy; do msgattrib $kind --no-obsolete "$new" | sed '1,/^$/d'; done)
	if [ -n "$left" ]; then
		printf '%s: not translated:\n%s\n' "$po" "$left"
		status=1
	fi
done
exit $status
