//! Any view in any area: drawn, aligned, and within it.

use proptest::prelude::*;
use ratatui::buffer::Cell;

use super::*;
use crate::ledger::Group;
use crate::ui::action::BINDINGS;
use crate::ui::funnel::Funnel;
use crate::ui::model::{Shown, Window};
use crate::ui::piece_map::{Layer, PieceMapView};
use crate::ui::update;

fn any_model(seed: u64, view: &View, size: (u16, u16)) -> Model {
    let mut random = fastrand::Rng::with_seed(seed);
    let colours = [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None];
    let glyphs = [Glyphs::Braille, Glyphs::Blocks, Glyphs::Ascii];
    let look = look(colours[random.usize(..4)], glyphs[random.usize(..3)]);
    let mut model = model(look, size, view);
    PAGES[random.usize(..PAGES.len())].1(&mut model);
    model.shown = match random.u32(..8) {
        0 => Shown::Of(Group::Failed),
        1 => Shown::Reached(Funnel::Giving, random.usize(..9)),
        2 => Shown::Lost(Funnel::Fetching, random.usize(..9), "hung up"),
        _ => Shown::All,
    };
    model.window =
        [Window::Minute, Window::FiveMinutes, Window::Quarter, Window::Hour, Window::Run][random.usize(..5)];
    let layers = [Layer::State, Layer::Availability, Layer::Provenance, Layer::Age];
    model.piece_map = PieceMapView { layer: layers[random.usize(..4)], zoom: random.u8(..20) };
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
        model.piece_map.zoom = u8::MAX;
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
            x += crate::ui::paint::width(symbol).max(1) as u16;
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
        for size in [(0, 0), (1, 1), (7, 3), (24, 4), (40, 10), (80, 24), (300, 100)] {
            for (_, change) in PAGES {
                for layer in [Layer::State, Layer::Availability, Layer::Provenance, Layer::Age] {
                    let mut model = model(Look::default(), size, &view);
                    change(&mut model);
                    model.piece_map.layer = layer;
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
