/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of pf as the common file. Each tests/corpus/pf/NAME.conf has the file that is made of it, NAME.expect, and
 * what is told about it, NAME.report; with PATRONUS_UPDATE=1 both are written anew, to be read by a person. What is
 * made must load. NAME.packets has the machine and packets with what pf does to them, worked out by hand from
 * pf.conf(5): the evaluator must agree.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <patronus/import.h>
#include <patronus/plan.h>

#define DIR_NAME "tests/corpus/pf"

static const char *path_of(const char *name, const char *ending)
{
	static char path[512];
	const char *top = getenv("PATRONUS_TOP");

	snprintf(path, sizeof(path), "%s/" DIR_NAME "/%s%s", top ? top : ".", name, ending);
	return path;
}

static char *slurp(const char *path, size_t *len)
{
	struct pt_buf b = { 0 };
	FILE *f = fopen(path, "r");
	char chunk[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		pt_buf_add(&b, chunk, n);
	fclose(f);
	if (!b.s)
		pt_buf_str(&b, "");
	*len = b.n;
	return b.s;
}

/* Includes are found beside the corpus. */
static int read_file(void *arg, const char *path, char **data, size_t *len, struct pt_err *e)
{
	const char *base = strrchr(path, '/');

	(void)arg;
	*data = slurp(path_of(base ? base + 1 : path, ""), len);
	if (*data)
		return 0;
	return pt_err_sys(e, -ENOENT, "reading %s", path);
}

static int check_text(void *arg, const char *text, size_t len, struct pt_err *e)
{
	struct pt_plan p;
	int rc = pt_plan_offline_text("made", text, len, PT_ENGINE_AUTO, &p, e);

	(void)arg;
	if (!rc)
		pt_plan_fini(&p);
	return rc;
}

static const struct pt_import_env env = { .read = read_file, .check = check_text };

static void report(struct pt_buf *b, const struct pt_import *i)
{
	for (size_t k = 0; k < i->notes.n; k++) {
		const struct pt_import_note *n = &i->notes.v[k];

		pt_buf_fmt(b, "%s:%u: %s: %s: %s; written: %s\n", n->file, n->line, pt_import_kind_name(n->kind),
			   n->what, n->why, n->instead);
	}
}

/* The text is what the file holds; else the file is written, or the test fails. */
static void same_file(const char *path, const char *text)
{
	size_t len = 0;
	char *want = slurp(path, &len);
	FILE *f;

	if (getenv("PATRONUS_UPDATE")) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	} else {
		if (!want || strcmp(want, text) != 0)
			print_error("%s differs: with PATRONUS_UPDATE=1 it is written anew; read what changed\n", path);
		assert_non_null(want);
		assert_string_equal(text, want);
	}
	free(want);
}

/* ---- packets ---- */

struct machine {
	struct pt_host *host;
	struct pt_eval *eval;
	struct pt_policy *policy;
	struct pt_conf *conf;
	const char *name;
	size_t judged, different;
};

static struct pt_addr addr(const char *s)
{
	struct pt_addr a = { 0 };

	if (pt_addr_parse(s, &a))
		fail_msg("'%s' is no address", s);
	return a;
}

/* "host em0 203.0.113.2/24" */
static void add_address(struct machine *m, const char *device, const char *text)
{
	struct pt_host_addr a = { 0 };
	struct pt_host_if one = { .device = pt_arena_strdup(m->host->arena, device) };
	size_t i = 0;

	assert_int_equal(pt_prefix_parse(text, &a.prefix), 0);
	while (i < m->host->ifs.n && strcmp(m->host->ifs.v[i].device, device) != 0)
		i++;
	one.ifindex = (uint32_t)i + 1;
	if (i == m->host->ifs.n)
		assert_int_equal(pt_vec_push(m->host->arena, &m->host->ifs, one), 0);
	assert_int_equal(pt_vec_push(m->host->arena, &m->host->ifs.v[i].addrs, a), 0);
}

