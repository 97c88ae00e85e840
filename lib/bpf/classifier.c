/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/classifier - the program through libbpf, its tables through plain system calls. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <patronus/bpf.h>
#include <patronus/classify.h>

#include "bpf/object.h"

#define PROGRAM "pt_classify"
#define TABLES "pt_tables"
#define LOG_SIZE 65536 /* the verifier's last words */

struct pt_bpf {
	struct bpf_object *object; /* loaded here; NULL: the kernel's own */
	int prog, tables;
	uint32_t id;
};

void pt_bpf_name(char out[PT_BPF_NAME])
{
	(void)snprintf(out, PT_BPF_NAME, "patronus-%016llx",
		       (unsigned long long)pt_hash64(bpf_object, bpf_object_size));
}

void pt_bpf_close(struct pt_bpf *b)
{
	if (!b)
		return;
	if (b->object) {
		bpf_object__close(b->object);
	} else {
		if (b->prog >= 0)
			close(b->prog);
		if (b->tables >= 0)
			close(b->tables);
	}
	free(b);
}

int pt_bpf_fd(const struct pt_bpf *b)
{
	return b->prog;
}

uint32_t pt_bpf_id(const struct pt_bpf *b)
{
	return b->id;
}

static struct pt_bpf *bpf_new(void)
{
	struct pt_bpf *b = calloc(1, sizeof(*b));

	if (b)
		b->prog = b->tables = -1;
	return b;
}

/* ---- the program ---- */

static int info_of(int fd, struct bpf_prog_info *info)
{
	__u32 n = sizeof(*info);

	return bpf_obj_get_info_by_fd(fd, info, &n) ? -errno : 0;
}

/* The last line of the verifier's log that says something. */
static const char *last_words(char *log)
{
	size_t n = strlen(log);
	char *line;

	while (n && log[n - 1] == '\n')
		log[--n] = '\0';
	/* "processed N insns" follows the reason. */
	line = strrchr(log, '\n');
	if (line && !strncmp(line + 1, "processed ", 10)) {
		*line = '\0';
		line = strrchr(log, '\n');
	}
	return line ? line + 1 : log;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int object_load(struct pt_bpf *b, char *log)
{
	struct bpf_program *program;
	struct bpf_prog_info info = { 0 };
	int rc;

	b->object = bpf_object__open_mem(bpf_object, bpf_object_size, NULL);
	if (!b->object)
		return -errno;
	program = bpf_object__find_program_by_name(b->object, PROGRAM);
	if (!program)
		return -ENOEXEC;
	rc = bpf_program__set_log_buf(program, log, LOG_SIZE);
	if (!rc)
		rc = bpf_object__load(b->object);
	if (rc)
		return rc;
	b->prog = bpf_program__fd(program);
	b->tables = bpf_object__find_map_fd_by_name(b->object, TABLES);
	rc = info_of(b->prog, &info);
	b->id = info.id;
	return rc;
}

int pt_bpf_load(struct pt_bpf **out, struct pt_err *e)
{
	struct pt_bpf *b = bpf_new();
	char *log = calloc(1, LOG_SIZE);
	libbpf_print_fn_t before;
	int rc = -ENOMEM;

	*out = NULL;
	if (b && log) {
		before = libbpf_set_print(quiet); /* errors are told here */
		rc = object_load(b, log);
		libbpf_set_print(before);
	}
	if (rc) {
		pt_err_sys(e, rc, "loading the classifier into the kernel%s%s", log && log[0] ? ": " : "",
			   log && log[0] ? last_words(log) : "");
		pt_bpf_close(b);
		b = NULL;
	}
	free(log);
	*out = b;
	return rc;
}

/* The program's one map. */
static int map_of(int prog, int *map)
{
	struct bpf_prog_info info = { 0 };
	__u32 id = 0;

	info.nr_map_ids = 1;
	info.map_ids = (uintptr_t)&id;
	if (info_of(prog, &info) || info.nr_map_ids != 1)
		return -EBADMSG;
	*map = bpf_map_get_fd_by_id(id);
	return *map < 0 ? -errno : 0;
}

int pt_bpf_open(uint32_t prog_id, struct pt_bpf **out, struct pt_err *e)
{
	struct pt_bpf *b = bpf_new();
	int rc = b ? 0 : -ENOMEM;

	*out = NULL;
	if (!rc) {
		b->id = prog_id;
		b->prog = bpf_prog_get_fd_by_id(prog_id);
		rc = b->prog < 0 ? -errno : map_of(b->prog, &b->tables);
	}
	if (rc) {
		pt_bpf_close(b);
		return pt_err_sys(e, rc, "opening the kernel's BPF program number %u", prog_id);
	}
	*out = b;
	return 0;
}

/* ---- the tables ---- */

void pt_bpf_tables_name(const uint64_t *words, size_t n_words, char out[PT_BPF_TABLES_NAME])
{
	uint64_t h = 0x9e3779b97f4a7c15ull ^ n_words;

	for (size_t i = 0; i < n_words; i++) {
		h = (h ^ words[i]) * 0xff51afd7ed558ccdull;
		h ^= h >> 32;
	}
	(void)snprintf(out, PT_BPF_TABLES_NAME, "t%014llx", (unsigned long long)(h >> 8));
}

int pt_bpf_tables_new(const uint64_t *words, size_t n_words, int *fd, struct pt_err *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP);
	__u32 chunks = (__u32)(n_words / PT_CLASS_CHUNK);
	char name[PT_BPF_TABLES_NAME];
	int rc = 0;

	pt_bpf_tables_name(words, n_words, name);
	*fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), PT_CLASS_CHUNK * sizeof(*words), chunks, &opts);
	if (*fd < 0)
		rc = -errno;
	for (__u32 i = 0; !rc && i < chunks; i++)
		if (bpf_map_update_elem(*fd, &i, words + (size_t)i * PT_CLASS_CHUNK, BPF_ANY))
			rc = -errno;
	if (rc && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return rc ? pt_err_sys(e, rc, "giving the classifier's tables (%zu bytes) to the kernel",
			       n_words * sizeof(*words)) :
		    0;
}

int pt_bpf_tables_in_use(const struct pt_bpf *b, char out[PT_BPF_TABLES_NAME], struct pt_err *e)
{
	struct bpf_map_info info = { 0 };
	__u32 zero = 0, id, n = sizeof(info);
	int fd, rc = 0;

	out[0] = '\0';
	if (bpf_map_lookup_elem(b->tables, &zero, &id))
		return errno == ENOENT ? 0 : pt_err_sys(e, -errno, "asking for the classifier's tables");
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return errno == ENOENT ? 0 : pt_err_sys(e, -errno, "opening the classifier's tables");
	if (bpf_obj_get_info_by_fd(fd, &info, &n))
		rc = pt_err_sys(e, -errno, "asking for the classifier's tables");
	else
		(void)snprintf(out, PT_BPF_TABLES_NAME, "%.*s", (int)sizeof(info.name) - 1, info.name);
	close(fd);
	return rc;
}

int pt_bpf_tables_use(const struct pt_bpf *b, int fd, struct pt_err *e)
{
	__u32 zero = 0;

	/* For a map of maps the kernel waits for all programs that still see the old one. A packet goes
	 * from its program to our prerouting chain under the same read lock. */
	if (bpf_map_update_elem(b->tables, &zero, &fd, BPF_ANY))
		return pt_err_sys(e, -errno, "exchanging the classifier's tables");
	return 0;
}
