//! Announces over HTTP: the query built by hand onto the announce URL, and the bencoded answer
//! (BEP 3, compact lists BEP 23, IPv6 BEP 7).

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use super::{AnnounceKind, AnnounceParams, MAX_PEERS, TrackerReply, compact_peers, intervals};
use crate::metainfo::bencode::{self, Limits, Value};
use crate::text;
use crate::wire::gzip;

/// The longest answer taken, in bytes.
pub const MAX_ANSWER: usize = 2 << 20;

const LIMITS: Limits = Limits { bytes: MAX_ANSWER, depth: 20, tokens: 400_000 };
const MOST_TEXT_CHARS: usize = 300;
const MOST_TRACKER_ID_BYTES: usize = 1024;

/// Why an answer brings nothing. Texts are cleaned, and meant for people.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AnswerError {
    /// What came is not from a tracker at all.
    #[error("{0}")]
    NotATracker(String),
    /// It begins as a tracker's answer does, and is broken.
    #[error("{0}")]
    Bad(String),
    /// The tracker's `failure reason`, in its own words.
    #[error("{0}")]
    Refused(String),
}

/// The URL to ask: `announce` without its fragment, with every parameter of BEP 3 behind the query it has.
///
/// ```
/// # use ttui::metainfo::{InfoHash, PeerId};
/// # use ttui::wire::tracker::{AnnounceKind, AnnounceParams, http};
/// # let params = AnnounceParams { info_hash: InfoHash([0xff; 20]), peer_id: PeerId(*b"-Tu0100-abcdefghijkl"), port: 6881,
/// #     uploaded_bytes: 0, downloaded_bytes: 0, left_bytes: 9, kind: AnnounceKind::Started, key: 1, numwant: 200, tracker_id: None };
/// let url = http::announce_url("http://t.example/a?pass=1#top", &params);
/// assert!(url.starts_with("http://t.example/a?pass=1&info_hash=%FF%FF"));
/// ```
pub fn announce_url(announce: &str, params: &AnnounceParams) -> String {
    let base = announce.trim();
    let base = base.split_once('#').map_or(base, |(base, _)| base);
    let joint = match base.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let mut url = format!("{base}{joint}info_hash=");
    percent_encode(&mut url, &params.info_hash.0);
    url.push_str("&peer_id=");
    percent_encode(&mut url, &params.peer_id.0);
    let AnnounceParams { port, uploaded_bytes, downloaded_bytes, left_bytes, key, numwant, .. } = params;
    // Writing to a string cannot fail.
    let _ = write!(
        url,
        "&port={port}&uploaded={uploaded_bytes}&downloaded={downloaded_bytes}&left={left_bytes}\
         &key={key:08X}&numwant={numwant}&compact=1&no_peer_id=1"
    );
    match params.kind {
        AnnounceKind::Started => url.push_str("&event=started"),
        AnnounceKind::Completed => url.push_str("&event=completed"),
        AnnounceKind::Stopped => url.push_str("&event=stopped"),
        AnnounceKind::Interval => {}
    }
    if let Some(id) = &params.tracker_id {
        url.push_str("&trackerid=");
        percent_encode(&mut url, id);
    }
    url
}

