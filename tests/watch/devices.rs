//! What takes packets where no hook of netfilter sees it: traffic control, programs of control groups, a next hop that does
//! not answer, a port where nobody listens any more.

use std::net::UdpSocket;
use std::path::PathBuf;

use nfblame::blame::Verdict;

use crate::common::kernel::kernel_tests;
use crate::common::lab::{Lab, V4, V6, udp};
use crate::watcher::{Said, Watcher, line, more, traced};

kernel_tests! {
    traffic_control_takes_what_comes_in needs ["linux 5.12", "tc"];
    traffic_control_that_lets_all_pass_is_not_blamed needs ["linux 5.12", "tc"];
    a_queueing_discipline_takes_what_leaves needs ["linux 5.12", "tc", "ip"];
    a_program_of_a_control_group_takes_what_is_sent needs ["linux 5.12", "python3"];
    a_next_hop_does_not_answer needs ["linux 5.12", "ip"];
    a_mark_set_in_the_output_hook_leads_nowhere needs ["linux 5.12", "nft", "ip"];
    a_client_port_where_nobody_listens needs ["linux 5.12"];
}

fn filter(lab: &Lab, way: &str, program: &str) {
    lab.router.cmd("tc", &["filter", "add", "dev", "r0", way, "bpf", "da", "bytecode", program], "");
}

fn traffic_control_takes_what_comes_in() {
    for side in [V4, V6] {
        let lab = Lab::new();
        lab.run("tc qdisc add dev r0 clsact");
        // Drops UDP to port 53; offsets are from the link layer header.
        let (protocol, port) = if side == V4 { (23, 36) } else { (20, 56) };
        let program = format!("6,48 0 0 {protocol},21 0 2 17,40 0 0 {port},21 1 0 53,6 0 0 0,6 0 0 2,");
        filter(&lab, "ingress", &program);
        let watch = Watcher::start(&lab.router, traced("udp"));
        // What begins together with watching may lack its other half.
        std::thread::sleep(std::time::Duration::from_millis(200));
        udp(&lab.client, side.router, 53);
        udp(&lab.client, side.router, 54);
        let mut said = [watch.blame(), watch.blame()];
        said.sort_by_key(|b| b.packet.destination_port);
        let [taken, refused] = said;
        let detail = taken.culprit.detail.as_deref().unwrap_or_default();
        assert!(line(&taken).starts_with("drop trace likely | tc "), "{}", more(&taken));
        assert!(detail.contains("at ingress of r0"), "{detail}");
        assert_eq!((taken.packet.destination_port, taken.packet.hook), (Some(53), Some("ingress")));
        assert!(line(&refused).contains("socket no listener"), "{}", more(&refused));
    }
}

/// One that has dropped nothing before.
fn a_queueing_discipline_takes_what_leaves() {
    let lab = Lab::new();
    lab.run("ip neigh replace 10.9.2.2 lladdr 02:00:00:00:00:01 dev r1 nud permanent");
    // No packet is as small as its burst.
    lab.run("tc qdisc add dev r1 root tbf rate 8kbit burst 20 limit 20");
    let watch = Watcher::start(&lab.router, traced("udp"));
    std::thread::sleep(std::time::Duration::from_millis(200));
    udp(&lab.client, V4.server, 53);
    let blame = watch.blame();
    assert!(line(&blame).starts_with("drop trace likely | tc "), "{}", more(&blame));
    assert_eq!(blame.packet.destination_port, Some(53));
}

fn traffic_control_that_lets_all_pass_is_not_blamed() {
    let lab = Lab::new();
    lab.run("tc qdisc add dev r0 clsact");
    for way in ["ingress", "egress"] {
        filter(&lab, way, "1,6 0 0 0,");
    }
    let watch = Watcher::start(&lab.router, traced("udp"));
    std::thread::sleep(std::time::Duration::from_millis(200));
    for _ in 0..20 {
        udp(&lab.client, V4.router, 53);
    }
    let (said, summary) = watch.finish();
    let wrong: Vec<_> = said.iter().filter(|s| matches!(s, Said::Blame(b) if b.culprit.kind.name() == "tc")).collect();
    assert!(wrong.is_empty() && summary.drops == 20, "{wrong:?} {summary:?}");
}

