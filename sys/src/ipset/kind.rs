//! Set types.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Text;

/// A type of set, which says what an element is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `bitmap:ip`
    BitmapIp,
    /// `bitmap:ip,mac`
    BitmapIpMac,
    /// `bitmap:port`
    BitmapPort,
    /// `hash:ip`
    HashIp,
    /// `hash:ip,mac`
    HashIpMac,
    /// `hash:ip,mark`
    HashIpMark,
    /// `hash:ip,port`
    HashIpPort,
    /// `hash:ip,port,ip`
    HashIpPortIp,
    /// `hash:ip,port,net`
    HashIpPortNet,
    /// `hash:mac`
    HashMac,
    /// `hash:net`
    HashNet,
    /// `hash:net,iface`
    HashNetIface,
    /// `hash:net,net`
    HashNetNet,
    /// `hash:net,port`
    HashNetPort,
    /// `hash:net,port,net`
    HashNetPortNet,
    /// `list:set`
    ListSet,
    /// A type that this crate does not know.
    Unknown(Text),
}

const NAMES: [(Kind, &str, u8); 16] = [
    (Kind::BitmapIp, "bitmap:ip", 1),
    (Kind::BitmapIpMac, "bitmap:ip,mac", 2),
    (Kind::BitmapPort, "bitmap:port", 1),
    (Kind::HashIp, "hash:ip", 1),
    (Kind::HashIpMac, "hash:ip,mac", 2),
    (Kind::HashIpMark, "hash:ip,mark", 2),
    (Kind::HashIpPort, "hash:ip,port", 2),
    (Kind::HashIpPortIp, "hash:ip,port,ip", 3),
    (Kind::HashIpPortNet, "hash:ip,port,net", 3),
    (Kind::HashMac, "hash:mac", 1),
    (Kind::HashNet, "hash:net", 1),
    (Kind::HashNetIface, "hash:net,iface", 2),
    (Kind::HashNetNet, "hash:net,net", 2),
    (Kind::HashNetPort, "hash:net,port", 2),
    (Kind::HashNetPortNet, "hash:net,port,net", 3),
    (Kind::ListSet, "list:set", 1),
];

impl Kind {
    /// The type of that name (`struct ip_set_type.name`).
    pub fn from_name(name: &[u8]) -> Self {
        NAMES
            .iter()
            .find(|(_, known, _)| known.as_bytes() == name)
            .map_or_else(|| Self::Unknown(Text::new(name)), |(kind, ..)| kind.clone())
    }

    /// How many `src`/`dst` flags a match needs (`struct ip_set_type.dimension`); a match with fewer never matches.
    /// `None` for an unknown type.
    pub fn dimensions(&self) -> Option<u8> {
        NAMES.iter().find(|(kind, ..)| kind == self).map(|(.., dimensions)| *dimensions)
    }

    /// Can elements be exceptions (`IPSET_TYPE_NOMATCH`)?
    pub fn has_nomatch(&self) -> bool {
        matches!(
            self,
            Self::HashIpPortNet
                | Self::HashNet
                | Self::HashNetIface
                | Self::HashNetNet
                | Self::HashNetPort
                | Self::HashNetPortNet
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => name.fmt(f),
            _ => NAMES.iter().find(|(kind, ..)| kind == self).map_or(Ok(()), |(_, name, _)| f.write_str(name)),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (kind, name, dimensions) in NAMES {
            assert_eq!(Kind::from_name(name.as_bytes()), kind);
            assert_eq!(kind.to_string(), name);
            assert_eq!(usize::from(dimensions), name.split(',').count());
        }
        let odd = Kind::from_name(b"hash:x\x1b");
        assert_eq!(odd.to_string(), "hash:x\\x1b");
        assert_eq!(odd.dimensions(), None);
    }
}
