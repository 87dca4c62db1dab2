# wg-quick with AllowedIPs = 0.0.0.0/0, as it writes its rules with nft
ip link add wg0 type dummy 2>/dev/null || { ip link add wg0 type veth peer name wgp; ip link set wgp up; }; ip addr add 10.2.0.2/32 dev wg0; ip link set wg0 up
ip route add default dev wg0 table 51820; ip rule add not fwmark 51820 table 51820; ip rule add table main suppress_prefixlength 0; sysctl -qw net.ipv4.conf.all.src_valid_mark=1
nft -f - <<'N'
table ip wg-quick-wg0 {
  chain preraw { type filter hook prerouting priority raw; policy accept; iifname != "wg0" ip daddr 10.2.0.2 fib saddr type != local drop; }
  chain premangle { type filter hook prerouting priority mangle; policy accept; meta l4proto udp meta mark set ct mark; }
  chain postmangle { type filter hook postrouting priority mangle; policy accept; meta l4proto udp meta mark 0x0000ca6c ct mark set meta mark; }
}
N
