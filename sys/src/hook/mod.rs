//! What is registered at the hooks of netfilter, in the order in which packets meet it (`nfnetlink_hook`, Linux 5.14):
//! base chains of nf_tables, legacy tables, BPF programs, and the kernel's own functions.
//!
//! [`read`] asks about one place. The module need not be loaded, and a question would load it: [`is_present`] tells.

mod function;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

pub use function::{Function, Runs};

use crate::error::{Error, Malformed};
use crate::modules;
use crate::netlink::{Builder, Client, Transport};
use crate::nft::{Family, Hook};
use crate::text::Text;
use crate::uapi::nfnetlink::NFNL_SUBSYS_HOOK;
use crate::uapi::nfnetlink_hook::*;

/// A place where functions are registered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Point {
    /// `ip`, `ip6`, `arp`, `bridge` or `netdev`: what is registered for `inet` stands at the points of `ip` and `ip6`, and
    /// its ingress at that of `netdev`.
    pub family: Family,
    /// The hook.
    pub hook: Hook,
    /// The device, for `netdev`.
    pub device: Option<Text>,
}

impl Point {
    /// A point that has no device.
    pub fn new(family: Family, hook: Hook) -> Self {
        Self { family, hook, device: None }
    }

    /// A point at a device: its ingress or egress.
    pub fn of_device(hook: Hook, device: impl Into<Text>) -> Self {
        Self { family: Family::Netdev, hook, device: Some(device.into()) }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.hook)?;
        self.device.as_ref().map_or(Ok(()), |d| write!(f, " of {d}"))
    }
}

/// Can the kernel be asked without making it load `nfnetlink_hook`? Also true where nothing can be loaded: then asking
/// tells ([`read`] returns nothing).
pub fn is_present() -> bool {
    modules::is_surely_present("nfnetlink_hook")
}

/// What is registered at a point, in the order in which packets meet it. None: this kernel cannot tell, of this point (egress
/// before Linux 5.16, no such device) or of any.
///
/// # Errors
/// Without `CAP_NET_ADMIN`; [`Error::Torn`] when it changed during each of several readings; a message that is malformed.
pub fn read<T: Transport>(client: &mut Client<T>, point: &Point) -> Result<Option<Vec<Function>>, Error> {
    let Some(number) = point.hook.number(point.family) else { return Ok(None) };
    let request = |b: &mut Builder, flags: u16, seq: u32| {
        b.nf_message(NFNL_SUBSYS_HOOK, NFNL_MSG_HOOK_GET, flags, seq, point.family.code(), 0);
        b.u32::<byteorder::BE>(NFNLA_HOOK_HOOKNUM, number);
        if let Some(device) = &point.device {
            b.str(NFNLA_HOOK_DEV, device);
        }
    };
    let take = |all: &mut Vec<Function>, m: crate::netlink::Message<'_>| -> Result<(), Malformed> {
        if m.kind == u16::from(NFNL_SUBSYS_HOOK) << 8 | u16::from(NFNL_MSG_HOOK_GET) {
            all.push(Function::decode(&m)?);
        }
        Ok(())
    };
    match client.dump_whole("list what is registered at", &point.to_string(), request, take) {
        Ok(all) => Ok(Some(all)),
        // EINVAL: nobody serves the subsystem, or the family has no such hook; the others are the module's own.
        Err(e) if e.errno().is_some_and(|n| CANNOT_TELL.contains(&n)) => Ok(None),
        Err(e) => Err(e),
    }
}

const CANNOT_TELL: [i32; 4] = [libc::EINVAL, libc::EOPNOTSUPP, libc::EPROTONOSUPPORT, libc::ENODEV];
