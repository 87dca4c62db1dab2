# a router with two ways out: connections go back by the one they came by, the office leaves by the second; IPv6 is routed
ip link add eth2 type veth peer name far; ip link set far up; ip link set eth2 up; ip addr add 198.51.100.1/24 dev eth2; ip -6 addr add 2001:db8:2::1/64 dev eth2 nodad
ip route add default via 192.0.2.254 table 101; ip route add default via 198.51.100.254 table 102
ip rule add priority 101 fwmark 1/3 table 101; ip rule add priority 102 fwmark 2/3 table 102; ip rule add priority 110 from 198.51.100.1 table 102
for i in eth0 eth1 eth2; do sysctl -qw net.ipv4.conf.$i.rp_filter=2; done
nft -f - <<'N'
table inet mangle {
  chain pre { type filter hook prerouting priority mangle; policy accept;
    meta mark set ct mark and 0x3
    meta mark and 0x3 != 0 accept
    iifname "eth0" ct state new ct mark set 1
    iifname "eth2" ct state new ct mark set 2
    iifname "eth1" ip saddr 10.0.0.128/25 ct state new meta mark set 2 ct mark set 2
  }
  chain out { type route hook output priority mangle; policy accept; meta mark set ct mark and 0x3; }
}
table inet filter {
  chain input { type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
    iifname { "eth0", "eth2" } tcp dport { 80, 443 } accept
    iifname "eth1" tcp dport 22 accept
    iifname "eth1" udp dport { 53, 67, 123 } accept
  }
  chain forward { type filter hook forward priority filter; policy drop;
    tcp flags syn tcp option maxseg size set rt mtu
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "eth1" oifname { "eth0", "eth2" } accept
    meta l4proto ipv6-icmp accept
    ct status dnat accept
  }
}
table ip nat {
  chain pre { type nat hook prerouting priority dstnat; policy accept; iifname { "eth0", "eth2" } tcp dport 2222 dnat to 10.0.0.2:22; }
  chain post { type nat hook postrouting priority srcnat; policy accept; oifname { "eth0", "eth2" } ip saddr 10.0.0.0/24 masquerade; }
}
N
