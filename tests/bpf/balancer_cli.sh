#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The command line of mptcplb-balancer, with its errors: balancer_cli.sh PROGRAM
set -u
program=$1
namespace=mptcplb-cli-$$
dir=$(mktemp -d)
secret=3f1c7a52e0d94b8896a5c10b7e2d6f43
secret_rest=${secret#????????}
running=
failures=0

cleanup() {
	[ -z "$running" ] || kill "$running" 2>/dev/null
	ip netns del "$namespace" 2>/dev/null
	rm -rf "/sys/fs/bpf/mptcplb-cli-$$"
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

in_namespace() {
	nsenter --net=/run/netns/"$namespace" "$@"
}

# expect EXIT_CODE TEXT COMMAND…: the command ends so and says the text, if one is given
expect() {
	code=$1 text=$2
	shift 2
	"$@" >"$dir/output" 2>&1
	got=$?
	if [ "$got" -ne "$code" ] || { [ -n "$text" ] && ! grep -qF -- "$text" "$dir/output"; }; then
		echo "FAILED: $*"
		echo "  expected exit code $code and \"$text\", got $got and:"
		sed 's/^/  /' "$dir/output"
		failures=$((failures + 1))
	fi
	if grep -qi "$secret" "$dir/output"; then
		echo "FAILED: $*: the secret is in what it says"
		failures=$((failures + 1))
	fi
}

# start ARGUMENT…: run a balancer and wait until it is ready
start() {
	mkfifo "$dir/ready.$$"
	# not by in_namespace: $! must be the program's own id
	nsenter --net=/run/netns/"$namespace" "$program" run "$@" >"$dir/ready.$$" 2>"$dir/errors" &
	running=$!
	read -r line <"$dir/ready.$$" || line=
	rm "$dir/ready.$$"
	if [ "$line" != ready ]; then
		echo "FAILED: run $* did not become ready:"
		cat "$dir/errors"
		exit 1
	fi
}

# stop SIGNAL: it must end well
stop() {
	kill "-$1" "$running"
	wait "$running"
	got=$?
	running=
	if [ "$got" -ne 0 ]; then
		echo "FAILED: exit code $got after SIG$1"
		failures=$((failures + 1))
	fi
}

farm() {
	cat <<-EOF
	token:
	  server_id_bits: 8
	  epoch_bits: 1
	  active: 0
	  epochs:
	    - {epoch: 0, secret: "$secret"}
	servers:
	  - {name: web-1, address: 192.0.2.11, ids: [17]}
	balancers:
	  - {name: lb-1, address: 192.0.2.1}
	  - {name: lb-2, address: 192.0.2.2}
	services:
	  - {address: $1, port: 443}
	EOF
}

umask 077
farm 198.51.100.1 >"$dir/farm.yaml"
farm 198.51.100.1 | sed "s/192.0.2.11/2001:db8::b/" >"$dir/mixed.yaml"
farm 198.51.100.1 | sed 's/ids: .17./ids: [300]/' >"$dir/broken.yaml"
farm 198.51.100.1 | sed '/services:/,$d' >"$dir/idle.yaml"
ip netns add "$namespace" || exit 1
in_namespace ip link add near type veth peer name far
in_namespace ip address add 192.0.2.2/24 dev near
in_namespace ip link set near up
in_namespace ip link set far up
config=$dir/farm.yaml
run="in_namespace $program run"

# command lines
expect 0 "Usage:" "$program" --help
expect 0 "mptcplb-balancer 0." "$program" --version
expect 2 "which command?" "$program"
expect 2 'there is no command "walk"' "$program" walk
expect 2 "run needs --config and --interface" "$program" run --config "$config"
expect 2 "unrecognized option '--confi-g'" "$program" run --confi-g x
expect 2 '"extra" is not expected' "$program" run --config "$config" --interface near extra
expect 2 '--on-unroutable "ignore": expected hash or drop' \
	"$program" run --config "$config" --interface near --on-unroutable ignore
expect 2 '--flows "many": expected a number from' \
	"$program" run --config "$config" --interface near --flows many
expect 2 '--flows "1": expected a number from' \
	"$program" run --config "$config" --interface near --flows 1
expect 2 "status needs --interface" "$program" status
expect 2 "unrecognized option '--json'" "$program" metrics --interface near --json
expect 2 "unrecognized option '--settle'" "$program" status --interface near --settle
expect 2 '--limit "some": expected a number' "$program" flows --interface near --limit some

# what can be wrong with a farm or a host
expect 1 'interface "nowhere": No such device' $run --config "$config" --interface nowhere
expect 1 'the farm has no balancer "lb-3"' $run --config "$config" --interface near --name lb-3
expect 1 "$dir/broken.yaml:" $run --config "$dir/broken.yaml" --interface near
expect 1 "300" $run --config "$dir/broken.yaml" --interface near
expect 1 "$dir/absent.yaml" $run --config "$dir/absent.yaml" --interface near
expect 1 "mixed.yaml:10: address: 192.0.2.1 of lb-1 is IPv4, that of web-1 on line 8 is IPv6" $run --config "$dir/mixed.yaml" --interface near
expect 1 "the farm has no services" $run --config "$dir/idle.yaml" --interface near
expect 1 "say with --name which one this is" $run --config "$config" --interface far
expect 1 "CAP_NET_ADMIN is missing" in_namespace setpriv --bounding-set=-net_admin \
	--inh-caps=-net_admin "$program" run --config "$config" --interface near
expect 1 "CAP_BPF is missing" in_namespace setpriv --bounding-set=-bpf,-sys_admin \
	--inh-caps=-bpf,-sys_admin "$program" run --config "$config" --interface near
expect 1 "CAP_PERFMON is missing" in_namespace setpriv --bounding-set=-perfmon,-sys_admin \
	--inh-caps=-perfmon,-sys_admin "$program" run --config "$config" --interface near
expect 1 'no mptcplb-balancer runs here with --interface "near"' in_namespace "$program" status --interface near

# a balancer that finds its entry by the interface's address
start --config "$config" --interface near
expect 0 "lb-2, outer source 192.0.2.2" in_namespace "$program" status --interface near
expect 0 "token     server_id_bits 8, epoch_bits 1, active 0, epochs 0" in_namespace "$program" status --interface near
expect 0 "server    web-1, 192.0.2.11, up, weight 100, ids 17" in_namespace "$program" status --interface near
expect 0 '"epochs":[0],"active":0,"digest":"' in_namespace "$program" status --interface near --json
expect 0 "farm      digest " in_namespace "$program" status --interface near
digest=$(grep "^farm  " "$dir/output")
expect 0 "XDP in native mode" in_namespace "$program" status --interface near
expect 0 '"unroutable_epoch":0' in_namespace "$program" status --interface near --json
expect 0 "198.51.100.1 port 443 " in_namespace "$program" stats --interface near
expect 0 "unroutable_epoch " in_namespace "$program" stats --interface near
expect 0 '"by_token":0' in_namespace "$program" stats --interface near --json

# explain: tokens, 4-tuples, packets
explain="in_namespace $program explain --interface near"
expect 0 "the token 0 is nobody's" $explain 0
expect 0 "is of epoch 1, which has no secret" $explain 80000001
expect 0 "has no owner" $explain 12345678
expect 0 "a SYN without MP_JOIN: to web-1" $explain 203.0.113.5 4711 198.51.100.1 443
expect 0 "any other packet: to web-1" $explain 203.0.113.5 4711 198.51.100.1 443
expect 0 "nothing is remembered of this flow" $explain 203.0.113.5 4711 198.51.100.1 443
expect 0 "no service is on this address and port" $explain 203.0.113.5 4711 198.51.100.1 80
expect 0 "no service is on this address and port" $explain 2001:db8::5 4711 2001:db8::1 443
expect 1 '"nobody": expected an IPv4 or IPv6 address' $explain nobody 4711 198.51.100.1 443
expect 1 'port "0": expected a number' $explain 203.0.113.5 0 198.51.100.1 443
expect 2 "explain needs a token or a packet" $explain nonsense
expect 2 "explain needs a token or a packet" $explain
expect 2 '"extra" is not expected' $explain 203.0.113.5 4711 198.51.100.1 443 extra
# an IPv4 packet with a SYN from 203.0.113.5 port 40001, alone and as an Ethernet frame
packet=4500002800004000400600 packet=${packet}00cb007105c63364019c4101bb0000000000000000500200000000
packet=${packet}0000
expect 0 "syn 203.0.113.5 40001 198.51.100.1 443: to web-1" $explain "$packet"
expect 0 "syn 203.0.113.5 40001 198.51.100.1 443: to web-1" \
	$explain "0200000000010200000000020800$packet"
expect 1 "neither an IP packet nor an Ethernet frame" $explain 450000280000400040
expect 1 "expected an even number" $explain "${packet}0"
expect 0 '"server":"web-1"' $explain --json 203.0.113.5 4711 198.51.100.1 443
expect 1 'another mptcplb-balancer runs on interface "near"' $run --config "$config" --interface near
kill -HUP "$running"
expect 0 "reloaded 1 times, refused 0 times" in_namespace "$program" status --interface near

# reload: a bad file changes nothing, a good one counts
cp "$config" "$dir/good.yaml"
cp "$dir/broken.yaml" "$config"
expect 1 "300" in_namespace "$program" reload --interface near
expect 0 "reloaded 1 times, refused 1 times" in_namespace "$program" status --interface near

# twenty more bad files: each is refused, and the program on the interface stays the same one
xdp_program() {
	in_namespace ip -d link show near | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'
}
before=$(xdp_program)
refused=1
bad_file() {
	expect 1 "${1:-}" in_namespace "$program" reload --interface near
	refused=$((refused + 1))
	expect 0 "reloaded 1 times, refused $refused times" \
		in_namespace "$program" status --interface near
	[ "$(xdp_program)" = "$before" ] || {
		echo "FAILED: a bad file changed the program"
		failures=$((failures + 1))
	}
}
# bad_edit EDIT [REASON]: and reload gives the reason
bad_edit() {
	sed "$1" "$dir/good.yaml" >"$config"
	cmp -s "$dir/good.yaml" "$config" && { echo "FAILED: \"$1\" edits nothing"; exit 1; }
	bad_file "${2:-}"
}
: >"$config" && bad_file
head -c 1000 /dev/urandom >"$config" && bad_file
printf 'a: [\n' >"$config" && bad_file
rm "$config" && bad_file
mkdir "$config" && bad_file
rmdir "$config"
cp "$dir/good.yaml" "$config" && chmod o+r "$config" && bad_file
rm "$config"
umask 077
cp "$dir/mixed.yaml" "$config" && bad_file "expected one version for all servers and balancers"
cp "$dir/idle.yaml" "$config" && bad_file "the farm has no services"
bad_edit 's/server_id_bits: 8/server_id_bits: 0/'
bad_edit 's/server_id_bits: 8/server_id_bits: 25/'
bad_edit 's/epoch_bits: 1/epoch_bits: 3/'
bad_edit 's/active: 0/active: 1/'
bad_edit 's/"3f1c7a52/"/'
bad_edit 's/address: 192.0.2.11/address: 192.0.2.300/'
bad_edit 's/ids: .17./ids: [256]/'
bad_edit 's/ids: .17./ids: [17, 17]/'
bad_edit 's/port: 443/port: 0/'
bad_edit 's/port: 443/port: 65536/'
bad_edit 's/name: lb-2/name: lb-1/'
bad_edit 's/lb-2, address: 192.0.2.2/lb-3, address: 192.0.2.3/' 'the farm has no balancer "lb-2"'
bad_edit 's/services:/sevrices:/'
expect 0 "lb-2, outer source 192.0.2.2" in_namespace "$program" status --interface near

# what live tokens mean stays: a new secret belongs in an epoch of its own, and the old one may go
bad_edit 's/server_id_bits: 8/server_id_bits: 9/' "token.server_id_bits is 9 and was 8"
bad_edit 's/epoch_bits: 1/epoch_bits: 2/' "token.epoch_bits is 2 and was 1"
bad_edit 's/"3f1c7a52/"00000000/' "epoch 0 has another secret than it had"
new="{epoch: 1, secret: 00000000$secret_rest}"
sed "s/^servers:/    - $new\n&/" "$dir/good.yaml" >"$config"
expect 0 "" in_namespace "$program" reload --interface near
expect 0 "active 0, epochs 0 1" in_namespace "$program" status --interface near
grep -q "$digest" "$dir/output" && { echo "FAILED: another secret, but the same digest"; failures=$((failures + 1)); }
sed "s/{epoch: 0.*/$new/; s/active: 0/active: 1/" "$dir/good.yaml" >"$config"
expect 0 "" in_namespace "$program" reload --interface near
cp "$dir/good.yaml" "$config"
expect 0 "" in_namespace "$program" reload --interface near
expect 0 "$digest" in_namespace "$program" status --interface near

# nor does it become the balancer whose entry is the only one left, or the one at its address
sed '/lb-2/d' "$dir/good.yaml" >"$config"
expect 1 'the farm has no balancer "lb-2"' in_namespace "$program" reload --interface near
sed 's/lb-2, address: 192.0.2.2/lb-2, address: 192.0.2.3/; s/192.0.2.1}/192.0.2.2}/' "$dir/good.yaml" >"$config"
expect 0 "" in_namespace "$program" reload --interface near
expect 0 "lb-2, outer source 192.0.2.3" in_namespace "$program" status --interface near

sed 's/web-1/web-new/' "$dir/good.yaml" >"$config"
expect 0 "" in_namespace "$program" reload --interface near
expect 0 "server    web-new, 192.0.2.11, up" in_namespace "$program" status --interface near
cp "$dir/good.yaml" "$config"
expect 0 "0 flows are kept, 0 more" in_namespace "$program" flows --interface near
expect 0 "mptcplb_routed_token_total 0" in_namespace "$program" metrics --interface near
expect 0 'mptcplb_server_bytes_total{server="web-new"} 0' \
	in_namespace "$program" metrics --interface near

# an added server: old flows stay where they are until somebody settles that, which is no change itself
reloads="in_namespace $program reload --interface near"
expect 0 "" $reloads
sed 's/^servers:/&\n  - {name: web-2, address: 192.0.2.12, ids: [18]}/' "$dir/good.yaml" >"$config"
expect 0 "" $reloads
expect 0 "of its 65537 slots are not settled" in_namespace "$program" status --interface near
expect 0 'mptcplb_service_unsettled_slots{address="198.51.100.1",port="443"} 3' \
	in_namespace "$program" metrics --interface near
cp "$dir/good.yaml" "$config"
expect 1 "has changed where new flows of 198.51.100.1 port 443 go" $reloads --settle
expect 0 "server    web-2, 192.0.2.12, up" in_namespace "$program" status --interface near
sed 's/^servers:/&\n  - {name: web-2, address: 192.0.2.12, ids: [18]}/' "$dir/good.yaml" >"$config"
expect 0 "" $reloads
expect 0 "are not settled" in_namespace "$program" status --interface near
expect 0 "" $reloads --settle
expect 0 "" in_namespace "$program" status --interface near
if grep "not settled" "$dir/output"; then
	echo "FAILED: that is said behind reload --settle"
	failures=$((failures + 1))
fi
expect 0 '"unsettled":0' in_namespace "$program" status --interface near --json
expect 0 'mptcplb_service_unsettled_slots{address="198.51.100.1",port="443"} 0' \
	in_namespace "$program" metrics --interface near
cp "$dir/good.yaml" "$config"
expect 2 "reload needs --interface" "$program" reload
expect 2 "detach needs --pin" "$program" detach
stop TERM
if in_namespace ip link show near | grep xdp; then
	echo "FAILED: the XDP program is still there after a clean stop"
	failures=$((failures + 1))
fi

# with --pin the program stays at work, and the next loader takes it over
pin=/sys/fs/bpf/mptcplb-cli-$$
expect 1 "is not in a BPF file system" $run --config "$config" --interface near --pin "$dir/pin"
[ ! -d "$dir/pin" ] || { echo "FAILED: $dir/pin was made"; failures=$((failures + 1)); }
expect 1 "is a BPF file system mounted there?" ip netns exec "$namespace" \
	"$program" run --config "$config" --interface near --pin "$pin"
expect 1 "the farm has no services" $run --config "$dir/idle.yaml" --interface near --pin "$pin"
[ ! -d "$pin" ] || { echo "FAILED: $pin is left without pins"; failures=$((failures + 1)); }
start --config "$config" --interface near --pin "$pin"
before=$(xdp_program)
expect 1 "$pin: another process uses it: stop that first" "$program" detach --pin "$pin"
[ -e "$pin/link" ] || { echo "FAILED: a refused detach took pins away"; failures=$((failures + 1)); }
stop TERM
[ -n "$before" ] || { echo "FAILED: nothing is attached after a stop with --pin"; failures=$((failures + 1)); }
expect 1 "attached to another interface" $run --config "$config" --interface far --name lb-2 --pin "$pin"
start --config "$config" --interface near --pin "$pin" --flows 2048
expect 0 "--flows 2048 is not used: what is pinned in $pin keeps its size, 524288 places" cat "$dir/errors"
[ "$(xdp_program)" != "$before" ] || { echo "FAILED: the next loader left the old program"; failures=$((failures + 1)); }
before=$(xdp_program)
kill -KILL "$running"
wait "$running" 2>/dev/null
running=
[ "$(xdp_program)" = "$before" ] || { echo "FAILED: a kill took the program away"; failures=$((failures + 1)); }
start --config "$config" --interface near --pin "$pin"
before=$(xdp_program)
mkdir "$pin/new" # in the way of new pins
expect 1 "" in_namespace "$program" reload --interface near
[ "$(xdp_program)" = "$before" ] || { echo "FAILED: the program is another one though its pins failed"; failures=$((failures + 1)); }
rmdir "$pin/new"
expect 0 "" in_namespace "$program" reload --interface near
[ "$(xdp_program)" != "$before" ] || { echo "FAILED: a reload left the old program"; failures=$((failures + 1)); }
stop TERM
start --config "$config" --interface near --pin "$pin"
kill -KILL "$running"
wait "$running" 2>/dev/null
running=
expect 1 "what one has left pinned works on without it" in_namespace "$program" status --interface near
expect 1 'already has an XDP program, "balancer" with id' $run --config "$config" --interface near
rm "$pin/counters"
expect 1 "cannot take over $pin/counters: No such file" $run --config "$config" --interface near --pin "$pin"
expect 0 "" "$program" detach --pin "$pin"
[ -z "$(xdp_program)" ] || { echo "FAILED: still attached after detach"; failures=$((failures + 1)); }
expect 1 "$pin: No such file" "$program" detach --pin "$pin"
mkdir "$pin"
expect 1 "no balancer has pinned anything in $pin" "$program" detach --pin "$pin"
start --config "$config" --interface near --pin "$pin"
# somebody else, who may not be able to reach the program itself
chmod 711 "$dir"
install -m 755 "$program" "$dir/program"
expect 1 "answers root and its own user alone" in_namespace setpriv --reuid=65534 --regid=65534 \
	--clear-groups "$dir/program" status --interface near
stop TERM
expect 0 "" "$program" detach --pin "$pin"
[ -z "$(xdp_program)" ] || { echo "FAILED: still attached after detach and stop"; failures=$((failures + 1)); }

# a redirector is one of the servers
expect 1 'the farm has no server "lb-1"' \
	$run --config "$config" --interface near --role redirector --name lb-1
expect 2 '--role "router": expected balancer or redirector' \
	$run --config "$config" --interface near --role router
expect 2 "leaves nothing to do" $run --config "$config" --interface near --role redirector --no-tokens
start --config "$config" --interface near --role redirector
expect 0 "redirector web-1, outer source 192.0.2.11" in_namespace "$program" status --interface near
expect 0 'the only server of the farm, though interface "near" does not have its address' cat "$dir/errors"
stop TERM

# options that status shows; lo has no native mode
start --config "$config" --interface near --name lb-1 --no-tokens
expect 0 "lb-1, outer source 192.0.2.1" in_namespace "$program" status --interface near
expect 0 "hashed like any SYN" in_namespace "$program" status --interface near
stop INT
start --config "$config" --interface lo --name lb-1 --on-unroutable drop --flows 2048
expect 0 "unroutable ones: drop; 4096 places for flows" in_namespace "$program" status --interface lo
expect 0 "XDP in generic mode" in_namespace "$program" status --interface lo
expect 0 "using generic mode, which is slower" cat "$dir/errors"

# somebody else's XDP program: the one on lo, under another name of that interface
in_namespace ip link property add dev lo altname lo-too
expect 1 'interface "lo-too" already has an XDP program, "balancer" with id' \
	$run --config "$config" --interface lo-too --name lb-1
stop TERM

[ "$failures" -eq 0 ] && echo "all as expected"
exit "$((failures > 0))"
