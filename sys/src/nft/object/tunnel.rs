//! `tunnel` objects: metadata that a rule gives a packet for a tunnel device.

use std::net::{Ipv4Addr, Ipv6Addr};

use bitflags::bitflags;
use serde::Serialize;

use crate::error::Malformed;
use crate::netlink::{Attr, Attrs, Builder};
use crate::nft::data::Data;
use crate::nft::fields::{AttrExt, Fields, Put, Required};
use crate::uapi::nf_tables::*;

bitflags! {
    /// `NFT_TUNNEL_F_*`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
    pub struct TunnelFlags: u32 {
        /// Without UDP checksums.
        const ZERO_CSUM_TX = NFT_TUNNEL_F_ZERO_CSUM_TX;
        /// With the don't-fragment bit.
        const DONT_FRAGMENT = NFT_TUNNEL_F_DONT_FRAGMENT;
        /// With sequence numbers.
        const SEQ_NUMBER = NFT_TUNNEL_F_SEQ_NUMBER;
        const _ = !0;
    }
}

/// A `tunnel` object (`NFTA_TUNNEL_KEY_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TunnelObject {
    /// The tunnel id.
    pub id: u32,
    /// The outer addresses.
    pub endpoints: Option<Endpoints>,
    /// Its flags.
    pub flags: TunnelFlags,
    /// The outer type of service.
    pub tos: u8,
    /// The outer time to live.
    pub ttl: u8,
    /// The outer source port.
    pub sport: u16,
    /// The outer destination port.
    pub dport: u16,
    /// Options of the tunnel protocol.
    pub options: Vec<TunnelOption>,
}

/// The outer addresses of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoints {
    /// `NFTA_TUNNEL_KEY_IP`
    Ip {
        /// Source.
        source: Ipv4Addr,
        /// Destination.
        destination: Ipv4Addr,
    },
    /// `NFTA_TUNNEL_KEY_IP6`
    Ip6 {
        /// Source.
        source: Ipv6Addr,
        /// Destination.
        destination: Ipv6Addr,
        /// Flow label.
        flowlabel: u32,
    },
}

/// An option of the tunnel protocol (`NFTA_TUNNEL_KEY_OPTS_*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelOption {
    /// VXLAN group policy.
    Vxlan {
        /// The policy id.
        gbp: u32,
    },
    /// ERSPAN version 1.
    Erspan1 {
        /// The port index.
        index: u32,
    },
    /// ERSPAN version 2.
    Erspan2 {
        /// The hardware id.
        hwid: u8,
        /// 0 ingress, 1 egress.
        direction: u8,
    },
    /// A GENEVE option.
    Geneve {
        /// Its class.
        class: u16,
        /// Its type.
        kind: u8,
        /// Its data.
        data: Data,
    },
}

impl TunnelObject {
    pub(super) fn read(f: &mut Fields<'_>) -> Result<Self, Malformed> {
        let mut id = None;
        let mut t = Self {
            id: 0,
            endpoints: None,
            flags: TunnelFlags::empty(),
            tos: 0,
            ttl: 0,
            sport: 0,
            dport: 0,
            options: Vec::new(),
        };
        while let Some(a) = f.next()? {
            match a.kind() {
                NFTA_TUNNEL_KEY_ID => id = Some(a.be32()?),
                NFTA_TUNNEL_KEY_IP => t.endpoints = Some(Endpoints::ip(a.nested())?),
                NFTA_TUNNEL_KEY_IP6 => t.endpoints = Some(Endpoints::ip6(a.nested())?),
                NFTA_TUNNEL_KEY_FLAGS => t.flags = TunnelFlags::from_bits_retain(a.be32()?),
                NFTA_TUNNEL_KEY_TOS => t.tos = a.u8()?,
                NFTA_TUNNEL_KEY_TTL => t.ttl = a.u8()?,
                NFTA_TUNNEL_KEY_SPORT => t.sport = a.be16()?,
                NFTA_TUNNEL_KEY_DPORT => t.dport = a.be16()?,
                NFTA_TUNNEL_KEY_OPTS => {
                    for option in a.nested() {
                        t.options.push(TunnelOption::read(option?)?);
                    }
                }
                _ => f.pass_over(),
            }
        }
        t.id = id.required("NFTA_TUNNEL_KEY_ID")?;
        Ok(t)
    }

