//! Keeps what is secret in an announce URL out of a tracker's own words.

use std::borrow::Cow;

use reqwest::Url;

/// Shorter parts of a URL say too little to be secret, and stand in many words.
const SHORTEST: usize = 5;
/// Parts of a URL that are in most of them.
const KNOWN: &[&str] = &["announce", "announce.php", "scrape", "tracker", "passkey", "torrent"];
const HIDDEN: &str = "…";

/// The words of a tracker without anything that its URL alone tells: path, query, user and password.
pub(super) fn without_secrets(url: &str, words: &str) -> String {
    let mut words = words.to_owned();
    for secret in secrets(url) {
        words = without(&words, &secret);
    }
    words
}

/// What may be secret in a URL, the longest first.
fn secrets(url: &str) -> Vec<String> {
    let url = url.trim();
    let mut secrets: Vec<String> = Vec::new();
    // As it is written.
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let tail = after_scheme.find(['/', '?', '#']).map_or("", |at| &after_scheme[at..]);
    let login =
        after_scheme[..after_scheme.len() - tail.len()].rsplit_once('@').map_or("", |(login, _)| login);
    secrets.extend([tail, login].map(str::to_owned));
    for part in tail.split(['/', '?', '#', '&', ';', '=']).chain(login.split(':')) {
        secrets.extend([part.to_owned(), decoded(part).into_owned()]);
    }
    // As a program understands it.
    if let Ok(url) = Url::parse(url) {
        secrets.extend([url.path().to_owned(), url.query().unwrap_or_default().to_owned()]);
        secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    }
    let is_known = |part: &str| KNOWN.contains(&part.trim_matches('/').to_ascii_lowercase().as_str());
    secrets.retain(|part| part.chars().count() >= SHORTEST && !is_known(part));
    secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    secrets.dedup();
    secrets
}

/// With every `%41` as the byte it stands for.
fn decoded(part: &str) -> Cow<'_, str> {
    if !part.contains('%') {
        return Cow::Borrowed(part);
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        rest = match (first, after) {
            (b'%', [high, low, behind @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push((hex(*high).unwrap_or(0) * 16 + hex(*low).unwrap_or(0)) as u8);
                behind
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Replaces the secret wherever it stands, in whatever case, and its beginning where the words were cut off in it.
fn without(words: &str, secret: &str) -> String {
    let mut kept = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(first) = rest.chars().next() {
        if starts_with(rest, secret) {
            kept.push_str(HIDDEN);
            rest = &rest[secret.len()..];
            continue;
        }
        let end = rest.trim_end_matches(HIDDEN);
        let is_cut = end.len() >= SHORTEST && end.len() < secret.len() && starts_with(secret, end);
        if is_cut && words.ends_with(HIDDEN) {
            kept.push_str(HIDDEN);
            break;
        }
        kept.push(first);
        rest = &rest[first.len_utf8()..];
    }
    kept
}

fn starts_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hides_what_only_the_url_tells() {
        let url = "https://me:pass%21word@t.example:443/0123abcd/announce?passkey=SeCrEt&uid=42";
        for (words, left) in [
            ("no such torrent at this tracker", "no such torrent at this tracker"),
            ("unknown passkey secret!", "unknown passkey …!"),
            ("GET /0123abcd/announce?passkey=SeCrEt&uid=42 is wrong", "GET … is wrong"),
            ("who is 0123ABCD?", "who is …?"),
            ("pass!word and pass%21word", "… and …"),
            ("announce less often", "announce less often"),
        ] {
            assert_eq!(without_secrets(url, words), left);
        }
        assert_eq!(without_secrets("udp://t:1/longsecret", "see longsec…"), "see …", "where it was cut off");
        assert_eq!(without_secrets("http://t/announce", "/announce is not here"), "/announce is not here");
        assert_eq!(without_secrets("not a url", "x"), "x");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_any_words(key in "[a-zA-Z0-9]{8,32}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            for url in [
                format!("http://t.example/{key}/announce"),
                format!("http://t.example/announce?passkey={key}"),
                format!("udp://t.example:80/{key}"),
                format!("http://user:{key}@t.example/announce"),
            ] {
                let left = without_secrets(&url, &format!("{before}{key}{after}{url}"));
                prop_assert!(!left.to_ascii_lowercase().contains(&key.to_ascii_lowercase()), "{left}");
            }
        }

        #[test]
        fn takes_any_url_and_any_words(url in "\\PC{0,60}", words in "\\PC{0,60}") {
            without_secrets(&url, &words);
        }
    }
}
