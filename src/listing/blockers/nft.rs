//! What stops packets in rules of nf_tables.

use super::{Kind, Stops, queues};
use crate::blame::Counters;
use crate::evaluate::Fact;
use crate::ruleset::nft::Table;
use crate::sys::Text;
use crate::sys::nft::expr::{ConnlimitFlags, LimitFlags, Queue, QueueFlags, QueueTarget, QuotaFlags, XtBlob};
use crate::sys::nft::{Element, Expr, ObjectData, Rule, Value, Verdict};
use crate::sys::xt::{Family, matches, targets};

/// How a rule ends packets: at most once by itself, and once for each element of a verdict map that does.
pub fn rule<'t>(
    table: &'t Table,
    rule: &Rule,
    has_reader: &dyn Fn(u16) -> Fact<bool>,
    elements: impl Fn(&Text) -> Vec<(&'t Element, String)>,
) -> Vec<Stops> {
    let family = Family::from_nfproto(rule.family.code()).unwrap_or(Family::Ip);
    let mut found = Vec::new();
    let mut over = None;
    for (i, expr) in rule.exprs.iter().enumerate() {
        over = over.or_else(|| limit(table, family, expr));
        let own = match expr {
            Expr::Immediate(v) => match &v.value {
                Value::Verdict(Verdict::Drop) => Some(Stops::new(Kind::Drop)),
                Value::Verdict(Verdict::Queue { num, bypass }) => match queues(*num, 1, *bypass, has_reader) {
                    None => break,
                    stops => stops,
                },
                // What comes behind a verdict never runs.
                Value::Verdict(_) => break,
                Value::Data(_) => None,
            },
            Expr::Reject(_) => Some(Stops::new(Kind::Reject)),
            Expr::Queue(q) => queue(q, has_reader),
            Expr::Target(blob) => target(family, blob, has_reader),
            Expr::Lookup(l) if l.dreg.is_some() => {
                let map = l.set.to_string();
                let dropping = elements(&l.set).into_iter().filter(|(e, _)| is_drop(e));
                found.extend(dropping.map(|(e, text)| of_element(e, (map.clone(), text))));
                None
            }
            _ => None,
        };
        if let Some(mut stops) = own {
            if let (Kind::Drop | Kind::Reject, Some(over)) = (stops.kind, &over) {
                stops = Stops { kind: Kind::Limit, detail: Some((*over).to_owned()), ..stops };
            }
            let before = rule.exprs.get(..i).unwrap_or_default();
            let counts = before.iter().rposition(|e| matches!(e, Expr::Counter(_)));
            if counts.is_some_and(|at| before.iter().skip(at + 1).any(may_break)) {
                stops.counters = Some(None);
            }
            found.push(stops);
            // A verdict ends the rule.
            break;
        }
    }
    found
}

fn of_element(element: &Element, text: (String, String)) -> Stops {
    let counter = element.extra().exprs.iter().find_map(|e| match e {
        Expr::Counter(c) => Some(Counters { packets: c.packets, bytes: c.bytes }),
        _ => None,
    });
    Stops { element: Some(text), counters: Some(counter), ..Stops::new(Kind::Map) }
}

fn is_drop(element: &Element) -> bool {
    matches!(element.value, Some(Value::Verdict(Verdict::Drop)))
}

/// May the rule not go on behind this? Then a counter before it counts more than what the rule ends.
fn may_break(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Cmp(_)
            | Expr::Range(_)
            | Expr::Lookup(_)
            | Expr::Dynset(_)
            | Expr::Match(_)
            | Expr::Limit(_)
            | Expr::Quota(_)
            | Expr::Connlimit(_)
            | Expr::Objref(_)
            | Expr::ObjrefMap(_)
    )
}

/// What makes a rule match only what is too much.
fn limit(table: &Table, family: Family, expr: &Expr) -> Option<&'static str> {
    const RATE: &str = "over a rate";
    const QUOTA: &str = "over a quota";
    const CONNECTIONS: &str = "over a number of connections";
    match expr {
        Expr::Limit(l) => l.flags.contains(LimitFlags::INV).then_some(RATE),
        Expr::Quota(q) => q.flags.contains(QuotaFlags::INV).then_some(QUOTA),
        Expr::Connlimit(c) => c.flags.contains(ConnlimitFlags::INV).then_some(CONNECTIONS),
        Expr::Dynset(d) => d.exprs.iter().find_map(|e| limit(table, family, e)),
        Expr::Objref(o) => match table.object(o.kind, &o.name)?.data.as_ref()? {
            ObjectData::Limit(l) => l.flags.contains(LimitFlags::INV).then_some(RATE),
            ObjectData::Quota(q) => q.flags.contains(QuotaFlags::INV).then_some(QUOTA),
            ObjectData::Connlimit(c) => c.flags.contains(ConnlimitFlags::INV).then_some(CONNECTIONS),
            _ => None,
        },
        Expr::Match(m) => super::xt::limit(&matches::decode(family, m.name.as_bytes(), m.revision, &m.data)),
        _ => None,
    }
}

