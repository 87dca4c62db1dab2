//! Rules of iptables, ip6tables and arptables, legacy and nft: installed by the real tools from `corpus/iptables`, read
//! by us, and compared with the tools' own listings byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::parity::Tally;
use common::{Netns, kernel, kernel_tests};
use nfblame::ruleset::Ruleset;
use nfblame::ruleset::render::Out;
use nfblame::ruleset::render::iptables::{compat_table, legacy_table, table_order};
use nfblame_sys::nft;
use nfblame_sys::xt::Family;

kernel_tests! {
    iptables_legacy needs ["iptables-legacy-restore", "iptables-legacy-save", "ipset"];
    iptables_nft needs ["iptables-nft-restore", "iptables-nft-save", "ipset"];
    ip6tables_legacy needs ["ip6tables-legacy-restore", "ip6tables-legacy-save", "ipset"];
    ip6tables_nft needs ["ip6tables-nft-restore", "ip6tables-nft-save", "ipset"];
    arptables_nft needs ["arptables-nft-restore", "arptables-nft-save", "ipset"];
    policies_with_counters_and_hostile_strings needs ["iptables-legacy", "iptables-nft"];
    arptables_legacy needs ["arptables-legacy"];
    tables_that_nft_has_changed needs ["iptables-nft", "nft"];
}

fn main() {
    kernel::run(cases());
}

/// The file that says why some listings differ.
const DIFFERENCES: &str = include_str!("../docs/parity-differences.md");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Legacy,
    Nft,
}

/// A line of a corpus file.
#[derive(Debug, Clone)]
struct Line {
    /// Its number in the file, which becomes its packet counter.
    number: usize,
    family: Family,
    table: String,
    rule: String,
    only: Option<Backend>,
    /// The difference that it is an example of.
    differs: Option<String>,
}

#[derive(Debug, Default)]
struct Corpus {
    commands: Vec<String>,
    /// User chains by family and table.
    chains: Vec<(Family, String, String)>,
    lines: Vec<Line>,
}

impl Corpus {
    fn parse(text: &str) -> Self {
        let mut corpus = Self::default();
        let (mut families, mut table) = (Vec::new(), String::new());
        for (n, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(command) = line.strip_prefix("$ ") {
                corpus.commands.push(command.to_owned());
            } else if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                let mut words: Vec<&str> = header.split(' ').collect();
                table = words.pop().unwrap().to_owned();
                families = words
                    .iter()
                    .map(|w| match *w {
                        "ip" => Family::Ip,
                        "ip6" => Family::Ip6,
                        "arp" => Family::Arp,
                        other => panic!("line {}: no family {other}", n + 1),
                    })
                    .collect();
            } else if let Some(chain) = line.strip_prefix(':') {
                corpus.chains.extend(families.iter().map(|f| (*f, table.clone(), chain.to_owned())));
            } else {
                let at = line.find("-A ").unwrap_or_else(|| panic!("line {}: no rule: {line}", n + 1));
                let (marks, rule) = line.split_at(at);
                let mut parsed = Line {
                    number: n + 1,
                    family: Family::Ip,
                    table: table.clone(),
                    rule: rule.to_owned(),
                    only: None,
                    differs: None,
                };
                for mark in marks.trim().trim_end_matches(':').split_whitespace() {
                    match mark {
                        "legacy" => parsed.only = Some(Backend::Legacy),
                        "nft" => parsed.only = Some(Backend::Nft),
                        _ => match mark.strip_prefix("differs(").and_then(|m| m.strip_suffix(')')) {
                            Some(id) => parsed.differs = Some(id.to_owned()),
                            None => panic!("line {}: no mark {mark}", n + 1),
                        },
                    }
                }
                corpus.lines.extend(families.iter().map(|&family| Line { family, ..parsed.clone() }));
            }
        }
        corpus
    }

    fn lines(&self, family: Family, backend: Backend) -> Vec<&Line> {
        self.lines.iter().filter(|l| l.family == family && l.only.is_none_or(|b| b == backend)).collect()
    }

    /// What the restore tool reads: these lines, with the chains of their tables.
    fn restore_input(&self, lines: &[&Line], with_chains: bool) -> String {
        let mut input = String::new();
        let tables: BTreeSet<&str> = lines.iter().map(|l| l.table.as_str()).collect();
        for table in tables {
            writeln!(input, "*{table}").unwrap();
            if with_chains {
                let family = lines.first().map(|l| l.family);
                for (_, _, chain) in self.chains.iter().filter(|(f, t, _)| Some(*f) == family && t == table) {
                    writeln!(input, ":{chain} - [0:0]").unwrap();
                }
            }
            for line in lines.iter().filter(|l| l.table == table) {
                writeln!(input, "[{}:{}] {}", line.number, 2 * line.number, line.rule).unwrap();
            }
            input.push_str("COMMIT\n");
        }
        input
    }
}

