/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link - network interfaces: what the kernel has, what somebody wants, and the difference.
 *
 * One table tells for each kind of link how the options of the common file are spoken over rtnetlink. Writing, reading, comparing
 * and showing go by it.
 */
#ifndef PATRONUS_LINK_H
#define PATRONUS_LINK_H

#include <patronus/conf.h>
#include <patronus/nl.h>

#define PT_LINK_NAME 16 /* IFNAMSIZ */
/* Links with this alias, or one that begins with it and ": ", were made by us. */
#define PT_LINK_ALIAS "patronus"

/* How an option is spoken. */
struct pt_link_attr {
	const char *name;        /* in the common file */
	uint32_t kinds;          /* mask, by enum pt_link_kind */
	uint16_t type, type6;    /* attribute; TYPE6 for an IPv6 address, 0: the same */
	uint8_t form;            /* enum pt_link_form */
	bool top;                /* beside the attributes of the kind, not among them */
	bool port;               /* of a port of a bridge, whatever its kind is */
	bool fixed;              /* a link that is there keeps it: another value needs another link */
	const uint32_t *values;  /* of its words, in their order; NULL: counted from 0 */
};

enum pt_link_form {
	PT_FORM_U8,
	PT_FORM_U16,
	PT_FORM_U32,
	PT_FORM_BE16,
	PT_FORM_TICKS,   /* u32 of hundredths of a second, the file has seconds */
	PT_FORM_ADDR,
	PT_FORM_LINK,    /* u32, index of a link */
	PT_FORM_KEY,     /* of GRE: two keys, and a flag for each direction */
	PT_FORM_CHECKSUM, /* a flag of GRE for each direction */
	PT_FORM_PEER,    /* of veth: a link inside the link */
};

/* The table; ends with a NULL name. */
PT_API extern const struct pt_link_attr pt_link_attrs[];
PT_API const struct pt_link_attr *pt_link_attr(enum pt_link_kind kind, const char *name);

struct pt_link_setting {
	const struct pt_link_attr *attr;
	uint64_t number;         /* as it is spoken, but in the order of this machine; LINK: index, 0: see NAME */
	struct pt_addr addr;     /* ADDR */
	const char *name;        /* LINK, PEER: of the kernel; NULL: not known */
	bool implied;            /* wanted because it is the default: a kernel that does not know it has it */
};

struct pt_link_counters {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, rx_dropped, tx_dropped;
};

/* A link: of the kernel, all fields; wanted, those that HAS names, and SETTINGS. */
struct pt_link {
	char name[PT_LINK_NAME];
	uint32_t index;          /* 0: not known */
	enum pt_link_kind kind;
	const char *kernel_kind; /* "" for hardware; as the kernel calls it, one of ours or not */
	const char *alias;       /* "" none */
	uint32_t mtu, txqueuelen;
	uint8_t mac[6];
	bool up;                 /* it is meant to be */
	char master[PT_LINK_NAME]; /* "": none */
	PT_VEC(struct pt_link_setting) settings;

	/* of the kernel only */
	bool running;            /* it can carry packets */
	uint8_t operstate;       /* RFC 2863, IF_OPER_* */
	bool has_mac;            /* MAC is one of six bytes */
	uint32_t parent, master_index; /* index of the link it stands on, of its master; 0: none */
	bool foreign_parent;     /* PARENT is in another network namespace */
	uint32_t flags;          /* IFF_* */
	uint32_t carrier_changes; /* how often it lost or found its other end */
	const char *port_state;  /* of a port of a bridge: "forwarding"; of a bond: "active", "backup", "down"; NULL: it is none */
	struct pt_link_counters counters;

	/* wanted only */
	uint32_t has;            /* PT_LINK_HAS_* */
	const struct pt_loc *loc;
};
#define PT_LINK_HAS_MTU (1u << 0)
#define PT_LINK_HAS_MAC (1u << 1)
#define PT_LINK_HAS_QUEUE (1u << 2)
#define PT_LINK_HAS_UP (1u << 3)
#define PT_LINK_HAS_MASTER (1u << 4) /* also to have none */
#define PT_LINK_HAS_ALIAS (1u << 5)

