//! What the tests of a whole run have shown of each code: that it is told, that a healthy host is spared, that its fix helps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Codes without a fix that could be run: the page says why the operator has to choose.
const CHOICE: &str = "proposes no change";

/// They depend on settings of the whole machine, which may be changed in virtual machines only: there each is told, gone when
/// all is well, and mended by what is proposed.
const ELSEWHERE: [&str; 5] = ["NB0012", "NB0021", "NB0401", "NB0507", "NB0602"];
const STEPS: &str = include_str!("../../vm-tests/init/steps/limits.rs");

#[derive(Debug, Default)]
struct Seen {
    told: bool,
    spared: bool,
    /// A finding of it had commands.
    has_fix: bool,
    /// They were run, and what it was told for was gone.
    mended: bool,
}

#[derive(Default)]
struct Record {
    codes: BTreeMap<String, Seen>,
    /// Namespaces in which the fix of a code was run.
    applied: BTreeSet<(String, String)>,
}

static RECORD: Mutex<Option<Record>> = Mutex::new(None);

fn with<T>(change: impl FnOnce(&mut Record) -> T) -> T {
    let mut record: MutexGuard<'_, _> = RECORD.lock().unwrap_or_else(PoisonError::into_inner);
    change(record.get_or_insert_default())
}

/// What was found in a namespace.
pub fn told(findings: &[Value]) {
    with(|r| {
        for f in findings {
            let seen = r.codes.entry(f["code"].as_str().unwrap().to_owned()).or_default();
            seen.told = true;
            seen.has_fix |= f["fix"].as_array().is_some_and(|all| all.iter().any(has_commands));
        }
    });
}

/// An answer about one packet gives the code as a reason, or does not.
pub fn said(code: &str, is: bool) {
    with(|r| {
        let seen = r.codes.entry(code.to_owned()).or_default();
        (seen.told, seen.spared) = (seen.told || is, seen.spared || !is);
    });
}

fn has_commands(fix: &Value) -> bool {
    fix["commands"].as_array().is_some_and(|c| !c.is_empty())
}

/// A test asked for a code, and it is not there.
pub fn spared(ns: &str, code: &str) {
    with(|r| {
        r.codes.entry(code.to_owned()).or_default().spared = true;
    });
    mended(ns, code);
}

/// What it was told for is gone, as a test has made sure of; if that is so since its fix was run, the fix has helped.
pub fn mended(ns: &str, code: &str) {
    with(|r| {
        let mended = r.applied.remove(&(ns.to_owned(), code.to_owned()));
        r.codes.entry(code.to_owned()).or_default().mended |= mended;
    });
}

/// The fix of a finding was run.
pub fn applied(ns: &str, finding: &Value) {
    if let Some(code) = finding["code"].as_str() {
        with(|r| r.applied.insert((ns.to_owned(), code.to_owned())));
    }
}

/// What no test has shown, of these codes and their pages.
pub fn missing(pages: &BTreeMap<String, String>) -> Vec<String> {
    let none = Seen::default();
    with(|r| {
        let lacks = |(code, page): (&String, &String)| {
            let (seen, chooses) = (r.codes.get(code).unwrap_or(&none), page.contains(CHOICE));
            let elsewhere = ELSEWHERE.contains(&code.as_str());
            let step = STEPS.contains(&format!("out.result(\"{code}: "));
            let checks = [
                (elsewhere && !step, "no step of the virtual machines where it is told"),
                (!seen.told && !elsewhere, "no test where it is told"),
                (!seen.spared && !elsewhere, "no test of a host that is spared"),
                (
                    !seen.mended && !chooses && !elsewhere,
                    "no test that runs its fix; or its page is to say that nfblame proposes no change, and why",
                ),
                (seen.has_fix && chooses, "its page says that nfblame proposes no change, and it does"),
            ];
            checks.into_iter().filter(|(is, _)| *is).map(|(_, what)| format!("{code}: {what}")).collect::<Vec<_>>()
        };
        pages.iter().flat_map(lacks).collect()
    })
}
