ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
iptables-nft -t nat -N DOCKER; iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables-nft -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables-nft -t nat -A DOCKER -i docker0 -j RETURN
iptables-nft -N DOCKER; iptables-nft -N DOCKER-FORWARD; iptables-nft -N DOCKER-BRIDGE; iptables-nft -N DOCKER-CT; iptables-nft -N DOCKER-USER; iptables-nft -N DOCKER-ISOLATION-STAGE-1;iptables-nft -N DOCKER-ISOLATION-STAGE-2
iptables-nft -I FORWARD -j DOCKER-FORWARD; iptables-nft -I FORWARD -j DOCKER-USER
iptables-nft -A DOCKER-FORWARD -j DOCKER-CT; iptables-nft -A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1; iptables-nft -A DOCKER-FORWARD -j DOCKER-BRIDGE; iptables-nft -A DOCKER-FORWARD -i docker0 -j ACCEPT
iptables-nft -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A DOCKER-BRIDGE -o docker0 -j DOCKER
iptables-nft -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
iptables-nft -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
iptables-nft -A DOCKER ! -i docker0 -o docker0 -j DROP
