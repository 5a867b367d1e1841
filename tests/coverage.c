/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into every program of the coverage build (make coverage), where it stands before two calls:
 * a process that ends by _exit(2) writes its counts too, and the card process can, because no
 * seccomp filter keeps it from opening a file.
 */
#include <gcov.h>
#include <seccomp.h>
#include <stdlib.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __wrap_seccomp_load(const scmp_filter_ctx ctx);

_Noreturn void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int __wrap_seccomp_load(const scmp_filter_ctx ctx)
{
	(void)ctx;
	return 0;
}
