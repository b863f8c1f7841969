//! A day of peers that come and go, over the decisions and the ledger: what they keep does not grow.
//!
//! The allocator counts for the whole process, so it is measured in a process that does nothing else.

use std::alloc::System;
use std::process::{Command, Stdio};
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::ledger::Ledger;
use crate::ledger::script::facts_of;
use crate::swarm::Churn;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NAME: &str = "engine::churn::a_day_of_peers_that_come_and_go_leaves_memory_and_tables_as_they_were";
const ALONE: &str = "TTUI_CHURN_ALONE";
const HOURS: &str = "TTUI_CHURN_HOURS";
const MIB: usize = 1 << 20;
/// Rows kept in a short run, of each hour in a long one, and in a day or more: rows, and the sixteen times as many that
/// are remembered without one, must be full before the last third. Eight thousand peers come in an hour.
const FEW_ROWS: usize = 500;
const ROWS_AN_HOUR: usize = 150;
const MOST_ROWS: usize = 20_000;
const STEPS: u32 = 24;

#[test]
fn a_day_of_peers_that_come_and_go_leaves_memory_and_tables_as_they_were() {
    if std::env::var_os(ALONE).is_some() {
        return churn();
    }
    let mut alone = Command::new(std::env::current_exe().expect("this program"));
    alone.args(["--exact", NAME, "--nocapture", "--test-threads", "1"]).env(ALONE, "1");
    if std::env::var_os(HOURS).is_some() {
        // Long runs are watched.
        alone.stderr(Stdio::inherit());
    }
    let output = alone.output().expect("this program starts again");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    eprintln!("{said}");
}

fn churn() {
    let hours = std::env::var(HOURS).ok().map(|hours| hours.parse::<u64>().expect("hours"));
    let (time, rows) = match hours {
        Some(hours) => {
            let rows = if hours < 24 { ROWS_AN_HOUR * hours as usize } else { MOST_ROWS };
            (Duration::from_secs(hours * 3600), rows)
        }
        None => (Duration::from_secs(1200), FEW_ROWS),
    };
    let mut churn = Churn::new(1, rows);
    let mut ledger = Ledger::with_most_rows(facts_of(churn.geometry()), rows);
    let region = Region::new(ALLOCATOR);
    let mut looks: Vec<(isize, usize)> = Vec::new();
    eprintln!("{:>8} {:>10} {:>8}  tables", "hours", "KiB", "rows");
    for step in 1..=STEPS {
        churn.run(time / STEPS, |at, event| ledger.apply(at, event));
        let passed = time / STEPS * step;
        let view = ledger.view(passed);
        let shown = view.peers.len();
        drop(view);
        let used = region.change();
        let bytes = used.bytes_allocated as isize - used.bytes_deallocated as isize;
        let tables = churn.sizes();
        eprintln!("{:>8.2} {:>10} {shown:>8}  {tables:?}", passed.as_secs_f64() / 3600.0, bytes / 1024);
        assert!(shown <= rows, "{shown} rows");
        looks.push((bytes, tables.iter().map(|(_, size)| size).sum()));
    }
    // The tables are full after a third of the time; what swings with the swarm goes up and down.
    let third = looks.len() / 3;
    let most = |looks: &[(isize, usize)]| {
        let bytes = looks.iter().map(|(bytes, _)| *bytes).max().unwrap_or(0);
        (bytes, looks.iter().map(|(_, tables)| *tables).max().unwrap_or(0))
    };
    let ((bytes, tables), (bytes_after, tables_after)) =
        (most(&looks[third..2 * third]), most(&looks[2 * third..]));
    eprintln!("memory: {} -> {} KiB, entries: {tables} -> {tables_after}", bytes / 1024, bytes_after / 1024);
    assert!(bytes_after <= bytes + bytes / 20 + MIB as isize / 2, "memory grows");
    assert!(tables_after <= tables + tables / 20 + 100, "tables grow");
}
