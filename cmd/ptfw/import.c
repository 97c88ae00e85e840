/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of other packet filters: the common file to standard output, what is different to standard error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <patronus/import.h>
#include <patronus/out.h>

#include "ptfw.h"

static int read_file(void *arg, const char *path, char **data, size_t *len, struct pt_err *e)
{
	(void)arg;
	return pt_file_read(path, PT_FILE_MAX, data, len, e);
}

/* As `check` does, but of what is in memory. */
static int check_text(void *arg, const char *text, size_t len, struct pt_err *e)
{
	struct pt_plan p;
	int rc = pt_plan_offline_text("imported", text, len, PT_ENGINE_AUTO, &p, e);

	(void)arg;
	if (!rc)
		pt_plan_fini(&p);
	return rc;
}

/* NAME=DEVICE, each. */
static int devices(struct pt_cli *c, struct pt_import_device *out)
{
	for (size_t i = 1; i < c->argc; i++) {
		const char *equal = strchr(c->argv[i], '=');

		if (!equal || equal == c->argv[i] || !equal[1])
			return pt_cli_usage(c, "'%s' is not NAME=DEVICE", c->argv[i]);
		out[i - 1].name = strndup(c->argv[i], (size_t)(equal - c->argv[i]));
		out[i - 1].device = equal + 1;
		if (!out[i - 1].name)
			return -ENOMEM;
	}
	return 0;
}

static int write_notes(const struct pt_cli *c, const struct pt_import *i)
{
	struct pt_buf line = { 0 }, safe = { 0 };
	int rc;

	for (size_t k = 0; k < i->notes.n; k++) {
		const struct pt_import_note *n = &i->notes.v[k];

		if (c->quiet && n->kind == PT_IMPORT_NOTE)
			continue;
		line.n = safe.n = 0;
		pt_buf_fmt(&line, "%s:%u: %s: %s: %s; written: %s", n->file, n->line, pt_import_kind_name(n->kind),
			   n->what, n->why, n->instead);
		if (!line.err)
			pt_escape(&safe, line.s, line.n);
		if (!safe.err)
			fprintf(stderr, "%s\n", safe.s);
	}
	rc = line.err ? line.err : safe.err;
	pt_buf_fini(&line);
	pt_buf_fini(&safe);
	return rc;
}

static int write_all(struct pt_cli *c, const struct pt_import *i)
{
	int rc = write_notes(c, i);

	if (rc)
		return pt_err_sys(&c->err, rc, "telling what is different");
	if (fwrite(i->text, 1, i->len, stdout) != i->len || fflush(stdout))
		return errno == EPIPE ? 0 : pt_err_sys(&c->err, -errno, "writing the file");
	return i->changed || i->left ? PT_EXIT_NO : PT_EXIT_OK;
}

int cmd_import_pf(struct pt_cli *c)
{
	struct pt_import_device *list = calloc(c->argc + 1, sizeof(*list));
	struct pt_import_env env = {
		.read = read_file, .check = check_text, .devices = list, .n_devices = c->argc - 1
	};
	const char *name = strcmp(c->argv[0], "-") ? c->argv[0] : "standard input";
	struct pt_import *made = NULL;
	char *data = NULL;
	size_t len;
	int rc = list ? devices(c, list) : -ENOMEM;

	if (!rc)
		rc = pt_file_read(c->argv[0], PT_FILE_MAX, &data, &len, &c->err);
	if (rc == -ENOENT)
		rc = PT_EXIT_CONFIG;
	if (!rc)
		rc = pt_import_pf(name, data, len, &env, &made, &c->err);
	if (!rc)
		rc = write_all(c, made);
	pt_import_free(made);
	for (size_t i = 1; list && i < c->argc; i++)
		free((char *)list[i - 1].name);
	free(list);
	free(data);
	return rc;
}
