nft -f - <<'N'
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state invalid drop
    ct state { established, related } accept
    iif lo accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport { 22, 80, 443 } accept
  }
}
table inet f2b-table {
  set addr-set-sshd { type ipv4_addr; elements = { 203.0.113.7, 203.0.113.9 }
  }
  set addr6-set-sshd { type ipv6_addr;
  }
  chain f2b-chain { type filter hook input priority -1; policy accept;
    tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable
    tcp dport 22 ip6 saddr @addr6-set-sshd reject with icmpv6 port-unreachable
  }
}
N
