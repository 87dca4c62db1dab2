//! A rule to be added: in the model of each backend, and in the words of its tools.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ruleset::Backend;
use crate::sys::Text;
use crate::sys::nft::expr::{
    Bitwise, BitwiseOp, Cmp, CmpOp, Counter, Ct, CtKey, Immediate, Masq, Meta, MetaKey, NatFlags, Payload, PayloadBase,
};
use crate::sys::nft::{Data, Expr, Family, Reg, Value, Verdict};
use crate::sys::xt;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// `IP6T_F_PROTO`
const PROTO6: u8 = 0x01;
/// Established and related, as nft's `ct state` and (`XT_STATE_BIT`) xtables' `state` have them.
const STATES: u32 = 2 | 4;

/// A rule that accepts (or masquerades) what its fields say. A field that is not set does not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRule {
    /// Is it about IPv6?
    pub v6: bool,
    /// The interface of arrival.
    pub iif: Option<Text>,
    /// The interface of departure.
    pub oif: Option<Text>,
    /// The source address.
    pub src: Option<IpAddr>,
    /// So many bits of it count; all where that is not set.
    pub src_len: Option<u8>,
    /// The destination address.
    pub dst: Option<IpAddr>,
    /// The transport protocol.
    pub protocol: Option<u8>,
    /// The destination port; only with a protocol that has ports.
    pub dport: Option<u16>,
    /// The type of an ICMP message; only with its protocol.
    pub icmp_type: Option<u8>,
    /// What belongs to connections that were let through before, and nothing else.
    pub established: bool,
    /// Gives the packets the address of the interface by which they leave, in place of accepting them.
    pub masquerade: bool,
}

impl NewRule {
    /// Could a shell or a tool take the names for something else?
    pub fn is_plain(&self) -> bool {
        [&self.iif, &self.oif].into_iter().flatten().all(is_plain)
    }

