//! Differences that were found, made small.

use crate::before::Before;
use crate::packets::Shot;
use crate::rules::Texts;

/// Rules, packets before, and the packet that went another way than was said.
pub struct Case {
    pub name: &'static str,
    pub rules: Texts,
    pub shots: Vec<Shot>,
}

/// Bytes in hexadecimal.
fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[i * 2..i * 2 + 2], 16).unwrap()).collect()
}

fn from(device: &'static str, link: &str, bytes: &str) -> Shot {
    Shot { bytes: hex(bytes), from: Some((device, hex(link))), id: 0, first: Vec::new() }
}

fn sent(bytes: &str) -> Shot {
    Shot { bytes: hex(bytes), from: None, id: 0, first: Vec::new() }
}

/// The same, after these words for ip(8).
fn after(first: &[&'static str], shot: Shot) -> Shot {
    Shot { first: first.iter().map(|words| Before::Ip(words)).collect(), ..shot }
}

/// Rules of nf_tables without sets, in as few lines as they are legible in: nft wants more.
fn nft(rules: &str) -> Texts {
    let nft = rules.replace("; ", ";\n").replace("{ ", "{\n").replace('}', "\n}\n");
    Texts { nft, ..Texts::default() }
}

/// A datagram from behind v1 to far away.
fn udp() -> Shot {
    from("v1", "0200000000010200000001010800", "45000020006500003d11491c0a090007c633640907d10063000c009361616161")
}

/// The same in IPv6.
fn udp6() -> Shot {
    from(
        "v1",
        "02000000000102000000010186dd",
        "60000000000c113d20010db800090000000000000000000120010db800990000000000000000000907d10063000cd8c161616161",
    )
}

pub fn all() -> Vec<Case> {
    vec![
        Case {
            name: "a packet takes from a quota each time it comes by",
            rules: nft(
                "table ip t { chain user { quota over 50 bytes drop; } chain c { type filter hook prerouting priority 0; \
                 policy accept; jump user; jump user; } }",
            ),
            shots: vec![udp()],
        },
        Case {
            name: "an element has used up what it says, not what the rule says",
            rules: Texts {
                nft: "table ip t {\nset s {\ntype ipv4_addr\nsize 9\nflags dynamic\n}\nchain c {\ntype filter hook \
                      prerouting priority 0; policy accept;\nupdate @s { ip saddr quota over 50 bytes } drop\n}\n}\n"
                    .into(),
                ..Texts::default()
            },
            shots: vec![udp(), udp()],
        },
        Case {
            name: "a frame for another host is seen by no rule",
            rules: nft("table ip t { chain c { type filter hook prerouting priority 0; policy drop; } }"),
            shots: vec![from(
                "v1",
                "0209090909090200000001010800",
                "45200030006500003d11691e0a0900070a090002ffff1f90001cfe3d6161616161616161616161616161616161616161",
            )],
        },
        Case {
            name: "a broadcast frame is not forwarded",
            rules: nft("table ip t { chain c { type filter hook forward priority 0; policy accept; } }"),
            shots: vec![from(
                "v1",
                "ffffffffffff0200000001020800",
                "4500002c006500003d06651c0a4003020a09010108a2005000000001000000006002040072e80000020405b4",
            )],
        },
        Case {
            name: "over the loopback the destination is settled on the way out",
            rules: nft("table ip t { chain o { type nat hook output priority -100; policy accept; counter; }
                chain p { type nat hook prerouting priority -100; policy accept; counter; } }"),
            shots: vec![sent("45000020006500003d1169330a0900020a09000208ef0050000cde7b01020304")],
        },
        Case {
            name: "the quoted packet of an ICMP error is translated too",
            rules: nft(
                "table ip t { chain c { type nat hook prerouting priority -67; policy accept; dnat to 10.9.1.11; } }",
            ),
            shots: vec![
                from(
                    "v2",
                    "0200000000020200000001010800",
                    "45280020000000003d1168820a09010b0a09000700160963000cdd3301020304",
                ),
                from(
                    "v2",
                    "0200000000020200000001010800",
                    "4500003c006600003d0167f60a09014d0a09000704000c410000050045280020021100003c1167710a0900070a09010b0963\
                     0016000cdd3301020304",
                ),
            ],
        },
        Case {
            name: "conntrack takes the fragment header of a whole packet away",
            rules: nft(
                "table ip6 t { chain c { type filter hook prerouting priority 0; policy accept; ct state new counter; \
                        exthdr frag exists drop; } }",
            ),
            shots: vec![from(
                "v3",
                "020000000003fe112233445586dd",
                "6200016100102c3d20010db800090000000000000000000720010db800100000000000000000000111000000000071800400003500084cf8",
            )],
        },
        Case {
            name: "fragments wait before rules where connections are tracked",
            rules: nft(
                "table ip t { chain c { type filter hook prerouting priority 0; policy accept; ct state new counter; \
                        ip frag-off & 0x3fff != 0 drop; } }",
            ),
            shots: vec![from(
                "v3",
                "0200000000030200000001010800",
                "45280024026120003d0646300a0900010a090109ffff0001c6206cb6000000005000ffff01870000",
            )],
        },
        Case {
            name: "a new route for a packet on its way out shows in the next hook",
            rules: nft("table ip t { chain n { type nat hook output priority -100; policy accept; dnat to 10.9.1.9; }
                chain c { type filter hook output priority 0; policy accept; oifname \"v2\" drop; } }"),
            shots: vec![sent("46010024006500003d11d3490a0900020a090001940400000035ffff000c28ca61616161")],
        },
        Case {
            name: "two connections onto one: the second is refused an entry",
            rules: nft("table inet t { chain c { type nat hook postrouting priority -52; policy accept; \
                        meta l4proto udp snat ip6 to [2001:db8:77::1]:53; } }"),
            shots: vec![
                sent(
                    "6b800000000c113d20010db800090000000000000000000220010db80009000000000000000000010cf30050000c930601020304",
                ),
                sent(
                    "6b800066000c113d20010db800090000000000000000000220010db80009000000000000000000010d010050000c92f801020304",
                ),
            ],
        },
        Case {
            name: "behind a queue that nobody reads there is no more translation at the hook",
            rules: Texts {
                xt: ["", "", "", "*nat\n-A PREROUTING -j NFQUEUE --queue-num 5 --queue-bypass\nCOMMIT\n"]
                    .map(str::to_owned),
                ..nft(
                    "table ip6 t { chain b { type nat hook prerouting priority -90; policy accept; dnat to 2001:db8:10::9; } }",
                )
            },
            shots: vec![from(
                "v1",
                "020000000001fe112233445586dd",
                "600000d0000c113d20010db800090000000100000000000120010db8001000000000000000000001083c0035000c97d101020304",
            )],
        },
        Case {
            name: "too much padding ends the way to a socket",
            rules: Texts::default(),
            shots: vec![from(
                "v1",
                "020000000001fe112233445586dd",
                "6b80006500183c3d20010db800090000000000000000000720010db80009000000000000000000021101010c00000000000000000000000\
                 0040000350008a01c",
            )],
        },
        Case {
            name: "a packet to its own port is an answer to itself",
            rules: nft(
                "table ip6 t { chain c { type filter hook output priority 0; policy accept; ct direction original counter; \
                        ct direction reply counter; } chain d { type filter hook prerouting priority 0; policy drop; } }",
            ),
            shots: vec![
                sent(
                    "6b8000000028063d20010db800090000000000000000000220010db800090000000000000000000201bb01bb719398a6000000095018ffff\
                      78aa00006161616161616161616161616161616161616161",
                ),
                sent(
                    "6b8000660028063d20010db800090000000000000000000220010db800090000000000000000000201bb01bb719398a6000000095018ffff\
                      78aa00006161616161616161616161616161616161616161",
                ),
            ],
        },
        Case {
            name: "what comes back by the loopback keeps its route",
            rules: nft("table inet t { chain c { type filter hook prerouting priority -300; policy accept; \
                        ip saddr set 10.9.0.77 counter; } chain i { type filter hook input priority 0; policy accept; } }"),
            shots: vec![sent("45000020006500003d1169330a0900020a09000208ef0035000cde9601020304")],
        },
        Case {
            name: "a chain and conntrack of one priority come in either order",
            rules: nft(
                "table ip t { chain c { type filter hook prerouting priority -200; policy accept; ct state new drop; } }",
            ),
            shots: vec![from(
                "v1",
                "0200000000010200000001010800",
                "45000020006500003d1169340a0900010a09000208ef0050000cde7c01020304",
            )],
        },
        Case {
            name: "answers and what follows in a translated connection",
            rules: nft("table ip t { chain c { type nat hook postrouting priority 100; policy accept; masquerade; } \
                        chain f { type filter hook forward priority 0; policy drop; ct state established accept; \
                        ct state new udp dport 53 accept; } }"),
            shots: vec![
                from(
                    "v1",
                    "0200000000010200000001010800",
                    "45000020006500003d1168350a0900010a09010108ef0035000cdd9801020304",
                ),
                from(
                    "v2",
                    "0200000000020200000001010800",
                    "45000020006600003d1168330a0901010a090102003508ef000cdd9601020304",
                ),
                from(
                    "v2",
                    "0200000000020200000001010800",
                    "45000020006700003d1168320a0901010a090102003508f0000cdd9501020304",
                ),
            ],
        },
        Case {
            name: "not to track needs no tracker, and without one nothing is translated",
            rules: Texts {
                xt: ["*raw\n-A PREROUTING -j CT --notrack\nCOMMIT\n", "", "", ""].map(str::to_owned),
                ..nft("table ip t { chain c { type nat hook output priority -100; policy accept; counter; } }")
            },
            shots: vec![sent("45000020006500003d1168330a0901020a09010108ef0035000cdd9601020304")],
        },
        Case {
            name: "conntrack keeps the sum of a packet, and a long one to a UDP socket is held against it",
            rules: nft(
                "table ip6 t { chain c { type filter hook prerouting priority 0; policy accept; ct state new counter; ip6 dscp set cs1; } }",
            ),
            shots: vec![
                from(
                    "v1",
                    "02000000000102000000010186dd",
                    "600000000058113d20010db800090000000000000000000120010db800090000000000000000000207d100350058647a6161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
                ),
                from(
                    "v1",
                    "02000000000102000000010186dd",
                    "60000000001c113d20010db800090000000000000000000120010db800090000000000000000000207d10035001cce5b6161616161616161616161616161616161616161",
                ),
            ],
        },
        Case {
            name: "an address that nf_tables sets in IPv6 is taken out of the sum that conntrack keeps",
            rules: nft(
                "table ip6 t { chain c { type filter hook prerouting priority 0; policy accept; ct state new counter; ip6 saddr set 2001:db8:9::77; } }",
            ),
            shots: vec![from(
                "v1",
                "02000000000102000000010186dd",
                "600000000058113d20010db800090000000000000000000120010db800090000000000000000000207d100350058647a6161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
            )],
        },
        Case {
            name: "an address that nf_tables sets in IPv4 is right in the sum that conntrack keeps",
            rules: nft(
                "table ip t { chain c { type filter hook prerouting priority 0; policy accept; ct state new counter; ip saddr set 10.9.0.77; } }",
            ),
            shots: vec![from(
                "v1",
                "0200000000010200000001010800",
                "4500006c006500003d1169020a0900070a09000207d100350058abe66161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161",
            )],
        },
        Case {
            name: "a packet without ports dies of being counted among connections",
            rules: nft("table inet t { chain c { type filter hook prerouting priority 100; policy accept; \
                        ct count over 3 accept; } }"),
            shots: vec![from(
                "v1",
                "0200000000010200000001010800",
                "45010016006500003d0164b50a4003020a0901820800",
            )],
        },
        Case {
            name: "the device whose type is asked for is that of the way out from routing on",
            rules: nft("table netdev t { chain c { type filter hook egress device v1 priority 0; policy accept; \
                        meta iiftype ether drop; } }"),
            shots: vec![sent("46010024006500003d11d44a0a0900020a0900019404000009038000000c5eb801020304")],
        },
        Case {
            name: "the same behind the postrouting hook's routing",
            rules: nft("table ip t { chain c { type filter hook postrouting priority 0; policy accept; \
                        meta iiftype ether drop; } }"),
            shots: vec![sent("46010024006500003d11d44a0a0900020a0900019404000009038000000c5eb801020304")],
        },
        Case {
            name: "rules for a confirmed connection are asked in vain, one chain after the other",
            rules: Texts {
                xt: [
                    "",
                    "",
                    "",
                    "*nat\n-A POSTROUTING -j NFQUEUE --queue-num 5 --queue-bypass\n-A INPUT -j SNAT --to-source 2001:db8:9::77\nCOMMIT\n",
                ]
                .map(str::to_owned),
                ..nft("table ip6 t { chain j { type nat hook input priority 101; policy accept; counter; } }")
            },
            shots: vec![sent(
                "600004760018063d20010db800090000000000000000000220010db80009000000000000000000020bd900010000000100000000601804002cae0000020405b4",
            )],
        },
        Case {
            name: "a masqueraded connection ends with the device or the address it was masqueraded for",
            rules: nft("table inet t { chain c { type nat hook postrouting priority 100; policy accept; masquerade; } }"),
            shots: vec![
                udp(),
                udp(),
                after(&["route replace default via 10.9.3.1 dev v3"], udp()),
                udp(),
                after(&["address add 10.9.3.9/24 dev v3", "address del 10.9.3.2/24 dev v3"], udp()),
                udp(),
                udp6(),
                after(&["-6 route replace default via 2001:db8:11::1 dev v3"], udp6()),
                udp6(),
            ],
        },
        Case {
            name: "at egress a packet is as long as its frame",
            rules: nft("table netdev t { chain c { type filter hook egress device v2 priority 0; policy accept; \
                        meta length > 64 drop; } }"),
            shots: vec![sent(
                "4528003c006500003d01679f0a0900020a09018208006b6c000700004545454545454545454545454545454545454545454545454545454561616161",
            )],
        },
        Case {
            name: "an answer has been seen by the time rules see it",
            rules: nft("table ip6 t { chain c { type filter hook input priority 0; policy accept; \
                        meta l4proto tcp ct status seen-reply drop; } }"),
            shots: vec![
                sent(
                    "6b8000000018063d20010db800090000000000000000000220010db80009000000000000000000010a3304000000000100000000600204002a6c0000020405b4",
                ),
                from(
                    "v1",
                    "02000000000102000000010186dd",
                    "6b8000660018063d20010db800090000000000000000000120010db800090000000000000000000204000a33000000090000000260cc040029980000020405b4",
                ),
            ],
        },
        Case {
            name: "what the kernel tells a sender of a better way is part of the connection to rules",
            rules: Texts {
                xt: [
                    "*filter\n-A FORWARD -m connlabel --label 0 -j DROP\n-A FORWARD -m connmark --mark 7 -j DROP\n\
                     -A OUTPUT -m connlabel --label 0 --set\n-A OUTPUT -j CONNMARK --set-mark 7\nCOMMIT\n",
                    "",
                    "",
                    "",
                ]
                .map(str::to_owned),
                ..Texts::default()
            },
            shots: vec![
                from(
                    "v1",
                    "020000000001fe11223344550800",
                    "4520002c000000003d06b099c00002090a0901010bdd0016000000010000000060020400bb1f0000020405b4",
                ),
                from(
                    "v2",
                    "0200000000020200000001010800",
                    "4520002c006600003d06b0330a090101c000020900160bdd000000090000000260020400bb150000020405b4",
                ),
            ],
        },
        Case {
            name: "what was invalid on its way out is tracked anew when it comes back by lo",
            rules: nft("table ip t { chain o { type filter hook output priority 0; policy accept; \
                        tcp dport 2222 tcp flags set syn; } \
                        chain i { type filter hook input priority 0; policy accept; ct state new drop; } }"),
            shots: vec![sent("4500002800650000400666560a0900020a0900020fa008ae000000010000000050032000637d0000")],
        },
    ]
}
