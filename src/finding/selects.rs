//! Which packets a rule names outright: ports, interfaces, states. What it says in another way (concatenations, mark,
//! `u32`) is not read, so that a rule may select fewer packets than is told here.

use crate::evaluate::{Place, TableRef};
use crate::ruleset::{Ruleset, nft};
use crate::sys::Text;
use crate::sys::nft::expr::{
    BitwiseOp, CmpOp, CtKey, FibFlags, FibResult, MetaKey, NatKind, PayloadBase, QueueFlags, QueueTarget, RangeOp,
};
use crate::sys::nft::{Data, Expr, ObjectKind, Reg, Rule, Value, Verdict};
use crate::sys::xt::{self, Family, Match, Selector, Target, matches, targets};

/// What a rule names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selects {
    /// `IPPROTO_*`.
    pub protocol: Option<u8>,
    /// Destination ports, from and to. Empty: any.
    pub ports: Vec<(u16, u16)>,
    /// The interface that packets come in by, as the rule writes it. Empty: any.
    pub iif: Vec<Text>,
    /// The one they leave by, likewise.
    pub oif: Vec<Text>,
    /// The same by number (nft's `iif` and `oif`).
    pub iif_index: Vec<u32>,
    /// The same by number.
    pub oif_index: Vec<u32>,
    /// It puts the connection into a conntrack zone.
    pub zone: bool,
    /// The states of the connection, of [`INVALID`] and so on. None: any.
    pub states: Option<u32>,
    /// It holds for so many packets in some time only, or for a sample.
    pub limited: bool,
    /// It asks whether there is a way back to the source (`fib saddr`, `-m rpfilter`).
    pub way_back: bool,
    /// It names a conntrack helper for the connection.
    pub helper: bool,
    /// The queues that it gives packets to, how many, and whether packets pass where nobody reads them.
    pub queue: Option<(u16, u16, bool)>,
    /// The source ports that it translates to, from and to.
    pub snat_ports: Option<(u16, u16)>,
}

/// `NF_CT_STATE_INVALID_BIT`; states of nft, of `-m state` and of `-m conntrack` agree on these.
pub const INVALID: u32 = 1 << 0;
/// Established.
pub const ESTABLISHED: u32 = 1 << 1;
/// Related.
pub const RELATED: u32 = 1 << 2;
/// New.
pub const NEW: u32 = 1 << 3;

impl Selects {
    /// Does it name that port outright, among no more than `most`?
    pub fn names_port(&self, port: u16, most: u32) -> bool {
        let wide = |&(low, high): &(u16, u16)| u32::from(high.saturating_sub(low)) + 1;
        self.ports.iter().map(wide).sum::<u32>() <= most && self.ports.iter().any(|r| (r.0..=r.1).contains(&port))
    }
}

/// What a rule names. None: there is no such rule.
pub fn selects(rules: &Ruleset, at: Place) -> Option<Selects> {
    let position = at.position?;
    match at.chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            Some(of_nft(table, table.chains.get(at.chain.chain)?.rule(position)?))
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            Some(of_xt(table.family(), &table.nth_chain(at.chain.chain)?.rule(position)?))
        }
    }
}

/// What stands in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Protocol,
    Port,
    Iif,
    Oif,
    IifIndex,
    OifIndex,
    State,
    StateMask(u32),
}

