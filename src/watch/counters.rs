//! The counters of a culprit as they are now: those in the ruleset that was read are as old as that.

use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::blame::{Backend, Blame, Counters};
use crate::sys::netlink::{Client, Family as Netlink};
use crate::sys::nft::{self, Expr, Family};
use crate::sys::{Text, xt};

/// A rule that drops a flood is not asked about for each packet.
const FRESH: Duration = Duration::from_millis(100);
/// A legacy table is read as a whole: only small ones are.
const SMALL: usize = 256 << 10;

/// Family, table, chain, and position (legacy) or handle.
type Key = (&'static str, String, String, u64);

/// Reads counters, and remembers them for a moment.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    client: Option<Client>,
    known: FxHashMap<Key, (Instant, Counters)>,
}

impl Fresh {
    /// Brings the counters of a blame's culprit up to date, where that is cheap.
    pub fn update(&mut self, blame: &mut Blame) {
        let c = &blame.culprit;
        let (Some(_), Some(family), Some(table), Some(chain)) = (c.counters, c.family, &c.table_name, &c.chain_name)
        else {
            return;
        };
        let place = c.rule_handle.or(c.rule_position.map(u64::from)).unwrap_or(0);
        let key = (family, table.clone(), chain.clone(), place);
        if let Some((at, n)) = self.known.get(&key)
            && at.elapsed() < FRESH
        {
            blame.culprit.counters = Some(*n);
            return;
        }
        let now = match (c.backend, c.rule_handle) {
            (Some(Backend::Xtables), _) => legacy(&key, c.rule_position),
            (Some(_), Some(handle)) => self.nft(&key, handle),
            _ => None,
        };
        if let Some(n) = now {
            if self.known.len() > 4096 {
                self.known.clear();
            }
            self.known.insert(key, (Instant::now(), n));
            blame.culprit.counters = Some(n);
        }
    }

    fn nft(&mut self, (family, table, chain, _): &Key, handle: u64) -> Option<Counters> {
        if self.client.is_none() {
            self.client = Client::open(Netlink::Netfilter).ok();
        }
        let family = match *family {
            "ip" => Family::Ip,
            "ip6" => Family::Ip6,
            "inet" => Family::Inet,
            "arp" => Family::Arp,
            "bridge" => Family::Bridge,
            "netdev" => Family::Netdev,
            _ => return None,
        };
        // A name that had to be escaped finds nothing, and its counters stay as they were read.
        let (table, chain) = (Text::from(table.as_str()), Text::from(chain.as_str()));
        let rule = nft::dump::rule(self.client.as_mut()?, family, &table, &chain, handle).ok()??;
        rule.exprs.iter().find_map(|e| match e {
            Expr::Counter(n) => Some(Counters { packets: n.packets, bytes: n.bytes }),
            _ => None,
        })
    }
}

fn legacy((family, table, chain, _): &Key, position: Option<u32>) -> Option<Counters> {
    let family = match *family {
        "ip" => xt::Family::Ip,
        "ip6" => xt::Family::Ip6,
        "arp" => xt::Family::Arp,
        _ => return None,
    };
    let table = xt::Legacy::open(family).ok()?.table(table.as_bytes()).ok()?;
    if table.as_bytes().len() > SMALL {
        return None;
    }
    let chain = table.chain(chain.as_bytes())?;
    let n = match position {
        Some(p) => chain.rule(p as usize)?.entry.counters,
        None => chain.counters(),
    };
    Some(Counters { packets: n.packets, bytes: n.bytes })
}
