//! `NB07`: managers.

use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::common::{Netns, kernel_tests};
use crate::record;
use crate::world::{World, apply, connects, found, routed, sh, why};

kernel_tests! {
    files_of_nftables_ufw_and_firewalld_are_compared needs ["nft", "ufw", "iptables-nft", "unshare"];
    a_restart_that_would_flush_others_is_told needs ["nft", "unshare"];
    forwarding_that_the_next_boot_forgets_is_found needs ["sh"];
    a_file_of_both_families_is_found needs ["iptables-legacy-restore", "iptables-legacy-save", "ip6tables-legacy-save", "unshare"];
    two_backends_at_one_hook_are_found needs ["nft", "iptables-legacy"];
    ufw_is_told_to_open_the_port needs ["ufw", "iptables-nft", "unshare"];
    firewalld_is_told_to_open_the_port_in_the_zone needs ["nft"];
    the_chain_that_docker_leaves_to_others_is_used needs ["iptables-nft"];
    a_ban_is_lifted needs ["iptables-legacy"];
    a_flush_that_cuts_off_a_manager_is_found needs ["iptables-nft", "ufw", "unshare"];
    rules_that_are_nobodys_are_counted needs ["nft"];
    rules_that_were_not_saved_are_found needs ["iptables-legacy", "iptables-nft", "iptables-legacy-save", "iptables-nft-save", "unshare"];
}

fn two_backends_at_one_hook_are_found() {
    let w = World::new();
    w.server.nft("table inet f { chain input { type filter hook input priority 0; tcp dport 80 accept; }; }");
    assert!(found(&w.server, "NB0701").is_empty());
    w.run("iptables-legacy -A INPUT -p tcp --dport 80 -j DROP");
    assert_eq!((found(&w.server, "NB0701").len(), w.reaches_server(80)), (1, false));
    w.run("iptables-legacy -F");
    assert!(found(&w.server, "NB0701").is_empty() && w.reaches_server(80));
}

/// The first fix, which has to be verified, and its first command.
fn first(answer: &Value) -> (&Value, &str) {
    let fix = &answer["fix"][0];
    assert_eq!(fix["verified"], true, "{answer}");
    (fix, fix["commands"][0].as_str().unwrap())
}

/// The real ufw, with a configuration of its own.
pub fn ufw(ns: &Netns, dir: &Path, command: &str) {
    let mounts = format!(
        "mount --bind {0}/ufw /etc/ufw; mount --bind {0}/default /etc/default; mount -t tmpfs none /run",
        dir.display()
    );
    ns.cmd("unshare", &["-m", "sh", "-ec", &format!("{mounts}; {command}")], "");
}

fn ufw_is_told_to_open_the_port() {
    let w = World::new();
    let dir = std::env::temp_dir().join(format!("nfblame-ufw-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc/ufw {0}/ufw; cp -a /etc/default {0}/default", dir.display()));
    ufw(&w.server, &dir, "ufw --force enable");
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    assert!(!w.reaches_server(8080));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert_eq!(answer["culprit"]["manager"], "ufw", "{answer}");
    let (_, command) = first(&answer);
    assert_eq!(command, "ufw allow proto tcp from 192.0.2.2 to any port 8080");
    assert!(
        answer["fix"][1]["commands"][0].as_str().unwrap().starts_with("iptables"),
        "by hand comes second: {answer}"
    );
    ufw(&w.server, &dir, command);
    assert!(w.reaches_server(8080));
    // A rule for the same port that stands before: only in front of it does a new one help.
    ufw(&w.server, &dir, "ufw deny 8081/tcp");
    let _also = w.server.run(|| TcpListener::bind("0.0.0.0:8081")).unwrap();
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8081 -i eth0");
    let (_, command) = first(&answer);
    assert_eq!(command, "ufw prepend allow proto tcp from 192.0.2.2 to any port 8081");
    ufw(&w.server, &dir, command);
    assert!(w.reaches_server(8081));
    std::fs::remove_dir_all(&dir).unwrap();
}

