ip link add virbr0 type bridge; ip addr add 192.168.122.1/24 dev virbr0; ip link set virbr0 up
for c in INP OUT FWI FWO FWX; do iptables-nft -N LIBVIRT_$c; done; iptables-nft -t nat -N LIBVIRT_PRT; iptables-nft -t mangle -N LIBVIRT_PRT
iptables-nft -A INPUT -j LIBVIRT_INP; iptables-nft -A FORWARD -j LIBVIRT_FWX; iptables-nft -A FORWARD -j LIBVIRT_FWI; iptables-nft -A FORWARD -j LIBVIRT_FWO; iptables-nft -A OUTPUT -j LIBVIRT_OUT
for p in udp tcp; do for d in 53 67; do iptables-nft -A LIBVIRT_INP -i virbr0 -p $p --dport $d -j ACCEPT; done; for d in 53 68; do iptables-nft -A LIBVIRT_OUT -o virbr0 -p $p --dport $d -j ACCEPT; done; done
iptables-nft -A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT; iptables-nft -A LIBVIRT_FWO -i virbr0 -j REJECT
iptables-nft -A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables-nft -A LIBVIRT_FWI -o virbr0 -j REJECT
iptables-nft -A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
iptables-nft -t nat -A POSTROUTING -j LIBVIRT_PRT
iptables-nft -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 -j RETURN; iptables-nft -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 -d 255.255.255.255/32 -j RETURN
iptables-nft -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p tcp -j MASQUERADE --to-ports 1024-65535
iptables-nft -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -p udp -j MASQUERADE --to-ports 1024-65535
iptables-nft -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 ! -d 192.168.122.0/24 -j MASQUERADE
