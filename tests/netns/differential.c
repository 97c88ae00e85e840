/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The evaluator against the kernel: random rule sets, random packets, real interfaces.
 *
 *      lan1 ==== lan0 [          ] wan0 ==== wan1
 *                     [  router  ]                    peers: no stack, packet sockets only
 *      dmz1 ==== dmz0 [          ]
 *
 * Every packet is sent as a frame on a peer (or from a raw socket of the router) and looked for on all
 * peers and, for the router itself, on raw sockets. Verdict, translated addresses and the answer of a
 * block must be what pt_evaluate() said. A failure is shrunk to the fewest rules that still show it.
 *
 *   differential.t [SEED [SETS [PACKETS]]]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/filter.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <patronus/bpf.h>
#include <patronus/classify.h>
#include <patronus/ct.h>
#include <patronus/net.h>
#include <patronus/nft.h>
#include <patronus/policy.h>
#include <patronus/tc.h>

#define MAGIC 0x70617472u /* marks our payload; the packet's number follows */
#define MAX_RULES 14
#define MAX_PACKETS 1000
#define SPORT_BASE 10000

static const char *const devices[] = { "lan0", "wan0", "dmz0" };
static const char *const peers[] = { "lan1", "wan1", "dmz1" };
enum { LAN, WAN, DMZ, N_DEV, LOCAL = N_DEV };

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 16) % n;
}

#define PICK(a) ((a)[rnd((uint32_t)PT_ARRAY_SIZE(a))])

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---------------- the lab ---------------- */

static int ns_router, ns_peer, peer_fd[N_DEV], raw_fd[16], raw_proto[16], send4, send6, n_raw;
static struct pt_nl *nf, *route;
static struct pt_host *host;

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("setns");
}

static int new_ns(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("ns");
	return fd;
}

static void run_ip(const char *batch)
{
	char ip[] = "ip", option[] = "-batch", in[] = "-", *argv[] = { ip, option, in, NULL };
	posix_spawn_file_actions_t fa;
	int p[2], st;
	pid_t pid;

	if (pipe(p))
		die("pipe");
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, p[0], 0);
	posix_spawn_file_actions_addclose(&fa, p[1]);
	if (posix_spawnp(&pid, "ip", &fa, NULL, argv, environ))
		die("ip");
	close(p[0]);
	if (write(p[1], batch, strlen(batch)) < 0)
		die("write");
	close(p[1]);
	waitpid(pid, &st, 0);
	posix_spawn_file_actions_destroy(&fa);
	if (st)
		die("ip -batch");
}

