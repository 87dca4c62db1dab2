//! Programs that may take packets and do not tell which: at devices, and at the control groups of sockets.

use super::facts::{CgroupProgram, Host};
use crate::blame::CulpritKind;
use crate::evaluate::environment::Program;
use crate::evaluate::{Fact, Obstacle};
use crate::sys::Text;
use crate::sys::diag::InetSocket;

/// Those at a device: XDP on the way in, traffic control on both. Unknown: some may be there that could not be read.
pub(super) fn at_device<H: Host + ?Sized>(host: &H, device: u32, out: bool) -> Fact<Vec<Program>> {
    let link = match host.link(device) {
        Fact::Is(link) => link,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    let side = if out { "egress" } else { "ingress" };
    let mut found = Vec::new();
    let mut unread = None;
    if let Some(xdp) = link.xdp.filter(|_| !out) {
        let id = xdp.program.map_or_else(String::new, |id| format!(" {id}"));
        found.push(Program { kind: CulpritKind::Xdp, name: format!("XDP program{id} at {}", link.name) });
    }
    match host.tc_filters(device, out) {
        Fact::Is(filters) => found.extend(filters.iter().map(|f| {
            let name = f.bpf_name.as_ref().map_or_else(String::new, |n| format!(" {n}"));
            let name = format!("tc filter {}{name} (pref {}) at {side} of {}", f.kind, f.priority, link.name);
            Program { kind: CulpritKind::Tc, name }
        })),
        Fact::Absent => {}
        Fact::Unknown(why) => unread = Some(why),
    }
    match host.tcx_programs(device, out) {
        Fact::Is(programs) => found.extend(programs.iter().map(|p| Program {
            kind: CulpritKind::Tc,
            name: format!("tcx program {} {} at {side} of {}", p.id, p.name, link.name),
        })),
        Fact::Absent => {}
        Fact::Unknown(why) => unread = Some(why),
    }
    match host.qdiscs() {
        Fact::Is(all) if out => found.extend(all.iter().filter(|q| q.index == device && q.is_losing()).map(|q| {
            let name = format!("qdisc {} of {}, which has dropped {} packets", q.kind, link.name, q.drops);
            Program { kind: CulpritKind::Tc, name }
        })),
        Fact::Unknown(why) if out => unread = Some(why),
        _ => {}
    }
    match unread {
        _ if !found.is_empty() => Fact::Is(found),
        Some(why) => Fact::Unknown(why),
        None => Fact::Absent,
    }
}

/// Those that see what the sockets of a control group send (`egress`) or get (`ingress`): its own, and those of the groups
/// that it is in. Of a group that is not known, any.
pub(super) fn of_groups<H: Host + ?Sized>(host: &H, group: &Fact<Text>, hook: &str) -> Fact<Vec<Program>> {
    let all = match host.cgroup_programs() {
        Fact::Is(all) => all,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    let sees = |p: &&CgroupProgram| p.hook == hook && group.value().is_none_or(|group| holds(&p.cgroup, group));
    let found: Vec<Program> =
        all.iter().filter(sees).map(|p| Program { kind: CulpritKind::Bpf, name: p.to_string() }).collect();
    if found.is_empty() { Fact::Absent } else { Fact::Is(found) }
}

/// Is a group the other one, or is the other one in it?
fn holds(outer: &Text, inner: &Text) -> bool {
    let (outer, inner) = (outer.as_bytes(), inner.as_bytes());
    let outer = outer.strip_suffix(b"/").unwrap_or(outer);
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// What may keep a packet from a socket that would get it (`sk_filter_trim_cap`).
pub(super) fn in_front<H: Host + ?Sized>(host: &H, socket: &InetSocket) -> Option<Obstacle> {
    let group = match socket.cgroup {
        Some(id) => host.cgroup(id),
        None => Fact::unknown("cgroup of the socket"),
    };
    let (name, question) = match of_groups(host, &group, "ingress") {
        Fact::Is(programs) => {
            let name = programs.into_iter().next()?.name;
            (name.clone(), format!("the {name} lets it pass"))
        }
        Fact::Absent => return None,
        Fact::Unknown(why) => {
            ("program of its control group".to_owned(), format!("no program of its control group takes it ({why})"))
        }
    };
    let obstacle = Obstacle::new(CulpritKind::Bpf, name);
    Some(Obstacle { unless: Some((question, true)), ..obstacle })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Environment;
    use crate::host::{FakeHost, facts};
    use crate::sys::rt::{LinkFlags, Qdisc};

    /// A host whose traffic control cannot be read.
    struct Closed(FakeHost);

    impl Host for Closed {
        fn links(&self) -> Fact<std::rc::Rc<[crate::sys::rt::Link]>> {
            self.0.links()
        }

        fn tcx_programs(&self, _: u32, _: bool) -> Fact<std::rc::Rc<[facts::Program]>> {
            Fact::Absent
        }
    }

    #[test]
    fn programs_that_could_not_be_read_are_not_taken_for_none() {
        let mut host = FakeHost::new();
        host.add_link(2, "eth0", LinkFlags::UP);
        assert_eq!(Environment::programs(&host, 2, true), Fact::Absent);
        assert!(Environment::programs(&Closed(host), 2, true).is_unknown());
    }

    #[test]
    fn a_qdisc_that_loses_packets_may_take_one() {
        let mut host = FakeHost::new();
        host.add_link(2, "eth0", LinkFlags::UP);
        let qdisc = |kind: &str| Qdisc { index: 2, kind: kind.into(), handle: 1, sent: 100, drops: 3 };
        host.qdiscs = vec![qdisc("fq_codel")];
        assert_eq!(Environment::programs(&host, 2, true), Fact::Absent);
        host.qdiscs = vec![qdisc("netem")];
        assert_eq!(Environment::programs(&host, 2, true).known().map(|all| all.len()), Some(1));
        assert_eq!(Environment::programs(&host, 2, false), Fact::Absent);
    }

    #[test]
    fn a_program_sees_its_group_and_all_that_are_in_it() {
        let mut host = FakeHost::new();
        let program = |cgroup: &str, hook| CgroupProgram {
            cgroup: cgroup.into(),
            hook,
            program: facts::Program { id: 7, name: "".into() },
        };
        host.cgroup_programs = vec![program("/a/b", "egress"), program("/a", "ingress")];
        let seen = |group: &str| of_groups(&host, &Fact::Is(group.into()), "egress");
        let there = vec![Program { kind: CulpritKind::Bpf, name: "egress program 7 at cgroup /a/b".into() }];
        assert_eq!((seen("/a/b"), seen("/a/b/c")), (Fact::Is(there.clone()), Fact::Is(there.clone())));
        assert_eq!((seen("/a"), seen("/a/bc")), (Fact::Absent, Fact::Absent));
        assert_eq!(of_groups(&host, &Fact::unknown("group"), "egress"), Fact::Is(there));
        host.cgroup_programs = vec![program("/", "egress")];
        assert!(matches!(of_groups(&host, &Fact::Is("/x".into()), "egress"), Fact::Is(all) if all.len() == 1));
    }
}
