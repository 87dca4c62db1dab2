//! Which kernel it is, where kernels differ in what nothing else tells.

use super::environment::Environment;
use super::fact::Fact;

/// Is the kernel of that version (`(6, 6)`), or a later one?
pub fn reached(env: &dyn Environment, version: (u32, u32)) -> Fact<bool> {
    match env.sysctl("kernel.osrelease") {
        Fact::Is(release) => is_reached(&release, version),
        _ => Fact::unknown(WHAT),
    }
}

const WHAT: &str = "kernel release";

/// Does the kernel of that release (`6.1.0-13-amd64`) behave as from that version on? Red Hat
/// (`5.14.0-503.11.1.el9_5.x86_64`) and SUSE (`6.4.0-150600.23.7-default`) bring changes to older kernels without telling which.
pub fn is_reached(release: &str, version: (u32, u32)) -> Fact<bool> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().unwrap_or(0));
    let reached = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= version;
    let red_hat = release.split(".el").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !reached && (red_hat || release.ends_with("-default")) { Fact::unknown(WHAT) } else { Fact::Is(reached) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_kernel_of_a_vendor_that_brings_changes_to_it_may_have_them() {
        for (release, reached) in [
            ("6.6.0", Some(true)),
            ("7.3.4+deb13-amd64", Some(true)),
            ("6.1.0-50-amd64", Some(false)),
            ("5.15.0-1041-azure", Some(false)),
            ("6.5", Some(false)),
            ("6", Some(false)),
            ("5.14.0-503.11.1.el9_5.x86_64", None),
            ("6.12.0-55.9.1.el10_0.x86_64", Some(true)),
            ("6.4.0-150600.23.7-default", None),
            ("6.5.0.elf", Some(false)),
        ] {
            assert_eq!(is_reached(release, (6, 6)).known(), reached, "{release}");
        }
    }
}
