//! Routers whose devices are TAPs: whatever leaves by them is seen, and nothing comes in that a test does not send.

use nfblame_sys::tun::Tap;

use super::Netns;

/// Makes a namespace a router that says nothing by itself, and checks no source. Before there are devices.
pub fn quiet_router(ns: &Netns) {
    for (key, value) in [
        // Group membership is told once at the beginning and then not for hours.
        ("net.ipv6.conf.default.mldv1_unsolicited_report_interval", "100000000"),
        ("net.ipv6.conf.default.mldv2_unsolicited_report_interval", "100000000"),
        ("net.ipv4.conf.default.rp_filter", "0"),
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv6.conf.all.forwarding", "1"),
    ] {
        ns.sysctl(key, value);
    }
}

/// Adds a device with that hardware address, which is down yet. Its index comes with it.
pub fn tap(ns: &Netns, name: &'static str, mac: &[u8; 6]) -> (u32, Tap) {
    let tap = ns.run(|| Tap::new(name)).unwrap_or_else(|e| panic!("{e}"));
    let index = ns.index(name);
    ns.rt(|rt| rt.set_address(index, mac).and_then(|()| rt.set_quiet(index))).unwrap_or_else(|e| panic!("{e}"));
    ns.sysctl(&format!("net.ipv4.conf.{name}.rp_filter"), "0");
    (index, tap)
}
