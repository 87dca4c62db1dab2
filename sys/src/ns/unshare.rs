//! Making namespaces.

use std::fs;
use std::io;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use super::NetNs;
use crate::error::{Error, Result};

/// Moves the calling thread into a new, empty network namespace (a loopback that is down, no rules) and returns it.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN` in the user namespace: [`unshare_user`] gives it to anybody, where allowed.
pub fn unshare_net() -> Result<NetNs> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| {
        let error = Error::os("make", "a network namespace", e);
        if e == nix::Error::EPERM { error.with_hint("this needs CAP_SYS_ADMIN: run as root") } else { error }
    })?;
    NetNs::current()
}

/// Moves the process into a new user namespace in which it is root, mapped to the user it was: from there
/// [`unshare_net`] needs no privilege. Call it before any thread is started.
///
/// # Errors
/// `EINVAL` in a process that has threads. `EPERM`, `ENOSPC` or `EACCES` where the system does not let users make user
/// namespaces.
pub fn unshare_user() -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|e| {
        let error = Error::os("make", "a user namespace", e);
        match e {
            nix::Error::EINVAL => error.with_hint("a process that has threads cannot"),
            nix::Error::EPERM | nix::Error::ENOSPC => error.with_hint(
                "unprivileged user namespaces are switched off here (user.max_user_namespaces, \
                 kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns): run as root",
            ),
            _ => error,
        }
    })?;
    // Since 3.19 the group map is only accepted once setgroups is given up.
    match fs::write("/proc/self/setgroups", "deny") {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(map_error("/proc/self/setgroups", e)),
        _ => {}
    }
    for (path, id) in [("/proc/self/uid_map", uid.as_raw()), ("/proc/self/gid_map", gid.as_raw())] {
        fs::write(path, format!("0 {id} 1")).map_err(|e| map_error(path, e))?;
    }
    Ok(())
}

fn map_error(path: &str, e: io::Error) -> Error {
    Error::os("write", path, e).with_hint("a security module may restrict user namespaces: run as root")
}
