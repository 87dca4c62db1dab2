//! Programs of the host itself.

use std::net::IpAddr;

use super::{Case, Said, plain, said};

/// tailscaled drops sources of its own range that come from elsewhere, which a provider's network may use as well. What its
/// access rules forbid it drops itself, and no rule of the kernel sees it.
pub(super) fn tailscale(_: &Case<'_>) -> Vec<Said> {
    vec![
        said(
            "if that network has addresses of 100.64.0.0/10 for reasons of its own: the node attribute disable-linux-cgnat-drop-rule in the \
             tailnet's policy file (with a client that knows it)",
            &[],
        ),
        said(
            "or have tailscaled keep its chains, and lead packets there by rules of your own",
            &["tailscale set --netfilter-mode=nodivert"],
        ),
    ]
}

/// While all traffic goes through a tunnel, its address is not reached by another way.
pub(super) fn wg_quick(case: &Case<'_>) -> Vec<Said> {
    let tunnel = case.table.strip_prefix("wg-quick-").filter(|n| plain(n)).unwrap_or("IF");
    vec![said(
        format!(
            "wg-quick lets nobody reach {} but through the tunnel as long as all traffic goes there: in /etc/wireguard/{tunnel}.conf, \
             narrow AllowedIPs, or set Table = off and write routes of your own",
            case.to()
        ),
        &[&format!("wg-quick down {tunnel}"), &format!("wg-quick up {tunnel}")],
    )]
}

/// Mullvad lets nothing pass by its tunnel.
pub(super) fn mullvad(case: &Case<'_>) -> Vec<Said> {
    let local = |a: Option<IpAddr>| match a {
        Some(IpAddr::V4(a)) => a.is_private() || a.is_link_local(),
        Some(IpAddr::V6(a)) => a.is_unique_local() || a.is_unicast_link_local(),
        None => false,
    };
    if local(case.packet.source) && local(case.packet.destination) {
        return vec![said("allow the local network", &["mullvad lan set allow"])];
    }
    vec![said(
        "nothing goes beside the tunnel: except the program, or end the tunnel",
        &["mullvad split-tunnel add PID", "mullvad lockdown-mode set off; mullvad disconnect"],
    )]
}

/// NetworkManager's shared connections let nobody in.
pub(super) fn shared(case: &Case<'_>) -> Vec<Said> {
    let of = |prefix: &str| case.chain.strip_prefix(prefix).or(case.table.strip_prefix(prefix));
    let names = ["nm-sh-fw-", "nm-sh-in-", "nm-shared-"];
    let device = names.iter().find_map(|p| of(p)).filter(|n| plain(n)).unwrap_or("DEVICE");
    vec![
        said(
            format!(
                "a shared connection lets nobody begin connections to {device}: a script in /etc/NetworkManager/dispatcher.d that is called \
                 with `{device} up` can put a rule before its own each time"
            ),
            &[],
        ),
        said(
            "or share it by rules of your own, address and masquerading included",
            &["nmcli connection modify CONNECTION ipv4.method manual ipv4.addresses ADDRESS/LENGTH"],
        ),
    ]
}

/// The firewall module of NixOS.
pub(super) fn nixos(case: &Case<'_>) -> Vec<Said> {
    let Some((protocol, port)) = case.port() else { return Vec::new() };
    let ports = if protocol == "tcp" { "allowedTCPPorts" } else { "allowedUDPPorts" };
    vec![said(format!("networking.firewall.{ports} = [ {port} ]; in configuration.nix"), &["nixos-rebuild switch"])]
}

/// Foomuuri's chains are named after two zones, as its sections are.
pub(super) fn foomuuri(case: &Case<'_>) -> Vec<Said> {
    let Some((protocol, port)) = case.port() else { return Vec::new() };
    let section = ["_ipv4", "_ipv6"].iter().find_map(|s| case.chain.strip_suffix(s)).unwrap_or(&case.chain);
    let section = if section.split_once('-').is_some() && plain(section) { section } else { "FROM-TO" };
    vec![said(
        format!("a line `{protocol} {port} saddr {}` in the section {section} of /etc/foomuuri/*.conf", case.from()),
        &["foomuuri reload"],
    )]
}

/// ConfigServer's firewall opens ports by its file, and hosts by lists.
pub(super) fn csf(case: &Case<'_>) -> Vec<Said> {
    let Some((protocol, port)) = case.port() else { return Vec::new() };
    let list = if case.packet.hook == Some("output") { "OUT" } else { "IN" };
    let mut all = vec![said("or let the client reach every port (csf.allow)", &[&format!("csf -a {}", case.from())])];
    if case.packet.hook != Some("forward") {
        let key = format!("{}_{list}", protocol.to_uppercase());
        all.insert(0, said(format!("add {port} to {key} in /etc/csf/csf.conf"), &["csf -r"]));
    }
    all
}
