//! Every piece in a grid, and what is known of the one under the cursor.
//!
//! ```text
//!  Pieces ── 2 098 of 15 104 good ── what is here · v ── rarity ──
//!  ██▓··░·······█···   cells, as close as `+` and `-` say
//!  what the cells mean
//!  Piece 17 ── 256 KiB ───────────────────────────────────────────
//!  what became of it, its blocks, its failures, who holds it
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{frame, overview, piece};
use crate::ledger::View;
use crate::ui::action::Action;
use crate::ui::flow::{Flow, rest, up_to};
use crate::ui::model::Model;
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen, inset, take_top};
use crate::ui::piece_map::{Lattice, Layer, Scale};
use crate::ui::widgets::mosaic::{self, Legend, Letters};
use crate::units;

/// Most rows of a legend.
const LEGEND_ROWS: u16 = 6;
/// Columns of the name of a peer in it.
const NAME: usize = 42;

/// What the screen is made of, below its head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Title,
    Grid,
    /// What the glyphs of the grid mean.
    Legend,
    /// What is said of the piece.
    Detail,
}

/// Where the parts stand, and what the glyphs of the grid mean.
struct Parts {
    title: Rect,
    grid: Rect,
    legend: Rect,
    detail: Rect,
    means: Legend,
    letters: Letters,
}

impl Parts {
    /// Of what is left of the screen below its head.
    fn of(body: Rect, model: &Model, view: &View) -> Self {
        use Part::{Detail, Grid, Legend, Title};
        let rows = body.height.saturating_sub(1);
        // A third tells of the piece, once there is room for both: as much for every piece, so that the grid stays as it is.
        let detail = if rows < 10 { rows / 2 } else { (rows * 2 / 5).clamp(6, 14) };
        // The grid keeps three quarters of what is left.
        let left = rows - detail;
        let most = if left > 4 { (left / 4).clamp(1, LEGEND_ROWS) } else { 0 };
        let columns = inset(body, 2, 2).width;
        let (letters, means) = explained(model, view, body.width >= 180, (columns, most));
        let legend = means.height(columns, most);
        let claims = [up_to(Title, 1), up_to(Detail, detail), up_to(Legend, legend), rest(Grid)];
        let flow = Flow::new(body, &[Title, Grid, Legend, Detail], &claims);
        let within = |part, margin| inset(flow.of(part), margin, margin);
        let (title, mut grid, mut legend) = (within(Title, 1), within(Grid, 2), within(Legend, 2));
        // What no row of pieces fits into goes to what is said of the piece.
        let mut detail = flow.of(Detail);
        let blank = Lattice::new(grid, view, model.piece_map.zoom, model.piece).blank_rows();
        if blank < grid.height {
            grid.height -= blank;
            legend.y -= blank;
            detail.y -= blank;
            detail.height += blank;
        }
        Self { title, grid, legend, detail, means, letters }
    }
}

/// What the glyphs of a layer mean, with as many senders as can be named in so many columns and rows. Where nobody can,
/// each that has a hue keeps it.
fn explained(model: &Model, view: &View, wide: bool, (columns, rows): (u16, u16)) -> (Letters, Legend) {
    let layer = model.piece_map.layer;
    if layer != Layer::Provenance {
        let letters = Letters::none(&model.look);
        let means = mosaic::legend(layer, &letters, |_| String::new());
        return (letters, if layer == Layer::State { means.and_skipped(view) } else { means });
    }
    let name = |peer| {
        let name = if wide { piece::name(view, peer) } else { piece::address(view, peer) };
        paint::clip(&name, NAME).into_owned()
    };
    let all = Letters::of(view, &model.hues, &model.look);
    let with = |letters: Letters| {
        let means = mosaic::legend(layer, &letters, name);
        (letters, means)
    };
    let most = if rows == 0 { 0 } else { all.count() };
    let mut fewer = (0..=most).rev().map(|most| with(all.fewer(most)));
    let fitting = fewer.find(|(_, means)| means.fits(columns, rows));
    fitting.unwrap_or_else(|| with(all.clone()))
}