/// Writes every byte that is not unreserved (RFC 3986) as `%XX`.
fn percent_encode(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Reads the body of an answer.
///
/// # Errors
///
/// [`AnswerError`]: no bencoded dictionary at all, a broken one, or a refusal.
pub fn read_answer(body: &[u8]) -> Result<TrackerReply, AnswerError> {
    let unpacked = gzip::content(body, MAX_ANSWER)
        .map_err(|what| AnswerError::Bad(format!("it answered compressed (gzip), which {what}")))?;
    let body = unpacked.as_deref().unwrap_or(body);
    let [b'd', b'0'..=b'9' | b'e', ..] = body else {
        return Err(AnswerError::NotATracker(what_came_instead(body)));
    };
    let document = bencode::parse(body, LIMITS)
        .map_err(|error| AnswerError::Bad(format!("its answer is broken at {error}")))?;
    let entries = document.root().dict().into_iter().flatten();
    let mut reply = TrackerReply::default();
    let (mut interval, mut min_interval) = (None, None);
    let mut left_out = Vec::new();
    for (key, value) in entries {
        match key {
            b"failure reason" => {
                let words = value.bytes().map(shown).filter(|words| !words.is_empty());
                return Err(AnswerError::Refused(
                    words.unwrap_or_else(|| "it refused without a reason".to_owned()),
                ));
            }
            b"warning message" => reply.warning = value.bytes().map(shown).filter(|words| !words.is_empty()),
            b"interval" => interval = value.int(),
            b"min interval" => min_interval = value.int(),
            b"complete" => reply.seeders = count(value),
            b"incomplete" => reply.leechers = count(value),
            b"tracker id" => {
                let short = value.bytes().filter(|id| (1..=MOST_TRACKER_ID_BYTES).contains(&id.len()));
                reply.tracker_id = short.map(<[u8]>::to_vec);
            }
            b"external ip" => reply.our_address = value.bytes().and_then(address),
            b"peers" => peers(value, &mut reply.peers, &mut left_out)?,
            b"peers6" => compact(value.bytes().map(compact_peers::<16>), 18, &mut reply.peers, &mut left_out),
            _ => {}
        }
    }
    (reply.interval_s, reply.min_interval_s) = intervals(interval, min_interval);
    if reply.warning.is_none() && !left_out.is_empty() {
        reply.warning = Some(left_out.join("; "));
    }
    Ok(reply)
}

/// `peers`, in either of its two shapes.
fn peers(
    value: Value<'_>,
    peers: &mut Vec<SocketAddr>,
    left_out: &mut Vec<String>,
) -> Result<(), AnswerError> {
    if let Some(bytes) = value.bytes() {
        compact(Some(compact_peers::<4>(bytes)), 6, peers, left_out);
        return Ok(());
    }
    // Some trackers write an empty dictionary where there is nobody.
    let Some(list) = value.list() else {
        let empty = value.dict().is_some_and(|mut entries| entries.next().is_none());
        let bad = || AnswerError::Bad("its `peers` are neither a string nor a list".to_owned());
        return empty.then_some(()).ok_or_else(bad);
    };
    let mut unusable = 0;
    for entry in list {
        match peer(entry) {
            Some(peer) if peers.len() < MAX_PEERS => peers.push(peer),
            Some(_) => {}
            None => unusable += 1,
        }
    }
    if unusable > 0 {
        left_out.push(format!("{unusable} peers without a numeric address and port were left out"));
    }
    Ok(())
}

fn compact(
    list: Option<(Vec<SocketAddr>, usize)>,
    entry_bytes: usize,
    peers: &mut Vec<SocketAddr>,
    left_out: &mut Vec<String>,
) {
    let Some((found, rest)) = list else { return };
    peers.extend(found);
    peers.truncate(MAX_PEERS);
    if rest > 0 {
        left_out.push(format!(
            "its peer list is no multiple of {entry_bytes} bytes: the last {rest} were left out"
        ));
    }
}

/// An entry of the dictionary form. Host names are not looked up: nobody sends them, and anybody could.
fn peer(entry: Value<'_>) -> Option<SocketAddr> {
    let address: IpAddr = entry.dict_get(b"ip")?.str()?.trim().parse().ok()?;
    let port = u16::try_from(entry.dict_get(b"port")?.uint()?).ok()?;
    Some(SocketAddr::new(address.to_canonical(), port))
}

fn count(value: Value<'_>) -> Option<u32> {
    u32::try_from(value.uint()?).ok()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn shown(words: &[u8]) -> String {
    text::clean_bytes(words, MOST_TEXT_CHARS).trim().to_owned()
}

/// One line on a body that is no bencoded dictionary.
fn what_came_instead(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(2048)]).to_ascii_lowercase();
    let start = start.trim_start();
    if start.is_empty() {
        return "it answered with nothing".to_owned();
    }
    if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.contains(tag)) {
        return match title(body) {
            Some(title) => format!("it answered with a web page (\"{title}\"), not as a tracker"),
            None => "it answered with a web page, not as a tracker".to_owned(),
        };
    }
    if body.iter().take(40).any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
        return format!("it did not answer as a tracker, but with {} bytes that are no text", body.len());
    }
    format!("it did not answer as a tracker, but with \"{}\"", text::clean_bytes(body, 40).trim())
}

fn title(page: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(&page[..page.len().min(4096)]);
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower[start..].find("</title>")?;
    Some(text::clean(page.get(start..end)?.trim(), 60)).filter(|title| !title.is_empty())
}

