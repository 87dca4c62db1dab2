//! The programs that are known.

use super::Manager;
use super::sign::Sign::{Beside, Chain, Comment, Marks, Reads, Set, Stops, Table};

/// All of them.
pub const MANAGERS: &[Manager] = &[
    Manager {
        name: "firewalld",
        signs: &[
            Table("firewalld"),
            Table("firewalld_policy_drop"),
            // With its iptables backend.
            Chain("INPUT_ZONES*"),
            Chain("INPUT_POLICIES*"),
            Chain("INPUT_direct"),
            Chain("FORWARD_ZONES"),
            Chain("FORWARD_IN_ZONES*"),
            Chain("FORWARD_OUT_ZONES*"),
            Chain("FORWARD_POLICIES*"),
            Chain("FORWARD_direct"),
            Chain("OUTPUT_POLICIES*"),
            Chain("OUTPUT_direct"),
            Chain("PREROUTING_ZONES*"),
            Chain("PREROUTING_POLICIES*"),
            Chain("PREROUTING_direct"),
            Chain("POSTROUTING_ZONES*"),
            Chain("POSTROUTING_POLICIES*"),
            Chain("POSTROUTING_direct"),
            Chain("RFC3964_IPv4"),
            Beside("OUTPUT_direct", "IN_*"),
            Beside("OUTPUT_direct", "FWD_*"),
            Beside("OUTPUT_direct", "FWDI_*"),
            Beside("OUTPUT_direct", "FWDO_*"),
            Beside("OUTPUT_direct", "OUT_*"),
            Beside("OUTPUT_direct", "PRE_*"),
            Beside("OUTPUT_direct", "POST_*"),
            Reads("OUTPUT_direct", FIREWALLD),
            // Its panic mode with iptables.
            Stops("OUTPUT_direct"),
        ],
        change: "with firewall-cmd, by zone",
        again: Some("at every reload"),
    },
    Manager {
        name: "ufw",
        signs: &[Chain("ufw-*"), Chain("ufw6-*")],
        change: "with ufw, or in /etc/ufw/before.rules",
        again: Some("at every reload"),
    },
    Manager {
        name: "docker",
        signs: &[
            Chain("DOCKER"),
            Chain("DOCKER-*"),
            Table("docker-bridges"),
            Table("docker-overlay"),
            Set("docker-ext-bridges-*"),
            Reads("DOCKER", DOCKER),
        ],
        change: "by what containers publish; own rules of iptables go to the chain DOCKER-USER",
        again: Some("when dockerd starts"),
    },
    Manager {
        name: "podman",
        signs: &[Table("netavark"), Chain("NETAVARK-*"), Chain("NETAVARK_*"), Chain("CNI-*")],
        change: "by what containers publish; podman network reload writes them again",
        again: Some("when its networks are set up again"),
    },
    Manager {
        name: "kube-proxy",
        signs: &[Chain("KUBE-*"), Table("kube-proxy")],
        change: "by services and endpoints of the cluster, never by hand",
        again: Some("at its next sync"),
    },
    Manager {
        name: "kube-router",
        signs: &[Chain("KUBE-ROUTER-*"), Chain("KUBE-NWPLCY-*"), Chain("KUBE-POD-FW-*")],
        change: "by network policies of the cluster",
        again: Some("at its next sync"),
    },
    Manager {
        name: "calico",
        signs: &[Chain("cali-*"), Table("calico"), Comment("cali:*"), Set("cali40*"), Set("cali60*")],
        change: "by network policies of the cluster, or FelixConfiguration",
        again: Some("at Felix's next refresh"),
    },
    Manager {
        name: "cilium",
        signs: &[Chain("CILIUM_*"), Chain("OLD_CILIUM_*"), Comment("cilium-feeder:*"), Comment("cilium:*")],
        change: "by network policies of the cluster",
        again: Some("when its agent starts"),
    },
    Manager {
        name: "antrea",
        signs: &[Chain("ANTREA-*"), Set("ANTREA-*")],
        change: "by network policies of the cluster",
        again: Some("at its agent's next sync"),
    },
    Manager {
        name: "flannel",
        signs: &[Chain("FLANNEL-*"), Comment("flanneld *")],
        change: "in flannel's configuration",
        again: None,
    },
    Manager { name: "weave", signs: &[Chain("WEAVE*")], change: "by network policies of the cluster", again: None },
    Manager {
        name: "aws-vpc-cni",
        signs: &[
            Chain("AWS-SNAT-CHAIN-*"),
            Chain("AWS-CONNMARK-CHAIN-*"),
            Comment("AWS, *"),
            Comment("AWS SNAT CHAIN"),
        ],
        change: "by the settings of the aws-node daemon set",
        again: None,
    },
    Manager {
        name: "ip-masq-agent",
        signs: &[Chain("IP-MASQ"), Chain("IP-MASQ-AGENT"), Comment("ip-masq-agent: *")],
        change: "by the config map ip-masq-agent",
        again: Some("at its next sync"),
    },
    Manager { name: "istio", signs: &[Chain("ISTIO_*")], change: "by the mesh's configuration", again: None },
    Manager {
        name: "libvirt",
        signs: &[
            Chain("LIBVIRT_*"),
            Table("libvirt_network"),
            Chain("libvirt-*"),
            // Of nwfilter, for one interface of a guest each.
            Beside("libvirt-in", "FI-*"),
            Beside("libvirt-in", "FO-*"),
            Beside("libvirt-in", "HI-*"),
        ],
        change: "with virsh net-edit",
        again: Some("when a network or libvirtd starts"),
    },
    Manager {
        name: "lxd",
        signs: &[Table("lxd"), Comment("generated for LXD *")],
        change: "with lxc network",
        again: Some("when the network is changed or LXD starts"),
    },
    Manager {
        name: "incus",
        signs: &[Table("incus"), Comment("generated for Incus *")],
        change: "with incus network",
        again: Some("when the network is changed or Incus starts"),
    },
    Manager {
        name: "proxmox",
        signs: &[
            Chain("PVEFW-*"),
            Set("PVEFW-*"),
            Table("proxmox-firewall*"),
            Beside("PVEFW-FORWARD", "tap*"),
            Beside("PVEFW-FORWARD", "veth*"),
            Beside("PVEFW-FORWARD", "GROUP-*"),
        ],
        change: "in the Proxmox firewall",
        again: Some("within seconds"),
    },
    Manager {
        name: "openstack",
        signs: &[Chain("neutron-*")],
        change: "by security groups",
        again: Some("at its agent's next sync"),
    },
    Manager {
        name: "shorewall",
        // A chain that holds nothing and says that the firewall is up.
        signs: &[Marks("shorewall"), Marks("shorewall6")],
        change: "in /etc/shorewall, then shorewall safe-restart",
        again: Some("at every reload"),
    },
    Manager {
        name: "fail2ban",
        signs: &[Table("f2b-table"), Chain("f2b-*"), Set("f2b-*"), Set("addr-set-*"), Set("addr6-set-*")],
        change: "with fail2ban-client",
        again: None,
    },
    Manager {
        name: "crowdsec",
        signs: &[
            Table("crowdsec"),
            Table("crowdsec6"),
            Chain("CROWDSEC_CHAIN*"),
            Chain("CROWDSEC_LOG"),
            Set("crowdsec-blacklists*"),
            Set("crowdsec6-blacklists*"),
        ],
        change: "with cscli decisions",
        again: None,
    },
    Manager {
        name: "sshguard",
        signs: &[Table("sshguard"), Chain("sshguard"), Set("sshguard*")],
        change: "in sshguard's whitelist",
        again: None,
    },
    Manager {
        name: "tailscale",
        signs: &[Chain("ts-input"), Chain("ts-forward"), Chain("ts-postrouting"), Chain("ts-clamp")],
        change: "with tailscale set --netfilter-mode",
        again: Some("when tailscaled starts or its settings change"),
    },
    Manager {
        name: "wg-quick",
        signs: &[Table("wg-quick-*"), Comment("wg-quick(8) rule for *")],
        change: "in the WireGuard configuration",
        again: Some("when the tunnel goes up again"),
    },
    Manager {
        name: "sshuttle",
        signs: &[Chain("sshuttle*"), Table("sshuttle*")],
        change: "by ending or restarting sshuttle",
        again: None,
    },
    Manager {
        name: "nixos",
        signs: &[Chain("nixos-fw*"), Table("nixos-fw*"), Table("nixos-nat")],
        change: "in networking.firewall of the system's configuration",
        again: Some("at the next switch"),
    },
    Manager {
        name: "vyos",
        signs: &[Table("vyos_*"), Chain("VYOS_*")],
        change: "with set firewall, in the configuration mode of VyOS",
        again: Some("at every commit"),
    },
    Manager {
        name: "openwrt",
        signs: &[Table("fw4")],
        change: "in /etc/config/firewall",
        again: Some("at every reload, which also comes with each interface"),
    },
    Manager {
        name: "netbird",
        signs: &[Table("netbird"), Chain("NETBIRD-*")],
        change: "by NetBird's access control policies",
        again: None,
    },
    Manager { name: "opensnitch", signs: &[Table("opensnitch")], change: "in OpenSnitch's rules", again: None },
    Manager {
        name: "mullvad",
        signs: &[Table("mullvad")],
        change: "with mullvad, or by split tunnelling",
        again: None,
    },
    Manager {
        name: "foomuuri",
        signs: &[Table("foomuuri")],
        change: "in /etc/foomuuri",
        again: Some("at every reload"),
    },
    Manager {
        name: "csf",
        signs: &[
            Chain("LOCALINPUT"),
            Chain("LOCALOUTPUT"),
            Chain("DENYIN"),
            Chain("DENYOUT"),
            Chain("ALLOWIN"),
            Chain("ALLOWOUT"),
        ],
        change: "with csf",
        again: Some("at every restart, which lfd does too"),
    },
    Manager {
        name: "NetworkManager",
        signs: &[Table("nm-shared-*"), Chain("nm-sh-*")],
        change: "by the shared connection's profile",
        again: Some("when the connection goes up again"),
    },
    Manager {
        name: "systemd",
        signs: &[Table("io.systemd.nat")],
        change: "in the unit of systemd-networkd or nspawn",
        again: None,
    },
    Manager {
        name: "miniupnpd",
        signs: &[Table("miniupnpd"), Chain("MINIUPNPD*")],
        change: "by UPnP clients",
        again: None,
    },
    Manager { name: "mwan3", signs: &[Chain("mwan3_*")], change: "in /etc/config/mwan3", again: None },
    Manager { name: "nfblame", signs: &[Table("nfblame-*")], change: "by ending the nfblame that traces", again: None },
];

