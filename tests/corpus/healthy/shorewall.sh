iptables-nft-restore <<'N'
*raw
:PREROUTING ACCEPT
:OUTPUT ACCEPT
-A PREROUTING -p tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:INPUT DROP
:FORWARD DROP
:OUTPUT DROP
:dynamic - [0:0]
:fw-net - [0:0]
:fw-loc - [0:0]
:loc-fw - [0:0]
:loc-net - [0:0]
:net-fw - [0:0]
:net-loc - [0:0]
:net_frwd - [0:0]
:loc_frwd - [0:0]
:reject - [0:0]
:logdrop - [0:0]
:smurfs - [0:0]
:tcpflags - [0:0]
:sfilter - [0:0]
-A INPUT -i eth0 -j net-fw
-A INPUT -i eth1 -j loc-fw
-A INPUT -i lo -j ACCEPT
-A INPUT -m addrtype --dst-type BROADCAST -j DROP
-A INPUT -m addrtype --dst-type MULTICAST -j DROP
-A INPUT -m limit --limit 1/s -j LOG --log-prefix "INPUT REJECT "
-A INPUT -g reject
-A FORWARD -i eth0 -j net_frwd
-A FORWARD -i eth1 -j loc_frwd
-A FORWARD -m limit --limit 1/s -j LOG --log-prefix "FORWARD REJECT "
-A FORWARD -g reject
-A OUTPUT -o eth0 -j fw-net
-A OUTPUT -o eth1 -j fw-loc
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -g reject
-A fw-net -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A fw-net -j ACCEPT
-A fw-loc -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A fw-loc -j ACCEPT
-A net_frwd -m conntrack --ctstate NEW,INVALID,UNTRACKED -j dynamic
-A net_frwd -p tcp -j tcpflags
-A net_frwd -o eth1 -j net-loc
-A loc_frwd -m conntrack --ctstate NEW,INVALID,UNTRACKED -j dynamic
-A loc_frwd -o eth0 -j loc-net
-A loc-fw -m conntrack --ctstate NEW,INVALID,UNTRACKED -j dynamic
-A loc-fw -p tcp -j tcpflags
-A loc-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A loc-fw -j ACCEPT
-A loc-net -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A loc-net -j ACCEPT
-A net-fw -m conntrack --ctstate NEW,INVALID,UNTRACKED -j dynamic
-A net-fw -m conntrack --ctstate NEW,INVALID,UNTRACKED -j smurfs
-A net-fw -p tcp -j tcpflags
-A net-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A net-fw -p icmp --icmp-type 8 -j ACCEPT
-A net-fw -p tcp -m multiport --dports 22,80 -j ACCEPT
-A net-fw -m limit --limit 1/s -j LOG --log-prefix "net-fw DROP "
-A net-fw -j DROP
-A net-loc -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A net-loc -m conntrack --ctstate INVALID -j DROP
-A net-loc -j DROP
-A logdrop -j DROP
-A reject -m addrtype --src-type BROADCAST -j DROP
-A reject -s 224.0.0.0/4 -j DROP
-A reject -p igmp -j DROP
-A reject -p tcp -j REJECT --reject-with tcp-reset
-A reject -p udp -j REJECT
-A reject -p icmp -j REJECT --reject-with icmp-host-unreachable
-A reject -j REJECT --reject-with icmp-host-prohibited
-A smurfs -s 0.0.0.0/32 -j RETURN
-A smurfs -m addrtype --src-type BROADCAST -g logdrop
-A smurfs -s 224.0.0.0/4 -g logdrop
-A tcpflags -p tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -g logdrop
-A tcpflags -p tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -g logdrop
-A tcpflags -p tcp --tcp-flags SYN,RST SYN,RST -g logdrop
-A tcpflags -p tcp --tcp-flags FIN,SYN FIN,SYN -g logdrop
COMMIT
*nat
:POSTROUTING ACCEPT
-A POSTROUTING -s 10.0.0.0/24 -o eth0 -j MASQUERADE
COMMIT
N
