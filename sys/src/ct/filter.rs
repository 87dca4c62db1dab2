//! Which connections a dump is about.

use std::net::IpAddr;

use byteorder::{BE, NativeEndian};

use super::flow::Flow;
use super::protoinfo::ProtoInfo;
use super::status::Status;
use super::tuple::Tuple;
use crate::netlink::Builder;
use crate::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_UNSPEC};
use crate::uapi::nfnetlink_conntrack::*;

/// What one direction has to look like. What is None may be anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TupleFilter {
    /// The source address.
    pub src: Option<IpAddr>,
    /// The destination address.
    pub dst: Option<IpAddr>,
    /// `IPPROTO_*`.
    pub protocol: Option<u8>,
    /// The source port.
    pub sport: Option<u16>,
    /// The destination port.
    pub dport: Option<u16>,
}

impl TupleFilter {
    /// Does it let everything pass?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Does that direction look like this?
    pub fn matches(&self, t: &Tuple) -> bool {
        self.src.is_none_or(|a| a == t.src)
            && self.dst.is_none_or(|a| a == t.dst)
            && self.protocol.is_none_or(|p| p == t.protocol)
            && self.sport.is_none_or(|p| t.src_port() == Some(p))
            && self.dport.is_none_or(|p| t.dst_port() == Some(p))
    }

    /// The bits of `CTA_FILTER_*_FLAGS`. Left to [`matches`](Self::matches) are ports but those of TCP and UDP, and
    /// addresses of IPv6: many kernels let pass what does *not* have them (`ctnetlink_filter_match_tuple` up to 6.18).
    fn flags(&self) -> u32 {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        let ports = matches!(self.protocol.map(i32::from), Some(libc::IPPROTO_TCP | libc::IPPROTO_UDP));
        flag(matches!(self.src, Some(IpAddr::V4(_))), CTA_FILTER_F_CTA_IP_SRC)
            | flag(matches!(self.dst, Some(IpAddr::V4(_))), CTA_FILTER_F_CTA_IP_DST)
            | flag(self.protocol.is_some(), CTA_FILTER_F_CTA_PROTO_NUM)
            | flag(ports && self.sport.is_some(), CTA_FILTER_F_CTA_PROTO_SRC_PORT)
            | flag(ports && self.dport.is_some(), CTA_FILTER_F_CTA_PROTO_DST_PORT)
    }

    fn write(&self, b: &mut Builder, kind: u16) {
        let flags = self.flags();
        b.nest(kind, |b| {
            b.nest(CTA_TUPLE_IP, |b| {
                for (addr, kind) in [(self.src, CTA_IP_V4_SRC), (self.dst, CTA_IP_V4_DST)] {
                    if let Some(IpAddr::V4(a)) = addr {
                        b.attr(kind, &a.octets());
                    }
                }
            });
            let Some(protocol) = self.protocol else { return };
            b.nest(CTA_TUPLE_PROTO, |b| {
                b.u8(CTA_PROTO_NUM, protocol);
                if flags & CTA_FILTER_F_CTA_PROTO_SRC_PORT != 0 {
                    b.u16::<BE>(CTA_PROTO_SRC_PORT, self.sport.unwrap_or(0));
                }
                if flags & CTA_FILTER_F_CTA_PROTO_DST_PORT != 0 {
                    b.u16::<BE>(CTA_PROTO_DST_PORT, self.dport.unwrap_or(0));
                }
            });
        });
    }
}

/// Which connections a dump is about. The kernel filters where it can, and what it lets pass is looked at again, so that
/// an older kernel gives the same answer more slowly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`; 0 is both.
    pub family: u8,
    /// The mark under a mask.
    pub mark: Option<(u32, u32)>,
    /// Status bits that have to be as given, and which bits those are.
    pub status: Option<(Status, Status)>,
    /// The zone.
    pub zone: Option<u16>,
    /// The state that the protocol's tracker gives it, as [`ProtoInfo::state_named`] spells it. No kernel filters by it.
    pub state: Option<&'static str>,
    /// The original direction.
    pub orig: TupleFilter,
    /// The reply direction.
    pub reply: TupleFilter,
}

impl Filter {
    /// Everything.
    pub fn any() -> Self {
        Self::default()
    }

    /// Does a connection pass?
    pub fn matches(&self, flow: &Flow) -> bool {
        (self.family == NFPROTO_UNSPEC || self.family == flow.orig.family())
            && self.mark.is_none_or(|(value, mask)| flow.mark.unwrap_or(0) & mask == value)
            && self.status.is_none_or(|(value, mask)| flow.status.unwrap_or_default() & mask == value)
            && self.zone.is_none_or(|zone| flow.zone.unwrap_or(0) == zone)
            && self
                .state
                .is_none_or(|name| flow.protoinfo.as_ref().and_then(ProtoInfo::state).is_some_and(|s| s == name))
            && self.orig.matches(&flow.orig)
            && self.reply.matches(&flow.reply)
    }

    /// The family, also where only an address says it.
    pub(super) fn wire_family(&self) -> u8 {
        let addrs = [self.orig.src, self.orig.dst, self.reply.src, self.reply.dst];
        match (self.family, addrs.iter().flatten().next()) {
            (NFPROTO_UNSPEC, Some(IpAddr::V4(_))) => NFPROTO_IPV4,
            (NFPROTO_UNSPEC, Some(IpAddr::V6(_))) => NFPROTO_IPV6,
            (family, _) => family,
        }
    }

    /// Is there anything that a kernel might not know how to filter by?
    pub(super) fn is_demanding(&self) -> bool {
        Self { family: NFPROTO_UNSPEC, state: None, ..*self } != Self::any()
    }

    pub(super) fn write(&self, b: &mut Builder) {
        if let Some((value, mask)) = self.mark {
            b.u32::<BE>(CTA_MARK, value).u32::<BE>(CTA_MARK_MASK, mask);
        }
        if let Some((value, mask)) = self.status.filter(|(_, mask)| !mask.is_empty()) {
            b.u32::<BE>(CTA_STATUS, value.bits()).u32::<BE>(CTA_STATUS_MASK, mask.bits());
        }
        // Of zone 0 is also what has another zone in one direction; the kernel takes that for the other's.
        if let Some(zone) = self.zone.filter(|zone| *zone != 0) {
            b.u16::<BE>(CTA_ZONE, zone);
        }
        let (orig, reply) = (self.orig.flags(), self.reply.flags());
        // The kernel compares addresses only within one family.
        if self.wire_family() == NFPROTO_UNSPEC || (orig == 0 && reply == 0) {
            return;
        }
        for (flags, tuple, kind) in [(orig, &self.orig, CTA_TUPLE_ORIG), (reply, &self.reply, CTA_TUPLE_REPLY)] {
            if flags != 0 {
                tuple.write(b, kind);
            }
        }
        b.nest(CTA_FILTER, |b| {
            // Host order, against the habit of this subsystem.
            b.u32::<NativeEndian>(CTA_FILTER_ORIG_FLAGS, orig).u32::<NativeEndian>(CTA_FILTER_REPLY_FLAGS, reply);
        });
    }
}
