/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database file of a store. The input is what happened to a good one, again and again: an
 * offset of three bytes, a length of one, and bytes that stand there now; length 0 cuts the file
 * there. FF FF FF first: the rest is a write-ahead log that lies beside it.
 */
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <sys/stat.h>

#include "clock.h"
#include "fuzz.h"
#include "store.h"

#define NOBODY 65534
#define LOCK_MS 1000
#define IMAGE_MAX (2 * 1024 * 1024)
#define WAL 0xFFFFFF

static char dir[256];
static uint8_t image[IMAGE_MAX], good[IMAGE_MAX];
static size_t good_len;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

static void remove_all(void)
{
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
	static char path[320];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put_file(const char *name, const uint8_t *bytes, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

static void fill(struct store *s)
{
	struct person p = { .login = "taro", .uid = 1000, .name = "田中 太郎", .state = PERSON_ACTIVE };
	struct totp_row t = { .key_id = "k1", .sealed_len = 48, .algorithm = TOTP_SHA1, .digits = 6,
			      .period = 30 };
	struct event_row e = { .type = "login", .result = "OK", .person = "taro", .actor = -1,
			       .detail = "{\"factors\":\"card,totp\"}" };

	must(store_begin(s) == ERR_OK && store_person_add(s, &p) == ERR_OK);
	t.person = p.id;
	t.created_at = e.at = p.created_at;
	must(store_totp_put(s, &t) == ERR_OK && store_event_add(s, &e) == ERR_OK);
	must(store_commit(s) == ERR_OK);
}

/* The good one, made once. The store refuses uid 0, so root goes on as nobody. */
static void make_good(void)
{
	const char *tmp = getenv("TMPDIR");
	struct store *s = NULL;
	int fd;
	ssize_t n;

	if (geteuid() == 0)
		must(setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
	snprintf(dir, sizeof(dir), "%s/cardmfa-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		snprintf(dir, sizeof(dir), "/tmp/cardmfa-fuzz-XXXXXX");
		must(mkdtemp(dir) != NULL);
	}
	must(atexit(remove_all) == 0);
	must(store_open(dir, STORE_CREATE, LOCK_MS, &s) == ERR_OK);
	fill(s);
	store_close(s);
	fd = open(path_of("store.db"), O_RDONLY | O_CLOEXEC);
	n = read(fd, good, sizeof(good));
	must(fd >= 0 && n > 0 && (size_t)n < sizeof(good));
	close(fd);
	good_len = (size_t)n;
}

static void put_files(struct input *in)
{
	size_t len = good_len;

	memcpy(image, good, good_len);
	(void)unlink(path_of("store.db-shm"));
	(void)unlink(path_of("store.db-wal"));
	while (in->len > 0) {
		size_t at = (size_t)take_u8(in) << 16 | take_u16(in);
		struct input part;

		if (at == WAL) {
			put_file("store.db-wal", in->p, in->len);
			break;
		}
		at %= len;
		part = take_part(in, take_u8(in));
		if (part.len > len - at)
			part.len = len - at;
		if (part.len > 0)
			memcpy(image + at, part.p, part.len);
		else
			len = at > 0 ? at : 1;
	}
	put_file("store.db", image, len);
}

static enum err none(const struct event_row *e, void *arg)
{
	(void)arg;
	must(e->type[0] && e->detail[0] == '{');
	return ERR_OK;
}

static bool is_expected(enum err e)
{
	return e == ERR_OK || e == ERR_STORE_CORRUPT || e == ERR_STORE_VERSION || e == ERR_STORE ||
	       e == ERR_STORE_FULL || e == ERR_MEMORY || e == ERR_TIMEOUT;
}

static void use(struct store *s)
{
	const struct event_filter all = { .person = NULL };
	struct person p;
	struct totp_row t;
	enum err e;

	memset(&p, UNTOUCHED, sizeof(p));
	memset(&t, UNTOUCHED, sizeof(t));
	e = store_person_by_login(s, "taro", &p);
	must(is_expected(e) || e == ERR_NOT_FOUND);
	must(e == ERR_OK ? strcmp(p.login, "taro") == 0 && p.state != PERSON_REMOVED
			 : is_untouched(&p, sizeof(p)));
	e = store_totp_get(s, 1, &t);
	must(is_expected(e) || e == ERR_NOT_FOUND);
	must(e == ERR_OK ? t.sealed_len >= 28 && t.digits >= 6 && t.digits <= 8
			 : is_untouched(&t, sizeof(t)));
	must(is_expected(store_event_each(s, &all, none, NULL)));
	must(is_expected(store_check(s)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = fuzz_input(data, size);
	struct store *s = NULL;
	enum err e;

	if (good_len == 0)
		make_good();
	put_files(&in);
	e = store_open(dir, STORE_USE, LOCK_MS, &s);
	must(is_expected(e) && (e == ERR_OK) == (s != NULL));
	must(size > 0 || e == ERR_OK);
	if (s)
		use(s);
	store_close(s);
	return 0;
}
