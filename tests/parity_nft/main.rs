//! nft rulesets: installed by the real `nft` from `corpus/nft`, read by us, and compared with `nft list ruleset` byte
//! for byte.
//!
//! A `.nft` file is a ruleset. A `.txt` file holds single rules: `[ip ip6 inet : type nat hook output priority 0]`
//! says in which families and what kind of chain the rules below are tried, `$ …` declares something in each table, and
//! `differs(NAME): …` marks a rule whose listing differs for the reason given in `docs/parity-differences.md`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

#[path = "../common/mod.rs"]
mod common;
mod sent;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::parity::Tally;
use common::{Netns, kernel, kernel_tests};
use nfblame::ruleset::Ruleset;
use nfblame::ruleset::render::nft::{self, Options, System, View};

kernel_tests! {
    rulesets_are_listed_as_nft_lists_them needs ["nft"];
    rules_are_said_as_nft_says_them needs ["nft"];
    rules_that_a_kernel_may_refuse_are_said_as_they_were_written needs ["nft"];
    compatibility_rules_are_said_as_nft_says_them needs ["nft", "iptables-nft-restore", "ip6tables-nft-restore", "arptables-nft-restore", "ebtables-nft-restore"];
}

fn main() {
    kernel::run(cases());
}

/// Whose listing.
const LISTING: &str = "nft list ruleset";
/// The file that says why some listings differ.
const DIFFERENCES: &str = include_str!("../../docs/parity-differences.md");

fn directory() -> PathBuf {
    std::env::var_os("NFBLAME_NFT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/nft"), PathBuf::from)
}

