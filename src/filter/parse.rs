//! From words to an expression.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::{IpNet, Ipv4Net};

use super::error::FilterError;
use super::expr::{Direction, Expr, Net, Primitive};
use super::token::{Kind, Token, tokens};

/// Parentheses and negations inside each other: enough for people, little enough for the stack.
const DEEPEST: usize = 100;
/// Primitives in one filter.
const MOST: usize = 1000;

type Result<T, E = FilterError> = std::result::Result<T, E>;

pub(super) fn parse(text: &str) -> Result<Expr> {
    let tokens = tokens(text)?;
    let mut p = Parser { tokens: &tokens, at: 0, end: text.len(), last: Some(Qualifiers::default()), primitives: 0 };
    let expr = p.expression(0)?;
    match p.peek() {
        None => Ok(expr),
        Some(Token { kind: Kind::Close, span }) => Err(FilterError::new(span.clone(), "no parenthesis is open here")),
        Some(t) => Err(FilterError::new(t.span.clone(), "expected `and`, `or` or the end before this")),
    }
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    end: usize,
    /// What a bare value means; none after a primitive without a value, such as `tcp`.
    last: Option<Qualifiers>,
    primitives: usize,
}

/// The words before a value.
#[derive(Debug, Clone, Copy, Default)]
struct Qualifiers {
    protocol: Option<Protocol>,
    direction: Option<Direction>,
    kind: Option<Type>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Net(Net),
    Transport { over: Option<Net>, number: u8, name: &'static str },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Host,
    Net,
    Port,
    Portrange,
    Proto,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at)
    }

    fn word(&self, ahead: usize) -> Option<&'a str> {
        match self.tokens.get(self.at + ahead)?.kind {
            Kind::Word(w) => Some(w),
            _ => None,
        }
    }

    fn here(&self) -> Range<usize> {
        self.peek().map_or(self.end..self.end, |t| t.span.clone())
    }

    /// `and` and `or` bind equally, from left to right.
    fn expression(&mut self, depth: usize) -> Result<Expr> {
        let mut left = self.term(depth)?;
        loop {
            let all = match self.peek().map(|t| t.kind) {
                Some(Kind::And) => true,
                Some(Kind::Or) => false,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.term(depth)?;
            left = match (all, left) {
                (true, Expr::All(mut list)) => {
                    list.push(right);
                    Expr::All(list)
                }
                (false, Expr::Any(mut list)) => {
                    list.push(right);
                    Expr::Any(list)
                }
                (true, left) => Expr::All(vec![left, right]),
                (false, left) => Expr::Any(vec![left, right]),
            };
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expr> {
        if depth > DEEPEST {
            return Err(FilterError::new(self.here(), "nested too deeply"));
        }
        match self.peek().map(|t| t.kind) {
            Some(Kind::Not) => {
                self.at += 1;
                Ok(Expr::Not(Box::new(self.term(depth + 1)?)))
            }
            Some(Kind::Open) => {
                let open = self.here();
                self.at += 1;
                let inner = self.expression(depth + 1)?;
                if !matches!(self.peek().map(|t| t.kind), Some(Kind::Close)) {
                    return Err(match self.peek() {
                        None => FilterError::new(open, "this parenthesis is never closed"),
                        Some(t) => FilterError::new(t.span.clone(), "expected `and`, `or` or `)` before this"),
                    });
                }
                self.at += 1;
                Ok(inner)
            }
            Some(Kind::Word(_)) => self.primitive().map(Expr::Is),
            Some(Kind::And | Kind::Or | Kind::Close) => {
                Err(FilterError::new(self.here(), "expected a primitive such as `tcp port 80` before this"))
            }
            None => Err(FilterError::new(self.here(), "expected a primitive such as `tcp port 80` here")),
        }
    }

    fn primitive(&mut self) -> Result<Primitive> {
        self.primitives += 1;
        if self.primitives > MOST {
            return Err(FilterError::new(self.here(), format!("more than {MOST} primitives")));
        }
        let start = self.at;
        let mut q = self.qualifiers();
        if self.at == start {
            // A bare value: what came before says what it is.
            q = match self.last {
                Some(q) => q,
                None => return Err(FilterError::new(self.here(), self.stray())),
            };
        } else if q.direction.is_none() && q.kind.is_none() {
            // A protocol alone, unless a bare value follows (`tcp 80` is as wrong as in pcap-filter).
            if let Some(p) = q.protocol {
                self.last = None;
                return Ok(match p {
                    Protocol::Net(n) => Primitive::Network(n),
                    Protocol::Transport { over, number, .. } => Primitive::Protocol { over, number },
                });
            }
        }
        let qualified = self.tokens.get(start).map_or(self.end, |t| t.span.start);
        let primitive = self.value(q, qualified)?;
        self.last = Some(q);
        Ok(primitive)
    }

    fn stray(&self) -> String {
        match self.word(0) {
            Some(w) if w.parse::<IpAddr>().is_ok() => format!("what of this address? Write `host {w}`"),
            Some(w) if w.bytes().all(|b| b.is_ascii_digit()) => format!("a number of what? Write `port {w}`"),
            Some(w) => unknown_word(w),
            None => "expected a primitive here".into(),
        }
    }

    /// Reads `[protocol] [direction] [type]`.
    fn qualifiers(&mut self) -> Qualifiers {
        let protocol = self.word(0).and_then(protocol);
        self.at += usize::from(protocol.is_some());
        let direction = self.direction();
        let kind = self.word(0).and_then(type_of);
        self.at += usize::from(kind.is_some());
        Qualifiers { protocol, direction, kind }
    }

    fn direction(&mut self) -> Option<Direction> {
        let one = |w| match w {
            "src" => Some(Direction::Source),
            "dst" => Some(Direction::Destination),
            _ => None,
        };
        let first = one(self.word(0)?)?;
        self.at += 1;
        let second = self.word(1).and_then(one).filter(|s| *s != first);
        let both = match self.peek().map(|t| t.kind) {
            Some(Kind::Or) => Direction::Either,
            Some(Kind::And) => Direction::Both,
            _ => return Some(first),
        };
        if second.is_none() {
            return Some(first);
        }
        self.at += 2;
        Some(both)
    }

    fn value(&mut self, q: Qualifiers, qualified: usize) -> Result<Primitive> {
        let span = self.here();
        let kind = q.kind.unwrap_or(Type::Host);
        let Some(word) = self.word(0) else {
            let wanted = match kind {
                Type::Host => "an address",
                Type::Net => "a prefix such as 10.0.0.0/8",
                Type::Port => "a port number",
                Type::Portrange => "a range such as 6000-6008",
                Type::Proto => "a protocol number or name",
            };
            return Err(FilterError::new(span, format!("expected {wanted} here")));
        };
        let wrong = |what: String| Err(FilterError::new(qualified..span.end, what));
        let direction = q.direction.unwrap_or(Direction::Either);
        match kind {
            Type::Host | Type::Net => {
                let within = match q.protocol {
                    None => None,
                    Some(Protocol::Net(n)) => Some(n),
                    Some(Protocol::Transport { name, .. }) => {
                        return wrong(format!("`{name}` has no addresses of its own: write `{name} and … host …`"));
                    }
                };
                let prefix = self.prefix(word, &span, q.kind)?;
                if matches!((within, prefix), (Some(Net::Ip | Net::Arp), IpNet::V6(_)) | (Some(Net::Ip6), IpNet::V4(_)))
                {
                    return wrong("this protocol has no addresses of that kind".into());
                }
                Ok(Primitive::Address { within, direction, prefix })
            }
            Type::Port | Type::Portrange => {
                let protocol = match q.protocol {
                    None => None,
                    Some(Protocol::Transport { number, .. }) if super::expr::WITH_PORTS.contains(&number) => {
                        Some(number)
                    }
                    Some(_) => return wrong("only `tcp`, `udp` and `sctp` can stand before a port".into()),
                };
                self.at += 1;
                let (first, last) = match (kind, word.split_once('-')) {
                    (Type::Portrange, Some((a, b))) => (port(a, &span)?, port(b, &span)?),
                    _ => port(word, &span).map(|p| (p, p))?,
                };
                if first > last {
                    return Err(FilterError::new(span, format!("an empty range: write {last}-{first}")));
                }
                Ok(Primitive::Port { protocol, direction, first, last })
            }
            Type::Proto => {
                let over = match q.protocol {
                    None => None,
                    Some(Protocol::Net(n @ (Net::Ip | Net::Ip6))) => Some(n),
                    Some(_) => return wrong("only `ip` and `ip6` can stand before `proto`".into()),
                };
                if q.direction.is_some() {
                    return wrong("a protocol has no direction".into());
                }
                let Some(number) = protocol_number(word) else {
                    return Err(FilterError::new(span, "not a protocol: give its number, 0 to 255"));
                };
                self.at += 1;
                Ok(Primitive::Protocol { over, number })
            }
        }
    }

    /// An address or prefix; the type is none if the filter named none.
    fn prefix(&mut self, word: &str, span: &Range<usize>, kind: Option<Type>) -> Result<IpNet> {
        let fail = |what: String| Err(FilterError::new(span.clone(), what));
        if let Some((_, length)) = word.split_once('/') {
            if kind == Some(Type::Host) {
                return fail("a host has no prefix length: write `net`".into());
            }
            let Ok(net) = word.parse::<IpNet>() else {
                let long = length.parse::<u8>().is_ok();
                return fail(if long { "not a prefix".into() } else { "the prefix length must be a number".into() });
            };
            self.at += 1;
            return whole(net, span);
        }
        if let Ok(address) = word.parse::<IpAddr>() {
            self.at += 1;
            if let (IpAddr::V4(address), Some(Type::Net), Some("mask")) = (address, kind, self.word(0)) {
                self.at += 1;
                let mask = self.word(0).and_then(|w| w.parse().ok());
                let Some(net) = mask.and_then(|mask| Ipv4Net::with_netmask(address, mask).ok()) else {
                    return Err(FilterError::new(self.here(), "expected a network mask such as 255.255.0.0 here"));
                };
                self.at += 1;
                return whole(net.into(), span);
            }
            return Ok(address.into());
        }
        if kind == Some(Type::Net)
            && let Some(net) = short_net(word)
        {
            self.at += 1;
            return Ok(net);
        }
        fail(match word.bytes().all(|b| b.is_ascii_digit()) {
            true => format!("not an address; for a port, write `port {word}`"),
            false => unknown_word(word),
        })
    }
}

/// `10`, `192.168`, `192.168.1`: the bytes that are left out are free.
fn short_net(word: &str) -> Option<IpNet> {
    let given: Vec<u8> = word.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let mut bytes = [0; 4];
    bytes.get_mut(..given.len()).filter(|_| given.len() < 4)?.copy_from_slice(&given);
    Ipv4Net::new(bytes.into(), given.len() as u8 * 8).ok().map(IpNet::V4)
}

/// A prefix with host bits set is a mistake, as in pcap-filter.
fn whole(net: IpNet, span: &Range<usize>) -> Result<IpNet> {
    if net.trunc() == net {
        Ok(net)
    } else {
        let message = format!("has bits set beyond its prefix length: write {}", net.trunc());
        Err(FilterError::new(span.clone(), message))
    }
}

fn port(word: &str, span: &Range<usize>) -> Result<u16> {
    word.parse().map_err(|_| {
        let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        let range = word.split_once('-').is_some_and(|(a, b)| a.parse::<u16>().is_ok() && b.parse::<u16>().is_ok());
        FilterError::new(
            span.clone(),
            match (digits, range) {
                (true, _) => "ports end at 65535".into(),
                (_, true) => format!("for a range, write `portrange {word}`"),
                _ => "not a port number; names of services are not looked up".to_owned(),
            },
        )
    })
}

fn protocol(word: &str) -> Option<Protocol> {
    let transport = |name, over, number| Some(Protocol::Transport { over, number, name });
    match word {
        "ip" => Some(Protocol::Net(Net::Ip)),
        "ip6" => Some(Protocol::Net(Net::Ip6)),
        "arp" => Some(Protocol::Net(Net::Arp)),
        "tcp" => transport("tcp", None, 6),
        "udp" => transport("udp", None, 17),
        "sctp" => transport("sctp", None, 132),
        "icmp" => transport("icmp", Some(Net::Ip), 1),
        "icmp6" => transport("icmp6", Some(Net::Ip6), 58),
        _ => None,
    }
}

fn type_of(word: &str) -> Option<Type> {
    Some(match word {
        "host" => Type::Host,
        "net" => Type::Net,
        "port" => Type::Port,
        "portrange" => Type::Portrange,
        "proto" => Type::Proto,
        _ => return None,
    })
}

/// pcap-filter wants keywords escaped with a backslash here; both ways are taken.
fn protocol_number(word: &str) -> Option<u8> {
    let word = word.strip_prefix('\\').unwrap_or(word);
    Some(match word {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmp6" => 58,
        "ospf" => 89,
        "sctp" => 132,
        "udplite" => 136,
        n => n.parse().ok()?,
    })
}

/// Words that pcap-filter knows and this subset does not.
const FOREIGN: [&str; 40] = [
    "ah",
    "aarp",
    "atalk",
    "broadcast",
    "decnet",
    "dir",
    "esp",
    "ether",
    "fddi",
    "gateway",
    "geneve",
    "greater",
    "icmp4",
    "ifname",
    "igmp",
    "igrp",
    "inbound",
    "inet",
    "iso",
    "len",
    "less",
    "link",
    "llc",
    "mpls",
    "multicast",
    "netbeui",
    "outbound",
    "pim",
    "ppp",
    "pppoes",
    "protochain",
    "radio",
    "rarp",
    "reset",
    "rulenum",
    "stp",
    "subtype",
    "type",
    "vlan",
    "wlan",
];

fn unknown_word(word: &str) -> String {
    if FOREIGN.contains(&word) {
        format!("`{word}` is not part of this subset of pcap-filter")
    } else if type_of(word).is_some() || matches!(word, "src" | "dst") {
        "this qualifier cannot stand here; the order is `[protocol] [src|dst] [host|net|port|portrange|proto] value`"
            .into()
    } else if protocol(word).is_some() {
        format!("`{word}` cannot stand here; join it with `and`")
    } else {
        "not an address; names of hosts are not looked up".into()
    }
}
