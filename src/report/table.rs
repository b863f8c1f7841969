//! Rows under named columns as JSON, CSV and Markdown: what the screens export.

use serde_json::{Map, Value};

use super::{csv_cell, json_line, markdown_cell};
use crate::ledger::View;

/// Rows, with a value for every column.
#[derive(Clone, Copy, Default)]
pub struct Rows<'a> {
    /// The names of the columns.
    pub columns: &'a [String],
    /// The rows.
    pub rows: &'a [Vec<Value>],
}

impl Rows<'_> {
    /// One line of JSON, schema `ttui.KIND/1`: the torrent, and an object a row.
    pub fn json(self, kind: &str, view: &View) -> String {
        let object = |row: &Vec<Value>| {
            let named = self.columns.iter().zip(row).map(|(name, value)| (name.clone(), value.clone()));
            Value::Object(named.collect())
        };
        let mut whole = Map::new();
        whole.insert("schema".to_owned(), format!("ttui.{kind}/1").into());
        whole.insert(
            "torrent".to_owned(),
            serde_json::json!({
                "name": view.torrent.name(), "info_hash": view.torrent.info_hash.to_string(),
            }),
        );
        whole.insert(kind.to_owned(), self.rows.iter().map(object).collect());
        json_line(&whole)
    }

    /// A line a row, under a line of names.
    pub fn csv(self) -> String {
        let mut out = self.columns.join(",") + "\r\n";
        for row in self.rows {
            out += &row.iter().map(|value| csv_cell(&plain(value))).collect::<Vec<_>>().join(",");
            out += "\r\n";
        }
        out
    }

    /// A table.
    pub fn markdown(self) -> String {
        let columns = self.columns;
        let mut out = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        for row in self.rows {
            let cells: Vec<String> = row.iter().map(|value| markdown_cell(&plain(value))).collect();
            out += &format!("| {} |\n", cells.join(" | "));
        }
        out
    }
}

/// A value as a cell has it: nothing where nothing is known, and the items of a list behind one another.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
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
        let rows = Rows { columns: &["n", "text"].map(str::to_owned), rows: &rows };
        assert_eq!(rows.csv(), "n,text\r\n1,\"a,b|c\"\r\n,\"'=x\"\r\n");
        assert_eq!(rows.markdown(), "| n | text |\n|---|---|\n| 1 | a,b\\|c |\n|  | =x |\n");
    }
}
