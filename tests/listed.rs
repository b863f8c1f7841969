//! Holds the table in `tests/README.md` against the tests there are: what it names must exist.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its input has failed")]

use std::fs;
use std::path::Path;

fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// Whether there is a test of this name, as the table writes it.
fn exists(file: &str, name: &str) -> bool {
    if file == "interop" {
        let [cases, clients, way_in, local, over_utp, holepunch, web_seeds, wire] =
            ["cases", "clients", "way_in", "local", "over_utp", "holepunch", "web_seeds", "wire"]
                .map(|file| read(&format!("tests/interop/{file}.rs")).unwrap());
        let prefixes = [
            "downloads_from_",
            "seeds_to_",
            "checks_",
            "finds_peers_through_",
            "names_peers_to_",
            "finds_in_dht_",
            "found_in_dht_by_",
            "finds_on_network_",
            "found_on_network_by_",
            "magnet_from_",
            "magnet_to_",
            "downloads_over_utp_from_",
            "seeds_over_utp_to_",
        ];
        let of_client = prefixes.into_iter().any(|prefix| {
            name.strip_prefix(prefix).is_some_and(|client| {
                let case = format!("\"{prefix}{{name}}\"");
                clients.contains(&format!("\"{client}\""))
                    && [&cases, &local, &over_utp].iter().any(|text| text.contains(&case))
            })
        });
        return of_client
            || [cases, way_in, local, over_utp, holepunch, web_seeds, wire]
                .iter()
                .any(|text| text.contains(&format!("\"{name}\"")));
    }
    [format!("tests/{file}.rs"), format!("src/{file}.rs")]
        .iter()
        .filter_map(|path| read(path))
        .any(|text| text.contains(&format!("fn {name}(")))
}

#[test]
fn every_test_the_table_names_exists() {
    let table = read("tests/README.md").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let named: Vec<&str> = rows.flat_map(|row| row.split('`')).filter(|text| text.contains("::")).collect();
    assert!(named.len() > 100, "the table was not found");
    let missing: Vec<_> = named
        .into_iter()
        .filter(|named| named.rsplit_once("::").is_none_or(|(file, name)| !exists(file, name)))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
