#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptdiag dns` beside dig(1), asking the same named(8) on the same network: every record of a zone with every type, signed zones,
# answers that do not fit, TLS; servers that are slow, away, or of different opinions.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs named dig dnssec-keygen dnssec-signzone openssl jq

work=$lab_tmp/named
mkdir -p "$work"
lab_ns client server
lab_link client eth0 server eth0
lab_addr client eth0 192.0.2.1/24 2001:db8::1/64
lab_addr server eth0 192.0.2.53/24 192.0.2.54/24 192.0.2.55/24 192.0.2.60/24 192.0.2.61/24 2001:db8::53/64
lab_settle client server

# ---- zones ----

cp tests/corpus/every_type.zone "$work/zone.test"
{
	cat "$work/zone.test"
	for i in $(seq 30); do
		echo "big TXT \"text number $i of an answer that is longer than a datagram may be\""
	done
} >"$work/zone"
# The second opinion: one address differs.
sed 's/192\.0\.2\.80/192.0.2.180/' "$work/zone" >"$work/zone.other"
cat >"$work/signed" <<'ZONE'
$TTL 300
@ SOA ns1 admin 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.80
www AAAA 2001:db8::80
*.wild TXT "any"
ZONE
cp "$work/signed" "$work/signed3"
# sign ZONE OPTION...
sign()
{
	zone=$1
	shift
	(cd "$work" && dnssec-keygen -q -a ECDSAP256SHA256 "$zone" >"$zone.zsk" &&
		dnssec-keygen -q -f KSK -a ECDSAP256SHA256 "$zone" >"$zone.ksk" &&
		dnssec-signzone -q -S "$@" -o "$zone" "${zone%.test}") >"$work/sign.log" 2>&1
}
ok 'a zone is signed' sign signed.test
ok 'and one with NSEC3' sign signed3.test -3 aabbccdd -H 1

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key" -out "$work/cert" -days 2 -subj '/CN=ns1.zone.test' \
	-addext 'subjectAltName=DNS:ns1.zone.test,IP:192.0.2.53' 2>"$work/openssl.log"

