# firewalld 1.3.3 (Debian 1.3.3-1~deb12u2) with FirewallBackend=iptables, recorded: eth0 in the zone dmz with http, eth1 in internal
iptables-nft-restore --noflush <<'N'
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:FORWARD_POLICIES_post - [0:0]
:FORWARD_POLICIES_pre - [0:0]
:FORWARD_ZONES - [0:0]
:FORWARD_direct - [0:0]
:FWD_dmz - [0:0]
:FWD_dmz_allow - [0:0]
:FWD_dmz_deny - [0:0]
:FWD_dmz_log - [0:0]
:FWD_dmz_post - [0:0]
:FWD_dmz_pre - [0:0]
:FWD_internal - [0:0]
:FWD_internal_allow - [0:0]
:FWD_internal_deny - [0:0]
:FWD_internal_log - [0:0]
:FWD_internal_post - [0:0]
:FWD_internal_pre - [0:0]
:FWD_public - [0:0]
:FWD_public_allow - [0:0]
:FWD_public_deny - [0:0]
:FWD_public_log - [0:0]
:FWD_public_post - [0:0]
:FWD_public_pre - [0:0]
:INPUT_POLICIES_post - [0:0]
:INPUT_POLICIES_pre - [0:0]
:INPUT_ZONES - [0:0]
:INPUT_direct - [0:0]
:IN_allow-host-ipv6 - [0:0]
:IN_allow-host-ipv6_allow - [0:0]
:IN_allow-host-ipv6_deny - [0:0]
:IN_allow-host-ipv6_log - [0:0]
:IN_allow-host-ipv6_post - [0:0]
:IN_allow-host-ipv6_pre - [0:0]
:IN_dmz - [0:0]
:IN_dmz_allow - [0:0]
:IN_dmz_deny - [0:0]
:IN_dmz_log - [0:0]
:IN_dmz_post - [0:0]
:IN_dmz_pre - [0:0]
:IN_internal - [0:0]
:IN_internal_allow - [0:0]
:IN_internal_deny - [0:0]
:IN_internal_log - [0:0]
:IN_internal_post - [0:0]
:IN_internal_pre - [0:0]
:IN_public - [0:0]
:IN_public_allow - [0:0]
:IN_public_deny - [0:0]
:IN_public_log - [0:0]
:IN_public_post - [0:0]
:IN_public_pre - [0:0]
:OUTPUT_POLICIES_post - [0:0]
:OUTPUT_POLICIES_pre - [0:0]
:OUTPUT_direct - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -j INPUT_direct
-A INPUT -j INPUT_ZONES
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A FORWARD -i lo -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -j FORWARD_direct
-A FORWARD -j FORWARD_ZONES
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -j OUTPUT_direct
-A OUTPUT -j OUTPUT_POLICIES_pre
-A OUTPUT -j OUTPUT_POLICIES_post
-A FORWARD_ZONES -i eth1 -g FWD_internal
-A FORWARD_ZONES -i eth0 -g FWD_dmz
-A FORWARD_ZONES -g FWD_public
-A FWD_dmz -j FORWARD_POLICIES_pre
-A FWD_dmz -j FWD_dmz_pre
-A FWD_dmz -j FWD_dmz_log
-A FWD_dmz -j FWD_dmz_deny
-A FWD_dmz -j FWD_dmz_allow
-A FWD_dmz -j FWD_dmz_post
-A FWD_dmz -j FORWARD_POLICIES_post
-A FWD_dmz -j REJECT --reject-with icmp-port-unreachable
-A FWD_dmz_allow -o eth0 -j ACCEPT
-A FWD_internal -j FORWARD_POLICIES_pre
-A FWD_internal -j FWD_internal_pre
-A FWD_internal -j FWD_internal_log
-A FWD_internal -j FWD_internal_deny
-A FWD_internal -j FWD_internal_allow
-A FWD_internal -j FWD_internal_post
-A FWD_internal -j FORWARD_POLICIES_post
-A FWD_internal -j REJECT --reject-with icmp-port-unreachable
-A FWD_internal_allow -o eth1 -j ACCEPT
-A FWD_public -j FORWARD_POLICIES_pre
-A FWD_public -j FWD_public_pre
-A FWD_public -j FWD_public_log
-A FWD_public -j FWD_public_deny
-A FWD_public -j FWD_public_allow
-A FWD_public -j FWD_public_post
-A FWD_public -j FORWARD_POLICIES_post
-A FWD_public -j REJECT --reject-with icmp-port-unreachable
-A INPUT_POLICIES_pre -j IN_allow-host-ipv6
-A INPUT_ZONES -i eth1 -g IN_internal
-A INPUT_ZONES -i eth0 -g IN_dmz
-A INPUT_ZONES -g IN_public
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_pre
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_log
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_deny
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_allow
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_post
-A IN_dmz -j INPUT_POLICIES_pre
-A IN_dmz -j IN_dmz_pre
-A IN_dmz -j IN_dmz_log
-A IN_dmz -j IN_dmz_deny
-A IN_dmz -j IN_dmz_allow
-A IN_dmz -j IN_dmz_post
-A IN_dmz -j INPUT_POLICIES_post
-A IN_dmz -p icmp -j ACCEPT
-A IN_dmz -j REJECT --reject-with icmp-port-unreachable
-A IN_dmz_allow -p tcp -m tcp --dport 22 -j ACCEPT
-A IN_dmz_allow -p tcp -m tcp --dport 80 -j ACCEPT
-A IN_internal -j INPUT_POLICIES_pre
-A IN_internal -j IN_internal_pre
-A IN_internal -j IN_internal_log
-A IN_internal -j IN_internal_deny
-A IN_internal -j IN_internal_allow
-A IN_internal -j IN_internal_post
-A IN_internal -j INPUT_POLICIES_post
-A IN_internal -p icmp -j ACCEPT
-A IN_internal -j REJECT --reject-with icmp-port-unreachable
-A IN_internal_allow -p tcp -m tcp --dport 22 -j ACCEPT
-A IN_internal_allow -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
-A IN_internal_allow -p udp -m udp --dport 137 -j ACCEPT
-A IN_internal_allow -p udp -m udp --dport 138 -j ACCEPT
-A IN_public -j INPUT_POLICIES_pre
-A IN_public -j IN_public_pre
-A IN_public -j IN_public_log
-A IN_public -j IN_public_deny
-A IN_public -j IN_public_allow
-A IN_public -j IN_public_post
-A IN_public -j INPUT_POLICIES_post
-A IN_public -p icmp -j ACCEPT
-A IN_public -j REJECT --reject-with icmp-port-unreachable
-A IN_public_allow -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
N
ip6tables-nft-restore --noflush <<'N'
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:FORWARD_POLICIES_post - [0:0]
:FORWARD_POLICIES_pre - [0:0]
:FORWARD_ZONES - [0:0]
:FORWARD_direct - [0:0]
:FWD_dmz - [0:0]
:FWD_dmz_allow - [0:0]
:FWD_dmz_deny - [0:0]
:FWD_dmz_log - [0:0]
:FWD_dmz_post - [0:0]
:FWD_dmz_pre - [0:0]
:FWD_internal - [0:0]
:FWD_internal_allow - [0:0]
:FWD_internal_deny - [0:0]
:FWD_internal_log - [0:0]
:FWD_internal_post - [0:0]
:FWD_internal_pre - [0:0]
:FWD_public - [0:0]
:FWD_public_allow - [0:0]
:FWD_public_deny - [0:0]
:FWD_public_log - [0:0]
:FWD_public_post - [0:0]
:FWD_public_pre - [0:0]
:INPUT_POLICIES_post - [0:0]
:INPUT_POLICIES_pre - [0:0]
:INPUT_ZONES - [0:0]
:INPUT_direct - [0:0]
:IN_allow-host-ipv6 - [0:0]
:IN_allow-host-ipv6_allow - [0:0]
:IN_allow-host-ipv6_deny - [0:0]
:IN_allow-host-ipv6_log - [0:0]
:IN_allow-host-ipv6_post - [0:0]
:IN_allow-host-ipv6_pre - [0:0]
:IN_dmz - [0:0]
:IN_dmz_allow - [0:0]
:IN_dmz_deny - [0:0]
:IN_dmz_log - [0:0]
:IN_dmz_post - [0:0]
:IN_dmz_pre - [0:0]
:IN_internal - [0:0]
:IN_internal_allow - [0:0]
:IN_internal_deny - [0:0]
:IN_internal_log - [0:0]
:IN_internal_post - [0:0]
:IN_internal_pre - [0:0]
:IN_public - [0:0]
:IN_public_allow - [0:0]
:IN_public_deny - [0:0]
:IN_public_log - [0:0]
:IN_public_post - [0:0]
:IN_public_pre - [0:0]
:OUTPUT_POLICIES_post - [0:0]
:OUTPUT_POLICIES_pre - [0:0]
:OUTPUT_direct - [0:0]
:RFC3964_IPv4 - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -j INPUT_direct
-A INPUT -j INPUT_ZONES
-A INPUT -j REJECT --reject-with icmp6-adm-prohibited
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A FORWARD -i lo -j ACCEPT
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -j FORWARD_direct
-A FORWARD -j RFC3964_IPv4
-A FORWARD -j FORWARD_ZONES
-A FORWARD -j REJECT --reject-with icmp6-adm-prohibited
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -j OUTPUT_direct
-A OUTPUT -j RFC3964_IPv4
-A OUTPUT -j OUTPUT_POLICIES_pre
-A OUTPUT -j OUTPUT_POLICIES_post
-A FORWARD_ZONES -i eth1 -g FWD_internal
-A FORWARD_ZONES -i eth0 -g FWD_dmz
-A FORWARD_ZONES -g FWD_public
-A FWD_dmz -j FORWARD_POLICIES_pre
-A FWD_dmz -j FWD_dmz_pre
-A FWD_dmz -j FWD_dmz_log
-A FWD_dmz -j FWD_dmz_deny
-A FWD_dmz -j FWD_dmz_allow
-A FWD_dmz -j FWD_dmz_post
-A FWD_dmz -j FORWARD_POLICIES_post
-A FWD_dmz -j REJECT --reject-with icmp6-port-unreachable
-A FWD_dmz_allow -o eth0 -j ACCEPT
-A FWD_internal -j FORWARD_POLICIES_pre
-A FWD_internal -j FWD_internal_pre
-A FWD_internal -j FWD_internal_log
-A FWD_internal -j FWD_internal_deny
-A FWD_internal -j FWD_internal_allow
-A FWD_internal -j FWD_internal_post
-A FWD_internal -j FORWARD_POLICIES_post
-A FWD_internal -j REJECT --reject-with icmp6-port-unreachable
-A FWD_internal_allow -o eth1 -j ACCEPT
-A FWD_public -j FORWARD_POLICIES_pre
-A FWD_public -j FWD_public_pre
-A FWD_public -j FWD_public_log
-A FWD_public -j FWD_public_deny
-A FWD_public -j FWD_public_allow
-A FWD_public -j FWD_public_post
-A FWD_public -j FORWARD_POLICIES_post
-A FWD_public -j REJECT --reject-with icmp6-port-unreachable
-A INPUT_POLICIES_pre -j IN_allow-host-ipv6
-A INPUT_ZONES -i eth1 -g IN_internal
-A INPUT_ZONES -i eth0 -g IN_dmz
-A INPUT_ZONES -g IN_public
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_pre
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_log
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_deny
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_allow
-A IN_allow-host-ipv6 -j IN_allow-host-ipv6_post
-A IN_allow-host-ipv6_allow -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT
-A IN_allow-host-ipv6_allow -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A IN_allow-host-ipv6_allow -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT
-A IN_allow-host-ipv6_allow -p ipv6-icmp -m icmp6 --icmpv6-type 137 -j ACCEPT
-A IN_dmz -j INPUT_POLICIES_pre
-A IN_dmz -j IN_dmz_pre
-A IN_dmz -j IN_dmz_log
-A IN_dmz -j IN_dmz_deny
-A IN_dmz -j IN_dmz_allow
-A IN_dmz -j IN_dmz_post
-A IN_dmz -j INPUT_POLICIES_post
-A IN_dmz -p ipv6-icmp -j ACCEPT
-A IN_dmz -j REJECT --reject-with icmp6-port-unreachable
-A IN_dmz_allow -p tcp -m tcp --dport 22 -j ACCEPT
-A IN_dmz_allow -p tcp -m tcp --dport 80 -j ACCEPT
-A IN_internal -j INPUT_POLICIES_pre
-A IN_internal -j IN_internal_pre
-A IN_internal -j IN_internal_log
-A IN_internal -j IN_internal_deny
-A IN_internal -j IN_internal_allow
-A IN_internal -j IN_internal_post
-A IN_internal -j INPUT_POLICIES_post
-A IN_internal -p ipv6-icmp -j ACCEPT
-A IN_internal -j REJECT --reject-with icmp6-port-unreachable
-A IN_internal_allow -p tcp -m tcp --dport 22 -j ACCEPT
-A IN_internal_allow -d ff02::fb/128 -p udp -m udp --dport 5353 -j ACCEPT
-A IN_internal_allow -p udp -m udp --dport 137 -j ACCEPT
-A IN_internal_allow -p udp -m udp --dport 138 -j ACCEPT
-A IN_internal_allow -d fe80::/64 -p udp -m udp --dport 546 -j ACCEPT
-A IN_public -j INPUT_POLICIES_pre
-A IN_public -j IN_public_pre
-A IN_public -j IN_public_log
-A IN_public -j IN_public_deny
-A IN_public -j IN_public_allow
-A IN_public -j IN_public_post
-A IN_public -j INPUT_POLICIES_post
-A IN_public -p ipv6-icmp -j ACCEPT
-A IN_public -j REJECT --reject-with icmp6-port-unreachable
-A IN_public_allow -p tcp -m tcp --dport 22 -j ACCEPT
-A IN_public_allow -d fe80::/64 -p udp -m udp --dport 546 -j ACCEPT
-A RFC3964_IPv4 -d 2002:e000::/19 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d 2002:a9fe::/32 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d 2002:c0a8::/32 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d 2002:ac10::/28 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d 2002:7f00::/24 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d 2002:a00::/24 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d 2002::/24 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d ::ffff:0.0.0.0/96 -j REJECT --reject-with icmp6-addr-unreachable
-A RFC3964_IPv4 -d ::/96 -j REJECT --reject-with icmp6-addr-unreachable
COMMIT
N
ip6tables-nft-restore --noflush <<'N'
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:FORWARD_direct - [0:0]
:INPUT_direct - [0:0]
:OUTPUT_direct - [0:0]
:POSTROUTING_direct - [0:0]
:PREROUTING_POLICIES_post - [0:0]
:PREROUTING_POLICIES_pre - [0:0]
:PREROUTING_ZONES - [0:0]
:PREROUTING_direct - [0:0]
:PRE_allow-host-ipv6 - [0:0]
:PRE_allow-host-ipv6_allow - [0:0]
:PRE_allow-host-ipv6_deny - [0:0]
:PRE_allow-host-ipv6_log - [0:0]
:PRE_allow-host-ipv6_post - [0:0]
:PRE_allow-host-ipv6_pre - [0:0]
:PRE_dmz - [0:0]
:PRE_dmz_allow - [0:0]
:PRE_dmz_deny - [0:0]
:PRE_dmz_log - [0:0]
:PRE_dmz_post - [0:0]
:PRE_dmz_pre - [0:0]
:PRE_internal - [0:0]
:PRE_internal_allow - [0:0]
:PRE_internal_deny - [0:0]
:PRE_internal_log - [0:0]
:PRE_internal_post - [0:0]
:PRE_internal_pre - [0:0]
:PRE_public - [0:0]
:PRE_public_allow - [0:0]
:PRE_public_deny - [0:0]
:PRE_public_log - [0:0]
:PRE_public_post - [0:0]
:PRE_public_pre - [0:0]
-A PREROUTING -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT
-A PREROUTING -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
-A PREROUTING -m rpfilter --validmark --invert -j DROP
-A PREROUTING -j PREROUTING_direct
-A PREROUTING -j PREROUTING_ZONES
-A INPUT -j INPUT_direct
-A FORWARD -j FORWARD_direct
-A OUTPUT -j OUTPUT_direct
-A POSTROUTING -j POSTROUTING_direct
-A PREROUTING_POLICIES_pre -j PRE_allow-host-ipv6
-A PREROUTING_ZONES -i eth1 -g PRE_internal
-A PREROUTING_ZONES -i eth0 -g PRE_dmz
-A PREROUTING_ZONES -g PRE_public
-A PRE_allow-host-ipv6 -j PRE_allow-host-ipv6_pre
-A PRE_allow-host-ipv6 -j PRE_allow-host-ipv6_log
-A PRE_allow-host-ipv6 -j PRE_allow-host-ipv6_deny
-A PRE_allow-host-ipv6 -j PRE_allow-host-ipv6_allow
-A PRE_allow-host-ipv6 -j PRE_allow-host-ipv6_post
-A PRE_dmz -j PREROUTING_POLICIES_pre
-A PRE_dmz -j PRE_dmz_pre
-A PRE_dmz -j PRE_dmz_log
-A PRE_dmz -j PRE_dmz_deny
-A PRE_dmz -j PRE_dmz_allow
-A PRE_dmz -j PRE_dmz_post
-A PRE_dmz -j PREROUTING_POLICIES_post
-A PRE_internal -j PREROUTING_POLICIES_pre
-A PRE_internal -j PRE_internal_pre
-A PRE_internal -j PRE_internal_log
-A PRE_internal -j PRE_internal_deny
-A PRE_internal -j PRE_internal_allow
-A PRE_internal -j PRE_internal_post
-A PRE_internal -j PREROUTING_POLICIES_post
-A PRE_public -j PREROUTING_POLICIES_pre
-A PRE_public -j PRE_public_pre
-A PRE_public -j PRE_public_log
-A PRE_public -j PRE_public_deny
-A PRE_public -j PRE_public_allow
-A PRE_public -j PRE_public_post
-A PRE_public -j PREROUTING_POLICIES_post
COMMIT
N
