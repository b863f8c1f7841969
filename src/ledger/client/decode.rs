//! Reads names and versions out of peer ids, style by style.

use super::table::{self, Scheme};

/// Name and version, by the first style that fits.
pub(super) fn name(id: &[u8; 20]) -> Option<String> {
    shadow(id)
        .or_else(|| bitcomet(id))
        .or_else(|| azureus(id))
        .or_else(|| fixed(id))
        .or_else(|| mainline(id))
        .or_else(|| inside(id))
        .or_else(|| by_pattern(id))
}

/// A name, and its version where it can be read.
fn with_version(name: &str, version: Option<String>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

/// `S58B-----`: a letter, up to five digits to the base of 64, dashes.
fn shadow(id: &[u8; 20]) -> Option<String> {
    let (_, name) = table::SHADOW.iter().find(|(letter, _)| *letter == id[0])?;
    if &id[6..9] != b"---" {
        return None;
    }
    let digits = &id[1..6];
    let used = digits.iter().rposition(|byte| *byte != b'-').map_or(0, |last| last + 1);
    let digits: Option<Vec<String>> =
        digits[..used].iter().map(|byte| digit64(*byte).map(|d| d.to_string())).collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    Some(with_version(name, Some(digits.join("."))))
}

/// `exbc` and its like: two raw bytes of version; BitLord signs with its name behind them. BitSpirit has `BS`.
fn bitcomet(id: &[u8; 20]) -> Option<String> {
    if let Some((_, kind)) = table::BITCOMET.iter().find(|(prefix, _)| id.starts_with(*prefix)) {
        let name = if &id[6..10] == b"LORD" { "BitLord" } else { "BitComet" };
        return Some(format!("{name}{kind} {}.{:02}", id[4], id[5]));
    }
    (&id[2..4] == b"BS" && id[1] < 16).then(|| format!("BitSpirit {}", id[1].max(1)))
}

/// `-XX1234-`.
fn azureus(id: &[u8; 20]) -> Option<String> {
    if id[0] != b'-' {
        return None;
    }
    let (_, name, scheme) = table::AZUREUS.iter().find(|(code, ..)| **code == id[1..3])?;
    let name = match (scheme, id[3]) {
        (Scheme::Azureus, b'0'..=b'3') => "Azureus",
        (Scheme::BitLord, _) if id[7] == b'-' => "BitBlinder",
        _ => name,
    };
    Some(with_version(name, version(*scheme, &id[3..])))
}

fn fixed(id: &[u8; 20]) -> Option<String> {
    let (prefix, name, scheme) = table::FIXED.iter().find(|(prefix, ..)| id.starts_with(prefix))?;
    let version = version(*scheme, &id[prefix.len()..]);
    // Two letters alone prove nothing: without its number it is not that client.
    (version.is_some() || prefix.len() > 2).then(|| with_version(name, version))
}

/// `M4-3-6--`.
fn mainline(id: &[u8; 20]) -> Option<String> {
    let (_, name) = table::MAINLINE.iter().find(|(letter, _)| *letter == id[0])?;
    dashed(&id[1..]).map(|version| with_version(name, Some(version)))
}

fn inside(id: &[u8; 20]) -> Option<String> {
    let found = table::INSIDE.iter().find(|(at, text, _)| id[*at..].starts_with(text));
    found.map(|(_, _, name)| (*name).to_owned())
}

fn by_pattern(id: &[u8; 20]) -> Option<String> {
    let name = if id[..9] == [0; 9] && id[9..12] == [3; 3] {
        "I2PSnark"
    } else if id[..12] == [0; 12] && id[12..] != [0; 8] {
        "Mainline (old)"
    } else if !id[..16].contains(&0) && (16..20).all(|i| id[i] == id[i % 16] ^ id[15 - i % 16]) {
        "Shareaza"
    } else if id.ends_with(b"UDP0") || id.ends_with(b"HTTPBT") {
        "BitSpirit"
    } else {
        return None;
    };
    Some(name.to_owned())
}

/// The version in the bytes behind a prefix, by the client's own scheme; `None` where they hold none.
fn version(scheme: Scheme, bytes: &[u8]) -> Option<String> {
    let d = |index: usize| bytes.get(index).copied().and_then(digit62);
    Some(match scheme {
        Scheme::NoVersion => return None,
        Scheme::Fixed(version) => version.to_owned(),
        Scheme::Usual => match d(3) {
            None | Some(0) => format!("{}.{}.{}", d(0)?, d(1)?, d(2)?),
            Some(last) => format!("{}.{}.{}.{last}", d(0)?, d(1)?, d(2)?),
        },
        Scheme::Four | Scheme::Azureus => format!("{}.{}.{}.{}", d(0)?, d(1)?, d(2)?, d(3)?),
        Scheme::Three => format!("{}.{}.{}", d(0)?, d(1)?, d(2)?),
        Scheme::Pairs => {
            let (major, minor) = (pair(bytes, 0)?, pair(bytes, 2)?);
            format!("{major}.{minor:02}")
        }
        Scheme::ThreePairs => format!("{}.{}.{}", pair(bytes, 0)?, pair(bytes, 2)?, pair(bytes, 4)?),
        Scheme::OneOneTwo => format!("{}.{}.{}", d(0)?, d(1)?, pair(bytes, 2)?),
        Scheme::OneTwoOne => format!("{}.{}.{}", d(0)?, pair(bytes, 1)?, d(3)?),
        Scheme::Brackets => format!("{}.{}({:02})", d(0)?, d(1)?, pair(bytes, 2)?),
        Scheme::OneX => format!("{}.x", d(0)?),
        Scheme::Build => {
            let digits = bytes.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
            format!("(build {})", text(digits))
        }
        Scheme::Dashed => dashed(bytes)?,
        Scheme::Dotted => dotted(bytes)?,
        Scheme::MicroTorrent => micro_torrent(bytes)?,
        Scheme::Transmission => transmission(bytes)?,
        Scheme::KTorrent => ktorrent(bytes)?,
        Scheme::Deluge => deluge(bytes)?,
        Scheme::BitLord => bitlord(bytes)?,
        Scheme::BitsOnWheels => bits_on_wheels(bytes)?,
        Scheme::Xbt => {
            let debug = if bytes.get(3) == Some(&b'd') { " (Debug)" } else { "" };
            format!("{}.{}.{}{debug}", d(0)?, d(1)?, d(2)?)
        }
    })
}

/// 0.6 as 0006, 0.72 as 0072, 2.94 as 2940, 4.0.6 as 4060; a letter at the end for what is no release.
fn transmission(bytes: &[u8]) -> Option<String> {
    let [a, b, c, last] = *bytes.first_chunk()?;
    let suffix = match last {
        b'Z' | b'X' => " (Dev)",
        b'B' => " (Beta)",
        _ => "",
    };
    let (da, db, dc) = (digit62(a)?, digit62(b)?, digit62(c)?);
    Some(match (a, b, c) {
        (b'0', b'0', b'0') => format!("0.{}", digit62(last)?),
        (b'0', b'0', _) => format!("0.{}", pair(bytes, 2)?),
        (b'0'..=b'3', ..) => format!("{da}.{:02}{suffix}", pair(bytes, 1)?),
        _ => format!("{da}.{db}.{dc}{suffix}"),
    })
}

/// Three hexadecimal digits and a letter; later five, the last two together.
fn micro_torrent(bytes: &[u8]) -> Option<String> {
    let hex = |index: usize| char::from(*bytes.get(index)?).to_digit(16);
    let (a, b, c) = (hex(0)?, hex(1)?, hex(2)?);
    if bytes.get(4).is_some_and(|byte| *byte != b'-')
        && let Some(last) = hex(3)
    {
        return Some(format!("{a}.{b}.{c}{last}"));
    }
    let suffix = match bytes.get(3) {
        Some(b'b' | b'B') => " (Beta)",
        Some(b'd') => " (Debug)",
        Some(b'x' | b'X' | b'Z') => " (Dev)",
        _ => "",
    };
    Some(format!("{a}.{b}.{c}{suffix}"))
}

/// Major, minor, then either a third number or the kind of what is no release and its number.
fn ktorrent(bytes: &[u8]) -> Option<String> {
    let (a, b) = (digit62(*bytes.first()?)?, digit62(*bytes.get(1)?)?);
    let kind = match bytes.get(2)? {
        b'D' => "Dev",
        b'R' => "RC",
        b'B' => "Beta",
        b'0' => return Some(format!("{a}.{b}")),
        third => return Some(format!("{a}.{b}.{}", digit62(*third)?)),
    };
    Some(format!("{a}.{b} {kind} {}", digit62(*bytes.get(3)?)?))
}

/// Three digits, and a letter or a fourth digit.
fn deluge(bytes: &[u8]) -> Option<String> {
    let three = version(Scheme::Three, bytes)?;
    Some(match bytes.get(3)? {
        b'D' => format!("{three} (Dev)"),
        b'a' => format!("{three} (Alpha)"),
        b'b' => format!("{three} (Beta)"),
        b'r' => format!("{three} (RC)"),
        last @ b'1'..=b'9' => format!("{three}.{}", last - b'0'),
        _ => three,
    })
}

/// `246326`: 2.4.6-326. BitBlinder used the same code with four digits.
fn bitlord(bytes: &[u8]) -> Option<String> {
    if bytes.get(4) == Some(&b'-') {
        return version(Scheme::Four, bytes);
    }
    let build = bytes.get(3..6).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    Some(format!("{}-{}", version(Scheme::Three, bytes)?, text(build)))
}

fn bits_on_wheels(bytes: &[u8]) -> Option<String> {
    match bytes.get(..3)? {
        b"A0B" => Some("1.0.5".to_owned()),
        b"A0C" => Some("1.0.6".to_owned()),
        _ => version(Scheme::Three, bytes),
    }
}

/// `1-36-0-` as 1.36.0: three numbers with a dash behind each.
fn dashed(bytes: &[u8]) -> Option<String> {
    let mut numbers = bytes.split(|byte| *byte == b'-');
    let mut number = || {
        let digits = numbers.next()?;
        let fits = (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        fits.then(|| text(digits))
    };
    let version = format!("{}.{}.{}", number()?, number()?, number()?);
    // The last number, too, is ended by a dash and not by the end of the id.
    (version.len() < bytes.len()).then_some(version)
}

/// `2.7.2-` as it stands.
fn dotted(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let version = text(&bytes[..end]);
    (end > 0 && end < 10 && !version.starts_with('.') && !version.ends_with('.')).then_some(version)
}

/// Two decimal digits from there on.
fn pair(bytes: &[u8], from: usize) -> Option<u8> {
    match *bytes.get(from..from + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    }
}

/// Bytes known to be ASCII digits and dots.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn digit62(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'a'..=b'z' => Some(byte - b'a' + 36),
        _ => None,
    }
}

fn digit64(byte: u8) -> Option<u8> {
    match byte {
        b'.' => Some(62),
        b'-' => Some(63),
        _ => digit62(byte),
    }
}
