/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading our table out of the kernel.
 *
 * The kernel answers a dump at a time, so another program's transaction can fall between two
 * of them. The generation number before and after tells; then everything is read again, for a
 * difference computed from half of the old and half of the new would delete what it missed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/kernel.h"

#define QUESTION_BYTES 1024 /* a header and two names */
#define CHAINS_ALONE 64 /* as many are asked for their rules one by one */

struct nlmsghdr *nft_question(void *buf, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(buf, type, NFPROTO_INET, flags, 0);
}

/* Takes only the kind of message that was asked for. */
struct answer {
	struct pt_nft_state *s;
	uint16_t type;
	const char *set; /* elements: of this set only */
	struct nft_chain *chain; /* rules: of this chain only; NULL: of all */
};

static int answer_take(const struct nlmsghdr *nlh, void *arg)
{
	struct answer *a = arg;
	char set[NFT_NAME_MAXLEN];
	int rc;

	if (NFNL_MSG_TYPE(nlh->nlmsg_type) != a->type)
		return 0;
	if (a->set) {
		rc = nft_parse_elems_set(nlh, set);
		if (rc || strcmp(set, a->set))
			return rc;
	}
	return pt_nft_parse(a->s, nlh);
}

int nft_ask_genid(struct pt_nl *nf, uint32_t *genid)
{
	struct pt_nft_state s = { 0 };
	struct answer a = { .s = &s, .type = NFT_MSG_NEWGEN };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	int rc;

	rc = pt_nl_talk(nf, nft_question(buf, NFT_MSG_GETGEN, 0), answer_take, &a);
	*genid = s.genid;
	return rc;
}

int nft_ask_table(struct pt_nl *nf, struct pt_nft_state *s)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWTABLE };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETTABLE, 0);
	int rc;

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, PT_NFT_TABLE);
	s->present = s->dormant = false;
	rc = pt_nl_talk(nf, nlh, answer_take, &a);
	if (rc)
		return rc;
	return s->present ? 0 : -ENOENT;
}

static void forget_chains(void *arg)
{
	struct answer *a = arg;

	a->s->objects->chains.n = 0;
	a->s->objects->applied_chain = false;
	a->s->objects->n_patches = 0;
	a->s->digest[0] = a->s->before[0] = a->s->path[0] = '\0';
	a->s->applied = 0;
}

static int ask_chains(struct pt_nl *nf, struct pt_nft_state *s)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWCHAIN };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];

	return pt_nl_dump(nf, nft_question(buf, NFT_MSG_GETCHAIN, 0), forget_chains, answer_take,
			  &a);
}

static void forget_sets(void *arg)
{
	struct answer *a = arg;

	a->s->objects->sets.n = 0;
}

int nft_ask_sets(struct pt_nl *nf, struct pt_nft_state *s)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWSET };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETSET, 0);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, PT_NFT_TABLE);
	return pt_nl_dump(nf, nlh, forget_sets, answer_take, &a);
}

static void forget_objects(void *arg)
{
	struct answer *a = arg;

	a->s->objects->timeouts.n = 0;
}

static int ask_objects(struct pt_nl *nf, struct pt_nft_state *s)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWOBJ };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETOBJ, 0);

	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, PT_NFT_TABLE);
	return pt_nl_dump(nf, nlh, forget_objects, answer_take, &a);
}

static void forget_elems(void *arg)
{
	struct answer *a = arg;
	struct nft_set *set = nft_find_set(a->s->objects, a->set);

	set->map.n = 0;
	if (set->pending)
		set->pending->n = 0;
}

int nft_ask_elems(struct pt_nl *nf, struct pt_nft_state *s, struct nft_set *set)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWSETELEM, .set = set->name };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETSETELEM, 0);

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set->name);
	return pt_nl_dump(nf, nlh, forget_elems, answer_take, &a);
}

/* Of the chain A->CHAIN, or of all. */
static void forget_rules(void *arg)
{
	struct answer *a = arg;

	if (a->chain)
		a->chain->rules.n = 0;
	for (size_t i = 0; !a->chain && i < a->s->objects->chains.n; i++)
		a->s->objects->chains.v[i].rules.n = 0;
}

