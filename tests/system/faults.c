/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands before a program of the product in its box (LD_PRELOAD) and makes one call into a library fail: the N-th one of the
 * name in the file that the environment's FAULT is the path of, "NAME:N\n"; with "NAME:N:kill\n" or "NAME:N:segv\n" the process
 * is ended there by that signal instead. That it did, and each call of a function that verifies, is told to the socket /run/faults/told; who listens there
 * empties the file, so that a program started anew is well. With FAULT_LIVE in the environment the file is looked at again at
 * each call: what is written there counts from then on. The product is the built one: what fails it is outside of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#if !defined(__x86_64__)
#error "only written for x86-64"
#endif

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

/* name, what a failed call returns, errno */
#define TABLE(X) \
	X(malloc, 0, ENOMEM) X(calloc, 0, ENOMEM) X(realloc, 0, ENOMEM) \
	X(open, -1, EIO) X(open64, -1, EIO) X(openat, -1, EIO) X(read, -1, EIO) X(pread, -1, EIO) X(pread64, -1, EIO) \
	X(write, -1, EIO) X(pwrite, -1, ENOSPC) X(pwrite64, -1, ENOSPC) X(fsync, -1, EIO) X(fdatasync, -1, EIO) \
	X(ftruncate64, -1, EIO) X(posix_fallocate, ENOSPC, 0) X(mmap, -1, ENOMEM) X(mmap64, -1, ENOMEM) X(mremap, -1, ENOMEM) \
	X(fcntl, -1, ENOLCK) X(fcntl64, -1, ENOLCK) X(fstat, -1, EIO) X(fstat64, -1, EIO) X(stat64, -1, EIO) \
	X(lstat64, -1, EIO) X(fstatat, -1, EIO) X(fstatvfs, -1, EIO) X(fstatfs, -1, EIO) X(lstat, -1, EIO) \
	X(clock_gettime, -1, EINVAL) X(getrandom, -1, ENOSYS) X(prctl, -1, EPERM) X(setrlimit, -1, EPERM) \
	X(sigaction, -1, EINVAL) X(sigprocmask, EINVAL, EINVAL) X(setenv, -1, ENOMEM) X(setlocale, 0, 0) \
	X(socket, -1, EMFILE) X(connect, -1, ECONNREFUSED) X(send, -1, ECONNRESET) X(sendto, -1, ECONNRESET) \
	X(sendmsg, -1, ECONNRESET) X(recv, -1, ECONNRESET) X(recvmsg, -1, ECONNRESET) X(poll, -1, EINVAL) X(__poll_chk, -1, EINVAL) \
	X(accept4, -1, EMFILE) X(socketpair, -1, EMFILE) X(getsockopt, -1, EINVAL) X(fork, -1, EAGAIN) X(execve, -1, ENOENT) \
	X(memfd_create, -1, EMFILE) X(signalfd, -1, EMFILE) X(dup2, -1, EMFILE) X(close_range, -1, EINVAL) X(chdir, -1, EIO) \
	X(setsid, -1, EPERM) X(setgroups, -1, EPERM) X(setresgid, -1, EPERM) X(setresuid, -1, EPERM) X(waitpid, -1, ECHILD) \
	X(kill, -1, EPERM) X(readlink, -1, EACCES) X(rename, -1, EIO) X(getpwnam, 0, EIO) X(timer_create, -1, EAGAIN) \
	X(timer_settime, -1, EINVAL) X(getpwnam_r, EIO, 0) X(getpwuid_r, EIO, 0) X(getgrnam_r, EIO, 0) X(gethostname, -1, EFAULT) \
	X(sqlite3_open_v2, 14, 0) X(sqlite3_prepare_v3, 10, 0) X(sqlite3_step, 10, 0) X(sqlite3_exec, 13, 0) \
	X(sqlite3_bind_text64, 7, 0) X(sqlite3_bind_int64, 7, 0) X(sqlite3_bind_blob64, 7, 0) X(sqlite3_db_config, 1, 0) \
	X(EVP_CIPHER_CTX_new, 0, 0) X(EVP_CIPHER_fetch, 0, 0) X(EVP_CipherInit_ex2, 0, 0) X(EVP_CipherUpdate, 0, 0) \
	X(EVP_CipherFinal_ex, 0, 0) X(EVP_CIPHER_CTX_ctrl, 0, 0) X(EVP_MD_CTX_new, 0, 0) X(EVP_MD_fetch, 0, 0) \
	X(EVP_DigestInit_ex2, 0, 0) X(EVP_DigestUpdate, 0, 0) X(EVP_DigestFinal_ex, 0, 0) X(EVP_KDF_fetch, 0, 0) \
	X(EVP_KDF_CTX_new, 0, 0) X(EVP_KDF_derive, 0, 0) X(EVP_PKEY_CTX_new_from_pkey, 0, 0) X(EVP_PKEY_verify_init_ex, 0, 0) \
	X(EVP_PKEY_verify, 0, 0) X(d2i_X509_PUBKEY, 0, 0) X(X509_PUBKEY_new_ex, 0, 0) X(OSSL_LIB_CTX_new, 0, 0) \
	X(OSSL_PROVIDER_load, 0, 0) X(OPENSSL_init_crypto, 0, 0) X(argon2id_ctx, -22, 0) X(oath_init, -2, 0) \
	X(oath_totp_validate4_callback, -6, 0) X(ini_parse_stream, -2, 0) X(json_object, 0, 0) X(json_object_set_new, -1, 0) \
	X(json_dumpb, 0, 0) X(json_string, 0, 0) X(sd_journal_sendv, -5, 0) X(sd_session_get_seat, -5, 0) X(sd_session_get_remote_host, -5, 0) \
	X(sd_session_get_service, -5, 0) X(sd_session_get_state, -5, 0) X(sd_session_get_tty, -5, 0) X(sd_session_is_remote, -5, 0) \
	X(sd_session_get_uid, -5, 0) \
	X(sqlite3_bind_null, 7, 0) X(sqlite3_file_control, 1, 0) X(sqlite3_vfs_find, 0, 0) X(sqlite3_column_text, 0, 0) \
	X(sqlite3_column_blob, 0, 0) X(__pread_chk, -1, EIO) X(ftruncate, -1, EIO) X(renameat2, -1, EIO) X(unlinkat, -1, EIO) \
	X(ASN1_TIME_to_tm, 0, 0) X(BIO_new, 0, 0) X(BIO_read, -1, 0) X(BN_bin2bn, 0, 0) X(BN_mod_word, -1, 0) \
	X(EVP_PKEY_CTX_new_from_name, 0, 0) X(EVP_PKEY_fromdata_init, 0, 0) X(EVP_PKEY_fromdata, 0, 0) \
	X(X509_NAME_print_ex, -1, 0) X(X509_get_X509_PUBKEY, 0, 0) X(X509_new_ex, 0, 0) X(d2i_X509, 0, 0) \
	X(i2d_X509_PUBKEY, -1, 0) \
	X(SCardEstablishContext, 0x8010001D, 0) X(SCardListReaders, 0x80100017, 0) X(SCardGetStatusChange, 0x80100013, 0) \
	X(SCardConnect, 0x80100066, 0) X(SCardReconnect, 0x80100069, 0) X(SCardBeginTransaction, 0x80100068, 0) \
	X(SCardTransmit, 0x80100016, 0) X(SCardEndTransaction, 0x8010001D, 0) X(SCardDisconnect, 0x80100004, 0) \
	X(seccomp_init, 0, 0) X(seccomp_rule_add, -12, 0) X(seccomp_load, -22, 0)

