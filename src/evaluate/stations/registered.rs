//! What the kernel tells of its hooks, laid over what the rulesets say: the order of stations of equal priority, and what
//! stands between them that is in no ruleset.

use crate::blame::CulpritKind;
use crate::evaluate::environment::Program;
use crate::evaluate::place::{ChainRef, TableRef};
use crate::ruleset::Ruleset;
use crate::sys::hook::{Function, Runs};

use super::{Station, What};

/// A function at a hook that is in no ruleset, and can take packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// What it is.
    pub program: Program,
    /// Must it be reckoned with for every packet? Not if it acts on few, such as the label checks of a security module.
    pub doubtful: bool,
}

/// Sorts stations as these functions are registered, and puts in what else takes packets there.
pub fn lay_over(stations: &mut Vec<Station>, rules: &Ruleset, functions: &[Function]) {
    let mut ranked: Vec<(Option<usize>, Station)> = stations
        .drain(..)
        .map(|s| (functions.iter().position(|f| f.priority == s.priority && is(f, &s.what, rules)), s))
        .collect();
    for (rank, f) in functions.iter().enumerate() {
        if let Some(foreign) = foreign(f) {
            let station = Station { priority: f.priority, what: What::Foreign(foreign), tied: false };
            ranked.push((Some(rank), station));
        }
    }
    // What the kernel does not tell of keeps its place behind the others of its priority, in doubt.
    ranked.sort_by_key(|(rank, s)| (s.priority, rank.unwrap_or(usize::MAX)));
    for group in ranked.chunk_by_mut(|(_, a), (_, b)| a.priority == b.priority) {
        let told = group.len() == 1 || group.iter().all(|(rank, _)| rank.is_some());
        let foreign = group.iter().any(|(_, s)| matches!(s.what, What::Foreign(_)));
        group.iter_mut().for_each(|(_, s)| s.tied = !told && (s.tied || foreign));
    }
    stations.extend(ranked.into_iter().map(|(_, s)| s));
}

/// Is this function that station?
fn is(f: &Function, what: &What, rules: &Ruleset) -> bool {
    match what {
        What::Chain(ChainRef { table: TableRef::Nft(t), chain }) => {
            let Some(Runs::Chain { family, table, name }) = &f.runs else { return false };
            rules.nft.get(*t).is_some_and(|t| {
                t.def.family == *family
                    && t.def.name == *table
                    && t.chains.get(*chain).is_some_and(|c| c.def.name == *name)
            })
        }
        // The tables of a family share a function, but not a priority.
        What::Chain(ChainRef { table: TableRef::Xt(_), .. }) => is_legacy(name(f)),
        What::Defrag => name(f).ends_with("_defrag"),
        What::Conntrack => matches!(
            name(f),
            "ipv4_conntrack_in" | "ipv4_conntrack_local" | "ipv6_conntrack_in" | "ipv6_conntrack_local"
        ),
        // Newer kernels tell of its chains, older ones of the function that calls them.
        What::Nat(_) => name(f).starts_with("nf_nat_") || name(f) == "nft_nat_do_chain",
        What::Foreign(_) => false,
    }
}

fn name(f: &Function) -> &str {
    f.name.as_ref().and_then(|n| n.as_str()).unwrap_or_default()
}

/// `ipt_do_table`, or before 5.15 a function for each table: `iptable_filter_hook`.
fn is_legacy(function: &str) -> bool {
    matches!(function, "ipt_do_table" | "ip6t_do_table" | "arpt_do_table")
        || ["iptable_", "ip6table_", "arptable_"].iter().any(|t| function.starts_with(t)) && function.ends_with("_hook")
}

/// Functions of the kernel that are modelled elsewhere, or let every packet pass: how their names begin.
const KERNEL: [&str; 16] = [
    "nft_do_chain",
    "nf_flow_offload",
    "ipv4_conntrack",
    "ipv6_conntrack",
    "ipv6_defrag",
    "nf_confirm",
    "ipv4_confirm",
    "ipv6_confirm",
    "nf_nat_",
    "nf_ct_bridge",
    "br_nf_",
    "brnf_",
    "ip_sabotage_in",
    "ipv4_synproxy_hook",
    "ipv6_synproxy_hook",
    "nf_br_",
];
/// Security modules: these check labels, which few hosts put on packets.
const LABELS: [&str; 3] = ["selinux_", "smack_", "apparmor_"];

