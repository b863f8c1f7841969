//! How the overview shares its rows: all of them say something, and nothing moves that need not.

use super::*;

/// A moment by its name, or the healthy one with a single peer.
fn state(name: &str) -> View {
    let mut view = sample::moment(if name == "one peer" { "starting" } else { name });
    if name == "one peer" {
        view.peers.truncate(1);
    }
    view
}

const STATES: [&str; 10] = [
    "checking", "starting", "one peer", "healthy", "slow", "stalled", "paused", "stopped", "complete",
    "seeding",
];

/// Rows of the overview in which nothing stands, the key line left out.
fn blank_rows(view: &View, size: (u16, u16)) -> Vec<usize> {
    let mut shown = rows(view, size);
    shown.pop();
    shown.iter().enumerate().filter(|(_, row)| row.trim().is_empty()).map(|(at, _)| at).collect()
}

#[test]
fn no_row_of_the_overview_is_blank_in_any_state() {
    for name in STATES {
        let view = state(name);
        for size in [(80, 24), (100, 30), (120, 40), (200, 60)] {
            let blank = blank_rows(&view, size);
            assert!(blank.is_empty(), "{name} {size:?}: {blank:?}\n{}", rows(&view, size).join("\n"));
        }
    }
}

#[test]
fn from_twenty_by_five_to_three_hundred_by_a_hundred_all_rows_are_used() {
    for name in ["starting", "one peer", "healthy", "stalled", "complete"] {
        let view = state(name);
        for columns in (20..=300).step_by(28) {
            for height in (5..=100).step_by(6) {
                let blank = blank_rows(&view, (columns, height));
                let shown = || rows(&view, (columns, height)).join("\n");
                assert!(blank.is_empty(), "{name} {columns}×{height}: {blank:?}\n{}", shown());
            }
        }
    }
}

#[test]
fn nothing_moves_where_a_line_of_what_is_judged_comes_or_goes() {
    for name in STATES {
        let view = state(name);
        let mut fewer = view.clone();
        fewer.verdicts.truncate(1);
        for size in [(40, 10), (60, 30), (80, 24), (100, 30), (120, 40), (200, 60)] {
            let place = |view: &View| {
                let shown = rows(view, size);
                let at = |word: &str| shown.iter().position(|row| row.starts_with(word));
                [" Where peers drop off", " known", " Pieces", " Complete", " Peers ─", " Log ─"].map(at)
            };
            assert_eq!(place(&view), place(&fewer), "{name} {size:?}");
        }
    }
}

#[test]
fn the_graph_has_a_third_of_the_height_where_there_is_room() {
    for size in [(120, 40), (200, 60)] {
        let shown = rows(&sample::healthy(), size);
        let from = shown.iter().position(|row| row.contains("Speed ──")).unwrap();
        let to = shown.iter().position(|row| row.starts_with(" Pieces ──")).unwrap();
        assert_eq!(to - from, usize::from(size.1 / 3), "{size:?}\n{}", shown.join("\n"));
    }
}
