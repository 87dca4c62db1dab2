//! Targets.

use nfblame_sys::xt::Family;
use nfblame_sys::xt::targets::{
    Classify, Connmark, Ct, Log, Mark, Nat, Nflog, Nfqueue, Reject, Synproxy, Target, Tcpmss, Tee, Tos,
};

use super::words::Span;
use super::{Context, Words, add};
use crate::ruleset::render::address::Address;

/// Translates a target; false if libxtables does not.
pub fn translate(t: &Target<'_>, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    match t {
        Target::Audit(_) => add!(w, "log level audit"),
        Target::Classify(t) => classify(t, w),
        Target::Connmark(t) => return connmark(t, cx, w),
        Target::Ct(t) => return notrack(t, cx, w),
        Target::Notrack => add!(w, "notrack"),
        Target::Dscp(t) => add!(w, "{} dscp set 0x{:02x}", cx.ip(), t.dscp),
        Target::Log(t) => return log(t, w),
        Target::Mark(t) => return mark(t, cx, w),
        Target::Snat(t) => return nat("snat", t, w),
        Target::Dnat(t) => return nat("dnat", t, w),
        Target::Masquerade(t) => return nat("masquerade", t, w),
        Target::Redirect(t) => return nat("redirect", t, w),
        Target::Nflog(t) => nflog(t, w),
        Target::Nfqueue(t) => nfqueue(t, w),
        Target::Reject(t) => return reject(t, w),
        Target::Synproxy(t) => synproxy(t, w),
        Target::Tcpmss(t) => match t.mss {
            Tcpmss::CLAMP_TO_PMTU => add!(w, "tcp option maxseg size set rt mtu"),
            mss => add!(w, "tcp option maxseg size set {mss}"),
        },
        Target::Tee(t) => tee(t, w),
        Target::Tos(t) => tos(t, cx, w),
        Target::Trace => add!(w, "nftrace set 1"),
        _ => return false,
    }
    true
}

fn classify(t: &Classify, w: &mut Words<'_>) {
    match t.priority {
        u32::MAX => add!(w, "meta priority set root"),
        0 => add!(w, "meta priority set none"),
        handle => add!(w, "meta priority set {:x}:{:x}", handle >> 16, handle & 0xffff),
    }
}

fn notrack(t: &Ct<'_>, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    if cx.revision == 0 || t.flags & Ct::NOTRACK == 0 {
        return false;
    }
    add!(w, "notrack");
    true
}

fn connmark(t: &Connmark, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    const REVISION_WITH_SHIFT: u8 = 2;
    let shifted = cx.revision >= REVISION_WITH_SHIFT && t.shift_bits != 0;
    let open = if shifted { "( " } else { "" };
    let whole = t.nfmask == u32::MAX && t.ctmask == u32::MAX;
    let masks_translate = whole || cx.revision >= REVISION_WITH_SHIFT && t.nfmask == t.ctmask;
    match t.mode {
        Connmark::SET => {
            let (mark, mask) = (t.ctmark, t.ctmask);
            add!(w, "ct mark set {open}");
            if mask == u32::MAX {
                add!(w, "0x{mark:x} ");
            } else if mark == 0 {
                add!(w, "ct mark and 0x{:x}", !mask);
            } else if mark == mask {
                add!(w, "ct mark or 0x{mark:x}");
            } else if mask == 0 {
                add!(w, "ct mark xor 0x{mark:x}");
            } else {
                add!(w, "ct mark xor 0x{mark:x} and 0x{:x}", !mask);
            }
        }
        Connmark::SAVE | Connmark::RESTORE if !masks_translate => return false,
        Connmark::SAVE => add!(w, "ct mark set {open}mark"),
        Connmark::RESTORE => add!(w, "meta mark set {open}ct mark"),
        _ => return true,
    }
    if t.mode != Connmark::SET && !whole {
        add!(w, " and 0x{:x}", t.nfmask);
    }
    if shifted {
        add!(w, " ) {} {}", if t.shift_direction != 0 { ">>" } else { "<<" }, t.shift_bits);
    }
    true
}

fn mark(t: &Mark, cx: Context<'_>, w: &mut Words<'_>) -> bool {
    // arptables' variant has no translation.
    if cx.family == Family::Arp {
        return false;
    }
    let Mark { mark, mask, .. } = *t;
    add!(w, "meta mark set ");
    if mask == u32::MAX {
        add!(w, "0x{mark:x} ");
    } else if mark == 0 {
        add!(w, "mark and 0x{:x} ", !mask);
    } else if mark == mask {
        add!(w, "mark or 0x{mark:x} ");
    } else if mask == 0 {
        add!(w, "mark xor 0x{mark:x} ");
    } else {
        add!(w, "mark and 0x{:x} xor 0x{mark:x} ", !mask);
    }
    true
}

fn log(t: &Log<'_>, w: &mut Words<'_>) -> bool {
    /// `LOG_WARNING`
    const DEFAULT: u8 = 4;
    const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
    /// `XT_LOG_MASK`
    const ALL: u8 = 0x2f;
    let Some(level) = LEVELS.get(usize::from(t.level)) else { return false };
    add!(w, "log");
    if !t.prefix.is_empty() {
        add!(w, " prefix \"");
        w.bytes(t.prefix.as_bytes());
        w.join(format_args!("\""));
    }
    if t.level != DEFAULT {
        add!(w, " level {level}");
    }
    if t.flags & ALL == ALL {
        add!(w, " flags all");
        return true;
    }
    match (t.flags & Log::TCP_SEQUENCE != 0, t.flags & Log::TCP_OPTIONS != 0) {
        (false, false) => {}
        (true, false) => add!(w, " flags tcp sequence"),
        (false, true) => add!(w, " flags tcp options"),
        (true, true) => add!(w, " flags tcp sequence,options"),
    }
    for (flag, words) in
        [(Log::IP_OPTIONS, " flags ip options"), (Log::UID, " flags skuid"), (Log::MAC_DECODE, " flags ether")]
    {
        if t.flags & flag != 0 {
            add!(w, "{words}");
        }
    }
    true
}

