/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay - a fuzz target over its committed corpus, as one TAP test a file.
 *
 * The corpus holds inputs that once failed or that reach a rare place. Replaying it
 * needs no fuzzing engine, so every run of the tests does it, under sanitizers:
 * a finding aborts the program, and prove reports the missing results.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Copies the file into memory of exactly its size, so that reading one byte too far is seen. */
static int replay_file(const char *path)
{
	uint8_t *data = NULL;
	struct stat st;
	int ret = -1;
	FILE *f;

	f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) < 0)
		goto out;
	data = malloc((size_t)st.st_size);
	if (!data && st.st_size)
		goto out;
	if (fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	ret = 0;
out:
	free(data);
	if (f)
		(void)fclose(f);
	return ret;
}

/* Every target must also take the empty input and a few short ones. */
static void replay_short(void)
{
	uint8_t *one;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	one = malloc(1);
	if (!one)
		return;
	for (unsigned int i = 0; i < 256; i++) {
		one[0] = (uint8_t)i;
		LLVMFuzzerTestOneInput(one, 1);
	}
	free(one);
}

int main(int argc, char **argv)
{
	char name[128], dir[256], path[1024];
	struct dirent **list = NULL;
	int n, failed = 0;
	const char *base;

	base = strrchr(argv[0], '/');
	base = base ? base + 1 : argv[0];
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	(void)snprintf(dir, sizeof(dir), "tests/corpus/%s", name);
	if (argc > 1)
		(void)snprintf(dir, sizeof(dir), "%s", argv[1]);

	n = scandir(dir, &list, visible, alphasort);
	if (n < 0 && errno != ENOENT) {
		printf("Bail out! cannot read %s: %s\n", dir, strerror(errno));
		return 1;
	}
	if (n < 0)
		n = 0;
	printf("1..%d\n", n + 1);
	replay_short();
	printf("ok 1 - %s: empty and one-byte inputs\n", name);
	for (int i = 0; i < n; i++) {
		int bad;

		(void)snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		bad = replay_file(path);
		failed |= bad;
		printf("%s %d - %s/%s\n", bad ? "not ok" : "ok", i + 2, name, list[i]->d_name);
		(void)fflush(stdout);
		free(list[i]);
	}
	free(list);
	return failed ? 1 : 0;
}
