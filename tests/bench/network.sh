# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# Many routes and many links from a file into the kernel, beside `ip -batch` with the same ones: all of them, nothing, one. The
# links are vxlans, which every kernel has that is worth the name: what a link costs is the kernel's to say, and the same for both.
#
# What is not assigned here comes from run.sh.

# network_rows TITLE OURS PEER TIME-GOAL MEMORY-GOAL: as both_rows, by the time of the processor. The kernel takes links of an earlier
# router down in the background for a while, and lets nobody else in meanwhile.
network_rows()
{
	row "$1: processor" "$2.cpu" "$3.cpu" ms "${4:-}"
	row "$1: peak memory" "$2.kib" "$3.kib" KiB "${5:-}"
}

route_count=100000
link_count=1000

# route_lines FORMAT: a line for each destination, which FORMAT has as %s.
route_lines()
{
	awk -v n="$route_count" -v format="$1" 'BEGIN {
		for (i = 0; i < n; i++)
			printf format "\n", sprintf("%d.%d.%d.0/24", 11 + int(i / 65536), int(i / 256) % 256, i % 256)
	}'
}

# Two files that differ in the next hop of one route, and the same for the peer.
make_routes()
{
	for network_via in 2 3; do
		{
			printf 'interface out0 { address = { "192.0.2.1/24" } }\nnetwork { routes = {\n'
			route_lines '"%s via 192.0.2.2",' | sed "500s/192.0.2.2/192.0.2.$network_via/"
			printf '} }\n'
		} >"$tmp/routes.$network_via.conf"
	done
	{
		printf 'link set out0 up\naddress replace 192.0.2.1/24 dev out0\n'
		route_lines 'route add %s via 192.0.2.2'
	} >"$tmp/routes.batch"
}

network_routes()
{
	progress "$route_count routes"
	make_routes
	lab_ns routes routesbyhand
	for network_router in routes routesbyhand; do in_ns "$network_router" tests/bench/router.sh; done
	in_ns routes "$ptnet" -q apply -f "$tmp/routes.2.conf"
	in_ns routesbyhand ip -batch "$tmp/routes.batch"
	for _ in $(seq "$load_rounds"); do
		timed routes-apply "$ptnet" -q apply -f "$tmp/routes.2.conf"
		timed routes-batch ip -batch "$tmp/routes.batch"
		timed_in routes routes-again "$ptnet" -q apply -f "$tmp/routes.2.conf"
		timed_in routes route-show "$ptnet" route show
		timed_in routesbyhand ip-route ip route show
		timed_in routes route-show-j "$ptnet" -j route show
		timed_in routesbyhand ip-route-j ip -j route show
		timed_in routes routes-change "$ptnet" -q apply -f "$tmp/routes.3.conf"
		in_ns routes "$ptnet" -q apply -f "$tmp/routes.2.conf"
	done
	network_rows "apply $route_count routes / ip -batch" routes-apply routes-batch 0.5 0.2
	row "same file again, $route_count routes / apply" routes-again.cpu routes-apply.cpu ms 0.1
	row "change one of $route_count routes / apply" routes-change.cpu routes-apply.cpu ms
	network_rows "route show, $route_count / ip route" route-show ip-route 0.333
	row "route show -j, $route_count / ip -j route" route-show-j.cpu ip-route-j.cpu ms 0.333
}

make_links()
{
	awk -v n="$link_count" -v file="$tmp/links.conf" -v batch="$tmp/links.batch" 'BEGIN {
		print "interface out0 { address = { \"192.0.2.1/24\" } }" >file
		print "link set out0 up\naddress replace 192.0.2.1/24 dev out0" >batch
		for (i = 0; i < n; i++) {
			address = sprintf("11.%d.%d.1/24", int(i / 256), i % 256)
			printf "interface many%d { type = vxlan id = %d parent = out0 local = \"192.0.2.1\" remote = \"192.0.2.2\" address = { \"%s\" } }\n",
				i, i + 1, address >file
			printf "link add many%d type vxlan id %d dev out0 local 192.0.2.1 remote 192.0.2.2 dstport 4789\n", i, i + 1 >batch
			printf "link set many%d alias patronus\nlink set many%d up\naddress add %s dev many%d\n", i, i, address, i >batch
		}
	}'
	sed "500s/ address/ mtu = 1300 address/" "$tmp/links.conf" >"$tmp/links.changed.conf"
}

network_links()
{
	progress "$link_count links"
	make_links
	lab_ns links
	in_ns links tests/bench/router.sh
	in_ns links "$ptnet" -q apply -f "$tmp/links.conf"
	for _ in $(seq "$load_rounds"); do
		timed links-apply "$ptnet" -q apply -f "$tmp/links.conf"
		timed links-batch ip -batch "$tmp/links.batch"
		timed_in links links-again "$ptnet" -q apply -f "$tmp/links.conf"
		timed_in links links-change "$ptnet" -q apply -f "$tmp/links.changed.conf"
		in_ns links "$ptnet" -q apply -f "$tmp/links.conf"
	done
	network_rows "apply $link_count links / ip -batch" links-apply links-batch 0.5
	row "same file again, $link_count links / apply" links-again.cpu links-apply.cpu ms 0.1
	row "change one of $link_count links / apply" links-change.cpu links-apply.cpu ms
}
