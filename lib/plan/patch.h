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
	uint64_t text_len;  /* of the copy */
	uint64_t text_sum;  /* plan_text_sum() */
	uint32_t begin, end; /* of the copy: the quote before the first rule, and what is behind that of the last one */
	uint32_t n, n_ids, n_items;
	uint32_t n_pass;    /* rules that pass arriving packets */
	uint64_t keys_at;   /* of the first item's key in the tables, see struct pt_bpf_number */
	uint64_t items_len; /* bytes of the items */
	uint32_t none;      /* the key where none matches */
	uint32_t unused;
};

/* A written rule. */
struct plan_rule {
	uint32_t at, len;   /* its text in the copy, without quotes; LEN 0: it cannot be changed alone */
	uint32_t id, key;   /* of pt_nft_patchable() */
	uint32_t item;      /* the classifier's */
	uint32_t pass;      /* 0 or 1 */
};

struct plan_rules {
	struct plan_rules_head head;
	struct plan_rule *v;
	uint32_t *ids;      /* of all rules, sorted */
	uint32_t *keys;     /* of each item, as the tables have them */
	char *items;        /* see store_items.c */
	void *data;
	struct pt_buf made; /* items that were made here */
};

/* ---- store_rules.c ---- */

/* Tells a copy that somebody changed; the digest that names it takes longer. */
uint64_t plan_text_sum(const char *text, size_t len);
uint64_t plan_machine_digest(const struct pt_host *h);
int plan_rules_path(const char *digest, char *out, size_t size);
/* Of what is in force now. WARNED: there was something to say about the file, which would have to be said again. */
void plan_rules_write(const struct pt_plan *p, bool warned);
/* The same of R, which is what P's file differs by. */
int plan_rules_store(const char *digest, const struct plan_rules *r);
/* -ENOENT: there is none that counts. */
int plan_rules_read(const char *digest, struct plan_rules *out);
void plan_rules_fini(struct plan_rules *r);
bool plan_rules_has_id(const struct plan_rules *r, uint32_t id);

/* ---- store_items.c ---- */

/* What the classifier asks of packets for R, in B. */
void plan_item_put(struct pt_buf *b, const struct pt_pol_rule *r);
/* N of them, LEN bytes of DATA, as rules that can be asked for nothing else; they point into both. -EBADMSG. */
int plan_items_order(const char *data, size_t len, uint32_t n, struct pt_arena *a, struct pt_order *out);
/* Where item number ITEM is. -EBADMSG. */
int plan_item_find(const char *data, size_t len, uint32_t item, size_t *at, size_t *bytes);

/* ---- store.c ---- */

/* The copy as it is. */
int plan_store_copy(const char *digest, char **text, size_t *len, struct pt_err *e);
int plan_store_text(const char *digest, const char *text, size_t len, struct pt_err *e);

/* ---- store_words.c ---- */

/* Those of the copy TO are those of FROM with another rule's name. */
void plan_words_patch(const char *from, const char *to, const char *old, const char *name);

#endif