static void sysctl(const char *name, const char *value)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return; /* a knob that this kernel has not */
	if (write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

static int packet_socket(const char *dev)
{
	struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd, size = 8 << 20;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	sll.sll_ifindex = (int)if_nametoindex(dev);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sll, sizeof(sll)))
		die("packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void raw_listener(int af, int proto)
{
	int fd = socket(af, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto), on = 1, size = 8 << 20;

	if (fd < 0)
		die("raw socket");
	if (af == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	raw_proto[n_raw] = proto;
	raw_fd[n_raw++] = fd;
}

static const char *const hosts4[N_DEV][5] = {
	{ "192.168.1.10", "192.168.1.11", "192.168.1.77", "192.168.1.200", "192.168.1.12" },
	{ "198.51.100.7", "198.51.100.99", "203.0.113.1", "192.0.2.33", "203.0.113.50" },
	{ "10.0.5.20", "10.0.5.21", "10.0.5.22", "10.0.5.99", "10.0.5.18" },
};
static const char *const hosts6[N_DEV][5] = {
	{ "fd00:1::10", "fd00:1::11", "fd00:1::77", "fd00:1::200", "fd00:1::12" },
	{ "2001:db8:2::7", "2001:db8:2::99", "2001:db8:1::1", "2001:db8:3::33", "2001:db8:1::52" },
	{ "fd00:5::20", "fd00:5::21", "fd00:5::22", "fd00:5::99", "fd00:5::22" },
};
static const char *const own4[] = { "192.168.1.1", "203.0.113.2", "10.0.5.1" };
static const char *const own6[] = { "fd00:1::1", "2001:db8:1::2", "fd00:5::1" };

static void add_neighbours(struct pt_buf *b)
{
	for (int d = 0; d < N_DEV; d++)
		for (int i = 0; i < 5; i++) {
			pt_buf_fmt(b, "neigh replace %s lladdr 02:00:00:00:01:0%d dev %s nud permanent\n",
				   hosts4[d][i], d, devices[d]);
			pt_buf_fmt(b, "neigh replace %s lladdr 02:00:00:00:01:0%d dev %s nud permanent\n",
				   hosts6[d][i], d, devices[d]);
		}
}

static void setup(void)
{
	struct pt_buf b = { 0 };
	struct pt_err e = { 0 };

	ns_peer = new_ns();
	sysctl("ipv6/conf/default/disable_ipv6", "1");
	ns_router = new_ns();
	sysctl("ipv6/conf/default/accept_dad", "0");
	sysctl("ipv6/conf/default/dad_transmits", "0");
	sysctl("ipv4/conf/all/rp_filter", "0");
	sysctl("ipv4/conf/default/rp_filter", "0");
	sysctl("ipv4/conf/all/send_redirects", "0");
	sysctl("ipv4/conf/default/send_redirects", "0");
	sysctl("ipv4/icmp_ratelimit", "0");
	sysctl("ipv4/icmp_msgs_per_sec", "1000000");
	sysctl("ipv4/icmp_msgs_burst", "1000000");
	sysctl("ipv6/icmp/ratelimit", "0");
	sysctl("ipv6/icmp/ratemask", "");
	pt_buf_str(&b, "link set lo up\n");
	for (int d = 0; d < N_DEV; d++) {
		pt_buf_fmt(&b, "link add %s address 02:00:00:00:00:0%d type veth peer name %s address 02:00:00:00:01:0%d\n",
			   devices[d], d, peers[d], d);
		pt_buf_fmt(&b, "link set %s netns /proc/%d/fd/%d\n", peers[d], (int)getpid(), ns_peer);
		pt_buf_fmt(&b, "addr add %s/24 dev %s\n", own4[d], devices[d]);
		pt_buf_fmt(&b, "addr add %s/64 dev %s nodad\n", own6[d], devices[d]);
		pt_buf_fmt(&b, "link set %s up\n", devices[d]);
	}
	run_ip(b.s);
	enter(ns_peer);
	for (int d = 0; d < N_DEV; d++) {
		char up[64];

		snprintf(up, sizeof(up), "link set %s up\n", peers[d]);
		run_ip(up);
		peer_fd[d] = packet_socket(peers[d]);
	}
	enter(ns_router);
	b.n = 0;
	add_neighbours(&b);
	pt_buf_str(&b, "route add default via 203.0.113.1\nroute add default via 2001:db8:1::1\n");
	run_ip(b.s);
	pt_buf_fini(&b);
	sysctl("ipv4/ip_forward", "1");
	sysctl("ipv6/conf/all/forwarding", "1");
	for (size_t i = 0; i < 2; i++) {
		int af = i ? AF_INET6 : AF_INET;

		raw_listener(af, IPPROTO_TCP);
		raw_listener(af, IPPROTO_UDP);
		raw_listener(af, i ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		raw_listener(af, 47);
	}
	send4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	send6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (send4 < 0 || send6 < 0)
		die("raw senders");
	if (pt_nl_open(&nf, NETLINK_NETFILTER, &e) || pt_nl_open(&route, NETLINK_ROUTE, &e) ||
	    pt_net_read(route, &host, &e))
		die("netlink");
}

/* ---------------- random rules ---------------- */

static const char *const labels_if[] = { "lan", "wan", "dmz", "inside" };

static void gen_host4(struct pt_buf *b, bool src)
{
	static const char *const fixed[] = {
		"192.168.1.10", "192.168.1.0/24", "192.168.1.64/26", "198.51.100.0/24", "10.0.5.20",
		"10.0.5.0/24", "203.0.113.2", "192.168.1.1", "192.168.1.10 - 192.168.1.77",
		"198.51.100.7", "0.0.0.0/0", "10.0.5.20 - 10.0.5.22", "192.0.2.0/25",
	};

	(void)src;
	pt_buf_str(b, PICK(fixed));
}

static void gen_host6(struct pt_buf *b)
{
	static const char *const fixed[] = {
		"fd00:1::10", "fd00:1::/64", "fd00:1::/120", "2001:db8:2::/48", "fd00:5::20",
		"fd00:5::/64", "2001:db8:1::2", "fd00:1::1", "fd00:1::10 - fd00:1::77",
		"2001:db8:2::7", "::/0", "fd00:5::20 - fd00:5::22", "2001:db8::/32",
	};

	pt_buf_str(b, PICK(fixed));
}

/* AF: 0 unknown, 4, 6. */
static void gen_host1(struct pt_buf *b, int af, bool list)
{
	static const char *const refs[] = {
		"self", "(wan)", "(lan)", "(dmz)", "(lan:network)", "(dmz:network)", "lan:network",
		"dmz:network", "lan", "dmz", "<bad>", "<good>", "(wan:network)", "<both>",
	};
	bool six = af == 6 || (af == 0 && rnd(2));

	if (rnd(5) == 0)
		pt_buf_str(b, "! ");
	if (rnd(3) == 0 && (!list || rnd(2)))
		pt_buf_str(b, PICK(refs));
	else if (six)
		gen_host6(b);
	else
		gen_host4(b, true);
}

static void gen_host(struct pt_buf *b, int af)
{
	uint32_t n;

	switch (rnd(6)) {
	case 0:
	case 1:
		pt_buf_str(b, "any");
		break;
	case 2:
		pt_buf_str(b, "{ ");
		n = 1 + rnd(3);
		for (uint32_t i = 0; i < n; i++) {
			gen_host1(b, af, true);
			pt_buf_str(b, i + 1 < n ? ", " : " }");
		}
		break;
	default:
		gen_host1(b, af, false);
	}
}

static void gen_port(struct pt_buf *b, bool src)
{
	static const char *const dst[] = {
		"22", "80", "{ 22, 80 }", "20:90", "!= 80", "> 80", "< 100", ">= 443", "<= 22",
		"22 >< 443", "22 <> 443", "https", "{ ssh, 400:500 }", "8000:8010",
	};
	static const char *const srcs[] = {
		"10000:10099", "> 10150", "!= 10007", "10050 >< 10200", "< 10200", "{ 10000:10020, 10100:10299 }",
	};

	pt_buf_fmt(b, " port %s", src ? PICK(srcs) : PICK(dst));
}

struct gen_rule {
	int af;
	enum { P_ANY, P_TCP, P_UDP, P_TCPUDP, P_ICMP, P_ICMP6, P_GRE } proto;
	int dir; /* 0 both, 1 in, 2 out */
	bool pass, match, rdr_port;
};

static void gen_icmp(struct pt_buf *b, const struct gen_rule *g)
{
	static const char *const t4[] = { "echoreq", "{ echoreq, unreach }", "unreach code 1", "13", "echorep", "timex" };
	static const char *const t6[] = { "echoreq", "{ 128, unreach }", "echorep", "unreach code 3", "timex" };

	if (rnd(2) == 0)
		return;
	if (g->proto == P_ICMP)
		pt_buf_fmt(b, " icmp-type %s", PICK(t4));
	else if (g->proto == P_ICMP6)
		pt_buf_fmt(b, " icmp6-type %s", PICK(t6));
}

static void gen_nat(struct pt_buf *b, const struct gen_rule *g)
{
	static const char *const nat4[] = { "203.0.113.2", "203.0.113.50", "198.51.100.240/29", "(wan)", "203.0.113.60 static-port" };
	static const char *const nat6[] = { "2001:db8:1::2", "2001:db8:1::50", "(wan)", "2001:db8:1::60 static-port" };
	static const char *const rdr4[] = { "10.0.5.20", "192.168.1.11", "10.0.5.22", "203.0.113.1" };
	static const char *const rdr6[] = { "fd00:5::20", "fd00:1::11", "fd00:5::22" };

	if (g->dir == 2) {
		pt_buf_fmt(b, " nat-to %s", g->af == 4 ? PICK(nat4) : PICK(nat6));
		return;
	}
	pt_buf_fmt(b, " rdr-to %s", g->af == 4 ? PICK(rdr4) : PICK(rdr6));
	if (g->proto >= P_TCP && g->proto <= P_TCPUDP && rnd(2))
		pt_buf_fmt(b, " port %u", 8000 + rnd(8));
}

static void gen_options(struct pt_buf *b, const struct gen_rule *g)
{
	static const char *const flags[] = { "S/SA", "any", "A/A", "S/SAFR", "/SF", "SA/SA" };
	static const char *const tags[] = { "RED", "BLUE" };
	bool nostate = false;

	gen_icmp(b, g);
	if ((g->proto == P_ANY || g->proto == P_TCP) && rnd(4) == 0)
		pt_buf_fmt(b, " flags %s", PICK(flags));
	if (g->pass && rnd(4) == 0) {
		pt_buf_str(b, " no state");
		nostate = true;
	}
	if (rnd(6) == 0)
		pt_buf_fmt(b, " tag %s", PICK(tags));
	if (rnd(6) == 0)
		pt_buf_fmt(b, " %stagged %s", rnd(3) ? "" : "! ", PICK(tags));
	if ((g->pass || g->match) && !nostate && g->dir && g->af && rnd(3) == 0)
		gen_nat(b, g);
}

/* Translations that need a rule made for them: one to one, and ranges of ports moved. */
static void gen_mapped(struct pt_buf *b)
{
	static const char *const rules[] = {
		"match inet from 10.0.5.16/29 to any binat-to 203.0.113.48/29",
		"match on wan inet from 10.0.5.20 to any binat-to 203.0.113.50",
		"pass inet from 10.0.5.18 to any binat-to 203.0.113.50",
		"match inet6 from fd00:5::20/124 to any binat-to 2001:db8:1::50/124",
		"pass on wan inet6 from fd00:5::22 to any binat-to 2001:db8:1::52",
		"pass in inet proto { tcp, udp } from any to any port 8000:8010 rdr-to 10.0.5.20 port 3000:*",
		"pass in inet6 proto { tcp, udp } from any to any port 8000:8010 rdr-to fd00:5::20 port 3000:3010",
		"match in inet proto udp from any to self port 20:90 rdr-to 10.0.5.22 port 1020:*",
		"match in inet6 proto tcp from any to self port 400:500 rdr-to fd00:1::11 port 1400:*",
		"match out on wan inet from 192.168.1.0/24 to any nat-to (wan)",
		"match out on wan inet6 from fd00:1::/64 to any nat-to (wan) port 20000:20500",
		"match out on { lan, dmz } inet from any to any nat-to 203.0.113.60 static-port",
		"pass out on dmz inet6 from any to any nat-to (dmz)",
		"match out on lan inet from any to any nat-to (dmz)",
	};

	pt_buf_str(b, PICK(rules));
}

static void gen_rule(struct pt_buf *b)
{
	static const char *const blocks[] = { "block", "block", "block drop", "block return", "block return-rst",
					      "block return-icmp", "block return-icmp(1)", "block return-icmp6" };
	static const char *const protos[] = { "", " proto tcp", " proto udp", " proto { tcp, udp }", " proto icmp", " proto icmp6", " proto gre" };
	struct gen_rule g = { .dir = (int)rnd(3), .proto = rnd(7), .af = (int[]){ 0, 4, 6 }[rnd(3)] };
	bool ports = g.proto >= P_TCP && g.proto <= P_TCPUDP;
	uint32_t kind = rnd(10);

	g.pass = kind < 6;
	g.match = kind == 9;
	if (g.proto == P_ICMP)
		g.af = 4;
	if (g.proto == P_ICMP6)
		g.af = 6;
	pt_buf_str(b, g.pass ? "pass" : g.match ? "match" : PICK(blocks));
	pt_buf_str(b, g.dir == 1 ? " in" : g.dir == 2 ? " out" : "");
	if (rnd(8) == 0)
		pt_buf_str(b, " log");
	if (!g.match && rnd(4) == 0)
		pt_buf_str(b, " quick");
	if (rnd(3) == 0)
		pt_buf_fmt(b, " on %s%s", rnd(5) ? "" : "! ", PICK(labels_if));
	else if (rnd(5) == 0)
		pt_buf_str(b, " on { lan, wan }");
	pt_buf_str(b, g.af == 4 ? " inet" : g.af == 6 ? " inet6" : "");
	pt_buf_str(b, protos[g.proto]);
	pt_buf_str(b, " from ");
	gen_host(b, g.af);
	if (ports && rnd(5) == 0)
		gen_port(b, true);
	pt_buf_str(b, " to ");
	gen_host(b, g.af);
	if (ports && rnd(2))
		gen_port(b, false);
	gen_options(b, &g);
}

/* A first rule that lets much through, so that the later ones and both judgements come to bear. */
static void gen_base(struct pt_buf *b)
{
	static const char *const bases[] = { "pass", "pass no state", "pass flags any", "pass out", "pass in from any to any",
					     "pass inet", "pass inet6 flags any" };

	pt_buf_str(b, PICK(bases));
}

static const char preamble[] =
	"interface lan { device = \"lan0\" address = { \"192.168.1.1/24\", \"fd00:1::1/64\" } groups = { \"inside\" } }\n"
	"interface wan { device = \"wan0\" address = { dhcp } }\n"
	"interface dmz { device = \"dmz0\" address = { \"10.0.5.1/24\", \"fd00:5::1/64\" } groups = { \"inside\" } }\n"
	"table bad { addresses = { \"198.51.100.0/26\", \"192.168.1.77\", \"2001:db8:2::/64\", \"fd00:5::22\" } }\n"
	"table good { addresses = { \"192.168.1.0/24\", \"!192.168.1.11\", \"fd00:1::/64\", \"10.0.5.20\" } }\n"
	"table both { addresses = { \"10.0.0.0/8\", \"fd00::/16\" } }\n"
	"firewall { rules = {\n";

static char *assemble(char *const *rules, size_t n)
{
	struct pt_buf b = { 0 };

	pt_buf_str(&b, preamble);
	for (size_t i = 0; i < n; i++)
		if (rules[i])
			pt_buf_fmt(&b, "\"%s\",\n", rules[i]);
	pt_buf_str(&b, "} }\n");
	return b.s;
}

/* ---------------- loading ---------------- */

struct loaded {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_eval *eval;
};

static void unload(struct loaded *l)
{
	pt_eval_free(l->eval);
	pt_policy_free(l->policy);
	pt_conf_free(l->conf);
	memset(l, 0, sizeof(*l));
}

static void show_errors(const struct pt_err *e)
{
	for (size_t i = 0; i < e->list.n; i++)
		printf("#   %u:%u: %s\n", e->list.v[i].loc.line, e->list.v[i].loc.col, e->list.v[i].msg);
}

/* ---- the engines: half of the rule sets are for the classifier, if they and the kernel allow it ---- */

static struct pt_bpf *classifier; /* attached everywhere; NULL: this kernel does not take it */
static bool use_classifier, use_tree;
static bool classified; /* the rules in force are */
static size_t n_classified, n_counters;

static void classifier_attach(void)
{
	struct pt_err e = { 0 };
	int rc;

	rc = pt_bpf_load(&classifier, &e);
	for (size_t i = 0; !rc && i < host->ifs.n; i++)
		rc = pt_tc_ingress_attach(route, host->ifs.v[i].ifindex, pt_bpf_fd(classifier), "test", &e);
	if (rc) {
		printf("# without the classifier: %s\n", e.list.n ? e.list.v[0].msg : strerror(-rc));
		pt_bpf_close(classifier);
		classifier = NULL;
	}
	pt_err_fini(&e);
}

static int classifier_use(const struct pt_nft_prog *prog, struct pt_err *e)
{
	struct pt_class_device dev[16];
	struct pt_class_input in = { .order = pt_nft_prog_order(prog), .devices = dev };
	struct pt_classifier *tables = NULL;
	int fd = -1, rc;

	in.keys = pt_nft_prog_keys(prog, &in.none);
	for (; in.n_devices < host->ifs.n && in.n_devices < PT_ARRAY_SIZE(dev); in.n_devices++)
		dev[in.n_devices] = (struct pt_class_device){ host->ifs.v[in.n_devices].device,
							      host->ifs.v[in.n_devices].ifindex };
	rc = pt_classifier_build(&in, &tables, e);
	if (!rc)
		rc = pt_bpf_tables_new(tables->words, tables->n_words, &fd, e);
	if (!rc)
		rc = pt_bpf_tables_use(classifier, fd, e);
	if (fd >= 0)
		close(fd);
	pt_classifier_free(tables);
	n_classified++;
	return rc;
}

static int compile(const struct pt_policy *p, struct pt_nft_prog **prog, struct pt_err *e)
{
	struct pt_nft_source from = { .policy = p, .host = host, .digest = "", .path = "random", .engine = PT_ENGINE_BPF };
	struct pt_err no = { 0 };
	int rc = -EINVAL;

	if (classifier && use_classifier)
		rc = pt_nft_compile(&from, prog, &no);
	pt_err_fini(&no);
	/* Small trees, so that random sets of this size have several cuts. */
	from.engine = use_tree ? PT_ENGINE_NFT : PT_ENGINE_LINEAR;
	from.tree_min = 2;
	classified = !rc;
	return rc ? pt_nft_compile(&from, prog, e) : 0;
}

/* As an apply does it; no packets are under way. */
static int put_in_force(struct pt_nft_prog *prog, struct pt_err *e)
{
	struct pt_nft_plan *first = NULL, *rest = NULL;
	struct pt_nft_state *have = NULL;
	int rc;

	rc = pt_nft_read(nf, &have, e);
	if (!rc)
		rc = pt_nft_prog_settle(prog, have);
	if (!rc)
		rc = pt_nft_diff_first(prog, have, &first, e);
	if (!rc)
		rc = pt_nft_diff_rest(prog, have, first, &rest, e);
	if (!rc)
		rc = pt_nft_commit(nf, first, e);
	if (!rc && pt_nft_prog_order(prog))
		rc = classifier_use(prog, e);
	if (!rc)
		rc = pt_nft_commit(nf, rest, e);
	pt_nft_plan_free(first);
	pt_nft_plan_free(rest);
	pt_nft_state_free(have);
	return rc;
}

enum load { LOAD_OK, LOAD_REFUSED_BY_US, LOAD_FAILED };

/* Puts the text into the kernel. A text that our own checks refuse is no failure. */
static enum load load(const char *text, struct loaded *l)
{
	struct pt_nft_prog *prog = NULL;
	struct pt_err e = { 0 };
	enum load result = LOAD_REFUSED_BY_US;

	memset(l, 0, sizeof(*l));
	if (pt_conf_parse("random", text, strlen(text), &l->conf, &e) ||
	    pt_policy_build(l->conf, &l->policy, &e) || pt_eval_new(l->policy, host, &l->eval, &e) ||
	    compile(l->policy, &prog, &e))
		goto out;
	result = LOAD_FAILED;
	if (put_in_force(prog, &e)) {
		printf("# the kernel refused what was compiled:\n");
		show_errors(&e);
		goto out;
	}
	result = LOAD_OK;
out:
	if (result == LOAD_REFUSED_BY_US && getenv("DIFF_VERBOSE"))
		show_errors(&e);
	pt_nft_prog_free(prog);
	pt_err_fini(&e);
	if (result != LOAD_OK)
		unload(l);
	return result;
}

/* ---------------- packets ---------------- */

struct probe {
	struct pt_packet pkt;
	int from; /* LAN, WAN, DMZ or LOCAL */
	/* expectation */
	bool pass, local;
	int to;
	struct pt_packet after;
	uint32_t nat_out;
	enum { ANSWER_NONE, ANSWER_RST, ANSWER_ICMP } answer;
	char why[160];
	/* observation */
	int seen;       /* times */
	int seen_at;
	struct pt_addr src, dst;
	uint16_t sport, dport;
	bool got_rst, got_icmp;
};

static struct pt_addr address(const char *s)
{
	struct pt_addr a;

	if (pt_addr_parse(s, &a))
		die(s);
	return a;
}

static struct pt_addr random_source(int from, bool six)
{
	if (from == LOCAL)
		return address(six ? PICK(own6) : PICK(own4));
	return address(six ? PICK(hosts6[from]) : PICK(hosts4[from]));
}

/* GRE without keys has nothing but addresses to tell connections apart: a second packet could belong to the first
 * one's state, or find its translated addresses taken. One of each family a set is free of that. */
static bool second_gre(const struct probe *ps, size_t index)
{
	for (size_t i = 0; i < index && ps[index].pkt.proto == 47; i++)
		if (ps[i].pkt.proto == 47 && ps[i].pkt.af == ps[index].pkt.af)
			return true;
	return false;
}

static void gen_packet(struct probe *p, size_t index)
{
	static const uint16_t ports[] = { 22, 80, 443, 53, 8000, 8005, 450, 99, 3000 };
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 1, 47 };
	static const uint8_t flags[] = { 0x02, 0x02, 0x02, 0x02, 0x10, 0x12, 0x04, 0x18, 0x11, 0x01 };
	static const uint8_t type4[] = { 8, 8, 8, 0, 3, 11, 13 }, type6[] = { 128, 128, 128, 129, 1, 3 };
	bool six = rnd(2);
	int to = (int)rnd(N_DEV + 1);

	memset(p, 0, sizeof(*p));
	p->from = (int)rnd(N_DEV + 1);
	if (p->from == LOCAL && to == LOCAL)
		to = WAN;
	p->pkt.af = six ? PT_AF_INET6 : PT_AF_INET;
	p->pkt.proto = PICK(protos);
	p->pkt.src = random_source(p->from, six);
	do
		p->pkt.dst = random_source(to, six);
	while (p->pkt.dst.v == p->pkt.src.v);
	if (p->pkt.proto == 6 || p->pkt.proto == 17) {
		p->pkt.sport = (uint16_t)(SPORT_BASE + index);
		p->pkt.dport = PICK(ports);
	}
	if (p->pkt.proto == 6)
		p->pkt.tcp_flags = PICK(flags);
	if (p->pkt.proto == 1) {
		p->pkt.icmp_type = six ? PICK(type6) : PICK(type4);
		if (p->pkt.icmp_type == 3 || p->pkt.icmp_type == 1)
			p->pkt.icmp_code = (uint8_t)(six && p->pkt.icmp_type == 3 ? 0 : rnd(4));
		if (six)
			p->pkt.proto = 58;
	}
	p->pkt.ct = pt_packet_ct(&p->pkt);
}

static uint32_t sum16(const uint8_t *p, size_t n, uint32_t s)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return n & 1 ? s + (uint32_t)(p[n - 1] << 8) : s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static size_t ip_header(uint8_t *o, bool six, struct pt_addr src, struct pt_addr dst, uint8_t proto, size_t len)
{
	if (six) {
		memset(o, 0, 40);
		o[0] = 0x60;
		put16(o + 4, (uint16_t)len);
		o[6] = proto;
		o[7] = 64;
		pt_addr_to_bytes(src, o + 8);
		pt_addr_to_bytes(dst, o + 24);
		return 40;
	}
	memset(o, 0, 20);
	o[0] = 0x45;
	put16(o + 2, (uint16_t)(20 + len));
	o[8] = 64;
	o[9] = proto;
	pt_addr_to_bytes(src, o + 12);
	pt_addr_to_bytes(dst, o + 16);
	put16(o + 10, fold(sum16(o, 20, 0)));
	return 20;
}

static bool icmp_error(const struct pt_packet *k)
{
	return k->proto == 1 ? k->icmp_type == 3 || k->icmp_type == 11 : k->proto == 58 && k->icmp_type < 128;
}

/* Transport header and payload; the payload is MAGIC and the number. */
static size_t transport(uint8_t *o, const struct pt_packet *k, uint32_t index)
{
	bool six = k->af == PT_AF_INET6;
	size_t n = 8;

	memset(o, 0, 128);
	if (k->proto == 6) {
		n = 20;
		put32(o + 4, 1000 + index);
		o[12] = 0x50;
		o[13] = k->tcp_flags;
		put16(o + 14, 4096);
	}
	if (k->proto == 6 || k->proto == 17) {
		put16(o, k->sport);
		put16(o + 2, k->dport);
	} else if (k->proto == 47) {
		put16(o + 2, 0x6558);
		n = 4;
	} else {
		o[0] = k->icmp_type;
		o[1] = k->icmp_code;
		if (!icmp_error(k))
			put16(o + 4, (uint16_t)(SPORT_BASE + index));
		else {  /* quotes a packet of no known state */
			n += ip_header(o + 8, six, k->dst, k->src, 17, 16);
			put16(o + n, (uint16_t)(40000 + index));
			put16(o + n + 2, 9);
			put16(o + n + 4, 16);
			n += 8;
		}
	}
	put32(o + n, MAGIC);
	put32(o + n + 4, index);
	n += 8;
	if (k->proto == 17)
		put16(o + 4, (uint16_t)n);
	return n;
}

static void checksum(uint8_t *t, size_t n, const struct pt_packet *k)
{
	size_t at = k->proto == 6 ? 16 : k->proto == 17 ? 6 : 2, alen = k->af == PT_AF_INET6 ? 16 : 4;
	uint8_t a[32];
	uint32_t s = 0;

	if (k->proto == 47)
		return;
	if (k->proto != 1) {
		pt_addr_to_bytes(k->src, a);
		pt_addr_to_bytes(k->dst, a + alen);
		s = sum16(a, 2 * alen, (uint32_t)n + k->proto);
	}
	put16(t + at, fold(sum16(t, n, s)));
}

static void send_packet(const struct probe *p, uint32_t index)
{
	bool six = p->pkt.af == PT_AF_INET6;
	uint8_t frame[256], *ip = frame + 14, t[160];
	size_t n = transport(t, &p->pkt, index), h;

	checksum(t, n, &p->pkt);
	h = ip_header(ip, six, p->pkt.src, p->pkt.dst, p->pkt.proto, n);
	memcpy(ip + h, t, n);
	if (p->from != LOCAL) {
		uint8_t eth[14] = { 2, 0, 0, 0, 0, (uint8_t)p->from, 2, 0, 0, 0, 1, (uint8_t)p->from,
				    six ? 0x86 : 0x08, six ? 0xdd : 0x00 };

		memcpy(frame, eth, 14);
		if (send(peer_fd[p->from], frame, 14 + h + n, 0) < 0)
			die("send");
	} else if (six) {
		struct sockaddr_in6 to = { .sin6_family = AF_INET6 };

		memcpy(&to.sin6_addr, ip + 24, 16);
		/* EPERM is a block in output */
		if (sendto(send6, ip, h + n, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EPERM)
			die("send6");
	} else {
		struct sockaddr_in to = { .sin_family = AF_INET };

		memcpy(&to.sin_addr, ip + 16, 4);
		if (sendto(send4, ip, h + n, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EPERM)
			die("send4");
	}
}

/* ---------------- expectation ---------------- */

static int destination(struct pt_addr a)
{
	static const char *const nets[] = { "192.168.1.0/24", "fd00:1::/64", "10.0.5.0/24", "fd00:5::/64" };
	static const int dev[] = { LAN, LAN, DMZ, DMZ };
	struct pt_prefix p;

	for (int i = 0; i < 3; i++)
		if (address(own4[i]).v == a.v || address(own6[i]).v == a.v)
			return LOCAL;
	for (size_t i = 0; i < PT_ARRAY_SIZE(nets); i++)
		if (!pt_prefix_parse(nets[i], &p) && p.addr.af == a.af && a.v >= pt_prefix_lo(&p) && a.v <= pt_prefix_hi(&p))
			return dev[i];
	return WAN;
}

static int expected_answer(const struct pt_decision *d, const struct pt_packet *k)
{
	bool tcp = k->proto == 6, error = icmp_error(k);
	int code = k->af == PT_AF_INET ? d->code4 : d->code6;

	if (!d->rule || d->why || d->ret == PT_RET_DROP || error || (tcp && (k->tcp_flags & 4)))
		return ANSWER_NONE;
	if (tcp && (d->ret == PT_RET_RETURN || d->ret == PT_RET_RST))
		return ANSWER_RST;
	if (d->ret == PT_RET_RST || code < 0)
		return ANSWER_NONE;
	return ANSWER_ICMP;
}

static bool judge(const struct pt_eval *v, struct probe *p, struct pt_packet *k, enum pt_dir dir, int dev)
{
	struct pt_decision d;

	pt_evaluate(v, k, dir, devices[dev], &d);
	snprintf(p->why, sizeof(p->why), "%s on %s: %s by %s line %u%s%s", dir == PT_IN ? "in" : "out", devices[dev],
		 d.pass ? "pass" : "block", d.rule ? d.rule->name : "default", d.rule ? d.rule->loc.line : 0,
		 d.why ? ", " : "", d.why ? d.why : "");
	if (!d.pass)
		p->answer = expected_answer(&d, k);
	if (dir == PT_OUT)
		p->nat_out = d.nat;
	*k = d.after;
	k->tag = d.tag;
	k->ct = p->pkt.ct;
	return d.pass;
}

static void expect(const struct pt_eval *v, struct probe *p)
{
	struct pt_packet k = p->pkt;

	p->answer = ANSWER_NONE;
	p->pass = p->local = false;
	p->nat_out = 0;
	if (p->from != LOCAL && !judge(v, p, &k, PT_IN, p->from))
		return;
	p->to = destination(k.dst);
	p->local = p->to == LOCAL;
	if (!p->local && !judge(v, p, &k, PT_OUT, p->to))
		return;
	p->pass = true;
	p->after = k;
}

/* ---------------- observation ---------------- */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Number in the last eight bytes, or -1. */
static int marked(const uint8_t *p, size_t n, size_t total)
{
	uint32_t i;

	if (n < 8 || get32(p + n - 8) != MAGIC)
		return -1;
	i = get32(p + n - 4);
	return i < total ? (int)i : -1;
}

static void saw(struct probe *p, int at, struct pt_addr src, struct pt_addr dst, const uint8_t *t)
{
	p->seen++;
	p->seen_at = at;
	p->src = src;
	p->dst = dst;
	p->sport = p->dport = 0;
	if (p->pkt.proto != 6 && p->pkt.proto != 17)
		return;
	p->sport = (uint16_t)(t[0] << 8 | t[1]);
	p->dport = (uint16_t)(t[2] << 8 | t[3]);
}

/* A TCP reset or ICMP error on the way back to the sender of a blocked packet. */
static void saw_answer(struct probe *ps, size_t total, uint8_t proto, const uint8_t *t, size_t n)
{
	size_t quoted;
	int i;

	if (proto == 6 && n >= 20 && (t[13] & 4)) {
		i = (t[2] << 8 | t[3]) - SPORT_BASE;
		if (i >= 0 && (size_t)i < total)
			ps[i].got_rst = true;
	}
	if (!(proto == 1 && t[0] == 3) && !(proto == 58 && t[0] == 1))
		return;
	quoted = proto == 1 ? 28 : 48;
	i = n >= quoted + 8 ? marked(t, n, total) : -1;
	if (i >= 0)
		ps[i].got_icmp = true;
}

/* One IP packet seen at AT; the sender's own copy is outgoing and filtered by the caller. */
static void observe(struct probe *ps, size_t total, int at, const uint8_t *ip, size_t n)
{
	bool six = n && ip[0] >> 4 == 6;
	size_t h = six ? 40 : 20, alen = six ? 16 : 4, off = six ? 8 : 12;
	uint8_t proto;
	const uint8_t *t;
	int i;

	if (n < h + 8)
		return;
	proto = six ? ip[6] : ip[9];
	t = ip + h;
	i = marked(ip, n, total);
	if (i >= 0 && ps[i].pkt.proto == proto &&
	    !(proto == 1 && t[0] != ps[i].pkt.icmp_type) && !(proto == 58 && t[0] != ps[i].pkt.icmp_type)) {
		saw(&ps[i], at, pt_addr_from_bytes(ip + off, alen), pt_addr_from_bytes(ip + off + alen, alen), t);
		return;
	}
	saw_answer(ps, total, proto, t, n - h);
}

static void drain_peers(struct probe *ps, size_t total)
{
	uint8_t f[2048];
	struct sockaddr_ll from = { 0 };
	socklen_t len;
	ssize_t n;

	for (int d = 0; d < N_DEV; d++)
		for (;;) {
			len = sizeof(from);
			n = recvfrom(peer_fd[d], f, sizeof(f), 0, (struct sockaddr *)&from, &len);
			if (n < 0)
				break;
			if (from.sll_pkttype != PACKET_OUTGOING && n > 14)
				observe(ps, total, d, f + 14, (size_t)n - 14);
		}
}

/* IPv6 raw sockets hand out the payload: put a header before it again. */
static void observe_local6(struct probe *ps, size_t total, int proto, const struct msghdr *m, const uint8_t *p, size_t n)
{
	const struct sockaddr_in6 *from = m->msg_name;
	uint8_t ip[2048 + 40] = { 0x60, [6] = (uint8_t)proto };

	if (n < 8 || n > 2048)
		return;
	memcpy(ip + 8, &from->sin6_addr, 16);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *)m, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			memcpy(ip + 24, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
	memcpy(ip + 40, p, n);
	observe(ps, total, LOCAL, ip, n + 40);
}

static void drain_local(struct probe *ps, size_t total)
{
	uint8_t f[2048], control[256];

	for (int s = 0; s < n_raw; s++)
		for (;;) {
			struct sockaddr_in6 from;
			struct iovec iov = { f, sizeof(f) };
			struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
					    .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
			ssize_t n = recvmsg(raw_fd[s], &m, 0);

			if (n < 0)
				break;
			if (s < n_raw / 2)
				observe(ps, total, LOCAL, f, (size_t)n);
			else
				observe_local6(ps, total, raw_proto[s], &m, f, (size_t)n);
		}
}

static void drain(struct probe *ps, size_t total)
{
	struct timespec t = { 0, 4000000 };

	for (int i = 0; i < 3; i++) {
		nanosleep(&t, NULL);
		drain_peers(ps, total);
		drain_local(ps, total);
	}
}

struct ct_list {
	PT_VEC(struct pt_ct_entry) v;
};

static int collect_state(const struct pt_ct_entry *ct, void *arg)
{
	struct ct_list *l = arg;

	return pt_vec_push(NULL, &l->v, *ct);
}

static void flush_states(void)
{
	struct pt_err e = { 0 };
	struct ct_list l = { 0 };

	if (pt_ct_dump(nf, collect_state, &l, &e))
		die("dump states");
	for (size_t i = 0; i < l.v.n; i++)
		if (pt_ct_delete(nf, &l.v.v[i]) == -EPERM) /* others have timed out meanwhile */
			die("delete state");
	free(l.v.v);
	pt_err_fini(&e);
}

/* ---------------- comparison ---------------- */

/* Source address after a translation: exact, or any of the pool. */
static bool source_fits(const struct pt_policy *pol, const struct probe *p)
{
	const struct pt_pol_nat *nat;

	if (p->src.v == p->after.src.v)
		return true;
	if (!p->nat_out)
		return false;
	nat = &pol->nats.v[p->nat_out - 1];
	return nat->kind == PT_NAT_SRC && nat->target == PT_REF_SET && !nat->one_to_one && p->src.v >= nat->lo &&
	       p->src.v <= nat->hi;
}

/* The source port: kept, or one of those that the translation may choose from. */
static bool source_port_fits(const struct pt_policy *pol, const struct probe *p)
{
	const struct pt_pol_nat *nat = p->nat_out ? &pol->nats.v[p->nat_out - 1] : NULL;

	if (!nat || nat->static_port || !p->pkt.sport)
		return p->sport == p->pkt.sport;
	if (nat->has_port)
		return p->sport >= nat->port_lo && p->sport <= nat->port_hi;
	return p->sport >= PT_NAT_PORT_LO; /* up to the highest there is */
}

static const char *compare(const struct pt_policy *pol, const struct probe *p)
{
	if (p->pass && !p->seen)
		return "expected to pass, did not arrive";
	if (!p->pass && p->seen)
		return "expected to be blocked, arrived";
	if (p->pass) {
		if (p->seen_at != p->to)
			return "arrived at the wrong place";
		if (p->dst.v != p->after.dst.v || p->dport != p->after.dport)
			return "arrived with another destination";
		if (!source_fits(pol, p))
			return "arrived with another source";
		if (!source_port_fits(pol, p))
			return "arrived with another source port";
		return NULL;
	}
	if (p->from == LOCAL) /* answers to ourselves stay on the machine */
		return NULL;
	if (p->got_rst != (p->answer == ANSWER_RST))
		return p->got_rst ? "got a TCP reset, expected none" : "expected a TCP reset";
	if (p->got_icmp != (p->answer == ANSWER_ICMP))
		return p->got_icmp ? "got an ICMP error, expected none" : "expected an ICMP error";
	return NULL;
}

static void run(const struct loaded *l, struct probe *ps, size_t n)
{
	flush_states();
	drain(ps, 0);
	for (size_t i = 0; i < n; i++) {
		expect(l->eval, &ps[i]);
		ps[i].seen = 0;
		ps[i].got_rst = ps[i].got_icmp = false;
		send_packet(&ps[i], (uint32_t)i);
		if (i % 64 == 63)
			drain_peers(ps, n);
	}
	drain(ps, n);
}

static void describe(const struct probe *p)
{
	struct pt_buf b = { 0 };

	pt_buf_fmt(&b, "from %s proto %u flags %02x icmp %u/%u ct %d: ", p->from == LOCAL ? "router" : devices[p->from],
		   p->pkt.proto, p->pkt.tcp_flags, p->pkt.icmp_type, p->pkt.icmp_code, p->pkt.ct);
	pt_addr_fmt(&b, p->pkt.src);
	pt_buf_fmt(&b, " port %u -> ", p->pkt.sport);
	pt_addr_fmt(&b, p->pkt.dst);
	pt_buf_fmt(&b, " port %u; evaluator: %s, answer %d", p->pkt.dport, p->why, p->answer);
	if (p->pass) {
		pt_buf_str(&b, " as ");
		pt_addr_fmt(&b, p->after.src);
		pt_buf_str(&b, " -> ");
		pt_addr_fmt(&b, p->after.dst);
		pt_buf_fmt(&b, ":%u", p->after.dport);
	}
	if (p->seen) {
		pt_buf_fmt(&b, "; seen %d at %s as ", p->seen, p->seen_at == LOCAL ? "router" : peers[p->seen_at]);
		pt_addr_fmt(&b, p->src);
		pt_buf_str(&b, " -> ");
		pt_addr_fmt(&b, p->dst);
		pt_buf_fmt(&b, ":%u", p->dport);
	}
	pt_buf_fmt(&b, "; rst %d icmp %d", p->got_rst, p->got_icmp);
	printf("#   %s\n", b.s);
	pt_buf_fini(&b);
}

/* Does this one packet still fail with these rules? It keeps its number, hence its ports. */
static bool still_fails(char *const *rules, size_t n, struct probe *ps, size_t which)
{
	char *text = assemble(rules, n);
	struct loaded l;
	bool fails = false;

	if (load(text, &l) == LOAD_OK) {
		flush_states();
		drain(ps, 0);
		expect(l.eval, &ps[which]);
		ps[which].seen = 0;
		ps[which].got_rst = ps[which].got_icmp = false;
		send_packet(&ps[which], (uint32_t)which);
		drain(ps, which + 1);
		fails = compare(l.policy, &ps[which]) != NULL;
		unload(&l);
	}
	free(text);
	return fails;
}

static void shrink(char **rules, size_t n, struct probe *ps, size_t which)
{
	if (!still_fails(rules, n, ps, which)) {
		printf("#   (alone, the packet does not fail: it needs the packets before it)\n");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char *rule = rules[i];

		rules[i] = NULL;
		if (!still_fails(rules, n, ps, which))
			rules[i] = rule;
		else
			free(rule);
	}
	(void)still_fails(rules, n, ps, which);
	for (size_t i = 0; i < n; i++)
		if (rules[i])
			printf("#   %s\n", rules[i]);
	describe(&ps[which]);
}

/* ---- counters ---- */

struct counted {
	struct pt_arena *arena;
	struct pt_nft_counter *v;
	size_t n;
};

static void count(struct counted *c)
{
	struct pt_nft_state *s = NULL;
	struct pt_err e = { 0 };

	c->arena = pt_arena_new();
	if (!c->arena || pt_nft_read_for(nf, NULL, &s, &e) || pt_nft_counters(s, c->arena, &c->v, &c->n))
		die("reading the counters");
	pt_nft_state_free(s);
	pt_err_fini(&e);
}

static struct pt_nft_counter counter_of(const struct counted *c, uint32_t id)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].id == id)
			return c->v[i];
	return (struct pt_nft_counter){ .id = id };
}

/* What came to it between two countings: rules that stay keep their counts. */
static struct pt_nft_counter counted_since(const struct counted c[2], uint32_t id)
{
	struct pt_nft_counter before = counter_of(&c[0], id), after = counter_of(&c[1], id);

	after.packets -= before.packets;
	after.bytes -= before.bytes;
	return after;
}

static void run_counting(const struct loaded *l, struct probe *ps, size_t packets, struct counted c[2])
{
	count(&c[0]);
	run(l, ps, packets);
	count(&c[1]);
}

/* Rules for arriving packets only: what leaves counts the kernel's own too (redirects), and not always as many. */
static bool counts_exactly(const struct pt_policy *p, uint32_t id)
{
	for (size_t i = 0; i < p->rules.n; i++)
		if (p->rules.v[i].id == id && p->rules.v[i].dir == PT_OUT)
			return false;
	return true;
}

/* The same packets again through a linear list: each rule must count what it counted by KEYS. */
static const struct pt_pol_rule *counted_otherwise(const char *text, struct probe *ps, size_t packets, struct loaded *l,
						   const struct counted keys[2])
{
	const struct pt_pol_rule *wrong = NULL;
	struct counted linear[2];

	unload(l);
	use_classifier = false;
	if (load(text, l) != LOAD_OK)
		die("loading the rules again");
	run_counting(l, ps, packets, linear);
	for (size_t i = l->policy->n_builtin; i < l->policy->rules.n && !wrong; i++) {
		const struct pt_nft_counter a = counted_since(keys, l->policy->rules.v[i].id);
		const struct pt_nft_counter b = counted_since(linear, l->policy->rules.v[i].id);

		n_counters += counts_exactly(l->policy, a.id);
		if ((a.packets == b.packets && a.bytes == b.bytes) || !counts_exactly(l->policy, a.id))
			continue;
		wrong = &l->policy->rules.v[i];
		printf("# %llu packets by the classifier, %llu by a list: %s\n", (unsigned long long)a.packets,
		       (unsigned long long)b.packets, l->policy->rules.v[i].text);
	}
	for (size_t i = 0; i < 2; i++)
		pt_arena_free(linear[i].arena);
	return wrong;
}

static bool one_set(uint64_t seed, size_t packets, size_t *counts, bool *refused)
{
	static struct probe ps[MAX_PACKETS];
	char *rules[MAX_RULES] = { NULL }, *text;
	const char *wrong = NULL;
	struct loaded l;
	size_t n = 1 + rnd(MAX_RULES), which = 0;
	enum load loaded;
	bool miscounted = false;
	struct counted counted[2];

	use_classifier = seed % 2;
	use_tree = seed & 2;

	for (size_t i = 0; i < n; i++) {
		struct pt_buf b = { 0 };

		if (i == 0 && rnd(4))
			gen_base(&b);
		else if (rnd(5) == 0)
			gen_mapped(&b);
		else
			gen_rule(&b);
		rules[i] = b.s;
	}
	text = assemble(rules, n);
	loaded = load(text, &l);
	*refused = loaded == LOAD_REFUSED_BY_US;
	if (loaded == LOAD_FAILED)
		printf("# seed %llu\n%s", (unsigned long long)seed, text);
	if (loaded == LOAD_OK) {
		for (size_t i = 0; i < packets; i++)
			do
				gen_packet(&ps[i], i);
			while (second_gre(ps, i));
		run_counting(&l, ps, packets, counted);
		for (size_t i = 0; i < packets && !wrong; i++) {
			wrong = compare(l.policy, &ps[i]);
			which = i;
			counts[0] += ps[i].pass;
			counts[1] += !ps[i].pass;
			counts[2] += ps[i].pass && (ps[i].after.dst.v != ps[i].pkt.dst.v || ps[i].after.src.v != ps[i].pkt.src.v);
			counts[3] += ps[i].answer != ANSWER_NONE;
		}
		if (!wrong && classified && counted_otherwise(text, ps, packets, &l, counted)) {
			printf("# seed %llu\n%s", (unsigned long long)seed, text);
			miscounted = true;
		}
		for (size_t i = 0; i < 2; i++)
			pt_arena_free(counted[i].arena);
		unload(&l);
		if (wrong) {
			printf("# seed %llu packet %zu: %s\n", (unsigned long long)seed, which, wrong);
			describe(&ps[which]);
			shrink(rules, n, ps, which);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(rules[i]);
	free(text);
	return loaded != LOAD_FAILED && !wrong && !miscounted;
}

/* Set 0 has the seed itself, so that one number from a failure runs that very set again. */
static uint64_t set_seed(uint64_t base, uint64_t i)
{
	uint64_t z = base + i * 0x9e3779b97f4a7c15ull;

	if (i == 0)
		return base;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	return (z ^ (z >> 27)) & 0xffffffffff;
}

int main(int argc, char **argv)
{
	uint64_t base;
	size_t sets = argc > 2 ? strtoul(argv[2], NULL, 10) : 300, packets = argc > 3 ? strtoul(argv[3], NULL, 10) : 300;
	size_t good = 0, bad = 0, refused = 0, counts[4] = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0) {
		printf("1..0 # SKIP network namespaces need root\n");
		return 0;
	}
	if (packets > MAX_PACKETS)
		packets = MAX_PACKETS;
	if (argc > 1)
		base = strtoull(argv[1], NULL, 10);
	else if (getrandom(&base, sizeof(base), 0) != sizeof(base))
		die("getrandom");
	base &= 0xffffffffff;
	printf("1..2\n# seed %llu\n", (unsigned long long)base);
	setup();
	classifier_attach();
	for (uint64_t i = 0; good + bad < sets && i < 20 * sets; i++) {
		bool no = false;
		uint64_t seed = set_seed(base, i);

		rng = (seed * 0x9e3779b97f4a7c15ull) | 1;
		for (int j = 0; j < 8; j++)
			rnd(2);
		if (!one_set(seed, packets, counts, &no))
			bad++;
		else if (no)
			refused++;
		else
			good++;
		if (bad >= 5)
			break;
	}
	printf("# %zu times judged by the classifier (shrinking included), %zu counters compared\n", n_classified, n_counters);
	printf("# %zu rule sets (%zu more refused by the checks), %zu packets a set: %zu passed, %zu blocked, %zu translated,"
	       " %zu answered\n", good + bad, refused, packets, counts[0], counts[1], counts[2], counts[3]);
	printf("%sok 1 - evaluator and kernel agree on every packet\n", bad ? "not " : "");
	printf("%sok 2 - at least %zu rule sets ran, with passes, blocks, translations and answers\n",
	       good >= sets && counts[0] && counts[1] && counts[2] && counts[3] ? "" : "not ", sets);
	return bad != 0;
}
