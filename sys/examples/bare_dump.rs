//! Reads what a listing would read, and throws the bytes away: how fast can anybody be who asks over netlink?
//!
//! ```text
//! cargo run --release -p nfblame-sys --example bare_dump -- nft
//! cargo run --release -p nfblame-sys --example bare_dump -- conntrack
//! ```

use nfblame_sys::Result;
use nfblame_sys::netlink::{Attr, Builder, Client, Family};
use nfblame_sys::uapi::nf_tables::*;
use nfblame_sys::uapi::nfnetlink::{NFNL_SUBSYS_CTNETLINK, NFNL_SUBSYS_NFTABLES};
use nfblame_sys::uapi::nfnetlink_conntrack::IPCTNL_MSG_CT_GET;

fn main() -> Result<()> {
    let mut client = Client::open(Family::Netfilter)?;
    match std::env::args().nth(1).as_deref() {
        Some("nft") => nft(&mut client),
        Some("conntrack") => conntrack(&mut client),
        _ => {
            eprintln!("bare_dump nft|conntrack");
            std::process::exit(2);
        }
    }
}

fn conntrack(client: &mut Client) -> Result<()> {
    let request =
        |b: &mut Builder, flags, seq| _ = b.nf_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, flags, seq, 0, 0);
    let _ = client.dump("list connections", "", request, |_| Ok(()))?;
    Ok(())
}

/// Every kind of thing for each family that has a table, and the elements of each set: what a whole ruleset takes.
fn nft(client: &mut Client) -> Result<()> {
    let families = names(client, NFT_MSG_GETTABLE, 0)?.into_iter().map(|(family, ..)| family);
    let families: std::collections::BTreeSet<u8> = families.collect();
    for family in families {
        for get in [NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETOBJ, NFT_MSG_GETFLOWTABLE] {
            let request =
                |b: &mut Builder, flags, seq| _ = b.nf_message(NFNL_SUBSYS_NFTABLES, get, flags, seq, family, 0);
            let _ = client.dump("list", "", request, |_| Ok(()))?;
        }
        for (family, table, set) in names(client, NFT_MSG_GETSET, family)? {
            let request = |b: &mut Builder, flags, seq| {
                b.nf_message(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM, flags, seq, family, 0);
                b.attr(NFTA_SET_ELEM_LIST_TABLE, &table).attr(NFTA_SET_ELEM_LIST_SET, &set);
            };
            let _ = client.dump("list elements", "", request, |_| Ok(()))?;
        }
    }
    Ok(())
}

/// Family, and the first two attributes: for a set its table and its name.
type Name = (u8, Vec<u8>, Vec<u8>);

fn names(client: &mut Client, get: u8, family: u8) -> Result<Vec<Name>> {
    let mut all = Vec::new();
    let request = |b: &mut Builder, flags, seq| _ = b.nf_message(NFNL_SUBSYS_NFTABLES, get, flags, seq, family, 0);
    let _ = client.dump("list", "", request, |m| {
        let (nfgen, attrs) = m.nfgen()?;
        let bytes = |kind| attrs.find(kind).as_ref().map_or(Vec::new(), |a: &Attr<'_>| a.bytes().to_vec());
        all.push((nfgen.family, bytes(NFTA_SET_TABLE), bytes(NFTA_SET_NAME)));
        Ok(())
    })?;
    Ok(all)
}
