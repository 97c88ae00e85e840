#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# apply --enforce: what the new rules would not admit ends, and nothing else does. Real flows of TCP, UDP and
# ICMP in both families: through a router with and without translation, to the router itself and from it, some from
# before the first apply, and one that no rule keeps state of. Each step tells first by a dry run which states will end.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 jq

lab_ns fw lan out
lab_link fw lan0 lan eth0
lab_link fw eth0 out eth0
lab_addr fw lan0 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.10/24 fd00:1::10/64
lab_addr fw eth0 10.0.0.1/24 10.0.0.77/24 fd00::1/64 fd00::77/64
lab_addr out eth0 10.0.0.2/24 10.0.0.3/24 172.16.9.9/32 fd00::2/64 fd00::3/64 fd00:9::9/128
for via in 192.168.1.1 fd00:1::1; do
	lab_route lan default via "$via"
done
# What comes from there by eth0 would go back by lan0.
lab_route fw 172.16.9.9 dev lan0
lab_route fw fd00:9::9 dev lan0
lab_forward fw
lab_settle fw lan out
# However slow the machine is, no state ends by itself.
for timeout in udp_timeout udp_timeout_stream icmp_timeout icmpv6_timeout; do
	in_ns fw sh -c "echo 600 >/proc/sys/net/netfilter/nf_conntrack_$timeout"
done
pt() { in_ns fw "$ptfw" "$@"; }

conf=$lab_tmp/patronus.conf
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "10.0.0.77/24", "fd00::1/64", "fd00::77/64" } }
interface lan { device = "lan0" address = { "192.168.1.1/24", "fd00:1::1/64" } }
table friends { persist = true }
table written { addresses = { "10.0.0.3", "fd00::3" } }
firewall { rules = {
	"block",
	"pass in on lan proto tcp to port 1001 label tcp-1",
	"pass in on lan proto tcp to port 1002 label tcp-2",
	"pass in on lan proto udp to port 1001 label udp-1",
	"pass in on lan proto udp to port 1002 label udp-2",
	"pass in on lan proto udp to port 1003 tag guest label udp-3",
	"pass in on lan inet proto icmp icmp-type echoreq label ping-4",
	"pass in on lan inet6 proto icmp6 icmp6-type echoreq label ping-6",
	"pass out on wan inet from lan:network nat-to 10.0.0.1 label nat-4",
	"pass out on wan inet6 from lan:network nat-to (wan) label nat-6",
	"pass in on wan inet proto tcp to 10.0.0.1 port 8080 rdr-to 192.168.1.10 port 1003 label rdr-4",
	"pass in on wan inet6 proto tcp to fd00::1 port 8080 rdr-to fd00:1::10 port 1003 label rdr-6",
	"pass out on lan proto tcp to port 1003 label inside",
	"pass in on wan proto tcp to self port 1004 label self",
	"pass out on wan proto tcp from self to port 1005 label mine",
	"pass in on wan proto udp from <friends> to self port 1004 label friends",
	"pass in on wan proto udp from <written> to self port 1005 label written",
	"pass in on wan proto udp to self port 1006 no state label free-in",
	"pass out on wan proto udp from self port 1006 no state label free-out",
	"pass in on wan proto udp to self port 1007 label far",
	"pass in on wan proto udp to self port { 1008, 1009 } label many",
} }
CONF

cat >"$lab_tmp/echo.py" <<'PY'
import socket, sys, threading
def answer(c):
    for data in iter(lambda: c.recv(100), b""): c.sendall(data)
def tcp(port):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port)); s.listen(8)
    while True: threading.Thread(target=answer, args=(s.accept()[0],), daemon=True).start()
def udp(port):
    for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        s.bind((any, port))
        def serve(s=s):
            while True:
                data, info, _, peer = s.recvmsg(100, 100)
                # From the address that was asked, by whatever device: the first 16 bytes are the address.
                try: s.sendmsg([data], [(level, kind, x[:16] + bytes(4)) for level, kind, x in info], 0, peer)
                except OSError: pass # the rules forbid the answer
        threading.Thread(target=serve, daemon=True).start()
for port in range(1001, 1008):
    threading.Thread(target=tcp, args=(port,), daemon=True).start()
    udp(port)
print("ready", flush=True)
threading.Event().wait()
PY

