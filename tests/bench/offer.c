/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer - hands packets to a router as the driver of a network card would, and tells what one
 * costs from there to the device behind the router.
 *
 *   offer [-s SEED] [-h FLOWS] [-t MS] OBJECT IN OUT TRACE     headers at random, for MS
 *   offer -1 [-o FILE] ... OBJECT IN OUT TRACE                 each header once
 *   offer -0 ... OBJECT IN OUT TRACE                           make frames, offer none
 *
 * It runs in the router's namespace. OBJECT holds the programs of offer.bpf.c; TRACE has a header a
 * line as ClassBench writes it: source, destination (a number, or an address as text), ports,
 * protocol. -h takes FLOWS of them only. Prints "NANOSECONDS OFFERED PASSED": the time is the kernel's
 * own for its frames, PASSED what the device OUT counted. FILE gets "LINE PASSED" for each
 * header.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "offer.h"

#define BATCH 64
#define PROBE 512 /* packets that tell how many fill the time */

enum mode { RANDOM, ONCE, NONE };

struct options {
	enum mode mode;
	unsigned int seed;
	size_t flows;
	double ms;
	const char *verdicts;
	const char *object, *in, *out, *trace;
};

struct trace {
	struct offer_header *headers;
	size_t n, cap;
};

static int complain(const char *what, const char *on)
{
	(void)fprintf(stderr, "offer: %s %s: %s\n", what, on, strerror(errno));
	return -1;
}

/* libbpf tells in detail why the kernel refuses a program. */
static int print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* ---- the trace ---- */

static bool parse_address(const char *text, __u8 *bytes, __u8 *family)
{
	char *end;
	uint32_t number;

	if (strchr(text, ':')) {
		*family = 6;
		return inet_pton(AF_INET6, text, bytes) == 1;
	}
	*family = 4;
	if (strchr(text, '.'))
		return inet_pton(AF_INET, text, bytes) == 1;
	number = htonl((uint32_t)strtoul(text, &end, 10));
	memcpy(bytes, &number, sizeof(number));
	return end != text && *end == '\0';
}

static bool parse_header(char *line, struct offer_header *h)
{
	static const char blanks[] = " \t\n";
	char *save, *field[5];
	__u8 family;

	memset(h, 0, sizeof(*h));
	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, blanks, &save);
		if (!field[i])
			return false;
	}
	h->sport = htons((uint16_t)strtoul(field[2], NULL, 10));
	h->dport = htons((uint16_t)strtoul(field[3], NULL, 10));
	h->proto = (__u8)strtoul(field[4], NULL, 10);
	return parse_address(field[0], h->src, &h->family) && parse_address(field[1], h->dst, &family) &&
	       family == h->family;
}

static int append(struct trace *t, const struct offer_header *h)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16384;
		struct offer_header *more = realloc(t->headers, cap * sizeof(*more));

		if (!more)
			return complain("memory for", "headers");
		t->headers = more;
		t->cap = cap;
	}
	t->headers[t->n] = *h;
	t->n++;
	t->headers[t->n - 1].number = (__u16)(t->n < OFFER_NUMBERS ? t->n : 0);
	return 0;
}

static int read_trace(struct trace *t, const char *path)
{
	FILE *f = fopen(path, "re");
	struct offer_header h;
	char *line = NULL;
	size_t cap = 0;
	int rc = 0;

	if (!f)
		return complain("open", path);
	while (rc == 0 && getline(&line, &cap, f) >= 0) {
		if (parse_header(line, &h)) {
			rc = append(t, &h);
		} else {
			(void)fprintf(stderr, "offer: %s:%zu: not a header\n", path, t->n + 1);
			rc = -1;
		}
	}
	free(line);
	(void)fclose(f);
	if (rc == 0 && t->n == 0) {
		(void)fprintf(stderr, "offer: %s: no headers\n", path);
		rc = -1;
	}
	return rc;
}

/* The order must not be that of the rules, which would keep their parts of the tables in the caches. */
static void shuffle(struct trace *t, unsigned int seed)
{
	srandom(seed);
	for (size_t i = t->n - 1; i > 0; i--) {
		size_t k = (size_t)random() % (i + 1);
		struct offer_header h = t->headers[i];

		t->headers[i] = t->headers[k];
		t->headers[k] = h;
	}
}

/* ---- the programs ---- */

static int hardware_address(const char *device, __u8 mac[6])
{
	struct ifreq req = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = fd;

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", device);
	if (fd >= 0) {
		rc = ioctl(fd, SIOCGIFHWADDR, &req);
		(void)close(fd);
	}
	if (rc < 0)
		return complain("read the address of", device);
	memcpy(mac, req.ifr_hwaddr.sa_data, 6);
	return 0;
}

static int set_constants(struct bpf_object *object, const struct options *o, size_t n)
{
	struct offer_constants c = { .headers = (__u32)n };
	struct bpf_map *map = bpf_object__find_map_by_name(object, OFFER_CONSTANTS);

	if (hardware_address(o->in, c.router) < 0)
		return -1;
	if (!map || bpf_map__set_initial_value(map, &c, sizeof(c)) < 0)
		return complain("set the constants of", o->object);
	return 0;
}

static int fill(struct bpf_object *object, const struct trace *t)
{
	int fd = bpf_object__find_map_fd_by_name(object, "headers");
	__u32 n = (__u32)t->n;
	__u32 *keys = calloc(t->n, sizeof(*keys));
	int rc;

	if (!keys)
		return complain("memory for", "headers");
	for (__u32 i = 0; i < n; i++)
		keys[i] = i;
	rc = bpf_map_update_batch(fd, keys, t->headers, &n, NULL);
	free(keys);
	return rc < 0 ? complain("fill", "headers") : 0;
}