fn prefix(family: Family) -> &'static str {
    match family {
        Family::Ip6 => "ip6tables",
        Family::Arp => "arptables",
        _ => "iptables",
    }
}

fn tool(family: Family, backend: Backend, what: &str) -> String {
    let backend = if backend == Backend::Legacy { "legacy" } else { "nft" };
    format!("{}-{backend}{what}", prefix(family))
}

/// Installs all lines, in one go if they are all accepted. Returns the numbers of those that the kernel here does not
/// know; anything else that is refused is a failure.
fn install(ns: &Netns, corpus: &Corpus, lines: &[&Line], restore: &str, failures: &mut String) -> BTreeSet<usize> {
    let mut missing = BTreeSet::new();
    if ns.try_cmd(restore, &["-c"], &corpus.restore_input(lines, true)).status.success() {
        return missing;
    }
    let declared: Vec<&Line> = lines.to_vec();
    let tables: BTreeSet<&str> = declared.iter().map(|l| l.table.as_str()).collect();
    for table in tables {
        let mut input = format!("*{table}\n");
        let family = lines[0].family;
        for (_, _, chain) in corpus.chains.iter().filter(|(f, t, _)| *f == family && t == table) {
            writeln!(input, ":{chain} - [0:0]").unwrap();
        }
        input.push_str("COMMIT\n");
        let out = ns.try_cmd(restore, &["-c"], &input);
        if !out.status.success() {
            eprintln!("skipped: {restore}: no table {table} here");
            missing.extend(lines.iter().filter(|l| l.table == table).map(|l| l.number));
        }
    }
    for line in lines {
        if missing.contains(&line.number) {
            continue;
        }
        let out = ns.try_cmd(restore, &["-c", "--noflush"], &corpus.restore_input(&[line], false));
        if !out.status.success() {
            // The legacy restore tools only say which line failed; the plain ones say why.
            let again = format!("{} -t {} {}", restore.trim_end_matches("-restore"), line.table, line.rule);
            let again = ns.try_cmd("sh", &["-c", &again], "");
            let error = [out.stderr, again.stderr].concat();
            let error = String::from_utf8_lossy(&error);
            let unknown = [
                "missing kernel module",
                "No chain/target/match by that name",
                "No such file or directory",
                "not supported",
            ];
            missing.insert(line.number);
            match unknown.iter().find(|u| error.contains(*u)) {
                Some(why) => eprintln!("skipped: {restore}: {}: {why}", line.rule),
                None => writeln!(failures, "{restore}, line {}: refused: {}\n{error}", line.number, line.rule).unwrap(),
            }
        }
    }
    missing
}