/// What a function can take packets for, where that is in no ruleset.
fn foreign(f: &Function) -> Option<Foreign> {
    let known = |kind, name: String, doubtful| Some(Foreign { program: Program { kind, name }, doubtful });
    match &f.runs {
        Some(Runs::Chain { .. } | Runs::Flowtable { .. }) => return None,
        Some(Runs::Bpf(id)) => return known(CulpritKind::Bpf, format!("BPF program {id}"), true),
        Some(Runs::Unknown(_)) | None => {}
    }
    let function = f.name.as_ref()?;
    let name = name(f);
    let begins = |with: &[&str]| with.iter().any(|w| name.starts_with(w));
    if is_legacy(name) || begins(&KERNEL) {
        return None;
    }
    if begins(&LABELS) {
        return known(CulpritKind::Unknown, format!("label check {function}"), false);
    }
    if begins(&["ip_vs_"]) {
        return known(CulpritKind::Unknown, format!("load balancer IPVS ({function})"), true);
    }
    if begins(&["ebt_"]) {
        return known(CulpritKind::Unknown, format!("legacy ebtables table ({function})"), true);
    }
    let module = f.module.as_ref().map_or_else(String::new, |m| format!(" of module {m}"));
    known(CulpritKind::Unknown, format!("kernel function {function}{module}"), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Text;

    fn function(priority: i32, name: &str, runs: Option<Runs>) -> Function {
        Function { priority, name: Some(Text::from(name)), module: None, runs, unread: Vec::new() }
    }

    fn kinds(stations: &[Station]) -> Vec<(i32, &str, bool)> {
        let kind = |w: &What| match w {
            What::Chain(_) => "chain",
            What::Conntrack => "conntrack",
            What::Foreign(_) => "foreign",
            What::Defrag | What::Nat(_) => "other",
        };
        stations.iter().map(|s| (s.priority, kind(&s.what), s.tied)).collect()
    }

    fn station(priority: i32, what: What) -> Station {
        Station { priority, what, tied: true }
    }

    const LEGACY: What = What::Chain(ChainRef { table: TableRef::Xt(0), chain: 0 });

    #[test]
    fn what_the_kernel_tells_of_is_in_its_order_and_not_in_doubt() {
        let mut all = vec![station(-200, What::Conntrack), station(-200, LEGACY), station(0, LEGACY)];
        let told = [
            function(-200, "iptable_raw_hook", None),
            function(-200, "ipv4_conntrack_in", None),
            function(0, "nf_hook_run_bpf", Some(Runs::Bpf(7))),
            function(0, "ipt_do_table", None),
            function(i32::MAX, "nf_confirm", None),
        ];
        lay_over(&mut all, &Ruleset::default(), &told);
        let right = [(-200, "chain", false), (-200, "conntrack", false), (0, "foreign", false), (0, "chain", false)];
        assert_eq!(kinds(&all), right);
    }

    #[test]
    fn what_it_does_not_tell_of_stays_in_doubt() {
        let mut all = vec![station(0, LEGACY), station(0, What::Conntrack), station(5, LEGACY)];
        lay_over(&mut all, &Ruleset::default(), &[function(0, "ipt_do_table", None)]);
        assert_eq!(kinds(&all), [(0, "chain", true), (0, "conntrack", true), (5, "chain", false)]);
    }

    #[test]
    fn functions_of_nobody_known_can_take_packets_and_label_checks_rarely_do() {
        let doubtful = |name| foreign(&function(0, name, None)).map(|f| f.doubtful);
        assert_eq!(doubtful("strange_hook"), Some(true));
        assert_eq!(doubtful("selinux_ip_forward"), Some(false));
        assert_eq!(doubtful("nft_do_chain_inet"), None, "a chain that is still being added");
        assert_eq!(doubtful("nf_confirm"), None);
    }
}