/// What Docker writes into iptables' own chains besides jumps to its own.
const DOCKER: &[&str] = &[
    "-A DOCKER-USER -j RETURN",
    "-A FORWARD -o <bridge> -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A FORWARD -i <bridge> ! -o <bridge> -j ACCEPT",
    "-A FORWARD -i <bridge> -o <bridge> -j ACCEPT",
    "-A FORWARD -i <bridge> -o <bridge> -j DROP",
    "-A POSTROUTING -s <net> ! -o <bridge> -j MASQUERADE",
    "-A PREROUTING -d <net> ! -i <bridge> -j DROP",
    "-A PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport <any> -j DROP",
    "-A PREROUTING -d 127.0.0.1/32 ! -i lo -p udp -m udp --dport <any> -j DROP",
    "-A POSTROUTING -s <net> -d <net> -p tcp -m tcp --dport <any> -j MASQUERADE",
    "-A POSTROUTING -s <net> -d <net> -p udp -m udp --dport <any> -j MASQUERADE",
];

/// What firewalld writes into iptables' own chains besides jumps to its own.
const FIREWALLD: &[&str] = &[
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate INVALID -j LOG --log-prefix \"STATE_INVALID_DROP: \"",
    "-A INPUT -m conntrack --ctstate INVALID -j DROP",
    "-A INPUT -j LOG --log-prefix \"FINAL_REJECT: \"",
    "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
    "-A INPUT -j REJECT --reject-with icmp6-adm-prohibited",
    "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
    "-A FORWARD -i lo -j ACCEPT",
    "-A FORWARD -m conntrack --ctstate INVALID -j LOG --log-prefix \"STATE_INVALID_DROP: \"",
    "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-A FORWARD -j LOG --log-prefix \"FINAL_REJECT: \"",
    "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
    "-A FORWARD -j REJECT --reject-with icmp6-adm-prohibited",
    "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT",
    "-A OUTPUT -o lo -j ACCEPT",
    "-A PREROUTING -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT",
    "-A PREROUTING -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT",
    "-A PREROUTING -m rpfilter --validmark --invert -j DROP",
];

