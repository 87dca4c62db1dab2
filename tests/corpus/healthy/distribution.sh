for t in iptables-nft ip6tables-nft; do i=icmp; r=icmp-host-prohibited; [ $t = iptables-nft ] || { i=ipv6-icmp; r=icmp6-adm-prohibited; }
$t -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
$t -A INPUT -p $i -j ACCEPT
$t -A INPUT -i lo -j ACCEPT
$t -A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
[ $i = icmp ] || $t -A INPUT -d fe80::/64 -p udp -m udp --dport 546 -m state --state NEW -j ACCEPT
$t -A INPUT -j REJECT --reject-with $r
$t -A FORWARD -j REJECT --reject-with $r
done
