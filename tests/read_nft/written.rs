//! Expressions and objects that nft cannot write.

use nfblame_sys::Text;
use nfblame_sys::netlink::{Client, Family as Netlink};
use nfblame_sys::nft::expr::*;
use nfblame_sys::nft::object::*;
use nfblame_sys::nft::*;
use nix::errno::Errno;

use crate::common::{Netns, kernel_tests};
use crate::world::read;

kernel_tests! {
    what_nft_cannot_write_reads_back_as_written needs ["nft"];
    objects_and_devices_that_nft_cannot_write_read_back_as_written needs ["nft"];
}

/// Is it that this kernel lacks what was asked for?
fn lacking(e: &Refused) -> bool {
    [Errno::ENOENT, Errno::EOPNOTSUPP].iter().any(|&n| e.errno() == Some(n as i32))
}

/// Expressions that nft 1.0.6 cannot write, and in what kind of chain they may stand: written by us, checked by the
/// kernel, read back.
fn what_nft_cannot_write_reads_back_as_written() {
    let bitwise = |op| Expr::Bitwise(Bitwise { sreg: Reg(4), dreg: Reg(4), len: 4, op });
    let load = |dreg| Expr::Meta(Meta { key: MetaKey::Mark, dreg });
    let inner = |kind, flags, hdrsize, expr: Expr| Expr::Inner(Inner { kind, flags, hdrsize, expr: Box::new(expr) });
    let vxlan = InnerFlags::HDRSIZE | InnerFlags::LL | InnerFlags::NH | InnerFlags::TH;
    let queue = |target| Expr::Queue(Queue { target, flags: QueueFlags::BYPASS });
    let exthdr = |op, kind| {
        let (offset, len, flags, dreg) = (0, 1, ExthdrFlags::PRESENT, Reg::R1);
        Expr::Exthdr(Exthdr { op, kind, offset, len, flags, dreg })
    };
    let cases: Vec<(&str, &str, Vec<Expr>)> = vec![
        ("last", "ip", vec![Expr::Last(Last { msecs: None })]),
        ("bitwise and", "ip", vec![load(Reg(4)), load(Reg(5)), bitwise(BitwiseOp::And(Operand::Reg(Reg(5))))]),
        ("bitwise or", "ip", vec![load(Reg(4)), load(Reg(5)), bitwise(BitwiseOp::Or(Operand::Reg(Reg(5))))]),
        ("bitwise xor", "ip", vec![load(Reg(4)), bitwise(BitwiseOp::Xor(Operand::Data(Data::new([1, 2, 3, 4]))))]),
        (
            "byteorder",
            "ip",
            vec![
                Expr::Immediate(Immediate::data(Reg(4), [1, 2, 3, 4, 5, 6, 7, 8])),
                Expr::Byteorder(Byteorder { sreg: Reg(4), dreg: Reg(4), op: ByteorderOp::Hton, len: 8, size: 2 }),
            ],
        ),
        ("dccp", "ip", vec![exthdr(ExthdrOp::Dccp, 3)]),
        (
            "inner vxlan",
            "ip",
            vec![inner(InnerKind::Vxlan, vxlan, 8, Payload::load(PayloadBase::Network, 12, 4).into())],
        ),
        (
            "inner vxlan vni",
            "ip",
            vec![inner(InnerKind::Vxlan, vxlan, 8, Payload::load(PayloadBase::Tunnel, 4, 3).into())],
        ),
        ("inner meta", "ip", vec![inner(InnerKind::Geneve, vxlan, 8, Meta::load(MetaKey::L4proto).into())]),
        ("tunnel", "netdev", vec![Expr::Tunnel(Tunnel { key: TunnelKey::Id, mode: TunnelMode::Rx, dreg: Reg::R1 })]),
        ("queue", "ip", vec![queue(QueueTarget::Range { first: 3, total: 2 })]),
        ("queue register", "ip", vec![load(Reg(4)), queue(QueueTarget::Reg(Reg(4)))]),
        ("cgroupv2", "inet", vec![Expr::Socket(Socket { key: SocketKey::Cgroupv2, level: Some(1), dreg: Reg::R1 })]),
        ("broute", "bridge", vec![Expr::Meta(Meta { key: MetaKey::BriIifname, dreg: Reg::R1 })]),
        ("bridge address", "bridge", vec![Expr::Meta(Meta { key: MetaKey::BriIifhwaddr, dreg: Reg::R1 })]),
        ("flow_offload", "ip", vec![Expr::FlowOffload(FlowOffload { table: "none".into() })]),
        (
            "symhash",
            "ip6",
            vec![Expr::Hash(Hash {
                kind: HashKind::Symhash,
                sreg: None,
                len: None,
                dreg: Reg::R1,
                modulus: 7,
                seed: None,
                offset: 2,
            })],
        ),
    ];
    let ns = Netns::new();
    ns.nft(
        "table ip t { chain c { }; }
         table ip6 t { chain c { }; }
         table inet t { chain c { }; }
         table bridge t { chain c { }; }
         table netdev t { chain c { }; }",
    );
    let mut tried = 0;
    for (name, family, exprs) in cases {
        let families = [Family::Ip, Family::Ip6, Family::Inet, Family::Bridge, Family::Netdev];
        let family = families.into_iter().find(|f| f.to_string() == family).unwrap();
        let (table, chain): (Text, Text) = ("t".into(), "c".into());
        let (previous, compat, userdata, unread) = (None, None, Userdata::default(), vec![]);
        let rule = Rule { family, table, chain, handle: 0, previous, exprs, compat, userdata, unread };
        let mut batch = Batch::new(None);
        batch.flush_chain(family, &rule.table, &rule.chain).add_rule(&rule, Place::Append);
        match ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())) {
            Ok(()) => tried += 1,
            Err(e) if lacking(&e) => {
                eprintln!("not tried: {name}: this kernel lacks it ({e})");
                continue;
            }
            Err(e) => panic!("{name}: {e}"),
        }
        let r = read(&ns);
        let back = r.nft.iter().find(|t| t.def.family == family).map(|t| &t.chains[0].rules).unwrap();
        assert_eq!(back.len(), 1, "{name}");
        assert_eq!(back[0].exprs, rule.exprs, "{name}");
    }
    assert!(tried >= 5, "only {tried} could be tried");
}

