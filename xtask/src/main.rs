//! The chores of this repository: `cargo xtask help`.

mod bench;
mod cargo;
mod load;
mod parity;
mod peers;
mod vm;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test          install the peers that the tests compare with, then run all tests, also on other kernels
cargo xtask test ARG…     the same with ARGs for cargo test, and only on this kernel
cargo xtask peers         only install the peers
cargo xtask parity        compare our listings with the tools' own, and write docs/parity.md
cargo xtask interop       read rules that a program wrote with rustables (root; needs libclang)
cargo xtask lint          formatting, clippy and documentation, warnings denied
cargo xtask ci            lint, then test, then check the Vagrantfile
cargo xtask vm [ARG…]     boot other kernels and test on them; --help tells the ARGs
cargo xtask bench [NAME…] [--rounds N] [--shrink N] [--write FILE] [--as-built]
                          measure beside the peers, and print the report as Markdown
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((c, rest)) => (c.as_str(), rest),
        None => ("help", &[][..]),
    };
    let done = match command {
        "test" => test(rest),
        "peers" => {
            peers::install();
            Ok(())
        }
        "parity" => {
            peers::install();
            parity::run()
        }
        "interop" => cargo::run(&["run", "--quiet", "--manifest-path", "tests/interop-rustables/Cargo.toml"]),
        "lint" => lint(),
        "bench" => bench::run(rest),
        bench::MEASURE_ONE => bench::measure_one(rest),
        "ci" => lint().and_then(|()| test(&[])).and_then(|()| vm::vagrantfile()),
        "vm" => vm::run(rest).map(drop),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("unknown chore '{other}'\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e}");
            ExitCode::FAILURE
        }
    }
}

fn test(args: &[String]) -> Result<(), String> {
    peers::install();
    let mut cargo: Vec<&str> = vec!["test", "--workspace", "--no-fail-fast"];
    cargo.extend(args.iter().map(String::as_str));
    let here = cargo::run(&cargo);
    // The library must stand without the command line.
    let library = cargo::run(&["check", "--quiet", "--package", "nfblame", "--lib", "--no-default-features"]);
    // What failed here is no reason not to look there.
    let elsewhere = if args.is_empty() { vm::test() } else { Ok(()) };
    here.and(library).and(elsewhere)
}

fn lint() -> Result<(), String> {
    cargo::run(&["fmt", "--all", "--check"])?;
    cargo::run(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])?;
    cargo::run(&["doc", "--quiet", "--workspace", "--no-deps"])
}
