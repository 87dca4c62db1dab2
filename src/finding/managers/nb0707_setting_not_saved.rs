//! `NB0707`: forwarding is not as the next boot sets it.

use super::saved::settings;
use crate::evaluate::Fact;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::host::sysctl;
use crate::manager;

pub(super) const CODE: Code = Code {
    id: "NB0707",
    title: "forwarding is not as the next boot sets it",
    severity: Severity::Note,
    meaning: "somebody switched it by hand, and the files that are read at boot say otherwise, or nothing",
    page: include_str!("../../../docs/findings/NB0707.md"),
    check,
    why: None,
};

/// The settings, and other names of them.
const KEYS: [(&str, &[&str]); 2] = [
    ("net.ipv4.ip_forward", &["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"]),
    ("net.ipv6.conf.all.forwarding", &["net.ipv6.conf.all.forwarding"]),
];
/// They switch forwarding on themselves when they start.
const SWITCH_IT_ON: [&str; 9] =
    ["docker", "podman", "libvirt", "kube-proxy", "lxd", "incus", "shorewall", "NetworkManager", "systemd"];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    // The files are about the host itself, not about some container's network namespace.
    if view.host.is_first_namespace() != Fact::Is(true) {
        return;
    }
    let Some(at_boot) = settings::at_boot(view.host) else { return };
    let by_itself = manager::present(view.rules).into_iter().find(|m| SWITCH_IT_ON.contains(&m.name));
    for (key, names) in KEYS {
        let Ok(now) = sysctl::number(view.host, key.into()).map(|s| s.is_on()) else { continue };
        // The last file that names it wins, by whatever name.
        let saved = at_boot.iter().rev().find(|s| names.contains(&s.key.as_str()));
        let then = saved.is_some_and(|s| s.value != "0");
        if now == then || now && by_itself.is_some() {
            continue;
        }
        let (is, becomes) = if now { ("on", "off") } else { ("off", "on") };
        let mut finding = CODE
            .finding(format!("{key} is {is} now, and will be {becomes} after the next boot"))
            .seen(sysctl::file(key), u8::from(now).to_string());
        finding = match saved {
            Some(s) => finding.seen(&s.file, format!("{} = {}", s.key, s.value)),
            None => finding.seen("/etc/sysctl.d and its kin", "nothing about it"),
        };
        if now {
            let save = format!("echo '{key} = 1' >> /etc/sysctl.d/90-nfblame.conf");
            finding = finding.severity(Severity::Warning).fix(Fix::new("keep it").command(save));
            // systemd-networkd and others have ways of their own.
            finding = finding.possible("a program that is started at boot may switch it on");
        } else {
            finding = finding
                .note("if it is meant to stay off, take it out of that file; if not, switch it on: sysctl --system");
        }
        found.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn what_the_files_say_last_is_held_against_what_is() {
        let mut host = testing::server();
        let files = |host: &mut crate::host::FakeHost, all: &[(&str, &str)]| {
            host.saved.retain(|path, _| !path.contains("sysctl"));
            for (path, text) in all {
                host.saved.insert((*path).into(), (*text).into());
            }
        };
        host.sysctls.insert("net.ipv4.ip_forward".into(), "1".into());
        host.sysctls.insert("net.ipv6.conf.all.forwarding".into(), "0".into());
        let message = |host: &crate::host::FakeHost| {
            testing::find(&CODE, &Ruleset::default(), host).first().map(|f| f.message.clone())
        };
        let lost = Some("net.ipv4.ip_forward is on now, and will be off after the next boot".to_owned());
        assert_eq!(message(&host), lost, "nothing says so");
        files(&mut host, &[("/etc/sysctl.d/10-router.conf", "# on\nnet/ipv4/ip_forward=1\n")]);
        assert_eq!(message(&host), None);
        files(
            &mut host,
            &[
                ("/etc/sysctl.d/10-router.conf", "net.ipv4.ip_forward = 1"),
                ("/usr/lib/sysctl.d/50-off.conf", "-net.ipv4.conf.all.forwarding = 0"),
            ],
        );
        assert_eq!(message(&host), lost, "a later file of another directory");
        files(
            &mut host,
            &[
                ("/etc/sysctl.d/50-x.conf", "net.ipv4.ip_forward = 1"),
                ("/usr/lib/sysctl.d/50-x.conf", "net.ipv4.ip_forward = 0"),
            ],
        );
        assert_eq!(message(&host), None, "a file of /etc stands for one of the same name");
        host.sysctls.insert("net.ipv4.ip_forward".into(), "0".into());
        assert_eq!(message(&host), Some("net.ipv4.ip_forward is off now, and will be on after the next boot".into()));
    }
}