# named_conf NAME ADDRESS ZONE: a server of its own
named_conf()
{
	cat >"$work/$1.conf" <<CONF
options {
	directory "$work"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
	listen-on port 53 { $2; }; listen-on-v6 port 53 { $4; };
	listen-on port 853 tls local { $2; };
	server-id "site-$1"; version "the \"$1\" one";
	check-names primary ignore; querylog yes; max-cache-size 2m; max-udp-size 4096; allow-query { any; };
};
tls local { cert-file "$work/cert"; key-file "$work/key"; };
controls { };
zone "zone.test" { type primary; file "$work/$3"; };
zone "signed.test" { type primary; file "$work/signed.signed"; };
zone "signed3.test" { type primary; file "$work/signed3.signed"; };
zone "2.0.192.in-addr.arpa" { type primary; file "$work/reverse"; };
zone "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" { type primary; file "$work/reverse6"; };
CONF
}
# The root and its one domain, each on a server of its own; what is below the domain has no address with its referral, but for one.
cat >"$work/root" <<'ZONE'
$TTL 300
. SOA ns.root. admin.root. 1 7200 900 1209600 300
. NS ns.root.
ns.root. A 192.0.2.60
test. NS ns.test.
ns.test. A 192.0.2.61
ns1.zone.test. A 192.0.2.53
ZONE
cat >"$work/test" <<'ZONE'
$TTL 300
test. SOA ns.test. admin.test. 1 7200 900 1209600 300
test. NS ns.test.
ns.test. A 192.0.2.61
zone.test. NS ns1.zone.test.
ns1.zone.test. A 192.0.2.53
up.test. NS ns.up.test.
ns.up.test. A 192.0.2.60
signed.test. NS ns.elsewhere.
ZONE
for zone in root:192.0.2.60:. test:192.0.2.61:test.; do
	address=${zone#*:}
	cat >"$work/${zone%%:*}.conf" <<CONF
options {
	directory "$work"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
	listen-on { ${address%%:*}; }; listen-on-v6 { none; }; allow-query { any; }; max-cache-size 2m;
};
controls { };
zone "${address#*:}" { type primary; file "$work/${zone%%:*}"; };
CONF
done
for zone in reverse reverse6; do
	# shellcheck disable=SC2016
	printf '%s\n' '$TTL 300' '@ SOA ns1.zone.test. admin.zone.test. 1 1 1 1 1' '@ NS ns1.zone.test.' >"$work/$zone"
done
echo '80 PTR www.zone.test.' >>"$work/reverse"
echo '0.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR www.zone.test.' >>"$work/reverse6"
named_conf one 192.0.2.53 zone '2001:db8::53'
named_conf two 192.0.2.54 zone.other none
for server in one two root test; do
	lab_bg server named -g -n 1 -c "$work/$server.conf" 2>"$work/$server.log"
done
lab_wait 20 grep -q ' running$' "$work/one.log" || diag "$(tail -n 5 "$work/one.log")"
for server in two root test; do
	lab_wait 20 grep -q ' running$' "$work/$server.log" || diag "$(tail -n 5 "$work/$server.log")"
done

dns() { in_ns client "$ptdiag" dns "$@"; }
digs() { in_ns client dig +time=2 +tries=2 "$@"; }
# The records of all sections, one a line: name, time to live, class, type, data.
ours() { dns "$@" -j | jq -r '.replies[] | (.answer + .authority + .additional)[] | "\(.name) \(.ttl) \(.class) \(.type) \(.data)"' | sort; }
# Names of hosts are compared as they are: both write what the server sent.
theirs() { digs +noall +answer +authority +additional +nosplit "$@" | grep -v '^;' | tr -s '\t ' ' ' | sort; }

# ---- every type ----

awk '$1 != "$TTL" && NF > 2 { print $1, $2 }' tests/corpus/every_type.zone | sort -u >"$work/questions"
count=0
differ=
while read -r owner type; do
	case $owner in
	@) name=zone.test. ;;
	*) name=$owner.zone.test. ;;
	esac
	ours "$name" "$type" @192.0.2.53 >"$work/ours"
	theirs @192.0.2.53 "$name" "$type" >"$work/theirs"
	tr -s ' ' <"$work/ours" >"$work/ours.plain"
	count=$((count + 1))
	[ -s "$work/ours" ] && cmp -s "$work/ours.plain" "$work/theirs" && continue
	differ="$differ
$name $type
$(diff "$work/ours.plain" "$work/theirs")"
done <"$work/questions"
is "$differ" '' "dig prints the same records of all $count questions for a zone with every type"

differ=
for question in 'signed.test SOA' 'signed.test DNSKEY' 'www.signed.test A' 'www.signed.test MX' 'nothing.signed.test A' \
	'x.wild.signed.test TXT' 'signed3.test NSEC3PARAM' 'www.signed3.test MX' 'nothing.signed3.test A' 'child.zone.test A'; do
	# shellcheck disable=SC2086
	ours $question @192.0.2.53 dnssec | tr -s ' ' >"$work/ours"
	# shellcheck disable=SC2086
	theirs @192.0.2.53 +dnssec +norrcomments $question >"$work/theirs"
	[ -s "$work/ours" ] && cmp -s "$work/ours" "$work/theirs" && continue
	differ="$differ
$question
$(diff "$work/ours" "$work/theirs")"
done
is "$differ" '' 'and with signatures, in all sections: RRSIG, NSEC, NSEC3, DNSKEY, referrals'

# ---- flags, codes, transports ----