/* "table bad 198.51.100.0/24 …" */
static void fill_table(struct machine *m, const char *name, const char *entries)
{
	struct pt_arena *a = pt_arena_new();
	struct pt_iset v4 = { 0 }, v6 = { 0 };
	struct pt_err e = { 0 };

	assert_int_equal(pt_table_parse(name, entries, strlen(entries), a, &v4, &v6, &e), 0);
	assert_int_equal(pt_eval_table(m->eval, name, &v4, &v6), 0);
	pt_arena_free(a);
}

/* "in em0 tcp 198.51.100.7 4000 > 203.0.113.2 22 S ; pass"; for ICMP the port is the type. */
static void judge(struct machine *m, const char *line)
{
	char way[8], device[16], proto[12], src[64], dst[64], extra[16] = "", want[128] = "", got[128];
	const char *semi = strchr(line, ';');
	char *ours;
	unsigned int sport, dport;
	struct pt_packet k = { 0 };
	struct pt_decision d;
	struct pt_buf b = { 0 };
	int n = sscanf(line, "%7s %15s %11s %63s %u > %63s %u %15[FSRPAUEW]", way, device, proto, src, &sport, dst,
		       &dport, extra);

	if (n < 7 || !semi || sscanf(semi, "; %127[^\n#]", want) != 1)
		fail_msg("%s: not a packet: %s", m->name, line);
	/* "pass | block": what pf does, and what we do, where patronus-rules(5) tells of the difference */
	ours = strchr(want, '|');
	if (ours)
		memmove(want, ours + 2, strlen(ours + 2) + 1);
	m->different += ours != NULL;
	while (want[0] && want[strlen(want) - 1] == ' ')
		want[strlen(want) - 1] = '\0';
	assert_int_equal(pt_proto_parse(proto, &k.proto), 0);
	k.src = addr(src);
	k.dst = addr(dst);
	k.af = k.src.af;
	if (k.proto == PT_PROTO_ICMP || k.proto == PT_PROTO_ICMP6) {
		k.icmp_type = (uint8_t)sport;
		k.icmp_code = (uint8_t)dport;
	} else {
		k.sport = (uint16_t)sport;
		k.dport = (uint16_t)dport;
	}
	for (const char *c = extra; *c; c++)
		k.tcp_flags |= (uint8_t)(1u << (strchr("FSRPAUEW", *c) - "FSRPAUEW"));
	k.ct = pt_packet_ct(&k);
	pt_evaluate(m->eval, &k, !strcmp(way, "in") ? PT_IN : PT_OUT, device, &d);
	pt_buf_str(&b, d.pass ? "pass" : d.ret == PT_RET_DROP ? "block" : "return");
	if (d.pass && d.after.src.v != k.src.v) {
		pt_buf_str(&b, " from ");
		pt_addr_fmt(&b, d.after.src);
	}
	if (d.pass && (d.after.dst.v != k.dst.v || d.after.dport != k.dport)) {
		pt_buf_str(&b, " to ");
		pt_addr_fmt(&b, d.after.dst);
		pt_buf_fmt(&b, " %u", d.after.dport);
	}
	snprintf(got, sizeof(got), "%s", b.s);
	pt_buf_fini(&b);
	if (strcmp(got, want) != 0)
		print_error("%s: %s\n  by %s\n", m->name, line, d.rule ? d.rule->text : "no rule");
	assert_string_equal(got, want);
	m->judged++;
}

/* Files of tables are not here: their contents are lines of the packets' file. */
static char *without_files(const char *text)
{
	struct pt_buf b = { 0 };

	for (const char *end; *text; text = end) {
		end = strchr(text, '\n') + 1;
		if (strncmp(text, "    file = ", 11) != 0)
			pt_buf_add(&b, text, (size_t)(end - text));
	}
	return b.s;
}

static void load(struct machine *m, const char *made)
{
	char *text = without_files(made);
	struct pt_err e = { 0 };
	int rc = pt_policy_parse("made", text, strlen(text), &m->conf, &m->policy, &e);

	if (rc)
		print_error("%s: %s\n%s", m->name, e.list.n ? e.list.v[0].msg : "?", text);
	assert_int_equal(rc, 0);
	pt_err_fini(&e);
	assert_int_equal(check_text(NULL, text, strlen(text), &e), 0);
	pt_err_fini(&e);
	free(text);
}

