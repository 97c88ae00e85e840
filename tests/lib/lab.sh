# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034
#
# A laboratory of network namespaces for shell tests and the demonstration. They have no
# names and leave no files: each lives in a process of ours, with a /run of its own (where
# ptfw keeps what it applied) and a /var/lib of its own (where ptconf keeps the history), and is
# gone when that process is. Nothing of the host changes. In a chroot, where the kernel does not
# let mounts be private, they are the chroot's.
#
#   lab_begin                 needs root and ip; otherwise sets lab_why and returns 1
#   lab_ns NAME...            makes namespaces, loopback up, no duplicate address detection
#   lab_link A IFA B IFB      a veth pair between two of them
#   lab_addr NAME IF ADDR..   adds addresses and sets the link up
#   lab_route NAME ROUTE..    adds a route
#   in_ns NAME COMMAND...     runs there
#   lab_bg NAME COMMAND...    the same in the background, ended with the laboratory

lab_tmp=
lab_pids=

lab_begin()
{
	[ "$(id -u)" -eq 0 ] || { lab_why='needs root'; return 1; }
	for lab_tool in ip unshare nsenter setpriv; do
		command -v "$lab_tool" >/dev/null || { lab_why="needs $lab_tool"; return 1; }
	done
	lab_why=$(unshare -n true 2>&1) || return 1
	lab_mounts=
	! unshare -m --propagation private true 2>/dev/null || lab_mounts=yes
	lab_tmp=$(mktemp -d)
	trap lab_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

lab_end()
{
	for lab_p in $lab_pids; do
		kill "$lab_p" 2>/dev/null || :
	done
	for lab_p in $lab_pids; do
		wait "$lab_p" 2>/dev/null || :
	done
	lab_pids=
	[ -z "$lab_tmp" ] || rm -rf "$lab_tmp"
	lab_tmp=
}

in_ns()
{
	lab_pid=$(cat "$lab_tmp/$1.pid")
	shift
	nsenter -n ${lab_mounts:+-m "--wdns=$PWD"} -t "$lab_pid" "$@"
}

# nsenter becomes the command, so this pid is the one to end; it also ends when this script is killed.
lab_bg()
{
	lab_pid=$(cat "$lab_tmp/$1.pid")
	shift
	setpriv --pdeathsig TERM nsenter -n ${lab_mounts:+-m "--wdns=$PWD"} -t "$lab_pid" "$@" &
	lab_last=$!
	lab_pids="$lab_pids $lab_last"
}

# lab_stop PID: ends one background job early.
lab_stop()
{
	kill "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# lab_freeze PID: stops a process, and waits until it is; `kill -CONT` lets it go on.
lab_freeze()
{
	kill -STOP "$1"
	lab_wait 5 grep -q '^State:[[:space:]]*T' "/proc/$1/status"
}

# lab_wait SECONDS COMMAND...: until it succeeds.
lab_wait()
{
	lab_left=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		lab_left=$((lab_left - 1))
		[ "$lab_left" -gt 0 ] || return 1
		sleep 0.05
	done
}

# Addresses are usable at once: the laboratory has no duplicates to detect, nobody advertises
# routers, and a host with two ways out is not suspicious.
# Positional parameters are those of the shell that runs this.
# shellcheck disable=SC2016
lab_setup='if [ -n "$2" ]; then
	mount -n -t tmpfs -o mode=755 tmpfs /run && mount -n -t tmpfs -o mode=755 tmpfs /var/lib || exit 1
fi
ip link set lo up || exit 1
for i in all default; do
	echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad
	echo 0 >/proc/sys/net/ipv6/conf/$i/accept_ra
	echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter
done
: >"$1"
exec sleep 1d'

lab_ns()
{
	for lab_n in "$@"; do
		setpriv --pdeathsig KILL unshare -n ${lab_mounts:+-m --propagation private} \
			sh -c "$lab_setup" lab "$lab_tmp/$lab_n.ready" "$lab_mounts" &
		lab_pids="$lab_pids $!"
		echo $! >"$lab_tmp/$lab_n.pid"
	done
	for lab_ready in "$@"; do
		lab_wait 10 test -e "$lab_tmp/$lab_ready.ready" || {
			echo "lab: namespace $lab_ready does not come up" >&2
			return 1
		}
	done
}

lab_link()
{
	ip link add name "$2" netns "$(cat "$lab_tmp/$1.pid")" type veth \
		peer name "$4" netns "$(cat "$lab_tmp/$3.pid")"
}

lab_addr()
{
	lab_to=$1
	lab_if=$2
	shift 2
	for lab_a in "$@"; do
		case $lab_a in
		*:*) in_ns "$lab_to" ip address add "$lab_a" dev "$lab_if" nodad ;;
		*) in_ns "$lab_to" ip address add "$lab_a" dev "$lab_if" ;;
		esac
	done
	in_ns "$lab_to" ip link set "$lab_if" up
}

lab_route()
{
	lab_to=$1
	shift
	in_ns "$lab_to" ip route add "$@"
}

# lab_forward NAME: makes it a router.
lab_forward()
{
	in_ns "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# lab_settle NAME...: waits until every interface that is up has its link-local address;
# before that the kernel takes no part in neighbour discovery on it.
lab_settle()
{
	for lab_s in "$@"; do
		lab_wait 5 lab_settled "$lab_s" || return 1
	done
}

lab_settled()
{
	in_ns "$1" ip -o link show up >"$lab_tmp/links"
	in_ns "$1" ip -o -6 address show scope link -tentative >"$lab_tmp/addresses"
	[ "$(grep -vc ': lo:' "$lab_tmp/links")" -eq "$(grep -c fe80 "$lab_tmp/addresses")" ]
}
