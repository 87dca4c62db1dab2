//! TCP options.

use super::{Extension, Field};

const KIND: Field = Field::number("kind", 0, 8);
const LENGTH: Field = Field::number("length", 8, 8);

const fn option(name: &'static str, number: u8, fields: &'static [Field]) -> Extension {
    Extension { name, id: 0, number, fields }
}

pub static ALL: [&Extension; 10] = [
    &option("eol", 0, &[KIND]),
    &option("nop", 1, &[KIND]),
    &option("maxseg", 2, &[KIND, LENGTH, Field::number("size", 16, 16)]),
    &option("window", 3, &[KIND, LENGTH, Field::number("count", 16, 8)]),
    &option("sack-perm", 4, &[KIND, LENGTH]),
    &option(
        "sack",
        5,
        &[
            KIND,
            LENGTH,
            Field::number("left", 16, 32),
            Field::number("right", 48, 32),
            Field::number("left", 80, 32),
            Field::number("right", 112, 32),
            Field::number("left", 144, 32),
            Field::number("right", 176, 32),
            Field::number("left", 208, 32),
            Field::number("right", 240, 32),
        ],
    ),
    &option("timestamp", 8, &[KIND, LENGTH, Field::number("tsval", 16, 32), Field::number("tsecr", 48, 32)]),
    &option("md5sig", 19, &[KIND, LENGTH]),
    &option("mptcp", 30, &[KIND, LENGTH, Field::number("subtype", 16, 4)]),
    &option("fastopen", 34, &[KIND, LENGTH]),
];
