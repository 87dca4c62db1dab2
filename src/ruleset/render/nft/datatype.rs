//! nft's data types: what the number of a set's key type means, and what a value looks like.

pub(crate) mod symbols;
mod time;
mod value;

pub(super) use time::{CivilDate, duration};
pub(super) use value::{Printer, string, swapped};

use symbols::Symbols;

/// nft's number for a type, as in `NFTA_SET_KEY_TYPE`: up to 63 a single type, above that a concatenation with six
/// bits per field, the first field highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type(pub u32);

/// In which order the bytes of a value stand for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// Not known; read as network order.
    #[default]
    Unknown,
    /// That of the processor.
    Host,
    /// That of the network.
    Network,
}

/// What is known of a single type.
#[derive(Debug)]
pub(super) struct Info {
    /// nft's name for it.
    pub name: &'static str,
    /// How many bits it has; 0 where that is not fixed.
    pub bits: u32,
    pub order: Order,
    /// What it is a kind of.
    pub base: Type,
    pub style: Style,
    /// Are ranges shown as prefixes where they are one?
    pub prefix: bool,
}

/// How values of a type are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Invalid,
    Verdict,
    Decimal,
    /// With that many digits at least.
    Hex(usize),
    String,
    LinkAddress,
    Ip,
    Ip6,
    Protocol,
    /// A name if there is one, else as the second says.
    Named(&'static Symbols, &'static Style),
    Mark,
    Duration,
    Classid,
    Interface,
    Devgroup,
    Realm,
    Date,
    Hour,
    Label,
    Cgroup,
}

const BITS_PER_FIELD: u32 = 6;
const FIELD_MASK: u32 = (1 << BITS_PER_FIELD) - 1;

macro_rules! types {
    ($( $const:ident = $number:literal, $name:literal, $bits:literal, $order:ident, $base:ident, $style:expr $(, $prefix:ident)?; )+) => {
        #[allow(dead_code, reason = "the list is nft's, whole")]
        impl Type {
            $( pub const $const: Self = Self($number); )+
        }

        const TYPES: &[(Type, Info)] = &[
            $( (Type::$const, Info {
                name: $name, bits: $bits, order: Order::$order, base: Type::$base, style: $style,
                prefix: false $(|| types!(@$prefix))?,
            }), )+
        ];
    };
    (@prefix) => { true };
}

use Style::*;

// A type that is not a kind of another one names itself as its base.
types! {
    INVALID = 0, "invalid", 0, Unknown, INVALID, Invalid;
    VERDICT = 1, "verdict", 0, Unknown, VERDICT, Verdict;
    NFPROTO = 2, "nf_proto", 8, Unknown, INTEGER, Named(&symbols::NFPROTO, &Decimal);
    BITMASK = 3, "bitmask", 0, Unknown, INTEGER, Hex(0);
    INTEGER = 4, "integer", 0, Unknown, INTEGER, Decimal;
    STRING = 5, "string", 0, Host, STRING, String;
    LLADDR = 6, "ll_addr", 0, Network, INTEGER, LinkAddress;
    IPADDR = 7, "ipv4_addr", 32, Network, INTEGER, Ip, prefix;
    IP6ADDR = 8, "ipv6_addr", 128, Network, INTEGER, Ip6, prefix;
    ETHERADDR = 9, "ether_addr", 48, Network, LLADDR, LinkAddress;
    ETHERTYPE = 10, "ether_type", 16, Network, INTEGER, Named(&symbols::ETHERTYPE, &Hex(4));
    ARPOP = 11, "arp_op", 16, Network, INTEGER, Named(&symbols::ARPOP, &Decimal);
    INET_PROTOCOL = 12, "inet_proto", 8, Unknown, INTEGER, Protocol;
    INET_SERVICE = 13, "inet_service", 16, Network, INTEGER, Decimal;
    ICMP_TYPE = 14, "icmp_type", 8, Network, INTEGER, Named(&symbols::ICMP_TYPE, &Decimal);
    TCP_FLAG = 15, "tcp_flag", 8, Network, BITMASK, Named(&symbols::TCP_FLAG, &Hex(0));
    DCCP_PKTTYPE = 16, "dccp_pkttype", 4, Unknown, INTEGER, Named(&symbols::DCCP_PKTTYPE, &Decimal);
    MH_TYPE = 17, "mh_type", 8, Network, INTEGER, Named(&symbols::MH_TYPE, &Decimal);
    TIME = 18, "time", 32, Host, INTEGER, Duration;
    MARK = 19, "mark", 32, Host, INTEGER, Mark, prefix;
    IFINDEX = 20, "iface_index", 32, Host, INTEGER, Interface;
    ARPHRD = 21, "iface_type", 16, Host, INTEGER, Named(&symbols::ARPHRD, &Decimal);
    REALM = 22, "realm", 32, Host, INTEGER, Realm, prefix;
    CLASSID = 23, "classid", 32, Host, INTEGER, Classid;
    UID = 24, "uid", 32, Host, INTEGER, Decimal;
    GID = 25, "gid", 32, Host, INTEGER, Decimal;
    CT_STATE = 26, "ct_state", 32, Host, BITMASK, Named(&symbols::CT_STATE, &Hex(0));
    CT_DIR = 27, "ct_dir", 8, Unknown, INTEGER, Named(&symbols::CT_DIR, &Decimal);
    CT_STATUS = 28, "ct_status", 32, Host, BITMASK, Named(&symbols::CT_STATUS, &Hex(0));
    ICMP6_TYPE = 29, "icmpv6_type", 8, Network, INTEGER, Named(&symbols::ICMP6_TYPE, &Decimal);
    CT_LABEL = 30, "ct_label", 128, Host, BITMASK, Label;
    PKTTYPE = 31, "pkt_type", 8, Host, INTEGER, Named(&symbols::PKTTYPE, &Decimal);
    ICMP_CODE = 32, "icmp_code", 8, Network, INTEGER, Named(&symbols::ICMP_CODE, &Decimal);
    ICMPV6_CODE = 33, "icmpv6_code", 8, Network, INTEGER, Named(&symbols::ICMPV6_CODE, &Decimal);
    ICMPX_CODE = 34, "icmpx_code", 8, Network, INTEGER, Named(&symbols::ICMPX_CODE, &Decimal);
    DEVGROUP = 35, "devgroup", 32, Host, INTEGER, Devgroup, prefix;
    DSCP = 36, "dscp", 6, Network, INTEGER, Named(&symbols::DSCP, &Hex(2));
    ECN = 37, "ecn", 2, Network, INTEGER, Named(&symbols::ECN, &Hex(1));
    FIB_ADDR = 38, "fib_addrtype", 32, Host, INTEGER, Named(&symbols::FIB_ADDR, &Decimal);
    BOOLEAN = 39, "boolean", 1, Unknown, INTEGER, Named(&symbols::BOOLEAN, &Decimal);
    CT_EVENT = 40, "ct_event", 32, Host, BITMASK, Named(&symbols::CT_EVENT, &Hex(0));
    IFNAME = 41, "ifname", 128, Host, STRING, String;
    IGMP_TYPE = 42, "igmp_type", 8, Network, INTEGER, Named(&symbols::IGMP_TYPE, &Decimal);
    DATE = 43, "time", 64, Host, INTEGER, Date;
    HOUR = 44, "hour", 32, Host, INTEGER, Hour;
    DAY = 45, "day", 8, Host, INTEGER, Named(&symbols::DAY, &Decimal);
    CGROUPV2 = 46, "cgroupsv2", 64, Host, INTEGER, Cgroup;
    // nft's own variant of `integer` for raw payload; it has no number there.
    XINTEGER = 63, "integer", 0, Unknown, INTEGER, Hex(0);
}

