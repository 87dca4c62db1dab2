//! What the demo sends, and who has to be blamed for it.

use std::net::{IpAddr, SocketAddr};

use crate::blame::{Backend, Blame, CulpritKind, EvidenceKind, Verdict};

use super::lab::{Host, SERVER};
use super::traffic::Probe;

/// One packet and its culprit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The host that drops it.
    pub host: Host,
    /// What it shows, as a complaint.
    pub title: &'static str,
    /// What is sent.
    pub probe: Probe,
    /// Which evidence it shows.
    pub evidence: EvidenceKind,
    /// What becomes of the packet.
    pub verdict: Verdict,
    /// The right culprit.
    pub culprit: Expected,
}

/// The right culprit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A rule: backend, family, table, chain, position.
    Rule(Backend, &'static str, &'static str, &'static str, u32),
    /// A policy: backend, family, table, chain.
    Policy(Backend, &'static str, &'static str, &'static str),
    /// A setting.
    Sysctl(&'static str),
}

impl Case {
    /// Is this blame about the packet of this case, from the evidence that it shows?
    pub fn is_about(&self, b: &Blame) -> bool {
        let (transport, to): (&str, SocketAddr) = match self.probe {
            Probe::Tcp(to) => ("tcp", to),
            Probe::Udp(to) => ("udp", to),
            Probe::Ping(to) if to.is_ipv4() => ("icmp", SocketAddr::new(to, 0)),
            Probe::Ping(to) => ("icmp6", SocketAddr::new(to, 0)),
        };
        b.evidence == self.evidence
            && b.packet.transport.as_deref() == Some(transport)
            && b.packet.destination == Some(to.ip())
            && (to.port() == 0 || b.packet.destination_port == Some(to.port()))
    }

    /// Does it blame the right one, with certainty?
    pub fn is_right(&self, b: &Blame) -> bool {
        let c = &b.culprit;
        let place = (c.backend, c.family, c.table_name.as_deref(), c.chain_name.as_deref());
        let culprit = match &self.culprit {
            Expected::Rule(backend, family, table, chain, position) => {
                c.kind == CulpritKind::Rule
                    && place == (Some(*backend), Some(*family), Some(*table), Some(*chain))
                    && c.rule_position == Some(*position)
                    && c.text.is_some()
            }
            Expected::Policy(backend, family, table, chain) => {
                c.kind == CulpritKind::Policy && place == (Some(*backend), Some(*family), Some(*table), Some(*chain))
            }
            Expected::Sysctl(key) => c.sysctl.as_ref().is_some_and(|s| s.key == *key),
        };
        culprit && b.verdict == self.verdict && b.confidence == crate::blame::Confidence::Certain
    }

    /// All of them.
    pub fn all() -> Vec<Self> {
        use Backend::{Nft, NftCompat, Xtables};
        use EvidenceKind::{Nflog, Trace};
        use Expected::{Policy, Rule, Sysctl};
        use Verdict::{Drop, Reject};
        let tcp = |ip: IpAddr, port| Probe::Tcp(SocketAddr::new(ip, port));
        let udp = |ip: IpAddr, port| Probe::Udp(SocketAddr::new(ip, port));
        let (nft, nft6): (IpAddr, IpAddr) = (Host::Nft.address().into(), Host::Nft.address6().into());
        let compat: IpAddr = Host::Compat.address().into();
        let (legacy, legacy6): (IpAddr, IpAddr) = (Host::Legacy.address().into(), Host::Legacy.address6().into());
        let case =
            |host, title, probe, evidence, verdict, culprit| Self { host, title, probe, evidence, verdict, culprit };
        vec![
            case(
                Host::Nft,
                "telnet times out: a rule drops it",
                tcp(nft, 23),
                Trace,
                Drop,
                Rule(Nft, "inet", "shop", "input", 4),
            ),
            case(
                Host::Nft,
                "the new service on 8080 times out: no rule allows it, the policy drops",
                tcp(nft, 8080),
                Trace,
                Drop,
                Policy(Nft, "inet", "shop", "input"),
            ),
            case(
                Host::Nft,
                "SIP is refused: a rule rejects it",
                udp(nft, 5060),
                Trace,
                Reject,
                Rule(Nft, "inet", "shop", "input", 5),
            ),
            case(
                Host::Nft,
                "ping works over IPv4 elsewhere, but not over IPv6 here",
                Probe::Ping(nft6),
                Trace,
                Drop,
                Rule(Nft, "inet", "shop", "input", 6),
            ),
            case(
                Host::Nft,
                "nothing gets through the router: a rule logs the packet, then the kernel does not forward it",
                tcp(SERVER.into(), 80),
                Nflog,
                Drop,
                Sysctl("net.ipv4.ip_forward"),
            ),
            case(
                Host::Compat,
                "the web server was moved, and a rule of iptables-nft forgotten",
                tcp(compat, 80),
                Trace,
                Drop,
                Rule(NftCompat, "ip", "filter", "INPUT", 2),
            ),
            case(
                Host::Compat,
                "SNMP is logged by one rule and dropped by the next",
                udp(compat, 161),
                Nflog,
                Drop,
                Rule(NftCompat, "ip", "filter", "INPUT", 4),
            ),
            case(
                Host::Compat,
                "mail is refused as if nothing listened: a rule resets it",
                tcp(compat, 25),
                Trace,
                Reject,
                Rule(NftCompat, "ip", "filter", "INPUT", 5),
            ),
            case(
                Host::Compat,
                "https times out: INPUT has policy DROP",
                tcp(compat, 443),
                Trace,
                Drop,
                Policy(NftCompat, "ip", "filter", "INPUT"),
            ),
            case(
                Host::Legacy,
                "https times out: a chain of iptables-legacy drops it, and nft shows nothing",
                tcp(legacy, 443),
                Trace,
                Drop,
                Rule(Xtables, "ip", "filter", "guard", 1),
            ),
            case(
                Host::Legacy,
                "ping is logged by one legacy rule and dropped by the next",
                Probe::Ping(legacy),
                Nflog,
                Drop,
                Rule(Xtables, "ip", "filter", "INPUT", 4),
            ),
            case(
                Host::Legacy,
                "DNS over IPv6 times out: ip6tables-legacy drops it",
                udp(legacy6, 53),
                Trace,
                Drop,
                Rule(Xtables, "ip6", "filter", "INPUT", 1),
            ),
        ]
    }
}
