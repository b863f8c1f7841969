//! Message stream encryption (MSE/PE): a key exchange that hides what the connection is for, then RC4 or nothing.
//!
//! It is an obfuscation and proves nothing about anybody: keys are short, RC4 is old, nothing is authenticated. It
//! is spoken because peers ask for it. A [`Negotiation`] has no socket, clock or thread: it says what to write, what
//! to read and what to calculate ([`Step`]), so that the slow part, the [`Exchange`], can run where it delays nobody.
//! It never asks for a byte beyond its own end, so what follows is all still on the connection.

mod cipher;
mod incoming;
mod key;
mod outgoing;
mod torrents;

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::metainfo::InfoHash;

pub use cipher::Cipher;
pub use incoming::Incoming;
pub use key::{Exchange, Exchanged, KEY_BYTES};
pub use outgoing::Outgoing;
pub use torrents::Torrents;

/// The longest padding any of the four places may have.
pub const MOST_PAD_BYTES: usize = 512;

/// The verification constant: zeros, so that its ciphertext can be searched for.
const VC: [u8; 8] = [0; 8];

/// What the messages travel under, once the handshake is agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// As they are.
    Plain,
    /// Under RC4.
    Rc4,
}

impl Payload {
    /// The name other programs read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Rc4 => "rc4",
        }
    }

    /// Its bit in `crypto_provide` and `crypto_select`.
    fn bit(self) -> u32 {
        match self {
            Self::Plain => 1,
            Self::Rc4 => 2,
        }
    }
}

/// The payloads one side can go on with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Plain messages.
    pub plain: bool,
    /// Messages under RC4.
    pub rc4: bool,
}

impl Offer {
    /// Either.
    pub const BOTH: Self = Self { plain: true, rc4: true };
    /// Encrypted messages only.
    pub const RC4: Self = Self { plain: false, rc4: true };

    fn has(self, payload: Payload) -> bool {
        match payload {
            Payload::Plain => self.plain,
            Payload::Rc4 => self.rc4,
        }
    }

    /// Why what the other side offers or chooses does not do.
    fn refusal(self, bits: u32) -> MseError {
        if !self.plain && bits == Payload::Plain.bit() { MseError::PlainOnly } else { MseError::BadSelect }
    }

    fn bits(self) -> u32 {
        [Payload::Plain, Payload::Rc4]
            .into_iter()
            .filter(|payload| self.has(*payload))
            .map(Payload::bit)
            .sum()
    }
}

/// How the negotiation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum MseError {
    /// Its public key is one that no honest side has: 0, 1, p − 1, p or more, or our own sent back.
    #[error("its public key is none")]
    BadKey,
    /// What has to follow the key and its padding never came.
    #[error("what has to follow its key never came")]
    NoSync,
    /// It offers or chooses no payload that both sides have, or more than one.
    #[error("it offers or chooses a payload we did not name")]
    BadSelect,
    /// It goes on in plain only, which we do not offer.
    #[error("it goes on in plain only")]
    PlainOnly,
    /// Padding, or the first payload, is longer than it may be.
    #[error("its padding is longer than it may be")]
    BadPad,
    /// It wants a torrent that we do not have.
    #[error("it wants a torrent that we do not have")]
    UnknownTorrent,
}

impl MseError {
    /// The name other programs read.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadKey => "bad_key",
            Self::NoSync => "no_sync",
            Self::BadSelect => "bad_select",
            Self::PlainOnly => "plain_only",
            Self::BadPad => "bad_pad",
            Self::UnknownTorrent => "unknown_torrent",
        }
    }
}

/// What a negotiation wants done next.
#[derive(Debug)]
pub enum Step {
    /// Write these bytes, then ask for the next step.
    Write(Vec<u8>),
    /// Read some bytes, this many at most, and hand them in.
    Read(usize),
    /// Calculate, off the async workers, and hand the result in.
    Exchange(Exchange),
    /// It is over.
    Agreed(Agreed),
}

/// What the two sides agreed on.
#[derive(Debug)]
pub struct Agreed {
    /// The torrent that the caller named; none for the caller, who knows it.
    pub torrent: Option<InfoHash>,
    /// What the messages travel under.
    pub payload: Payload,
    /// For RC4: the streams that everything goes through from here on.
    pub ciphers: Option<Ciphers>,
    /// The peer's first payload as far as it came inside the negotiation, deciphered.
    pub initial: Vec<u8>,
}

/// The two streams of a connection.
#[derive(Debug)]
pub struct Ciphers {
    /// What comes.
    pub incoming: Cipher,
    /// What goes.
    pub outgoing: Cipher,
}

/// One side of a negotiation.
pub trait Negotiation: fmt::Debug {
    /// What to do next. Asked again without doing it, it says the same, or waits with [`Step::Read`].
    ///
    /// # Errors
    ///
    /// The other side broke the protocol; the negotiation is over.
    fn next(&mut self) -> Result<Step, MseError>;

    /// Takes bytes that were read.
    fn received(&mut self, bytes: &[u8]);

    /// Takes the result of an exchange.
    fn exchanged(&mut self, exchanged: Exchanged);

    /// Whether the handshake that travels inside has been handed out to be written.
    fn wrote_first(&self) -> bool {
        false
    }
}

/// Bytes as they came, taken from the front.
#[derive(Debug, Default)]
struct Input {
    bytes: Vec<u8>,
}

impl Input {
    /// The next `N` bytes, or how many are missing.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], usize> {
        match self.bytes.first_chunk() {
            Some(taken) => {
                let taken = *taken;
                self.bytes.drain(..N);
                Ok(taken)
            }
            None => Err(N - self.bytes.len()),
        }
    }

    /// The next `n` bytes, or how many are missing.
    fn take_some(&mut self, n: usize) -> Result<Vec<u8>, usize> {
        if self.bytes.len() < n {
            return Err(n - self.bytes.len());
        }
        Ok(self.bytes.drain(..n).collect())
    }

    /// Skips padding up to `pattern` and the pattern itself. `Err(n)`: not there yet, n bytes of it are missing at
    /// least.
    fn skip_past(&mut self, pattern: &[u8]) -> Result<Result<(), usize>, MseError> {
        let found = self.bytes.windows(pattern.len()).position(|window| window == pattern);
        if let Some(at) = found.filter(|at| *at <= MOST_PAD_BYTES) {
            self.bytes.drain(..at + pattern.len());
            return Ok(Ok(()));
        }
        // The longest end of what came that the pattern may begin with.
        let begun = (0..pattern.len().min(self.bytes.len() + 1))
            .rev()
            .find(|n| self.bytes.ends_with(&pattern[..*n]))
            .unwrap_or_default();
        if self.bytes.len() - begun > MOST_PAD_BYTES {
            return Err(MseError::NoSync);
        }
        Ok(Err(pattern.len() - begun))
    }
}

/// Random padding of a random length.
fn pad(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut pad = vec![0; random.usize(..=MOST_PAD_BYTES)];
    random.fill(&mut pad);
    pad
}

#[cfg(test)]
mod tests;