/// Where the pieces stand on a screen of this size: what arrows move by, and what a click is on.
pub(crate) fn lattice(model: &Model, view: &View) -> Lattice {
    let mut body = super::body(model);
    take_top(&mut body, frame::SHORT_HEAD);
    let grid = Parts::of(body, model, view).grid;
    Lattice::new(grid, view, model.piece_map.zoom, model.piece)
}

/// Draws the pieces.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    if view.metadata.is_some() {
        return overview::later(pen, area, "Pieces", model, view);
    }
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    let parts = Parts::of(body, model, view);
    let lattice = Lattice::new(parts.grid, view, model.piece_map.zoom, model.piece);
    title(pen, parts.title, &lattice, model, view);
    grid(pen, &lattice, model, view, &parts.letters);
    pen.targets.add(lattice.area, Target::Grid(lattice));
    parts.means.draw(pen, parts.legend, lattice.scale);
    piece::draw(pen, parts.detail, model, view, &lattice);
}

/// Draws the grid alone, over the whole area, as the model looks at it.
pub fn draw_grid(buf: &mut Buffer, area: Rect, model: &Model, view: &View) {
    let mut pen = Pen::new(buf, area, &model.look);
    let lattice = Lattice::new(area, view, model.piece_map.zoom, model.piece);
    let letters = match model.piece_map.layer {
        Layer::Provenance => Letters::of(view, &model.hues, &model.look),
        _ => Letters::none(&model.look),
    };
    grid(&mut pen, &lattice, model, view, &letters);
}

fn grid(pen: &mut Pen<'_>, lattice: &Lattice, model: &Model, view: &View, letters: &Letters) {
    if !lattice.area.is_empty() {
        mosaic::draw_layer(pen, lattice, model.piece_map.layer, view, letters);
        mosaic::mark(pen, lattice, model.piece as usize);
    }
}

fn title(pen: &mut Pen<'_>, area: Rect, lattice: &Lattice, model: &Model, view: &View) {
    let key = model.keys.name_here(Action::Layer, model);
    let key = key.map_or_else(String::new, |key| format!(" · {key}"));
    let layer = format!("{}{key}", model.piece_map.layer.name());
    let all = lattice.shows_all();
    let note = if all {
        overview::piece_counts(view, area.width >= 90)
    } else {
        let sight = lattice.in_sight();
        let (from, to) = (sight.start as u64, sight.end.saturating_sub(1) as u64);
        format!("{} to {} in sight", units::count(from), units::count(to))
    };
    let more = match () {
        // How much a cell stands for has no room in a legend of few columns.
        () if area.width < 98 => mosaic::words_of(lattice.scale),
        () if all => overview::rarity(view),
        () => String::new(),
    };
    let both = format!("{more} ── {layer}");
    let fits = paint::width(&note) + paint::width(&both) + 18 <= usize::from(area.width);
    pen.rule(area, "Pieces", &note, if fits && !more.is_empty() { &both } else { &layer });
}

