/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main() of a fuzz target without libFuzzer: feeds it every file of its corpus, then each file cut
 * short and each with one byte changed. At most STEPS cuts and changes of a file, spread evenly over it;
 * all of them with CARDMFA_LONG.
 *
 *   fuzz_NAME            the corpus, CARDMFA_SOURCE/tests/fuzz/corpus/NAME
 *   fuzz_NAME FILE...    these files, just as they are
 *
 * A process for each file, so that one that fails does not hide the others.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>

#include "fuzz.h"

#define STEPS 48
#define PATH_SIZE 1024

enum way { WHOLE, CUT, FLIPPED, WAYS };

static const char *const ways[WAYS] = { "corpus", "cut", "flipped" };

/* Where a child is; its parent reads that when it is dead. */
static struct place {
	enum way way;
	size_t at;
} *place;

static const char *target;

static struct input load(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *bytes = malloc(FUZZ_INPUT_MAX + 1);
	size_t len;

	if (!f || !bytes) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	len = fread(bytes, 1, FUZZ_INPUT_MAX + 1, f);
	if (ferror(f) || len > FUZZ_INPUT_MAX) {
		fprintf(stderr, "%s: more than %d bytes\n", path, FUZZ_INPUT_MAX);
		exit(1);
	}
	(void)fclose(f);
	return (struct input){ .p = bytes, .len = len };
}

/* In memory of its own length: a sanitizer sees a byte read beyond it. */
static void feed(const uint8_t *bytes, size_t len, size_t flip)
{
	uint8_t *copy = copy_of((struct input){ bytes, len });

	if (flip < len)
		copy[flip] ^= (uint8_t)(1u << flip % 8 | (flip % 3 == 0 ? 0x80u : 0));
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void feed_all(const char *path)
{
	struct input in = load(path);
	size_t step = getenv("CARDMFA_LONG") ? 1 : in.len / STEPS + 1;

	*place = (struct place){ .way = WHOLE };
	feed(in.p, in.len, SIZE_MAX);
	place->way = CUT;
	for (place->at = 0; place->at < in.len; place->at += step)
		feed(in.p, place->at, SIZE_MAX);
	place->way = FLIPPED;
	for (place->at = 0; place->at < in.len; place->at += step)
		feed(in.p, in.len, place->at);
}

/* False: it died, and why is said. */
static bool survives(const char *path)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		feed_all(path);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (status == 0)
		return true;
	printf("# %s, %s at %zu: %s %d\n", path, ways[place->way], place->at,
	       WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int replay(const char *folder)
{
	bool dead[WAYS] = { false };
	struct dirent **names;
	char path[PATH_SIZE];
	int n = scandir(folder, &names, is_file, alphasort), failed = 0;

	if (n <= 0) {
		printf("not ok unit/%s/corpus\n# nothing in %s\n", target, folder);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name) >=
		    sizeof(path))
			abort();
		if (!survives(path))
			dead[place->way] = true;
		free(names[i]);
	}
	free(names);
	for (int i = 0; i < WAYS; i++) {
		printf("%s unit/%s/%s\n", dead[i] ? "not ok" : "ok", target, ways[i]);
		failed |= dead[i];
	}
	return failed;
}

int main(int argc, char **argv)
{
	const char *source = getenv("CARDMFA_SOURCE");
	const char *slash = strrchr(argv[0], '/');
	char folder[PATH_SIZE];

	target = slash ? slash + 1 : argv[0];
	place = mmap(NULL, sizeof(*place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED || strncmp(target, "fuzz_", 5) != 0)
		return 2;
	for (int i = 1; i < argc; i++) {
		struct input in = load(argv[i]);

		feed(in.p, in.len, SIZE_MAX);
	}
	if (argc > 1)
		return 0;
	if (!source)
		source = getenv("srcdir");
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", source ? source : ".", target + 5);
	return replay(folder);
}
