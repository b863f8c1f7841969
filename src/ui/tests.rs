//! Whole screens, text and style, against the files in `tests/screens/`, and pictures of them in `screenshots/`.
//!
//! `UPDATE_SCREENS=1 cargo test ui::tests` writes them anew; look at the difference before it is committed.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::action::{Action, BINDINGS, action_for};
use super::atlas::{Atlas, Layer};
use super::model::{Mode, Model, Panel, Screen, Shown, Window};
use super::theme::{Colours, Glyphs, Look};
use super::{draw, picture, replay, sample, update};
use crate::event::PeerKey;
use crate::ledger::{Group, View};

const SIZES: [(u16, u16); 4] = [(40, 10), (80, 24), (120, 40), (200, 60)];

fn look(colours: Colours, glyphs: Glyphs) -> Look {
    Look { colours, glyphs, ..Look::default() }
}

fn model(look: Look, (columns, rows): (u16, u16), view: &View) -> Model {
    let mut model = Model::new(look);
    model.started = Some(sample::STARTED);
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

/// The style of a cell as one letter; colours by the names of their roles.
fn style_letter(cell: &Cell) -> char {
    let colour = match cell.fg {
        Color::Reset => ' ',
        Color::Rgb(0, 0x72, 0xb2) => 'g',
        Color::Rgb(0xd5, 0x5e, 0) => 't',
        Color::Rgb(0, 0x9e, 0x73) => 'p',
        Color::Rgb(0xcc, 0x79, 0xa7) => 'b',
        _ => '?',
    };
    match (colour, cell.modifier) {
        (' ', Modifier::BOLD) => '*',
        (' ', Modifier::DIM) => '.',
        (' ', modifier) if modifier.contains(Modifier::REVERSED) => '#',
        (colour, modifier) if modifier.contains(Modifier::BOLD) => colour.to_ascii_uppercase(),
        (colour, _) => colour,
    }
}

/// The text of a screen, and below it the letters of its styles.
fn page(buf: &Buffer) -> String {
    let mut page = String::new();
    let row_end = |row: String| row.trim_end().to_owned();
    for y in buf.area.top()..buf.area.bottom() {
        let mut row = String::new();
        let mut x = 0;
        while x < buf.area.right() {
            row.push_str(buf[(x, y)].symbol());
            x += super::paint::width(buf[(x, y)].symbol()).max(1) as u16;
        }
        let _ = writeln!(page, "{}", row_end(row));
    }
    let _ = writeln!(page, "{}", "=".repeat(usize::from(buf.area.width)));
    for y in buf.area.top()..buf.area.bottom() {
        let row: String = (buf.area.left()..buf.area.right()).map(|x| style_letter(&buf[(x, y)])).collect();
        let _ = writeln!(page, "{}", row_end(row));
    }
    page
}

/// Holds a screen against its file.
fn holds(name: &str, buf: &Buffer) {
    is_as_in(&format!("tests/screens/{name}.txt"), &page(buf));
}

/// Holds a text against its file, or writes the file where that is asked for.
fn is_as_in(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (at, (now, then)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(
            now,
            then,
            "{name}, line {}: is the change meant? UPDATE_SCREENS=1 renews the files",
            at + 1
        );
    }
    assert_eq!(text, expected, "{name}: UPDATE_SCREENS=1 renews the files");
}

type Page = (&'static str, fn(&mut Model));

/// Every page there is.
const PAGES: [Page; 13] = [
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
    ("keys", |model| model.open.push(Mode::Keys)),
    ("columns", |model| {
        model.screen = Screen::Peers;
        model.open.push(Mode::Columns);
    }),
    ("zoomed", |model| model.zoomed = true),
    ("zoomed-funnel", |model| (model.zoomed, model.panel) = (true, Panel::Funnel)),
];

#[test]
fn the_overview_looks_as_expected_in_every_size_and_look() {
    let view = sample::healthy();
    for (columns, rows) in SIZES {
        for (name, look) in [
            ("colour", look(Colours::True, Glyphs::Braille)),
            ("mono", look(Colours::None, Glyphs::Braille)),
            ("ascii", look(Colours::None, Glyphs::Ascii)),
        ] {
            let buf = drawn(&model(look, (columns, rows), &view), &view);
            holds(&format!("overview-{columns}x{rows}-{name}"), &buf);
        }
    }
}

type State = (&'static str, fn() -> View);

#[test]
fn the_overview_looks_as_expected_in_every_state() {
    let states: [State; 7] = [
        ("stalled", sample::stalled),
        ("paused", sample::paused),
        ("stopped", sample::stopped),
        ("seeding", sample::seeding),
        ("checking", sample::checking),
        ("preparing", sample::preparing),
        ("hostile", sample::hostile),
    ];
    for (name, view) in states {
        for (columns, rows) in [(40, 10), (80, 24), (120, 40)] {
            let view = view();
            let buf = drawn(&model(Look::default(), (columns, rows), &view), &view);
            holds(&format!("{name}-{columns}x{rows}"), &buf);
        }
    }
}

#[test]
fn every_page_looks_as_expected() {
    let view = sample::healthy();
    for (name, change) in &PAGES[1..] {
        for (columns, rows) in [(80, 24), (120, 40)] {
            let mut model = model(Look::default(), (columns, rows), &view);
            change(&mut model);
            holds(&format!("{name}-{columns}x{rows}"), &drawn(&model, &view));
        }
    }
}

#[test]
fn every_layer_of_the_pieces_looks_as_expected_however_close() {
    let view = sample::healthy();
    for (name, layer, zoom) in [
        ("availability", Layer::Availability, 0),
        ("provenance", Layer::Provenance, 0),
        ("age", Layer::Age, 0),
        ("closer", Layer::State, 2),
        ("blocks", Layer::State, 9),
    ] {
        for (columns, rows) in [(80, 24), (120, 40)] {
            let mut model = model(Look::default(), (columns, rows), &view);
            (model.screen, model.piece) = (Screen::Pieces, sample::arriving_piece());
            (model.atlas.layer, model.atlas.zoom) = (layer, zoom);
            holds(&format!("pieces-{name}-{columns}x{rows}"), &drawn(&model, &view));
        }
    }
}

#[test]
fn files_look_as_expected_in_their_folders() {
    let view = sample::many_files();
    for (columns, rows) in [(40, 10), (80, 24), (120, 40)] {
        let mut model = model(Look::default(), (columns, rows), &view);
        for action in [Action::Show(Screen::Files), Action::Down, Action::Down, Action::Last, Action::Up] {
            update(&mut model, action, &view);
        }
        update(&mut model, Action::Left, &view);
        update(&mut model, Action::Open, &view);
        holds(&format!("files-many-{columns}x{rows}"), &drawn(&model, &view));
    }
}

#[test]
fn the_pictures_show_the_screens_as_they_are() {
    let (colour, mono) = (Look::default(), look(Colours::None, Glyphs::Braille));
    let page_of = |name: &str| PAGES.iter().find(|(page, _)| *page == name).unwrap().1;
    for (name, title, state, (change, look, size)) in [
        ("overview", "Overview", sample::healthy as fn() -> View, ("overview", colour, (120, 40))),
        ("overview-80x24", "Overview, 80×24", sample::healthy, ("overview", colour, (80, 24))),
        ("stalled", "A download that stands still", sample::stalled, ("overview", colour, (80, 24))),
        ("peers", "Peers", sample::healthy, ("peers", colour, (120, 40))),
        ("peer", "A peer's page", sample::healthy, ("peer", colour, (80, 24))),
        ("pieces", "Pieces", sample::healthy, ("pieces", colour, (120, 40))),
        ("small", "Overview, 40×10", sample::healthy, ("overview", colour, (40, 10))),
        ("mono", "Overview without colours", sample::healthy, ("overview", mono, (80, 24))),
    ] {
        let view = state();
        let mut model = model(look, size, &view);
        page_of(change)(&mut model);
        let picture = picture::svg(&drawn(&model, &view), &format!("ttui: {title}"));
        is_as_in(&format!("screenshots/{name}.svg"), &picture);
    }
}

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
fn a_state_never_rests_on_colour_alone() {
    let look = look(Colours::None, Glyphs::Ascii);
    let mut heads = std::collections::HashSet::new();
    for view in [
        sample::healthy(),
        sample::stalled(),
        sample::paused(),
        sample::stopped(),
        sample::seeding(),
        sample::checking(),
        sample::preparing(),
    ] {
        let buf = drawn(&model(look, (120, 40), &view), &view);
        let text = page(&buf);
        let head = text.lines().next().unwrap_or_default();
        assert!(heads.insert(head[60..].to_owned()), "{head}");
    }
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
    let text = page(&drawn(&model(Look::default(), size, view), view));
    text.lines().take(usize::from(size.1)).map(str::to_owned).collect()
}

#[test]
fn the_page_of_a_peer_with_two_names_says_that_one_is_not_true() {
    let contradicts = |calls_itself: &str| {
        let mut view = sample::healthy();
        let peer = view.peers.iter_mut().find(|peer| peer.key == PeerKey(10)).unwrap();
        let record = std::sync::Arc::make_mut(peer);
        record.client = Some("qBittorrent 4.6.2".to_owned());
        record.calls_itself = Some(calls_itself.to_owned());
        let mut model = model(Look::default(), (80, 24), &view);
        PAGES[2].1(&mut model);
        let shown = page(&drawn(&model, &view));
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
fn whoever_is_live_has_a_row_wherever_a_peer_has_one() {
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

#[test]
fn no_cell_has_a_background() {
    let view = sample::healthy();
    for (_, change) in PAGES {
        let mut model = model(Look::default(), (120, 40), &view);
        change(&mut model);
        assert!(drawn(&model, &view).content().iter().all(|cell| cell.bg == Color::Reset));
    }
}

/// What can be told of a model from outside; two that differ here differ on the screen or in what they asked for.
fn told(model: &Model) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        (&model.columns, model.chooser, &model.marked, model.held.is_some(), model.zoomed),
        model.note,
        model.filters,
        (&model.prompt, &model.replay),
        model.look,
        model.atlas,
        model.screen,
        model.open,
        model.panel,
        model.selected,
        model.step,
        model.columns_off,
        model.piece,
        model.log_of,
        model.window,
        (model.scrolls, model.files.selected(), model.files.len()),
        model.leaving,
        model.redraw,
        model.suspend,
        model.mouse,
        model.shown,
        model.order.column,
        model.order.reversed,
    )
}

/// Places from which every key has something to do.
fn starts(view: &View) -> Vec<Model> {
    let mut starts = Vec::new();
    for (_, change) in PAGES {
        let mut fresh = model(Look::default(), (80, 24), view);
        change(&mut fresh);
        starts.push(fresh);
    }
    let mut middle = model(Look::default(), (80, 24), view);
    update(&mut middle, Action::Down, view);
    (middle.panel, middle.step) = (Panel::Funnel, (3, 1));
    middle.log_of = Some(PeerKey(0));
    (middle.columns_off, middle.piece, middle.atlas.zoom) = (3, 5000, 1);
    middle.scrolls.keys = 5;
    for screen in [Screen::Overview, Screen::Peers, Screen::Pieces, Screen::Log] {
        let mut there = middle.clone();
        there.screen = screen;
        starts.push(there.clone());
        there.panel = Panel::Peers;
        starts.push(there.clone());
        there.open.push(Mode::Keys);
        starts.push(there.clone());
        there.open = vec![Mode::Columns];
        there.chooser.at = 3;
        starts.push(there);
    }
    starts.push(replay::tests::standing(view));
    starts
}

#[test]
fn every_key_of_the_table_does_something() {
    let view = sample::healthy();
    let starts = starts(&view);
    for binding in BINDINGS {
        for key in binding.keys {
            let works = starts.iter().filter(|start| binding.scope.holds(start)).any(|start| {
                let Some(action) = action_for(*key, start).filter(|action| *action == binding.action) else {
                    return false;
                };
                let mut after = start.clone();
                let command = update(&mut after, action, &view);
                command.is_some() || told(&after) != told(start)
            });
            assert!(works, "{} ({:?}) does nothing", key.name(), binding.action);
        }
    }
}

#[test]
fn the_key_line_offers_only_keys_that_hold() {
    let view = sample::healthy();
    for (_, change) in PAGES {
        let mut model = model(Look::default(), (200, 60), &view);
        change(&mut model);
        let text = page(&drawn(&model, &view));
        let foot = text.lines().nth(59).unwrap_or_default();
        for binding in BINDINGS.iter().filter(|binding| !binding.scope.holds(&model)) {
            if let Some((label, _)) = binding.label.filter(|_| action_for(binding.keys[0], &model).is_none())
            {
                assert!(!foot.contains(label), "{foot}: {label}");
            }
        }
        assert!(foot.contains("q quit"), "{foot}");
    }
}

fn any_model(seed: u64, view: &View, size: (u16, u16)) -> Model {
    let mut random = fastrand::Rng::with_seed(seed);
    let colours = [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None];
    let glyphs = [Glyphs::Braille, Glyphs::Blocks, Glyphs::Ascii];
    let look = look(colours[random.usize(..4)], glyphs[random.usize(..3)]);
    let mut model = model(look, size, view);
    PAGES[random.usize(..PAGES.len())].1(&mut model);
    model.shown = match random.u32(..8) {
        0 => Shown::Of(Group::Failed),
        1 => Shown::Reached(random.usize(..9)),
        2 => Shown::Lost(random.usize(..9), "hung up"),
        _ => Shown::All,
    };
    model.window =
        [Window::Minute, Window::FiveMinutes, Window::Quarter, Window::Hour, Window::Run][random.usize(..5)];
    let layers = [Layer::State, Layer::Availability, Layer::Provenance, Layer::Age];
    model.atlas = Atlas { layer: layers[random.usize(..4)], zoom: random.u8(..20) };
    model.selected = view.peers.get(random.usize(..60)).map(|peer| peer.key).or(model.selected);
    model.log_of = random.bool().then_some(PeerKey(random.u32(..60)));
    for _ in 0..random.u32(..12) {
        let action = BINDINGS[random.usize(..BINDINGS.len())].action;
        update(&mut model, action, view);
    }
    if random.bool() {
        (model.scrolls.keys, model.scrolls.log_back) = (usize::MAX / 2, usize::MAX / 2);
        (model.scrolls.why, model.scrolls.peer, model.scrolls.trackers) =
            (usize::MAX, usize::MAX, usize::MAX);
        (model.piece, model.columns_off) = (u32::MAX, usize::MAX);
        model.atlas.zoom = u8::MAX;
    }
    model
}

/// Draws into the area of a larger buffer, and holds every cell around it against what was there.
fn draws_within(model: &Model, view: &View, area: Rect) -> Result<(), TestCaseError> {
    let whole = Rect::new(0, 0, area.right() + 3, area.bottom() + 3);
    let mut buf = Buffer::filled(whole, Cell::new("@"));
    draw(&mut buf, area, model, view);
    for at in whole.positions().filter(|at| !area.contains(*at)) {
        prop_assert_eq!(buf[at].symbol(), "@", "{:?}: {:?}", area, at);
    }
    // What is drawn is one column wide, or covers the next one: nothing can be out of line.
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let symbol = buf[(x, y)].symbol();
            prop_assert!(!symbol.chars().any(char::is_control), "{:?}", symbol);
            x += super::paint::width(symbol).max(1) as u16;
        }
        prop_assert_eq!(x, area.right(), "a wide character hangs over the edge of {:?}", area);
    }
    Ok(())
}

/// Sizes that matter, and any others from nothing to 500×200.
fn any_size() -> impl Strategy<Value = (u16, u16)> {
    let fixed = [
        (0, 0),
        (1, 1),
        (2, 1),
        (1, 2),
        (40, 10),
        (80, 24),
        (120, 40),
        (200, 60),
        (500, 200),
        (500, 1),
        (1, 200),
    ];
    prop_oneof![
        4 => (0u16..140, 0u16..50),
        2 => proptest::sample::select(fixed.to_vec()),
        1 => (0u16..=500, 0u16..=200),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_view_and_any_area_are_drawn_within_the_area(
        seed in any::<u64>(),
        (columns, rows) in any_size(),
        x in 0u16..10,
        y in 0u16..5,
    ) {
        let view = sample::random(seed);
        let mut model = any_model(seed, &view, (columns, rows));
        model.take_in(&view);
        draws_within(&model, &view, Rect::new(x, y, columns, rows))?;
    }
}

#[test]
fn every_page_layer_and_question_is_drawn_within_every_size_that_matters() {
    for view in [sample::healthy(), sample::hostile(), sample::checking(), sample::many_files()] {
        for size in [(0, 0), (1, 1), (7, 3), (24, 4), (40, 10), (80, 24), (500, 200)] {
            for (_, change) in PAGES {
                for layer in [Layer::State, Layer::Availability, Layer::Provenance, Layer::Age] {
                    let mut model = model(Look::default(), size, &view);
                    change(&mut model);
                    model.atlas.layer = layer;
                    let asks = layer == Layer::Age;
                    model.open.extend(asks.then_some(Mode::AskQuit));
                    draws_within(&model, &view, Rect::new(3, 2, size.0, size.1)).unwrap();
                    if layer != Layer::State && model.screen != Screen::Pieces && !asks {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_huge_terminal_is_drawn() {
    let view = sample::healthy();
    for (columns, rows) in [(500, 200), (1, 200), (500, 1)] {
        let _ = drawn(&model(Look::default(), (columns, rows), &view), &view);
    }
}
