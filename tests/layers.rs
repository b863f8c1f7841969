//! Holds the shape of `src/` against what the crate docs say: who imports whom, how far one type is spread, and how long
//! a file is.

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

/// More than this many files for the `impl`s of one type: it is several things, each of which wants a state and a name.
const MOST_FILES_OF_A_TYPE: usize = 4;

/// The files and folders of modules that are there for tests alone.
fn test_modules(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test") {
                continue;
            }
            let item = lines.find(|line| !line.starts_with("#[")).unwrap_or_default();
            let name = item.strip_suffix(';').and_then(|item| item.rsplit_once("mod ")).map(|(_, name)| name);
            let of_crate = ["lib.rs", "main.rs"].iter().any(|root| file.ends_with(root));
            let folder = if of_crate { src() } else { file.with_extension("") };
            found.extend(name.map(|name| folder.join(name)));
        }
    }
    found
}

/// Every file of `src/` that is not there for tests alone.
fn files_without_tests() -> Vec<PathBuf> {
    let mut files = Vec::new();
    rust_files(&src(), &mut files);
    let of_tests = test_modules(&files);
    files.retain(|file| !file.with_extension("").ancestors().any(|module| of_tests.contains(module)));
    assert!(of_tests.len() > 10 && files.len() > 100, "modules of tests were not told from others");
    files
}

/// The name of the type whose methods this line begins, where it does.
fn inherent_impl(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let after = match rest.strip_prefix('<') {
        Some(generics) => {
            let mut depth = 1;
            let end = generics.find(|c| {
                depth += i32::from(c == '<') - i32::from(c == '>');
                depth == 0
            })?;
            &generics[end + 1..]
        }
        None => rest,
    };
    let of_trait = after.contains(" for ");
    let path = after.trim().split(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).next()?;
    let name = path.rsplit("::").next().filter(|name| !name.is_empty())?;
    (after.starts_with(' ') && !of_trait).then_some(name)
}

/// The name of the type that this line declares, where it does.
fn declared(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
    let is_item = before.is_empty() || (before.starts_with("pub") && !before.contains("fn "));
    after.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|_| is_item)
}

#[test]
fn no_type_has_methods_in_more_than_four_files() {
    let files = files_without_tests();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let lines =
        || files.iter().zip(&texts).flat_map(|(file, text)| text.lines().map(move |line| (file, line)));
    let mut declarations: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
    for (file, line) in lines() {
        let Some(name) = declared(line) else { continue };
        declarations.entry(name).or_default().push(file);
    }
    // Several types have the same name: that one is meant which is declared nearest.
    let shared = |one: &Path, other: &Path| {
        one.components().zip(other.components()).take_while(|(a, b)| a == b).count()
    };
    let mut of_type: BTreeMap<(&PathBuf, &str), BTreeSet<&PathBuf>> = BTreeMap::new();
    for (file, line) in lines() {
        let Some(name) = inherent_impl(line) else { continue };
        let Some(declarations) = declarations.get(name) else { continue };
        let near = |at: &&&PathBuf| (**at == file, shared(&at.with_extension(""), &file.with_extension("")));
        let nearest = *declarations.iter().max_by_key(near).unwrap();
        of_type.entry((nearest, name)).or_default().insert(file);
    }
    assert!(of_type.len() > 200, "the methods of types were not found");
    let spread: Vec<String> = of_type
        .iter()
        .filter(|(_, files)| files.len() > MOST_FILES_OF_A_TYPE)
        .map(|((_, name), files)| format!("{name}: {files:#?}"))
        .collect();
    assert!(spread.is_empty(), "{}", spread.join("\n"));
}

#[test]
fn reads_methods_and_types_of_every_shape() {
    let impls = [
        "impl A {",
        "impl<'a, T: Into<B>> C<'a, T> {",
        "impl super::D {",
        "impl<T> E<T>",
        "impl F for G {",
        "implies",
        "    fn f()",
    ];
    let names = [Some("A"), Some("C"), Some("D"), Some("E"), None, None, None];
    assert_eq!(impls.map(inherent_impl), names);
    let types =
        ["pub(in crate::a) struct A<'a> {", "enum B {", "pub struct C;", "// a struct D", "    enum E {"];
    assert_eq!(types.map(declared), [Some("A"), Some("B"), Some("C"), None, None]);
}

/// More lines of code than this, tests, comments and blank lines aside: a file does several things.
const MOST_LINES_OF_CODE: usize = 500;
/// Half of all files have fewer lines than this, comments included, tests aside.
const MEDIAN_LINES: usize = 150;

/// The lines of a file but for what is compiled for tests alone.
fn without_tests(text: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test") {
            kept.push(line);
            continue;
        }
        let item = lines.find(|line| !line.starts_with("#[")).unwrap_or_default();
        if !item.ends_with([';', '}']) {
            lines.find(|line| *line == "}");
        }
    }
    kept
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

#[test]
fn no_file_is_long() {
    let texts: Vec<(PathBuf, String)> = files_without_tests()
        .into_iter()
        .map(|file| (file.clone(), fs::read_to_string(file).unwrap()))
        .collect();
    let lines = texts.iter().map(|(file, text)| (file, without_tests(text)));
    let mut lengths = Vec::new();
    let mut long = Vec::new();
    for (file, lines) in lines {
        lengths.push(lines.len());
        let code = lines.into_iter().filter(|line| is_code(line)).count();
        if code > MOST_LINES_OF_CODE {
            long.push(format!("{}: {code} lines of code", file.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    lengths.sort_unstable();
    assert!(lengths[lengths.len() / 2] < MEDIAN_LINES, "the median is {}", lengths[lengths.len() / 2]);
}

#[test]
fn lines_of_tests_are_told_from_others() {
    let text = "use a;\n\n#[cfg(test)]\nmod b;\n// c\n#[cfg(test)]\nimpl C {\n    fn d() {}\n}\nfn e() {}\n\
                #[cfg(all(test, unix))]\n#[allow(x)]\nmod tests {\n    mod f {\n    }\n}\n";
    let kept = without_tests(text);
    assert_eq!(kept, ["use a;", "", "// c", "fn e() {}"]);
    assert_eq!(kept.into_iter().filter(|line| is_code(line)).count(), 2);
}
