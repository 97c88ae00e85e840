/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bpf/each - the program that gives hosts their classes: settings in, hosts out. What the kernel tells is not believed: a program of
 * that name may be anybody's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <patronus/each.h>

#include "bpf/each.h"
#include "bpf/object.h"

#define PROGRAM "pt_each_class"
#define HOSTS "pt_each_hosts"
#define SLOTS "pt_each_slots"
#define SECOND 1000000000ull
#define MAPS_MAX 8

/* ---- settings ---- */

static void mask_of(enum pt_af af, uint8_t len, __u32 out[4])
{
	const struct pt_prefix all = { .addr = { af, pt_af_max(af) }, .len = len };
	const struct pt_addr first = { af, pt_prefix_lo(&all) };

	memset(out, 0, sizeof(__u32) * 4);
	pt_addr_to_bytes(first, (uint8_t *)out);
}

static void net_of(const struct pt_prefix *p, struct each_net *out)
{
	const struct pt_addr first = { p->addr.af, pt_prefix_lo(p) };

	*out = (struct each_net){ .family = p->addr.af == PT_AF_INET ? EACH_INET : EACH_INET6 };
	pt_addr_to_bytes(first, (uint8_t *)out->addr);
	mask_of(p->addr.af, p->len, out->mask);
}

static void settings_of(const struct pt_each *each, struct each_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->idle = PT_EACH_IDLE * SECOND;
	s->source = each->source;
	s->n_slots = each->n_classes;
	s->rest = each->rest;
	s->crowd = each->crowd;
	mask_of(PT_AF_INET, each->len4, s->mask[0]);
	mask_of(PT_AF_INET6, each->len6, s->mask[1]);
	s->length[0] = each->len4;
	s->length[1] = each->len6;
	for (size_t i = 0; i < each->n_of && i < EACH_NETS; i++)
		net_of(&each->of[i], &s->nets[s->n_nets++]);
}

void pt_each_name(const struct pt_each *each, char out[PT_EACH_NAME])
{
	struct each_settings s;
	uint64_t hash = pt_hash64(bpf_each, bpf_each_size);

	settings_of(each, &s);
	hash = hash * 0xff51afd7ed558ccdull ^ pt_hash64(&s, sizeof(s));
	hash = hash * 0xff51afd7ed558ccdull ^ pt_hash64(each->classes, each->n_classes * sizeof(*each->classes));
	(void)snprintf(out, PT_EACH_NAME, PT_EACH_NAME_OURS "%016llx", (unsigned long long)hash);
}

/* ---- into the kernel ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int prepare(struct bpf_object *object, const struct pt_each *each)
{
	struct bpf_map *hosts = bpf_object__find_map_by_name(object, HOSTS), *slots = bpf_object__find_map_by_name(object, SLOTS), *map;
	struct each_settings s;
	bool set = false;
	size_t size;
	void *value;

	settings_of(each, &s);
	bpf_object__for_each_map(map, object) {
		value = (void *)bpf_map__initial_value(map, &size); /* ours to set before the loading */
		if (value && size == sizeof(s)) {
			memcpy(value, &s, sizeof(s));
			set = true;
		}
	}
	if (!set || !hosts || !slots || bpf_map__set_max_entries(hosts, each->n_classes) ||
	    bpf_map__set_max_entries(slots, each->n_classes))
		return -ENOEXEC;
	return bpf_object__load(object);
}

static int fill(struct bpf_object *object, const struct pt_each *each)
{
	int slots = bpf_object__find_map_fd_by_name(object, SLOTS);

	for (uint32_t i = 0; i < each->n_classes; i++) {
		const struct each_slot slot = { .class = each->classes[i] };

		if (bpf_map_update_elem(slots, &i, &slot, BPF_ANY))
			return -errno;
	}
	return 0;
}

