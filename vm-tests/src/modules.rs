//! A kernel's image and modules, unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::apt::{Apt, Kernel};
use crate::shell::{make_dir, run};

/// The parts of a kernel package that are of use: its image, and the modules that the network needs.
const PARTS: [&str; 12] = [
    "boot/vmlinuz-*",
    "boot/config-*",
    "modules/*/vmlinuz",
    "modules/*/config",
    "modules/*/modules.builtin",
    "modules/*/modules.builtin.modinfo",
    "modules/*/modules.order",
    "modules/*/kernel/net/*",
    "modules/*/kernel/drivers/net/*",
    "modules/*/kernel/lib/*",
    "modules/*/kernel/crypto/*",
    "modules/*/kernel/arch/x86/crypto/*",
];

/// An unpacked kernel.
pub struct Unpacked {
    root: PathBuf,
    release: String,
    /// The image.
    pub image: PathBuf,
    /// Path of a module below its directory, by its name.
    paths: BTreeMap<String, String>,
    /// What a module needs, in the order in which modprobe would load it, by path.
    needs: BTreeMap<String, Vec<String>>,
}

impl Unpacked {
    /// Unpacks a kernel under `cache`, or finds it unpacked there.
    ///
    /// # Errors
    /// When the packages cannot be had, or lack an image.
    pub fn new(apt: &Apt, kernel: &Kernel, cache: &Path) -> Result<Self, String> {
        let root = cache.join("kernels").join(&kernel.release);
        let done = root.join("unpacked");
        if !done.exists() {
            let _ = fs::remove_dir_all(&root);
            make_dir(&root)?;
            for package in &kernel.packages {
                let deb = apt.fetch(package)?;
                unpack(&deb, &root)?;
                let _ = fs::remove_file(deb);
            }
            let lib = root.join("lib/modules");
            if !lib.exists() {
                make_dir(&root.join("lib"))?;
                let target = root.join("usr/lib/modules");
                fs::rename(&target, &lib).map_err(|e| format!("{}: {e}", target.display()))?;
            }
            run(Command::new("depmod").arg("-b").arg(&root).arg(&kernel.release))?;
            fs::write(&done, "").map_err(|e| format!("{}: {e}", done.display()))?;
        }
        let places =
            [root.join(format!("boot/vmlinuz-{}", kernel.release)), dir(&root, &kernel.release).join("vmlinuz")];
        let image = places.into_iter().find(|p| p.exists());
        let image = image.ok_or_else(|| format!("the packages of {} have no image", kernel.release))?;
        let (mut paths, mut needs) = (BTreeMap::new(), BTreeMap::new());
        for line in read(&dir(&root, &kernel.release).join("modules.dep"))?.lines() {
            let Some((path, rest)) = line.split_once(':') else { continue };
            paths.insert(module_name(path), path.to_owned());
            needs.insert(path.to_owned(), rest.split_whitespace().rev().map(str::to_owned).collect());
        }
        Ok(Self { root, release: kernel.release.clone(), image, paths, needs })
    }

    /// The files of these modules and of all that they need; names that this kernel has no module of are left out: they
    /// may be built in, or of another version.
    pub fn closure<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for path in names.into_iter().filter_map(|n| self.paths.get(n)) {
            all.insert(path.clone());
            all.extend(self.needs.get(path).into_iter().flatten().cloned());
        }
        all
    }

    /// The content of a module, as the kernel loads it.
    ///
    /// # Errors
    /// When it cannot be read or decompressed.
    pub fn module(&self, path: &str) -> Result<Vec<u8>, String> {
        let file = dir(&self.root, &self.release).join(path);
        let decompress = |program: &str| {
            let out = Command::new(program).args(["-dcq"]).arg(&file).stdin(Stdio::null()).output();
            out.ok().filter(|o| o.status.success()).map(|o| o.stdout)
        };
        let content = match file.extension().and_then(|e| e.to_str()) {
            Some("xz") => decompress("xz"),
            Some("zst") => decompress("zstd"),
            _ => fs::read(&file).ok(),
        };
        content.ok_or_else(|| format!("{} cannot be read", file.display()))
    }

    /// A file beside the modules: `modules.builtin`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn list(&self, name: &str) -> Result<String, String> {
        read(&dir(&self.root, &self.release).join(name))
    }
}

/// Removes what is no longer the newest of its version.
pub fn forget_all_but(cache: &Path, releases: &[&str]) {
    for dir in fs::read_dir(cache.join("kernels")).into_iter().flatten().flatten() {
        if !releases.iter().any(|r| dir.file_name() == *r) {
            let _ = fs::remove_dir_all(dir.path());
        }
    }
    let _ = fs::remove_dir_all(cache.join("debs"));
}

/// `kernel/net/ipv4/udp-diag.ko.xz` as the kernel calls it: `udp_diag`.
pub fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split_once(".ko").map_or(file, |(stem, _)| stem).replace('-', "_")
}

fn dir(root: &Path, release: &str) -> PathBuf {
    root.join("lib/modules").join(release)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn unpack(deb: &Path, root: &Path) -> Result<(), String> {
    let fail = |e: std::io::Error| format!("unpack {}: {e}", deb.display());
    let mut tar = Command::new("dpkg-deb");
    let mut tar = tar.arg("--fsys-tarfile").arg(deb).stdout(Stdio::piped()).spawn().map_err(fail)?;
    let mut untar = Command::new("tar");
    untar.args(["-x", "--no-same-owner", "--wildcards", "-C"]).arg(root);
    untar.args(PARTS.iter().map(|p| format!("*/{p}")));
    untar.env("LC_ALL", "C").stdin(tar.stdout.take().map_or_else(Stdio::null, Stdio::from));
    let said = String::from_utf8_lossy(&untar.output().map_err(fail)?.stderr).into_owned();
    // That a pattern matches nothing is no harm; a full disk is.
    let harmless = ["Not found in archive", "Exiting with failure status due to previous errors"];
    if let Some(line) = said.lines().find(|l| !harmless.iter().any(|h| l.contains(h))) {
        return Err(format!("unpack {}: {line}", deb.display()));
    }
    if tar.wait().map_err(fail)?.success() { Ok(()) } else { Err(format!("{} is not a package", deb.display())) }
}
