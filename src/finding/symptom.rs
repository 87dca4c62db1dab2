//! The complaint in the words of whoever has it: what a client sees, and which causes look like that.

use serde::Serialize;

use super::report::{Finding, Severity};
use super::view::View;
use crate::blame::{Blame, CulpritKind as Kind, Verdict, Why};
use crate::evaluate::packet::CtState;
use crate::evaluate::{Fact, Packet};
use crate::explain::{Explained, Question, Side};

/// What the one who complains sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symptom {
    /// "Connection refused" (`ECONNREFUSED`).
    Refused,
    /// "Connection timed out" (`ETIMEDOUT`), or no answer.
    Timeout,
    /// "No route to host" (`EHOSTUNREACH`).
    HostUnreachable,
    /// "Network is unreachable" (`ENETUNREACH`).
    NetUnreachable,
    /// "Operation not permitted" (`EPERM`) when it sends.
    Eperm,
    /// It connects, and hangs then.
    Stalls,
    /// "Too many open files" (`EMFILE`, `ENFILE`).
    TooManyOpenFiles,
}

/// A cause that looks like a symptom, the codes that show it, and: is it what an answer names?
type Cause = (&'static str, &'static [&'static str], fn(&Blame) -> bool);

impl Symptom {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::Timeout,
        Self::HostUnreachable,
        Self::NetUnreachable,
        Self::Eperm,
        Self::Stalls,
        Self::TooManyOpenFiles,
    ];

    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::HostUnreachable => "host-unreachable",
            Self::NetUnreachable => "net-unreachable",
            Self::Eperm => "eperm",
            Self::Stalls => "stalls",
            Self::TooManyOpenFiles => "too-many-open-files",
        }
    }

    /// The symptom of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The causes that look like it, the most frequent first.
    fn causes(self) -> &'static [Cause] {
        match self {
            Self::Refused => &[
                ("no socket listens on that port", &["NB0504"], |b| by(b, Kind::Socket) && !bound(b)),
                ("the service listens on another address, such as 127.0.0.1", &["NB0502"], bound),
                ("a rule rejects with a TCP reset or ICMP port unreachable", &[], rejected),
            ],
            Self::Timeout => &[
                ("a rule or policy drops it, or the answer to it", &["NB0501", "NB0201", "NB0205"], ruled),
                ("the reverse path filter drops it", &["NB0006"], |b| of_setting(b, ".rp_filter")),
                ("forwarding is off", &["NB0002", "NB0003", "NB0004"], |b| of_setting(b, "forward")),
                ("the connection table is full", &["NB0401", "NB0402"], |b| by(b, Kind::Conntrack)),
                (
                    "address translation leads elsewhere, is missing, or has no port left",
                    &["NB0007", "NB0301", "NB0302", "NB0303", "NB0406", "NB0407"],
                    |b| by(b, Kind::Nat),
                ),
                ("the service does not accept its connections", &["NB0503"], |b| by(b, Kind::Socket) && !refused(b)),
                ("a route throws it away, or none leads back", &["NB0013"], |b| by(b, Kind::Route)),
                ("a queue has no reader", &["NB0604"], |b| by(b, Kind::Queue)),
                ("an IPsec policy drops it", &["NB0016"], |b| by(b, Kind::Xfrm)),
                ("a program beyond netfilter drops it", &["NB0801", "NB0802", "NB0803"], beyond),
                ("the next hop or the host does not answer on its link", &["NB0011", "NB0012"], |b| {
                    by(b, Kind::Neighbour)
                }),
                ("nobody listens, and the refusal is lost or held back by a rate limit", &["NB0018"], |b| {
                    by(b, Kind::Socket) && refused(b)
                }),
            ],
            Self::HostUnreachable => &[
                ("the next hop or the host does not answer on its link", &["NB0011", "NB0012"], |b| {
                    by(b, Kind::Neighbour)
                }),
                ("a rule rejects with ICMP host unreachable or administratively prohibited", &[], rejected),
                ("an unreachable or prohibit route", &["NB0013"], |b| by(b, Kind::Route)),
            ],
            Self::NetUnreachable => &[
                ("there is no route", &["NB0014", "NB0005", "NB0015"], |b| by(b, Kind::Route) && detail(b, "no route")),
                ("a rule rejects with ICMP network unreachable", &[], rejected),
                ("an unreachable route or routing rule", &["NB0013"], |b| by(b, Kind::Route) && !detail(b, "no route")),
            ],
            Self::Eperm => &[
                ("a rule or policy of the output hook drops it", &["NB0206"], ruled),
                ("a BPF program of its control group drops it", &["NB0803"], beyond),
                ("a prohibit route (\"permission denied\")", &["NB0013"], |b| {
                    by(b, Kind::Route) && detail(b, "prohibit")
                }),
                ("the connection table is full, on this host", &["NB0401", "NB0402"], |b| by(b, Kind::Conntrack)),
            ],
            Self::Stalls => &[
                ("large packets are lost, and the message about it too", &["NB0203", "NB0019"], large),
                ("connection tracking calls its packets invalid", &["NB0404"], |b| {
                    b.packet.ct_state == Some("invalid")
                }),
                ("connection tracking has forgotten it", &["NB0405"], |_| false),
                ("a further connection that it announces is dropped", &["NB0403"], |_| false),
                ("a rule or policy drops what follows, or the answers", &["NB0201", "NB0205"], |b| {
                    ruled(b) && b.packet.ct_state != Some("invalid") && !large(b)
                }),
            ],
            Self::TooManyOpenFiles => &[],
        }
    }

    /// Would the one who sent the packet see this?
    pub fn fits(self, q: &Question, answer: &Explained) -> bool {
        seen(q, answer).contains(&self)
    }
}

