# SPDX-License-Identifier: Apache-2.0
if HAVE_CMOCKA
unit_tests = tests/unit/test_account tests/unit/test_apdu tests/unit/test_app_piv \
	tests/unit/test_auth tests/unit/test_authorized_keys tests/unit/test_base64 tests/unit/test_bounds tests/unit/test_card \
	tests/unit/test_card_id tests/unit/test_card_link tests/unit/test_challenge \
	tests/unit/test_cidr tests/unit/test_clock tests/unit/test_conf_reader tests/unit/test_digest \
	tests/unit/test_enrol tests/unit/test_event tests/unit/test_explain tests/unit/test_factor \
	tests/unit/test_factor_password tests/unit/test_factor_totp tests/unit/test_grant \
	tests/unit/test_key tests/unit/test_key_certificate tests/unit/test_key_ssh tests/unit/test_key_weak \
	tests/unit/test_keyring tests/unit/test_krl tests/unit/test_leaving tests/unit/test_lifecycle tests/unit/test_locality \
	tests/unit/test_lockout tests/unit/test_log tests/unit/test_login tests/unit/test_login_answer \
	tests/unit/test_login_card tests/unit/test_login_end tests/unit/test_login_session tests/unit/test_login_sim tests/unit/test_login_ssh tests/unit/test_options \
	tests/unit/test_output tests/unit/test_pam_eval tests/unit/test_pam_stack tests/unit/test_password \
	tests/unit/test_pcsc tests/unit/test_peer \
	tests/unit/test_policy tests/unit/test_policy_faults tests/unit/test_prompt tests/unit/test_proved tests/unit/test_pwhash tests/unit/test_random \
	tests/unit/test_relay tests/unit/test_room \
	tests/unit/test_seal tests/unit/test_secret tests/unit/test_session tests/unit/test_settings \
	tests/unit/test_setting_ssh tests/unit/test_speech tests/unit/test_ssh_keys tests/unit/test_stack_judge tests/unit/test_status tests/unit/test_store tests/unit/test_store_crash tests/unit/test_store_parallel \
	tests/unit/test_qr tests/unit/test_store_dir tests/unit/test_store_lock \
	tests/unit/test_store_rows tests/unit/test_store_transaction tests/unit/test_text tests/unit/test_tlv tests/unit/test_totp \
	tests/unit/test_trusted tests/unit/test_tune tests/unit/test_when tests/unit/test_who tests/unit/test_wire \
	tests/unit/test_program tests/unit/test_sockets tests/unit/test_sshd_conf tests/unit/test_sudoers tests/unit/test_crontab tests/unit/test_words \
	tests/unit/test_worker_io
if TEST_HOOKS
unit_tests += tests/unit/test_lockout_clock tests/unit/test_store_faults
endif
check_PROGRAMS += $(unit_tests)
endif

tests_unit_test_bounds_SOURCES = tests/unit/test_bounds.c cardmfad/bounds.c
tests_unit_test_leaving_SOURCES = tests/unit/test_leaving.c cardmfad/leaving.c
tests_unit_test_leaving_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardmfad
tests_unit_test_leaving_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=deadline_in,--wrap=deadline_left,--wrap=kill
tests_unit_test_room_SOURCES = tests/unit/test_room.c
tests_unit_test_room_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardmfad
tests_unit_test_peer_SOURCES = tests/unit/test_peer.c
tests_unit_test_worker_io_SOURCES = tests/unit/test_worker_io.c cardmfad/worker_io.c
tests_unit_test_worker_io_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardmfad
tests_unit_test_options_SOURCES = tests/unit/test_options.c cardtool/options.c
tests_unit_test_options_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_krl_SOURCES = tests/unit/test_krl.c cardtool/krl.c
tests_unit_test_output_SOURCES = tests/unit/test_output.c cardtool/fold.c cardtool/output.c
tests_unit_test_output_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_login_sim_SOURCES = tests/unit/test_login_sim.c cardtool/login_sim.c
tests_unit_test_login_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
pam_stack_sources = cardtool/pam_control.c cardtool/pam_stack.c
tests_unit_test_pam_stack_SOURCES = tests/unit/test_pam_stack.c $(pam_stack_sources)
tests_unit_test_pam_stack_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_pam_eval_SOURCES = tests/unit/test_pam_eval.c cardtool/pam_eval.c $(pam_stack_sources)
tests_unit_test_pam_eval_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_pam_eval_LDADD = $(LDADD) -lpam
tests_unit_test_stack_judge_SOURCES = tests/unit/test_stack_judge.c cardtool/host_service.c cardtool/pam_eval.c \
	cardtool/pam_known.c cardtool/pam_plan.c cardtool/stack_judge.c $(pam_stack_sources)
