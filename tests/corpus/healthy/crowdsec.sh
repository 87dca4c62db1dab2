nft -f - <<'N'
table ip crowdsec { set crowdsec-blacklists { type ipv4_addr; flags timeout; }
 
 chain crowdsec-chain-input { type filter hook input priority -10; policy accept; ip saddr @crowdsec-blacklists counter drop; }

 chain crowdsec-chain-forward { type filter hook forward priority -10; policy accept; ip saddr @crowdsec-blacklists counter drop; }
 }
table ip6 crowdsec6 { set crowdsec6-blacklists { type ipv6_addr; flags timeout; }
 
 chain crowdsec6-chain-input { type filter hook input priority -10; policy accept; ip6 saddr @crowdsec6-blacklists counter drop; }
 }
N
