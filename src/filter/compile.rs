//! A filter as rules: an alternative of conjunctions of what nft can ask.

use ipnet::IpNet;
use smallvec::SmallVec;

use super::expr::{Direction, Expr, Net, Primitive, WITH_PORTS};
use super::matcher::ARP_ETHERNET_IPV4;

/// The most rules that a filter may expand to.
pub const MAX_TERMS: usize = 256;

/// A conjunction: one nft rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The network protocols (`meta protocol`).
    pub networks: Networks,
    /// The transport protocol (`meta l4proto`).
    pub protocol: Transport,
    /// What else must hold.
    pub tests: Vec<Test>,
}

impl Term {
    /// True for every packet.
    pub const ALWAYS: Self = Self { networks: Networks::Any, protocol: Transport::Any, tests: Vec::new() };
}

/// A condition on the network protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// None, or none beyond those that the other conditions imply.
    Any,
    /// This one.
    Only(Net),
    /// None of these.
    Except(Vec<Net>),
}

/// A condition on the transport protocol; any but `Any` also says that the packet is IPv4 or IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// None.
    Any,
    /// This `IPPROTO_*`.
    Is(u8),
    /// None of these.
    Not(SmallVec<[u8; 4]>),
}

/// The header that an offset counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The network header.
    Network,
    /// The transport header.
    Transport,
}

/// A condition on bytes of a header. It fails, like its opposite, where the packet has no such bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The header.
    pub base: Base,
    /// The offset in it.
    pub offset: u32,
    /// What the bytes are compared with.
    pub want: Want,
    /// Is the opposite wanted?
    pub negated: bool,
}

/// What bytes are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// These bits of as many bytes, under a mask of the same length.
    Bits(SmallVec<[u8; 16]>, SmallVec<[u8; 16]>),
    /// A number of 16 bits in this range.
    Range(u16, u16),
}

/// The rules for an expression; `None` if there would be too many.
pub(super) fn terms(expr: &Expr) -> Option<Vec<Term>> {
    let mut all: Vec<Term> = Vec::new();
    for conjunction in alternatives(&form(expr), true)? {
        for term in conjunction.into_terms() {
            if !all.contains(&term) {
                all.push(term);
            }
        }
    }
    (all.len() <= MAX_TERMS).then_some(all)
}

/// The network protocols as a set; `OTHER` are those that filters cannot name.
const IP: u8 = 1;
const IP6: u8 = 2;
const ARP: u8 = 4;
const OTHER: u8 = 8;
const EVERY: u8 = IP | IP6 | ARP | OTHER;

fn bit(net: Net) -> u8 {
    match net {
        Net::Ip => IP,
        Net::Ip6 => IP6,
        Net::Arp => ARP,
    }
}

#[derive(Debug, Clone)]
enum Literal {
    Networks(u8),
    Protocol(u8, bool),
    Test(Test),
}

impl Literal {
    fn opposite(&self) -> Self {
        match self {
            Self::Networks(set) => Self::Networks(EVERY & !set),
            Self::Protocol(n, is) => Self::Protocol(*n, !is),
            Self::Test(t) => Self::Test(Test { negated: !t.negated, ..t.clone() }),
        }
    }
}

/// A formula whose leaves nft can ask.
enum Form {
    Leaf(Literal),
    All(Vec<Form>),
    Any(Vec<Form>),
    Not(Box<Form>),
    /// Both, where the second can only be asked when the first holds.
    If(Literal, Box<Form>),
}

fn form(expr: &Expr) -> Form {
    match expr {
        Expr::All(list) => Form::All(list.iter().map(form).collect()),
        Expr::Any(list) => Form::Any(list.iter().map(form).collect()),
        Expr::Not(e) => Form::Not(Box::new(form(e))),
        Expr::Is(p) => primitive(p),
    }
}

