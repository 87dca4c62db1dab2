# libvirt 11.3.0 (Debian 11.3.0-3+deb13u3) with nftables, recorded: its default network, and a routed one
for n in 0 1; do ip link add virbr$n type bridge; ip link set virbr$n up; done
ip addr add 192.168.122.1/24 dev virbr0; ip addr add 192.168.100.1/24 dev virbr1; ip -6 addr add 2001:db8:ca2:2::1/64 dev virbr1 nodad
nft -f - <<'N'
table ip libvirt_network {
	chain forward {
		type filter hook forward priority filter; policy accept;
		counter jump guest_cross
		counter jump guest_input
		counter jump guest_output
	}
	chain guest_output {
		ip saddr 192.168.100.0/24 iif "virbr1" counter accept
		iif "virbr1" counter reject
		ip saddr 192.168.122.0/24 iif "virbr0" counter accept
		iif "virbr0" counter reject
	}
	chain guest_input {
		ip daddr 192.168.100.0/24 oif "virbr1" counter accept
		oif "virbr1" counter reject
		oif "virbr0" ip daddr 192.168.122.0/24 ct state established,related counter accept
		oif "virbr0" counter reject
	}
	chain guest_cross {
		iif "virbr1" oif "virbr1" counter accept
		iif "virbr0" oif "virbr0" counter accept
	}
	chain guest_nat {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 192.168.122.0/24 ip daddr 224.0.0.0/24 counter return
		ip saddr 192.168.122.0/24 ip daddr 255.255.255.255 counter return
		meta l4proto tcp ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade to :1024-65535
		meta l4proto udp ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade to :1024-65535
		ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade
	}
}
table ip6 libvirt_network {
	chain forward {
		type filter hook forward priority filter; policy accept;
		counter jump guest_cross
		counter jump guest_input
		counter jump guest_output
	}
	chain guest_output {
		ip6 saddr 2001:db8:ca2:2::/64 iif "virbr1" counter accept
		iif "virbr1" counter reject
	}
	chain guest_input {
		ip6 daddr 2001:db8:ca2:2::/64 oif "virbr1" counter accept
		oif "virbr1" counter reject
	}
	chain guest_cross {
		iif "virbr1" oif "virbr1" counter accept
	}
	chain guest_nat {
		type nat hook postrouting priority srcnat; policy accept;
	}
}
N
