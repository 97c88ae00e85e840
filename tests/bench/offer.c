/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offer - hands packets to routers as the driver of a network card would, and tells what one
 * costs from there to the device behind the router.
 *
 *   offer [-s SEED] [-h FLOWS] [-r ROUNDS] [-t MS] OBJECT TRACE NAME=NAMESPACE ...
 *   offer -1 [-s SEED] [-o PREFIX] OBJECT TRACE NAME=NAMESPACE ...
 *
 * OBJECT holds the programs of offer.bpf.c; TRACE has a header a line as ClassBench writes it: source,
 * destination (a number, or an address as text), ports, protocol. Each router is a network namespace
 * (its file) that router.sh made: packets arrive at in0 and leave by out0.
 *
 * With -1 every router gets each header once, in random order. PREFIX.NAME then tells "LINE PASSED" of each.
 * Else the routers take turns: in each round each gets headers at random for MS of its time, then
 * FLOWS of them only. Prints "NAME TRAFFIC NANOSECONDS OFFERED PASSED": TRAFFIC is once, uniform, hot or none
 * (frames that are made and thrown away, to know what that costs); the time is the kernel's own, and
 * PASSED is what out0 counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "offer.h"

#define IN "in0"
#define IN_PEER "in1"
#define OUT "out0"
#define BATCH 64
#define LEAST 512 /* packets in a measurement, however slow */

struct options {
	bool once;
	unsigned int seed;
	size_t flows;
	long rounds;
	double ms;
	const char *verdicts, *object, *trace;
	char **routers;
	int routers_n;
};

struct router {
	const char *name;
	int fd;
	__u32 ns; /* what a packet costs, roughly */
};

struct offer {
	struct bpf_object *object;
	int program, control;
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

static int load(struct offer *offer, const char *path, const struct trace *t)
{
	struct bpf_map *headers;

	offer->object = bpf_object__open_file(path, NULL);
	if (!offer->object)
		return complain("open", path);
	headers = bpf_object__find_map_by_name(offer->object, "headers");
	if (!headers || bpf_map__set_max_entries(headers, (__u32)t->n) < 0 || bpf_object__load(offer->object) < 0)
		return complain("load", path);
	offer->program = bpf_program__fd(bpf_object__find_program_by_name(offer->object, "offer"));
	offer->control = bpf_object__find_map_fd_by_name(offer->object, "control");
	/* From here on, what fails is told below; that a place to count at exists is no failure. */
	(void)libbpf_set_print(NULL);
	return fill(offer->object, t);
}

/*
 * A program that runs for the first time is written into the kernel's dispatcher and taken out when it
 * ends, half a second each run. It stays there as long as it sits on some device: one where
 * nothing arrives. Without it everything works, slowly.
 */
static void stay_in_dispatcher(const struct offer *offer)
{
	(void)bpf_xdp_attach((int)if_nametoindex(IN_PEER), offer->program, XDP_FLAGS_DRV_MODE, NULL);
}

static void leave_dispatcher(void)
{
	(void)bpf_xdp_detach((int)if_nametoindex(IN_PEER), XDP_FLAGS_DRV_MODE, NULL);
}

/* ---- routers ---- */

static int enter(const struct router *r)
{
	return setns(r->fd, CLONE_NEWNET) < 0 ? complain("enter the namespace of", r->name) : 0;
}

static struct router *open_routers(char **texts, int n)
{
	struct router *routers = calloc((size_t)n, sizeof(*routers));

	for (int i = 0; routers && i < n; i++) {
		char *equals = strchr(texts[i], '=');

		if (equals)
			*equals = '\0';
		routers[i].name = texts[i];
		routers[i].fd = equals ? open(equals + 1, O_RDONLY | O_CLOEXEC) : -1;
		if (routers[i].fd < 0) {
			(void)complain("open the namespace of", texts[i]);
			free(routers);
			return NULL;
		}
	}
	return routers;
}

/* Packets that out0 took, whichever way it counts them: ifb receives them, dummy sends. */
static unsigned long long taken(void)
{
	FILE *f = fopen("/proc/thread-self/net/dev", "re");
	unsigned long long received, sent, n = 0;
	char line[512], name[64];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %63[^:]: %*u %llu %*u %*u %*u %*u %*u %*u %*u %llu", name, &received, &sent) == 3 &&
		    strcmp(name, OUT) == 0)
			n = received + sent;
	}
	if (f)
		(void)fclose(f);
	return n;
}

/* ---- offering ---- */

/* Offers n packets in the current namespace. */
static int run(const struct offer *offer, const struct offer_control *control, size_t n, __u32 *ns)
{
	unsigned char frame[OFFER_FRAME] = { 0 };
	struct xdp_md ctx = { .data_end = OFFER_FRAME, .ingress_ifindex = if_nametoindex(IN) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = (int)n, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH);
	__u32 zero = 0;

	if (bpf_map_update_elem(offer->control, &zero, control, BPF_ANY) < 0)
		return complain("set", "what to offer");
	if (bpf_prog_test_run_opts(offer->program, &opts) < 0)
		return complain("offer frames to", IN);
	*ns = opts.duration;
	return 0;
}

static int measure(const struct offer *offer, struct router *r, const char *traffic,
		   const struct offer_control *control, size_t n)
{
	unsigned long long before = taken();

	if (run(offer, control, n, &r->ns) < 0)
		return -1;
	printf("%s %s %u %zu %llu\n", r->name, traffic, r->ns, n, taken() - before);
	return 0;
}