fn queue(q: &Queue, has_reader: &dyn Fn(u16) -> Fact<bool>) -> Option<Stops> {
    let bypass = q.flags.contains(QueueFlags::BYPASS);
    match q.target {
        QueueTarget::Range { first, total } => queues(first, total, bypass, has_reader),
        QueueTarget::Reg(_) if bypass => None,
        QueueTarget::Reg(_) => Some(Stops::new(Kind::Queue).because("which queue is only known of a packet")),
    }
}

fn target(family: Family, blob: &XtBlob, has_reader: &dyn Fn(u16) -> Fact<bool>) -> Option<Stops> {
    super::xt::target(&targets::decode(family, blob.name.as_bytes(), blob.revision, &blob.data), has_reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::Backend;
    use crate::sys::nft::expr::{Counter, Limit, LimitKind, Lookup, Reject, RejectKind};
    use crate::sys::nft::{self, Reg, TableFlags};

    fn stops(exprs: Vec<Expr>) -> Vec<Stops> {
        let table = Table {
            def: nft::Table::new(nft::Family::Ip, "t", TableFlags::empty()),
            backend: Backend::Nft,
            chains: Vec::new(),
            sets: Vec::new(),
            objects: Vec::new(),
            flowtables: Vec::new(),
        };
        let r = Rule::new(nft::Family::Ip, "t", "c", exprs);
        let read = |queue| if queue == 7 { Fact::Is(true) } else { Fact::Is(false) };
        let element = Element { value: Some(Value::Verdict(Verdict::Drop)), ..Element::default() };
        let jump = Element { value: Some(Value::Verdict(Verdict::Jump("x".into()))), ..Element::default() };
        let elements = vec![(element, "1 : drop".to_owned()), (jump, "2 : jump x".to_owned())];
        let elements: &'static [(Element, String)] = elements.leak();
        rule(&table, &r, &read, |_| elements.iter().map(|(e, t)| (e, t.clone())).collect())
    }

    fn counter() -> Expr {
        Counter { packets: 3, bytes: 180 }.into()
    }

    #[test]
    fn a_counter_counts_what_is_stopped_only_behind_the_conditions() {
        let cmp = || Expr::Match(XtBlob { name: "x".into(), revision: 0, data: [].into() });
        let drop = || Verdict::Drop.into();
        assert_eq!(stops(vec![cmp(), counter(), drop()]), [Stops::new(Kind::Drop)]);
        let early = stops(vec![counter(), cmp(), drop()]);
        assert_eq!(early, [Stops { counters: Some(None), ..Stops::new(Kind::Drop) }]);
    }

    #[test]
    fn limits_maps_and_queues_are_told_from_plain_drops() {
        let limit = |flags| Limit { rate: 1, unit: 1, burst: 5, kind: LimitKind::Packets, flags }.into();
        let over = stops(vec![limit(LimitFlags::INV), Verdict::Drop.into()]);
        assert_eq!(over, [Stops::new(Kind::Limit).because("over a rate")]);
        let reject = || Reject { kind: RejectKind::TcpRst, code: None }.into();
        assert_eq!(stops(vec![limit(LimitFlags::empty()), reject()]), [Stops::new(Kind::Reject)]);
        let map = Lookup {
            set: "m".into(),
            set_id: None,
            sreg: Reg::R1,
            dreg: Some(Reg::VERDICT),
            flags: Default::default(),
        };
        let found = stops(vec![map.into()]);
        assert_eq!(found.len(), 1, "jumps stop nothing");
        assert_eq!(found[0].element, Some(("m".into(), "1 : drop".into())));
        let queue = |num, bypass| stops(vec![Verdict::Queue { num, bypass }.into()]);
        assert_eq!(queue(3, false), [Stops::new(Kind::Queue).because("queue 3 has no reader")]);
        assert_eq!(queue(3, true), []);
        assert_eq!(queue(7, false), []);
        assert_eq!(
            stops(vec![Verdict::Accept.into(), Verdict::Drop.into()]),
            [],
            "what comes behind a verdict never runs"
        );
    }
}
