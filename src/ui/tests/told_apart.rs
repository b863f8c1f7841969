//! Without colours, and without anything but ASCII, nothing is lost: whatever can be told apart has a glyph, a word or
//! an attribute of its own.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use ratatui::style::Modifier;

use super::*;
use crate::event::{Announced, Severity, TrackerError};
use crate::ledger::{Group, LogLine, PieceState, TrackerStatus};
use crate::metainfo::{Choice, FilePriority, Geometry};
use crate::ui::action::Action;
use crate::ui::funnel::Funnel;
use crate::ui::mouse::Target;
use crate::ui::piece_map::Layer;
use crate::ui::theme::{Palette, Scheme};
use crate::ui::update;
use crate::ui::widgets::mosaic::{self, Letters};
use crate::ui::words::Standing;

/// The looks without colour.
fn bare() -> [Look; 2] {
    [look(Colours::None, Glyphs::Braille), look(Colours::None, Glyphs::Ascii)]
}

/// What can be seen of some cells without any colour: their symbols, and bold, dim or reverse.
fn seen(buf: &Buffer, columns: std::ops::Range<u16>, row: u16) -> Vec<(String, Modifier)> {
    let cell = |x| &buf[(x, row)];
    columns.map(|x| (cell(x).symbol().to_owned(), cell(x).modifier)).collect()
}

/// Fails where two of them look alike.
fn all_differ<T: Debug>(shown: Vec<(T, Vec<(String, Modifier)>)>) {
    let mut known: HashMap<String, String> = HashMap::new();
    for (what, look) in shown {
        let (what, key) = (format!("{what:?}"), format!("{look:?}"));
        assert!(!look.iter().all(|(symbol, _)| symbol.trim().is_empty()), "{what} shows nothing");
        if let Some(other) = known.insert(key, what.clone()) {
            panic!("{other} and {what} look alike: {look:?}");
        }
    }
}

/// The row of the first line that has these words, and the column in which they begin.
fn place_of(buf: &Buffer, words: &str) -> (u16, u16) {
    let rows = text_rows(buf);
    let found = rows.iter().zip(0..).find_map(|(row, y)| {
        let at = row.find(words)?;
        Some((crate::ui::paint::width(&row[..at]) as u16, y))
    });
    found.unwrap_or_else(|| panic!("{words} is not shown:\n{}", rows.join("\n")))
}

#[test]
fn every_state_of_a_peer() {
    for look in bare() {
        let shown = sample::one_of_each().into_iter().map(|(view, key)| {
            let mut model = model(look, (120, 60), &view);
            model.screen = Screen::Peers;
            // What is selected is bold all over.
            model.selected = None;
            let mut buf = Buffer::empty(Rect::new(0, 0, 120, 60));
            let area = buf.area;
            let targets = draw(&mut buf, area, &model, &view);
            let row = (0..area.height).find(|y| targets.at(20, *y) == Some(Target::Peer(key)));
            let row = row.expect("the peer has a row");
            let peer = crate::ui::model::peer(&view, key).unwrap();
            (Standing::of(peer, view.at), seen(&buf, 1..13, row))
        });
        all_differ(shown.collect());
    }
}

#[test]
fn every_kind_of_cell_of_the_pieces() {
    use PieceState::{Arriving, Failed, Good, Missing};
    let cells = [
        ("all good", [Good, Good, Good], 1),
        ("over half good", [Good, Good, Missing], 1),
        ("over half good, and more arriving", [Good, Good, Arriving], 1),
        ("some good", [Good, Missing, Missing], 1),
        ("some good, and more arriving", [Good, Arriving, Missing], 1),
        ("arriving", [Missing, Arriving, Missing], 1),
        ("missing", [Missing; 3], 1),
        ("no peer has it", [Missing; 3], 0),
        ("failed its check", [Missing, Failed, Missing], 1),
        ("skipped", [Missing; 3], 1),
    ];
    let mut view = sample::healthy();
    Arc::make_mut(&mut view.torrent).metadata.as_mut().unwrap().geometry =
        Geometry::new(cells.len() as u64 * 3 * 16_384, 16_384).unwrap();
    let map = Arc::make_mut(&mut view.pieces);
    map.states = cells.iter().flat_map(|(_, states, _)| *states).collect();
    map.held_by = cells.iter().flat_map(|(_, _, held_by)| [*held_by; 3]).collect();
    map.seeds = 0;
    let skips = |(what, ..): &(&str, [PieceState; 3], u16)| *what == "skipped";
    map.wanted_bytes = Some(cells.iter().flat_map(|cell| [u32::from(!skips(cell)); 3]).collect());
    for look in bare() {
        let area = Rect::new(1, 0, cells.len() as u16, 2);
        let mut buf = Buffer::empty(Rect::new(0, 0, area.right(), 2));
        mosaic::draw(
            &mut crate::ui::paint::Pen::new(&mut buf, area, &look),
            Rect { height: 1, ..area },
            &view,
        );
        if look.is_ascii() {
            crate::ui::theme::to_ascii(&mut buf, area);
        }
        let shown = cells.iter().zip(1..).map(|((what, ..), x)| (*what, seen(&buf, x..x + 1, 0)));
        all_differ(shown.collect());
    }
}

