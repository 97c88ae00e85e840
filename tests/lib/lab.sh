# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034
#
# A laboratory of network namespaces for shell tests and the demonstration. The names are
# unique to the process, everything goes away at its end however it ends, and nothing
# outside the namespaces is touched.
#
#   lab_begin               needs root and ip; otherwise says why and returns 1
#   lab_ns NAME...          makes namespaces, loopback up, no duplicate address detection
#   lab_link A IFA B IFB    a veth pair between two of them
#   lab_addr NAME IF ADDR.. adds addresses and sets the link up
#   in_ns NAME COMMAND...   runs there, with a private mount namespace as `ip netns exec` does
#   lab_bg NAME COMMAND...  the same in the background; ended with the laboratory

lab_id=pt$$
lab_names=
lab_pids=
lab_tmp=

lab_begin()
{
	[ "$(id -u)" -eq 0 ] || { lab_why='needs root'; return 1; }
	command -v ip >/dev/null || { lab_why='needs ip of iproute2'; return 1; }
	lab_tmp=$(mktemp -d)
	trap lab_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	ip netns add "$lab_id-try" 2>"$lab_tmp/why" || {
		lab_why="cannot make a network namespace: $(cat "$lab_tmp/why")"
		return 1
	}
	ip netns delete "$lab_id-try"
}

lab_end()
{
	for lab_p in $lab_pids; do
		kill "$lab_p" 2>/dev/null || :
	done
	for lab_p in $lab_pids; do
		wait "$lab_p" 2>/dev/null || :
	done
	for lab_n in $lab_names; do
		ip netns delete "$lab_id-$lab_n" 2>/dev/null || :
	done
	[ -z "$lab_tmp" ] || rm -rf "$lab_tmp"
	lab_pids=
	lab_names=
	lab_tmp=
}

in_ns()
{
	lab_n=$1
	shift
	ip netns exec "$lab_id-$lab_n" "$@"
}

# The background job is ip itself replaced by the command, so that its pid is the one to end.
lab_bg()
{
	lab_n=$1
	shift
	ip netns exec "$lab_id-$lab_n" "$@" &
	lab_pid=$!
	lab_pids="$lab_pids $lab_pid"
}

lab_ns()
{
	for lab_n in "$@"; do
		ip netns add "$lab_id-$lab_n"
		lab_names="$lab_names $lab_n"
		ip -n "$lab_id-$lab_n" link set lo up
		# Addresses are usable at once: the laboratory has no duplicates to detect.
		in_ns "$lab_n" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
			echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
			echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra'
	done
}

lab_link()
{
	ip link add name "$2" netns "$lab_id-$1" type veth peer name "$4" netns "$lab_id-$3"
}

lab_addr()
{
	lab_n=$1
	lab_if=$2
	shift 2
	for lab_a in "$@"; do
		case $lab_a in
		*:*) ip -n "$lab_id-$lab_n" address add "$lab_a" dev "$lab_if" nodad ;;
		*) ip -n "$lab_id-$lab_n" address add "$lab_a" dev "$lab_if" ;;
		esac
	done
	ip -n "$lab_id-$lab_n" link set "$lab_if" up
}

lab_route()
{
	lab_n=$1
	shift
	ip -n "$lab_id-$lab_n" route add "$@"
}

# lab_forward NAME: a router.
lab_forward()
{
	in_ns "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}
