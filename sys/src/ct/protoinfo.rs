//! What a protocol's tracker knows of a connection (`CTA_PROTOINFO`).

use std::borrow::Cow;
use std::fmt;

use byteorder::BE;
use serde::{Serialize, Serializer};

use crate::error::Malformed;
use crate::netlink::Attr;
use crate::uapi::nfnetlink_conntrack::*;

/// `enum tcp_conntrack` (include/uapi/linux/netfilter/nf_conntrack_tcp.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// Nothing seen.
    None,
    /// A SYN was seen.
    SynSent,
    /// A SYN+ACK was seen.
    SynRecv,
    /// The handshake is complete.
    Established,
    /// A FIN was seen.
    FinWait,
    /// The FIN was acknowledged.
    CloseWait,
    /// The other FIN was seen.
    LastAck,
    /// The last ACK was seen.
    TimeWait,
    /// A RST was seen.
    Close,
    /// Both sides sent a SYN.
    SynSent2,
    /// A state of a later kernel.
    Unknown(u8),
}

impl TcpState {
    /// From its number.
    pub fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::None,
            1 => Self::SynSent,
            2 => Self::SynRecv,
            3 => Self::Established,
            4 => Self::FinWait,
            5 => Self::CloseWait,
            6 => Self::LastAck,
            7 => Self::TimeWait,
            8 => Self::Close,
            9 => Self::SynSent2,
            raw => Self::Unknown(raw),
        }
    }
}

impl TcpState {
    /// The name that conntrack(8) uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait => "FIN_WAIT",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::SynSent2 => "SYN_SENT2",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(raw) => write!(f, "unknown({raw})"),
            known => f.write_str(known.name()),
        }
    }
}

impl Serialize for TcpState {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// `struct nf_ct_tcp_flags`: `IP_CT_TCP_FLAG_*` of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TcpFlags {
    /// The flags that are set.
    pub flags: u8,
    /// The flags that are meant.
    pub mask: u8,
}

/// What a protocol's tracker knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProtoInfo {
    /// TCP.
    Tcp {
        /// The state of the connection.
        state: TcpState,
        /// Window scale of the two directions, where the kernel says.
        window_scale: Option<(u8, u8)>,
        /// Flags of the two directions, where the kernel says.
        flags: Option<(TcpFlags, TcpFlags)>,
    },
    /// SCTP.
    Sctp {
        /// `enum sctp_conntrack`.
        state: u8,
        /// Verification tags of the two directions.
        vtags: Option<(u32, u32)>,
    },
    /// DCCP.
    Dccp {
        /// `enum ct_dccp_states`.
        state: u8,
        /// `enum ct_dccp_roles` of the original direction.
        role: Option<u8>,
        /// The sequence number of the handshake.
        handshake_seq: Option<u64>,
    },
    /// Another tracker.
    Unknown {
        /// `CTA_PROTOINFO_*`.
        kind: u16,
        /// Its attributes.
        raw: Box<[u8]>,
    },
}

/// `enum sctp_conntrack` (include/uapi/linux/netfilter/nf_conntrack_sctp.h).
const SCTP: [&str; 10] = [
    "NONE",
    "CLOSED",
    "COOKIE_WAIT",
    "COOKIE_ECHOED",
    "ESTABLISHED",
    "SHUTDOWN_SENT",
    "SHUTDOWN_RECD",
    "SHUTDOWN_ACK_SENT",
    "HEARTBEAT_SENT",
    "HEARTBEAT_ACKED",
];
/// `enum ct_dccp_states`.
const DCCP: [&str; 10] =
    ["NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT", "IGNORE", "INVALID"];

impl ProtoInfo {
    /// The state of the connection, by the name that conntrack(8) uses.
    pub fn state(&self) -> Option<Cow<'static, str>> {
        let named = |names: &[&'static str], n: u8| match names.get(usize::from(n)) {
            Some(name) => Cow::Borrowed(*name),
            None => Cow::Owned(format!("unknown({n})")),
        };
        match self {
            Self::Tcp { state: TcpState::Unknown(n), .. } => Some(Cow::Owned(format!("unknown({n})"))),
            Self::Tcp { state, .. } => Some(Cow::Borrowed(state.name())),
            Self::Sctp { state, .. } => Some(named(&SCTP, *state)),
            Self::Dccp { state, .. } => Some(named(&DCCP, *state)),
            Self::Unknown { .. } => None,
        }
    }

    /// The name of a state as [`state`](Self::state) gives it, from one in any case; None: no tracker has such a state.
    pub fn state_named(name: &str) -> Option<&'static str> {
        let tcp = (0..=9).map(|raw| TcpState::from_raw(raw).name());
        tcp.chain(SCTP).chain(DCCP).find(|known| known.eq_ignore_ascii_case(name))
    }

    /// Reads `CTA_PROTOINFO`; None if it is empty.
    pub(super) fn parse(attr: &Attr<'_>) -> Result<Option<Self>, Malformed> {
        let Some(inner) = attr.nested().next().transpose()? else { return Ok(None) };
        let of = |kind| inner.nested().find(kind);
        Ok(Some(match inner.kind() {
            CTA_PROTOINFO_TCP => Self::tcp(&inner)?,
            CTA_PROTOINFO_SCTP => Self::Sctp {
                state: of(CTA_PROTOINFO_SCTP_STATE).map_or(Ok(0), |a| a.u8())?,
                vtags: match (of(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL), of(CTA_PROTOINFO_SCTP_VTAG_REPLY)) {
                    (Some(o), Some(r)) => Some((o.u32::<BE>()?, r.u32::<BE>()?)),
                    _ => None,
                },
            },
            CTA_PROTOINFO_DCCP => Self::Dccp {
                state: of(CTA_PROTOINFO_DCCP_STATE).map_or(Ok(0), |a| a.u8())?,
                role: of(CTA_PROTOINFO_DCCP_ROLE).map(|a| a.u8()).transpose()?,
                handshake_seq: of(CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ).map(|a| a.u64::<BE>()).transpose()?,
            },
            kind => Self::Unknown { kind, raw: inner.bytes().into() },
        }))
    }

    /// In one pass: it is the one that dumps are full of.
    fn tcp(attr: &Attr<'_>) -> Result<Self, Malformed> {
        let (mut state, mut scale, mut flags) = (0, (None, None), (None, None));
        let pair = |a: &Attr<'_>| match a.bytes() {
            [flags, mask, ..] => Some(TcpFlags { flags: *flags, mask: *mask }),
            _ => None,
        };
        for a in attr.nested() {
            let a = a?;
            match a.kind() {
                CTA_PROTOINFO_TCP_STATE => state = a.u8()?,
                CTA_PROTOINFO_TCP_WSCALE_ORIGINAL => scale.0 = Some(a.u8()?),
                CTA_PROTOINFO_TCP_WSCALE_REPLY => scale.1 = Some(a.u8()?),
                CTA_PROTOINFO_TCP_FLAGS_ORIGINAL => flags.0 = pair(&a),
                CTA_PROTOINFO_TCP_FLAGS_REPLY => flags.1 = pair(&a),
                _ => {}
            }
        }
        Ok(Self::Tcp {
            state: TcpState::from_raw(state),
            window_scale: scale.0.zip(scale.1),
            flags: flags.0.zip(flags.1),
        })
    }
}
