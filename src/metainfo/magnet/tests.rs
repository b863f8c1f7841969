//! Magnet links, good and bad, and what each gives.

use super::*;

/// Twenty bytes in the three ways they are written.
const HASH: &str = "0123456789abcdef0123456789abcdef01234567";
const UPPER: &str = "0123456789ABCDEF0123456789ABCDEF01234567";
const BASE32: &str = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";
const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// What a link gives, in one line: each part that is there, or the error.
fn given(link: &str) -> String {
    let magnet: Magnet = match link.parse() {
        Ok(magnet) => magnet,
        Err(error) => return error.to_string(),
    };
    let mut parts = vec![magnet.info_hash.to_string().replace(HASH, "HASH")];
    parts.extend(magnet.info_hash_v2.map(|hash| format!("v2 {:02x}", hash[0])));
    parts.extend(magnet.name.map(|name| format!("dn {name}")));
    parts.extend(magnet.trackers.iter().map(|tier| format!("tr {}", tier.join(" "))));
    parts.extend(magnet.web_seeds.iter().map(|url| format!("ws {url}")));
    parts.extend(magnet.peers.iter().map(|peer| format!("pe {peer}")));
    parts.extend(magnet.files.iter().map(|range| format!("so {}-{}", range.start(), range.end())));
    parts.extend(magnet.warnings.iter().map(|warning| format!("({warning})")));
    parts.join(" | ")
}

fn bad_hash(found: &str) -> String {
    format!(
        "magnet link: `xt`: expected `urn:btih:` and 40 hexadecimal digits, or 32 of base32, found {found}"
    )
}

const NO_MAGNET: &str = "no magnet link, expected `magnet:?xt=urn:btih:…`";
const NO_HASH: &str =
    "magnet link: `xt` missing, expected `urn:btih:` and 40 hexadecimal digits, or 32 of base32";
const V2_ONLY: &str = "magnet link: `xt` has only `urn:btmh:` (BitTorrent v2), not supported yet: expected a link with `urn:btih:`";

