//! What would happen to a packet here and now, and why: `nfblame why` in a program of one's own. Needs `CAP_NET_ADMIN`.
//!
//! ```text
//! cargo run --example explain_packet -- tcp 192.0.2.7:4242 10.0.0.1:80 eth0
//! ```

use std::error::Error;

use nfblame::blame::Confidence;
use nfblame::explain::{Ask, Explainer, complain};
use nfblame::host::KernelHost;
use nfblame::ruleset::Ruleset;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [protocol, src, dst, iif @ ..] = args.as_slice() else {
        return Err(
            "which packet? PROTOCOL SRC[:PORT] DST[:PORT] [INTERFACE]; without an interface this host sends it".into(),
        );
    };
    let ask = Ask {
        protocol: protocol.clone(),
        src: src.clone(),
        dst: dst.clone(),
        iif: iif.first().cloned(),
        out: iif.is_empty(),
        ..Ask::default()
    };
    // The host is asked while the packet is on its way: routes, sockets and connections are those of now.
    let (host, rules) = (KernelHost::open()?, Ruleset::read()?);
    let answer = complain(&Explainer::new(&rules, &host), &ask.question()?)?;
    let blame = &answer.blame;
    println!("{:?}, {:?}", blame.verdict, blame.confidence);
    if blame.confidence != Confidence::Certain {
        println!("not known: {}", blame.unknowns.join("; "));
    }
    if let Some(what) = blame.culprit.text.as_ref().or(blame.culprit.detail.as_ref()) {
        println!("by {:?}: {what}", blame.culprit.kind);
    }
    for near in &blame.near_misses {
        println!("nearly: {} ({})", near.text.as_deref().unwrap_or("a rule"), near.message);
    }
    for fix in &blame.fix {
        println!("to let it pass: {}: {}", fix.message, fix.commands.join("; "));
    }
    Ok(())
}
