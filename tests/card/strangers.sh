#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs by others, as judges of the virtual card: OpenSC's and Yubico's must be content with both kinds, RSA and EC.
# A card as it is sold becomes one that can be enrolled by README's commands (ykman), the answers given as options.
# VCARD is the built program. Runs where a pcscd may be reached or started (tests/vcard/pcscd-box).
set -u

: "${VCARD:?the path of the built vcard}"
WAIT_TENTHS=100

dir=$(mktemp -d)
control=$dir/control
reader="Virtual PCD 00 00"
sold_admin_key=010203040506070801020304050607080102030405060708
failed=0
pcscd=

finish() {
	"$VCARD" ctl "$control" quit >/dev/null 2>&1
	[ -z "$pcscd" ] || kill "$pcscd"
	rm -rf "$dir"
}
trap finish EXIT

ensure_pcscd() {
	local i

	for ((i = 0; i < WAIT_TENTHS; i++)); do
		opensc-tool -l 2>/dev/null | grep -q "$reader" && return
		if [ -z "$pcscd" ] && [ ! -S /run/pcscd/pcscd.comm ]; then
			pcscd --foreground >"$dir/pcscd" 2>&1 &
			pcscd=$!
		fi
		sleep 0.1
	done
	echo "strangers: no pcscd with \"$reader\"" >&2
	exit 1
}

# result NAME RC: one line; what the last program said, when it failed.
result() {
	if [ "$2" = 0 ]; then
		echo "ok card/strangers/$1"
		return
	fi
	echo "not ok card/strangers/$1"
	sed 's/^/# /' "$dir/said"
	failed=1
}

# check NAME PATTERN COMMAND...: the command ends well and its output matches.
check() {
	local name=$1 pattern=$2 rc=0

	shift 2
	"$@" >"$dir/said" 2>&1 </dev/null || rc=$?
	grep -qE -- "$pattern" "$dir/said" || rc=1
	result "${name}_$card" "$rc"
}

# refused NAME PATTERN COMMAND...: it ends badly, and says so.
refused() {
	local name=$1 pattern=$2 rc=0

	shift 2
	"$@" >"$dir/said" 2>&1 </dev/null && rc=1
	grep -qE -- "$pattern" "$dir/said" || rc=1
	result "${name}_$card" "$rc"
}

yubico() { yubico-piv-tool --reader "$reader" "$@"; }

ykman_piv() { ykman --reader "$reader" piv "$@"; }

# For a program that says nothing when all went well.
well() { "$@" && echo went well; }

ctl() { "$VCARD" ctl "$control" "$@"; }

opensc() {
	check opensc_tool_atr '^3b:8a:' opensc-tool --atr
	check piv_tool_name 'Personal Identity Verification Card' piv-tool --name
	check pkcs11_test '^No errors' pkcs11-tool --test --login --pin 123456
	refused pkcs11_wrong_pin 'CKR_PIN_INCORRECT' pkcs11-tool --login --pin 999999 --list-objects --type privkey
	check pkcs11_right_pin 'PIV AUTH key' pkcs11-tool --login --pin 123456 --list-objects --type privkey
}

# Signs by PKCS #11 and lets OpenSSL verify: --test has no EC signatures.
pkcs11_signature() {
	local mechanism=$1

	head -c 100 /dev/urandom >"$dir/data"
	pkcs11-tool --login --pin 123456 --id 01 --sign --mechanism "$mechanism" --signature-format openssl \
		--input-file "$dir/data" --output-file "$dir/sig" &&
		"$VCARD" export "$dir/$card" spki 9A >"$dir/spki" &&
		openssl dgst -sha256 -verify "$dir/spki" -signature "$dir/sig" "$dir/data"
}

yubico_keys() {
	local algorithm=$1

	check yubico_verify_pin 'Successfully verified PIN' yubico -a verify-pin -P 123456
	check yubico_read_certificate 'BEGIN CERTIFICATE' yubico -a read-certificate -s 9a -o -
	cp "$dir/said" "$dir/cert.pem"
	check yubico_test_signature 'Successful .*verification' \
		yubico -a verify-pin -P 123456 -a test-signature -s 9a -A "$algorithm" -i "$dir/cert.pem"
	check yubico_signature_9e 'Successful .*verification' yubico_9e "$algorithm"
	refused yubico_signature_without_pin 'Failed signing' yubico -a test-signature -s 9a -A "$algorithm" -i "$dir/cert.pem"
	[ "$kind" = another ] || return
	yubico -a attest -s 9a >"$dir/attest.pem" 2>/dev/null
	yubico -a read-certificate -s f9 >"$dir/f9.pem" 2>/dev/null
	check yubico_attestation 'CN = Yubico PIV Attestation' openssl x509 -noout -issuer -in "$dir/attest.pem"
	check yubico_attestation_same_key '^same$' same_key "$dir/attest.pem" "$dir/cert.pem"
}

