# usage: lab.sh CONF ENGINE CMD
set -e
ip netns add w_a; ip netns add w_b
trap 'ip netns del w_a; ip netns del w_b; rm -f /tmp/w/stop' EXIT
ip link add eth1 netns w_b type veth peer name va netns w_a
ip -n w_a addr add 10.9.0.1/24 dev va;ip -n w_a addr add 10.9.0.3/24 dev va; ip -n w_b addr add 10.9.0.2/24 dev eth1
ip -n w_a addr add fd00::1/64 dev va nodad; ip -n w_b addr add fd00::2/64 dev eth1 nodad
ip -n w_a link set va up; ip -n w_b link set eth1 up; ip -n w_b link set lo up; ip -n w_a link set lo up
cd /tmp/hso
B="ip netns exec w_b" A="ip netns exec w_a"
$B build/ptfw apply --engine $2 -f $1 || { $B build/ptfw diff -v -f $1; $B nft --debug=netlink list ruleset | grep -v "^$" > /tmp/w/dump; exit 1; }
$B python3 /tmp/w/server.py &
S=$!
sleep .3
eval "$3"
kill $S
