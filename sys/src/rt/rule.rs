//! Policy routing rules (`RTM_GETRULE`, include/uapi/linux/fib_rules.h).

mod text;

use byteorder::NativeEndian;
use neli::consts::rtnl::{FrAct, RtAddrFamily, RtTable, Rtm};
use neli::rtnl::{Fibmsg, FibmsgBuilder};
use neli::types::RtBuffer;
use serde::Serialize;

use super::Handle;
use super::prefix::Prefix;
use crate::Text;
use crate::error::{Malformed, Result};
use crate::netlink::{Attr, Attrs};
use crate::uapi::rtnetlink::*;

pub use text::TableName;

/// `struct fib_rule_hdr`.
const HEADER: usize = 12;

/// A policy routing rule: a packet that meets all that is set is answered by `action`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// `AF_INET` or `AF_INET6`.
    pub family: u8,
    /// The preference; the lowest comes first.
    pub priority: u32,
    /// `FR_ACT_*`.
    pub action: u8,
    /// The table of `FR_ACT_TO_TBL`.
    pub table: u32,
    /// `FIB_RULE_INVERT`: it holds for packets that do not match.
    pub invert: bool,
    /// Source prefix.
    pub src: Option<Prefix>,
    /// Destination prefix.
    pub dst: Option<Prefix>,
    /// Input interface; `lo` stands for what this host sends.
    pub iif: Option<Text>,
    /// Output interface that the sender is bound to.
    pub oif: Option<Text>,
    /// Mark and mask.
    pub mark: Option<(u32, u32)>,
    /// TOS, of which only the bits 0x1c are compared; 0 is any.
    pub tos: u8,
    /// DSCP, all six bits of it.
    pub dscp: Option<u8>,
    /// IP protocol.
    pub protocol: Option<u8>,
    /// Source ports, from and to.
    pub sport: Option<(u16, u16)>,
    /// Destination ports, from and to.
    pub dport: Option<(u16, u16)>,
    /// User ids, from and to.
    pub uid: Option<(u32, u32)>,
    /// Tunnel id.
    pub tunnel: Option<u64>,
    /// The preference of the rule that `FR_ACT_GOTO` leads to.
    pub goto: Option<u32>,
    /// Only for packets of a VRF, whose table is used.
    pub l3mdev: bool,
    /// Answers with a prefix of this length or shorter are not taken.
    pub suppress_prefixlen: Option<u32>,
    /// Answers through an interface of this group are not taken.
    pub suppress_ifgroup: Option<u32>,
    /// `FRA_*` that are not among these: whether such a rule holds is not known.
    pub unknown: Vec<u16>,
}

impl Rule {
    /// A rule that sends every packet to a table.
    pub fn lookup(family: u8, priority: u32, table: u32) -> Self {
        Self {
            family,
            priority,
            action: FR_ACT_TO_TBL,
            table,
            invert: false,
            src: None,
            dst: None,
            iif: None,
            oif: None,
            mark: None,
            tos: 0,
            dscp: None,
            protocol: None,
            sport: None,
            dport: None,
            uid: None,
            tunnel: None,
            goto: None,
            l3mdev: false,
            suppress_prefixlen: None,
            suppress_ifgroup: None,
            unknown: Vec::new(),
        }
    }

    /// Does it hold for every packet?
    pub fn is_unconditional(&self) -> bool {
        !self.invert
            && !self.l3mdev
            && self.src.is_none()
            && self.dst.is_none()
            && self.iif.is_none()
            && self.oif.is_none()
            && self.mark.is_none()
            && self.tos == 0
            && self.dscp.is_none()
            && self.uid.is_none()
            && self.tunnel.is_none()
            && !self.is_about_transport()
            && self.unknown.is_empty()
    }

    /// Does it ask for the protocol or ports?
    pub fn is_about_transport(&self) -> bool {
        self.protocol.is_some() || self.sport.is_some() || self.dport.is_some()
    }