fn objects_and_devices_that_nft_cannot_write_read_back_as_written() {
    let ns = Netns::new();
    ns.nft("table ip t { }\ntable netdev t { }");
    let table: Text = "t".into();
    let object = |name: &str, kind, data| Object {
        family: if kind == ObjectKind::Tunnel { Family::Netdev } else { Family::Ip },
        table: table.clone(),
        name: name.into(),
        kind,
        handle: 0,
        uses: 0,
        data: Some(data),
        userdata: Userdata::of_comment("why"),
        unread: vec![],
    };
    let tunnel = |endpoints, options| {
        let flags = TunnelFlags::DONT_FRAGMENT;
        let t =
            TunnelObject { id: 7, endpoints: Some(endpoints), flags, tos: 4, ttl: 9, sport: 1, dport: 4789, options };
        ObjectData::Tunnel(Box::new(t))
    };
    let v4 = Endpoints::Ip { source: [192, 0, 2, 1].into(), destination: [192, 0, 2, 2].into() };
    let v6 = Endpoints::Ip6 { source: 1u128.into(), destination: 2u128.into(), flowlabel: 5 };
    let connlimit = Connlimit { count: 3, flags: ConnlimitFlags::INV };
    let objects = [
        object("v4", ObjectKind::Tunnel, tunnel(v4, vec![TunnelOption::Vxlan { gbp: 3 }])),
        object("v6", ObjectKind::Tunnel, tunnel(v6, vec![TunnelOption::Erspan1 { index: 9 }])),
        object("erspan", ObjectKind::Tunnel, tunnel(v4, vec![TunnelOption::Erspan2 { hwid: 3, direction: 1 }])),
        object("connlimit", ObjectKind::Connlimit, ObjectData::Connlimit(connlimit)),
    ];
    for o in &objects {
        let mut batch = Batch::new(None);
        batch.add_object(o);
        match ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())) {
            Ok(()) => {}
            Err(e) if lacking(&e) => {
                eprintln!("not tried: {}: this kernel lacks it ({e})", o.name);
                continue;
            }
            Err(e) => panic!("{}: {e}", o.name),
        }
        let r = read(&ns);
        let back = r.nft.iter().find_map(|t| t.object(o.kind, &o.name)).unwrap_or_else(|| panic!("{r:#?}"));
        assert_eq!((&back.data, back.comment()), (&o.data, Some("why".into())));
    }
    for (name, devices) in [
        ("several", vec![Device { name: "lo".into(), prefix: false }]),
        ("prefix", vec![Device { name: "v".into(), prefix: true }, Device { name: "lo".into(), prefix: false }]),
    ] {
        let (kind, hook, priority, policy) = (ChainKind::Filter, Hook::Ingress, 3, Verdict::Accept);
        let counters = Some(Counter { packets: 1, bytes: 2 });
        let base = BaseChain { kind, hook, priority, policy, devices, counters };
        let chain = Chain {
            family: Family::Netdev,
            table: table.clone(),
            name: name.into(),
            handle: 0,
            base: Some(base),
            uses: 0,
            flags: ChainFlags::BASE,
            id: None,
            userdata: Userdata::of_comment("why"),
            unread: vec![],
        };
        let mut batch = Batch::new(None);
        batch.add_chain(&chain);
        match ns.run(|| batch.commit(&mut Client::open(Netlink::Netfilter).unwrap())) {
            Ok(()) => {}
            // Before Linux 6.18, there is no prefix.
            Err(e) if name == "prefix" => {
                eprintln!("not tried: device prefix: {e}");
                continue;
            }
            Err(e) => panic!("{name}: {e}"),
        }
        let mut back = read(&ns).nft[1].chain(&chain.name).unwrap().def.clone();
        back.handle = 0;
        assert_eq!(back, chain);
    }
}
