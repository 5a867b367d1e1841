/* SPDX-License-Identifier: Apache-2.0 */
/* Moments that outlive a reboot. Apart from clock.c, which the PAM module links. */
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifdef CARDMFA_TEST_HOOKS
#include "clock_hook.h"
#endif

static bool is_boot_id(const char *s)
{
	for (int i = 0; i < CLOCK_BOOT_ID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !strchr("0123456789abcdef", s[i]) || !s[i])
			return false;
	}
	return true;
}

static enum err read_boot_id(char dst[CLOCK_BOOT_ID_LEN + 1])
{
	char buf[CLOCK_BOOT_ID_LEN + 2];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return fail(ERR_CLOCK, "boot_id: %s", strerror(errno));
	n = read(fd, buf, sizeof(buf));
	close(fd);
	if (n < CLOCK_BOOT_ID_LEN || !is_boot_id(buf))
		return fail(ERR_CLOCK, "boot_id is not a UUID");
	memcpy(dst, buf, CLOCK_BOOT_ID_LEN);
	dst[CLOCK_BOOT_ID_LEN] = '\0';
	return ERR_OK;
}

enum err clock_now(struct moment *ret)
{
	struct moment m;

#ifdef CARDMFA_TEST_HOOKS
	if (clock_hooked) {
		*ret = *clock_hooked;
		return ERR_OK;
	}
#endif
	enum err e = read_boot_id(m.boot_id);

	if (e != ERR_OK)
		return e;
	m.boot_ms = clock_boot_ms();
	m.real_s = clock_real_s();
	*ret = m;
	return ERR_OK;
}

int64_t clock_elapsed_ms(const struct moment *then, const struct moment *now, int64_t full_ms)
{
	int64_t elapsed;

	if (!strcmp(then->boot_id, now->boot_id)) {
		if (__builtin_sub_overflow(now->boot_ms, then->boot_ms, &elapsed))
			elapsed = 0;
	} else if (__builtin_sub_overflow(now->real_s, then->real_s, &elapsed) ||
		   __builtin_mul_overflow(elapsed, (int64_t)1000, &elapsed)) {
		elapsed = 0;
	}
	if (elapsed < 0)
		return 0;
	return elapsed > full_ms ? full_ms : elapsed;
}