static struct bpf_object *load(const struct options *o, const struct trace *t)
{
	struct bpf_object *object = bpf_object__open_file(o->object, NULL);
	struct bpf_map *headers;

	if (!object) {
		(void)complain("open", o->object);
		return NULL;
	}
	headers = bpf_object__find_map_by_name(object, "headers");
	if (!headers || bpf_map__set_max_entries(headers, (__u32)t->n) < 0 ||
	    set_constants(object, o, t->n) < 0 || bpf_object__load(object) < 0 || fill(object, t) < 0) {
		(void)complain("load", o->object);
		bpf_object__close(object);
		return NULL;
	}
	return object;
}

/* ---- offering ---- */

/* Packets that a device took, whichever way it counts them: ifb receives them, dummy sends. */
static unsigned long long taken(const char *device)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	unsigned long long received, sent, n = 0;
	char line[512], name[64];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %63[^:]: %*u %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &received, &sent) == 3 &&
		    strcmp(name, device) == 0)
			n = received + sent;
	}
	if (f)
		(void)fclose(f);
	return n;
}

static int run(struct bpf_object *object, const struct options *o, const char *program, size_t n, __u32 *ns)
{
	unsigned char frame[OFFER_FRAME] = { 0 };
	struct xdp_md ctx = { .data_end = OFFER_FRAME, .ingress_ifindex = if_nametoindex(o->in) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = (int)n, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH);
	struct bpf_program *p = bpf_object__find_program_by_name(object, program);

	if (!p || bpf_prog_test_run_opts(bpf_program__fd(p), &opts) < 0)
		return complain("offer frames to", o->in);
	*ns = opts.duration;
	return 0;
}

static int report(struct bpf_object *object, const struct options *o, const char *program, size_t n)
{
	unsigned long long before = taken(o->out);
	__u32 ns;

	if (run(object, o, program, n, &ns) < 0)
		return -1;
	printf("%u %zu %llu\n", ns, n, taken(o->out) - before);
	return 0;
}

static int offer_for(struct bpf_object *object, const struct options *o)
{
	const char *program = o->mode == NONE ? "offer_none" : "offer_random";
	double n;
	__u32 ns;

	if (run(object, o, program, PROBE, &ns) < 0 || run(object, o, program, PROBE, &ns) < 0)
		return -1;
	n = o->ms * 1e6 / (ns ? ns : 1);
	return report(object, o, program, n < PROBE ? PROBE : (size_t)n);
}

/* ---- which came through ---- */

static int attach_counter(struct bpf_object *object, const struct options *o)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(o->out), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "count_passed")));
	int rc = bpf_tc_hook_create(&hook);

	if (rc < 0 && rc != -EEXIST)
		return complain("make a place to count at", o->out);
	return bpf_tc_attach(&hook, &opts) < 0 ? complain("count at", o->out) : 0;
}

static void detach_counter(const struct options *o)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(o->out), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);

	(void)bpf_tc_detach(&hook, &opts);
}

static int write_verdicts(struct bpf_object *object, const char *path, size_t n)
{
	int fd = bpf_object__find_map_fd_by_name(object, "passed");
	FILE *f = fopen(path, "we");
	int rc = 0;

	if (!f)
		return complain("open", path);
	for (__u32 i = 1; i <= n && rc == 0; i++) {
		__u32 passed = 0;

		rc = bpf_map_lookup_elem(fd, &i, &passed);
		(void)fprintf(f, "%u %u\n", i, passed);
	}
	if (fclose(f) != 0 || rc < 0)
		return complain("write", path);
	return 0;
}

static int offer_once(struct bpf_object *object, const struct options *o, size_t n)
{
	int rc;

	if (!o->verdicts)
		return report(object, o, "offer_once", n);
	if (n >= OFFER_NUMBERS) {
		errno = E2BIG;
		return complain("number the headers of", o->trace);
	}
	if (attach_counter(object, o) < 0)
		return -1;
	rc = report(object, o, "offer_once", n);
	detach_counter(o);
	return rc < 0 ? rc : write_verdicts(object, o->verdicts, n);
}

/* ---- command line ---- */

static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "01h:o:s:t:")) != -1) {
		switch (c) {
		case '0': o->mode = NONE; break;
		case '1': o->mode = ONCE; break;
		case 'h': o->flows = strtoul(optarg, NULL, 10); break;
		case 'o': o->verdicts = optarg; break;
		case 's': o->seed = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 't': o->ms = strtod(optarg, NULL); break;
		default: return -1;
		}
	}
	if (argc - optind != 4)
		return -1;
	o->object = argv[optind];
	o->in = argv[optind + 1];
	o->out = argv[optind + 2];
	o->trace = argv[optind + 3];
	return 0;
}

/* The packet's way stays on one processor, whose caches are then the ones that are measured. */
static int stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	struct options o = { .mode = RANDOM, .seed = 1, .ms = 100 };
	struct bpf_object *object = NULL;
	struct trace t = { 0 };
	int rc = 1;

	if (parse_options(argc, argv, &o) < 0) {
		(void)fputs("usage: offer [-0 | -1 [-o FILE]] [-s SEED] [-h FLOWS] [-t MS] OBJECT IN OUT TRACE\n",
			    stderr);
		return 2;
	}
	(void)libbpf_set_print(print_warnings);
	if (stay_here() < 0 || read_trace(&t, o.trace) < 0)
		goto out;
	shuffle(&t, o.seed);
	if (o.flows && o.flows < t.n)
		t.n = o.flows;
	object = load(&o, &t);
	if (object && (o.mode == ONCE ? offer_once(object, &o, t.n) : offer_for(object, &o)) == 0)
		rc = 0;
out:
	bpf_object__close(object);
	free(t.headers);
	return rc;
}
