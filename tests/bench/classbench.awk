# SPDX-License-Identifier: GPL-3.0-or-later
#
# A ClassBench filter set as rules of another language, or a trace that a router forwards. See `classbench`.
#
# Addresses are handled as groups of 16 bits, two or eight, because awk counts exactly to 2^53
# only, and some awks print no integer beyond 2^31.

function die(why)
{
	printf "classbench: %s:%d: %s\n", FILENAME, FNR, why | "cat >&2"
	failed = 1
	exit 1
}

# ---- addresses ----

function hex(text,    i, n)
{
	for (i = 1; i <= length(text); i++)
		n = n * 16 + index("123456789abcdef", tolower(substr(text, i, 1)))
	return n + 0
}

# Sets g[1..count]; the empty groups of `::` are filled in. Returns the count.
function groups(text, g,    part, n, left, i, k)
{
	if (index(text, ":") == 0) {
		if (split(text, part, ".") != 4)
			die("not an address: " text)
		g[1] = part[1] * 256 + part[2]
		g[2] = part[3] * 256 + part[4]
		return 2
	}
	sub(/^::/, "0::", text)
	sub(/::$/, "::0", text)
	n = split(text, part, ":")
	for (i = k = 1; i <= n; i++) {
		if (part[i] != "") {
			g[k++] = hex(part[i])
			continue
		}
		for (left = 8 - (n - 1); left > 0; left--)
			g[k++] = 0
	}
	return 8
}

function text_of(g, n,    i, text)
{
	if (n == 2)
		return sprintf("%d.%d.%d.%d", int(g[1] / 256), g[1] % 256, int(g[2] / 256), g[2] % 256)
	for (i = 1; i <= n; i++)
		text = text (i > 1 ? ":" : "") sprintf("%x", g[i])
	return text
}

# Clears, or fills with chance, what is behind the prefix.
function beyond(g, n, length_, chance,    i, bits, unit)
{
	for (i = 1; i <= n; i++) {
		bits = length_ - (i - 1) * 16
		bits = bits < 0 ? 0 : bits > 16 ? 16 : bits
		unit = 2 ^ (16 - bits)
		g[i] = int(g[i] / unit) * unit + (chance ? int(rand() * unit) : 0)
	}
}

# A prefix as both languages write it; "" for every address. Sets `family`.
function prefix(text,    part, g, n)
{
	split(text, part, "/")
	n = groups(part[1], g)
	family = n == 2 ? 4 : 6
	if (part[2] == 0)
		return ""
	beyond(g, n, part[2], 0)
	return text_of(g, n) (part[2] == n * 16 ? "" : "/" part[2])
}

# ---- rules ----

function protocol(text,    part)
{
	split(text, part, "/")
	return hex(substr(part[2], 3)) == 0 ? -1 : hex(substr(part[1], 3))
}

# Ports mean something for TCP, UDP and SCTP only; of "any protocol" the first two are meant.
function has_ports(proto)
{
	return proto == 6 || proto == 17 || proto == 132 || (proto < 0 && (sports != "0-65535" || dports != "0-65535"))
}

function patronus_ports(range,    end)
{
	if (range == "0-65535")
		return ""
	split(range, end, "-")
	if (end[1] == end[2] && end[1] > 0)
		return " port " end[1]
	# No port is called 0, but a comparison may reach down to it.
	return end[1] == 0 ? " port < " (end[2] + 1) : " port " end[1] ":" end[2]
}

function patronus(verb, src, dst, proto)
{
	printf "\"%s in quick %s", verb, family == 4 ? "inet" : "inet6"
	if (has_ports(proto))
		printf " proto %s", proto < 0 ? "{ tcp udp }" : proto
	else if (proto >= 0)
		printf " proto %d", proto
	printf " from %s%s", src == "" ? "any" : src, has_ports(proto) ? patronus_ports(sports) : ""
	printf " to %s%s", dst == "" ? "any" : dst, has_ports(proto) ? patronus_ports(dports) : ""
	printf "%s\",\n", verb == "pass" ? " no state" : ""
}

function nft_ports(which, range,    end)
{
	split(range, end, "-")
	return range == "0-65535" ? "" : sprintf(" th %s %s", which, end[1] == end[2] ? end[1] : range)
}

function nft(verb, src, dst, proto,    ip)
{
	ip = family == 4 ? "ip" : "ip6"
	if (src != "")
		printf " %s saddr %s", ip, src
	if (dst != "")
		printf " %s daddr %s", ip, dst
	if (src == "" && dst == "")
		printf " meta nfproto %s", family == 4 ? "ipv4" : "ipv6"
	if (has_ports(proto))
		printf " meta l4proto %s%s%s", proto < 0 ? "{ tcp, udp }" : proto,
			nft_ports("sport", sports), nft_ports("dport", dports)
	else if (proto >= 0)
		printf " meta l4proto %d", proto
	printf " counter %s\n", verb == "pass" ? "accept" : "drop"
}

