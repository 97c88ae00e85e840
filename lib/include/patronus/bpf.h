/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bpf - the classifier's program and its tables in the kernel.
 *
 * The program stays loaded while a filter holds it; an apply only makes new tables and exchanges them for the
 * old ones. A packet sees one or the other, never both.
 */
#ifndef PATRONUS_BPF_H
#define PATRONUS_BPF_H

#include <patronus/base.h>

struct pt_bpf;

/* Names the program that this library carries: filters with another name have another program. */
#define PT_BPF_NAME 32
PT_API void pt_bpf_name(char out[PT_BPF_NAME]);
/* Loads it, with room for tables of BYTES (and more: a power of two). A record says what the kernel has against it
 * (-EPERM, -EINVAL, -ENOSYS …). */
PT_API int pt_bpf_load(size_t bytes, struct pt_bpf **out, struct pt_err *e) PT_MUST;
/* One that the kernel has, by its number. -ENOENT: gone. */
PT_API int pt_bpf_open(uint32_t prog_id, struct pt_bpf **out, struct pt_err *e) PT_MUST;
PT_API void pt_bpf_close(struct pt_bpf *b);
PT_API int pt_bpf_fd(const struct pt_bpf *b);
PT_API uint32_t pt_bpf_id(const struct pt_bpf *b);
/* Bytes that its tables can have; 0 where no tables are in use to tell. */
PT_API size_t pt_bpf_room(const struct pt_bpf *b);

/* Puts tables in their place before their contents are known, for the kernel takes its time about that: the first that
 * pt_bpf_tables_new() then makes are these. Of a program that is on no device yet. */
PT_API int pt_bpf_tables_ahead(struct pt_bpf *b, struct pt_err *e) PT_MUST;
/* What tells equal tables from others. It stands behind them in the kernel. Never 0. */
PT_API uint64_t pt_bpf_tables_digest(const uint64_t *words, size_t n_words);
/* Tables of N_WORDS words for program B in the kernel, not yet in use; *FD is to be closed. -E2BIG: B has no room. */
PT_API int pt_bpf_tables_new(struct pt_bpf *b, const uint64_t *words, size_t n_words, uint64_t digest, int *fd,
			     struct pt_err *e) PT_MUST;
/* The digest of those in use, 0 where there are none. */
PT_API int pt_bpf_tables_in_use(const struct pt_bpf *b, uint64_t *digest, struct pt_err *e) PT_MUST;
/* One of the 32-bit numbers in the tables in use, which have the digest *DIGEST. */
struct pt_bpf_number {
	size_t at;           /* how many such numbers stand before it */
	uint32_t mask;       /* the bits that are meant */
	uint32_t from, to;
};
/* Changes it where it stands: each packet sees the one or the other. *DIGEST becomes that of the tables as they are then; until all is
 * done they have none. Packets with the old number are still under way when it returns. -ESTALE, without a record: they are other tables. */
PT_API int pt_bpf_tables_change(struct pt_bpf *b, const struct pt_bpf_number *x, uint64_t *digest, struct pt_err *e) PT_MUST;
/* Waits until none is. */
PT_API int pt_bpf_tables_settle(struct pt_bpf *b, struct pt_err *e) PT_MUST;
/* It for people; "" for 0. */
#define PT_BPF_TABLES_NAME 16
PT_API void pt_bpf_tables_name(uint64_t digest, char out[PT_BPF_TABLES_NAME]);
/* The exchange. When it returns, no packet is under way that was judged by the old tables. */
PT_API int pt_bpf_tables_use(struct pt_bpf *b, int fd, struct pt_err *e) PT_MUST;

#endif
