/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fuzz targets share. A target is one fuzz_NAME.c that takes any input, calls one parser with
 * it and says with must() what has to hold whatever the input is. tests/fuzz/corpus/NAME holds what
 * it has met; replay.c feeds that again in every build, libFuzzer (scripts/fuzz) looks for more.
 */
#ifndef CARDMFA_FUZZ_H
#define CARDMFA_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

#define FUZZ_INPUT_MAX 4096

/* libFuzzer's name; 0: taken. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition) \
	((condition) ? (void)0 : must_failed(__FILE__, __LINE__, #condition))

static inline _Noreturn void must_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: must be: %s\n", file, line, condition);
	abort();
}

/* The input, from whose front values are taken; at its end there are zeros. */
struct input {
	const uint8_t *p;
	size_t len;
};

static inline struct input fuzz_input(const uint8_t *data, size_t size)
{
	log_set_sink(NULL);
	return (struct input){ .p = data, .len = size };
}

static inline uint8_t take_u8(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->p++;
}

static inline uint16_t take_u16(struct input *in)
{
	uint16_t high = take_u8(in);

	return (uint16_t)(high << 8 | take_u8(in));
}

/* At most n bytes that stay in the input. */
static inline struct input take_part(struct input *in, size_t n)
{
	struct input part = { .p = in->p, .len = n < in->len ? n : in->len };

	in->p += part.len;
	in->len -= part.len;
	return part;
}

/* A copy of exactly those bytes, so that a sanitizer sees one byte too many; freed by the caller. */
static inline uint8_t *copy_of(struct input part)
{
	uint8_t *copy = malloc(part.len ? part.len : 1);

	must(copy != NULL);
	if (part.len)
		memcpy(copy, part.p, part.len);
	return copy;
}

/* The bytes up to the next NUL or newline or the end as a string; freed by the caller. */
static inline char *take_text(struct input *in)
{
	size_t n = 0;
	char *text;

	while (n < in->len && in->p[n] != '\0' && in->p[n] != '\n')
		n++;
	text = malloc(n + 1);
	must(text != NULL);
	if (n)
		memcpy(text, in->p, n);
	text[n] = '\0';
	(void)take_part(in, n + 1);
	return text;
}

/* The rest as a string: up to the first NUL. */
static inline char *rest_text(const struct input *in)
{
	const uint8_t *end = in->len ? memchr(in->p, '\0', in->len) : NULL;
	size_t n = end ? (size_t)(end - in->p) : in->len;
	char *text = malloc(n + 1);

	must(text != NULL);
	if (n)
		memcpy(text, in->p, n);
	text[n] = '\0';
	return text;
}

/* A file in memory with these bytes. */
static inline int memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0 && (len == 0 || write(fd, bytes, len) == (ssize_t)len));
	return fd;
}

/* What results hold before a call, and still after one that failed. */
#define UNTOUCHED 0x5A

static inline bool is_untouched(const void *object, size_t size)
{
	const unsigned char *p = object;

	for (size_t i = 0; i < size; i++)
		if (p[i] != UNTOUCHED)
			return false;
	return true;
}

/* Nothing in it that could move a cursor, end a line or turn text round. */
static inline bool is_shown_safely(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7F || (p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) ||
		    (p[0] == 0xE2 && p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
		    (p[0] == 0xE2 && p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9))
			return false;
	return true;
}

#endif
