/* SPDX-License-Identifier: MIT */
/*
 * load.c - a load generator for memcached: sets and gets over a few connections
 *
 * usage: load PORT CONNECTIONS SECONDS
 *
 * Each connection has one request under way: one set for nine gets, of a thousand keys
 * and 100 bytes. Prints requests per second, and the 50th and 99th percentile in us.
 */
#include "test/bench/load_kit.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>

#define VALUE                                                                    \
	"0123456789012345678901234567890123456789012345678901234567890123456789" \
	"012345678901234567890123456789"

struct connection {
	double sent;
	size_t got;
	bool set;
	char in[512];
};

static struct {
	struct pollfd fd[MOST];
	struct connection c[MOST];
	int n;
	long done;
	uint32_t random;
	uint32_t took[BUCKETS];
} st = {.random = 1};

static void ask(int i)
{
	uint32_t r = st.random = st.random * 1664525 + 1013904223;
	struct connection *c = &st.c[i];
	char out[256];
	int n;

	c->set = (r >> 10) % 10 == 0;
	if (c->set)
		n = snprintf(out, sizeof(out), "set k%u 0 0 100\r\n" VALUE "\r\n",
			     (r >> 16) % 1000);
	else
		n = snprintf(out, sizeof(out), "get k%u\r\n", (r >> 16) % 1000);
	c->got = 0;
	c->sent = now_us();
	if (write(st.fd[i].fd, out, (size_t)n) != n)
		die("load: write");
}

/* An answer ends with END or with STORED. */
static bool is_whole(const struct connection *c)
{
	const char *end = c->set ? "STORED\r\n" : "END\r\n";
	size_t n = strlen(end);

	return c->got >= n && !memcmp(c->in + c->got - n, end, n);
}

static void hear(int i)
{
	struct connection *c = &st.c[i];
	ssize_t n = read(st.fd[i].fd, c->in + c->got, sizeof(c->in) - c->got);
	double took;

	if (n <= 0)
		die("load: read");
	c->got += (size_t)n;
	if (!is_whole(c))
		return;
	took = now_us() - c->sent;
	st.took[took < BUCKETS ? (unsigned)took : BUCKETS - 1]++;
	st.done++;
	ask(i);
}

static void open_all(int port)
{
	for (int i = 0; i < st.n; i++) {
		st.fd[i] = (struct pollfd){connection_to(port), POLLIN, 0};
		ask(i);
	}
}

int main(int argc, char **argv)
{
	double began, until;

	if (argc != 4)
		return 2;
	st.n = atoi(argv[2]);
	if (st.n < 1 || st.n > MOST)
		return 2;
	open_all(atoi(argv[1]));
	began = now_us();
	until = began + atof(argv[3]) * 1e6;
	while (now_us() < until) {
		if (poll(st.fd, (nfds_t)st.n, 1000) < 0)
			die("load: poll");
		for (int i = 0; i < st.n; i++)
			if (st.fd[i].revents)
				hear(i);
	}
	printf("%.0f %u %u\n", (double)st.done / (now_us() - began) * 1e6,
	       percentile(st.took, st.done, 0.5), percentile(st.took, st.done, 0.99));
	return 0;
}
