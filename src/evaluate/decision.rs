//! What a rule says about a packet, for all backends.

use std::borrow::Cow;

use crate::sys::Text;

/// What a rule decided. Rewrites (marks, NAT) have been made to the packet by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// On to the next rule: it did not match, or matched without a verdict.
    Next,
    /// The packet may pass this base chain.
    Accept,
    /// The packet dies.
    Drop,
    /// The packet dies, and the sender is told.
    Reject(RejectWith),
    /// Into a chain of the same table, and back.
    Jump(Text),
    /// Into a chain of the same table, not back to this one.
    Goto(Text),
    /// Back to the calling chain; in a base chain to its policy.
    Return,
    /// To user space.
    Queue {
        /// The first queue.
        queue: u16,
        /// How many queues share the load.
        count: u16,
        /// Does the packet pass if nobody listens?
        bypass: bool,
    },
    /// The kernel code of the rule keeps the packet: what did (`synproxy`, `fwd to eth1`, `tproxy`).
    Stolen(Cow<'static, str>),
    /// A verdict that this program does not understand.
    Unknown(Cow<'static, str>),
}

/// What the sender of a rejected packet is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectWith {
    /// A TCP RST.
    TcpReset,
    /// An ICMP destination unreachable, by its name in the tools: `icmp-port-unreachable`, `icmp6-adm-prohibited`.
    Icmp(Cow<'static, str>),
}

impl RejectWith {
    /// As iptables names it.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::TcpReset => "tcp-reset".into(),
            Self::Icmp(n) => n.clone(),
        }
    }

    /// Type and code of the message. None: it is none of ICMP, or its name is not known.
    pub fn message(&self) -> Option<(u8, u8)> {
        let Self::Icmp(name) = self else { return None };
        Some(match name.as_ref() {
            "icmp-net-unreachable" => (3, 0),
            "icmp-host-unreachable" => (3, 1),
            "icmp-proto-unreachable" => (3, 2),
            "icmp-port-unreachable" => (3, 3),
            "icmp-fragmentation-needed" => (3, 4),
            "icmp-net-prohibited" => (3, 9),
            "icmp-host-prohibited" => (3, 10),
            "icmp-admin-prohibited" => (3, 13),
            "icmp-time-exceeded" => (11, 0),
            "icmp6-no-route" => (1, 0),
            "icmp6-adm-prohibited" => (1, 1),
            "icmp6-addr-unreachable" => (1, 3),
            "icmp6-port-unreachable" => (1, 4),
            "icmp6-policy-fail" => (1, 5),
            "icmp6-reject-route" => (1, 6),
            "icmp6-packet-too-big" => (2, 0),
            "icmp6-time-exceeded" => (3, 0),
            _ => return None,
        })
    }
}