int pt_each_load(const struct pt_each *each, int *fd, struct pt_err *e)
{
	libbpf_print_fn_t before = libbpf_set_print(quiet); /* errors are told here */
	struct bpf_object *object = bpf_object__open_mem(bpf_each, bpf_each_size, NULL);
	struct bpf_program *program = object ? bpf_object__find_program_by_name(object, PROGRAM) : NULL;
	int rc = object ? program ? prepare(object, each) : -ENOEXEC : -errno;

	*fd = -1;
	if (!rc)
		rc = fill(object, each);
	if (!rc) {
		*fd = dup(bpf_program__fd(program));
		rc = *fd < 0 ? -errno : 0;
	}
	bpf_object__close(object);
	libbpf_set_print(before);
	return rc ? pt_err_sys(e, rc, "loading the program that tells hosts apart into the kernel") : 0;
}

int pt_each_open(uint32_t prog_id, int *fd)
{
	*fd = bpf_prog_get_fd_by_id(prog_id);
	return *fd < 0 ? -errno : 0;
}

/* ---- who has which ---- */

struct maps {
	int hosts, settings; /* -1: not found */
};

/* By what they look like: names are cut. */
static void keep_map(int fd, const struct bpf_map_info *map, struct maps *out)
{
	if (map->type == BPF_MAP_TYPE_HASH && map->key_size == sizeof(struct each_host) &&
	    map->value_size == sizeof(struct each_place) && out->hosts < 0)
		out->hosts = fd;
	else if (map->type == BPF_MAP_TYPE_ARRAY && map->value_size == sizeof(struct each_settings) && out->settings < 0)
		out->settings = fd;
	else
		close(fd);
}

static int maps_of(int prog, struct maps *out)
{
	__u32 ids[MAPS_MAX] = { 0 }, size;
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids };

	size = sizeof(info);
	if (bpf_obj_get_info_by_fd(prog, &info, &size))
		return -errno;
	for (size_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = { 0 };
		int fd = bpf_map_get_fd_by_id(ids[i]);

		size = sizeof(map);
		if (fd < 0)
			return -errno;
		if (bpf_obj_get_info_by_fd(fd, &map, &size))
			memset(&map, 0, sizeof(map));
		keep_map(fd, &map, out);
	}
	return out->hosts < 0 || out->settings < 0 ? -EBADMSG : 0;
}

static int add_host(const struct each_host *h, const struct each_place *p, uint64_t now, struct pt_arena *a, struct pt_each_now *out)
{
	struct pt_each_host one = { .class = p->class };
	uint32_t family = h->family & ((1u << EACH_LENGTH) - 1), length = h->family >> EACH_LENGTH;

	if ((family != EACH_INET && family != EACH_INET6) || length > (family == EACH_INET ? 32 : 128))
		return 0;
	one.prefix.len = (uint8_t)length;
	one.prefix.addr = pt_addr_from_bytes((const uint8_t *)h->addr, family == EACH_INET ? 4 : 16);
	one.idle = now > p->seen ? (uint32_t)((now - p->seen) / SECOND) : 0;
	return pt_vec_push(a, &out->hosts, one);
}

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* Hosts come and go meanwhile, and a walk whose place is gone begins anew: it ends all the same. */
static int walk(int hosts, struct pt_arena *a, struct pt_each_now *out)
{
	struct each_host key, next;
	struct each_place place;
	uint64_t now = clock_now();
	int rc = 0;

	for (size_t i = 0; !rc && i < 2 * UINT16_MAX && !bpf_map_get_next_key(hosts, i ? &key : NULL, &next); i++) {
		key = next;
		if (!bpf_map_lookup_elem(hosts, &key, &place))
			rc = add_host(&key, &place, now, a, out);
	}
	return rc;
}

int pt_each_read(uint32_t prog_id, struct pt_arena *a, struct pt_each_now *out)
{
	struct maps maps = { -1, -1 };
	struct each_settings settings;
	__u32 zero = 0;
	int prog = -1, rc = pt_each_open(prog_id, &prog);

	*out = (struct pt_each_now){ 0 };
	if (!rc)
		rc = maps_of(prog, &maps);
	if (!rc && bpf_map_lookup_elem(maps.settings, &zero, &settings))
		rc = -errno;
	if (!rc) {
		out->rest = settings.rest;
		out->crowd = settings.crowd;
		rc = walk(maps.hosts, a, out);
	}
	for (size_t i = 0; i < 2; i++)
		if ((i ? maps.hosts : maps.settings) >= 0)
			close(i ? maps.hosts : maps.settings);
	if (prog >= 0)
		close(prog);
	return rc;
}
