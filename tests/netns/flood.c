/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules exchanged under a flood of packets: at no moment does one pass that neither the old nor the new rules
 * let through, is one lost that both do, or does a flow that is established suffer. With every engine, and
 * (but for a packet or two lost) from each to each, both families, forwarded packets and those to and from the router itself.
 *
 * The two rule sets agree on most ports, but by other rules in another order, so that a mixture of the two
 * would leak or lose; two ports change with each apply and show that the rules did. Then files that differ by one rule, whose
 * apply does not read the others. Each kind of packet has
 * sequence numbers, and sockets are asked whether they overflowed. At last the control: the same flood
 * while the table is deleted, or stopped, before the rules come. It must leak, or lose.
 *
 *   FLOOD=1000 flood.t      applies with each engine, instead of 150
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/sock_diag.h>

#include <patronus/base.h>

#include "netns/lab.h"

#define TURN_NS 500000 /* one packet of each kind, and no sooner the next */
/* Few enough for the kernel's table of states; each state has expired before its port comes again. */
#define SOURCE_PORTS 6000u
#define MAGIC 0x50544657u
#define FLOW_PORT 5000u

static struct lab lab;
static const char *ptfw;
static char files[6][64]; /* of the rule sets; from FILE_PASSES on they differ by a single rule */
#define FILE_PASSES 2
static size_t n_checks;
static bool failed;

static void check(bool good, const char *engine, const char *what)
{
	failed |= !good;
	printf("%sok %zu - %s: %s\n", good ? "" : "not ", ++n_checks, engine, what);
}

/* ---------------- the rules ---------------- */

enum fate { PASSES, BLOCKED, CHANGES };

static const struct {
	uint16_t port;
	enum fate fate;
} ports[] = {
	{ 1000, PASSES }, /* with state */
	{ 1001, PASSES }, /* without */
	{ 1004, PASSES }, /* by a table */
	{ 2000, BLOCKED }, /* by a rule of its own, or by a range */
	{ 2001, BLOCKED }, /* by the first rule, or by a range */
	{ 3000, CHANGES },
	{ 3001, CHANGES },
};

#define N_PORTS PT_ARRAY_SIZE(ports)
#define FILLERS 90u /* rules that never match: for the classifier to be worth it, and trees to have cuts */

static const char preamble[] =
	"interface lan { device = \"lan0\" address = { \"192.168.1.1/24\", \"fd00:1::1/64\" } }\n"
	"interface wan { device = \"wan0\" address = { \"203.0.113.2/24\", \"2001:db8:1::2/64\" } }\n"
	"interface dmz { device = \"dmz0\" address = { \"10.0.5.1/24\", \"fd00:5::1/64\" } }\n";

/* Blocks first, the last match decides. */
static void write_first(FILE *f)
{
	(void)fputs("table good { addresses = { \"192.168.0.0/16\", \"203.0.113.0/24\", \"fd00::/16\", \"2001:db8:1::/48\" } }\n"
		    "firewall { rules = {\n\"block\",\n",
		    f);
	for (unsigned int i = 0; i < FILLERS; i++)
		(void)fprintf(f, "\"block in inet proto udp from 10.77.%u.0/24 to any port 7000\",\n", i);
	(void)fprintf(f,
		      "\"pass proto udp to any port 1000\",\n\"block proto udp to any port 2000\",\n"
		      "\"pass proto udp to any port 1001 no state\",\n\"pass proto udp from <good> to any port 1004\",\n"
		      "\"pass proto udp to any port 3000\",\n\"pass proto tcp to any port %u\"\n} }\n",
		      FLOW_PORT);
}

/* Passes widely, but for what was decided before: in the place of each rule is one to the contrary. New flows
 * are blocked. */
static void write_second(FILE *f)
{
	(void)fputs("table better { addresses = { \"192.168.1.0/24\", \"203.0.113.2\", \"fd00:1::/64\", \"2001:db8:1::2\" } }\n"
		    "firewall { rules = {\n\"pass\",\n\"pass quick proto udp from <better> to any port 1003:1005\",\n",
		    f);
	for (unsigned int i = 0; i < FILLERS; i++)
		(void)fprintf(f, "\"pass in quick inet6 proto udp from fd77:%x::/64 to any port 7000\",\n", i);
	(void)fprintf(f,
		      "\"block quick proto udp to any port 1500:2999\",\n\"pass quick proto udp to any port 900:1000\",\n"
		      "\"block quick proto udp to any port 3000\",\n\"pass proto udp to any port 1001:4000 no state\",\n"
		      "\"block proto tcp to any port %u\"\n} }\n",
		      FLOW_PORT);
}

