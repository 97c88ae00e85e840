#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every example is a file that somebody will really load: it is checked, applied in a
# namespace of its own, applied again without a write, compared, and stopped - and a
# stopped firewall still blocks.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
ptnet=$build/ptnet
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

example()
{
	conf=$1
	name=$(basename "$conf" .conf)
	ns=$2

	lab_ns "$ns" "$ns-far"
	for i in 0 1 2 3; do
		lab_link "$ns" "eth$i" "$ns-far" "eth$i"
		in_ns "$ns" ip link set "eth$i" up
		in_ns "$ns-far" ip link set "eth$i" up
	done
	lab_addr "$ns" eth0 203.0.113.2/24 2001:db8:ff::2/64
	lab_addr "$ns-far" eth0 203.0.113.1/24 2001:db8:ff::1/64
	lab_settle "$ns" "$ns-far"

	ok "$name: check" in_ns "$ns" "$ptfw" check -f "$conf"
	ok "$name: its interfaces, too" in_ns "$ns" "$ptnet" check -f "$conf"
	ok "$name: lint finds nothing" in_ns "$ns" "$ptfw" lint -f "$conf"
	ok "$name: check needs no privilege" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$lab_tmp/open/ptfw" check -f "$lab_tmp/open/$name.conf"
	exits 3 "$name: diff before the first apply" in_ns "$ns" "$ptfw" diff -f "$conf"
	ok "$name: the kernel takes it" in_ns "$ns" "$ptfw" apply -f "$conf"
	ok "$name: diff finds none" in_ns "$ns" "$ptfw" diff -f "$conf"

	in_ns "$ns" nft list ruleset >"$lab_tmp/first" 2>"$lab_tmp/why"
	is "$?:$(cat "$lab_tmp/why")" 0: "$name: nft reads the rules"
	like "$(cat "$lab_tmp/first")" 'table inet patronus' "$name: they are in our table"
	lab_bg "$ns" nft monitor >"$lab_tmp/monitor" 2>&1
	monitor=$lab_last
	sleep 0.2
	ok "$name: apply again" in_ns "$ns" "$ptfw" apply -f "$conf"
	sleep 0.2
	lab_stop "$monitor"
	is "$(cat "$lab_tmp/monitor")" '' "$name: the second apply wrote nothing"

	in_ns "$ns" "$ptfw" rule show >"$lab_tmp/rules" 2>&1
	is "$(wc -l <"$lab_tmp/rules" | tr -d ' ')" "$(sed '/^test /,/^}/d' "$conf" | grep -Ec '^ +"(pass|block|match) ')" \
		"$name: rule show lists as many rules as were written"

	# What is shown loads again: the same sections, the rules as printed.
	{
		sed '/^firewall {/,$d' "$conf"
		echo 'firewall { rules = {'
		sed "s/.*/'&',/" "$lab_tmp/rules"
		echo '} }'
	} >"$lab_tmp/again.conf"
	[ ! -f "${conf%.conf}.blocklist" ] || cp "${conf%.conf}.blocklist" "$lab_tmp"
	ok "$name: what rule show prints is a file again" in_ns "$ns" "$ptfw" check -f "$lab_tmp/again.conf"

	ok "$name: stop" in_ns "$ns" "$ptfw" stop
	for to in 203.0.113.2 2001:db8:ff::2; do
		is "$(in_ns "$ns-far" "$peer" tcp "$to" 80 || :)" silence \
			"$name: stopped, it still blocks $to"
	done
	ok "$name: stop --open" in_ns "$ns" "$ptfw" stop --open
	for to in 203.0.113.2 2001:db8:ff::2; do
		is "$(in_ns "$ns-far" "$peer" tcp "$to" 80 || :)" refused \
			"$name: stopped open, $to answers for itself"
	done
}

# The tree may be out of reach for others; a copy is not.
mkdir "$lab_tmp/open"
cp contrib/examples/* "$ptfw" "$lab_tmp/open"
chmod 755 "$lab_tmp" "$lab_tmp/open" "$lab_tmp/open/ptfw"

n=0
for file in contrib/examples/*.conf; do
	n=$((n + 1))
	example "$file" "e$n"
done
ok 'there are at least seven examples' [ "$n" -ge 7 ]
rules=$(grep -Ec '^ +"(pass|block|match) ' contrib/examples/small-office.conf)
ok "small-office.conf has about 40 rules ($rules)" [ "$rules" -ge 38 ]
done_testing
