nft -f - <<'N'
flush ruleset
define wan = eth0
define lan = eth1
table inet fw {
  set admins { type ipv4_addr; flags interval; elements = { 10.0.0.0/24 } }
  chain input { type filter hook input priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    iif lo accept
    ip protocol icmp accept
    meta l4proto ipv6-icmp accept
    iifname $lan ip saddr @admins tcp dport 22 accept
    iifname $lan udp dport { 53, 67 } accept
    iifname $wan tcp dport { 80, 443 } accept
    limit rate 5/second burst 10 packets log prefix "in-drop "
  }
  chain forward { type filter hook forward priority filter; policy drop;
    tcp flags syn tcp option maxseg size set rt mtu
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname $lan oifname $wan accept
    ct status dnat accept
    meta l4proto ipv6-icmp icmpv6 type { packet-too-big, time-exceeded, parameter-problem, destination-unreachable, echo-request } accept
  }
  chain pre { type nat hook prerouting priority dstnat; iifname $wan tcp dport 2222 dnat ip to 10.0.0.2:22; }
  chain post { type nat hook postrouting priority srcnat; oifname $wan ip saddr 10.0.0.0/24 masquerade; }
}
N
