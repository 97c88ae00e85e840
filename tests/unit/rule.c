/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rule language: every line of the corpus, one error for one mistake, and the tree behind it.
 */
#include "rule_parse.h"
#include "rule_tree.h"

#define BAR " \xc2\xa6 "
#define LINES_MIN 450

/* ---- the corpus ---- */

struct line {
	char *input, *want;
	bool good;
};

static struct {
	struct line v[2048];
	size_t n;
	char *text;
} corpus;

static struct pt_macro corpus_macros[64];

static void corpus_macro(char *s)
{
	char *text = strstr(s, " = ");

	assert_true(*s == '$' && text);
	*text = '\0';
	assert_true(n_macros < PT_ARRAY_SIZE(corpus_macros));
	corpus_macros[n_macros++] = (struct pt_macro){ s + 1, text + 3 };
}

static void corpus_line(char *s)
{
	struct line *l = &corpus.v[corpus.n];
	char *kind = strstr(s, BAR), *want;

	if (!*s || !strcmp(s, "#") || !strncmp(s, "# ", 2))
		return;
	if (!kind) {
		corpus_macro(s);
		return;
	}
	assert_true(corpus.n++ < PT_ARRAY_SIZE(corpus.v));
	want = strstr(kind + 1, BAR);
	assert_non_null(want);
	*kind = *want = '\0';
	kind += strlen(BAR);
	l->good = !strcmp(kind, "ok");
	if (!l->good)
		assert_string_equal(kind, "error");
	l->input = s;
	l->want = want + strlen(BAR);
}

static int read_corpus(void **state)
{
	const char *top = getenv("PATRONUS_TOP");
	char path[4096], *end;
	size_t n;
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/tests/corpus/rules.txt", top ? top : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	corpus.text = calloc(1, 1 << 20);
	assert_non_null(corpus.text);
	n = fread(corpus.text, 1, (1 << 20) - 1, f);
	assert_true(n > 0 && n < (1 << 20) - 1);
	(void)fclose(f);
	for (char *s = corpus.text; *s; s = end + 1) {
		end = strchr(s, '\n');
		assert_non_null(end);
		*end = '\0';
		corpus_line(s);
	}
	macros = corpus_macros;
	return 0;
}

static int free_corpus(void **state)
{
	(void)state;
	free(corpus.text);
	return 0;
}

static void check_good(const struct line *l)
{
	const char *want = strcmp(l->want, "=") ? l->want : l->input, *differs;
	struct parsed p = parse(l->input), again;
	char *text, *text2;

	expect_good(l->input, &p);
	text = print(p.rule);
	if (strcmp(text, want) != 0)
		fail_msg("%s: wanted '%s', printed '%s'", l->input, want, text);
	again = parse(text);
	expect_good(text, &again);
	differs = tree_differs(p.rule, again.rule);
	if (differs)
		fail_msg("%s: '%s' has another %s", l->input, text, differs);
	text2 = print(again.rule);
	assert_string_equal(text, text2);
	free(text);
	free(text2);
	done(&p);
	done(&again);
}

/* "9 message -- hint" of one record. */
static void check_record(const struct line *l, char *want, const struct pt_diag *d)
{
	char *msg, *hint = strstr(want, " -- ");
	unsigned long col = strtoul(want, &msg, 10);

	if (hint) {
		*hint = '\0';
		hint += 4;
	}
	msg += strspn(msg, " ");
	if (d->loc.col != col || !strstr(d->msg, msg) ||
	    (hint && (!d->hint || !strstr(d->hint, hint))))
		fail_msg("%s: wanted %lu '%s' (%s), got %u '%s' (%s)", l->input, col, msg,
			 hint ? hint : "", d->loc.col, d->msg, d->hint ? d->hint : "");
}

static void check_bad(const struct line *l)
{
	struct parsed p = parse(l->input);
	char *copy = strdup(l->want), *one = copy, *next;
	size_t n = 0;

	assert_non_null(copy);
	expect_records(l->input, &p, strlen(l->input));
	for (; one; one = next, n++) {
		next = strstr(one, " & ");
		if (next) {
			*next = '\0';
			next += 3;
		}
		if (n >= p.err.list.n)
			fail_msg("%s: missing: %s", l->input, one);
		check_record(l, one, &p.err.list.v[n]);
	}
	if (n != p.err.list.n)
		fail_msg("%s: one too many: %s", l->input, p.err.list.v[n].msg);
	free(copy);
	done(&p);
}

static void test_corpus_good(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < corpus.n; i++)
		if (corpus.v[i].good) {
			check_good(&corpus.v[i]);
			n++;
		}
	assert_true(n > LINES_MIN / 2);
}

static void test_corpus_bad(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < corpus.n; i++)
		if (!corpus.v[i].good) {
			check_bad(&corpus.v[i]);
			n++;
		}
	assert_true(n > LINES_MIN / 2);
	assert_true(corpus.n >= LINES_MIN);
}

