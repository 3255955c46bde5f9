/* SPDX-License-Identifier: MIT */
/*
 * bench_pprof.c - a snapshot of 100,000 distinct stacks, against zlib alone
 *
 * Context  TEST
 * Holds    The target is 1.5 times what zlib level 1 takes for the same bytes,
 *          and 4 MB of memory beside what the caller has.
 * Why      Rounds alternate and the medians are compared, so that a noisy
 *          machine troubles both alike.
 */
#include "test/lib/profile_kit.h"

#include "agent/output/gzip.h"

#include <stdio.h>
#include <time.h>
#include <zlib.h>

enum { STACKS = 100000, FUNCTIONS = 20000, LOCATIONS = 40000, ROUNDS = 9, DEEPEST = 48 };

static struct {
	uint64_t seed;
	char name[FUNCTIONS][96], mangled[FUNCTIONS][128];
	uint32_t parent[STACKS], depth[STACKS];
	uint64_t location[STACKS], depths;
	struct kit_bytes packed;
} st;

static uint64_t draw(void)
{
	uint64_t z = st.seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Small numbers more often than large ones: as calls in real programs are. */
static uint64_t skewed(uint64_t n)
{
	return draw() % n * (draw() % n) / n;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void name_functions(void)
{
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		snprintf(st.name[i], sizeof(st.name[i]), "server::module%u::Handler%u::process_%lx",
			 i % 97, i % 1009, (unsigned long)(draw() & 0xffffff));
		snprintf(st.mangled[i], sizeof(st.mangled[i]),
			 "_ZN6server%u%s7HandlerI%luE7processEPKcRSt6vector", i, "module",
			 (unsigned long)(draw() & 0xffffff));
	}
}

static void put_locations(struct cp_pprof *p)
{
	for (unsigned i = 0; i < LOCATIONS; i++) {
		unsigned f = i % FUNCTIONS;
		struct cp_pprof_line line = {.line = (int64_t)(draw() % 3000)};

		line.function = cp_pprof_function(p, st.name[f], st.mangled[f],
						  "/usr/src/server/handler.cc", 0);
		cp_pprof_location(p, 1, 0x401000 + (uint64_t)i * 37, &line, 1);
	}
}

/* A call tree: each node is one distinct stack, the way from it to the root. Of
 * three nodes the deepest becomes the parent, which gives depths as servers have. */
static void grow_tree(void)
{
	st.seed = 7;
	for (unsigned i = 1; i < STACKS; i++) {
		for (unsigned k = 0; k < 3; k++) {
			unsigned c = (unsigned)(draw() % i);

			if (st.depth[c] < DEEPEST && st.depth[c] >= st.depth[st.parent[i]])
				st.parent[i] = c;
		}
		st.depth[i] = st.depth[st.parent[i]] + 1;
		st.location[i] = 1 + skewed(LOCATIONS);
		st.depths += st.depth[i];
	}
	st.location[0] = 1;
}

static void put_samples(struct cp_pprof *p)
{
	for (unsigned i = 0; i < STACKS; i++) {
		uint64_t stack[DEEPEST + 1];
		unsigned depth = 0;
		int64_t objects = 1 + (int64_t)skewed(1000), size = 16 << draw() % 12;
		const int64_t values[4] = {objects * 3, objects * 3 * size, objects,
					   objects * size};
		const struct cp_pprof_label bytes = {"bytes", NULL, size, NULL};

		for (unsigned k = i; k; k = st.parent[k])
			stack[depth++] = st.location[k];
		stack[depth++] = st.location[0];
		cp_pprof_sample(p, stack, depth, values, &bytes, 1);
	}
}

static void write_profile(const struct cp_sink *sink, const struct cp_alloc *mem)
{
	static const struct cp_value_type types[] = {{"alloc_objects", "count"},
						     {"alloc_space", "bytes"},
						     {"inuse_objects", "count"},
						     {"inuse_space", "bytes"}};
	const struct cp_pprof_head head = {.types = types,
					   .ntypes = 4,
					   .period_type = {"space", "bytes"},
					   .period = 524288,
					   .time_ns = 1700000000000000000};
	const struct cp_pprof_mapping exe = {.start = 0x400000,
					     .limit = 0x800000,
					     .file = "/usr/sbin/server",
					     .has_functions = true};
	struct cp_pprof *p;

	st.seed = 1;
	p = cp_pprof_open(&head, sink, mem);
	cp_pprof_mapping(p, &exe);
	put_locations(p);
	put_samples(p);
	if (cp_pprof_close(p))
		abort();
}

static int discard(void *ctx, const void *buf, size_t n)
{
	(void)buf;
	*(size_t *)ctx += n;
	return 0;
}

/* What the data costs without a writer (which NULL is) is no part of the figure. */
static double time_source(void)
{
	double began = seconds();

	st.seed = 1;
	put_locations(NULL);
	put_samples(NULL);
	return seconds() - began;
}

static double time_writer(struct kit_mem *m)
{
	struct cp_alloc mem = kit_alloc(m);
	size_t n = 0;
	const struct cp_sink sink = {discard, &n};
	double began = seconds();

	write_profile(&sink, &mem);
	return seconds() - began;
}

static double time_zlib(const unsigned char *data, size_t size)
{
	static unsigned char out[1 << 16];
	double began = seconds();
	z_stream zs = {0};

	deflateInit2(&zs, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	zs.next_in = (Bytef *)data;
	zs.avail_in = (uInt)size;
	do {
		zs.next_out = out;
		zs.avail_out = sizeof(out);
	} while (deflate(&zs, Z_FINISH) == Z_OK);
	deflateEnd(&zs);
	return seconds() - began;
}

static double time_reader(const struct kit_bytes *b)
{
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	const char *why;
	double began = seconds(), took;
	struct cp_profile *p = cp_profile_read(b->p, b->len, 1UL << 30, &mem, &why);

	took = seconds() - began;
	if (!p || p->nsamples != STACKS)
		abort();
	kit_release(&m);
	return took;
}

static double time_merge(const struct kit_bytes *b)
{
	struct kit_mem m = {0};
	struct cp_alloc mem = kit_alloc(&m);
	const char *why;
	struct cp_profile *p = cp_profile_read(b->p, b->len, 1UL << 30, &mem, &why);
	double began = seconds(), took;

	if (!p || !cp_profile_merge(p, p, 1, &mem, &why))
		abort();
	took = seconds() - began;
	kit_release(&m);
	return took;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *t)
{
	qsort(t, ROUNDS, sizeof(*t), by_size);
	return t[ROUNDS / 2];
}

int main(void)
{
	double writer[ROUNDS], zlib[ROUNDS], reader[ROUNDS], w, z;
	struct kit_mem m = {0}, unpacked = {0};
	struct cp_alloc mem = kit_alloc(&unpacked);
	struct cp_sink sink = kit_sink(&st.packed);
	unsigned char *raw;
	size_t size;

	name_functions();
	grow_tree();
	write_profile(&sink, &mem);
	if (cp_gzip_unpack(st.packed.p, st.packed.len, 1UL << 30, &mem, &raw, &size))
		return 1;
	for (unsigned i = 0; i < ROUNDS; i++) {
		writer[i] = time_writer(&m) - time_source();
		zlib[i] = time_zlib(raw, size);
		reader[i] = time_reader(&st.packed);
	}
	w = median(writer);
	z = median(zlib);
	printf("pprof: %d stacks of %.0f frames, %.1f MB, %.1f MB gzipped\n", STACKS,
	       (double)st.depths / STACKS, (double)size / 1e6, (double)st.packed.len / 1e6);
	printf("pprof: writer %.0f ms, zlib alone %.0f ms: %.2f times (target 1.5)\n", w * 1e3,
	       z * 1e3, w / z);
	printf("pprof: writer's memory %.2f MB (target 4)\n", (double)m.peak / 1e6);
	printf("pprof: reader %.0f ms, merge of two %.0f ms\n", median(reader) * 1e3,
	       time_merge(&st.packed) * 1e3);
	printf("bench: pprof_writer_to_zlib %.3g ratio\n", w / z);
	printf("bench: pprof_writer_memory %.3g MB\n", (double)m.peak / 1e6);
	kit_release(&unpacked);
	free(st.packed.p);
	return 0;
}
