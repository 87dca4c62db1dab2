#!/bin/sh
# Records the seeds of the fuzz targets anew: `fuzz/record.sh`, as root, from the root of the repository. It needs nft,
# iptables, ipset, conntrack, ip and python3, and makes a network namespace of its own, in which the messages come about.
set -eu

if [ "${1-}" != inside ]; then
    cargo build --quiet --example record_seeds
    exec unshare --net "$0" inside
fi

seeds=fuzz/seeds
rm -rf "$seeds/nft_rule" "$seeds/nft_set" "$seeds/nft_ruleset" "$seeds/nft_event" "$seeds/trace" "$seeds/xt_table" \
    "$seeds/xt_payload" "$seeds/conntrack" "$seeds/ipset" "$seeds/rtnetlink"
ip link set lo up
ip link add eth0 type veth peer name eth1
ip address add 192.0.2.1/24 dev eth0
ip -6 route add unreachable 2001:db8::/32
ip route add 198.51.100.0/24 nexthop via 192.0.2.2 dev eth0 onlink nexthop dev eth1 onlink 2>/dev/null || true

# What this kernel cannot hold is left out, line by line.
ipset restore -exist <tests/corpus/ipset/save.txt 2>/dev/null || while read -r line; do
    echo "$line" | ipset restore -exist 2>/dev/null || true
done <tests/corpus/ipset/save.txt
family=
table=
for file in tests/corpus/iptables/*.txt; do
    while IFS= read -r line; do
        case $line in
        '['*) family=${line%' '*} family=${family#'['} table=${line##*' '} table=${table%']'} ;;
        '$ '*) sh -c "${line#'$ '}" 2>/dev/null || true ;;
        ':'* | *'-A '*)
            case $line in ':'*) rule="$line - [0:0]" ;; *) rule="-A ${line#*-A }" ;; esac
            for tool in iptables-legacy iptables-nft ip6tables-legacy ip6tables-nft; do
                case $tool in ip6*) wanted=ip6 ;; *) wanted=ip ;; esac
                case " $family " in *" $wanted "*) ;; *) continue ;; esac
                printf '*%s\n%s\nCOMMIT\n' "$table" "$rule" | $tool-restore --noflush 2>/dev/null || true
            done
            ;;
        esac
    done <"$file"
done
nft -f tests/rulesets/every-expression.nft
for file in sets tables docker kube-proxy; do nft -f "tests/corpus/nft/$file.nft" || true; done 2>/dev/null
for i in 1 2 3 4 5; do
    conntrack -I -s 192.0.2.$i -d 192.0.2.9 -p tcp --sport $i --dport 80 --state SYN_SENT -t 100 -m $i
    conntrack -I -s 192.0.2.$i -d 192.0.2.9 -p udp --sport $i --dport 53 -t 100 -w $i
    conntrack -I -s 2001:db8::$i -d 2001:db8::9 -p udp --sport $i --dport 53 -t 100 --status ASSURED,SEEN_REPLY
done >/dev/null 2>&1 || true
python3 -c 'import socket, time
all = [socket.socket(f, k) for f in (socket.AF_INET, socket.AF_INET6) for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
for s in all: s.bind(("", 0))
for s in all[::2]: s.listen()
time.sleep(60)' &
python=$!

target/debug/examples/record_seeds "$seeds" &
recorder=$!
until [ -e "$seeds/.ready" ]; do kill -0 $recorder; sleep 0.1; done
nft -f - <<'RULES'
table inet seen {
    set s { type inet_service; elements = { 7, 9 }; }
    counter c { comment "hits"; }
    chain sub {
        udp dport 9 drop
    }
    chain in {
        type filter hook input priority -400; policy accept;
        meta l4proto udp meta nftrace set 1
        jump sub
        counter name c
    }
}
RULES
python3 -c 'import socket
for family, to in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    for port in (7, 9): s.sendto(b"some payload", (to, port))' || echo 'rules of the corpus stop IPv4 packets'
nft 'add element inet seen s { 11 }; delete element inet seen s { 7 }; add rule inet seen sub counter; delete table inet seen; add table inet end; delete table inet end'
wait $recorder
kill $python
