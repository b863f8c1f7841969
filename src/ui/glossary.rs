//! Every word and glyph that the screens use for something, in plain words: what the help tells beside the keys.

use crate::event::Cause;

use super::filter;
use super::model::{Mode, Model, Screen};

/// A word as the screens have it, with its glyph where it has one, and what it means.
pub(crate) type Entry = (String, String);

/// Where words are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Where peers are listed.
    Peers,
    /// On the overview.
    Overview,
    /// On a peer's page.
    Peer,
    /// On the pieces.
    Pieces,
    /// On the trackers.
    Trackers,
    /// On the files.
    Files,
    /// On the log.
    Log,
    /// On the torrents.
    Torrents,
    /// Below a recording.
    Replay,
}

impl Place {
    /// Whether the user looks at it.
    pub(crate) fn is_at(self, model: &Model) -> bool {
        let browse = |screens: &[Screen]| model.mode() == Mode::Browse && screens.contains(&model.screen);
        match self {
            Self::Peers => browse(&[Screen::Overview, Screen::Peers]),
            Self::Overview => browse(&[Screen::Overview]) || model.mode() == Mode::Why,
            Self::Peer => matches!(model.mode(), Mode::Peer { .. }),
            Self::Pieces => browse(&[Screen::Pieces]),
            Self::Trackers => browse(&[Screen::Trackers]),
            Self::Files => browse(&[Screen::Files]),
            Self::Log => browse(&[Screen::Log]),
            Self::Torrents => browse(&[Screen::Torrents]),
            Self::Replay => model.replay.is_some(),
        }
    }
}

/// The words of a place.
type Words = (Place, &'static str, &'static [(&'static str, &'static str)]);