cat >"$lab_tmp/flows.py" <<'PY'
# Opens PROTO/SOURCE/ADDRESS/PORT..., then for each line of the file INPUT lets all of them talk and tells how it went.
import select, socket, struct, sys, time
class Ping:
    def __init__(self, family, to):
        self.v6, self.n, self.id, self.text = family == socket.AF_INET6, 0, 4711, b""
        self.s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if self.v6 else socket.IPPROTO_ICMP)
        self.s.connect((to, 0))
    def fileno(self): return self.s.fileno()
    def send(self, text):
        self.n += 1
        head = lambda sum: struct.pack("!BBHHH", 128 if self.v6 else 8, 0, sum, self.id, self.n)
        x = sum(struct.unpack("!4H", head(0)))
        self.s.send(head(0 if self.v6 else ~(x + (x >> 16)) & 0xffff))
    def recv(self, n):
        data = self.s.recv(1500)[0 if self.v6 else 20:]
        return self.text if struct.unpack("!BxxxHH", data[:8]) == (129 if self.v6 else 0, self.id, self.n) else b""
def open_flow(name):
    proto, source, to, port = name.split("/")
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    if proto == "icmp": return Ping(family, to)
    s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(5)
    s.bind((source, 0)) if source else None
    s.connect((to, int(port)))
    return s
flows = {name: open_flow(name) for name in sys.argv[2:]}
print("ready", flush=True)
for turn, _ in enumerate(open(sys.argv[1])):
    text, waiting, refused = b"%d." % turn, dict(flows), set()
    for f in flows.values():
        if isinstance(f, Ping): f.text = text
        try: f.send(text)
        except OSError: pass
    end = time.time() + 1.5
    while waiting and time.time() < end:
        for f in select.select(list(waiting.values()), [], [], max(0, end - time.time()))[0]:
            try: data = f.recv(100)
            except OSError: data = None
            if data is None: refused.add(f)
            if data is None or data.endswith(text): waiting = {n: x for n, x in waiting.items() if x is not f}
    for name, f in flows.items(): print(turn, "cut" if name in waiting or f in refused else "on", name, flush=True)
    print(turn, "end", flush=True)
PY
for ns in fw lan out; do
	lab_bg "$ns" python3 "$lab_tmp/echo.py" >"$lab_tmp/echo.$ns"
done
for ns in fw lan out; do
	lab_wait 10 grep -q ready "$lab_tmp/echo.$ns" || echo "Bail out! no server in $ns"
done

for ns in lan out fw early; do
	mkfifo "$lab_tmp/$ns.in"
done
exec 6<>"$lab_tmp/fw.in" 7<>"$lab_tmp/early.in" 8<>"$lab_tmp/lan.in" 9<>"$lab_tmp/out.in"
# These are there before the first rules, and get their states from the first apply.
lab_bg fw python3 "$lab_tmp/flows.py" "$lab_tmp/fw.in" tcp//10.0.0.2/1005 tcp//fd00::2/1005 >"$lab_tmp/fw.said"
lab_bg out python3 "$lab_tmp/flows.py" "$lab_tmp/early.in" \
	tcp/10.0.0.3/10.0.0.1/1004 tcp/fd00::3/fd00::1/1004 >"$lab_tmp/early.said"
for ns in fw early; do
	lab_wait 10 grep -q ready "$lab_tmp/$ns.said" || echo "Bail out! no flows of $ns"
done
ok 'apply' pt -q apply -f "$conf"
ok 'friends' pt -q table add friends 10.0.0.2 fd00::2
lab_bg lan python3 "$lab_tmp/flows.py" "$lab_tmp/lan.in" \
	tcp//10.0.0.2/1001 tcp//fd00::2/1001 tcp//10.0.0.2/1002 tcp//fd00::2/1002 \
	udp//10.0.0.2/1001 udp//fd00::2/1001 udp//10.0.0.2/1002 udp//fd00::2/1002 \
	udp//10.0.0.2/1003 udp//fd00::2/1003 \
	icmp//10.0.0.2/0 icmp//fd00::2/0 >"$lab_tmp/lan.said"
lab_bg out python3 "$lab_tmp/flows.py" "$lab_tmp/out.in" \
	tcp/10.0.0.2/10.0.0.1/8080 tcp/fd00::2/fd00::1/8080 \
	tcp/10.0.0.2/10.0.0.1/1004 tcp/fd00::2/fd00::1/1004 \
	udp/10.0.0.2/10.0.0.1/1004 udp/fd00::2/fd00::1/1004 \
	udp/10.0.0.3/10.0.0.1/1005 udp/fd00::3/fd00::1/1005 \
	udp/10.0.0.2/10.0.0.1/1006 udp/fd00::2/fd00::1/1006 >"$lab_tmp/out.said"

# Lets all flows talk; which are cut.
talk()
{
	turn=$(grep -c ' end$' "$lab_tmp/lan.said")
	for fd in 6 7 8 9; do
		echo >&"$fd"
	done
	for ns in fw early lan out; do
		lab_wait 10 grep -q "^$turn end" "$lab_tmp/$ns.said" || echo "flows in $ns do not talk"
	done
	for ns in lan out fw early; do
		sed -n "s/^$turn cut //p" "$lab_tmp/$ns.said"
	done | tr '\n' ' '
}
describe='.states[] | "\(.id) \(.proto)/\(.orig.src)/\(.orig.dst)/\(.orig.dport // 0)"'
states() { pt state show -j | jq -r "$describe" | sort; }

