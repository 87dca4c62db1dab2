//! Conditions on the transport header: ports, TCP flags, ICMP types.

use nfblame_sys::nft::expr::{self, Cmp, CmpOp, Payload, PayloadBase, RangeOp};
use nfblame_sys::uapi::x_tables::XT_INV_PROTO;
use nfblame_sys::xt::{Family, Selector};

use super::meta::inverted;
use super::ports::{Ports, Protocol};
use super::register::{Loaded, Source};
use super::{Parsed, RuleMatch};

const ICMP: u16 = 1;
const TCP: u16 = 6;
const UDP: u16 = 17;
const ICMPV6: u16 = 58;

impl<'r> Parsed<'r> {
    /// Takes a comparison of a part of the transport header in; `None` if it is none that iptables makes.
    pub(super) fn transport(&mut self, p: Payload, loaded: &Loaded<'r>, cmp: &'r Cmp) -> Option<()> {
        let protocol = match self.proto()? {
            ICMP | ICMPV6 => return self.icmp(p, loaded, cmp),
            TCP => Protocol::Tcp,
            UDP => Protocol::Udp,
            _ => return None,
        };
        let data = cmp.data.as_bytes();
        match (p.offset, data, loaded.mask) {
            (0, _, None) if p.len == 2 => self.ports(protocol).source.compare(cmp.op, cmp.data.be16()?),
            (2, _, None) if p.len == 2 => self.ports(protocol).destination.compare(cmp.op, cmp.data.be16()?),
            (0, &[a, b, c, d], None) => {
                // Both at once: "not equal" is true if either differs, which iptables-nft passes over.
                let ports = self.ports(protocol);
                ports.source.compare(cmp.op, u16::from_be_bytes([a, b]))?;
                ports.destination.compare(cmp.op, u16::from_be_bytes([c, d]))
            }
            (13, &[flags], mask) if protocol == Protocol::Tcp => {
                let mask = mask.map_or(Some(u8::MAX), |m| m.first().copied())?;
                let inverted = inverted(cmp.op)?;
                let ports = self.ports(protocol);
                if ports.flags.is_some() {
                    return None;
                }
                ports.flags = Some((mask, flags, inverted));
                Some(())
            }
            _ => None,
        }
    }

    /// Takes a range of ports in; `None` if it is none that iptables makes.
    pub(super) fn port_range(&mut self, range: &expr::Range) -> Option<()> {
        let Loaded { source: Source::Payload(p), mask: None } = self.registers.get(range.sreg)? else { return None };
        let protocol = match self.proto()? {
            TCP => Protocol::Tcp,
            UDP => Protocol::Udp,
            _ => return None,
        };
        let (low, high) = (range.from.be16()?, range.to.be16()?);
        let inverted = match range.op {
            RangeOp::Eq => false,
            RangeOp::Neq => true,
            RangeOp::Unknown(_) => return None,
        };
        match (p.base, p.offset, p.len) {
            (PayloadBase::Transport, 0, 2) => self.ports(protocol).source.set(low, high, inverted),
            (PayloadBase::Transport, 2, 2) => self.ports(protocol).destination.set(low, high, inverted),
            _ => None,
        }
    }

    /// The one protocol that the rule is about so far.
    fn proto(&self) -> Option<u16> {
        let (proto, invert) = match &self.selector {
            Selector::Ip(s) => (s.proto, s.invert),
            Selector::Ip6(s) => (s.proto, s.invert),
            Selector::Arp(_) => return None,
        };
        (invert & XT_INV_PROTO == 0).then_some(proto)
    }

    /// The rule's one match on ports.
    fn ports(&mut self, protocol: Protocol) -> &mut Ports {
        let end = self.matches.len();
        &mut self.ports.get_or_insert_with(|| (end, Ports::new(protocol))).1
    }

    fn icmp(&mut self, p: Payload, loaded: &Loaded<'r>, cmp: &Cmp) -> Option<()> {
        const ANY_CODE: [u8; 2] = [0, u8::MAX];
        let (kind, codes) = match (p.offset, cmp.data.as_bytes()) {
            (0, &[kind]) => (kind, ANY_CODE),
            (0, &[kind, code]) => (kind, [code, code]),
            (1, &[code]) if self.family == Family::Ip => (u8::MAX, [code, code]),
            _ => return None,
        };
        let inverted = matches!(cmp.op, CmpOp::Neq);
        if loaded.mask.is_some() || !matches!(cmp.op, CmpOp::Eq | CmpOp::Neq) {
            return None;
        }
        let name: &[u8] = match (self.family, self.proto()?) {
            (Family::Ip, ICMP) => b"icmp",
            (Family::Ip6, ICMPV6) => b"icmp6",
            _ => return None,
        };
        let data = vec![kind, codes[0], codes[1], u8::from(inverted)];
        self.matches.push(RuleMatch::Made { name, revision: 0, data });
        Some(())
    }
}
