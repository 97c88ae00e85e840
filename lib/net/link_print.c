/* SPDX-License-Identifier: GPL-3.0-or-later */
/* net/link_print - links and their changes in the words of the common file. */
#include <string.h>

#include "net/kind.h"

static void print_number(struct pt_buf *b, const struct pt_link_attr *attr, uint64_t number)
{
	const struct pt_schema *row = pt_conf_option("interface", attr->name);
	uint64_t place = number;

	if (row && row->type == PT_OPT_BOOL) {
		pt_buf_str(b, number ? "true" : "false");
		return;
	}
	if (!row || row->type != PT_OPT_WORD) {
		pt_buf_fmt(b, "%llu", (unsigned long long)number);
		return;
	}
	for (size_t i = 0; attr->values && row->words[i]; i++)
		if (attr->values[i] == number)
			place = i;
	for (size_t i = 0; row->words[i]; i++)
		if (i == place) {
			pt_buf_str(b, row->words[i]);
			return;
		}
	pt_buf_fmt(b, "%llu", (unsigned long long)number);
}

void pt_link_print_setting(struct pt_buf *b, const struct pt_links *links, const struct pt_link_setting *s)
{
	const struct pt_link *other = links && !s->name ? pt_links_index(links, (uint32_t)s->number) : NULL;

	pt_buf_fmt(b, "%s ", s->attr->name);
	if (s->attr->form == PT_FORM_ADDR)
		pt_addr_fmt(b, s->addr);
	else if (s->attr->form != PT_FORM_LINK && s->attr->form != PT_FORM_PEER)
		print_number(b, s->attr, s->number);
	else if (s->name || other)
		pt_buf_str(b, s->name ? s->name : other->name);
	else
		pt_buf_fmt(b, "index %llu", (unsigned long long)s->number);
}

static bool is_changed(const struct pt_link_change *c, const struct pt_link_attr *attr)
{
	for (size_t i = 0; i < c->attrs.n; i++)
		if (c->attrs.v[i] == attr)
			return true;
	return c->op == PT_LINK_CREATE;
}

static void print_common(struct pt_buf *b, const struct pt_link *l, uint32_t has, bool create)
{
	if (has & PT_LINK_HAS_MTU)
		pt_buf_fmt(b, " mtu %u", l->mtu);
	if (has & PT_LINK_HAS_MAC)
		pt_buf_fmt(b, " mac %02x:%02x:%02x:%02x:%02x:%02x", l->mac[0], l->mac[1], l->mac[2], l->mac[3], l->mac[4], l->mac[5]);
	if (has & PT_LINK_HAS_QUEUE)
		pt_buf_fmt(b, " txqueuelen %u", l->txqueuelen);
	if (has & PT_LINK_HAS_MASTER && (l->master[0] || !create))
		pt_buf_fmt(b, " master %s", l->master[0] ? l->master : "none");
	if (has & PT_LINK_HAS_ALIAS && (!create || strlen(l->alias) > strlen(PT_LINK_ALIAS)))
		pt_buf_fmt(b, " alias \"%s\"", l->alias);
	if (has & PT_LINK_HAS_UP)
		pt_buf_str(b, l->up ? " up" : " down");
}

void pt_link_print_change(struct pt_buf *b, const struct pt_link_change *c)
{
	const struct pt_link *l = c->want ? c->want : c->have;

	pt_buf_str(b, l->name);
	if (c->op != PT_LINK_CHANGE)
		pt_buf_fmt(b, " type %s", l->kernel_kind[0] ? l->kernel_kind : "physical");
	if (c->again && c->why)
		pt_buf_fmt(b, c->op == PT_LINK_DELETE ? " (to be made anew: %s differs)" : " (anew: %s differs)", c->why);
	if (c->op == PT_LINK_DELETE)
		return;
	for (size_t i = 0; i < l->settings.n; i++)
		if (is_changed(c, l->settings.v[i].attr) && !(c->op == PT_LINK_CREATE && l->settings.v[i].implied)) {
			pt_buf_chr(b, ' ');
			pt_link_print_setting(b, NULL, &l->settings.v[i]);
		}
	for (size_t i = 0; c->have && i < c->have->settings.n; i++) {
		const struct pt_link_setting *s = &c->have->settings.v[i];
		bool wanted = false;

		for (size_t k = 0; k < l->settings.n; k++)
			wanted = wanted || l->settings.v[k].attr == s->attr;
		if (!wanted && is_changed(c, s->attr))
			pt_buf_fmt(b, " no %s", s->attr->name);
	}
	print_common(b, l, c->op == PT_LINK_CREATE ? l->has : c->has, c->op == PT_LINK_CREATE);
}
