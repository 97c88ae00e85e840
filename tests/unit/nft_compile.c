/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What small files become in the kernel: tests/corpus/nft/NAME.conf is compiled for a machine
 * with fixed addresses and compared with NAME.expect. After a wanted change,
 * PATRONUS_REGENERATE=1 writes the expectations anew: read the difference before committing.
 */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <patronus/conf.h>
#include <patronus/nft.h>
#include <patronus/policy.h>

#include "lib/scarce.h"
#include "lib/scarce_arena.h"

/* ---- libnftnl is refused its memory, too ---- */

struct nftnl_rule *__real_nftnl_rule_alloc(void);
struct nftnl_rule *__wrap_nftnl_rule_alloc(void);
struct nftnl_expr *__real_nftnl_expr_alloc(const char *name);
struct nftnl_expr *__wrap_nftnl_expr_alloc(const char *name);
int __real_nftnl_rule_set_str(struct nftnl_rule *r, uint16_t attr, const char *s);
int __wrap_nftnl_rule_set_str(struct nftnl_rule *r, uint16_t attr, const char *s);
int __real_nftnl_expr_set_str(struct nftnl_expr *x, uint16_t attr, const char *s);
int __wrap_nftnl_expr_set_str(struct nftnl_expr *x, uint16_t attr, const char *s);

struct nftnl_rule *__wrap_nftnl_rule_alloc(void)
{
	return exhausted() ? NULL : __real_nftnl_rule_alloc();
}

struct nftnl_expr *__wrap_nftnl_expr_alloc(const char *name)
{
	return exhausted() ? NULL : __real_nftnl_expr_alloc(name);
}

int __wrap_nftnl_rule_set_str(struct nftnl_rule *r, uint16_t attr, const char *s)
{
	return exhausted() ? -1 : __real_nftnl_rule_set_str(r, attr, s);
}

int __wrap_nftnl_expr_set_str(struct nftnl_expr *x, uint16_t attr, const char *s)
{
	return exhausted() ? -1 : __real_nftnl_expr_set_str(x, attr, s);
}

/* ---- a machine ---- */

static struct pt_arena *host_arena;

static void host_if(struct pt_host *h, const char *device, const char *const *prefixes, size_t n)
{
	struct pt_host_if i = { .device = device, .ifindex = (uint32_t)h->ifs.n + 1 };

	for (size_t k = 0; k < n; k++) {
		struct pt_host_addr a = { 0 };

		assert_int_equal(pt_prefix_parse(prefixes[k], &a.prefix), 0);
		if (a.prefix.addr.af == PT_AF_INET && a.prefix.len < 31)
			a.broadcast = (struct pt_addr){ PT_AF_INET, pt_prefix_hi(&a.prefix) };
		assert_int_equal(pt_vec_push(host_arena, &i.addrs, a), 0);
	}
	assert_int_equal(pt_vec_push(host_arena, &h->ifs, i), 0);
}

static struct pt_host *host_new(const char *wan)
{
	const char *const lo[] = { "127.0.0.1/8", "::1/128" };
	const char *const eth0[] = { wan, "2001:db8:1::2/64", "fe80::1/64" };
	const char *const eth1[] = { "192.168.1.1/24", "192.168.1.2/24", "fd00:1::1/64" };
	const char *const eth2[] = { "192.168.2.1/24" };
	struct pt_host *h = pt_arena_alloc(host_arena, sizeof(*h));

	assert_non_null(h);
	h->arena = host_arena;
	host_if(h, "lo", lo, PT_ARRAY_SIZE(lo));
	host_if(h, "eth0", eth0, PT_ARRAY_SIZE(eth0));
	host_if(h, "eth1", eth1, PT_ARRAY_SIZE(eth1));
	host_if(h, "eth2", eth2, PT_ARRAY_SIZE(eth2));
	return h;
}

#define WAN "203.0.113.2/24"

/* ---- from text to text ---- */

struct made {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_nft_prog *prog;
	struct pt_err e;
};

/* Files called keys-... are for the classifier's engine. */
static int compile(const struct pt_policy *p, const struct pt_host *h, const char *name,
		   struct pt_nft_prog **out, struct pt_err *e)
{
	const struct pt_nft_source from = {
		.policy = p,
		.host = h,
		.digest = "digest",
		.path = name,
		.engine = strncmp(name, "keys-", 5) ? PT_ENGINE_LINEAR : PT_ENGINE_BPF,
	};

