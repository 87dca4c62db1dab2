# guests on a bridge whose frames pass iptables, too (bridge-nf-call-iptables)
ip link add br0 type bridge; for n in 0 1; do ip link add vnet$n type veth peer name g$n; ip link set g$n up; ip link set vnet$n master br0 up; done; ip link set br0 up; ip addr add 10.5.0.1/24 dev br0
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null || :
for t in iptables-nft ip6tables-nft; do i=icmp; [ $t = iptables-nft ] || i=ipv6-icmp
$t -P INPUT DROP; $t -P FORWARD DROP
for c in INPUT FORWARD; do $t -A $c -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; done
$t -A INPUT -i lo -j ACCEPT; $t -A INPUT -p $i -j ACCEPT; $t -A INPUT -p tcp -m multiport --dports 22,80,443 -j ACCEPT; $t -A INPUT -i br0 -p udp -m multiport --dports 53,67,547 -j ACCEPT
$t -A FORWARD -i br0 -o br0 -j ACCEPT; $t -A FORWARD -i br0 -o eth0 -j ACCEPT; $t -A FORWARD -p $i -j ACCEPT
done
iptables-nft -t nat -A POSTROUTING -s 10.5.0.0/24 -o eth0 -j MASQUERADE
