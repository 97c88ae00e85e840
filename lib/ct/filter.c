/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ct/filter - which states are meant.
 *
 * The same words choose the states to show, count, sum up, follow and end, so that what was looked at first is
 * what ends then. A word is a row of a table: how its value is read and how a state is compared with it.
 *
 * A state has two ends and each may have two addresses: as a packet came and as it went on. `host` and
 * `network` mean any of the four; `src` the end that began, `dst` the other as it was called and as it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <patronus/ct.h>
#include <patronus/rule.h>

#define SECOND 1000000000ull

struct adding {
	struct pt_ct_filter *f;
	const char *value;
	struct pt_err *e;
};

struct ct_word {
	struct pt_ct_word shown;
	int (*parse)(const struct adding *a, struct pt_ct_cond *out);
	bool (*match)(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct);
};

/* ---- addresses ---- */

static int parse_net(const struct adding *a, struct pt_ct_cond *out)
{
	if (pt_prefix_parse(a->value, &out->net)) {
		pt_err_add(a->e, PT_ERROR, NULL, NULL, "'%s' is not an address or prefix", a->value);
		return -EINVAL;
	}
	if (pt_prefix_lo(&out->net) != out->net.addr.v) {
		pt_err_add(a->e, PT_ERROR, NULL, NULL, "'%s' has bits set beyond its prefix length", a->value);
		return -EINVAL;
	}
	return 0;
}

static int parse_host(const struct adding *a, struct pt_ct_cond *out)
{
	struct pt_addr addr;

	if (!pt_addr_parse(a->value, &addr))
		return parse_net(a, out);
	if (!pt_prefix_parse(a->value, &out->net))
		pt_err_add(a->e, PT_ERROR, NULL, NULL, "'%s' is more than a host: write `network %s`", a->value, a->value);
	else
		pt_err_add(a->e, PT_ERROR, NULL, NULL, "'%s' is not an address", a->value);
	return -EINVAL;
}

static bool in_net(const struct pt_ct_cond *c, struct pt_addr a)
{
	return a.af == c->net.addr.af && a.v >= pt_prefix_lo(&c->net) && a.v <= pt_prefix_hi(&c->net);
}

static bool match_source(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return in_net(c, ct->orig.src);
}

static bool match_target(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return in_net(c, ct->orig.dst) || in_net(c, ct->reply.src);
}

static bool match_any_end(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	return match_source(f, c, ct) || match_target(f, c, ct) || in_net(c, ct->reply.dst);
}

/* A translated source is known outside as reply.dst; a translated target was called as orig.dst and is reply.src. */
static bool match_nat(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	if (pt_ct_source_translated(ct) && in_net(c, ct->reply.dst))
		return true;
	return pt_ct_target_translated(ct) && match_target(f, c, ct);
}

/* ---- ranges of numbers ---- */

/* "LO:HI", "LO:", ":HI", or one value, which BOTH or else only the lower bound is. */
static int parse_range(const struct adding *a, int (*parse)(const char *s, uint64_t *out), bool both,
		       struct pt_ct_cond *out)
{
	char text[64];
	char *colon;
	size_t n = strlen(a->value);

	if (!n || n >= sizeof(text))
		return -EINVAL;
	memcpy(text, a->value, n + 1);
	colon = strchr(text, ':');
	out->lo = 0;
	out->hi = UINT64_MAX;
	if (!colon) {
		if (parse(text, &out->lo))
			return -EINVAL;
		out->hi = both ? out->lo : out->hi;
		return 0;
	}
	*colon = '\0';
	if ((!*text && !colon[1]) || (*text && parse(text, &out->lo)) || (colon[1] && parse(colon + 1, &out->hi)))
		return -EINVAL;
	return out->lo > out->hi ? -EINVAL : 0;
}

static int one_port(const char *s, uint64_t *out)
{
	uint16_t port;

	if (pt_service_parse(s, &port))
		return -EINVAL;
	*out = port;
	return 0;
}

static int parse_port(const struct adding *a, struct pt_ct_cond *out)
{
	if (!parse_range(a, one_port, true, out))
		return 0;
	pt_err_add(a->e, PT_ERROR, NULL, "a number, a name such as ssh, or a range such as 1024:2000",
		   "'%s' is not a port", a->value);
	return -EINVAL;
}

static bool is_port(const struct pt_ct_cond *c, const struct pt_ct_entry *ct, uint16_t port)
{
	return pt_ct_has_ports(ct->proto) && port >= c->lo && port <= c->hi;
}

static bool match_source_port(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return is_port(c, ct, ct->orig.sport);
}

static bool match_target_port(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return is_port(c, ct, ct->orig.dport) || is_port(c, ct, ct->reply.sport);
}

static bool match_port(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	return match_source_port(f, c, ct) || match_target_port(f, c, ct) || is_port(c, ct, ct->reply.dport);
}

static int one_time(const char *s, uint64_t *out)
{
	uint32_t seconds;

	if (pt_parse_duration(s, &seconds))
		return -EINVAL;
	*out = seconds;
	return 0;
}

