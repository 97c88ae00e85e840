/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk over a classifier's tables: one source for the evaluator and for the BPF program, so
 * that both give the same answer from the same bytes. Freestanding; nothing here branches on
 * data but WALK_LOOP's turns: each branch would double the verifier's work.
 *
 * Aggregated bit vectors (Lakshman and Stiliadis 1998; Baboescu and Varghese 2001): each of three
 * dimensions (source, destination, all the rest) has classes of equal values, and each class a
 * row of bits, one a rule, in the order in which the first match wins. The first bit common to
 * the three rows is the rule. Where combinations of ports would make too many rows of the rest, it is
 * split: source ports, or those of both sides, have rows of their own, like addresses.
 *
 * The tables are 64-bit words; all positions are numbers of words from the first.
 *
 *   tree   blocks of 16 words (two lines of cache) of ascending keys, level by level; level I has COUNT[I]
 *          keys at BASE[I], padded to whole blocks with keys above all others. A key is one word below 2^62,
 *          or two (high, low) in trees of IPv6, of which a block holds 8. The key at place P of a level is the
 *          lowest of block P of the next level; the place in the last level is that of the value. The
 *          first key of all is 0. VALUES: 32-bit numbers, two a word, the first in the low half. A tree of
 *          one key has no levels, and VALUES is its value.
 *   row    two words for 64 words of bits (a run): the summary, whose bit B says of run Q that word
 *          64*Q+B of the bits is not 0; and the place of those words of the run that are not 0. Where there are more
 *          than WALK_FEW_RUNS, a word stands first whose bit Q says that run Q is not empty, and only such runs have
 *          their two words. Long runs are in the tables once, short ones next to their row. Rows of SRC,
 *          DST, SPORT and DPORT leave out the rules without a condition there: they are in the ANY rows,
 *          which have all words: which runs are not empty, one of summary for each run, then N_WORDS.
 *   rest   t_proto[protocol] and t_flags[TCP flags] (bytes, 8 a word), the classes of device and ports
 *          (values of their trees); then three tables of 32-bit numbers, two a word:
 *            x = t_x[(proto * n_flags + flags) * n_device + device]
 *            y = t_y[sport * n_dport + dport], what is split being 0
 *            row = t_row[y * n_x + x]
 *          The word before such a row is the position of its own ANY row: of rules that ask for no port or for
 *          most of them.
 */
#ifndef POLICY_WALK_H
#define POLICY_WALK_H

#define WALK_MAGIC 0x7074666c74720002ull
#define WALK_LEVELS 7u
#define WALK_BLOCK 16u /* words */
#define WALK_RULES_MAX 262144u
#define WALK_SUMMARY_MAX (WALK_RULES_MAX / 64u / 64u) /* 64: as many bits as a word has */
#define WALK_FEW_RUNS 4u /* to count those that are not empty would take longer than to read all */
#define WALK_NONE 0xffffffffu /* no rule; a device that nobody told the compiler */
/* Keys of ports (and of ICMP types, type << 8 | code, in the place of the destination's) when the packet
 * has none or is too short to tell. */
#define WALK_NO_PORT 65536u
/* Numbers in t_flags besides those of TCP's flags. */
#define WALK_FLAGS_ABSENT 256u /* TCP, too short to tell */
#define WALK_FLAGS_OTHER 257u /* not TCP */

typedef unsigned long long walk_word;

struct walk_tree {
	walk_word depth; /* 0 to WALK_LEVELS */
	walk_word base[WALK_LEVELS], count[WALK_LEVELS];
	walk_word values;
};

/* At word 0. */
struct walk_head {
	walk_word magic;
	walk_word n_rules, n_words, n_summary; /* words of bits of a full row, of its summary */
	walk_word keys; /* 32-bit numbers, two a word: what the BPF program gives for a rule */
	walk_word none; /* the same where no rule matches */
	struct walk_tree device; /* by interface index; value WALK_NONE: not to be judged here */
	struct walk_tree sport, dport; /* values: classes, or where split, positions of rows */
	walk_word split; /* 0, 1: source ports, 2: those of both sides */
	walk_word any_sport, any_dport;
	walk_word t_proto, t_flags, n_flags, n_device;
	walk_word t_x, n_x, t_y, n_dport, t_row;
	struct {
		walk_word wide; /* keys of two words */
		struct walk_tree tree; /* values: positions of rows */
		walk_word any; /* position of the row */
	} side[2][2]; /* [0] IPv4 [1] IPv6; [0] source [1] destination */
};

struct walk_packet {
	unsigned int device; /* interface index */
	unsigned int six; /* 0 IPv4, 1 IPv6 */
	walk_word addr[2][2]; /* [0] source [1] destination; high and low word, IPv4 in the low */
	unsigned int proto;
	unsigned int sport, dport; /* 0..65535, or WALK_NO_PORT; ICMP: 65536 and type << 8 | code */
	unsigned int flags; /* of TCP, or WALK_FLAGS_* */
};

#endif
