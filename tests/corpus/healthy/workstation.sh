nft -f - <<'N'
table inet filter {
 chain input { type filter hook input priority 0; policy drop;
  iif lo accept comment "Accept any localhost traffic"
  ct state invalid drop comment "Drop invalid connections"
  ct state established,related accept comment "Accept traffic originated from us"
  meta l4proto ipv6-icmp accept comment "Accept ICMPv6"
  meta l4proto icmp accept comment "Accept ICMP"
  ip protocol igmp accept comment "Accept IGMP"
  udp dport mdns ip6 daddr ff02::fb accept comment "Accept mDNS"
  udp dport mdns ip daddr 224.0.0.251 accept comment "Accept mDNS"
  ip saddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } jump LAN
  counter comment "Count any other traffic"
 }
 chain forward { type filter hook forward priority 0; policy drop; }
 chain output { type filter hook output priority 0; policy accept; }
 chain LAN {
  udp sport 1900 udp dport >= 1024 meta pkttype unicast limit rate 4/second burst 20 packets accept comment "Accept UPnP IGD port mapping reply"
  udp sport netbios-ns udp dport >= 1024 meta pkttype unicast accept comment "Accept Samba Workgroup browsing replies"
  tcp dport 22 accept
 }
}
N
