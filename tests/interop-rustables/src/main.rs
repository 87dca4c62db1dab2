//! Rules that a program wrote with rustables, read by nfblame: each says in nft's words what was meant.
//!
//! Root is needed. Everything happens in a network namespace of its own, which ends with the program.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

use nfblame::ruleset::Ruleset;
use nfblame::ruleset::render::nft::{self, Options, System};
use nfblame::sys::netlink::{Family, Socket, Transport};
use nfblame::sys::ns;
use rustables::data_type::DataType;
use rustables::expr::{
    Bitwise, Cmp, CmpOp, ConnTrackState, Conntrack, ConntrackKey, Counter, HighLevelPayload, IPv4HeaderField, IcmpCode,
    Immediate, LLHeaderField, Log, Lookup, Masquerade, Meta, MetaType, Nat, NatType, NetworkHeaderField, Payload,
    RawExpression, Register, Reject, RejectType, TCPHeaderField, TransportHeaderField, VerdictKind,
};
use rustables::set::SetBuilder;
use rustables::{
    Batch, Chain, ChainPolicy, ChainType, Hook, HookClass, MsgType, Protocol, ProtocolFamily, Rule, Table,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// `ipv6_addr . inet_service`.
struct Service(Ipv6Addr, u16);

impl DataType for Service {
    const TYPE: u32 = 8 << 6 | 13;
    const LEN: u32 = 20;

    fn data(&self) -> Vec<u8> {
        [&self.0.octets()[..], &self.1.to_be_bytes(), &[0, 0]].concat()
    }
}

/// Rules as they are written, and what they mean.
fn rules(chain: &Chain, plain: &rustables::Set, services: &rustables::Set) -> Result<Vec<(Rule, &'static str)>> {
    let rule = || Rule::new(chain);
    let with = |exprs: Vec<RawExpression>| -> Result<Rule> {
        let mut all = rule()?;
        exprs.into_iter().for_each(|e| all.add_expr(e));
        Ok(all)
    };
    let saddr = HighLevelPayload::Network(NetworkHeaderField::IPv4(IPv4HeaderField::Saddr)).build();
    let dport = HighLevelPayload::Transport(TransportHeaderField::Tcp(TCPHeaderField::Dport)).build();
    let v4 = || [Meta::new(MetaType::NfProto).into(), Cmp::new(CmpOp::Eq, [2]).into()];
    let v6 = || [Meta::new(MetaType::NfProto).into(), Cmp::new(CmpOp::Eq, [10]).into()];
    let tcp = || [Meta::new(MetaType::L4Proto).into(), Cmp::new(CmpOp::Eq, [6]).into()];
    let verdict = |kind| RawExpression::from(Immediate::new_verdict(kind));
    let chained = |parts: Vec<Vec<RawExpression>>| with(parts.concat());
    let invalid = ConnTrackState::INVALID | ConnTrackState::UNTRACKED;
    let concatenated: Vec<RawExpression> = vec![
        Payload::default().with_base(1_u32).with_offset(24_u32).with_len(16_u32).with_dreg(Register::Reg1).into(),
        dport.with_dreg(Register::Reg2).into(),
        Lookup::new(services)?.into(),
    ];
    Ok(vec![
        (rule()?.established()?.accept(), "ct state established accept"),
        (rule()?.dport(22, Protocol::TCP).accept(), "tcp dport 22 accept"),
        (rule()?.sport(53, Protocol::UDP).drop(), "udp sport 53 drop"),
        (rule()?.iiface("lo")?.accept(), "iifname \"lo\" accept"),
        // It writes the index in network order, where the kernel compares with its own: this is what the kernel does.
        (rule()?.oiface_id(1).accept(), "oif 16777216 accept"),
        (rule()?.saddr(Ipv4Addr::new(192, 0, 2, 1).into()).drop(), "ip saddr 192.0.2.1 drop"),
        (rule()?.daddr(IpAddr::V6("2001:db8::1".parse()?)).drop(), "ip6 daddr 2001:db8::1 drop"),
        (rule()?.snetwork("192.0.2.0/25".parse()?)?.drop(), "ip saddr 192.0.2.0/25 drop"),
        (rule()?.dnetwork("2001:db8::/36".parse()?)?.accept(), "ip6 daddr 2001:db8::/36 accept"),
        (rule()?.icmp().accept(), "meta l4proto icmp accept"),
        (
            chained(vec![
                v4().into(),
                vec![saddr.into(), Cmp::new(CmpOp::Neq, [192, 0, 2, 7]).into(), verdict(VerdictKind::Drop)],
            ])?,
            "ip saddr != 192.0.2.7 drop",
        ),
        (
            chained(vec![
                tcp().into(),
                vec![dport.into(), Cmp::new(CmpOp::Gte, [4, 0]).into(), verdict(VerdictKind::Return)],
            ])?,
            "tcp dport >= 1024 return",
        ),
        (
            chained(vec![
                tcp().into(),
                vec![
                    dport.into(),
                    Cmp::new(CmpOp::Neq, [0, 80]).into(),
                    Counter::default().into(),
                    verdict(VerdictKind::Drop),
                ],
            ])?,
            "tcp dport != 80 counter packets 0 bytes 0 drop",
        ),
        (
            with(vec![
                Conntrack::new(ConntrackKey::State).into(),
                Bitwise::new(invalid.bits().to_ne_bytes(), [0; 4])?.into(),
                Cmp::new(CmpOp::Neq, [0; 4]).into(),
                Log::new(Some(7), Some("odd \"one\""))?.into(),
                verdict(VerdictKind::Drop),
            ])?,
            "ct state invalid,untracked log prefix \"odd \"one\"\" group 7 drop",
        ),
        (
            with(vec![
                Conntrack::new(ConntrackKey::Mark).into(),
                Bitwise::new(0xff_u32.to_ne_bytes(), [0; 4])?.into(),
                Cmp::new(CmpOp::Neq, 3_u32.to_ne_bytes()).into(),
                verdict(VerdictKind::Goto { chain: "other".into() }),
            ])?,
            "ct mark & 0x000000ff != 0x00000003 goto other",
        ),
        (
            with(vec![
                Meta::new(MetaType::Mark).into(),
                Cmp::new(CmpOp::Lt, 9_u32.to_ne_bytes()).into(),
                verdict(VerdictKind::Jump { chain: "other".into() }),
            ])?,
            "meta mark < 0x00000009 jump other",
        ),
        (
            with(vec![
                Meta::new(MetaType::IifType).into(),
                Cmp::new(CmpOp::Eq, 1_u16.to_ne_bytes()).into(),
                HighLevelPayload::LinkLayer(LLHeaderField::Saddr).build().into(),
                Cmp::new(CmpOp::Neq, [2, 0, 0, 0, 0, 1]).into(),
                Reject::default().with_type(RejectType::IcmpxUnreach).with_icmp_code(IcmpCode::AdminProhibited).into(),
            ])?,
            "ether saddr != 02:00:00:00:00:01 reject with icmpx admin-prohibited",
        ),
        (
            chained(vec![
                tcp().into(),
                vec![Reject::default().with_type(RejectType::TcpRst).with_icmp_code(IcmpCode::NoRoute).into()],
            ])?,
            "meta l4proto tcp reject with tcp reset",
        ),
        (
            chained(vec![v4().into(), vec![saddr.into(), Lookup::new(plain)?.into(), verdict(VerdictKind::Drop)]])?,
            "ip saddr @plain drop",
        ),
        // rustables knows no flags of a lookup: see `negate`.
        (
            chained(vec![
                v4().into(),
                vec![saddr.into(), Lookup::new(plain)?.with_set_id(NEGATED).into(), verdict(VerdictKind::Drop)],
            ])?,
            "ip saddr != @plain drop",
        ),
        (
            chained(vec![v6().into(), tcp().into(), concatenated, vec![verdict(VerdictKind::Accept)]])?,
            "ip6 daddr . tcp dport @services accept",
        ),
    ])
}

/// Rules of a chain that translates addresses.
fn translations(chain: &Chain) -> Result<Vec<(Rule, &'static str)>> {
    let nat =
        Nat::default().with_nat_type(NatType::SNat).with_family(ProtocolFamily::Ipv4).with_ip_register(Register::Reg1);
    let mut snat = Rule::new(chain)?.snetwork("10.0.0.0/8".parse()?)?;
    snat.add_expr(Immediate::new_data(vec![192, 0, 2, 1], Register::Reg1));
    snat.add_expr(nat);
    let mut masquerade = Rule::new(chain)?.oiface("lo")?;
    masquerade.add_expr(Masquerade::default());
    Ok(vec![(snat, "ip saddr 10.0.0.0/8 snat ip to 192.0.2.1"), (masquerade, "oifname \"lo\" masquerade")])
}

/// An id that no set has.
const NEGATED: u32 = 0x7fff_0001;

/// Puts `NFTA_LOOKUP_FLAGS = NFT_LOOKUP_F_INV` where a rule names that id: rustables cannot say it.
fn negate(bytes: &mut [u8]) -> usize {
    const LEN: [u8; 2] = 8_u16.to_ne_bytes();
    const SET_ID: [u8; 2] = 4_u16.to_ne_bytes();
    const FLAGS: [u8; 2] = 5_u16.to_ne_bytes();
    let named = [&LEN[..], &SET_ID, &NEGATED.to_be_bytes()].concat();
    let negated = [&LEN[..], &FLAGS, &1_u32.to_be_bytes()].concat();
    let mut found = 0;
    for at in 0..bytes.len().saturating_sub(named.len()) {
        let here = &mut bytes[at..at + named.len()];
        if here == named {
            here.copy_from_slice(&negated);
            found += 1;
        }
    }
    found
}

/// Sends a batch, and says what the kernel says to it.
fn send(bytes: &[u8]) -> Result<()> {
    let mut socket = Socket::open(Family::Netfilter)?;
    socket.set_nonblocking(true)?;
    socket.send(bytes)?;
    let mut answer = vec![0; 64 << 10];
    while let Ok(datagram) = socket.receive(&mut answer) {
        for m in nfblame::sys::netlink::Messages::new(&answer[..datagram.len]).flatten() {
            let (errno, extack) = m.error()?;
            if errno != 0 {
                return Err(format!("refused: {} {extack:?}", std::io::Error::from_raw_os_error(errno)).into());
            }
        }
    }
    Ok(())
}

fn compare() -> Result<usize> {
    let mut batch = Batch::new();
    let table = Table::new(ProtocolFamily::Inet).with_name("written");
    batch.add(&table, MsgType::Add);
    let mut builder = SetBuilder::<Ipv4Addr>::new("plain", &table)?;
    builder.add(&Ipv4Addr::new(192, 0, 2, 5));
    let (plain, plain_elements) = builder.finish();
    let plain = plain.with_id(1_u32);
    let mut builder = SetBuilder::<Service>::new("services", &table)?;
    builder.add(&Service("2001:db8::5".parse()?, 443));
    let (services, service_elements) = builder.finish();
    let services = services.with_id(2_u32);
    batch.add(&rustables::Set { family: ProtocolFamily::Inet, ..plain.clone() }, MsgType::Add);
    batch.add(&plain_elements, MsgType::Add);
    batch.add(&rustables::Set { family: ProtocolFamily::Inet, ..services.clone() }, MsgType::Add);
    batch.add(&service_elements, MsgType::Add);
    let other = Chain::new(&table).with_name("other");
    batch.add(&other, MsgType::Add);
    let chain =
        Chain::new(&table).with_name("input").with_hook(Hook::new(HookClass::In, 5)).with_policy(ChainPolicy::Drop);
    batch.add(&chain, MsgType::Add);
    let nat =
        Chain::new(&table).with_name("nat").with_hook(Hook::new(HookClass::PostRouting, 100)).with_type(ChainType::Nat);
    batch.add(&nat, MsgType::Add);
    let (filter, nat) = (rules(&chain, &plain, &services)?, translations(&nat)?);
    let all: Vec<&(Rule, &str)> = filter.iter().chain(&nat).collect();
    for (rule, _) in &all {
        batch.add(rule, MsgType::Add);
    }
    let mut bytes = batch.finalize();
    if negate(&mut bytes) != 1 {
        return Err("the batch has no place for the negation any more".into());
    }
    send(&bytes)?;

    let ruleset = Ruleset::read()?;
    let [read] = ruleset.nft.as_slice() else { return Err("another number of tables than was written".into()) };
    let view = nft::View::new(read);
    let read: Vec<_> =
        ["input", "nat"].iter().filter_map(|c| read.chain(&(*c).into())).flat_map(|c| &c.rules).collect();
    let mut wrong = 0;
    for ((_, wanted), read) in all.iter().zip(&read) {
        let said = nft::rule(&view, read, Options::default(), &System::new());
        if !said.complete || said.text != *wanted {
            wrong += 1;
            println!("wanted {wanted}\nread   {}", said.text);
        }
    }
    let mut listing = Vec::new();
    nft::ruleset(&ruleset, Options::default(), &System::new(), &mut listing)?;
    let listing = String::from_utf8(listing)?;
    for wanted in [
        "set plain {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.5 }",
        "set services {\n\t\ttype ipv6_addr . inet_service\n\t\telements = { 2001:db8::5 . 443 }",
        "type filter hook input priority filter + 5; policy drop;",
        "type nat hook postrouting priority srcnat; policy accept;",
    ] {
        if !listing.contains(wanted) {
            wrong += 1;
            println!("wanted {wanted}\nread   {listing}");
        }
    }
    if all.len() != read.len() {
        return Err(format!("{} rules written, {} read", all.len(), read.len()).into());
    }
    println!("{} rules written with rustables, {wrong} read wrongly", all.len());
    Ok(wrong)
}

fn main() -> ExitCode {
    let result = ns::unshare_net().map_err(Into::into).and_then(|_namespace| compare());
    match result {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
