//! What the files of systemd-sysctl and `sysctl --system` set at boot.

use std::collections::BTreeMap;

use crate::evaluate::Fact;
use crate::host::Host;

/// One line of such a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::finding::managers) struct Setting {
    /// With dots.
    pub key: String,
    pub value: String,
    pub file: String,
}

/// The directories; a file hides those of its name in later ones.
const DIRECTORIES: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
/// Read last where it is read at all, and by Debian's link `99-sysctl.conf`.
const OLD: &str = "/etc/sysctl.conf";

/// All that they set, in the order in which they do it. None: it cannot be read.
pub(in crate::finding::managers) fn at_boot(host: &dyn Host) -> Option<Vec<Setting>> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for directory in DIRECTORIES {
        let names = match host.saved_in(directory) {
            Fact::Is(names) => names,
            Fact::Absent => continue,
            Fact::Unknown(_) => return None,
        };
        for name in names.into_iter().filter(|n| n.ends_with(".conf")) {
            let path = format!("{directory}/{name}");
            files.entry(name).or_insert(path);
        }
    }
    let mut all = Vec::new();
    for path in files.into_values().chain([OLD.to_owned()]) {
        match host.saved(&path) {
            Fact::Is(text) => all.extend(text.lines().filter_map(|l| setting(l, &path))),
            Fact::Absent => {}
            Fact::Unknown(_) => return None,
        }
    }
    Some(all)
}

/// `key = value`, with slashes or dots in the key, and a `-` before it where it may fail.
fn setting(line: &str, file: &str) -> Option<Setting> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (key, value) = line.split_once('=')?;
    let key = key.trim().trim_start_matches('-').trim().replace('/', ".");
    Some(Setting { key, value: value.trim().to_owned(), file: file.to_owned() })
}