fn by(b: &Blame, kind: Kind) -> bool {
    b.culprit.kind == kind
}

fn detail(b: &Blame, detail: &str) -> bool {
    b.culprit.detail.as_deref() == Some(detail)
}

fn ruled(b: &Blame) -> bool {
    by(b, Kind::Rule) || by(b, Kind::Policy)
}

fn refused(b: &Blame) -> bool {
    b.verdict == Verdict::Reject
}

fn rejected(b: &Blame) -> bool {
    ruled(b) && refused(b)
}

fn bound(b: &Blame) -> bool {
    by(b, Kind::Socket) && b.culprit.detail.as_ref().is_some_and(|d| d.starts_with("bound to"))
}

/// Is it too big, or the message that it is?
fn large(b: &Blame) -> bool {
    let (transport, kind) = (b.packet.transport.as_deref(), (b.packet.icmp_type, b.packet.icmp_code));
    by(b, Kind::Mtu) || matches!((transport, kind), (Some("icmp"), (Some(3), Some(4))) | (Some("icmp6"), (Some(2), _)))
}

fn beyond(b: &Blame) -> bool {
    by(b, Kind::Tc) || by(b, Kind::Xdp) || by(b, Kind::Bpf)
}

fn of_setting(b: &Blame, part: &str) -> bool {
    b.culprit.sysctl.as_ref().is_some_and(|s| s.key.contains(part))
}

