# firewalld 2.3.1 (Debian 2.3.1-1+deb13u1), recorded: eth0 in the zone dmz with http, eth1 in internal; its chains of filter only
nft -f - <<'N'
table inet firewalld { # progname firewalld
	ct helper helper-netbios-ns-udp {
		type "netbios-ns" protocol udp
		l3proto ip
	}
	chain filter_PREROUTING {
		type filter hook prerouting priority filter + 10; policy accept;
		icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
	}
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_INPUT_POLICIES
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24, 2002:a00::/24, 2002:7f00::/24, 2002:a9fe::/32, 2002:ac10::/28, 2002:c0a8::/32, 2002:e000::/19 } reject with icmpv6 addr-unreachable
		jump filter_FORWARD_POLICIES
		reject with icmpx admin-prohibited
	}
	chain filter_OUTPUT {
		type filter hook output priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		oifname "lo" accept
		ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24, 2002:a00::/24, 2002:7f00::/24, 2002:a9fe::/32, 2002:ac10::/28, 2002:c0a8::/32, 2002:e000::/19 } reject with icmpv6 addr-unreachable
		jump filter_OUTPUT_POLICIES
	}
	chain filter_INPUT_POLICIES {
		iifname "eth0" jump filter_IN_policy_allow-host-ipv6
		iifname "eth0" jump filter_IN_dmz
		iifname "eth0" reject with icmpx admin-prohibited
		iifname "eth1" jump filter_IN_policy_allow-host-ipv6
		iifname "eth1" jump filter_IN_internal
		iifname "eth1" reject with icmpx admin-prohibited
		jump filter_IN_policy_allow-host-ipv6
		jump filter_IN_public
		reject with icmpx admin-prohibited
	}
	chain filter_FORWARD_POLICIES {
		iifname "eth0" oifname "eth0" jump filter_FWD_dmz
		iifname "eth0" oifname "eth0" reject with icmpx admin-prohibited
		iifname "eth0" oifname "eth1" jump filter_FWD_dmz
		iifname "eth0" oifname "eth1" reject with icmpx admin-prohibited
		iifname "eth0" jump filter_FWD_dmz
		iifname "eth0" reject with icmpx admin-prohibited
		iifname "eth1" oifname "eth0" jump filter_FWD_internal
		iifname "eth1" oifname "eth0" reject with icmpx admin-prohibited
		iifname "eth1" oifname "eth1" jump filter_FWD_internal
		iifname "eth1" oifname "eth1" reject with icmpx admin-prohibited
		iifname "eth1" jump filter_FWD_internal
		iifname "eth1" reject with icmpx admin-prohibited
		oifname "eth0" jump filter_FWD_public
		oifname "eth0" reject with icmpx admin-prohibited
		oifname "eth1" jump filter_FWD_public
		oifname "eth1" reject with icmpx admin-prohibited
		jump filter_FWD_public
		reject with icmpx admin-prohibited
	}
	chain filter_OUTPUT_POLICIES {
		oifname "eth0" jump filter_OUT_dmz
		oifname "eth0" return
		oifname "eth1" jump filter_OUT_internal
		oifname "eth1" return
		jump filter_OUT_public
		return
	}
	chain filter_IN_public {
		jump filter_IN_public_pre
		jump filter_IN_public_log
		jump filter_IN_public_deny
		jump filter_IN_public_allow
		jump filter_IN_public_post
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain filter_IN_public_pre {
	}
	chain filter_IN_public_log {
	}
	chain filter_IN_public_deny {
	}
	chain filter_IN_public_allow {
		tcp dport 22 accept
		ip6 daddr fe80::/64 udp dport 546 accept
	}
	chain filter_IN_public_post {
	}
	chain filter_OUT_public {
		jump filter_OUT_public_pre
		jump filter_OUT_public_log
		jump filter_OUT_public_deny
		jump filter_OUT_public_allow
		jump filter_OUT_public_post
	}
	chain filter_OUT_public_pre {
	}
	chain filter_OUT_public_log {
	}
	chain filter_OUT_public_deny {
	}
	chain filter_OUT_public_allow {
	}
	chain filter_OUT_public_post {
	}
	chain filter_FWD_public {
		jump filter_FWD_public_pre
		jump filter_FWD_public_log
		jump filter_FWD_public_deny
		jump filter_FWD_public_allow
		jump filter_FWD_public_post
	}
	chain filter_FWD_public_pre {
	}
	chain filter_FWD_public_log {
	}
	chain filter_FWD_public_deny {
	}
	chain filter_FWD_public_allow {
	}
	chain filter_FWD_public_post {
	}
	chain filter_IN_policy_allow-host-ipv6 {
		jump filter_IN_policy_allow-host-ipv6_pre
		jump filter_IN_policy_allow-host-ipv6_log
		jump filter_IN_policy_allow-host-ipv6_deny
		jump filter_IN_policy_allow-host-ipv6_allow
		jump filter_IN_policy_allow-host-ipv6_post
	}
	chain filter_IN_policy_allow-host-ipv6_pre {
	}
	chain filter_IN_policy_allow-host-ipv6_log {
	}
	chain filter_IN_policy_allow-host-ipv6_deny {
	}
	chain filter_IN_policy_allow-host-ipv6_allow {
		icmpv6 type nd-neighbor-advert accept
		icmpv6 type nd-neighbor-solicit accept
		icmpv6 type nd-redirect accept
		icmpv6 type nd-router-advert accept
	}
	chain filter_IN_policy_allow-host-ipv6_post {
	}
	chain filter_IN_dmz {
		jump filter_IN_dmz_pre
		jump filter_IN_dmz_log
		jump filter_IN_dmz_deny
		jump filter_IN_dmz_allow
		jump filter_IN_dmz_post
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain filter_IN_dmz_pre {
	}
	chain filter_IN_dmz_log {
	}
	chain filter_IN_dmz_deny {
	}
	chain filter_IN_dmz_allow {
		tcp dport 22 accept
		tcp dport 80 accept
	}
	chain filter_IN_dmz_post {
	}
	chain filter_OUT_dmz {
		jump filter_OUT_dmz_pre
		jump filter_OUT_dmz_log
		jump filter_OUT_dmz_deny
		jump filter_OUT_dmz_allow
		jump filter_OUT_dmz_post
	}
	chain filter_OUT_dmz_pre {
	}
	chain filter_OUT_dmz_log {
	}
	chain filter_OUT_dmz_deny {
	}
	chain filter_OUT_dmz_allow {
	}
	chain filter_OUT_dmz_post {
	}
	chain filter_FWD_dmz {
		jump filter_FWD_dmz_pre
		jump filter_FWD_dmz_log
		jump filter_FWD_dmz_deny
		jump filter_FWD_dmz_allow
		jump filter_FWD_dmz_post
	}
	chain filter_FWD_dmz_pre {
	}
	chain filter_FWD_dmz_log {
	}
	chain filter_FWD_dmz_deny {
	}
	chain filter_FWD_dmz_allow {
		oifname "eth0" accept
	}
	chain filter_FWD_dmz_post {
	}
	chain filter_IN_internal {
		jump filter_IN_internal_pre
		jump filter_IN_internal_log
		jump filter_IN_internal_deny
		jump filter_IN_internal_allow
		jump filter_IN_internal_post
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain filter_IN_internal_pre {
	}
	chain filter_IN_internal_log {
	}
	chain filter_IN_internal_deny {
	}
	chain filter_IN_internal_allow {
		tcp dport 22 accept
		ip daddr 224.0.0.251 udp dport 5353 accept
		ip6 daddr ff02::fb udp dport 5353 accept
		udp dport 137 ct helper set "helper-netbios-ns-udp"
		udp dport 137 accept
		udp dport 138 accept
		ip6 daddr fe80::/64 udp dport 546 accept
	}
	chain filter_IN_internal_post {
	}
	chain filter_OUT_internal {
		jump filter_OUT_internal_pre
		jump filter_OUT_internal_log
		jump filter_OUT_internal_deny
		jump filter_OUT_internal_allow
		jump filter_OUT_internal_post
	}
	chain filter_OUT_internal_pre {
	}
	chain filter_OUT_internal_log {
	}
	chain filter_OUT_internal_deny {
	}
	chain filter_OUT_internal_allow {
	}
	chain filter_OUT_internal_post {
	}
	chain filter_FWD_internal {
		jump filter_FWD_internal_pre
		jump filter_FWD_internal_log
		jump filter_FWD_internal_deny
		jump filter_FWD_internal_allow
		jump filter_FWD_internal_post
	}
	chain filter_FWD_internal_pre {
	}
	chain filter_FWD_internal_log {
	}
	chain filter_FWD_internal_deny {
	}
	chain filter_FWD_internal_allow {
		oifname "eth1" accept
	}
	chain filter_FWD_internal_post {
	}
}
N
