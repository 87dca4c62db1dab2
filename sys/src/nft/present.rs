//! Is nf_tables there? Asking it directly would load the module.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Can the kernel be asked about nf_tables without making it load a module?
///
/// A kernel whose module is not loaded holds no tables, and a request would load it (`request_module` in
/// net/netfilter/nfnetlink.c). A kernel without loadable modules can always be asked.
pub fn is_present() -> bool {
    let modules = Path::new("/proc/modules");
    if matches!(fs::metadata(modules), Err(e) if e.kind() == ErrorKind::NotFound) {
        return true;
    }
    if Path::new("/sys/module/nf_tables").exists() {
        return true;
    }
    // Built in, or loaded where /sys is not mounted: either way its functions are in the symbol table.
    fs::read("/proc/kallsyms").is_ok_and(|symbols| {
        let name = b"nf_tables_newrule";
        symbols.windows(name.len()).any(|w| w == name)
    })
}