static int ask_rules_of(struct pt_nl *nf, struct pt_nft_state *s, struct nft_chain *chain)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWRULE, .chain = chain };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETRULE, 0);

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, PT_NFT_TABLE);
	if (chain)
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain->name);
	return pt_nl_dump(nf, nlh, forget_rules, answer_take, &a);
}

/* For each packet of its answer the kernel walks over all rules that it told already: a question for each
 * chain keeps that short where there are many. */
static int ask_rules(struct pt_nl *nf, struct pt_nft_state *s)
{
	struct pt_nft_objects *o = s->objects;
	int rc = 0;

	if (o->chains.n < CHAINS_ALONE)
		return ask_rules_of(nf, s, NULL);
	for (size_t i = 0; !rc && i < o->chains.n; i++) {
		o->last_chain = i;
		rc = ask_rules_of(nf, s, &o->chains.v[i]);
	}
	return rc;
}

static int set_compare(const void *a, const void *b)
{
	const struct nft_set *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Which elements to read. */
struct extent {
	bool all;
	const struct pt_nft_prog *want; /* without ALL: what a comparison with it needs; NULL: only keys */
	const char *unless; /* and not even those where the file of this digest is in force */
};

static bool is_needed(const struct extent *x, const struct pt_nft_state *s, const struct nft_set *set)
{
	const struct nft_set *want;

	if (set->dynamic && set->role == NFT_SET_PMAP)
		return false; /* what rules write no apply compares */
	if (x->all)
		return true;
	/* The elements of keys are what rules elsewhere are: they count. */
	if (!x->want)
		return set->keys && !(x->unless && !strcmp(x->unless, s->digest));
	want = nft_find_set(&x->want->objects, set->name);
	if (set->keys && !want)
		return true;
	return want && !nft_note_knows(&s->objects->note, s->genid, want, set);
}

static int read_set(struct pt_nl *nf, struct pt_nft_state *s, const struct extent *x,
		    struct nft_set *set)
{
	int rc;

	if (!is_needed(x, s, set)) {
		set->unread = true;
		return 0;
	}
	rc = nft_ask_elems(nf, s, set);
	if (!rc)
		rc = nft_set_finish(set, s->arena);
	if (!rc && set->keys)
		nft_patches_mark(s->objects, set);
	return rc;
}

static int read_contents(struct pt_nl *nf, struct pt_nft_state *s, const struct extent *x,
			 const char **what)
{
	struct pt_nft_objects *o = s->objects;
	int rc;

	*what = "chains";
	rc = ask_chains(nf, s);
	if (rc)
		return rc;
	*what = "sets";
	rc = nft_ask_sets(nf, s);
	if (!rc && o->sets.n)
		qsort(o->sets.v, o->sets.n, sizeof(*o->sets.v), set_compare);
	for (size_t i = 0; !rc && i < o->sets.n; i++)
		rc = read_set(nf, s, x, &o->sets.v[i]);
	if (rc)
		return rc;
	*what = "objects";
	rc = ask_objects(nf, s);
	if (rc)
		return rc;
	*what = "rules";
	return ask_rules(nf, s);
}

/* One attempt; -ESTALE when somebody changed something meanwhile. */
static int read_once(struct pt_nl *nf, struct pt_nft_state *s, const struct extent *x,
		     const char **what)
{
	uint32_t after;
	int rc;

	*what = "generation";
	rc = nft_ask_genid(nf, &s->genid);
	if (rc)
		return rc;
	*what = "state";
	rc = nft_ask_table(nf, s);
	if (!rc)
		rc = read_contents(nf, s, x, what);
	else if (rc == -ENOENT)
		rc = 0; /* no table: nothing to read, and that is an answer */
	if (rc && rc != -ENOENT)
		return rc;
	if (nft_ask_genid(nf, &after))
		return -ESTALE;
	/* A set deleted under us answers -ENOENT, which only a moved generation excuses. */
	return after != s->genid ? -ESTALE : rc;
}

static int read_extent(struct pt_nl *nf, const struct extent *x, struct pt_nft_state **out,
		       struct pt_err *e)
{
	const char *what = "state";
	int rc = -ESTALE;

	*out = NULL;
	for (int i = 0; i < NFT_TRIES && rc == -ESTALE; i++) {
		struct pt_nft_state *s = nft_state_new();

		if (!s)
			return pt_err_sys(e, -ENOMEM, "reading the table inet " PT_NFT_TABLE);
		rc = read_once(nf, s, x, &what);
		if (!rc) {
			*out = s;
			return 0;
		}
		pt_nft_state_free(s);
	}
	if (rc == -ESTALE) {
		pt_err_add(e, PT_ERROR, NULL, "find the program that keeps changing nftables",
			   "reading the table inet " PT_NFT_TABLE
			   ": the rules of this machine changed %d times meanwhile", NFT_TRIES);
		return -EAGAIN;
	}
	return pt_err_sys(e, rc, "reading the %s of the table inet " PT_NFT_TABLE, what);
}

int pt_nft_read(struct pt_nl *nf, struct pt_nft_state **out, struct pt_err *e)
{
	return read_extent(nf, &(struct extent){ .all = true }, out, e);
}

int pt_nft_read_for(struct pt_nl *nf, const struct pt_nft_prog *want, struct pt_nft_state **out,
		    struct pt_err *e)
{
	return read_extent(nf, &(struct extent){ .want = want }, out, e);
}

static int ask_applied(struct pt_nl *nf, uint32_t number, struct pt_nft_state *s)
{
	struct answer a = { .s = s, .type = NFT_MSG_NEWCHAIN };
	uint32_t buf[QUESTION_BYTES / sizeof(uint32_t)];
	struct nlmsghdr *nlh = nft_question(buf, NFT_MSG_GETCHAIN, 0);
	char name[NFT_SETNAME_MAX];

	nft_applied_name(number, name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, PT_NFT_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	return pt_nl_talk(nf, nlh, answer_take, &a);
}

int pt_nft_read_applied(struct pt_nl *nf, struct pt_nft_state **out, struct pt_err *e)
{
	struct pt_nft_state *s = nft_state_new();
	int rc, more = 0;

	*out = NULL;
	if (!s)
		return pt_err_sys(e, -ENOMEM, "reading what is applied");
	rc = ask_applied(nf, 0, s);
	for (uint32_t i = 1; !rc && !more && i <= PT_NFT_PATCHES_MAX; i++)
		more = ask_applied(nf, i, s);
	if (!rc && more && more != -ENOENT)
		rc = more;
	if (rc && rc != -ENOENT) {
		pt_nft_state_free(s);
		return pt_err_sys(e, rc, "reading what is applied");
	}
	s->present = !rc;
	*out = s;
	return 0;
}

int pt_nft_read_known(struct pt_nl *nf, struct pt_nft_state **out, struct pt_err *e)
{
	uint32_t genid, after;
	int rc;

	*out = NULL;
	rc = nft_ask_genid(nf, &genid);
	if (rc)
		return pt_err_sys(e, rc, "reading the generation of the rules");
	rc = pt_nft_read_applied(nf, out, e);
	if (rc)
		return rc;
	rc = nft_ask_genid(nf, &after);
	if (!rc && after == genid && (*out)->present && (*out)->objects->note.genid == genid) {
		(*out)->genid = genid;
		return 0;
	}
	pt_nft_state_free(*out);
	*out = NULL;
	return -ESTALE;
}

int pt_nft_read_ahead(struct pt_nl *nf, const char *digest, struct pt_nft_state **out, struct pt_err *e)
{
	return read_extent(nf, &(struct extent){ .unless = digest }, out, e);
}

int pt_nft_read_rest(struct pt_nl *nf, const struct pt_nft_prog *want, struct pt_nft_state *s)
{
	const struct extent x = { .want = want };
	struct pt_nft_objects *o = s->objects;
	uint32_t now;
	int rc = 0;

	for (size_t i = 0; !rc && i < o->sets.n; i++) {
		if (!o->sets.v[i].unread)
			continue;
		o->sets.v[i].unread = false;
		rc = read_set(nf, s, &x, &o->sets.v[i]);
	}
	if (rc == -ENOMEM)
		return rc;
	return rc || nft_ask_genid(nf, &now) || now != s->genid ? -ESTALE : 0;
}
