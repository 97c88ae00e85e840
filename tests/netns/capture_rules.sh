#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptdiag capture with the word rules: the comment of each packet names the rules that decide about it, by label, file and line, and what
# they say is what happens to it, with rules that are in force in the kernel.
#
#     lan  192.168.1.2 fd00:1::2 ---- eth1 [ fw ] eth0 ---- 203.0.113.7 2001:db8:5::7  wan
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
# shellcheck source=tests/lib/capture.sh
. tests/lib/capture.sh
lab_begin || skip_all "$lab_why"
needs ping jq tcpdump tshark python3
unset SSH_CONNECTION

lab_ns fw wan lan
lab_link fw eth0 wan eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 203.0.113.2/24 2001:db8:5::2/64
lab_addr wan eth0 203.0.113.7/24 2001:db8:5::7/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.2/24 fd00:1::2/64
lab_route lan default via 192.168.1.1
lab_route lan default via fd00:1::1
lab_route wan 192.168.1.0/24 via 203.0.113.2
lab_route wan fd00:1::/64 via 2001:db8:5::2
lab_forward fw
lab_settle fw wan lan

conf=$lab_tmp/fw.conf
cat >"$conf" <<'CONF'
system { timezone = "UTC" }
interface wan { device = "eth0" address = { "203.0.113.2/24", "2001:db8:5::2/64" } }
interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
firewall { rules = {
	"block drop label none",
	"pass out on wan label out",
	"pass in on lan proto { tcp, udp } from lan:network to any port 1001:1009 label lan",
	"block drop in on lan proto udp to any port 1002 label closed",
	"block drop out on wan proto udp to any port 1003 label kept-in",
	"pass in on lan proto udp to self port 1004 label here",
	"pass in on lan proto { icmp, icmp6 } label ping",
} }
CONF
ok 'the rules are in force' in_ns fw "$ptfw" apply -f "$conf"
line() { grep -n "label $1\"" "$conf" | head -n 1 | cut -d: -f1; }

cat >"$lab_tmp/wan.py" <<'PYTHON'
import select, socket, sys
all = []
for port in range(1000, 1006):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(('::', port))
    all.append(s)
t = socket.create_server(('::', 1001), family=socket.AF_INET6, dualstack_ipv6=True)
open(sys.argv[1], 'w')
while True:
    for s in select.select(all + [t], [], [])[0]:
        if s is t:
            c, _ = t.accept()
            c.close()
            continue
        data, who = s.recvfrom(100)
        print(data.decode(), flush=True)
        s.sendto(data, who)
PYTHON
cat >"$lab_tmp/lan.py" <<'PYTHON'
import socket, sys
for name, family, wan, fw in (('4', socket.AF_INET, '203.0.113.7', '192.168.1.1'),
                              ('6', socket.AF_INET6, '2001:db8:5::7', 'fd00:1::1')):
    u = socket.socket(family, socket.SOCK_DGRAM)
    u.bind(('', 5000))
    u.settimeout(5)
    for port in 1000, 1002, 1003, 1001:
        u.sendto(b'%s %d' % (name.encode(), port), (wan, port))
    u.recv(100)
    u.sendto(b'local', (fw, 1004))
    socket.create_connection((wan, 1001), 5, ('', 5001)).recv(1)
PYTHON
lab_bg wan python3 "$lab_tmp/wan.py" "$lab_tmp/ready" >"$lab_tmp/arrived"
lab_wait 10 test -e "$lab_tmp/ready"
in_ns fw ping -qc 1 203.0.113.7 >/dev/null
in_ns fw ping -qc 1 2001:db8:5::7 >/dev/null

capture_begin fw on eth1 rules write "$lab_tmp/file" >"$lab_tmp/summary"
in_ns lan python3 "$lab_tmp/lan.py"
in_ns lan ping -qc 1 203.0.113.7 >/dev/null
in_ns lan ping -qc 1 2001:db8:5::7 >/dev/null
capture_end 0 'a capture into a file ends'
like "$(cat "$lab_tmp/summary")" "^[0-9]+ packets, [0-9]+ bytes, 0 dropped" "nothing was lost"
is "$(sort "$lab_tmp/arrived" | tr '\n' ,)" '4 1001,6 1001,' 'what arrives, and what does not'

