//! Conversations replayed.

use byteorder::BE;

use super::*;
use crate::error::Result;
use crate::netlink::fake::Fake;
use crate::netlink::{Builder, Client};
use crate::uapi::nfnetlink::NFNL_SUBSYS_CTNETLINK;
use crate::uapi::nfnetlink_conntrack::*;

fn tuple(port: u16) -> Tuple {
    Tuple::ports(6, ([192, 0, 2, 1].into(), port), ([192, 0, 2, 2].into(), 80))
}

/// A TCP connection as the kernel describes it.
fn message(message: u8, flags: u16, port: u16, mark: u32) -> Vec<u8> {
    let mut b = Builder::new();
    b.nf_message(NFNL_SUBSYS_CTNETLINK, message, flags, 0, 2, 0);
    tuple(port).write(&mut b, CTA_TUPLE_ORIG);
    if let Some(reply) = tuple(port).inverted() {
        reply.write(&mut b, CTA_TUPLE_REPLY);
    }
    b.u32::<BE>(CTA_STATUS, 0x18e).u32::<BE>(CTA_TIMEOUT, 431999).u32::<BE>(CTA_MARK, mark);
    b.nest(CTA_PROTOINFO, |b| {
        b.nest(CTA_PROTOINFO_TCP, |b| {
            b.u8(CTA_PROTOINFO_TCP_STATE, 3).u8(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, 7);
            b.u8(CTA_PROTOINFO_TCP_WSCALE_REPLY, 8).attr(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &[3, 3]);
            b.attr(CTA_PROTOINFO_TCP_FLAGS_REPLY, &[0x23, 0]);
        });
    });
    b.nest(CTA_COUNTERS_ORIG, |b| {
        b.u64::<BE>(CTA_COUNTERS_PACKETS, 5).u64::<BE>(CTA_COUNTERS_BYTES, 400);
    });
    b.nest(CTA_HELP, |b| {
        b.str(CTA_HELP_NAME, "ftp");
    });
    let labels = [1, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x40];
    b.attr(CTA_LABELS, &labels).u16::<BE>(CTA_ZONE, 9).u32::<BE>(999, 7);
    b.finish()
}

#[test]
fn a_lookup_finds_a_connection_with_all_that_is_said_of_it() -> Result<()> {
    let fake = Fake::new().reply(message(IPCTNL_MSG_CT_NEW, 0, 1000, 7)).ack(0).ack(libc::ENOENT);
    let mut table = Conntrack::new(Client::new(fake));
    let flow = table.lookup(&tuple(1000), Zone::both(9))?.unwrap_or_else(|| Flow::of(tuple(1), tuple(2)));
    assert_eq!(flow.is_reply(&tuple(1000)), Some(false));
    assert_eq!(tuple(1000).inverted().and_then(|t| flow.is_reply(&t)), Some(true));
    let status = Status::SEEN_REPLY | Status::ASSURED | Status::CONFIRMED | Status::SRC_NAT_DONE | Status::DST_NAT_DONE;
    assert_eq!((flow.status, flow.timeout, flow.mark, flow.zone), (Some(status), Some(431999), Some(7), Some(9)));
    let flags = (TcpFlags { flags: 3, mask: 3 }, TcpFlags { flags: 0x23, mask: 0 });
    let tcp = ProtoInfo::Tcp { state: TcpState::Established, window_scale: Some((7, 8)), flags: Some(flags) };
    assert_eq!(flow.protoinfo, Some(tcp));
    assert_eq!(flow.counters_orig, Some(Counters { packets: 5, bytes: 400 }));
    assert_eq!(flow.helper.as_ref().map(|h| h.to_string()).as_deref(), Some("ftp"));
    if cfg!(target_endian = "little") {
        assert!(flow.has_label(0) && flow.has_label(63) && flow.has_label(126) && !flow.has_label(1));
    }
    assert_eq!(flow.unknown.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [999]);
    assert_eq!(table.lookup(&tuple(1), Zone::default())?, None);
    Ok(())
}

#[test]
fn a_kernel_that_cannot_filter_is_filtered_for() -> Result<()> {
    const MULTI: u16 = libc::NLM_F_MULTI as u16;
    let dump = [message(0, MULTI, 1, 7), message(0, MULTI, 2, 8)].concat();
    let fake = Fake::new().ack(libc::EOPNOTSUPP).reply(dump).done();
    let filter = Filter { mark: Some((8, 0xff)), ..Filter::any() };
    let mut ports = Vec::new();
    Conntrack::new(Client::new(fake)).dump(&filter, |flow| ports.push(flow.orig.src_port()))?;
    assert_eq!(ports, [Some(2)]);
    Ok(())
}

/// The kernel sends 64 bits today; it read and wrote 32 once, and the attributes are still its own.
#[test]
fn counters_of_32_bits_are_read_as_what_they_are() -> std::result::Result<(), crate::error::Malformed> {
    let mut b = Builder::new();
    tuple(1).write(&mut b, CTA_TUPLE_ORIG);
    tuple(1).write(&mut b, CTA_TUPLE_REPLY);
    b.nest(CTA_COUNTERS_REPLY, |b| {
        b.u32::<BE>(CTA_COUNTERS32_PACKETS, u32::MAX).u32::<BE>(CTA_COUNTERS32_BYTES, 400);
    });
    let flow = Flow::parse(crate::netlink::Attrs::new(&b.into_attrs()))?;
    assert_eq!(flow.counters_reply, Some(Counters { packets: u32::MAX.into(), bytes: 400 }));
    assert_eq!((flow.counters_orig, flow.timeout, flow.status), (None, None, None), "what is not told is not there");
    Ok(())
}

#[test]
fn changes_are_told_apart_and_loss_is_an_error() -> Result<()> {
    const CREATED: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    let all = [
        message(IPCTNL_MSG_CT_NEW, CREATED, 1, 0),
        message(IPCTNL_MSG_CT_NEW, 0, 1, 0),
        message(IPCTNL_MSG_CT_DELETE, 0, 1, 0),
    ];
    let mut events = Events::new(Fake::new().reply(all.concat()).fail(libc::ENOBUFS));
    let mut seen = Vec::new();
    events.receive(|change, _| seen.push(change))?;
    assert_eq!(seen, [Change::New, Change::Update, Change::Destroy]);
    assert!(matches!(events.receive(|_, _| ()), Err(crate::Error::Overrun { .. })));
    Ok(())
}

#[test]
fn broken_messages_are_errors_and_never_panics() {
    let whole = message(IPCTNL_MSG_CT_NEW, 0, 1000, 7);
    let attrs = whole.get(20..).unwrap_or(&[]);
    for end in 0..attrs.len() {
        let _ = Flow::parse(crate::netlink::Attrs::new(&attrs[..end]));
    }
    for at in 0..attrs.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut broken = attrs.to_vec();
            broken[at] = value;
            let _ = Flow::parse(crate::netlink::Attrs::new(&broken));
        }
    }
}