/// Each row: what follows `magnet:?`, with `HASH` and its like in place of the digits; and what it gives.
const ROWS: &[(&str, &str)] = &[
    // The hash.
    ("xt=urn:btih:HASH", "HASH"),
    ("xt=urn:btih:UPPER", "HASH"),
    ("xt=urn:btih:BASE32", "HASH"),
    ("xt=urn:btih:aerukz4jvpg66ajdivtytk6n54asgrlh", "HASH"),
    ("xt=URN:BTIH:HASH", "HASH"),
    ("XT=urn:btih:HASH", "HASH"),
    ("xt.1=urn:btih:HASH", "HASH"),
    ("xt=urn%3Abtih%3AHASH", "HASH"),
    ("xt=urn:btih:%30123456789abcdef0123456789abcdef01234567", "HASH"),
    ("xt=urn:btih:HASH%20", "HASH"),
    ("xt=urn:btih:HASH&xt=urn:btih:UPPER", "HASH"),
    ("xt=urn:btih:HASH&xt=urn:btih:BASE32", "HASH"),
    ("xt=urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C&xt=urn:btih:HASH", "HASH"),
    ("xt=urn:btih:HASH&xt=urn:btmh:1220V2V2", "HASH | v2 cd"),
    ("xt=urn:btmh:1220V2V2&xt=urn:btih:HASH", "HASH | v2 cd"),
    ("xt=urn:btih:HASH&xt=urn:btmh:1114V2V2", "HASH"),
    ("xt=urn:btih:short&xt=urn:btih:HASH", "HASH"),
    ("dn=it&xt=urn:btih:HASH&foo=bar&x.y=z", "HASH | dn it"),
    (
        "xt=urn:btih:HASH&xl=10826029&mt=http://m.example&kt=a+b&as=http://a.example&xs=http://x.example",
        "HASH",
    ),
    // The hash gone wrong.
    ("", NO_HASH),
    ("dn=it&tr=http://t.example", NO_HASH),
    ("xt", NO_HASH),
    ("xt=", "BAD nothing"),
    ("xt=urn:btih:", "BAD urn:btih:"),
    ("xt=urn:btih:0123", "BAD urn:btih:0123"),
    ("xt=urn:btih:HASH0", "BAD urn:btih:HASH0"),
    (
        "xt=urn:btih:g123456789abcdef0123456789abcdef01234567",
        "BAD urn:btih:g123456789abcdef0123456789abcdef01234567",
    ),
    (
        "xt=urn:btih:+123456789abcdef0123456789abcdef01234567",
        "BAD urn:btih:+123456789abcdef0123456789abcdef01234567",
    ),
    ("xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1", "BAD urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1"),
    ("xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL", "BAD urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL"),
    ("xt=urn:btih:éééééééééééééééé", "BAD urn:btih:éééééééééééééééé"),
    ("xt=HASH", "BAD HASH"),
    ("xt=urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C", "BAD urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C"),
    ("xt=urn:sha1:1&xt=urn:btih:2", "BAD urn:btih:2"),
    ("xt=%1b]0;hi%07", "BAD ·]0;hi·"),
    ("xt=urn:btih:%ff", "BAD urn:btih:\u{fffd}"),
    (
        "xt=urn:btih:HASH&xt=urn:btih:OTHER",
        "magnet link: `xt` names two torrents, HASH and OTHER: expected one",
    ),
    ("xt=urn:btmh:1220V2V2", V2_ONLY),
    ("xt=urn:btmh:nonsense", V2_ONLY),
    // The name.
    ("xt=urn:btih:HASH&dn=a%20b+c", "HASH | dn a b c"),
    ("xt=urn:btih:HASH&dn=a%2Bb", "HASH | dn a+b"),
    ("xt=urn:btih:HASH&dn=%e2%82%ac", "HASH | dn €"),
    ("xt=urn:btih:HASH&dn=%ff%00%1b[2J", "HASH | dn \u{fffd}··[2J"),
    ("xt=urn:btih:HASH&dn=a%0d%0ab%e2%80%aec", "HASH | dn a  bc"),
    ("xt=urn:btih:HASH&dn=", "HASH"),
    ("xt=urn:btih:HASH&dn=+%20", "HASH"),
    ("xt=urn:btih:HASH&dn=first&dn=second", "HASH | dn first"),
    ("xt=urn:btih:HASH&dn=100%&tr=http://t.example/%zz%4", "HASH | dn 100% | tr http://t.example/%zz%4"),
    ("xt=urn:btih:HASH&dn=../../etc/passwd", "HASH | dn ../../etc/passwd"),
    ("xt=urn:btih:HASH&dn=a=b", "HASH | dn a=b"),
    // Copied from the source of a page.
    ("xt=urn:btih:HASH&amp;dn=it&amp;tr=http://t.example", "HASH | dn it | tr http://t.example"),
    // Trackers and web seeds.
    (
        "xt=urn:btih:HASH&tr=udp%3A%2F%2Ft.example%3A6969%2Fannounce&tr=http://u.example/p?k=1%26l=2",
        "HASH | tr udp://t.example:6969/announce | tr http://u.example/p?k=1&l=2",
    ),
    (
        "xt=urn:btih:HASH&tr.1=http://a.example&tr.2=http://b.example",
        "HASH | tr http://a.example | tr http://b.example",
    ),
    ("xt=urn:btih:HASH&tr=http://a.example&tr=http://a.example", "HASH | tr http://a.example"),
    ("xt=urn:btih:HASH&tr=http://a.example/a+b", "HASH | tr http://a.example/a+b"),
    ("xt=urn:btih:HASH&tr=", "HASH"),
    (
        "xt=urn:btih:HASH&tr=http://a.example/%0d%0aHost:&ws=http://a.example/ b",
        "HASH | (entries that are no usable URL are ignored (2))",
    ),
    (
        "xt=urn:btih:HASH&ws=http://w.example/&ws=http://w.example/&ws=ftp://w",
        "HASH | ws http://w.example/ | ws ftp://w",
    ),
    // Peers.
    (
        "xt=urn:btih:HASH&x.pe=192.0.2.7:6881&x.pe=%5B2001:db8::7%5D:6881&x.pe=seed.example:1",
        "HASH | pe 192.0.2.7:6881 | pe [2001:db8::7]:6881 | pe seed.example:1",
    ),
    ("xt=urn:btih:HASH&x.pe=192.0.2.7:6881&x.pe=192.0.2.7:6881", "HASH | pe 192.0.2.7:6881"),
    (
        "xt=urn:btih:HASH&x.pe=&x.pe=192.0.2.7&x.pe=192.0.2.7:0&x.pe=:6881&x.pe=192.0.2.7:99999",
        "HASH | (entries that are no peer's address are ignored (5))",
    ),
    // Files.
    ("xt=urn:btih:HASH&so=0", "HASH | so 0-0"),
    ("xt=urn:btih:HASH&so=4,0,2-3,1", "HASH | so 0-4"),
    ("xt=urn:btih:HASH&so=0,2,4-8,6-10,12", "HASH | so 0-0 | so 2-2 | so 4-10 | so 12-12"),
    ("xt=urn:btih:HASH&so=0&so=5", "HASH | so 0-0 | so 5-5"),
    ("xt=urn:btih:HASH&so=0-4294967295,7", "HASH | so 0-4294967295"),
    (
        "xt=urn:btih:HASH&so=3-1,-1,4294967296,x,1-2-3,+5,1",
        "HASH | so 1-1 | (entries that are no numbers of files are ignored (6))",
    ),
    ("xt=urn:btih:HASH&so=,,", "HASH"),
];

