/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pf.conf(5) under the fuzzer. No input may crash or hang the importer, be refused without a reason, or become a file
 * that the product refuses; and what is told of it goes to terminals, so it is printable. An include finds the input
 * itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/import.h>
#include <patronus/policy.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static void fail(const char *what, const char *text)
{
	(void)fprintf(stderr, "%s: %s\n", what, text ? text : "");
	abort();
}

static int read_file(void *arg, const char *path, char **data, size_t *len, struct pt_err *e)
{
	const struct input *in = arg;

	if (path[0] != 'a')
		return pt_err_sys(e, -ENOENT, "reading it");
	*data = malloc(in->size + 1);
	if (!*data)
		return -ENOMEM;
	if (in->size)
		memcpy(*data, in->data, in->size);
	*len = in->size;
	return 0;
}

static int check_text(void *arg, const char *text, size_t len, struct pt_err *e)
{
	struct pt_policy *p = NULL;
	struct pt_conf *c = NULL;
	int rc = pt_policy_parse("made", text, len, &c, &p, e);

	(void)arg;
	pt_policy_free(p);
	pt_conf_free(c);
	return rc;
}

static void check_notes(const struct pt_import *i)
{
	size_t changed = 0, left = 0;

	for (size_t k = 0; k < i->notes.n; k++) {
		const struct pt_import_note *n = &i->notes.v[k];

		changed += n->kind == PT_IMPORT_CHANGED;
		left += n->kind == PT_IMPORT_LEFT;
		if (!n->file || !n->line || !*n->why || !n->what || !n->instead)
			fail("a note that says nothing", n->what);
	}
	if (changed != i->changed || left != i->left)
		fail("notes are counted wrongly", NULL);
}

/* Tables' files are looked for only where they are: not here. */
static void check_made(const struct pt_import *i)
{
	struct pt_err e = { 0 };

	if (strlen(i->text) != i->len)
		fail("its length is another", NULL);
	if (!strstr(i->text, "    file = ") && check_text(NULL, i->text, i->len, &e))
		fail(e.list.n ? e.list.v[0].msg : "refused", i->text);
	pt_err_fini(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	const struct pt_import_device devices[] = { { "em0", "eth0" } };
	struct pt_import_env env = {
		.read = read_file, .check = check_text, .arg = &in, .devices = devices, .n_devices = 1
	};
	struct pt_import *i = NULL;
	struct pt_err e = { 0 };
	int rc = pt_import_pf("pf.conf", (const char *)data, size, &env, &i, &e);

	if (!rc != !!i || (rc && rc != -EINVAL))
		fail("result and file disagree", NULL);
	if (rc && !e.n_errors)
		fail("refused without a reason", NULL);
	if (!rc) {
		check_notes(i);
		check_made(i);
	}
	pt_import_free(i);
	pt_err_fini(&e);
	return 0;
}
