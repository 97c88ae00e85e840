/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * diag/capture_filter - the filters that everybody knows, compiled by who invented them.
 *
 * libpcap brings libraries of its own and would slow down every start, so it is loaded when a filter is asked for. Of a
 * device it makes other code than of a file: the kernel has VLAN tags beside the packet.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <pcap/pcap.h>

#include "diag/capture.h"
#include "diag/load.h"

#define PCAP_CALLS(F) \
	F(pcap_create) F(pcap_set_snaplen) F(pcap_set_buffer_size) F(pcap_activate) F(pcap_open_dead) \
	F(pcap_compile) F(pcap_freecode) F(pcap_close) F(pcap_geterr) F(pcap_offline_filter)
/* Bytes of an expression. libpcap takes time with the square of it, and memory to make its code shorter: gigabytes. */
#define LONG 4096
#define TOO_LONG 8192

struct pcap_calls {
	PCAP_CALLS(LOAD_MEMBER)
};

struct pt_capture_filter {
	struct pcap_calls o;
	struct bpf_program program;
	bool compiled;
};

static int load(struct pcap_calls *o, struct pt_err *e)
{
	void *lib = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	bool missing = !lib;

	if (!lib)
		lib = dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
	if (lib) {
		missing = false;
		PCAP_CALLS(LOAD)
	}
	if (!missing)
		return 0;
	pt_err_add(e, PT_ERROR, NULL, "install libpcap0.8", "filters of packets need libpcap, which is not here");
	return -ENOTSUP;
}

/* Only a handle that is active knows how the kernel keeps VLAN tags; nothing is read from it. */
static pcap_t *handle_for(const struct pcap_calls *o, uint16_t link, uint32_t snap, const char *device,
			  struct pt_err *e)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *h = device ? o->pcap_create(device, why)
			   : o->pcap_open_dead(link == PT_LINK_RAW ? DLT_RAW : link, (int)snap);
	int rc;

	if (!h) {
		pt_err_add(e, PT_ERROR, NULL, NULL, "preparing the filter: %s", *why ? why : "no memory");
		return NULL;
	}
	if (!device)
		return h;
	o->pcap_set_snaplen(h, (int)snap);
	o->pcap_set_buffer_size(h, 64 << 10);
	rc = o->pcap_activate(h);
	if (rc >= 0)
		return h;
	pt_err_add(e, PT_ERROR, NULL, NULL, "preparing the filter for %s: %s", device, o->pcap_geterr(h));
	o->pcap_close(h);
	return NULL;
}

static int check_length(const char *text, struct pt_err *e)
{
	if (strlen(text) < TOO_LONG)
		return 0;
	pt_err_add(e, PT_ERROR, NULL, NULL, "a filter has less than %d bytes", TOO_LONG);
	return -EINVAL;
}

int pt_capture_filter_new(const char *text, uint16_t link, uint32_t snap, const char *device,
			  struct pt_capture_filter **out, struct pt_err *e)
{
	struct pt_capture_filter *f = calloc(1, sizeof(*f));
	pcap_t *h;
	int rc;

	*out = NULL;
	if (!f)
		return pt_err_sys(e, -ENOMEM, "making the filter");
	rc = check_length(text, e);
	if (!rc)
		rc = load(&f->o, e);
	h = rc ? NULL : handle_for(&f->o, link, snap, device, e);
	if (!rc && !h)
		rc = -EIO;
	if (!rc && f->o.pcap_compile(h, &f->program, text, strlen(text) < LONG, PCAP_NETMASK_UNKNOWN)) {
		pt_err_add(e, PT_ERROR, NULL, "see pcap-filter(7)", "filter '%s': %s", text, f->o.pcap_geterr(h));
		rc = -EINVAL;
	}
	if (h)
		f->o.pcap_close(h);
	if (rc) {
		free(f);
		return rc;
	}
	f->compiled = true;
	*out = f;
	return 0;
}

void pt_capture_filter_free(struct pt_capture_filter *f)
{
	if (f && f->compiled)
		f->o.pcap_freecode(&f->program);
	free(f);
}

bool pt_capture_filter_match(const struct pt_capture_filter *f, const struct pt_capture_packet *p)
{
	struct pcap_pkthdr h = { .caplen = p->n, .len = p->size };

	return f->o.pcap_offline_filter(&f->program, &h, p->data);
}

/* ---- for the kernel ---- */

/* The kernel has no cooked header: what is loaded from there is beside the packet. False: that is not to be had. */
static bool uncook(struct bpf_insn *i)
{
	unsigned int class = BPF_CLASS(i->code), mode = BPF_MODE(i->code);

	if ((class != BPF_LD || (mode != BPF_ABS && mode != BPF_IND)) && (class != BPF_LDX || mode != BPF_MSH))
		return true;
	if (i->k >= COOKED_SIZE && i->k < 0x80000000u) {
		i->k -= COOKED_SIZE;
		return true;
	}
	if (mode != BPF_ABS || BPF_SIZE(i->code) != BPF_H || (i->k != 0 && i->k != 14))
		return i->k >= 0x80000000u;
	i->k = (uint32_t)SKF_AD_OFF + (i->k ? SKF_AD_PROTOCOL : SKF_AD_PKTTYPE);
	return true;
}

int capture_filter_attach(const struct pt_capture_filter *f, int fd, bool cooked)
{
	struct sock_fprog prog = { .len = (unsigned short)f->program.bf_len };
	struct bpf_insn *code = calloc(f->program.bf_len, sizeof(*code));
	int rc = code ? 0 : -ENOMEM;

	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "both are the kernel's");
	for (unsigned int i = 0; !rc && i < f->program.bf_len; i++) {
		code[i] = f->program.bf_insns[i];
		if (cooked && !uncook(&code[i]))
			rc = -EOPNOTSUPP;
	}
	prog.filter = (struct sock_filter *)(void *)code;
	if (!rc && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		rc = -errno;
	free(code);
	return rc;
}

int capture_snap_attach(int fd, uint32_t snap)
{
	struct sock_filter all = { BPF_RET | BPF_K, 0, 0, snap };
	struct sock_fprog prog = { 1, &all };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}