# comment FILTER: of the first packet that meets Wireshark's filter
comment() { tshark -r "$lab_tmp/file" -Y "$1" -T fields -e frame.comment 2>/dev/null | head -n 1; }
# judged LABEL ACTION DIRECTION DEVICE: what a comment says of one judgement
judged() { printf 'rule=%s action=%s dir=%s by=evaluator at=%s:%s %s=%s' "$1" "$2" "$3" "$conf" "$(line "$1")" "$3" "$4"; }
for family in ip ipv6; do
	from=$family.src==192.168.1.2
	[ $family = ip ] || from=$family.src==fd00:1::2
	is "$(comment "$from && udp.dstport==1000")" "$(judged none block in eth1)" "$family: no rule but the last resort"
	is "$(comment "$from && udp.dstport==1002")" "$(judged closed block in eth1)" "$family: a rule that blocks"
	is "$(comment "$from && udp.dstport==1001")" "$(judged lan pass in eth1),$(judged out pass out eth0)" "$family: two that let it pass"
	is "$(comment "$from && udp.dstport==1003")" "$(judged lan pass in eth1),$(judged kept-in block out eth0)" "$family: one lets it in, none out"
	is "$(comment "$from && udp.dstport==1004")" "$(judged here pass in eth1)" "$family: for this machine"
	is "$(comment "$from && tcp.flags==2")" "$(judged lan pass in eth1),$(judged out pass out eth0)" "$family: a connection"
	is "$(comment "$family && tcp.srcport==1001")" "$(judged lan pass in eth1),$(judged out pass out eth0)" "$family: what comes back has the same"
	is "$(comment "$from && (icmp.type==8 || icmpv6.type==128)")" "$(judged ping pass in eth1),$(judged out pass out eth0)" "$family: a question of ICMP"
done
like "$(tshark -r "$lab_tmp/file" -q -z io,stat,0 2>&1; capinfos "$lab_tmp/file" 2>/dev/null)" "^Capture comment: +Comments of packets with by=evaluator are not the kernel's word" \
	'the file says what its comments are'
is "$(tcpdump -nr "$lab_tmp/file" 2>/dev/null | wc -l)" "$(tshark -r "$lab_tmp/file" 2>/dev/null | wc -l)" 'tcpdump reads it'
like "$("$ptdiag" capture read "$lab_tmp/file" filter udp dst port 1003)" \
	"^[-0-9]+ [0-9:.]+ in on eth1 udp 192\\.168\\.1\\.2:5000 > 203\\.0\\.113\\.7:1003 length [0-9]+ \\[$(judged lan pass in eth1); $(judged kept-in block out eth0)\\]\$" 'and we do'
like "$("$ptdiag" capture read "$lab_tmp/file" direction out filter tcp src port 1001 and ip)" "^[-0-9]+ [0-9:.]+ out on eth1 tcp 203" \
	'an answer keeps its own direction'

# the same on lines and as objects, where both devices are seen
capture_begin fw rules -j filter udp or tcp >"$lab_tmp/json"
in_ns lan python3 "$lab_tmp/lan.py"
capture_end 0 'one of objects ends'
each_fits "$lab_tmp/json" capture 'they are as their schema says'
objects() { jq -cs --arg port "$1" 'map(select(.dport == ($port | tonumber) and .src == "192.168.1.2"))' "$lab_tmp/json"; }
is "$(objects 1003 | jq -c 'map([.device, .action, .by, (.rules[] | [.rule, .action, .direction, .device, .line])])')" \
	"[[\"eth1\",\"block\",\"evaluator\",[\"lan\",\"pass\",\"in\",\"eth1\",$(line lan)],[\"kept-in\",\"block\",\"out\",\"eth0\",$(line kept-in)]]]" 'objects say the same'
is "$(objects 1001 | jq -c 'map(select(.proto == "udp") | [.device, .direction, .action, .rules[1].rule])')" \
	'[["eth1","in","pass","out"],["eth0","out","pass","out"]]' 'a packet that is passed on keeps its answer where it leaves'
capture_begin fw on eth1 rules filter udp dst port 1002 >"$lab_tmp/text"
in_ns lan python3 "$lab_tmp/lan.py"
capture_end 0 'one of lines ends'
like "$(cat "$lab_tmp/text")" ' > 203\.0\.113\.7:1002 length [0-9]+ \[block in by rule closed, evaluator\]$' 'and lines'

# ---- the example of the manual ----

manual man/ptdiag.8 'ptdiag capture on eth1 rules top 0 count 3 filter udp and net 192.168.1.0/24' | sed 's/^[0-9:.]* /TIME /' >"$lab_tmp/shown"
ok 'the manual has an example' [ -s "$lab_tmp/shown" ]
capture_begin fw on eth1 rules top 0 count 3 filter udp and net 192.168.1.0/24 >"$lab_tmp/text"
in_ns lan python3 "$lab_tmp/lan.py"
lab_wait 5 sh -c "! kill -0 $capture 2>/dev/null"
wait "$capture"
is "$?" 0 'it ends by itself'
sed 's/^[0-9:.]* /TIME /' "$lab_tmp/text" >"$lab_tmp/real"
ok 'which is what comes' diff "$lab_tmp/shown" "$lab_tmp/real"

# rules of another time are not those of a file
exits 1 'a file has no rules of its time' "$ptdiag" capture read "$lab_tmp/file" rules
exits 2 'where no rules are' in_ns lan "$ptdiag" capture on eth0 rules count 1 write "$lab_tmp/none"
ok 'no file is left' [ ! -e "$lab_tmp/none" ]
done_testing