fn of_nft(table: &nft::Table, rule: &Rule) -> Selects {
    let mut s = Selects::default();
    let mut regs: Vec<(Reg, Load)> = Vec::new();
    let mut ports: Vec<(Reg, u16)> = Vec::new();
    let family = Family::from_nfproto(rule.family.code()).unwrap_or(Family::Ip);
    for e in &rule.exprs {
        let in_reg = |r: Reg| regs.iter().rev().find(|(have, _)| *have == r).map(|(_, l)| *l);
        match e {
            Expr::Payload(p) => {
                regs.retain(|(r, _)| *r != p.dreg);
                match (p.base, p.offset, p.len) {
                    (PayloadBase::Transport, 2, 2) => regs.push((p.dreg, Load::Port)),
                    (PayloadBase::Network, 9, 1) => regs.push((p.dreg, Load::Protocol)),
                    _ => {}
                }
            }
            Expr::Meta(m) => {
                regs.retain(|(r, _)| *r != m.dreg);
                match m.key {
                    MetaKey::L4proto => regs.push((m.dreg, Load::Protocol)),
                    MetaKey::Iifname => regs.push((m.dreg, Load::Iif)),
                    MetaKey::Oifname => regs.push((m.dreg, Load::Oif)),
                    MetaKey::Iif => regs.push((m.dreg, Load::IifIndex)),
                    MetaKey::Oif => regs.push((m.dreg, Load::OifIndex)),
                    _ => {}
                }
            }
            Expr::Fib(f) => {
                regs.retain(|(r, _)| *r != f.dreg);
                s.way_back |= f.flags.contains(FibFlags::SADDR) && f.result != FibResult::Addrtype;
            }
            Expr::Ct(c) => {
                regs.retain(|(r, _)| *r != c.dreg);
                if c.key == CtKey::State {
                    regs.push((c.dreg, Load::State));
                }
            }
            Expr::Bitwise(b) => {
                let mask = match (in_reg(b.sreg), &b.op) {
                    (Some(Load::State), BitwiseOp::MaskXor { mask, .. }) => mask.host32(),
                    _ => None,
                };
                regs.retain(|(r, _)| *r != b.dreg);
                regs.extend(mask.map(|m| (b.dreg, Load::StateMask(m))));
            }
            Expr::Cmp(c) => match (in_reg(c.sreg), c.op) {
                (Some(Load::StateMask(m)), CmpOp::Neq) => s.states = Some(m),
                (Some(Load::State), CmpOp::Eq) => s.states = c.data.host32(),
                (Some(load), CmpOp::Eq) => s.take(load, &c.data, &c.data),
                _ => {}
            },
            Expr::Range(r) if r.op == RangeOp::Eq => {
                if let Some(load) = in_reg(r.sreg) {
                    s.take(load, &r.from, &r.to);
                }
            }
            Expr::Lookup(l) if l.dreg.is_none() && !l.inverted() => {
                let (Some(load), Some(set)) = (in_reg(l.sreg), table.set(&l.set)) else { continue };
                s.take_set(load, set);
            }
            Expr::Limit(_) | Expr::Quota(_) | Expr::Connlimit(_) | Expr::Numgen(_) => s.limited = true,
            Expr::Dynset(d)
                if d.exprs.iter().any(|e| matches!(e, Expr::Limit(_) | Expr::Quota(_) | Expr::Connlimit(_))) =>
            {
                s.limited = true;
            }
            Expr::Objref(o) if o.kind == ObjectKind::CtHelper => s.helper = true,
            Expr::Objref(o) if matches!(o.kind, ObjectKind::Limit | ObjectKind::Quota | ObjectKind::Connlimit) => {
                s.limited = true;
            }
            Expr::CtSet(c) if c.key == CtKey::Zone => s.zone = true,
            Expr::Queue(q) => {
                let bypass = q.flags.contains(QueueFlags::BYPASS);
                if let QueueTarget::Range { first, total } = q.target {
                    s.queue = Some((first, total, bypass));
                }
            }
            Expr::Immediate(i) => match &i.value {
                Value::Verdict(Verdict::Queue { num, bypass }) => s.queue = Some((*num, 1, *bypass)),
                Value::Data(d) => ports.extend(d.be16().filter(|_| d.len() == 2).map(|p| (i.dreg, p))),
                Value::Verdict(_) => {}
            },
            Expr::Nat(n) if n.kind == NatKind::Snat => s.snat_ports = range(&ports, n.proto_min, n.proto_max),
            Expr::Masq(m) => s.snat_ports = range(&ports, m.proto_min, m.proto_max),
            Expr::Match(m) => s.take_match(&matches::decode(family, m.name.as_bytes(), m.revision, &m.data)),
            Expr::Target(t) => s.take_target(&targets::decode(family, t.name.as_bytes(), t.revision, &t.data)),
            _ => {}
        }
    }
    s
}