/* One rule, of arriving packets, is what changes: an apply of it reads no other. */
static void write_single(FILE *f, const char *rule)
{
	(void)fputs("table good { addresses = { \"192.168.0.0/16\", \"203.0.113.0/24\", \"fd00::/16\", \"2001:db8:1::/48\" } }\n"
		    "firewall { rules = {\n\"block in\",\n\"pass out\",\n",
		    f);
	for (unsigned int i = 0; i < FILLERS; i++)
		(void)fprintf(f, "\"block in inet proto udp from 10.77.%u.0/24 to any port 7000\",\n%s", i, i == FILLERS / 2 ? rule : "");
	(void)fprintf(f,
		      "\"pass in proto udp to any port 1000\",\n\"block out proto udp to any port 2000:2001\",\n"
		      "\"pass in proto udp to any port 1001 no state\",\n\"pass in proto udp from <good> to any port 1004\",\n"
		      "\"pass in proto tcp to any port %u\"\n} }\n",
		      FLOW_PORT);
}

static void write_passes(FILE *f)
{
	write_single(f, "\"pass in proto udp to any port 3000:3001\",\n");
}

static void write_blocks(FILE *f)
{
	write_single(f, "\"block in proto udp to any port 3000:3001\",\n");
}

static void write_other_port(FILE *f)
{
	write_single(f, "\"pass in proto udp to any port 4000\",\n");
}

static void write_without(FILE *f)
{
	write_single(f, "");
}

static void write_rules(const char *folder)
{
	static void (*const write_set[])(FILE *) = { write_first, write_second, write_passes, write_blocks, write_other_port, write_without };

	for (size_t i = 0; i < PT_ARRAY_SIZE(write_set); i++) {
		FILE *f;

		(void)snprintf(files[i], sizeof(files[i]), "%s/%zu.conf", folder, i);
		f = fopen(files[i], "we");
		if (!f)
			lab_bail(files[i]);
		(void)fputs(preamble, f);
		write_set[i](f);
		if (fclose(f))
			lab_bail(files[i]);
	}
}

/* ---------------- programs in the router ---------------- */

/* On another processor than the flood, if there is one. */
static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static pid_t start(const char *const *argv)
{
	pid_t pid = fork();

	if (pid < 0)
		lab_bail("fork");
	if (pid)
		return pid;
	stay_on(1);
	lab_step(lab.ns[LAB_ROUTER]);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static pid_t start_apply(const char *engine, int set)
{
	return start((const char *const[]){ ptfw, "-q", "apply", "--engine", engine, "-f", files[set], NULL });
}

/* Old rules away by HOW, and then new ones. */
static pid_t start_naive(const char *how, int set)
{
	char script[400];

	(void)snprintf(script, sizeof(script), "%s && exec \"$0\" -q apply --engine linear -f \"$1\"", how);
	return start((const char *const[]){ "sh", "-c", script, ptfw, files[set], NULL });
}

static bool succeeded(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---------------- packets ---------------- */

enum { HOST_LAN, HOST_ROUTER, HOST_WAN, N_HOSTS };

static const struct {
	enum lab_host where;
	const char *address[2]; /* of each family */
} hosts[N_HOSTS] = {
	{ LAB_LAN, { "192.168.1.10", "fd00:1::10" } },
	{ LAB_ROUTER, { "192.168.1.1", "fd00:1::1" } },
	{ LAB_WAN, { "203.0.113.1", "2001:db8:1::1" } },
};

static const struct {
	int from, to;
	const char *what;
} paths[] = {
	{ HOST_LAN, HOST_WAN, "forwarded" },
	{ HOST_LAN, HOST_ROUTER, "to the router" },
	{ HOST_ROUTER, HOST_WAN, "from the router" },
};

#define PATH_OUT 2 /* no rule of arriving packets is asked */
#define N_PATHS PT_ARRAY_SIZE(paths)
#define N_KINDS (2 * N_PATHS * N_PORTS)

/* What follows the UDP header. */
struct mark {
	uint32_t magic, kind, sequence;
};

struct datagram {
	uint16_t sport, dport, length, checksum;
	struct mark mark;
} __attribute__((packed));

struct kind {
	uint32_t sent, received, last; /* LAST: sequence number of the last that was received */
	bool disorder;
};

static struct kind kinds[N_KINDS];
static int raw[N_HOSTS][2]; /* sockets that send, and see whatever arrives */

static enum fate fate_of(size_t kind)
{
	return ports[kind % N_PORTS].fate;
}

static void open_raw(int host, int six)
{
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	int room = 64 << 20, checksum = 6;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    (six && setsockopt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, &checksum, sizeof(checksum))))
		lab_bail("cannot open a raw socket");
	raw[host][six] = fd;
}