#[test]
fn however_much_a_file_is_wanted() {
    use FilePriority::{High, Low, Normal, Skip};
    let mut view = sample::many_files();
    let files = view.torrent.files().len();
    for (look, size) in bare().into_iter().flat_map(|look| [(look, (120, 30)), (look, (60, 30))]) {
        let shown = [Skip, Low, Normal, High].map(|priority| {
            let mut choice = Choice::everything(files);
            (choice.sequential, _) = (true, choice.set(0, priority));
            view.choice = Some(Arc::new(choice));
            let mut model = model(look, size, &view);
            model.screen = Screen::Files;
            model.take_in(&view);
            let buf = drawn(&model, &view);
            let (_, row) = place_of(&buf, "01 From");
            let (_, folder) = place_of(&buf, "Season 1/");
            let says_mixed = text_rows(&buf)[usize::from(folder)].contains("mixed");
            assert_eq!(says_mixed, priority != Normal, "the folder of files that differ");
            (priority, seen(&buf, 0..size.0, row))
        });
        all_differ(shown.into());
    }
}

/// The glyphs of a legend, each as it looks.
fn glyphs_of(look: Look, legend: &mosaic::Legend) -> Vec<(String, Vec<(String, Modifier)>)> {
    let glyphs = legend.entries().flat_map(|(glyphs, [means, _])| {
        glyphs.iter().map(move |(glyph, role)| (format!("{means} {glyph}"), *glyph, *role))
    });
    let drawn = |symbol: &str, role| {
        let area = Rect::new(0, 0, 1, 1);
        let mut buf = Buffer::empty(area);
        crate::ui::paint::Pen::new(&mut buf, area, &look).dot(0, 0, symbol, role);
        if look.is_ascii() {
            crate::ui::theme::to_ascii(&mut buf, area);
        }
        seen(&buf, 0..1, 0)
    };
    glyphs.map(|(what, glyph, role)| (what, drawn(glyph, role))).collect()
}

#[test]
fn every_cell_of_every_layer_of_the_pieces() {
    for moment in ["healthy", "barred", "seeding"] {
        let view = sample::moment(moment);
        for look in bare() {
            let model = model(look, (120, 40), &view);
            let letters = Letters::of(&view, &model.hues, &look);
            for layer in [Layer::State, Layer::Availability, Layer::Provenance, Layer::Age] {
                let legend = mosaic::legend(layer, &letters, |peer| format!("{peer:?}"));
                all_differ(glyphs_of(look, &legend));
            }
        }
    }
}

#[test]
fn every_cell_of_the_pieces_of_one_peer() {
    for look in bare() {
        all_differ(glyphs_of(look, &mosaic::legend_of_one()));
    }
}

#[test]
fn every_peer_with_a_hue_has_its_letter_in_its_row_and_on_the_pieces() {
    let view = sample::healthy();
    for look in bare() {
        let mut model = model(look, (120, 60), &view);
        (model.screen, model.selected) = (Screen::Peers, None);
        let mut buf = Buffer::empty(Rect::new(0, 0, 120, 60));
        let area = buf.area;
        let targets = draw(&mut buf, area, &model, &view);
        let row_of = |key| (0..area.height).find(|y| targets.at(20, *y) == Some(Target::Peer(key))).unwrap();
        let letters: Vec<String> =
            model.hues.peers().map(|(_, key)| buf[(2, row_of(key))].symbol().to_owned()).collect();
        assert_eq!(letters, ["A", "B", "C", "D", "E", "F", "G", "H"][..letters.len()]);
        assert!(letters.len() >= 5, "{letters:?}");
        let of_pieces = Letters::of(&view, &model.hues, &look);
        let legend = mosaic::legend(Layer::Provenance, &of_pieces, |peer| format!("{peer:?}"));
        for (glyphs, [means, _]) in legend.entries() {
            if let Some((number, key)) = model.hues.peers().find(|(_, key)| format!("{key:?}") == means) {
                assert_eq!(glyphs[0].0, letters[usize::from(number)], "{key:?}");
            }
        }
    }
}

