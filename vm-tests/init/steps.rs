//! What is done.

mod bare;
mod drops;
mod elsewhere;
mod hooks;
mod lacking;
mod limits;
mod quiet;
mod revisions;

use std::process::Command;

use nfblame_vm_tests::{BARE_STEPS, LOADED_STEPS, Line, Outcome, Plan, suite_step};

use crate::out::Out;
use crate::{cli, modules, nets, scenarios, suites};

/// Carries out the plan.
pub fn run(plan: &Plan, out: &mut Out) {
    if let Some(program) = &plan.run {
        load(plan, out);
        modules::load("drop_monitor");
        match Command::new(program).env("PATH", cli::PATH).output() {
            Ok(said) => {
                out.raw(&said.stdout);
                out.raw(&said.stderr);
            }
            Err(e) => println!("vm-init: {program}: {e}"),
        }
        return;
    }
    let wanted = |step: &str| plan.only.is_empty() || plan.only.iter().any(|o| step.contains(o.as_str()));
    let steps = |names: &[&str], out: &mut Out| {
        for name in names.iter().filter(|n| wanted(n)) {
            step(name, out);
        }
    };
    steps(&BARE_STEPS, out);
    load(plan, out);
    steps(&LOADED_STEPS, out);
    if plan.scenarios || !plan.suites.is_empty() {
        // What the steps before want to be without.
        for module in ["br_netfilter", "drop_monitor", "nfnetlink_hook"] {
            modules::load(module);
        }
        // By the memory that the machine has, newer kernels keep some ten thousand connections at the most.
        if let Err(e) = nets::sysctl("net/netfilter/nf_conntrack_max", "32768") {
            println!("vm-init: {e}");
        }
    }
    for suite in plan.suites.iter().filter(|s| wanted(&suite_step(&s.name))) {
        suites::run(suite, out);
    }
    if plan.scenarios && wanted("scenarios") {
        scenarios::run(out);
    }
}

/// Carries out what can be done in a machine that is set up already: nothing is said of what is not loaded there.
pub fn run_here(plan: &Plan, out: &mut Out) {
    out.step("modules");
    for module in &plan.modules {
        // What a distribution lacks is missed by the tests that want it.
        let _ = cli::call("/sbin/modprobe", &["-q", module], "");
    }
    LOADED_STEPS.iter().for_each(|name| step(name, out));
    plan.suites.iter().for_each(|suite| suites::run(suite, out));
}

fn step(name: &str, out: &mut Out) {
    let run: fn(&mut Out) = match name {
        "bare kernel" => bare::run,
        "nothing loaded" => quiet::run,
        "one thing missing" => lacking::run,
        "drop monitor" => drops::run,
        "drops elsewhere" => elsewhere::run,
        "hook order" => hooks::run,
        "limits" => limits::run,
        "old revisions" => revisions::run,
        "demo" => demo,
        "features" => features,
        _ => |out| out.test("all", Outcome::Failed, "no such step"),
    };
    out.step(name);
    run(out);
}

fn load(plan: &Plan, out: &mut Out) {
    out.step("modules");
    let missing: Vec<&str> = plan.modules.iter().filter(|m| !modules::load(m)).map(String::as_str).collect();
    println!("vm-init: built in, or not of this version: {}", missing.join(" "));
}

/// The main job, all three backends.
fn demo(out: &mut Out) {
    const NAME: &str = "every drop is blamed rightly";
    let said = cli::nfblame(&["demo"]);
    // Tables that belong to a socket came in 5.12; that older kernels lack them has to be said.
    if let Ok(said) = &said
        && said.code == Some(2)
        && said.err.contains("Linux 5.12")
    {
        return out.test(NAME, Outcome::Ignored, "tracing needs Linux 5.12, whose tables can belong to a socket");
    }
    let done = said.and_then(|said| {
        if said.code == Some(0) { Ok(()) } else { Err(format!("exit {:?}\n{}\n{}", said.code, said.out, said.err)) }
    });
    out.result(NAME, done);
}

/// What `nfblame doctor` says with all modules loaded.
fn features(out: &mut Out) {
    let report = match cli::doctor() {
        Ok(report) => report,
        Err(e) => return out.test("doctor", Outcome::Failed, e),
    };
    let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
    for feature in report["features"].as_array().into_iter().flatten() {
        let reason = [text(&feature["reason"]), text(&feature["remedy"])];
        let reason = reason.into_iter().filter(|r| !r.is_empty()).collect::<Vec<_>>().join(": ");
        out.line(&Line::Feature { name: text(&feature["feature"]), works: feature["state"] == "works", reason });
    }
    out.test("doctor", Outcome::Passed, "");
}
