//! The side that calls.

use std::fmt;

use super::key::Secret;
use super::{
    Agreed, Cipher, Ciphers, Exchange, Exchanged, Input, KEY_BYTES, MOST_PAD_BYTES, MseError, Negotiation,
    Offer, Payload, Step, VC, pad,
};
use crate::metainfo::InfoHash;

/// `crypto_select` and the length of the padding, after the constant.
const HEAD_BYTES: usize = 4 + 2;

/// The negotiation of a connection that we opened.
pub struct Outgoing {
    torrent: InfoHash,
    offer: Offer,
    /// Our handshake, which travels with the negotiation's last message.
    first: Vec<u8>,
    random: fastrand::Rng,
    keys: Exchange,
    public: [u8; KEY_BYTES],
    input: Input,
    state: State,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("torrent", &self.torrent).finish_non_exhaustive()
    }
}

enum State {
    Begin,
    SendKey,
    Key,
    Exchanging(Exchange),
    SendRequest(Secret),
    /// Until the constant comes, enciphered as given.
    Sync([u8; VC.len()], Streams),
    Head(Streams),
    Pad(usize, Payload, Streams),
    Over,
}

struct Streams(Box<Ciphers>);

impl Outgoing {
    /// Calls for `torrent`. `first` is what the peer is to read first, our handshake.
    pub fn new(torrent: InfoHash, offer: Offer, first: &[u8], mut random: fastrand::Rng) -> Self {
        let keys = Exchange::new(&mut random);
        Self {
            torrent,
            offer,
            first: first.to_vec(),
            random,
            keys,
            public: [0; KEY_BYTES],
            input: Input::default(),
            state: State::Begin,
        }
    }

    fn key(&mut self) -> Result<Step, MseError> {
        let theirs: [u8; KEY_BYTES] = match self.input.take() {
            Ok(key) => key,
            Err(missing) => return Ok(Step::Read(missing)),
        };
        if theirs == self.public {
            return Err(MseError::BadKey);
        }
        let exchange = self.keys.clone().with(&theirs)?;
        self.state = State::Exchanging(exchange.clone());
        Ok(Step::Exchange(exchange))
    }

    fn request(&mut self, secret: &Secret) -> Step {
        let mut outgoing = secret.of_caller(&self.torrent);
        let mut incoming = secret.of_called(&self.torrent);
        let mut bytes = secret.request_1().to_vec();
        bytes.extend(secret.request_2(&self.torrent));
        let clear = bytes.len();
        let padding = pad(&mut self.random);
        bytes.extend(VC);
        bytes.extend(self.offer.bits().to_be_bytes());
        bytes.extend((padding.len() as u16).to_be_bytes());
        // What it contains is for later versions of the protocol; zeros are as good as anything under RC4.
        bytes.extend(padding.iter().map(|_| 0));
        bytes.extend((self.first.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&self.first);
        outgoing.apply(&mut bytes[clear..]);
        let sought = incoming.applied(VC);
        self.state = State::Sync(sought, Streams(Box::new(Ciphers { incoming, outgoing })));
        Step::Write(bytes)
    }

    fn head(&mut self, mut streams: Streams) -> Result<Step, MseError> {
        let head: [u8; HEAD_BYTES] = match self.input.take() {
            Ok(head) => streams.incoming().applied(head),
            Err(missing) => {
                self.state = State::Head(streams);
                return Ok(Step::Read(missing));
            }
        };
        let [a, b, c, d, e, f] = head;
        let select = u32::from_be_bytes([a, b, c, d]);
        let payload = [Payload::Plain, Payload::Rc4].into_iter().find(|payload| payload.bit() == select);
        let payload =
            payload.filter(|payload| self.offer.has(*payload)).ok_or_else(|| self.offer.refusal(select))?;
        let pad_bytes = usize::from(u16::from_be_bytes([e, f]));
        if pad_bytes > MOST_PAD_BYTES {
            return Err(MseError::BadPad);
        }
        Ok(self.pad(pad_bytes, payload, streams))
    }

    fn pad(&mut self, pad_bytes: usize, payload: Payload, mut streams: Streams) -> Step {
        match self.input.take_some(pad_bytes) {
            Ok(mut padding) => streams.incoming().apply(&mut padding),
            Err(missing) => {
                self.state = State::Pad(pad_bytes, payload, streams);
                return Step::Read(missing);
            }
        }
        let ciphers = (payload == Payload::Rc4).then_some(*streams.0);
        Step::Agreed(Agreed { torrent: None, payload, ciphers, initial: Vec::new() })
    }
}

impl Streams {
    fn incoming(&mut self) -> &mut Cipher {
        &mut self.0.incoming
    }
}

impl Negotiation for Outgoing {
    fn next(&mut self) -> Result<Step, MseError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => {
                self.state = State::Begin;
                Ok(Step::Exchange(self.keys.clone()))
            }
            State::SendKey => {
                self.state = State::Key;
                let mut bytes = self.public.to_vec();
                bytes.extend(pad(&mut self.random));
                Ok(Step::Write(bytes))
            }
            State::Key => {
                self.state = State::Key;
                self.key()
            }
            State::Exchanging(exchange) => {
                self.state = State::Exchanging(exchange.clone());
                Ok(Step::Exchange(exchange))
            }
            State::SendRequest(secret) => Ok(self.request(&secret)),
            State::Sync(sought, streams) => match self.input.skip_past(&sought)? {
                Ok(()) => self.head(streams),
                Err(missing) => {
                    self.state = State::Sync(sought, streams);
                    Ok(Step::Read(missing + HEAD_BYTES))
                }
            },
            State::Head(streams) => self.head(streams),
            State::Pad(pad_bytes, payload, streams) => Ok(self.pad(pad_bytes, payload, streams)),
            State::Over => Err(MseError::NoSync),
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        self.input.bytes.extend_from_slice(bytes);
    }

    fn exchanged(&mut self, exchanged: Exchanged) {
        match (&self.state, exchanged.secret) {
            (State::Begin, _) => {
                self.public = exchanged.public;
                self.state = State::SendKey;
            }
            (State::Exchanging(_), Some(secret)) => self.state = State::SendRequest(secret),
            _ => {}
        }
    }
    fn wrote_first(&self) -> bool {
        matches!(self.state, State::Sync(..) | State::Head(_) | State::Pad(..) | State::Over)
    }
}
