for t in iptables-legacy ip6tables-legacy; do
i=icmp; r=icmp-admin-prohibited; [ $t = iptables-legacy ] || { i=ipv6-icmp; r=icmp6-adm-prohibited; }
$t -A INPUT -i lo -j ACCEPT
$t -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
$t -A INPUT -m conntrack --ctstate INVALID -j DROP
$t -A INPUT -p $i -j ACCEPT
$t -A INPUT -i eth1 -p udp -m multiport --dports 53,67,123 -j ACCEPT
$t -A INPUT -i eth1 -p tcp -m multiport --dports 22,53 -j ACCEPT
$t -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
$t -A INPUT -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "in: "
$t -A INPUT -i eth1 -j REJECT --reject-with $r
$t -P INPUT DROP; $t -P FORWARD DROP
$t -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
$t -A FORWARD -m conntrack --ctstate INVALID -j DROP
$t -A FORWARD -i eth1 -o eth0 -j ACCEPT
done
iptables-legacy -A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
iptables-legacy -t mangle -A FORWARD -o eth0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
iptables-legacy -t nat -A POSTROUTING -o eth0 -s 10.0.0.0/24 -j MASQUERADE
iptables-legacy -t nat -A POSTROUTING -s 10.0.0.0/24 -d 10.0.0.2 -o eth1 -j MASQUERADE
iptables-legacy -t nat -A PREROUTING -d 192.0.2.1 -p tcp --dport 8443 -j DNAT --to-destination 10.0.0.2:443
iptables-legacy -t nat -A OUTPUT -d 192.0.2.1 -p tcp --dport 8443 -j DNAT --to-destination 10.0.0.2:443