fn nat(word: &str, t: &Nat, w: &mut Words<'_>) -> bool {
    if t.flags & Nat::PROTO_OFFSET != 0 {
        return false;
    }
    add!(w, "{word}");
    let (addresses, ports) = (t.flags & Nat::MAP_IPS != 0, t.flags & Nat::PROTO_SPECIFIED != 0);
    if addresses || ports {
        add!(w, " to ");
    }
    if addresses {
        let brackets = ports && t.min_address.is_ipv6();
        let range = Span(Address(t.min_address), Address(t.max_address));
        match brackets {
            true => w.join(format_args!("[{range}]")),
            false => w.join(format_args!("{range}")),
        }
    }
    if ports {
        w.join(format_args!(":{}", Span(t.min_port, t.max_port)));
    }
    let mut delim = " ";
    for (flag, name) in
        [(Nat::PROTO_RANDOM, "random"), (Nat::PROTO_RANDOM_FULLY, "fully-random"), (Nat::PERSISTENT, "persistent")]
    {
        if t.flags & flag != 0 {
            w.join(format_args!("{delim}{name}"));
            delim = ",";
        }
    }
    true
}

fn nflog(t: &Nflog<'_>, w: &mut Words<'_>) {
    const DEFAULT_THRESHOLD: u16 = 0;
    add!(w, "log ");
    if !t.prefix.is_empty() {
        add!(w, "prefix \"");
        w.bytes(t.prefix.as_bytes());
        w.join(format_args!("\" "));
    }
    if t.flags & Nflog::COPY_LEN != 0 {
        add!(w, "snaplen {} ", t.len);
    }
    if t.threshold != DEFAULT_THRESHOLD {
        add!(w, "queue-threshold {} ", t.threshold);
    }
    add!(w, "group {} ", t.group);
}

fn nfqueue(t: &Nfqueue, w: &mut Words<'_>) {
    let last = if t.total > 1 { u32::from(t.queue) + u32::from(t.total) - 1 } else { t.queue.into() };
    add!(w, "queue num {} ", Span(t.queue.into(), last));
    let bypass = t.revision >= 2 && t.flags & Nfqueue::BYPASS != 0;
    if bypass {
        add!(w, "bypass");
    }
    if t.revision >= 3 && t.flags & Nfqueue::CPU_FANOUT != 0 {
        add!(w, "{}fanout ", if bypass { "," } else { "" });
    }
}

fn reject(t: &Reject, w: &mut Words<'_>) -> bool {
    // `enum ipt_reject_with` and `enum ip6t_reject_with`
    let (icmp, name) = match *t {
        Reject::Ip(with) => (
            "icmp",
            match with {
                0 => "net-unreachable",
                1 => "host-unreachable",
                2 => "prot-unreachable",
                3 => "",
                5 => "net-prohibited",
                6 => "host-prohibited",
                7 => "tcp reset",
                8 => "admin-prohibited",
                _ => return false,
            },
        ),
        Reject::Ip6(with) => (
            "icmpv6",
            match with {
                0 => "no-route",
                1 => "admin-prohibited",
                3 => "addr-unreachable",
                4 => "",
                6 => "tcp reset",
                7 => "policy-fail",
                8 => "reject-route",
                _ => return false,
            },
        ),
    };
    match name {
        "" => add!(w, "reject"),
        "tcp reset" => add!(w, "reject with tcp reset"),
        name => add!(w, "reject with {icmp} type {name}"),
    }
    true
}

fn synproxy(t: &Synproxy, w: &mut Words<'_>) {
    let has = |flag: u8| t.options & flag != 0;
    add!(w, "synproxy ");
    if has(Synproxy::SACK_PERM) {
        add!(w, "sack-perm ");
    }
    if has(Synproxy::TIMESTAMP) {
        add!(w, "timestamp ");
    }
    if has(Synproxy::WSCALE) {
        add!(w, "wscale {} ", t.wscale);
    }
    if has(Synproxy::MSS) {
        add!(w, "mss {} ", t.mss);
    }
    if has(Synproxy::ECN) {
        add!(w, "ecn ");
    }
}

fn tee(t: &Tee<'_>, w: &mut Words<'_>) {
    add!(w, "dup to {}", Address(t.gateway));
    if !t.oif.is_empty() {
        add!(w, " device ");
        w.bytes(t.oif.as_bytes());
    }
}

fn tos(t: &Tos, cx: Context<'_>, w: &mut Words<'_>) {
    // The newer revision serves both families but speaks of one.
    let (ip, mask) = if cx.revision == 0 { ("ip", u8::MAX) } else { ("ip6", t.mask) };
    let (set, kept) = (t.value >> 2, !mask >> 2);
    add!(w, "{ip} dscp set ");
    if mask & 0x3f == 0x3f {
        add!(w, "0x{set:02x}");
    } else if t.value == 0 {
        add!(w, "{ip} dscp and 0x{kept:02x}");
    } else if t.value == mask {
        add!(w, "{ip} dscp or 0x{set:02x}");
    } else if mask == 0 {
        add!(w, "{ip} dscp xor 0x{set:02x}");
    } else {
        add!(w, "{ip} dscp and 0x{kept:02x} xor 0x{set:02x}");
    }
}
