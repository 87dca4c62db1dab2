//! The command line of `nfblame check`.

use crate::common::kernel_tests;
use crate::world::{World, lines, nfblame};

kernel_tests! {
    a_host_without_rules_has_nothing_to_report needs [];
    exit_codes_and_severities_follow_the_options needs ["iptables-nft", "iptables-legacy"];
    every_code_is_documented needs [];
    findings_are_shown_with_the_rule_underlined needs ["nft", "iptables-legacy"];
}

fn a_host_without_rules_has_nothing_to_report() {
    let w = World::new();
    let out = nfblame(&w.server, &["check", "-j"]);
    // Programs at control groups are the machine's, and others' tests attach some.
    let told = lines(&out).iter().filter(|f| f["code"] != "NB0803").count();
    assert_eq!((out.status.code(), told), (Some(0), 0));
}

fn exit_codes_and_severities_follow_the_options() {
    let w = World::new();
    w.run("iptables-nft -A INPUT -p tcp --dport 23 -j DROP");
    w.run("iptables-legacy -A INPUT -p tcp --dport 24 -j DROP");
    let run = |args: &[&str]| {
        let out = nfblame(&w.server, args);
        let mut severities: Vec<_> = lines(&out).iter().map(|f| f["severity"].as_str().unwrap().to_owned()).collect();
        severities.retain(|s| s != "note");
        (out.status.code(), severities)
    };
    assert_eq!(run(&["check", "-j"]), (Some(1), vec!["warning".into()]));
    assert_eq!(run(&["check", "-j", "--deny", "warnings"]), (Some(1), vec!["error".into()]));
    assert_eq!(run(&["check", "-j", "--allow", "NB0701"]), (Some(0), Vec::new()));
    assert_eq!(nfblame(&w.server, &["check", "--allow", "NB9999"]).status.code(), Some(2));
}

fn every_code_is_documented() {
    let w = World::new();
    let all = lines(&nfblame(&w.server, &["check", "--codes", "-j"]));
    assert!(all.len() > 4);
    for c in all {
        let code = c["code"].as_str().unwrap();
        let out = nfblame(&w.server, &["check", "--code", code]);
        let page = String::from_utf8(out.stdout).unwrap();
        assert!(out.status.success() && page.starts_with(&format!("# {code}: ")), "{code}");
    }
}

fn findings_are_shown_with_the_rule_underlined() {
    let w = World::new();
    w.server.nft("table inet f { chain input { type filter hook input priority 0; tcp dport 24 drop comment \"\u{1b}]0;x\"; }; }");
    w.run("iptables-legacy -A INPUT -p tcp --dport 23 -j DROP");
    let out = String::from_utf8(nfblame(&w.server, &["check", "--color", "never"]).stdout).unwrap();
    for part in [
        "warning[NB0701]: ",
        "--> ip filter INPUT (legacy):1:1",
        "-A INPUT -p tcp -m tcp --dport 23 -j DROP",
        "^^^^",
        "1 warning",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }
    assert!(!out.contains('\u{1b}'), "{out:?}");
}