# same NAME DIG-OPTION OUR-WORDS...: code and flags
same()
{
	name=$1
	option=$2
	shift 2
	digs @192.0.2.53 "$option" +noedns "$name" A +cmd | sed -n 's/^;; ->>HEADER<<- opcode: \([A-Z]*\), status: \([A-Z]*\),.*/\1 \2/p; s/^;; flags: \([a-z ]*\);.*/\1/p' >"$work/theirs"
	dns "$name" A @192.0.2.53 noedns "$@" -j | jq -r '.replies[0] | "\(.opcode) \(.rcode)", (.flags | join(" "))' >"$work/ours"
	is "$(cat "$work/ours")" "$(cat "$work/theirs")" "the header of $name $*"
}
same www.zone.test +recurse
same www.zone.test +norecurse norecurse
same nothing.zone.test +recurse
same elsewhere.test +recurse
exits 0 'an answer' dns www.zone.test @192.0.2.53
exits 3 'a name that does not exist' dns nothing.zone.test @192.0.2.53
exits 3 'a name without such records' dns www.zone.test MX @192.0.2.53
exits 3 'a server that refuses' dns www.elsewhere.test @192.0.2.53
is "$(dns www.zone.test @192.0.2.53 short)" 192.0.2.80 'short'
is "$(dns www.zone.test AAAA @2001:db8::53 short)" 2001:db8::80 'by IPv6'
is "$(dns WWW.Zone.TEST aaaa @192.0.2.53 tcp short)" 2001:db8::80 'by TCP; names and types in any case'
is "$(dns 192.0.2.80 @192.0.2.53 short)" www.zone.test. 'an address asks for its name'
is "$(dns 2001:db8::80 @192.0.2.53 short)" www.zone.test. 'of both families'
is "$(dns version.bind TXT class CH @192.0.2.53 short)" '"the \"one\" one"' 'another class'
is "$(dns bücher.zone.test @192.0.2.53 short)" 192.0.2.96 'a name beyond ASCII'
is "$(dns 'weird\032name\;\@\(\"\$.zone.test' @192.0.2.53 short)" 192.0.2.99 'escapes in a name'
like "$(dns www.zone.test @192.0.2.53 nsid)" '^;; EDNS: .*nsid 736974652d6f6e65 \(site-one\)$' 'which server it is'
is "$(dns www.zone.test TYPE28 @192.0.2.53 short)" 2001:db8::80 'a type by its number'

out=$(dns big.zone.test TXT @192.0.2.53)
like "$out" ' port 53 by tcp, ' 'an answer that is cut is asked for by TCP'
like "$out" 'by UDP was cut: asked again by TCP' 'it says so'
is "$(printf '%s\n' "$out" | grep -c '"text number')" 30 'and is whole then'
like "$(dns big.zone.test TXT @192.0.2.53 notcp)" ': NOERROR, qr aa tc rd' 'or shown as it came'
is "$(dns big.zone.test TXT @192.0.2.53 size 4096 -j | jq -r '.replies[0].transport')" udp 'size: it fits'
ours big.zone.test TXT @192.0.2.53 >"$work/ours"
theirs @192.0.2.53 big.zone.test TXT >"$work/theirs"
is "$(cat "$work/ours")" "$(cat "$work/theirs")" 'as dig has it'

# ---- TLS ----

is "$(dns www.zone.test @192.0.2.53 tls ca "$work/cert" short)" 192.0.2.80 'by TLS, the address is on the certificate'
is "$(dns www.zone.test @192.0.2.54 tls name ns1.zone.test ca "$work/cert" short)" 192.0.2.180 'or a name is'
out=$(dns www.zone.test @192.0.2.53 tls ca "$work/cert")
like "$out" ' port 853 by tls, ' 'it is TLS'
like "$out" '^;; TLS: TLSv1\.3, .*, CN ?= ?ns1\.zone\.test, trusted$' 'what it is'
exits 3 'a certificate that nobody signed' dns www.zone.test @192.0.2.53 tls
like "$tap_out" "not the server's certificate: self-signed certificate" 'it says so'
exits 3 'one of another host' dns www.zone.test @192.0.2.54 tls ca "$work/cert"
like "$tap_out" "not the server's certificate: .*(mismatch|another name)" 'it says so'
is "$(dns www.zone.test @192.0.2.54 tls unchecked short)" 192.0.2.180 'unless nobody cares'
dns asked.zone.test @192.0.2.53 tls unchecked >/dev/null
dns withheld.zone.test @192.0.2.53 tls >/dev/null
lab_wait 5 grep -q 'query: asked\.zone\.test ' "$work/one.log"
is "$(grep -c 'query: asked\.zone\.test ' "$work/one.log") $(grep -c 'query: withheld\.zone\.test ' "$work/one.log")" '1 0' \
	'and who is not trusted gets no question'

