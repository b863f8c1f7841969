//! Whole screens, text and style, against the files in `tests/screens/`, and pictures of them in `screenshots/`; all
//! show moments of the recordings in `tests/recordings/`.
//!
//! `UPDATE_SCREENS=1 cargo test --lib ui::tests` writes them anew; look at the difference before it is committed.

mod areas;
mod expected;
mod keys;
mod pages;
mod rebound;
mod rows;
mod screens;
mod told_apart;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

use super::about::About;
use super::model::{Help, Mode, Model, Panel, Screen};
use super::theme::{Colours, Glyphs, Look, Role};
use super::{draw, sample};
use crate::event::PeerKey;
use crate::ledger::View;

const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (120, 40), (200, 60)];

fn look(colours: Colours, glyphs: Glyphs) -> Look {
    Look { colours, glyphs, ..Look::default() }
}

fn model(look: Look, (columns, rows): (u16, u16), view: &View) -> Model {
    let mut model = Model::new(look);
    model.started = Some(sample::STARTED).into();
    model.size = (columns, rows);
    model.take_in(view);
    model
}

fn drawn(model: &Model, view: &View) -> Buffer {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buf = Buffer::empty(area);
    draw(&mut buf, area, model, view);
    buf
}

/// The rows of a screen as text.
fn text_rows(buf: &Buffer) -> Vec<String> {
    let row = |y| {
        let mut row = String::new();
        let mut x = 0;
        while x < buf.area.right() {
            row.push_str(buf[(x, y)].symbol());
            x += super::paint::width(buf[(x, y)].symbol()).max(1) as u16;
        }
        row.truncate(row.trim_end().len());
        row
    };
    (buf.area.top()..buf.area.bottom()).map(row).collect()
}

