//! Whose the rules are that managers load, and what each is told: on hosts as their packages were seen to make them.

use std::net::TcpListener;

use serde_json::Value;

use crate::common::hosts::HOSTS;
use crate::common::{Netns, kernel_tests};
use crate::world::{World, connects, lines, nfblame, routed, sh, why};

kernel_tests! {
    every_rule_of_a_manager_is_its_own needs ["nft", "iptables-nft", "ip6tables-nft", "ip"];
    firewalld_is_told_what_comes_before_its_denials needs ["nft", "iptables-nft", "ip6tables-nft"];
    firewalld_is_told_a_policy_for_what_is_forwarded needs ["nft", "iptables-nft", "ip6tables-nft"];
    firewalld_is_told_to_end_its_panic needs ["nft", "iptables-nft", "ip6tables-nft"];
    shorewall_is_told_a_line_for_its_rules_or_to_forget_an_address needs ["iptables-nft-restore", "ip6tables-nft-restore"];
    what_sshguard_blocks_is_taken_back needs ["nft", "iptables-legacy"];
    fw4_is_told_a_rule_in_the_words_of_uci needs ["nft"];
    an_address_that_csf_denies_is_taken_out needs ["iptables-nft"];
    what_no_change_stands_for_is_told_as_advice needs ["nft", "iptables-nft", "ip"];
    what_others_keep_is_not_saved_with_a_rule needs ["iptables-nft", "iptables-legacy", "iptables-nft-restore", "iptables-legacy-restore", "unshare"];
    a_ban_in_the_administrators_chain_is_lifted needs ["iptables-nft"];
    the_order_of_somebodys_rules_in_ufw_is_no_affair_of_ufw needs ["iptables-nft"];
}

fn host(name: &str) -> &'static str {
    HOSTS.iter().find(|(n, _)| *n == name).map(|(_, script)| *script).unwrap()
}

