//! Rules.

use bitflags::bitflags;
use serde::Serialize;

use super::expr::{CmpOp, Expr, MetaKey, PayloadBase};
use super::family::Family;
use super::fields::{AttrExt, Fields, RawAttr, Required, read_all};
use super::userdata::{self, Userdata};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Message;
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_RULE_COMPAT_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct CompatFlags: u32 {
        /// The protocol is negated.
        const INV = NFT_RULE_COMPAT_F_INV;
        const _ = !0;
    }
}

/// `NFTA_RULE_COMPAT`: which protocol the xtables matches and targets of the rule may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Compat {
    /// The layer 4 protocol (an EtherType for bridge); 0 for any.
    pub proto: u32,
    /// Is it negated?
    pub flags: CompatFlags,
}

/// A rule (`NFTA_RULE_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: Text,
    /// Its chain.
    pub chain: Text,
    /// Its handle, unique within the table.
    pub handle: u64,
    /// The handle of the rule before it, where the kernel tells.
    pub previous: Option<u64>,
    /// What it does, in order.
    pub exprs: Vec<Expr>,
    /// For writing: which protocol the xtables matches and targets may rely on. The kernel does not tell it of the rules
    /// it holds; see [`implied_compat`](Self::implied_compat).
    pub compat: Option<Compat>,
    /// What user space stored with it.
    pub userdata: Userdata,
    /// Attributes that were not understood.
    pub unread: Vec<RawAttr>,
}

impl Rule {
    /// A rule to be added.
    pub fn new(family: Family, table: impl Into<Text>, chain: impl Into<Text>, exprs: Vec<Expr>) -> Self {
        Self {
            family,
            table: table.into(),
            chain: chain.into(),
            handle: 0,
            previous: None,
            exprs,
            compat: None,
            userdata: Userdata::default(),
            unread: Vec::new(),
        }
    }

    /// Decodes `NFT_MSG_NEWRULE` or `NFT_MSG_DELRULE`.
    pub fn decode(m: &Message<'_>) -> Result<Self, Malformed> {
        let (nfgen, attrs) = m.nfgen()?;
        let (mut table, mut chain) = (None, None);
        let mut r = Self::new(nfgen.family.into(), Text::default(), Text::default(), Vec::new());
        let mut unread = Vec::new();
        read_all(attrs, &mut unread, |a| {
            match a.kind() {
                NFTA_RULE_TABLE => table = Some(a.text()),
                NFTA_RULE_CHAIN => chain = Some(a.text()),
                NFTA_RULE_HANDLE => r.handle = a.be64()?,
                NFTA_RULE_POSITION => r.previous = Some(a.be64()?),
                NFTA_RULE_EXPRESSIONS => r.exprs = Expr::list(a.nested()),
                NFTA_RULE_COMPAT => {
                    let mut f = Fields::new(a.nested());
                    r.compat = Some(Compat::read(&mut f)?);
                    return Ok(!f.passed_over());
                }
                NFTA_RULE_USERDATA => r.userdata = Userdata::new(a.bytes()),
                NFTA_RULE_PAD => {}
                _ => return Ok(false),
            }
            Ok(true)
        });
        r.table = table.required("NFTA_RULE_TABLE")?;
        r.chain = chain.required("NFTA_RULE_CHAIN")?;
        r.unread = unread;
        Ok(r)
    }

    /// The comment that nft or iptables-nft stored with it.
    pub fn comment(&self) -> Option<Text> {
        self.userdata.text(userdata::COMMENT)
    }

    /// The protocol that its expressions restrict it to, for a rule with xtables matches or targets: these refuse to be
    /// written without it.
    pub fn implied_compat(&self) -> Option<Compat> {
        if !self.exprs.iter().any(|e| matches!(e, Expr::Match(_) | Expr::Target(_))) {
            return None;
        }
        let restriction = self.exprs.windows(2).find_map(|pair| {
            let [load, Expr::Cmp(cmp)] = pair else { return None };
            let flags = match cmp.op {
                CmpOp::Eq => CompatFlags::empty(),
                CmpOp::Neq => CompatFlags::INV,
                _ => return None,
            };
            let proto = match cmp.data.as_bytes() {
                [proto] if self.loads_protocol(load) => u32::from(*proto),
                [hi, lo] if self.loads_protocol(load) => u32::from(u16::from_be_bytes([*hi, *lo])),
                _ => return None,
            };
            Some(Compat { proto, flags })
        });
        Some(restriction.unwrap_or(Compat { proto: 0, flags: CompatFlags::empty() }))
    }

    /// Does it load the layer 4 protocol (for bridge, the EtherType)?
    fn loads_protocol(&self, load: &Expr) -> bool {
        let payload =
            |base, offset, len| matches!(load, Expr::Payload(p) if (p.base, p.offset, p.len) == (base, offset, len));
        let meta = |key| matches!(load, Expr::Meta(m) if m.key == key);
        match self.family {
            Family::Bridge => payload(PayloadBase::Link, 12, 2) || meta(MetaKey::Protocol),
            Family::Ip => payload(PayloadBase::Network, 9, 1) || meta(MetaKey::L4proto),
            Family::Ip6 => payload(PayloadBase::Network, 6, 1) || meta(MetaKey::L4proto),
            _ => meta(MetaKey::L4proto),
        }
    }

    /// Was it understood to its last attribute?
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty() && self.exprs.iter().all(Expr::is_whole)
    }
}

impl Compat {
    fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (mut proto, mut flags) = (None, CompatFlags::empty());
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_RULE_COMPAT_PROTO => proto = Some(a.be32()?),
                NFTA_RULE_COMPAT_FLAGS => flags = CompatFlags::from_bits_retain(a.be32()?),
                _ => f.pass_over(),
            }
        }
        Ok(Self { proto: proto.required("NFTA_RULE_COMPAT_PROTO")?, flags })
    }
}