type Page = (&'static str, fn(&mut Model));

/// Every page there is.
const PAGES: [Page; 18] = [
    ("overview", |_| {}),
    ("peers", |model| model.screen = Screen::Peers),
    ("peer", |model| {
        model.selected = Some(PeerKey(10));
        model.open.push(Mode::Peer { bytes: false });
    }),
    ("peer-bytes", |model| {
        model.selected = Some(PeerKey(10));
        model.open.push(Mode::Peer { bytes: true });
    }),
    ("pieces", |model| {
        model.screen = Screen::Pieces;
        model.piece = sample::arriving_piece();
    }),
    ("trackers", |model| model.screen = Screen::Trackers),
    ("files", |model| model.screen = Screen::Files),
    ("log", |model| model.screen = Screen::Log),
    ("why", |model| model.open.push(Mode::Why)),
    ("torrent", |model| {
        model.about = std::sync::Arc::new(About {
            created_s: Some(1_696_674_000),
            most_connections: 200,
            ..About::new(Some("Debian \u{1b}[2Jstable"), Some("mktorrent 1.1"))
        });
        model.open.push(Mode::Torrent);
    }),
    ("help", |model| model.open.push(Mode::Keys)),
    ("keys", |model| {
        model.open.push(Mode::Keys);
        model.help = Help::Keys;
    }),
    ("words", |model| {
        model.open.push(Mode::Keys);
        model.help = Help::Words;
    }),
    ("columns", |model| {
        model.screen = Screen::Peers;
        model.open.push(Mode::Columns);
    }),
    ("zoomed", |model| model.zoomed = true),
    ("zoomed-funnel", |model| (model.zoomed, model.panel) = (true, Panel::Funnel)),
    ("order", |model| {
        model.screen = Screen::Peers;
        model.open.push(Mode::Order);
    }),
    ("tracker", |model| {
        model.screen = Screen::Trackers;
        model.open.push(Mode::Tracker);
    }),
];

#[test]
fn in_ascii_nothing_else_is_shown() {
    for view in [sample::healthy(), sample::hostile()] {
        for (_, change) in PAGES {
            let mut model = model(look(Colours::None, Glyphs::Ascii), (120, 40), &view);
            change(&mut model);
            let buf = drawn(&model, &view);
            assert!(buf.content().iter().all(|cell| cell.symbol().is_ascii()));
        }
    }
}

#[test]
fn without_braille_none_is_shown() {
    let view = sample::healthy();
    let buf = drawn(&model(look(Colours::True, Glyphs::Blocks), (120, 40), &view), &view);
    let braille = '\u{2800}'..='\u{28ff}';
    assert!(!buf.content().iter().any(|cell| cell.symbol().chars().any(|c| braille.contains(&c))));
}

#[test]
fn it_is_never_blank_however_small() {
    for view in [sample::healthy(), sample::checking(), sample::stalled()] {
        for columns in 1..45 {
            for rows in 1..14 {
                let buf = drawn(&model(Look::default(), (columns, rows), &view), &view);
                assert!(buf.content().iter().any(|cell| cell.symbol() != " "), "{columns}×{rows}");
            }
        }
    }
}

/// The rows of the overview as text.
fn rows(view: &View, size: (u16, u16)) -> Vec<String> {
    text_rows(&drawn(&model(Look::default(), size, view), view))
}

#[test]
fn the_page_of_a_peer_with_two_names_says_that_one_is_not_true() {
    let contradicts = |calls_itself: &str| {
        let mut view = sample::healthy();
        let peer = view.peers.iter_mut().find(|peer| peer.key == PeerKey(10)).unwrap();
        let record = std::sync::Arc::make_mut(peer);
        record.client = Some("qBittorrent 4.6.2".to_owned());
        record.info.calls_itself = Some(calls_itself.to_owned());
        let mut model = model(Look::default(), (80, 24), &view);
        PAGES[2].1(&mut model);
        let shown = text_rows(&drawn(&model, &view)).join("\n");
        assert!(shown.contains(&format!("calls itself {calls_itself}")), "{shown}");
        let words: Vec<&str> = shown.split_whitespace().collect();
        words.join(" ").contains("names one client and it calls itself another")
    };
    assert!(contradicts("Transmission 4.0.6"));
    assert!(!contradicts("qBittorrent/4.6.2"));
}

#[test]
fn the_narrowest_funnel_shows_its_numbers() {
    let view = sample::healthy();
    for columns in 28..45 {
        let shown = rows(&view, (columns, 9)).join("\n");
        for number in [" 50", " 48", " 28", " 19", " 9", " 7"] {
            assert!(shown.contains(number), "{columns}:{number}\n{shown}");
        }
    }
}

#[test]
fn a_live_peer_has_a_row_wherever_any_peer_has_one() {
    let view = sample::healthy();
    for size in (14..30).flat_map(|rows| [(60, rows), (80, rows), (120, rows)]) {
        let shown = rows(&view, size);
        let others = shown.iter().any(|row| row.contains("not connected ─"));
        assert!(
            !others || shown.iter().any(|row| row.contains("● sending")),
            "{size:?}\n{}",
            shown.join("\n")
        );
    }
}

/// Rows that have the bar of the selected one.
fn barred(buf: &Buffer) -> Vec<u16> {
    let bar = Look::default().style(Role::Selected).bg.unwrap();
    (0..buf.area.height).filter(|y| (0..buf.area.width).any(|x| buf[(x, *y)].bg == bar)).collect()
}

#[test]
fn only_the_selected_row_has_a_background() {
    let view = sample::healthy();
    let bar = Look::default().style(Role::Selected).bg.unwrap();
    for (_, change) in PAGES {
        let mut model = model(Look::default(), (120, 40), &view);
        change(&mut model);
        let buf = drawn(&model, &view);
        assert!(barred(&buf).len() <= 2);
        assert!(buf.content().iter().all(|cell| [Color::Reset, bar].contains(&cell.bg)));
    }
}

#[test]
fn every_list_has_the_bar_from_its_mark_to_its_end() {
    let view = sample::moment("slow");
    for page in ["overview", "peers", "trackers", "files", "log", "columns", "order"] {
        for size in [(40, 10), (80, 24), (120, 40), (200, 60)] {
            let mut model = model(Look::default(), size, &view);
            PAGES.iter().find(|(name, _)| *name == page).unwrap().1(&mut model);
            let buf = drawn(&model, &view);
            let rows = barred(&buf);
            // Where a list has no room for its rows, there is none to select.
            if page == "overview" && size.1 < 24 {
                continue;
            }
            let marked = |y: &u16| (0..2).any(|x| buf[(x, *y)].symbol() == "▸");
            assert!(rows.first().is_some_and(marked) || page == "order", "{page} {size:?}: {rows:?}");
            let bar = Look::default().style(Role::Selected).bg;
            let last = size.0 - 1;
            assert!(
                rows.iter().all(|y| Some(buf[(last, *y)].bg) == bar || page == "order"),
                "{page} {size:?}"
            );
        }
    }
}
