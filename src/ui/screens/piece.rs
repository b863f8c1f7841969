//! What is known of one piece: what became of it, its blocks, its failures, and who holds it.

use ratatui::layout::Rect;

use super::{log, more};
use crate::event::{BlockState, PeerKey};
use crate::ledger::{Failures, PeerRecord, PieceState, Senders, UnderWay, View};
use crate::metainfo::PieceIndex;
use crate::ui::hues::{self, Hues};
use crate::ui::model::{self, Model};
use crate::ui::paint::{self, Pen, Spans, clip_address, inset, take_top, wrap};
use crate::ui::piece_map::Lattice;
use crate::ui::theme::{HUES, Look, Role};
use crate::ui::words::{self, Standing};
use crate::units;

/// Columns of a client's name beside an address.
const CLIENT: usize = 24;

/// A peer's address.
pub(super) fn address(view: &View, key: PeerKey) -> String {
    model::peer(view, key).map_or_else(|| "a peer that is gone".to_owned(), |peer| peer.addr.to_string())
}

/// A peer as sentences name it: address and client.
pub(super) fn name(view: &View, key: PeerKey) -> String {
    let address = address(view, key);
    match model::peer(view, key).and_then(|peer| peer.client.as_ref()) {
        Some(client) => format!("{address} ({})", paint::clip(client, CLIENT)),
        None => address,
    }
}

