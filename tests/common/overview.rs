//! The overview of a view, drawn as the program draws it.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ttui::ledger::View;
use ttui::ui::{Look, Model, draw};

/// Screens that people have.
pub(crate) const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (120, 40)];

/// The first judgement on the overview is the first of the view, and none of the others stands before it, in every size.
#[track_caller]
pub(crate) fn assert_first_is_shown_first(view: &View) {
    for size in SIZES {
        let lines = lines(view, size);
        let shown = as_words(&lines.join(" "));
        // The rest may be worded more briefly.
        let begins = |text: &str| text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        let first = &view.verdicts[0];
        let wordings = [begins(&first.text), begins(&first.brief.0), first.headline.clone()];
        let place = wordings.iter().find_map(|text| shown.find(text));
        assert!(place.is_some(), "{wordings:?} at {size:?}:\n{}", lines.join("\n"));
        for other in &view.verdicts[1..] {
            let is_behind = shown.find(&begins(&other.text)).is_none_or(|at| Some(at) > place);
            assert!(is_behind, "{:?} stands before it at {size:?}:\n{}", other.text, lines.join("\n"));
        }
    }
}

/// The words of a text with one blank between them.
pub(crate) fn as_words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines(view: &View, (columns, rows): (u16, u16)) -> Vec<String> {
    let mut model = Model::new(Look::default());
    model.size = (columns, rows);
    model.take_in(view);
    let area = Rect::new(0, 0, columns, rows);
    let mut buf = Buffer::empty(area);
    draw(&mut buf, area, &model, view);
    let cells: Vec<&str> = buf.content().iter().map(Cell::symbol).collect();
    cells.chunks(usize::from(columns)).map(<[&str]>::concat).collect()
}
