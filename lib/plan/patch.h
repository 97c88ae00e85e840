/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the rules of an applied file became, in a file beside its copy: so much that one rule of thousands can be changed without reading
 * the others. It is made where a file's rules depend on nothing but the file and the machine's addresses, see store_rules.c.
 */
#ifndef PLAN_PATCH_H
#define PLAN_PATCH_H

#include "plan/internal.h"

struct plan_rules_head {
	char version[24];
	char build[48];     /* of the program that wrote it: others may compile otherwise */
	uint64_t machine;   /* plan_machine_digest() */
	uint64_t tables;    /* the classifier's, by their digest */
	uint64_t n_words;   /* of them */
	uint64_t keys_at;   /* of the first item's key in them, see struct pt_bpf_number */
	uint64_t text_len;  /* of the copy */
	uint64_t text_sum;  /* plan_text_sum() */
	uint64_t items_len; /* bytes of the items; of their file: */
	uint64_t items_sum;
	uint32_t begin, end; /* of the copy: the quote before the first rule, and what is behind that of the last one */
	uint32_t n, n_ids, n_items;
	uint32_t n_groups;  /* see struct pt_order */
	uint32_t n_pass;    /* rules that pass arriving packets */
	uint32_t none;      /* the key where none matches */
};

/* A written rule. */
struct plan_rule {
	uint32_t at, len;   /* its text in the copy, without quotes */
	uint32_t id;        /* 0: it is more than one rule of the classifier, and cannot be changed alone */
	uint32_t key;       /* of pt_nft_patchable() */
	uint32_t item;      /* the classifier's */
	uint32_t pass;      /* 0 or 1 */
};

#define PLAN_QUICK 0x80000000u

struct plan_rules {
	struct plan_rules_head head;
	struct plan_rule *v;
	uint32_t *ids;      /* of all rules, in no order */
	uint32_t *keys;     /* of each item, as the tables have them */
	/* By plan_rules_items(), from a file of their own, since changes of a key alone need none of it: */
	uint32_t *written;  /* number of each item's rule, and PLAN_QUICK */
	char *items;        /* see store_items.c */
	void *data, *more;  /* what holds all of these; NULL: they are somebody else's */
};

/* ---- store_rules.c ---- */

/* Tells a copy that somebody changed; the digest that names it takes longer. */
uint64_t plan_text_sum(const char *text, size_t len);
uint64_t plan_machine_digest(const struct pt_host *h);
/* Of what is in force now. WARNED: there was something to say about the file, which would have to be said again. */
void plan_rules_write(struct pt_plan *p, bool warned);
/* R, which is what the file of DIGEST became. Without WRITTEN its items are those of the file FROM. */
int plan_rules_store(const char *digest, struct plan_rules *r, const char *from);
/* Whether there is any; else the kernel need not be asked what is in force. */
bool plan_rules_any(void);
/* -ENOENT: there is none that counts. */
int plan_rules_read(const char *digest, struct plan_rules *out);
int plan_rules_items(const char *digest, struct plan_rules *r);
/* Of a file that is not in force any more: another namespace in which it is reads all of it once. */
void plan_rules_drop(const char *digest);
void plan_rules_fini(struct plan_rules *r);
bool plan_rules_has_id(const struct plan_rules *r, uint32_t id);

/* ---- store_items.c ---- */

/* What the classifier asks of packets for R, in B. */
void plan_item_put(struct pt_buf *b, const struct pt_pol_rule *r);
/* N of them, LEN bytes of DATA, as rules that can be asked for nothing else; they point into both. -EBADMSG. */
int plan_items_order(const char *data, size_t len, uint32_t n, struct pt_arena *a, struct pt_order *out);

/* ---- store.c ---- */

/* The copy as it is. */
int plan_store_copy(const char *digest, char **text, size_t *len, struct pt_err *e);
int plan_store_text(const char *digest, const char *text, size_t len, struct pt_err *e);

/* ---- store_words.c ---- */

/* Those of the copy TO are those of FROM with the N_NEW names of rules NEW in the place of the N_OLD ones OLD; where there are none, behind
 * the name BEFORE, NULL: first. */
struct plan_names {
	const char *before;
	size_t n_old, n_new;
	const char *old[PT_NFT_PATCH_MAX], *new[PT_NFT_PATCH_MAX];
};
void plan_words_patch(const char *from, const char *to, const struct plan_names *names);

/* ---- an apply of few rules ---- */


#define PATCH_REGION_MAX (PT_NFT_PATCH_MAX + 2) /* a rule that comes can look as if its neighbour had changed */

struct patch_rule {
	size_t at, len;                 /* its text in the file, without quotes */
	const struct pt_pol_rule *rule; /* what it became */
	uint32_t item;                  /* of the program of the file without other rules */
	uint32_t kept;                  /* the key of a rule that goes, which did the same under that name; 0: none did */
};

struct patch {
	const char *path;
	struct pt_nl *nf, *route;
	struct pt_nft_state *have;
	struct plan_rules rules; /* of the file in force */
	char *old;               /* its copy */
	size_t old_len;
	char *text;              /* the file */
	size_t len;
	char digest[65];
	bool in_force;           /* it is the copy */
	size_t from, old_to, new_to; /* in both the text differs at most from FROM on, up to these; no rule is cut */
	size_t first, n_old;     /* the rules that go */
	char names[PT_NFT_PATCH_MAX][PT_LABEL_MAX + 1]; /* theirs */
	struct patch_rule *v;    /* those that come; in ALL */
	size_t n_new;
	struct patch_rule all[PATCH_REGION_MAX]; /* between FROM and NEW_TO, with those that stay: LEAD of them first, TRAIL last */
	size_t lead, trail;
	struct pt_plan *plan;    /* of the file without other rules than these, the one before and the one behind */
	size_t base;             /* number of the first of V in it */
	bool same;               /* one comes for one, and asks the same */
	struct pt_nft_patch nft;
	struct pt_arena *arena;  /* of what follows, by patch_order() */
	struct pt_order order;   /* of all items */
	uint32_t *keys, *written; /* as of struct plan_rules; keys of the new ones without bits 23 to 0 */
};

/* patch_text.c: what differs; false: more than a few rules of the list */
bool patch_find(struct patch *x);
/* patch_rules.c: the new rules; -ERANGE: they depend on others, or others on them */
int patch_read(struct patch *x);
/* patch_order.c: the order of all with them; -ERANGE: groups would be others */
int patch_order(struct patch *x);
/* Which of V item number ITEM of the order is; SIZE_MAX: none. */
size_t patch_new_item(const struct patch *x, uint32_t item);
/* The items' records, in that order. */
int patch_items(const struct patch *x, struct pt_buf *out);
/* patch_store.c: what the rules are from now on. Where it cannot be written, the next apply is one of all. */
void patch_store(struct patch *x);

#endif
