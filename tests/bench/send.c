/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * send - datagrams at an even rate, for whoever counts what others see of them.
 *
 *     send ADDRESS PORT COUNT RATE SIZE
 *
 * COUNT datagrams of SIZE bytes to an address of IPv4, RATE of them a second. Prints the seconds that it took.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 50
#define SIZE_MAX_SENT 1400

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_until(double when)
{
	double left = when - now();
	struct timespec t = { .tv_nsec = (long)(left * 1e9) };

	if (left > 0 && left < 1)
		(void)nanosleep(&t, NULL);
}

static int send_all(int fd, long count, double rate, size_t size)
{
	static char data[SIZE_MAX_SENT];
	struct iovec v = { data, size };
	struct mmsghdr m[BATCH];
	double start = now();

	for (size_t i = 0; i < BATCH; i++)
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &v, .msg_iovlen = 1 } };
	for (long sent = 0; sent < count;) {
		int n = sendmmsg(fd, m, (unsigned int)(count - sent < BATCH ? count - sent : BATCH), 0);

		if (n < 0)
			return -1;
		sent += n;
		wait_until(start + (double)sent / rate);
	}
	printf("%.3f\n", now() - start);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	size_t size = argc == 6 ? strtoul(argv[5], NULL, 10) : SIZE_MAX_SENT + 1;
	int fd;

	if (size > SIZE_MAX_SENT || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		(void)fprintf(stderr, "usage: send ADDRESS PORT COUNT RATE SIZE\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    send_all(fd, strtol(argv[3], NULL, 10), strtod(argv[4], NULL), size)) {
		perror("send");
		return 1;
	}
	return 0;
}
