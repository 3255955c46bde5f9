/* SPDX-License-Identifier: MIT */
/*
 * fuzz_profile.c - any bytes as a profile: read, merge, write, read again
 *
 * Context  TEST, libFuzzer
 * Holds    What is read can be written, what was written reads back as the same
 *          number of samples, a profile less itself is empty, and a refusal
 *          always has its sentence.
 */
#include "test/lib/profile_kit.h"

#include "agent/output/gzip.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define LIMIT  (1UL << 20)
#define MEMORY (64UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static struct cp_profile *read_it(const void *data, size_t size, size_t limit, struct kit_mem *m)
{
	struct cp_alloc mem = kit_alloc(m);
	const char *why = NULL;
	struct cp_profile *p = cp_profile_read(data, size, limit, &mem, &why);

	demand(p ? !why : why && *why);
	return p;
}

/* Every string ends, every pointer leads into its table. */
static size_t walk(const struct cp_profile *p)
{
	size_t sum = 0;

	for (size_t i = 0; i < p->nsamples; i++) {
		const struct cp_sample *s = &p->samples[i];

		for (unsigned k = 0; k < p->head.ntypes; k++)
			sum += (size_t)s->values[k];
		for (unsigned k = 0; k < s->nlocations; k++) {
			demand(s->locations[k] >= p->locations &&
			       s->locations[k] < p->locations + p->nlocations);
			for (unsigned l = 0; l < s->locations[k]->nlines; l++)
				sum += strlen(s->locations[k]->lines[l].function->name);
		}
		for (unsigned k = 0; k < s->nlabels; k++)
			sum += strlen(s->labels[k].key);
	}
	return sum;
}

static void check(const struct cp_profile *p, struct kit_mem *m)
{
	struct cp_alloc mem = kit_alloc(m);
	struct kit_bytes out = {0};
	struct cp_sink sink = kit_sink(&out);
	struct cp_profile *sum, *none, *back;
	const char *why;

	demand(cp_profile_write(p, &sink, &mem) == 0);
	back = read_it(out.p, out.len, LIMIT * 16, m);
	demand(back && back->nsamples == p->nsamples && back->nlocations == p->nlocations);
	demand(back->nmappings == p->nmappings && walk(back) == walk(p));
	sum = cp_profile_merge(p, back, 1, &mem, &why);
	none = cp_profile_merge(p, p, -1, &mem, &why);
	demand(sum && none && none->nsamples == 0 && sum->nsamples <= p->nsamples);
	walk(sum);
	free(out.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kit_mem m = {.limit = MEMORY};
	struct kit_mem ample = {0};
	struct cp_profile *p = read_it(data, size, LIMIT, &m);

	if (p)
		check(p, &ample);
	kit_release(&ample);
	kit_release(&m);
	return 0;
}

/* --- a seed with one of everything, gzipped and not ---------------------- */

static void write_seed(const struct cp_sink *sink, const struct cp_alloc *mem)
{
	static const struct cp_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	static const char *const comments[] = {"one", "two"};
	const struct cp_pprof_head head = {.types = types,
					   .ntypes = 2,
					   .default_type = "cpu",
					   .period_type = {"cpu", "nanoseconds"},
					   .period = 10000000,
					   .time_ns = 1700000000000000000,
					   .duration_ns = 5,
					   .comments = comments,
					   .ncomments = 2,
					   .drop_frames = "malloc"};
	const struct cp_pprof_mapping exe = {
		.start = 0x400000, .limit = 0x500000, .file = "/bin/x", .build_id = "ab"};
	const struct cp_pprof_label labels[] = {{"thread", "main", 0, NULL},
						{"bytes", NULL, 16, "bytes"}};
	const int64_t values[] = {1, 10000000};
	const uint64_t stack[] = {1, 2};
	struct cp_pprof *p = cp_pprof_open(&head, sink, mem);
	struct cp_pprof_line line[2] = {{0, 3}, {0, 4}};

	cp_pprof_mapping(p, &exe);
	line[0].function = cp_pprof_function(p, "in", "_Z2inv", "in.c", 1);
	line[1].function = cp_pprof_function(p, "out", "out", "out.c", 0);
	cp_pprof_location(p, 1, 0x400010, line, 2);
	cp_pprof_location(p, 1, 0x400020, line + 1, 1);
	cp_pprof_sample(p, stack, 2, values, labels, 2);
	cp_pprof_sample(p, stack + 1, 1, values, NULL, 0);
	demand(cp_pprof_close(p) == 0);
}

static void save(const char *dir, const char *name, const void *data, size_t size)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* Puts the seeds into the corpus directory, the first argument that is no option. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	struct kit_bytes packed = {0};
	struct cp_sink sink = kit_sink(&packed);
	unsigned char *raw;
	size_t size;

	write_seed(&sink, &mem);
	demand(!cp_gzip_unpack(packed.p, packed.len, LIMIT, &mem, &raw, &size));
	for (int i = 1; i < *argc; i++) {
		const char *dir = (*argv)[i];

		if (*dir == '-' || access(dir, W_OK | X_OK))
			continue;
		save(dir, "seed-gzip", packed.p, packed.len);
		save(dir, "seed-raw", raw, size);
		break;
	}
	kit_release(&m);
	free(packed.p);
	return 0;
}
