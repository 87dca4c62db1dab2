//! What nftables.service loads: which tables and chains the file has, and how many rules each.

use std::collections::BTreeMap;

use super::Saved;
use crate::blame::describe::family_name;
use crate::evaluate::{ChainRef, Fact, TableRef};
use crate::finding::view::View;
use crate::fix;
use crate::host::Host;
use crate::manager;
use crate::ruleset::Backend;
use crate::sys::nft::Verdict;

/// What nftables.service loads: that of Red Hat, where there is such a file, and that of the others.
const FILES: [&str; 2] = ["/etc/sysconfig/nftables.conf", "/etc/nftables.conf"];
/// Where nft looks for files that are included by a relative name.
const INCLUDES: &str = "/etc";
/// So deep files may include each other (`MAX_INCLUDE_DEPTH`).
const DEPTH: usize = 16;
/// The service is enabled where one of these is there; the file alone comes with the package.
const ENABLED: [&str; 2] = [
    "/etc/systemd/system/sysinit.target.wants/nftables.service",
    "/etc/systemd/system/multi-user.target.wants/nftables.service",
];

/// The file and its text, if it is loaded at boot.
pub fn loaded(view: &View<'_>) -> Option<(&'static str, String)> {
    let enabled = ENABLED.iter().any(|path| matches!(view.host.saved(path), Fact::Is(_)));
    FILES.iter().filter(|_| enabled).find_map(|path| Some((*path, view.host.saved(path).known()?)))
}

/// The text with what it includes in place of the `include`. None: that cannot be told.
fn with_includes(host: &dyn Host, text: &str, depth: usize) -> Option<String> {
    let mut all = String::new();
    for line in text.lines() {
        let Some(rest) = line.trim_start().strip_prefix("include") else {
            all.push_str(line);
            all.push('\n');
            continue;
        };
        let (name, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        if depth == 0 || !matches!(rest.trim(), "" | ";") {
            return None;
        }
        let path = if name.starts_with('/') { name.to_owned() } else { format!("{INCLUDES}/{name}") };
        for path in matching(host, &path)? {
            all.push_str(&with_includes(host, &host.saved(&path).known()?, depth - 1)?);
        }
    }
    Some(all)
}

/// The files of a name, which may have one star in its last part, in order.
fn matching(host: &dyn Host, path: &str) -> Option<Vec<String>> {
    let (directory, name) = path.rsplit_once('/')?;
    let Some((start, end)) = name.split_once('*') else { return Some(vec![path.to_owned()]) };
    if [directory, start, end].iter().any(|part| part.contains(['*', '?', '[', '{', '~'])) {
        return None;
    }
    let mut names = match host.saved_in(directory) {
        Fact::Is(names) => names,
        Fact::Absent => return Some(Vec::new()),
        Fact::Unknown(_) => return None,
    };
    let hidden = |n: &String| n.starts_with('.') && start.is_empty();
    names.retain(|n| n.len() >= start.len() + end.len() && n.starts_with(start) && n.ends_with(end) && !hidden(n));
    names.sort();
    Some(names.into_iter().map(|n| format!("{directory}/{n}")).collect())
}

/// A chain of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    rules: usize,
    drops: Option<bool>,
}

/// Family and table, then chains by name.
type Tables = BTreeMap<(String, String), BTreeMap<String, Chain>>;