fn firewalld_is_told_to_open_the_port_in_the_zone() {
    let w = World::new();
    // The shape that firewalld gives to a zone.
    w.server.nft(
        "table inet firewalld {
            chain filter_INPUT {
                type filter hook input priority filter + 10; policy accept;
                ct state { established, related } accept
                iifname \"lo\" accept
                ct state invalid drop
                jump filter_INPUT_ZONES
                reject with icmpx admin-prohibited
            }
            chain filter_INPUT_ZONES { iifname \"eth0\" goto filter_IN_dmz; goto filter_IN_public; }
            chain filter_IN_dmz {
                jump filter_IN_dmz_deny
                jump filter_IN_dmz_allow
                meta l4proto { icmp, ipv6-icmp } accept
                reject with icmpx admin-prohibited
            }
            chain filter_IN_dmz_deny { }
            chain filter_IN_dmz_allow { tcp dport 22 accept; }
            chain filter_IN_public { jump filter_IN_public_allow; reject with icmpx admin-prohibited; }
            chain filter_IN_public_allow { }
        }",
    );
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    assert!(!w.reaches_server(8080));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert_eq!(answer["culprit"]["manager"], "firewalld", "{answer}");
    let (fix, command) = first(&answer);
    let rich = r#"rule family="ipv4" source address="192.0.2.2" port port="8080" protocol="tcp" accept"#;
    assert_eq!(command, format!("firewall-cmd --zone=dmz --add-rich-rule='{rich}'"));
    assert_eq!(fix["persistent"][0], "firewall-cmd --runtime-to-permanent");
    // What firewalld makes of it.
    w.run("nft add rule inet firewalld filter_IN_dmz_allow ip saddr 192.0.2.2 tcp dport 8080 accept");
    assert!(w.reaches_server(8080));
}

fn the_chain_that_docker_leaves_to_others_is_used() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    sh(
        &router,
        "iptables-nft -P FORWARD DROP; iptables-nft -N DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN; \
         iptables-nft -N DOCKER; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -A FORWARD -o docker0 -j DOCKER; \
         iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    );
    let through = || connects(&client, &server, "198.51.100.2", 80);
    assert!(!through());
    let answer = why(&router, "tcp 192.0.2.2 198.51.100.2:80 -i eth0");
    assert_eq!(answer["culprit"]["manager"], "docker", "{answer}");
    let (fix, command) = first(&answer);
    assert!(command.contains("-I DOCKER-USER 1 -s 192.0.2.2 -d 198.51.100.2 -p tcp --dport 80 -j ACCEPT"), "{fix}");
    apply(&router, &answer);
    assert!(through(), "{fix}");
}

fn a_ban_is_lifted() {
    let w = World::new();
    w.run(
        "iptables-legacy -N f2b-sshd; iptables-legacy -A f2b-sshd -j RETURN; \
         iptables-legacy -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd; \
         iptables-legacy -I f2b-sshd 1 -s 192.0.2.2 -j REJECT --reject-with icmp-port-unreachable",
    );
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:22")).unwrap();
    assert!(!w.reaches_server(22));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:22 -i eth0");
    assert_eq!(answer["culprit"]["manager"], "fail2ban", "{answer}");
    assert_eq!(first(&answer).1, "fail2ban-client set sshd unbanip 192.0.2.2");
    w.run("iptables-legacy -D f2b-sshd -s 192.0.2.2 -j REJECT --reject-with icmp-port-unreachable");
    assert!(w.reaches_server(22));
}

fn a_flush_that_cuts_off_a_manager_is_found() {
    let w = World::new();
    let dir = std::env::temp_dir().join(format!("nfblame-flush-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc/ufw {0}/ufw; cp -a /etc/default {0}/default", dir.display()));
    ufw(&w.server, &dir, "ufw allow 8080/tcp; ufw --force enable");
    assert!(found(&w.server, "NB0702").is_empty());
    assert!(w.reaches_server(8080));
    w.run("iptables-nft -F INPUT");
    let findings = found(&w.server, "NB0702");
    assert_eq!((findings.len(), w.reaches_server(8080)), (1, false), "{findings:?}");
    let again = "ufw disable && /lib/ufw/ufw-init flush-all && ufw";
    assert!(findings[0]["notes"][0].as_str().unwrap().contains(again), "{findings:?}");
    ufw(&w.server, &dir, &format!("{again} --force enable"));
    assert!(w.reaches_server(8080) && found(&w.server, "NB0702").is_empty());
    std::fs::remove_dir_all(&dir).unwrap();
}

