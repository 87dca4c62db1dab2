//! Legacy tables of the running kernel, installed by the real tools in namespaces of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../tests/common/kernel.rs"]
mod kernel;

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use nfblame_sys::ns::unshare_net;
use nfblame_sys::xt::{Action, Draft, DraftRule, DraftTarget, Family, Legacy, Table, Target, Verdict};

kernel::kernel_tests! {
    chains_rules_and_jumps_come_out_as_they_were_installed needs ["iptables-legacy-restore", "ip6tables-legacy-restore"];
    arp_tables_are_read_too needs ["arptables-legacy"];
    a_draft_of_a_table_is_laid_out_as_the_tool_did_and_goes_back_into_the_kernel needs
        ["iptables-legacy-restore", "ip6tables-legacy-restore"];
    a_table_is_made_without_any_tool needs [];
}

fn main() {
    kernel::run(cases());
}

/// Runs `test` in a network namespace of its own.
fn in_namespace(test: impl FnOnce() + Send) {
    thread::scope(|s| {
        s.spawn(|| {
            unshare_net().unwrap();
            test();
        });
    });
}

fn restore(tool: &str, rules: &str) {
    let mut child = Command::new(tool).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{tool} refused the rules");
}

const RULES: &str = "*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:empty - [0:0]
:web - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT ! -i eth+ -m comment --comment \"to web\" -j web
-A INPUT -g web
-A INPUT
-A INPUT -p tcp -m tcp --dport 22 -j REJECT
-A web -p tcp -m tcp --sport 1:5 ! --dport 80 -j RETURN
-A web -j empty
-A web -j DROP
COMMIT
";

fn actions(table: &Table, chain: &str) -> Vec<String> {
    let chain = table.chain(chain.as_bytes()).unwrap();
    chain
        .rules()
        .enumerate()
        .map(|(i, rule)| {
            assert_eq!(rule.position, i + 1);
            assert_eq!(chain.rule(i + 1).unwrap().entry.size(), rule.entry.size());
            match rule.action().unwrap() {
                Action::Target(t) => format!("{:?}", t.decode(table.family())),
                other => format!("{other:?}"),
            }
        })
        .collect()
}

fn chains_rules_and_jumps_come_out_as_they_were_installed() {
    for (family, tool) in [(Family::Ip, "iptables-legacy-restore"), (Family::Ip6, "ip6tables-legacy-restore")] {
        in_namespace(|| {
            let legacy = Legacy::open(family).unwrap();
            assert!(legacy.names().unwrap().is_empty());
            assert_eq!(legacy.table(b"filter").unwrap_err().errno(), Some(libc::ENOENT));
            assert!(legacy.names().unwrap().is_empty(), "reading made a table");
            restore(tool, RULES);
            let tables = legacy.tables().unwrap();
            assert_eq!(tables.len(), 1);
            let table = &tables[0];
            let chains: Vec<_> = table.chains().map(|c| (c.name().to_string(), c.policy(), c.len())).collect();
            let chain = |name: &str, policy, len| (name.to_string(), policy, len);
            assert_eq!(
                chains,
                [
                    chain("INPUT", Some(Verdict::Drop), 5),
                    chain("FORWARD", Some(Verdict::Accept), 0),
                    chain("OUTPUT", Some(Verdict::Accept), 0),
                    chain("empty", None, 0),
                    chain("web", None, 3),
                ]
            );
            let reject = if family == Family::Ip { "Reject(Ip(3))" } else { "Reject(Ip6(4))" };
            let input = ["Verdict(Accept)", "Jump(\"web\")", "Goto(\"web\")", "Continue", reject];
            assert_eq!(actions(table, "INPUT"), input);
            assert_eq!(actions(table, "web"), ["Verdict(Return)", "Jump(\"empty\")", "Verdict(Drop)"]);
        });
    }
}

