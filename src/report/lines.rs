//! Blames as lines of text, for more of them than anybody reads at once.

use std::io::Write as _;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::text::{icmp, verdict_style, way};
use crate::blame::{Blame, Confidence, PacketFields, Time};

/// Blames as lines, one after the other, and fast: what packets have in common is put into words once.
#[derive(Debug, Default)]
pub struct Lines {
    styled: bool,
    /// By [`Seen::answer`](crate::watch::Seen::answer): what comes before the packet, and behind its length.
    known: FxHashMap<u64, (String, String)>,
    /// The second that `clock` shows.
    second: Option<u64>,
    clock: String,
}

/// How many answers' words are kept.
const WORDS: usize = 4096;

impl Lines {
    /// None yet; with styles or without.
    pub fn new(styled: bool) -> Self {
        Self { styled, ..Self::default() }
    }

    /// Appends a blame, as [`brief`](super::text::brief) would write it; of `count` packets that are alike.
    pub fn add(&mut self, to: &mut Vec<u8>, b: &Blame, count: u64, answer: Option<u64>) {
        if let Some(t) = b.time {
            self.time_of_day(to, t);
        }
        match answer {
            None => {
                let (head, tail) = around(b, self.styled);
                line_of(to, &head, b, &tail);
            }
            Some(n) => {
                if self.known.len() >= WORDS && !self.known.contains_key(&n) {
                    self.known.clear();
                }
                let (head, tail) = self.known.entry(n).or_insert_with(|| around(b, self.styled));
                line_of(to, head, b, tail);
            }
        }
        if count > 1 {
            to.extend_from_slice(b" [");
            number(to, count);
            to.extend_from_slice(b" packets like this]");
        }
        to.push(b'\n');
    }

    fn time_of_day(&mut self, to: &mut Vec<u8>, t: Time) {
        let second = t.0 / 1_000_000_000;
        if self.second != Some(second) {
            self.second = Some(second);
            let mut text = Time(second * 1_000_000_000).of_day();
            text.truncate(text.len().saturating_sub(".000".len()));
            self.clock = text;
        }
        to.extend_from_slice(self.clock.as_bytes());
        let milli = (t.0 / 1_000_000 % 1000) as u16;
        to.push(b'.');
        to.extend([milli / 100, milli / 10 % 10, milli % 10].map(|d| b'0' + d as u8));
    }
}

/// The words around what is the packet's own.
fn around(b: &Blame, styled: bool) -> (String, String) {
    let verdict = b.verdict.name().to_uppercase();
    let style = verdict_style(b.verdict);
    let head = if styled { format!(" {style}{verdict}{style:#} ") } else { format!(" {verdict} ") };
    let doubt = if b.confidence == Confidence::Certain { String::new() } else { format!(" [{}]", b.confidence.name()) };
    (head, format!("{} BY {}{doubt}", way(&b.packet), b.culprit.place()))
}

fn line_of(to: &mut Vec<u8>, head: &str, b: &Blame, tail: &str) {
    to.extend_from_slice(head.as_bytes());
    own(to, &b.packet);
    to.extend_from_slice(tail.as_bytes());
}

/// A number in decimal.
fn number(to: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

/// What is the packet's own: protocol, ends, flags and length.
pub(super) fn own(to: &mut Vec<u8>, p: &PacketFields) {
    to.extend_from_slice(p.transport.as_deref().unwrap_or(&p.family).as_bytes());
    if p.source.is_some() {
        to.push(b' ');
        end(to, p.source, p.source_port);
        to.extend_from_slice(b" > ");
        end(to, p.destination, p.destination_port);
    }
    if let Some(f) = p.tcp_flags.as_deref().filter(|f| !f.is_empty()) {
        to.push(b' ');
        to.extend_from_slice(f.as_bytes());
    }
    if let Some(t) = p.icmp_type {
        to.push(b' ');
        to.extend_from_slice(icmp(p.transport.as_deref(), t, p.icmp_code.unwrap_or(0)).as_bytes());
    }
    to.extend_from_slice(b", len ");
    number(to, p.length as u64);
}

fn end(to: &mut Vec<u8>, address: Option<IpAddr>, port: Option<u16>) {
    match address {
        Some(IpAddr::V4(a)) => {
            for (i, octet) in a.octets().into_iter().enumerate() {
                if i > 0 {
                    to.push(b'.');
                }
                number(to, octet.into());
            }
        }
        Some(IpAddr::V6(a)) => {
            let _ = if port.is_some() { write!(to, "[{a}]") } else { write!(to, "{a}") };
        }
        None => {
            to.push(b'?');
            return;
        }
    }
    if let Some(port) = port {
        to.push(b':');
        number(to, port.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::EvidenceKind;
    use crate::blame::answer;
    use crate::blame::attributor::assemble;

    #[test]
    fn a_line_whose_words_are_known_is_the_same_line() {
        let mut lines = Lines::default();
        let mut b = assemble(
            EvidenceKind::Nflog,
            Some(Time(1_795_349_091_018_204_113)),
            PacketFields::default(),
            answer::unknown("x"),
        );
        b.packet.transport = Some("udp".into());
        for (source, port) in [("10.0.0.1", 7), ("192.168.250.255", 65535), ("fe80::1", 0), ("::ffff:1.2.3.4", 80)] {
            b.packet.source = source.parse().ok();
            (b.packet.destination, b.packet.source_port, b.packet.length) =
                (b.packet.source, Some(port), usize::from(port));
            let mut known = Vec::new();
            lines.add(&mut known, &b, 1, Some(7));
            let known = String::from_utf8_lossy(&known).into_owned();
            assert_eq!(known, anstream::adapter::strip_str(&super::super::text::brief(&b)).to_string());
            assert!(known.contains(&format!(", len {port} BY unknown [unknown]\n")), "{known}");
            assert!(known.contains(".018 UNKNOWN udp "), "{known}");
        }
        let mut many = Vec::new();
        lines.add(&mut many, &b, 12345, None);
        assert!(many.ends_with(b" [12345 packets like this]\n"));
    }
}
