//! Filters of traffic control where packets come in and leave (`RTM_GETTFILTER`, include/uapi/linux/pkt_sched.h,
//! pkt_cls.h): that there are any, and what they are called.

use byteorder::NativeEndian;
use serde::Serialize;

use crate::Text;
use crate::error::{Malformed, Result};
use crate::netlink::{Attrs, Builder, Client, Family, Socket, Transport};

const RTM_NEWTFILTER: u16 = 44;
const RTM_GETTFILTER: u16 = 46;
/// `struct tcmsg`.
const HEADER: usize = 20;
/// The ingress and egress side of a clsact qdisc (`TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)`); that of an ingress qdisc
/// is the same as the former.
const INGRESS: u32 = 0xffff_fff2;
const EGRESS: u32 = 0xffff_fff3;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_ID: u16 = 11;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TcFilter {
    /// What kind: `bpf`, `flower`, `matchall`, `u32`.
    pub kind: Text,
    /// Its place among the filters: the lowest comes first (`pref`).
    pub priority: u16,
    /// Its handle.
    pub handle: u32,
    /// The name of its BPF program, where it is one.
    pub bpf_name: Option<Text>,
    /// The id of its BPF program.
    pub bpf_id: Option<u32>,
}

impl TcFilter {
    /// Reads the payload of an `RTM_NEWTFILTER`. None: it stands for all filters of a priority, and is none itself.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let word = |at: usize| u32::from_ne_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]]);
        let handle = word(8);
        let mut filter =
            Self { kind: Text::default(), priority: (word(16) >> 16) as u16, handle, bpf_name: None, bpf_id: None };
        let attrs = || Attrs::new(&payload[HEADER..]);
        filter.kind = attrs().find(TCA_KIND).map(|a| a.text()).unwrap_or_default();
        // The options' numbers mean other things for other kinds.
        let options = attrs().find(TCA_OPTIONS).filter(|_| filter.kind == "bpf");
        for option in options.iter().flat_map(|o| o.nested()) {
            let option = option?;
            match option.kind() {
                TCA_BPF_NAME => filter.bpf_name = Some(option.text()),
                TCA_BPF_ID => filter.bpf_id = Some(option.u32::<NativeEndian>()?),
                _ => {}
            }
        }
        Ok((handle != 0).then_some(filter))
    }
}

/// The filters that see packets as they come in by an interface, or (`egress`) as they leave. Programs that are attached
/// as links (tcx, since 6.6) are not among them.
pub fn tc_filters(interface: u32, egress: bool) -> Result<Vec<TcFilter>> {
    list(&mut Client::<Socket>::open(Family::Route)?, interface, egress)
}

fn list<T: Transport>(client: &mut Client<T>, interface: u32, egress: bool) -> Result<Vec<TcFilter>> {
    let mut all: Vec<TcFilter> = client.dump_whole(
        "list traffic control filters",
        "",
        |b: &mut Builder, flags, seq| {
            let mut h = [0u8; HEADER];
            h[4..8].copy_from_slice(&interface.to_ne_bytes());
            h[12..16].copy_from_slice(&if egress { EGRESS } else { INGRESS }.to_ne_bytes());
            b.message(RTM_GETTFILTER, flags, seq).raw(&h);
        },
        |all: &mut Vec<TcFilter>, m| {
            if m.kind == RTM_NEWTFILTER {
                all.extend(TcFilter::parse(m.payload)?);
            }
            Ok(())
        },
    )?;
    all.sort_by_key(|f| f.priority);
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::fake::Fake;

    fn filter(b: &mut Builder, handle: u32, kind: &str, options: &[(u16, &[u8])]) {
        let mut h = [0u8; HEADER];
        h[8..12].copy_from_slice(&handle.to_ne_bytes());
        h[16..20].copy_from_slice(&(49152u32 << 16 | 3).to_ne_bytes());
        let mut nested = Vec::new();
        for (kind, value) in options {
            nested.extend((value.len() as u16 + 4).to_ne_bytes());
            nested.extend(kind.to_ne_bytes());
            nested.extend(*value);
            nested.resize(nested.len().next_multiple_of(4), 0);
        }
        let name = [kind.as_bytes(), &[0]].concat();
        b.message(RTM_NEWTFILTER, libc::NLM_F_MULTI as u16, 0).raw(&h).attr(TCA_KIND, &name).attr(TCA_OPTIONS, &nested);
    }

    #[test]
    fn filters_are_listed_without_the_heads_of_their_priorities() -> Result<()> {
        let mut b = Builder::new();
        filter(&mut b, 0, "bpf", &[]);
        filter(&mut b, 1, "bpf", &[(TCA_BPF_NAME, b"guard\0"), (TCA_BPF_ID, &7u32.to_ne_bytes())]);
        filter(&mut b, 0x8000_0800, "u32", &[(TCA_BPF_ID, &[1])]);
        let filters = list(&mut Client::new(Fake::new().reply(b.finish()).done()), 2, false)?;
        let [bpf, other] = filters.as_slice() else { return Err(Malformed::Missing("a filter").of("test")) };
        assert_eq!(
            (bpf.bpf_name.as_ref().map(|n| n == "guard"), bpf.bpf_id, bpf.priority),
            (Some(true), Some(7), 49152)
        );
        assert_eq!((other.kind.to_string().as_str(), other.bpf_id), ("u32", None));
        Ok(())
    }
}