static int parse_time(const struct adding *a, struct pt_ct_cond *out)
{
	if (!parse_range(a, one_time, false, out))
		return 0;
	pt_err_add(a->e, PT_ERROR, NULL, "1h is at least an hour, :1h at most one, 10m:1h something between",
		   "'%s' is not a time", a->value);
	return -EINVAL;
}

static bool match_expires(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return ct->timeout >= c->lo && ct->timeout <= c->hi;
}

static bool match_age(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	uint64_t age = ct->start && f->now > ct->start ? (f->now - ct->start) / SECOND : 0;

	return ct->start && age >= c->lo && age <= c->hi;
}

/* ---- names ---- */

static int parse_interface(const struct adding *a, struct pt_ct_cond *out)
{
	const struct pt_ct_world *w = &a->f->world;
	int rc = w->device && w->route ? w->device(w->arg, a->value, &out->device) : -ENOENT;

	if (rc == -ENOENT)
		pt_err_add(a->e, PT_ERROR, NULL, NULL, "there is no interface '%s'", a->value);
	return rc;
}

/* The kernel does not tell devices: they are those of the routes to both ends. */
static bool match_interface(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	const struct pt_ct_world *w = &f->world;

	return !strcmp(w->route(w->arg, ct->orig.src), c->device) || !strcmp(w->route(w->arg, ct->reply.src), c->device);
}

static int parse_label(const struct adding *a, struct pt_ct_cond *out)
{
	const struct pt_ct_world *w = &a->f->world;
	uint32_t id = 0;
	int rc = w->rule ? w->rule(w->arg, a->value, &id) : -ENOENT;

	if (rc == -ENOENT)
		pt_err_add(a->e, PT_ERROR, NULL, "see `ptfw rule show -b`", "no rule in force is named '%s'", a->value);
	out->lo = id;
	return rc;
}

static bool match_label(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return ct->label[1] == c->lo || ct->label[2] == c->lo;
}

/* ---- marks ---- */

/* Decimal, or hexadecimal behind 0x. */
static int one_mark(const char *s, uint64_t *out)
{
	char *end = NULL;

	if (strncmp(s, "0x", 2) != 0)
		return pt_parse_uint(s, UINT32_MAX, out);
	if (!s[2] || strlen(s) > 10 || strspn(s + 2, "0123456789abcdefABCDEF") != strlen(s + 2))
		return -EINVAL;
	*out = strtoull(s + 2, &end, 16);
	return *end ? -EINVAL : 0;
}

static int parse_mark(const struct adding *a, struct pt_ct_cond *out)
{
	char text[32] = "";
	const char *slash = strchr(a->value, '/');
	size_t n = slash ? (size_t)(slash - a->value) : strlen(a->value);

	out->hi = UINT32_MAX;
	if (n < sizeof(text))
		memcpy(text, a->value, n);
	if (!one_mark(text, &out->lo) && (!slash || !one_mark(slash + 1, &out->hi)) && !(out->lo & ~out->hi))
		return 0;
	pt_err_add(a->e, PT_ERROR, NULL, "a number, or a value and a mask such as 0x10/0xff",
		   "'%s' is not a mark", a->value);
	return -EINVAL;
}

static bool match_mark(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return (ct->mark & c->hi) == c->lo;
}

/* ---- protocols and what became of the state ---- */

static int parse_proto(const struct adding *a, struct pt_ct_cond *out)
{
	uint8_t proto;

	if (pt_proto_parse(a->value, &proto)) {
		pt_err_add(a->e, PT_ERROR, NULL, NULL, "'%s' is not a protocol", a->value);
		return -EINVAL;
	}
	out->lo = proto;
	return 0;
}

static bool match_proto(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	return ct->proto == c->lo;
}

/* The TCP states by their numbers in the kernel, then what is told of every protocol. */
static const char *const state_words[] = {
	"none", "syn_sent", "syn_recv", "established", "fin_wait", "close_wait", "last_ack", "time_wait", "close",
	"syn_sent2", "unanswered", "answered", "assured", NULL,
};
enum { STATE_UNANSWERED = 10, STATE_ANSWERED, STATE_ASSURED };

/* As state_words has it: "TIME-WAIT" is time_wait. */
static bool same_word(const char *word, const char *given)
{
	for (; *word && *given; word++, given++) {
		char c = *given == '-' ? '_' : *given >= 'A' && *given <= 'Z' ? (char)(*given + 32) : *given;

		if (c != *word)
			return false;
	}
	return !*word && !*given;
}

static int parse_state(const struct adding *a, struct pt_ct_cond *out)
{
	struct pt_buf hint = { 0 };

	for (size_t i = 0; state_words[i]; i++)
		if (same_word(state_words[i], a->value)) {
			out->lo = i;
			return 0;
		}
	pt_buf_str(&hint, "there are");
	for (size_t i = 0; state_words[i]; i++)
		pt_buf_fmt(&hint, "%s %s", i ? "," : "", state_words[i]);
	pt_err_add(a->e, PT_ERROR, NULL, hint.s, "'%s' is no condition of a state", a->value);
	pt_buf_fini(&hint);
	return -EINVAL;
}

