/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/classifier - the program through libbpf, its tables through plain system calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <patronus/bpf.h>

#include "bpf/object.h"

#define PROGRAM "pt_classify"
#define TABLES "pt_tables"
#define LOG_SIZE 65536 /* the verifier's last words */
#define ROOM_MIN ((size_t)256 << 10) /* tables of some hundred rules */
#define WINDOW ((size_t)64 << 10) /* of the tables that is mapped at a time: it counts as memory of ours */

struct pt_bpf {
	struct bpf_object *object; /* loaded here; NULL: the kernel's own */
	int prog, tables;
	uint32_t id;
	size_t room; /* bytes of a tables' value, whose last word is their digest */
	int spare;   /* tables in their place that are still empty, -1 */
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
	if (b->spare >= 0)
		close(b->spare);
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

size_t pt_bpf_room(const struct pt_bpf *b)
{
	return b->room ? b->room - sizeof(uint64_t) : 0;
}

static struct pt_bpf *bpf_new(void)
{
	struct pt_bpf *b = calloc(1, sizeof(*b));

	if (b)
		b->prog = b->tables = b->spare = -1;
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

/* The size of the tables' value is part of the program: the verifier holds each access against it. */
static int set_room(struct bpf_object *object, size_t room)
{
	struct bpf_map *tables = bpf_object__find_map_by_name(object, TABLES), *map;
	__u32 mask = (__u32)(room / sizeof(__u64) - 1);
	const char *name;
	size_t size;
	void *value;

	bpf_object__for_each_map(map, object) {
		name = strrchr(bpf_map__name(map), '.');
		value = (void *)bpf_map__initial_value(map, &size); /* ours to set before the loading */
		if (name && !strcmp(name, ".rodata") && value && size == sizeof(mask))
			memcpy(value, &mask, sizeof(mask));
	}
	return tables && bpf_map__inner_map(tables) ?
		       bpf_map__set_value_size(bpf_map__inner_map(tables), (__u32)room) : -ENOEXEC;
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
	rc = set_room(b->object, b->room);
	if (!rc)
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

int pt_bpf_load(size_t bytes, struct pt_bpf **out, struct pt_err *e)
{
	struct pt_bpf *b = bpf_new();
	char *log = calloc(1, LOG_SIZE);
	libbpf_print_fn_t before;
	int rc = -ENOMEM;

	*out = NULL;
	if (b && log) {
		for (b->room = ROOM_MIN; pt_bpf_room(b) < bytes;)
			b->room *= 2;
		before = libbpf_set_print(quiet); /* errors are told here */
		rc = object_load(b, log);
		libbpf_set_print(before);
	}
	if (rc == -EPERM)
		pt_err_add(e, PT_ERROR, NULL, "run it as root: the kernel asks for CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN",
			   "loading the classifier into the kernel: not permitted");
	else if (rc)
		pt_err_sys(e, rc, "loading the classifier into the kernel%s%s", log && log[0] ? ": " : "",
			   log && log[0] ? last_words(log) : "");
	if (rc) {
		pt_bpf_close(b);
		b = NULL;
	}
	free(log);
	*out = b;
	return rc;
}

static int map_info(__u32 id, struct bpf_map_info *info, int *fd)
{
	__u32 n = sizeof(*info);

	memset(info, 0, sizeof(*info));
	*fd = bpf_map_get_fd_by_id(id);
	if (*fd < 0)
		return -errno;
	return bpf_obj_get_info_by_fd(*fd, info, &n) ? -errno : 0;
}

/* Of the program's maps the one that holds the tables. */
static int map_of(int prog, int *tables)
{
	struct bpf_prog_info info = { 0 };
	struct bpf_map_info map;
	__u32 ids[4] = { 0 };
	int fd, rc;

	info.nr_map_ids = PT_ARRAY_SIZE(ids);
	info.map_ids = (uintptr_t)ids;
	rc = info_of(prog, &info);
	for (size_t i = 0; !rc && i < info.nr_map_ids && i < PT_ARRAY_SIZE(ids); i++) {
		rc = map_info(ids[i], &map, &fd);
		if (!rc && map.type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
			*tables = fd;
			return 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return rc ? rc : -EBADMSG;
}

/* What is in use now, if anything is; *FD is to be closed. */
static int in_use(const struct pt_bpf *b, struct bpf_map_info *info, int *fd)
{
	__u32 zero = 0, id;

	*fd = -1;
	memset(info, 0, sizeof(*info));
	if (bpf_map_lookup_elem(b->tables, &zero, &id))
		return -errno;
	return map_info(id, info, fd);
}

int pt_bpf_open(uint32_t prog_id, struct pt_bpf **out, struct pt_err *e)
{
	struct pt_bpf *b = bpf_new();
	struct bpf_map_info info;
	int fd, rc = b ? 0 : -ENOMEM;

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
	if (!in_use(b, &info, &fd))
		b->room = info.value_size;
	if (fd >= 0)
		close(fd);
	*out = b;
	return 0;
}

/* ---- the tables ---- */

/* Of word number I: a sum of these changes with one of them without the others being read. (The constants are those of splitmix64.) */
static uint64_t mix(uint64_t word, size_t i)
{
	uint64_t h = word + (i + 1) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

uint64_t pt_bpf_tables_digest(const uint64_t *words, size_t n_words)
{
	uint64_t h = n_words;

	for (size_t i = 0; i < n_words; i++)
		h += mix(words[i], i);
	return h ? h : 1; /* 0: none yet */
}

void pt_bpf_tables_name(uint64_t digest, char out[PT_BPF_TABLES_NAME])
{
	out[0] = '\0';
	if (digest)
		(void)snprintf(out, PT_BPF_TABLES_NAME, "t%014llx", (unsigned long long)(digest >> 8));
}

static int map_new(const struct pt_bpf *b)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pt_classes", sizeof(__u32), (__u32)b->room, 1, &opts);

	return fd < 0 ? -errno : fd;
}

/* Through windows: a copy of the whole would need as much memory again. */
static int fill(int fd, const uint64_t *words, size_t size)
{
	for (size_t at = 0; at < size; at += WINDOW) {
		size_t n = size - at < WINDOW ? size - at : WINDOW;
		void *to = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)at);

		if (to == MAP_FAILED)
			return -errno;
		memcpy(to, (const char *)words + at, n);
		munmap(to, n);
	}
	return 0;
}

/* The last word of tables of ROOM bytes, for the time of TAKE. */
static int with_digest(int fd, size_t room, void (*take)(uint64_t *word, uint64_t *digest), uint64_t *digest)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *last;

	if (room < page)
		return -EBADMSG; /* of another version */
	last = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(room - page));
	if (last == MAP_FAILED)
		return -errno;
	take((uint64_t *)(void *)(last + page) - 1, digest);
	munmap(last, page);
	return 0;
}

static void read_word(uint64_t *word, uint64_t *digest)
{
	*digest = *word;
}

static void write_word(uint64_t *word, uint64_t *digest)
{
	*word = *digest;
}

int pt_bpf_tables_ahead(struct pt_bpf *b, struct pt_err *e)
{
	__u32 zero = 0;
	int rc = 0;

	b->spare = map_new(b);
	if (b->spare < 0)
		rc = b->spare;
	else if (bpf_map_update_elem(b->tables, &zero, &b->spare, BPF_ANY))
		rc = -errno;
	return rc ? pt_err_sys(e, rc, "giving the classifier empty tables") : 0;
}

int pt_bpf_tables_new(struct pt_bpf *b, const uint64_t *words, size_t n_words, uint64_t digest, int *fd,
		      struct pt_err *e)
{
	size_t size = n_words * sizeof(*words);
	int rc = size > pt_bpf_room(b) ? -E2BIG : 0;

