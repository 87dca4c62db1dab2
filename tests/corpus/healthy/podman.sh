# netavark 1.14.0 (Debian 1.14.0-2) with nftables, recorded: a network with a published port, and an isolated one
for n in 0 1; do ip link add podman$n type bridge; ip link set podman$n up; done
ip addr add 10.88.0.1/16 dev podman0; ip -6 addr add fd00:88::1/64 dev podman0 nodad; ip addr add 10.89.0.1/24 dev podman1
nft -f - <<'N'
table inet netavark {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		ip saddr 10.88.0.0/16 meta l4proto { tcp, udp } th dport 53 accept
		ip6 saddr fd00:88::/64 meta l4proto { tcp, udp } th dport 53 accept
		ip saddr 10.89.0.0/24 meta l4proto { tcp, udp } th dport 53 accept
	}
	chain FORWARD {
		type filter hook forward priority filter; policy accept;
		ct state invalid drop
		jump NETAVARK-ISOLATION-1
		ip daddr 10.88.0.0/16 ct state established,related accept
		ip saddr 10.88.0.0/16 accept
		ip6 daddr fd00:88::/64 ct state established,related accept
		ip6 saddr fd00:88::/64 accept
		ip daddr 10.89.0.0/24 ct state established,related accept
		ip saddr 10.89.0.0/24 accept
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		meta mark & 0x00002000 == 0x00002000 masquerade
		ip saddr 10.88.0.0/16 jump nv_2f259bab_10_88_0_0_nm16
		ip6 saddr fd00:88::/64 jump nv_2f259bab_fd00-88--_nm64
		ip saddr 10.89.0.0/24 jump nv_53ce4390_10_89_0_0_nm24
	}
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local jump NETAVARK-HOSTPORT-DNAT
	}
	chain OUTPUT {
		type nat hook output priority -100; policy accept;
		fib daddr type local jump NETAVARK-HOSTPORT-DNAT
	}
	chain NETAVARK-HOSTPORT-DNAT {
		tcp dport 8080 jump nv_2f259bab_10_88_0_0_nm16_dnat
		tcp dport 8080 jump nv_2f259bab_fd00-88--_nm64_dnat
		tcp dport 8080 jump nv_53ce4390_10_89_0_0_nm24_dnat
	}
	chain NETAVARK-HOSTPORT-SETMARK {
		meta mark set meta mark | 0x00002000
	}
	chain NETAVARK-ISOLATION-1 {
		iifname "podman1" oifname != "podman1" jump NETAVARK-ISOLATION-2
	}
	chain NETAVARK-ISOLATION-2 {
		oifname "podman1" drop
	}
	chain NETAVARK-ISOLATION-3 {
		oifname "podman0" drop
		jump NETAVARK-ISOLATION-2
	}
	chain nv_2f259bab_10_88_0_0_nm16 {
		ip daddr 10.88.0.0/16 accept
		ip daddr != 224.0.0.0/4 masquerade
	}
	chain nv_2f259bab_fd00-88--_nm64 {
		ip6 daddr fd00:88::/64 accept
		ip6 daddr != ::/8 masquerade
	}
	chain nv_2f259bab_10_88_0_0_nm16_dnat {
		ip saddr 10.88.0.0/16 tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
		ip saddr 127.0.0.1 tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
		tcp dport 8080 dnat ip to 10.88.0.2:80
	}
	chain nv_2f259bab_fd00-88--_nm64_dnat {
		ip6 saddr fd00:88::/64 tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
		tcp dport 8080 dnat ip6 to [fd00:88::2]:80
	}
	chain nv_53ce4390_10_89_0_0_nm24 {
		ip daddr 10.89.0.0/24 accept
		ip daddr != 224.0.0.0/4 masquerade
	}
	chain nv_53ce4390_10_89_0_0_nm24_dnat {
		ip saddr 10.89.0.0/24 tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
		ip saddr 127.0.0.1 tcp dport 8080 jump NETAVARK-HOSTPORT-SETMARK
		tcp dport 8080 dnat ip to 10.89.0.2:80
	}
}
N