/// What differs from the kernel. None: nothing does, or nothing is loaded.
pub fn differs(view: &View<'_>) -> Option<Saved> {
    let (path, text) = loaded(view)?;
    let Some(tables) = with_includes(view.host, &text, DEPTH).and_then(|text| read(&text)) else {
        let why = "it does more than to declare tables";
        let advice = "nft -c -f checks it; `unshare -n` and nft -f in there show what it loads";
        return Some(Saved::NotCompared { path: path.into(), why, advice });
    };
    let mut how = Vec::new();
    for ((family, table), chains) in &tables {
        let named =
            |t: &&crate::ruleset::nft::Table| t.def.name == table.as_str() && family_name(t.def.family) == family;
        let Some(now) = view.rules.nft.iter().find(named) else {
            how.push(format!("table {family} {table} is not in the kernel"));
            continue;
        };
        for (name, chain) in chains {
            let Some(have) = now.chains.iter().find(|c| c.def.name == name.as_str()) else {
                how.push(format!("chain {family} {table} {name} is not in the kernel"));
                continue;
            };
            if have.rules.len() != chain.rules {
                how.push(format!(
                    "chain {family} {table} {name}: {} rules in the file, {} in the kernel",
                    chain.rules,
                    have.rules.len()
                ));
            }
            let drops = have.def.base.as_ref().map(|b| b.policy == Verdict::Drop);
            if chain.drops.is_some() && drops != chain.drops {
                how.push(format!("chain {family} {table} {name}: its policy is another one in the kernel"));
            }
        }
        let more = now
            .chains
            .iter()
            .filter(|c| !chains.contains_key(&c.def.name.to_string()) && !c.def.name.as_bytes().starts_with(b"__"));
        how.extend(more.map(|c| format!("chain {family} {table} {} is not in the file", c.def.name)));
    }
    for (t, table) in view.rules.nft.iter().enumerate() {
        let known = (family_name(table.def.family).to_owned(), table.def.name.to_string());
        let of_nft = |(c, chain): (usize, &crate::ruleset::nft::Chain)| {
            let chain_ref = ChainRef { table: TableRef::Nft(t), chain: c };
            chain.backend == Backend::Nft
                && !chain.rules.is_empty()
                && manager::of_chain(view.rules, chain_ref).is_none()
        };
        if !tables.contains_key(&known) && table.chains.iter().enumerate().any(of_nft) {
            how.push(format!("table {} {} is not in the file", known.0, known.1));
        }
    }
    let advice = format!("to keep what is now: {}; to go back: nft -f {path}", fix::save(view.rules, &[], path));
    (!how.is_empty()).then(|| Saved::Differs { path: path.into(), how, advice })
}

/// Does the file throw everything away before it loads its own?
pub fn flushes(text: &str) -> bool {
    text.lines().map(|l| l.split('#').next().unwrap_or("").trim().trim_end_matches(';')).any(|l| l == "flush ruleset")
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    /// A semicolon or the end of a line.
    End,
}

/// None: there is something that is not understood.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let (mut all, mut word) = (Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends = matches!(c, ' ' | '\t' | '\r' | '\n' | '{' | '}' | ';' | '#');
        if ends && !word.is_empty() {
            all.push(Token::Word(std::mem::take(&mut word)));
        }
        match c {
            '#' => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            '\\' if chars.peek() == Some(&'\n') => _ = chars.next(),
            '"' => {
                word.push('"');
                loop {
                    match chars.next()? {
                        '"' => break,
                        c => word.push(c),
                    }
                }
            }
            '{' => all.push(Token::Open),
            '}' => all.push(Token::Close),
            ';' | '\n' => all.push(Token::End),
            ' ' | '\t' | '\r' => {}
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        all.push(Token::Word(word));
    }
    all.push(Token::End);
    Some(all)
}

/// The tables of a file that is written as blocks. None: it does something else as well, which may change what they hold.
fn read(text: &str) -> Option<Tables> {
    let tokens = tokens(text)?;
    let mut tables = Tables::new();
    let mut at = 0;
    while at < tokens.len() {
        let (words, end) = statement(&tokens, at);
        at = match (words.as_slice(), tokens.get(end)) {
            ([], Some(Token::End)) => end + 1,
            (["flush", "ruleset"], Some(Token::End)) => end + 1,
            (["define", ..], Some(Token::End)) => end + 1,
            (["define", ..], Some(Token::Open)) => skip(&tokens, end)?,
            (["table", name @ ..] | ["add", "table", name @ ..], Some(next)) => {
                let (family, name) = match name {
                    [name] => ("ip", *name),
                    [family, name] => (*family, *name),
                    _ => return None,
                };
                let chains = tables.entry((family.to_owned(), name.to_owned())).or_default();
                match next {
                    Token::Open => block(&tokens, end + 1, chains)?,
                    Token::End => end + 1,
                    _ => return None,
                }
            }
            _ => return None,
        };
    }
    Some(tables)
}

/// The words from there to the next token that is none, and where that is.
fn statement(tokens: &[Token], from: usize) -> (Vec<&str>, usize) {
    let words = tokens.iter().skip(from).map_while(|t| match t {
        Token::Word(w) => Some(w.as_str()),
        _ => None,
    });
    let words: Vec<&str> = words.collect();
    let end = from + words.len();
    (words, end)
}

