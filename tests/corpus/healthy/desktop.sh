# a desktop that shares its connection (NetworkManager), runs guests (libvirt) and a container (systemd-nspawn)
ip link add virbr0 type bridge; ip addr add 192.168.122.1/24 dev virbr0; ip link set virbr0 up; ip link add ve-web type veth peer name host0; ip link set host0 up; ip link set ve-web up; ip addr add 192.168.153.241/28 dev ve-web
ip addr flush dev eth1 scope global; ip addr add 10.42.0.1/24 dev eth1
nft -f - <<'N'
table ip nm-shared-eth1 {
  chain nat_postrouting { type nat hook postrouting priority srcnat; policy accept; ip saddr 10.42.0.0/24 ip daddr != 10.42.0.0/24 masquerade; }
  chain filter_forward { type filter hook forward priority filter; policy accept;
    ip daddr 10.42.0.0/24 oifname "eth1" ct state { established, related } accept
    ip saddr 10.42.0.0/24 iifname "eth1" accept
    iifname "eth1" oifname "eth1" accept
    iifname "eth1" reject
    oifname "eth1" reject
  }
}
table ip io.systemd.nat {
  set masq_saddr { type ipv4_addr; flags interval; elements = { 192.168.153.240/28 }; }
  map map_port_ipport { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 2222 : 192.168.153.251 . 22 }; }
  chain prerouting { type nat hook prerouting priority dstnat + 1; policy accept; fib daddr type local dnat ip to meta l4proto . th dport map @map_port_ipport; }
  chain output { type nat hook output priority -99; policy accept; ip daddr != 127.0.0.0/8 oif "lo" dnat ip to meta l4proto . th dport map @map_port_ipport; }
  chain postrouting { type nat hook postrouting priority srcnat + 1; policy accept; ip saddr @masq_saddr masquerade; }
}
table ip libvirt_network {
  chain forward { type filter hook forward priority filter; policy accept; counter jump guest_cross; counter jump guest_input; counter jump guest_output; }
  chain guest_output { ip saddr 192.168.122.0/24 iif "virbr0" counter accept; iif "virbr0" counter reject; }
  chain guest_input { oif "virbr0" ip daddr 192.168.122.0/24 ct state established,related counter accept; oif "virbr0" counter reject; }
  chain guest_cross { iif "virbr0" oif "virbr0" counter accept; }
  chain guest_nat { type nat hook postrouting priority srcnat; policy accept; ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade; }
}
N
