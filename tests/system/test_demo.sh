#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check: alone timeout=600
# scripts/demo shows the product in both languages, and fails when another module sits in its place.
set -u
demo=$CARDMFA_SOURCE/scripts/demo
modules=/usr/lib/$(gcc -print-multiarch)/security
first="Login with card and code"
second="Login with card and password"

result() {
	echo "$1 system/demo/$2"
	[ "$1" = ok ] || sed 's/^/# /' "$TMPDIR/out"
}

for lang in en ja; do
	if "$demo" --lang $lang >"$TMPDIR/out" 2>&1; then result ok "$lang"; else result "not ok" "$lang"; fi
done

for module in pam_permit pam_deny; do
	if ! "$demo" --module "$modules/$module.so" >"$TMPDIR/out" 2>&1 &&
		grep -q "$first" "$TMPDIR/out" && ! grep -q "$second" "$TMPDIR/out"; then
		result ok notices_$module
	else
		result "not ok" notices_$module
	fi
done