fn rules_that_are_nobodys_are_counted() {
    let w = World::new();
    w.server.nft("table inet f { chain i { type filter hook input priority 0; tcp dport 1 drop comment \"why\"; tcp dport 2 accept; }; }");
    assert!(found(&w.server, "NB0703").is_empty());
    w.server.nft("add rule inet f i tcp dport 3 drop");
    let findings = found(&w.server, "NB0703");
    assert!(findings[0]["message"].as_str().unwrap().starts_with("1 of 2 rules"), "{findings:?}");
    assert_eq!((&findings[0]["severity"], &findings[0]["rules"][0]["rule_position"]), (&"note".into(), &3.into()));
}

/// What `nfblame check` finds where a namespace is the host's first one, and `/etc` may be written to.
fn found_after(ns: &Netns, dir: &Path, commands: &str) -> Vec<Value> {
    found_of(ns, dir, "NB0704", commands)
}

fn found_of(ns: &Netns, dir: &Path, code: &str, commands: &str) -> Vec<Value> {
    let script = format!(
        "mount --bind {0}/etc /etc; {commands}; {1} check -j > {0}/found || true",
        dir.display(),
        env!("CARGO_BIN_EXE_nfblame")
    );
    ns.cmd("unshare", &["-m", "-p", "-f", "--mount-proc", "sh", "-ec", &script], "");
    let text = std::fs::read_to_string(dir.join("found")).unwrap();
    let mut all: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    record::told(&all);
    all.retain(|f| f["code"] == code);
    if all.is_empty() {
        record::spared(&ns.path(), code);
    }
    all
}

fn a_file_of_both_families_is_found() {
    let w = World::new();
    let dir = std::env::temp_dir().join(format!("nfblame-both-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc {0}/etc; mkdir -p {0}/etc/iptables", dir.display()));
    w.run("iptables-legacy -A INPUT -p tcp --dport 8080 -j ACCEPT; iptables-legacy -P INPUT DROP; ip6tables-legacy -P INPUT DROP");
    let told = |commands: &str| found_of(&w.server, &dir, "NB0706", commands);
    let (v4, v6) = ("iptables-legacy-save > /etc/iptables/rules.v4", "ip6tables-legacy-save > /etc/iptables/rules.v6");
    assert!(told(&format!("{v4}; {v6}")).is_empty() && w.reaches_server(8080), "a file for each");
    let findings = told(&format!("{v4}; {}", v6.replace("> /etc/iptables/rules.v6", ">> /etc/iptables/rules.v4")));
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()));
    // What becomes of it: nobody complains, and the rules of IPv4 are gone.
    w.run(&format!("iptables-legacy-restore < {}/etc/iptables/rules.v4", dir.display()));
    assert!(!w.reaches_server(8080));
    std::fs::remove_dir_all(&dir).unwrap();
}

fn forwarding_that_the_next_boot_forgets_is_found() {
    let w = World::new();
    let dir = std::env::temp_dir().join(format!("nfblame-boot-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc {0}/etc; rm -rf {0}/etc/sysctl.*; mkdir {0}/etc/sysctl.d", dir.display()));
    let told = |commands: &str| found_of(&w.server, &dir, "NB0707", commands);
    let (router, conf) = (routed(), "/etc/sysctl.d/50-router.conf");
    w.server.sysctl("net.ipv6.conf.all.forwarding", "0");
    w.server.sysctl("net.ipv4.ip_forward", "0");
    assert!(told(":").is_empty(), "off now and then");
    assert_eq!(told(&format!("echo net.ipv4.ip_forward=1 > {conf}"))[0]["severity"], "note");
    w.server.sysctl("net.ipv4.ip_forward", "1");
    assert!(told(":").is_empty(), "on now and then");
    let findings = told(&format!("echo net.ipv4.ip_forward=0 > {conf}"));
    assert_eq!((findings.len(), &findings[0]["severity"]), (1, &"warning".into()));
    // What keeps it is put behind what says otherwise, and the files set it then.
    let fix = findings[0]["fix"][0]["commands"][0].as_str().unwrap();
    record::applied(&w.server.path(), &findings[0]);
    assert!(told(fix).is_empty(), "{fix}");
    let files = format!("cat {0}/etc/sysctl.d/50-router.conf {0}/etc/sysctl.d/90-nfblame.conf", dir.display());
    let (client, server) = (&router[0], &router[2]);
    router[1].sysctl("net.ipv4.ip_forward", "0");
    assert!(!connects(client, server, "198.51.100.2", 80), "as after a boot without");
    sh(&router[1], &format!("{files} | sysctl -qp -"));
    assert!(connects(client, server, "198.51.100.2", 80), "as after a boot with it");
    std::fs::remove_dir_all(&dir).unwrap();
}

