// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Run a fuzz target over the files of a directory, without libFuzzer: with any compiler. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static int replay(const char *path)
{
	FILE *stream = fopen(path, "rb");
	uint8_t *bytes = NULL;
	struct stat status;
	size_t size = 0;

	if (stream && fstat(fileno(stream), &status) == 0) {
		size = (size_t)status.st_size;
		/* of just that size, so that reading past it is noticed */
		bytes = malloc(size ? size : 1);
	}
	if (!bytes || fread(bytes, 1, size, stream) != size) {
		perror(path);
		return -1;
	}
	fclose(stream);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
	const struct dirent *entry;
	unsigned int count = 0;
	int failed = 0;

	if (!directory) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(directory))) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		failed |= replay(path);
		count++;
	}
	closedir(directory);
	printf("%u inputs\n", count);
	return failed || count == 0;
}
