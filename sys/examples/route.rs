//! Says where the kernel would send a packet: `cargo run -p nfblame-sys --example route -- 192.0.2.7 [eth0 10.0.0.1]`
//! (a destination; and if it came in, the interface and its source). Needs no privilege.

use std::net::IpAddr;

use nfblame_sys::rt::{Handle, Lookup, Router};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dst: IpAddr = args.next().ok_or("which destination?")?.parse()?;
    let mut lookup = Lookup::to(dst);
    if let Some(interface) = args.next() {
        lookup.iif = Handle::open()?.link(&interface)?.index;
        lookup.src = args.next().map(|src| src.parse()).transpose()?;
    }
    match Router::open()?.lookup(&lookup) {
        Ok(route) => println!("{} {} by interface {:?} via {:?}", route.kind, route.dst, route.oif(), route.gateway()),
        // The errno is the answer: no route, unreachable, prohibited, or a source that is not let in.
        Err(e) => println!("{e}"),
    }
    Ok(())
}
