//! One function for every parser of foreign bytes: it takes any bytes, and panics where what must hold does not.
//!
//! The fuzz targets and `tests/fuzzed.rs` share it; what a target kept in `fuzz/corpus` is tried by both.

mod recording;
mod utp;

use std::io::Read;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use ttui::dht::{self, Dht};
use ttui::engine::pool::BlockPool;
use ttui::engine::receive::{Incoming, Receiver};
use ttui::ledger::client_name;
use ttui::mapping::{self, Action, Input, Mapper};
use ttui::metainfo::address::Family;
use ttui::metainfo::bencode::{self, Kind, Limits, Value};
use ttui::metainfo::{Geometry, InfoHash, Magnet, PeerId, Torrent};
use ttui::peer::Window;
use ttui::report::info;
use ttui::report::table::Rows;
use ttui::storage::Record;
use ttui::text;
use ttui::wire::krpc;
use ttui::wire::mse::{self, MseError, Negotiation, Offer, Step};
use ttui::wire::tracker::{http, udp};
use ttui::wire::{
    ExtensionHandshake, Handshake, Holepunch, Judged, LsdAnnounce, MOST_LSD_TORRENTS, MOST_PEX_ENTRIES,
    Message, MetadataMessage, Pex, looks_like,
};
use ttui::wire::{http_fields as fields, nat_pmp as by_nat_pmp, pcp as by_pcp};

pub use recording::{recording, recording_frames};
pub use utp::{utp_packet, utp_stream};

/// What takes bytes.
pub type Feed = fn(&[u8]);

/// Every parser by the name of its target.
pub const ALL: [(&str, Feed); 26] = [
    ("bencode", bencode),
    ("torrent", torrent),
    ("magnet", magnet),
    ("handshake", handshake),
    ("messages", messages),
    ("extension", extension),
    ("ut_metadata", ut_metadata),
    ("ut_pex", ut_pex),
    ("ut_holepunch", ut_holepunch),
    ("krpc", krpc),
    ("lsd", lsd),
    ("utp_packet", utp_packet),
    ("utp_stream", utp_stream),
    ("mse", mse),
    ("pcp", pcp),
    ("nat_pmp", nat_pmp),
    ("tracker_http", tracker_http),
    ("tracker_udp", tracker_udp),
    ("http_fields", http_fields),
    ("peer_id", peer_id),
    ("recording", recording),
    ("recording_frames", recording_frames),
    ("resume", resume),
    ("settings", settings),
    ("sanitiser", sanitiser),
    ("export", export),
];

/// Nothing in it acts on a terminal.
fn assert_harmless(shown: &str) {
    let acts = |c: &char| c.is_control() || text::is_invisible(*c);
    assert_eq!(shown.chars().find(acts), None, "{shown:?}");
}

/// Nothing in a name of a file acts on a terminal or lets it look like another. Joiners of emoji and the like may stay:
/// other clients would not find the file without them, and what is shown is cleaned.
fn assert_no_trick(name: &str) {
    let tricks = |c: &char| {
        c.is_control()
            || ['\u{61c}', '\u{feff}'].contains(c)
            || ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}']
                .iter()
                .any(|range| range.contains(c))
    };
    assert_eq!(name.chars().find(tricks), None, "{name:?}");
}

/// A magnet link: what is taken is bounded, and nothing in it acts on a terminal.
pub fn magnet(bytes: &[u8]) {
    let magnet: Magnet = match String::from_utf8_lossy(bytes).parse() {
        Ok(magnet) => magnet,
        Err(error) => return assert_harmless(&error.to_string()),
    };
    magnet.name.iter().for_each(|name| assert_harmless(name));
    magnet.warnings.iter().for_each(|warning| assert_harmless(&warning.to_string()));
    let urls = || magnet.trackers.iter().flatten().chain(&magnet.web_seeds);
    assert!(urls().all(|url| !url.is_empty() && !url.chars().any(char::is_control)));
    assert!(magnet.files.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
    assert_harmless(&info::magnet_text(&magnet).replace('\n', " "));
    assert_harmless(&info::magnet_json(&magnet));
}

/// Any bencode: every value lies within the one around it, and reads the same by itself.
pub fn bencode(bytes: &[u8]) {
    let limits = Limits { bytes: 1 << 20, depth: 100, tokens: 20_000 };
    let Ok(document) = bencode::parse(bytes, limits) else { return };
    assert!(document.root().span().end + document.trailing().len() == bytes.len());
    walk(document.root());
    let again = bencode::parse(document.root().raw(), limits).expect("a value reads by itself");
    assert!(again.trailing().is_empty());
}

fn walk(value: Value<'_>) {
    let within = |inner: Value<'_>| {
        assert!(value.span().start < inner.span().start && inner.span().end < value.span().end);
    };
    match value.kind() {
        Kind::Dict => {
            for (key, inner) in value.dict().into_iter().flatten() {
                assert!(value.dict_get(key).is_some());
                within(inner);
                walk(inner);
            }
        }
        Kind::List => value.list().into_iter().flatten().for_each(|inner| {
            within(inner);
            walk(inner);
        }),
        Kind::Int => {
            value.int();
            value.uint();
        }
        Kind::Bytes => assert!(value.bytes().is_some_and(|content| content.len() < value.raw().len())),
    }
}