/// What the cells of the grid mean.
pub(super) fn legend(pen: &mut Pen<'_>, area: Rect, legend: &Legend, scale: Scale) {
    legend.draw(pen, area, scale);
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;
    use crate::ui::sample;
    use crate::ui::theme::{Colours, Glyphs, Look, Palette, Role, Scheme};

    const LAYERS: [Layer; 4] = [Layer::State, Layer::Availability, Layer::Provenance, Layer::Age];

    fn looks() -> Vec<Look> {
        let colours = [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None];
        let of = |colours, scheme| Look { colours, palette: Palette::of(scheme), ..Look::default() };
        let mut looks: Vec<Look> = colours.map(|colours| of(colours, Scheme::Dark)).to_vec();
        looks.push(of(Colours::True, Scheme::ContrastLight));
        looks.push(Look { glyphs: Glyphs::Blocks, ..Look::default() });
        looks
    }

    /// The page, and its parts.
    fn page(look: Look, (columns, rows): (u16, u16), layer: Layer, view: &View) -> (Buffer, Parts, Model) {
        let mut model = Model::new(look);
        (model.size, model.screen) = ((columns, rows), crate::ui::model::Screen::Pieces);
        model.piece_map.layer = layer;
        model.take_in(view);
        let area = Rect::new(0, 0, columns, rows);
        let mut buf = Buffer::empty(area);
        crate::ui::draw(&mut buf, area, &model, view);
        let body = Rect::new(0, 2.min(rows), columns, rows.saturating_sub(3));
        {
            let parts = Parts::of(body, &model, view);
            (buf, parts, model)
        }
    }

    fn style(buf: &Buffer, x: u16, y: u16) -> Style {
        let cell = &buf[(x, y)];
        Style::new().fg(cell.fg).add_modifier(cell.modifier)
    }

    /// Where this stands in the area.
    fn place(buf: &Buffer, area: Rect, text: &str) -> Option<(u16, u16)> {
        let symbols: Vec<String> = text.chars().map(String::from).collect();
        let stands = |x: u16, y: u16| {
            (x..area.right()).zip(&symbols).filter(|(x, symbol)| buf[(*x, y)].symbol() == *symbol).count()
                == symbols.len()
        };
        area.positions().map(|at| (at.x, at.y)).find(|(x, y)| stands(*x, *y))
    }

    #[test]
    fn a_legend_names_every_glyph_of_the_map_as_the_map_has_it() {
        for view in [sample::healthy(), sample::moment("barred"), sample::moment("slow")] {
            for (look, layer) in looks().into_iter().flat_map(|look| LAYERS.map(|layer| (look, layer))) {
                for size in [(80, 24), (120, 40), (200, 60)] {
                    let (buf, parts, model) = page(look, size, layer, &view);
                    let as_text = |role| {
                        let plain = look.style(role);
                        Style::new().fg(plain.fg.unwrap_or_default()).add_modifier(plain.add_modifier)
                    };
                    let mut told: Vec<(&str, Style)> = Vec::new();
                    for (glyphs, wordings) in parts.means.entries() {
                        let found = wordings.iter().find_map(|means| {
                            let all: String = glyphs.iter().map(|(glyph, _)| *glyph).collect();
                            place(&buf, parts.legend, &format!("{all} {means}"))
                        });
                        let (x, y) = found.unwrap_or_else(|| panic!("{size:?} {layer:?}: no {wordings:?}"));
                        for ((glyph, role), x) in glyphs.iter().zip(x..) {
                            assert_eq!(style(&buf, x, y), as_text(*role), "{size:?} {layer:?}: {glyph}");
                            told.push((glyph, as_text(*role)));
                        }
                    }
                    let lattice = lattice(&model, &view);
                    let cursor = lattice.place_of(model.piece as usize).unwrap();
                    for at in parts.grid.positions().filter(|at| !cursor.contains(*at)) {
                        let shown = (buf[at].symbol(), style(&buf, at.x, at.y));
                        // What is partly good and arriving has the shade of the one and the colour of the other.
                        let explained = match shown.0 {
                            " " => continue,
                            "▓" | "▒" if layer == Layer::State && shown.1 == as_text(Role::Arriving) => {
                                "▄"
                            }
                            other => other,
                        };
                        assert!(
                            told.contains(&(explained, shown.1)),
                            "{size:?} {layer:?} {look:?}: {shown:?} is not among {told:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_legend_is_never_cut_within_an_entry() {
        let view = sample::healthy();
        for layer in LAYERS {
            for columns in 24..130 {
                let (buf, parts, _) = page(Look::default(), (columns, 24), layer, &view);
                let mut left: usize = parts.legend.positions().filter(|at| buf[*at].symbol() != " ").count();
                for (glyphs, wordings) in parts.means.entries() {
                    let all: String = glyphs.iter().map(|(glyph, _)| *glyph).collect();
                    let whole = wordings.map(|means| format!("{all} {means}"));
                    if let Some(whole) = whole.iter().find(|whole| place(&buf, parts.legend, whole).is_some())
                    {
                        left -= whole.chars().filter(|c| *c != ' ').count();
                    }
                }
                let scale = mosaic::words_of(Lattice::new(parts.grid, &view, 0, 0).scale);
                if place(&buf, parts.legend, &scale).is_some() {
                    left -= scale.chars().filter(|c| *c != ' ').count();
                }
                assert_eq!(left, 0, "{layer:?} in {columns} columns");
            }
        }
    }
}
