#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nfblame_fuzz::conntrack(data));