/// A torrent file: what is taken is consistent, and its paths stay where they belong.
pub fn torrent(bytes: &[u8]) {
    let torrent = match Torrent::from_bytes(bytes) {
        Ok(torrent) => torrent,
        Err(error) => return assert_harmless(&error.to_string()),
    };
    let geometry = torrent.geometry;
    assert_eq!(torrent.info().hashes().unwrap().all().len(), geometry.piece_count() as usize);
    assert_eq!(torrent.files.total_bytes(), geometry.total_bytes());
    assert_no_trick(&torrent.name);
    torrent.warnings.iter().for_each(|warning| assert_harmless(&warning.to_string()));
    for file in torrent.files.iter() {
        assert!(!file.path.as_str().starts_with('/'));
        for element in file.path.elements() {
            assert!(!["", ".", ".."].contains(&element) && !element.contains('/'), "{:?}", file.path);
            assert_no_trick(element);
        }
    }
    for piece in geometry.pieces().take(50) {
        let bytes: u64 = torrent.spans_of(piece).map(|span| span.length).sum();
        assert_eq!(bytes, u64::from(geometry.length_of(piece)));
    }
    info::text(&torrent).lines().for_each(assert_harmless);
    assert_harmless(&info::json(&torrent));
}

/// The first bytes of a connection, however few came.
pub fn handshake(bytes: &[u8]) {
    for end in 0..=bytes.len().min(100) {
        let some = &bytes[..end];
        match Handshake::judge(some) {
            Judged::Whole(theirs) => {
                assert_eq!(theirs.to_bytes()[..], bytes[..68]);
                theirs.reserved.names();
            }
            Judged::NotBittorrent { at } => assert!(at < end),
            Judged::Prefix | Judged::Torrent { .. } => assert!(end < 68),
        }
        looks_like(some);
    }
    looks_like(bytes);
}

/// What came of a connection: messages and blocks in order, and the error it ended with.
type Came = (Vec<String>, Option<String>);

fn receive(geometry: Geometry, owed: u32, mut bytes: &[u8], cuts: &[u8]) -> Came {
    let mut window = Window::new();
    let blocks: Vec<_> = geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).collect();
    window.grant(blocks.into_iter().take(owed as usize));
    window.refill(Duration::ZERO, &mut Vec::new());
    let mut receiver = Receiver::new(Some(geometry), BlockPool::new(8));
    let mut cuts = cuts.iter().map(|cut| usize::from(*cut) + 1).cycle();
    let (mut came, mut error) = (Vec::new(), None);
    while !bytes.is_empty() && error.is_none() {
        let mut next = &bytes[..cuts.next().unwrap_or(usize::MAX).min(bytes.len())];
        let n = receiver.read_with(&window, |slices| next.read_vectored(slices)).expect("bytes can be read");
        assert!(n > 0, "it reads on");
        bytes = &bytes[n..];
        error = receiver.advance(n, &window).err().map(|error| error.to_string());
        while let Some(incoming) = receiver.next() {
            came.push(match incoming {
                Incoming::Block(block, data) => {
                    window.received(Duration::ZERO, block);
                    format!("{block:?} {:02x?}", &data[..8])
                }
                Incoming::Message(message) => {
                    round_trip(&message);
                    format!("{message:?}")
                }
            });
        }
    }
    (came, error)
}

fn round_trip(message: &Message) {
    let mut out = bytes::BytesMut::new();
    message.encode(&mut out);
    assert_eq!(Message::decode(&out[4..]).as_ref(), Ok(message));
}

