/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which address is in which country: one reading of each file for all countries that are asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "geoip/internal.h"

static bool capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

struct pt_geoip_list *geoip_list(const struct geoip_reader *r, const char *code)
{
	uint16_t at;

	if (!memcmp(code, "UK", 2)) /* what some lists call it here and there */
		code = "GB";
	if (!capital(code[0]) || !capital(code[1]))
		return NULL;
	at = r->place[code[0] - 'A'][code[1] - 'A'];
	return at ? &r->lists[at - 1] : NULL;
}

static int read_file(struct geoip_reader *r, const char *path)
{
	char *data = NULL;
	size_t len;
	int rc;

	r->path = path;
	rc = pt_file_read(path, PT_FILE_MAX, &data, &len, r->e);
	if (rc == -ENOENT && !strncmp(path, PT_GEOIP_FILE, strlen(PT_GEOIP_FILE)) && r->e->list.n)
		r->e->list.v[r->e->list.n - 1].hint =
			pt_arena_strdup(r->e->arena, "install tor-geoipdb, or name a file: geoip { file = \"...\" }");
	if (!rc)
		rc = geoip_is_mmdb(data, len) ? geoip_mmdb(r, (const uint8_t *)data, len) : geoip_csv(r, data, len);
	free(data);
	return rc;
}

/* A family without addresses is a file that was forgotten: `! geoip DE` would let all of it through. */
static int check_families(const struct geoip_reader *r, const char *file)
{
	for (int f = 0; f < 2; f++)
		if (!r->seen[f]) {
			pt_err_add(r->e, PT_ERROR, NULL, f ? "name the file for IPv6, too: geoip { file6 = \"...\" }" :
				   "file6 is the one for IPv6: name that for IPv4 as file",
				   "%s has no %s addresses", file, f ? "IPv6" : "IPv4");
			return -EINVAL;
		}
	return 0;
}

static void finish(struct geoip_reader *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct pt_geoip_list *l = &r->lists[i];

		pt_iset_norm(&l->set[0]);
		pt_iset_norm(&l->set[1]);
		if (!l->set[0].n && !l->set[1].n)
			pt_err_add(r->e, PT_WARNING, NULL, NULL, "%s has no addresses of %s, %s", r->path, l->code,
				   pt_geoip_country(l->code) ? pt_geoip_country(l->code) : "no country");
	}
}

int pt_geoip_load(const char *file, const char *file6, struct pt_geoip_list *lists, size_t n, struct pt_arena *a,
		  struct pt_err *e)
{
	struct geoip_reader r = { .lists = lists, .n = n, .arena = a, .e = e };
	int rc;

	for (size_t i = 0; i < n && i < UINT16_MAX; i++)
		if (capital(lists[i].code[0]) && capital(lists[i].code[1]))
			r.place[lists[i].code[0] - 'A'][lists[i].code[1] - 'A'] = (uint16_t)(i + 1);
	rc = read_file(&r, file);
	if (!rc && file6)
		rc = read_file(&r, file6);
	if (!rc)
		rc = check_families(&r, file);
	if (!rc)
		finish(&r);
	return rc == -ENOMEM ? pt_err_sys(e, rc, "reading %s", file) : rc;
}
