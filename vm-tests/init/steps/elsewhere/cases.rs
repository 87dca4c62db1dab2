//! Drops that need no more than some commands and one datagram.

use super::{BEHIND, HOST, IP, MONITOR, TC};

/// Behind the other device; nobody there has this address.
const NOBODY: &str = "10.9.3.77";

/// One drop: what makes it happen, what is sent, who is to blame, and how the host is put right again.
pub struct Case {
    pub name: &'static str,
    pub before: &'static [&'static [&'static str]],
    pub rules: &'static str,
    pub to: &'static str,
    /// The destination port at the place where it is dropped; 0: as it was sent.
    pub seen: u16,
    pub ttl: u8,
    pub size: usize,
    pub right: &'static [(&'static str, &'static str)],
    /// What must be told of beside that, perhaps as a possibility.
    pub tells: &'static str,
    pub after: &'static [&'static [&'static str]],
}

/// One of the rules alone, sent to the host.
pub const PLAIN: Case =
    Case { name: "", before: &[], rules: "", to: HOST, seen: 0, ttl: 64, size: 1, right: &[], tells: "", after: &[] };

/// Over IPv4, as it was sent.
pub const CASES: &[Case] = &[
    Case {
        name: "the policy of a chain of nf_tables",
        rules: "table inet t {\n chain input {\n  type filter hook input priority 0; policy drop;\n  udp dport 1 accept\n }\n}\n",
        right: &[
            MONITOR,
            ("/culprit/kind", "\"policy\""),
            ("/culprit/backend", "\"nft\""),
            ("/confidence", "\"certain\""),
        ],
        ..PLAIN
    },
    Case {
        name: "the policy of a chain of iptables-nft",
        before: &[&["/usr/sbin/iptables-nft", "-P", "INPUT", "DROP"]],
        right: &[MONITOR, ("/culprit/kind", "\"policy\""), ("/culprit/chain_name", "\"INPUT\"")],
        ..PLAIN
    },
    Case {
        name: "the policy of a legacy chain",
        before: &[&["/usr/sbin/iptables-legacy", "-P", "INPUT", "DROP"]],
        right: &[MONITOR, ("/culprit/kind", "\"policy\""), ("/culprit/backend", "\"xtables\"")],
        after: &[&["/usr/sbin/iptables-legacy", "-P", "INPUT", "ACCEPT"]],
        ..PLAIN
    },
    Case {
        name: "a chain at the ingress of a device",
        rules: "table netdev t {\n chain in {\n  type filter hook ingress device d0 priority 0\n  meta l4proto udp drop\n }\n}\n",
        right: &[MONITOR, ("/culprit/table_name", "\"t\""), ("/culprit/chain_name", "\"in\"")],
        ..PLAIN
    },
    Case {
        name: "the policy of the forward hook",
        rules: "table ip t {\n chain forward {\n  type filter hook forward priority 0; policy drop;\n }\n}\n",
        to: BEHIND,
        right: &[MONITOR, ("/culprit/kind", "\"policy\""), ("/culprit/chain_name", "\"forward\"")],
        ..PLAIN
    },
    Case {
        name: "a rule behind the routing decision, on the way out",
        rules: "table ip t {\n chain post {\n  type filter hook postrouting priority 0\n  ip daddr 10.9.3.2 drop\n }\n}\n",
        to: BEHIND,
        right: &[MONITOR, ("/culprit/chain_name", "\"post\""), ("/culprit/rule_position", "1")],
        ..PLAIN
    },
    Case {
        name: "a blackhole route",
        before: &[&[IP, "route", "add", "blackhole", "198.51.100.1"]],
        to: "198.51.100.1",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"blackhole\"")],
        ..PLAIN
    },
    Case {
        name: "an unreachable route",
        before: &[&[IP, "route", "add", "unreachable", "198.51.100.2"]],
        to: "198.51.100.2",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"unreachable\"")],
        ..PLAIN
    },
    Case {
        name: "a prohibit route",
        before: &[&[IP, "route", "add", "prohibit", "198.51.100.3"]],
        to: "198.51.100.3",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"prohibit\"")],
        ..PLAIN
    },
    Case {
        name: "no route",
        to: "198.51.100.4",
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"no route\"")],
        ..PLAIN
    },
    Case {
        name: "a TTL that ends here",
        to: BEHIND,
        ttl: 1,
        right: &[MONITOR, ("/culprit/kind", "\"route\""), ("/culprit/detail", "\"TTL expired\"")],
        ..PLAIN
    },
    Case {
        name: "a next hop that does not answer",
        to: NOBODY,
        right: &[MONITOR, ("/culprit/kind", "\"neighbour\"")],
        ..PLAIN
    },
    Case {
        name: "a loopback address from outside",
        to: "127.0.0.1",
        right: &[MONITOR, ("/verdict", "\"drop\""), ("/culprit/kind", "\"sysctl\"")],
        ..PLAIN
    },
    Case {
        name: "an IPsec policy",
        before: &[&[
            IP,
            "xfrm",
            "policy",
            "add",
            "src",
            "10.9.2.2",
            "dst",
            "10.9.2.1",
            "dir",
            "in",
            "tmpl",
            "src",
            "10.9.2.2",
            "dst",
            "10.9.2.1",
            "proto",
            "esp",
            "mode",
            "transport",
        ]],
        // Before the kernel named reasons, it may have been that nobody listens there.
        right: &[MONITOR],
        tells: "\"xfrm\"",
        after: &[&[IP, "xfrm", "policy", "flush"]],
        ..PLAIN
    },
    Case {
        name: "an IPsec policy that blocks",
        before: &[&[
            IP, "xfrm", "policy", "add", "src", "10.9.2.2", "dst", "10.9.3.2", "dir", "fwd", "action", "block",
        ]],
        to: BEHIND,
        right: &[MONITOR, ("/culprit/kind", "\"xfrm\"")],
        after: &[&[IP, "xfrm", "policy", "flush"]],
        ..PLAIN
    },
    Case {
        name: "a rule of iptables-nft in the forward hook",
        before: &[&["/usr/sbin/iptables-nft", "-A", "FORWARD", "-p", "udp", "-d", BEHIND, "-j", "DROP"]],
        to: BEHIND,
        right: &[
            MONITOR,
            ("/culprit/kind", "\"rule\""),
            ("/culprit/backend", "\"nft-compat\""),
            ("/confidence", "\"certain\""),
        ],
        ..PLAIN
    },
    Case {
        name: "a legacy rule in the forward hook, in a chain that is jumped to",
        before: &[
            &["/usr/sbin/iptables-legacy", "-N", "last"],
            &["/usr/sbin/iptables-legacy", "-A", "last", "-p", "udp", "-j", "DROP"],
            &["/usr/sbin/iptables-legacy", "-A", "FORWARD", "-i", "d0", "-j", "last"],
        ],
        to: BEHIND,
        right: &[
            MONITOR,
            ("/culprit/backend", "\"xtables\""),
            ("/culprit/chain_name", "\"last\""),
            ("/confidence", "\"certain\""),
        ],
        after: &[&["/usr/sbin/iptables-legacy", "-F"], &["/usr/sbin/iptables-legacy", "-X"]],
        ..PLAIN
    },
    Case {
        name: "a queue that nobody reads",
        rules: "table ip t {\n chain input {\n  type filter hook input priority 0\n  meta l4proto udp queue num 77\n }\n}\n",
        right: &[MONITOR, ("/culprit/chain_name", "\"input\""), ("/culprit/rule_position", "1")],
        tells: "queue",
        ..PLAIN
    },
    Case {
        name: "a packet that is too big for its way",
        before: &[&[IP, "link", "set", "d1", "mtu", "1300"]],
        to: BEHIND,
        size: 1400,
        right: &[MONITOR, ("/culprit/kind", "\"mtu\"")],
        after: &[&[IP, "link", "set", "d1", "mtu", "1500"]],
        ..PLAIN
    },
    Case {
        name: "traffic control on the way out",
        before: &[
            &[TC, "qdisc", "add", "dev", "d1", "clsact"],
            &[TC, "filter", "add", "dev", "d1", "egress", "protocol", "ip", "matchall", "action", "drop"],
        ],
        to: BEHIND,
        right: &[MONITOR, ("/culprit/kind", "\"tc\"")],
        after: &[&[TC, "qdisc", "del", "dev", "d1", "clsact"]],
        ..PLAIN
    },
    Case {
        name: "a queueing discipline",
        before: &[&[TC, "qdisc", "add", "dev", "d1", "root", "netem", "loss", "100%"]],
        to: BEHIND,
        right: &[MONITOR, ("/culprit/kind", "\"tc\"")],
        after: &[&[TC, "qdisc", "del", "dev", "d1", "root"]],
        ..PLAIN
    },
];
