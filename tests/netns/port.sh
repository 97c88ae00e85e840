#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptdiag port`: open, refused, unreachable and filtered, by rules of a real firewall in both families, with who said so; UDP; many ports
# at once; TLS with certificates that are good, old, of another name or nobody's; STARTTLS; first bytes.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs nft openssl python3 jq

# client 192.0.2.1 - 192.0.2.254 router 198.51.100.254 - 198.51.100.2 server
lab_ns client router server
lab_link client eth0 router eth0
lab_link router eth1 server eth0
lab_addr client eth0 192.0.2.1/24 192.0.2.3/24 2001:db8:1::1/64
lab_addr router eth0 192.0.2.254/24 2001:db8:1::fe/64
lab_addr router eth1 198.51.100.254/24 2001:db8:2::fe/64
lab_addr server eth0 198.51.100.2/24 2001:db8:2::2/64
lab_forward router
lab_route client default via 192.0.2.254
lab_route client default via 2001:db8:1::fe
lab_route server default via 198.51.100.254
lab_route server default via 2001:db8:2::fe
lab_settle client router server
# Many refusals a second.
in_ns server sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit' 2>/dev/null
in_ns router sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit' 2>/dev/null
in_ns server nft -f - <<'NFT'
table inet t {
	chain input {
		type filter hook input priority 0;
		tcp dport 9001 drop
		tcp dport 9002 reject with tcp reset
		tcp dport 9003 reject with icmpx type admin-prohibited
		tcp dport 9004 reject with icmpx type port-unreachable
		udp dport 9101 drop
		udp dport 9103 reject with icmpx type admin-prohibited
	}
}
NFT
in_ns router nft -f - <<'NFT'
table inet t {
	chain forward {
		type filter hook forward priority 0;
		tcp dport 9005 reject with icmpx type admin-prohibited
		tcp dport 9006 reject with icmpx type host-unreachable
	}
}
NFT
in_ns client nft -f - <<'NFT'
table inet t {
	chain output {
		type filter hook output priority 0;
		udp dport 9111 drop
	}
}
NFT

# ---- certificates: one authority, and what is made with it ----

pki=$lab_tmp/pki
mkdir -p "$pki"
# leaf NAME SUBJECT ALTNAMES START END
leaf()
{
	openssl req -newkey rsa:2048 -nodes -keyout "$pki/$1.key" -out "$pki/$1.csr" -subj "$2" &&
		printf 'subjectAltName=%s\n' "$3" >"$pki/$1.ext" &&
		openssl ca -batch -config "$pki/ca.conf" -in "$pki/$1.csr" -out "$pki/$1.pem" -extfile "$pki/$1.ext" \
			-startdate "$4" -enddate "$5" -notext
}
cat >"$pki/ca.conf" <<CONF
[ca]
default_ca = here
[here]
new_certs_dir = $pki
database = $pki/index
serial = $pki/serial
certificate = $pki/ca.pem
private_key = $pki/ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CONF
: >"$pki/index"
echo 01 >"$pki/serial"
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$pki/ca.key" -out "$pki/ca.pem" -days 100 -subj '/CN=Authority of the test'
	leaf good /CN=server.test 'DNS:server.test,DNS:*.server.test,IP:198.51.100.2,IP:2001:db8:2::2' 20200101000000Z "$(date -u -d '+30 days +1 hour' +%Y%m%d%H%M%SZ)"
	leaf old /CN=server.test 'DNS:server.test' 20200101000000Z 20210101000000Z
	leaf young /CN=server.test 'DNS:server.test' "$(date -u -d '+2 days' +%Y%m%d%H%M%SZ)" "$(date -u -d '+9 days' +%Y%m%d%H%M%SZ)"
	leaf other /CN=other.test 'DNS:other.test' 20200101000000Z "$(date -u -d '+30 days' +%Y%m%d%H%M%SZ)"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$pki/self.key" -out "$pki/self.pem" -days 9 \
		-subj '/CN=self.test/O=A\1b[31mB' -addext 'subjectAltName=DNS:self.test'
} >"$lab_tmp/pki.log" 2>&1
ok 'certificates are made' test -s "$pki/good.pem" -a -s "$pki/old.pem" -a -s "$pki/young.pem" -a -s "$pki/other.pem" -a -s "$pki/self.pem"