# step NAME FILE STATES...: applying FILE ends exactly these; the dry run knows them.
step()
{
	what=$1
	file=$2
	shift 2
	wanted=$(printf '%s\n' "$@" | sort)
	n=$#
	[ -n "$wanted" ] || n=0
	states >"$lab_tmp/before"
	rules=$(in_ns fw nft -s list ruleset)
	pt apply --enforce -n -j -f "$file" >"$lab_tmp/dry.json"
	jq -r "$describe" "$lab_tmp/dry.json" | sort >"$lab_tmp/dry"
	is "$(cut -d ' ' -f 2 "$lab_tmp/dry" | sort)" "$wanted" "$what: the dry run lists what will end"
	is "$(pt apply --enforce -n -f "$file" | grep -c .)" "$n" "$what: also as text"
	is "$(in_ns fw nft -s list ruleset)" "$rules" "$what: the dry run changes no rule"
	is "$(states)" "$(cat "$lab_tmp/before")" "$what: and no state"
	like "$(pt apply --enforce -f "$file")" "^$n states? ended\$" "$what: so many end"
	is "$(states)" "$(comm -23 "$lab_tmp/before" "$lab_tmp/dry")" "$what: those, and no others"
}

is "$(talk)" '' 'all flows go on'
is "$(states | wc -l | tr -d ' ')" 26 'each has its state'
like "$(pt apply -f "$conf" --enforce)" '^0 states ended$' 'nothing to end'
step 'the same file' "$conf" ''
for engine in linear nft bpf; do
	if pt -q apply --engine "$engine" -f "$conf" 2>"$lab_tmp/why"; then
		like "$(pt apply --engine "$engine" --enforce -f "$conf")" '^0 states ended$' "nor with the engine $engine"
	else
		skip "$(head -n 1 "$lab_tmp/why")" "nor with the engine $engine"
	fi
done

# ---- what nobody remembers of a first packet ----
sed -e 's/port 1001 label tcp-1/port 1001 mac 02:00:00:00:00:77 limit 1\/day label tcp-1/' \
	-e 's/port 1001 label udp-1/port 1001 tos ef label udp-1/' "$conf" >"$lab_tmp/more.conf"
step 'rules that ask for more' "$lab_tmp/more.conf" ''
step 'and back' "$conf" ''

# ---- rules removed ----
grep -Ev 'label (tcp-1|udp-1|ping-4|ping-6|free-in|free-out)"' "$conf" >"$lab_tmp/less.conf"
step 'rules removed' "$lab_tmp/less.conf" \
	tcp/192.168.1.10/10.0.0.2/1001 tcp/fd00:1::10/fd00::2/1001 \
	udp/192.168.1.10/10.0.0.2/1001 udp/fd00:1::10/fd00::2/1001 \
	icmp/192.168.1.10/10.0.0.2/0 icmp6/fd00:1::10/fd00::2/0
if python3 -c 'import jsonschema' 2>/dev/null; then
	ok 'the JSON of a dry run fits its schema' python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
		"$lab_tmp/dry.json" contrib/schema/patronus.state.v1.json
else
	skip 'no python3-jsonschema' 'the JSON of a dry run fits its schema'
fi
cut='tcp//10.0.0.2/1001 tcp//fd00::2/1001 udp//10.0.0.2/1001 udp//fd00::2/1001 icmp//10.0.0.2/0 icmp//fd00::2/0 '
free='udp/10.0.0.2/10.0.0.1/1006 udp/fd00::2/fd00::1/1006 '
is "$(talk)" "$cut$free" 'the flows of those rules end (also the stateless ones), the others go on'

# ---- of this machine, and tags ----
grep -v 'label mine"' "$lab_tmp/less.conf" >"$lab_tmp/mine.conf"
step 'what this machine may open' "$lab_tmp/mine.conf" tcp/10.0.0.1/10.0.0.2/1005 tcp/fd00::77/fd00::2/1005
sed 's/^} }/"block out on wan tagged guest",\n&/' "$lab_tmp/mine.conf" >"$lab_tmp/tag.conf"
step 'a tag of the way in' "$lab_tmp/tag.conf" udp/192.168.1.10/10.0.0.2/1003 udp/fd00:1::10/fd00::2/1003
mine='tcp//10.0.0.2/1005 tcp//fd00::2/1005 '
cut='tcp//10.0.0.2/1001 tcp//fd00::2/1001 udp//10.0.0.2/1001 udp//fd00::2/1001 udp//10.0.0.2/1003 udp//fd00::2/1003 '
cut="${cut}icmp//10.0.0.2/0 icmp//fd00::2/0 "
is "$(talk)" "$cut$free$mine" 'their flows end, the others go on'

