#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nfblame_fuzz::nft_walk(data));
