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
fn no_cause_below_the_funnel_gives_way_to_a_blank_row() {
    let mut told_apart = 0;
    for name in ["starting", "healthy", "slow", "stalled"] {
        let view = state(name);
        // The rows of each cause: what it means may go on further in.
        let causes = |shown: &[String]| {
            let is_cause = |row: &String| {
                let count: String = row.chars().take(9).collect();
                count.trim().parse::<u32>().is_ok()
            };
            let mut causes: Vec<usize> = Vec::new();
            for row in shown.iter().filter(|row| !row.is_empty()) {
                match causes.last_mut().filter(|_| !is_cause(row)) {
                    Some(rows) => *rows += 1,
                    None => causes.push(1),
                }
            }
            causes
        };
        let below = |rows_of: u16| -> Vec<String> {
            let shown = rows(&view, (120, rows_of));
            let from = shown.iter().position(|row| row.starts_with(" sending ")).unwrap() + 1;
            let to = shown.iter().position(|row| row.starts_with(" Pieces ")).unwrap();
            let left = |row: &String| row.chars().take(64).collect::<String>().trim_end().to_owned();
            // Where each step has a row for its words below its bar, the last one has, too.
            let from = if shown[from - 2].starts_with(" unchoked ") { from } else { from + 1 };
            shown[from..to].iter().map(left).collect()
        };
        let in_full = causes(&below(100));
        for rows_of in 34..60 {
            let shown = below(rows_of);
            let told = causes(&shown).len();
            let apart = shown.first().is_some_and(String::is_empty) && told > 0;
            told_apart += usize::from(apart);
            let would_fit = in_full.get(told) == Some(&1);
            assert!(!apart || !would_fit, "{name} {rows_of}: {in_full:?}\n{}", shown.join("\n"));
        }
    }
    assert!(told_apart > 0, "where nothing more would fit, a row keeps them apart from the steps");
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

/// A page by its name among all of them, in rows of text.
fn named(page: &str, view: &View, size: (u16, u16)) -> Vec<String> {
    let change = PAGES.iter().find(|(name, _)| *name == page).unwrap().1;
    of_page(view, size, change)
}

#[test]
fn the_page_of_the_torrent_has_its_files_its_sources_and_whose_data_it_is() {
    let view = sample::healthy();
    for size in [(120, 40), (200, 60)] {
        let shown = named("torrent", &view, size);
        let all = shown.join("\n");
        for title in
            ["Files ── 1 ─", "Sources ── ", "Received from each client ── ", "Received from each peer ── "]
        {
            assert!(all.contains(title), "{size:?}: {title}\n{all}");
        }
        let givers = view.peers.iter().filter(|peer| peer.down_bytes > 0);
        let listed = givers.clone().filter(|peer| all.contains(&peer.addr.to_string())).count();
        let blank = shown.iter().filter(|row| row.trim().is_empty()).count();
        assert!(blank == 0 && listed == givers.count(), "{size:?}: {blank} rows are blank\n{all}");
        assert!(
            shown.iter().any(|row| row.contains("debian-12.2.0") && row.contains('%') && row.contains('━'))
        );
        assert!(all.contains("shook hands"), "{all}");
    }
    let mut seeding = sample::moment("seeding");
    for peer in &mut seeding.peers {
        std::sync::Arc::make_mut(peer).down_bytes = 0;
    }
    let all = named("torrent", &seeding, (120, 40)).join("\n");
    assert!(all.contains("Sent to each peer"), "{all}");
    let all = named("torrent", &sample::moment("magnet"), (200, 60)).join("\n");
    assert!(
        all.contains("Metadata ── ") && all.contains("Log ── "),
        "who was asked has the rows to spare: {all}"
    );
}

#[test]
fn the_card_of_the_help_has_the_keys_beside_it_where_there_is_room() {
    let view = sample::healthy();
    for (size, beside) in [((120, 40), "Everywhere"), ((200, 60), "Columns of the lists")] {
        let shown = named("help", &view, size);
        let blank = shown.iter().filter(|row| row.trim().is_empty()).count();
        let all = shown.join("\n");
        assert_eq!(blank, 0, "{size:?}\n{all}");
        assert!(all.contains("The screens") && (all.contains(beside) || all.contains("more lines")), "{all}");
    }
    assert!(named("help", &view, (80, 24)).join("\n").contains("The screens"));
}

#[test]
fn what_a_source_did_stands_on_one_scale_over_the_whole_width() {
    let view = sample::healthy();
    for size in [(120, 40), (200, 60)] {
        for page in ["trackers", "tracker"] {
            let shown = named(page, &view, size);
            let all = shown.join("\n");
            for title in [" Announces ── ", " What became of its peers ── "] {
                assert!(
                    shown.iter().any(|row| row.starts_with(title) && row.ends_with("──")),
                    "{title}\n{all}"
                );
            }
            assert!(all.contains("two scales: "), "{all}");
            // However many are in a state, its bar is as long as its part of the bar of all.
            let bar = |word: &str| {
                let row =
                    shown.iter().find(|row| row.contains(word)).unwrap_or_else(|| panic!("{word}\n{all}"));
                let columns = row.chars().skip(25).take_while(|c| "█▉▊▋▌▍▎▏".contains(*c)).count();
                let count: usize = row.split_whitespace().next().unwrap().parse().unwrap();
                (columns, count)
            };
            let whole = shown.iter().find(|row| row.contains("   all ")).unwrap();
            let all_columns = whole.chars().count() - 25;
            let peers: usize = whole.split_whitespace().next().unwrap().parse().unwrap();
            assert!(all_columns + 28 >= usize::from(size.0), "{page} {size:?}: {all_columns}\n{all}");
            let (columns, count) = bar("● sending");
            let exact = all_columns as f64 * count as f64 / peers as f64;
            assert!((columns as f64 - exact).abs() <= 1.5, "{page} {size:?}: {columns}, {exact}\n{all}");
        }
    }
}

#[test]
fn the_text_of_why_goes_across_the_page() {
    let view = sample::stalled();
    let shown = named("why", &view, (140, 40));
    let longest = shown.iter().skip(3).map(|row| crate::ui::paint::width(row)).max().unwrap();
    assert!(longest > 110, "{longest}\n{}", shown.join("\n"));
}

#[test]
fn two_that_hold_a_piece_stand_beside_each_other() {
    let view = sample::healthy();
    for size in [(120, 40), (200, 60)] {
        let shown = of_page(&view, size, |model| {
            model.screen = Screen::Pieces;
            model.piece = sample::arriving_piece();
        });
        let holders = |row: &&String| row.matches("iB/s").count() + row.matches(" B/s").count() >= 2;
        assert!(shown.iter().any(|row| holders(&row)), "{size:?}\n{}", shown.join("\n"));
    }
}

#[test]
fn the_graph_of_a_peer_has_scales_of_time_and_of_rate() {
    let view = sample::healthy();
    for size in [(120, 40), (200, 60)] {
        let giver = view.peers.iter().max_by_key(|peer| peer.rates.down_bps).unwrap().key;
        let shown = of_page(&view, size, |model| {
            model.selected = Some(giver);
            model.open.push(Mode::Peer { bytes: false });
        });
        let all = shown.join("\n");
        let axis = shown.iter().find(|row| row.ends_with("now")).unwrap_or_else(|| panic!("{all}"));
        assert!(axis.contains("-10s"), "{all}");
        let peak = shown.iter().find_map(|row| row.split("peak ").nth(1)).unwrap();
        let peak: Vec<&str> = peak.split_whitespace().take(2).collect();
        assert!(all.contains(&format!("{} │", peak.join(" "))), "{peak:?}\n{all}");
        assert!(all.contains(" 0 │"), "{all}");
    }
}

#[test]
fn the_pieces_of_the_selected_file_fill_the_rows_below_the_list_and_say_what_they_mean() {
    let mut view = sample::healthy();
    let facts = std::sync::Arc::make_mut(&mut view.torrent).metadata.as_mut().unwrap();
    facts.geometry = crate::metainfo::Geometry::new(300 * 262_144, 262_144).unwrap();
    std::sync::Arc::make_mut(&mut view.pieces).states.truncate(300);
    std::sync::Arc::make_mut(&mut view.pieces).held_by.truncate(300);
    let mut file = facts.files[0].clone();
    file.length_bytes = 50 * 262_144;
    facts.files = (0..6)
        .map(|number| {
            let mut file = file.clone();
            file.path = format!("file {number}");
            file.offset_bytes = number * file.length_bytes;
            file
        })
        .collect();
    for size in [(120, 40), (200, 60)] {
        let shown = named("files", &view, size);
        let all = shown.join("\n");
        assert!(all.contains("verified") && all.contains("missing") && all.contains("cell"), "{all}");
        let blank = shown.iter().filter(|row| row.trim().is_empty()).count();
        assert!(blank <= usize::from(size.1) / 6, "{size:?}: {blank} rows are blank\n{all}");
    }
}

#[test]
fn what_keys_do_here_and_what_they_do_everywhere_stand_two_columns_apart() {
    let view = sample::healthy();
    for (page, change) in PAGES {
        for columns in 30..=200 {
            let mut model = model(Look::default(), (columns, 24), &view);
            change(&mut model);
            let keys = text_rows(&drawn(&model, &view)).pop().unwrap();
            for word in ["w why", "/ filter", "? keys", "q quit", "q close"] {
                let before = keys.find(word).map_or("", |at| &keys[..at]);
                let apart = before.trim().is_empty() || before.ends_with("  ") || before.ends_with("· ");
                assert!(apart, "{page} {columns}: {word}\n{keys}");
            }
        }
    }
}

#[test]
fn a_page_of_words_has_the_numbers_in_the_rows_that_it_leaves() {
    for (moment, size) in [("healthy", (120, 40)), ("stalled", (120, 40)), ("healthy", (200, 60))] {
        let view = sample::moment(moment);
        for (page, expected) in [("why", "Where peers drop off ─"), ("tracker", " Log ─")] {
            let shown = named(page, &view, size);
            let all = shown.join("\n");
            assert!(all.contains(expected), "{moment} {page} {size:?}\n{all}");
            let blank = shown.iter().rev().take_while(|row| row.trim().is_empty()).count();
            assert!(blank < 3, "{moment} {page} {size:?}: {blank} rows are blank at the end\n{all}");
        }
    }
}

#[test]
fn the_page_of_a_peer_that_sends_nothing_shows_what_it_could_send() {
    let view = sample::healthy();
    let choked = view.peers.iter().find(|peer| {
        let some = peer.has.as_ref().is_some_and(|has| !has.is_empty() && !has.is_full());
        peer.is_live() && peer.recent.seconds().is_empty() && some
    });
    let key = choked.expect("a peer that has some pieces and sent none").key;
    for size in [(120, 40), (200, 60)] {
        let shown = of_page(&view, size, |model| {
            model.selected = Some(key);
            model.open.push(Mode::Peer { bytes: false });
        });
        let all = shown.join("\n");
        let grid = shown
            .iter()
            .position(|row| row.starts_with(" Its pieces ── "))
            .unwrap_or_else(|| panic!("{all}"));
        assert!(shown[grid].contains("that we lack"), "{all}");
        assert!(shown[grid + 1].contains(['█', '▓', '▒']) && all.contains("and we lack of it"), "{all}");
    }
}

#[test]
fn in_many_columns_what_is_judged_stands_beside_the_rate() {
    for (name, beside) in [("healthy", true), ("paused", true), ("seeding", true), ("stalled", false)] {
        let view = sample::moment(name);
        let shown = rows(&view, (200, 60));
        let judged: String = view.verdicts[0].text.chars().take(8).collect();
        let at = shown.iter().position(|row| row.contains(&judged)).unwrap();
        let column = shown[at].chars().take_while(|c| *c == ' ').count();
        assert_eq!(at == 2 && column < 2, beside, "{name}: row {at}\n{}", shown[..8].join("\n"));
    }
}

#[test]
fn no_outcome_of_a_source_gives_way_to_a_blank_row() {
    let view = sample::healthy();
    for height in 16..=40 {
        let shown = named("trackers", &view, (80, height));
        let all = shown.join("\n");
        let from = shown.iter().position(|row| row.starts_with(" What became of its peers"));
        let blank = from.map_or(0, |from| shown[..from].iter().filter(|row| row.trim().is_empty()).count());
        assert!(blank == 0 || !all.contains(" others"), "{height}\n{all}");
    }
}

#[test]
fn the_legend_of_the_pieces_of_a_file_names_all_of_them_in_eighty_columns() {
    let mut view = sample::many_files();
    let mut choice = crate::metainfo::Choice::everything(view.torrent.files().len());
    choice.set(0, crate::metainfo::FilePriority::Skip);
    view.choice = Some(std::sync::Arc::new(choice));
    let pieces = view.pieces.states.len();
    std::sync::Arc::make_mut(&mut view.pieces).wanted_bytes = Some(vec![1; pieces].into());
    let shown = of_page(&view, (80, 40), |model| {
        model.screen = Screen::Files;
        model.take_in(&view);
    });
    let all = shown.join("\n");
    for word in ["verified", "partly", "arriving", "missing", "no peer", "failed", "skipped"] {
        assert!(all.contains(word), "{word}\n{all}");
    }
}
