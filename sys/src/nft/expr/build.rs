//! Short ways to write the expressions that rules are most often made of.

use super::*;
use crate::nft::data::{Data, Reg, Value, Verdict};

macro_rules! into_expr {
    ($($kind:ident)+) => {
        $(impl From<$kind> for Expr {
            fn from(e: $kind) -> Self {
                Self::$kind(e)
            }
        })+
    };
}

into_expr! {
    Immediate Cmp Range Bitwise Byteorder Payload PayloadSet Exthdr ExthdrSet ExthdrStrip Meta MetaSet Ct CtSet Lookup
    Objref ObjrefMap Counter Limit Quota Connlimit Last Log Reject Nat Masq Redir Tproxy Dup Fwd Queue Synproxy Fib Rt
    Socket Osf Numgen Hash Xfrm Tunnel Inner FlowOffload Unknown
}

impl From<Dynset> for Expr {
    fn from(e: Dynset) -> Self {
        Self::Dynset(Box::new(e))
    }
}

impl From<Verdict> for Expr {
    fn from(v: Verdict) -> Self {
        Self::Immediate(Immediate { dreg: Reg::VERDICT, value: Value::Verdict(v) })
    }
}

impl Immediate {
    /// Puts data into a register.
    pub fn data(dreg: Reg, bytes: impl AsRef<[u8]>) -> Self {
        Self { dreg, value: Value::Data(Data::new(bytes)) }
    }
}

impl Cmp {
    /// The register begins with these bytes.
    pub fn eq(sreg: Reg, bytes: impl AsRef<[u8]>) -> Self {
        Self { op: CmpOp::Eq, sreg, data: Data::new(bytes) }
    }

    /// The register does not begin with these bytes.
    pub fn neq(sreg: Reg, bytes: impl AsRef<[u8]>) -> Self {
        Self { op: CmpOp::Neq, sreg, data: Data::new(bytes) }
    }
}

impl Range {
    /// The register is between two values, both included.
    pub fn inside(sreg: Reg, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Self {
        Self { op: RangeOp::Eq, sreg, from: Data::new(from), to: Data::new(to) }
    }
}

impl Payload {
    /// Loads bytes of the packet into `NFT_REG_1`.
    pub fn load(base: PayloadBase, offset: u32, len: u32) -> Self {
        Self { base, offset, len, dreg: Reg::R1 }
    }
}

impl Meta {
    /// Loads it into `NFT_REG_1`.
    pub fn load(key: MetaKey) -> Self {
        Self { key, dreg: Reg::R1 }
    }
}

impl MetaSet {
    /// Sets it from `NFT_REG_1`.
    pub fn store(key: MetaKey) -> Self {
        Self { key, sreg: Reg::R1 }
    }
}

impl Ct {
    /// Loads it into `NFT_REG_1`.
    pub fn load(key: CtKey) -> Self {
        Self { key, direction: None, dreg: Reg::R1 }
    }
}

impl Bitwise {
    /// Keeps the bits of `NFT_REG_1` that are in the mask (of at most 16 bytes).
    pub fn mask(mask: impl AsRef<[u8]>) -> Self {
        let mask = Data::new(mask);
        let len = mask.len().min(16) as u8;
        let xor = Data::new(vec![0; mask.len()]);
        Self { sreg: Reg::R1, dreg: Reg::R1, len, op: BitwiseOp::MaskXor { mask, xor } }
    }
}