fn a_restart_that_would_flush_others_is_told() {
    let w = World::new();
    let dir = std::env::temp_dir().join(format!("nfblame-restart-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc {0}/etc; mkdir -p {0}/etc/systemd/system/sysinit.target.wants", dir.display()));
    let (etc, own) = (dir.join("etc"), "table inet filter { chain input { type filter hook input priority 0; }; }");
    let enabled = etc.join("systemd/system/sysinit.target.wants/nftables.service");
    std::fs::remove_file(&enabled).ok();
    let conf = |first: &str| std::fs::write(etc.join("nftables.conf"), format!("{first}\n{own}\n")).unwrap();
    let told = |commands: &str| found_of(&w.server, &dir, "NB0705", commands).len();
    conf("flush ruleset");
    let others = "nft 'add table inet f2b-table; add chain inet f2b-table f2b-chain'";
    assert_eq!(told(others), 0, "the service is not enabled");
    std::fs::write(&enabled, "").unwrap();
    assert_eq!(told(":"), 1);
    let restart = "nft -f /etc/nftables.conf";
    assert_eq!(
        told(&format!("{restart}; ! nft list table inet f2b-table 2>/dev/null")),
        0,
        "nothing is left of others"
    );
    conf("table inet filter\nflush table inet filter");
    assert_eq!(told(&format!("{others}; {restart}; nft list table inet f2b-table >/dev/null")), 0, "only its own");
    std::fs::remove_dir_all(&dir).unwrap();
}

