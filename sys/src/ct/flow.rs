//! One tracked connection.

use byteorder::BE;
use serde::{Serialize, Serializer};

use super::protoinfo::ProtoInfo;
use super::status::Status;
use super::tuple::Tuple;
use super::zone::{Zone, ZoneScope};
use crate::Text;
use crate::error::Malformed;
use crate::netlink::{Attr, Attrs};
use crate::uapi::nfnetlink_conntrack::*;

/// Packets and bytes of one direction (`CTA_COUNTERS_*`); only counted with `nf_conntrack_acct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes, from the network header on.
    pub bytes: u64,
}

/// When a connection began and ended, in nanoseconds since 1970; only kept with `nf_conntrack_timestamp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Timestamps {
    /// `CTA_TIMESTAMP_START`.
    pub start: u64,
    /// `CTA_TIMESTAMP_STOP`, in the event of its end.
    pub stop: Option<u64>,
}

/// How sequence numbers of one direction are adjusted (`CTA_SEQ_ADJ_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SeqAdjust {
    /// The sequence number of the last change of size.
    pub correction_pos: u32,
    /// What is added before it.
    pub offset_before: i32,
    /// What is added after it.
    pub offset_after: i32,
}

/// State of SYNPROXY (`CTA_SYNPROXY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Synproxy {
    /// The initial sequence number.
    pub isn: u32,
    /// The initial timestamp.
    pub its: u32,
    /// The offset of timestamps.
    pub tsoff: u32,
}

/// A tracked connection. What a kernel or a message does not say is None.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// The direction of its first packet, before NAT.
    pub orig: Tuple,
    /// What a packet of the answer looks like when it arrives, after NAT.
    pub reply: Tuple,
    /// The status word; None in events that do not carry it.
    pub status: Option<Status>,
    /// What its protocol's tracker knows.
    pub protoinfo: Option<ProtoInfo>,
    /// Seconds until it is forgotten.
    pub timeout: Option<u32>,
    /// The mark of the connection; absent means 0.
    pub mark: Option<u32>,
    /// The zone of both directions; absent means 0.
    pub zone: Option<u16>,
    /// Counters of the original direction.
    pub counters_orig: Option<Counters>,
    /// Counters of the reply direction.
    pub counters_reply: Option<Counters>,
    /// The kernel's handle for it, stable over its life.
    pub id: Option<u32>,
    /// References held on it.
    #[serde(rename = "use")]
    pub uses: Option<u32>,
    /// The helper's name, such as `ftp`.
    pub helper: Option<Text>,
    /// The connection that announced it.
    pub master: Option<Tuple>,
    /// Labels: label 0 is the lowest bit.
    #[serde(serialize_with = "hex")]
    pub labels: Option<u128>,
    /// When it began and ended.
    pub timestamps: Option<Timestamps>,
    /// When the event happened that this is part of, in nanoseconds since 1970 (`CTA_TIMESTAMP_EVENT`, Linux 6.14).
    pub event_time: Option<u64>,
    /// In an event, the netlink port of the program that made it happen; none where the kernel did.
    pub port: Option<u32>,
    /// The security context.
    pub secctx: Option<Text>,
    /// Sequence adjustment of the original direction.
    pub seq_orig: Option<SeqAdjust>,
    /// Sequence adjustment of the reply direction.
    pub seq_reply: Option<SeqAdjust>,
    /// SYNPROXY's state.
    pub synproxy: Option<Synproxy>,
    /// Attributes of a later kernel, raw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<(u16, Box<[u8]>)>,
}

impl Flow {
    /// Reads the attributes (`CTA_*`) behind the `nfgenmsg` of a ctnetlink message, or inside `NFULA_CT`.
    ///
    /// Allocates nothing but for long helper names and security contexts, and unknown attributes.
    pub fn parse(attrs: Attrs<'_>) -> Result<Self, Malformed> {
        // The tuples come first in every message of the kernel, so finding them costs nothing.
        let tuple = |kind, name| match attrs.find(kind) {
            Some(a) => Tuple::parse(&a),
            None => Err(Malformed::Missing(name)),
        };
        let mut flow = Self::of(tuple(CTA_TUPLE_ORIG, "CTA_TUPLE_ORIG")?, tuple(CTA_TUPLE_REPLY, "CTA_TUPLE_REPLY")?);
        for a in attrs {
            flow.read(&a?)?;
        }
        Ok(flow)
    }

    /// A connection of which only the tuples are known.
    pub fn of(orig: Tuple, reply: Tuple) -> Self {
        Self {
            orig,
            reply,
            status: None,
            protoinfo: None,
            timeout: None,
            mark: None,
            zone: None,
            counters_orig: None,
            counters_reply: None,
            id: None,
            uses: None,
            helper: None,
            master: None,
            labels: None,
            timestamps: None,
            event_time: None,
            port: None,
            secctx: None,
            seq_orig: None,
            seq_reply: None,
            synproxy: None,
            unknown: Vec::new(),
        }
    }