#[test]
fn every_state_of_a_tracker() {
    let error = |error| TrackerStatus::Failed(error, "its own words".to_owned());
    let mut states = vec![TrackerStatus::Pending, TrackerStatus::Ok(Announced::default())];
    states.extend(TrackerError::ALL.iter().map(|failed| error(*failed)));
    for look in bare() {
        let shown = states.iter().map(|status| {
            let mut view = sample::healthy();
            view.trackers.truncate(1);
            Arc::make_mut(&mut view.trackers[0]).status = status.clone();
            let mut model = model(look, (120, 40), &view);
            model.screen = Screen::Trackers;
            let buf = drawn(&model, &view);
            let (x, head) = place_of(&buf, "LAST ANSWER");
            (status.clone(), seen(&buf, x - 2..x + 13, head + 1))
        });
        all_differ(shown.collect());
    }
}

#[test]
fn every_severity_of_a_line() {
    let severities = [Severity::Good, Severity::Info, Severity::Warn, Severity::Error];
    let mut view = sample::healthy();
    let line = |severity: &Severity| LogLine {
        at: Duration::ZERO,
        severity: *severity,
        text: format!("a line of {severity:?}"),
        peer: None,
    };
    view.log = Arc::new(severities.iter().map(line).collect());
    for look in bare() {
        let mut model = model(look, (80, 24), &view);
        model.screen = Screen::Log;
        let buf = drawn(&model, &view);
        let shown = severities.iter().map(|severity| {
            let (x, row) = place_of(&buf, &format!("a line of {severity:?}"));
            (*severity, seen(&buf, x - 2..x, row))
        });
        all_differ(shown.collect());
    }
}

/// The head of a screen: the state, without the numbers in it.
fn head(buf: &Buffer) -> Vec<(String, Modifier)> {
    let rows = text_rows(buf);
    let state =
        rows[0].trim().split("    ").map(str::trim).filter(|part| !part.is_empty()).nth(1).unwrap_or("");
    let (x, row) = place_of(buf, state);
    let cells = seen(buf, x..x + crate::ui::paint::width(state) as u16, row);
    cells.into_iter().filter(|(symbol, _)| !symbol.chars().all(|c| c.is_ascii_digit())).collect()
}

#[test]
fn every_state_of_the_whole() {
    for look in bare() {
        let mut shown = Vec::new();
        for moment in ["checking", "preparing", "healthy", "slow", "stalled", "paused", "stopped", "seeding"]
        {
            let view = sample::moment(moment);
            let mut model = model(look, (160, 40), &view);
            shown.push((moment, head(&drawn(&model, &view))));
            if moment == "healthy" {
                update(&mut model, Action::Freeze, &view);
                shown.push(("held", head(&drawn(&model, &view))));
                model.held = None;
                let mut recorded = view.clone();
                recorded.recording = true;
                shown.push(("recording", head(&drawn(&model, &recorded))));
                let mut replayed = crate::ui::replay::tests::standing(&view);
                (replayed.look, replayed.size) = (look, (160, 40));
                shown.push(("replay", head(&drawn(&replayed, &view))));
            }
        }
        all_differ(shown);
    }
}

#[test]
fn a_torrent_of_which_every_file_is_skipped_neither_seeds_nor_is_whole() {
    let mut view = sample::moment("seeding");
    (view.wanted_bytes, view.have_bytes, view.wanted_files) = (Some(0), 0, Some(0));
    assert!(view.wants_nothing());
    for look in bare().into_iter().chain([Look::default()]) {
        for size in SIZES {
            let rows = text_rows(&drawn(&model(look, size, &view), &view));
            assert!(rows[0].contains("nothing wanted"), "{size:?}: {}", rows[0]);
            let head = rows[..2].join(" ");
            assert!(!head.contains("seeding") && !head.contains("100 %"), "{size:?}: {head}");
        }
    }
}