fn arp_tables_are_read_too() {
    in_namespace(|| {
        let arptables = |args: &str| {
            assert!(Command::new("arptables-legacy").args(args.split(' ')).status().unwrap().success(), "{args}");
        };
        arptables("-P INPUT DROP");
        arptables("-N mine");
        arptables("-A INPUT -s 10.0.0.1 -j mine");
        let legacy = Legacy::open(Family::Arp).unwrap();
        let table = legacy.table(b"filter").unwrap();
        let chains: Vec<_> = table.chains().map(|c| (c.name().to_string(), c.policy(), c.len())).collect();
        assert_eq!(chains[0], ("INPUT".to_string(), Some(Verdict::Drop), 1));
        assert_eq!(chains[1], ("OUTPUT".to_string(), Some(Verdict::Accept), 0));
        assert_eq!(actions(&table, "INPUT"), ["Jump(\"mine\")"]);
        let draft = Draft::try_from(&table).unwrap();
        assert_eq!(without_state(&draft.build().unwrap()), without_state(&table));
        legacy.replace(&draft.build().unwrap()).unwrap();
        assert_eq!(Draft::try_from(&legacy.table(b"filter").unwrap()).unwrap(), draft);
    });
}

/// The kernel's own fields, which a replaced table starts without.
fn without_state(table: &Table) -> Vec<u8> {
    let (comefrom, counters) = match table.family() {
        Family::Ip => (92, 96),
        Family::Ip6 => (144, 152),
        _ => (168, 176),
    };
    let mut bytes = table.as_bytes().to_vec();
    for (offset, _) in table.entries() {
        let at = offset as usize;
        bytes[at + comefrom..at + comefrom + 4].fill(0);
        bytes[at + counters..at + counters + 16].fill(0);
    }
    bytes
}

fn a_draft_of_a_table_is_laid_out_as_the_tool_did_and_goes_back_into_the_kernel() {
    for (family, tool) in [(Family::Ip, "iptables-legacy-restore"), (Family::Ip6, "ip6tables-legacy-restore")] {
        in_namespace(|| {
            restore(tool, RULES);
            let legacy = Legacy::open(family).unwrap();
            let table = legacy.table(b"filter").unwrap();
            let mut draft = Draft::try_from(&table).unwrap();
            let again = draft.build().unwrap();
            assert_eq!(without_state(&again), without_state(&table));
            assert_eq!(again.info(), table.info());

            draft.chain("web").rules.clear();
            draft.chain("new").rules.push(DraftRule::new(family, DraftTarget::Verdict(Verdict::Drop)));
            draft.chain("OUTPUT").rules.push(DraftRule::new(family, DraftTarget::Jump("new".into())));
            legacy.replace(&draft.build().unwrap()).unwrap();
            let after = legacy.table(b"filter").unwrap();
            assert_eq!(Draft::try_from(&after).unwrap(), draft);
            assert_eq!(actions(&after, "OUTPUT"), ["Jump(\"new\")"]);
        });
    }
}

fn a_table_is_made_without_any_tool() {
    in_namespace(|| {
        let legacy = Legacy::open(Family::Ip).unwrap();
        let mut draft = Draft::new(Family::Ip, &legacy.instantiate(b"filter").unwrap());
        draft.chain("INPUT").rules.push(DraftRule::new(Family::Ip, DraftTarget::Verdict(Verdict::Drop)));
        legacy.replace(&draft.build().unwrap()).unwrap();
        let table = legacy.table(b"filter").unwrap();
        let rule = table.chain(b"INPUT").unwrap().rule(1).unwrap();
        assert!(rule.entry.is_unconditional());
        assert_eq!(rule.entry.target().unwrap().decode(Family::Ip), Target::Verdict { verdict: Verdict::Drop });
        draft.chain("INPUT").rules.push(DraftRule::new(Family::Ip, DraftTarget::Jump("nowhere".into())));
        assert!(draft.build().is_err());
    });
}
