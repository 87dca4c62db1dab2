# a router of VyOS 1.4: a policy of states for all, the zone outside let in to ssh alone, masquerading, as its templates and tests have it
nft -f - <<'N'
table ip vyos_filter {
	chain VYOS_FORWARD_filter { type filter hook forward priority filter; policy accept;
		jump VYOS_STATE_POLICY
		iifname "eth0" counter jump NAME_OUTSIDE-IN comment "ipv4-FWD-filter-10"
		counter accept comment "FWD-filter default-action accept"
	}
	chain VYOS_INPUT_filter { type filter hook input priority filter; policy accept;
		jump VYOS_STATE_POLICY
		iifname "lo" counter accept comment "ipv4-INP-filter-5"
		ip protocol icmp counter accept comment "ipv4-INP-filter-10"
		iifname "eth0" tcp dport { 22, 80, 443 } counter accept comment "ipv4-INP-filter-20"
		iifname "eth1" counter accept comment "ipv4-INP-filter-30"
		counter drop comment "INP-filter default-action drop"
	}
	chain VYOS_OUTPUT_filter { type filter hook output priority filter; policy accept;
		jump VYOS_STATE_POLICY
		counter accept comment "OUT-filter default-action accept"
	}
	chain VYOS_FRAG_MARK { type filter hook prerouting priority -450; policy accept;
		ip frag-off & 0x3fff != 0x0 meta mark set 0x000ffff1 return
	}
	chain NAME_OUTSIDE-IN {
		ip protocol icmp counter accept comment "ipv4-NAM-OUTSIDE-IN-10"
		counter drop comment "NAM-OUTSIDE-IN default-action drop"
	}
	chain VYOS_STATE_POLICY {
		ct state established counter accept
		ct state invalid counter drop
		ct state related counter accept
		return
	}
}
table ip6 vyos_filter {
	chain VYOS_IPV6_FORWARD_filter { type filter hook forward priority filter; policy accept;
		jump VYOS_STATE_POLICY6
		iifname "eth0" meta l4proto ipv6-icmp counter accept comment "ipv6-FWD-filter-10"
		iifname "eth0" counter drop comment "ipv6-FWD-filter-20"
		counter accept comment "FWD-filter default-action accept"
	}
	chain VYOS_IPV6_INPUT_filter { type filter hook input priority filter; policy accept;
		jump VYOS_STATE_POLICY6
		iifname "lo" counter accept comment "ipv6-INP-filter-5"
		meta l4proto ipv6-icmp counter accept comment "ipv6-INP-filter-10"
		iifname "eth0" tcp dport { 22, 80, 443 } counter accept comment "ipv6-INP-filter-20"
		iifname "eth1" counter accept comment "ipv6-INP-filter-30"
		counter drop comment "INP-filter default-action drop"
	}
	chain VYOS_STATE_POLICY6 {
		ct state established counter accept
		ct state invalid counter drop
		ct state related counter accept
		return
	}
}
table ip vyos_nat {
	chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept;
		counter jump VYOS_PRE_SNAT_HOOK
		oifname "eth0" ip saddr 10.0.0.0/24 counter masquerade comment "SRC-NAT-100"
	}
	chain VYOS_PRE_SNAT_HOOK { return; }
}
N