const WORDS: &[Words] = &[
    (
        Place::Peers,
        "What a peer is doing (STATE)",
        &[
            ("● sending", "live: blocks come from it"),
            ("● taking", "live: it has nothing we miss, and downloads from us"),
            ("○ unchoked", "live: it lets us ask (it unchoked us), but nothing comes"),
            ("○ idle", "live: nothing goes either way; it has nothing we miss"),
            (
                "◐ choked",
                "live: it does not let us ask (it is choking us) and serves others first; that often ends by itself",
            ),
            ("⊘ held", "live, but you hold it: nothing is asked of it nor sent to it"),
            ("◌ dialling", "being called; nothing answered yet"),
            ("◌ waiting", "it took the call; its first words (the handshake) have not come yet"),
            ("– queued", "not called yet: only so many are called at once"),
            ("⊘ dropped", "you dropped it; it stays away until you retry it"),
            ("⊘ banned", "its address is banned for a while"),
            ("· gone", "was live, and went without a fault; another word says how"),
            ("17 peers", "so many failed for one cause and share a row; opened, each has its own"),
            ("✗ failed", "not live because something went wrong; the word in its place says what:"),
        ],
    ),
    (
        Place::Peers,
        "What comes and goes (↓ TO US, ↑ TO IT)",
        &[
            ("6.1 MiB/s", "so much in a second, as the mean of three"),
            ("choking us", "or choking, to us: it does not let us ask, and serves others first"),
            ("0 · 34 s", "to us: it lets us ask, and sent nothing for 34 seconds"),
            ("our limit", "to us: our own limit leaves nothing to ask for"),
            ("choked", "to it: we do not let it ask (we choke it); turns change every 10 seconds"),
            ("no need", "to us: it has nothing that we miss; to it: as not interested"),
            ("not interested", "to it: it wants nothing of us"),
            ("0 B/s", "to it: it may ask, and asks for nothing"),
            ("held", "you hold it"),
            ("paused", "you paused the download: nothing is asked nor sent"),
            ("stopped", "the disk stopped the download"),
            ("✓ 61 ms enc", "it answered our handshake after 61 thousandths of a second; enc: encrypted"),
            ("again in 4m", "when it is called again; gives up in 7 s: how long we wait for its answer"),
            ("+12 more live", "live peers for which there is no row; down brings them into sight"),
        ],
    ),
    (
        Place::Overview,
        "Where peers drop off",
        &[
            ("known", "peers whose address we know"),
            ("dialled", "those we called, or that called us"),
            ("connected", "those that took the call"),
            ("handshaken", "those that answered as BitTorrent peers of this torrent"),
            ("unchoked", "those that let us ask for data (specification: unchoked us)"),
            ("sending", "those from which data comes"),
            ("8 choking us", "lost before this step, and why; the words are those of STATE"),
            (
                "█▒▓░·",
                "in a bar: got this far, then those lost before, each cause in its tint: failed, waits, kept out by you, under way",
            ),
            ("send nothing", "they let us ask, and nothing comes"),
            ("not needed", "they have nothing that we miss"),
            ("queued", "not called yet: only so many are called at once"),
            ("5 new", "they got this far a moment ago; what comes next is not known yet"),
            ("+3", "three more were lost, for reasons that have no room here"),
            ("interested", "once everything is here: those connected that want something of us"),
            ("unchoked", "once everything is here: those that we let ask"),
            ("taking", "once everything is here: those to which data goes"),
            ("ask for nothing", "they may ask, and do not at this moment"),
            ("both complete", "it has everything, and so do we"),
            ("uploaded", "sent to others in this run; ratio: sent for each byte received"),
        ],
    ),
    (
        Place::Overview,
        "How all of it goes",
        &[
            ("✓", "going well, or complete"),
            ("▲", "something to know about: slow, stalled, or what may be mended"),
            (
                "▸ downloading",
                "data is fetched; verifying: what is on disk is checked; making files: room is made",
            ),
            ("▲ slow", "data comes, but slowly for this torrent"),
            ("▲ stalled", "nothing came for 30 seconds or longer"),
            ("‖ paused", "by you"),
            ("■ stopped", "the disk is full, or may not be written"),
            ("✓ seeding", "everything is here, and is given to others"),
            ("● rec", "the run is being recorded"),
            ("= frozen", "the screen stands still, and the download goes on"),
            ("no ETA", "nobody can tell how long it takes"),
            ("verified", "here, and found to be what the torrent says"),
        ],
    ),
    (
        Place::Pieces,
        "The map of the pieces",
        &[
            ("█", "verified: every piece of the cell is here and has passed its check"),
            (
                "▓ ▒",
                "partly verified: over half of the cell, and less; in the colour of ▄ where more is arriving",
            ),
            ("▄", "arriving: some blocks are asked for or here, no piece is whole"),
            ("·", "missing, and not asked for yet"),
            ("!", "no peer has it: missing, and none that is live can give it"),
            ("x", "failed its check, and is fetched again"),
            ("0", "availability: only we have it"),
            ("1–9 +", "how many live peers have the rarest piece of the cell; +: ten or more"),
            (
                "A–H",
                "who sent most of the cell, of the eight that give most; in its colour, here and in its row; ▓: several together, ▒: others, ■: was on disk",
            ),
            (
                "AAaab··",
                "the blocks of a piece: capitals came from that peer, small letters are asked of it, · is free",
            ),
            ("■ - _", "by age: was on disk; came within an hour; longer ago"),
        ],
    ),
    (
        Place::Trackers,
        "What is said of sources",
        &[
            (
                "SOURCE",
                "who names peers: a tracker, a server for that, of which one that answers is enough; or another way",
            ),
            ("PEX", "peer exchange: connected peers tell each other once a minute who else is there"),
            (
                "DHT",
                "a table that clients everywhere keep together: its nodes name peers where no tracker does",
            ),
            ("LSD", "local discovery: clients on the same network name themselves"),
            ("way in", "the router is asked to let peers in that call us (port mapping)"),
            ("TIER", "trackers of one tier stand in for each other; all tiers are asked at once"),
            ("✓ answered", "its last answer was one; ✓ named some: peers named others"),
            ("◌ asking", "not answered yet; ◌ none so far: no peer has named another"),
            ("✗", "it failed; the word says how, and below it stands what it said"),
            ("PEERS", "how many of the peers it named we know; –: it never named any"),
            ("SHOOK HANDS", "how many of them answered as BitTorrent peers: how good its list is"),
            ("SEEDS", "peers that have everything, as it counts them"),
            ("LEECHES", "peers still downloading, as it counts them"),
            ("ANNOUNCES", "what came of the last ones, the newest at the right: ✓ answered, ✗ failed"),
            ("AGAIN", "when it is asked again; –: it is never asked"),
        ],
    ),
    (
        Place::Peer,
        "What a peer's page says",
        &[
            (
                "HOW",
                "tcp: the ordinary connection; utp: one that gives way to other traffic; in: it called us; via: a third peer had both dial",
            ),
            ("plain", "not encrypted; encrypted: scrambled, which some clients ask for"),
            (
                "✗ ✓ ┃ ◌",
                "on the row of time: an attempt that failed, its handshake, now, and the next attempt; ━: it lasted",
            ),
            (
                "Holepunch",
                "behind a router that lets nobody in: a third peer, connected to both, has the two dial each other at once",
            ),
            (
                "uTP",
                "how that connection goes: round trip, delay of our packets (↑) and of its (↓) over the least there was, bytes on their way, what was sent again, and what keeps us from sending more",
            ),
            ("OPEN", "milliseconds until it took the call"),
            ("SENT", "bytes that we sent"),
            ("ANSWER", "✓ and milliseconds until its whole handshake came, or the bytes that came"),
            ("END", "how it ended, and after how many milliseconds"),
            ("protocol", "the first twenty bytes, the same of every BitTorrent client"),
            ("reserved", "eight bytes of which each bit says what a client can do"),
            ("ltep", "it takes extension messages (peer exchange and others)"),
            ("dht", "it finds peers without trackers"),
            ("fast", "it takes the fast extension"),
            ("v2", "it knows torrents of version 2"),
            ("+bit 19", "a bit that no specification explains"),
            ("info hash", "which torrent it is about; ✗: another one than ours"),
            ("peer id", "the name the client made for itself: client and version, then chance"),
            ("choking us", "it does not let us ask; serving us: it does"),
            ("interested", "it wants something that the other has"),
            ("requests out", "blocks asked for that have not come; wanted: how many we would have under way"),
            (
                "Takes",
                "the extensions it names: ut_pex names peers, ut_metadata gives the torrent itself, ut_holepunch has others meet",
            ),
        ],
    ),
    (
        Place::Files,
        "Signs of the files",
        &[
            ("▾ ▸", "a folder that is open, or folded"),
            ("PIECES", "its pieces from first to last, with the glyphs of the piece map"),
            ("HERE", "how much of it is here and verified"),
            ("RATE", "its part of what comes, by its pieces of the last 30 s"),
            ("LEFT", "how long the rest of it takes at that rate"),
        ],
    ),
    (
        Place::Log,
        "Signs of the log",
        &[
            ("✓", "good news"),
            ("·", "what happens all the time"),
            ("▲", "something to know about"),
            ("✗", "something failed"),
        ],
    ),
    (
        Place::Replay,
        "The bar of a recording",
        &[
            ("┃", "where it is now"),
            ("✗", "something failed there; x: a piece failed its check"),
            ("▲", "the judgement changed there"),
            ("+ –", "more peers came than went there, or fewer"),
        ],
    ),
    (
        Place::Torrents,
        "What a torrent is doing (STATE)",
        &[
            ("▸ downloading", "pieces come, or are about to"),
            ("▲ slow", "pieces come, and no faster than peers give them; WHY says what holds it up"),
            ("▲ stalled", "pieces are missing, and nothing came for half a minute"),
            ("▸ metadata", "a magnet: what is in the torrent is being asked of peers"),
            ("▸ verifying", "what is on the disk is compared with the torrent"),
            ("✓ seeding", "everything is here, and others may have it from us"),
            ("‖ paused", "you paused it"),
            ("– queued", "only so many run at once; WHY says what it waits for"),
            ("■ stopped", "it cannot go on until you let it (its disk is full, say)"),
            ("✓ done", "everything is here, and nothing goes on with it"),
            ("– elsewhere", "another ttui has it"),
            ("7/17/50", "PEERS: those that send, those that are live, those that are known"),
            ("×1.31", "LEFT, where everything is here: how often it was given on"),
        ],
    ),
];

