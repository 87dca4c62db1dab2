iptables-nft -N TCP; iptables-nft -N UDP
iptables-nft -P FORWARD DROP; iptables-nft -P OUTPUT ACCEPT; iptables-nft -P INPUT DROP
iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A INPUT -i lo -j ACCEPT
iptables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP
iptables-nft -A INPUT -p icmp --icmp-type 8 -m conntrack --ctstate NEW -j ACCEPT
iptables-nft -A INPUT -p udp -m conntrack --ctstate NEW -j UDP
iptables-nft -A INPUT -p tcp --syn -m conntrack --ctstate NEW -j TCP
iptables-nft -A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable
iptables-nft -A INPUT -p tcp -j REJECT --reject-with tcp-reset
iptables-nft -A INPUT -j REJECT --reject-with icmp-proto-unreachable
iptables-nft -A TCP -p tcp --dport 22 -j ACCEPT
iptables-nft -A TCP -p tcp --dport 80 -j ACCEPT
iptables-nft -A TCP -p tcp --dport 443 -j ACCEPT
ip6tables-nft -P INPUT DROP; ip6tables-nft -P FORWARD DROP
ip6tables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
ip6tables-nft -A INPUT -i lo -j ACCEPT
ip6tables-nft -A INPUT -p ipv6-icmp -j ACCEPT
ip6tables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP
ip6tables-nft -A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT
ip6tables-nft -A INPUT -j REJECT --reject-with icmp6-adm-prohibited