    fn read(&mut self, a: &Attr<'_>) -> Result<(), Malformed> {
        match a.kind() {
            CTA_TUPLE_ORIG | CTA_TUPLE_REPLY => {}
            CTA_STATUS => self.status = Some(Status::from_bits_retain(a.u32::<BE>()?)),
            CTA_PROTOINFO => self.protoinfo = ProtoInfo::parse(a)?,
            CTA_TIMEOUT => self.timeout = Some(a.u32::<BE>()?),
            CTA_MARK => self.mark = Some(a.u32::<BE>()?),
            CTA_ZONE => self.zone = Some(a.u16::<BE>()?),
            CTA_COUNTERS_ORIG => self.counters_orig = Some(counters(a)?),
            CTA_COUNTERS_REPLY => self.counters_reply = Some(counters(a)?),
            CTA_ID => self.id = Some(a.u32::<BE>()?),
            CTA_USE => self.uses = Some(a.u32::<BE>()?),
            CTA_HELP => self.helper = a.nested().find(CTA_HELP_NAME).map(|n| n.text()),
            CTA_TUPLE_MASTER => self.master = Some(Tuple::parse(a)?),
            CTA_LABELS => {
                // `unsigned long bits[]` of 16 bytes, as the kernel has it in memory (net/netfilter/nf_conntrack_labels.h).
                let (low, high) = a.bytes().split_at_checked(8).unwrap_or((a.bytes(), &[]));
                let word = |b: &[u8]| b.first_chunk().map_or(0, |w| u128::from(u64::from_ne_bytes(*w)));
                self.labels = Some(word(high) << 64 | word(low));
            }
            CTA_TIMESTAMP => {
                let time = |kind| a.nested().find(kind).map(|t| t.u64::<BE>()).transpose();
                let stop = time(CTA_TIMESTAMP_STOP)?;
                self.timestamps = Some(Timestamps { start: time(CTA_TIMESTAMP_START)?.unwrap_or_default(), stop });
            }
            CTA_TIMESTAMP_EVENT => self.event_time = Some(a.u64::<BE>()?),
            CTA_SECCTX => self.secctx = a.nested().find(CTA_SECCTX_NAME).map(|n| n.text()),
            CTA_SEQ_ADJ_ORIG => self.seq_orig = Some(seq_adjust(a)?),
            CTA_SEQ_ADJ_REPLY => self.seq_reply = Some(seq_adjust(a)?),
            CTA_SYNPROXY => {
                let field = |kind| a.nested().find(kind).map_or(Ok(0), |f| f.u32::<BE>());
                let (isn, its) = (field(CTA_SYNPROXY_ISN)?, field(CTA_SYNPROXY_ITS)?);
                self.synproxy = Some(Synproxy { isn, its, tsoff: field(CTA_SYNPROXY_TSOFF)? });
            }
            kind => self.unknown.push((kind, a.bytes().into())),
        }
        Ok(())
    }

    /// The zone that it is in.
    pub fn in_zone(&self) -> Zone {
        match (self.zone, self.orig.zone, self.reply.zone) {
            (Some(id), ..) => Zone::both(id),
            (None, Some(id), _) => Zone { id, scope: ZoneScope::Original },
            (None, None, Some(id)) => Zone { id, scope: ZoneScope::Reply },
            (None, None, None) => Zone::default(),
        }
    }

    /// Is this tuple its reply direction? None: it is neither of its tuples.
    pub fn is_reply(&self, tuple: &Tuple) -> Option<bool> {
        // A connection to itself has one tuple both ways; the kernel finds the original first.
        if self.orig.same_packet(tuple) {
            Some(false)
        } else if self.reply.same_packet(tuple) {
            Some(true)
        } else {
            None
        }
    }

    /// Is the label of that bit set?
    pub fn has_label(&self, bit: u8) -> bool {
        self.labels.is_some_and(|l| l.checked_shr(bit.into()).is_some_and(|l| l & 1 != 0))
    }
}

fn hex<S: Serializer>(v: &Option<u128>, s: S) -> Result<S::Ok, S::Error> {
    match v {
        Some(v) => s.collect_str(&format_args!("{v:#x}")),
        None => s.serialize_none(),
    }
}

fn counters(a: &Attr<'_>) -> Result<Counters, Malformed> {
    let mut counters = Counters::default();
    for a in a.nested() {
        let a = a?;
        match a.kind() {
            CTA_COUNTERS_PACKETS => counters.packets = a.u64::<BE>()?,
            CTA_COUNTERS_BYTES => counters.bytes = a.u64::<BE>()?,
            // Kernels before 2.6.28 had these.
            CTA_COUNTERS32_PACKETS => counters.packets = a.u32::<BE>()?.into(),
            CTA_COUNTERS32_BYTES => counters.bytes = a.u32::<BE>()?.into(),
            _ => {}
        }
    }
    Ok(counters)
}

fn seq_adjust(a: &Attr<'_>) -> Result<SeqAdjust, Malformed> {
    let field = |kind| a.nested().find(kind).map_or(Ok(0), |f| f.u32::<BE>());
    Ok(SeqAdjust {
        correction_pos: field(CTA_SEQADJ_CORRECTION_POS)?,
        offset_before: field(CTA_SEQADJ_OFFSET_BEFORE)? as i32,
        offset_after: field(CTA_SEQADJ_OFFSET_AFTER)? as i32,
    })
}
