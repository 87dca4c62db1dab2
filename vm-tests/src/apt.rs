//! Debian's kernels, by name and checksum: an apt state of its own, with this machine's mirrors and keys.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::shell::{make_dir, run, run_within};

/// `kernels.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernels {
    /// The kernels.
    pub kernel: Vec<Wanted>,
}

/// A kernel that is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// How its version begins, or `newest`.
    pub version: String,
    /// The suite that has it.
    pub suite: String,
}

/// A kernel that was found.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// How its version begins, as it was asked for; the version itself for the newest.
    pub version: String,
    /// `uname -r`.
    pub release: String,
    /// The packages that have its image and its modules.
    pub packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Clone)]
pub struct Package {
    name: String,
    version: String,
    sha256: String,
}

/// How long reading the lists of packages may take.
const LISTS_LIMIT: Duration = Duration::from_secs(90);
/// How long a package may take (the largest has some 110 MB): a machine that is slower does without the tests.
const PACKAGE_LIMIT: Duration = Duration::from_secs(120);
/// The metapackage that depends on the newest kernel of a suite.
const META: &str = "linux-image-amd64";

/// An apt that knows nothing of this machine's packages.
pub struct Apt {
    root: PathBuf,
    debs: PathBuf,
}

impl Apt {
    /// Sets it up under `cache`, and reads the lists of packages.
    ///
    /// # Errors
    /// When this machine's apt knows no mirror, or the mirror cannot be reached.
    pub fn new(cache: &Path, wanted: &[Wanted]) -> Result<Self, String> {
        let this = Self { root: cache.join("apt"), debs: cache.join("debs") };
        for dir in ["state/lists/partial", "cache/archives/partial"] {
            make_dir(&this.root.join(dir))?;
        }
        let mirrors = Mirrors::of_this_machine()?;
        let mut sources = String::new();
        let mut suites: Vec<&str> = wanted.iter().map(|w| w.suite.as_str()).collect();
        suites.sort_unstable();
        suites.dedup();
        for suite in suites {
            let mirror = if suite.ends_with("-security") { &mirrors.security } else { &mirrors.main };
            sources.push_str(&format!("deb [arch=amd64] {mirror} {suite} main\n"));
        }
        let root = this.root.display();
        let conf = format!(
            "Dir::State \"{root}/state\";\nDir::State::status \"{root}/status\";\nDir::Cache \"{root}/cache\";\n\
             Dir::Etc::sourcelist \"{root}/sources.list\";\nDir::Etc::sourceparts \"-\";\n\
             Acquire::Languages \"none\";\nAcquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
             APT::Sandbox::User \"root\";\nAcquire::Retries \"3\";\n"
        );
        for (name, text) in [("sources.list", sources), ("apt.conf", conf), ("status", String::new())] {
            let path = this.root.join(name);
            fs::write(&path, text).map_err(|e| format!("write {}: {e}", path.display()))?;
        }
        // Without the option, failures to reach a mirror would be warnings.
        let update = run_within(this.apt("apt-get").args(["update", "-qq", "--error-on=any"]), LISTS_LIMIT);
        if let Err(e) = update {
            // Lists that were read once still name kernels, which may have been fetched, too.
            this.show(META).map_err(|_| e.clone())?;
            eprintln!("vm: going on with the lists of last time: {e}");
        }
        Ok(this)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.root.join("apt.conf")).env("LC_ALL", "C");
        command
    }

    fn show(&self, what: &str) -> Result<Vec<Record>, String> {
        let text = run(self.apt("apt-cache").args(["show", what]))?;
        Ok(text.split("\n\n").filter(|r| !r.trim().is_empty()).map(Record::parse).collect())
    }

    /// Finds a kernel in the lists.
    ///
    /// # Errors
    /// When there is none of that version.
    pub fn resolve(&self, wanted: &Wanted) -> Result<Kernel, String> {
        let prefix = format!("{}.", wanted.version);
        let newest = wanted.version == "newest";
        let found = self.show(META)?.into_iter().filter(|r| newest || r.version.starts_with(&prefix));
        let meta = found
            .max_by(|a, b| compare(&a.version, &b.version))
            .ok_or_else(|| format!("no {META} of version {} in {}", wanted.version, wanted.suite))?;
        let name = meta
            .depends
            .iter()
            .find(|d| d.starts_with("linux-image-"))
            .ok_or_else(|| format!("{META} {} depends on no image", meta.version))?;
        let release = name.trim_start_matches("linux-image-").to_owned();
        let exact = |name: &str| -> Result<Record, String> {
            let all = self.show(name)?;
            all.into_iter().find(|r| r.version == meta.version).ok_or_else(|| format!("no {name} {}", meta.version))
        };
        let image = exact(name)?;
        // Since 6.19 the image and its modules are packages of their own.
        let parts: Vec<&String> = image
            .depends
            .iter()
            .filter(|d| ["linux-base-", "linux-binary-", "linux-modules-"].iter().any(|p| d.starts_with(p)))
            .collect();
        let packages = if parts.len() < 2 {
            vec![image.package()?]
        } else {
            parts.into_iter().map(|p| exact(p)?.package()).collect::<Result<_, _>>()?
        };
        let version = if newest {
            release.split(['.', '-', '+']).take(2).collect::<Vec<_>>().join(".")
        } else {
            wanted.version.clone()
        };
        Ok(Kernel { version, release, packages })
    }

    /// The file of a package, downloaded if it is not there yet, with the checksum that the signed lists say.
    ///
    /// # Errors
    /// When it cannot be downloaded, or is another file.
    pub fn fetch(&self, p: &Package) -> Result<PathBuf, String> {
        let path = self.debs.join(format!("{}_{}.deb", p.name, &p.sha256.get(..16).unwrap_or(&p.sha256)));
        if path.exists() && sum(&path)? == p.sha256 {
            return Ok(path);
        }
        let dir = self.debs.join(format!("partial-{}", p.name));
        let _ = fs::remove_dir_all(&dir);
        make_dir(&dir)?;
        let what = format!("{}={}", p.name, p.version);
        eprintln!("vm: fetching {what}");
        run_within(self.apt("apt-get").args(["download", "-qq", &what]).current_dir(&dir), PACKAGE_LIMIT)?;
        let fail = |e: std::io::Error| format!("{}: {e}", dir.display());
        let file = fs::read_dir(&dir).map_err(fail)?.flatten().next().ok_or("apt downloaded nothing")?;
        let got = sum(&file.path())?;
        if got != p.sha256 {
            return Err(format!("{what} has checksum {got}, not {}", p.sha256));
        }
        fs::rename(file.path(), &path).map_err(fail)?;
        let _ = fs::remove_dir_all(&dir);
        Ok(path)
    }
}