#[cfg(test)]
#[path = "../../../tests/common/percent.rs"]
mod percent;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::percent::percent_decoded;
    use super::*;
    use crate::metainfo::{InfoHash, PeerId};

    fn params() -> AnnounceParams {
        AnnounceParams {
            info_hash: InfoHash(*b"\x00\x01 az-._~&=?#%+/\xfe\xff09"),
            peer_id: PeerId(*b"-Tu0100-abcdefghijkl"),
            port: 6881,
            uploaded_bytes: 1,
            downloaded_bytes: 2,
            left_bytes: u64::MAX,
            kind: AnnounceKind::Interval,
            key: 0xBEEF,
            numwant: 200,
            tracker_id: None,
        }
    }

    #[test]
    fn says_everything_bep_3_asks_for() {
        assert_eq!(
            announce_url("http://t.example:80/announce", &params()),
            "http://t.example:80/announce?info_hash=%00%01%20az-._~%26%3D%3F%23%25%2B%2F%FE%FF09\
             &peer_id=-Tu0100-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=18446744073709551615\
             &key=0000BEEF&numwant=200&compact=1&no_peer_id=1"
        );
        let said = |kind| announce_url("http://t/", &AnnounceParams { kind, ..params() });
        assert!(said(AnnounceKind::Started).ends_with("&event=started"));
        assert!(said(AnnounceKind::Completed).ends_with("&event=completed"));
        assert!(said(AnnounceKind::Stopped).ends_with("&event=stopped"));
        let with_id =
            announce_url("http://t/", &AnnounceParams { tracker_id: Some(vec![b'a', 0, b'&']), ..params() });
        assert!(with_id.ends_with("&trackerid=a%00%26"));
    }

    #[test]
    fn keeps_the_query_and_drops_the_fragment() {
        let start =
            |announce| announce_url(announce, &params()).split("info_hash").next().unwrap().to_owned();
        assert_eq!(start("http://t/a?k=1"), "http://t/a?k=1&");
        assert_eq!(start("http://t/a?"), "http://t/a?");
        assert_eq!(start("http://t/a?k=1&"), "http://t/a?k=1&");
        assert_eq!(start(" http://t/a?k=1#frag?x "), "http://t/a?k=1&");
        assert_eq!(start("http://t/a#frag"), "http://t/a?");
    }

    #[test]
    fn reads_compact_peers_of_both_families() {
        let mut body =
            b"d8:completei3e10:incompletei4e8:intervali900e12:min intervali300e5:peers12:".to_vec();
        body.extend([10, 0, 0, 1, 0x1a, 0xe1, 10, 0, 0, 2, 0, 80]);
        body.extend(b"6:peers618:");
        body.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x1a, 0xe1]);
        body.extend(b"10:tracker id2:\x00x15:warning message4:oh\x1b!e");
        let reply = read_answer(&body).unwrap();
        let expected: Vec<SocketAddr> =
            ["10.0.0.1:6881", "10.0.0.2:80", "[2001:db8::1]:6881"].map(|addr| addr.parse().unwrap()).into();
        assert_eq!(reply.peers, expected);
        assert_eq!((reply.seeders, reply.leechers), (Some(3), Some(4)));
        assert_eq!((reply.interval_s, reply.min_interval_s), (900, Some(300)));
        assert_eq!(reply.tracker_id.as_deref(), Some(&b"\0x"[..]));
        assert_eq!(reply.warning.as_deref(), Some("oh·!"));
    }

    #[test]
    fn reads_dictionary_peers_and_leaves_out_host_names() {
        let body = b"d8:intervali900e5:peersl\
            d2:ip9:127.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee\
            d2:ip14:::ffff:1.2.3.44:porti2ee\
            d2:ip3:::14:porti6882ee\
            d2:ip12:evil.example4:porti6881ee\
            d2:ip7:1.2.3.44:porti65536ee\
            d2:ip7:1.2.3.4e\
            3:abcee";
        let reply = read_answer(body).unwrap();
        let expected: Vec<SocketAddr> =
            ["127.0.0.1:6881", "1.2.3.4:2", "[::1]:6882"].map(|addr| addr.parse().unwrap()).into();
        assert_eq!(reply.peers, expected);
        assert!(reply.warning.unwrap().starts_with("4 peers"));
    }

    #[test]
    fn takes_whole_entries_of_a_list_of_the_wrong_length() {
        let reply = read_answer(b"d5:peers8:\x0a\0\0\x01\x1a\xe1zze").unwrap();
        assert_eq!(reply.peers, ["10.0.0.1:6881".parse().unwrap()]);
        assert!(reply.warning.unwrap().contains("multiple of 6"));
        assert_eq!(read_answer(b"d5:peersdee").unwrap().peers, []);
        assert_eq!(read_answer(b"de").unwrap().interval_s, 1800);
        assert!(matches!(read_answer(b"d5:peersi1ee"), Err(AnswerError::Bad(_))));
    }

    #[test]
    fn repeats_a_refusal_in_the_trackers_words() {
        let refused = read_answer(b"d14:failure reason13:not\x1b[1m yourse");
        assert_eq!(refused, Err(AnswerError::Refused("not·[1m yours".into())));
        assert!(matches!(read_answer(b"d14:failure reasoni1ee"), Err(AnswerError::Refused(_))));
    }

    #[test]
    fn reads_a_compressed_answer_nobody_asked_for() {
        let packed = gzip::pack(b"d8:intervali900e5:peers6:\x0a\0\0\x01\x1a\xe1e");
        assert_eq!(read_answer(&packed).unwrap().peers, ["10.0.0.1:6881".parse().unwrap()]);
        let Err(AnswerError::Bad(text)) = read_answer(&packed[..packed.len() - 12]) else { panic!() };
        assert_eq!(text, "it answered compressed (gzip), which is cut off or damaged");
        let Err(AnswerError::Bad(text)) = read_answer(&gzip::pack(&vec![0; MAX_ANSWER + 1])) else {
            panic!()
        };
        assert_eq!(text, "it answered compressed (gzip), which unpacks to more than 2097152 bytes");
    }

    #[test]
    fn refuses_answers_that_are_too_deep_or_of_too_many_values() {
        let deep = [b"d5:peers".to_vec(), b"l".repeat(100_000)].concat();
        let many = [b"d5:peersl".to_vec(), b"le".repeat(500_000), b"ee".to_vec()].concat();
        for (body, limit) in [(deep, "nested deeper than 20"), (many, "more than 400000 values")] {
            let Err(AnswerError::Bad(text)) = read_answer(&body) else { panic!() };
            assert!(text.ends_with(limit), "{text}");
        }
    }

    #[test]
    fn shows_nothing_of_an_answer_that_is_no_text() {
        let Err(AnswerError::NotATracker(text)) = read_answer(b"\x7fELF\x02\x01") else { panic!() };
        assert_eq!(text, "it did not answer as a tracker, but with 6 bytes that are no text");
    }

    #[test]
    fn tells_a_web_page_from_a_broken_answer() {
        let page = read_answer(b"<!DOCTYPE html><html><head><title>404 Not\nFound</title>");
        let Err(AnswerError::NotATracker(text)) = page else { panic!("{page:?}") };
        assert!(text.contains("\"404 Not Found\""), "{text}");
        for body in [&b""[..], b"   ", b"OK", b"i1e", b"le", b"document", b"<html>", b"\0\0\0"] {
            assert!(matches!(read_answer(body), Err(AnswerError::NotATracker(_))), "{body:?}");
        }
        for body in [&b"d"[..], b"d8:interval", b"d5:peers99:xe", b"d1:ai1e"] {
            let answer = read_answer(body);
            assert!(matches!(answer, Err(AnswerError::Bad(_) | AnswerError::NotATracker(_))), "{body:?}");
        }
        assert!(matches!(read_answer(b"d5:peers99:xe"), Err(AnswerError::Bad(_))));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), prefix in 0usize..4) {
            let prefix = [&b""[..], b"d5:peers", b"d5:peersl", b"<html><title>"][prefix];
            if let Ok(reply) = read_answer(&[prefix, &bytes].concat()) {
                prop_assert!(reply.peers.len() <= bytes.len() / 6 + 1);
                prop_assert!((60..=86_400).contains(&reply.interval_s));
            }
        }

        #[test]
        fn what_is_asked_is_what_was_meant(hash in any::<[u8; 20]>(), id in any::<[u8; 20]>()) {
            let url = announce_url("http://t/", &AnnounceParams { info_hash: InfoHash(hash), peer_id: PeerId(id), ..params() });
            prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
            let raw = url.split("info_hash=").nth(1).unwrap().split('&').next().unwrap();
            prop_assert_eq!(percent_decoded(raw), hash);
        }
    }
}
