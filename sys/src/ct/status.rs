//! The status word of a connection.

use std::fmt;

bitflags::bitflags! {
    /// `enum ip_conntrack_status` (include/uapi/linux/netfilter/nf_conntrack_common.h). Unknown bits are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Status: u32 {
        /// Another connection announced it.
        const EXPECTED = 1 << 0;
        /// Packets have been seen both ways.
        const SEEN_REPLY = 1 << 1;
        /// Not evicted early when the table is full.
        const ASSURED = 1 << 2;
        /// Its first packet has left the last hook.
        const CONFIRMED = 1 << 3;
        /// Its source address is translated.
        const SRC_NAT = 1 << 4;
        /// Its destination address is translated.
        const DST_NAT = 1 << 5;
        /// Its TCP sequence numbers are adjusted.
        const SEQ_ADJUST = 1 << 6;
        /// Source NAT has been decided, whether or not it changes anything.
        const SRC_NAT_DONE = 1 << 7;
        /// Destination NAT has been decided, whether or not it changes anything.
        const DST_NAT_DONE = 1 << 8;
        /// It is being removed.
        const DYING = 1 << 9;
        /// Its timeout does not change.
        const FIXED_TIMEOUT = 1 << 10;
        /// A template for others (`CT --zone`, `ct timeout set`).
        const TEMPLATE = 1 << 11;
        /// Clashed with another entry when it was inserted; long ago: untracked.
        const NAT_CLASH = 1 << 12;
        /// A rule gave it its helper.
        const HELPER = 1 << 13;
        /// A flow table carries it: its packets do not pass the hooks.
        const OFFLOAD = 1 << 14;
        /// The hardware carries it.
        const HW_OFFLOAD = 1 << 15;
        const _ = !0;
    }
}

impl fmt::Display for Status {
    /// The known names in lower case, with `|` between, and what is left over in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, _) in self.iter_names() {
            write!(f, "{}{}", if first { "" } else { "|" }, name.to_ascii_lowercase())?;
            first = false;
        }
        let known = Self::all().iter_names().fold(0, |bits, (_, flag)| bits | flag.bits());
        match self.bits() & !known {
            0 if first => f.write_str("none"),
            0 => Ok(()),
            rest => write!(f, "{}{rest:#x}", if first { "" } else { "|" }),
        }
    }
}

impl serde::Serialize for Status {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_first_and_unknown_bits_are_shown() {
        assert_eq!(Status::from_bits_retain(0b110).to_string(), "seen_reply|assured");
        assert_eq!(Status::from_bits_retain(1 << 20 | 1).to_string(), "expected|0x100000");
        assert_eq!(Status::empty().to_string(), "none");
    }
}