impl Type {
    /// What is known of it; for a concatenation or an unknown number, what is known of the invalid type.
    pub fn info(self) -> &'static Info {
        let known = usize::try_from(self.0).ok().and_then(|n| TYPES.get(n)).filter(|(ty, _)| *ty == self);
        match known {
            Some((_, info)) => info,
            None if self == Self::XINTEGER => &XINTEGER_INFO,
            None => &INVALID_INFO,
        }
    }

    pub fn is_concat(self) -> bool {
        self.0 > FIELD_MASK
    }

    /// The types of the fields of a concatenation, or the type itself.
    pub fn fields(self) -> impl DoubleEndedIterator<Item = Self> + Clone {
        let fields = (u32::BITS - self.0.leading_zeros()).div_ceil(BITS_PER_FIELD);
        (0..fields).rev().map(move |n| Self(self.0 >> (n * BITS_PER_FIELD) & FIELD_MASK))
    }

    /// The concatenation that one more field makes.
    pub fn with_field(self, field: Self) -> Self {
        // XINTEGER has no number of its own.
        let field = if field == Self::XINTEGER { Self::INTEGER } else { field };
        Self(self.0 << BITS_PER_FIELD | field.0 & FIELD_MASK)
    }

    pub fn order(self) -> Order {
        self.info().order
    }

    pub fn bits(self) -> u32 {
        self.info().bits
    }

    /// Are its values strings?
    pub fn is_string(self) -> bool {
        matches!(self, Self::STRING | Self::IFNAME)
    }

    /// Does each bit of its values stand for itself?
    pub fn is_flags(self) -> bool {
        self.info().base == Self::BITMASK
    }
}

const INVALID_INFO: Info =
    Info { name: "invalid", bits: 0, order: Order::Unknown, base: Type::INVALID, style: Invalid, prefix: false };
const XINTEGER_INFO: Info =
    Info { name: "integer", bits: 0, order: Order::Unknown, base: Type::INTEGER, style: Hex(0), prefix: false };

impl std::fmt::Display for Type {
    /// As in the declaration of a set: `ipv4_addr . inet_service`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.is_concat() {
            return f.write_str(self.info().name);
        }
        for (i, field) in self.fields().enumerate() {
            let delim = if i == 0 { "" } else { " . " };
            write!(f, "{delim}{}", field.info().name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        for (n, (ty, info)) in TYPES.iter().enumerate().take(47) {
            assert_eq!(ty.0 as usize, n, "{}", info.name);
        }
    }

    #[test]
    fn concatenations_name_their_fields() {
        let ty = Type::IPADDR.with_field(Type::INET_SERVICE);
        assert_eq!(ty.to_string(), "ipv4_addr . inet_service");
        assert_eq!(ty.fields().collect::<Vec<_>>(), [Type::IPADDR, Type::INET_SERVICE]);
        assert_eq!(Type(62).info().name, "invalid");
        assert!(Type::CT_STATE.is_flags() && !Type::BITMASK.is_flags());
    }
}
