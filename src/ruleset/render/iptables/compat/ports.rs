//! `-m tcp` and `-m udp`, put together from several of nft's expressions.

use nfblame_sys::nft::expr::CmpOp;
use nfblame_sys::xt::matches::Tcp;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// Conditions on one port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    low: u16,
    high: u16,
    inverted: bool,
}

/// What one `-m tcp` or `-m udp` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub protocol: Protocol,
    pub source: Range,
    pub destination: Range,
    /// Mask, value, inverted.
    pub flags: Option<(u8, u8, bool)>,
}

impl Range {
    const ANY: Self = Self { low: 0, high: u16::MAX, inverted: false };

    /// Narrows it by a comparison with one port; `None` if the two cannot be said together.
    pub fn compare(&mut self, op: CmpOp, port: u16) -> Option<()> {
        let Self { low, high, inverted } = *self;
        let untouched = (low, high, inverted) == (0, u16::MAX, false);
        *self = match op {
            CmpOp::Eq | CmpOp::Neq if untouched => Self { low: port, high: port, inverted: op == CmpOp::Neq },
            CmpOp::Lt if !inverted => Self { high: port.checked_sub(1)?.min(high), ..*self },
            CmpOp::Lte if !inverted => Self { high: port.min(high), ..*self },
            CmpOp::Gt if !inverted => Self { low: port.checked_add(1)?.max(low), ..*self },
            CmpOp::Gte if !inverted => Self { low: port.max(low), ..*self },
            _ => return None,
        };
        Some(())
    }

    /// Sets it; `None` if it is set already.
    pub fn set(&mut self, low: u16, high: u16, inverted: bool) -> Option<()> {
        if (self.low, self.high, self.inverted) != (0, u16::MAX, false) {
            return None;
        }
        *self = Self { low, high, inverted };
        Some(())
    }
}

impl Ports {
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, source: Range::ANY, destination: Range::ANY, flags: None }
    }

    pub fn name(&self) -> &'static [u8] {
        match self.protocol {
            Protocol::Tcp => b"tcp",
            Protocol::Udp => b"udp",
        }
    }

    /// `struct xt_tcp` or `struct xt_udp`.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let numbers = [self.source.low, self.source.high, self.destination.low, self.destination.high];
        for (to, from) in bytes.iter_mut().zip(numbers.into_iter().flat_map(u16::to_ne_bytes)) {
            *to = from;
        }
        let mut invert = 0;
        invert |= if self.source.inverted { Tcp::INVERT_SOURCE } else { 0 };
        invert |= if self.destination.inverted { Tcp::INVERT_DESTINATION } else { 0 };
        match self.protocol {
            Protocol::Udp => bytes[8] = invert,
            Protocol::Tcp => {
                let (mask, value, inverted) = self.flags.unwrap_or_default();
                invert |= if inverted { Tcp::INVERT_FLAGS } else { 0 };
                [bytes[9], bytes[10], bytes[11]] = [mask, value, invert];
            }
        }
        bytes
    }
}
