//! Routing rules in the words of ip-rule(8).

use std::fmt;

use super::Rule;
use crate::uapi::rtnetlink::*;

impl fmt::Display for Rule {
    /// As ip-rule(8) writes it: `32765: from all fwmark 0x66 lookup 66`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} from ", self.priority, if self.invert { " not" } else { "" })?;
        match self.src {
            Some(src) => write!(f, "{src}")?,
            None => f.write_str("all")?,
        }
        optional(f, "to", self.dst)?;
        match self.tos {
            0 => {}
            tos => write!(f, " tos {tos:#x}")?,
        }
        optional(f, "dscp", self.dscp)?;
        match self.mark {
            Some((mark, u32::MAX)) => write!(f, " fwmark {mark:#x}")?,
            Some((mark, mask)) => write!(f, " fwmark {mark:#x}/{mask:#x}")?,
            None => {}
        }
        optional(f, "iif", self.iif.as_ref())?;
        optional(f, "oif", self.oif.as_ref())?;
        range(f, "uidrange", self.uid)?;
        optional(f, "ipproto", self.protocol)?;
        range(f, "sport", self.sport)?;
        range(f, "dport", self.dport)?;
        optional(f, "tun_id", self.tunnel)?;
        for unknown in &self.unknown {
            write!(f, " unknown({unknown})")?;
        }
        match self.action {
            FR_ACT_TO_TBL if self.l3mdev => f.write_str(" lookup [l3mdev-table]")?,
            FR_ACT_TO_TBL => write!(f, " lookup {}", TableName(self.table))?,
            FR_ACT_GOTO => optional(f, "goto", self.goto)?,
            FR_ACT_NOP => f.write_str(" nop")?,
            FR_ACT_BLACKHOLE => f.write_str(" blackhole")?,
            FR_ACT_UNREACHABLE => f.write_str(" unreachable")?,
            FR_ACT_PROHIBIT => f.write_str(" prohibit")?,
            action => write!(f, " unknown({action})")?,
        }
        optional(f, "suppress_prefixlength", self.suppress_prefixlen)?;
        optional(f, "suppress_ifgroup", self.suppress_ifgroup)
    }
}

fn optional(f: &mut fmt::Formatter<'_>, word: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {word} {value}"))
}

fn range<T: fmt::Display + PartialEq>(f: &mut fmt::Formatter<'_>, word: &str, range: Option<(T, T)>) -> fmt::Result {
    match range {
        Some((from, to)) if from == to && word != "uidrange" => write!(f, " {word} {from}"),
        Some((from, to)) => write!(f, " {word} {from}-{to}"),
        None => Ok(()),
    }
}

/// A routing table by the name that every host has for it, else by its number.
#[derive(Debug, Clone, Copy)]
pub struct TableName(pub u32);

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            253 => f.write_str("default"),
            254 => f.write_str("main"),
            255 => f.write_str("local"),
            n => write!(f, "{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_as_ip_rule_writes_them() {
        let marked = Rule { mark: Some((0x66, u32::MAX)), ..Rule::lookup(2, 32765, 66) };
        assert_eq!(marked.to_string(), "32765: from all fwmark 0x66 lookup 66");
        let masked = Rule {
            invert: true,
            mark: Some((0xca6c, 0xffff)),
            iif: Some("lo".into()),
            protocol: Some(6),
            sport: Some((80, 80)),
            dport: Some((1000, 2000)),
            uid: Some((0, 0)),
            ..Rule::lookup(2, 5, 254)
        };
        let text =
            "5: not from all fwmark 0xca6c/0xffff iif lo uidrange 0-0 ipproto 6 sport 80 dport 1000-2000 lookup main";
        assert_eq!(masked.to_string(), text);
        let prohibit = Rule { action: FR_ACT_PROHIBIT, src: "10.0.0.0/8".parse().ok(), ..Rule::lookup(2, 9, 0) };
        assert_eq!(prohibit.to_string(), "9: from 10.0.0.0/8 prohibit");
        let short = Rule { suppress_prefixlen: Some(0), ..Rule::lookup(2, 1, 254) };
        assert_eq!(short.to_string(), "1: from all lookup main suppress_prefixlength 0");
        let unknown = Rule { unknown: vec![77], ..Rule::lookup(2, 1, 255) };
        assert_eq!(unknown.to_string(), "1: from all unknown(77) lookup local");
    }
}