    pub(super) fn write(&self, b: &mut Builder) {
        b.be32(NFTA_TUNNEL_KEY_ID, self.id);
        match self.endpoints {
            Some(Endpoints::Ip { source, destination }) => {
                b.nest(NFTA_TUNNEL_KEY_IP, |b| {
                    b.attr(NFTA_TUNNEL_KEY_IP_SRC, &source.octets())
                        .attr(NFTA_TUNNEL_KEY_IP_DST, &destination.octets());
                });
            }
            Some(Endpoints::Ip6 { source, destination, flowlabel }) => {
                b.nest(NFTA_TUNNEL_KEY_IP6, |b| {
                    b.attr(NFTA_TUNNEL_KEY_IP6_SRC, &source.octets());
                    b.attr(NFTA_TUNNEL_KEY_IP6_DST, &destination.octets());
                    b.be32(NFTA_TUNNEL_KEY_IP6_FLOWLABEL, flowlabel);
                });
            }
            None => {}
        }
        b.be32(NFTA_TUNNEL_KEY_FLAGS, self.flags.bits()).u8(NFTA_TUNNEL_KEY_TOS, self.tos);
        b.u8(NFTA_TUNNEL_KEY_TTL, self.ttl)
            .be16(NFTA_TUNNEL_KEY_SPORT, self.sport)
            .be16(NFTA_TUNNEL_KEY_DPORT, self.dport);
        if !self.options.is_empty() {
            b.nest(NFTA_TUNNEL_KEY_OPTS, |b| self.options.iter().for_each(|o| o.write(b)));
        }
    }
}

impl Endpoints {
    fn ip(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        Ok(Self::Ip {
            source: bytes(attrs.find(NFTA_TUNNEL_KEY_IP_SRC))?.into(),
            destination: bytes(attrs.find(NFTA_TUNNEL_KEY_IP_DST))?.into(),
        })
    }

    fn ip6(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        Ok(Self::Ip6 {
            source: bytes(attrs.find(NFTA_TUNNEL_KEY_IP6_SRC))?.into(),
            destination: bytes(attrs.find(NFTA_TUNNEL_KEY_IP6_DST))?.into(),
            flowlabel: attrs.find(NFTA_TUNNEL_KEY_IP6_FLOWLABEL).map_or(Ok(0), |a| a.be32())?,
        })
    }
}

impl TunnelOption {
    fn read(option: Attr<'_>) -> Result<Self, Malformed> {
        let find = |kind| option.nested().find(kind).required("tunnel option");
        match option.kind() {
            NFTA_TUNNEL_KEY_OPTS_VXLAN => Ok(Self::Vxlan { gbp: find(NFTA_TUNNEL_KEY_VXLAN_GBP)?.be32()? }),
            NFTA_TUNNEL_KEY_OPTS_ERSPAN => match find(NFTA_TUNNEL_KEY_ERSPAN_VERSION)?.be32()? {
                1 => Ok(Self::Erspan1 { index: find(NFTA_TUNNEL_KEY_ERSPAN_V1_INDEX)?.be32()? }),
                2 => Ok(Self::Erspan2 {
                    hwid: find(NFTA_TUNNEL_KEY_ERSPAN_V2_HWID)?.u8()?,
                    direction: find(NFTA_TUNNEL_KEY_ERSPAN_V2_DIR)?.u8()?,
                }),
                _ => Err(Malformed::Value("version of ERSPAN")),
            },
            NFTA_TUNNEL_KEY_OPTS_GENEVE => Ok(Self::Geneve {
                class: find(NFTA_TUNNEL_KEY_GENEVE_CLASS)?.be16()?,
                kind: find(NFTA_TUNNEL_KEY_GENEVE_TYPE)?.u8()?,
                data: Data::new(find(NFTA_TUNNEL_KEY_GENEVE_DATA)?.bytes()),
            }),
            _ => Err(Malformed::Value("kind of tunnel option")),
        }
    }

    pub(super) fn write(&self, b: &mut Builder) {
        match self {
            Self::Vxlan { gbp } => b.nest(NFTA_TUNNEL_KEY_OPTS_VXLAN, |b| {
                b.be32(NFTA_TUNNEL_KEY_VXLAN_GBP, *gbp);
            }),
            Self::Erspan1 { index } => b.nest(NFTA_TUNNEL_KEY_OPTS_ERSPAN, |b| {
                b.be32(NFTA_TUNNEL_KEY_ERSPAN_VERSION, 1).be32(NFTA_TUNNEL_KEY_ERSPAN_V1_INDEX, *index);
            }),
            Self::Erspan2 { hwid, direction } => b.nest(NFTA_TUNNEL_KEY_OPTS_ERSPAN, |b| {
                b.be32(NFTA_TUNNEL_KEY_ERSPAN_VERSION, 2).u8(NFTA_TUNNEL_KEY_ERSPAN_V2_HWID, *hwid);
                b.u8(NFTA_TUNNEL_KEY_ERSPAN_V2_DIR, *direction);
            }),
            Self::Geneve { class, kind, data } => b.nest(NFTA_TUNNEL_KEY_OPTS_GENEVE, |b| {
                b.be16(NFTA_TUNNEL_KEY_GENEVE_CLASS, *class).u8(NFTA_TUNNEL_KEY_GENEVE_TYPE, *kind);
                b.attr(NFTA_TUNNEL_KEY_GENEVE_DATA, data);
            }),
        };
    }
}

fn bytes<const N: usize>(attr: Option<Attr<'_>>) -> Result<[u8; N], Malformed> {
    let b = attr.required("tunnel address")?.bytes();
    b.try_into().map_err(|_| Malformed::Short { want: N, have: b.len() })
}
