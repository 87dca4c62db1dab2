//! Records what the drop monitor says about a few dropped packets, as test data: one datagram a line, in hex, with
//! what it was before it. Makes two network namespaces for the traffic.
//!
//! ```text
//! cargo xtask vm --kernel 6.12 --run target/x86_64-unknown-linux-gnu/vm/examples/record_dropmon
//! ```

use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use nfblame_sys::dropmon::{Alert, Session, Started, find};
use nfblame_sys::netlink::{Family, Messages, Socket, Transport};
use nfblame_sys::ns;
use nfblame_sys::rt::{Handle, Veth};

const RULES: &str = "
table ip record {
	chain input {
		type filter hook input priority 0
		udp dport 1001 drop
	}
}
";

fn main() -> Result<(), Box<dyn Error>> {
    let family = find()?.ok_or("no drop monitor")?;
    let mut socket = Socket::open(Family::Generic)?;
    socket.set_nonblocking(true)?;
    socket.join(family.group)?;
    let Started::Session(_session) = Session::start(family, Path::new("/run/nfblame"))? else {
        return Err("the drop monitor is in use".into());
    };

    let make = || thread::spawn(ns::unshare_net).join().map_err(|_| "a thread died");
    let (host, peer) = (make()??, make()??);
    host.run(|| -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut rt = Handle::open()?;
        rt.add_veth(Veth { name: "v0", peer: "v1", peer_ns: Some(&peer) })?;
        let index = rt.link("v0")?.index;
        rt.set_up(1, true)?;
        rt.set_quiet(index)?;
        rt.set_up(index, true)?;
        rt.add_address(index, "10.9.0.1/24".parse()?)?;
        rt.add_address(index, "10.9.1.1/24".parse()?)?;
        for key in ["all", "v0"] {
            fs::write(format!("/proc/sys/net/ipv4/conf/{key}/rp_filter"), "1")?;
        }
        let mut nft = Command::new("/usr/sbin/nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn()?;
        nft.stdin.take().ok_or("no pipe")?.write_all(RULES.as_bytes())?;
        nft.wait()?;
        Ok(())
    })?
    .map_err(|e| e.to_string())?;
    peer.run(|| -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut rt = Handle::open()?;
        let index = rt.link("v1")?.index;
        rt.set_quiet(index)?;
        rt.set_up(index, true)?;
        rt.add_address(index, "10.9.0.2/24".parse()?)?;
        rt.add_address(index, "192.0.2.9/24".parse()?)?;
        let begun = Instant::now();
        while !rt.link("v1")?.is_running() && begun.elapsed() < Duration::from_secs(5) {
            thread::yield_now();
        }
        let send = |from: [u8; 4], port| -> std::io::Result<()> {
            let socket = UdpSocket::bind((Ipv4Addr::from(from), 0))?;
            socket.send_to(b"x", ("10.9.0.1", port)).map(drop)
        };
        // A rule, no listener, the reverse path.
        send([10, 9, 0, 2], 1001)?;
        send([10, 9, 0, 2], 1002)?;
        send([192, 0, 2, 9], 1003)?;
        let closed = SocketAddr::from(([10, 9, 0, 1], 1004));
        let _ = TcpStream::connect_timeout(&closed, Duration::from_secs(1));
        Ok(())
    })?
    .map_err(|e| e.to_string())?;

    let begun = Instant::now();
    let mut buf = vec![0; 1 << 16];
    while begun.elapsed() < Duration::from_secs(3) {
        let Ok(d) = socket.receive(&mut buf) else { continue };
        let bytes = buf.get(..d.len).unwrap_or_default();
        for m in Messages::new(bytes).flatten() {
            if let Some(Ok(a)) = Alert::parse(&m) {
                let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                println!("# {:?} {} in {:?} length {}", a.reason.map(text), text(a.symbol), a.iif, a.length);
            }
        }
        println!("{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>());
    }
    Ok(())
}