/// Framed messages: where the stream is cut makes no difference, and what is not owed is never taken.
pub fn messages(bytes: &[u8]) {
    let Some((&[owed, cuts @ ..], stream)) = bytes.split_first_chunk::<4>() else { return };
    let geometry = Geometry::new(200_000, 65_536).expect("lengths of a torrent");
    let owed = u32::from(owed % 8);
    let cut = receive(geometry, owed, stream, &cuts);
    let whole = receive(geometry, owed, stream, &[]);
    if owed == 0 {
        assert_eq!(cut, whole);
    }
}

/// An extension handshake: what is shown of it is harmless, and what is kept of it reads the same again.
pub fn extension(bytes: &[u8]) {
    let Ok(theirs) = ExtensionHandshake::decode(bytes) else { return };
    theirs.client.iter().for_each(|client| assert_harmless(client));
    theirs.messages.iter().for_each(|(name, _)| assert_harmless(name));
    ExtensionHandshake::decode(&theirs.encode()).expect("our own writing");
}

/// A message about metadata: it says the same when it is written again, and what is said against it is harmless.
pub fn ut_metadata(bytes: &[u8]) {
    match MetadataMessage::decode(bytes) {
        Ok(Some(message)) => {
            if let MetadataMessage::Data { bytes: part, .. } = &message {
                assert!(bytes.ends_with(part), "it is what follows the dictionary");
            }
            assert_eq!(MetadataMessage::decode(&message.encode()), Ok(Some(message)));
        }
        Ok(None) => {}
        Err(error) => assert_harmless(&error.to_string()),
    }
}

/// What clients announce on the local network: what is read is written the same again.
pub fn lsd(bytes: &[u8]) {
    if let Ok(announce) = LsdAnnounce::decode(bytes) {
        assert!(announce.port != 0 && announce.info_hashes.len() <= MOST_LSD_TORRENTS);
        assert_eq!(LsdAnnounce::decode(&announce.encode(false)), Ok(announce));
    }
}

/// A message of peer exchange: no more of it counts than may, and what is kept of it reads the same again.
pub fn ut_pex(bytes: &[u8]) {
    let named = match Pex::decode(bytes, MOST_PEX_ENTRIES) {
        Ok(named) => named,
        Err(error) => return assert_harmless(&error.to_string()),
    };
    assert!(named.added.len() <= MOST_PEX_ENTRIES && named.dropped.len() <= MOST_PEX_ENTRIES);
    assert_eq!(Pex::decode(&named.encode(), MOST_PEX_ENTRIES).expect("our own writing"), named);
}

/// A message of holepunch: what is read reads the same again.
pub fn ut_holepunch(bytes: &[u8]) {
    match Holepunch::decode(bytes) {
        Ok(said) => assert_eq!(Holepunch::decode(&said.encode()).expect("our own writing"), said),
        Err(error) => assert_harmless(&error.to_string()),
    }
}

/// A message of the DHT: what is kept of it reads the same again, and a node of ours takes it, whatever it says.
pub fn krpc(bytes: &[u8]) {
    match krpc::Message::decode(bytes) {
        Ok(message) => {
            match &message.body {
                krpc::Body::Error { text, .. } => assert_harmless(text),
                krpc::Body::Reply(reply) => {
                    assert!(
                        reply.nodes.len() <= 2 * krpc::MOST_NODES && reply.peers.len() <= krpc::MOST_VALUES
                    );
                }
                krpc::Body::Query { .. } => {}
            }
            assert_eq!(krpc::Message::decode(&message.encode()).expect("our own writing"), message);
        }
        Err(malformed) => assert_harmless(malformed.what),
    }
    let mut dht = Dht::new(dht::Settings { seed: 7, v4: true, port: 6881, ..dht::Settings::default() });
    dht.handle(Duration::ZERO, dht::Input::Datagram { from: ([203, 0, 113, 1], 6881).into(), bytes });
    while let Some(action) = dht.poll() {
        if let dht::Action::Send { bytes: answer, .. } = action {
            assert!(krpc::Message::decode(&answer).is_ok() && answer.len() < 1400);
        }
    }
}

/// Carries one side on until it wants bytes; what it writes comes back, and the end if it came.
fn drive(side: &mut dyn Negotiation) -> (Vec<u8>, Option<Result<usize, MseError>>) {
    let mut written = Vec::new();
    loop {
        match side.next() {
            Ok(Step::Write(bytes)) => written.extend(bytes),
            Ok(Step::Read(most)) => {
                assert!(most > 0, "it waits for something");
                return (written, None);
            }
            Ok(Step::Exchange(exchange)) => side.exchanged(exchange.run()),
            Ok(Step::Agreed(agreed)) => return (written, Some(Ok(agreed.initial.len()))),
            Err(error) => return (written, Some(Err(error))),
        }
    }
}