/// What whoever sent the packet sees of its loss. None: it is not lost, that cannot be told, or it is none of these.
fn seen(q: &Question, Explained { blame, unheard, .. }: &Explained) -> Vec<Symptom> {
    let told = blame.reject_with.as_deref().unwrap_or_default();
    let hook = blame.packet.hook;
    let tcp = blame.packet.transport.as_deref() == Some("tcp");
    // Is it a packet that the one who complains sends from this host, whose program is told at once?
    let own = q.side == Side::Out && matches!(hook, Some("output" | "postrouting"));
    if own && blame.verdict.is_loss() {
        match blame.culprit.kind {
            Kind::Route => {
                return match blame.culprit.detail.as_deref() {
                    Some("unreachable") => vec![Symptom::HostUnreachable],
                    Some("no route") => vec![Symptom::NetUnreachable],
                    // `EACCES`
                    Some("prohibit") => vec![Symptom::Eperm],
                    _ => Vec::new(),
                };
            }
            // TCP tries again by itself. The message of a reject comes behind that.
            Kind::Rule | Kind::Policy | Kind::Conntrack | Kind::Bpf if !tcp => {
                let refused = told.contains("port-unreach").then_some(Symptom::Refused);
                return [Symptom::Eperm].into_iter().chain(refused).collect();
            }
            _ => {}
        }
    }
    match blame.verdict {
        Verdict::Accept | Verdict::Unknown => Vec::new(),
        _ if *unheard => vec![Symptom::Timeout],
        Verdict::Reject if told.contains("reset") || told.contains("port-unreach") => vec![Symptom::Refused],
        Verdict::Reject if told.contains("net-unreach") || told.contains("no-route") => vec![Symptom::NetUnreachable],
        Verdict::Reject if !told.is_empty() => vec![Symptom::HostUnreachable],
        // It waits for the neighbour, and is given up with ICMP host unreachable.
        _ if blame.culprit.kind == Kind::Neighbour => vec![Symptom::HostUnreachable, Symptom::Timeout],
        _ => {
            let mut all = vec![Symptom::Timeout];
            // The first packets of a connection got through, or it would not be one.
            let later = matches!(q.ct, Some(CtState::Established | CtState::Related | CtState::Invalid))
                || matches!(blame.packet.ct_state, Some("established" | "related" | "invalid"));
            let begins = blame.packet.tcp_flags.as_ref().map(|flags| flags.contains("syn"));
            if !begins.unwrap_or(!later) || large(blame) {
                all.push(Symptom::Stalls);
            }
            all
        }
    }
}

/// A cause, weighed by what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weighed {
    /// The cause.
    pub message: &'static str,
    /// The codes that were found and speak for it, the worst first.
    pub codes: Vec<&'static str>,
    /// Is it what the answer names?
    pub answer: bool,
}

/// What a complaint comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The complaint.
    pub symptom: Symptom,
    /// Does the answer look like it? None: the packet would pass, or what would become of it cannot be told.
    pub fits: Option<bool>,
    /// In a sentence.
    pub message: String,
    /// The causes that look like it: what the answer names first, then those of which something was found.
    pub causes: Vec<Weighed>,
}

