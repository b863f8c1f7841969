//! Rows under named columns as JSON, CSV and Markdown: what the screens export beside peers.

use serde_json::{Map, Value};

use super::{csv_cell, json_line, markdown_cell};
use crate::ledger::View;

/// One line of JSON, schema `ttui.KIND/1`: the torrent, and an object a row.
pub fn json(kind: &str, columns: &[String], rows: &[Vec<Value>], view: &View) -> String {
    let objects: Vec<Value> = rows
        .iter()
        .map(|row| {
            let named = columns.iter().zip(row).map(|(name, value)| (name.clone(), value.clone()));
            Value::Object(named.collect())
        })
        .collect();
    let mut whole = Map::new();
    whole.insert("schema".to_owned(), format!("ttui.{kind}/1").into());
    whole.insert(
        "torrent".to_owned(),
        serde_json::json!({
            "name": view.torrent.name, "info_hash": view.torrent.info_hash.to_string(),
        }),
    );
    whole.insert(kind.to_owned(), objects.into());
    json_line(&whole)
}

/// A line a row, under a line of names.
pub fn csv(columns: &[String], rows: &[Vec<Value>]) -> String {
    let mut out = columns.join(",") + "\r\n";
    for row in rows {
        out += &row.iter().map(|value| csv_cell(&plain(value))).collect::<Vec<_>>().join(",");
        out += "\r\n";
    }
    out
}

/// A table.
pub fn markdown(columns: &[String], rows: &[Vec<Value>]) -> String {
    let mut out = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|value| markdown_cell(&plain(value))).collect();
        out += &format!("| {} |\n", cells.join(" | "));
    }
    out
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_says_the_same_and_foreign_text_stays_in_its_cell() {
        let rows = vec![vec![json!(1), json!("a,b|c")], vec![json!(null), json!("=x")]];
        let names = ["n", "text"].map(str::to_owned);
        assert_eq!(csv(&names, &rows), "n,text\r\n1,\"a,b|c\"\r\n,\"'=x\"\r\n");
        assert_eq!(markdown(&names, &rows), "| n | text |\n|---|---|\n| 1 | a,b\\|c |\n|  | =x |\n");
    }
}