/// They stop only what leads nowhere: services that have no endpoint, which no rule gives them.
pub(super) const ONLY_REFUSES: [&str; 1] = ["kube-proxy"];

/// Chains of managers whose rules stand in the order in which somebody gave them.
pub(super) const IN_ORDER_OF_THE_USER: [&str; 6] = [
    "ufw-user-input",
    "ufw-user-output",
    "ufw-user-forward",
    "ufw6-user-input",
    "ufw6-user-output",
    "ufw6-user-forward",
];

/// They open what their networks may need, whether somebody listens there or not.
pub(super) const OPEN_BY_THEMSELVES: [&str; 4] = ["libvirt", "lxd", "incus", "podman"];

/// They let in what a policy says: what they stop, somebody meant to be stopped.
pub(super) const BY_POLICY: [&str; 6] = ["kube-router", "calico", "cilium", "antrea", "weave", "openstack"];

/// They set policies of base chains; the others leave them to the administrator.
pub(super) const SET_POLICIES: [&str; 3] = ["ufw", "docker", "csf"];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_signs_are_of_one_manager_each() {
        let (mut names, mut signs) = (HashSet::new(), HashSet::new());
        for m in MANAGERS {
            assert!(names.insert(m.name), "{} stands twice", m.name);
            assert!(!m.signs.is_empty() && !m.change.is_empty(), "{}", m.name);
            for s in m.signs {
                assert!(signs.insert(format!("{s:?}")), "{s:?} stands twice");
            }
        }
        assert!(
            ONLY_REFUSES
                .iter()
                .chain(&SET_POLICIES)
                .chain(&OPEN_BY_THEMSELVES)
                .chain(&BY_POLICY)
                .all(|name| names.contains(name))
        );
    }
}