/// Past the block that opens there.
fn skip(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, t) in tokens.iter().enumerate().skip(open) {
        match t {
            Token::Open => depth += 1,
            Token::Close => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(i + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// What stands in a table; returns where it ends.
fn block(tokens: &[Token], mut at: usize, chains: &mut BTreeMap<String, Chain>) -> Option<usize> {
    loop {
        let (words, end) = statement(tokens, at);
        at = match (words.as_slice(), tokens.get(end)?) {
            ([], Token::Close) => return Some(end + 1),
            (["include", ..], _) => return None,
            (["chain", name], Token::Open) => {
                let (chain, next) = chain(tokens, end + 1)?;
                let merged = chains.entry((*name).to_owned()).or_default();
                merged.rules += chain.rules;
                merged.drops = chain.drops.or(merged.drops);
                next
            }
            (["chain", ..], _) => return None,
            (_, Token::Open) => skip(tokens, end)?,
            (_, Token::End) => end + 1,
            (_, Token::Close | Token::Word(_)) => return None,
        };
    }
}

fn chain(tokens: &[Token], mut at: usize) -> Option<(Chain, usize)> {
    let (mut chain, mut rule) = (Chain::default(), None);
    loop {
        let (words, end) = statement(tokens, at);
        if let Some(first) = words.first() {
            rule.get_or_insert_with(|| ((*first).to_owned(), words.get(1).map(|w| (*w).to_owned()), words.len()));
        }
        at = match tokens.get(end)? {
            // Sets, maps and blocks within a rule.
            Token::Open => {
                rule.get_or_insert_with(|| (String::new(), None, 0));
                skip(tokens, end)?
            }
            token => {
                match rule.take() {
                    None => {}
                    Some((first, _, _)) if first == "include" => return None,
                    Some((first, _, _)) if first == "type" => chain.drops = Some(chain.drops.unwrap_or(false)),
                    Some((first, Some(policy), 2)) if first == "policy" => chain.drops = Some(policy == "drop"),
                    Some((first, Some(_), 2)) if first == "comment" => {}
                    Some((first, _, _)) if first == "devices" || first == "flags" => {}
                    Some(_) => chain.rules += 1,
                }
                if *token == Token::Close {
                    return Some((chain, end + 1));
                }
                end + 1
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;

    #[test]
    fn blocks_are_read_and_rules_counted() {
        let text = "#!/usr/sbin/nft -f\nflush ruleset\ndefine lan = { eth0, eth1 }\ntable inet filter {\n\tset bad { type ipv4_addr; elements = { 192.0.2.1 } }\n\
            \tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tct state vmap { established : accept,\n related : accept }\n\
            \t\ttcp dport { 22, 80 } accept comment \"a; } b\" # c }\n\t\tip saddr @bad \\\n\t\t\tdrop\n\t}\n\tchain empty { }\n}\n";
        let tables = read(text).unwrap_or_default();
        let chains = tables.get(&("inet".into(), "filter".into()));
        let input = chains.and_then(|c| c.get("input"));
        assert_eq!(input, Some(&Chain { rules: 3, drops: Some(true) }));
        assert_eq!(chains.map(BTreeMap::len), Some(2));
        assert!(flushes(text) && !flushes("# flush ruleset\n"));
    }

    #[test]
    fn what_is_included_stands_in_its_place() {
        let mut host = testing::server();
        for (path, text) in [
            ("/etc/nftables.d/20-b.nft", "chain b { drop; }\n"),
            ("/etc/nftables.d/10-a.nft", "include \"more/c.nft\";\n"),
            ("/etc/more/c.nft", "chain c { accept; }\n"),
            ("/etc/nftables.d/.hidden.nft", "chain h { }\n"),
            ("/etc/nftables.d/readme", "?"),
        ] {
            host.saved.insert(path.into(), text.into());
        }
        let all = |text: &str| with_includes(&host, text, DEPTH);
        let text = "table ip t {\n include \"/etc/nftables.d/*.nft\"\n}\n";
        assert_eq!(all(text).as_deref(), Some("table ip t {\nchain c { accept; }\nchain b { drop; }\n}\n"));
        assert_eq!(all("include \"/etc/none/*.nft\"\n").as_deref(), Some(""));
        assert_eq!(all("include \"/etc/none.nft\"\n"), None);
        assert_eq!(all("include \"/etc/*/x.nft\"\n"), None);
        host.saved.insert("/etc/loop.nft".into(), "include \"loop.nft\"\n".into());
        assert_eq!(with_includes(&host, "include \"loop.nft\"\n", DEPTH), None);
    }

    #[test]
    fn what_may_do_more_is_not_read() {
        for text in [
            "table ip t {\n include \"x\"\n}\n",
            "table ip t { }\nadd rule ip t c drop\n",
            "table ip t { chain c { drop \n",
            "table ip t { chain c { include \"y\"; } }",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
