/* SPDX-License-Identifier: MIT */
/*
 * twins.c - loads two servers in turn, in bursts shorter than a machine's moods
 *
 * usage: twins PORT PORT CONNECTIONS BURST_MS WARM PAIRS GREETING REQUEST
 *
 * GREETING, with which each connection begins unless it is empty, and REQUEST are files. Each
 * connection has one request under way, always the same, whose answer always has the length of
 * the first one. After WARM pairs of bursts says "ready" and awaits a line. Then prints the
 * requests per second of each of PAIRS pairs, a line each, and "p99" and that of both servers in
 * us; and holds the connections until its input ends.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST	64     /* connections */
#define BUCKETS 100000 /* of a microsecond */
#define SILENT	30     /* ms: nothing of an answer is still to come */

struct words {
	char text[4096];
	size_t size;
};

struct connection {
	double sent;
	size_t missing; /* of the answer; 0: nothing is asked */
};

struct server {
	struct pollfd fd[MOST];
	struct connection c[MOST];
	size_t answer; /* bytes */
	long done;
	uint32_t took[BUCKETS];
};

static struct {
	struct server server[2];
	struct words greeting, request;
	double burst; /* us */
	int n;
} st;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A connection to a server on loopback. */
static int connection_to(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* In us; took[n]: so many answers that took n of them. */
static unsigned percentile(const uint32_t took[BUCKETS], long done, double part)
{
	double seen = 0;

	for (unsigned us = 0; us < BUCKETS; us++)
		if ((seen += took[us]) >= part * (double)done)
			return us;
	return BUCKETS;
}

static void say(int fd, const struct words *w)
{
	if (write(fd, w->text, w->size) != (ssize_t)w->size)
		die("twins: write");
}

static size_t hear(int fd)
{
	char in[16384];
	ssize_t n = read(fd, in, sizeof(in));

	if (n <= 0)
		die("twins: read");
	return (size_t)n;
}

/* How long the answer is: until it has said nothing for a while. */
static size_t learn(struct pollfd *fd, const struct words *w)
{
	size_t size = 0;

	say(fd->fd, w);
	while (poll(fd, 1, size ? SILENT : 5000) == 1)
		size += hear(fd->fd);
	return size;
}

static void greet(struct server *s)
{
	size_t answer = learn(&s->fd[0], &st.greeting);

	for (int i = 1; i < st.n; i++) {
		say(s->fd[i].fd, &st.greeting);
		for (size_t n = 0; n < answer;)
			n += hear(s->fd[i].fd);
	}
}

static void ask(struct server *s, int i)
{
	s->c[i].missing = s->answer;
	s->c[i].sent = now_us();
	say(s->fd[i].fd, &st.request);
}

/* Whether the answer is there. */
static bool is_answered(struct server *s, int i)
{
	struct connection *c = &s->c[i];
	size_t n = hear(s->fd[i].fd);
	double took;

	if (n > c->missing) {
		fprintf(stderr, "twins: an answer of another length\n");
		exit(1);
	}
	c->missing -= n;
	if (c->missing)
		return false;
	took = now_us() - c->sent;
	s->took[took < BUCKETS ? (unsigned)took : BUCKETS - 1]++;
	s->done++;
	return true;
}

static void open_all(struct server *s, int port)
{
	for (int i = 0; i < st.n; i++)
		s->fd[i] = (struct pollfd){connection_to(port), POLLIN, 0};
	if (st.greeting.size)
		greet(s);
	s->answer = learn(&s->fd[0], &st.request);
}

/* Requests per second: from the first question to the last answer. */
static double burst(struct server *s)
{
	double began = now_us(), until = began + st.burst;
	long before = s->done;
	int under_way = st.n;

	for (int i = 0; i < st.n; i++)
		ask(s, i);
	while (under_way) {
		bool more = now_us() < until;

		if (poll(s->fd, (nfds_t)st.n, 5000) <= 0)
			die("twins: poll");
		for (int i = 0; i < st.n; i++) {
			if (!s->fd[i].revents || !is_answered(s, i))
				continue;
			if (more)
				ask(s, i);
			else
				under_way--;
		}
	}
	return (double)(s->done - before) / (now_us() - began) * 1e6;
}

/* Who goes first changes: A B B A. */
static void pair(int number, double rate[2])
{
	int first = number & 1;

	rate[first] = burst(&st.server[first]);
	rate[!first] = burst(&st.server[!first]);
}

static unsigned p99(const struct server *s)
{
	return percentile(s->took, s->done, 0.99);
}

static void forget(struct server *s)
{
	memset(s->took, 0, sizeof(s->took));
	s->done = 0;
}

static void await_line(void)
{
	int c;

	fflush(stdout);
	while ((c = getchar()) != EOF && c != '\n')
		;
}

static void read_words(struct words *w, const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		die(path);
	w->size = fread(w->text, 1, sizeof(w->text), f);
	fclose(f);
}

static void measure(int warm, int pairs)
{
	double rate[2];

	for (int i = 0; i < warm; i++)
		pair(i, rate);
	for (int k = 0; k < 2; k++)
		forget(&st.server[k]);
	puts("ready");
	await_line();
	for (int i = 0; i < pairs; i++) {
		pair(i, rate);
		printf("%.0f %.0f\n", rate[0], rate[1]);
	}
	printf("p99 %u %u\n", p99(&st.server[0]), p99(&st.server[1]));
	await_line();
}

int main(int argc, char **argv)
{
	if (argc != 9)
		return 2;
	st.n = atoi(argv[3]);
	st.burst = atof(argv[4]) * 1e3;
	read_words(&st.greeting, argv[7]);
	read_words(&st.request, argv[8]);
	if (st.n < 1 || st.n > MOST || !st.request.size)
		return 2;
	for (int k = 0; k < 2; k++)
		open_all(&st.server[k], atoi(argv[1 + k]));
	measure(atoi(argv[5]), atoi(argv[6]));
	return 0;
}
