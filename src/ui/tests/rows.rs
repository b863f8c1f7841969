//! How screens share their rows: all of them say something, and nothing moves that need not.

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
    // In 40 rows a step of the funnel has one, for what that saves shows more peers.
    for (size, expected) in [((120, 40), 10), ((200, 60), 20)] {
        let shown = rows(&sample::healthy(), size);
        let from = shown.iter().position(|row| row.contains("Speed ──")).unwrap();
        let to = shown.iter().position(|row| row.starts_with(" Pieces ──")).unwrap();
        assert_eq!(to - from, expected, "{size:?}\n{}", shown.join("\n"));
    }
}

#[test]
fn the_first_row_of_each_live_state_is_seen_however_many_send() {
    let shown = rows(&sample::healthy(), (120, 40)).join("\n");
    for state in ["● sending", "○ unchoked", "◐ choked"] {
        assert!(shown.contains(state), "{state}\n{shown}");
    }
}

const TALL: [(u16, u16); 3] = [(120, 40), (200, 60), (300, 100)];

/// Rows of a page as text, its key line left out.
fn of_page(view: &View, size: (u16, u16), change: impl Fn(&mut Model)) -> Vec<String> {
    let mut model = model(Look::default(), size, view);
    change(&mut model);
    let mut shown = text_rows(&drawn(&model, view));
    shown.pop();
    shown
}

#[test]
fn a_page_of_a_peer_leaves_no_row_blank_while_something_is_cut_or_could_be_larger() {
    for name in ["healthy", "stalled", "seeding", "barred"] {
        let view = sample::moment(name);
        for size in TALL {
            for peer in view.peers.iter().step_by(6) {
                let shown = of_page(&view, size, |model| {
                    model.selected = Some(peer.key);
                    model.open.push(Mode::Peer { bytes: false });
                });
                let blank = shown.iter().skip(2).filter(|row| row.trim().is_empty()).count();
                let all = shown.join("\n");
                let graphs = shown.iter().any(|row| row.contains("peak"));
                assert!(blank == 0 || !graphs, "{name} {size:?}: {blank} rows are blank\n{all}");
                let cut =
                    all.contains("more line") || all.contains('…') && !all.contains("IT SENT  68 bytes");
                let bytes = peer.attempts.iter().any(|attempt| attempt.received.len() == 68);
                assert!(blank < 13 || !cut || !bytes, "{name} {size:?}: {blank} rows are blank\n{all}");
            }
        }
    }
}

#[test]
fn what_is_known_of_a_piece_is_shown_at_large_where_rows_are_left() {
    for name in ["healthy", "barred", "seeding"] {
        let view = sample::moment(name);
        for size in TALL {
            for piece in [0, 7000, sample::arriving_piece()] {
                let shown = of_page(&view, size, |model| {
                    model.screen = Screen::Pieces;
                    model.piece = piece;
                });
                let from = shown.iter().position(|row| row.starts_with(" Piece ")).unwrap();
                let (below, all) = (&shown[from + 1..], shown.join("\n"));
                let free = below.iter().filter(|row| row.trim().is_empty()).count();
                let said = below.join("\n");
                assert!(free == 0 || !said.contains(" more"), "{name} {size:?}\n{all}");
                let index = view.torrent.piece(piece).unwrap();
                let holds = |peer: &&std::sync::Arc<crate::ledger::PeerRecord>| {
                    peer.is_live() && peer.has.as_ref().is_some_and(|has| has.has(index))
                };
                for peer in view.peers.iter().filter(holds) {
                    let client = peer.client.as_deref().unwrap_or("–");
                    let client: String = client.chars().take(12).collect();
                    assert!(free == 0 || said.contains(&client), "{name} {size:?}: {client}\n{all}");
                }
            }
        }
    }
}

#[test]
fn the_columns_of_the_lists_are_told_below_them_only_where_they_are_cut() {
    let view = sample::healthy();
    let shown = of_page(&view, (120, 40), |model| {
        model.screen = Screen::Peers;
        model.open.push(Mode::Columns);
    });
    let first = "what it is doing, or why it is not";
    assert_eq!(shown.iter().filter(|row| row.contains(first)).count(), 1, "{}", shown.join("\n"));
}
