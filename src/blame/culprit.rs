//! Who decided: a rule, a policy, or something in the kernel's path beside the rules.

use std::fmt::Write as _;

use serde::Serialize;

use super::time::Time;

/// What kind of thing decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CulpritKind {
    /// A rule of any backend.
    Rule,
    /// The policy of a base chain.
    Policy,
    /// Connection tracking: the table is full, an insert clashed.
    Conntrack,
    /// Address translation that leads nowhere, or that is missing.
    Nat,
    /// A kernel setting.
    Sysctl,
    /// The routing decision.
    Route,
    /// The socket that should take it, or its absence.
    Socket,
    /// A user space queue that nobody reads.
    Queue,
    /// The next hop does not answer.
    Neighbour,
    /// The packet is too big for the way.
    Mtu,
    /// An IPsec policy.
    Xfrm,
    /// Traffic control.
    Tc,
    /// A program at the device.
    Xdp,
    /// A BPF program at a cgroup or socket.
    Bpf,
    /// Nobody: the packet went through.
    None,
    /// Not known.
    Unknown,
}

impl CulpritKind {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Conntrack => "conntrack",
            Self::Nat => "nat",
            Self::Sysctl => "sysctl",
            Self::Route => "route",
            Self::Socket => "socket",
            Self::Queue => "queue",
            Self::Neighbour => "neighbour",
            Self::Mtu => "mtu",
            Self::Xfrm => "xfrm",
            Self::Tc => "tc",
            Self::Xdp => "xdp",
            Self::Bpf => "bpf",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

pub use crate::ruleset::Backend;

/// A rule's or policy's counters at the time the ruleset was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A kernel setting that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SysctlValue {
    /// The key with dots: `net.ipv4.ip_forward`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The value that would have let the packet pass.
    pub wanted: String,
}

/// The change of the ruleset that brought a rule in, as the kernel announced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `NFTA_GEN_PROC_PID`.
    pub pid: Option<u32>,
    /// `NFTA_GEN_PROC_NAME`.
    pub program: Option<String>,
    /// The generation that it made.
    pub generation: u32,
    /// When it was seen.
    pub time: Time,
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Culprit {
    /// What kind of thing it is.
    pub kind: CulpritKind,
    /// The backend that holds the rule or policy.
    pub backend: Option<Backend>,
    /// The table's family (`ip`, `ip6`, `inet`, `arp`, `bridge`, `netdev`).
    pub family: Option<&'static str>,
    /// The table.
    pub table_name: Option<String>,
    /// The chain.
    pub chain_name: Option<String>,
    /// The rule's place in its chain, from 1; none for a policy.
    pub rule_position: Option<u32>,
    /// The nft rule handle; none for legacy rules and policies.
    pub rule_handle: Option<u64>,
    /// Is it the policy of the chain?
    pub policy: bool,
    /// The rule in the syntax of the tool that owns it.
    pub text: Option<String>,
    /// Its counters.
    pub counters: Option<Counters>,
    /// Who manages it (`ufw`, `docker`, …), where that is known.
    pub manager: Option<String>,
    /// Its comment.
    pub comment: Option<String>,
    /// The ruleset generation that the packet met.
    pub generation: Option<u32>,
    /// Who added it, when that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<Change>,
    /// The setting, where one decided.
    pub sysctl: Option<SysctlValue>,
    /// What exactly: `"no listener"`, `"blackhole"`, `"table full"`.
    pub detail: Option<String>,
}

impl Culprit {
    /// Where the culprit stands, without its text: `inet filter input rule 2 # handle 7`.
    pub fn place(&self) -> String {
        let mut s = String::new();
        match self.kind {
            CulpritKind::Rule | CulpritKind::Policy => {
                for part in [
                    self.family.unwrap_or("?"),
                    self.table_name.as_deref().unwrap_or("?"),
                    self.chain_name.as_deref().unwrap_or("?"),
                ] {
                    let _ = write!(s, "{part} ");
                }
                match (self.policy, self.rule_position) {
                    (true, _) => s.push_str("policy"),
                    (_, Some(n)) => {
                        let _ = write!(s, "rule {n}");
                    }
                    _ => s.push_str("rule ?"),
                }
                if let Some(h) = self.rule_handle {
                    let _ = write!(s, " # handle {h}");
                }
                match self.backend {
                    None | Some(Backend::Nft) => {}
                    Some(other) => _ = write!(s, " ({})", other.tool(self.family.unwrap_or_default())),
                }
            }
            CulpritKind::Sysctl => match &self.sysctl {
                Some(v) => {
                    let _ = write!(s, "sysctl {} = {}", v.key, v.value);
                }
                None => s.push_str("a sysctl"),
            },
            CulpritKind::None => s.push_str("nobody"),
            CulpritKind::Unknown => s.push_str("unknown"),
            kind => s.push_str(kind.name()),
        }
        if let Some(d) = &self.detail {
            let _ = write!(s, ": {d}");
        }
        s
    }

    /// A culprit of that kind, with nothing else known.
    pub fn new(kind: CulpritKind) -> Self {
        Self {
            kind,
            backend: None,
            family: None,
            table_name: None,
            chain_name: None,
            rule_position: None,
            rule_handle: None,
            policy: false,
            text: None,
            counters: None,
            manager: None,
            comment: None,
            generation: None,
            changed_by: None,
            sysctl: None,
            detail: None,
        }
    }

    /// The same with a detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A setting that decided.
    pub fn sysctl(key: impl Into<String>, value: impl Into<String>, wanted: impl Into<String>) -> Self {
        let sysctl = SysctlValue { key: key.into(), value: value.into(), wanted: wanted.into() };
        Self { sysctl: Some(sysctl), ..Self::new(CulpritKind::Sysctl) }
    }
}
