//! The rules that ufw was given (`/etc/ufw/user.rules`), against the chains that hold them.

use std::collections::BTreeMap;

use super::Saved;
use crate::finding::view::View;
use crate::listing::chains;
use crate::ruleset::Backend;

const CONFIG: &str = "/etc/ufw/ufw.conf";
const FILES: [(&str, &str, &[u8]); 2] =
    [("ip", "/etc/ufw/user.rules", b"ufw-user-"), ("ip6", "/etc/ufw/user6.rules", b"ufw6-user-")];

/// What differs from the kernel, by file.
pub fn differs(view: &View<'_>) -> Vec<Saved> {
    let Some(config) = view.host.saved(CONFIG).known() else { return Vec::new() };
    // What is switched off is not loaded.
    if !config.lines().any(|l| l.trim().eq_ignore_ascii_case("ENABLED=yes")) {
        return Vec::new();
    }
    FILES.iter().filter_map(|(family, path, prefix)| of_file(view, family, path, prefix)).collect()
}

fn of_file(view: &View<'_>, family: &str, path: &str, prefix: &[u8]) -> Option<Saved> {
    let saved = counts(&view.host.saved(path).known()?)?;
    let now: BTreeMap<String, usize> = chains(view.rules)
        .map(|c| view.listing.chain(c))
        .filter(|c| c.family == family && c.backend != Backend::Nft && c.chain_name.as_bytes().starts_with(prefix))
        .map(|c| (c.chain_name, c.len))
        .collect();
    // Off for this family (IPV6=no), or not started: the one is no fault, the other is seen in IPv4.
    if now.is_empty() && family == "ip6" {
        return None;
    }
    let mut how = Vec::new();
    for (name, rules) in &saved {
        match now.get(name) {
            None => how.push(format!("chain {name} is not in the kernel, although ufw is enabled")),
            Some(have) if have != rules => {
                how.push(format!("chain {name}: {rules} rules in the file, {have} in the kernel"))
            }
            Some(_) => {}
        }
    }
    let advice =
        "ufw reload loads the file; what was changed with iptables by hand in ufw's chains is gone then: say it to ufw"
            .into();
    (!how.is_empty()).then(|| Saved::Differs { path: path.to_owned(), how, advice })
}

/// How many rules each chain of the file has; chains that it declares and leaves empty have none. None: it is not
/// such a file.
fn counts(text: &str) -> Option<BTreeMap<String, usize>> {
    let mut all = BTreeMap::new();
    let mut lines = text.lines().map(str::trim);
    if !lines.by_ref().any(|l| l == "*filter") {
        return None;
    }
    for line in lines {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some(name), _) if name.starts_with(":ufw") && name.contains("-user-") => {
                all.entry(name.trim_start_matches(':').to_owned()).or_insert(0);
            }
            (Some("-A"), Some(chain)) if chain.contains("-user-") => *all.entry(chain.to_owned()).or_insert(0) += 1,
            (Some("-I" | "-D" | "-R"), Some(chain)) if chain.contains("-user-") => return None,
            _ => {}
        }
    }
    // Of the others some is loaded or not by the level of logging and by what the kernel has.
    all.retain(|name, _| ["-input", "-output", "-forward"].iter().any(|way| name.ends_with(&format!("-user{way}"))));
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_counted_by_chain() {
        let text = "*filter\n:ufw-user-input - [0:0]\n:ufw-user-logging-input - [0:0]\n### RULES ###\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n\
            -A ufw-user-input -p tcp --dport 22 -j ACCEPT\n-I ufw-logging-deny -j RETURN\n-A ufw-user-limit -j REJECT\nCOMMIT\n";
        let all = counts(text).unwrap_or_default();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [("ufw-user-input".into(), 1)]);
        assert_eq!(counts("nonsense"), None);
    }
}