enum which {
#define X(name, value, error) CALL_##name,
	TABLE(X)
#undef X
	CALLS
};

static const struct {
	const char *name;
	int error;
} calls[] = {
#define X(name, value, error) { #name, error },
	TABLE(X)
#undef X
};

static void *real[CALLS] = {
	[CALL_malloc] = (void *)__libc_malloc, [CALL_calloc] = (void *)__libc_calloc, [CALL_realloc] = (void *)__libc_realloc,
};
static _Atomic int at;
static int wanted = -2, last;   /* -2: not asked yet, -1: nothing */
static bool live;
static int signal_due;      /* 0: none */
static char spec[64];
static const char *path;

/* Without a call that could be one of the table. */
static void tell(const char *what)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/faults/told" };
	long fd = syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		syscall(SYS_sendto, fd, what, strlen(what), 0, &to, sizeof(to));
		syscall(SYS_close, fd);
	}
}

static void read_spec(void)
{
	char now[sizeof(spec)] = "";
	const char *colon;
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (syscall(SYS_read, fd, now, sizeof(now) - 1) < 0)
		now[0] = '\0';
	syscall(SYS_close, fd);
	if (!strcmp(spec, now))
		return;
	memcpy(spec, now, sizeof(spec));
	wanted = -1;
	at = 0;
	colon = strchr(spec, ':');
	for (int i = 0; colon && i < CALLS; i++)
		if (strlen(calls[i].name) == (size_t)(colon - spec) && !strncmp(calls[i].name, spec, (size_t)(colon - spec))) {
			last = atoi(colon + 1);
			signal_due = strstr(colon, ":kill") ? SIGKILL : strstr(colon, ":segv") ? SIGSEGV : 0;
			wanted = i;
		}
}

