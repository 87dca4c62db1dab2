//! Programs that keep networks of containers and virtual machines.

use super::{Case, Said, plain, said};

/// Docker decides by what containers publish.
pub(super) fn docker(case: &Case<'_>) -> Vec<Said> {
    let (to, native) = (case.to(), case.table == "docker-bridges");
    if case.chain.contains("PREROUTING") {
        return vec![
            said(
                format!(
                    "from outside, Docker lets nobody reach {to} itself: use a published port, at an address of this host"
                ),
                &[],
            ),
            said(
                "or make the network one whose containers are reached by their own addresses",
                &["docker network create -o com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected NETWORK"],
            ),
        ];
    }
    if case.chain.contains("ISOLATION") {
        return vec![said(
            "Docker keeps its networks apart: put the container into the other one's network, or use a published port",
            &["docker network connect NETWORK CONTAINER"],
        )];
    }
    if case.chain.contains("INTERNAL") || case.comment.contains("INTERNAL") {
        return vec![said("the network was created with --internal: nothing goes in or out of it", &[])];
    }
    if case.comment == "ICC" {
        return vec![said(
            "the network was created without communication between its containers",
            &["docker network create -o com.docker.network.bridge.enable_icc=true NETWORK"],
        )];
    }
    let mut all = Vec::new();
    if let Some((protocol, port)) = case.port() {
        let run = format!("docker run -p {port}:{port}/{protocol} …");
        all.push(said(
            format!("{} is not published: create the container again and publish it", case.service()),
            &[&run],
        ));
        if native {
            let (ip, from) = (if case.packet.family == "ip6" { "ip6" } else { "ip" }, case.from());
            let mark = format!(
                "nft 'add rule inet before_docker forward {ip} saddr {from} {ip} daddr {to} {protocol} dport {port} meta mark set 1'"
            );
            all.push(said(
                "or have Docker (29 or newer) accept a mark, by \"bridge-accept-fwmark\": \"1\" in /etc/docker/daemon.json, that is set before \
                 its chain. An accept in another table does not help, whatever its priority: Docker's own chain is asked all the same",
                &[
                    "systemctl restart docker",
                    "nft add table inet before_docker",
                    "nft 'add chain inet before_docker forward { type filter hook forward priority filter - 1; }'",
                    &mark,
                ],
            ));
        }
    }
    all
}

/// Podman's netavark.
pub(super) fn podman(case: &Case<'_>) -> Vec<Said> {
    if case.chain.contains("ISOLATION") {
        return vec![said(
            "a network that was created with isolate is reached from no other: put the container into both",
            &["podman network connect NETWORK CONTAINER"],
        )];
    }
    let Some((protocol, port)) = case.port() else { return Vec::new() };
    let run = format!("podman run -p {port}:{port}/{protocol} …");
    vec![said(format!("create the container again and publish {}", case.service()), &[&run])]
}

/// libvirt decides by the mode of a network.
pub(super) fn libvirt(case: &Case<'_>) -> Vec<Said> {
    let filters = ["FI-", "FO-", "HI-", "libvirt-"];
    if filters.iter().any(|f| case.chain.starts_with(f)) {
        return vec![said(
            "a filter of the guest's interface (<filterref> in its XML) stops it",
            &["virsh nwfilter-list", "virsh nwfilter-edit FILTER"],
        )];
    }
    if !case.chain.starts_with("LIBVIRT_FW") && !case.chain.starts_with("guest_") {
        return Vec::new();
    }
    let of = |name: &'_ Option<String>| name.clone().filter(|n| plain(n) && case.text.contains(n.as_str()));
    let bridge = of(&case.packet.oif).or_else(|| of(&case.packet.iif)).unwrap_or_else(|| "BRIDGE".into());
    vec![
        said(
            format!(
                "the network whose bridge is {bridge} lets nobody begin connections to its guests (mode nat), or none that leave it \
                 (isolated): give it <forward mode='route'/>, or mode='open', which has no rules. Its guests are cut off until they are \
                 started again"
            ),
            &["virsh net-edit NETWORK", "virsh net-destroy NETWORK", "virsh net-start NETWORK"],
        ),
        said(
            "or put a rule of your own in front of libvirt's in /etc/libvirt/hooks/network: it is called with `NETWORK started` each \
             time that libvirt has written its rules",
            &[],
        ),
    ]
}

/// Incus and LXD: lists of a network or of an instance's device.
pub(super) fn incus(case: &Case<'_>, tool: &str) -> Vec<Said> {
    let (kind, network) = case.chain.split_once('.').unwrap_or((&case.chain, "NETWORK"));
    let network = if plain(network) { network } else { "NETWORK" };
    if kind == "fwd" && !network.contains('.') {
        let key = if case.packet.family == "ip6" { "ipv6.routing" } else { "ipv4.routing" };
        return vec![said(
            format!("the network {network} does not route"),
            &[&format!("{tool} network set {network} {key}=true")],
        )];
    }
    let rule = match case.port() {
        Some((protocol, port)) => {
            format!("action=allow source={} protocol={protocol} destination_port={port}", case.from())
        }
        None => format!("action=allow source={}", case.from()),
    };
    if kind.starts_with("acl") {
        return vec![said(
            "allow it in the access list of the network, ingress for what comes to an instance and egress for what it sends",
            &[
                &format!("{tool} network get {network} security.acls"),
                &format!("{tool} network acl rule add ACL ingress {rule}"),
            ],
        )];
    }
    vec![said(
        "allow it in the access list of the instance's device, or do without its filter of addresses",
        &[
            &format!("{tool} network acl rule add ACL ingress {rule}"),
            &format!("{tool} config device set INSTANCE DEVICE security.ipv4_filtering=false"),
        ],
    )]
}

/// The firewall of Proxmox VE: a file for the cluster, for each node and for each guest.
pub(super) fn proxmox(case: &Case<'_>) -> Vec<Said> {
    let digits = |s: &str| s.chars().take_while(char::is_ascii_digit).collect::<String>();
    let guests = ["tap", "veth", "guest-"];
    let guest = guests.iter().find_map(|p| case.chain.strip_prefix(p)).map(digits).filter(|id| !id.is_empty());
    let file = guest.map_or_else(|| "/etc/pve/local/host.fw".to_owned(), |id| format!("/etc/pve/firewall/{id}.fw"));
    let out = case.chain.ends_with("OUT") || case.chain.ends_with("-out");
    let way = if out { "OUT" } else { "IN" };
    let what = match case.port() {
        Some((protocol, port)) => format!(" -p {protocol} -dport {port}"),
        None => String::new(),
    };
    let line = format!("{way} ACCEPT -source {} -dest {}{what}", case.from(), case.to());
    vec![said(format!("a line under [RULES] in {file}, or the same under Firewall in the web interface"), &[&line])]
}

/// The agent of Neutron writes what security groups say. Its chains end in the first characters of the port's id.
pub(super) fn openstack(case: &Case<'_>) -> Vec<Said> {
    let what = match case.port() {
        Some((protocol, port)) => format!(" --protocol {protocol} --dst-port {port}"),
        None => String::new(),
    };
    vec![said(
        "allow it in a security group of the port",
        &[&format!("openstack security group rule create --ingress --remote-ip {}{what} GROUP", case.from())],
    )]
}
