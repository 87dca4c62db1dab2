//! `objref`: runs a named object, given by name or by a map.

use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::sets::{self, Found};
use crate::evaluate::packet::CtState;
use crate::evaluate::{Context, Decision, Effect, Fact};
use crate::sys::Text;
use crate::sys::ct::Status;
use crate::sys::nft::expr::{Objref, ObjrefMap};
use crate::sys::nft::{ObjectData, ObjectKind};

use super::ct::tracked;
use super::{stateful, synproxy};

/// `nft_objref_eval`
pub fn named(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Objref) -> Step {
    object(cx, m, e.kind, &e.name)
}

/// `nft_objref_map_eval`
pub fn mapped(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &ObjrefMap) -> Step {
    let Some((set, index)) = m.set(&e.set) else {
        return Step::when(cx.ask(sets::missing(&e.set), &[b"nft missing ", e.set.as_bytes()].concat(), true));
    };
    let kind = set.def.object_kind.unwrap_or(ObjectKind::Unknown(0));
    match sets::search(cx, m, (set, index), e.sreg) {
        Found::Nothing => Step::Break,
        Found::Element(i) => match set.elements.get(i).and_then(|e| e.extra().object.as_ref()) {
            Some(name) => object(cx, m, kind, name),
            None => not_understood(cx, kind, &set.def.name),
        },
        Found::Unlisted => not_understood(cx, kind, &set.def.name),
    }
}

fn not_understood(cx: &mut Context<'_>, kind: ObjectKind, name: &Text) -> Step {
    let key = format!("nft object {kind} {name}");
    Step::when(cx.ask(format!("{kind} {name}, which was not read"), key.as_bytes(), true))
}

fn object(cx: &mut Context<'_>, m: &mut Machine<'_>, kind: ObjectKind, name: &Text) -> Step {
    let found = m.index.object(kind, name).and_then(|i| m.table.objects.get(i)).and_then(|o| o.data.as_ref());
    match found {
        Some(ObjectData::Counter(_)) => Step::Go,
        Some(ObjectData::Quota(q)) => stateful::quota(cx, q),
        Some(ObjectData::Limit(l)) => stateful::limit(cx, l),
        Some(ObjectData::Connlimit(c)) => stateful::connlimit(cx, c),
        Some(ObjectData::Synproxy(s)) => synproxy::eval(cx, m, s),
        Some(ObjectData::CtExpectation(_)) => expectation(cx, name),
        Some(ObjectData::CtHelper(_) | ObjectData::CtTimeout(_) | ObjectData::Secmark(_) | ObjectData::Tunnel(_)) => {
            cx.effects.push(Effect::State(format!("{kind} {name}").into()));
            Step::Go
        }
        Some(ObjectData::Unknown { .. }) | None => not_understood(cx, kind, name),
    }
}

/// `nft_ct_expect_obj_eval`: only connections that are not in the table yet may expect others.
fn expectation(cx: &mut Context<'_>, name: &Text) -> Step {
    let confirmed = match (&cx.packet.ct.state, &cx.packet.ct.status) {
        (Fact::Is(CtState::Established), _) => Fact::Is(true),
        (_, Fact::Is(status)) => Fact::Is(Status::from_bits_retain(*status).contains(Status::CONFIRMED)),
        _ => Fact::unknown("whether the connection was in the table already"),
    };
    match (tracked(cx), confirmed) {
        (Fact::Absent, _) | (_, Fact::Is(true)) => return Step::Break,
        (Fact::Unknown(what), _) | (_, Fact::Unknown(what)) if !cx.ask(what.clone(), b"nft ct confirmed", true) => {
            return Step::Break;
        }
        _ => {}
    }
    cx.effects.push(Effect::State(format!("ct expectation {name}").into()));
    if cx.ask(format!("whether there was room for ct expectation {name}"), b"", true) {
        Step::Go
    } else {
        Step::Verdict(Decision::Drop)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Hook;
    use crate::evaluate::nft::testing::*;
    use crate::ruleset::nft::Table;
    use crate::sys::nft::expr::{Counter, Quota, QuotaFlags};
    use crate::sys::nft::{ElementExtra, Family, Object, Reg, SetFlags};

    fn with(name: &str, kind: ObjectKind, data: ObjectData) -> Table {
        let object = Object {
            family: Family::Inet,
            table: "t".into(),
            name: name.into(),
            kind,
            handle: 3,
            uses: 1,
            data: Some(data),
            userdata: Default::default(),
            unread: Vec::new(),
        };
        Table { objects: vec![object], ..table(Family::Inet) }
    }

    #[test]
    fn an_object_does_what_its_expression_would() {
        let quota = ObjectData::Quota(Quota { bytes: 10, consumed: 99, flags: QuotaFlags::empty() });
        let t = with("q", ObjectKind::Quota, quota);
        let host = Host { since: Some(0), ..Host::default() };
        let e = Objref { kind: ObjectKind::Quota, name: "q".into() };
        assert_eq!(on(ip4(17, &[0; 8]), Hook::Input, &host, &t, |cx, m| named(cx, m, &e)), Step::Break);
        let missing = Objref { kind: ObjectKind::Counter, name: "q".into() };
        assert_eq!(every(&ip4(17, &[0; 8]), &host, &t, |cx, m| named(cx, m, &missing)).len(), 2);
    }

    #[test]
    fn a_map_of_objects_without_the_key_ends_the_rule() {
        let mut t = with("c", ObjectKind::Counter, ObjectData::Counter(Counter::default()));
        let mut e = element(&[1], None);
        e.extra = Some(Box::new(ElementExtra { object: Some("c".into()), ..ElementExtra::default() }));
        t.sets = vec![members("s", SetFlags::OBJECT, 1, vec![e])];
        t.sets[0].def.object_kind = Some(ObjectKind::Counter);
        let find = |key: u8| {
            on(ip4(17, &[0; 8]), Hook::Input, &Host::default(), &t, |cx, m| {
                m.regs.write(Reg::R1, &[key]);
                mapped(cx, m, &ObjrefMap { set: "s".into(), set_id: None, sreg: Reg::R1 })
            })
        };
        assert_eq!((find(1), find(2)), (Step::Go, Step::Break));
    }

    #[test]
    fn an_expectation_needs_a_connection_that_is_not_in_the_table_yet() {
        let run = |state| {
            let mut p = ip4(17, &[0; 8]);
            (p.ct.state, p.ct.status) = (state, Fact::Is(0));
            every(&p, &Host::default(), &table(Family::Inet), |cx, _| expectation(cx, &text("e")))
                .into_iter()
                .map(|r| r.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(run(Fact::Absent), [Step::Break]);
        assert_eq!(run(Fact::Is(CtState::Established)), [Step::Break]);
        assert_eq!(run(Fact::Is(CtState::New)), [Step::Go, Step::Verdict(Decision::Drop)]);
    }
}