/* Somebody listens, so that nobody answers that the port is closed; but nobody reads. */
static void listen_silently(int host, int six)
{
	for (size_t i = 0; i < N_PORTS; i++)
		if (lab_bind(SOCK_DGRAM, hosts[host].address[six], ports[i].port) < 0)
			lab_bail("cannot bind a port");
}

static void open_sockets(void)
{
	for (int host = 0; host < N_HOSTS; host++) {
		int here = lab_enter(&lab, hosts[host].where);

		for (int six = 0; six < 2; six++) {
			open_raw(host, six);
			if (host != HOST_LAN)
				listen_silently(host, six);
		}
		/* A segment that is only late would look like a lost one. */
		(void)lab_sysctl("ipv4/tcp_early_retrans", "0");
		lab_back(here);
	}
}

static void send_packet(uint32_t kind)
{
	struct sockaddr_storage to = { 0 };
	size_t path = kind / N_PORTS % N_PATHS;
	int six = kind / N_PORTS / N_PATHS;
	uint32_t sequence = kinds[kind].sent + 1;
	struct datagram d = {
		.sport = htons((uint16_t)(20000 + sequence % SOURCE_PORTS)),
		.dport = htons(ports[kind % N_PORTS].port),
		.length = htons(sizeof(d)),
		.mark = { MAGIC, kind, sequence },
	};
	const char *address = hosts[paths[path].to].address[six];
	ssize_t n;

	to.ss_family = six ? AF_INET6 : AF_INET;
	(void)inet_pton(to.ss_family, address,
			six ? (void *)&((struct sockaddr_in6 *)&to)->sin6_addr : (void *)&((struct sockaddr_in *)&to)->sin_addr);
	n = sendto(raw[paths[path].from][six], &d, sizeof(d), 0, (struct sockaddr *)&to,
		   six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	/* What the router may not send is refused at once, and is one that did not arrive. */
	if (n < 0 && errno != EPERM)
		lab_bail("cannot send");
	kinds[kind].sent = sequence;
}

static void take(const uint8_t *packet, size_t n, int host, int six)
{
	size_t skip = (six ? 0 : (size_t)(packet[0] & 15) * 4) + offsetof(struct datagram, mark);
	struct mark m;
	struct kind *k;

	if (n < skip + sizeof(m))
		return;
	memcpy(&m, packet + skip, sizeof(m));
	if (m.magic != MAGIC || m.kind >= N_KINDS || paths[m.kind / N_PORTS % N_PATHS].to != host)
		return;
	k = &kinds[m.kind];
	k->disorder |= m.sequence <= k->last;
	k->last = m.sequence;
	k->received++;
}

static void receive_all(void)
{
	uint8_t packet[256];

	for (int host = 0; host < N_HOSTS; host++)
		for (int six = 0; six < 2; six++)
			for (ssize_t n; (n = recv(raw[host][six], packet, sizeof(packet), 0)) > 0;)
				take(packet, (size_t)n, host, six);
}

/* How many packets did not find room in our own sockets. */
static uint32_t overflowed(void)
{
	uint32_t meminfo[SK_MEMINFO_VARS], sum = 0;

	for (int host = 0; host < N_HOSTS; host++)
		for (int six = 0; six < 2; six++) {
			socklen_t n = sizeof(meminfo);

			if (getsockopt(raw[host][six], SOL_SOCKET, SO_MEMINFO, meminfo, &n))
				lab_bail("SO_MEMINFO");
			sum += meminfo[SK_MEMINFO_DROPS];
		}
	return sum;
}

/* ---------------- flows ---------------- */

struct flow {
	int end[2];
	uint64_t sent[2], received[2]; /* by each end */
};

#define N_FLOWS 4
static struct flow flows[N_FLOWS]; /* to the host on the wan, and to the router; of each family */

static void open_flow(struct flow *f, int host, int six)
{
	int here = lab_enter(&lab, hosts[host].where), listener, on = 1;

	listener = lab_bind(SOCK_STREAM, hosts[host].address[six], FLOW_PORT);
	lab_step(lab.ns[LAB_LAN]);
	f->end[0] = listener < 0 ? -1 : lab_connect(SOCK_STREAM, hosts[host].address[six], FLOW_PORT, 0);
	f->end[1] = f->end[0] < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (f->end[1] < 0)
		lab_bail("cannot make a flow");
	for (int i = 0; i < 2; i++)
		(void)setsockopt(f->end[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close(listener);
	lab_back(here);
}

static void read_flow(struct flow *f)
{
	uint8_t data[4096];

	for (int i = 0; i < 2; i++)
		for (ssize_t n; (n = recv(f->end[i], data, sizeof(data), MSG_DONTWAIT)) > 0;)
			f->received[i] += (uint64_t)n;
}

static void exchange(struct flow *f)
{
	static const uint8_t data[40] = "both ways all the time";

	for (int i = 0; i < 2; i++) {
		ssize_t n = send(f->end[i], data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);

		f->sent[i] += n > 0 ? (uint64_t)n : 0;
	}
	read_flow(f);
}

static bool complete(const struct flow *f)
{
	return f->received[0] == f->sent[1] && f->received[1] == f->sent[0];
}

static uint32_t retransmitted(void)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < N_FLOWS * 2; i++) {
		struct tcp_info info = { 0 };
		socklen_t n = sizeof(info);

		if (getsockopt(flows[i / 2].end[i % 2], IPPROTO_TCP, TCP_INFO, &info, &n))
			lab_bail("TCP_INFO");
		sum += info.tcpi_total_retrans + (info.tcpi_state != TCP_ESTABLISHED);
	}
	return sum;
}

/* ---------------- the flood ---------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void flood_turn(void)
{
	uint64_t next = now_ns() + TURN_NS, now;

	for (uint32_t i = 0; i < N_KINDS; i++)
		send_packet(i);
	for (size_t i = 0; i < N_FLOWS; i++)
		exchange(&flows[i]);
	receive_all();
	now = now_ns();
	if (now < next) {
		struct timespec rest = { .tv_nsec = (long)(next - now) };

		(void)nanosleep(&rest, NULL);
	}
}

/* Floods until the program ends. */
static bool flood_during(pid_t pid)
{
	int status;

	for (;;) {
		pid_t done;

		flood_turn();
		done = waitpid(pid, &status, WNOHANG);
		if (done)
			return done == pid && status == 0;
	}
}

/* Waits for what is under way. */
static void settle(void)
{
	bool all = false;

	for (int i = 0; i < 200 && !all; i++) {
		(void)poll(NULL, 0, 10);
		receive_all();
		all = i > 10;
		for (size_t k = 0; k < N_FLOWS; k++) {
			read_flow(&flows[k]);
			all &= complete(&flows[k]);
		}
	}
}

/* ---------------- counting ---------------- */

struct sums {
	uint64_t passes, lost, blocked, leaked;
	bool disorder, both; /* BOTH: each kind that changes passed and was blocked */
};

static bool only_arriving; /* packets are asked by the rules that change */

static struct sums add_up(void)
{
	struct sums s = { .both = true };

	for (size_t i = 0; i < N_KINDS; i++) {
		const struct kind *k = &kinds[i];

		s.disorder |= k->disorder;
		switch (fate_of(i)) {
		case PASSES:
			s.passes += k->sent;
			s.lost += k->sent - k->received;
			break;
		case BLOCKED:
			s.blocked += k->sent;
			s.leaked += k->received;
			break;
		case CHANGES:
			s.both &= (only_arriving && i / N_PORTS % N_PATHS == PATH_OUT) || (k->received && k->received < k->sent);
			break;
		}
	}
	return s;
}

static void tell(const char *engine, size_t applies, const struct sums *s)
{
	printf("# %s: %zu applies; of %llu packets that both sets pass %llu were lost; of %llu that both block %llu leaked\n",
	       engine, applies, (unsigned long long)s->passes, (unsigned long long)s->lost,
	       (unsigned long long)s->blocked, (unsigned long long)s->leaked);
	for (size_t i = 0; i < N_KINDS; i++) {
		const struct kind *k = &kinds[i];

		if ((fate_of(i) == PASSES && k->sent != k->received) || (fate_of(i) == BLOCKED && k->received))
			printf("#   IPv%d %s, port %u: %u sent, %u received\n", i / N_PORTS / N_PATHS ? 6 : 4,
			       paths[i / N_PORTS % N_PATHS].what, ports[i % N_PORTS].port, k->sent, k->received);
	}
}

static uint64_t flow_bytes(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N_FLOWS; i++)
		sum += flows[i].received[0] + flows[i].received[1];
	return sum;
}

