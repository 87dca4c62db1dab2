//! The ports that firewalld opens for good in each zone, against those that are open now.

use std::collections::{BTreeMap, BTreeSet};

use super::Saved;
use crate::evaluate::Place;
use crate::finding::act::{self, Act};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::listing::chains;
use crate::manager;

/// Where configuration is looked for, the administrator's first.
const DIRECTORIES: [&str; 2] = ["/etc/firewalld", "/usr/lib/firewalld"];

/// The protocols with ports that it knows.
const PROTOCOLS: [(&str, u8); 4] = [("tcp", 6), ("udp", 17), ("sctp", 132), ("dccp", 33)];

/// So deep services may include each other.
const DEPTH: usize = 8;

/// Protocol, first and last port.
type Ports = BTreeSet<(u8, u16, u16)>;

/// What differs from the kernel, by zone.
pub fn differs(view: &View<'_>) -> Vec<Saved> {
    // With iptables, each family has a chain of its own.
    let mut open: BTreeMap<String, Ports> = BTreeMap::new();
    for chain in chains(view.rules) {
        let name = view.listing.chain(chain).chain_name;
        let zone =
            name.strip_prefix("filter_").unwrap_or(&name).strip_prefix("IN_").and_then(|n| n.strip_suffix("_allow"));
        let Some(zone) = zone.filter(|_| manager::of_chain(view.rules, chain).is_some_and(|m| m.name == "firewalld"))
        else {
            continue;
        };
        let now = open.entry(zone.to_owned()).or_default();
        act::each(view.rules, chain, |at: Place, acts| {
            let Some(s) = selects(view.rules, at).filter(|_| acts.contains(&Act::Accept)) else { return };
            now.extend(s.protocol.into_iter().flat_map(|p| s.ports.iter().map(move |(low, high)| (p, *low, *high))));
        });
    }
    let direct = (!open.is_empty()).then(|| direct(view)).flatten();
    direct.into_iter().chain(open.iter().flat_map(|(zone, now)| of_open(view, zone, now))).collect()
}

/// A zone that is in force.
fn of_open(view: &View<'_>, zone: &str, now: &Ports) -> Vec<Saved> {
    let Some((path, text)) = find(view, "zones", zone) else { return Vec::new() };
    let not = |why| Saved::NotCompared {
        path: path.clone(),
        why,
        advice: "firewall-cmd --check-config; firewall-cmd --reload loads it",
    };
    let rich = tags(&text).any(|t| t.name == "rule").then(|| not("its rich rules have no counterpart that is certain"));
    let Some(saved) = of_zone(view, &text) else {
        return vec![not("it names services whose ports cannot be told")];
    };
    let words = |(protocol, low, high): &(u8, u16, u16)| {
        let name = PROTOCOLS.iter().find(|(_, n)| n == protocol).map_or("?", |(name, _)| *name);
        if low == high { format!("{low}/{name}") } else { format!("{low}-{high}/{name}") }
    };
    let missing = saved.difference(now).map(|p| format!("zone {zone}: {} is open in the file and not now", words(p)));
    // What is open by a rich rule is in the same chain.
    let more = now.difference(&saved).filter(|_| rich.is_none());
    let more = more.map(|p| format!("zone {zone}: {} is open now and not in the file", words(p)));
    let how: Vec<String> = missing.chain(more).collect();
    let advice = "to keep what is now: firewall-cmd --runtime-to-permanent; to go back: firewall-cmd --reload".into();
    let differs = (!how.is_empty()).then(|| Saved::Differs { path: path.clone(), how, advice });
    differs.into_iter().chain(rich).collect()
}

/// Rules that are handed to iptables as they were written.
fn direct(view: &View<'_>) -> Option<Saved> {
    let path = format!("{}/direct.xml", DIRECTORIES[0]);
    let text = view.host.saved(&path).known()?;
    let advice = "firewall-cmd --direct --get-all-rules, and with --permanent";
    let any = tags(&text).any(|t| matches!(t.name, "rule" | "passthrough"));
    any.then_some(Saved::NotCompared { path, why: "its rules are in somebody's own words", advice })
}

fn find(view: &View<'_>, kind: &str, name: &str) -> Option<(String, String)> {
    // Part of a path: nothing that leads elsewhere.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return None;
    }
    DIRECTORIES.iter().find_map(|dir| {
        let path = format!("{dir}/{kind}/{name}.xml");
        view.host.saved(&path).known().map(|text| (path, text))
    })
}