# ---- several servers ----

cat >"$work/resolv.conf" <<'CONF'
search elsewhere.test zone.test
nameserver 192.0.2.53
nameserver 192.0.2.54
options ndots:1
CONF
if [ -n "$lab_mounts" ]; then
	in_ns client mount --bind "$work/resolv.conf" /etc/resolv.conf
	is "$(dns www.zone.test short)" 192.0.2.80 'the servers of resolv.conf'
	exits 3 'they are asked for names as they are' dns www
	is "$(dns www search short)" 192.0.2.80 'in its domains, when told'
	out=$(dns www.zone.test all)
	like "$out" '^;; the servers differ$' 'all: two opinions'
	like "$out" 'IN A +192\.0\.2\.80$' 'the first'
	like "$out" 'IN A +192\.0\.2\.180$' 'the second'
	exits 3 'all: status of a difference' dns www.zone.test all
	exits 0 'all: status where they agree' dns mail.zone.test all
	like "$tap_out" '^;; the servers say the same$' 'and it says so'
	printf 'nameserver 192.0.2.55\nnameserver 192.0.2.53\n' >"$work/resolv.conf"
	is "$(dns www.zone.test short)" 192.0.2.80 'a server that is not there: the next one answers'
else
	skip 'mounts are not private here' 'resolv.conf'
fi
exits 3 'nobody listens' dns www.zone.test @192.0.2.55
like "$tap_out" ': port unreachable, says 192\.0\.2\.55$' 'who says so'
exits 5 'nobody is there' dns www.zone.test @192.0.2.99 timeout 100ms tries 1
is "$(dns www.zone.test @192.0.2.99 @192.0.2.53 timeout 200ms short)" 192.0.2.80 'several servers on the command line'

# ---- from the root down ----

out=$(dns www.zone.test trace @192.0.2.60)
is "$(printf '%s\n' "$out" | sed -n 's/^;; \([0-9.]*\).* port 53 by udp, .*/\1/p' | tr '\n' ' ')" '192.0.2.60 192.0.2.60 192.0.2.61 192.0.2.53 ' \
	'trace: the servers of the root, of test., of zone.test., each after who named it'
is "$(printf '%s\n' "$out" | grep -c '^www\.zone\.test\. *300 IN A *192\.0\.2\.80$')" 1 'trace: the answer'
exits 3 'trace: a name that does not exist' dns nothing.zone.test trace @192.0.2.60
like "$tap_out" 'nothing\.zone\.test\. IN A: NXDOMAIN' 'trace: who says so'
exits 3 'trace: a referral upwards leads nowhere' dns x.up.test trace @192.0.2.60
is "$(printf '%s\n' "$tap_out" | grep -c ' port 53 by udp, ')" 4 'trace: and there is an end'
exits 3 'trace: servers whose address nobody knows' dns www.signed.test trace @192.0.2.60
is "$(dns www.zone.test trace @192.0.2.60 -j | jq '.replies | length')" 4 'trace: JSON has each step'
exits 5 'trace: no root' dns www.zone.test trace @192.0.2.99 timeout 100ms tries 1

# ---- servers that lie ----

