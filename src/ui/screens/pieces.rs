//! Every piece in a grid, and what is known of the one under the cursor.
//!
//! ```text
//!  Pieces ── 2 098 of 15 104 good ── what is here · v ── rarity ──
//!  ██▓··░·······█···   cells, as close as `+` and `-` say
//!  legend, from 100 columns up
//!  Piece 17 ── 256 KiB ───────────────────────────────────────────
//!  what became of it, its blocks, its failures, who holds it
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{frame, overview, piece};
use crate::ledger::View;
use crate::ui::action::Action;
use crate::ui::atlas::{Lattice, Layer, Scale};
use crate::ui::model::Model;
use crate::ui::paint::{self, Pen, inset, take_bottom, take_top};
use crate::ui::theme::Role;
use crate::ui::widgets::mosaic::{self, Legend, Letters};
use crate::units;

/// The parts of the screen: the title's row, the grid, the legend's row, what is said of the piece.
struct Parts {
    title: Rect,
    grid: Rect,
    legend: Rect,
    detail: Rect,
}

impl Parts {
    /// Of what is left of the screen below its head.
    fn of(body: Rect) -> Self {
        let mut rest = body;
        let title = inset(take_top(&mut rest, 1), 1, 1);
        // A third tells of the piece, once there is room for both.
        let rows = if rest.height < 10 { rest.height / 2 } else { (rest.height * 2 / 5).clamp(6, 14) };
        let detail = take_bottom(&mut rest, rows);
        let has_legend = body.width >= 100 && rest.height > 4;
        let legend = take_bottom(&mut rest, u16::from(has_legend));
        Self { title, grid: inset(rest, 2, 2), legend: inset(legend, 2, 2), detail }
    }
}

/// Where the pieces stand on a screen of this size: what arrows move by, and what a click is on.
pub(crate) fn lattice(model: &Model, view: &View) -> Lattice {
    let (columns, rows) = model.size;
    // The head and the key line are not the body's.
    let body = Rect::new(0, 2.min(rows), columns, rows.saturating_sub(3));
    Lattice::new(Parts::of(body).grid, view, model.atlas.zoom, model.piece)
}

/// Draws the pieces.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    let parts = Parts::of(body);
    let atlas = model.atlas;
    let lattice = Lattice::new(parts.grid, view, atlas.zoom, model.piece);
    title(pen, parts.title, &lattice, model, view);
    let letters = grid(pen, &lattice, model, view);
    let wide = area.width >= 180;
    let name = |peer| if wide { piece::name(view, peer) } else { piece::address(view, peer) };
    let means = mosaic::legend(atlas.layer, &letters, name);
    legend(pen, parts.legend, &means, lattice.scale);
    piece::draw(pen, parts.detail, model, view, &lattice);
}

/// Draws the grid alone, over the whole area, as the model looks at it.
pub fn draw_grid(buf: &mut Buffer, area: Rect, model: &Model, view: &View) {
    let mut pen = Pen::new(buf, area, &model.look);
    let lattice = Lattice::new(area, view, model.atlas.zoom, model.piece);
    grid(&mut pen, &lattice, model, view);
}

fn grid(pen: &mut Pen<'_>, lattice: &Lattice, model: &Model, view: &View) -> Letters {
    let layer = model.atlas.layer;
    let letters = if layer == Layer::Provenance { Letters::of(view) } else { Letters::default() };
    if !lattice.area.is_empty() {
        mosaic::draw_layer(pen, lattice, layer, view, &letters);
        mosaic::mark(pen, lattice, model.piece as usize);
    }
    letters
}

fn title(pen: &mut Pen<'_>, area: Rect, lattice: &Lattice, model: &Model, view: &View) {
    let key = model.keys.name_here(Action::Layer, model);
    let key = key.map_or_else(String::new, |key| format!(" · {key}"));
    let layer = format!("{}{key}", model.atlas.layer.name());
    let note = overview::piece_counts(view, area.width >= 90);
    if lattice.shows_all() {
        let rarity = overview::rarity(view);
        let both = format!("{rarity} ── {layer}");
        let fits = paint::width(&note) + paint::width(&both) + 24 <= usize::from(area.width);
        return pen.rule(area, "Pieces", &note, if fits && !rarity.is_empty() { &both } else { &layer });
    }
    let sight = lattice.in_sight();
    let (from, to) = (units::count(sight.start as u64), units::count(sight.end.saturating_sub(1) as u64));
    pen.rule(area, "Pieces", &format!("{from} to {to} in sight"), &layer);
}

/// What the cells of the grid mean.
pub(super) fn legend(pen: &mut Pen<'_>, area: Rect, legend: &Legend, scale: Scale) {
    let one = match scale {
        Scale::Pieces(1) => "one cell = 1 piece".to_owned(),
        Scale::Pieces(count) => format!("one cell = {} pieces", units::count(count as u64)),
        Scale::Cells(count) => format!("{count} cells = 1 piece"),
    };
    let right = paint::width(&one) as u16;
    let mut x = area.x;
    for (glyphs, means) in legend {
        let means = paint::clip(means, 42);
        let columns = (paint::width(glyphs) + 1 + paint::width(&means)) as u16;
        if x + columns > area.right() {
            return;
        }
        x += pen.put(x, area.y, 3, glyphs, Role::Text) + 1;
        x += pen.put(x, area.y, columns, &means, Role::Dim) + 3;
    }
    if x + right <= area.right() {
        pen.put_right(area.right(), area.y, right, &one, Role::Dim);
    }
}