fn files(extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

fn ours(ns: &Netns, options: Options) -> Vec<u8> {
    ns.run(|| {
        let ruleset = Ruleset::read().unwrap();
        assert!(ruleset.problems.is_empty(), "{:?}", ruleset.problems);
        let mut text = Vec::new();
        nft::ruleset(&ruleset, options, &System::new(), &mut text).unwrap();
        text
    })
}

fn theirs(ns: &Netns, flags: &str) -> Vec<u8> {
    try_theirs(ns, flags).unwrap_or_else(|e| panic!("nft {flags} list ruleset: {e}"))
}

fn try_theirs(ns: &Netns, flags: &str) -> Result<Vec<u8>, String> {
    let args: Vec<&str> = [flags, "list", "ruleset"].into_iter().filter(|a| !a.is_empty()).collect();
    let out = ns.try_cmd("nft", &args, "");
    let stderr = String::from_utf8_lossy(&out.stderr);
    if out.status.success() { Ok(out.stdout) } else { Err(format!("{}: {}", out.status, stderr.trim())) }
}

/// A namespace with devices that rules may name.
fn namespace() -> Netns {
    let ns = Netns::new();
    for (name, peer) in [("eth0", "peer0"), ("eth1", "peer1")] {
        ns.rt(|rt| {
            rt.add_veth(nfblame_sys::rt::Veth { name, peer, peer_ns: None }).unwrap_or_else(|e| panic!("{e}"));
        });
    }
    ns
}

fn rulesets_are_listed_as_nft_lists_them() {
    let mut failures = String::new();
    let mut tally = Tally::default();
    for path in files("nft") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ruleset = fs::read_to_string(&path).unwrap();
        let ns = namespace();
        let out = ns.try_cmd("nft", &["-f", "-"], &ruleset);
        if !out.status.success() {
            println!("{name}: refused: {}", String::from_utf8_lossy(&out.stderr).trim());
            tally.add(Tally { refused: 1, ..Tally::default() });
            continue;
        }
        let variants = [
            ("", Options::default()),
            ("-a", Options { handles: true, ..Options::default() }),
            ("-s", Options { stateless: true, ..Options::default() }),
            ("-nn", Options { numeric: true, ..Options::default() }),
            ("-t", Options { terse: true, ..Options::default() }),
        ];
        for (flags, options) in variants {
            let (we, they) = (ours(&ns, options), theirs(&ns, flags));
            tally.add(compare(&format!("{name} {flags}"), &we, &they, &mut failures));
        }
    }
    tally.report(LISTING, "rulesets, plain and with -a, -s, -t, -nn");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Compares two listings line by line.
fn compare(what: &str, ours: &[u8], theirs: &[u8], failures: &mut String) -> Tally {
    let lines = |text: &[u8]| text.split(|b| *b == b'\n').map(|l| l.escape_ascii().to_string()).collect::<Vec<_>>();
    let (ours, theirs) = (lines(ours), lines(theirs));
    let mut tally = Tally { tried: theirs.len(), ..Tally::default() };
    let mut theirs_iter = theirs.iter().enumerate();
    if ours.len() != theirs.len() {
        writeln!(failures, "{what}: {} lines, nft has {}", ours.len(), theirs.len()).unwrap();
    }
    for our in &ours {
        let Some((n, their)) = theirs_iter.next() else { break };
        if our == their || apart_from_the_clock(our, their) {
            tally.equal += 1;
        } else {
            writeln!(failures, "{what}:{}\n  nft  {their}\n  ours {our}", n + 1).unwrap();
            if ours.len() != theirs.len() {
                break;
            }
        }
    }
    tally
}

/// Whether two lines differ only in when elements expire, which goes on between the two readings.
fn apart_from_the_clock(ours: &str, theirs: &str) -> bool {
    const EXPIRES: &str = " expires ";
    let (mut ours, mut theirs) = (ours.split(EXPIRES), theirs.split(EXPIRES));
    if ours.next() != theirs.next() {
        return false;
    }
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(our), Some(their)) => {
                let ends = |text: &str| text.find([' ', ',']).unwrap_or(text.len());
                let ((our, our_rest), (their, their_rest)) = (our.split_at(ends(our)), their.split_at(ends(their)));
                if our_rest != their_rest || milliseconds(our).abs_diff(milliseconds(their)) > 10_000 {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

/// A duration such as `1d3h59m2s500ms`.
fn milliseconds(text: &str) -> u64 {
    let (mut total, mut rest) = (0, text);
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) {
        let count: u64 = rest[..end].parse().unwrap();
        let unit = &rest[end..];
        let unit = &unit[..unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len())];
        let factor = match unit {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => panic!("duration {text}"),
        };
        total += count * factor;
        rest = &rest[end + unit.len()..];
    }
    assert!(rest.is_empty(), "duration {text}");
    total
}

/// A rule to be tried.
#[derive(Debug, Clone)]
struct Line {
    number: usize,
    rule: String,
    differs: Option<String>,
}

/// Rules that are tried in the same chains.
#[derive(Debug, Default)]
struct Section {
    families: Vec<String>,
    chain: String,
    declarations: Vec<String>,
    lines: Vec<Line>,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let (families, chain) = header.split_once(" : ").unwrap_or((header, ""));
            let families = families.split(' ').map(str::to_owned).collect();
            sections.push(Section { families, chain: chain.to_owned(), ..Section::default() });
            continue;
        }
        let section = sections.last_mut().unwrap_or_else(|| panic!("line {}: no section", n + 1));
        if let Some(declaration) = line.strip_prefix("$ ") {
            section.declarations.push(declaration.to_owned());
            continue;
        }
        let (differs, rule) = match line.strip_prefix("differs(").and_then(|l| l.split_once("): ")) {
            Some((name, rule)) => (Some(name.to_owned()), rule),
            None => (None, line),
        };
        section.lines.push(Line { number: n + 1, rule: rule.to_owned(), differs });
    }
    sections
}

