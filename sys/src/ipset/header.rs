//! What a set was made with.

use std::net::IpAddr;

use byteorder::NativeEndian;
use serde::Serialize;

use super::kind::Kind;
use super::value;
use crate::Text;
use crate::error::Malformed;
use crate::netlink::Attrs;
use crate::uapi::ip_set::*;

/// A set without its elements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Its name.
    pub name: Text,
    /// Its index, by which xtables rules refer to it (`ip_set_id_t`). `None` before protocol 7.
    pub index: Option<u16>,
    /// Its type.
    pub kind: Kind,
    /// The revision of the type.
    pub revision: u8,
    /// `NFPROTO_IPV4`, `NFPROTO_IPV6`, or `NFPROTO_UNSPEC` for types without addresses.
    pub family: u8,
    /// Options of creation.
    pub options: Options,
    /// How many rules and lists refer to it.
    pub references: u32,
    /// Its size in the kernel, in bytes.
    pub memsize: u32,
    /// How many elements it has, expired ones perhaps included. `None` on kernels before 4.10.
    pub elements: Option<u32>,
}

/// The options that a set was created with; what its type does not have is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Options {
    /// First and last address of a bitmap.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// First and last port of a bitmap.
    pub ports: Option<(u16, u16)>,
    /// Buckets of the hash, now.
    pub hashsize: Option<u32>,
    /// The most elements.
    pub maxelem: Option<u32>,
    /// Addresses are cut to this prefix length. `None` = not cut.
    pub netmask: Option<u8>,
    /// Addresses are masked with this. `None` = not masked.
    pub bitmask: Option<IpAddr>,
    /// Packet marks are masked with this.
    pub markmask: Option<u32>,
    /// The most elements of a bucket.
    pub bucketsize: Option<u8>,
    /// The seed of the hash.
    pub initval: Option<u32>,
    /// The first size of a list.
    pub size: Option<u32>,
    /// Elements expire, by default after this many seconds (0 = never).
    pub timeout: Option<u32>,
    /// `IPSET_FLAG_WITH_*`.
    pub flags: u32,
    /// Attributes that this crate does not know, as type and payload.
    pub unknown: Vec<(u16, Vec<u8>)>,
}

impl Header {
    /// Reads the attributes of a list message that begins a set (it has `IPSET_ATTR_DATA`).
    ///
    /// # Errors
    /// When name, type, family or the options are missing or cut short.
    pub fn parse(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        let name = attrs.find(IPSET_ATTR_SETNAME).ok_or(Malformed::Missing("IPSET_ATTR_SETNAME"))?;
        let kind = attrs.find(IPSET_ATTR_TYPENAME).ok_or(Malformed::Missing("IPSET_ATTR_TYPENAME"))?;
        let family = attrs.find(IPSET_ATTR_FAMILY).ok_or(Malformed::Missing("IPSET_ATTR_FAMILY"))?;
        let revision = attrs.find(IPSET_ATTR_REVISION).ok_or(Malformed::Missing("IPSET_ATTR_REVISION"))?;
        let mut header = Self {
            name: name.text(),
            index: attrs.find(IPSET_ATTR_INDEX).map(|a| value::u16(&a)).transpose()?,
            kind: Kind::from_name(kind.c_str()),
            revision: revision.u8()?,
            family: family.u8()?,
            options: Options::default(),
            references: 0,
            memsize: 0,
            elements: None,
        };
        let data = attrs.find(IPSET_ATTR_DATA).ok_or(Malformed::Missing("IPSET_ATTR_DATA"))?;
        header.read_options(data.nested())?;
        Ok(header)
    }

    fn read_options(&mut self, attrs: Attrs<'_>) -> Result<(), Malformed> {
        let o = &mut self.options;
        let (mut first, mut last) = (None, None);
        let (mut first_port, mut last_port) = (None, None);
        for attr in attrs {
            let a = attr?;
            match a.kind() {
                IPSET_ATTR_IP => first = Some(value::address(&a)?),
                IPSET_ATTR_IP_TO => last = Some(value::address(&a)?),
                IPSET_ATTR_PORT => first_port = Some(value::u16(&a)?),
                IPSET_ATTR_PORT_TO => last_port = Some(value::u16(&a)?),
                IPSET_ATTR_HASHSIZE => o.hashsize = Some(value::u32(&a)?),
                IPSET_ATTR_MAXELEM => o.maxelem = Some(value::u32(&a)?),
                IPSET_ATTR_NETMASK => o.netmask = Some(a.u8()?),
                IPSET_ATTR_BITMASK => o.bitmask = Some(value::address(&a)?),
                // The one number that the kernel sends in its own byte order.
                IPSET_ATTR_MARKMASK => o.markmask = Some(a.u32::<NativeEndian>()?),
                IPSET_ATTR_BUCKETSIZE => o.bucketsize = Some(a.u8()?),
                IPSET_ATTR_INITVAL => o.initval = Some(value::u32(&a)?),
                IPSET_ATTR_SIZE => o.size = Some(value::u32(&a)?),
                IPSET_ATTR_TIMEOUT => o.timeout = Some(value::u32(&a)?),
                IPSET_ATTR_CADT_FLAGS => o.flags = value::u32(&a)?,
                IPSET_ATTR_REFERENCES => self.references = value::u32(&a)?,
                IPSET_ATTR_MEMSIZE => self.memsize = value::u32(&a)?,
                IPSET_ATTR_ELEMENTS => self.elements = Some(value::u32(&a)?),
                other => o.unknown.push((other, a.bytes().to_vec())),
            }
        }
        o.addresses = first.map(|first| (first, last.unwrap_or(first)));
        o.ports = first_port.map(|first| (first, last_port.unwrap_or(first)));
        Ok(())
    }
}

impl Options {
    /// Do elements have that extension (`IPSET_FLAG_WITH_*`)?
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}