/// Hands a side bytes, never more at once than it asks for.
fn hand(side: &mut dyn Negotiation, mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut written = Vec::new();
    loop {
        let most = match side.next() {
            Ok(Step::Read(most)) => most,
            Ok(Step::Write(more)) => {
                written.extend(more);
                continue;
            }
            Ok(Step::Exchange(exchange)) => {
                side.exchanged(exchange.run());
                continue;
            }
            Ok(Step::Agreed(_)) | Err(_) => return (written, true),
        };
        if bytes.is_empty() {
            return (written, false);
        }
        let (now, rest) = bytes.split_at(most.min(bytes.len()));
        side.received(now);
        bytes = rest;
    }
}

/// What a router answers by PCP, also as an answer to what it was asked.
pub fn pcp(bytes: &[u8]) {
    if let Some(by_pcp::Answer::Map { result, .. }) = by_pcp::answer(bytes) {
        assert!((60..=1100).contains(&bytes.len()) && bytes[3] == result);
    }
    hear(bytes, |asked, bytes| {
        if let (Some(asked), Some(answer)) = (asked.get(24..42), bytes.get_mut(24..42)) {
            answer.copy_from_slice(asked);
        }
    });
}

/// The same by NAT-PMP.
pub fn nat_pmp(bytes: &[u8]) {
    if let Some(by_nat_pmp::Answer { outcome: Ok(_), .. }) = by_nat_pmp::answer(bytes) {
        assert!(bytes.len() >= 12 && bytes[..4] == [0, bytes[1], 0, 0]);
    }
    hear(bytes, |asked, bytes| {
        if let (Some(asked), Some(answer)) = (asked.get(4..6), bytes.get_mut(8..10)) {
            answer.copy_from_slice(asked);
        }
    });
}

/// Has who asked a router for a mapping hear it, as it is and as `fit` makes it an answer to each request, for a while.
fn hear(bytes: &[u8], fit: impl Fn(&[u8], &mut [u8])) {
    let gateway = Ipv4Addr::new(192, 168, 1, 1);
    let client = Ipv4Addr::new(192, 168, 1, 2);
    let mut mapper = Mapper::new(mapping::Settings { seed: 1, secret: 7, gateway, client, port: 6881 });
    let (mut now, mut asked, mut actions) = (Duration::ZERO, vec![Vec::new()], 0);
    for turn in 0..20 {
        let mut answer = bytes.to_vec();
        fit(&asked[turn % asked.len()], &mut answer);
        let from = (gateway, by_pcp::PORT).into();
        mapper.handle(now, Input::Datagram { from, bytes: &answer });
        while let Some(action) = mapper.poll() {
            actions += 1;
            if let Action::Send(packet) = action {
                asked.push(packet);
            }
        }
        assert!(mapper.deadline().is_none_or(|due| due > now));
        now = mapper.deadline().unwrap_or(now).min(now + Duration::from_secs(1));
        mapper.handle(now, Input::Tick);
    }
    assert!(actions < 300, "{actions} for 20 packets");
}

/// Message stream encryption: bytes out of nowhere at either side, and a talk of two honest sides with bytes changed.
pub fn mse(bytes: &[u8]) {
    let Some((&[seed, mode], rest)) = bytes.split_first_chunk::<2>() else { return };
    let random = |salt: u64| fastrand::Rng::with_seed(u64::from(seed) + salt);
    let torrent = InfoHash([seed; 20]);
    let mut caller = mse::Outgoing::new(torrent, Offer::BOTH, b"first", random(1));
    let mut called = mse::Incoming::new([torrent].into_iter().collect(), Offer::BOTH, random(2));
    match mode % 3 {
        0 => drop(hand(&mut caller, rest)),
        1 => drop(hand(&mut called, rest)),
        _ => {
            let mut changes = rest.chunks_exact(3);
            let (mut to_called, _) = drive(&mut caller);
            for _ in 0..4 {
                change(&mut to_called, changes.next());
                let (mut to_caller, over) = hand(&mut called, &to_called);
                change(&mut to_caller, changes.next());
                let (back, done) = hand(&mut caller, &to_caller);
                to_called = back;
                if over && done {
                    break;
                }
            }
        }
    }
}

fn change(bytes: &mut [u8], by: Option<&[u8]>) {
    if let Some([high, low, with]) = by
        && !bytes.is_empty()
    {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len();
        bytes[at] ^= with;
    }
}

