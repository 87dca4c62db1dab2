//! IPv4 options.

use super::{Extension, Field};

const TYPE: Field = Field::number("type", 0, 8);
const LENGTH: Field = Field::number("length", 8, 8);
const PTR: Field = Field::number("ptr", 16, 8);
const ADDR: Field = Field::number("addr", 24, 32);

const fn option(name: &'static str, number: u8, fields: &'static [Field]) -> Extension {
    Extension { name, id: 0, number, fields }
}

// The index of a field counts in user data of sets: type, length, value, ptr, addr.
const ROUTE: &[Field] = &[Field::NONE, TYPE, LENGTH, Field::NONE, PTR, ADDR];

pub static ALL: [&Extension; 4] = [
    &option("lsrr", 131, ROUTE),
    &option("rr", 7, ROUTE),
    &option("ssrr", 137, ROUTE),
    &option("ra", 148, &[Field::NONE, TYPE, LENGTH, Field::number("value", 16, 16)]),
];
