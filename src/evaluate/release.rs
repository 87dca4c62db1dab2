//! Which kernel it is, where kernels differ in what nothing else tells.

use super::environment::Environment;
use super::fact::Fact;

/// Is the kernel of that version (`(6, 6)`), or a later one?
pub fn reached(env: &dyn Environment, version: (u32, u32)) -> Fact<bool> {
    match env.sysctl("kernel.osrelease") {
        Fact::Is(release) => Fact::Is(is_reached(&release, version)),
        _ => Fact::unknown("kernel release"),
    }
}

/// Is that release (`6.1.0-13-amd64`) of that version, or a later one?
pub fn is_reached(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= version
}