/// A package as apt-cache shows it.
struct Record {
    name: String,
    version: String,
    sha256: Option<String>,
    depends: Vec<String>,
}

impl Record {
    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).map(|v| v.trim().to_owned())
        };
        let depends = field("Depends").unwrap_or_default();
        let name_of = |d: &str| d.split_whitespace().next().unwrap_or_default().to_owned();
        Self {
            name: field("Package").unwrap_or_default(),
            version: field("Version").unwrap_or_default(),
            sha256: field("SHA256"),
            depends: depends.split([',', '|']).map(name_of).collect(),
        }
    }

    fn package(self) -> Result<Package, String> {
        let sha256 = self.sha256.ok_or_else(|| format!("{} has no SHA256 in the lists", self.name))?;
        Ok(Package { name: self.name, version: self.version, sha256 })
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    let later = |x: &str, y: &str| {
        Command::new("dpkg").args(["--compare-versions", x, "gt", y]).status().is_ok_and(|s| s.success())
    };
    if later(a, b) {
        Ordering::Greater
    } else if later(b, a) {
        Ordering::Less
    } else {
        Ordering::Equal
    }
}

fn sum(path: &Path) -> Result<String, String> {
    let out = run(Command::new("sha256sum").arg(path))?;
    out.split_whitespace().next().map(str::to_owned).ok_or_else(|| "sha256sum printed nothing".into())
}

/// Where packages come from here.
struct Mirrors {
    main: String,
    security: String,
}

impl Mirrors {
    /// As this machine's apt is configured, or as `NFBLAME_VM_MIRROR` and `NFBLAME_VM_SECURITY_MIRROR` say.
    fn of_this_machine() -> Result<Self, String> {
        let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let (main, security) = (env("NFBLAME_VM_MIRROR"), env("NFBLAME_VM_SECURITY_MIRROR"));
        if let (Some(main), Some(security)) = (&main, &security) {
            return Ok(Self { main: main.clone(), security: security.clone() });
        }
        let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
        let list = || run(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]));
        let mut targets = list()?;
        if !targets.contains("Debian|Debian|") {
            // A machine that never read its lists does not know whose they are.
            let _ = run(Command::new("apt-get").args(["update", "-qq"]));
            targets = list()?;
        }
        let of = |label: &str| {
            targets.lines().find_map(|l| {
                let mut fields = l.split('|');
                let found = fields.next() == Some("Debian") && fields.next() == Some(label);
                fields.next().filter(|_| found).map(|uri| uri.trim_end_matches('/').to_owned())
            })
        };
        let no = |what: &str, name: &str| {
            format!("this machine's apt knows no {what} mirror of Debian ({name} can name one)")
        };
        Ok(Self {
            main: main.or_else(|| of("Debian")).ok_or_else(|| no("main", "NFBLAME_VM_MIRROR"))?,
            security: security
                .or_else(|| of("Debian-Security"))
                .ok_or_else(|| no("security", "NFBLAME_VM_SECURITY_MIRROR"))?,
        })
    }
}
