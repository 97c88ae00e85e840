/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wake - Wake-on-LAN: the packet that a sleeping network card waits for (AMD's Magic Packet, and SecureOn passwords).
 *
 * Six bytes of ones, then the card's address sixteen times, then the password where there is one.
 */
#ifndef PATRONUS_WAKE_H
#define PATRONUS_WAKE_H

#include <patronus/addr.h>
#include <patronus/base.h>

#define PT_WAKE_PORT 9        /* discard */
#define PT_WAKE_MAX (6 + 16 * 6 + 6)

struct pt_wake {
	uint64_t mac, password;  /* 48 bits each */
	bool has_password;
};

/* Its bytes; their number. */
PT_API size_t pt_wake_bytes(const struct pt_wake *w, uint8_t out[PT_WAKE_MAX]);
/* As a frame of EtherType 0x0842 to everybody on the link of DEVICE; with PORT, in UDP to 255.255.255.255 there. Negative errno
 * with a record. */
PT_API int pt_wake_send(const struct pt_wake *w, const char *device, uint16_t port, struct pt_err *e) PT_MUST;

#endif
