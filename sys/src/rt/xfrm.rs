//! IPsec policies (`XFRM_MSG_GETPOLICY`, include/uapi/linux/xfrm.h): as much of them as tells what they stop.

use std::net::IpAddr;

use byteorder::NativeEndian;
use serde::Serialize;

use super::prefix::Prefix;
use crate::error::{Malformed, Result};
use crate::modules::{Presence, presence};
use crate::netlink::{Client, Family, Socket, Transport};
use crate::ns::proc_net;

const XFRM_MSG_NEWSA: u16 = 0x10;
const XFRM_MSG_GETSA: u16 = 0x12;
const XFRM_MSG_NEWPOLICY: u16 = 0x13;
const XFRM_MSG_GETPOLICY: u16 = 0x15;
const XFRMA_TMPL: u16 = 5;
const XFRMA_POLICY_TYPE: u16 = 16;
const XFRMA_MARK: u16 = 21;
const XFRMA_IF_ID: u16 = 31;
/// `struct xfrm_userpolicy_info`.
const HEADER: usize = 168;
/// Where the SPI is in `struct xfrm_usersa_info`.
const SPI: usize = 72;
/// `struct xfrm_user_tmpl`, and where its `optional` is.
const TEMPLATE: usize = 64;
const OPTIONAL: usize = 50;

/// Which packets a policy is about (`XFRM_POLICY_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To this host.
    In,
    /// From this host, and what it forwards, on the way out.
    Out,
    /// Through this host.
    Forward,
    /// Another one (socket policies).
    Unknown(u8),
}

/// An IPsec policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The kernel's number for it.
    pub index: u32,
    /// Which packets it is about.
    pub direction: Direction,
    /// `XFRM_POLICY_BLOCK`: they are dropped.
    pub block: bool,
    /// The lowest comes first.
    pub priority: u32,
    /// Source prefix.
    pub src: Prefix,
    /// Destination prefix.
    pub dst: Prefix,
    /// `IPPROTO_*`; 0 is any.
    pub protocol: u8,
    /// Source port and mask, in host order.
    pub sport: (u16, u16),
    /// Destination port and mask, in host order.
    pub dport: (u16, u16),
    /// The interface; 0 is any.
    pub interface: u32,
    /// Mark and mask.
    pub mark: Option<(u32, u32)>,
    /// The id of the XFRM interfaces it belongs to; 0 is none.
    pub if_id: u32,
    /// Does it ask for a transformation that is not optional?
    pub wants_ipsec: bool,
    /// `XFRM_POLICY_TYPE_*`; 0 is main.
    pub kind: u8,
}

impl Policy {
    /// Reads the payload of an `XFRM_MSG_NEWPOLICY`. None: it is not about IP.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let be = |at: usize| u16::from_be_bytes([h[at], h[at + 1]]);
        let word = |at: usize| u32::from_ne_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]]);
        let family = u16::from_ne_bytes([h[40], h[41]]);
        let width = match i32::from(family) {
            libc::AF_INET => 4,
            libc::AF_INET6 => 16,
            _ => return Ok(None),
        };
        let prefix = |at: usize, len: u8| Prefix::from_bytes(&h[at..at + width], family as u8, len);
        let (Some(dst), Some(src)) = (prefix(0, h[42]), prefix(16, h[43])) else { return Ok(None) };
        let mut policy = Self {
            index: word(156),
            direction: match h[160] {
                0 => Direction::In,
                1 => Direction::Out,
                2 => Direction::Forward,
                n => Direction::Unknown(n),
            },
            block: h[161] == 1,
            priority: word(152),
            src,
            dst,
            protocol: h[44],
            dport: (be(32), be(34)),
            sport: (be(36), be(38)),
            interface: word(48),
            mark: None,
            if_id: 0,
            wants_ipsec: false,
            kind: 0,
        };
        for attr in crate::netlink::Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                XFRMA_TMPL => {
                    let needed = |t: &[u8]| t.get(OPTIONAL).is_some_and(|&optional| optional == 0);
                    policy.wants_ipsec = attr.bytes().chunks(TEMPLATE).any(needed);
                }
                XFRMA_POLICY_TYPE => policy.kind = attr.u8()?,
                XFRMA_IF_ID => policy.if_id = attr.u32::<NativeEndian>()?,
                XFRMA_MARK => {
                    let mask = attr.bytes().get(4..8).and_then(|b| b.first_chunk::<4>());
                    policy.mark =
                        Some((attr.u32::<NativeEndian>()?, mask.map_or(u32::MAX, |m| u32::from_ne_bytes(*m))));
                }
                _ => {}
            }
        }
        Ok(Some(policy))
    }

    /// Does its selector hold for these ends (`xfrm_selector_match`)? Interface and mark are left to the caller.
    pub fn selects(&self, src: IpAddr, dst: IpAddr, protocol: u8, sport: u16, dport: u16) -> bool {
        self.src.contains(src)
            && self.dst.contains(dst)
            && (self.protocol == 0 || self.protocol == protocol)
            && (sport ^ self.sport.0) & self.sport.1 == 0
            && (dport ^ self.dport.0) & self.dport.1 == 0
    }
}

