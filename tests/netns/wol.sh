#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Wake-on-LAN: the bytes of the frame that arrives at the other end, and of the packet in UDP.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs tcpdump

conf=$lab_tmp/patronus.conf
lab_ns fw pc
lab_link fw eth0 pc eth0
lab_addr fw eth0 10.0.0.1/24
lab_addr pc eth0 10.0.0.2/24
cat >"$conf" <<'CONF'
interface lan { device = "eth0" address = { "10.0.0.1/24" } }
host pc { mac = "02:aa:bb:cc:dd:0e" interface = lan }
host tv { mac = "02:00:00:00:00:01" }
CONF
wol() { in_ns fw "$ptnet" wol "$@"; }
# caught FILTER COMMAND...: the bytes of the first frame that arrives, as hexadecimal digits
caught()
{
	filter=$1
	shift
	lab_bg pc tcpdump -i eth0 -c 1 -U -w "$lab_tmp/pcap" "$filter" 2>"$lab_tmp/tcpdump"
	lab_wait 5 grep -q 'listening on' "$lab_tmp/tcpdump"
	"$@" >"$lab_tmp/said" 2>&1
	lab_wait 5 sh -c "! kill -0 $lab_last 2>/dev/null"
	lab_stop "$lab_last"
	tcpdump -r "$lab_tmp/pcap" -xx 2>/dev/null | sed -n 's/^\t0x[0-9a-f]*: *//p' | tr -d ' \n'
}
sixteen() { printf "ffffffffffff%s" "$(printf "$1%.0s" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)"; }
mac=$(in_ns fw ip -o link show eth0 | sed 's/.*link.ether \([^ ]*\).*/\1/; s/://g')

is "$(caught 'ether proto 0x0842' wol send -f "$conf" pc)" "ffffffffffff${mac}0842$(sixteen 02aabbccdd0e)" 'by name: a frame to everybody, EtherType 0x0842, sixteen times the address'
is "$(cat "$lab_tmp/said")" '1 sent' 'it says so'
is "$(caught 'ether proto 0x0842' wol send 02:00:00:00:00:77 dev eth0 password 01:02:03:04:05:06)" \
	"ffffffffffff${mac}0842$(sixteen 020000000077)010203040506" 'by address, with a password, without a file'
frame=$(caught 'udp port 9' wol send -f "$conf" tv udp)
is "$(printf %s "$frame" | cut -c 1-28)" "ffffffffffff${mac}0800" 'in UDP: to everybody on the link'
is "$(printf %s "$frame" | cut -c 53-76)" 0a000001ffffffff"$(printf %s "$frame" | cut -c 69-72)"0009 'from our address to 255.255.255.255, port 9'
is "$(printf %s "$frame" | cut -c 85-)" "$(sixteen 020000000001)" 'the same bytes in it'
frame=$(caught 'udp port 4000' wol send -f "$conf" pc udp 4000)
is "$(printf %s "$frame" | cut -c 85-)" "$(sixteen 02aabbccdd0e)" 'another port'
exits 3 'a name that the file does not have' wol send -f "$conf" nobody
exits 2 'a device that is not there' wol send 02:00:00:00:00:77 dev eth7
exits 1 'words that it does not know' wol send -f "$conf" pc by eth0
is "$(wol show -f "$conf" -o)" 'name=pc mac=02:aa:bb:cc:dd:0e interface=lan
name=tv mac=02:00:00:00:00:01 interface=-' 'wol show'
sed -i 's/interface = lan/interface = lna/; s/ mac = "02:00.*"//' "$conf"
out=$(in_ns fw "$ptnet" -f "$conf" check 2>&1)
like "$out" ':2:49: error: there is no interface lna' 'a host behind an interface that is not there'
like "$out" ':3:.*error: host tv has no link address' 'a host without an address'
done_testing