#[test]
fn every_group_of_peers() {
    let view = sample::moment("barred");
    for look in bare() {
        let mut model = model(look, (120, 40), &view);
        model.screen = Screen::Peers;
        let rows = text_rows(&drawn(&model, &view));
        for group in ["live", "trying", "failed", "gone", "queued", "banned"] {
            assert!(rows[2].contains(group), "{group}: {}", rows[2]);
        }
        model.shown = crate::ui::model::Shown::Of(Group::Failed);
        assert!(
            text_rows(&drawn(&model, &view))[2].contains("[failed"),
            "the tab that is shown stands in brackets"
        );
    }
}

#[test]
fn the_selected_row_of_every_list_from_the_first_column_to_the_last() {
    let view = sample::moment("slow");
    let colours = [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None];
    let all = Scheme::ALL.into_iter().flat_map(|scheme| colours.map(|colours| (scheme, colours)));
    for (scheme, colours) in all {
        let look = Look { colours, palette: Palette::of(scheme), ..Look::default() };
        for page in ["overview", "peers", "trackers", "files", "log", "columns"] {
            for size in [(80, 24), (120, 40), (200, 60)] {
                let mut model = model(look, size, &view);
                PAGES.iter().find(|(name, _)| *name == page).unwrap().1(&mut model);
                let buf = drawn(&model, &view);
                let rows = text_rows(&buf);
                let marked = rows.iter().position(|row| row.chars().take(2).any(|c| c == '▸'));
                let y = marked.unwrap_or_else(|| panic!("{page} {size:?}: no mark")) as u16;
                let style = |x, y| (buf[(x, y)].bg, buf[(x, y)].modifier.contains(Modifier::REVERSED));
                let plain = style(size.0 - 1, 0);
                let bar_at = |x| (0..size.1).filter(|row| style(x, *row) != plain).collect::<Vec<u16>>();
                let bar = bar_at(size.0 - 1);
                assert_eq!(bar_at(0), bar, "{scheme:?} {colours:?} {page} {size:?}");
                // What was selected of the log has as many rows as it needs.
                let all: Vec<u16> = (y..y + bar.len() as u16).collect();
                assert!(!bar.is_empty() && bar.len() < 6, "{scheme:?} {colours:?} {page} {size:?}: {bar:?}");
                assert_eq!(bar, all, "{scheme:?} {colours:?} {page} {size:?}");
            }
        }
    }
}

#[test]
fn the_step_of_the_funnel_that_is_picked() {
    let view = sample::healthy();
    for look in bare().into_iter().chain([Look::default()]) {
        for size in SIZES {
            let mut model = model(look, size, &view);
            (model.panel, model.step) = (Panel::Funnel, (4, 0));
            let buf = drawn(&model, &view);
            let rows = text_rows(&buf);
            let is_it = |row: &&String| row.contains(Funnel::Fetching.step(4)) && !row.contains("drop off");
            let y = rows.iter().position(|row| is_it(&row)).unwrap_or_else(|| panic!("{size:?}"));
            let before = rows[y].find(Funnel::Fetching.step(4)).unwrap();
            let (x, y) = (crate::ui::paint::width(&rows[y][..before]) as u16, y as u16);
            let style = |y| (buf[(x, y)].bg, buf[(x, y)].modifier.contains(Modifier::REVERSED));
            assert_ne!(style(y), style(0), "{look:?} {size:?}\n{}", rows.join("\n"));
        }
    }
}

#[test]
fn which_of_how_many_rows_is_selected_stands_on_the_rule_of_every_list() {
    let view = sample::moment("slow");
    for (page, title) in
        [("peers", " Peers ─"), ("trackers", " Sources ─"), ("files", " Files ─"), ("log", " Log ─")]
    {
        for size in [(80, 24), (120, 40), (200, 60)] {
            let mut model = model(Look::default(), size, &view);
            PAGES.iter().find(|(name, _)| *name == page).unwrap().1(&mut model);
            let place = |model: &Model| {
                let rows = text_rows(&drawn(model, &view));
                let rule = rows.iter().find(|row| row.starts_with(title)).unwrap().clone();
                let said = rule.trim_end_matches('─').trim_end().rsplit(' ').next().unwrap().to_owned();
                let (at, count) = said.split_once('/').unwrap_or_else(|| panic!("{page} {size:?}: {rule}"));
                (at.parse::<usize>().unwrap(), count.parse::<usize>().unwrap())
            };
            let (at, count) = place(&model);
            assert!(at >= 1 && at <= count, "{page}: {at}/{count}");
            if count > 1 {
                let way = if at == count { Action::Up } else { Action::Down };
                update(&mut model, way, &view);
                assert_eq!(place(&model).0.abs_diff(at), 1, "{page} {size:?}");
            }
        }
    }
}