fn filled(text: &str) -> String {
    let text = text.strip_prefix("BAD ").map_or_else(|| text.to_owned(), bad_hash);
    text.replace("BASE32", BASE32)
        .replace("V2V2", &"cd".repeat(32))
        .replace("UPPER", UPPER)
        .replace("OTHER", OTHER)
}

#[test]
fn every_link_gives_what_the_table_says() {
    assert!(ROWS.len() >= 60, "{}", ROWS.len());
    for (link, gives) in ROWS {
        let link = format!("magnet:?{}", filled(link).replace("HASH", HASH));
        assert_eq!(given(&link).replace(HASH, "HASH"), filled(gives), "{link}");
    }
}

#[test]
fn the_scheme_is_taken_as_it_is_pasted() {
    for before in ["magnet:?", "MAGNET:?", " \n magnet:?", "magnet:///?", "magnet://?"] {
        assert_eq!(given(&format!("{before}xt=urn:btih:{HASH}\n")), "HASH", "{before}");
    }
    for link in
        ["", "magnet", "magnet:", "magnet:xt=urn:btih:", "http://example.org/?xt=urn:btih:", "?xt=urn:btih:"]
    {
        assert_eq!(given(&format!("{link}{HASH}")), NO_MAGNET, "{link}");
    }
    assert!(Magnet::is_meant(Path::new("Magnet:nonsense")));
    assert!(!Magnet::is_meant(Path::new("magnet.torrent")));
}

#[test]
fn a_link_of_ten_thousand_trackers_is_cut_and_one_of_a_megabyte_refused() {
    let many = |key: &str, count: usize, value: fn(usize) -> String| {
        let values = (0..count).map(|n| format!("&{key}={}", value(n)));
        format!("magnet:?xt=urn:btih:{HASH}{}", values.collect::<String>())
    };
    let magnet: Magnet =
        many("tr", 10_000, |n| format!("udp://tracker-{n}.example:6969/announce")).parse().unwrap();
    assert_eq!(magnet.trackers.len(), 500);
    assert_eq!(magnet.warnings, [Warning::TrackersLeftOut(9500)]);
    let magnet: Magnet = many("x.pe", 1000, |n| format!("192.0.2.7:{}", n + 1)).parse().unwrap();
    assert_eq!((magnet.peers.len(), magnet.warnings), (200, vec![Warning::PeersLeftOut(800)]));
    let magnet: Magnet = many("so", 50_000, |n| (2 * n).to_string()).parse().unwrap();
    assert_eq!((magnet.files.len(), magnet.warnings), (10_000, vec![Warning::BadFileNumbers(40_000)]));
    let long = many("dn", 1, |_| "x".repeat(1 << 20));
    assert_eq!(given(&long), "magnet link: longer than 1 MiB");
    let name = many("dn", 1, |_| "x".repeat(1000)).parse::<Magnet>().unwrap().name.unwrap();
    assert_eq!(name.chars().count(), 255);
}
