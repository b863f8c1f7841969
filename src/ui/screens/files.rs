//! The files, and how much of each is here.

use ratatui::layout::Rect;

use super::frame;
use crate::ledger::{FileFacts, PieceState, View};
use crate::ui::model::Model;
use crate::ui::paint::{Pen, inset, take_top};
use crate::ui::theme::Role;
use crate::ui::widgets::bar;
use crate::units;

/// Bytes of the file that lie in good pieces.
fn good_bytes(file: &FileFacts, view: &View) -> u64 {
    let piece_bytes = u64::from(view.torrent.geometry.piece_bytes());
    let end = file.offset_bytes.saturating_add(file.length_bytes);
    if file.length_bytes == 0 {
        return 0;
    }
    let (first, last) = (file.offset_bytes / piece_bytes, (end - 1) / piece_bytes);
    let count = view.pieces.states.len() as u64;
    let range = first.min(count) as usize..(last.saturating_add(1)).min(count) as usize;
    let good =
        view.pieces.states[range.clone()].iter().enumerate().filter(|(_, state)| **state == PieceState::Good);
    let within = |at: usize| {
        let begin = (range.start + at) as u64 * piece_bytes;
        (begin + piece_bytes).min(end).saturating_sub(begin.max(file.offset_bytes))
    };
    good.map(|(at, _)| within(at)).sum()
}

/// Draws the files.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let mut body = area;
    frame::short_head(pen, &mut body, model, view);
    let files = &view.torrent.files;
    let title = inset(take_top(&mut body, 1), 1, 1);
    let output = crate::text::clean(&view.torrent.output.to_string_lossy(), 200);
    pen.rule(title, "Files", &units::count(files.len() as u64), &format!("in {output}"));
    let mut rows = inset(body, 1, 1);
    let head = take_top(&mut rows, 1);
    let bar_columns = if area.width >= 100 { 24 } else { 10 };
    let numbers = 5 + 2 + bar_columns + 2 + 10;
    let name_columns = head.width.saturating_sub(numbers + 1);
    if !head.is_empty() {
        pen.put(head.x + 1, head.y, name_columns, "NAME", Role::Dim);
        pen.put_right(head.right().saturating_sub(9 + bar_columns), head.y, 10, "SIZE", Role::Dim);
        pen.put_right(head.right(), head.y, 5, "HERE", Role::Dim);
    }
    let off = model.scrolls.files.min(files.len().saturating_sub(usize::from(rows.height)));
    for file in files.iter().skip(off) {
        let row = take_top(&mut rows, 1);
        if row.is_empty() {
            return;
        }
        let good = good_bytes(file, view);
        let done = good >= file.length_bytes;
        let percent =
            if done { 100 } else { (u128::from(good) * 100 / u128::from(file.length_bytes.max(1))) as u64 };
        let mut x = row.x + 1;
        // The folder is the same for many files: only the name stands out.
        let cut = file.path.rfind('/').map_or(0, |at| at + 1);
        let (folder, name) = file.path.split_at(cut);
        x += pen.put(x, row.y, name_columns / 2, folder, Role::Dim);
        pen.put(x, row.y, (row.x + 1 + name_columns).saturating_sub(x), name, Role::Text);
        pen.put_right(
            row.right().saturating_sub(9 + bar_columns),
            row.y,
            10,
            &units::bytes(file.length_bytes, pen.look.units),
            Role::Text,
        );
        let place =
            Rect { x: row.right().saturating_sub(7 + bar_columns), width: bar_columns.min(row.width), ..row };
        bar::progress(pen, place, if done { 1 } else { good }, if done { 1 } else { file.length_bytes });
        pen.put_right(
            row.right(),
            row.y,
            5,
            &format!("{percent} %"),
            if done { Role::Progress } else { Role::Text },
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ui::sample;

    #[test]
    fn counts_what_a_file_has_of_the_pieces_at_its_ends() {
        let mut view = sample::healthy();
        let piece = u64::from(view.torrent.geometry.piece_bytes());
        let states = &mut Arc::make_mut(&mut view.pieces).states;
        states.fill(PieceState::Missing);
        states[1] = PieceState::Good;
        let file = |offset_bytes, length_bytes| FileFacts { path: String::new(), offset_bytes, length_bytes };
        assert_eq!(good_bytes(&file(0, 3 * piece), &view), piece);
        assert_eq!(good_bytes(&file(piece + 10, piece), &view), piece - 10);
        assert_eq!(good_bytes(&file(0, piece + 7), &view), 7);
        assert_eq!(good_bytes(&file(piece, 0), &view), 0);
    }
}
