/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Functions of a library that is loaded when it is needed. They are listed once, as F(one) F(two): LOAD_MEMBER makes members of a
 * struct of them, and LOAD finds them in LIB for O, a pointer to such a struct, and sets MISSING where there is none.
 */
#ifndef DIAG_LOAD_H
#define DIAG_LOAD_H

#include <dlfcn.h>
#include <string.h>

#define LOAD_MEMBER(name) __typeof__(name) *(name);

/* A function's address comes as that of data. */
#define LOAD(name) \
	do { \
		void *p = dlsym(lib, #name); \
		missing |= !p; \
		memcpy(&o->name, &p, sizeof(p)); \
	} while (0);

#endif
