nft -f - <<'N'
table inet fw4 {
	chain input { type filter hook input priority filter; policy drop;
		iif "lo" accept comment "!fw4: Accept traffic from loopback"
		ct state vmap { established : accept, related : accept } comment "!fw4: Handle inbound flows"
		tcp flags & (fin | syn | rst | ack) == syn jump syn_flood comment "!fw4: Rate limit TCP syn packets"
		iifname "eth1" jump input_lan comment "!fw4: Handle lan IPv4/IPv6 input traffic"
		iifname "eth0" jump input_wan comment "!fw4: Handle wan IPv4/IPv6 input traffic"
		jump handle_reject
}
	chain forward { type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept } comment "!fw4: Handle forwarded flows"
		iifname "eth1" jump forward_lan
		iifname "eth0" jump forward_wan
		jump handle_reject
}
	chain output { type filter hook output priority filter; policy accept;
		oif "lo" accept
		ct state vmap { established : accept, related : accept
}
		oifname "eth1" jump output_lan
		oifname "eth0" jump output_wan
}
	chain prerouting { type filter hook prerouting priority filter; policy accept; iifname "eth1" jump helper_lan;
}
	chain handle_reject { meta l4proto tcp reject with tcp reset
		reject with icmpx port-unreachable
}
	chain syn_flood { limit rate 25/second burst 50 packets return
		drop
}
	chain input_lan { jump accept_from_lan
}
	chain output_lan { jump accept_to_lan
}
	chain forward_lan { jump accept_to_wan
		jump accept_to_lan
}
	chain helper_lan {
}
	chain accept_from_lan { iifname "eth1" counter accept
}
	chain accept_to_lan { oifname "eth1" counter accept
}
	chain input_wan { meta nfproto ipv4 udp dport 68 counter accept
		icmp type echo-request counter accept
		meta nfproto ipv4 meta l4proto igmp counter accept
		meta nfproto ipv6 udp dport 546 counter accept
		ip6 saddr fe80::/10 icmpv6 type . icmpv6 code { mld-listener-query . 0, mld-listener-report . 0, mld-listener-done . 0 } counter accept
		icmpv6 type { destination-unreachable, time-exceeded, echo-request, echo-reply, nd-router-solicit, nd-router-advert } limit rate 1000/second counter accept
		icmpv6 type . icmpv6 code { packet-too-big . 0, parameter-problem . 0, nd-neighbor-solicit . 0, nd-neighbor-advert . 0, parameter-problem . 1 } limit rate 1000/second counter accept
		jump reject_from_wan
}
	chain output_wan { jump accept_to_wan
}
	chain forward_wan { icmpv6 type { destination-unreachable, time-exceeded, echo-request, echo-reply } limit rate 1000/second counter accept
		icmpv6 type . icmpv6 code { packet-too-big . 0, parameter-problem . 0, parameter-problem . 1 } limit rate 1000/second counter accept
		meta l4proto esp counter jump accept_to_lan
		udp dport 500 counter jump accept_to_lan
		jump reject_to_wan
}
	chain accept_to_wan { meta nfproto ipv4 oifname "eth0" ct state invalid counter drop
		oifname "eth0" counter accept
}
	chain reject_from_wan { iifname "eth0" counter jump handle_reject
}
	chain reject_to_wan { oifname "eth0" counter jump handle_reject
}
	chain srcnat { type nat hook postrouting priority srcnat; policy accept; oifname "eth0" jump srcnat_wan;
}
	chain srcnat_wan { meta nfproto ipv4 masquerade
}
	chain mangle_forward { type filter hook forward priority mangle; policy accept; iifname "eth0" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
		oifname "eth0" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
}
}
N