static size_t packets(const char *name, const char *made)
{
	struct machine m = { .name = name };
	struct pt_arena *a = pt_arena_new();
	size_t len = 0;
	char *list = slurp(path_of(name, ".packets"), &len), *rest = list, *line, device[64], text[256];
	struct pt_err e = { 0 };

	load(&m, made);
	m.host = pt_arena_alloc(a, sizeof(*m.host));
	m.host->arena = a;
	while (list && (line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		if (sscanf(line, "host %63s %255s", device, text) == 2) {
			add_address(&m, device, text);
			continue;
		}
		if (!m.eval)
			assert_int_equal(pt_eval_new(m.policy, m.host, &m.eval, &e), 0);
		if (sscanf(line, "table %63s %255[^\n]", device, text) == 2)
			fill_table(&m, device, text);
		else
			judge(&m, line);
	}
	assert_true(m.different * 5 <= m.judged);
	free(list);
	pt_eval_free(m.eval);
	pt_policy_free(m.policy);
	pt_conf_free(m.conf);
	pt_arena_free(a);
	return m.judged;
}

/* ---- the corpus ---- */

static size_t one(const char *name)
{
	struct pt_import *i = NULL;
	struct pt_buf told = { 0 };
	struct pt_err e = { 0 };
	char title[300];
	size_t len = 0, n;
	char *text = slurp(path_of(name, ".conf"), &len);

	snprintf(title, sizeof(title), "%s.conf", name);
	if (pt_import_pf(title, text, len, &env, &i, &e))
		fail_msg("%s: line %u: %s", title, e.list.n ? e.list.v[0].loc.line : 0,
			 e.list.n ? e.list.v[0].msg : "?");
	pt_err_fini(&e);
	same_file(path_of(name, ".expect"), i->text);
	report(&told, i);
	same_file(path_of(name, ".report"), told.s ? told.s : "");
	n = packets(name, i->text);
	pt_buf_fini(&told);
	pt_import_free(i);
	free(text);
	return n;
}

static int visible(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".conf") && d->d_name[0] != '.';
}

