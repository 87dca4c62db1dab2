ip link add wg0 type dummy 2>/dev/null || { ip link add wg0 type veth peer name wgp; ip link set wgp up; }; ip addr add 10.8.0.1/24 dev wg0; ip link set wg0 up
iptables-nft -P INPUT DROP; iptables-nft -P FORWARD DROP
iptables-nft -A INPUT -i lo -j ACCEPT; iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; iptables-nft -A INPUT -m conntrack --ctstate INVALID -j DROP
iptables-nft -A INPUT -p udp --dport 51820 -j ACCEPT; iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT; iptables-nft -A INPUT -p icmp -j ACCEPT; iptables-nft -A INPUT -i wg0 -j ACCEPT
iptables-nft -A FORWARD -i wg0 -j ACCEPT; iptables-nft -A FORWARD -o wg0 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables-nft -t nat -A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
ip6tables-nft -P INPUT DROP; ip6tables-nft -P FORWARD DROP; ip6tables-nft -A INPUT -i lo -j ACCEPT; ip6tables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; ip6tables-nft -A INPUT -p ipv6-icmp -j ACCEPT; ip6tables-nft -A INPUT -p tcp --dport 22 -j ACCEPT;  ip6tables-nft -A INPUT -p udp --dport 51820 -j ACCEPT