function iptables_ports(which, range,    end)
{
	split(range, end, "-")
	return range == "0-65535" ? "" : sprintf(" --%s %s", which, end[1] == end[2] ? end[1] : end[1] ":" end[2])
}

# A rule of it has one protocol.
function iptables(verb, src, dst, proto,    i, n, each)
{
	n = split(has_ports(proto) && proto < 0 ? "6 17" : proto, each, " ")
	for (i = 1; i <= n; i++) {
		printf "-A FORWARD%s%s", src == "" ? "" : " -s " src, dst == "" ? "" : " -d " dst
		if (proto >= 0 || n > 1)
			printf " -p %d", each[i]
		if (has_ports(proto))
			printf "%s%s", iptables_ports("sport", sports), iptables_ports("dport", dports)
		printf " -j %s\n", verb == "pass" ? "ACCEPT" : "DROP"
	}
}

# ---- traces ----

function remember(text,    part)
{
	split(text, part, "/")
	if (part[2] > 0)
		seen[seen_n++] = text
}

# What a router does not forward, or what is its own.
function martian(g, n,    first)
{
	if (n == 8)
		return g[1] >= 65152 || (g[1] == 0 && g[2] == 0) || (g[1] == 64768 && g[2] == 595)
	first = int(g[1] / 256)
	return first == 0 || first == 127 || (first >= 224 && first < 240) || (g[1] == 65535 && g[2] == 65535) || g[1] == 2813
}

# A martian becomes an ordinary address, every second time one that a rule names.
function ordinary(g, n,    part, bits)
{
	while (martian(g, n)) {
		bits = 0
		if (seen_n && rand() < 0.5) {
			split(seen[int(rand() * seen_n)], part, "/")
			if (groups(part[1], g) == n)
				bits = part[2]
		}
		beyond(g, n, bits, 1)
		if (n == 8 && bits == 0)
			g[1] = 8192 + int(rand() * 8192)
	}
	return text_of(g, n)
}

function trace_address(text,    g)
{
	if (text !~ /^[0-9]+$/)
		return ordinary(g, groups(text, g))
	g[1] = int(text / 65536)
	g[2] = text % 65536
	return ordinary(g, 2)
}

function inside(text,    part, g, n)
{
	split(text, part, "/")
	n = groups(part[1], g)
	beyond(g, n, part[2], 1)
	return ordinary(g, n)
}

function port_inside(low, high) { return low + int(rand() * (high - low + 1)) }

# A header that the filter matches; earlier ones may match it too.
function header(filter,    f, proto)
{
	split(filter, f)
	proto = protocol(f[9])
	printf "%s\t%s\t%d\t%d\t%d\n", inside(substr(f[1], 2)), inside(f[2]),
		port_inside(f[3], f[5]), port_inside(f[6], f[8]), proto < 0 ? 6 : proto
}

# ---- reading ----

BEGIN {
	srand(seed)
	if (want == "patronus")
		printf "interface wan { device = \"in0\" address = { \"10.253.253.1/24\", \"fd00:253:1::1/64\" } }\n" \
			"interface lan { device = \"out0\" address = { \"10.253.254.1/24\", \"fd00:253:2::1/64\" } }\n" \
			"firewall {\nbuiltin = false\nrules = {\n"
	if (want == "iptables")
		printf "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
	if (want == "nft")
		printf "table inet bench {\n chain forward {\n  type filter hook forward priority 0; policy drop;\n" \
			"  ct state established,related accept\n"
}

/^[ \t\r]*$/ { next }

/^@ trace$/ {
	traces = 1
	next
}

traces {
	print trace_address($1) "\t" trace_address($2) "\t" $3 "\t" $4 "\t" $5
	next
}

/^@/ {
	if (NF < 9 || $4 != ":" || $7 != ":")
		die("not a ClassBench filter: " $0)
	if (want == "trace" || want == "headers") {
		remember(substr($1, 2))
		remember($2)
		filters[filters_n++] = $0
		next
	}
	if (limit && rules >= limit)
		next
	rules++
	sports = $3 "-" $5
	dports = $6 "-" $8
	verb = every && rules % every == 0 ? "block" : "pass"
	src = prefix(substr($1, 2))
	dst = prefix($2)
	if (want == "patronus")
		patronus(verb, src, dst, protocol($9))
	else if (want == "iptables")
		iptables(verb, src, dst, protocol($9))
	else
		nft(verb, src, dst, protocol($9))
	next
}

{ die("not a ClassBench filter: " $0) }

END {
	if (failed)
		exit 1
	for (i = 0; want == "headers" && i < size; i++)
		header(filters[int(rand() * filters_n)])
	if (want == "patronus")
		print "\"pass out quick no state\"\n} }"
	if (want == "nft")
		print " }\n}"
	if (want == "iptables")
		print "COMMIT"
}