fn of_xt(family: Family, rule: &xt::Rule<'_>) -> Selects {
    let mut s = Selects::default();
    let (iif, oif, protocol, invert) = match rule.entry.selector {
        Selector::Ip(i) => (i.iif, i.oif, i.proto, i.invert),
        Selector::Ip6(i) => (i.iif, i.oif, i.proto, i.invert),
        Selector::Arp(_) => return s,
    };
    // `IPT_INV_VIA_IN`, `IPT_INV_VIA_OUT`, `XT_INV_PROTO`; the numbers of IPv6 are the same.
    if invert & 0x01 == 0 {
        s.iif.extend(iif.pattern());
    }
    if invert & 0x02 == 0 {
        s.oif.extend(oif.pattern());
    }
    if invert & 0x40 == 0 {
        s.protocol = u8::try_from(protocol).ok().filter(|p| *p != 0);
    }
    for m in rule.entry.matches().flatten() {
        s.take_match(&m.decode(family));
    }
    match rule.action() {
        Ok(xt::Action::Target(raw)) => s.take_target(&raw.decode(family)),
        Ok(xt::Action::Verdict(xt::Verdict::Queue)) => s.queue = Some((0, 1, false)),
        _ => {}
    }
    s
}

impl Selects {
    fn take(&mut self, load: Load, from: &Data, to: &Data) {
        match load {
            Load::Protocol => self.protocol = from.as_bytes().first().copied().filter(|_| from == to),
            Load::Port => self.ports.extend(from.be16().zip(to.be16())),
            Load::Iif => self.iif.push(name(from)),
            Load::Oif => self.oif.push(name(from)),
            Load::IifIndex => self.iif_index.extend(from.host32().filter(|_| from == to)),
            Load::OifIndex => self.oif_index.extend(from.host32().filter(|_| from == to)),
            Load::State | Load::StateMask(_) => {}
        }
    }

    fn take_set(&mut self, load: Load, set: &nft::Set) {
        if set.def.fields.len() > 1 {
            return;
        }
        if load != Load::Port {
            for e in set.elements.iter().filter(|e| !e.is_interval_end() && !e.is_catchall()) {
                if load == Load::Protocol && set.elements.len() > 1 {
                    return;
                }
                self.take(load, &e.key, &e.key);
            }
            return;
        }
        // Intervals are their first port and the first behind them, in whatever order the kernel tells them.
        let mut keys: Vec<(u16, bool)> =
            set.elements.iter().filter_map(|e| Some((e.key.be16()?, e.is_interval_end()))).collect();
        keys.sort_unstable_by_key(|(port, end)| (*port, !*end));
        let intervals = keys.iter().any(|(_, end)| *end);
        for (i, (port, _)) in keys.iter().enumerate().filter(|(_, (_, end))| !end) {
            let behind = keys.get(i + 1).filter(|(_, end)| *end).map(|(p, _)| p.saturating_sub(1));
            let last = if intervals { behind.unwrap_or(u16::MAX) } else { *port };
            self.ports.push((*port, last.max(*port)));
        }
    }

