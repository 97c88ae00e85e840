/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * classify - what the classifier of a file costs to make, and how fast the evaluator is with it.
 *
 *   classify FILE [PACKETS]
 *
 * Prints one line of JSON for each direction. Packets have addresses, ports and devices from the rules, so
 * that most of them meet one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/classify.h>

#define RUNS 9

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t rng = 0x9e3779b97f4a7c15ull;

static size_t rnd(size_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (size_t)(rng >> 16) % n;
}

/* ---- making ---- */

static int by_time(const void *x, const void *y)
{
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static int compile(const struct pt_policy *p, enum pt_dir dir, struct pt_err *e)
{
	static const struct pt_class_device any = { "", 1 };
	struct pt_arena *a = pt_arena_new();
	struct pt_class_input in = { .devices = &any, .n_devices = 1 };
	struct pt_classifier *c = NULL;
	struct pt_order order;
	double ms[RUNS];
	int rc = a ? pt_order_build(p, dir, a, &order) : -ENOMEM;

	in.order = &order;
	for (int i = 0; !rc && i < RUNS; i++) {
		double start = now_ms();

		pt_classifier_free(c);
		rc = pt_classifier_build(&in, &c, e);
		ms[i] = now_ms() - start;
	}
	if (!rc) {
		qsort(ms, RUNS, sizeof(*ms), by_time);
		printf("{\"direction\":\"%s\",\"rules\":%u,\"why_not\":\"%s\",\"build_ms\":%.2f,\"kib\":%zu,"
		       "\"sources\":[%u,%u],\"destinations\":[%u,%u],\"rest\":%u,\"steps\":%u",
		       dir == PT_IN ? "in" : "out", order.n_const, order.why_not ? order.why_not : "", ms[RUNS / 2],
		       c->n_words / 128, c->classes[0][0], c->classes[0][1], c->classes[1][0], c->classes[1][1],
		       c->rest, c->steps);
	}
	pt_classifier_free(c);
	pt_arena_free(a);
	return rc;
}

/* ---- asking ---- */

static pt_u128 pick(const struct pt_pol_addr *a, enum pt_af af)
{
	const struct pt_iset *s = af == PT_AF_INET6 ? &a->v6 : &a->v4;
	const struct pt_ival *v = s->n ? &s->v[rnd(s->n)] : NULL;

	if (!v)
		return (pt_u128)rng & pt_af_max(af);
	return v->lo + (v->hi > v->lo ? (pt_u128)rng % (v->hi - v->lo) : 0);
}

static uint16_t port(const struct pt_iset *s)
{
	return (uint16_t)(s->n ? s->v[rnd(s->n)].lo : rnd(65536));
}

static void make_packet(const struct pt_policy *p, struct pt_packet *k)
{
	const struct pt_pol_rule *r = &p->rules.v[p->n_builtin + rnd(p->rules.n - p->n_builtin)];
	enum pt_af af = r->af & PT_AF_INET ? PT_AF_INET : PT_AF_INET6;

	memset(k, 0, sizeof(*k));
	k->af = af;
	k->src = (struct pt_addr){ af, pick(&r->src, af) };
	k->dst = (struct pt_addr){ af, pick(&r->dst, af) };
	k->proto = r->protos.n ? r->protos.v[0] : PT_PROTO_TCP;
	k->sport = port(&r->sport);
	k->dport = port(&r->dport);
	k->tcp_flags = 0x02;
}

static int ask(const struct pt_policy *p, enum pt_dir dir, size_t n, struct pt_err *e)
{
	static const struct pt_host host;
	struct pt_packet *k = calloc(n, sizeof(*k));
	struct pt_decision d;
	struct pt_eval *v = NULL;
	size_t passed = 0;
	double start;
	int rc = k ? pt_eval_new(p, &host, &v, e) : -ENOMEM;

	for (size_t i = 0; !rc && i < n; i++)
		make_packet(p, &k[i]);
	start = now_ms();
	for (size_t i = 0; !rc && i < n; i++) {
		pt_evaluate(v, &k[i], dir, "eth0", &d);
		passed += d.pass;
	}
	if (!rc)
		printf(",\"packets_per_s\":%.0f,\"passed\":%zu}\n", (double)n * 1e3 / (now_ms() - start), passed);
	pt_eval_free(v);
	free(k);
	return rc;
}

static int bench(const char *path, size_t n)
{
	struct pt_conf *c = NULL;
	struct pt_policy *p = NULL;
	struct pt_err e = { 0 };
	char *text = NULL;
	size_t len;
	int rc = pt_file_read(path, PT_FILE_MAX, &text, &len, &e);

	if (!rc)
		rc = pt_conf_parse(path, text, len, &c, &e);
	if (!rc)
		rc = pt_policy_build(c, &p, &e);
	if (!rc && p->rules.n == p->n_builtin)
		rc = -ENODATA;
	for (int dir = PT_IN; !rc && dir <= PT_OUT; dir++) {
		rc = compile(p, (enum pt_dir)dir, &e);
		if (!rc)
			rc = ask(p, (enum pt_dir)dir, n, &e);
	}
	if (rc)
		(void)fprintf(stderr, "classify: %s: %s\n", path, e.list.n ? e.list.v[0].msg : strerror(-rc));
	pt_policy_free(p);
	pt_conf_free(c);
	pt_err_fini(&e);
	free(text);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)fputs("usage: classify FILE [PACKETS]\n", stderr);
		return 2;
	}
	return bench(argv[1], argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000) ? 1 : 0;
}
