/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What it costs to ask of each rule whether those before it leave anything of it: the work of a lint.
 *
 *   space FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <patronus/space.h>

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct sums {
	size_t boxes, covered, pairs, unknown;
	double slowest;
};

static int ask(const struct pt_space *s, enum pt_dir dir, size_t region, bool witness, struct pt_arena *a, struct sums *n)
{
	const struct pt_region *r = &s->dir[dir == PT_OUT].v.v[region];

	for (size_t i = 0; i < r->boxes.n; i++) {
		struct pt_space_hits hits = { 0 };
		struct pt_point w;
		double from = cpu();
		int rc;

		pt_arena_reset(a);
		rc = pt_space_before(s, dir, region, &r->boxes.v[i], a, &hits);
		if (rc)
			return rc;
		rc = pt_box_covered(s, a, &r->boxes.v[i], hits.box.v, hits.box.n, 0, witness ? &w : NULL);
		if (rc < 0)
			return rc;
		from = cpu() - from;
		n->slowest = from > n->slowest ? from : n->slowest;
		n->boxes++;
		n->covered += rc == 1;
		n->pairs += hits.box.n;
	}
	return 0;
}

static int measure(const char *name)
{
	struct pt_host host = { 0 };
	struct pt_policy *p = NULL;
	struct pt_space *s = NULL;
	struct pt_conf *c = NULL;
	struct pt_eval *v = NULL;
	struct pt_err e = { 0 };
	struct pt_arena *a = pt_arena_new();
	double from, built;
	int rc = a ? pt_policy_load(name, &c, &p, &e) : -ENOMEM;

	if (!rc)
		rc = pt_eval_new(p, &host, &v, &e);
	from = cpu();
	if (!rc)
		rc = pt_space_new(p, &host, v, PT_SPACE_NOW, &s, &e);
	built = cpu() - from;
	for (int witness = 0; !rc && witness < 2; witness++) {
		struct sums n = { 0 };

		from = cpu();
		for (int d = 0; !rc && d < 2; d++)
			for (size_t i = 0; !rc && i < s->dir[d].v.n; i++)
				rc = ask(s, d ? PT_OUT : PT_IN, i, witness, a, &n);
		printf("%s: built in %.3f s; %zu boxes, %zu covered, %zu pairs overlap; %s: %.3f s, slowest %.3f s\n", name, built,
		       n.boxes, n.covered, n.pairs, witness ? "with a witness" : "yes or no", cpu() - from, n.slowest);
	}
	if (rc)
		printf("%s: error %d\n", name, rc);
	pt_space_free(s);
	pt_eval_free(v);
	pt_policy_free(p);
	pt_conf_free(c);
	pt_err_fini(&e);
	pt_arena_free(a);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= measure(argv[i]);
	return rc != 0;
}
