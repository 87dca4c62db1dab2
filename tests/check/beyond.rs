//! `NB08`: programs beyond netfilter.

use std::path::PathBuf;

use crate::common::{Netns, kernel_tests};
use crate::record;
use crate::world::{World, check, found, listen_again, says, sh, why};

kernel_tests! {
    an_xdp_program_is_found_until_it_is_taken_away needs ["ip", "python3"];
    a_filter_of_traffic_control_is_found_until_it_is_taken_away needs ["tc"];
    a_program_at_a_control_group_is_found_until_it_is_taken_away needs ["python3"];
}

/// Python that loads a program of two instructions which drops everything, and attaches it.
const LOAD: &str = r#"
import ctypes, os, platform, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
NUMBER = {'x86_64': 321, 's390x': 351}.get(platform.machine(), 280)
def bpf(cmd, attr):
    b = ctypes.create_string_buffer(attr.ljust(128, b'\0'), 128)
    r = libc.syscall(NUMBER, cmd, b, 128)
    if r < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    return r
def load(kind, result, attach):
    code = struct.pack('=BBhi', 0xb7, 0, 0, result) + struct.pack('=BBhi', 0x95, 0, 0, 0)
    insns, licence = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b'GPL')
    head = struct.pack('=IIQQ', kind, 2, ctypes.addressof(insns), ctypes.addressof(licence))
    return bpf(5, head.ljust(64, b'\0') + struct.pack('=II', 0, attach))
"#;

fn python(ns: &Netns, program: &str) {
    ns.cmd("python3", &["-"], &format!("{LOAD}{program}"));
}

fn an_xdp_program_is_found_until_it_is_taken_away() {
    let w = World::new();
    assert!(found(&w.server, "NB0801").is_empty() && w.reaches_server(80));
    let attach = r#"
def attr(kind, data):
    return struct.pack('=HH', 4 + len(data), kind) + data + b'\0' * (-len(data) % 4)
nested = attr(43 | 0x8000, attr(1, struct.pack('=i', load(6, 1, 37))))
body = struct.pack('=BxHiII', 0, 0, socket.if_nametoindex('eth0'), 0, 0) + nested
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.send(struct.pack('=IHHII', 16 + len(body), 19, 5, 1, 0) + body)
e = struct.unpack_from('=i', s.recv(4096), 16)[0]
if e: sys.exit(os.strerror(-e))
"#;
    python(&w.server, attach);
    assert!(found(&w.server, "NB0801").len() == 1 && !w.reaches_server(80));
    let service = listen_again(&w.server, "0.0.0.0:80");
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0"), "NB0801"));
    drop(service);
    w.run("ip link set dev eth0 xdp off");
    assert!(found(&w.server, "NB0801").is_empty() && w.reaches_server(80));
}

fn a_filter_of_traffic_control_is_found_until_it_is_taken_away() {
    let w = World::new();
    w.run("tc qdisc add dev eth0 clsact");
    assert!(found(&w.server, "NB0802").is_empty() && w.reaches_server(80), "a clsact qdisc drops nothing by itself");
    w.run("tc filter add dev eth0 ingress bpf da bytecode '1,6 0 0 2,' da");
    assert!(found(&w.server, "NB0802").len() == 1 && !w.reaches_server(80));
    let service = listen_again(&w.server, "0.0.0.0:80");
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:80 -i eth0"), "NB0802"));
    drop(service);
    w.run("tc filter del dev eth0 ingress");
    assert!(found(&w.server, "NB0802").is_empty() && w.reaches_server(80));
}

/// A control group that goes away with the test.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let line = mounts.lines().find(|l| l.contains(" - cgroup2 "))?;
        let path = PathBuf::from(line.split(' ').nth(4)?).join(format!("nfblame-test-{}", std::process::id()));
        std::fs::create_dir(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn a_program_at_a_control_group_is_found_until_it_is_taken_away() {
    let w = World::new();
    let Some(group) = Group::new() else { return }; // no cgroup2 that could be written
    let name = group.0.file_name().unwrap().to_str().unwrap().to_owned();
    let about = || {
        check(&w.server)
            .iter()
            .filter(|f| f["code"] == "NB0803" && f["message"].as_str().unwrap().contains(&name))
            .count()
    };
    assert_eq!(about(), 0);
    record::spared(&w.server.path(), "NB0803");
    let dir = group.0.display();
    python(&w.server, &format!("bpf(8, struct.pack('=IIII', os.open('{dir}', os.O_RDONLY), load(8, 0, 1), 1, 0))\n"));
    assert_eq!(about(), 1);
    sh(&w.server, &format!("rmdir {dir}"));
    assert_eq!(about(), 0);
}
