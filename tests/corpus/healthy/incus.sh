ip link add incusbr0 type bridge; ip addr add 10.177.0.1/24 dev incusbr0; ip -6 addr add fd42:1::1/64 dev incusbr0 nodad; ip link set incusbr0 up
nft -f - <<'N'
table inet incus {
	chain pstrt.incusbr0 { type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.177.0.0/24 ip daddr != 10.177.0.0/24 masquerade
		ip6 saddr fd42:1::/64 ip6 daddr != fd42:1::/64 masquerade
	}
	chain fwd.incusbr0 { type filter hook forward priority filter; policy accept;
		ip version 4 oifname "incusbr0" accept
		ip version 4 iifname "incusbr0" accept
		ip6 version 6 oifname "incusbr0" accept
		ip6 version 6 iifname "incusbr0" accept
	}
	chain in.incusbr0 { type filter hook input priority filter; policy accept;
		iifname "incusbr0" tcp dport 53 accept
		iifname "incusbr0" udp dport 53 accept
		iifname "incusbr0" icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		iifname "incusbr0" udp dport 67 accept
		iifname "incusbr0" icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report } accept
		iifname "incusbr0" udp dport 547 accept
	}
	chain out.incusbr0 { type filter hook output priority filter; policy accept;
		oifname "incusbr0" tcp sport 53 accept
		oifname "incusbr0" udp sport 53 accept
		oifname "incusbr0" icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		oifname "incusbr0" udp sport 67 accept
		oifname "incusbr0" icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report } accept
		oifname "incusbr0" udp sport 547 accept
	}
}
N
