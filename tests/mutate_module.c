/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into a module that has mutants in it, by tests/mutate_module.py: beside the module stands MODULE.mutant, an int that says
 * which one is chosen, then a byte for each mutated function that is set when it is entered.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* In the mutated source. */
extern int mutant_now;
extern unsigned char *mutant_entered;
extern const int mutant_functions;

static void __attribute__((constructor)) choose(void)
{
	static const char here;
	const size_t len = sizeof(int) + (size_t)mutant_functions;
	char path[512];
	Dl_info info;
	void *map;
	int fd;

	if (!dladdr(&here, &info) || snprintf(path, sizeof(path), "%s.mutant", info.dli_fname) >= (int)sizeof(path))
		abort();
	fd = open(path, O_RDWR | O_CLOEXEC);
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		abort();
	mutant_now = *(int *)map;
	mutant_entered = (unsigned char *)map + sizeof(int);
}