lab_bg server python3 tests/lib/talkers.py "$pki/good.pem" "$pki/good.key" banner:8001 echo:8002 mute:8003 nasty:8004 smtp:8025 imap:8143 \
	pop3:8110 ftp:8021 inject:8111 refuse:8112 banner:9005 banner:9006 banner:443 >"$lab_tmp/talkers"
port=4430
for name in good old young other self; do
	port=$((port + 1))
	lab_bg server openssl s_server -accept "$port" -cert "$pki/$name.pem" -key "$pki/$name.key" -www >/dev/null 2>&1
done
lab_bg server openssl s_server -accept 4436 -cert "$pki/good.pem" -key "$pki/good.key" -www -tls1 -cipher ALL:@SECLEVEL=0 >/dev/null 2>&1
lab_wait 10 grep -q ready "$lab_tmp/talkers" || diag 'the servers do not come up'

port() { in_ns client "$ptdiag" port "$@"; }
for p in 4431 4432 4433 4434 4435 4436; do
	lab_wait 10 in_ns client "$ptdiag" port 198.51.100.2 "$p" timeout 500ms
done

# ---- states ----

# states NAME STATUS REGEX ARGUMENT...: in IPv4 and IPv6
states()
{
	name=$1
	want=$2
	regex=$3
	shift 3
	for host in 198.51.100.2 2001:db8:2::2; do
		exits "$want" "$name, status $want, $host" port "$host" "$@"
		like "$tap_out" "$regex" "$name: what it says of $host"
	done
}
states 'open' 0 ' tcp 8001: open, [0-9.]+ ms$' 8001
states 'refused' 3 ' tcp 8009: refused, [0-9.]+ ms$' 8009
states 'dropped' 5 ' tcp 9001: filtered: no answer in time$' 9001 timeout 300ms
states 'reset by a rule' 3 ' tcp 9002: refused, ' 9002
states 'prohibited, by the host' 3 ' tcp 9003: unreachable: .*administratively prohibited, says (198\.51\.100\.2|2001:db8:2::2), ' 9003
states 'no port, by ICMP' 3 ' tcp 9004: refused: port unreachable, says (198\.51\.100\.2|2001:db8:2::2), ' 9004
states 'prohibited, by the router' 3 ' tcp 9005: unreachable: .*administratively prohibited, says (192\.0\.2\.254|2001:db8:1::fe), ' 9005
states 'no host, says the router' 3 ' tcp 9006: unreachable: (host|address) unreachable, says (192\.0\.2\.254|2001:db8:1::fe), ' 9006
states 'udp: an answer' 0 ' udp 8002: open, ' 8002 udp
states 'udp: nobody listens' 3 ' udp 8009: closed: port unreachable, says ' 8009 udp
states 'udp: dropped' 5 ' udp 9101: open\|filtered: no answer in time$' 9101 udp timeout 300ms
states 'udp: prohibited' 3 ' udp 9103: unreachable: .*administratively prohibited, says ' 9103 udp
states 'udp: dropped on the way out' 5 ' udp 9111: open\|filtered: a rule of this machine drops it$' 9111 udp
in_ns client ip route add blackhole 203.0.113.0/24
in_ns client ip route add prohibit 203.0.114.0/24
exits 3 'a blackhole of this machine' port 203.0.113.1 80
like "$tap_out" ': unreachable: ' 'says so'
exits 3 'a route that prohibits' port 203.0.114.1 80
exits 3 'the worst counts: refused' port 198.51.100.2 8001 8009 9001 timeout 300ms
like "$tap_out" '^1 open, 1 refused, 1 filtered$' 'and a sum'
exits 5 'the worst counts: filtered' port 198.51.100.2 8001 9001 timeout 300ms
exits 0 'all open' port 198.51.100.2 8001,8002 8003-8004
is "$(port 198.51.100.2 8001 from 192.0.2.3 -j | jq -r '.ports[0].source')" 192.0.2.3 'from'
exits 0 'on a device' port 198.51.100.2 8001 on eth0
exits 2 'an address that is not ours' port 198.51.100.2 8001 from 192.0.2.77
out=$(port 198.51.100.2 7500-8499 timeout 2s)
like "$out" '^12? open, 98[0-9] refused$|^10 open, 990 refused$' 'a thousand ports'
is "$(printf '%s\n' "$out" | grep -c ': open')" "$(printf '%s\n' "$out" | sed -n 's/ open.*//p' | tail -n 1)" 'those that are open are shown'
in_ns client sh -c 'echo 40001 40001 >/proc/sys/net/ipv4/ip_local_port_range'
is "$(in_ns client python3 -c 'import socket; s = socket.socket(); s.connect(("127.0.0.1", 40001)); print("itself")')" itself 'a connection may reach itself'
in_ns client sh -c 'echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range'
is "$(port 127.0.0.1 40000 -j | jq -r '.ports[].state')" refused 'a connection that reaches itself is no open port'
in_ns client sh -c 'echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range'
if [ -n "$lab_mounts" ]; then
	printf '198.51.100.2 both.test\n2001:db8:2::2 both.test\n2001:db8:2::9 half.test\n198.51.100.2 half.test\n' >"$lab_tmp/hosts"
	in_ns client mount --bind "$lab_tmp/hosts" /etc/hosts
	is "$(port both.test 8001 -j | jq -r '.ports[].address' | sort | tr '\n' ' ')" '198.51.100.2 2001:db8:2::2 ' 'each address of a name is tried'
	is "$(port both.test 8001 -4 -j | jq -r '.ports[].address')" 198.51.100.2 '-4'
	is "$(port both.test 8001 -6 -j | jq -r '.ports[].address')" 2001:db8:2::2 '-6'
	out=$(port half.test 8001 timeout 400ms)
	like "$out" '^198\.51\.100\.2 tcp 8001: open' 'one address answers'
	like "$out" '^2001:db8:2::9 tcp 8001: (filtered|unreachable)' 'the other is told, too'
	is "$(port both.test 4431 -4 tls name server.test ca "$pki/ca.pem" -j | jq -r '.ports[0].tls.trusted')" true 'name: another than the host'
