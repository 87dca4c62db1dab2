ip link add tailscale0 type dummy 2>/dev/null || { ip link add tailscale0 type veth peer name tsp; ip link set tsp up; }; ip addr add 100.101.102.103/32 dev tailscale0; ip link set tailscale0 up
for t in iptables-nft ip6tables-nft; do $t -N ts-input; $t -N ts-forward; $t -I INPUT -j ts-input; $t -I FORWARD -j ts-forward; $t -t nat -N ts-postrouting; $t -t nat -I POSTROUTING -j ts-postrouting; done
iptables-nft -A ts-input -s 100.101.102.103/32 -i lo -j ACCEPT; iptables-nft -A ts-input -s 100.115.92.0/23 ! -i tailscale0 -j RETURN; iptables-nft -A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP; iptables-nft -A ts-input -i tailscale0 -j ACCEPT; iptables-nft -A ts-input -p udp --dport 41641 -j ACCEPT
for t in iptables-nft ip6tables-nft; do $t -A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000; $t -A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT; done
iptables-nft -A ts-forward -s 100.64.0.0/10 -o tailscale0 -j DROP; iptables-nft -A ts-forward -o tailscale0 -j ACCEPT
ip6tables-nft -A ts-forward -o tailscale0 -j ACCEPT; 
for t in iptables-nft ip6tables-nft; do $t -t nat -A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE; done