/// Weighs an answer and what was found by the symptom.
pub fn diagnose(
    view: &View<'_>,
    symptom: Symptom,
    q: &Question,
    answer: &mut Explained,
    found: &[Finding],
) -> Diagnosis {
    let looks = seen(q, answer);
    let names = |s: &[Symptom]| s.iter().map(|s| s.name()).collect::<Vec<_>>().join(" or ");
    let fits = (!looks.is_empty()).then(|| looks.contains(&symptom));
    let message = match (symptom, fits) {
        (Symptom::TooManyOpenFiles, _) => files(view),
        (_, Some(true)) => format!("that is what its sender sees: {}", symptom.name()),
        (_, Some(false)) => format!(
            "its sender would see this as {}, and the complaint is {}: perhaps another packet is meant, or something else on the way answers",
            names(&looks),
            symptom.name()
        ),
        (_, None) if answer.blame.verdict == Verdict::Accept => match symptom {
            Symptom::Refused => "this host lets it through: whoever answers at its destination refuses it".into(),
            _ => "this host lets it through: the cause is elsewhere, or depends on what cannot be seen now".into(),
        },
        _ if answer.blame.verdict.is_loss() => {
            format!("its sender is told something else: {} is not what this looks like", symptom.name())
        }
        _ => "what its sender sees cannot be told".into(),
    };
    answer.blame.why.push(Why::plain(message.clone()));
    let services = services(q, answer);
    let about = |f: &&Finding| f.services.is_empty() || f.services.iter().any(|s| services.contains(s));
    let severity = |code: &str| found.iter().filter(|f| f.code == code).filter(about).map(|f| f.severity).max();
    let says = |code: &str| answer.blame.why.iter().any(|w| w.code == Some(code));
    let weigh = |(message, codes, named): &Cause| {
        let answer = (fits == Some(true) || answer.blame.verdict == Verdict::Accept) && named(&answer.blame);
        let mut told: Vec<(Option<Severity>, &'static str)> = codes.iter().map(|c| (severity(c), *c)).collect();
        told.retain(|(s, c)| s.is_some() || answer && says(c));
        told.sort_by_key(|(s, _)| std::cmp::Reverse(*s));
        let worst = told.first().and_then(|(s, _)| *s);
        (answer, worst, Weighed { message, codes: told.into_iter().map(|(_, c)| c).collect(), answer })
    };
    let mut causes: Vec<_> = symptom.causes().iter().map(weigh).collect();
    causes.sort_by_key(|(answer, worst, _)| std::cmp::Reverse((*answer, *worst)));
    Diagnosis { symptom, fits, message, causes: causes.into_iter().map(|(.., w)| w).collect() }
}

/// Protocol and port of what was asked about, as it was sent and as it was lost.
fn services(q: &Question, answer: &Explained) -> Vec<(u8, u16)> {
    let asked = Packet::new(q.network, q.bytes.clone());
    let all = std::iter::once(&asked).chain(answer.walked.runs.iter().map(|r| &r.packet));
    all.filter_map(|p| Some((p.headers().protocol?, p.ports()?.1))).collect()
}

/// No firewall makes this.
fn files(view: &View<'_>) -> String {
    let text = "\"too many open files\" is a limit of file descriptors (ulimit -n, LimitNOFILE=, fs.file-max), not of the firewall: \
                a full connection table looks like a timeout, or like \"operation not permitted\" to who sends from this host";
    match view.host.sysctl("fs.file-nr") {
        Fact::Is(numbers) => {
            let mut numbers = numbers.split_ascii_whitespace();
            match (numbers.next(), numbers.next_back()) {
                (Some(used), Some(most)) => format!("{text}; {used} of {most} are open on this host"),
                _ => text.into(),
            }
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::probe::{self, TCP};
    use crate::finding::testing;

    fn diagnosis(policy: &str, symptom: Symptom) -> Option<Diagnosis> {
        let (rules, mut host) = (testing::input(policy, ""), testing::server());
        host.sysctls.insert("fs.file-nr".into(), "100\t0\t9000".into());
        let view = View::new(&rules, &host);
        let peer = view.peers().first()?.clone();
        let q = probe::arriving(&peer, (TCP, 4000, 80), CtState::New)?;
        let mut answer = view.ask(&q)?;
        Some(diagnose(&view, symptom, &q, &mut answer, &[]))
    }

    #[test]
    fn a_drop_times_out_and_a_closed_port_refuses() {
        let fits = |policy, symptom| diagnosis(policy, symptom).and_then(|d| d.fits);
        assert_eq!((fits("drop", Symptom::Timeout), fits("drop", Symptom::Refused)), (Some(true), Some(false)));
        assert_eq!((fits("accept", Symptom::Timeout), fits("accept", Symptom::Refused)), (Some(false), Some(true)));
    }

    #[test]
    fn open_files_are_explained_as_what_they_are() {
        let message = diagnosis("drop", Symptom::TooManyOpenFiles).map(|d| d.message).unwrap_or_default();
        assert!(
            message.contains("file descriptors") && message.ends_with("100 of 9000 are open on this host"),
            "{message}"
        );
    }

    #[test]
    fn names_are_read_back() {
        assert!(Symptom::ALL.iter().all(|s| Symptom::named(s.name()) == Some(*s)));
    }
}