	return pt_nft_compile(&from, out, e);
}

static int make(struct made *m, const char *name, const char *text, const char *wan)
{
	int rc;

	memset(m, 0, sizeof(*m));
	rc = pt_conf_parse(name, text, strlen(text), &m->conf, &m->e);
	if (!rc)
		rc = pt_policy_build(m->conf, &m->policy, &m->e);
	if (!rc)
		rc = compile(m->policy, host_new(wan), name, &m->prog, &m->e);
	return rc;
}

static void made_free(struct made *m)
{
	pt_nft_prog_free(m->prog);
	pt_policy_free(m->policy);
	pt_conf_free(m->conf);
	pt_err_fini(&m->e);
}

static char *printed(const struct pt_nft_prog *p)
{
	struct pt_buf b = { 0 };

	pt_nft_prog_print(&b, p);
	assert_int_equal(b.err, 0);
	return b.s;
}

static char *result(const struct made *m)
{
	struct pt_buf b = { 0 };

	if (m->prog)
		return printed(m->prog);
	for (size_t i = 0; i < m->e.list.n; i++) {
		const struct pt_diag *d = &m->e.list.v[i];

		pt_buf_fmt(&b, "%s:%u: %s\n", d->loc.file ? d->loc.file : "-", d->loc.line, d->msg);
		if (d->hint)
			pt_buf_fmt(&b, "hint: %s\n", d->hint);
	}
	assert_int_equal(b.err, 0);
	return b.s;
}

