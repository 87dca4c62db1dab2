//! Configurations that a program compiles into rules at boot: what they would load, only that program can say.

use super::Saved;
use crate::finding::view::View;

/// A program that is switched on by a line of a file.
struct Compiler {
    switch: (&'static str, &'static str),
    path: &'static str,
    advice: &'static str,
}

const COMPILERS: [Compiler; 4] = [
    Compiler {
        switch: ("/etc/default/ferm", "ENABLED"),
        path: "/etc/ferm/ferm.conf",
        advice: "ferm --noexec --lines /etc/ferm/ferm.conf shows what it would load",
    },
    Compiler {
        switch: ("/etc/default/firehol", "START_FIREHOL"),
        path: "/etc/firehol/firehol.conf",
        advice: "firehol debug shows what it would load",
    },
    Compiler {
        switch: ("/etc/shorewall/shorewall.conf", "STARTUP_ENABLED"),
        path: "/etc/shorewall",
        advice: "shorewall compile FILE writes the script that would load it",
    },
    Compiler {
        switch: ("/etc/shorewall6/shorewall6.conf", "STARTUP_ENABLED"),
        path: "/etc/shorewall6",
        advice: "shorewall6 compile FILE writes the script that would load it",
    },
];

/// Those that are switched on.
pub fn not_compared(view: &View<'_>) -> impl Iterator<Item = Saved> {
    COMPILERS.iter().filter(|c| is_on(view, c.switch)).map(|c| Saved::NotCompared {
        path: c.path.into(),
        why: "it is compiled into rules",
        advice: c.advice,
    })
}

fn is_on(view: &View<'_>, (path, key): (&str, &str)) -> bool {
    let Some(text) = view.host.saved(path).known() else { return false };
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.split('#').next().unwrap_or(value);
        (name.trim() == key).then(|| value.trim().trim_matches(['"', '\'']).eq_ignore_ascii_case("yes"))
    };
    text.lines().filter_map(value).next_back() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn only_what_is_switched_on_is_told() {
        let (mut host, rules) = (testing::server(), Ruleset::default());
        let mut told = |text: &str| {
            host.saved.insert("/etc/default/ferm".into(), text.into());
            not_compared(&View::new(&rules, &host)).count()
        };
        assert_eq!((told("ENABLED=\"yes\"  # now\n"), told("# ENABLED=yes\n"), told("ENABLED=no\n")), (1, 0, 0));
    }
}
