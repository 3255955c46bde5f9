/* SPDX-License-Identifier: MIT */
/*
 * load_kit.h - what the load generators have in common
 *
 * Context  TEST
 */
#ifndef CP_BENCH_LOAD_KIT_H
#define CP_BENCH_LOAD_KIT_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST	64     /* connections */
#define BUCKETS 100000 /* of a microsecond */

static inline double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A connection to a server on loopback. */
static inline int connection_to(int port)
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
static inline unsigned percentile(const uint32_t took[BUCKETS], long done, double part)
{
	double seen = 0;

	for (unsigned us = 0; us < BUCKETS; us++)
		if ((seen += took[us]) >= part * (double)done)
			return us;
	return BUCKETS;
}

#endif