/* ---- one wrong word is one error ---- */

/* Puts WORD in place of the bytes FROM..TO of S. */
static char *spliced(const char *s, size_t from, size_t to, const char *word)
{
	struct pt_buf b = { 0 };

	pt_buf_add(&b, s, from);
	pt_buf_str(&b, word);
	pt_buf_str(&b, s + to);
	assert_int_equal(b.err, 0);
	return b.s;
}

static void expect_at_most_one(char *text)
{
	struct parsed p = parse(text);

	if (p.err.list.n > 1)
		fail_msg("%s: '%s' and '%s'", text, p.err.list.v[0].msg, p.err.list.v[1].msg);
	assert_true(p.rc == (p.err.list.n ? -EINVAL : 0));
	done(&p);
	free(text);
}

/* A name that is a keyword becomes one when the word before it is gone. */
static bool named_as_keyword(const char *s)
{
	return strstr(s, "label in") || strstr(s, "tag tagged");
}

/* Marks give a rule its shape; only words are replaced. */
static bool only_words(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr("{}()<>!=/,", s[i]))
			return false;
	return n;
}

static void each_word(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0, n; i < len; i += n) {
		n = strcspn(s + i, " ");
		if (only_words(s + i, n) && !strpbrk(s + i, "\"'")) {
			expect_at_most_one(spliced(s, i, i + n, "~~~~~"));
			expect_at_most_one(spliced(s, i, i, "~~~~~ "));
		}
		n += strspn(s + i + n, " ");
	}
}

static void test_no_cascade(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus.n; i++)
		if (corpus.v[i].good) {
			struct parsed p = parse(corpus.v[i].input);
			char *text = print(p.rule);

			if (!named_as_keyword(text))
				each_word(text);
			free(text);
			done(&p);
		}
}

/* ---- the tree ---- */

static void test_tree_action(void **state)
{
	struct parsed p = good(
		"block return-icmp(13, 1) in log quick on { ! lan, dmz } inet6 proto { udp, 6 }");
	const struct pt_ast_rule *r = p.rule;

	(void)state;
	assert_int_equal(r->action, PT_BLOCK);
	assert_int_equal(r->ret, PT_RET_ICMP);
	assert_true(r->ret_explicit && !r->ret_icmp6_only);
	assert_int_equal(r->code4, 13);
	assert_int_equal(r->code6, 1);
	assert_int_equal(r->dir, PT_IN);
	assert_true(r->log && r->quick && r->all);
	assert_int_equal(r->ifs.n, 2);
	assert_string_equal(r->ifs.v[0].name, "lan");
	assert_true(r->ifs.v[0].neg && !r->ifs.v[1].neg);
	assert_int_equal(r->ifs.v[1].loc.col, 51);
	assert_int_equal(r->af, PT_AF_INET6);
	assert_int_equal(r->protos.n, 2);
	assert_int_equal(r->protos.v[0], 17);
	assert_int_equal(r->protos.v[1], 6);
	assert_int_equal(r->loc.col, 1);
	assert_int_equal(r->loc.len, 5);
	done(&p);

	p = good("block return-icmp6(port-unr)");
	assert_true(p.rule->ret_icmp6_only);
	assert_int_equal(p.rule->code4, -1);
	assert_int_equal(p.rule->code6, 4);
	done(&p);
	p = good("block");
	assert_int_equal(p.rule->ret, PT_RET_DROP);
	assert_false(p.rule->ret_explicit);
	assert_int_equal(p.rule->code4, -1);
	done(&p);
}

static void test_tree_hosts(void **state)
{
	struct parsed p = good("pass from { ! 10.0.0.0/8, fd00::1 - fd00::9, (wan:network:0), <t> }"
			       " to ! self");
	const struct pt_ast_host *h = p.rule->src.v;

	(void)state;
	assert_false(p.rule->all);
	assert_int_equal(p.rule->src.n, 4);
	assert_int_equal(h[0].kind, PT_HOST_PREFIX);
	assert_true(h[0].neg);
	assert_int_equal(h[0].lo.af, PT_AF_INET);
	assert_true(h[0].lo.v == 10u << 24);
	assert_int_equal(h[0].plen, 8);
	assert_int_equal(h[0].loc.col, 15);
	assert_int_equal(h[0].loc.len, 10);
	assert_int_equal(h[1].kind, PT_HOST_RANGE);
	assert_int_equal(h[1].lo.af, PT_AF_INET6);
	assert_true(h[1].hi.v - h[1].lo.v == 8);
	assert_int_equal(h[2].kind, PT_HOST_IF);
	assert_true(h[2].dyn && h[2].no_alias);
	assert_int_equal(h[2].mod, PT_MOD_NETWORK);
	assert_string_equal(h[2].name, "wan");
	assert_int_equal(h[3].kind, PT_HOST_TABLE);
	assert_string_equal(h[3].name, "t");
	assert_int_equal(p.rule->dst.n, 1);
	assert_int_equal(p.rule->dst.v[0].kind, PT_HOST_SELF);
	assert_true(p.rule->dst.v[0].neg);
	done(&p);
}

