//! `-m conntrack`

use nfblame_sys::xt::matches::Conntrack;

use super::{Out, list, masked, put};

pub(super) fn render(m: &Conntrack, out: &mut Out) {
    // Each condition that there is, after its inversion.
    let has = |flag: u16, out: &mut Out| {
        if m.matched & flag != 0 {
            out.not(m.invert & flag != 0);
        }
        m.matched & flag != 0
    };
    if has(Conntrack::STATE, out) {
        let alias = m.matched & Conntrack::STATE_ALIAS != 0;
        out.str(if alias { " --state " } else { " --ctstate " });
        states(m.states, out);
    }
    if has(Conntrack::PROTO, out) {
        put!(out, " --ctproto {}", m.proto);
    }
    for (flag, option, (address, mask)) in [
        (Conntrack::ORIGINAL_SOURCE, "--ctorigsrc", m.original_source),
        (Conntrack::ORIGINAL_DESTINATION, "--ctorigdst", m.original_destination),
        (Conntrack::REPLY_SOURCE, "--ctreplsrc", m.reply_source),
        (Conntrack::REPLY_DESTINATION, "--ctrepldst", m.reply_destination),
    ] {
        if has(flag, out) {
            put!(out, " {option} ");
            masked(address, mask, out);
        }
    }
    for (flag, option, (low, high)) in [
        (Conntrack::ORIGINAL_SOURCE_PORT, "--ctorigsrcport", m.original_source_ports),
        (Conntrack::ORIGINAL_DESTINATION_PORT, "--ctorigdstport", m.original_destination_ports),
        (Conntrack::REPLY_SOURCE_PORT, "--ctreplsrcport", m.reply_source_ports),
        (Conntrack::REPLY_DESTINATION_PORT, "--ctrepldstport", m.reply_destination_ports),
    ] {
        if has(flag, out) {
            put!(out, " {option} {low}");
            if high != 0 && high != low {
                put!(out, ":{high}");
            }
        }
    }
    if has(Conntrack::STATUS, out) {
        out.str(" --ctstatus ");
        status(m.status, out);
    }
    if has(Conntrack::EXPIRES, out) {
        let (min, max) = m.expires;
        put!(out, " --ctexpire {min}");
        if max != min {
            put!(out, ":{max}");
        }
    }
    if m.matched & Conntrack::DIRECTION != 0 {
        let reply = m.invert & Conntrack::DIRECTION != 0;
        out.str(if reply { " --ctdir REPLY" } else { " --ctdir ORIGINAL" });
    }
}

/// Appends `NEW,ESTABLISHED`.
pub(super) fn states(states: u16, out: &mut Out) {
    const NAMES: [(u16, &str); 7] = [
        (Conntrack::STATE_INVALID, "INVALID"),
        (Conntrack::STATE_NEW, "NEW"),
        (Conntrack::STATE_RELATED, "RELATED"),
        (Conntrack::STATE_ESTABLISHED, "ESTABLISHED"),
        (Conntrack::STATE_UNTRACKED, "UNTRACKED"),
        (Conntrack::STATE_SNAT, "SNAT"),
        (Conntrack::STATE_DNAT, "DNAT"),
    ];
    list(NAMES.into_iter().filter(|(bit, _)| states & bit != 0).map(|(_, name)| name), out);
}

fn status(status: u16, out: &mut Out) {
    const NAMES: [(u16, &str); 4] = [
        (Conntrack::STATUS_EXPECTED, "EXPECTED"),
        (Conntrack::STATUS_SEEN_REPLY, "SEEN_REPLY"),
        (Conntrack::STATUS_ASSURED, "ASSURED"),
        (Conntrack::STATUS_CONFIRMED, "CONFIRMED"),
    ];
    if status == 0 {
        return out.str("NONE");
    }
    list(NAMES.into_iter().filter(|(bit, _)| status & bit != 0).map(|(_, name)| name), out);
}
