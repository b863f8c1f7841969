//! Guesses from its first bytes what answers where a BitTorrent client was expected.

use serde::{Deserialize, Serialize};

/// What the first bytes look like, where a service that is no BitTorrent client answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LooksLike {
    /// A web server, or somebody who takes us for one.
    Http,
    /// A TLS alert or handshake.
    Tls,
    /// An SSH server.
    Ssh,
    /// A mail server.
    Smtp,
    /// An FTP server.
    Ftp,
    /// Bytes without pattern, as encryption makes them.
    Encrypted,
    /// Zeros only.
    Zeros,
    /// None of these.
    Unknown,
}

impl LooksLike {
    /// The name other programs read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Smtp => "smtp",
            Self::Ftp => "ftp",
            Self::Encrypted => "encrypted",
            Self::Zeros => "zeros",
            Self::Unknown => "unknown",
        }
    }
}

/// How many bytes are looked at for a pattern: as long as a Diffie-Hellman key of MSE.
const PATTERN_BYTES: usize = 96;

/// Names the service behind `received`, from as few bytes as there are.
///
/// ```
/// use ttui::wire::{LooksLike, looks_like};
///
/// assert_eq!(looks_like(b"SSH-2.0-OpenSSH_9.6\r\n"), LooksLike::Ssh);
/// ```
pub fn looks_like(received: &[u8]) -> LooksLike {
    const HTTP: &[&str] =
        &["http/", "get ", "post ", "head ", "put ", "options ", "connect ", "<!doctype", "<html"];
    if received.is_empty() {
        return LooksLike::Unknown;
    }
    if received.iter().all(|&byte| byte == 0) {
        return LooksLike::Zeros;
    }
    let start = String::from_utf8_lossy(&received[..received.len().min(200)]).to_ascii_lowercase();
    if HTTP.iter().any(|word| start.starts_with(word)) {
        return LooksLike::Http;
    }
    if matches!(received, [0x14..=0x17, 0x03, ..]) {
        return LooksLike::Tls;
    }
    if start.starts_with("ssh-") {
        return LooksLike::Ssh;
    }
    if is_greeting(&start) {
        if ["ftp", "filezilla"].iter().any(|word| start.contains(word)) {
            return LooksLike::Ftp;
        }
        if start.starts_with("554")
            || ["smtp", "mail", "postfix", "exim"].iter().any(|word| start.contains(word))
        {
            return LooksLike::Smtp;
        }
    }
    if is_patternless(received) { LooksLike::Encrypted } else { LooksLike::Unknown }
}

/// A three-digit reply code, as mail and file servers begin.
fn is_greeting(start: &str) -> bool {
    let bytes = start.as_bytes();
    bytes.len() > 3 && matches!(&bytes[..3], b"220" | b"421" | b"554") && matches!(bytes[3], b' ' | b'-')
}

/// Random bytes hardly repeat and have their high bit set half of the time; text and structured data do not.
fn is_patternless(received: &[u8]) -> bool {
    let looked_at = &received[..received.len().min(PATTERN_BYTES)];
    if looked_at.len() < 32 {
        return false;
    }
    let mut seen = [false; 256];
    looked_at.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    let distinct = seen.iter().filter(|&&seen| seen).count();
    let high = looked_at.iter().filter(|&&byte| byte >= 0x80).count();
    let quarter = looked_at.len() / 4;
    distinct * 10 >= looked_at.len() * 7 && (quarter..=3 * quarter + 3).contains(&high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_the_services_found_on_wrong_ports() {
        let cases: &[(&[u8], LooksLike)] = &[
            (b"HTTP/1.1 400 Bad Request\r\n", LooksLike::Http),
            (b"<html><head>", LooksLike::Http),
            (b"GET / HTTP/1.1\r\n", LooksLike::Http),
            (&[0x15, 0x03, 0x01, 0, 2, 2, 0x46], LooksLike::Tls),
            (&[0x16, 0x03], LooksLike::Tls),
            (b"SSH-2.0-dropbear", LooksLike::Ssh),
            (b"220 mx.example ESMTP Postfix\r\n", LooksLike::Smtp),
            (b"554 no", LooksLike::Smtp),
            (b"220 (vsFTPd 3.0.5)\r\n", LooksLike::Ftp),
            (b"220-FileZilla Server 1.8\r\n", LooksLike::Ftp),
            (&[0; 40], LooksLike::Zeros),
            (b"hello, this is a line of text that no client would ever send", LooksLike::Unknown),
            (b"2", LooksLike::Unknown),
            (b"", LooksLike::Unknown),
        ];
        for (bytes, expected) in cases {
            assert_eq!(looks_like(bytes), *expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn tells_random_bytes_from_counted_ones() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut right = 0;
        for _ in 0..1000 {
            let bytes: Vec<u8> = (0..96 + random.usize(..500)).map(|_| random.u8(..)).collect();
            right += usize::from(looks_like(&bytes) == LooksLike::Encrypted);
        }
        assert!(right > 980, "{right} of 1000 recognised");
        assert_eq!(looks_like(&[0xAA; 96]), LooksLike::Unknown);
        assert_eq!(looks_like(&[1, 2, 3, 4, 5, 6, 7, 8].repeat(12)), LooksLike::Unknown);
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = looks_like(&bytes);
        }
    }
}
