//! Answers that are known already: a packet that is the same in all that an answer was made from has that answer.
//!
//! Everything that the kernel says about a packet beside its bytes counts, its length, and of its bytes those that the walk
//! through the rules looked at ([`Looked`]): the walk asks for one after the other, so that a packet with the same bytes there
//! makes it take the same steps. What an answer took from the host or the clock is kept for a moment only.

use std::hash::{Hash, Hasher};
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use crate::blame::Blame;
use crate::evaluate::bytes::Looked;
use crate::sys::nflog::{Packet, Vlan};

/// How many answers are kept.
const MOST: usize = 1 << 16;
/// How many different choices of bytes are kept for packets that are the same otherwise.
const CHOICES: usize = 8;

/// An answer, in the words of the packet that it was given to last.
#[derive(Debug)]
pub(super) struct Answer {
    pub blame: Blame,
    /// The bytes that it depends on.
    pub looked: Looked,
    /// It is this answer and no other, as long as this program runs.
    pub serial: u64,
    /// When the culprit's counters were read.
    pub counted: Instant,
    /// Does it hold only as long as the host does not change?
    passing: bool,
}

/// The answers so far, by the present ruleset.
#[derive(Debug, Default)]
pub(super) struct Known {
    around: Vec<Around>,
    places: FxHashMap<u64, SmallVec<[usize; 1]>>,
    /// Most packets are like the one before.
    last: usize,
    /// By their places; places that are free again.
    answers: Vec<Answer>,
    free: Vec<usize>,
    /// How many of them hold only as long as the host does not change, at the most.
    passing: usize,
    serial: u64,
    /// Do rules tell connections apart, beyond the packet's state in them?
    connections: bool,
}

/// Packets that are the same but for their bytes.
#[derive(Debug)]
struct Around {
    beside: Beside,
    choices: SmallVec<[Choice; 2]>,
}

/// Answers that depend on the same bytes.
#[derive(Debug)]
struct Choice {
    looked: Looked,
    answers: FxHashMap<Key, usize>,
}

/// The lengths, and the bytes that matter.
type Key = SmallVec<[u8; 64]>;

/// What a record says beside the bytes. Of the link layer header only Ethernet's addresses and type are told apart by rules,
/// and all of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Beside<B = Box<[u8]>> {
    numbers: [Option<u32>; 10],
    family: u8,
    group: u16,
    hook: Option<u8>,
    hw: (Option<u16>, Option<u16>),
    vlan: Option<(u16, u16)>,
    prefix: B,
    link: B,
    ct: B,
}

impl<'p> Beside<&'p [u8]> {
    fn of(p: &Packet<'p>, connections: bool) -> Self {
        let ct = p.ct.filter(|_| connections).map(|a| a.as_bytes()).unwrap_or_default();
        // Whether there is a connection counts always.
        let tracked = Some(u32::from(p.ct.is_some()));
        let numbers = [Some(p.mark), p.iif, p.oif, p.physin, p.physout, p.uid, p.gid, p.ct_info, tracked, None];
        Self {
            numbers,
            family: p.family,
            group: p.group,
            hook: p.hook,
            hw: (p.hw_protocol, p.hw_type),
            vlan: p.vlan.map(|Vlan { protocol, tci }| (protocol, tci)),
            prefix: p.prefix,
            link: p.l2_header.or(p.hw_header).unwrap_or_default(),
            ct,
        }
    }

    fn is(&self, other: &Beside) -> bool {
        self.numbers == other.numbers
            && self.family == other.family
            && self.group == other.group
            && self.hook == other.hook
            && self.hw == other.hw
            && self.vlan == other.vlan
            && *self.prefix == *other.prefix
            && *self.link == *other.link
            && *self.ct == *other.ct
    }

    fn owned(self) -> Beside {
        Beside {
            numbers: self.numbers,
            family: self.family,
            group: self.group,
            hook: self.hook,
            hw: self.hw,
            vlan: self.vlan,
            prefix: self.prefix.into(),
            link: self.link.into(),
            ct: self.ct.into(),
        }
    }

    fn digest(&self) -> u64 {
        let mut h = FxHasher::default();
        self.hash(&mut h);
        h.finish()
    }
}

fn key(looked: &Looked, p: &Packet<'_>) -> Key {
    let mut key = Key::new();
    key.extend_from_slice(&p.payload.len().to_ne_bytes());
    looked.pick(p.payload, &mut key);
    key
}

impl Known {
    /// Forgets everything: there is another ruleset.
    pub fn begin(&mut self, connections: bool) {
        *self = Self { serial: self.serial, connections, ..Self::default() };
    }

    /// Do answers depend on the connection itself, beyond the packet's state in it?
    pub fn tells_connections_apart(&self) -> bool {
        self.connections
    }

