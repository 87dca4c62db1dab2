//! Settings, and what those of an interface come to together with those of all.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::facts::Host;
use crate::evaluate::Fact;
use crate::sys::rt::Link;

/// Why something is not known.
pub type Why = Cow<'static, str>;

/// A setting that is a number, as most are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its key, as sysctl(8) writes it.
    pub key: String,
    /// Its value.
    pub value: i64,
}

impl Setting {
    /// Is it on?
    pub fn is_on(&self) -> bool {
        self.value != 0
    }
}

/// Reads a number.
///
/// # Errors
/// Why it is not known; also when this kernel has no such key.
pub fn number<H: Host + ?Sized>(host: &H, key: String) -> Result<Setting, Why> {
    match host.sysctl(&key) {
        Fact::Is(text) => match text.split_ascii_whitespace().next().map(str::parse) {
            Some(Ok(value)) => Ok(Setting { key, value }),
            _ => Err(format!("{key} is not a number").into()),
        },
        Fact::Absent => Err(format!("no sysctl {key}").into()),
        Fact::Unknown(why) => Err(why),
    }
}

/// The key of an interface's setting: `conf("ipv4", "eth0.5", "forwarding")` is `net.ipv4.conf.eth0/5.forwarding`.
pub fn conf(family: &str, interface: &str, name: &str) -> String {
    format!("net.{family}.conf.{}.{name}", interface.replace('.', "/"))
}

/// An interface's own setting.
pub fn own<H: Host + ?Sized>(host: &H, family: &str, link: &Link, name: &str) -> Result<Setting, Why> {
    let Some(interface) = link.name.as_str() else { return Err("interface name is not text".into()) };
    number(host, conf(family, interface, name))
}

/// The larger of an interface's setting and that of `all`, which is what `IN_DEV_MAXCONF` and `IN_DEV_ORCONF` mean
/// (include/linux/inetdevice.h): the one that decides. With equal values it is the interface's.
pub fn larger<H: Host + ?Sized>(host: &H, family: &str, link: &Link, name: &str) -> Result<Setting, Why> {
    let (own, all) = (own(host, family, link, name)?, number(host, conf(family, "all", name))?);
    Ok(if all.value > own.value { all } else { own })
}

/// The file of a key under `/proc/sys`: dots separate, and a slash stands for a dot within a name. None: no key looks
/// like that.
pub fn path(key: &str) -> Option<PathBuf> {
    let swapped = key.chars().map(|c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    });
    let path = PathBuf::from(swapped.collect::<String>());
    // Nothing that climbs out of the tree.
    path.components().all(|c| matches!(c, Component::Normal(_))).then(|| Path::new("/proc/sys").join(path))
}

/// The name of that file, for people; of what is no key, the key.
pub fn file(key: &str) -> String {
    path(key).map_or_else(|| key.to_owned(), |p| p.display().to_string())
}

/// Reads a key of the calling thread's network namespace.
pub fn read(key: &str) -> Fact<String> {
    let Some(path) = path(key) else { return Fact::Absent };
    match fs::read(&path) {
        Ok(bytes) => Fact::Is(String::from_utf8_lossy(&bytes).trim_end().to_owned()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Fact::Absent,
        Err(e) => Fact::unknown(format!("{}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_an_interface_name_survives_the_way_to_the_file() {
        let key = conf("ipv4", "eth0.5", "rp_filter");
        assert_eq!(key, "net.ipv4.conf.eth0/5.rp_filter");
        assert_eq!(path(&key), Some(PathBuf::from("/proc/sys/net/ipv4/conf/eth0.5/rp_filter")));
        assert_eq!(path("kernel.//.//.etc.passwd"), None);
    }
}
