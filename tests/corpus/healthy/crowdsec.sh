# crowdsec-firewall-bouncer 0.0.25 (Debian 0.0.25-5+b11) with nftables, recorded
nft -f - <<'N'
table ip crowdsec {
	set crowdsec-blacklists {
		type ipv4_addr
		flags timeout
		elements = { 203.0.113.54 timeout 4h, 203.0.113.0 timeout 4h }
	}

	chain crowdsec-chain {
		type filter hook input priority filter; policy accept;
		ip saddr @crowdsec-blacklists counter drop
	}
}
table ip6 crowdsec6 {
	set crowdsec6-blacklists {
		type ipv6_addr
		flags timeout
		elements = { 2001:db8:bad::fe timeout 4h }
	}

	chain crowdsec6-chain {
		type filter hook input priority filter; policy accept;
		ip6 saddr @crowdsec6-blacklists counter drop
	}
}
N