    /// Reads the payload of an `RTM_NEWRULE`. None: it is not about IP.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let family = h[0];
        if Prefix::from_bytes(&[], family, 0).is_none() {
            return Ok(None);
        }
        let flags = u32::from_ne_bytes([h[8], h[9], h[10], h[11]]);
        let mut rule = Self {
            action: h[7],
            invert: flags & FIB_RULE_INVERT != 0,
            tos: h[3],
            ..Self::lookup(family, 0, h[4].into())
        };
        let (mut mark, mut mask) = (None, None);
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                FRA_SRC => rule.src = Prefix::from_bytes(attr.bytes(), family, h[2]),
                FRA_DST => rule.dst = Prefix::from_bytes(attr.bytes(), family, h[1]),
                FRA_IIFNAME => rule.iif = Some(attr.text()),
                FRA_OIFNAME => rule.oif = Some(attr.text()),
                FRA_PRIORITY => rule.priority = attr.u32::<NativeEndian>()?,
                FRA_TABLE => rule.table = attr.u32::<NativeEndian>()?,
                FRA_GOTO => rule.goto = Some(attr.u32::<NativeEndian>()?),
                FRA_FWMARK => mark = Some(attr.u32::<NativeEndian>()?),
                FRA_FWMASK => mask = Some(attr.u32::<NativeEndian>()?),
                FRA_IP_PROTO => rule.protocol = Some(attr.u8()?).filter(|&p| p != 0),
                FRA_SPORT_RANGE => rule.sport = Some(ports(&attr)?),
                FRA_DPORT_RANGE => rule.dport = Some(ports(&attr)?),
                FRA_UID_RANGE => rule.uid = Some(uids(&attr)?),
                FRA_TUN_ID => rule.tunnel = Some(attr.u64::<byteorder::BE>()?).filter(|&t| t != 0),
                FRA_L3MDEV => rule.l3mdev = attr.u8()? != 0,
                // -1 is none.
                FRA_SUPPRESS_PREFIXLEN => {
                    rule.suppress_prefixlen = Some(attr.u32::<NativeEndian>()?).filter(|&n| n != u32::MAX);
                }
                FRA_SUPPRESS_IFGROUP => {
                    rule.suppress_ifgroup = Some(attr.u32::<NativeEndian>()?).filter(|&n| n != u32::MAX);
                }
                FRA_DSCP => rule.dscp = Some(attr.u8()?),
                FRA_SPORT_MASK | FRA_DPORT_MASK if attr.u16::<NativeEndian>()? == u16::MAX => {}
                FRA_DSCP_MASK if attr.u8()? == 0x3f => {}
                FRA_PROTOCOL | FRA_PAD | FRA_FLOW => {}
                kind => rule.unknown.push(kind),
            }
        }
        rule.mark = match (mark, mask) {
            (None, None | Some(0)) => None,
            (mark, mask) => Some((mark.unwrap_or(0), mask.unwrap_or(u32::MAX))),
        };
        Ok(Some(rule))
    }
}

/// `struct fib_rule_port_range`, in host order.
fn ports(attr: &Attr<'_>) -> Result<(u16, u16), Malformed> {
    let v = attr.bytes().first_chunk::<4>().ok_or(Malformed::Short { want: 4, have: attr.bytes().len() })?;
    Ok((u16::from_ne_bytes([v[0], v[1]]), u16::from_ne_bytes([v[2], v[3]])))
}

/// `struct fib_rule_uid_range`.
fn uids(attr: &Attr<'_>) -> Result<(u32, u32), Malformed> {
    let v = attr.bytes().first_chunk::<8>().ok_or(Malformed::Short { want: 8, have: attr.bytes().len() })?;
    Ok((u32::from_ne_bytes([v[0], v[1], v[2], v[3]]), u32::from_ne_bytes([v[4], v[5], v[6], v[7]])))
}

impl Handle {
    /// The rules of one family (`AF_INET`, `AF_INET6`), in the order in which they are asked.
    pub fn rules(&mut self, family: u8) -> Result<Vec<Rule>> {
        let mut rules = self.dump("list routing rules", Rtm::Getrule, || request(family), Rule::parse)?;
        rules.retain(|r| r.family == family);
        rules.sort_by_key(|r| r.priority);
        Ok(rules)
    }
}

fn request(family: u8) -> Result<Fibmsg> {
    FibmsgBuilder::default()
        .fib_family(RtAddrFamily::from(family))
        .fib_dst_len(0)
        .fib_src_len(0)
        .fib_tos(0)
        .fib_table(RtTable::Unspec)
        .fib_action(FrAct::Unspec)
        .rtattrs(RtBuffer::new())
        .build()
        .map_err(|_| Malformed::Missing("a field of struct fib_rule_hdr").of("list routing rules"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Builder;

    fn rule(flags: u32, attrs: impl FnOnce(&mut Builder)) -> Result<Rule, Malformed> {
        let mut b = Builder::new();
        b.raw(&[libc::AF_INET as u8, 0, 24, 0, 254, 0, 0, FR_ACT_TO_TBL]).raw(&flags.to_ne_bytes());
        attrs(&mut b);
        Rule::parse(&b.into_attrs())?.ok_or(Malformed::Missing("rule"))
    }

    #[test]
    fn selectors_are_read_and_unknown_ones_kept() -> Result<(), Malformed> {
        let plain = rule(0, |b| {
            b.u32::<NativeEndian>(FRA_TABLE, 254).u32::<NativeEndian>(FRA_PRIORITY, 32766);
            b.u32::<NativeEndian>(FRA_SUPPRESS_PREFIXLEN, u32::MAX);
        })?;
        assert!(plain.is_unconditional());
        let full = rule(FIB_RULE_INVERT, |b| {
            b.attr(FRA_SRC, &[10, 0, 0, 0]).u32::<NativeEndian>(FRA_FWMARK, 1).u32::<NativeEndian>(FRA_FWMASK, 0xff);
            b.attr(FRA_DPORT_RANGE, &[&80u16.to_ne_bytes()[..], &90u16.to_ne_bytes()].concat());
            b.u16::<NativeEndian>(FRA_DPORT_MASK, u16::MAX).u16::<NativeEndian>(FRA_SPORT_MASK, 0xff00);
            b.flag(200);
        })?;
        assert!(full.invert && !full.is_unconditional() && full.is_about_transport());
        assert_eq!(full.src.map(|p| p.to_string()).as_deref(), Some("10.0.0.0/24"));
        assert_eq!((full.mark, full.dport), (Some((1, 0xff)), Some((80, 90))));
        assert_eq!(full.unknown, [FRA_SPORT_MASK, 200]);
        Ok(())
    }
}
