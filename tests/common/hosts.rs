//! What programs and people load on a host between the Internet (`eth0`) and a network of its own (`eth1`).

macro_rules! hosts {
    ($($name:literal),* $(,)?) => {
        /// Name, and the commands that make it so.
        pub const HOSTS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../corpus/healthy/", $name, ".sh")))),*];
    };
}

hosts!(
    "calico",
    "chains-of-ports",
    "crowdsec",
    "distribution",
    "docker",
    "firewalld",
    "firewalld-iptables",
    "fail2ban",
    "incus",
    "kube-proxy",
    "libvirt-nft",
    "libvirt",
    "openwrt",
    "podman",
    "podman-iptables",
    "router-legacy",
    "router",
    "shorewall",
    "tailscale",
    "template",
    "vmaps",
    "wireguard",
    "workstation",
);
