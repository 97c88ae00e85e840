# SPDX-License-Identifier: GPL-3.0-or-later
#
# Filter sets in the shape of ClassBench's, and their traces, where there are none of its own. See `classbench`.
#
# "acl": most rules name two hosts or small networks and one destination port. "fw": short prefixes, many of
# them everything, port ranges on both sides. Both draw from few networks, so that rules overlap, and both end
# with a filter that matches everything.

function pick(n) { return int(rand() * n) }

# A network of its own for each `id`, 16 bits deep in IPv4 and 48 in IPv6.
function site(id)
{
	if (family == 6)
		return sprintf("2001:%x:%x", 3328 + int(id / 65536), id % 65536)
	return sprintf("%d.%d", 11 + int(id / 256) % 100, id % 256)
}

function narrow(id,    wide)
{
	wide = rand() < 0.3
	if (family == 6)
		return site(id) (wide ? sprintf(":%x::/64", pick(256)) : sprintf(":%x::%x/128", pick(256), 1 + pick(65535)))
	return site(id) (wide ? sprintf(".%d.0/24", pick(256)) : sprintf(".%d.%d/32", pick(256), 1 + pick(254)))
}

function broad(id,    any)
{
	any = rand() < 0.25
	if (family == 6)
		return any ? "::/0" : rand() < 0.5 ? site(id) "::/48" : narrow(id)
	if (!any && rand() < 0.3)
		return sprintf("%d.0.0.0/8", 11 + pick(100))
	return any ? "0.0.0.0/0" : rand() < 0.6 ? site(id) ".0.0/16" : narrow(id)
}

function ports(kind,    p)
{
	p = kind == "exact" ? 1 + pick(rand() < 0.5 ? 1024 : 65000) : 0
	if (kind == "exact")
		return p " : " p
	if (kind == "range" && rand() < 0.5) {
		p = 1024 + pick(50000)
		return p " : " (p + 1 + pick(5000))
	}
	return kind == "range" ? "1024 : 65535" : "0 : 65535"
}

function acl(sites)
{
	return narrow(pick(sites)) "\t" narrow(pick(sites)) "\t" ports("any") "\t" \
		ports(rand() < 0.8 ? "exact" : "range") "\t" (rand() < 0.75 ? "0x06/0xFF" : "0x11/0xFF")
}

# As people write them, what is about everything comes late: before the last tenth, one side is narrow.
function fw(sites, late,    r, src, dst)
{
	src = late || rand() < 0.5 ? broad(pick(sites)) : ""
	dst = late || src == "" ? broad(pick(sites)) : narrow(pick(sites))
	if (src == "")
		src = narrow(pick(sites))
	r = rand()
	if (r < 0.1)
		return src "\t" dst "\t" ports("any") "\t" ports("any") "\t" (r < 0.05 ? "0x2f/0xFF" : "0x32/0xFF")
	return src "\t" dst "\t" ports(rand() < 0.4 ? "range" : rand() < 0.5 ? "exact" : "any") "\t" \
		ports(rand() < 0.5 ? "exact" : rand() < 0.5 ? "range" : "any") "\t" (rand() < 0.65 ? "0x06/0xFF" : "0x11/0xFF")
}

BEGIN {
	srand(seed)
	sites = 20 + int(size / 50)
	for (i = 1; i < size; i++)
		print "@" (shape == "acl" ? acl(sites) : fw(sites, i > size * 0.9)) "\t0x0000/0x0000"
	everything = family == 6 ? "::/0" : "0.0.0.0/0"
	print "@" everything "\t" everything "\t0 : 65535\t0 : 65535\t0x00/0x00\t0x0000/0x0000"
}
