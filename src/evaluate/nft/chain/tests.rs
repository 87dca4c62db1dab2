//! Jumps, returns, policies, and walks that begin in the middle.
#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::evaluate::Effect;
use crate::evaluate::nft::testing::{self, *};
use crate::evaluate::place::TableRef;
use crate::sys::nft::expr::{Cmp, CmpOp, Log, LogFlags, Payload, PayloadBase};
use crate::sys::nft::{Data, Expr, Family, Hook, Reg};

const T: TableRef = TableRef::Nft(0);

fn place(chain: usize, position: usize) -> Place {
    Place { chain: ChainRef { table: T, chain }, position: (position > 0).then_some(position) }
}

fn base(policy: Verdict, rules: Vec<Vec<Expr>>) -> Chain {
    chain("base", Hook::Input, Some(policy), rules)
}

fn user(name: &str, rules: Vec<Vec<Expr>>) -> Chain {
    chain(name, Hook::Input, None, rules)
}

fn of(chains: Vec<Chain>) -> Table {
    Table { chains, ..table(Family::Inet) }
}

fn jump(to: &str) -> Expr {
    says(Verdict::Jump(text(to)))
}

fn goto(to: &str) -> Expr {
    says(Verdict::Goto(text(to)))
}

/// `udp dport`
fn port(n: u16) -> Vec<Expr> {
    vec![
        Expr::Payload(Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg::R1 }),
        Expr::Cmp(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(n.to_be_bytes()) }),
    ]
}

fn packet() -> crate::evaluate::Packet {
    ip4(17, &testing::udp(1000, 53, b""))
}

/// Where it ended, and the places of all rules that matched.
fn way(t: &Table, begin: &Begin) -> (Decision, Place, Vec<Place>) {
    let (ended, tried) = walk(packet(), t, begin);
    (ended.decision, ended.at, tried.into_iter().filter(|t| t.matched).map(|t| t.at).collect())
}

#[test]
fn a_jump_comes_back_and_a_goto_does_not() {
    let t = of(vec![
        base(Verdict::Drop, vec![vec![jump("a")], vec![goto("b")], vec![says(Verdict::Accept)]]),
        user("a", vec![vec![says(Verdict::Return)], vec![says(Verdict::Accept)]]),
        user("b", vec![vec![jump("a")], vec![]]),
    ]);
    let (decision, at, matched) = way(&t, &Begin::Start);
    assert_eq!((decision, at), (Decision::Drop, place(0, 0)), "the policy");
    let want = [(0, 1), (1, 1), (0, 2), (2, 1), (1, 1), (2, 2), (0, 0)].map(|(c, p)| place(c, p));
    assert_eq!(matched, want);
}

#[test]
fn a_rule_that_does_not_match_says_why() {
    let t = of(vec![base(Verdict::Accept, vec![[port(80), vec![says(Verdict::Drop)]].concat(), port(53)])]);
    let (ended, tried) = walk(packet(), &t, &Begin::Start);
    assert_eq!((ended.decision, ended.at), (Decision::Accept, place(0, 0)));
    let missed = tried[0].missed.clone().unwrap();
    assert_eq!(
        (missed.field.as_ref(), missed.wanted.as_deref(), missed.have.as_deref()),
        ("udp dport", Some("80"), Some("53"))
    );
    assert_eq!((tried[1].matched, &tried[1].missed), (true, &None));
}

#[test]
fn an_empty_chain_is_left_at_once() {
    let t = of(vec![base(Verdict::Accept, vec![vec![jump("a")], vec![says(Verdict::Drop)]]), user("a", Vec::new())]);
    assert_eq!(way(&t, &Begin::Start).1, place(0, 2));
    assert_eq!(way(&of(vec![base(Verdict::Drop, Vec::new())]), &Begin::Start).0, Decision::Drop);
}

#[test]
fn a_walk_goes_on_behind_the_rule_that_logged() {
    let log = |n| {
        Expr::Log(Log {
            group: Some(n),
            prefix: None,
            snaplen: None,
            qthreshold: None,
            level: None,
            flags: LogFlags::empty(),
        })
    };
    let t = of(vec![
        base(Verdict::Drop, vec![vec![jump("a")], vec![says(Verdict::Accept)]]),
        user("a", vec![[port(53), vec![log(1), log(2)], port(53)].concat(), vec![]]),
    ]);
    let after = |rule, expr| Begin::After { stack: vec![place(0, 1)], rule, expr };
    let (ended, tried) = walk(packet(), &t, &after(place(1, 1), Some(2)));
    assert_eq!((ended.decision, ended.at), (Decision::Accept, place(0, 2)));
    assert!(matches!(&tried[0].effects[..], [Effect::Log { to: crate::evaluate::LogTo::Nflog { group: 2 }, .. }]));
    assert_eq!(way(&t, &after(place(1, 1), None)).2, [place(1, 2), place(0, 2)]);
    // The register that the first comparison used was loaded before the log.
    let t = of(vec![base(
        Verdict::Accept,
        vec![[&port(53)[..], &[log(1)], &port(53)[1..], &[says(Verdict::Drop)]].concat()],
    )]);
    let begin = Begin::After { stack: Vec::new(), rule: place(0, 1), expr: Some(2) };
    assert_eq!(way(&t, &begin).0, Decision::Drop);
}

#[test]
fn jumps_that_multiply_end() {
    let mut chains = vec![base(Verdict::Accept, vec![vec![jump("c0.0")]])];
    for layer in 0..12 {
        chains.extend((0..6).map(|n| {
            let next = (0..6).filter(|_| layer < 11).map(|n| vec![jump(&format!("c{}.{n}", layer + 1))]).collect();
            user(&format!("c{layer}.{n}"), next)
        }));
    }
    let (ended, tried) = walk(packet(), &of(chains), &Begin::Start);
    assert_eq!(ended.decision, Decision::Unknown("too many rules".into()));
    assert!(tried.len() < 200_000, "{}", tried.len());
}

#[test]
fn circles_lost_chains_and_deep_stacks_end() {
    let circle = of(vec![base(Verdict::Accept, vec![vec![goto("a")]]), user("a", vec![vec![goto("a")]])]);
    assert_eq!(way(&circle, &Begin::Start).0, Decision::Unknown("a loop of jumps".into()));
    let lost = of(vec![base(Verdict::Accept, vec![vec![jump("nowhere")]])]);
    assert!(matches!(way(&lost, &Begin::Start).0, Decision::Unknown(_)));
    let mut deep = vec![base(Verdict::Accept, vec![vec![jump("c0")]])];
    deep.extend((0..20).map(|i| user(&format!("c{i}"), vec![vec![jump(&format!("c{}", i + 1))]])));
    assert_eq!(way(&of(deep), &Begin::Start).0, Decision::Drop, "the kernel's stack has 16 places");
}
