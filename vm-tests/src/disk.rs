//! What is on the machine's disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use nfblame_vm_tests::{PLAN, Plan, SCENARIOS, Suite};

use crate::build::Built;
use crate::initramfs::Archive;
use crate::modules::{Unpacked, module_name};
use crate::shell::find;

/// Modules that are loaded before the tests. Each may be built in, or be called otherwise in another version.
pub const LOADED: &[&str] = &[
    "crc32c_generic",
    "nf_tables",
    "nfnetlink_log",
    "nfnetlink_queue",
    "nf_conntrack",
    "nf_conntrack_netlink",
    "nft_ct",
    "nft_log",
    "nft_limit",
    "nft_reject_inet",
    "nft_reject_ipv4",
    "nft_reject_ipv6",
    "nft_reject_netdev",
    "nft_fib_inet",
    "nft_fib_ipv4",
    "nft_fib_ipv6",
    "nft_counter",
    "nft_chain_nat",
    "nft_nat",
    "nft_masq",
    "nft_redir",
    "nft_compat",
    "nft_queue",
    "nft_objref",
    "nft_hash",
    "nft_numgen",
    "nft_socket",
    "nft_tproxy",
    "nft_quota",
    "nft_connlimit",
    "nft_dup_ipv4",
    "nft_fwd_netdev",
    "nft_osf",
    "nft_synproxy",
    "nft_tunnel",
    "nft_xfrm",
    "nft_meta_bridge",
    "nft_reject_bridge",
    "nft_set_pipapo",
    "nf_log_syslog",
    "nf_log_ipv4",
    "nf_log_ipv6",
    "x_tables",
    "ip_tables",
    "ip6_tables",
    "iptable_filter",
    "iptable_raw",
    "iptable_mangle",
    "iptable_nat",
    "ip6table_filter",
    "ip6table_raw",
    "ip6table_mangle",
    "ip6table_nat",
    "arp_tables",
    "arptable_filter",
    "ipt_REJECT",
    "ip6t_REJECT",
    "ip6t_frag",
    "xt_conntrack",
    "xt_LOG",
    "xt_NFLOG",
    "xt_TRACE",
    "xt_comment",
    "xt_limit",
    "xt_tcpudp",
    "xt_multiport",
    "xt_set",
    "xt_mark",
    "xt_connmark",
    "xt_mac",
    "xt_addrtype",
    "xt_pkttype",
    "xt_length",
    "xt_state",
    "xt_owner",
    "xt_physdev",
    "xt_recent",
    "xt_hashlimit",
    "xt_nat",
    "xt_MASQUERADE",
    "xt_REDIRECT",
    "xt_NFQUEUE",
    "xt_iprange",
    "xt_ecn",
    "xt_dscp",
    "xt_u32",
    "xt_string",
    "xt_statistic",
    "xt_quota",
    "xt_time",
    "xt_TCPMSS",
    "xt_CT",
    "xt_TPROXY",
    "xt_hl",
    "ebt_ip",
    "ebt_ip6",
    "ebt_mark_m",
    "ebt_pkttype",
    "ip_set",
    "ip_set_hash_ip",
    "ip_set_hash_net",
    "ip_set_hash_ipport",
    "ip_set_bitmap_port",
    "ip_set_list_set",
    "veth",
    "dummy",
    "tun",
    "bridge",
    "macvlan",
    "sch_ingress",
    "cls_matchall",
    "act_gact",
    "sch_netem",
    "tcp_diag",
    "udp_diag",
    "raw_diag",
    "xfrm_user",
    "inet_diag",
    "unix_diag",
    "nlmon",
];

/// Modules that are there to be loaded, and that some tests want.
const LOADABLE: &[&str] =
    &["drop_monitor", "nfnetlink_hook", "br_netfilter", "ebtables", "ebtable_filter", "nf_tables_bridge"];

