//! One direction of a connection: who to whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use byteorder::BE;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::{Attr, Builder};
use crate::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};
use crate::uapi::nfnetlink_conntrack::*;

/// The transport part of a tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum L4 {
    /// Ports, in host order; for GRE the two keys.
    Ports {
        /// Where from.
        src: u16,
        /// Where to.
        dst: u16,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
        /// The identifier, in host order.
        id: u16,
    },
    /// A protocol that is tracked by its addresses only.
    None,
}

/// `struct nf_conntrack_tuple`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Tuple {
    /// Where from.
    pub src: IpAddr,
    /// Where to.
    pub dst: IpAddr,
    /// `IPPROTO_*`.
    pub protocol: u8,
    /// Ports or the like.
    pub l4: L4,
    /// The zone, where only this direction has one (`CTA_TUPLE_ZONE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<u16>,
}

impl Tuple {
    /// A tuple with ports (TCP, UDP, UDP-Lite, SCTP, DCCP).
    pub fn ports(protocol: u8, src: (IpAddr, u16), dst: (IpAddr, u16)) -> Self {
        Self { src: src.0, dst: dst.0, protocol, l4: L4::Ports { src: src.1, dst: dst.1 }, zone: None }
    }

    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`.
    pub fn family(&self) -> u8 {
        if self.src.is_ipv4() { NFPROTO_IPV4 } else { NFPROTO_IPV6 }
    }

    /// The source port, if there are ports.
    pub fn src_port(&self) -> Option<u16> {
        if let L4::Ports { src, .. } = self.l4 { Some(src) } else { None }
    }

    /// The destination port, if there are ports.
    pub fn dst_port(&self) -> Option<u16> {
        if let L4::Ports { dst, .. } = self.l4 { Some(dst) } else { None }
    }

    /// The same way back, as `nf_ct_invert_tuple` makes it: ICMP queries become their replies. None: this kind of
    /// ICMP message has no reply, so it begins no connection.
    pub fn inverted(&self) -> Option<Self> {
        let l4 = match self.l4 {
            L4::Ports { src, dst } => L4::Ports { src: dst, dst: src },
            L4::Icmp { kind, code, id } => L4::Icmp { kind: icmp_reply(self.family(), kind)?, code, id },
            L4::None => L4::None,
        };
        Some(Self { src: self.dst, dst: self.src, l4, ..*self })
    }

    /// Is it the same, whatever zone it is in?
    pub fn same_packet(&self, other: &Self) -> bool {
        (self.src, self.dst, self.protocol, self.l4) == (other.src, other.dst, other.protocol, other.l4)
    }

    /// Reads a `CTA_TUPLE_*` attribute.
    pub fn parse(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let (mut src, mut dst, mut zone) = (None, None, None);
        let (mut protocol, mut ports, mut icmp) = (None, (None, None), (None, 0, 0));
        for a in attr.nested() {
            let a = a?;
            match a.kind() {
                CTA_TUPLE_IP => {
                    for a in a.nested() {
                        let a = a?;
                        match a.kind() {
                            CTA_IP_V4_SRC => src = Some(v4(&a)?),
                            CTA_IP_V4_DST => dst = Some(v4(&a)?),
                            CTA_IP_V6_SRC => src = Some(v6(&a)?),
                            CTA_IP_V6_DST => dst = Some(v6(&a)?),
                            _ => {}
                        }
                    }
                }
                CTA_TUPLE_PROTO => {
                    for a in a.nested() {
                        let a = a?;
                        match a.kind() {
                            CTA_PROTO_NUM => protocol = Some(a.u8()?),
                            CTA_PROTO_SRC_PORT => ports.0 = Some(a.u16::<BE>()?),
                            CTA_PROTO_DST_PORT => ports.1 = Some(a.u16::<BE>()?),
                            CTA_PROTO_ICMP_TYPE | CTA_PROTO_ICMPV6_TYPE => icmp.0 = Some(a.u8()?),
                            CTA_PROTO_ICMP_CODE | CTA_PROTO_ICMPV6_CODE => icmp.1 = a.u8()?,
                            CTA_PROTO_ICMP_ID | CTA_PROTO_ICMPV6_ID => icmp.2 = a.u16::<BE>()?,
                            _ => {}
                        }
                    }
                }
                CTA_TUPLE_ZONE => zone = Some(a.u16::<BE>()?),
                _ => {}
            }
        }
        let l4 = match (ports, icmp) {
            ((Some(src), Some(dst)), _) => L4::Ports { src, dst },
            (_, (Some(kind), code, id)) => L4::Icmp { kind, code, id },
            _ => L4::None,
        };
        Ok(Self {
            src: src.ok_or(Malformed::Missing("CTA_IP_V4_SRC"))?,
            dst: dst.ok_or(Malformed::Missing("CTA_IP_V4_DST"))?,
            protocol: protocol.ok_or(Malformed::Missing("CTA_PROTO_NUM"))?,
            l4,
            zone,
        })
    }

    /// Writes it as the attribute `kind` (`CTA_TUPLE_*`).
    pub fn write(&self, b: &mut Builder, kind: u16) {
        b.nest(kind, |b| {
            b.nest(CTA_TUPLE_IP, |b| {
                address(b, self.src, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
                address(b, self.dst, CTA_IP_V4_DST, CTA_IP_V6_DST);
            });
            b.nest(CTA_TUPLE_PROTO, |b| {
                b.u8(CTA_PROTO_NUM, self.protocol);
                match self.l4 {
                    L4::Ports { src, dst } => {
                        b.u16::<BE>(CTA_PROTO_SRC_PORT, src).u16::<BE>(CTA_PROTO_DST_PORT, dst);
                    }
                    L4::Icmp { kind, code, id } if self.src.is_ipv4() => {
                        b.u16::<BE>(CTA_PROTO_ICMP_ID, id).u8(CTA_PROTO_ICMP_TYPE, kind).u8(CTA_PROTO_ICMP_CODE, code);
                    }
                    L4::Icmp { kind, code, id } => {
                        b.u16::<BE>(CTA_PROTO_ICMPV6_ID, id);
                        b.u8(CTA_PROTO_ICMPV6_TYPE, kind).u8(CTA_PROTO_ICMPV6_CODE, code);
                    }
                    L4::None => {}
                }
            });
            if let Some(zone) = self.zone {
                b.u16::<BE>(CTA_TUPLE_ZONE, zone);
            }
        });
    }
}

fn v4(a: &Attr<'_>) -> Result<IpAddr, Malformed> {
    a.u32::<BE>().map(|bits| Ipv4Addr::from_bits(bits).into())
}

fn v6(a: &Attr<'_>) -> Result<IpAddr, Malformed> {
    let bytes = a.bytes().first_chunk::<16>().ok_or(Malformed::Short { want: 16, have: a.bytes().len() })?;
    Ok(Ipv6Addr::from(*bytes).into())
}

fn address(b: &mut Builder, addr: IpAddr, kind4: u16, kind6: u16) {
    match addr {
        IpAddr::V4(a) => b.attr(kind4, &a.octets()),
        IpAddr::V6(a) => b.attr(kind6, &a.octets()),
    };
}

/// `invmap` of nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c.
fn icmp_reply(family: u8, kind: u8) -> Option<u8> {
    Some(match (family, kind) {
        (NFPROTO_IPV4, 8) => 0,
        (NFPROTO_IPV4, 0) => 8,
        (NFPROTO_IPV4, 13) => 14,
        (NFPROTO_IPV4, 14) => 13,
        (NFPROTO_IPV4, 15) => 16,
        (NFPROTO_IPV4, 16) => 15,
        (NFPROTO_IPV4, 17) => 18,
        (NFPROTO_IPV4, 18) => 17,
        (NFPROTO_IPV6, 128) => 129,
        (NFPROTO_IPV6, 129) => 128,
        (NFPROTO_IPV6, 139) => 140,
        (NFPROTO_IPV6, 140) => 139,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attrs;

    fn round_trip(tuple: Tuple) -> Result<Tuple, Malformed> {
        let mut b = Builder::new();
        tuple.write(&mut b, CTA_TUPLE_ORIG);
        let bytes = b.into_attrs();
        let attr = Attrs::new(&bytes).next().ok_or(Malformed::Missing("CTA_TUPLE_ORIG"))??;
        Tuple::parse(&attr)
    }

    #[test]
    fn what_is_written_reads_back() -> Result<(), Malformed> {
        let (a4, b4) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let (a6, b6) = (IpAddr::from([1; 16]), IpAddr::from([2; 16]));
        let ping = L4::Icmp { kind: 8, code: 0, id: 0x1234 };
        let tuples = [
            Tuple::ports(6, (a4, 1), (b4, 80)),
            Tuple::ports(17, (a6, 1), (b6, 53)),
            Tuple { src: a4, dst: b4, protocol: 1, l4: ping, zone: Some(7) },
            Tuple { src: a6, dst: b6, protocol: 58, l4: L4::Icmp { kind: 128, code: 0, id: 1 }, zone: None },
            Tuple { src: a4, dst: b4, protocol: 50, l4: L4::None, zone: None },
        ];
        for tuple in tuples {
            assert_eq!(round_trip(tuple)?, tuple);
            assert_eq!(tuple.inverted().and_then(|t| t.inverted()), Some(tuple));
        }
        Ok(())
    }

    #[test]
    fn an_icmp_error_has_no_way_back() {
        let a = IpAddr::from([192, 0, 2, 1]);
        let t = Tuple { src: a, dst: a, protocol: 1, l4: L4::Icmp { kind: 3, code: 1, id: 0 }, zone: None };
        assert_eq!(t.inverted(), None);
    }
}
