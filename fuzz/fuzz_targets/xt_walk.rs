#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nfblame_fuzz::xt_walk(data));