fn ours(ns: &Netns, family: Family, backend: Backend, with_counters: bool) -> String {
    let ruleset = ns.run(Ruleset::read).unwrap();
    assert_eq!(ruleset.problems, []);
    let mut out = Out::new();
    match backend {
        Backend::Legacy => {
            for table in ruleset.xt.iter().filter(|t| t.family() == family) {
                legacy_table(table, with_counters, &ruleset.ipsets, &mut out);
            }
        }
        Backend::Nft => {
            let wanted = nft::Family::from(family.nfproto());
            let mut tables: Vec<_> = ruleset.nft.iter().filter(|t| t.def.family == wanted).collect();
            tables.sort_by_key(|t| table_order(t));
            for table in tables {
                compat_table(table, with_counters, &ruleset.ipsets, &mut out);
            }
        }
    }
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

/// The tool's own listing without its comments.
fn theirs(ns: &Netns, family: Family, backend: Backend, args: &[&str]) -> String {
    let listing = ns.cmd(&tool(family, backend, "-save"), args, "");
    listing.lines().filter(|l| !l.starts_with("# ")).map(|l| format!("{l}\n")).collect()
}

/// The line of the corpus that each line of a listing comes from.
fn numbers(listing: &str, lines: &[&Line]) -> Vec<Option<usize>> {
    let by_counter = |l: &str| l.strip_prefix('[')?.split(':').next()?.parse().ok().filter(|n| *n != 0);
    let counted: Vec<Option<usize>> = listing.lines().map(by_counter).collect();
    if counted.iter().any(Option::is_some) {
        return counted;
    }
    // Some of the tools do not restore counters: then rules are known by their order within their chains.
    let mut by_chain: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for line in lines.iter().rev() {
        by_chain.entry((&line.table, chain(&line.rule).unwrap_or_default())).or_default().push(line.number);
    }
    let mut table = "";
    let mut number = |l| {
        table = str::strip_prefix(l, "*").unwrap_or(table);
        by_chain.get_mut(&(table, chain(l)?))?.pop()
    };
    listing.lines().map(&mut number).collect()
}

/// A listed line without the counters before it.
fn uncounted(line: &str) -> &str {
    line.strip_prefix('[').and_then(|l| l.split_once("] ")).map_or(line, |(_, rest)| rest)
}

fn chain(rule: &str) -> Option<&str> {
    rule.split("-A ").nth(1)?.split(' ').next()
}

/// Compares two listings; known differences must really differ.
fn compare(lines: &[&Line], ours: &str, theirs: &str) -> (Tally, String) {
    let mut tally = Tally::default();
    let mut wrong = String::new();
    let numbers = numbers(theirs, lines);
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), theirs.lines().collect());
    for ((our, their), number) in ours.iter().zip(&theirs).zip(numbers) {
        let line = number.and_then(|n| lines.iter().find(|l| l.number == n));
        tally.tried += usize::from(line.is_some());
        match line.and_then(|l| l.differs.as_ref()) {
            Some(id) if our != their => {
                assert!(
                    DIFFERENCES.contains(&format!("## {id}\n")),
                    "docs/parity-differences.md does not explain {id}"
                );
                tally.known += 1;
            }
            Some(id) => writeln!(wrong, "no difference ({id}) any more: {our}").unwrap(),
            None if our == their => tally.equal += usize::from(line.is_some()),
            None => writeln!(wrong, "  ours:   {our}\n  theirs: {their}").unwrap(),
        }
    }
    if ours.len() != theirs.len() {
        writeln!(wrong, "{} lines against {}", ours.len(), theirs.len()).unwrap();
    }
    (tally, wrong)
}

fn corpora() -> BTreeMap<String, Corpus> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/iptables");
    let files = fs::read_dir(dir).unwrap().map(|f| f.unwrap().path());
    let files = files.filter(|p| p.extension().is_some_and(|e| e == "txt"));
    let parse = |p: std::path::PathBuf| {
        (p.file_name().unwrap().to_string_lossy().into_owned(), Corpus::parse(&fs::read_to_string(&p).unwrap()))
    };
    files.map(parse).collect()
}

fn parity(family: Family, backend: Backend) {
    let (restore, save) = (tool(family, backend, "-restore"), tool(family, backend, "-save"));
    let mut failures = String::new();
    for (name, corpus) in corpora() {
        let lines = corpus.lines(family, backend);
        if lines.is_empty() {
            continue;
        }
        let ns = Netns::new();
        for command in &corpus.commands {
            let words: Vec<&str> = command.split(' ').collect();
            ns.cmd(words[0], &words[1..], "");
        }
        let missing = install(&ns, &corpus, &lines, &restore, &mut failures);
        let what = format!("{save}, {name}");
        let installed: Vec<&Line> = lines.iter().copied().filter(|l| !missing.contains(&l.number)).collect();
        let (ours_c, theirs_c) = (ours(&ns, family, backend, true), theirs(&ns, family, backend, &["-c"]));
        let (tally, wrong) = compare(&installed, &ours_c, &theirs_c);
        if !wrong.is_empty() {
            writeln!(failures, "{what}\n{wrong}").unwrap();
        }
        assert_eq!(tally.tried, installed.len(), "{what}: rules were lost");
        // The same without counters.
        let plain = |listing: &str| listing.lines().map(|l| format!("{}\n", uncounted(l))).collect::<String>();
        assert_eq!(plain(&ours_c), ours(&ns, family, backend, false));
        assert_eq!(plain(&theirs_c), theirs(&ns, family, backend, &[]));
        Tally { refused: missing.len(), ..tally }.report(&save, &name);
    }
    assert!(failures.is_empty(), "{failures}");
}

fn iptables_legacy() {
    parity(Family::Ip, Backend::Legacy);
}

fn iptables_nft() {
    parity(Family::Ip, Backend::Nft);
}

fn ip6tables_legacy() {
    parity(Family::Ip6, Backend::Legacy);
}