/* ---------------- the tests ---------------- */

/* Which engine and which rules the apply number I puts in force. */
typedef pid_t (*starter)(const char *engine, size_t i);

static pid_t start_same(const char *engine, size_t i)
{
	return start_apply(engine, (int)((i + 1) % 2));
}

static int single; /* the file beside FILE_PASSES */

static pid_t start_single(const char *name, size_t i)
{
	(void)name;
	return start_apply("auto", i % 2 ? single : FILE_PASSES);
}

/* Each engine comes after each other one, with the same rules and with the others. */
static pid_t start_any(const char *engine, size_t i)
{
	static const char *const engines[] = { "auto", "bpf", "nft", "linear", "bpf", "linear", "nft", "auto" };
	size_t round = i / PT_ARRAY_SIZE(engines);

	(void)engine;
	return start_apply(engines[(i * (1 + 2 * (round % 4))) % PT_ARRAY_SIZE(engines)],
			   (int)((i + 1 + round % 3 / 2) % 2));
}

/* MAY_LOSE: packets, of those that just then are between two looks of theirs at what changes. */
static void test_flood(const char *name, size_t applies, starter fn, size_t may_lose)
{
	uint64_t bytes = flow_bytes();
	uint32_t retransmissions = retransmitted();
	size_t good = 0;
	struct sums s;

	memset(kinds, 0, sizeof(kinds));
	for (size_t i = 0; i < applies; i++)
		good += flood_during(fn(name, i));
	settle();
	s = add_up();
	bytes = flow_bytes() - bytes;
	retransmissions = retransmitted() - retransmissions;
	tell(name, applies, &s);
	printf("#   flows: %llu bytes, %u segments sent again\n", (unsigned long long)bytes, retransmissions);
	check(good == applies, name, "every apply succeeded");
	check(s.blocked > applies && !s.leaked, name, "nothing that both rule sets block got through");
	check(s.passes > applies && s.lost <= may_lose && !s.disorder, name,
	      may_lose ? "of what both rule sets pass, hardly a packet was lost" : "nothing that both rule sets pass was lost");
	check(s.both, name, "the rules did change");
	for (size_t i = 0; i < N_FLOWS; i++)
		good &= complete(&flows[i]) ? ~(size_t)0 : 0;
	check(good && bytes && !retransmissions, name, "established flows went on, without a segment lost");
	check(!overflowed(), name, "and the flood was not too much for its own sockets");
}

