//! What a run found out, as text for people and JSON for programs.

pub mod info;
pub mod progress;
pub mod verify;

use serde::Serialize;

/// A report as one line of JSON.
fn json_line(report: &impl Serialize) -> String {
    serde_json::to_string(report).expect("reports hold only strings, numbers, lists and structs")
}