yubico_9e() {
	yubico -a read-certificate -s 9e -o "$dir/9e.pem" && yubico -a test-signature -s 9e -A "$1" -i "$dir/9e.pem"
}

certificate_is() {
	yubico -a read-certificate -s 9a 2>/dev/null | cmp - "$1" && echo same
}

same_key() {
	[ "$(openssl x509 -noout -pubkey -in "$1")" = "$(openssl x509 -noout -pubkey -in "$2")" ] && echo same
}

yubico_pin() {
	local i

	for ((i = tries - 1; i > 0; i--)); do
		refused "yubico_wrong_pin_${i}_left" "$i tries left" yubico -a verify-pin -P 999999
		check "tries_${i}_left" "pin=$i " ctl tries
	done
	refused yubico_last_wrong_pin 'blocked' yubico -a verify-pin -P 999999
	refused yubico_blocked_refuses_right_pin 'blocked' yubico -a verify-pin -P 123456
	check yubico_unblock 'Successfully unblocked' yubico -a unblock-pin -P 12345678 -N 222222
	check yubico_new_pin 'Successfully verified PIN' yubico -a verify-pin -P 222222
	check yubico_change_pin 'Successfully changed' yubico -a change-pin -P 222222 -N 123456
	check tries_restored "pin=$tries " ctl tries
}

yubico_admin() {
	check yubico_generate 'BEGIN PUBLIC KEY' yubico -a generate -s 9c -A ECCP256
	refused yubico_generate_makes_no_certificate 'Failed fetching certificate' yubico -a read-certificate -s 9c
	check yubico_set_chuid 'Successfully set new CHUID' yubico -a set-chuid
	yubico -a read-certificate -s 9a >"$dir/before" 2>/dev/null
	check yubico_generate_anew 'BEGIN PUBLIC KEY' yubico -a generate -s 9a -A ECCP256
	check yubico_generate_keeps_the_certificate '^same$' certificate_is "$dir/before"
}

# A card begun anew from its state keeps its counters.
counters_outlive() {
	yubico -a verify-pin -P 999999 >/dev/null 2>&1
	ctl quit >/dev/null
	wait "$served"
	serve
	check tries_outlive_restart "pin=$((tries - 1)) " ctl tries
}

serve() {
	"$VCARD" --state "$dir/$card" --kind "$kind" --slot "9A=$alg" --slot "9E=$alg" --control "$control" &
	served=$!
	ctl wait powered >/dev/null
}

# README's own order: the first three close the card that came open, then key and certificate need the PIN alone.
ykman_makes_card() {
	check ykman_change_pin 'New PIN set' ykman_piv access change-pin -P 123456 -n 830274
	check ykman_change_puk 'New PUK set' ykman_piv access change-puk -p 12345678 -n 61528394
	check ykman_change_management_key '^went well$' well ykman_piv access change-management-key --protect -P 830274 -m "$sold_admin_key"
	refused yubico_sold_key_refused 'Failed authentication' yubico -a set-chuid
	check ykman_generate '^went well$' well ykman_piv keys generate --algorithm ECCP256 -P 830274 9a "$dir/public.pem"
	check ykman_certificate '^went well$' well ykman_piv certificates generate --subject CN=taro --valid-days 1095 -P 830274 9a "$dir/public.pem"
	check ykman_certificate_of_its_key '^same$' certificate_of "$dir/public.pem"
	check ykman_info 'CN=taro' ykman_piv info
}

certificate_of() {
	[ "$(yubico -a read-certificate -s 9a 2>/dev/null | openssl x509 -noout -pubkey)" = "$(cat "$1")" ] && echo same
}

fresh_card() {
	kind=$1 card=${1}_as_sold
	"$VCARD" --state "$dir/$card" --kind "$kind" --slot 9E=p256 --control "$control" &
	served=$!
	ctl wait powered >/dev/null
	ykman_makes_card
	ctl quit >/dev/null
	wait "$served"
}

one_card() {
	kind=$1 alg=$2 tries=$3 card=${1}_$2
	serve
	# first: to a verified card the query answers 9000, and OpenSC leaves one that SELECT does not clear
	check yubico_status "PIN tries left:.$tries" yubico -a status
	opensc
	check pkcs11_sign_verified_by_openssl 'Verified OK' pkcs11_signature "$4"
	yubico_keys "$5"
	yubico_pin
	yubico_admin
	counters_outlive
	ctl quit >/dev/null
	wait "$served"
}

ensure_pcscd
for alg_row in "rsa2048 SHA256-RSA-PKCS RSA2048" "p256 ECDSA-SHA256 ECCP256"; do
	# shellcheck disable=SC2086
	set -- $alg_row
	one_card one "$1" 3 "$2" "$3"
	one_card another "$1" 5 "$2" "$3"
done
fresh_card one
fresh_card another
exit "$failed"