# ---- tables ----
ok 'an address taken from a table' pt -q table delete friends 10.0.0.2
is "$(talk)" "$cut$free$mine" 'cuts no state by itself'
step 'an address taken from a table' "$lab_tmp/tag.conf" udp/10.0.0.2/10.0.0.1/1004
ok 'the other one' pt -q table delete friends fd00::2
step 'the other one' "$lab_tmp/tag.conf" udp/fd00::2/fd00::1/1004
sed 's/"10.0.0.3", "fd00::3"/"192.0.2.9"/' "$lab_tmp/tag.conf" >"$lab_tmp/table.conf"
step 'addresses taken from the file' "$lab_tmp/table.conf" udp/10.0.0.3/10.0.0.1/1005 udp/fd00::3/fd00::1/1005
cut="${cut}udp/10.0.0.2/10.0.0.1/1004 udp/fd00::2/fd00::1/1004 udp/10.0.0.3/10.0.0.1/1005 udp/fd00::3/fd00::1/1005 "
is "$(talk)" "$cut$free$mine" 'their flows end, the others go on'

# ---- translations ----
sed 's/nat-to 10.0.0.1 /nat-to 10.0.0.1-10.0.0.9 /' "$lab_tmp/table.conf" >"$lab_tmp/nat.conf"
step 'a translation that could have been the same' "$lab_tmp/nat.conf" ''
sed 's/nat-to 10.0.0.1-10.0.0.9 /nat-to 10.0.0.77 /' "$lab_tmp/nat.conf" >"$lab_tmp/nat2.conf"
step 'another source address' "$lab_tmp/nat2.conf" tcp/192.168.1.10/10.0.0.2/1002 udp/192.168.1.10/10.0.0.2/1002
sed 's/nat-to (wan) //' "$lab_tmp/nat2.conf" >"$lab_tmp/nat3.conf"
step 'no translation of IPv6 any more' "$lab_tmp/nat3.conf" tcp/fd00:1::10/fd00::2/1002 udp/fd00:1::10/fd00::2/1002
sed 's/rdr-to fd00:1::10 port 1003/rdr-to fd00:1::11 port 1003/' "$lab_tmp/nat3.conf" >"$lab_tmp/rdr.conf"
step 'another destination' "$lab_tmp/rdr.conf" tcp/fd00::2/fd00::1/8080
sed 's/pass out on lan proto tcp to port 1003/pass out on lan proto tcp to port 1001/' "$lab_tmp/rdr.conf" >"$lab_tmp/inside.conf"
step 'the way out after a translation' "$lab_tmp/inside.conf" tcp/10.0.0.2/10.0.0.1/8080

# ---- a rule that comes in between; the rule of the state is still there ----
sed 's/"block",/&\n"block in quick on wan inet6 proto tcp to self port 1004",/' "$lab_tmp/inside.conf" >"$lab_tmp/quick.conf"
step 'a quick rule before it' "$lab_tmp/quick.conf" tcp/fd00::2/fd00::1/1004 tcp/fd00::3/fd00::1/1004

# ---- a source whose route leads elsewhere ----
in_ns out python3 - <<'PY'
import socket
for a, b in (("172.16.9.9", "10.0.0.1"), ("fd00:9::9", "fd00::1")):
    s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((a, 0)); s.sendto(b"x", (b, 1007))
PY
like "$(states)" '172.16.9.9' 'a flow that came by another device than its answers take'
step 'its rule is unchanged' "$lab_tmp/quick.conf" ''
grep -v 'label far"' "$lab_tmp/quick.conf" >"$lab_tmp/far.conf"
step 'its rule is gone' "$lab_tmp/far.conf" udp/172.16.9.9/10.0.0.1/1007 udp/fd00:9::9/fd00::1/1007

# ---- many ----
in_ns out python3 - <<'PY'
import socket
for family, a, b in ((socket.AF_INET, "10.0.0.2", "10.0.0.1"), (socket.AF_INET6, "fd00::2", "fd00::1")):
    for port in range(20000, 25000):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.bind((a, port)); s.sendto(b"x", (b, 1008)); s.sendto(b"x", (b, 1009)); s.close()
PY
is "$(states | grep -c '/100[89]$')" 20000 'twenty thousand states'
sed 's/port { 1008, 1009 }/port 1008/' "$lab_tmp/far.conf" >"$lab_tmp/many.conf"
is "$(pt apply --enforce -n -f "$lab_tmp/many.conf" | wc -l | tr -d ' ')" 10000 'half of them are listed'
like "$(pt apply --enforce -f "$lab_tmp/many.conf")" '^10000 states ended$' 'and end'
is "$(states | grep -c '/1008$')" 10000 'the other half goes on'
is "$(states | grep -c '/1009$')" 0 'of that half none is left'
done_testing