    fn take_match(&mut self, m: &Match<'_>) {
        let whole = (0, u16::MAX);
        match m {
            Match::Tcp(t) if t.invert & matches::Tcp::INVERT_DESTINATION == 0 && t.destination != whole => {
                self.ports.push(t.destination);
            }
            Match::Udp(u) if u.invert & matches::Udp::INVERT_DESTINATION == 0 && u.destination != [0, u16::MAX] => {
                let [low, high] = u.destination;
                self.ports.push((low, high));
            }
            Match::Rpfilter(_) => self.way_back = true,
            Match::Multiport(p) if !p.invert && p.side != matches::Multiport::SOURCE => {
                self.ports.extend(p.ports.ranges());
            }
            Match::Limit(_) | Match::Hashlimit(_) | Match::Connlimit(_) | Match::Quota(_) | Match::Statistic(_) => {
                self.limited = true;
            }
            Match::Recent(_) | Match::Rateest(_) => self.limited = true,
            Match::State(st) => self.states = Some(st.states & 0xf),
            Match::Conntrack(c)
                if c.matched & matches::Conntrack::STATE != 0 && c.invert & matches::Conntrack::STATE == 0 =>
            {
                self.states = Some(u32::from(c.states) & 0xf);
            }
            _ => {}
        }
    }

    fn take_target(&mut self, t: &Target<'_>) {
        match t {
            Target::Ct(c) => {
                self.helper = !c.helper.as_bytes().is_empty();
                self.zone = c.zone != 0;
            }
            Target::Nfqueue(q) => {
                self.queue = Some((q.queue, q.total.max(1), q.flags & targets::Nfqueue::BYPASS != 0));
            }
            Target::Snat(n) if n.flags & targets::Nat::PROTO_SPECIFIED != 0 => {
                self.snat_ports = Some((n.min_port, n.max_port));
            }
            Target::Masquerade(n) if n.flags & targets::Nat::PROTO_SPECIFIED != 0 => {
                self.snat_ports = Some((n.min_port, n.max_port));
            }
            _ => {}
        }
    }
}

/// The ports that were loaded into registers.
fn range(ports: &[(Reg, u16)], low: Option<Reg>, high: Option<Reg>) -> Option<(u16, u16)> {
    let port = |r: Option<Reg>| ports.iter().rev().find(|(have, _)| Some(*have) == r).map(|(_, p)| *p);
    let low_port = port(low)?;
    Some((low_port, port(high).unwrap_or(low_port)))
}

/// An interface's name as nft compares it: whole, with its NUL, or a prefix.
fn name(data: &Data) -> Text {
    let bytes = data.as_bytes();
    match bytes.iter().position(|b| *b == 0) {
        Some(end) => Text::new(&bytes[..end]),
        None => Text::new([bytes, b"*"].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::ChainRef;
    use crate::finding::testing;
    use crate::sys::nft::Family as NftFamily;
    use crate::sys::nft::expr::{Cmp, Meta, Payload};

    #[test]
    fn ports_states_and_interfaces_are_read() {
        let reg = Reg::R1;
        let cmp = |data: &[u8]| Expr::from(Cmp { op: CmpOp::Eq, sreg: reg, data: Data::new(data) });
        let port = Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: reg };
        let rule = [
            vec![Meta { key: MetaKey::Iifname, dreg: reg }.into(), cmp(b"eth0\0\0\0\0\0\0\0\0\0\0\0\0")],
            vec![Meta { key: MetaKey::L4proto, dreg: reg }.into(), cmp(&[6]), port.into(), cmp(&[0, 80])],
            testing::established(),
        ];
        let rules = testing::with(testing::table(NftFamily::Inet, "c", None, vec![rule.concat()]));
        let at = |table| Place { chain: ChainRef { table, chain: 0 }, position: Some(1) };
        let s = selects(&rules, at(TableRef::Nft(0))).unwrap_or_default();
        assert_eq!((s.protocol, s.ports.as_slice()), (Some(6), [(80, 80)].as_slice()));
        assert_eq!((s.iif, s.states), (vec!["eth0".into()], Some(ESTABLISHED | RELATED)));
        let legacy = testing::legacy_drop(23);
        let first =
            crate::listing::chains(&legacy).find_map(|chain| selects(&legacy, Place { chain, position: Some(1) }));
        assert_eq!(first.map(|s| (s.protocol, s.ports)), Some((Some(6), vec![(23, 23)])));
    }
}
