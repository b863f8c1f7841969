#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ttui_fuzz::ut_holepunch(bytes));
