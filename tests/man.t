#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every rule shown in patronus-rules(5) is one that ptfw takes: rule lines of its literal displays are
# checked one by one in a file with the interfaces and tables that the page's examples use.
set -u
cd "$(dirname "$0")/.." || exit 1
ptfw=${PTFW:-build/ptfw}

mapfile -t rules < <(awk '/^\.Bd -literal -offset/ { on = 1; next } /^\.Ed/ { on = 0 }
	on && /^(pass|block|match|anchor) /' man/patronus-rules.5)
echo "1..$((${#rules[@]} + 1))"

conf() {
	cat <<-EOF
	interface wan { device = "eth0" address = { dhcp } }
	interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
	interface dmz { device = "eth2" address = { "10.0.5.1/24" } }
	interface guest { device = "eth3" address = { "10.0.9.1/24", "fd00:9::1/64" } }
	table blocklist { addresses = { "198.51.100.0/24" } }
	table servers { const = true addresses = { "10.0.5.20", "10.0.5.21" } }
	table bruteforce { persist = true }
	table admins { addresses = { "192.168.1.10" } }
	schedule night { hours = { "22:00-06:00" } }
	geoip { file = "$PWD/tests/corpus/geoip/small.csv" }
	firewall { rules = { '$1' } }
	EOF
}

n=0
for rule in "${rules[@]}"; do
	n=$((n + 1))
	if said=$(conf "$rule" | "$ptfw" check -f - 2>&1); then
		echo "ok $n - $rule"
	else
		echo "not ok $n - $rule"
		printf '%s\n' "$said" | sed 's/^/# /'
	fi
done
# The test itself must be able to fail: a page without examples, or a checker that takes anything.
if [ "$n" -ge 30 ] && ! conf "pass in on nowhere" | "$ptfw" check -f - >/dev/null 2>&1; then
	echo "ok $((n + 1)) - the page has examples and wrong rules are refused"
else
	echo "not ok $((n + 1)) - the page has examples and wrong rules are refused"
fi
