//! `-m bpf`

use nfblame_sys::xt::matches::Bpf;

use super::{Out, put};

pub(super) fn render(m: &Bpf<'_>, out: &mut Out) {
    match m {
        Bpf::Bytecode(program) => {
            let instructions = program.instructions();
            put!(out, " --bytecode \"{}", instructions.len());
            for i in instructions {
                put!(out, ",{} {} {} {}", i.code, i.jt, i.jf, i.k);
            }
            out.str("\"");
        }
        Bpf::Pinned(path) => {
            out.str(" --object-pinned ");
            out.bytes(path.as_bytes());
        }
        Bpf::Descriptor => out.unknown(format_args!("a program without a name")),
    }
}
