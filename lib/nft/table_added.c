/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What came into a table at run time, where the file fills it as well. The kernel keeps our mark with each such element. A table
 * of a million rows is not read for that: as a rule somebody has read it a moment ago, or it is noted that it has none.
 */
#include "nft/table.h"

static const enum pt_af af[2] = { PT_AF_INET, PT_AF_INET6 };

/* HAVE knows what is in SET, which may be NULL: not there. */
static bool is_known(const struct pt_nft_state *have, const struct nft_set *set)
{
	return !set || !set->unread || nft_note_pure(have, set);
}

static int tell(const struct nft_elem *el, enum pt_af family, pt_nft_elem_cb cb, void *arg)
{
	const struct pt_nft_elem shown = nft_elem_shown(el, family);

	return el->added ? cb(&shown, arg) : 0;
}

static int tell_known(const struct pt_nft_state *have, const char *name, size_t i, bool *known, pt_nft_elem_cb cb, void *arg)
{
	const struct nft_set *set;
	char title[NFT_SETNAME_MAX];
	int rc = 0;

	nft_table_set_name(title, name, af[i]);
	set = nft_find_set(have->objects, title);
	*known = is_known(have, set);
	for (size_t k = 0; !rc && *known && set && !set->unread && k < set->n_added; k++)
		rc = tell(&set->added[k], af[i], cb, arg);
	return rc;
}

static int read_others(struct pt_nl *nf, const char *name, const bool known[2], pt_nft_elem_cb cb, void *arg, struct pt_err *e)
{
	struct nft_table t;
	int rc = nft_table_open(nf, name, &t, e);

	for (size_t i = 0; i < 2; i++)
		if (known[i])
			t.set[i] = NULL;
	if (!rc)
		rc = nft_table_read(nf, &t, e);
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; !rc && t.set[i] && k < t.set[i]->pending->n; k++)
			rc = tell(&t.set[i]->pending->v[k], af[i], cb, arg);
	nft_table_fini(&t);
	return rc;
}

int pt_nft_table_added(struct pt_nl *nf, const struct pt_nft_state *have, const char *name, pt_nft_elem_cb cb, void *arg,
		       struct pt_err *e)
{
	bool known[2] = { false, false };
	uint32_t now;
	int rc = 0;

	if (have && have->genid && !nft_ask_genid(nf, &now) && now == have->genid)
		for (size_t i = 0; !rc && i < 2; i++)
			rc = tell_known(have, name, i, &known[i], cb, arg);
	return rc || (known[0] && known[1]) ? rc : read_others(nf, name, known, cb, arg, e);
}