fn rules_that_were_not_saved_are_found() {
    for tool in ["iptables-legacy", "iptables-nft"] {
        let w = World::new();
        let dir = std::env::temp_dir().join(format!("nfblame-saved-{}-{tool}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        w.run(&format!("cp -a /etc {0}/etc; mkdir -p {0}/etc/iptables", dir.display()));
        let rules = "-A INPUT -p tcp --dport 8080 -m comment --comment \"a b\" -j DROP";
        let save = format!("{tool}-save -c > /etc/iptables/rules.v4");
        assert!(found_after(&w.server, &dir, &format!("{tool} {rules}")).is_empty(), "nothing was ever saved");
        assert!(found_after(&w.server, &dir, &save).is_empty(), "{tool}: what was saved is what is there");
        let change = format!(
            "{tool} -D INPUT 1; {tool} -A INPUT -p tcp --dport 8081 -j DROP; {tool} -N f2b-x; {tool} -A f2b-x -s 1.2.3.4 -j DROP"
        );
        let findings = found_after(&w.server, &dir, &change);
        assert_eq!(findings.len(), 1, "{tool}");
        let text = findings[0].to_string();
        assert!(text.contains("--dport 8080") && text.contains("--dport 8081") && !text.contains("1.2.3.4"), "{text}");
        assert!(
            found_after(&w.server, &dir, &format!("{tool} -F f2b-x; {tool} -X f2b-x; {save}")).is_empty(),
            "{tool}"
        );
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

fn files_of_nftables_ufw_and_firewalld_are_compared() {
    let w = World::new();
    let dir = std::env::temp_dir().join(format!("nfblame-files-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    w.run(&format!("cp -a /etc {0}/etc; mkdir -p {0}/etc/firewalld/zones", dir.display()));
    let etc = dir.join("etc");
    std::fs::remove_file(etc.join("systemd/system/sysinit.target.wants/nftables.service")).ok();
    let conf = "flush ruleset\ntable inet filter {\n chain input {\n  type filter hook input priority 0; policy drop;\n  ct state established accept\n  tcp dport { 22, 80 } accept\n }\n}\n";
    std::fs::write(etc.join("nftables.conf"), conf).unwrap();
    let load = "nft -f /etc/nftables.conf";
    assert!(found_after(&w.server, &dir, "nft flush ruleset").is_empty(), "the service is not enabled");
    let enable = "mkdir -p /etc/systemd/system/sysinit.target.wants; touch /etc/systemd/system/sysinit.target.wants/nftables.service";
    assert_eq!(found_after(&w.server, &dir, enable).len(), 1, "nothing of it is loaded");
    assert!(found_after(&w.server, &dir, load).is_empty());
    let told = found_after(&w.server, &dir, "nft add rule inet filter input tcp dport 443 accept");
    assert!(told.len() == 1 && told[0].to_string().contains("2 rules in the file, 3 in the kernel"), "{told:?}");
    assert!(found_after(&w.server, &dir, load).is_empty());
    // Half of it in a file that is included: the same rules.
    std::fs::create_dir_all(etc.join("nftables.d")).unwrap();
    let (first, rest) = conf.split_once("  tcp dport").unwrap();
    std::fs::write(etc.join("nftables.conf"), format!("{first}  include \"/etc/nftables.d/*.nft\"\n }}\n}}\n"))
        .unwrap();
    std::fs::write(etc.join("nftables.d/ports.nft"), format!("  tcp dport{}\n", rest.split('\n').next().unwrap()))
        .unwrap();
    assert!(found_after(&w.server, &dir, load).is_empty());
    assert_eq!(found_after(&w.server, &dir, "nft add rule inet filter input tcp dport 443 accept").len(), 1);
    // What it does beside tables is not read: that is said, and nothing else.
    std::fs::write(etc.join("nftables.conf"), format!("{conf}add rule inet filter input tcp dport 25 accept\n"))
        .unwrap();
    let told = found_after(&w.server, &dir, load);
    assert!(
        told.len() == 1 && told[0]["severity"] == "note" && told[0].to_string().contains("was not compared"),
        "{told:?}"
    );
    std::fs::remove_file(etc.join("systemd/system/sysinit.target.wants/nftables.service")).unwrap();

    // ufw, and what somebody puts into its chains by hand.
    let enable = "nft flush ruleset; mount -t tmpfs none /run; ufw --force enable; ufw allow 22/tcp";
    let told = found_after(&w.server, &dir, enable);
    assert!(told.is_empty(), "{told:?}");
    let told = found_after(&w.server, &dir, "iptables -I ufw-user-input -p tcp --dport 8080 -j ACCEPT");
    assert!(told.len() == 1 && told[0].to_string().contains("/etc/ufw/user.rules"), "{told:?}");
    let told =
        found_after(&w.server, &dir, "mount -t tmpfs none /run; ufw reload; ufw --force disable; nft flush ruleset");
    assert!(told.is_empty(), "{told:?}");

    // firewalld: the shape of its table, and its own format of files.
    std::fs::write(
        etc.join("firewalld/zones/public.xml"),
        "<zone><service name=\"x\"/><port port=\"8080\" protocol=\"tcp\"/></zone>",
    )
    .unwrap();
    std::fs::create_dir_all(etc.join("firewalld/services")).unwrap();
    let service = "<service><port protocol=\"tcp\" port=\"22\"/></service>";
    std::fs::write(etc.join("firewalld/services/x.xml"), service).unwrap();
    let table = "nft add table inet firewalld; nft add chain inet firewalld filter_IN_public_allow; \
                 nft add rule inet firewalld filter_IN_public_allow tcp dport 22 accept";
    let told = found_after(&w.server, &dir, table);
    assert!(told.len() == 1 && told[0].to_string().contains("8080/tcp is open in the file and not now"), "{told:?}");
    let told = found_after(
        &w.server,
        &dir,
        "nft add rule inet firewalld filter_IN_public_allow tcp dport 8080 ct state { new, untracked } accept",
    );
    assert!(told.is_empty(), "{told:?}");
    let direct = "<direct><rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-p tcp --dport 9 -j DROP</rule></direct>";
    std::fs::write(etc.join("firewalld/direct.xml"), direct).unwrap();
    let told = found_after(&w.server, &dir, ":");
    assert!(told.len() == 1 && told[0]["severity"] == "note" && told[0].to_string().contains("direct.xml"), "{told:?}");
    std::fs::remove_dir_all(&dir).unwrap();
}
