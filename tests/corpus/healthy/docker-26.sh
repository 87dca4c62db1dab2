# Docker 26.1.5 (Debian 26.1.5+dfsg1-9+deb13u1), recorded: networks of its own, one without icc, one internal;
# the published port as its documentation of the rules has it
ip link add docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0; ip link set docker0 up
n=20; for b in 2f828f37ae78 3795d754d7c9 72f30229092f; do ip link add br-$b type bridge; ip addr add 172.$n.0.1/16 dev br-$b; ip link set br-$b up; n=$((n + 1)); done
iptables-nft-restore --noflush <<'N'
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -i br-72f30229092f -o br-72f30229092f -j ACCEPT
-A FORWARD -o br-3795d754d7c9 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-3795d754d7c9 -j DOCKER
-A FORWARD -i br-3795d754d7c9 ! -o br-3795d754d7c9 -j ACCEPT
-A FORWARD -o br-2f828f37ae78 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-2f828f37ae78 -j DOCKER
-A FORWARD -i br-2f828f37ae78 ! -o br-2f828f37ae78 -j ACCEPT
-A FORWARD -i br-2f828f37ae78 -o br-2f828f37ae78 -j ACCEPT
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A FORWARD -i br-3795d754d7c9 -o br-3795d754d7c9 -j DROP
-A DOCKER -d 172.20.0.2/32 ! -i br-2f828f37ae78 -o br-2f828f37ae78 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 ! -s 172.22.0.0/16 -o br-72f30229092f -j DROP
-A DOCKER-ISOLATION-STAGE-1 ! -d 172.22.0.0/16 -i br-72f30229092f -j DROP
-A DOCKER-ISOLATION-STAGE-1 -i br-3795d754d7c9 ! -o br-3795d754d7c9 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -i br-2f828f37ae78 ! -o br-2f828f37ae78 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o br-3795d754d7c9 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o br-2f828f37ae78 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.21.0.0/16 ! -o br-3795d754d7c9 -j MASQUERADE
-A POSTROUTING -s 172.20.0.0/16 ! -o br-2f828f37ae78 -j MASQUERADE
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.20.0.2/32 -d 172.20.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i br-3795d754d7c9 -j RETURN
-A DOCKER -i br-2f828f37ae78 -j RETURN
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i br-2f828f37ae78 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.20.0.2:80
COMMIT
N