static void the_corpus(void **state)
{
	struct dirent **list = NULL;
	int n = scandir(path_of("", ""), &list, visible, alphasort);
	size_t judged = 0;

	(void)state;
	assert_true(n >= 25);
	for (int i = 0; i < n; i++) {
		list[i]->d_name[strlen(list[i]->d_name) - 5] = '\0';
		judged += one(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	assert_true(judged >= 200);
}

/* ---- single lines: TEXT, what stands in the file that is made, what is told ---- */

static const struct line {
	const char *text, *made, *told;
} lines[] = {
	/* words */
	{ "block\npass in on em0 from 10/8 to 192.168/16", "\"pass in on em0 from 10.0.0.0/8 to 192.168.0.0/16\"",
	  NULL },
	{ "block\npass from 192.168.1.5/24", "\"pass from 192.168.1.0/24\"", NULL },
	{ "block\npass \\\n in \\\n on \\\n em0", "\"pass in on em0 all\"", NULL },
	{ "block\npass in on {\n em0,\n em1\n} # both\n", "\"pass in on { em0, em1 } all\"", NULL },
	{ "i = em0\nblock\npass from $i:network to $i", "\"pass from $i:network to $i\"", NULL },
	{ "n = 10.1.2.3\nblock\npass from $n/16", "\"pass from 10.1.0.0/16\"", NULL },
	{ "n = 10/8\nblock\npass from $n", "macro n { value = \"10.0.0.0/8\" }", NULL },
	{ "n = \"{ 10/8, 10.1.2.3 }\"\nblock\npass from $n", "\"pass from $n\"", NULL },
	{ "p = \"{ 22 80 }\"\nblock\npass proto tcp to port $p", "macro p { value = \"{ 22, 80 }\" }", NULL },
	{ "p = \"22 80\"\nblock\npass proto tcp to port { $p 443 }", "\"pass proto tcp to port { $p, 443 }\"", NULL },
	{ "a = 10.0.0.1\nb = 10.0.0.2\nl = \"{\" $a $b \"}\"\nblock\npass from $l",
	  "value = \"{ 10.0.0.1, 10.0.0.2 }\"", NULL },
	{ "r = \"from 10.0.0.1 to any port 80\"\nblock\npass proto tcp $r", "pass proto tcp from 10.0.0.1 to port 80",
	  NULL },
	{ "a = 1.1.1.1\nblock\npass from $a\na = 2.2.2.2\npass from $a",
	  "\"pass from 1.1.1.1\",\n        \"pass from 2.2.2.2\"", NULL },
	{ "x = 'unused'\nblock", "# x = \"unused\", written out", NULL },
	{ "block\npass out on em0 from (em0:0) to !<t>", "\"pass out on em0 from (em0:0) to ! <t>\"",
	  "table t { persist = true }" },
	{ "block\npass proto carp", "\"pass proto ", NULL },
	{ "block\npass in on any", "\"pass in all\"", NULL },
	{ "block\npass on lo0 from lo0:network", "\"pass on lo from lo:network\"", NULL },
	{ "block\npass from { 10.0.0.1 - 10.0.0.9, 10.0.0.20 }", "{ 10.0.0.1 - 10.0.0.9, 10.0.0.20 }", NULL },
	/* what no rule matches */
	{ "block in all", "\"pass out all no state\"", "t:1: note: packets that no rule matches" },
	{ "block in inet\nblock inet6", "\"pass out inet all no state\"", NULL },
	{ "block in\nblock out", "rules = {\n        \"block in all\",\n        \"block out all\",", NULL },
	{ "block in quick on em0", "\"pass all no state\",\n        \"block in quick on em0 all\"", NULL },
	{ "", "\"pass all no state\"", NULL },
	{ "block in\nmatch out on em0 nat-to (em0)", "\"pass out all flags any\"",
	  "t:1: changed: packets that no rule" },
	/* settings */
	{ "set block-policy return\nblock\nblock drop in on em0",
	  "    block-policy = return\n    rules = {\n        \"block all\",\n        \"block drop in", NULL },
	{ "set skip on { lo0 em3 }\nblock", "    skip = {\n        \"lo\",\n        \"em3\",\n    }\n", NULL },
	{ "set timeout { tcp.established 600, tcp.never 5 }\nblock",
	  "    timeout = {\n        \"tcp.established 600\",\n        # left out: ", "t:1: left out: tcp.never 5: " },
	{ "set limit states 5000\nblock", "    limit = {\n        \"states 5000\",\n    }\n", NULL },
	{ "set nonsense 5\nblock", "#     set nonsense 5", "t:1: left out: set nonsense 5" },
	/* actions that Linux lacks, conditions that must not go */
	{ "block\npass in modulate state", "\"pass in all keep state\"", "t:2: changed: modulate state" },
	{ "block\npass in proto tcp os \"Linux\"", "#     pass in proto tcp os \"Linux\"",
	  "t:2: left out: pass in proto tcp os" },
	{ "pass\nblock in proto tcp os \"Linux\"", NULL, "written: a comment: less is blocked" },
	{ "block\npass in frobnicate 7", "#     pass in frobnicate 7", "'frobnicate' is no word of a rule" },
	{ "block in all fragment\nblock", "# not needed: fragments", "t:1: note: block in all fragment" },
	/* tables */
	{ "table <a> { 10/8 !10.1/16 self }\nblock", "addresses = { \"10.0.0.0/8\", \"!10.1.0.0/16\" }",
	  "t:1: changed: entry self" },
	{ "table <a> persist file \"/etc/a\"\nblock", "    file = '/etc/a'", NULL },
	{ "table <_a> persist\nblock\npass from <_a>", "#     pass from <_a>", "t:1: left out: table <_a> persist" },
	/* the older language */
	{ "nat on em0 from 10/8 to any -> (em0)\nblock", "\"match out on em0 from 10.0.0.0/8 to any nat-to (em0)\"",
	  NULL },
	{ "nat pass on em0 from 10/8 -> 192.0.2.1 static-port\nblock",
	  "\"pass out quick on em0 from 10.0.0.0/8 nat-to 192.0.2.1 static-port\"", NULL },
	{ "rdr on em0 proto tcp to port 80 -> 10.0.0.5 port 8080\nblock",
	  "\"match in on em0 proto tcp to port 80 rdr-to 10.0.0.5 port 8080\"", NULL },
	{ "rdr pass log on em0 proto tcp to port 80 -> 10.0.0.5\nblock",
	  "\"pass in log quick on em0 proto tcp to port 80 rdr-to 10.0.0.5\"", NULL },
	{ "binat on em0 from 10.0.0.5 to any -> 192.0.2.5\nblock",
	  "\"match on em0 from 10.0.0.5 to any binat-to 192.0.2.5\"", NULL },
	/* the first that matches: the second would see what the first made */
	{ "rdr on em0 proto tcp to port 80 -> 10.0.0.5\nrdr on em0 proto tcp to port 80:90 -> 10.0.0.6\nblock",
	  "rdr-to 10.0.0.5 tag RDR_DONE\",\n        \"match in on em0 proto tcp to port 80:90 rdr-to 10.0.0.6 ! "
	  "tagged RDR_DONE\"",
	  NULL },
	{ "rdr on em0 proto tcp to 192.0.2.1 port 80 -> 10.0.0.5\nrdr on em0 proto tcp to 192.0.2.1 port 80 -> "
	  "10.0.0.6\nblock",
	  "rdr-to 10.0.0.5\",", NULL },
	{ "no nat on em0 to 10/8\nnat on em0 from 172.16/12 -> (em0)\nblock",
	  "\"match out on em0 to 10.0.0.0/8 tag NAT_DONE\",\n        \"match out on em0 from 172.16.0.0/12 nat-to "
	  "(em0) ! tagged NAT_DONE\"",
	  NULL },
	{ "no nat on em1\nnat on em0 from 172.16/12 -> (em0)\nblock", "# not needed: no later translation", NULL },
	{ "nat on em0 from 10/8 -> (em0)\nbinat on em0 from 10.0.0.5 -> 192.0.2.5\nblock",
	  "binat-to 192.0.2.5\",\n        \"match out on em0 from 10.0.0.0/8 nat-to (em0)\"", NULL },
	{ "no nat on em0 to 10/8\nnat on em0 from 172.16/12 -> (em0)\nblock\npass in tag X\npass out tagged X", NULL,
	  "t:2: changed: the first translation that matches wins" },
	{ "nat on em0 from 10/8 to any port 500 -> (em0)\nblock",
	  "on em0 proto { tcp, udp } from 10.0.0.0/8 to any port 500 nat-to", NULL },
	/* antispoof */
	{ "antispoof quick for em0 inet\nblock",
	  "\"block drop in quick on ! em0 inet from em0:network\",\n        \"block drop in quick inet from em0\"",
	  NULL },
	{ "antispoof for lo0\nblock", "\"block drop in on ! lo from lo:network\",\n        \"block all\"", NULL },
	/* anchors, labels, comments */
	{ "block\nanchor x in on em0 {\npass from 10/8\n}\n",
	  "anchor x {\n    rules = {\n        \"pass from 10.0.0.0/8\",\n    }\n}\n", NULL },
	{ "block\nanchor \"x\" in on em0 {\npass\n}\npass out",
	  "        \"anchor \\\"x\\\" in on em0 all\",\n        \"pass out all\"", NULL },
	{ "block\nanchor a {\nanchor b quick {\npass\n}\n}", "anchor a/b {", NULL },
	{ "block\nanchor in on em0 {\npass\n}", "anchor line2 {", NULL },
	{ "block\nanchor x os \"Linux\" {\npass\n}", "# left out: its anchor is left out", NULL },
	{ "block\nanchor x log {\npass\n}", NULL, NULL },
	{ "block label a\npass label a", "\"pass all label \\\"a-2\\\"\"", "t:2: changed: label \"a\"" },
	{ "block label a label b", "\"block all label a\"", "t:1: changed: label b: a rule has one label" },
	{ "# one\nblock # two\n# three", "        # one\n        # two\n        \"block all\",\n        # three",
	  NULL },
};

static void rules(void **state)
{
	(void)state;
	for (size_t k = 0; k < PT_ARRAY_SIZE(lines); k++) {
		struct pt_buf told = { 0 };
		struct pt_import *i = NULL;
		struct pt_err e = { 0 };

		if (pt_import_pf("t", lines[k].text, strlen(lines[k].text), &env, &i, &e))
			fail_msg("%s: %s", lines[k].text, e.list.n ? e.list.v[0].msg : "?");
		report(&told, i);
		pt_buf_str(&told, "");
		if ((lines[k].made && !strstr(i->text, lines[k].made)) ||
		    (lines[k].told && !strstr(told.s, lines[k].told)))
			fail_msg("%s\nmade:\n%s\ntold:\n%s", lines[k].text, i->text, told.s ? told.s : "");
		pt_import_free(i);
		pt_buf_fini(&told);
		pt_err_fini(&e);
	}
}

/* What interfaces are called here is said by who knows it. */
static void devices(void **state)
{
	static const struct pt_import_device list[] = { { "em0", "eth0" },
							{ "egress", "eth0" },
							{ "em1", "enp3s0" } };
	static const char text[] =
		"block\npass out on egress\npass in on em0 from em1:network to (egress)\npass on em2";
	struct pt_import_env named = env;
	struct pt_buf told = { 0 };
	struct pt_import *i = NULL;
	struct pt_err e = { 0 };

	(void)state;
	named.devices = list;
	named.n_devices = PT_ARRAY_SIZE(list);
	assert_int_equal(pt_import_pf("t", text, strlen(text), &named, &i, &e), 0);
	assert_non_null(strstr(i->text, "interface em0 { device = \"eth0\" }\ninterface em1 { device = \"enp3s0\" }\n"
					"interface em2 { device = \"em2\" }\n"));
	assert_non_null(
		strstr(i->text, "\"pass out on em0 all\",\n        \"pass in on em0 from em1:network to (em0)\""));
	assert_null(strstr(i->text, "egress"));
	report(&told, i);
	assert_string_equal(told.s,
			    "t:4: note: em2: interfaces have other names on Linux; written: interface em2 { device = "
			    "\"em2\" }: set its device\n");
	assert_int_equal(i->changed + i->left, 0);
	pt_buf_fini(&told);
	pt_import_free(i);
}

/* ---- what cannot be read ---- */

static const struct {
	const char *text;
	uint32_t line; /* of the first record, 0: none */
	const char *msg;
} wrong[] = {
	{ "block\nfrobnicate all", 2, "'frobnicate' begins no statement" },
	{ "pass in on $nowhere", 1, "there is no macro 'nowhere'" },
	{ "block\n\npass label \"open", 3, "a string is not closed" },
	{ "block\npass from { 10.0.0.1", 2, "is not closed" },
	{ "table bad persist", 1, "a table has its name in marks" },
	{ "table <a> persist\ntable <a> persist", 2, "described twice" },
	{ "nat on em0 from any", 1, "without `->`" },
	{ "block\n}", 2, "a } without an anchor" },
	{ "anchor a {\nblock\n", 0, "are not closed" },
	{ "include \"/etc/pf/self.rules\"", 2, "includes itself" },
	{ "block\npass \x01", 2, "byte 0x01" },
	{ "antispoof quick em0", 1, "names interfaces behind" },
};

static void errors(void **state)
{
	(void)state;
	for (size_t k = 0; k < PT_ARRAY_SIZE(wrong); k++) {
		struct pt_import *i = NULL;
		struct pt_err e = { 0 };

		assert_int_equal(pt_import_pf("t", wrong[k].text, strlen(wrong[k].text), &env, &i, &e), -EINVAL);
		assert_null(i);
		assert_true(e.list.n > 0);
		if (e.list.v[0].loc.line != wrong[k].line || !strstr(e.list.v[0].msg, wrong[k].msg))
			fail_msg("%s: line %u: %s", wrong[k].text, e.list.v[0].loc.line, e.list.v[0].msg);
		pt_err_fini(&e);
	}
}

/* All of a file's errors in one run. */
static void every_error(void **state)
{
	static const char text[] = "what is this\nblock\nand that\npass on $x\n";
	struct pt_import *i = NULL;
	struct pt_err e = { 0 };

	(void)state;
	assert_int_equal(pt_import_pf("t", text, strlen(text), &env, &i, &e), -EINVAL);
	assert_int_equal(e.n_errors, 3);
	pt_err_fini(&e);
}

static int import(const char *text, size_t len, struct pt_err *e)
{
	struct pt_import_env alone = { 0 };
	struct pt_import *i = NULL;
	int rc = pt_import_pf("t", text, len, &alone, &i, e);

	pt_import_free(i);
	return rc;
}

/* What doubles with each line must end before the memory does; what is merely long must not. */
static void large_files(void **state)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };

	(void)state;
	pt_buf_str(&b, "a0 = \"10.0.0.1 10.0.0.2\"\n");
	for (int i = 1; i < 40; i++)
		pt_buf_fmt(&b, "a%d = $a%d $a%d\n", i, i - 1, i - 1);
	assert_int_equal(import(b.s, b.n, &e), -EINVAL);
	assert_non_null(strstr(e.list.v[0].msg, "256 KiB"));
	pt_err_fini(&e);
	b.n = 0;
	pt_buf_str(&b, "m = \"");
	for (int i = 0; i < 10000; i++)
		pt_buf_str(&b, "10.0.0.1 ");
	pt_buf_str(&b, "\"\n");
	for (int i = 0; i < 2000; i++)
		pt_buf_str(&b, "pass from { $m }\n");
	assert_int_equal(import(b.s, b.n, &e), -EINVAL);
	assert_non_null(strstr(e.list.v[0].msg, "64 MiB"));
	pt_err_fini(&e);
	b.n = 0;
	for (int i = 0; i < 100000; i++)
		pt_buf_fmt(&b, "pass in proto tcp from 10.%d.%d.0/24 port %d\n", i >> 8 & 255, i & 255,
			   i % 60000 + 1);
	assert_int_equal(import(b.s, b.n, &e), 0);
	b.n = 0;
	for (int i = 0; i < 100000; i++)
		pt_buf_fmt(&b, "pass in on em%d label l%d\n", i % 1000, i / 2);
	assert_int_equal(import(b.s, b.n, &e), 0);
	b.n = 0;
	for (int i = 0; i < 20000; i++)
		pt_buf_fmt(&b, "rdr on em0 proto tcp to port %d -> 10.0.0.1\n", i + 1);
	assert_int_equal(import(b.s, b.n, &e), -EINVAL);
	assert_non_null(strstr(e.list.v[0].msg, "translations"));
	pt_err_fini(&e);
	b.n = 0;
	for (int i = 0; i < 20000; i++)
		pt_buf_fmt(&b, "a%d = 10.0.0.1\n", i);
	assert_int_equal(import(b.s, b.n, &e), -EINVAL);
	assert_non_null(strstr(e.list.v[0].msg, "macros"));
	pt_err_fini(&e);
	b.n = 0;
	for (int i = 0; i < 1000; i++)
		pt_buf_str(&b, "anchor a {\n");
	assert_int_equal(import(b.s, b.n, &e), -EINVAL);
	pt_err_fini(&e);
	b.n = 0;
	pt_buf_str(&b, "pass from ");
	for (int i = 0; i < 100000; i++)
		pt_buf_str(&b, "{ ");
	assert_int_equal(import(b.s, b.n, &e), -EINVAL);
	pt_err_fini(&e);
	pt_buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus),  cmocka_unit_test(rules),	      cmocka_unit_test(errors),
		cmocka_unit_test(every_error), cmocka_unit_test(large_files), cmocka_unit_test(devices),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
