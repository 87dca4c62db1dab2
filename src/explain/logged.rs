//! The packet of a line that a LOG rule wrote to the kernel's log (`nf_log_ip_packet`, `nf_log_dump_packet_common`).

use std::net::IpAddr;

use super::ask::Ask;
use super::question::Invalid;

/// The words of TCP flags in such a line, and as questions name them.
const FLAGS: [(&str, &str); 6] =
    [("URG", "urg"), ("ACK", "ack"), ("PSH", "psh"), ("RST", "rst"), ("SYN", "syn"), ("FIN", "fin")];

/// The question about the packet of a line: `[…] PREFIX IN=eth0 OUT= MAC=… SRC=… DST=… LEN=60 … PROTO=TCP SPT=… DPT=…`.
///
/// # Errors
/// A line that is none of these, or that does not hold what a packet needs.
pub fn ask(line: &str) -> Result<Ask, Invalid> {
    let wrong = |what: &str| Invalid(format!("{what} in the log line: paste it from IN= to its end"));
    // The prefix may be anything, and has no space behind it.
    let out = line.find(" OUT=").ok_or_else(|| wrong("no OUT="))?;
    let begin = line.get(..out).and_then(|head| head.rfind("IN=")).ok_or_else(|| wrong("no IN="))?;
    // What an ICMP error is about stands in brackets behind it.
    let words = line.get(begin..).unwrap_or_default().split('[').next().unwrap_or_default();
    let words: Vec<&str> = words.split_ascii_whitespace().collect();
    let value = |name: &str| {
        let of = |w: &&str| w.split_once('=').filter(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| v.to_owned());
        words.iter().find_map(of)
    };
    let need = |name: &str| value(name).ok_or_else(|| wrong(&format!("no {name}=")));
    let (iif, oif) = (value("IN"), value("OUT"));
    if iif.is_none() && oif.is_none() {
        return Err(wrong("neither an interface of arrival nor one of departure"));
    }
    let protocol = need("PROTO")?.to_ascii_lowercase();
    let end = |address: &str, port: &str| -> Result<String, Invalid> {
        let address: IpAddr = need(address)?.parse().map_err(|_| wrong("no address"))?;
        Ok(match (value(port), address) {
            (None, a) => a.to_string(),
            (Some(port), IpAddr::V4(a)) => format!("{a}:{port}"),
            (Some(port), IpAddr::V6(a)) => format!("[{a}]:{port}"),
        })
    };
    // What is routed through has lost one when the forward hook sees it; what is bridged has not.
    let hop = u8::from(iif.is_some() && oif.is_some() && value("PHYSIN").is_none());
    let flags: Vec<&str> = FLAGS.iter().filter(|(w, _)| words.contains(w)).map(|(_, name)| *name).collect();
    let hex = |name: &str| value(name).and_then(|v| u8::from_str_radix(v.strip_prefix("0x")?, 16).ok());
    Ok(Ask {
        src: end("SRC", "SPT")?,
        dst: end("DST", "DPT")?,
        // What is forwarded leaves by where it is routed to, here and now.
        out: iif.is_none(),
        flags: Some(flags.join(",")).filter(|f| protocol == "tcp" && !f.is_empty()),
        protocol,
        iif,
        length: value("LEN").and_then(|v| v.parse().ok()),
        ttl: value("TTL")
            .or_else(|| value("HOPLIMIT"))
            .and_then(|v| v.parse::<u8>().ok())
            .map(|n| n.saturating_add(hop)),
        tos: hex("TOS").map(|tos| tos | hex("PREC").unwrap_or(0)).map(|tos| tos.to_string()),
        kind: value("TYPE"),
        code: value("CODE").and_then(|v| v.parse().ok()),
        mark: value("MARK"),
        uid: value("UID").and_then(|v| v.parse().ok()),
        gid: value("GID").and_then(|v| v.parse().ok()),
        // To whom, from whom, and the type.
        mac: value("MAC").and_then(|m| Some(m.split(':').collect::<Vec<_>>().get(6..12)?.join(":"))),
        ..Ask::default()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let syn = ask("[ 12.3] HTTP BLOCKED: IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=192.0.2.2 DST=192.0.2.1 LEN=60 TOS=0x10 PREC=0x20 TTL=63 ID=1 DF PROTO=TCP SPT=4242 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0 MARK=0x7").unwrap();
        let is = Ask {
            protocol: "tcp".into(),
            src: "192.0.2.2:4242".into(),
            dst: "192.0.2.1:80".into(),
            iif: Some("eth0".into()),
            flags: Some("syn".into()),
            length: Some(60),
            ttl: Some(63),
            tos: Some("48".into()),
            mark: Some("0x7".into()),
            mac: Some("02:00:00:00:00:02".into()),
            ..Ask::default()
        };
        assert_eq!(syn, is);
        assert!(syn.question().is_ok());
        let own = ask("droppedIN= OUT=eth0 SRC=2001:db8::1 DST=2001:db8::2 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=1 UID=33 GID=33").unwrap();
        assert_eq!((own.out, own.uid, own.kind.as_deref(), own.ttl), (true, Some(33), Some("128"), Some(64)));
        assert!(own.question().is_ok());
        let error = ask("IN=eth0 OUT=eth1 SRC=192.0.2.9 DST=198.51.100.2 LEN=88 TOS=0x00 PREC=0xC0 TTL=63 ID=1 PROTO=ICMP TYPE=3 CODE=1 [SRC=198.51.100.2 DST=192.0.2.2 LEN=60 PROTO=TCP SPT=1 DPT=2 SYN]").unwrap();
        assert_eq!((error.src.as_str(), error.code, error.out), ("192.0.2.9", Some(1), false));
        assert_eq!(error.ttl, Some(64), "as it came in");
        for bad in [
            "",
            "IN=",
            "IN= OUT= SRC=1.2.3.4 DST=1.2.3.5 PROTO=TCP",
            "IN=eth0 OUT= SRC=x DST=y PROTO=TCP",
            "IN=eth0 OUT= SRC=1.2.3.4",
        ] {
            assert!(ask(bad).is_err(), "{bad:?}");
        }
    }
}