else
	skip 'mounts are not private here' 'names with several addresses'
fi

# ---- TLS ----

# tls NAME STATUS PORT REGEX WORD...
tls()
{
	name=$1
	want=$2
	at=$3
	regex=$4
	shift 4
	exits "$want" "$name: status $want" port 198.51.100.2 "$at" tls ca "$pki/ca.pem" "$@"
	like "$tap_out" "$regex" "$name: what it says"
}
tls 'good' 0 4431 '^  trusted:   yes$'
like "$tap_out" '^  TLS:       TLSv1\.3, TLS_[A-Z0-9_]+$' 'protocol and cipher'
like "$tap_out" '^  subject:   CN=server\.test$' 'subject'
like "$tap_out" '^  issuer:    CN=Authority of the test$' 'issuer'
like "$tap_out" '^  names:     DNS:server\.test, DNS:\*\.server\.test, IP:198\.51\.100\.2, IP:2001:db8:2::2$' 'names'
like "$tap_out" '^  valid:     2020-01-01 00:00:00 UTC to .*, 30 days left$' 'days that are left'
like "$tap_out" '^  key:       RSA, 2048 bits, signed with sha256WithRSAEncryption$' 'key'
is "$(printf '%s\n' "$tap_out" | sed -n 's/.*SHA-256: *//p')" \
	"$(openssl x509 -in "$pki/good.pem" -outform der | sha256sum | cut -d ' ' -f 1)" 'its digest is that of the file'
tls 'by name' 0 4431 '^  trusted:   yes$' name www.server.test
tls 'old' 3 4432 '^  trusted:   no: certificate has expired$' name server.test
like "$tap_out" 'expired [0-9]+ days ago$' 'since when'
tls 'not yet' 3 4433 '^  trusted:   no: certificate is not yet valid$' name server.test
like "$tap_out" ', not yet$' 'it says so'
tls 'of another name' 3 4434 '^  trusted:   no: .*it is not of server\.test$' name server.test
tls 'signed by itself' 3 4435 '^  trusted:   no: self-signed certificate$' name self.test
like "$tap_out" '^  key:       EC prime256v1, 256 bits' 'another key'
unlike "$tap_out" "$(printf '\033')" 'no escape sequence of a certificate comes through'
tls 'nobody cares' 0 4435 'no: self-signed certificate' name self.test unchecked
tls 'an old protocol is shown' 0 4436 '^  TLS:       TLSv1, '
tls 'no TLS there' 3 8001 '^  failed:    no handshake: '
tls 'nothing said' 3 8003 '^  failed:    no handshake: no answer in time$' timeout 300ms
is "$(port 198.51.100.2 4431 tls ca "$pki/ca.pem" -j | jq -r '.ports[0].tls | .protocol, .trusted, .certificate.days_left, .certificate.names[0]' | tr '\n' ' ')" \
	'TLSv1.3 true 30 DNS:server.test ' 'JSON'
