//! The capture filter: a documented subset of pcap-filter(7).
//!
//! | primitive | is true for |
//! |---|---|
//! | `ip`, `ip6`, `arp` | packets of that network protocol |
//! | `tcp`, `udp`, `sctp`, `icmp`, `icmp6` | packets of that transport protocol (`icmp` over IPv4, `icmp6` over IPv6, the others over both) |
//! | `[ip\|ip6] proto N` | packets with that protocol number or name |
//! | `[ip\|ip6\|arp] [DIR] host ADDRESS` | packets with that address; an IPv4 address also in ARP |
//! | `[ip\|ip6\|arp] [DIR] net PREFIX` | the same for `10.0.0.0/8`, `10.1` (= `10.1.0.0/16`), `fd00::/8`, `10.0.0.0 mask 255.0.0.0` |
//! | `[tcp\|udp\|sctp] [DIR] port N` | packets with that port; without a protocol, of any of the three |
//! | `[tcp\|udp\|sctp] [DIR] portrange A-B` | the same for a range |
//!
//! DIR is `src`, `dst`, `src or dst` (as without one) or `src and dst`. Primitives are combined with `not` (`!`), `and`
//! (`&&`), `or` (`||`) and parentheses. As in pcap-filter, `not` binds tightest while **`and` and `or` bind equally and
//! from left to right**: `a or b and c` is `(a or b) and c`. A value without qualifiers takes the ones before it:
//! `tcp dst port 80 or 443` is `tcp dst port 80 or tcp dst port 443`; the first one of a filter means `host`.
//!
//! Two deliberate differences. Names of hosts, services and networks are not looked up. And the transport protocol of
//! an IPv6 packet is the one behind its extension headers, where pcap-filter sees only the first header.
//!
//! What a packet does not carry is *unknown*: bytes that were cut away, or the ports of a later fragment. Neither
//! `port 80` nor `not port 80` is true then, and only what is true passes.

mod compile;
mod error;
mod expr;
mod matcher;
mod parse;
mod token;

#[cfg(test)]
mod tests;

pub use compile::{Base, MAX_TERMS, Networks, Term, Test, Transport, Want};
pub use error::FilterError;
pub use expr::{Direction, Expr, Net, Primitive};
pub use matcher::Subject;

/// A filter: an expression, and the text that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    text: String,
    expr: Expr,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// With the place and the reason, when the text is not in the language. An empty text is no filter, and an error.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { text: text.to_owned(), expr: parse::parse(text)? })
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Is it true for a packet? None: the packet does not carry what would decide it.
    pub fn matches(&self, subject: &Subject<'_>) -> Option<bool> {
        self.expr.matches(subject)
    }

    /// The filter as an alternative of conjunctions, each of which becomes one nft rule.
    ///
    /// # Errors
    /// When it expands to more than [`MAX_TERMS`].
    pub fn terms(&self) -> Result<Vec<Term>, FilterError> {
        compile::terms(&self.expr).ok_or_else(|| {
            FilterError::new(
                0..self.text.len(),
                format!("expands to more than {MAX_TERMS} rules, too many to trace with; make it simpler"),
            )
        })
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;
    fn from_str(s: &str) -> Result<Self, FilterError> {
        Self::parse(s)
    }
}