static int offer_round(const struct offer *offer, const struct options *o, struct router *r, size_t headers)
{
	struct offer_control uniform = { .mode = OFFER_RANDOM, .headers = (__u32)headers };
	struct offer_control hot = { .mode = OFFER_RANDOM, .headers = (__u32)(o->flows < headers ? o->flows : headers) };
	struct offer_control none = { .mode = OFFER_NONE, .headers = (__u32)headers };
	double fill_time = o->ms * 1e6 / (r->ns ? r->ns : 1);
	size_t n = fill_time < LEAST ? LEAST : (size_t)fill_time;
	__u32 ns = r->ns;

	if (enter(r) < 0 || measure(offer, r, "uniform", &uniform, n) < 0 || measure(offer, r, "hot", &hot, n) < 0 ||
	    measure(offer, r, "none", &none, n) < 0)
		return -1;
	r->ns = ns;
	return 0;
}

/* Also makes the flows known to conntrack, and tells how many packets fill the time. */
static int offer_all(const struct offer *offer, struct router *r, size_t headers)
{
	struct offer_control once = { .mode = OFFER_ONCE, .headers = (__u32)headers };

	return enter(r) < 0 ? -1 : measure(offer, r, "once", &once, headers);
}

/* ---- which came through ---- */

static int attach_counter(const struct offer *offer, bool attach)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(OUT), .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	int rc;

	if (!attach)
		return bpf_tc_detach(&hook, &opts);
	rc = bpf_tc_hook_create(&hook);
	if (rc < 0 && rc != -EEXIST)
		return complain("make a place to count at", OUT);
	opts.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(offer->object, "count_passed"));
	return bpf_tc_attach(&hook, &opts) < 0 ? complain("count at", OUT) : 0;
}

/* Writes what was counted, and sets it to zero for the next router. */
static int write_verdicts(const struct offer *offer, const char *path, size_t n)
{
	int fd = bpf_object__find_map_fd_by_name(offer->object, "passed");
	FILE *f = fopen(path, "we");
	__u32 passed = 0, none = 0;
	int rc = 0;

	if (!f)
		return complain("open", path);
	for (__u32 i = 1; i <= n && rc == 0; i++) {
		rc = bpf_map_lookup_elem(fd, &i, &passed);
		(void)fprintf(f, "%u %u\n", i, passed);
		rc = rc < 0 ? rc : bpf_map_update_elem(fd, &i, &none, BPF_ANY);
	}
	if (fclose(f) != 0 || rc < 0)
		return complain("write", path);
	return 0;
}

static int verify(const struct offer *offer, const struct options *o, struct router *r, size_t headers)
{
	char path[4096];
	int rc;

	if (headers >= OFFER_NUMBERS) {
		errno = E2BIG;
		return complain("number the headers of", o->trace);
	}
	(void)snprintf(path, sizeof(path), "%s.%s", o->verdicts, r->name);
	if (enter(r) < 0 || attach_counter(offer, true) < 0)
		return -1;
	rc = offer_all(offer, r, headers);
	(void)attach_counter(offer, false);
	return rc < 0 ? rc : write_verdicts(offer, path, headers);
}

/* ---- command line ---- */

static int offer_to_each(const struct offer *offer, const struct options *o, struct router *routers, size_t headers)
{
	for (int i = 0; i < o->routers_n; i++) {
		struct router *r = &routers[i];

		if ((o->verdicts ? verify(offer, o, r, headers) : offer_all(offer, r, headers)) < 0)
			return -1;
	}
	for (long round = 0; round < o->rounds && !o->once; round++) {
		for (int i = 0; i < o->routers_n; i++) {
			if (offer_round(offer, o, &routers[i], headers) < 0)
				return -1;
		}
	}
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "1h:o:r:s:t:")) != -1) {
		switch (c) {
		case '1': o->once = true; break;
		case 'h': o->flows = strtoul(optarg, NULL, 10); break;
		case 'o': o->verdicts = optarg; break;
		case 'r': o->rounds = strtol(optarg, NULL, 10); break;
		case 's': o->seed = (unsigned int)strtoul(optarg, NULL, 10); break;
		case 't': o->ms = strtod(optarg, NULL); break;
		default: return -1;
		}
	}
	if (argc - optind < 3)
		return -1;
	o->object = argv[optind];
	o->trace = argv[optind + 1];
	o->routers = argv + optind + 2;
	o->routers_n = argc - optind - 2;
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
	struct options o = { .seed = 1, .flows = 256, .rounds = 1, .ms = 100 };
	struct router *routers = NULL;
	struct offer offer = { 0 };
	struct trace t = { 0 };
	int rc = 1;

	if (parse_options(argc, argv, &o) < 0) {
		(void)fputs("usage: offer [-1] [-h FLOWS] [-o PREFIX] [-r ROUNDS] [-s SEED] [-t MS] OBJECT TRACE"
			    " NAME=NAMESPACE ...\n", stderr);
		return 2;
	}
	(void)libbpf_set_print(print_warnings);
	if (stay_here() < 0 || read_trace(&t, o.trace) < 0)
		goto out;
	shuffle(&t, o.seed);
	routers = open_routers(o.routers, o.routers_n);
	if (!routers || enter(&routers[0]) < 0 || load(&offer, o.object, &t) < 0)
		goto out;
	stay_in_dispatcher(&offer);
	if (offer_to_each(&offer, &o, routers, t.n) == 0)
		rc = 0;
	if (enter(&routers[0]) == 0)
		leave_dispatcher();
out:
	bpf_object__close(offer.object);
	free(routers);
	free(t.headers);
	return rc;
}
