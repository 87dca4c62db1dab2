//! Bytes that kernels sent: Linux 6.12 and 7.3 of Debian, each with a BPF program, a chain of family inet, and a chain of
//! type nat at the input of IPv4.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::netlink::fake::Fake;

const BPF: &str = "50000000000c0200010000000000000002000000140004006e665f686f6f6b5f72756e5f62706600080001000000000108000200\
                   fffffff91800068008000200000000020c0001800800010000000002";
const INET: &str = "78000000000c02000100000000000000020000000e0005006e665f7461626c6573000000160004006e66745f646f5f636861696e5f\
                    696e6574000000080001000000000108000200000000002c000680080002000000000120000180080001006f6e65000a000300\
                    696e7075740000000500020001000000";
const NAT_6_12: &str = "4c000000000c02000100000000000000020000000b0005006e665f6e61740000190004006e665f6e61745f697076345f6c6f63\
                        616c5f696e0000000008000100000000010800020000000064";
const NAT_7_3: &str = "7c000000000c0200010000000000000002000000120005006e66745f636861696e5f6e6174000000150004006e66745f6e6174\
                       5f646f5f636861696e00000000080001000000000108000200000000642c000680080002000000000120000180080001006e61\
                       740009000300706f7374000000000500020002000000";

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap()).collect()
}

fn at_input(messages: &[&str]) -> Option<Vec<Function>> {
    let fake = Fake::new().reply(bytes(&messages.concat())).done();
    read(&mut Client::new(fake), &Point::new(Family::Ip, Hook::Input)).unwrap()
}

fn told(functions: &[Function]) -> Vec<(i32, String, Option<String>)> {
    let text = |t: &Option<Text>| t.as_ref().map(ToString::to_string);
    functions.iter().map(|f| (f.priority, text(&f.name).unwrap_or_default(), text(&f.module))).collect()
}

#[test]
fn what_is_registered_comes_in_the_kernels_order() {
    let all = at_input(&[BPF, INET, NAT_6_12]).unwrap();
    let module = |m: &str| Some(m.to_owned());
    let right = [
        (-7, "nf_hook_run_bpf".to_owned(), None),
        (0, "nft_do_chain_inet".to_owned(), module("nf_tables")),
        (100, "nf_nat_ipv4_local_in".to_owned(), module("nf_nat")),
    ];
    assert_eq!(told(&all), right);
    let chain = Runs::Chain { family: Family::Inet, table: "one".into(), name: "input".into() };
    assert_eq!(all.iter().map(|f| f.runs.clone()).collect::<Vec<_>>(), [Some(Runs::Bpf(2)), Some(chain), None]);
    assert!(all.iter().all(|f| f.unread.is_empty()));
}

#[test]
fn newer_kernels_tell_of_the_chains_of_translation_in_place_of_what_calls_them() {
    let all = at_input(&[NAT_7_3]).unwrap();
    let chain = Runs::Chain { family: Family::Ip, table: "nat".into(), name: "post".into() };
    assert_eq!(told(&all), [(100, "nft_nat_do_chain".to_owned(), Some("nft_chain_nat".to_owned()))]);
    assert_eq!(all[0].runs, Some(chain));
}

#[test]
fn a_kernel_that_cannot_tell_tells_nothing() {
    let point = Point::new(Family::Ip, Hook::Input);
    let refused = Fake::new().ack(libc::EINVAL);
    assert_eq!(read(&mut Client::new(refused), &point).unwrap(), None);
    assert!(read(&mut Client::new(Fake::new().ack(libc::EPERM)), &point).is_err());
    assert_eq!(read(&mut Client::new(Fake::new()), &Point::new(Family::Arp, Hook::Prerouting)).unwrap(), None);
}

#[test]
fn a_type_that_is_not_known_keeps_its_number() {
    let other = BPF.replace("0800020000000002", "080002000000005d");
    assert_eq!(at_input(&[&other]).unwrap()[0].runs, Some(Runs::Unknown(93)));
}
