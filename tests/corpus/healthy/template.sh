# the guide's own template
for t in iptables-nft ip6tables-nft; do
$t -A INPUT -i lo -j ACCEPT; $t -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT; $t -A INPUT -m state --state INVALID -j DROP
for p in 22 80 443; do $t -A INPUT -p tcp --dport $p -j ACCEPT; done; done
iptables-nft -A INPUT -p icmp --icmp-type echo-request -j ACCEPT; ip6tables-nft -A INPUT -p ipv6-icmp -j ACCEPT
for t in iptables-nft ip6tables-nft; do $t -A INPUT -m limit --limit 5/min -j LOG --log-prefix "DROPPED: "; $t -A INPUT -j DROP; done