/// Rules of which kernels refuse many, because they lack the module: as they are in what nft sends.
fn rules_that_a_kernel_may_refuse_are_said_as_they_were_written() {
    let mut failures = String::new();
    let mut tally = Tally::default();
    let text = fs::read_to_string(directory().join("modules.txt")).unwrap();
    let names = System::new();
    for section in sections(&text) {
        let chain = if section.chain.is_empty() { String::new() } else { format!("{};", section.chain) };
        let declarations = section.declarations.join("\n");
        for family in &section.families {
            let ns = namespace();
            for line in &section.lines {
                let script = format!(
                    "table {family} t {{\n{declarations}\nchain target {{ }}\nchain c {{ {chain} }}\n}}\nadd rule {family} \
                     t c {}\n",
                    line.rule
                );
                let Some((table, rule)) = sent::rule(&ns, &script) else {
                    println!("refused by nft: {family}:{}: {}", line.number, line.rule);
                    tally.refused += 1;
                    continue;
                };
                tally.tried += 1;
                let said = nft::rule(&View::new(&table), &rule, Options::default(), &names);
                if said.complete && said.text.as_bytes() == line.rule.as_bytes() {
                    tally.equal += 1;
                } else {
                    writeln!(failures, "{family}:{}: {}\n  ours {}", line.number, line.rule, said.text).unwrap();
                }
            }
        }
    }
    tally.report(LISTING, "modules.txt, as nft sends it");
    assert!(failures.is_empty(), "\n{failures}");
}

/// The lines of an error that nft complains about.
fn complaints(stderr: &str) -> BTreeSet<usize> {
    stderr.lines().filter_map(|l| l.strip_prefix("/dev/stdin:")?.split(':').next()?.parse().ok()).collect()
}

/// Installs what can be installed. Says which lines were refused.
fn install(ns: &Netns, family: &str, section: &Section, refused: &mut Vec<String>) -> Vec<Line> {
    let chain = if section.chain.is_empty() { String::new() } else { format!("{};", section.chain) };
    let table = |inside: &str| format!("table {family} t {{\n{inside}\n}}\n");
    let out = ns.try_cmd("nft", &["-f", "-"], &table(&format!("\tchain target {{ }}\n\tchain c {{ {chain} }}")));
    if !out.status.success() {
        refused.extend(section.lines.iter().map(|l| format!("{family}:{}: {}", l.number, l.rule)));
        return Vec::new();
    }
    for declaration in &section.declarations {
        let out = ns.try_cmd("nft", &["-f", "-"], &table(declaration));
        if !out.status.success() {
            println!("{family}: refused: {declaration}");
        }
    }
    let mut lines = section.lines.clone();
    loop {
        let script = lines.iter().fold(String::new(), |mut all, l| {
            writeln!(all, "add rule {family} t c {}", l.rule).unwrap();
            all
        });
        let out = ns.try_cmd("nft", &["-f", "/dev/stdin"], &script);
        if out.status.success() {
            return lines;
        }
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        let bad = complaints(&stderr);
        assert!(!bad.is_empty(), "{family}: {stderr}");
        let mut number = 0;
        lines.retain(|l| {
            number += 1;
            if bad.contains(&number) {
                refused.push(format!("{family}:{}: {}", l.number, l.rule));
            }
            !bad.contains(&number)
        });
    }
}

/// The rules of chain `c` in a listing. A rule that holds an anonymous chain has several lines.
fn rules(listing: &[u8]) -> Vec<String> {
    let text = listing.escape_ascii().to_string().replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"");
    let text = text.replace("\\'", "'");
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line {
            "\tchain c {" => inside = true,
            "\t}" => inside = false,
            _ if !inside || line.starts_with("\t\ttype ") => {}
            _ if line.starts_with("\t\t\t") || line == "\t\t}" => {
                let last = found.last_mut().unwrap();
                last.push('\n');
                last.push_str(line);
            }
            _ => found.push(line.trim_start_matches('\t').to_owned()),
        }
    }
    found
}