/// The ports that a zone opens, also by services. None: it asks for something whose ports cannot be told.
fn of_zone(view: &View<'_>, text: &str) -> Option<Ports> {
    let mut all = Ports::new();
    let mut in_rule = 0u32;
    for tag in tags(text) {
        match tag.name {
            "rule" if !tag.closed => in_rule += 1,
            "/rule" => in_rule = in_rule.saturating_sub(1),
            _ if in_rule > 0 => {}
            "port" => all.extend([port(&tag)?]),
            "service" => {
                all.extend(of_service(view, tag.attribute("name")?, DEPTH)?);
            }
            _ => {}
        }
    }
    Some(all)
}

fn of_service(view: &View<'_>, name: &str, depth: usize) -> Option<Ports> {
    let (_, text) = find(view, "services", name)?;
    let mut all = Ports::new();
    for tag in tags(&text) {
        match tag.name {
            // Without a port it stands for a whole protocol, and opens no port.
            "port" if tag.attribute("port").is_some_and(|p| !p.is_empty()) => all.extend([port(&tag)?]),
            // The ports of others.
            "include" => all.extend(of_service(view, tag.attribute("service")?, depth.checked_sub(1)?)?),
            _ => {}
        }
    }
    Some(all)
}

fn port(tag: &Tag<'_>) -> Option<(u8, u16, u16)> {
    let name = tag.attribute("protocol")?;
    let protocol = PROTOCOLS.iter().find(|(n, _)| *n == name).map(|(_, number)| *number)?;
    let ports = tag.attribute("port")?;
    let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
    Some((protocol, low.parse().ok()?, high.parse().ok()?))
}

/// A tag of an XML file.
#[derive(Debug)]
struct Tag<'a> {
    name: &'a str,
    rest: &'a str,
    /// It ends itself (`<x/>`).
    closed: bool,
}

impl<'a> Tag<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.rest;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, next) = after.get(1..)?.split_once(quote)?;
            if key.trim() == name {
                return Some(value);
            }
            rest = next;
        }
    }
}

fn tags(text: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.split_once('<')?.1;
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.split_once("-->")?.1;
                continue;
            }
            let (tag, next) = rest.split_once('>')?;
            rest = next;
            let closed = tag.ends_with('/');
            let tag = tag.trim_end_matches('/');
            let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
            return Some(Tag { name, rest: attributes, closed });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn ports_and_services_of_a_zone_are_read() {
        let mut host = testing::server();
        let service = "<?xml version='1.0'?><service><short>SSH</short><port protocol=\"tcp\" port=\"22\"/></service>";
        host.saved.insert("/usr/lib/firewalld/services/ssh.xml".into(), service.into());
        let rules = Ruleset::default();
        let view = View::new(&rules, &host);
        let zone = "<zone><!-- <port port=\"1\"> --><service name=\"ssh\"/><port port=\"8080-8090\" protocol=\"udp\"/>\
            <rule family=\"ipv4\"><port port=\"99\" protocol=\"tcp\"/><accept/></rule></zone>";
        assert_eq!(of_zone(&view, zone), Some(Ports::from([(6, 22, 22), (17, 8080, 8090)])));
        assert_eq!(of_zone(&view, "<zone><service name=\"unheard-of\"/></zone>"), None);
    }

    #[test]
    fn services_that_include_others_open_their_ports_too() {
        let mut host = testing::server();
        for (name, text) in [
            ("a", "<service><include service=\"b\"/><port port=\"1\" protocol=\"tcp\"/></service>"),
            ("b", "<service><port port=\"2\" protocol=\"tcp\"/></service>"),
            ("loop", "<service><include service=\"loop\"/></service>"),
        ] {
            host.saved.insert(format!("/usr/lib/firewalld/services/{name}.xml"), text.into());
        }
        let rules = Ruleset::default();
        let view = View::new(&rules, &host);
        assert_eq!(of_zone(&view, "<zone><service name=\"a\"/></zone>"), Some(Ports::from([(6, 1, 1), (6, 2, 2)])));
        assert_eq!(of_zone(&view, "<zone><service name=\"loop\"/></zone>"), None);
    }
}