/* How many notes of single rules there are: none after an apply of all. */
static unsigned int notes(void)
{
	int status = 0;
	pid_t pid = start((const char *const[]){ "sh", "-c", "exit $(nft list chains inet | grep -c 'chain ptfw.applied[.]')", NULL });

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? (unsigned int)WEXITSTATUS(status) : 0;
}

/* What the rule that changes says holds as soon as its apply has returned. */
static void test_at_once(const char *name, size_t applies)
{
	struct kind before[N_KINDS];
	size_t wrong = 0, small = 0;

	for (size_t i = 0; i < applies; i++) {
		wrong += !flood_during(start_single(name, i));
		small += notes() > 0;
		settle();
		memcpy(before, kinds, sizeof(kinds)); /* a number that came before may have its state still */
		for (int k = 0; k < 5; k++)
			flood_turn();
		settle();
		for (size_t k = 0; k < N_KINDS; k++)
			if (fate_of(k) == CHANGES && k / N_PORTS % N_PATHS != PATH_OUT)
				wrong += kinds[k].received - before[k].received != (i % 2 ? 0 : kinds[k].sent - before[k].sent);
	}
	check(!wrong, name, "what changes does so before its apply returns");
	check(small * 4 > applies * 3, name, "most of them read no other rule");
}

static void test_single(const char *name, int file, size_t applies)
{
	single = file;
	if (!succeeded(start_apply("bpf", file))) {
		printf("ok %zu - %s # SKIP this kernel does not take the classifier\n", ++n_checks, name);
		return;
	}
	only_arriving = true;
	test_flood(name, applies, start_single, 0);
	test_at_once(name, 10);
	only_arriving = false;
}