    /// As expressions for a table of that family.
    pub fn exprs(&self, family: Family) -> Vec<Expr> {
        let mut all = Vec::new();
        let mut test = |load: Expr, data: &[u8]| {
            all.push(load);
            all.push(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(data) }.into());
        };
        let network = self.src.is_some() || self.dst.is_some() || self.icmp_type.is_some();
        match family {
            Family::Inet if network => test(Meta::load(MetaKey::Nfproto).into(), &[if self.v6 { 10 } else { 2 }]),
            Family::Bridge | Family::Netdev if !self.established => {
                let ethertype: u16 = if self.v6 { 0x86dd } else { 0x0800 };
                test(Meta::load(MetaKey::Protocol).into(), &ethertype.to_be_bytes());
            }
            _ => {}
        }
        for (name, key) in [(&self.iif, MetaKey::Iifname), (&self.oif, MetaKey::Oifname)] {
            if let Some(name) = name {
                let mut padded = [0; 16];
                padded.iter_mut().zip(name.as_bytes()).for_each(|(to, from)| *to = *from);
                test(Meta::load(key).into(), &padded);
            }
        }
        for (address, v4, v6) in [(self.src.filter(|_| self.src_len.is_none()), 12, 8), (self.dst, 16, 24)] {
            match address {
                Some(IpAddr::V4(a)) => test(Payload::load(PayloadBase::Network, v4, 4).into(), &a.octets()),
                Some(IpAddr::V6(a)) => test(Payload::load(PayloadBase::Network, v6, 16).into(), &a.octets()),
                None => {}
            }
        }
        if let (Some(a), Some(len)) = (self.src, self.src_len) {
            let (offset, of, mask) = match a {
                IpAddr::V4(a) => (12, a.octets().to_vec(), mask4(len).octets().to_vec()),
                IpAddr::V6(a) => (8, a.octets().to_vec(), mask6(len).octets().to_vec()),
            };
            let width = of.len() as u8;
            let network: Vec<u8> = of.iter().zip(&mask).map(|(a, m)| a & m).collect();
            all.push(Payload::load(PayloadBase::Network, offset, width.into()).into());
            let op = BitwiseOp::MaskXor { mask: Data::new(mask), xor: Data::new(vec![0; of.len()]) };
            all.push(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: width, op }.into());
            all.push(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(network) }.into());
        }
        let mut test = |load: Expr, data: &[u8]| {
            all.push(load);
            all.push(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(data) }.into());
        };
        if let Some(p) = self.protocol {
            test(Meta::load(MetaKey::L4proto).into(), &[p]);
        }
        if let Some(port) = self.dport {
            test(Payload::load(PayloadBase::Transport, 2, 2).into(), &port.to_be_bytes());
        }
        if let Some(kind) = self.icmp_type {
            test(Payload::load(PayloadBase::Transport, 0, 1).into(), &[kind]);
        }
        if self.established {
            let bits = |n: u32| Data::new(n.to_ne_bytes());
            all.push(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }.into());
            let op = BitwiseOp::MaskXor { mask: bits(STATES), xor: bits(0) };
            all.push(Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: 4, op }.into());
            all.push(Cmp { op: CmpOp::Neq, sreg: Reg::R1, data: bits(0) }.into());
        }
        all.push(Counter { packets: 0, bytes: 0 }.into());
        all.push(match self.masquerade {
            true => Masq { proto_min: None, proto_max: None, flags: NatFlags::empty() }.into(),
            false => Immediate { dreg: Reg::VERDICT, value: Value::Verdict(Verdict::Accept) }.into(),
        });
        all
    }

    /// As a rule of a legacy table.
    pub fn draft(&self, family: xt::Family) -> xt::DraftRule {
        let target = match self.masquerade {
            // `nf_nat_ipv4_multi_range_compat` with one range that says nothing; `nf_nat_range` for IPv6.
            true if family == xt::Family::Ip => xt::DraftTarget::Extension(xt::Extension::new(
                "MASQUERADE",
                0,
                [1u32.to_ne_bytes().as_slice(), &[0; 16]].concat(),
            )),
            true => xt::DraftTarget::Extension(xt::Extension::new("MASQUERADE", 0, [0; 40])),
            false => xt::DraftTarget::Verdict(xt::Verdict::Accept),
        };
        let mut rule = xt::DraftRule::new(family, target);
        let interface = |name: &Option<Text>| {
            name.as_ref().and_then(Text::as_str).map(xt::Interface::from_pattern).unwrap_or_default()
        };
        match &mut rule.selector {
            xt::Selector::Ip(s) => {
                (s.iif, s.oif) = (interface(&self.iif), interface(&self.oif));
                if let Some(IpAddr::V4(a)) = self.src {
                    let mask = self.src_len.map_or(Ipv4Addr::BROADCAST, mask4);
                    (s.src, s.src_mask) = (a & mask, mask);
                }
                if let Some(IpAddr::V4(a)) = self.dst {
                    (s.dst, s.dst_mask) = (a, Ipv4Addr::BROADCAST);
                }
                s.proto = self.protocol.map_or(0, u16::from);
            }
            xt::Selector::Ip6(s) => {
                let all = Ipv6Addr::from_bits(u128::MAX);
                (s.iif, s.oif) = (interface(&self.iif), interface(&self.oif));
                if let Some(IpAddr::V6(a)) = self.src {
                    let mask = self.src_len.map_or(all, mask6);
                    (s.src, s.src_mask) = (a & mask, mask);
                }
                if let Some(IpAddr::V6(a)) = self.dst {
                    (s.dst, s.dst_mask) = (a, all);
                }
                if let Some(p) = self.protocol {
                    s.proto = p.into();
                    s.flags |= PROTO6;
                }
            }
            xt::Selector::Arp(_) => {}
        }
        if let (Some(port), Some(p @ (TCP | UDP))) = (self.dport, self.protocol) {
            let mut data: Vec<u8> = [0u16, u16::MAX, port, port].iter().flat_map(|p| p.to_ne_bytes()).collect();
            let (name, len) = if p == TCP { ("tcp", 12) } else { ("udp", 10) };
            data.resize(len, 0);
            rule.matches.push(xt::Extension::new(name, 0, data));
        }
        if let Some(kind) = self.icmp_type {
            let name = if self.v6 { "icmp6" } else { "icmp" };
            rule.matches.push(xt::Extension::new(name, 0, vec![kind, 0, 0xff, 0]));
        }
        if self.established {
            rule.matches.push(xt::Extension::new("state", 0, STATES.to_ne_bytes().to_vec()));
        }
        rule
    }

    /// The source in the words of all tools: an address, or a network.
    fn source(&self) -> Option<String> {
        Some(match (self.src?, self.src_len) {
            (a, None) => a.to_string(),
            (IpAddr::V4(a), Some(len)) => format!("{}/{len}", a & mask4(len)),
            (IpAddr::V6(a), Some(len)) => format!("{}/{len}", a & mask6(len)),
        })
    }

    fn destination(&self) -> Option<String> {
        self.dst.map(|a| a.to_string())
    }

    /// In the words of the tools of a backend: what comes behind the name of the chain.
    pub fn words(&self, backend: Backend) -> String {
        match backend {
            Backend::Nft => self.nft(),
            Backend::NftCompat | Backend::Xtables => self.iptables(),
        }
    }

    fn nft(&self) -> String {
        let mut s = String::new();
        for (word, name) in [("iifname", &self.iif), ("oifname", &self.oif)] {
            if let Some(n) = name {
                let _ = write!(s, "{word} {n} ");
            }
        }
        let ip = if self.v6 { "ip6" } else { "ip" };
        for (word, address) in [("saddr", self.source()), ("daddr", self.destination())] {
            if let Some(a) = address {
                let _ = write!(s, "{ip} {word} {a} ");
            }
        }
        match (self.protocol, self.dport, self.icmp_type) {
            (Some(p), Some(port), _) => {
                let _ = write!(s, "{} dport {port} ", protocol(p));
            }
            (Some(_), _, Some(kind)) => {
                let _ = write!(s, "{} type {kind} ", if self.v6 { "icmpv6" } else { "icmp" });
            }
            (Some(p), ..) => {
                let _ = write!(s, "meta l4proto {} ", protocol(p));
            }
            _ => {}
        }
        if self.established {
            s.push_str("ct state established,related ");
        }
        s.push_str(if self.masquerade { "masquerade" } else { "accept" });
        s
    }

    fn iptables(&self) -> String {
        let mut s = String::new();
        for (word, name) in [("-i", &self.iif), ("-o", &self.oif)] {
            if let Some(n) = name {
                let _ = write!(s, "{word} {n} ");
            }
        }
        for (word, address) in [("-s", self.source()), ("-d", self.destination())] {
            if let Some(a) = address {
                let _ = write!(s, "{word} {a} ");
            }
        }
        if let Some(p) = self.protocol {
            let _ = write!(s, "-p {} ", if p == ICMPV6 { "ipv6-icmp".into() } else { protocol(p) });
        }
        if let Some(port) = self.dport {
            let _ = write!(s, "--dport {port} ");
        }
        if let Some(kind) = self.icmp_type {
            let _ = write!(s, "{} {kind} ", if self.v6 { "--icmpv6-type" } else { "--icmp-type" });
        }
        if self.established {
            s.push_str("-m conntrack --ctstate ESTABLISHED,RELATED ");
        }
        s.push_str(if self.masquerade { "-j MASQUERADE" } else { "-j ACCEPT" });
        s
    }

    /// In the words of ebtables. None: it has none for connections.
    pub fn ebtables(&self) -> Option<String> {
        let mut s = String::new();
        for (word, name) in [("-i", &self.iif), ("-o", &self.oif)] {
            if let Some(n) = name {
                let _ = write!(s, "{word} {n} ");
            }
        }
        let (ethertype, ip) = if self.v6 { ("IPv6", "ip6") } else { ("IPv4", "ip") };
        let _ = write!(s, "-p {ethertype} ");
        for (word, address) in [("source", self.source()), ("destination", self.destination())] {
            if let Some(a) = address {
                let _ = write!(s, "--{ip}-{word} {a} ");
            }
        }
        if let Some(p) = self.protocol {
            let _ = write!(s, "--{ip}-protocol {p} ");
        }
        if let Some(port) = self.dport {
            let _ = write!(s, "--{ip}-destination-port {port} ");
        }
        if let Some(kind) = self.icmp_type {
            let _ = write!(s, "--{ip}-icmp-type {kind} ");
        }
        (!self.established).then(|| s + "-j ACCEPT")
    }

    /// What it accepts, for people: `tcp from 192.0.2.2 to port 8080`.
    pub fn describe(&self) -> String {
        if self.established {
            return "packets of connections that were let through before".into();
        }
        let mut s = match (self.protocol, self.icmp_type) {
            (Some(p), Some(kind)) => format!("{} type {kind}", protocol(p)),
            (Some(p), None) => protocol(p),
            (None, _) => "everything".into(),
        };
        if let Some(a) = self.source() {
            let _ = write!(s, " from {a}");
        }
        if let Some(a) = self.dst {
            let _ = write!(s, " to {a}");
        }
        if let Some(port) = self.dport {
            let _ = write!(s, "{} port {port}", if self.dst.is_some() { "" } else { " to" });
        }
        for (word, name) in [("in by", &self.iif), ("out by", &self.oif)] {
            if let Some(n) = name {
                let _ = write!(s, " {word} {n}");
            }
        }
        s
    }
}

fn mask4(len: u8) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(len.min(32))).unwrap_or(0))
}

fn mask6(len: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0))
}

fn protocol(p: u8) -> String {
    match p {
        ICMP => "icmp",
        TCP => "tcp",
        UDP => "udp",
        33 => "dccp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        ICMPV6 => "icmpv6",
        132 => "sctp",
        136 => "udplite",
        p => return p.to_string(),
    }
    .to_owned()
}

/// Is it a name that neither a shell nor a tool takes for anything else?
pub(super) fn is_plain(name: &Text) -> bool {
    let ok = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') && bytes.iter().all(ok)
}