/// A control group that goes away with the test.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let line = mounts.lines().find(|l| l.contains(" - cgroup2 "))?;
        let path = PathBuf::from(line.split(' ').nth(4)?).join(format!("nfblame-watch-{}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Attaches a program that drops everything to the group's egress, and sends from in it and from outside.
const SEND: &str = r#"
import ctypes, os, platform, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
NUMBER = {'x86_64': 321, 's390x': 351}.get(platform.machine(), 280)
def bpf(cmd, attr):
    b = ctypes.create_string_buffer(attr.ljust(128, b'\0'), 128)
    r = libc.syscall(NUMBER, cmd, b, 128)
    if r < 0: sys.exit(os.strerror(ctypes.get_errno()))
    return r
code = struct.pack('=BBhi', 0xb7, 0, 0, 0) + struct.pack('=BBhi', 0x95, 0, 0, 0)
insns, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b'GPL')
head = struct.pack('=IIQQ', 8, 2, ctypes.addressof(insns), ctypes.addressof(licence))
program = bpf(5, head.ljust(64, b'\0') + struct.pack('=II', 0, 1))
bpf(8, struct.pack('=IIII', os.open(GROUP, os.O_RDONLY), program, 1, 0))
"#;

fn a_program_of_a_control_group_takes_what_is_sent() {
    let Some(group) = Group::new() else { return }; // no cgroup2 that could be written
    let lab = Lab::new();
    let dir = group.0.display().to_string();
    lab.router.cmd("python3", &["-"], &SEND.replace("GROUP", &format!("'{dir}'")));
    // The next hops are known, so that nothing waits for them.
    for _ in 0..2 {
        udp(&lab.router, V4.client, 7);
    }
    let watch = Watcher::start(&lab.router, traced("udp"));
    std::thread::sleep(std::time::Duration::from_millis(200));
    udp(&lab.router, V4.client, 9);
    let send = format!(
        "import os, socket\nopen('{dir}/cgroup.procs', 'w').write(str(os.getpid()))\ns = socket.socket(socket.AF_INET, \
         socket.SOCK_DGRAM)\ntry: s.sendto(b'x', ('{}', 8))\nexcept PermissionError: pass\nelse: raise SystemExit('it went out')\n",
        V4.client
    );
    lab.router.cmd("python3", &["-"], &send);
    let b = watch.blame();
    assert!(line(&b).starts_with("drop trace likely | bpf "), "{}", more(&b));
    assert_eq!(b.packet.destination_port, Some(8), "what was sent from outside of the group left");
    assert!(b.culprit.detail.as_deref().unwrap().contains(group.0.file_name().unwrap().to_str().unwrap()));
    let (_, summary) = watch.finish();
    assert_eq!(summary.drops, 1, "{summary:?}");
}

fn a_next_hop_does_not_answer() {
    let lab = Lab::new();
    let watch = Watcher::start(&lab.router, traced("udp"));
    udp(&lab.client, "10.9.2.77", 53);
    let b = watch.blame();
    assert!(b.verdict.is_loss(), "{}", more(&b));
    assert!(line(&b).contains("neighbour 10.9.2.77 on r1 does not answer"), "{}", more(&b));
}

/// The packet is routed again behind the chain that marks it, and nothing tells of that but the silence after it.
fn a_mark_set_in_the_output_hook_leads_nowhere() {
    let lab = Lab::new();
    lab.router
        .nft("table inet m { chain out { type route hook output priority mangle; udp dport 53 meta mark set 0x7; }; }");
    lab.run("ip rule add fwmark 7 table 77");
    lab.run("ip route add blackhole default table 77");
    let watch = Watcher::start(&lab.router, traced("udp"));
    let socket = lab.router.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    let _ = socket.send_to(b"x", (V4.client, 53));
    assert_eq!(watch.line(), "drop trace certain | route blackhole");
}

/// In the range that the kernel gives to clients a socket may have been closed since; the kernel has counted that there was none.
fn a_client_port_where_nobody_listens() {
    for side in [V4, V6] {
        let lab = Lab::new();
        let watch = Watcher::start(&lab.router, traced("udp"));
        udp(&lab.client, side.router, 45678);
        let b = watch.blame();
        assert!(line(&b).ends_with("| socket no listener"), "{}", more(&b));
        // One that is there and reads nothing is another matter.
        let address: std::net::IpAddr = side.router.parse().unwrap();
        let socket = lab.router.run(|| UdpSocket::bind((address, 45679))).unwrap();
        udp(&lab.client, side.router, 45679);
        drop(socket);
        let (said, summary) = watch.finish();
        assert!(said.iter().all(|s| !matches!(s, Said::Blame(b) if b.verdict == Verdict::Drop)), "{said:?}");
        assert_eq!(summary.drops, 1, "{summary:?}");
    }
}
