iptables-nft-restore <<'N'
*raw
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:cali-OUTPUT - [0:0]
:cali-PREROUTING - [0:0]
:cali-from-host-endpoint - [0:0]
:cali-rpf-skip - [0:0]
:cali-to-host-endpoint - [0:0]
-A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A cali-OUTPUT -m comment --comment "cali:njdnLwYeGqBJyMxW" -j MARK --set-xmark 0x0/0xf0000
-A cali-OUTPUT -m comment --comment "cali:rz86uTUcEZAfFsh7" -j cali-to-host-endpoint
-A cali-OUTPUT -m comment --comment "cali:pN0F5zD0b8yf9W1Z" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-PREROUTING -m comment --comment "cali:XFX5xbM8B9qR10JG" -j MARK --set-xmark 0x0/0xf0000
-A cali-PREROUTING -i cali+ -m comment --comment "cali:EWMPb0zVROM-woQp" -j MARK --set-xmark 0x40000/0x40000
-A cali-PREROUTING -m comment --comment "cali:PWuxTAIaFCtsg5Qa" -m mark --mark 0x40000/0x40000 -j cali-rpf-skip
-A cali-PREROUTING -m comment --comment "cali:fSSbGND7dgyemWU7" -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP
-A cali-PREROUTING -m comment --comment "cali:ImU0-4Rl2WoOI9Ou" -m mark --mark 0x0/0x40000 -j cali-from-host-endpoint
-A cali-PREROUTING -m comment --comment "cali:lV4V2MPoMBf0hl9T" -m mark --mark 0x10000/0x10000 -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
:cali-FORWARD - [0:0]
:cali-INPUT - [0:0]
:cali-OUTPUT - [0:0]
:cali-cidr-block - [0:0]
:cali-from-hep-forward - [0:0]
:cali-from-wl-dispatch - [0:0]
:cali-to-hep-forward - [0:0]
:cali-to-wl-dispatch - [0:0]
:cali-wl-to-host - [0:0]
:cali-fw-cali1234 - [0:0]
:cali-tw-cali1234 - [0:0]
:cali-pri-kns.default - [0:0]
:cali-pro-kns.default - [0:0]
-A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-A FORWARD -m comment --comment "cali:S93hcgKJrXEqnTfs" -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT
-A FORWARD -m comment --comment "cali:mp77cMpurHhyjLrM" -j MARK --set-xmark 0x10000/0x10000
-A OUTPUT -m comment --comment "cali:tVnHkvAo15HuiPy0" -j cali-OUTPUT
-A cali-FORWARD -m comment --comment "cali:vjrMJCRpqwy5oRoX" -j MARK --set-xmark 0x0/0xe0000
-A cali-FORWARD -m comment --comment "cali:A_sPAO0mcxbT9mOV" -m mark --mark 0x0/0x10000 -j cali-from-hep-forward
-A cali-FORWARD -i cali+ -m comment --comment "cali:8ZoYfO5HKXWbB3pk" -j cali-from-wl-dispatch
-A cali-FORWARD -o cali+ -m comment --comment "cali:jdEuaPBe14V2hutn" -j cali-to-wl-dispatch
-A cali-FORWARD -m comment --comment "cali:12bc6HljsMKsmfr-" -j cali-to-hep-forward
-A cali-FORWARD -m comment --comment "cali:NOSxoaGx8OIstr1z" -j cali-cidr-block
-A cali-INPUT -i cali+ -m comment --comment "cali:FewJpBykm9iJ-YNH" -g cali-wl-to-host
-A cali-INPUT -m comment --comment "cali:hder3ARWznqqv8Va" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-OUTPUT -m comment --comment "cali:Mq1_rAdXXH3YkrzW" -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-OUTPUT -o cali+ -m comment --comment "cali:69FkRTJDvD5Vu6Vl" -j RETURN
-A cali-from-wl-dispatch -i cali1234 -m comment --comment "cali:zTj6P0TIgYvgz-md" -g cali-fw-cali1234
-A cali-from-wl-dispatch -m comment --comment "cali:oZ2dLdFnXKSN8dPz" -m comment --comment "Unknown interface" -j DROP
-A cali-to-wl-dispatch -o cali1234 -m comment --comment "cali:7KNphB1nNHw80nIO" -g cali-tw-cali1234
-A cali-to-wl-dispatch -m comment --comment "cali:N7g4NXkHXB5YzXZk" -m comment --comment "Unknown interface" -j DROP
-A cali-wl-to-host -m comment --comment "cali:Ee9Sbo10IpVujdIY" -j cali-from-wl-dispatch
-A cali-wl-to-host -m comment --comment "cali:nSZbcOoG1xPONxb8" -m comment --comment "Configured DefaultEndpointToHostAction" -j ACCEPT
-A cali-fw-cali1234 -m comment --comment "cali:Ud9QCH3NqwW0xxqp" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A cali-fw-cali1234 -m comment --comment "cali:DNxzQpnLa4ZQdq0P" -m conntrack --ctstate INVALID -j DROP
-A cali-fw-cali1234 -m comment --comment "cali:sN2I_-8PRuqnVVcm" -j MARK --set-xmark 0x0/0x10000
-A cali-fw-cali1234 -m comment --comment "cali:sq9lJyyWELnRMJBs" -j cali-pro-kns.default
-A cali-fw-cali1234 -m comment --comment "cali:bVfmcT2rYJVX_jbx" -m comment --comment "Return if profile accepted" -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-fw-cali1234 -m comment --comment "cali:uqIvwTZtbPzfGRaX" -m comment --comment "Drop if no profiles matched" -j DROP
-A cali-tw-cali1234 -m comment --comment "cali:P0xBsUXfFBQ8IfIn" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A cali-tw-cali1234 -m comment --comment "cali:lrz3kkOsRTVgFPJL" -m conntrack --ctstate INVALID -j DROP
-A cali-tw-cali1234 -m comment --comment "cali:6DhE3uZg6Yn3pStL" -j MARK --set-xmark 0x0/0x10000
-A cali-tw-cali1234 -m comment --comment "cali:vOkLmQ8yd7zzhJaX" -j cali-pri-kns.default
-A cali-tw-cali1234 -m comment --comment "cali:YzJhsGg7_e8Rl7Ja" -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-tw-cali1234 -m comment --comment "cali:Lw7s8mAGmgM4oQXD" -m comment --comment "Drop if no profiles matched" -j DROP
-A cali-pri-kns.default -m comment --comment "cali:WMSw8BmYOknRHfsz" -m comment --comment "Profile kns.default ingress" -j MARK --set-xmark 0x10000/0x10000
-A cali-pri-kns.default -m comment --comment "cali:z015ug0cSQa4UEvq" -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-pro-kns.default -m comment --comment "cali:WeEUBgkL8GqXbCYW" -j MARK --set-xmark 0x10000/0x10000
-A cali-pro-kns.default -m comment --comment "cali:b1NzhCFeCJvcpYpb" -m mark --mark 0x10000/0x10000 -j RETURN
COMMIT
N
ip link add cali1234 type veth peer name c0; ip link set cali1234 up; ip link set c0 up; ip route add 10.244.0.5/32 dev cali1234
