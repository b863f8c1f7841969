//! What the glyphs of the grid mean: each drawn as the grid draws it, and none cut in its middle.

use ratatui::layout::Rect;

use super::Cell;
use super::layers::{
    AGES, ARRIVING, COMMON, Glyph, HAD, HAD_BY_NONE, Letters, MISSING, OFFERED, ON_DISK, OTHERS, OURS_ALONE,
    SHARED, TOGETHER, had_by,
};
use crate::event::PeerKey;
use crate::ledger::View;
use crate::ui::paint::{Pen, width};
use crate::ui::piece_map::{Layer, Scale};
use crate::ui::theme::Role;
use crate::units;

/// Columns between two entries, and where that does not fit.
const GAP: u16 = 3;
const LEAST_GAP: u16 = 2;

/// Glyphs that mean the same.
struct Entry {
    glyphs: Vec<Glyph>,
    means: String,
    /// The same in fewer words.
    brief: String,
}

impl Entry {
    fn new(glyphs: &[Glyph], means: &str, brief: &str) -> Self {
        Self { glyphs: glyphs.to_vec(), means: means.to_owned(), brief: brief.to_owned() }
    }

    fn columns(&self, brief: bool) -> u16 {
        let glyphs: usize = self.glyphs.iter().map(|(glyph, _)| width(glyph)).sum();
        (glyphs + 1 + width(self.text(brief))) as u16
    }

    fn text(&self, brief: bool) -> &str {
        if brief { &self.brief } else { &self.means }
    }
}

/// What the glyphs of a layer mean.
pub(crate) struct Legend(Vec<Entry>);

/// How a legend is laid out: in its full words or in few, how far apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Setting {
    brief: bool,
    gap: u16,
}

impl Legend {
    /// The entries in rows of so many columns: which stand in each.
    fn rows(&self, columns: u16, Setting { brief, gap }: Setting) -> Vec<std::ops::Range<usize>> {
        let mut rows: Vec<std::ops::Range<usize>> = Vec::new();
        let mut used = 0;
        for (at, entry) in self.0.iter().enumerate() {
            let needs = entry.columns(brief);
            match rows.last_mut() {
                Some(row) if used + gap + needs <= columns => {
                    (row.end, used) = (at + 1, used + gap + needs);
                }
                _ => {
                    rows.push(at..at + 1);
                    used = needs;
                }
            }
        }
        rows
    }

    /// The most explicit setting that fits into so many columns and rows, and otherwise the tightest.
    fn setting(&self, columns: u16, most_rows: u16) -> Setting {
        let tightest = Setting { brief: true, gap: LEAST_GAP };
        let settings =
            [(false, GAP), (false, LEAST_GAP), (true, GAP)].map(|(brief, gap)| Setting { brief, gap });
        let fits = |setting: &Setting| self.rows(columns, *setting).len() <= usize::from(most_rows);
        settings.into_iter().find(fits).unwrap_or(tightest)
    }

    /// Rows it takes where at most so many of so many columns are there for it.
    pub(crate) fn height(&self, columns: u16, most_rows: u16) -> u16 {
        let setting = (1..=most_rows).map(|rows| (rows, self.setting(columns, rows)));
        let mut fitting =
            setting.filter(|(rows, setting)| self.rows(columns, *setting).len() <= usize::from(*rows));
        fitting.next().map_or(most_rows, |(rows, _)| rows)
    }

    /// Whether every entry has its place there.
    pub(crate) fn fits(&self, columns: u16, rows: u16) -> bool {
        self.rows(columns, self.setting(columns, rows)).len() <= usize::from(rows)
            && self.0.iter().all(|entry| entry.columns(true) <= columns)
    }

    /// Draws it, and behind it how much a cell stands for, where there is room. An entry without room is left out.
    pub(crate) fn draw(&self, pen: &mut Pen<'_>, area: Rect, scale: Scale) {
        let setting = self.setting(area.width, area.height);
        let mut end = area.x;
        for (row, y) in self.rows(area.width, setting).into_iter().zip(area.top()..area.bottom()) {
            let mut x = area.x;
            for entry in &self.0[row] {
                if x + entry.columns(setting.brief) > area.right() {
                    break;
                }
                for (glyph, role) in &entry.glyphs {
                    x += pen.put(x, y, 3, glyph, *role);
                }
                x += 1 + pen.put(x + 1, y, area.width, entry.text(setting.brief), Role::Dim) + setting.gap;
            }
            end = x;
        }
        let one = words_of(scale);
        if !area.is_empty() && end + width(&one) as u16 <= area.right() {
            pen.put_right(area.right(), area.bottom() - 1, area.width, &one, Role::Dim);
        }
    }
}