/// Words that a cause has of its own, each once, with all that it may mean.
fn causes() -> Vec<Entry> {
    let states =
        WORDS.iter().find(|(place, ..)| *place == Place::Peers).map_or(&[][..], |(.., words)| *words);
    let mut entries: Vec<Entry> = Vec::new();
    for cause in Cause::ALL.iter().map(|cause| cause.info()) {
        let word = format!("{} {}", if cause.fault { "✗" } else { "·" }, cause.short);
        match entries.iter_mut().find(|(other, _)| bare(other) == cause.short) {
            Some((_, means)) => *means += &format!(" Or: {}", cause.sentence),
            None if states.iter().any(|(state, _)| *state == word) => {}
            None => entries.push((word, cause.sentence.to_owned())),
        }
    }
    entries
}

/// A word without the glyph before it.
pub(crate) fn bare(word: &str) -> &str {
    match word.split_once(' ') {
        Some((glyph, rest)) if !glyph.chars().any(|c| c.is_ascii_alphanumeric() || c == '+') => rest,
        _ => word,
    }
}

/// Everything that is explained: where it is used, a title, and the words.
pub(crate) fn sections() -> Vec<(Place, &'static str, Vec<Entry>)> {
    let mut sections = Vec::new();
    for (at, (place, title, words)) in WORDS.iter().enumerate() {
        let mut entries: Vec<Entry> =
            words.iter().map(|(word, means)| ((*word).to_owned(), (*means).to_owned())).collect();
        if at == 0 {
            entries.extend(causes());
        }
        sections.push((*place, *title, entries));
    }
    sections.push((Place::Peers, "What a filter says", filter::grammar()));
    sections
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ui::columns::column;
    use crate::ui::grid::Context;
    use crate::ui::sample;
    use crate::ui::theme::Look;
    use crate::ui::words;

    /// The words that are explained where peers are listed.
    fn explained() -> BTreeSet<String> {
        let of_peers = sections().into_iter().filter(|(place, ..)| *place == Place::Peers);
        of_peers.flat_map(|(.., words)| words).map(|(word, _)| bare(&word).to_owned()).collect()
    }

    #[test]
    fn every_word_of_a_state_is_explained() {
        let explained = explained();
        for (view, key) in sample::one_of_each() {
            let peer = crate::ui::model::peer(&view, key).unwrap();
            let word = words::state_word(peer, view.at);
            assert!(explained.contains(word), "{word}");
        }
        for cause in Cause::ALL {
            assert!(explained.contains(cause.info().short), "{}", cause.info().short);
        }
    }

    #[test]
    fn every_word_in_the_place_of_a_rate_is_explained() {
        let explained = explained();
        let mut seen = BTreeSet::new();
        let views = sample::MOMENTS.iter().map(|(name, ..)| sample::moment(name));
        for mut view in views.chain((0..60).map(sample::random)) {
            for limit in [None, Some(1)] {
                view.limits.0 = limit;
                if limit.is_some() {
                    let peers = view.peers.iter_mut().map(std::sync::Arc::make_mut);
                    peers.for_each(|peer| peer.sample.requests_out = 0);
                }
                let context = Context { view: &view, look: &Look::default() };
                for peer in &view.peers {
                    for id in ["down", "up"] {
                        let text = (column(id).unwrap().cell)(peer, context, 30).text();
                        // Rates are numbers, and so is for how long nothing came.
                        if !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) {
                            assert!(explained.contains(&text), "{text}");
                            seen.insert(text);
                        }
                    }
                }
            }
        }
        for word in ["choking us", "choked", "no need", "not interested", "held", "paused", "our limit"] {
            assert!(seen.contains(word), "{word} was never shown: {seen:?}");
        }
    }

    #[test]
    fn what_the_funnel_and_the_handshake_say_is_explained() {
        let all: Vec<String> =
            sections().into_iter().flat_map(|(.., words)| words).map(|(word, _)| word).collect();
        let explains = |word: &str| all.iter().any(|known| known.contains(word));
        for step in words::STEPS {
            assert!(explains(step), "{step}");
        }
        for cause in Cause::ALL.iter().copied().map(Some).chain([None]) {
            for step in 1..6 {
                let word = words::loss_word(step, cause);
                assert!(explains(word), "{word}");
            }
        }
        for word in ["ltep", "dht", "fast", "v2", "TIER", "SHOOK HANDS", "enc", "+bit"] {
            assert!(explains(word), "{word}");
        }
    }
}
