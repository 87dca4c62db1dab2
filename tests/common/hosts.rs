//! What programs and people load on a host between the Internet (`eth0`) and a network of its own (`eth1`).

macro_rules! hosts {
    ($($name:literal),* $(,)?) => {
        /// Name, and the commands that make it so.
        pub const HOSTS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../corpus/healthy/", $name, ".sh")))),*];
    };
}

hosts!(
    "both-tools",
    "bridge-netfilter",
    "calico",
    "chains-of-ports",
    "cilium",
    "crowdsec",
    "desktop",
    "distribution",
    "docker",
    "docker-26",
    "docker-28",
    "docker-nft",
    "eks",
    "fail2ban",
    "firewalld",
    "firewalld-iptables",
    "incus",
    "k3s",
    "kube-proxy",
    "libvirt",
    "libvirt-nft",
    "openwrt",
    "podman",
    "podman-iptables",
    "proxmox",
    "router",
    "router-legacy",
    "several-wans",
    "shorewall",
    "tailscale",
    "template",
    "vmaps",
    "vpn-full-tunnel",
    "vyos",
    "wireguard",
    "workstation",
);
