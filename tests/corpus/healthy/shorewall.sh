# Shorewall and Shorewall6 5.2.8 (Debian 5.2.8-6), recorded: net at eth0, loc at eth1, masquerading
iptables-nft-restore --noflush <<'N'
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -j MARK --set-xmark 0x0/0xff
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:dynamic - [0:0]
:loc-fw - [0:0]
:loc_frwd - [0:0]
:logdrop - [0:0]
:logflags - [0:0]
:logreject - [0:0]
:net-fw - [0:0]
:net-loc - [0:0]
:net_frwd - [0:0]
:reject - [0:0]
:sfilter - [0:0]
:sha-lh-0a2824177d0e70ea72c7 - [0:0]
:sha-rh-e07e40a78b2af56cab18 - [0:0]
:shorewall - [0:0]
:tcpflags - [0:0]
-A INPUT -i eth0 -j net-fw
-A INPUT -i eth1 -j loc-fw
-A INPUT -i lo -j ACCEPT
-A INPUT -m addrtype --dst-type BROADCAST -j DROP
-A INPUT -m addrtype --dst-type ANYCAST -j DROP
-A INPUT -m addrtype --dst-type MULTICAST -j DROP
-A INPUT -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "INPUT REJECT " --log-level 6
-A INPUT -g reject
-A FORWARD -i eth0 -j net_frwd
-A FORWARD -i eth1 -j loc_frwd
-A FORWARD -m addrtype --dst-type BROADCAST -j DROP
-A FORWARD -m addrtype --dst-type ANYCAST -j DROP
-A FORWARD -m addrtype --dst-type MULTICAST -j DROP
-A FORWARD -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "FORWARD REJECT " --log-level 6
-A FORWARD -g reject
-A loc-fw -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A loc-fw -p tcp -j tcpflags
-A loc-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A loc-fw -p tcp -m tcp --dport 22 -j ACCEPT
-A loc-fw -m addrtype --dst-type BROADCAST -j DROP
-A loc-fw -m addrtype --dst-type ANYCAST -j DROP
-A loc-fw -m addrtype --dst-type MULTICAST -j DROP
-A loc-fw -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "loc-fw REJECT " --log-level 6
-A loc-fw -g reject
-A loc_frwd -o eth1 -g sfilter
-A loc_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A loc_frwd -p tcp -j tcpflags
-A loc_frwd -o eth0 -j ACCEPT
-A logdrop -j DROP
-A logflags -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "logflags DROP " --log-level 6 --log-ip-options
-A logflags -j DROP
-A logreject -j reject
-A net-fw -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A net-fw -p tcp -j tcpflags
-A net-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A net-fw -p tcp -m multiport --dports 22,80 -j ACCEPT
-A net-fw -m addrtype --dst-type BROADCAST -j DROP
-A net-fw -m addrtype --dst-type ANYCAST -j DROP
-A net-fw -m addrtype --dst-type MULTICAST -j DROP
-A net-fw -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "net-fw DROP " --log-level 6
-A net-fw -j DROP
-A net-loc -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A net-loc -m addrtype --dst-type BROADCAST -j DROP
-A net-loc -m addrtype --dst-type ANYCAST -j DROP
-A net-loc -m addrtype --dst-type MULTICAST -j DROP
-A net-loc -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "net-loc DROP " --log-level 6
-A net-loc -j DROP
-A net_frwd -o eth0 -g sfilter
-A net_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A net_frwd -p tcp -j tcpflags
-A net_frwd -o eth1 -j net-loc
-A reject -m addrtype --src-type BROADCAST -j DROP
-A reject -s 224.0.0.0/4 -j DROP
-A reject -p 2 -j DROP
-A reject -p tcp -j REJECT --reject-with tcp-reset
-A reject -p udp -j REJECT --reject-with icmp-port-unreachable
-A reject -p icmp -j REJECT --reject-with icmp-host-unreachable
-A reject -j REJECT --reject-with icmp-host-prohibited
-A sfilter -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "sfilter DROP " --log-level 6
-A sfilter -j DROP
-A shorewall -m recent --set --name %CURRENTTIME --mask 255.255.255.255 --rsource
-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,RST FIN,RST -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,PSH,ACK FIN,PSH -g logflags
-A tcpflags -p tcp -m tcp --sport 0 --tcp-flags FIN,SYN,RST,ACK SYN -g logflags
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/24 -o eth0 -j MASQUERADE
COMMIT
N
ip6tables-nft-restore --noflush <<'N'
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -j MARK --set-xmark 0x0/0xff
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:AllowICMPs - [0:0]
:Broadcast - [0:0]
:dynamic - [0:0]
:loc-fw - [0:0]
:loc_frwd - [0:0]
:logdrop - [0:0]
:logflags - [0:0]
:logreject - [0:0]
:net-fw - [0:0]
:net-loc - [0:0]
:net_frwd - [0:0]
:reject - [0:0]
:sfilter - [0:0]
:sha-lh-bc6ffd470d38d579a8c9 - [0:0]
:sha-rh-6c46a92efef7d6037dea - [0:0]
:shorewall - [0:0]
:tcpflags - [0:0]
-A INPUT -i eth0 -j net-fw
-A INPUT -i eth1 -j loc-fw
-A INPUT -i lo -j ACCEPT
-A INPUT -p ipv6-icmp -j AllowICMPs
-A INPUT -j Broadcast
-A INPUT -d ff00::/8 -j DROP
-A INPUT -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "INPUT REJECT " --log-level 6
-A INPUT -g reject
-A FORWARD -i eth0 -j net_frwd
-A FORWARD -i eth1 -j loc_frwd
-A FORWARD -p ipv6-icmp -j AllowICMPs
-A FORWARD -j Broadcast
-A FORWARD -d ff00::/8 -j DROP
-A FORWARD -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "FORWARD REJECT " --log-level 6
-A FORWARD -g reject
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 1 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 2 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 3 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 4 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 133 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 134 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 137 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 141 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 142 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 130 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 131 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 132 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 143 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 148 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -p ipv6-icmp -m icmp6 --icmpv6-type 149 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 151 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 152 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A AllowICMPs -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 153 -m comment --comment "Needed ICMP types (RFC4890)" -j ACCEPT
-A Broadcast -d 2001:db8:1::/128 -j DROP
-A Broadcast -d 2001:db8:1:0:ffff:ffff:ffff:ff80/121 -j DROP
-A Broadcast -d 2001:db8:2::/128 -j DROP
-A Broadcast -d 2001:db8:2:0:ffff:ffff:ffff:ff80/121 -j DROP
-A loc-fw -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A loc-fw -p tcp -j tcpflags
-A loc-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A loc-fw -p tcp -m tcp --dport 22 -j ACCEPT
-A loc-fw -p ipv6-icmp -j AllowICMPs
-A loc-fw -j Broadcast
-A loc-fw -d ff00::/8 -j DROP
-A loc-fw -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "loc-fw REJECT " --log-level 6
-A loc-fw -g reject
-A loc_frwd -o eth1 -g sfilter
-A loc_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A loc_frwd -p tcp -j tcpflags
-A loc_frwd -o eth0 -j ACCEPT
-A logdrop -j DROP
-A logflags -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "logflags DROP " --log-level 6 --log-ip-options
-A logflags -j DROP
-A logreject -j reject
-A net-fw -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A net-fw -p tcp -j tcpflags
-A net-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A net-fw -p tcp -m multiport --dports 22,80 -j ACCEPT
-A net-fw -p ipv6-icmp -j AllowICMPs
-A net-fw -j Broadcast
-A net-fw -d ff00::/8 -j DROP
-A net-fw -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "net-fw DROP " --log-level 6
-A net-fw -j DROP
-A net-loc -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A net-loc -p ipv6-icmp -j AllowICMPs
-A net-loc -j Broadcast
-A net-loc -d ff00::/8 -j DROP
-A net-loc -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "net-loc DROP " --log-level 6
-A net-loc -j DROP
-A net_frwd -o eth0 -g sfilter
-A net_frwd -m conntrack --ctstate INVALID,NEW,UNTRACKED -j dynamic
-A net_frwd -p tcp -j tcpflags
-A net_frwd -o eth1 -j net-loc
-A reject -d 2001:db8:1::/128 -j DROP
-A reject -d 2001:db8:1:0:ffff:ffff:ffff:ff80/121 -j DROP
-A reject -d 2001:db8:2::/128 -j DROP
-A reject -d 2001:db8:2:0:ffff:ffff:ffff:ff80/121 -j DROP
-A reject -s ff00::/8 -j DROP
-A reject -p 2 -j DROP
-A reject -p tcp -j REJECT --reject-with tcp-reset
-A reject -p udp -j REJECT --reject-with icmp6-port-unreachable
-A reject -p ipv6-icmp -j REJECT --reject-with icmp6-addr-unreachable
-A reject -j REJECT --reject-with icmp6-adm-prohibited
-A sfilter -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 10 --hashlimit-mode srcip --hashlimit-name lograte -j LOG --log-prefix "sfilter DROP " --log-level 6
-A sfilter -j DROP
-A shorewall -m recent --set --name %CURRENTTIME --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource
-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,RST FIN,RST -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -g logflags
-A tcpflags -p tcp -m tcp --tcp-flags FIN,PSH,ACK FIN,PSH -g logflags
-A tcpflags -p tcp -m tcp --sport 0 --tcp-flags FIN,SYN,RST,ACK SYN -g logflags
COMMIT
N