port 198.51.100.2 4431 9001 9003 8009 tls timeout 1s -j >"$lab_tmp/json"
fits "$lab_tmp/json" port 'JSON keeps to its schema'
# Times and keys differ.
plain() { sed 's/[0-9.]* ms/T ms/; s/SHA-256:   .*/SHA-256:   X/; s/UTC to .* UTC/UTC to UTC/; s,ca /.*/,ca ,'; }
is "$(port 198.51.100.2 443 8009 9003 9001 timeout 1s | plain)" "$(manual man/ptdiag.8 'ptdiag port 198.51.100.2 443 8009 9003 9001 timeout 1s' | plain)" \
	'ptdiag(8) shows what comes'
is "$(port 198.51.100.2 4431 tls ca "$pki/ca.pem" | plain)" "$(manual man/ptdiag.8 'ptdiag port 198.51.100.2 4431 tls ca ca.pem' | plain)" 'and of TLS'
for p in smtp:8025 imap:8143 pop3:8110 ftp:8021; do
	exits 0 "starttls ${p%:*}" port 198.51.100.2 "${p#*:}" starttls "${p%:*}" ca "$pki/ca.pem"
	like "$tap_out" '^  trusted:   yes$' "${p%:*}: the certificate"
done
exits 3 'starttls: what comes behind the consent in plain text' port 198.51.100.2 8111 starttls pop3 ca "$pki/ca.pem"
like "$tap_out" 'the server goes on in plain text$' 'it says so'
exits 3 'starttls: no' port 198.51.100.2 8112 starttls pop3
like "$tap_out" 'no TLS: the server says: -ERR \\x1b\]0;pwn\\x07 no$' 'what it says, escaped'

# ---- first bytes ----

is "$(port 198.51.100.2 8001 banner -j | jq -r '.ports[0].bytes')" 'SSH-2.0-test\r\nsecond' 'banner'
is "$(port 198.51.100.2 8002 send 'a\r\n\x00\\b' -j | jq -r '.ports[0].bytes')" 'a\r\n\x00\\b' 'send'
is "$(port 198.51.100.2 8002 udp send hello -j | jq -r '.ports[0].bytes')" 'you said hello' 'send, by UDP'
exits 5 'a server that says nothing' port 198.51.100.2 8003 banner timeout 300ms
out=$(port 198.51.100.2 8004 banner)
unlike "$out" "$(printf '\033')" 'escape sequences do not come through'
like "$out" '^  bytes:     \\x1b\]0;pwn\\x07\\x00\\xff\\\\A+$' 'they are shown as what they are'
ok 'at most 512 bytes' test "$(port 198.51.100.2 8004 banner -j | jq '.ports[0].bytes | length')" -lt 600

# ---- what is wrong ----

for words in '0' '65536' '22-21' '010' '80,' 'nosuchservice' '80 tls udp' '80 name x' '80 send \q' '80 timeout 0'; do
	# shellcheck disable=SC2086
	exits 1 "refused: $words" port 198.51.100.2 $words
done
exits 1 'refused: a host that is none' port '; reboot' 80
exits 1 'refused: a dash' port -oProxyCommand=x 80
exits 1 'refused: a line end' port 'a
b' 80

# ---- what it may, while it reads what others say ----

lab_bg client "$ptdiag" port 198.51.100.2 8003 tls timeout 20s >/dev/null
waits() { grep -q '^Seccomp:.*2$' "/proc/$lab_last/status"; }
ok 'it confines itself' lab_wait 10 waits
is "$(awk '$1 == "CapEff:" || $1 == "CapPrm:" || $1 == "NoNewPrivs:" { print $2 } $1 == "Uid:" { print $3 }' "/proc/$lab_last/status" | tr '\n' ' ')" \
	'65534 0000000000000000 0000000000000000 1 ' 'without capabilities, as nobody, for good'
lab_stop "$lab_last"
done_testing
