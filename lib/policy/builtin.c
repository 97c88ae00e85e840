/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a network cannot live without, as rules of the same language in front of all others. They make no
 * states: neighbour discovery is never tracked, and loopback needs none.
 */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

/* %s stands for the interfaces with `address = { dhcp }`; without any such rule is left out. */
static const char *const texts[] = {
	"pass quick on lo no state label builtin-loopback",
	/* RFC 4861: of one link, so to or from this machine. That the hop limit is 255 the kernel's own discovery tests. */
	"pass in quick inet6 proto icmp6 from any to { self, ff02::/16 } icmp6-type { neighbrsol, neighbradv } no state"
	" label builtin-neighbour-in",
	"pass out quick inet6 proto icmp6 from { self, :: } icmp6-type { neighbrsol, neighbradv } no state"
	" label builtin-neighbour-out",
	"pass in quick inet6 proto icmp6 from any to { self, ff02::/16 } icmp6-type { routersol, routeradv } no state"
	" label builtin-router-in",
	"pass out quick inet6 proto icmp6 from { self, :: } icmp6-type { routersol, routeradv } no state"
	" label builtin-router-out",
	/* RFC 2710, RFC 3810: only from addresses that no router forwards */
	"pass quick inet6 proto icmp6 from { fe80::/10, :: } icmp6-type { listqry, listenrep, listendone, mldv2rep } no state"
	" label builtin-mld",
	/* without them a path with a small MTU swallows connections through us: RFC 1191, RFC 8201 */
	"pass out quick inet proto icmp from self icmp-type { unreach, timex, paramprob } no state label builtin-icmp-error",
	"pass out quick inet6 proto icmp6 from self icmp6-type { unreach, toobig, timex, paramprob } no state"
	" label builtin-icmp6-error",
	/* RFC 2131 section 4.1, RFC 8415 section 7.2 */
	"pass in quick on %s inet proto udp from any port 67 to { self, 255.255.255.255 } port 68 no state label builtin-dhcp-reply",
	"pass out quick on %s inet proto udp from { self, 0.0.0.0 } port 68 to any port 67 no state label builtin-dhcp-request",
	"pass in quick on %s inet6 proto udp from fe80::/10 port 547 to fe80::/10 port 546 no state label builtin-dhcp6-reply",
	"pass out quick on %s inet6 proto udp from fe80::/10 port 546 to any port 547 no state label builtin-dhcp6-request",
};

static char *dhcp_interfaces(struct policy_builder *b)
{
	struct pt_buf list = { 0 };
	char *s = NULL;
	size_t n = 0;

	for (size_t i = 0; i < b->conf->interfaces.n; i++)
		/* Not one that only gets a network of another's prefix. */
		if (b->conf->interfaces.v[i].dhcp && (b->conf->interfaces.v[i].ways || !b->conf->interfaces.v[i].addresses.n))
			pt_buf_fmt(&list, "%s%s", n++ ? ", " : "{ ", b->conf->interfaces.v[i].name);
	pt_buf_str(&list, n ? " }" : "");
	if (!list.err)
		s = pt_arena_strndup(b->arena, list.s, list.n);
	pt_buf_fini(&list);
	return s;
}

/* ON: the place of the interface that it names, NULL: nowhere in the file. */
static int add_text(struct policy_builder *b, const char *text, const struct pt_loc *on)
{
	struct pt_rule_ctx ctx = { .arena = b->scratch };
	struct pt_ast_rule *ast;
	int rc = pt_rule_parse(&ctx, text, strlen(text), &ast, b->err);

	if (!rc && on)
		ast->ifs.v[0].loc = *on;
	return rc ? rc : policy_add_rule(b, ast, PT_POL_BUILTIN);
}

/* " on { a, b }", or nothing; the names of the file are words of rules. */
static void put_list(struct pt_buf *b, const char *before, const struct pt_conf_strs *list)
{
	for (size_t i = 0; i < list->n; i++)
		pt_buf_fmt(b, "%s%s", i ? ", " : before, list->v[i].s);
	pt_buf_str(b, list->n ? " }" : "");
}

/* Without states, both ways: nothing that the boot admits lives on by itself when the rules come. */
int policy_add_boot(struct policy_builder *b)
{
	const struct pt_conf_boot *boot = &b->conf->boot;
	unsigned int port = boot->ssh_port ? boot->ssh_port : 22;
	struct pt_buf on = { 0 }, who = { 0 };
	const char *in = NULL, *out = NULL;
	int rc;

	if (!boot->ssh_from.n && !boot->ssh_on.n)
		return 0;
	put_list(&on, " on { ", &boot->ssh_on);
	put_list(&who, "{ ", &boot->ssh_from);
	if (!boot->ssh_from.n)
		pt_buf_str(&who, "any");
	if (!on.err && !who.err) {
		in = pt_arena_printf(b->arena, "pass in quick%s proto tcp from %s to self port %u no state label boot-ssh-in",
				     on.s ? on.s : "", who.s, port);
		out = pt_arena_printf(b->arena, "pass out quick%s proto tcp from self port %u to %s no state label boot-ssh-out",
				      on.s ? on.s : "", port, who.s);
	}
	pt_buf_fini(&on);
	pt_buf_fini(&who);
	rc = in && out ? add_text(b, in, NULL) : -ENOMEM;
	return rc ? rc : add_text(b, out, NULL);
}

int policy_add_skipped(struct policy_builder *b)
{
	int rc = 0;

	for (size_t i = 0; rc != -ENOMEM && i < b->conf->skip.n; i++) {
		const struct pt_conf_str *name = &b->conf->skip.v[i];
		const char *text = pt_arena_printf(b->arena, "pass quick on %s no state label skip-%s", name->s, name->s);

		rc = text ? add_text(b, text, &name->loc) : -ENOMEM;
	}
	return rc;
}

int policy_add_builtin(struct policy_builder *b)
{
	const char *dhcp = dhcp_interfaces(b);
	int rc = 0;

	if (!dhcp)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < PT_ARRAY_SIZE(texts); i++) {
		const char *gap = strstr(texts[i], "%s"), *text = texts[i];

		if (gap && !*dhcp)
			continue;
		if (gap)
			text = pt_arena_printf(b->arena, "%.*s%s%s", (int)(gap - texts[i]), texts[i], dhcp, gap + 2);
		rc = text ? add_text(b, text, NULL) : -ENOMEM;
	}
	return rc;
}