fn primitive(p: &Primitive) -> Form {
    match *p {
        Primitive::Network(net) => Form::Leaf(Literal::Networks(bit(net))),
        Primitive::Protocol { over, number } => {
            let networks = over.map_or(IP | IP6, bit);
            Form::If(Literal::Networks(networks), Box::new(Form::Leaf(Literal::Protocol(number, true))))
        }
        Primitive::Address { within, direction, ref prefix } => address(within, direction, prefix),
        Primitive::Port { protocol, direction, first, last } => {
            let ports = |number: u8| {
                let port = |offset| leaf(Base::Transport, offset, Want::Range(first, last));
                let asked = Form::If(Literal::Protocol(number, true), Box::new(directed(direction, port(0), port(2))));
                Form::If(Literal::Networks(IP | IP6), Box::new(asked))
            };
            match protocol {
                Some(number) => ports(number),
                None => Form::Any(WITH_PORTS.into_iter().map(ports).collect()),
            }
        }
    }
}

fn address(within: Option<Net>, direction: Direction, prefix: &IpNet) -> Form {
    let at = |source, destination| {
        directed(
            direction,
            leaf(Base::Network, source, prefix_bits(prefix)),
            leaf(Base::Network, destination, prefix_bits(prefix)),
        )
    };
    let on = |net: Net, inner| Form::If(Literal::Networks(bit(net)), Box::new(inner));
    if matches!(prefix, IpNet::V6(_)) {
        return on(Net::Ip6, at(8, 24));
    }
    let arp = || {
        let kind = Want::Bits(SmallVec::from_slice(&ARP_ETHERNET_IPV4), SmallVec::from_elem(0xff, 4));
        let kind = Test { base: Base::Network, offset: 2, want: kind, negated: false };
        on(Net::Arp, Form::If(Literal::Test(kind), Box::new(at(14, 24))))
    };
    match within {
        Some(Net::Arp) => arp(),
        Some(_) => on(Net::Ip, at(12, 16)),
        None => Form::Any(vec![on(Net::Ip, at(12, 16)), arp()]),
    }
}

fn prefix_bits(prefix: &IpNet) -> Want {
    match prefix {
        IpNet::V4(n) => {
            Want::Bits(SmallVec::from_slice(&n.addr().octets()), SmallVec::from_slice(&n.netmask().octets()))
        }
        IpNet::V6(n) => {
            Want::Bits(SmallVec::from_slice(&n.addr().octets()), SmallVec::from_slice(&n.netmask().octets()))
        }
    }
}

fn leaf(base: Base, offset: u32, want: Want) -> Form {
    Form::Leaf(Literal::Test(Test { base, offset, want, negated: false }))
}

fn directed(direction: Direction, source: Form, destination: Form) -> Form {
    match direction {
        Direction::Source => source,
        Direction::Destination => destination,
        Direction::Either => Form::Any(vec![source, destination]),
        Direction::Both => Form::All(vec![source, destination]),
    }
}

/// A conjunction in the making, free of contradictions.
#[derive(Debug, Clone)]
struct Conjunction {
    networks: u8,
    protocol: Transport,
    tests: Vec<Test>,
}

impl Conjunction {
    const TRUE: Self = Self { networks: EVERY, protocol: Transport::Any, tests: Vec::new() };

    fn of(literal: &Literal) -> Option<Self> {
        let mut c = Self::TRUE;
        match literal {
            Literal::Networks(0) => return None,
            Literal::Networks(set) => c.networks = *set,
            Literal::Protocol(n, true) => c.protocol = Transport::Is(*n),
            Literal::Protocol(n, false) => c.protocol = Transport::Not(SmallVec::from_slice(&[*n])),
            Literal::Test(t) => c.tests.push(t.clone()),
        }
        Some(c)
    }

