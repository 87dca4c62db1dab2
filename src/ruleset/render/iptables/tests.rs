//! Rules that no peer here can install, and payloads that nobody should.
#![allow(clippy::unwrap_used, reason = "test code")]

use nfblame_sys::nft::expr::{Bitwise, BitwiseOp, Cmp, Expr, Immediate, Meta, MetaKey, Payload, PayloadBase, Range};
use nfblame_sys::nft::{self, Data, Reg, Value};
use nfblame_sys::xt::{Draft, DraftRule, DraftTarget, Extension, Family, Info, Table, Verdict};
use proptest::prelude::*;

use super::*;

/// Every name that a decoder knows, and one that none does.
const MATCHES: &str = "addrtype ah bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack cpu dccp \
    devgroup dscp dst ecn esp eui64 frag hashlimit hbh helper hl icmp icmp6 iprange ipv6header ipcomp ipvs length limit \
    mac mark mh multiport nfacct osf owner physdev pkttype policy quota rateest realm recent rpfilter rt sctp set socket \
    srh state statistic string tcp tcpmss time tos ttl u32 udp unclean nobody";
const TARGETS: &str = "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNAT DNPT DSCP ECN HL HMARK IDLETIMER LED \
    LOG mangle MARK MASQUERADE NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT SECMARK SET SNAT SNPT SYNPROXY \
    TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ERROR NOBODY";

fn filter_info() -> Info {
    let (hook_entry, underflow) = ([0; 5], [0; 5]);
    Info { name: "filter".into(), valid_hooks: 0b1110, hook_entry, underflow, num_entries: 0, size: 0 }
}

fn rule(family: Family, matches: Vec<Extension>, target: DraftTarget) -> DraftRule {
    DraftRule { matches, ..DraftRule::new(family, target) }
}

fn rendered(table: &Table) -> String {
    let mut out = Out::new();
    legacy_table(table, true, &(), &mut out);
    for chain in table.chains() {
        for rule in chain.rules() {
            let one = legacy_rule(chain.name().as_bytes(), &rule, false, &());
            assert!(!one.to_string().bytes().any(|b| b < 0x20), "{one}");
        }
    }
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

fn target(family: Family, name: &str, revision: u8, data: Vec<u8>) -> Rendered {
    let mut draft = Draft::new(family, &filter_info());
    let target = DraftTarget::Extension(Extension::new(name, revision, data));
    draft.chain("INPUT").rules.push(rule(family, vec![], target));
    let table = draft.build().unwrap();
    let rule = table.chain(b"INPUT").unwrap().rule(1).unwrap();
    legacy_rule(b"INPUT", &rule, false, &())
}

fn padded(parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut data = parts.concat();
    data.resize(len, 0);
    data
}

#[test]
fn targets_that_few_kernels_have() {
    let led = [padded(&[b"netfilter-a\"b"], 27), vec![1], 500u32.to_ne_bytes().to_vec()].concat();
    let line = target(Family::Ip, "LED", 0, padded(&[&led], 40));
    assert_eq!(line.line, r#"-A INPUT -j LED --led-trigger-id "a\"b" --led-delay 500 --led-always-blink"#);

    let context = b"system_u:object_r:httpd_packet_t:s0";
    let line = target(Family::Ip, "SECMARK", 0, padded(&[&[1, 0, 0, 0, 7, 0, 0, 0], context], 264));
    assert_eq!(line.line, "-A INPUT -j SECMARK --selctx system_u:object_r:httpd_packet_t:s0");
    let line = target(Family::Ip6, "SECMARK", 1, padded(&[&[1], context], 264));
    assert_eq!(line.line, "-A INPUT -j SECMARK --selctx system_u:object_r:httpd_packet_t:s0");

    let mut cluster = padded(&[&1u32.to_ne_bytes(), &[1, 0xaa, 0x7b, 0x47, 0xf7, 0xd7]], 64);
    cluster[10..12].copy_from_slice(&2u16.to_ne_bytes());
    cluster[12..14].copy_from_slice(&1u16.to_ne_bytes());
    cluster[14..16].copy_from_slice(&1u16.to_ne_bytes());
    cluster[48..52].copy_from_slice(&2u32.to_ne_bytes());
    cluster[52..56].copy_from_slice(&9u32.to_ne_bytes());
    assert_eq!(
        target(Family::Ip, "CLUSTERIP", 0, cluster).line,
        "-A INPUT -j CLUSTERIP --new --hashmode sourceip-sourceport-destport --clustermac 01:AA:7B:47:F7:D7 \
         --total-nodes 2 --local-node 1 --hash-init 9"
    );
    // What iptables of old did in one form, revision 0 and 1 of the others.
    let set = padded(&[&[3, 0, 1, 2, 0xff, 0xff]], 8);
    assert_eq!(target(Family::Ip, "SET", 1, set).line, "-A INPUT -j SET --add-set [set of index 3] src");
    let old = [[9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0].to_vec(), vec![0; 20], vec![0xff; 32]].concat();
    assert_eq!(target(Family::Ip, "SET", 0, old).line, "-A INPUT -j SET --add-set [set of index 9] src,dst");
}

#[test]
fn what_is_not_known_is_shown_raw_and_marked() {
    let line = target(Family::Ip, "MARK", 9, vec![1, 2, 3, 4]);
    assert_eq!(line.line, "-A INPUT -j MARK [unknown target rev 9: 0x0102030400000000]");
    assert!(!line.complete);
    assert!(target(Family::Ip, "MARK", 2, vec![0; 8]).complete);
}

#[test]
fn hostile_bytes_stay_raw_in_the_line_and_are_escaped_for_a_reader() {
    let line = target(Family::Ip, "LOG", 0, padded(&[&[4, 0], b"a\x1b[2J\n'\\"], 32));
    assert_eq!(line.line.as_bytes(), b"-A INPUT -j LOG --log-prefix \"a\x1b[2J\n\\'\\\\\"");
    assert_eq!(line.to_string(), r#"-A INPUT -j LOG --log-prefix "a\x1b[2J\n\'\\""#);
}

#[test]
fn what_iptables_cannot_say_of_an_nft_rule_is_marked() {
    let reg = Reg::R1;
    let payload = Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: reg };
    let port = Cmp { op: nft::expr::CmpOp::Eq, sreg: reg, data: Data::new(80u16.to_be_bytes()) };
    let verdict = Immediate { dreg: Reg::VERDICT, value: Value::Verdict(nft::Verdict::Drop) };
    let rule = compat(vec![Expr::Payload(payload), Expr::Cmp(port), Expr::Immediate(verdict)]);
    let line = compat_rule(&rule, false, &());
    // A port says nothing without a protocol.
    assert!(!line.complete);
    assert!(line.to_string().starts_with("-A INPUT -j DROP [nft Cmp"), "{line}");
}

fn compat(exprs: Vec<Expr>) -> nft::Rule {
    nft::Rule {
        family: nft::Family::Ip,
        table: "filter".into(),
        chain: "INPUT".into(),
        handle: 1,
        previous: None,
        exprs,
        compat: None,
        userdata: nft::Userdata::default(),
        unread: Vec::new(),
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Ip), Just(Family::Ip6), Just(Family::Arp)]
}

fn extension(names: &'static str) -> impl Strategy<Value = Extension> {
    let names: Vec<&str> = names.split_whitespace().collect();
    let data = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        proptest::collection::vec(any::<u8>(), 0..700),
        proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 100..400),
    ];
    (proptest::sample::select(names), 0..5u8, data).prop_map(|(name, revision, data)| Extension {
        name: name.into(),
        revision,
        data,
    })
}