tests_unit_test_stack_judge_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_prompt_SOURCES = tests/unit/test_prompt.c cardtool/prompt.c
tests_unit_test_prompt_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_tune_SOURCES = tests/unit/test_tune.c cardtool/tune.c
tests_unit_test_tune_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_program_SOURCES = tests/unit/test_program.c cardtool/program.c
tests_unit_test_program_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_program_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=deadline_in
tests_unit_test_authorized_keys_SOURCES = tests/unit/test_authorized_keys.c cardtool/authorized_keys.c
tests_unit_test_authorized_keys_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_crontab_SOURCES = tests/unit/test_crontab.c cardtool/crontab.c
tests_unit_test_crontab_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_sudoers_SOURCES = tests/unit/test_sudoers.c cardtool/program.c cardtool/sudoers.c
tests_unit_test_sudoers_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_sshd_conf_SOURCES = tests/unit/test_sshd_conf.c cardtool/program.c cardtool/sshd_conf.c
tests_unit_test_sshd_conf_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_words_SOURCES = tests/unit/test_words.c cardtool/login_name.c cardtool/words.c
tests_unit_test_words_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_unit_test_sockets_SOURCES = tests/unit/test_sockets.c cardmfad/sockets.c
tests_unit_test_qr_SOURCES = tests/unit/test_qr.c cardtool/qr.c
tests_unit_test_qr_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool $(QRENCODE_CFLAGS)
tests_unit_test_qr_LDADD = lib/libbase.a $(QRENCODE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_when_SOURCES = tests/unit/test_when.c cardtool/when.c
tests_unit_test_when_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool

# It stands before pcscd, which is without a sanitizer's library.
check_PROGRAMS += tests/card/slow_pcscd.so
tests_card_slow_pcscd_so_SOURCES = tests/card/slow_pcscd.c
tests_card_slow_pcscd_so_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -fPIC
tests_card_slow_pcscd_so_LDFLAGS = -shared
tests_card_slow_pcscd_so_LDADD =

check_PROGRAMS += tests/card/sandbox_probe
tests_card_sandbox_probe_SOURCES = tests/card/sandbox_probe.c cardmfad/card_sandbox.c
tests_card_sandbox_probe_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardmfad
tests_card_sandbox_probe_LDADD = lib/libbase.a $(SECCOMP_LIBS)

# -- fuzz targets: with main() of replay.c, which feeds them their corpus; with libFuzzer's if --enable-fuzzing --
fuzz_tests = tests/fuzz/fuzz_apdu tests/fuzz/fuzz_card_id tests/fuzz/fuzz_card_link tests/fuzz/fuzz_certificate \
	tests/fuzz/fuzz_cidr tests/fuzz/fuzz_conf tests/fuzz/fuzz_conf_reader tests/fuzz/fuzz_event \
	tests/fuzz/fuzz_key_ssh tests/fuzz/fuzz_keyring tests/fuzz/fuzz_login_ssh tests/fuzz/fuzz_pam_stack tests/fuzz/fuzz_piv tests/fuzz/fuzz_pwhash tests/fuzz/fuzz_readers tests/fuzz/fuzz_row \
	tests/fuzz/fuzz_setting tests/fuzz/fuzz_spki tests/fuzz/fuzz_store tests/fuzz/fuzz_text tests/fuzz/fuzz_tlv \
	tests/fuzz/fuzz_when tests/fuzz/fuzz_wire_daemon tests/fuzz/fuzz_wire_host
check_PROGRAMS += $(fuzz_tests)
tests_fuzz_fuzz_pam_stack_SOURCES = tests/fuzz/fuzz_pam_stack.c cardtool/host_service.c cardtool/pam_eval.c \
	cardtool/pam_known.c cardtool/stack_judge.c $(pam_stack_sources)
tests_fuzz_fuzz_pam_stack_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
tests_fuzz_fuzz_when_SOURCES = tests/fuzz/fuzz_when.c cardtool/when.c
tests_fuzz_fuzz_when_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/cardtool
check_LIBRARIES = tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c tests/fuzz/fuzz.h tests/fuzz/fuzz_db.h tests/fuzz/fuzz_script.h \
	tests/fuzz/fuzz_wire.h
fuzz-programs: $(BUILT_SOURCES)
	$(MAKE) $(AM_MAKEFLAGS) $(fuzz_tests)
.PHONY: fuzz-programs

# A program with a main() of its own takes nothing of $(fuzz_main).
LDADD = $(fuzz_main) $(rules_libs) lib/libcard.a lib/libwire.a lib/libbase.a $(rules_foreign) $(PCSC_LIBS) $(SECCOMP_LIBS) $(CMOCKA_LIBS)
AM_LDFLAGS = $(SAN_CFLAGS)
if FUZZING
AM_LDFLAGS += -fsanitize=fuzzer
else
fuzz_main = tests/fuzz/libreplay.a
endif
TESTS = $(unit_tests) $(fuzz_tests)

# -- the built module under libpam: a host told what to do, modules beside ours, ours with failing calls --
check_PROGRAMS += tests/pam/pam_host tests/pam/pam_faults.so tests/pam/pam_probe.so
pam_host_sources = tests/pam/pam_host.c tests/pam/pam_host.h tests/pam/pam_host_state.c tests/pam/pam_host_talk.c
tests_pam_pam_host_SOURCES = $(pam_host_sources)
tests_pam_pam_host_LDFLAGS = -rdynamic $(SAN_CFLAGS)
tests_pam_pam_host_LDADD = -lpam
tests_pam_pam_probe_so_SOURCES = tests/pam/pam_probe.c
tests_pam_pam_probe_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_pam_pam_probe_so_LDFLAGS = -shared $(SAN_CFLAGS)
tests_pam_pam_probe_so_LDADD = -lpam
pam_faults_wrap = -Wl,--wrap=socket,--wrap=connect,--wrap=getsockopt,--wrap=sendmsg,--wrap=recvmsg,--wrap=poll \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=vasprintf,--wrap=asprintf,--wrap=__asprintf_chk \
	-Wl,--wrap=sendto,--wrap=clock_gettime,--wrap=nanosleep,--wrap=fcntl \
	-Wl,--wrap=pam_get_item,--wrap=pam_get_user,--wrap=pam_getenv,--wrap=pam_set_data
tests_pam_pam_faults_so_SOURCES = tests/pam/pam_faults.c $(pam_module_pam_cardmfa_so_SOURCES)
tests_pam_pam_faults_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_pam_pam_faults_so_LDFLAGS = -shared -Wl,-Bsymbolic $(SAN_CFLAGS) $(pam_faults_wrap)
tests_pam_pam_faults_so_LDADD = lib/libwire.a lib/libbase.a -lpam
if !SANITIZERS
# Before the daemon's programs in a box.
check_PROGRAMS += tests/system/faults.so
tests_system_faults_so_SOURCES = tests/system/faults.c
tests_system_faults_so_CFLAGS = $(AM_CFLAGS) -fPIC
tests_system_faults_so_LDFLAGS = -shared
tests_system_faults_so_LDADD =
if !TEST_HOOKS
# The module and its host once more, all under the thread sanitizer, which goes with no other.
check_PROGRAMS += tests/pam/pam_host_tsan tests/pam/pam_tsan.so
thread_cflags = $(AM_CFLAGS) -fPIC -fsanitize=thread
tests_pam_pam_host_tsan_SOURCES = $(pam_host_sources)
tests_pam_pam_host_tsan_CFLAGS = $(thread_cflags)
tests_pam_pam_host_tsan_LDFLAGS = -rdynamic -fsanitize=thread
tests_pam_pam_host_tsan_LDADD = -lpam
tests_pam_pam_tsan_so_SOURCES = $(pam_module_pam_cardmfa_so_SOURCES) $(lib_libwire_a_SOURCES) $(lib_libbase_a_SOURCES)
tests_pam_pam_tsan_so_CFLAGS = $(thread_cflags)
tests_pam_pam_tsan_so_LDFLAGS = -shared -Wl,-Bsymbolic -fsanitize=thread
tests_pam_pam_tsan_so_LDADD = -lpam
endif
endif

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

# -- what scripts/bench starts: a host with one module, and the least that a login costs --
check_PROGRAMS += tests/bench/floor tests/bench/host
tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_floor_CPPFLAGS = $(PCSC_CFLAGS)
tests_bench_floor_LDADD = $(PCSC_LIBS) $(ARGON2_LIBS)
tests_bench_host_SOURCES = tests/bench/host.c
tests_bench_host_CPPFLAGS =
tests_bench_host_LDADD = -lpam

check-programs: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
.PHONY: check-programs

# -- what of each source file the tests run: needs root, like scripts/check; the summary is kept --
coverage:
	$(srcdir)/scripts/lib/overlay.sh -b /usr/bin/python3 scripts/lib/coverage.py
	cp $(srcdir)/build/coverage.txt $(srcdir)/tests/coverage.txt
.PHONY: coverage

# -- what no program above names --
EXTRA_DIST += tests/cases.txt tests/fuzz/corpus tests/lint tests/mutants.txt tests/mutate.py tests/mutate_group.c \
	tests/mutate_module.c tests/mutate_module.py tests/mutation.py tests/system \
	tests/bench/bench.py tests/bench/figures.py tests/bench/group_account.py tests/bench/group_crowd.py \
	tests/bench/group_host.py tests/bench/group_login.py tests/bench/group_peer.py tests/bench/group_ssh.py \
	tests/bench/group_ssh_keys.py tests/bench/group_timing.py tests/bench/people.py tests/coverage.c tests/coverage.txt \
	tests/card/crowd.py tests/card/login.py tests/card/rig.py tests/card/sandbox.py tests/card/strangers.sh \
	tests/card/trouble.py \
	tests/pam/contract.py tests/pam/daemon.py tests/pam/faults.py tests/pam/neighbours.py tests/pam/process.py \
	tests/pam/real.py tests/pam/rig.py \
	tests/unit/card_script.h tests/unit/card_world.h tests/unit/conf_text.h tests/unit/crash_cut.h \
	tests/unit/crash_disk.h tests/unit/crash_world.h tests/unit/hash_count.h tests/unit/openssl_fault.h tests/unit/rules.h tests/unit/stage.h tests/unit/pam_files.h \
	tests/unit/stage_fault.h tests/unit/stage_host.h tests/unit/stage_session.h tests/unit/stage_ssh.h tests/unit/store_fixture.h tests/unit/store_same.h tests/unit/unit.h tests/unit/unit_keys.h \
	tests/vcard/pcscd-box tests/vcard/selftest.py
