//! Renderings of bytes that no tool would write.

use nfblame_sys::xt::Family;
use nfblame_sys::xt::matches::{NAMES, decode};
use proptest::prelude::*;

use super::*;

fn rendered(family: Family, name: &str, revision: u8, data: &[u8]) -> (String, bool) {
    let m = decode(family, name.as_bytes(), revision, data);
    let mut out = Out::new();
    render(&m, &Context::new(family, &()), &mut out);
    let complete = out.is_complete();
    (String::from_utf8_lossy(out.as_bytes()).into_owned(), complete)
}

#[test]
fn what_has_no_words_is_shown_and_marked() {
    assert_eq!(rendered(Family::Ip, "tcp", 7, &[1, 2]), (" [unknown match tcp rev 7: 0x0102]".into(), false));
    assert_eq!(rendered(Family::Ip, "ttl", 0, &[9, 64]), (" -m ttl [mode 9 64]".into(), false));
    assert_eq!(
        rendered(Family::Ip, "set", 1, &[7, 0, 2, 2]),
        (" -m set --match-set [set of index 7] src,dst".into(), false)
    );
    let l2tp = [5, 0, 0, 0, 6, 0, 0, 0, 3, 1, 0b1011, 0];
    assert_eq!(rendered(Family::Ip, "l2tp", 0, &l2tp), (" -m l2tp [tid 5] [sid 6] [type 1]".into(), false));
}

/// Revisions that today's tool does not choose any more.
#[test]
fn old_revisions_are_said_as_old_tools_said_them() {
    let ip = |name, revision, data: &[u8]| rendered(Family::Ip, name, revision, data).0;
    assert_eq!(ip("tos", 0, &[0x10, 1]), " -m tos ! --tos 0x10");
    assert_eq!(
        ip("addrtype", 0, &[4, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
        " -m addrtype ! --src-type LOCAL --dst-type BROADCAST"
    );
    let range = [10, 0, 0, 1, 10, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0];
    assert_eq!(ip("iprange", 0, &range), " -m iprange ! --src-range 10.0.0.1-10.0.0.9");
    assert_eq!(ip("multiport", 0, &[&[1u8, 2, 22, 0, 80, 0][..], &[0; 26]].concat()), " -m multiport --dports 22,80");
    assert_eq!(ip("cgroup", 0, &[7, 0, 0, 0, 1, 0, 0, 0]), " -m cgroup ! --cgroup 7");
    assert_eq!(ip("state", 0, &[0x4b, 0, 0, 0]), " -m state --state INVALID,NEW,ESTABLISHED,UNTRACKED");
    let mut conntrack = vec![0; 152];
    conntrack[146..152].copy_from_slice(&[0x01, 0x01, 0x01, 0, 0x0a, 0]);
    conntrack[138..140].copy_from_slice(&[0, 22]);
    assert_eq!(ip("conntrack", 1, &conntrack), " -m conntrack ! --ctstate NEW,ESTABLISHED --ctorigsrcport 22");
    let mut recent = vec![0; 212];
    recent[..8].copy_from_slice(&[60, 0, 0, 0, 3, 0, 0, 0]);
    recent[8..14].copy_from_slice(&[0x14, 1, b's', b's', b'h', 0]);
    assert_eq!(ip("recent", 0, &recent), " -m recent ! --update --seconds 60 --hitcount 3 --rttl --name ssh --rsource");
    let mut hashlimit = vec![0; 56];
    hashlimit[..4].copy_from_slice(b"http");
    for (at, value) in [(16, 4u32), (20, 1000), (24, 5), (36, 1000), (40, 1000)] {
        hashlimit[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }
    hashlimit[44] = 32;
    hashlimit[45] = 24;
    let expected = " -m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name http \
                    --hashlimit-dstmask 24";
    assert_eq!(ip("hashlimit", 1, &hashlimit), expected);
}

proptest! {
    #[test]
    fn odd_payloads_never_panic(
        name in 0..NAMES.len(),
        family in 0..2usize,
        revision in 0..5u8,
        data in proptest::collection::vec(any::<u8>(), 0..2200),
    ) {
        let (line, _) = rendered([Family::Ip, Family::Ip6][family], NAMES[name], revision, &data);
        prop_assert!(line.starts_with(' '));
    }
}