/// The answer of a tracker over HTTP.
pub fn tracker_http(bytes: &[u8]) {
    match http::read_answer(bytes) {
        Ok(reply) => {
            reply.warning.iter().for_each(|warning| assert_harmless(warning));
            assert!(reply.peers.len() <= bytes.len() / 6 + 1);
        }
        Err(error) => assert_harmless(&error.to_string()),
    }
}

/// The answers of a tracker over UDP, to the number they name.
pub fn tracker_udp(bytes: &[u8]) {
    let transaction = bytes.get(4..8).and_then(|field| field.try_into().ok()).map_or(0, u32::from_be_bytes);
    if let Err(error) = udp::connect_answer(bytes, transaction) {
        assert_harmless(&error.to_string());
    }
    for (family, entry) in [(Family::V4, 6), (Family::V6, 18)] {
        match udp::announce_answer(bytes, transaction, family) {
            Ok(reply) => assert!(reply.peers.len() <= bytes.len() / entry),
            Err(error) => assert_harmless(&error.to_string()),
        }
    }
}

/// Fields of a web server's answer, a line each: a value, and the date that stands beside it.
pub fn http_fields(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (value, date) = text.split_once('\n').unwrap_or((&text, ""));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_799);
    fields::retry_after(value, Some(date), now);
    if let Some((range, _)) = fields::content_range(value) {
        assert!(range.start < range.end);
        let again = fields::content_range(&format!("bytes {}-{}/*", range.start, range.end - 1));
        assert_eq!(again, Some((range, None)));
    }
}

/// The name a peer id stands for.
pub fn peer_id(bytes: &[u8]) {
    let mut id = [0; 20];
    let taken = bytes.len().min(20);
    id[..taken].copy_from_slice(&bytes[..taken]);
    let id = PeerId(id);
    client_name(&id).iter().for_each(|name| assert_harmless(name));
    assert_harmless(&id.printable());
}

/// A resume file, as it is and with its checksum made right: what is taken is written the same again.
pub fn resume(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    if let Some((content, sum)) = mended.split_last_chunk_mut::<20>() {
        *sum = ttui::hash::sha1(content);
    }
    for file in [bytes, &mended] {
        if let Ok(record) = Record::from_bytes(file) {
            assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }
}

/// A settings file: what is wrong is said of a line of it.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err((line, problem)) = ttui::config::read(&text) {
        assert!(line >= 1 && line <= text.split('\n').count(), "line {line}");
        assert_harmless(&problem.to_string());
    }
}

/// What is shown of foreign text.
pub fn sanitiser(bytes: &[u8]) {
    let Some((&most, rest)) = bytes.split_first() else { return };
    let most = usize::from(most);
    let shown = text::clean_bytes(rest, most);
    assert!(shown.chars().count() <= most.max(1));
    assert_harmless(&shown);
    let foreign = String::from_utf8_lossy(rest);
    let mut in_place = foreign.clone().into_owned();
    text::clean_in_place(&mut in_place, most);
    assert_harmless(&in_place);
    assert_harmless(&text::escape(rest, most));
    let url = text::url_shown(&foreign);
    assert_harmless(&url);
    assert!(!url.contains('?') && !url.contains('#'), "{url:?}");
}

/// A table that is exported: a stranger's words stay in their cell, and are neither formula nor markup there.
pub fn export(bytes: &[u8]) {
    let foreign = text::clean_bytes(bytes, 300);
    let (columns, rows) = (["text", "n"].map(str::to_owned), [vec![foreign.into(), 7.into()]]);
    let rows = Rows { columns: &columns, rows: &rows };
    let csv = rows.csv();
    let line = csv.strip_prefix("text,n\r\n").and_then(|rest| rest.strip_suffix(",7\r\n")).expect("one row");
    let cell = match line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => {
            let bare = quoted.replace("\"\"", "");
            assert!(!bare.contains('"'), "{line:?}");
            quoted.replace("\"\"", "\"")
        }
        None => line.to_owned(),
    };
    assert!(line.starts_with('"') || !line.contains([',', '"', '\r', '\n']), "{line:?}");
    assert!(!cell.starts_with(['=', '+', '-', '@']), "{line:?}");
    let markdown = rows.markdown();
    let row = markdown.strip_prefix("| text | n |\n|---|---|\n").expect("under its head");
    assert!(row.ends_with(" | 7 |\n") && row.matches('\n').count() == 1, "{row:?}");
    let unescaped = row.replace("\\\\", "").replace("\\|", "");
    assert_eq!(unescaped.matches('|').count(), 3, "{row:?}");
}
