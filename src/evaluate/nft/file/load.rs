//! The fields that rules are filed by, and how they are loaded.

use rustc_hash::FxHashMap;

use crate::evaluate::candidates::Field;
use crate::sys::nft::expr::{Ct, CtKey, Meta, MetaKey, Payload, PayloadBase};
use crate::sys::nft::{Expr, Reg};

/// The most bytes of a field.
pub(super) const WIDE: usize = 16;

/// A field: how it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Load {
    Network(u32, u32),
    Transport(u32, u32),
    Meta(MetaKey),
    CtState,
}

impl Load {
    pub(super) fn of(e: &Expr) -> Option<Self> {
        match e {
            Expr::Payload(p) if (1..=WIDE as u32).contains(&p.len) => match p.base {
                PayloadBase::Network => Some(Self::Network(p.offset, p.len)),
                PayloadBase::Transport => Some(Self::Transport(p.offset, p.len)),
                _ => None,
            },
            Expr::Meta(m) => meta_length(m.key).map(|_| Self::Meta(m.key)),
            Expr::Ct(c) if c.key == CtKey::State => Some(Self::CtState),
            _ => None,
        }
    }

    pub(super) fn len(self) -> usize {
        match self {
            Self::Network(_, len) | Self::Transport(_, len) => len as usize,
            Self::Meta(key) => meta_length(key).unwrap_or(0),
            Self::CtState => 4,
        }
    }

    /// The expression that loads it into the first register.
    pub(super) fn expr(self) -> Expr {
        let payload = |base, offset, len| Expr::Payload(Payload { base, offset, len, dreg: Reg::R1 });
        match self {
            Self::Network(offset, len) => payload(PayloadBase::Network, offset, len),
            Self::Transport(offset, len) => payload(PayloadBase::Transport, offset, len),
            Self::Meta(key) => Expr::Meta(Meta { key, dreg: Reg::R1 }),
            Self::CtState => Expr::Ct(Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }),
        }
    }
}

/// How many bytes are loaded, of what is worth filing by.
pub(super) fn meta_length(key: MetaKey) -> Option<usize> {
    Some(match key {
        MetaKey::L4proto | MetaKey::Nfproto => 1,
        MetaKey::Protocol => 2,
        MetaKey::Iif | MetaKey::Oif | MetaKey::Mark | MetaKey::Skuid | MetaKey::Skgid => 4,
        MetaKey::Iifname | MetaKey::Oifname => 16,
        _ => return None,
    })
}

/// The fields of a chain's rules.
#[derive(Default)]
pub(super) struct Loads {
    pub(super) all: Vec<Load>,
    fields: FxHashMap<Load, Field>,
}

impl Loads {
    pub(super) fn field(&mut self, load: Load) -> Option<Field> {
        if let Some(field) = self.fields.get(&load) {
            return Some(*field);
        }
        let field = Field::try_from(self.all.len()).ok()?;
        self.all.push(load);
        self.fields.insert(load, field);
        Some(field)
    }
}

/// Bytes as the highest of a number; behind them it is `rest`.
pub(super) fn number(bytes: &[u8], rest: u8) -> u128 {
    let mut all = [rest; WIDE];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    u128::from_be_bytes(all)
}