/// The policies of the calling thread's network namespace, in the order in which they are asked. Empty where no part of
/// the kernel is loaded that could hold any: asking would load it.
pub fn policies() -> Result<Vec<Policy>> {
    if is_absent() {
        return Ok(Vec::new());
    }
    list(&mut Client::<Socket>::open(Family::Xfrm)?)
}

/// Has the calling thread's network namespace any IPsec state (`XFRM_MSG_GETSA`), by which packets could be taken out of
/// IPsec? Not where no part of the kernel is loaded that could hold one: asking would load it.
///
/// # Errors
/// When the kernel refuses to tell.
pub fn has_states() -> Result<bool> {
    if is_absent() {
        return Ok(false);
    }
    Client::<Socket>::open(Family::Xfrm)?.dump_whole(
        "list IPsec states",
        "",
        |b, flags, seq| {
            b.message(XFRM_MSG_GETSA, flags, seq);
        },
        |any: &mut bool, m| {
            // One without an SPI only stands for a question to a key daemon.
            *any |= m.kind == XFRM_MSG_NEWSA && m.payload.get(SPI..SPI + 4).is_none_or(|spi| spi != [0; 4]);
            Ok(())
        },
    )
}

/// Is nothing loaded that could hold policies or states?
fn is_absent() -> bool {
    // The other way to make them shows by its file.
    presence("xfrm_user", "xfrm_user_rcv_msg") == Presence::Loadable && !proc_net("pfkey").exists()
}

fn list<T: Transport>(client: &mut Client<T>) -> Result<Vec<Policy>> {
    let mut all: Vec<Policy> = client.dump_whole(
        "list IPsec policies",
        "",
        |b, flags, seq| {
            b.message(XFRM_MSG_GETPOLICY, flags, seq);
        },
        |all: &mut Vec<Policy>, m| {
            if m.kind == XFRM_MSG_NEWPOLICY {
                all.extend(Policy::parse(m.payload)?);
            }
            Ok(())
        },
    )?;
    all.sort_by_key(|p| p.priority);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Builder;
    use crate::netlink::fake::Fake;

    #[test]
    fn a_block_policy_is_read_and_selects_what_it_should() -> Result<()> {
        let mut h = [0u8; HEADER];
        h[..4].copy_from_slice(&[192, 0, 2, 1]);
        h[16..20].copy_from_slice(&[192, 0, 2, 0]);
        h[32..36].copy_from_slice(&[0, 80, 0xff, 0xff]);
        h[40..42].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        (h[42], h[43], h[44], h[160], h[161]) = (32, 24, 6, 0, 1);
        let mut b = Builder::new();
        b.message(XFRM_MSG_NEWPOLICY, libc::NLM_F_MULTI as u16, 0).raw(&h);
        let policies = list(&mut Client::new(Fake::new().reply(b.finish()).done()))?;
        assert_eq!(policies.len(), 1);
        let p = &policies[0];
        assert!(p.block && p.direction == Direction::In && !p.wants_ipsec);
        assert_eq!((p.src.to_string().as_str(), p.dst.to_string().as_str()), ("192.0.2.0/24", "192.0.2.1/32"));
        let (src, dst) = ([192, 0, 2, 9].into(), [192, 0, 2, 1].into());
        assert!(p.selects(src, dst, 6, 5, 80) && !p.selects(src, dst, 6, 5, 81) && !p.selects(src, dst, 17, 5, 80));
        Ok(())
    }
}
