//! Which pieces a peer has, beside ours: what it could give us, and what it lacks.
//!
//! ```text
//!  Its pieces ── 9 213 of 15 104 ─────────────────────────── 8 012 that we lack ──
//!  ██████▓▓██████████▒···████████████████████▓██████████··········████████████
//!  █▓▒ it has all or some, and we lack of it   █▓▒ we have too   · it lacks
//! ```

use ratatui::layout::Rect;

use crate::ledger::{PeerRecord, PieceState, View};
use crate::metainfo::Bitfield;
use crate::ui::paint::{Pen, inset, take_bottom, take_top};
use crate::ui::widgets::mosaic;
use crate::units;

/// Rule, a row of pieces, and what they mean: with less it says nothing.
const LEAST_ROWS: u16 = 3;
/// Rows in which it says enough.
pub(super) const ENOUGH_ROWS: u16 = 6;

/// What it has, where it is connected and has anything.
pub(super) fn of(peer: &PeerRecord) -> Option<&Bitfield> {
    peer.has.as_deref().filter(|has| peer.is_live() && !has.is_empty())
}

/// Draws them below a rule.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, peer: &PeerRecord, view: &View) {
    let Some(has) = of(peer).filter(|_| area.height >= LEAST_ROWS) else { return };
    let mut grid = inset(area, 1, 1);
    let (title, legend) = (take_top(&mut grid, 1), take_bottom(&mut grid, 1));
    let lacks =
        |piece: &u32| view.pieces.states.get(*piece as usize).is_some_and(|state| *state != PieceState::Good);
    let offered = has.numbers().filter(lacks).count() as u64;
    let count = |pieces: u32| units::count(pieces.into());
    pen.rule(
        title,
        "Its pieces",
        &format!("{} of {}", count(has.count()), count(has.len())),
        &format!("{} that we lack", units::count(offered)),
    );
    let scale = mosaic::draw_of_one(pen, inset(grid, 1, 1), view, has);
    mosaic::legend_of_one().draw(pen, inset(legend, 1, 1), scale);
}