static void test_engine(const char *engine, size_t applies)
{
	if (succeeded(start_apply(engine, 0)))
		test_flood(engine, applies, start_same, 0);
	else
		printf("ok %zu - %s # SKIP this kernel does not take it\n", ++n_checks, engine);
}

/* The way it must not be done. That the flood finds it out shows what it is worth. */
static void test_control(const char *how, bool leaks, size_t applies)
{
	struct sums s;

	memset(kinds, 0, sizeof(kinds));
	for (size_t i = 0; i < applies; i++)
		if (!flood_during(start_naive(how, (int)(i % 2)))) {
			printf("ok %zu - the control # SKIP cannot do: %s\n", ++n_checks, how);
			return;
		}
	settle();
	s = add_up();
	tell(how, applies, &s);
	check(leaks ? s.leaked > 0 : s.lost > 0, "the control", leaks ? "rules after a deletion leak" : "rules after a stop lose");
}

static void own_run(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
		printf("# /run is not our own here\n");
}

static void make_lab(void)
{
	lab_make(&lab);
	if (!lab_sysctl("netfilter/nf_conntrack_udp_timeout", "1"))
		lab_bail("netfilter/nf_conntrack_udp_timeout");
	open_sockets();
	if (!succeeded(start_apply("linear", 0)))
		lab_bail("the first apply");
	for (int i = 0; i < N_FLOWS; i++)
		open_flow(&flows[i], i % 2 ? HOST_ROUTER : HOST_WAN, i / 2);
	stay_on(0);
	for (int i = 0; i < 20; i++) /* everybody knows his neighbours */
		flood_turn();
	settle();
}

int main(void)
{
	const char *why = lab_lacks(), *applies_text = getenv("FLOOD");
	size_t applies = applies_text ? strtoul(applies_text, NULL, 10) : 150;
	char folder[] = "/tmp/flood.XXXXXX";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (why)
		return lab_skip(why);
	ptfw = getenv("PTFW") ? getenv("PTFW") : "build/ptfw";
	own_run();
	if (!mkdtemp(folder))
		lab_bail(folder);
	write_rules(folder);
	make_lab();
	test_engine("bpf", applies);
	test_engine("nft", applies);
	test_engine("linear", applies);
	test_single("one rule passes or blocks", FILE_PASSES + 1, applies);
	test_single("one rule has another port", FILE_PASSES + 2, applies);
	test_single("one rule comes or goes", FILE_PASSES + 3, applies);
	/* A packet that the old engine has begun to judge may find its chains or maps gone, and is dropped then. About one
	 * in a thousand changes of the engine shows that. */
	test_flood("each in turn", applies, start_any, 2 + applies / 200);
	test_control("nft delete table inet patronus", true, 10);
	test_control("\"$0\" -q stop", false, 10);
	printf("1..%zu\n", n_checks);
	for (size_t i = 0; i < PT_ARRAY_SIZE(files); i++)
		(void)unlink(files[i]);
	(void)rmdir(folder);
	lab_free(&lab);
	return failed;
}