fn rules_are_said_as_nft_says_them() {
    let mut failures = String::new();
    for path in files("txt") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut tally = Tally::default();
        let mut refused = Vec::new();
        for section in sections(&fs::read_to_string(&path).unwrap()) {
            for family in &section.families {
                let ns = namespace();
                let lines = install(&ns, family, &section, &mut refused);
                let (we, they) = (rules(&ours(&ns, Options::default())), rules(&theirs(&ns, "")));
                assert_eq!(lines.len(), they.len(), "{name}: {family}: nft lists another number of rules");
                assert_eq!(lines.len(), we.len(), "{name}: {family}: we list another number of rules");
                for ((line, we), they) in lines.iter().zip(we).zip(they) {
                    tally.tried += 1;
                    let at = format!("{name}:{}: {family}: {}", line.number, line.rule);
                    match (&line.differs, we == they) {
                        (None, true) => tally.equal += 1,
                        (None, false) => writeln!(failures, "{at}\n  nft  {they}\n  ours {we}").unwrap(),
                        (Some(id), false) if DIFFERENCES.contains(&format!("## {id}\n")) => tally.known += 1,
                        (Some(id), false) => writeln!(failures, "{at}\n  {id} is not documented").unwrap(),
                        (Some(id), true) => writeln!(failures, "{at}\n  differs no longer: {id}").unwrap(),
                    }
                }
            }
        }
        tally.refused = refused.len();
        for line in refused {
            println!("{name}: refused: {line}");
        }
        tally.report(LISTING, &name);
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// Rules that iptables-nft and its kin put there, from the corpus of the iptables renderer.
fn compatibility_rules_are_said_as_nft_says_them() {
    let mut failures = String::new();
    let mut tally = Tally::default();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let dirs = std::env::var_os("NFBLAME_COMPAT_CORPUS")
        .map_or_else(|| vec![corpus.join("iptables"), corpus.join("ebtables")], |dir| vec![dir.into()]);
    let mut paths: Vec<PathBuf> =
        dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap()).map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        // nft only finds the extensions of one family in one run.
        for family in ["ip", "ip6", "arp", "bridge"] {
            let ns = namespace();
            install_compat(&ns, family, &text);
            let what = format!("{} {family}", path.file_name().unwrap().to_string_lossy());
            let we = ours(&ns, Options::default());
            match try_theirs(&ns, "") {
                Ok(they) => tally.add(compare(&what, &we, &they, &mut failures)),
                // Some extensions make nft itself fail.
                Err(e) => {
                    println!("{what}: nft: {e}");
                    tally.add(Tally { refused: 1, ..Tally::default() });
                }
            }
        }
    }
    tally.report(LISTING, "tables of iptables-nft and its kin");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Installs the chains and rules of one family that this kernel can hold.
fn install_compat(ns: &Netns, family: &str, text: &str) {
    let program = match family {
        "ip" => "iptables-nft-restore",
        "ip6" => "ip6tables-nft-restore",
        "arp" => "arptables-nft-restore",
        _ => "ebtables-nft-restore",
    };
    let (mut wanted, mut table) = (false, "");
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            if let [program, args @ ..] = command.split_whitespace().collect::<Vec<_>>().as_slice() {
                ns.try_cmd(program, args, "");
            }
        } else if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let mut words: Vec<&str> = header.split(' ').collect();
            table = words.pop().unwrap();
            wanted = words.contains(&family);
        }
        let chain =
            line.strip_prefix(':').map(|c| if family == "bridge" { format!(":{c}") } else { format!(":{c} - [0:0]") });
        let rule = line.find("-A ").filter(|_| !line.starts_with('#')).map(|at| line[at..].to_owned());
        // nft reads past the end of a table here, and may die of it.
        let input = chain.or(rule).filter(|r| wanted && !r.contains("--hashlimit-rate-match"));
        if let Some(input) = input {
            ns.try_cmd(program, &["--noflush"], &format!("*{table}\n{input}\nCOMMIT\n"));
        }
    }
}