fn ip6tables_nft() {
    parity(Family::Ip6, Backend::Nft);
}

fn arptables_nft() {
    parity(Family::Arp, Backend::Nft);
}

/// What the script `arptables-legacy-save` makes of the listing; the script itself would ask whichever arptables is the
/// system's default.
fn arptables_legacy_save(listing: &str) -> String {
    let (mut chains, mut user, mut rules, mut chain) = (String::new(), String::new(), String::new(), "");
    for line in listing.lines() {
        if let Some(header) = line.strip_prefix("Chain ") {
            let (name, rest) = header.split_once(" (").unwrap();
            chain = name;
            match rest.strip_prefix("policy ") {
                Some(policy) => writeln!(chains, ":{name} {}", policy.trim_end_matches(')')).unwrap(),
                None => writeln!(user, ":{name} -").unwrap(),
            }
        } else if !line.is_empty() {
            writeln!(rules, "-A {chain} {line}").unwrap();
        }
    }
    format!("*filter\n{chains}{user}{rules}\n")
}

fn arptables_legacy() {
    for (name, corpus) in corpora() {
        let lines = corpus.lines(Family::Arp, Backend::Legacy);
        if lines.is_empty() {
            continue;
        }
        let ns = Netns::new();
        for (_, _, chain) in corpus.chains.iter().filter(|(f, ..)| *f == Family::Arp) {
            ns.cmd("arptables-legacy", &["-N", chain], "");
        }
        for line in &lines {
            let words: Vec<&str> = line.rule.split(' ').collect();
            ns.cmd("arptables-legacy", &words, "");
        }
        let theirs = arptables_legacy_save(&ns.cmd("arptables-legacy", &["-L", "-n"], ""));
        let (tally, wrong) = compare(&lines, &ours(&ns, Family::Arp, Backend::Legacy, false), &theirs);
        assert!(wrong.is_empty(), "{wrong}");
        assert_eq!(tally.tried, lines.len());
        tally.report("arptables-legacy-save", &name);
    }
}

fn policies_with_counters_and_hostile_strings() {
    for backend in [Backend::Legacy, Backend::Nft] {
        let family = Family::Ip;
        let command = tool(family, backend, "");
        let ns = Netns::new();
        let input = "*filter\n:INPUT DROP [5:300]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [7:420]\n:x!y%z - [0:0]\nCOMMIT\n\
                     *mangle\n:OUTPUT DROP [1:2]\nCOMMIT\n*nat\nCOMMIT\n*raw\n:PREROUTING ACCEPT [3:4]\nCOMMIT\n";
        ns.cmd(&tool(family, backend, "-restore"), &["-c"], input);
        for hostile in ["a\x1b[2Jb", "two\nlines", "tab\there", "\u{202e}gnp", "trailing ", "é\u{7f}", "$(reboot)`x`"]
        {
            ns.cmd(&command, &["-A", "INPUT", "-m", "comment", "--comment", hostile], "");
            if !hostile.contains('\n') {
                ns.cmd(&command, &["-A", "INPUT", "-j", "LOG", "--log-prefix", hostile], "");
                ns.cmd(&command, &["-A", "INPUT", "-j", "NFLOG", "--nflog-prefix", hostile], "");
            }
        }
        assert_eq!(ours(&ns, family, backend, true), theirs(&ns, family, backend, &["-c"]));
        assert_eq!(ours(&ns, family, backend, false), theirs(&ns, family, backend, &[]));
    }
}

fn tables_that_nft_has_changed() {
    let changes = [
        "add chain ip filter extra { type filter hook input priority 5; }",
        "add rule ip filter INPUT meta l4proto tcp tcp dport 22 counter accept",
        "add rule ip filter INPUT ip protocol udp udp dport 53 accept",
        "add rule ip filter INPUT iifname \"eth*\" ip saddr 10.0.0.0/9 counter drop",
        "add rule ip filter INPUT ct state new counter accept",
    ];
    let ns = Netns::new();
    ns.cmd("iptables-nft-restore", &[], "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n");
    for change in changes {
        ns.nft(change);
        let listing = ns.cmd("iptables-nft-save", &[], "");
        let dated = |l: &&str| !l.starts_with("# Generated") && !l.starts_with("# Completed");
        let theirs: String = listing.lines().filter(dated).map(|l| format!("{l}\n")).collect();
        assert_eq!(ours(&ns, Family::Ip, Backend::Nft, false), theirs, "after: {change}");
    }
}