/// Where kernels have the modules that test programs may want beside these. They are loaded when the kernel asks for them.
const WANTED_BY_SUITES: &[&str] = &[
    "kernel/net/netfilter/",
    "kernel/net/ipv4/netfilter/",
    "kernel/net/ipv6/netfilter/",
    "kernel/net/bridge/netfilter/",
    "kernel/net/sched/cls_",
    "kernel/net/sched/act_",
    "kernel/net/sched/sch_",
    "kernel/lib/ts_",
];

/// Programs of this host that tests compare with. What is not installed is left out; its tests say so.
const PEERS: &[&str] = &[
    "sh",
    "cat",
    "chmod",
    "cp",
    "ln",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "mount",
    "nft",
    "ip",
    "tc",
    "sysctl",
    "unshare",
    "nsenter",
    "setpriv",
    "conntrack",
    "ipset",
    "iptables-nft",
    "ip6tables-nft",
    "iptables-legacy",
    "ip6tables-legacy",
    "arptables-legacy",
    "arptables-nft",
    "arptables-nft-restore",
    "arptables-nft-save",
    "ebtables-nft",
    "ebtables-nft-restore",
    "iptables-nft-restore",
    "iptables-legacy-restore",
    "ip6tables-legacy-restore",
    "ip6tables-nft-restore",
    "iptables-nft-save",
    "iptables-legacy-save",
    "ip6tables-nft-save",
    "ip6tables-legacy-save",
];

/// What scenarios call beside these.
const SCENARIOS_CALL: &[&str] = &[
    "bash", "env", "awk", "basename", "cut", "dirname", "findmnt", "grep", "head", "id", "ping", "readlink", "setsid",
    "sleep", "ss", "tail", "timeout", "tr",
];

/// Of Python's library, what nothing here imports.
const UNWANTED: &[&str] =
    &["__pycache__", "test", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "tkinter", "turtledemo", "unittest"];

/// Names that these programs know protocols and ports by.
const NAMES: &[&str] = &["/etc/protocols", "/etc/services", "/etc/ethertypes"];

/// Where Debian's iptables has its extensions.
const EXTENSIONS: &str = "/usr/lib/x86_64-linux-gnu/xtables";

/// What is on the disk where more than the usual is asked for.
pub struct More<'a> {
    /// All modules of netfilter, and Python.
    pub modules: bool,
    /// Scenarios.
    pub scenarios: Option<&'a Path>,
}

/// Writes the disk of a kernel into a file that has no name, so that it goes when we go.
///
/// # Errors
/// When something that should be on it cannot be read, or there is no room.
pub fn write(
    kernel: &Unpacked,
    release: &str,
    built: &Built,
    plan: &Plan,
    more: &More<'_>,
    dir: &Path,
) -> Result<File, String> {
    let mut disk = Archive::default();
    for dir in ["proc", "sys", "dev", "run", "tmp", "etc", "mnt", "var"] {
        disk.dir(dir);
    }
    disk.copy(&built.init, "init")?;
    // The kernel's own call for a module ends in our hands.
    disk.link("sbin/modprobe", "/init");
    disk.copy(&built.nfblame, "bin/nfblame")?;
    disk.link(&built.nfblame.display().to_string(), "/bin/nfblame");
    disk.file("etc/passwd", 0o644, b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n");
    disk.file("etc/group", 0o644, b"root:x:0:\n");

    let mut plan = plan.clone();
    for (name, path) in &built.suites {
        let to = format!("tests/{name}");
        disk.copy(path, &to)?;
        if let Some(suite) = plan.suites.iter_mut().find(|s| s.name == *name) {
            suite.path = format!("/{to}");
        }
    }
    plan.suites.retain(|s: &Suite| !s.path.is_empty());
    if let Some(run) = &mut plan.run {
        disk.copy(Path::new(run), "run-this")?;
        *run = "/run-this".into();
    }
    let text = serde_json::to_vec(&plan).map_err(|e| format!("the plan: {e}"))?;
    disk.file(PLAN, 0o644, &text);

    modules(&mut disk, kernel, release, if more.modules { WANTED_BY_SUITES } else { &[] })?;
    if more.modules {
        python(&mut disk)?;
    }
    if let Some(dir) = more.scenarios {
        disk.tree(dir, SCENARIOS, UNWANTED)?;
    }
    for peer in PEERS.iter().chain(SCENARIOS_CALL.iter().filter(|_| more.scenarios.is_some())) {
        if let Some(path) = find(peer) {
            disk.program(&path)?;
        }
    }
    // Where scripts look for them.
    for shell in ["sh", "bash"] {
        if let Some(path) = find(shell) {
            disk.link(&format!("bin/{shell}"), &path.display().to_string());
        }
    }
    for names in NAMES {
        if let Ok(text) = std::fs::read(names) {
            disk.file(names, 0o644, &text);
        }
    }
    if let Ok(extensions) = std::fs::read_dir(EXTENSIONS) {
        for file in extensions.flatten() {
            disk.copy(&file.path(), &file.path().display().to_string())?;
        }
    }
    let to = dir.join("initramfs");
    let fail = |e: std::io::Error| format!("{}: {e}", to.display());
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&to).map_err(fail)?;
    std::fs::remove_file(&to).and_then(|()| file.write_all(&disk.finish())).map_err(fail)?;
    Ok(file)
}

