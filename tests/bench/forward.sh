# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2154
#
# What a forwarded packet costs, from the driver that hands it to the stack to the device it leaves by,
# verdict and counters included: with each set of rules, each engine, and the same rules one after the other in nft and iptables.
# Conntrack runs as it does in the product; the rules make no states, so that every packet is judged.
#
# One router for each engine, all alive at once, offered packets in turn.
#
# What is not assigned here comes from run.sh.

engines='auto bpf nft linear'
forward_peers='one onebyhand byhand iptables'

has_engines() { "$ptfw" apply -h | grep -q -e '--engine'; }

# apply_engine ROUTER ENGINE FILE; without --engine there is one engine, which is what auto means.
apply_engine()
{
	if [ "$2" = auto ]; then
		in_ns "$1" "$ptfw" -q apply -f "$3"
	else
		in_ns "$1" "$ptfw" -q apply --engine "$2" -f "$3"
	fi
}

load_by_hand()
{
	in_ns "$1" nft flush ruleset
	in_ns "$1" nft -f "$2"
}

# The command for the family of a rule set.
iptables_of()
{
	if is_ip6 "$1"; then
		echo ip6tables-legacy-restore
	else
		echo iptables-legacy-restore
	fi
}

is_ip6() { gzip -dcf "$1" | sed 1q | grep -q ':.*/.*:.*/'; }

# What there is to offer packets with, and the routers.
forward_begin()
{
	# The names are words, to be split.
	# shellcheck disable=SC2086
	lab_ns $engines $forward_peers || return 1
	for router in $engines $forward_peers; do
		in_ns "$router" tests/bench/router.sh || return 1
	done
	printf '10.0.0.1\t10.0.0.2\t1\t2\t17\n' >"$tmp/trace"
	forward_why=$(offer_to one -1 2>&1) || {
		skipped forward "no live frames: $forward_why"
		return 1
	}
	forward_engines=auto
	for engine in bpf nft linear; do
		if has_engines; then
			forward_engines="$forward_engines $engine"
		else
			skipped "forward, engine $engine" 'this ptfw has no --engine'
		fi
	done
}

# forward_load SET VARIANT: the same rules into every router; engines that refuse them drop out.
forward_load()
{
	active=
	for engine in $forward_engines; do
		if forward_why=$(apply_engine "$engine" "$engine" "$tmp/$2.conf" 2>&1); then
			active="$active $engine"
		else
			skipped "forward, $1, engine $engine" "$(printf '%s\n' "$forward_why" | sed -n 1p)"
		fi
	done
	load_by_hand byhand "$tmp/$2.nft"
	in_ns iptables "$iptables" "$tmp/$2.iptables"
}

# offer_to "ROUTER..." OPTION...: the headers of $tmp/trace.
offer_to()
{
	offer_routers=$1
	shift
	set -- "$@" "$offer_object" "$tmp/trace"
	for router in $offer_routers; do
		set -- "$@" "$router=/proc/$(cat "$lab_tmp/$router.pid")/ns/net"
	done
	"$offer" -s "$seed" "$@"
}

# Every engine lets through exactly what the rules by hand do. With half of them blocking, a mistake shows.
forward_verify()
{
	forward_load "$1" half
	offer_to "byhand $active" -1 -o "$tmp/verdicts" >/dev/null
	for engine in $active; do
		wrong=$(diff "$tmp/verdicts.byhand" "$tmp/verdicts.$engine" | grep -c '^>') || :
		[ "$wrong" -eq 0 ] || skipped "verdicts, $1, engine $engine" "$wrong headers are judged otherwise than by nft"
	done
}

# A router that loses packets would look fast.
forward_rounds()
{
	offer_to "$forward_peers $active" -r "$rounds" -t "$offer_ms" >"$tmp/costs"
	while read -r router traffic ns offered passed; do
		[ "$traffic" != once ] || continue
		sample "$1.$traffic.$router" "$ns"
		[ "$traffic" = none ] || [ "$((passed * 100))" -ge "$((offered * 95))" ] ||
			skipped "forward, $1, $traffic, engine $router" "only $passed of $offered packets came through"
	done <"$tmp/costs"
}

# goal_of SET TRAFFIC ENGINE: what the classifier is to reach, in costs of one rule.
goal_of()
{
	case $3:$2:$1 in
	linear:* | nft:*) ;;
	*:hot:* | *:*_1000 | *:acl1_* | *:acl_*) echo 1.5 ;;
	*) echo 2 ;;
	esac
}

forward_rows()
{
	for traffic in uniform hot; do
		row "forward, $1, $traffic: one rule / one rule in nft" "$1.$traffic.one" "$1.$traffic.onebyhand" ns
		for engine in $active; do
			row "forward, $1, $traffic: $engine / one rule" \
				"$1.$traffic.$engine" "$1.$traffic.one" ns "$(goal_of "$1" $traffic "$engine")"
		done
	done
	row "making a frame, $1 / one rule" "$1.none.one" "$1.uniform.one" ns
	for engine in $active; do
		goal=
		case $engine:$1 in nft:*_10000) goal=0.143 ;; esac
		row "forward, $1, uniform: $engine / linear nft" "$1.uniform.$engine" "$1.uniform.byhand" ns $goal
		row "forward, $1, uniform: $engine / linear iptables" "$1.uniform.$engine" "$1.uniform.iptables" ns
	done
}

# One rule that every header of the set matches, in the set's family.
one_rule()
{
	everything=0.0.0.0/0
	! is_ip6 "$1" || everything=::/0
	printf '@%s\t%s\t0 : 65535\t0 : 65535\t0x00/0x00\t0x0000/0x0000\n' $everything $everything
}

# One header of each connection: answers pass by hand without a rule, and of two first packets that arrive
# together conntrack drops one.
flows()
{
	awk '{
		ports = $5 == 6 || $5 == 17 || $5 == 132
		forth = $1 " " $2 " " (ports ? $3 " " $4 : "") " " $5
		back = $2 " " $1 " " (ports ? $4 " " $3 : "") " " $5
	}
	!(forth in seen) && !(back in seen) {
		seen[forth]
		print
	}' "$1"
}

# forward SET FILTERS TRACE
forward()
{
	progress "forward, $1"
	iptables=$(iptables_of "$2")
	one_rule "$2" >"$tmp/one"
	for variant in one full half; do
		filters=$2 every=0
		[ $variant != one ] || filters=$tmp/one
		[ $variant != half ] || every=2
		tests/bench/classbench -b $every "$filters" >"$tmp/$variant.conf"
		tests/bench/classbench -n -b $every "$filters" >"$tmp/$variant.nft"
		tests/bench/classbench -i -b $every "$filters" >"$tmp/$variant.iptables"
	done
	apply_engine one auto "$tmp/one.conf"
	load_by_hand onebyhand "$tmp/one.nft"
	flows "$3" >"$tmp/flows"
	sed "${verified}q" "$tmp/flows" >"$tmp/trace"
	forward_verify "$1"
	mv "$tmp/flows" "$tmp/trace"
	forward_load "$1" full
	forward_rounds "$1"
	forward_rows "$1"
	for router in $forward_peers $active; do
		in_ns "$router" conntrack -F 2>/dev/null || :
	done
}
