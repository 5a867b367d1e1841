/* SPDX-License-Identifier: Apache-2.0 */
/* Files of root's, with traps on the way to them. On a file system of its own: /tmp is everybody's. */
#include "trusted.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "rules.h"

#define TOP "/mnt"
#define NOT_ROOT 65534

static const char *at(const char *name)
{
	static char path[2][PATH_MAX];
	static size_t turn;
	char *p = path[turn++ % 2];

	snprintf(p, PATH_MAX, TOP "/%s", name);
	return p;
}

static void make_dir(const char *name, mode_t mode)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
	assert_int_equal(chmod(at(name), mode), 0);
}

static void make_file(const char *name, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	if (mount("tmpfs", TOP, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0)
		return -1;
	make_dir("etc", 0755);
	make_file("etc/good", 0644);
	make_file("etc/key", 0600);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return umount2(TOP, MNT_DETACH);
}

#define TRUSTED_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* What was given is not handed on over exec; a refusal leaves *ret alone. Nothing is left open. */
static void done_with(enum err e, int fd, int lowest)
{
	if (e == ERR_OK) {
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	} else {
		assert_int_equal(fd, -77);
	}
	assert_int_equal(lowest_free(), lowest);
}

static enum err open_it(const char *path, mode_t forbidden)
{
	int fd = -77, lowest = lowest_free();
	enum err e = trusted_open(path, forbidden, &fd);
	char text[4];

	if (e == ERR_OK) {
		assert_int_equal(read(fd, text, 4), 4);
		assert_memory_equal(text, "text", 4);
		assert_int_equal(write(fd, text, 4), -1);
	}
	done_with(e, fd, lowest);
	return e;
}

static enum err open_dir(const char *path)
{
	int fd = -77, lowest = lowest_free();
	enum err e = trusted_open_dir(path, &fd);
	struct stat st;

	if (e == ERR_OK) {
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
	}
	done_with(e, fd, lowest);
	return e;
}

static void roots_files_open(void **state)
{
	(void)state;
	assert_int_equal(open_it(at("etc/good"), 0022), ERR_OK);
	assert_int_equal(open_it(at("etc/key"), 0077), ERR_OK);
	assert_int_equal(open_it("//mnt///etc//good", 0022), ERR_OK);
	assert_int_equal(open_dir(at("etc")), ERR_OK);
	assert_int_equal(open_dir("/"), ERR_OK);
	assert_int_equal(open_dir("/mnt/etc/"), ERR_OK);
}

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(open_it(at("etc/none"), 0022), ERR_NOT_FOUND);
	assert_int_equal(open_it(at("none/good"), 0022), ERR_NOT_FOUND);
	assert_int_equal(open_dir(at("none")), ERR_NOT_FOUND);
	assert_int_equal(open_dir(at("none/none")), ERR_NOT_FOUND);
}

static void paths_must_be_absolute_and_fit(void **state)
{
	static char long_path[PATH_MAX + 16];

	(void)state;
	assert_int_equal(open_it("", 0022), ERR_INVALID);
	assert_int_equal(open_it("good", 0022), ERR_INVALID);
	assert_int_equal(open_it("etc/good", 0022), ERR_INVALID);
	assert_int_equal(open_dir("etc"), ERR_INVALID);
	assert_int_equal(open_dir(""), ERR_INVALID);
	memset(long_path, '/', sizeof(long_path) - 1);
	assert_int_equal(open_dir(long_path), ERR_INVALID);
	assert_int_equal(open_it(long_path, 0022), ERR_INVALID);
	memset(long_path + 1, 'a', 4000);
	long_path[4001] = '\0';
	assert_int_equal(open_it(long_path, 0022), ERR_NOT_ALLOWED);
	/* A directory is no file, nor is the one that holds all. */
	assert_int_equal(open_it(at("etc"), 0022), ERR_NOT_ALLOWED);
	assert_int_equal(open_it("/", 0022), ERR_NOT_FOUND);
	assert_int_equal(open_it(at("etc/"), 0022), ERR_NOT_FOUND);
	assert_int_equal(open_dir(at("etc/good")), ERR_NOT_ALLOWED);
	assert_int_equal(open_it(at("etc/good/x"), 0022), ERR_NOT_ALLOWED);
	/* A file below the root of all. */
	assert_int_equal(open_it("/vmlinuz-none", 0022), ERR_NOT_FOUND);
}

static void each_forbidden_bit_counts(void **state)
{
	(void)state;
	for (mode_t bit = 1; bit <= 0400; bit <<= 1) {
		assert_int_equal(chmod(at("etc/good"), bit | 0400), 0);
		assert_int_equal(open_it(at("etc/good"), 0077), (bit & 0077) ? ERR_NOT_ALLOWED : ERR_OK);
		assert_int_equal(open_it(at("etc/good"), 0022), (bit & 0022) ? ERR_NOT_ALLOWED : ERR_OK);
		assert_int_equal(open_it(at("etc/good"), 0), ERR_OK);
	}
	assert_int_equal(chmod(at("etc/good"), 0666), 0);
	assert_int_equal(open_it(at("etc/good"), 0022), ERR_NOT_ALLOWED);
	assert_non_null(strstr(err_detail(), "mode 0666 is too open (chmod 0644)"));
	assert_int_equal(open_it(at("etc/good"), 0077), ERR_NOT_ALLOWED);
	assert_non_null(strstr(err_detail(), "(chmod 0600)"));
}

