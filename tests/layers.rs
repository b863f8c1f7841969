//! Holds the imports of `src/` against the layer table in the crate docs.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Row → what it may import; `*` allows everything.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let docs = fs::read_to_string(src().join("lib.rs")).unwrap();
    let mut rows = BTreeMap::new();
    for line in docs.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let module = cells[0].trim_end_matches('`').to_owned();
        let allowed = cells[2].split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        rows.insert(module, allowed.collect());
    }
    assert!(rows.len() > 10, "the table was not found in src/lib.rs");
    rows
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(src()).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Every first path element that follows `crate::` or stands in `crate::{...}` (a `use` may span lines).
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' => {}
                    c if depth == 1 => {
                        name.push(c);
                        continue;
                    }
                    _ => continue,
                }
                let first = name.trim().split("::").next().unwrap_or_default().trim().to_owned();
                if !first.is_empty() {
                    found.insert(first);
                }
                name.clear();
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn imports_follow_the_table() {
    let table = table();
    let mut files = Vec::new();
    rust_files(&src(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let module = module_of(&file);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = table.get(&module) else {
            wrong.push(format!("{}: `{module}` has no row in the table", file.display()));
            continue;
        };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let free = import == module || import == "units" || import == "text" || allowed.contains("*");
            if table.contains_key(&import) && !free && !allowed.contains(&import) {
                wrong.push(format!("{}: `{module}` may not import `{import}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn reads_imports_of_every_shape() {
    let found = imports(
        "use crate::wire::{A, b::C};\nuse crate::{ledger::View, swarm,\n  event::{x, y}};\n// crate::ui\nlet _ = crate::disk::open();",
    );
    let expected = ["wire", "ledger", "swarm", "event", "disk"];
    assert_eq!(found, expected.into_iter().map(String::from).collect());
}

#[test]
fn unsafe_stands_in_two_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "fuzz/src", "fuzz/fuzz_targets"] {
        // The fuzz targets are not packed with the crate.
        if root.join(folder).is_dir() || !folder.starts_with("fuzz") {
            rust_files(&root.join(folder), &mut files);
        }
    }
    // Not to be found in this file itself.
    let keyword = ["un", "safe"].concat();
    let mut with_unsafe: Vec<String> = files
        .iter()
        .filter(|file| {
            let text = fs::read_to_string(file).unwrap();
            let code = text.lines().filter_map(|line| line.split("//").next());
            code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
                .any(|word| word == keyword)
        })
        .map(|file| file.strip_prefix(root).unwrap().display().to_string())
        .collect();
    with_unsafe.sort();
    assert_eq!(with_unsafe, ["src/engine/sockopt.rs", "src/hash/x86.rs"]);
}
