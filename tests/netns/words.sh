#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Names of what is in force, as completion offers them: from the small file beside the copy, and the same ones without it; after every
# change of the rules those of now, and none when nothing is in force.
# What stands in single quotes is for the shell in there.
# shellcheck disable=SC2016
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
ptfw=${PTFW:-${PATRONUS_BUILD:-build}/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
lab_ns fw out
lab_link fw eth0 out eth0
lab_addr fw eth0 10.0.0.1/24
dir=$lab_tmp
fw() { in_ns fw "$ptfw" "$@"; }
offered() { fw complete -- "$@"; }
files() { in_ns fw find /run/patronus/applied -name "*.$1" | wc -l; }

cat >"$dir/one.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24" } }
firewall { rules = {
	"block return in on wan label closed",
	"pass in on wan proto tcp from { 10.0.0.2, fd00::2 } to self port { 22, 23 } label ssh",
	"pass out",
	"anchor later in on wan",
	"match out on wan from 192.168.0.0/16 nat-to (wan) label hide",
	"pass out to { gw.example.com, b.example.com, gw.example.com } label named",
} }
test office { expect = { "pass in on wan proto tcp from 10.0.0.2 to 10.0.0.1 port 22" } }
CONF

# same WORDS...: with the file and without it
same()
{
	offered "$@" >"$dir/with"
	in_ns fw sh -c 'mkdir -p /run/aside && mv /run/patronus/applied/*.words /run/aside/'
	offered "$@" >"$dir/without"
	in_ns fw sh -c 'mv /run/aside/*.words /run/patronus/applied/'
	sort -u "$dir/with" >"$dir/with.sorted"
	sort -u "$dir/without" >"$dir/without.sorted"
	is "$(cat "$dir/with")" "$(cat "$dir/without")" "$*: the same with the file and without it"
}

exits 0 'apply' fw -q apply -f "$dir/one.conf"
is "$(files words)" 1 'one file of words'
is "$(in_ns fw sh -c 'stat -c %a /run/patronus/applied/*.words')" 600 'that only root reads'
for words in 'rule show' 'nat show' 'anchor show' 'anchor load' 'name show' 'test'; do
	# shellcheck disable=SC2086 # two words
	same $words ''
done
is "$(offered rule show '' | sort)" "$(fw -dj rule show | jq -r '.rules[].name' | grep -vx later | sort -u)" 'rule show: every rule that is shown, and nothing else'
is "$(offered nat show '')" hide 'nat show: what translates, and nothing else'
is "$(offered anchor show '')" later 'anchor show'
is "$(offered name show '')" "$(printf 'b.example.com\ngw.example.com')" 'name show: each once'
is "$(offered test '')" office 'test'
is "$(offered rule show s)" ssh 'what begins so'

# ---- changes ----
echo 'pass in proto udp to port 53 label dns' | in_ns fw "$ptfw" -q anchor load later
like "$(offered rule show '')" '^later/dns$' 'a rule that was loaded into an anchor'
same rule show ''
sed 's/label ssh/label secure/' "$dir/one.conf" >"$dir/two.conf"
fw -q apply -f "$dir/two.conf"
like "$(offered rule show '')" '^secure$' 'a label that is new'
unlike "$(offered rule show '')" '^ssh$' 'not the one before'
in_ns fw sh -c 'for f in /run/patronus/applied/*.words; do printf rhalf >>$f; done'
unlike "$(offered rule show '')" half 'a line without an end is none'
in_ns fw sh -c 'for f in /run/patronus/applied/*.words; do echo "patronus words 0" >$f; echo rold >>$f; done'
like "$(offered rule show '')" '^secure$' 'a file of another version is not read'
in_ns fw sh -c 'for f in /run/patronus/applied/*.words; do rm $f; ln -s /dev/zero $f; done'
like "$(offered rule show '')" '^secure$' 'nor one that is none'
fw -q stop
is "$(offered rule show '')" '' 'nothing where nothing is in force'

# ---- they go with the copies ----
for i in $(seq 70); do
	sed "s/label closed/label closed$i/" "$dir/one.conf" >"$dir/many.conf"
	fw -q apply -f "$dir/many.conf" || break
done
is "$(offered rule show closed)" closed70 'seventy files later'
ok 'there are as many copies as before, and not more words' [ "$(files conf)" -ge 60 ]
ok 'each file of words has its copy' in_ns fw sh -c 'for f in /run/patronus/applied/*.words; do [ -e "${f%.words}.conf" ] || { echo "$f"; exit 1; }; done'
done_testing