    /// Forgets everything, in time for what changes rarely and is not asked for each time, such as the names of devices.
    pub fn forget(&mut self) {
        self.begin(self.connections);
    }

    /// Forgets what depended on the host.
    pub fn forget_passing(&mut self) {
        if std::mem::take(&mut self.passing) == 0 {
            return;
        }
        let Self { around, answers, free, .. } = self;
        for choice in around.iter_mut().flat_map(|a| &mut a.choices) {
            choice.answers.retain(|_, at| {
                let stays = answers.get(*at).is_some_and(|a| !a.passing);
                if !stays {
                    free.push(*at);
                }
                stays
            });
        }
    }

    /// Where the answer for a packet is, if it is known.
    pub fn find(&mut self, p: &Packet<'_>) -> Option<usize> {
        let at = self.around(&Beside::of(p, self.connections))?;
        self.last = at;
        let around = self.around.get_mut(at)?;
        around.choices.iter().find_map(|c| c.answers.get(&key(&c.looked, p))).copied()
    }

    /// The answer at a place.
    pub fn answer(&mut self, at: usize) -> Option<&mut Answer> {
        self.answers.get_mut(at)
    }

    fn around(&self, beside: &Beside<&[u8]>) -> Option<usize> {
        let is = |at: usize| self.around.get(at).is_some_and(|a| beside.is(&a.beside));
        if is(self.last) {
            return Some(self.last);
        }
        self.places.get(&beside.digest())?.iter().copied().find(|&at| is(at))
    }

