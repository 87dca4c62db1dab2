//! A question as people type it.

use super::craft::Craft;
use super::question::{Invalid, Question, Side};
use super::words;
use crate::evaluate::Hook;
use crate::evaluate::packet::CtState;
use crate::sys::Text;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The words and options of a question. What is not given is what it usually is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// `tcp`, `icmp6`, `47`
    pub protocol: String,
    /// `10.0.0.5:4242`
    pub src: String,
    /// `10.0.0.1:80`
    pub dst: String,
    /// The interface that it comes in by.
    pub iif: Option<String>,
    /// This host sends it.
    pub out: bool,
    /// The interface that it leaves by.
    pub oif: Option<String>,
    /// Conntrack's state.
    pub ct: Option<String>,
    /// The packet mark.
    pub mark: Option<String>,
    /// The user that sends it.
    pub uid: Option<u32>,
    /// The group that sends it.
    pub gid: Option<u32>,
    /// The control group that sends it.
    pub cgroup: Option<String>,
    /// TCP flags.
    pub flags: Option<String>,
    /// The length from the network header on.
    pub length: Option<usize>,
    /// The type of ICMP.
    pub kind: Option<String>,
    /// The code of ICMP.
    pub code: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// TOS or traffic class.
    pub tos: Option<String>,
    /// DSCP.
    pub dscp: Option<String>,
    /// The source hardware address.
    pub mac: Option<String>,
    /// The hook to begin at.
    pub hook: Option<String>,
}

impl Ask {
    /// Makes the packet.
    ///
    /// # Errors
    /// A word that says nothing, or words that contradict each other.
    pub fn question(&self) -> Result<Question, Invalid> {
        let mut protocol = words::protocol(&self.protocol)?;
        let (src, dst) = (words::end(&self.src)?, words::end(&self.dst)?);
        let v6 = dst.address.is_ipv6();
        if protocol == 1 && v6 && src.address.is_ipv6() {
            protocol = 58;
        }
        let has_ports = matches!(protocol, 6 | 17 | 33 | 132 | 136);
        if let Some(e) = [src, dst].iter().find(|e| e.port.is_some() && !has_ports) {
            return Err(Invalid(format!("protocol {} has no ports: write {}", self.protocol, e.address)));
        }
        if has_ports && dst.port.is_none() {
            return Err(Invalid(format!("{} needs a destination port: {}", self.protocol, with_port(dst.address))));
        }
        let ct = self.ct.as_deref().map(words::ct_state).transpose()?;
        let usual = Craft::new(protocol, src.address, dst.address);
        let craft = Craft {
            // Any port that a client may have.
            sport: src.port.unwrap_or(40000),
            dport: dst.port.unwrap_or(0),
            flags: match (&self.flags, ct) {
                (Some(_), _) if protocol != 6 => return Err(Invalid::new("--flags is about TCP")),
                (Some(text), _) => words::flags(text)?,
                (None, None | Some(CtState::New | CtState::Untracked)) => SYN,
                (None, Some(_)) => ACK,
            },
            icmp: match (&self.kind, self.code) {
                (None, None) => usual.icmp,
                _ if !matches!(protocol, 1 | 58) => return Err(Invalid::new("--type and --code are about ICMP")),
                (kind, code) => {
                    let kind = kind.as_deref().map(|k| words::icmp_type(k, protocol == 58)).transpose()?;
                    (kind.unwrap_or(usual.icmp.0), code.unwrap_or(0))
                }
            },
            ttl: self.ttl.unwrap_or(64),
            tos: match (&self.tos, &self.dscp) {
                (Some(tos), None) => words::byte(tos)?,
                (None, Some(dscp)) => words::dscp(dscp)? << 2,
                (None, None) => 0,
                _ => return Err(Invalid::new("--tos and --dscp say the same: give one")),
            },
            length: self.length,
            ..usual
        };
        let (network, mut bytes) = craft.make()?;
        let length = bytes.len();
        bytes.truncate(craft.told());
        let side = match (&self.iif, self.out) {
            (Some(_), true) => {
                return Err(Invalid::new("-i and --out exclude each other: it comes in, or this host sends it"));
            }
            (Some(iif), false) => Side::In(Text::from(iif.as_str())),
            (None, true) => Side::Out,
            (None, false) => Side::Unsaid,
        };
        let hook = match &self.hook {
            Some(h) => Some(Hook::from_name(&h.to_ascii_lowercase()).ok_or_else(|| {
                Invalid(format!(
                    "{h:?} is not a hook: ingress, prerouting, input, forward, output, postrouting, egress"
                ))
            })?),
            None => None,
        };
        Ok(Question {
            length: Some(length),
            mac: self.mac.as_deref().map(words::mac).transpose()?,
            side,
            hook,
            oif: self.oif.as_deref().map(Text::from),
            mark: self.mark.as_deref().map_or(Ok(0), words::number)?,
            uid: self.uid,
            gid: self.gid,
            cgroup: self.cgroup.as_deref().map(Text::from),
            ct,
            ..Question::new(network, bytes)
        })
    }
}

fn with_port(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(a) => format!("{a}:PORT"),
        std::net::IpAddr::V6(a) => format!("[{a}]:PORT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Packet;

    fn ask(protocol: &str, src: &str, dst: &str) -> Ask {
        Ask { protocol: protocol.into(), src: src.into(), dst: dst.into(), ..Ask::default() }
    }

    fn flags(a: &Ask) -> Option<u8> {
        a.question().ok()?.bytes.get(33).copied()
    }

    #[test]
    fn a_connection_begins_with_a_syn_and_goes_on_with_an_ack() {
        let a = ask("tcp", "192.0.2.2", "192.0.2.1:80");
        assert_eq!(flags(&a), Some(SYN));
        assert_eq!(flags(&Ask { ct: Some("established".into()), ..a.clone() }), Some(ACK));
        assert_eq!(flags(&Ask { flags: Some("syn,ack".into()), ..a }), Some(SYN | ACK));
    }

    #[test]
    fn pings_ask_for_an_echo_in_both_families() -> Result<(), Invalid> {
        for (dst, src, want) in [("192.0.2.1", "192.0.2.2", (1, 8)), ("2001:db8::1", "2001:db8::2", (58, 128))] {
            let q = ask("icmp", src, dst).question()?;
            let p = Packet::new(q.network, q.bytes);
            let h = p.headers();
            assert_eq!((h.protocol, h.transport.and_then(|at| p.bytes.get(at).copied())), (Some(want.0), Some(want.1)));
        }
        Ok(())
    }

    #[test]
    fn contradictions_are_told() {
        let tcp = ask("tcp", "192.0.2.2", "192.0.2.1:80");
        let bad = [
            ask("tcp", "192.0.2.2", "192.0.2.1"),
            ask("icmp", "192.0.2.2", "192.0.2.1:80"),
            ask("tcp", "192.0.2.2", "[2001:db8::1]:80"),
            Ask { out: true, iif: Some("eth0".into()), ..tcp.clone() },
            Ask { tos: Some("4".into()), dscp: Some("ef".into()), ..tcp.clone() },
            Ask { kind: Some("8".into()), ..tcp.clone() },
            Ask { hook: Some("upstairs".into()), ..tcp.clone() },
            Ask { length: Some(3), ..tcp },
            Ask { flags: Some("syn".into()), ..ask("udp", "192.0.2.2", "192.0.2.1:80") },
        ];
        for a in bad {
            assert!(a.question().is_err(), "{a:?}");
        }
    }
}
