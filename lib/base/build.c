/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which build this is. The linker leaves a digest of all it linked in a note of the file (ELF, NT_GNU_BUILD_ID); what one build left for
 * itself under /run is not for another, even where both are of one version.
 */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include <patronus/base.h>

struct search {
	uintptr_t here;
	char *out;
	size_t size;
	int rc;
};

static bool holds(const struct dl_phdr_info *info, uintptr_t address)
{
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && address >= info->dlpi_addr + p->p_vaddr && address - info->dlpi_addr - p->p_vaddr < p->p_memsz)
			return true;
	}
	return false;
}

static int write_id(struct search *s, const uint8_t *id, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (!n || 2 * n >= s->size)
		return -ENOENT;
	for (size_t i = 0; i < n; i++) {
		s->out[2 * i] = digits[id[i] >> 4];
		s->out[2 * i + 1] = digits[id[i] & 15];
	}
	s->out[2 * n] = '\0';
	return 0;
}

static int search_notes(struct search *s, const uint8_t *p, size_t left)
{
	ElfW(Nhdr) note;

	while (left >= sizeof(note)) {
		size_t name, desc;

		memcpy(&note, p, sizeof(note));
		name = (note.n_namesz + 3ul) & ~3ul;
		desc = (note.n_descsz + 3ul) & ~3ul;
		if (name > left - sizeof(note) || desc > left - sizeof(note) - name)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(p + sizeof(note), "GNU", 4))
			return write_id(s, p + sizeof(note) + name, note.n_descsz);
		p += sizeof(note) + name + desc;
		left -= sizeof(note) + name + desc;
	}
	return -ENOENT;
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	(void)size;
	if (!holds(info, s->here))
		return 0;
	for (size_t i = 0; s->rc && i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_NOTE)
			/* An address of this process, which the loader tells as a number. */
			s->rc = search_notes(s, (const uint8_t *)(info->dlpi_addr + p->p_vaddr), p->p_memsz); /* NOLINT(performance-no-int-to-ptr) */
	}
	return 1;
}

int pt_build_id(char *out, size_t size)
{
	struct search s = { .here = (uintptr_t)&pt_build_id, .out = out, .size = size, .rc = -ENOENT };

	(void)dl_iterate_phdr(look, &s);
	return s.rc;
}
