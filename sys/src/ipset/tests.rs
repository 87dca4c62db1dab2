//! Against a dump recorded from a kernel.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::netlink::fake::Fake;

/// What `IPSET_CMD_LIST` answered; the `add` and `create` lines are in the tests.
const LIST: &[u8] = include_bytes!("../../testdata/ipset/list.bin");

fn ipset(list: &[u8]) -> Result<Ipset<Fake>> {
    let mut b = Builder::new();
    b.nf_message(NFNL_SUBSYS_IPSET, IPSET_CMD_PROTOCOL, 0, 0, 2, 0)
        .u8(IPSET_ATTR_PROTOCOL, 7)
        .u8(IPSET_ATTR_PROTOCOL_MIN, 6);
    Ipset::new(Client::new(Fake::new().reply(b.finish()).ack(0).reply(list)))
}

fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    Ipv4Addr::new(a, b, c, d).into()
}

#[test]
fn headers_say_how_sets_were_made() -> Result<()> {
    let sets = ipset(LIST)?.list()?;
    let names: Vec<_> = sets.iter().map(|s| (s.header.name.to_string(), s.header.kind.to_string())).collect();
    let expected = [
        ("bip", "bitmap:ip"),
        ("bmac", "bitmap:ip,mac"),
        ("bport", "bitmap:port"),
        ("six", "hash:ip"),
        ("net3", "hash:ip,port,net"),
        ("nif", "hash:net,iface"),
        ("lst", "list:set"),
    ];
    assert_eq!(names, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let bip = &sets[0].header;
    assert_eq!(bip.options.addresses, Some((ip(10, 0, 0, 0), ip(10, 0, 255, 255))));
    assert_eq!((bip.options.netmask, bip.options.timeout), (Some(24), Some(100)));
    let extensions = IPSET_FLAG_WITH_COUNTERS | IPSET_FLAG_WITH_COMMENT | IPSET_FLAG_WITH_SKBINFO;
    assert_eq!((bip.options.flags, bip.index, bip.revision), (extensions, Some(0), 3));
    assert_eq!((bip.references, bip.elements), (0, Some(1)));
    assert_eq!(sets[2].header.options.ports, Some((1, 1024)));
    let six = &sets[3].header;
    assert_eq!(six.options.bitmask.map(|m| m.to_string()).as_deref(), Some("ffff::"));
    assert_eq!((six.options.hashsize, six.options.maxelem, six.family), (Some(1024), Some(65536), 10));
    let net3 = &sets[4].header;
    assert_eq!((net3.options.bucketsize, net3.options.initval), (Some(4), Some(0x1234)));
    assert_eq!(sets[5].header.references, 1, "the list refers to it");
    assert_eq!(sets[6].header.options.size, Some(4));
    assert!(sets.iter().all(|s| s.header.options.unknown.is_empty()));
    Ok(())
}

#[test]
fn elements_come_with_their_extensions() -> Result<()> {
    let sets = ipset(LIST)?.list()?;
    let elements: Vec<_> =
        sets.iter().map(|s| s.members.iter().map(|m| m.element.clone()).collect::<Vec<_>>()).collect();
    let mac = Mac([1, 0x23, 0x45, 0x67, 0x89, 0xab]);
    let expected = [
        vec![Element::Ip(ip(10, 0, 1, 0))],
        vec![Element::IpMac(ip(192, 168, 0, 3), Some(mac)), Element::IpMac(ip(192, 168, 0, 4), None)],
        vec![Element::Port(22)],
        vec![Element::Ip("ffff::".parse().unwrap_or(ip(0, 0, 0, 0)))],
        vec![Element::IpPortNet(
            ip(1, 2, 3, 4),
            Port { proto: 17, port: 53 },
            Net { address: ip(10, 0, 0, 0), prefix: 8 },
        )],
        vec![Element::NetIface(
            Net { address: ip(10, 0, 0, 0), prefix: 8 },
            Iface { name: "eth".into(), physdev: true, wildcard: true },
        )],
        vec![Element::Set("nif".into())],
    ];
    assert_eq!(elements, expected);
    assert!(sets[4].members[0].nomatch);
    let first = &sets[0].members[0];
    let extra = Extra {
        counters: Some((5, 7)),
        comment: Some("a b".into()),
        mark: Some((0x10, 0xff)),
        priority: Some(0x1_0020),
        queue: Some(3),
        unknown: vec![],
    };
    assert_eq!((first.timeout, first.extra.as_deref()), (Some(49), Some(&extra)));
    assert!(sets[1].members[0].extra.is_none());
    Ok(())
}

#[test]
fn unknown_types_and_attributes_stay_there_raw() -> Result<()> {
    let mut b = Builder::new();
    b.nf_message(NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, libc::NLM_F_MULTI as u16, 0, 2, 0)
        .str(IPSET_ATTR_SETNAME, "new")
        .str(IPSET_ATTR_TYPENAME, "hash:future")
        .u8(IPSET_ATTR_FAMILY, 2)
        .u8(IPSET_ATTR_REVISION, 0)
        .nest(IPSET_ATTR_DATA, |b| {
            b.u8(99, 1);
        })
        .nest(IPSET_ATTR_ADT, |b| {
            b.nest(IPSET_ATTR_DATA, |b| {
                b.u8(98, 2);
            });
        });
    b.message(crate::netlink::message::DONE, 0, 0).raw(&[0; 4]);
    let sets = ipset(&b.finish())?.list()?;
    assert_eq!(sets[0].header.kind, Kind::Unknown("hash:future".into()));
    assert_eq!(sets[0].header.options.unknown, [(99, vec![1])]);
    assert_eq!(sets[0].members[0].element, Element::Unknown(vec![5, 0, 98, 0, 2, 0, 0, 0]));
    Ok(())
}

#[test]
fn a_kernel_of_another_age_is_refused_with_reason() {
    let mut b = Builder::new();
    b.nf_message(6, 1, 0, 0, 2, 0).u8(IPSET_ATTR_PROTOCOL, 9).u8(IPSET_ATTR_PROTOCOL_MIN, 8);
    let answer = Ipset::new(Client::new(Fake::new().reply(b.finish()).ack(0)));
    let error = answer.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("kernel 8 to 9") && error.contains("protocols 6 and 7"), "{error}");
}

proptest! {
    #[test]
    fn mutated_dumps_never_panic(
        flips in proptest::collection::vec((0..LIST.len(), any::<u8>()), 1..40),
        cut in 0..=LIST.len(),
    ) {
        let mut bytes = LIST.to_vec();
        for (at, value) in flips {
            bytes[at] = value;
        }
        bytes.truncate(cut);
        if let Ok(mut ipset) = ipset(&bytes) {
            let _ = ipset.list();
        }
    }
}

#[test]
fn the_older_protocol_is_spoken_to_older_kernels() -> Result<()> {
    let mut b = Builder::new();
    b.nf_message(6, 1, 0, 0, 2, 0).u8(IPSET_ATTR_PROTOCOL, 6);
    let mut ipset = Ipset::new(Client::new(Fake::new().reply(b.finish()).ack(0).done()))?;
    assert_eq!(ipset.protocol(), 6);
    assert!(ipset.list()?.is_empty());
    let sent = ipset.client.transport().sent.last().cloned().unwrap_or_default();
    let asked =
        crate::netlink::Messages::new(&sent).next().and_then(|m| m.ok()?.nfgen().ok()?.1.find(IPSET_ATTR_PROTOCOL));
    assert_eq!(asked.map(|a| a.bytes().to_vec()), Some(vec![6]));
    Ok(())
}
