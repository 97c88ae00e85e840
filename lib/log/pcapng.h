/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of pcapng that are used here: draft-ietf-opsawg-pcapng. */
#ifndef LOG_PCAPNG_H
#define LOG_PCAPNG_H

#define PCAPNG_SECTION 0x0a0d0d0au
#define PCAPNG_INTERFACE 1u
#define PCAPNG_SIMPLE 3u
#define PCAPNG_PACKET 6u
#define PCAPNG_MAGIC 0x1a2b3c4du
#define PCAPNG_RAW 101 /* link type: IPv4 or IPv6, its first four bits tell */

#define PCAPNG_BLOCK_MIN 12
#define PCAPNG_BLOCK_MAX (1u << 20) /* logged ones are much smaller, captured ones at most 256 KiB */

#define PCAPNG_OPT_END 0
#define PCAPNG_OPT_COMMENT 1
#define PCAPNG_SHB_APPLICATION 4
#define PCAPNG_IF_NAME 2
#define PCAPNG_IF_DESCRIPTION 3
#define PCAPNG_IF_TSRESOL 9
#define PCAPNG_IF_TSOFFSET 14
#define PCAPNG_EPB_FLAGS 2 /* two bits of direction first */
#define PCAPNG_EPB_DROPPED 4
#define PCAPNG_EPB_NUMBER 5

#define PCAPNG_NANOSECONDS 9 /* if_tsresol: ten to the power of minus nine */

#endif