fn table() -> impl Strategy<Value = Table> {
    let parts = (proptest::collection::vec(extension(MATCHES), 0..4), extension(TARGETS), 0..5);
    (family(), proptest::collection::vec(parts, 1..8)).prop_map(|(family, rules)| {
        let mut draft = Draft::new(family, &filter_info());
        draft.chain("user");
        for (matches, extension, kind) in rules {
            let target = match kind {
                0 => DraftTarget::Jump("user".into()),
                1 => DraftTarget::Verdict(Verdict::Drop),
                2 => DraftTarget::Continue,
                _ => DraftTarget::Extension(extension),
            };
            draft.chain("INPUT").rules.push(rule(family, matches, target));
        }
        draft.build().unwrap()
    })
}

fn rule_of_nft() -> impl Strategy<Value = nft::Rule> {
    let reg = || prop_oneof![Just(Reg::R1), (0..24u8).prop_map(Reg)];
    let data = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Data::new);
    let op = || (0..7u32).prop_map(nft::expr::CmpOp::from);
    let base = || (0..4u32).prop_map(PayloadBase::from);
    let len = || prop_oneof![0..20u32, any::<u32>()];
    let expr = prop_oneof![
        (base(), 0..50u32, len(), reg()).prop_map(|(base, offset, len, dreg)| Expr::Payload(Payload {
            base,
            offset,
            len,
            dreg
        })),
        (0..40u32, reg()).prop_map(|(key, dreg)| Expr::Meta(Meta { key: MetaKey::from(key), dreg })),
        (op(), reg(), data()).prop_map(|(op, sreg, data)| Expr::Cmp(Cmp { op, sreg, data })),
        (reg(), reg(), data(), data()).prop_map(|(sreg, dreg, mask, xor)| Expr::Bitwise(Bitwise {
            sreg,
            dreg,
            len: 4,
            op: BitwiseOp::MaskXor { mask, xor }
        })),
        (0..3u32, reg(), data(), data()).prop_map(|(op, sreg, from, to)| Expr::Range(Range {
            op: op.into(),
            sreg,
            from,
            to
        })),
        Just(Expr::Cmp(Cmp { op: nft::expr::CmpOp::Eq, sreg: Reg::R1, data: Data::new([6]) })),
    ];
    let families = prop_oneof![
        Just(nft::Family::Ip),
        Just(nft::Family::Ip6),
        Just(nft::Family::Arp),
        Just(nft::Family::Bridge),
        Just(nft::Family::Inet)
    ];
    (families, proptest::collection::vec(expr, 0..12)).prop_map(|(family, exprs)| nft::Rule { family, ..compat(exprs) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_payload_brings_the_renderer_down(table in table()) {
        let text = rendered(&table);
        prop_assert!(text.len() < 200 * table.as_bytes().len() + 1000);
        let json = serde_json::to_value(&table).unwrap();
        let chains = json["chains"].as_array().unwrap();
        let input = chains.iter().find(|c| c["name"] == "INPUT").unwrap();
        prop_assert_eq!(input["rules"].as_array().unwrap().len(), table.chain(b"INPUT").unwrap().len());
    }

    #[test]
    fn no_blob_brings_the_reader_down(
        table in table(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut blob = table.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(blob.len());
            blob[at] = byte;
        }
        if let Some(cut) = cut {
            blob.truncate(cut.index(blob.len()));
        }
        if let Ok(table) = Table::new(table.family(), table.info().clone(), blob) {
            rendered(&table);
            // What can be taken apart can be put together again, or is refused.
            if let Ok(draft) = Draft::try_from(&table) {
                let _ = draft.build();
            }
        }
    }

    #[test]
    fn no_rule_of_nft_brings_the_translation_down(rule in rule_of_nft()) {
        let line = compat_rule(&rule, true, &());
        prop_assert!(line.line.len() < 20_000);
    }
}