/// The rules of a namespace: their manager, and where they stand.
fn owned(ns: &Netns) -> Vec<(Option<String>, String)> {
    fn walk(v: &Value, all: &mut Vec<(Option<String>, String)>) {
        match v {
            Value::Array(a) => a.iter().for_each(|v| walk(v, all)),
            Value::Object(o) => {
                if o.contains_key("manager") && o.get("rule_position").is_some_and(Value::is_u64) {
                    let place = format!("{} {} {}", o["table_name"], o["chain_name"], o["text"]);
                    all.push((o["manager"].as_str().map(Into::into), place));
                }
                o.values().for_each(|v| walk(v, all));
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    lines(&nfblame(ns, &["list", "-j"])).iter().for_each(|v| walk(v, &mut all));
    all
}

fn every_rule_of_a_manager_is_its_own() {
    for (name, manager) in [
        ("firewalld", "firewalld"),
        ("firewalld-iptables", "firewalld"),
        ("podman", "podman"),
        ("podman-iptables", "podman"),
        ("shorewall", "shorewall"),
        ("libvirt", "libvirt"),
        ("libvirt-nft", "libvirt"),
        ("docker-26", "docker"),
        ("docker-28", "docker"),
        ("docker-nft", "docker"),
        ("incus", "incus"),
        ("vpn-full-tunnel", "wg-quick"),
        ("calico", "calico"),
        ("crowdsec", "crowdsec"),
        ("tailscale", "tailscale"),
        ("openwrt", "openwrt"),
        ("proxmox", "proxmox"),
        ("vyos", "vyos"),
        ("eks", "aws-vpc-cni kube-proxy"),
        ("k3s", "flannel kube-proxy kube-router"),
    ] {
        let ns = Netns::new();
        sh(&ns, host(name));
        let all = owned(&ns);
        let mut owners: Vec<_> = all.iter().map(|(m, place)| m.as_deref().ok_or(place)).collect();
        owners.sort_unstable();
        owners.dedup();
        assert_eq!(owners, manager.split(' ').map(Ok).collect::<Vec<_>>(), "{name}");
    }
}

/// The commands of the first fix, which has to be verified.
fn first(answer: &Value) -> Vec<&str> {
    let fix = &answer["fix"][0];
    assert_eq!(fix["verified"], true, "{answer}");
    fix["commands"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect()
}

fn firewalld_is_told_what_comes_before_its_denials() {
    let rich = r#"rule priority="-1" family="ipv4" source address="192.0.2.2" port port="80" protocol="tcp" accept"#;
    let commands = [format!("firewall-cmd --zone=dmz --add-rich-rule='{rich}'")];
    for (name, deny, then) in [
        (
            "firewalld",
            "nft add rule inet firewalld filter_IN_dmz_deny ip saddr 192.0.2.2 drop",
            "nft add rule inet firewalld filter_IN_dmz_pre ip saddr 192.0.2.2 tcp dport 80 accept",
        ),
        (
            "firewalld-iptables",
            "iptables-nft -A IN_dmz_deny -s 192.0.2.2/32 -j DROP",
            "iptables-nft -A IN_dmz_pre -s 192.0.2.2/32 -p tcp -m tcp --dport 80 -j ACCEPT",
        ),
    ] {
        let w = World::new();
        w.run(host(name));
        let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
        assert!(w.reaches_server(80), "{name}: http is a service of the zone");
        w.run(deny);
        assert!(!w.reaches_server(80));
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
        assert_eq!(first(&answer), commands, "{name}");
        // What firewalld makes of it.
        w.run(then);
        assert!(w.reaches_server(80), "{name}");
        // Before what has a priority itself, only the first one is.
        w.run(&deny.replace("_deny", "_pre").replace("add rule", "insert rule").replace("-A IN", "-I IN"));
        assert!(!w.reaches_server(80), "{name}");
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
        assert_eq!(first(&answer), [commands[0].replace("\"-1\"", "\"-32768\"")], "{name}");
        w.run(&then.replace("add rule", "insert rule").replace("-A IN", "-I IN"));
        assert!(w.reaches_server(80), "{name}");
    }
}

fn firewalld_is_told_a_policy_for_what_is_forwarded() {
    for (name, then) in [
        (
            "firewalld",
            "nft insert rule inet firewalld filter_FORWARD_POLICIES ip saddr 192.0.2.2 ip daddr 198.51.100.2 tcp dport 80 accept",
        ),
        (
            "firewalld-iptables",
            "iptables-nft -A FORWARD_POLICIES_pre -s 192.0.2.2 -d 198.51.100.2 -p tcp --dport 80 -j ACCEPT",
        ),
    ] {
        let [client, router, server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        sh(&router, host(name));
        let through = || connects(&client, &server, "198.51.100.2", 80);
        assert!(!through(), "{name}");
        let answer = why(&router, "tcp 192.0.2.2 198.51.100.2:80 -i eth0");
        assert_eq!(answer["culprit"]["manager"], "firewalld", "{answer}");
        let rich = r#"rule family="ipv4" source address="192.0.2.2" destination address="198.51.100.2" port port="80" protocol="tcp" accept"#;
        let commands = [
            "firewall-cmd --permanent --new-policy=forward-80",
            "firewall-cmd --permanent --policy=forward-80 --add-ingress-zone=ANY",
            "firewall-cmd --permanent --policy=forward-80 --add-egress-zone=ANY",
            &format!("firewall-cmd --permanent --policy=forward-80 --add-rich-rule='{rich}'"),
            "firewall-cmd --reload",
        ];
        assert_eq!(first(&answer), commands, "{name}");
        // By hand, nothing makes it last: firewalld writes its rules again.
        assert!(answer["fix"][1].get("persistent").is_none_or(|p| p.as_array().is_some_and(Vec::is_empty)), "{answer}");
        sh(&router, then);
        assert!(through(), "{name}");
    }
}

fn firewalld_is_told_to_end_its_panic() {
    let w = World::new();
    // As it was seen to do it: everything, in and out, besides loopback.
    w.server.nft(
        "table inet firewalld_policy_drop {
            chain raw_prerouting { type filter hook prerouting priority -291; policy drop; }
            chain raw_output { type filter hook output priority -291; policy drop; }
        }",
    );
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    assert!(!w.reaches_server(80));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
    assert_eq!(first(&answer), ["firewall-cmd --panic-off"]);
    w.run("nft delete table inet firewalld_policy_drop");
    assert!(w.reaches_server(80));

    let w = World::new();
    w.run(host("firewalld-iptables"));
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    assert!(w.reaches_server(80));
    // Its chains for direct rules stand in all tables but in those that were recorded.
    w.run("iptables-nft -t mangle -N OUTPUT_direct");
    let tables = [("mangle", "PREROUTING INPUT FORWARD OUTPUT POSTROUTING"), ("filter", "INPUT FORWARD OUTPUT")];
    let policies = |policy: &str| {
        for (table, chains) in tables {
            w.run(&format!("for c in {chains}; do iptables-nft -t {table} -P $c {policy}; done"));
        }
    };
    policies("DROP");
    assert!(!w.reaches_server(80));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
    assert_eq!(answer["culprit"]["manager"], "firewalld", "{answer}");
    assert_eq!(first(&answer), ["firewall-cmd --panic-off"]);
    policies("ACCEPT");
    assert!(w.reaches_server(80));
    // What somebody sets in the table that filters alone is no panic.
    w.run("iptables-nft -F INPUT; iptables-nft -P INPUT DROP");
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0");
    assert!(answer["culprit"]["policy"] == true && answer["culprit"]["manager"].is_null(), "{answer}");
}

fn a_ban_in_the_administrators_chain_is_lifted() {
    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    // fail2ban with `chain = DOCKER-USER`.
    sh(
        &router,
        "iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -N f2b-web; iptables-nft -A f2b-web -j RETURN; \
         iptables-nft -I DOCKER-USER -p tcp -m multiport --dports 80 -j f2b-web; iptables-nft -A DOCKER-USER -p tcp --dport 23 -j DROP; \
         iptables-nft -I f2b-web 1 -s 192.0.2.2 -j REJECT --reject-with icmp-port-unreachable",
    );
    let owners: Vec<_> =
        owned(&router).into_iter().filter(|(_, p)| p.contains("\"DOCKER-USER\"")).map(|(m, _)| m).collect();
    assert_eq!(owners, [Some("fail2ban".to_owned()), None], "the jump is fail2ban's, the rest the administrator's");
    assert!(!connects(&client, &server, "198.51.100.2", 80));
    let answer = why(&router, "tcp 192.0.2.2 198.51.100.2:80 -i eth0");
    assert_eq!(first(&answer), ["fail2ban-client set web unbanip 192.0.2.2"]);
    sh(&router, "iptables-nft -D f2b-web 1");
    assert!(connects(&client, &server, "198.51.100.2", 80));
}

fn the_order_of_somebodys_rules_in_ufw_is_no_affair_of_ufw() {
    let severity = |chain: &str| {
        let w = World::new();
        w.run(&format!(
            "iptables-nft -N {chain}; iptables-nft -A INPUT -j {chain}; iptables-nft -A {chain} -s 192.0.2.0/24 -j DROP; \
             iptables-nft -A {chain} -s 192.0.2.2 -p tcp --dport 80 -j ACCEPT"
        ));
        assert!(!w.reaches_server(80));
        crate::world::found(&w.server, "NB0101")[0]["severity"].as_str().unwrap().to_owned()
    };
    assert_eq!(severity("ufw-user-input"), "error", "ufw deny, and then ufw allow");
    assert_eq!(severity("ufw-before-logging-input"), "note");
}

fn shorewall_is_told_a_line_for_its_rules_or_to_forget_an_address() {
    let w = World::new();
    w.run(host("shorewall"));
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    assert!(!w.reaches_server(8080));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    let line = "echo 'ACCEPT net:192.0.2.2 $FW tcp 8080' >> /etc/shorewall/rules";
    assert_eq!(first(&answer), [line, "shorewall reload"]);
    // What Shorewall makes of it: before the policy of the two zones, behind all rules.
    w.run("iptables-nft -I net-fw 5 -s 192.0.2.2 -p tcp --dport 8080 -j ACCEPT");
    assert!(w.reaches_server(8080));
    // shorewall reject 192.0.2.2
    w.run("iptables-nft -A dynamic -s 192.0.2.2 -j reject");
    assert!(!w.reaches_server(8080));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert_eq!(first(&answer), ["shorewall allow 192.0.2.2"]);
    w.run("iptables-nft -D dynamic -s 192.0.2.2 -j reject");
    assert!(w.reaches_server(8080));
}

fn what_sshguard_blocks_is_taken_back() {
    // As sshguard 2.4.3 was seen to load them.
    let in_a_set = "nft -f - <<'N'
table ip sshguard {
  set attackers { type ipv4_addr; flags interval; elements = { 192.0.2.2 }; }
  chain blacklist { type filter hook input priority filter - 10; policy accept; ip saddr @attackers drop; }
}
N";
    let in_a_chain = "iptables-legacy -N sshguard; iptables-legacy -A INPUT -j sshguard; iptables-legacy -I sshguard -s 192.0.2.2/32 -j DROP";
    for block in [in_a_set, in_a_chain] {
        let w = World::new();
        w.run(block);
        let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:22")).unwrap();
        assert!(!w.reaches_server(22));
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:22 -i eth0");
        assert_eq!(answer["culprit"]["manager"], "sshguard", "{answer}");
        assert_eq!(answer["fix"][0]["persistent"][0], "echo 192.0.2.2 >> /etc/sshguard/whitelist", "{answer}");
        assert_eq!(first(&answer).len(), 1);
        crate::world::apply(&w.server, &answer);
        assert!(w.reaches_server(22), "{answer}");
    }
}

fn fw4_is_told_a_rule_in_the_words_of_uci() {
    let w = World::new();
    w.run(host("openwrt"));
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    assert!(!w.reaches_server(8080));
    let set = |option: &str| format!("uci set firewall.@rule[-1].{option}");
    let told = |place: &[&str]| {
        let options = ["proto='tcp'", "dest_port='8080'", "target='ACCEPT'"];
        let all = ["name='Allow-tcp-8080'", "src='wan'"].iter().chain(place).chain(&options);
        let mut all: Vec<String> = all.map(|o| set(o)).collect();
        all.insert(0, "uci add firewall rule".into());
        all.extend(["uci commit firewall".into(), "service firewall reload".into()]);
        all
    };
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    // Whether its limit of SYNs is reached is not known: that has a step of its own behind this one.
    assert_eq!(first(&answer)[..9], told(&["src_ip='192.0.2.2'"]));
    // What fw4 makes of it: behind the other rules of the zone, before what the zone does with the rest.
    let last = r#"nft -a list chain inet fw4 input_wan | sed -n 's/.*jump reject_from_wan # handle //p'"#;
    w.run(&format!(
        "nft insert rule inet fw4 input_wan handle $({last}) ip saddr 192.0.2.2 tcp dport 8080 counter accept"
    ));
    assert!(w.reaches_server(8080));

    let [client, router, server] = routed();
    router.sysctl("net.ipv4.ip_forward", "1");
    sh(&router, host("openwrt"));
    assert!(!connects(&client, &server, "198.51.100.2", 8080));
    let answer = why(&router, "tcp 192.0.2.2 198.51.100.2:8080 -i eth0");
    assert_eq!(first(&answer), told(&["dest='*'", "src_ip='192.0.2.2'", "dest_ip='198.51.100.2'"]));
    let rule = "ip saddr 192.0.2.2 ip daddr 198.51.100.2 tcp dport 8080 counter";
    sh(&router, &format!("nft insert rule inet fw4 forward_wan {rule} accept"));
    assert!(connects(&client, &server, "198.51.100.2", 8080));
    // A rule of the user's before it: only one that comes first helps.
    sh(&router, &format!("nft insert rule inet fw4 forward_wan {rule} drop"));
    assert!(!connects(&client, &server, "198.51.100.2", 8080));
    let answer = why(&router, "tcp 192.0.2.2 198.51.100.2:8080 -i eth0");
    assert!(first(&answer).contains(&"uci reorder firewall.@rule[-1]=0"), "{answer}");
    sh(&router, &format!("nft insert rule inet fw4 forward_wan {rule} accept"));
    assert!(connects(&client, &server, "198.51.100.2", 8080));
}

fn an_address_that_csf_denies_is_taken_out() {
    let w = World::new();
    let rule = "DENYIN -s 192.0.2.2/32 ! -i lo -j DROP";
    w.run(&format!("iptables-nft -N DENYIN; iptables-nft -A INPUT ! -i lo -j DENYIN; iptables-nft -A {rule}"));
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:22")).unwrap();
    assert!(!w.reaches_server(22));
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:22 -i eth0");
    assert_eq!(first(&answer), ["csf -dr 192.0.2.2; csf -tr 192.0.2.2"]);
    w.run(&format!("iptables-nft -D {rule}"));
    assert!(w.reaches_server(22));
}

/// Words that no change of the model stands for: they are told, and never as a fix.
fn what_no_change_stands_for_is_told_as_advice() {
    let isolated = "nft 'table inet netavark { chain FORWARD { type filter hook forward priority 0; jump NETAVARK-ISOLATION-1; }; \
                    chain NETAVARK-ISOLATION-1 { oifname eth1 drop; }; }'";
    let shared = "nft 'table ip nm-shared-eth1 { chain filter_forward { type filter hook forward priority 0; oifname eth1 reject; }; }'";
    let list = "nft 'table inet incus { chain aclfwd.eth1 { type filter hook forward priority 0; oifname eth1 jump acl.eth1; }; chain acl.eth1 { reject; }; }'";
    let service = "iptables-nft -N KUBE-SERVICES; iptables-nft -A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES; iptables-nft -A KUBE-SERVICES \
                   -d 198.51.100.2/32 -p tcp -m comment --comment 'shop/web:http has no endpoints' -m tcp --dport 80 -j REJECT";
    let policy = "iptables-nft -N cali-tw-x; iptables-nft -A FORWARD -j cali-tw-x; iptables-nft -A cali-tw-x -m comment --comment 'Drop if no profiles matched' -j DROP";
    let proxmox = "iptables-nft -N PVEFW-FORWARD; iptables-nft -N tap100i0-IN; iptables-nft -A FORWARD -j PVEFW-FORWARD; \
                   iptables-nft -A PVEFW-FORWARD -o eth1 -j tap100i0-IN; iptables-nft -A tap100i0-IN -j DROP";
    for (rules, to, manager, words) in [
        (host("docker-28"), "172.18.0.2:80", "docker", "use a published port"),
        (host("docker-nft"), "172.17.0.2:80", "docker", "meta mark set 1"),
        (host("libvirt"), "192.168.122.5:80", "libvirt", "bridge is virbr0"),
        (host("libvirt-nft"), "192.168.122.5:80", "libvirt", "virsh net-edit NETWORK"),
        (isolated, "198.51.100.2:80", "podman", "podman network connect"),
        (shared, "198.51.100.2:80", "NetworkManager", "eth1 up"),
        (list, "198.51.100.2:80", "incus", "incus network get eth1 security.acls"),
        (
            service,
            "198.51.100.2:80",
            "kube-proxy",
            "kubectl -n shop get endpointslices -l kubernetes.io/service-name=web",
        ),
        (policy, "198.51.100.2:80", "calico", "status.podIP=198.51.100.2"),
        (proxmox, "198.51.100.2:80", "proxmox", "/etc/pve/firewall/100.fw"),
    ] {
        let [_client, router, _server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        sh(&router, rules);
        let answer = why(&router, &format!("tcp 192.0.2.2 {to} -i eth0"));
        let advice = answer["advice"].as_array().unwrap_or_else(|| panic!("{manager}: {answer}"));
        assert!(advice.iter().all(|a| a["manager"] == manager), "{answer}");
        assert!(answer["advice"].to_string().contains(words), "{manager}: {answer}");
        assert!(answer["fix"].as_array().unwrap().iter().all(|f| f["verified"] == true), "{answer}");
    }
    // Where its keeper's words are a change that helps, that is told, and no advice.
    let w = World::new();
    w.run(host("firewalld"));
    let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
    let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
    assert!(first(&answer)[0].starts_with("firewall-cmd") && answer.get("advice").is_none(), "{answer}");
}

fn what_others_keep_is_not_saved_with_a_rule() {
    let dir = std::env::temp_dir().join(format!("nfblame-kept-{}", std::process::id()));
    for tool in ["iptables-nft", "iptables-legacy"] {
        for chain in ["INPUT", "mine"] {
            let w = World::new();
            std::fs::create_dir_all(dir.join("iptables")).unwrap();
            let file = dir.join("iptables/rules.v4");
            let _listens = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
            let into =
                if chain == "INPUT" { String::new() } else { format!("{tool} -N mine; {tool} -A INPUT -j mine; ") };
            w.run(&format!("{into}{tool} -A {chain} -p tcp --dport 8080 -j DROP; {tool}-save > {}", file.display()));
            let alone = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
            assert_eq!(
                alone["fix"][0]["persistent"][0],
                format!("{tool}-save > /etc/iptables/rules.v4"),
                "nobody else: {alone}"
            );
            w.run(&format!("{tool} -N f2b-sshd; {tool} -I INPUT -p tcp --dport 22 -j f2b-sshd; {tool} -A f2b-sshd -s 203.0.113.9 -j DROP"));
            assert!(!w.reaches_server(8080));
            let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
            let persistent = answer["fix"][0]["persistent"][0].as_str().unwrap();
            assert!(persistent.ends_with("# iptables-save would save the rules of fail2ban, too"), "{answer}");
            // As at the next boot: what the file says, and nothing else.
            let script =
                format!("mount --bind {} /etc; {persistent}\n{tool}-restore /etc/iptables/rules.v4", dir.display());
            w.server.cmd("unshare", &["-m", "sh", "-ec", &script], "");
            assert!(w.reaches_server(8080), "{}", std::fs::read_to_string(&file).unwrap());
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!text.contains("f2b") && text.contains("-j DROP"), "{text}");
            std::fs::remove_dir_all(&dir).unwrap();
        }
    }
}
