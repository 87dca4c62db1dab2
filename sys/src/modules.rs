//! Kernel modules: what asking would load.
//!
//! The kernel loads modules on demand, when a netlink subsystem or socket diagnosis is first used. A tool that only
//! reads should not change what is loaded, so it looks here before it asks.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Whether a part of the kernel that may be a module is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Loaded, or built in: asking loads nothing. (Or nothing can be loaded here: asking says whether it is there.)
    Present,
    /// Not loaded; asking would load it.
    Loadable,
    /// Not known.
    Unknown,
}

/// Looks for the module `name`. Where the module lists do not tell, a function of it (`symbol`) is looked for among
/// the kernel's symbols.
pub fn presence(name: &str, symbol: &str) -> Presence {
    find(Path::new("/"), name, symbol)
}

/// Is it certain, by the short lists of modules, that asking loads nothing? Reading all that [`presence`] may have to read
/// takes longer than most questions.
pub fn is_surely_present(name: &str) -> bool {
    surely(Path::new("/"), name)
}

fn find(root: &Path, name: &str, symbol: &str) -> Presence {
    if surely(root, name) {
        Presence::Present
    } else if lists_module(root, "modules.dep", name) {
        Presence::Loadable
    } else {
        match has_symbol(&root.join("proc/kallsyms"), symbol) {
            Ok(true) => Presence::Present,
            Ok(false) => Presence::Loadable,
            Err(_) => Presence::Unknown,
        }
    }
}

fn surely(root: &Path, name: &str) -> bool {
    let at = |path: &str| root.join(path);
    let Ok(loaded) = fs::read_to_string(at("proc/modules")) else {
        return true; // a kernel without modules
    };
    let disabled = |path, value: &str| fs::read_to_string(at(path)).is_ok_and(|v| v.trim() == value);
    loaded.lines().any(|l| l.split(' ').next() == Some(name))
        || at("sys/module").join(name).is_dir()
        || disabled("proc/sys/kernel/modules_disabled", "1")
        || disabled("proc/sys/kernel/modprobe", "")
        || lists_module(root, "modules.builtin", name)
}

fn release(root: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(root.join("proc/sys/kernel/osrelease")).ok()?;
    Some(PathBuf::from(text.trim()))
}

/// Is it in that list of the running kernel (lines that begin with `kernel/…/name.ko`, perhaps compressed)?
fn lists_module(root: &Path, list: &str, name: &str) -> bool {
    let text =
        release(root).map(|r| fs::read_to_string(root.join("lib/modules").join(r).join(list)).unwrap_or_default());
    text.unwrap_or_default().lines().any(|line| {
        let path = line.split(':').next().unwrap_or(line);
        let file = path.rsplit('/').next().unwrap_or(path);
        file.split_once(".ko").is_some_and(|(stem, _)| stem.replace('-', "_") == name)
    })
}

fn has_symbol(kallsyms: &Path, symbol: &str) -> io::Result<bool> {
    for line in BufReader::with_capacity(1 << 16, fs::File::open(kallsyms)?).lines() {
        if line?.split_ascii_whitespace().nth(2) == Some(symbol) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read_in_order_of_trust() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("nfblame-modules-{}", std::process::id()));
        let put = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&root))?;
            fs::write(path, text)
        };
        assert_eq!(find(&root, "udp_diag", "udp_diag_dump"), Presence::Present, "no modules, nothing to load");
        put("proc/modules", "tcp_diag 16384 0 - Live 0x0\n")?;
        assert_eq!(find(&root, "tcp_diag", "x"), Presence::Present);
        assert_eq!(find(&root, "udp_diag", "x"), Presence::Unknown);
        put("proc/kallsyms", "0000000000000000 t udp_diag_dump\n")?;
        assert_eq!(find(&root, "udp_diag", "udp_diag_dump"), Presence::Present);
        assert_eq!(find(&root, "raw_diag", "raw_diag_dump"), Presence::Loadable);
        put("proc/sys/kernel/osrelease", "6.1\n")?;
        put("lib/modules/6.1/modules.dep", "kernel/net/ipv4/udp-diag.ko.xz: kernel/net/ipv4/inet_diag.ko.xz\n")?;
        assert_eq!(find(&root, "udp_diag", "udp_diag_dump"), Presence::Loadable);
        assert_eq!(find(&root, "inet_diag", "x"), Presence::Loadable, "only by its absence elsewhere");
        put("lib/modules/6.1/modules.builtin", "kernel/net/ipv4/inet_diag.ko\n")?;
        assert_eq!(find(&root, "inet_diag", "x"), Presence::Present);
        fs::remove_dir_all(&root)
    }
}