static void test_tree_ports(void **state)
{
	static const struct {
		enum pt_port_op op;
		uint16_t a, b;
	} want[] = {
		{ PT_PORT_EQ, 22, 0 },	   { PT_PORT_NE, 23, 0 },  { PT_PORT_LT, 24, 0 },
		{ PT_PORT_LE, 25, 0 },	   { PT_PORT_GT, 26, 0 },  { PT_PORT_GE, 27, 0 },
		{ PT_PORT_RANGE, 28, 29 }, { PT_PORT_IN, 30, 40 }, { PT_PORT_OUT, 50, 60 },
	};
	struct parsed p =
		good("pass proto tcp from any port domain to any port { ssh, != 23, < 24, <= 25, "
		     "> 26, >= 27, 28:29, 30 >< 40, 50 <> 60 }");

	(void)state;
	assert_int_equal(p.rule->sport.n, 1);
	assert_int_equal(p.rule->sport.v[0].a, 53);
	assert_int_equal(p.rule->dport.n, PT_ARRAY_SIZE(want));
	for (size_t i = 0; i < PT_ARRAY_SIZE(want); i++) {
		assert_int_equal(p.rule->dport.v[i].op, want[i].op);
		assert_int_equal(p.rule->dport.v[i].a, want[i].a);
		assert_int_equal(p.rule->dport.v[i].b, want[i].b);
	}
	done(&p);
}

static void test_tree_options(void **state)
{
	struct parsed p =
		good("pass inet proto icmp icmp-type { 8, unreach code port-unr } no state "
		     "tag A ! tagged B label \"c d\"");
	const struct pt_ast_rule *r = p.rule;

	(void)state;
	assert_int_equal(r->icmp_af, PT_AF_INET);
	assert_int_equal(r->icmp.n, 2);
	assert_int_equal(r->icmp.v[0].type, 8);
	assert_int_equal(r->icmp.v[0].code, -1);
	assert_int_equal(r->icmp.v[1].type, 3);
	assert_int_equal(r->icmp.v[1].code, 3);
	assert_int_equal(r->state, PT_STATE_NO);
	assert_string_equal(r->tag, "A");
	assert_string_equal(r->tagged, "B");
	assert_true(r->tagged_neg);
	assert_string_equal(r->label, "c d");
	assert_int_equal(r->label_loc.len, 5);
	assert_false(r->has_flags);
	done(&p);

	p = good("pass proto tcp flags SE/SAEW keep state");
	assert_true(p.rule->has_flags && !p.rule->flags_any);
	assert_int_equal(p.rule->flags_set, 0x42);
	assert_int_equal(p.rule->flags_mask, 0xd2);
	assert_int_equal(p.rule->state, PT_STATE_DEFAULT); /* keep state is the default */
	done(&p);
}

static void test_tree_nat(void **state)
{
	struct parsed p = good("pass out nat-to 10.0.0.1 - 10.0.0.3 port 5:9");

	(void)state;
	assert_int_equal(p.rule->nat.kind, PT_NAT_SRC);
	assert_int_equal(p.rule->nat.host.kind, PT_HOST_RANGE);
	assert_true(p.rule->nat.has_port && !p.rule->nat.port_star);
	assert_int_equal(p.rule->nat.port_lo, 5);
	assert_int_equal(p.rule->nat.port_hi, 9);
	assert_int_equal(p.rule->nat_loc.col, 10);
	done(&p);
	p = good("pass in rdr-to 10.0.0.1 port 5:*");
	assert_int_equal(p.rule->nat.kind, PT_NAT_DST);
	assert_true(p.rule->nat.has_port && p.rule->nat.port_star);
	assert_int_equal(p.rule->nat.port_lo, 5);
	done(&p);
	p = good("pass out nat-to (wan) static-port");
	assert_true(p.rule->nat.static_port && !p.rule->nat.has_port && p.rule->nat.host.dyn);
	done(&p);
	p = good("match binat-to 10.0.0.0/24");
	assert_int_equal(p.rule->nat.kind, PT_NAT_BI);
	assert_int_equal(p.rule->nat.host.plen, 24);
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus_good),  cmocka_unit_test(test_corpus_bad),
		cmocka_unit_test(test_no_cascade),   cmocka_unit_test(test_tree_action),
		cmocka_unit_test(test_tree_hosts),   cmocka_unit_test(test_tree_ports),
		cmocka_unit_test(test_tree_options), cmocka_unit_test(test_tree_nat),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, read_corpus, free_corpus);
}