/* Before main, which may take the environment away. */
__attribute__((constructor)) static void ask(void)
{
	/* The dynamic linker allocates before there is an environment. */
	if (!environ)
		return;
	wanted = -1;
	path = getenv("FAULT");
	live = getenv("FAULT_LIVE") != NULL;
	spec[0] = '\0';
	read_spec();
}

/* SQLite calls itself by these names, and asks its own statement what came of it: only a caller outside can be told a failure. */
static bool within_sqlite(int call, const void *caller)
{
	Dl_info from;

	return !strncmp(calls[call].name, "sqlite3_", 8) && dladdr(caller, &from) && strstr(from.dli_fname, "libsqlite3");
}

/* The function to go on with; NULL: this call fails. */
__attribute__((used)) static void *due(int call, const void *caller)
{
	int before = errno;

	if (!real[call])
		real[call] = dlsym(RTLD_NEXT, calls[call].name);
	if (wanted == -2)
		ask();
	else if (live)
		read_spec();
	errno = before;
	if (call == CALL_argon2id_ctx || call == CALL_oath_totp_validate4_callback || call == CALL_EVP_PKEY_verify)
		tell(calls[call].name);
	if (call != wanted || within_sqlite(call, caller) || atomic_fetch_add(&at, 1) + 1 != last)
		return real[call];
	tell("failed");
	if (signal_due)
		syscall(SYS_kill, syscall(SYS_getpid), signal_due);
	if (calls[call].error)
		errno = calls[call].error;
	return NULL;
}

/* Keeps every register an argument may be in, whatever the function's type, asks due(), goes on or returns the failure. */
#define X(name, value, error) \
	__attribute__((naked)) void fault_##name(void) __asm__(#name); \
	__attribute__((naked)) void fault_##name(void) \
	{ \
		__asm__("push %%rdi\n\tpush %%rsi\n\tpush %%rdx\n\tpush %%rcx\n\tpush %%r8\n\tpush %%r9\n\tpush %%rax\n\t" \
			"mov %0, %%edi\n\tmov 56(%%rsp), %%rsi\n\tcall due\n\tmov %%rax, %%r11\n\t" \
			"pop %%rax\n\tpop %%r9\n\tpop %%r8\n\tpop %%rcx\n\tpop %%rdx\n\tpop %%rsi\n\tpop %%rdi\n\t" \
			"test %%r11, %%r11\n\tjz 1f\n\tjmp *%%r11\n" \
			"1:\tmovabs %1, %%rax\n\tret" : : "i"(CALL_##name), "i"((long)(value))); \
	}
TABLE(X)