static bool match_state(const struct pt_ct_filter *f, const struct pt_ct_cond *c, const struct pt_ct_entry *ct)
{
	(void)f;
	switch (c->lo) {
	case STATE_UNANSWERED:
		return !(ct->status & IPS_SEEN_REPLY);
	case STATE_ANSWERED:
		return ct->status & IPS_SEEN_REPLY;
	case STATE_ASSURED:
		return ct->status & IPS_ASSURED;
	default:
		return ct->proto == IPPROTO_TCP && ct->tcp_state == c->lo;
	}
}

/* ---- the table ---- */

static const char *const proto_words[] = { "tcp", "udp", "icmp", "icmp6", "sctp", "gre", "esp", NULL };

static const struct ct_word words[] = {
	{ { "host", "ADDRESS", "either end, before or after translation", NULL }, parse_host, match_any_end },
	{ { "network", "PREFIX", "the same for all addresses of a network", NULL }, parse_net, match_any_end },
	{ { "src", "ADDRESS|PREFIX", "the end that began", NULL }, parse_net, match_source },
	{ { "dst", "ADDRESS|PREFIX", "the other end, before or after translation", NULL }, parse_net, match_target },
	{ { "nat", "ADDRESS|PREFIX", "translated from or to this", NULL }, parse_net, match_nat },
	{ { "port", "PORT[:PORT]", "of either end", NULL }, parse_port, match_port },
	{ { "sport", "PORT[:PORT]", "of the end that began", NULL }, parse_port, match_source_port },
	{ { "dport", "PORT[:PORT]", "of the other end", NULL }, parse_port, match_target_port },
	{ { "interface", "NAME", "by the routes to both ends", NULL }, parse_interface, match_interface },
	{ { "label", "RULE", "made by this rule", NULL }, parse_label, match_label },
	{ { "mark", "VALUE[/MASK]", "of the connection", NULL }, parse_mark, match_mark },
	{ { "proto", "PROTOCOL", "name or number", proto_words }, parse_proto, match_proto },
	{ { "state", "STATE", "of TCP, or unanswered, answered, assured", state_words }, parse_state, match_state },
	{ { "age", "TIME|:TIME|TIME:TIME", "since it began", NULL }, parse_time, match_age },
	{ { "expires", "TIME|:TIME|TIME:TIME", "until it ends if no packet comes", NULL }, parse_time, match_expires },
};

const struct pt_ct_word *pt_ct_filter_word(size_t i)
{
	return i < PT_ARRAY_SIZE(words) ? &words[i].shown : NULL;
}

/* The word that NAME means; several begin so: NULL and the candidates. */
static const struct ct_word *find_word(const char *name, struct pt_buf *candidates)
{
	const struct ct_word *found = NULL;
	size_t n = strlen(name), several = 0;

	for (size_t i = 0; n && i < PT_ARRAY_SIZE(words); i++) {
		if (strncmp(words[i].shown.name, name, n) != 0)
			continue;
		if (!words[i].shown.name[n])
			return &words[i];
		pt_buf_fmt(candidates, "%s%s", several++ ? ", " : "", words[i].shown.name);
		found = &words[i];
	}
	return several == 1 ? found : NULL;
}

int pt_ct_filter_add(struct pt_ct_filter *f, const char *word, const char *value, struct pt_err *e)
{
	const struct adding a = { f, value, e };
	struct pt_ct_cond cond = { 0 };
	struct pt_buf candidates = { 0 };
	int rc = -EINVAL;

	cond.word = find_word(word, &candidates);
	if (cond.word)
		rc = cond.word->parse(&a, &cond);
	else if (candidates.n)
		pt_err_add(e, PT_ERROR, NULL, NULL, "'%s' is ambiguous: it may mean %s", word, candidates.s);
	else
		pt_err_add(e, PT_ERROR, NULL, "there are " PT_CT_FILTER_WORDS, "'%s' is no filter", word);
	pt_buf_fini(&candidates);
	if (!rc && pt_vec_push(NULL, &f->conds, cond))
		rc = pt_err_sys(e, -ENOMEM, "reading the filters");
	return rc;
}

void pt_ct_filter_fini(struct pt_ct_filter *f)
{
	free(f->conds.v);
	memset(&f->conds, 0, sizeof(f->conds));
}

bool pt_ct_filter_empty(const struct pt_ct_filter *f)
{
	return !f->conds.n && !f->af;
}

bool pt_ct_filter_asks_age(const struct pt_ct_filter *f)
{
	for (size_t i = 0; i < f->conds.n; i++)
		if (f->conds.v[i].word->match == match_age)
			return true;
	return false;
}

bool pt_ct_match(const struct pt_ct_filter *f, const struct pt_ct_entry *ct)
{
	if (f->af && f->af != ct->orig.src.af)
		return false;
	for (size_t i = 0; i < f->conds.n; i++)
		if (!f->conds.v[i].word->match(f, &f->conds.v[i], ct))
			return false;
	return true;
}