lab_bg server python3 tests/lib/dns_liar.py 192.0.2.55 >"$work/liar"
lab_wait 10 grep -q ready "$work/liar"
# lie NAME STATUS REGEX WORDS...
lie()
{
	name=$1
	want=$2
	regex=$3
	shift 3
	exits "$want" "a lie ($name): status $want" dns "$name.test" @192.0.2.55 timeout 500ms tries 1 "$@"
	like "$tap_out" "$regex" "a lie ($name): what is shown"
	unlike "$tap_out" '6\.6\.6\.6' "a lie ($name): it is not believed"
}
ignored='^;; ignored: 0 from elsewhere, 0 with another number, 0 to another question, 1 that are no messages$'
lie number 0 '^;; ignored: 0 from elsewhere, 3 with another number, 0 to another question, 0 that are no messages$'
lie elsewhere 0 '^;; ignored: 2 from elsewhere, 0 with another number,'
lie question 0 ', 1 to another question, 0 that are no messages$'
lie query 0 "$ignored"
lie short 0 "$ignored"
lie flood 0 ', [1-9][0-9]* with another number, '
lie loop 3 'the answer has a name that is cut, too long, or points in a circle$'
lie many 3 'the answer has a name that is cut, too long, or points in a circle$|the answer has a record that is cut$'
lie forward 0 ' NS +\\# 2 C0F0$'
lie escape 0 ' TXT +"\\027\]0;pwn\\007\\255"$'
unlike "$tap_out" "$(printf '\033')" 'no escape sequence comes through'
lie old 0 '^;; the server does not know EDNS: asked again without$'
lie blocked 3 '^;; extended error 15 \(blocked\): no \\x1b\[31m$'
lie extended 3 ': BADVERS, '
lie cut 3 ': the server hung up$'
lie hang 5 ': no answer in time$'
lie drip 5 ': no answer in time$'
lie lies 0 ', 1 with another number, '
lie silent 5 ': no answer in time$'
like "$(dns elsewhere.test @192.0.2.55 -j | jq -c '.replies[0].ignored')" '"source":2' 'JSON counts them, too'

# ---- what is no question ----

for name in '; reboot' 'a
b' 'a..b' '.a' "$(printf 'x%.0s' $(seq 64)).test"; do
	exits 1 "no name: $(printf %s "$name" | tr '\n' ' ')" dns "$name" @192.0.2.53
done
exits 1 'a dash in front' dns -oProxyCommand=x @192.0.2.53
exits 1 'a server of the other family' dns zone.test @192.0.2.53 -6
exits 1 'or of that of the address to ask from' dns zone.test @2001:db8::53 from 192.0.2.1
is "$(dns www.zone.test @2001:db8::53 from 2001:db8::1 short)" 192.0.2.80 'from an address of its own'
exits 1 'a whole zone' dns zone.test AXFR @192.0.2.53
exits 1 'words that exclude each other' dns zone.test @192.0.2.53 tcp tls

# ---- JSON ----

dns www.zone.test A @192.0.2.53 nsid -j >"$work/json"
is "$(jq -r '.schema, .replies[0].outcome, .replies[0].server, .replies[0].edns.nsid' "$work/json" | tr '\n' ' ')" \
	'patronus.dns.v1 answered 192.0.2.53 736974652d6f6e65 ' 'JSON'
fits "$work/json" dns 'JSON keeps to its schema'
dns blocked.test @192.0.2.55 -j >"$work/json"
fits "$work/json" dns 'with an extended error, too'
dns www.zone.test @192.0.2.53 tls ca "$work/cert" -j >"$work/json"
fits "$work/json" dns 'by TLS, too'
dns silent.test @192.0.2.55 timeout 100ms tries 1 -j >"$work/json"
fits "$work/json" dns 'without a reply, too'
dns www.zone.test @192.0.2.53 @192.0.2.54 all -j >"$work/json"
fits "$work/json" dns 'of several servers, too'

# ---- the manual ----

# Times differ.
plain() { sed 's/[0-9.]* ms/T ms/'; }
for words in 'www.zone.test aaaa @192.0.2.53' '192.0.2.80 @192.0.2.53 short' 'www.zone.test all @192.0.2.53 @192.0.2.54'; do
	# shellcheck disable=SC2086
	is "$(dns $words | plain)" "$(manual man/ptdiag.8 "ptdiag dns $words" | plain)" "ptdiag(8) shows what comes: $words"
done
done_testing
