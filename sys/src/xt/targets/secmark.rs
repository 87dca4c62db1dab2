//! `-j SECMARK` (include/uapi/linux/netfilter/xt_SECMARK.h).

use serde::Serialize;

use crate::TextRef;
use crate::xt::wire::read;

/// Sets the packet's security mark (`struct xt_secmark_target_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Secmark<'a> {
    /// 1: SELinux.
    pub mode: u8,
    /// The number of the context; the kernel shows 0 since 5.13.
    pub secid: u32,
    /// The context.
    pub context: TextRef<'a>,
}

impl<'a> Secmark<'a> {
    /// `SECMARK_MODE_SEL`
    pub const SELINUX: u8 = 1;

    pub(super) fn decode(revision: u8, data: &'a [u8]) -> Option<Self> {
        const CONTEXT: usize = 256;
        let (secid_at, context_at) = match revision {
            0 => (4, 8),
            1 => (260, 1),
            _ => return None,
        };
        let context = TextRef::from_c(data.get(context_at..context_at + CONTEXT)?);
        Some(Self { mode: *data.first()?, secid: read(data.get(secid_at..)?)?, context })
    }
}
