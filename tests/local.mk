# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
unit_tests = tests/unit/test_apdu tests/unit/test_app_piv tests/unit/test_base64 \
	tests/unit/test_bounds tests/unit/test_card tests/unit/test_card_id tests/unit/test_card_link \
	tests/unit/test_challenge tests/unit/test_cidr tests/unit/test_clock \
	tests/unit/test_conf_reader tests/unit/test_digest tests/unit/test_enrol tests/unit/test_event \
	tests/unit/test_factor tests/unit/test_factor_password tests/unit/test_factor_totp \
	tests/unit/test_key tests/unit/test_key_certificate tests/unit/test_key_weak \
	tests/unit/test_keyring tests/unit/test_lifecycle tests/unit/test_locality \
	tests/unit/test_lockout tests/unit/test_options tests/unit/test_output tests/unit/test_password \
	tests/unit/test_pcsc tests/unit/test_policy tests/unit/test_prompt tests/unit/test_pwhash \
	tests/unit/test_random tests/unit/test_seal tests/unit/test_settings tests/unit/test_store \
	tests/unit/test_store_parallel tests/unit/test_store_rows tests/unit/test_text \
	tests/unit/test_tlv tests/unit/test_totp tests/unit/test_when tests/unit/test_wire
if TEST_HOOKS
unit_tests += tests/unit/test_lockout_clock tests/unit/test_store_faults
endif
check_PROGRAMS += $(unit_tests)
endif

tests_unit_test_bounds_SOURCES = tests/unit/test_bounds.c cardmfad/bounds.c
tests_unit_test_options_SOURCES = tests/unit/test_options.c cardtool/options.c
tests_unit_test_options_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_output_SOURCES = tests/unit/test_output.c cardtool/output.c
tests_unit_test_output_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_prompt_SOURCES = tests/unit/test_prompt.c cardtool/prompt.c
tests_unit_test_prompt_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_when_SOURCES = tests/unit/test_when.c cardtool/when.c
tests_unit_test_when_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool

check_PROGRAMS += tests/card/sandbox_probe
tests_card_sandbox_probe_SOURCES = tests/card/sandbox_probe.c cardmfad/card_sandbox.c
tests_card_sandbox_probe_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardmfad
tests_card_sandbox_probe_LDADD = lib/libbase.a $(SECCOMP_LIBS)

LDADD = $(rules_libs) lib/libcard.a lib/libwire.a lib/libbase.a $(rules_foreign) $(PCSC_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
AM_LDFLAGS = $(SAN_CFLAGS)
TESTS = $(unit_tests)

# -- the virtual card: shares no code with lib/, never installed --
check_PROGRAMS += tests/vcard/vcard
tests_vcard_vcard_SOURCES = tests/vcard/vcard.c tests/vcard/vcard_admin.c tests/vcard/vcard_apdu.c \
	tests/vcard/vcard_auth.c tests/vcard/vcard_card.c tests/vcard/vcard_cert.c tests/vcard/vcard_ctl.c \
	tests/vcard/vcard_fault.c tests/vcard/vcard_fault_rows.c tests/vcard/vcard_gzip.c tests/vcard/vcard_keys.c \
	tests/vcard/vcard_kind.c tests/vcard/vcard_log.c tests/vcard/vcard_make.c tests/vcard/vcard_object.c \
	tests/vcard/vcard_piv.c tests/vcard/vcard_serve.c tests/vcard/vcard_sig.c tests/vcard/vcard_state.c \
	tests/vcard/vcard_tlv.c tests/vcard/vcard_vpcd.c tests/vcard/vcard_weak.c tests/vcard/vcard_words.c \
	tests/vcard/vcard_apdu.h tests/vcard/vcard_card.h tests/vcard/vcard_cert.h tests/vcard/vcard_ctl.h \
	tests/vcard/vcard_fault.h tests/vcard/vcard_fault_rows.h tests/vcard/vcard_keys.h tests/vcard/vcard_kind.h \
	tests/vcard/vcard_log.h tests/vcard/vcard_make.h tests/vcard/vcard_piv.h tests/vcard/vcard_serve.h \
	tests/vcard/vcard_tlv.h tests/vcard/vcard_vpcd.h tests/vcard/vcard_weak.h \
	tests/vcard/vcard_words.h
tests_vcard_vcard_CPPFLAGS =
tests_vcard_vcard_LDADD = $(CRYPTO_LIBS)

check-programs: all $(check_PROGRAMS)
.PHONY: check-programs
