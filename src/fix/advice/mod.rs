//! What to tell the one who keeps the rule in the way, where no change of the model stands for it: nothing of this was tried.

mod clusters;
mod containers;
mod hosts;

use std::net::IpAddr;

use crate::blame::{Advice, Blame, PacketFields};

use super::rule::is_plain;

/// What to do, and the commands. What only the program knows stands there in capitals.
type Said = (String, Vec<String>);

/// What its keeper may be told about the rule or policy that ended a packet, the best first.
pub fn advice(blame: &Blame) -> Vec<Advice> {
    let c = &blame.culprit;
    let Some(manager) = c.manager.as_deref().and_then(crate::manager::named) else { return Vec::new() };
    let word = |s: &Option<String>| s.clone().unwrap_or_default();
    let case = Case {
        packet: &blame.packet,
        table: word(&c.table_name),
        chain: word(&c.chain_name),
        text: word(&c.text),
        comment: word(&c.comment),
    };
    let said = match manager.name {
        "docker" => containers::docker(&case),
        "podman" => containers::podman(&case),
        "libvirt" => containers::libvirt(&case),
        "incus" => containers::incus(&case, "incus"),
        "lxd" => containers::incus(&case, "lxc"),
        "proxmox" => containers::proxmox(&case),
        "openstack" => containers::openstack(&case),
        "kube-proxy" => clusters::service(&case),
        "kube-router" | "calico" | "cilium" | "antrea" | "weave" => clusters::policy(&case),
        "tailscale" => hosts::tailscale(&case),
        "wg-quick" => hosts::wg_quick(&case),
        "mullvad" => hosts::mullvad(&case),
        "NetworkManager" => hosts::shared(&case),
        "nixos" => hosts::nixos(&case),
        "foomuuri" => hosts::foomuuri(&case),
        "csf" => hosts::csf(&case),
        _ => Vec::new(),
    };
    said.into_iter().map(|(message, commands)| Advice { manager: manager.name, message, commands }).collect()
}

/// A packet and what ended it.
struct Case<'b> {
    packet: &'b PacketFields,
    table: String,
    chain: String,
    text: String,
    comment: String,
}

impl Case<'_> {
    /// The protocol and the port that it goes to, where it is one that has ports.
    fn port(&self) -> Option<(&str, u16)> {
        let protocol = self.packet.transport.as_deref().filter(|t| matches!(*t, "tcp" | "udp"))?;
        Some((protocol, self.packet.destination_port?))
    }

    /// `tcp/80`, or only the protocol.
    fn service(&self) -> String {
        match self.port() {
            Some((protocol, port)) => format!("{protocol}/{port}"),
            None => self.packet.transport.clone().unwrap_or_else(|| "it".into()),
        }
    }

    fn to(&self) -> String {
        address(self.packet.destination, "its address")
    }

    fn from(&self) -> String {
        address(self.packet.source, "the client")
    }
}

fn address(a: Option<IpAddr>, unknown: &str) -> String {
    a.map_or_else(|| unknown.to_owned(), |a| a.to_string())
}

fn plain(name: &str) -> bool {
    is_plain(&name.into())
}

fn said(message: impl Into<String>, commands: &[&str]) -> Said {
    (message.into(), commands.iter().map(|c| (*c).to_owned()).collect())
}
