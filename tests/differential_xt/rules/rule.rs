//! One rule.

use super::*;

pub(super) fn rule(
    r: &mut Random,
    f: &Features,
    table: &str,
    hooks: Hooks,
    base: bool,
    callees: &[String],
    plain: bool,
) -> String {
    if plain && !r.one_in(4) {
        return plain_rule(r, f);
    }
    let fits = |k: &&Kind| k.hooks & hooks == hooks && (k.tables.is_empty() || k.tables.contains(&table));
    let mut proto = match r.below(3) {
        0 => String::new(),
        _ => {
            (*r.pick(&["tcp", "tcp", "udp", "udp", if f.v6 { "ipv6-icmp" } else { "icmp" }, "sctp", "dccp"])).to_owned()
        }
    };
    let action = match if table == "nat" { 9 - r.below(5) } else { r.below(10) } {
        0 | 1 => "-j ACCEPT".to_owned(),
        // The nat table must not drop.
        2 if table != "nat" => "-j DROP".to_owned(),
        3 => "-j RETURN".to_owned(),
        4 | 5 if !callees.is_empty() => {
            let jump = if r.one_in(3) { "-g" } else { "-j" };
            format!("{jump} {}", r.pick(callees))
        }
        6 => String::new(),
        _ => {
            // In the nat table mostly what it is for.
            let nat = table == "nat" && !r.one_in(5);
            let targets: Vec<&Kind> =
                f.targets.iter().filter(fits).filter(|k| !nat || k.tables.contains(&"nat")).collect();
            if targets.is_empty() {
                String::new()
            } else {
                let t = **r.pick(&targets);
                if !t.proto.is_empty() {
                    proto = t.proto.to_owned();
                }
                (t.make)(r, f.v6)
            }
        }
    };
    // What ends a walk should not be hit by everything.
    let ends = ["ACCEPT", "DROP", "REJECT", "NFQUEUE", "RETURN", "NAT", "MASQ", "REDIR", "NETMAP"]
        .iter()
        .any(|a| action.contains(a));
    let mut matches: Vec<(&str, String)> = Vec::new();
    let wanted = if ends { 1 + r.below(2) } else { r.below(3) };
    for _ in 0..wanted {
        let usable: Vec<&Kind> = f
            .matches
            .iter()
            .filter(fits)
            .filter(|k| k.proto.is_empty() || proto.is_empty() || k.proto == proto)
            .collect();
        let k = **r.pick(&usable);
        // What only the kernel knows makes answers open; a few of them are enough.
        if STATEFUL.contains(&k.name) && !r.one_in(8) {
            continue;
        }
        if matches.iter().any(|(name, _)| same_extension(name, k.name)) {
            continue;
        }
        if !k.proto.is_empty() {
            proto = k.proto.to_owned();
        }
        matches.push((k.name, (k.make)(r, f.v6)));
    }
    let mut text = String::new();
    let prefixes: &[u8] = if f.v6 { &[128, 64, 48, 16, 126] } else { &[32, 24, 16, 8, 30] };
    for flag in ["-s", "-d"] {
        if r.one_in(if ends { 2 } else { 4 }) {
            let inverted = not(r);
            let address = match (r.below(4), flag) {
                (0, _) => address(r, f.v6),
                (_, "-s") => source(r, f.v6),
                (1, _) => r.pick(&locals(if f.v6 { Family::Ip6 } else { Family::Ip })).to_string(),
                _ => forward(r, f.v6),
            };
            let _ = write!(text, "{inverted}{flag} {address}/{} ", r.pick(prefixes));
        }
    }
    if r.one_in(5) && hooks & !ARRIVED == 0 {
        let _ = write!(text, "{}-i {} ", not(r), r.pick(&[IN0, IN1, &format!("{}+", &IN0[..1]), "eth0"]));
    }
    if r.one_in(5) && (hooks & !(FORWARD | OURS) == 0 || !base) {
        let _ = write!(text, "{}-o {} ", not(r), r.pick(&[OUT, &format!("{}+", &OUT[..1]), "eth+"]));
    }
    let has_match = !matches.is_empty() || action.contains("-m ");
    if !proto.is_empty() {
        let inverted = if has_match || action.contains("tcp-reset") || action.contains("TCP") || action.contains("ECN")
        {
            ""
        } else {
            not(r)
        };
        let _ = write!(text, "{inverted}-p {proto} ");
    } else if !f.v6 && r.one_in(12) {
        let _ = write!(text, "{}-f ", not(r));
    }
    for (_, m) in &matches {
        let _ = write!(text, "{m} ");
    }
    text + &action
}

/// A rule of a long list: addresses and ports, and mostly no verdict.
pub(super) fn plain_rule(r: &mut Random, f: &Features) -> String {
    let mut text = String::new();
    if r.one_in(2) {
        let _ = write!(
            text,
            "{}-s {}/{} ",
            not(r),
            source(r, f.v6),
            if f.v6 { *r.pick(&[128, 112]) } else { *r.pick(&[32, 30]) }
        );
    }
    if r.one_in(2) {
        let _ =
            write!(text, "-d {}/{} ", forward(r, f.v6), if f.v6 { *r.pick(&[128, 64]) } else { *r.pick(&[32, 24]) });
    }
    match r.below(5) {
        0 => {}
        1 => text.push_str("-p sctp "),
        n => {
            let proto = if n == 2 { "tcp" } else { "udp" };
            let side = r.pick(&["--sport", "--dport"]);
            let _ = match r.below(4) {
                0 => write!(text, "-p {proto} "),
                1 => write!(text, "-p {proto} -m multiport {}s {},{} ", side, port(r), port(r)),
                _ => write!(text, "-p {proto} -m {proto} {side} {} ", port(r)),
            };
        }
    }
    text + if r.one_in(12) { "-j RETURN" } else { "" }
}