struct pt_links {
	struct pt_arena *arena;  /* borrowed */
	PT_VEC(struct pt_link) v; /* of the kernel: by index */
};

PT_API bool pt_link_ours(const struct pt_link *l);
PT_API struct pt_link *pt_links_find(const struct pt_links *l, const char *name);
PT_API struct pt_link *pt_links_index(const struct pt_links *l, uint32_t index);

/* All links of ROUTE's network namespace. Memory from A. */
PT_API int pt_links_read(struct pt_nl *route, struct pt_arena *a, struct pt_links *out, struct pt_err *e) PT_MUST;
/* The same without the counters, which the kernel collects from all processors for each. */
PT_API int pt_links_read_plain(struct pt_nl *route, struct pt_arena *a, struct pt_links *out, struct pt_err *e) PT_MUST;
/* One RTM_NEWLINK into L: added, or in place of the one with its index. Others are left out. For events, and for fuzzing. */
PT_API int pt_links_parse(struct pt_links *l, const struct nlmsghdr *nlh) PT_MUST;

/* After pt_links_parse(): names for what the kernel tells by index, of masters, parents and peers. -ENOMEM or 0. */
PT_API int pt_links_name(struct pt_links *l) PT_MUST;

/* What only the driver tells, of one link; empty where it tells nothing. */
struct pt_link_hardware {
	char driver[32];
	uint32_t speed;          /* Mbit a second, 0: not known */
	const char *duplex;      /* "full", "half"; NULL: not known */
};
/* Of each of L, in their order. Memory from A; NULL: there is none. */
PT_API struct pt_link_hardware *pt_links_hardware(const struct pt_links *l, struct pt_arena *a);

/* ---- changes ---- */

enum pt_link_op {
	PT_LINK_DELETE,
	PT_LINK_CREATE,
	PT_LINK_CHANGE,          /* in place */
};

struct pt_link_change {
	enum pt_link_op op;
	bool again;              /* DELETE and CREATE: of one link, which cannot be changed in place; WHY is the option */
	const char *why;
	const struct pt_link *want; /* NULL: DELETE */
	const struct pt_link *have; /* NULL: CREATE */
	uint32_t has;            /* CHANGE: what of WANT differs, PT_LINK_HAS_* */
	PT_VEC(const struct pt_link_attr *) attrs; /* CHANGE: settings that differ */
};
typedef PT_VEC(struct pt_link_change) pt_link_changes;

typedef PT_VEC(const struct pt_link *) pt_link_list;
/* What leads from HAVE to WANT, in the order in which it can be done: ours that nobody wants go, those on top first; then what
 * stands below comes before what stands on it. Links that are neither wanted nor ours are left alone; of a wanted physical
 * one only what HAS names is compared. ABSENT gets the wanted physical links that are not there, and what stands on them. The
 * changes point into both. -ENOMEM or 0. */
PT_API int pt_links_diff(const struct pt_links *want, const struct pt_links *have, struct pt_arena *a, pt_link_changes *out,
			 pt_link_list *absent) PT_MUST;
/* Puts the messages of one change into the line, all with COOKIE. NOW gives the indexes of names: -ENOENT where one is not
 * there yet, and then nothing was put: flush, read the links anew, try again. */
PT_API int pt_link_put(struct pt_nl_stream *s, const struct pt_links *now, const struct pt_link_change *c,
		       uint64_t cookie) PT_MUST;
/* "type vlan parent eth0 id 10 mtu 1400 up": what the change does, in the words of the common file. */
PT_API void pt_link_print_change(struct pt_buf *b, const struct pt_link_change *c);
/* "parent eth0", "id 10", "protocol 802.1ad"; LINKS for names of indexes, or NULL. */
PT_API void pt_link_print_setting(struct pt_buf *b, const struct pt_links *links, const struct pt_link_setting *s);

#endif
