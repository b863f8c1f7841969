//! What a run found out, as text for people and JSON for programs.

pub mod check;
pub mod handshake;
pub mod info;
pub mod progress;
pub mod verify;

use serde::Serialize;

/// Bytes in lower-case hex.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A report as one line of JSON.
fn json_line(report: &impl Serialize) -> String {
    serde_json::to_string(report).expect("reports hold only strings, numbers, lists and structs")
}