static void owners_count(void **state)
{
	(void)state;
	assert_int_equal(chown(at("etc/good"), NOT_ROOT, 0), 0);
	assert_int_equal(open_it(at("etc/good"), 0022), ERR_NOT_ALLOWED);
	assert_int_equal(chown(at("etc/good"), 0, NOT_ROOT), 0);
	assert_int_equal(open_it(at("etc/good"), 0022), ERR_OK);
	assert_int_equal(chown(at("etc"), NOT_ROOT, 0), 0);
	assert_int_equal(open_it(at("etc/good"), 0022), ERR_NOT_ALLOWED);
	assert_int_equal(open_dir(at("etc")), ERR_NOT_ALLOWED);
	assert_non_null(strstr(err_detail(), "is not root's"));
}

static void directories_on_the_way_count(void **state)
{
	static const mode_t modes[] = { 0020, 0002, 01777, 0775, 0757 };

	(void)state;
	make_dir("a", 0755);
	make_dir("a/b", 0755);
	make_file("a/b/good", 0644);
	assert_int_equal(open_it(at("a/b/good"), 0022), ERR_OK);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(at("a"), modes[i] | 0700), 0);
		assert_int_equal(open_it(at("a/b/good"), 0022), ERR_NOT_ALLOWED);
		assert_non_null(strstr(err_detail(), "others can write"));
		assert_int_equal(open_dir(at("a/b")), ERR_NOT_ALLOWED);
		assert_int_equal(open_dir(at("a")), ERR_NOT_ALLOWED);
		assert_int_equal(chmod(at("a"), 0755), 0);
		assert_int_equal(chmod(at("a/b"), modes[i] | 0700), 0);
		assert_int_equal(open_it(at("a/b/good"), 0022), ERR_NOT_ALLOWED);
		assert_int_equal(chmod(at("a/b"), 0755), 0);
	}
	assert_int_equal(chown(at("a"), NOT_ROOT, NOT_ROOT), 0);
	assert_int_equal(open_it(at("a/b/good"), 0022), ERR_NOT_ALLOWED);
}

static void no_link_is_followed(void **state)
{
	(void)state;
	assert_int_equal(symlink("good", at("etc/link")), 0);
	assert_int_equal(open_it(at("etc/link"), 0022), ERR_NOT_ALLOWED);
	assert_int_equal(symlink("etc", at("way")), 0);
	assert_int_equal(open_it(at("way/good"), 0022), ERR_NOT_ALLOWED);
	assert_int_equal(open_dir(at("way")), ERR_NOT_ALLOWED);
	assert_int_equal(symlink("none", at("etc/dangling")), 0);
	assert_int_equal(open_it(at("etc/dangling"), 0022), ERR_NOT_ALLOWED);
	/* A second name of a good file. */
	assert_int_equal(link(at("etc/key"), at("etc/other")), 0);
	assert_int_equal(open_it(at("etc/key"), 0077), ERR_NOT_ALLOWED);
	assert_int_equal(unlink(at("etc/other")), 0);
	assert_int_equal(open_it(at("etc/key"), 0077), ERR_OK);
}

/* Refused without waiting for anybody. */
static void what_is_no_regular_file_is_refused(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = TOP "/etc/socket" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(mkfifo(at("etc/fifo"), 0600), 0);
	assert_int_equal(open_it(at("etc/fifo"), 0022), ERR_NOT_ALLOWED);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(open_it(at("etc/socket"), 0), ERR_NOT_ALLOWED);
	close(s);
	assert_int_equal(open_it("/dev/null", 0), ERR_NOT_ALLOWED);
}

int main(void)
{
	const struct CMUnitTest list[] = {
		TRUSTED_TEST(roots_files_open),
		TRUSTED_TEST(what_is_not_there_is_not_found),
		TRUSTED_TEST(paths_must_be_absolute_and_fit),
		TRUSTED_TEST(each_forbidden_bit_counts),
		TRUSTED_TEST(owners_count),
		TRUSTED_TEST(directories_on_the_way_count),
		TRUSTED_TEST(no_link_is_followed),
		TRUSTED_TEST(what_is_no_regular_file_is_refused),
	};

	/* What is root's can only be made by root. */
	if (geteuid() != 0)
		return 77;
	if (!rules_own_mounts())
		return 1;
	log_set_sink(NULL);
	return cmocka_run_group_tests(list, NULL, NULL);
}