/// The distribution's Python, where it is installed, with its library.
fn python(disk: &mut Archive) -> Result<(), String> {
    let program = Path::new("/usr/bin/python3");
    if !program.exists() {
        return Ok(());
    }
    disk.program(program)?;
    let real = std::fs::canonicalize(program).map_err(|e| format!("{}: {e}", program.display()))?;
    let library = Path::new("/usr/lib").join(real.file_name().unwrap_or_default());
    disk.tree(&library, &library.display().to_string(), UNWANTED)
}

/// Modules, decompressed, with lists that say so; also those whose path begins like one of `more`.
fn modules(disk: &mut Archive, kernel: &Unpacked, release: &str, more: &[&str]) -> Result<(), String> {
    let list = kernel.list("modules.dep")?;
    let paths = list.lines().filter_map(|l| l.split_once(':')).map(|(path, _)| path);
    let more: Vec<String> = paths.filter(|p| more.iter().any(|m| p.starts_with(m))).map(module_name).collect();
    let files = kernel.closure(LOADED.iter().chain(LOADABLE).copied().chain(more.iter().map(String::as_str)));
    let plain = |path: &str| path.split_once(".ko").map_or(path, |(stem, _)| stem).to_owned() + ".ko";
    let root = format!("lib/modules/{release}");
    for path in &files {
        disk.file(&format!("{root}/{}", plain(path)), 0o644, &kernel.module(path)?);
    }
    let there: BTreeSet<String> = files.iter().map(|p| module_name(p)).collect();
    let mut dep = String::new();
    for line in list.lines() {
        let Some((path, rest)) = line.split_once(':').filter(|(p, _)| files.contains(*p)) else { continue };
        let needs: Vec<String> = rest.split_whitespace().map(plain).collect();
        dep.push_str(&format!("{}: {}\n", plain(path), needs.join(" ")));
    }
    let aliases: String = kernel
        .list("modules.alias")?
        .lines()
        .filter(|l| l.rsplit(' ').next().is_some_and(|m| there.contains(m)))
        .map(|l| format!("{l}\n"))
        .collect();
    disk.file(&format!("{root}/modules.dep"), 0o644, dep.as_bytes());
    disk.file(&format!("{root}/modules.alias"), 0o644, aliases.as_bytes());
    let builtin = kernel.list("modules.builtin")?;
    disk.file(&format!("{root}/modules.builtin"), 0o644, builtin.as_bytes());
    Ok(())
}
