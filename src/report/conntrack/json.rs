//! Connections, counters and summaries as lines of JSON.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;

use crate::blame::SCHEMA;
use crate::blame::packet::protocol_name;
use crate::evaluate::Network;
use crate::host::Usage;
use crate::host::conntrack::{Summary, Top};
use crate::sys::Text;
use crate::sys::ct::{Change, Counters, CpuStats, Expectation, Flow, L4, ProtoInfo, SeqAdjust, Synproxy, Tuple};

/// A connection, or a change of one. Fields that the kernel does not tell are left out.
#[derive(Debug, Serialize)]
pub struct FlowLine<'a> {
    schema: u32,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
    family: &'static str,
    #[serde(rename = "network.transport")]
    transport: String,
    protocol: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u32>,
    original: Direction,
    reply: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    helper: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    master: Option<Direction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secctx: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netlink_port: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    synproxy: Option<Synproxy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    uses: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Direction {
    #[serde(rename = "source.address")]
    source: IpAddr,
    #[serde(rename = "source.port", skip_serializing_if = "Option::is_none")]
    source_port: Option<u16>,
    #[serde(rename = "destination.address")]
    destination: IpAddr,
    #[serde(rename = "destination.port", skip_serializing_if = "Option::is_none")]
    destination_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<u16>,
    #[serde(flatten)]
    counters: Option<Counters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<SeqAdjust>,
}

impl Direction {
    fn new(t: &Tuple, counters: Option<Counters>, sequence: Option<SeqAdjust>) -> Self {
        let icmp = match t.l4 {
            L4::Icmp { kind, code, id } => Some((kind, code, id)),
            _ => None,
        };
        Self {
            source: t.src,
            source_port: t.src_port(),
            destination: t.dst,
            destination_port: t.dst_port(),
            icmp_type: icmp.map(|i| i.0),
            icmp_code: icmp.map(|i| i.1),
            icmp_id: icmp.map(|i| i.2),
            zone: t.zone,
            counters,
            sequence,
        }
    }
}

impl<'a> FlowLine<'a> {
    /// The line of a connection; `change` says what happened to it, if anything.
    pub fn new(flow: &'a Flow, change: Option<Change>) -> Self {
        let network = if flow.orig.src.is_ipv4() { Network::Ip4 } else { Network::Ip6 };
        Self {
            schema: SCHEMA,
            event: "flow",
            change,
            family: if network == Network::Ip4 { "ip" } else { "ip6" },
            transport: protocol_name(network, flow.orig.protocol).into_owned(),
            protocol: flow.orig.protocol,
            state: flow.protoinfo.as_ref().and_then(ProtoInfo::state),
            timeout: flow.timeout,
            original: Direction::new(&flow.orig, flow.counters_orig, flow.seq_orig),
            reply: Direction::new(&flow.reply, flow.counters_reply, flow.seq_reply),
            status: flow.status.map(|s| match s.is_empty() {
                true => Vec::new(),
                false => s.to_string().split('|').map(str::to_owned).collect(),
            }),
            mark: flow.mark,
            zone: flow.zone,
            helper: flow.helper.as_ref(),
            master: flow.master.as_ref().map(|t| Direction::new(t, None, None)),
            labels: flow.labels.map(|_| (0..128).filter(|&bit| flow.has_label(bit)).collect()),
            secctx: flow.secctx.as_ref(),
            start_ns: flow.timestamps.map(|t| t.start),
            stop_ns: flow.timestamps.and_then(|t| t.stop),
            event_ns: flow.event_time,
            netlink_port: flow.port,
            synproxy: flow.synproxy,
            id: flow.id,
            uses: flow.uses,
            unknown: flow.unknown.iter().map(|(kind, _)| format!("unknown({kind})")).collect(),
        }
    }
}

/// A connection that another one announced.
#[derive(Debug, Serialize)]
pub struct ExpectLine<'a> {
    schema: u32,
    event: &'static str,
    #[serde(rename = "network.transport")]
    transport: Cow<'static, str>,
    protocol: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u32>,
    expected: Direction,
    mask: Direction,
    master: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    helper: Option<&'a Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
}

impl<'a> ExpectLine<'a> {
    /// The line of an expectation.
    pub fn new(e: &'a Expectation) -> Self {
        let network = if e.tuple.src.is_ipv4() { Network::Ip4 } else { Network::Ip6 };
        Self {
            schema: SCHEMA,
            event: "expectation",
            transport: protocol_name(network, e.tuple.protocol),
            protocol: e.tuple.protocol,
            timeout: e.timeout,
            expected: Direction::new(&e.tuple, None, None),
            mask: Direction::new(&e.mask, None, None),
            master: Direction::new(&e.master, None, None),
            zone: e.zone,
            class: e.class,
            helper: e.helper.as_ref(),
            id: e.id,
        }
    }
}

/// How the table is doing.
#[derive(Debug, Serialize)]
pub struct StatsLine<'a> {
    schema: u32,
    event: &'static str,
    entries: u32,
    max: u32,
    percent: Option<u64>,
    cpus: &'a [CpuStats],
}

impl<'a> StatsLine<'a> {
    /// The line of the table's counters.
    pub fn new(usage: Usage, cpus: &'a [CpuStats]) -> Self {
        Self {
            schema: SCHEMA,
            event: "conntrack-stats",
            entries: usage.count,
            max: usage.max,
            percent: usage.percent(),
            cpus,
        }
    }
}

/// What the table is full of.
#[derive(Debug, Serialize)]
pub struct TopLine<'a> {
    schema: u32,
    event: &'static str,
    total: u64,
    unreplied: u64,
    assured: u64,
    translated: u64,
    offloaded: u64,
    states: Vec<StateLine<'a>>,
    #[serde(flatten)]
    top: &'a Top,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Debug, Serialize)]
struct StateLine<'a> {
    #[serde(rename = "network.transport")]
    transport: String,
    protocol: u8,
    state: &'a str,
    count: u64,
}

impl<'a> TopLine<'a> {
    /// The line of a summary.
    pub fn new(s: &'a Summary, top: &'a Top, usage: Option<Usage>) -> Self {
        Self {
            schema: SCHEMA,
            event: "conntrack-top",
            total: s.total,
            unreplied: s.unreplied,
            assured: s.assured,
            translated: s.translated,
            offloaded: s.offloaded,
            states: s
                .states
                .iter()
                .map(|((protocol, state), &count)| StateLine {
                    transport: super::any_name(*protocol),
                    protocol: *protocol,
                    state,
                    count,
                })
                .collect(),
            top,
            usage,
        }
    }
}