	*fd = -1;
	if (!rc)
		*fd = b->spare >= 0 ? fcntl(b->spare, F_DUPFD_CLOEXEC, 0) : map_new(b);
	if (!rc && *fd < 0)
		rc = b->spare >= 0 ? -errno : *fd;
	if (!rc)
		rc = fill(*fd, words, size);
	if (!rc)
		rc = with_digest(*fd, b->room, write_word, &digest); /* last: tables without are none */
	if (rc && *fd >= 0)
		close(*fd);
	if (rc)
		*fd = -1;
	return rc ? pt_err_sys(e, rc, "giving the classifier's tables (%zu bytes) to the kernel", size) : 0;
}

int pt_bpf_tables_in_use(const struct pt_bpf *b, uint64_t *digest, struct pt_err *e)
{
	struct bpf_map_info info;
	int fd, rc = in_use(b, &info, &fd);

	*digest = 0;
	if (!rc)
		rc = with_digest(fd, info.value_size, read_word, digest);
	if (fd >= 0)
		close(fd);
	return rc && rc != -ENOENT ? pt_err_sys(e, rc, "asking for the classifier's tables") : 0;
}

/* The word that number AT is half of, at WORD; the digest stands at LAST. */
static int change_number(uint64_t *word, uint64_t *last, const struct pt_bpf_number *x, uint64_t *digest)
{
	uint32_t *number = (uint32_t *)(void *)word + x->at % 2;
	uint64_t without = *digest - mix(*word, x->at / 2), after;

	if (*last != *digest || (*number & x->mask) != x->from)
		return -ESTALE;
	__atomic_store_n(last, 0, __ATOMIC_SEQ_CST); /* whoever ends here leaves tables that nobody takes for what they were */
	__atomic_store_n(number, (*number & ~x->mask) | x->to, __ATOMIC_SEQ_CST);
	after = without + mix(*word, x->at / 2);
	*digest = after ? after : 1;
	__atomic_store_n(last, *digest, __ATOMIC_SEQ_CST);
	return 0;
}

int pt_bpf_tables_change(struct pt_bpf *b, const struct pt_bpf_number *x, uint64_t *digest, struct pt_err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at = x->at * sizeof(uint32_t) / sizeof(uint64_t) * sizeof(uint64_t);
	struct bpf_map_info info;
	char *here = MAP_FAILED, *last = MAP_FAILED;
	int fd, rc = in_use(b, &info, &fd);

	if (rc == -ENOENT || (!rc && (info.value_size < page || at + 2 * sizeof(uint64_t) > info.value_size)))
		rc = -ESTALE;
	if (!rc) {
		here = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(at / page * page));
		last = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(info.value_size - page));
		rc = here == MAP_FAILED || last == MAP_FAILED ? -errno : 0;
	}
	if (!rc)
		rc = change_number((uint64_t *)(void *)(here + at % page), (uint64_t *)(void *)(last + page) - 1, x, digest);
	if (here != MAP_FAILED)
		munmap(here, page);
	if (last != MAP_FAILED)
		munmap(last, page);
	if (fd >= 0)
		close(fd);
	return rc && rc != -ESTALE ? pt_err_sys(e, rc, "changing the classifier's tables") : rc;
}

int pt_bpf_tables_settle(struct pt_bpf *b, struct pt_err *e)
{
	struct bpf_map_info info;
	__u32 zero = 0;
	int fd, rc = in_use(b, &info, &fd);

	if (!rc && bpf_map_update_elem(b->tables, &zero, &fd, BPF_ANY))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc ? pt_err_sys(e, rc, "exchanging the classifier's tables for the same") : 0;
}

int pt_bpf_tables_use(struct pt_bpf *b, int fd, struct pt_err *e)
{
	__u32 zero = 0;

	if (b->spare >= 0) { /* FD is the same: it is in its place */
		close(b->spare);
		b->spare = -1;
		return 0;
	}
	/* For a map of maps the kernel waits for all programs that still see the old one. A packet goes
	 * from its program to our prerouting chain under the same read lock. */
	if (bpf_map_update_elem(b->tables, &zero, &fd, BPF_ANY))
		return pt_err_sys(e, -errno, "exchanging the classifier's tables");
	return 0;
}