impl Legend {
    /// The same, and what stands for skipped pieces where there are any.
    #[must_use]
    pub(crate) fn and_skipped(mut self, view: &View) -> Self {
        if view.pieces.wanted_bytes.is_some() {
            let skipped = "skipped".to_owned();
            let glyphs = vec![Cell::Skipped.glyph(false)];
            self.0.push(Entry { glyphs, means: skipped.clone(), brief: skipped });
        }
        self
    }

    /// Every entry: its glyphs, and its two wordings.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&[Glyph], [&str; 2])> {
        self.0.iter().map(|entry| (entry.glyphs.as_slice(), [entry.text(false), entry.text(true)]))
    }
}

/// How much a cell stands for.
pub(crate) fn words_of(scale: Scale) -> String {
    match scale {
        Scale::Pieces(1) => "one cell = 1 piece".to_owned(),
        Scale::Pieces(count) => format!("one cell = {} pieces", units::count(count as u64)),
        Scale::Cells(count) => format!("{count} cells = 1 piece"),
    }
}

/// What the glyphs mean of the pieces of one peer.
pub(crate) fn legend_of_one() -> Legend {
    Legend(vec![
        Entry::new(
            &HAD.map(|glyph| (glyph, OFFERED)),
            "it has all or some, and we lack of it",
            "it has, we lack",
        ),
        Entry::new(&HAD.map(|glyph| (glyph, SHARED)), "we have too", "we too"),
        Entry::new(&[MISSING], "it lacks", "it lacks"),
    ])
}

/// What the glyphs of a layer mean; names of peers come from `name`.
pub(crate) fn legend(layer: Layer, letters: &Letters, name: impl Fn(PeerKey) -> String) -> Legend {
    let mut entries = Vec::new();
    let mut add = |glyphs: &[Glyph], means: &str, brief: &str| entries.push(Entry::new(glyphs, means, brief));
    match layer {
        Layer::State => {
            let of = |cell: Cell| cell.glyph(false);
            add(&[of(Cell::Good)], "verified", "verified");
            add(&[of(Cell::Most), of(Cell::Some)], "partly", "partly");
            let more = |cell: Cell| cell.glyph(true);
            add(&[of(Cell::Arriving), more(Cell::Some), more(Cell::Most)], "arriving", "arriving");
            add(&[of(Cell::Missing)], "missing", "missing");
            add(&[of(Cell::Unheld)], "no peer has it", "no peer");
            add(&[of(Cell::Failed)], "failed its check", "failed");
        }
        Layer::Availability => {
            let digits = letters.digits;
            let steps = |ours: bool| {
                let mut steps: Vec<Glyph> = (1..=COMMON).map(|peers| had_by(peers, ours, digits)).collect();
                steps.dedup();
                steps
            };
            match digits {
                true => {
                    add(&steps(false), "so many live peers have its rarest piece", "peers have its rarest")
                }
                false => add(
                    &steps(false),
                    "1 to 10 or more live peers have its rarest piece",
                    "1 to 10 or more have it",
                ),
            }
            add(&steps(true), "and we have it", "and we");
            add(&[OURS_ALONE], "only we have it", "only we");
            add(&[HAD_BY_NONE], "no peer has it", "no peer");
        }
        Layer::Provenance => {
            for (letter, peer) in letters.senders() {
                let name = name(peer);
                add(&[letter], &name, &name);
            }
            if letters.are_too_few() {
                add(&[OTHERS], "others", "others");
            }
            add(&[TOGETHER], "several together", "several");
            add(&[ON_DISK], "was on disk", "on disk");
            add(&[ARRIVING], "arriving", "arriving");
            add(&[MISSING], "missing", "missing");
        }
        Layer::Age => {
            for (age, (means, brief)) in AGES.into_iter().zip([
                ("within 10 s", "10 s"),
                ("a minute", "1 min"),
                ("10 minutes", "10 min"),
                ("an hour", "1 h"),
                ("longer ago", "older"),
            ]) {
                add(&[age], means, brief);
            }
            add(&[ON_DISK], "was on disk", "on disk");
            add(&[ARRIVING], "arriving", "arriving");
            add(&[MISSING], "missing", "missing");
        }
    }
    Legend(entries)
}