    /// Both; `None` if they contradict each other.
    fn and(&self, other: &Self) -> Option<Self> {
        let networks = self.networks & other.networks;
        if networks == 0 {
            return None;
        }
        let protocol = match (&self.protocol, &other.protocol) {
            (Transport::Any, p) | (p, Transport::Any) => p.clone(),
            (Transport::Is(a), Transport::Is(b)) if a != b => return None,
            (Transport::Is(a), Transport::Not(list)) | (Transport::Not(list), Transport::Is(a)) if list.contains(a) => {
                return None;
            }
            (Transport::Is(a), _) | (_, Transport::Is(a)) => Transport::Is(*a),
            (Transport::Not(a), Transport::Not(b)) => {
                let mut list = a.clone();
                list.extend(b.iter().copied());
                list.sort_unstable();
                list.dedup();
                Transport::Not(list)
            }
        };
        let mut tests = self.tests.clone();
        for t in &other.tests {
            if tests.iter().any(|own| own.base == t.base && own.offset == t.offset && own.want == t.want) {
                if !tests.contains(t) {
                    return None; // a test and its opposite
                }
            } else {
                tests.push(t.clone());
            }
        }
        Some(Self { networks, protocol, tests })
    }

    /// The rules that say it: more than one where the network protocols are several that must be listed.
    fn into_terms(self) -> Vec<Term> {
        let known = [Net::Ip, Net::Ip6, Net::Arp];
        let listed = || known.into_iter().filter(|n| self.networks & bit(*n) != 0);
        let ports = self.tests.iter().any(|t| t.base == Base::Transport);
        let implied = !ports && self.protocol != Transport::Any && self.networks & (IP | IP6) == IP | IP6;
        let networks = if self.networks == EVERY || implied {
            vec![Networks::Any]
        } else if self.networks & OTHER != 0 {
            vec![Networks::Except(known.into_iter().filter(|n| self.networks & bit(*n) == 0).collect())]
        } else {
            listed().map(Networks::Only).collect()
        };
        let term = |networks: Networks| {
            let mut tests = self.tests.clone();
            if ports && networks == Networks::Only(Net::Ip) {
                // What lies at the place of the ports in a later fragment is payload, but nft may look there.
                let offset = Want::Bits(SmallVec::from_slice(&[0, 0]), SmallVec::from_slice(&[0x1f, 0xff]));
                tests.insert(0, Test { base: Base::Network, offset: 6, want: offset, negated: false });
            }
            Term { networks, protocol: self.protocol.clone(), tests }
        };
        networks.into_iter().map(term).collect()
    }
}

/// The disjunctive normal form of a formula or of its opposite.
fn alternatives(form: &Form, positive: bool) -> Option<Vec<Conjunction>> {
    let leaf = |l: &Literal, positive: bool| {
        let literal = if positive { l.clone() } else { l.opposite() };
        Conjunction::of(&literal).into_iter().collect::<Vec<_>>()
    };
    match (form, positive) {
        (Form::Leaf(l), _) => Some(leaf(l, positive)),
        (Form::Not(f), _) => alternatives(f, !positive),
        (Form::All(list), true) | (Form::Any(list), false) => {
            list.iter().try_fold(vec![Conjunction::TRUE], |product, f| multiply(&product, &alternatives(f, positive)?))
        }
        (Form::Any(list), true) | (Form::All(list), false) => list.iter().try_fold(Vec::new(), |mut sum, f| {
            sum.extend(alternatives(f, positive)?);
            (sum.len() <= MAX_TERMS).then_some(sum)
        }),
        (Form::If(guard, f), true) => multiply(&leaf(guard, true), &alternatives(f, true)?),
        (Form::If(guard, f), false) => {
            let mut sum = leaf(guard, false);
            sum.extend(multiply(&leaf(guard, true), &alternatives(f, false)?)?);
            Some(sum)
        }
    }
}

fn multiply(a: &[Conjunction], b: &[Conjunction]) -> Option<Vec<Conjunction>> {
    let mut product = Vec::new();
    for x in a {
        for y in b {
            if let Some(both) = x.and(y) {
                product.push(both);
                if product.len() > MAX_TERMS {
                    return None;
                }
            }
        }
    }
    Some(product)
}
