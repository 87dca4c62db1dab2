//! SCTP chunks.

use super::{Extension, Field};

const TYPE: Field = Field::number("type", 0, 8);
const FLAGS: Field = Field::number("flags", 8, 8);
const LENGTH: Field = Field::number("length", 16, 16);

const fn chunk(name: &'static str, number: u8, fields: &'static [Field]) -> Extension {
    Extension { name, id: 0, number, fields }
}

const PLAIN: &[Field] = &[TYPE, FLAGS, LENGTH];

const INIT: &[Field] = &[
    TYPE,
    FLAGS,
    LENGTH,
    Field::number("init-tag", 32, 32),
    Field::number("a-rwnd", 64, 32),
    Field::number("num-outbound-streams", 96, 16),
    Field::number("num-inbound-streams", 112, 16),
    Field::number("initial-tsn", 128, 32),
];

const SEQNO: &[Field] = &[TYPE, FLAGS, LENGTH, Field::number("seqno", 32, 32)];

pub static ALL: [&Extension; 18] = [
    &chunk(
        "data",
        0,
        &[
            TYPE,
            FLAGS,
            LENGTH,
            Field::number("tsn", 32, 32),
            Field::number("stream", 64, 16),
            Field::number("ssn", 80, 16),
            Field::number("ppid", 96, 32),
        ],
    ),
    &chunk("init", 1, INIT),
    &chunk("init-ack", 2, INIT),
    &chunk(
        "sack",
        3,
        &[
            TYPE,
            FLAGS,
            LENGTH,
            Field::number("cum-tsn-ack", 32, 32),
            Field::number("a-rwnd", 64, 32),
            Field::number("num-gap-ack-blocks", 96, 16),
            Field::number("num-dup-tsns", 112, 16),
        ],
    ),
    &chunk("heartbeat", 4, PLAIN),
    &chunk("heartbeat-ack", 5, PLAIN),
    &chunk("abort", 6, PLAIN),
    &chunk("shutdown", 7, &[TYPE, FLAGS, LENGTH, Field::number("cum-tsn-ack", 32, 32)]),
    &chunk("shutdown-ack", 8, PLAIN),
    &chunk("error", 9, PLAIN),
    &chunk("cookie-echo", 10, PLAIN),
    &chunk("cookie-ack", 11, PLAIN),
    &chunk("ecne", 12, &[TYPE, FLAGS, LENGTH, Field::number("lowest-tsn", 32, 32)]),
    &chunk("cwr", 13, &[TYPE, FLAGS, LENGTH, Field::number("lowest-tsn", 32, 32)]),
    &chunk("shutdown-complete", 14, PLAIN),
    &chunk("asconf-ack", 128, SEQNO),
    &chunk("forward-tsn", 192, &[TYPE, FLAGS, LENGTH, Field::number("new-cum-tsn", 32, 32)]),
    &chunk("asconf", 193, SEQNO),
];