static char *compiled(const char *text, const char *wan)
{
	struct made m;
	char *out;

	make(&m, "test.conf", text, wan);
	if (!m.prog)
		print_error("%s\n", m.e.list.n ? m.e.list.v[0].msg : "no record");
	assert_non_null(m.prog);
	out = printed(m.prog);
	made_free(&m);
	return out;
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &n, '\0', f) < 0) {
		free(text);
		text = NULL;
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static const char *top(void)
{
	const char *dir = getenv("PATRONUS_TOP");

	return dir ? dir : ".";
}

/* ---- the corpus ---- */

/* A line for each line that differs, so that a failure can be read. */
static void show_difference(const char *want, const char *got)
{
	while (*want || *got) {
		size_t w = strcspn(want, "\n"), g = strcspn(got, "\n");

		if (w != g || memcmp(want, got, w) != 0) {
			print_error("want: %.*s\n got: %.*s\n", (int)w, want, (int)g, got);
			return;
		}
		want += w + (want[w] == '\n');
		got += g + (got[g] == '\n');
	}
}

static void check_golden(void **state)
{
	const char *path = *state, *name = strrchr(path, '/') + 1;
	char expect_path[512], *text, *want, *got;
	struct made m;
	FILE *f;

	(void)snprintf(expect_path, sizeof(expect_path), "%.*s.expect",
		       (int)(strlen(path) - strlen(".conf")), path);
	text = slurp(path);
	assert_non_null(text);
	make(&m, name, text, WAN);
	got = result(&m);
	assert_non_null(got);
	if (getenv("PATRONUS_REGENERATE")) {
		f = fopen(expect_path, "we");
		assert_non_null(f);
		assert_true(fputs(got, f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	want = slurp(expect_path);
	if (!want)
		print_error("%s is missing: PATRONUS_REGENERATE=1 writes it\n", expect_path);
	assert_non_null(want);
	if (want && strcmp(want, got) != 0)
		show_difference(want, got);
	assert_string_equal(want, got);
	free(want);
	free(got);
	free(text);
	made_free(&m);
}

/* Whatever the rules are: the last rule of each filter hook drops, and nothing passes untested. */
static void check_closed(void **state)
{
	static const char *const hooks[] = { "prerouting", "forward", "output" };
	char *text = slurp(*state), *got, *line, last[3][256] = { "" };
	struct made m;

	assert_non_null(text);
	make(&m, strrchr(*state, '/') + 1, text, WAN);
	got = result(&m);
	for (line = strtok(got, "\n"); m.prog && line; line = strtok(NULL, "\n")) {
		assert_null(strstr(line, "rule prerouting [counter] [immediate reg 0 accept"));
		for (size_t i = 0; i < PT_ARRAY_SIZE(hooks); i++)
			if (!strncmp(line, "rule ", 5) &&
			    !strncmp(line + 5, hooks[i], strlen(hooks[i])) &&
			    line[5 + strlen(hooks[i])] == ' ')
				(void)snprintf(last[i], sizeof(last[i]), "%s",
					       line + 6 + strlen(hooks[i]));
	}
	for (size_t i = 0; m.prog && i < PT_ARRAY_SIZE(hooks); i++)
		assert_string_equal(last[i], "[counter] [immediate reg 0 drop]");
	free(got);
	free(text);
	made_free(&m);
}

/* ---- other properties ---- */

#define RULES(rules)                                                                               \
	"interface wan { device = \"eth0\" }\n"                                                    \
	"interface lan { device = \"eth1\" address = { \"192.168.1.1/24\" } }\n"                   \
	"firewall { builtin = false rules = { " rules " } }\n"

static void same_text_same_program(void **state)
{
	static const char text[] = RULES("\"pass in on lan from { 10.0.0.1 10.0.0.7 } tag A\", "
					 "\"pass out on wan nat-to (wan)\"");
	char *a = compiled(text, WAN), *b = compiled(text, WAN);

	(void)state;
	assert_string_equal(a, b);
	free(a);
	free(b);
}

/* An address of an interface changes: only sets differ, the rules keep their counters. */
static void addresses_are_in_sets_only(void **state)
{
	static const char text[] = RULES("\"pass in on lan to (wan)\", \"pass out on wan inet from "
					 "(lan:network) nat-to (wan)\"");
	char *a = compiled(text, WAN), *b = compiled(text, "198.51.100.9/24");
	const char *x = a, *y = b;
	int differ = 0;

	(void)state;
	while (*x && *y) {
		size_t n = strcspn(x, "\n"), k = strcspn(y, "\n");

		if (n != k || memcmp(x, y, n) != 0) {
			differ++;
			assert_int_equal(strncmp(x, "set if.wan.", 11), 0);
		}
		x += n + 1;
		y += k + 1;
	}
	assert_true(differ >= 1);
	free(a);
	free(b);
}

static void stopped(void **state)
{
	struct pt_nft_prog *closed = NULL, *open = NULL;
	struct pt_err e = { 0 };
	char *a, *b;

	(void)state;
	assert_int_equal(pt_nft_compile_stop(false, &closed, &e), 0);
	assert_int_equal(pt_nft_compile_stop(true, &open, &e), 0);
	a = printed(closed);
	b = printed(open);
	assert_non_null(strstr(a, "rule in-builtin <builtin-"));
	assert_non_null(strstr(a, "rule forward [counter] [immediate reg 0 drop]"));
	/* no state of before passes, and no state is made */
	assert_null(strstr(a, "[ct "));
	assert_null(strstr(a, "rule prerouting [counter] [immediate reg 0 accept]"));
	assert_non_null(strstr(b, "rule prerouting [counter] [immediate reg 0 accept]"));
	assert_non_null(strstr(b, "rule forward [counter] [immediate reg 0 accept]"));
	assert_non_null(strstr(b, "rule output [counter] [immediate reg 0 accept]"));
	free(a);
	free(b);
	pt_nft_prog_free(closed);
	pt_nft_prog_free(open);
	pt_err_fini(&e);
}

/* Match rules that can all hold together, with a rule between them that sees each result. */
static void too_many_combinations(void **state)
{
	struct pt_buf b = { 0 };
	struct made m;
	bool told = false;

	(void)state;
	pt_buf_str(&b,
		   "interface wan { device = \"eth0\" }\nfirewall { builtin = false rules = {\n");
	for (int i = 0; i < 12; i++)
		pt_buf_fmt(&b,
			   "\"match out on wan inet proto tcp to port %d:%d nat-to 192.0.2.%d\",\n"
			   "\"pass out on wan inet from 192.0.2.%d\",\n",
			   1 + i, 1000 + i, i + 1, i + 1);
	pt_buf_str(&b, "} }\n");
	assert_int_equal(b.err, 0);
	assert_int_not_equal(make(&m, "test.conf", b.s, WAN), 0);
	assert_null(m.prog);
	for (size_t i = 0; i < m.e.list.n; i++)
		told = told || (strstr(m.e.list.v[i].msg, "too many combinations") &&
				m.e.list.v[i].loc.line);
	assert_true(told);
	pt_buf_fini(&b);
	made_free(&m);
}

/* A long list stays a list: each rule once, two chains. */
static void long_lists_stay_linear(void **state)
{
	struct pt_buf b = { 0 };
	struct made m, empty;

	(void)state;
	assert_int_equal(make(&empty, "test.conf", RULES("\"pass in on lan no state\""), WAN), 0);
	pt_buf_str(&b,
		   "interface lan { device = \"eth1\" }\nfirewall { builtin = false rules = {\n");
	for (int i = 0; i < 3000; i++)
		pt_buf_fmt(&b,
			   "\"block in on lan inet proto tcp from 10.%d.%d.0/24 to port %d\",\n",
			   i / 256, i % 256, i + 1);
	pt_buf_str(&b, "} }\n");
	assert_int_equal(make(&m, "test.conf", b.s, WAN), 0);
	assert_in_range(pt_nft_prog_rules(m.prog), 3000, 3000 + 20);
	pt_buf_fini(&b);
	made_free(&m);
	made_free(&empty);
}

/* Each allocation fails once: no program, a record, nothing leaked. */
static void without_memory(void **state)
{
	static const char *const files[] = { "tables", "match-nat-tag", "return", "rdr-range",
					     "ports", "keys-all", "states-limits", "keys-states" };

	(void)state;
	for (size_t f = 0; f < PT_ARRAY_SIZE(files); f++) {
		char path[512], *text;
		struct made m;
		long n;
		int rc;

		(void)snprintf(path, sizeof(path), "%s/tests/corpus/nft/%s.conf", top(), files[f]);
		text = slurp(path);
		assert_non_null(text);
		assert_int_equal(make(&m, "test.conf", text, WAN), 0);
		for (n = 0;; n++) {
			struct pt_nft_prog *prog = NULL;
			const struct pt_host *h = host_new(WAN);
			struct pt_err e = { 0 };

			allocations_left = n;
			rc = compile(m.policy, h, files[f], &prog, &e);
			if (allocations_left >= 0) {
				pt_nft_prog_free(prog);
				pt_err_fini(&e);
				break;
			}
			allocations_left = -1;
			assert_int_equal(rc, -ENOMEM);
			assert_null(prog);
			pt_err_fini(&e);
			assert_true(n < 100000);
		}
		allocations_left = -1;
		assert_int_equal(rc, 0);
		assert_true(n > 100);
		free(text);
		made_free(&m);
	}
}

/* ---- main ---- */

static const struct CMUnitTest fixed[] = {
	cmocka_unit_test(same_text_same_program),
	cmocka_unit_test(addresses_are_in_sets_only),
	cmocka_unit_test(stopped),
	cmocka_unit_test(too_many_combinations),
	cmocka_unit_test(long_lists_stay_linear),
	cmocka_unit_test(without_memory),
};

int main(void)
{
	struct CMUnitTest *tests;
	char pattern[512];
	glob_t g = { 0 };
	size_t n = 0;
	int rc;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	(void)snprintf(pattern, sizeof(pattern), "%s/tests/corpus/nft/*.conf", top());
	if (glob(pattern, 0, NULL, &g) || g.gl_pathc < 40) {
		printf("Bail out! no corpus at %s\n", pattern);
		return 1;
	}
	host_arena = pt_arena_new();
	tests = calloc(2 * g.gl_pathc + PT_ARRAY_SIZE(fixed), sizeof(*tests));
	if (!tests || !host_arena)
		abort();
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *name = strrchr(g.gl_pathv[i], '/') + 1;

		tests[n++] = (struct CMUnitTest){ name, check_golden, NULL, NULL, g.gl_pathv[i] };
		tests[n++] = (struct CMUnitTest){ name, check_closed, NULL, NULL, g.gl_pathv[i] };
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(fixed); i++)
		tests[n++] = fixed[i];
	rc = _cmocka_run_group_tests("nft_compile", tests, n, NULL, NULL);
	free(tests);
	globfree(&g);
	pt_arena_free(host_arena);
	return rc;
}
