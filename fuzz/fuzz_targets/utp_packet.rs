#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ttui_fuzz::utp_packet(bytes));
