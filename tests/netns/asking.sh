#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The chapter "Asking the firewall" of patronus(7): its file, its commands, and what each of them says.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns office
for n in 0 1 2; do
	in_ns office sh -c "ip link add eth$n type veth peer name p$n; ip link set p$n up"
done
lab_addr office eth0 203.0.113.2/24
lab_addr office eth1 192.168.1.1/24
lab_addr office eth2 192.168.2.1/24
lab_route office default via 203.0.113.1

# Each display of the chapter as a file: the first is the rules, the others a command behind a '$' and what it prints.
dir=$lab_tmp/office
mkdir -m 755 "$dir"
awk -v out="$dir/display" '/^\.Sh / { chapter = /ASKING THE FIREWALL/ } !chapter { next }
	/^\.Bd/ { n++; on = 1; next } /^\.Ed/ { on = 0 } on { print > sprintf("%s.%02d", out, n) }' man/patronus.7
mv "$dir/display.01" "$dir/office.conf"
chmod 644 "$dir/office.conf"
for display in "$dir"/display.*; do
	line=$(sed -n '1s/^\$ //p' "$display")
	is "$(in_ns office env "PATH=$build:$PATH" sh -c "cd '$dir' && umask 022 && $line" 2>&1)" "$(sed 1d "$display")" "$line"
done
ok 'the chapter has its commands' [ "$tap_n" -ge 8 ]
exits 3 'what goes is a difference' in_ns office sh -c "cd '$dir' && '$build/ptfw' diff --meaning office.conf new.conf"
exits 3 'and the first file is not applied' in_ns office sh -c "cd '$dir' && '$build/ptfw' apply -f office.conf"
exits 0 'but the second one is' in_ns office sh -c "cd '$dir' && '$build/ptfw' -q apply -f new.conf"
exits 0 'and asked without its file' in_ns office "$build/ptfw" reach from guest to wan port 53
done_testing