/// Several of them: `a, b and 3 more`.
fn names(view: &View, senders: &Senders) -> String {
    let mut named: Vec<String> = senders.named.iter().map(|peer| name(view, *peer)).collect();
    if senders.more > 0 {
        named.push(format!("{} more", units::count(u64::from(senders.more))));
    }
    match named.split_last() {
        None => "peers we do not know".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

fn ago(view: &View, at: std::time::Duration) -> String {
    format!("{} ago", words::span(view.at.saturating_sub(at)))
}

/// What became of it, in a sentence.
fn state(view: &View, piece: PieceIndex) -> (Role, &'static str, String) {
    let history = &view.pieces.history;
    match view.pieces.states.get(piece.index()).copied().unwrap_or_default() {
        PieceState::Good => {
            let from = |senders: &Senders| match senders.count() {
                1 => format!(", all of it from {}", names(view, senders)),
                _ => format!(", from {}", names(view, senders)),
            };
            let said = match history.verified(piece.index()) {
                Some(at) => {
                    let from = history.senders(piece.index()).map_or_else(String::new, from);
                    format!("Verified {}{from}.", ago(view, at))
                }
                None => "Verified: it was on disk when ttui looked.".to_owned(),
            };
            (Role::Progress, "✓", said)
        }
        PieceState::Arriving => {
            let said =
                history.under_way(piece).map_or_else(|| "Arriving.".to_owned(), |it| arriving(view, it));
            (Role::Sending, "●", said)
        }
        PieceState::Failed => (Role::Trouble, "✗", "It failed its check, and is fetched again.".to_owned()),
        PieceState::Missing if view.pieces.availability(piece) == 0 => {
            (Role::Text, "–", "Nothing of it is here, and no live peer has it.".to_owned())
        }
        PieceState::Missing => (Role::Text, "–", "Not started; queued.".to_owned()),
    }
}

fn arriving(view: &View, it: &UnderWay) -> String {
    let since = words::span(view.at.saturating_sub(it.since));
    let Some(told) = it.told else { return format!("Arriving for {since}.") };
    let sum = |wanted: fn(&BlockState) -> bool| -> u32 {
        it.blocks.iter().filter(|run| wanted(&run.state)).map(|run| run.count).sum()
    };
    let (here, kept, asked) = (
        sum(|state| matches!(state, BlockState::Here(_) | BlockState::Kept)),
        sum(|state| matches!(state, BlockState::Kept)),
        sum(|state| matches!(state, BlockState::Asked(_))),
    );
    let of: u32 = it.blocks.iter().map(|run| run.count).sum();
    let kept = if kept > 0 { format!(" ({kept} from an earlier run, shown as =)") } else { String::new() };
    let mut said = format!("Arriving for {since}: {here} of {of} blocks here{kept}, {asked} asked for");
    if view.at.saturating_sub(told).as_secs() >= 3 {
        said += &format!(" ({})", ago(view, told));
    }
    said + "."
}

/// Who sends and who is asked, each with a letter: capital for blocks that are here.
fn senders(it: &UnderWay) -> Vec<(PeerKey, u32, u32)> {
    let mut counted: Vec<(PeerKey, u32, u32)> = Vec::new();
    let mut count =
        |peer: PeerKey, here: u32, asked: u32| match counted.iter_mut().find(|(other, ..)| *other == peer) {
            Some(entry) => (entry.1, entry.2) = (entry.1 + here, entry.2 + asked),
            None => counted.push((peer, here, asked)),
        };
    for run in &it.blocks {
        match &run.state {
            BlockState::Free | BlockState::Kept => {}
            BlockState::Asked(peers) => peers.iter().for_each(|peer| count(*peer, 0, run.count)),
            BlockState::Here(peer) => count(*peer, run.count, 0),
        }
    }
    counted
}

/// How a peer stands in the row of blocks: a letter, that of its hue or one behind those, and what it is drawn in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Letter {
    of: PeerKey,
    letter: char,
    role: Role,
}

fn letters(order: &[(PeerKey, u32, u32)], hues: &Hues) -> Vec<Letter> {
    let mut others = ('A'..='Z').skip(usize::from(HUES));
    let mut letter = |of| match hues.of(of) {
        Some(number) => Letter { of, letter: char::from(b'A' + number), role: Role::Peer(number) },
        None => Letter { of, letter: others.next().unwrap_or('?'), role: Role::Sending },
    };
    order.iter().map(|(key, ..)| letter(*key)).collect()
}

/// Cells of a block at most.
const MOST_A_BLOCK: usize = 8;

/// Its blocks in so many columns at most: `AAAAaabb··`, and where there is room for it, wider: `A██ A██ a▒▒ ···`.
fn strip(it: &UnderWay, letters: &[Letter], columns: usize) -> Spans {
    let of = |peer: PeerKey| {
        let known = letters.iter().find(|letter| letter.of == peer);
        known.map_or(('?', Role::Sending), |known| (known.letter, known.role))
    };
    let blocks: usize = it.blocks.iter().map(|run| run.count as usize).sum();
    let a_cell = blocks.div_ceil(columns.max(1)).max(1);
    let wide = (columns / blocks.max(1)).clamp(1, MOST_A_BLOCK);
    let mut shown = Spans::new();
    let (mut run, mut before) = (0, 0);
    for first in (0..blocks).step_by(a_cell) {
        while before + it.blocks[run].count as usize <= first {
            before += it.blocks[run].count as usize;
            run += 1;
        }
        let ((letter, hue), role, fill) = match &it.blocks[run].state {
            BlockState::Free => (('·', Role::Dim), Role::Dim, "·"),
            BlockState::Asked(peers) => {
                let (letter, hue) = peers.first().map_or(('?', Role::Sending), |peer| of(*peer));
                ((letter.to_ascii_lowercase(), hue), Role::Sending, "▒")
            }
            BlockState::Here(peer) => (of(*peer), Role::Strong, "█"),
            BlockState::Kept => (('=', Role::Verified), Role::Strong, "█"),
        };
        shown.push(role, letter.to_string());
        if wide >= 3 {
            shown.push(hue, fill.repeat(wide - 2));
            shown.push(Role::Text, " ");
        }
    }
    if a_cell > 1 {
        shown.push(Role::Dim, format!("  one letter = {a_cell} blocks"));
    }
    shown
}

/// Whose fault its failures were, as far as that can be told.
fn failures(view: &View, failures: &Failures, columns: usize) -> Vec<Spans> {
    let times = match failures.count {
        1 => "It failed its check once.".to_owned(),
        2 => "It failed its check twice.".to_owned(),
        count => format!("It failed its check {} times.", units::count(u64::from(count))),
    };
    let mut said = vec![Spans::new().add(Role::Trouble, "✗").add(Role::Text, format!(" {times}"))];
    for tried in failures.tries.iter().rev() {
        let whose = match tried.from.only() {
            Some(only) => {
                let banned = model::peer(view, only).is_some_and(|peer| peer.banned.is_some());
                let banned = if banned { ", and it is banned" } else { "" };
                format!("{} alone sent it: its fault{banned}.", name(view, only))
            }
            None if tried.from.count() == 0 => "Nobody knows who sent it.".to_owned(),
            None => format!(
                "Sent by {}; which of them sent wrong data cannot be told, so next it is asked of one alone.",
                names(view, &tried.from)
            ),
        };
        let text = format!("{}: {whose}", ago(view, tried.at));
        let lines = wrap(&text, columns.saturating_sub(4));
        said.extend(lines.into_iter().map(|line| Spans::new().add(Role::Text, format!("  {line}"))));
    }
    said
}

/// The live peers that hold it, those that send first.
fn holders(view: &View, piece: PieceIndex) -> Vec<(Standing, &PeerRecord)> {
    let holds = |peer: &&PeerRecord| peer.is_live() && peer.has.as_ref().is_some_and(|has| has.has(piece));
    let all = view.peers.iter().map(|peer| &**peer).filter(holds);
    let mut holders: Vec<_> = all.map(|peer| (Standing::of(peer, view.at), peer)).collect();
    let rate = |peer: &PeerRecord| peer.rates.down_bps;
    holders.sort_by_key(|(standing, peer)| (*standing, std::cmp::Reverse(rate(peer)), peer.key));
    holders
}

/// The glyph of a holder in its hue, where it has one; without colours the letter of the hue stands behind the glyph.
fn mark(standing: Standing, peer: &PeerRecord, hues: &Hues, look: &Look) -> Spans {
    let hue = hues.of(peer.key);
    let plain = Spans::new().add(hue.map_or_else(|| standing.roles().0, Role::Peer), standing.glyph());
    match hue.filter(|_| hues::has_letters(look)) {
        Some(hue) => plain.add(Role::Peer(hue), hues::letter(hue)).add(Role::Text, " "),
        None => plain.add(Role::Text, if hues::has_letters(look) { "  " } else { " " }),
    }
}

/// The holders in rows of so many columns; those without room are counted.
fn holder_rows(
    holders: &[(Standing, &PeerRecord)],
    (hues, look): (&Hues, &Look),
    columns: usize,
    rows: usize,
) -> Vec<Spans> {
    let mut lines: Vec<Spans> = Vec::new();
    let mut line = Spans::new();
    for (at, (standing, peer)) in holders.iter().enumerate() {
        let address = peer.addr.to_string();
        let left = holders.len() - at;
        let more = format!("and {} more", units::count(left as u64));
        let last_row = lines.len() + 1 >= rows;
        // The last row keeps room for how many more there are.
        let reserve = if last_row && left > 1 { more.len() + 3 } else { 0 };
        let needs = mark(*standing, peer, hues, look).width() + address.len();
        if line.width() > 0 && line.width() + 3 + needs + reserve > columns {
            if last_row {
                line.push(Role::Text, format!("   {more}"));
                lines.push(line);
                return lines;
            }
            lines.push(std::mem::take(&mut line));
        } else if line.width() > 0 {
            line.push(Role::Text, "   ");
        }
        line = line.and(mark(*standing, peer, hues, look)).add(Role::Text, address);
    }
    if line.width() > 0 {
        lines.push(line);
    }
    lines
}

/// Columns of a holder in a table at least, and those of its rate and what stands between.
const HOLDER: usize = 59;
const BESIDE: usize = 16;

/// The holders in a table, this many beside each other, each with its client and its rate.
fn holder_table(
    holders: &[(Standing, &PeerRecord)],
    (hues, look): (&Hues, &Look),
    columns: usize,
    beside: usize,
) -> Vec<Spans> {
    let marks = 2 + usize::from(hues::has_letters(look));
    let room = ((columns + 2) / beside.max(1)).saturating_sub(BESIDE + marks - 2);
    let longest = holders.iter().map(|(_, peer)| peer.addr.to_string().len() + 1).max().unwrap_or(0);
    let address = longest.min(room * 4 / 7);
    let name = (room - address).min(CLIENT + 8);
    let entry = |(standing, peer): &(Standing, &PeerRecord)| {
        let full = peer.addr.to_string();
        let shown = clip_address(&full, address);
        let client = paint::clip(peer.client.as_deref().unwrap_or("–"), name);
        let rate = match peer.rates.down_bps {
            0 => String::new(),
            bps => units::rate(bps, look.units),
        };
        let gap = |text: &str, columns: usize| " ".repeat(columns.saturating_sub(paint::width(text)));
        mark(*standing, peer, hues, look)
            .add(Role::Text, format!("{shown}{} ", gap(&shown, address)))
            .add(Role::Dim, format!("{client}{}", gap(&client, name)))
            .add(Role::Down, format!("{rate:>11}"))
    };
    let row = |row: &[(Standing, &PeerRecord)]| {
        let entries = row.iter().map(entry);
        entries.reduce(|row, entry| row.add(Role::Text, "  ").and(entry)).unwrap_or_default()
    };
    holders.chunks(beside.max(1)).map(row).collect()
}

/// Everything there is to say, in rows of so many columns: all who send and every holder in a table, if that fits; else
/// shortened.
fn lines(
    (view, hues, look): (&View, &Hues, &Look),
    piece: PieceIndex,
    lattice: &Lattice,
    columns: usize,
    rows: usize,
) -> Vec<Spans> {
    let holders = holders(view, piece);
    let cell = cell(view, lattice.cell_of(piece.index()));
    let below = usize::from(cell.is_some());
    let few = if rows >= 9 { 3 } else { 1 };
    let above = |senders, rows| said_above((view, hues), piece, &holders, columns, (senders, rows));
    // Two beside each other where there are columns for them, and more only where there are no rows: the fewer, the more
    // columns each has.
    let beside = |above: usize| {
        let left = rows.saturating_sub(above + below);
        let most = (columns + 2) / HOLDER;
        (most.min(2)..=most)
            .filter(|beside| *beside > 0)
            .find(|beside| holders.len().div_ceil(*beside) <= left)
    };
    let table = [usize::MAX, few].into_iter().find_map(|senders| {
        let said = above(senders, usize::MAX);
        let beside = beside(said.len())?;
        Some((said, holder_table(&holders, (hues, look), columns, beside)))
    });
    let (mut said, holding) = table.unwrap_or_else(|| {
        let said = above(few, rows);
        let left = rows.saturating_sub(said.len());
        (said, holder_rows(&holders, (hues, look), columns, left))
    });
    said.extend(holding);
    let free = said.len() < rows;
    said.extend(cell.filter(|_| free));
    said
}

/// What is said of the pieces that share a cell of the grid with it, where there are others.
fn cell(view: &View, cell: std::ops::Range<usize>) -> Option<Spans> {
    let states = view.pieces.states.get(cell.clone()).filter(|states| states.len() > 1)?;
    let good = states.iter().filter(|state| **state == PieceState::Good).count();
    let text = format!(
        "Its cell stands for pieces {} to {}: {good} of {} are verified.",
        units::count(cell.start as u64),
        units::count(cell.end as u64 - 1),
        states.len()
    );
    Some(Spans::new().add(Role::Dim, text))
}

/// Who sends this piece: what they send of others is no news here.
fn sent_by(view: &View, piece: PieceIndex) -> String {
    let it = view.pieces.history.under_way(piece);
    let asked: Vec<PeerKey> = it.map_or_else(Vec::new, |it| {
        senders(it).into_iter().filter(|(.., asked)| *asked > 0).map(|(peer, ..)| peer).collect()
    });
    match asked[..] {
        [] => String::new(),
        [one] => format!("; {} is asked for blocks of it", address(view, one)),
        _ => format!("; {} of them are asked for blocks of it", asked.len()),
    }
}

/// What became of it, its blocks with at most so many of those that send them, its failures in so many rows, and how
/// many hold it.
fn said_above(
    (view, hues): (&View, &Hues),
    piece: PieceIndex,
    holders: &[(Standing, &PeerRecord)],
    columns: usize,
    (most, rows): (usize, usize),
) -> Vec<Spans> {
    let history = &view.pieces.history;
    let mut said = Vec::new();
    let (role, glyph, text) = state(view, piece);
    for (at, line) in wrap(&text, columns.saturating_sub(2)).into_iter().enumerate() {
        let head = if at == 0 {
            Spans::new().add(role, glyph).add(Role::Text, " ")
        } else {
            Spans::new().add(Role::Text, "  ")
        };
        said.push(head.add(Role::Text, line));
    }
    if let Some(it) = history.under_way(piece).filter(|it| !it.blocks.is_empty()) {
        let order = senders(it);
        let letters = letters(&order, hues);
        // Where several blocks share a letter, that is told behind them.
        let blocks: usize = it.blocks.iter().map(|run| run.count as usize).sum();
        let room = columns.saturating_sub(2);
        let room = if blocks > room { room.saturating_sub(24) } else { room };
        said.push(Spans::new().add(Role::Text, "  ").and(strip(it, &letters, room)));
        for (at, (peer, here, asked)) in order.iter().take(most).enumerate() {
            let more = if at + 1 == most && order.len() > most {
                format!("   and {} more", order.len() - most)
            } else {
                String::new()
            };
            let text = format!(" {} sent {here}, is asked for {asked}{more}", name(view, *peer));
            let letter = format!("  {}", letters[at].letter);
            said.push(Spans::new().add(Role::Strong, letter).add(Role::Text, text));
        }
    }
    if let Some(failed) = history.failures(piece) {
        let room = rows.saturating_sub(said.len() + 2).max(1);
        said.extend(failures(view, failed, columns).into_iter().take(room));
    }
    let head = |sent_by: &str| match holders.len() {
        0 => "No live peer has it.".to_owned(),
        1 => format!("1 live peer has it{sent_by}:"),
        count => format!("{} live peers have it{sent_by}:", units::count(count as u64)),
    };
    let full = head(&sent_by(view, piece));
    let head = if paint::width(&full) <= columns { full } else { head("") };
    said.push(Spans::new().add(Role::Text, head));
    said
}

/// Draws what is known of the piece under the cursor.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View, lattice: &Lattice) {
    let mut rest = area;
    let Some(geometry) = view.torrent.geometry() else { return };
    let Some(piece) = geometry.piece(model.piece) else { return };
    let length = units::bytes(u64::from(geometry.length_of(piece)), pen.look.units);
    let title = format!("Piece {}", units::count(u64::from(piece.number())));
    let holders = match view.pieces.availability(piece) {
        0 if view.pieces.states.get(piece.number() as usize) == Some(&PieceState::Good) => {
            "only we have it".to_owned()
        }
        0 => "no peer has it".to_owned(),
        1 => "1 peer has it".to_owned(),
        count => format!("{} peers have it", units::count(u64::from(count))),
    };
    pen.rule(inset(take_top(&mut rest, 1), 1, 1), &title, &length, &holders);
    let text = inset(rest, 1, 1);
    let (columns, rows) = (usize::from(text.width).max(1), usize::from(text.height));
    let lines = lines((view, &model.hues, pen.look), piece, lattice, columns, rows);
    more::shortened(pen, text, &lines);
    take_top(&mut rest, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    log::spare(pen, rest, model, view);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{BlockRun, Event};
    use crate::ledger::script::Script;

    fn text(view: &View, piece: u32, columns: usize, rows: usize) -> String {
        let lattice = Lattice::new(Rect::new(0, 0, 80, 20), view, 0, piece);
        let piece = view.torrent.piece(piece).unwrap();
        let shown = lines((view, &Hues::default(), &Look::default()), piece, &lattice, columns, rows);
        shown.iter().map(|line| format!("{}\n", line.text())).collect()
    }

    #[test]
    fn tells_who_sends_which_block() {
        let mut run = Script::downloading(4);
        let peers = run.peers(2);
        for peer in &peers {
            run.seed(*peer).unchoke(*peer);
        }
        let piece = run.piece(1);
        run.tell(Event::PieceOpened { piece }).wait(4);
        let blocks = vec![BlockRun { count: 1, state: BlockState::Asked(vec![peers[1]]) }];
        run.tell(Event::PieceBlocks { piece, blocks });
        let said = text(&run.view(), 1, 78, 9);
        assert!(said.contains("Arriving for 4 s: 0 of 1 blocks here, 1 asked for."), "{said}");
        assert!(
            said.contains("  i▒▒▒▒▒▒ \n  I 80.0.1.1:6881 (Transmission 4.0.6) sent 0, is asked for 1"),
            "{said}"
        );
        assert!(said.contains("2 live peers have it; 80.0.1.1:6881 is asked for blocks of it:"), "{said}");
        let it = UnderWay {
            since: run.at,
            told: None,
            blocks: vec![
                BlockRun { count: 3, state: BlockState::Here(peers[0]) },
                BlockRun { count: 2, state: BlockState::Asked(peers.clone()) },
                BlockRun { count: 1, state: BlockState::Here(peers[1]) },
                BlockRun { count: 2, state: BlockState::Free },
            ],
        };
        assert_eq!(senders(&it), [(peers[0], 3, 2), (peers[1], 1, 2)]);
        let mut hues = Hues::default();
        hues.give(0, peers[0]);
        let letters = letters(&senders(&it), &hues);
        assert_eq!(strip(&it, &letters, 8).text(), "AAAaaI··", "one has a hue, the other none");
        assert_eq!(strip(&it, &letters, 24).text(), "A█ A█ A█ a▒ a▒ I█ ·· ·· ");
        assert_eq!(strip(&it, &letters, 4).text(), "AAa·  one letter = 2 blocks");
    }

    #[test]
    fn tells_what_an_earlier_run_has_left() {
        let mut run = Script::downloading(4);
        let peer = run.peers(1)[0];
        run.wait(4);
        let alike = |count, state| BlockRun { count, state };
        let blocks =
            vec![alike(2, BlockState::Kept), alike(1, BlockState::Here(peer)), alike(3, BlockState::Free)];
        let it = UnderWay { since: run.at, told: Some(run.at), blocks };
        let said = arriving(&run.view(), &it);
        assert!(
            said.contains("3 of 6 blocks here (2 from an earlier run, shown as =), 0 asked for."),
            "{said}"
        );
        assert_eq!(
            (senders(&it), strip(&it, &letters(&senders(&it), &Hues::default()), 6).text()),
            (vec![(peer, 1, 0)], "==I···".to_owned())
        );
    }

    #[test]
    fn tells_how_often_a_piece_failed_and_whose_fault_that_was() {
        let mut run = Script::downloading(4);
        let peers = run.peers(3);
        for peer in &peers {
            run.seed(*peer);
        }
        let piece = run.piece(2);
        run.tell(Event::PieceFailed { piece, from: peers.clone() }).wait(5);
        run.tell(Event::PieceFailed { piece, from: vec![peers[1]] });
        let until = Some(run.at + std::time::Duration::from_secs(3600));
        run.tell(Event::Banned { peer: peers[1], until, reason: "wrong data".to_owned() });
        let said = text(&run.view(), 2, 140, 12);
        assert!(said.contains("It failed its check twice."), "{said}");
        assert!(said.contains(
            "0 s ago: 80.0.1.1:6881 (Transmission 4.0.6) alone sent it: its fault, and it is banned."
        ));
        assert!(said.contains("5 s ago: Sent by 80.0.0.1:6881"), "{said}");
        assert!(said.contains("cannot be told"), "{said}");
    }

    #[test]
    fn every_holder_is_shown_or_counted() {
        let mut run = Script::downloading(4);
        let peers = run.peers(40);
        for peer in &peers {
            run.seed(*peer);
        }
        let view = run.view();
        for (columns, rows) in [(78, 4), (78, 9), (40, 3), (118, 14), (200, 20), (36, 5)] {
            let said = text(&view, 0, columns, rows);
            assert!(said.contains("40 live peers have it"), "{said}");
            let shown = said.matches(":6881").count();
            let more =
                said.split("and ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
            assert_eq!(shown + more, 40, "{columns}×{rows}\n{said}");
            assert!(said.lines().all(|line| paint::width(line) <= columns), "{columns}×{rows}\n{said}");
        }
    }

    #[test]
    fn tells_where_a_good_piece_came_from() {
        let mut run = Script::downloading(4);
        let peers = run.peers(10);
        let mut had = crate::metainfo::Bitfield::empty(4);
        had.set(run.piece(0));
        run.tell(Event::Had { pieces: std::sync::Arc::new(had) });
        let (one, many) = (run.piece(1), run.piece(2));
        run.tell(Event::PieceVerified { piece: one, from: vec![peers[0]] });
        run.tell(Event::PieceVerified { piece: many, from: peers }).wait(70);
        let view = run.view();
        assert!(text(&view, 0, 200, 9).starts_with("✓ Verified: it was on disk when ttui looked."));
        assert!(text(&view, 1, 200, 9).starts_with("✓ Verified 1m 10s ago, all of it from 80.0.0.1:6881."));
        assert!(text(&view, 2, 400, 9).lines().next().unwrap().ends_with("80.0.7.1:6881 and 2 more."));
    }
}