    /// Keeps the answer for a packet, which depends on the bytes that were `looked` at and, if it is `passing`, on the
    /// host. Says where; gives it back if it is not worth it.
    pub fn keep(&mut self, p: &Packet<'_>, blame: Blame, looked: Looked, passing: bool) -> Result<usize, Box<Blame>> {
        if self.answers.len() >= MOST && self.free.is_empty() {
            self.forget();
        }
        let beside = Beside::of(p, self.connections);
        let at = match self.around(&beside) {
            Some(at) => at,
            None => {
                self.places.entry(beside.digest()).or_default().push(self.around.len());
                self.around.push(Around { beside: beside.owned(), choices: SmallVec::new() });
                self.around.len() - 1
            }
        };
        let Some(around) = self.around.get_mut(at) else { return Err(Box::new(blame)) };
        let choice = match around.choices.iter().position(|c| c.looked == looked) {
            Some(i) => i,
            None if around.choices.len() >= CHOICES => return Err(Box::new(blame)),
            None => {
                around.choices.push(Choice { looked, answers: FxHashMap::default() });
                around.choices.len() - 1
            }
        };
        let Some(choice) = around.choices.get_mut(choice) else { return Err(Box::new(blame)) };
        self.serial += 1;
        self.passing += usize::from(passing);
        let answer = Answer { blame, looked, serial: self.serial, passing, counted: Instant::now() };
        let place = match self.free.pop() {
            Some(place) => {
                if let Some(old) = self.answers.get_mut(place) {
                    *old = answer;
                }
                place
            }
            None => {
                self.answers.push(answer);
                self.answers.len() - 1
            }
        };
        if let Some(old) = choice.answers.insert(key(&looked, p), place) {
            self.free.push(old);
        }
        Ok(place)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::blame::{Attributor, Time, Verdict as Outcome};
    use crate::evaluate::environment::Nowhere;
    use crate::evaluate::nft::testing;
    use crate::evidence::LoggedPacket;
    use crate::ruleset::Ruleset;
    use crate::sys::netlink::Attrs;
    use crate::sys::nft::expr::{Cmp, CmpOp, Log, LogFlags, Meta, MetaKey, Payload, PayloadBase};
    use crate::sys::nft::{Data, Expr, Family, Hook, Reg, Verdict};

    fn log() -> Expr {
        let (group, prefix) = (Some(5), Some(testing::text("x")));
        Expr::Log(Log { group, prefix, snaplen: None, qthreshold: None, level: None, flags: LogFlags::empty() })
    }

    /// A rule that asks for one thing of the packet and then drops or jumps.
    fn rule((kind, at, value, jumps): (u8, u32, u8, bool)) -> Vec<Expr> {
        let byte = |base, offset| Expr::Payload(Payload { base, offset, len: 1, dreg: Reg::R1 });
        let cmp = |op, value: &[u8]| Expr::Cmp(Cmp { op, sreg: Reg::R1, data: Data::new(value) });
        let meta = |key| Expr::Meta(Meta { key, dreg: Reg::R1 });
        let condition = match kind {
            0 => vec![byte(PayloadBase::Network, at), cmp(CmpOp::Eq, &[value])],
            1 => vec![byte(PayloadBase::Transport, at), cmp(CmpOp::Lt, &[value])],
            2 => vec![meta(MetaKey::Mark), cmp(CmpOp::Eq, &u32::from(value).to_ne_bytes())],
            3 => vec![meta(MetaKey::Length), cmp(CmpOp::Gt, &u32::from(value).to_ne_bytes())],
            4 => vec![meta(MetaKey::L4proto), cmp(CmpOp::Neq, &[value])],
            // Nobody knows: an answer that is uncertain is kept, too.
            _ => vec![meta(MetaKey::Cpu), cmp(CmpOp::Eq, &u32::from(value).to_ne_bytes())],
        };
        let then = if jumps { Verdict::Jump(testing::text("user")) } else { Verdict::Drop };
        [condition, vec![testing::says(then)]].concat()
    }

    fn rules() -> impl Strategy<Value = Vec<Vec<Expr>>> {
        prop::collection::vec((0..6u8, 0..24u32, 0..4u8, any::<bool>()).prop_map(rule), 0..6)
    }

    proptest! {
        #[test]
        fn what_is_known_is_what_would_be_found(
            first in rules(),
            second in rules(),
            packets in prop::collection::vec((prop::collection::vec((0..44usize, 0..4u8), 0..4), 0..4u32, 0..3usize), 1..40),
        ) {
            let base = [vec![vec![log()]], first].concat();
            let chains = vec![
                testing::chain("base", Hook::Input, Some(Verdict::Accept), base),
                testing::chain("user", Hook::Input, None, second),
            ];
            let table = crate::ruleset::nft::Table { chains, ..testing::table(Family::Ip) };
            let rules = Ruleset { nft: vec![table], ..Ruleset::default() };
            let by = Attributor::new(&rules, &Nowhere, None);
            let mut known = Known::default();
            known.begin(false);
            for (changes, mark, more) in packets {
                let mut bytes = testing::ip4(17, &testing::udp(1, 2, &vec![0; 16 + more])).bytes.to_vec();
                for (at, value) in changes {
                    bytes[at] = if at == 0 { 0x45 } else { value };
                }
                let mut p = Packet::from_attrs(2, 5, Attrs::new(&[])).unwrap();
                (p.hook, p.hw_protocol, p.prefix, p.payload, p.mark) = (Some(1), Some(0x800), b"x", &bytes, mark);
                let logged = LoggedPacket::new(&p, Time(1));
                let packet = by.packet_of_log(&logged);
                let mut fresh = by.logged_as(&logged, &packet);
                let found = fresh.why.iter().any(|w| w.message.contains("logged by"));
                prop_assert!(found, "{fresh:?}");
                match known.find(&p) {
                    Some(at) => {
                        let answer = &mut known.answer(at).unwrap().blame;
                        answer.packet.read(packet.network, p.payload);
                        fresh.packet.length = packet.length;
                        prop_assert_eq!(format!("{answer:?}"), format!("{fresh:?}"));
                    }
                    None => {
                        let _ = known.keep(&p, fresh, packet.bytes.looked(), false);
                        prop_assert!(known.find(&p).is_some() || known.around[0].choices.len() == CHOICES);
                    }
                }
            }
        }
    }

    #[test]
    fn a_flood_of_the_same_has_one_answer_and_another_mark_has_its_own() {
        let port = [
            Expr::Payload(Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg::R1 }),
            Expr::Cmp(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new([0, 53]) }),
        ];
        let drop = [&port[..], &[testing::says(Verdict::Drop)]].concat();
        let base = testing::chain("base", Hook::Input, Some(Verdict::Accept), vec![vec![log()], drop]);
        let table = crate::ruleset::nft::Table { chains: vec![base], ..testing::table(Family::Ip) };
        let rules = Ruleset { nft: vec![table], ..Ruleset::default() };
        let by = Attributor::new(&rules, &Nowhere, None);
        let mut known = Known::default();
        known.begin(false);
        let mut asked = 0;
        for n in 0..3000u32 {
            let mut bytes = testing::ip4(17, &testing::udp(n as u16, 53, &n.to_ne_bytes())).bytes.to_vec();
            bytes[4..6].copy_from_slice(&(n as u16).to_be_bytes());
            let mut p = Packet::from_attrs(2, 5, Attrs::new(&[])).unwrap();
            (p.hook, p.hw_protocol, p.prefix, p.payload, p.mark) = (Some(1), Some(0x800), b"x", &bytes, n % 2);
            if known.find(&p).is_none() {
                asked += 1;
                let logged = LoggedPacket::new(&p, Time(1));
                let packet = by.packet_of_log(&logged);
                let blame = by.logged_as(&logged, &packet);
                assert_eq!((blame.verdict, blame.culprit.rule_position), (Outcome::Drop, Some(2)));
                known.keep(&p, blame, packet.bytes.looked(), n % 2 == 1).unwrap();
            }
        }
        assert_eq!(asked, 2);
        known.forget_passing();
        assert_eq!(known.free.len(), 1);
    }
}
