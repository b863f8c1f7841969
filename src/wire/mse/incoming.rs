//! The side that is called.

use std::fmt;

use super::key::Secret;
use super::{
    Agreed, Ciphers, Exchange, Exchanged, Input, KEY_BYTES, MOST_PAD_BYTES, MseError, Negotiation, Offer,
    Payload, Step, Torrents, VC, pad,
};
use crate::metainfo::InfoHash;
use crate::wire::HANDSHAKE_BYTES;

/// What names the torrent.
const NAME_BYTES: usize = 20;
/// The constant, `crypto_provide` and the length of the padding.
const HEAD_BYTES: usize = VC.len() + 4 + 2;
/// The length of the first payload.
const LENGTH_BYTES: usize = 2;

/// The negotiation of a connection that was opened to us.
pub struct Incoming {
    torrents: Torrents,
    /// The one that was named.
    torrent: Option<InfoHash>,
    accept: Offer,
    random: fastrand::Rng,
    keys: Exchange,
    public: [u8; KEY_BYTES],
    input: Input,
    state: State,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}

enum State {
    Key,
    Exchanging(Exchange),
    SendKey(Secret),
    Sync(Secret),
    Name(Secret),
    Head(Box<Ciphers>),
    Pad(usize, u32, Box<Ciphers>),
    Length(u32, Box<Ciphers>),
    First(usize, Payload, Box<Ciphers>),
    Over,
}

impl Incoming {
    /// Takes calls for any of `torrents`.
    pub fn new(torrents: Torrents, accept: Offer, mut random: fastrand::Rng) -> Self {
        let keys = Exchange::new(&mut random);
        Self {
            torrents,
            torrent: None,
            accept,
            random,
            keys,
            public: [0; KEY_BYTES],
            input: Input::default(),
            state: State::Key,
        }
    }

    fn key(&mut self) -> Result<Step, MseError> {
        let theirs: [u8; KEY_BYTES] = match self.input.take() {
            Ok(key) => key,
            Err(missing) => return self.wait(State::Key, missing),
        };
        let exchange = self.keys.clone().with(&theirs)?;
        self.state = State::Exchanging(exchange.clone());
        Ok(Step::Exchange(exchange))
    }

    fn sync(&mut self, secret: Secret) -> Result<Step, MseError> {
        match self.input.skip_past(&secret.request_1())? {
            Ok(()) => self.name(secret),
            Err(missing) => self.wait(State::Sync(secret), missing + NAME_BYTES + HEAD_BYTES + LENGTH_BYTES),
        }
    }

    fn name(&mut self, secret: Secret) -> Result<Step, MseError> {
        let named: [u8; NAME_BYTES] = match self.input.take() {
            Ok(named) => named,
            Err(missing) => {
                return self.wait(State::Name(secret), missing + HEAD_BYTES + LENGTH_BYTES);
            }
        };
        let torrent = self.torrents.named(&secret.masked(named)).ok_or(MseError::UnknownTorrent)?;
        self.torrent = Some(torrent);
        let ciphers = Ciphers { incoming: secret.of_caller(&torrent), outgoing: secret.of_called(&torrent) };
        self.head(Box::new(ciphers))
    }

    fn head(&mut self, mut ciphers: Box<Ciphers>) -> Result<Step, MseError> {
        let head: [u8; HEAD_BYTES] = match self.input.take() {
            Ok(head) => ciphers.incoming.applied(head),
            Err(missing) => return self.wait(State::Head(ciphers), missing + LENGTH_BYTES),
        };
        let [vc @ .., a, b, c, d, e, f] = head;
        if vc != VC {
            return Err(MseError::NoSync);
        }
        let pad_bytes = usize::from(u16::from_be_bytes([e, f]));
        if pad_bytes > MOST_PAD_BYTES {
            return Err(MseError::BadPad);
        }
        self.pad(pad_bytes, u32::from_be_bytes([a, b, c, d]), ciphers)
    }

    fn pad(&mut self, pad_bytes: usize, provide: u32, mut ciphers: Box<Ciphers>) -> Result<Step, MseError> {
        match self.input.take_some(pad_bytes) {
            Ok(mut padding) => ciphers.incoming.apply(&mut padding),
            Err(missing) => {
                return self.wait(State::Pad(pad_bytes, provide, ciphers), missing + LENGTH_BYTES);
            }
        }
        self.length(provide, ciphers)
    }

    fn length(&mut self, provide: u32, mut ciphers: Box<Ciphers>) -> Result<Step, MseError> {
        let length: [u8; LENGTH_BYTES] = match self.input.take() {
            Ok(length) => ciphers.incoming.applied(length),
            Err(missing) => return self.wait(State::Length(provide, ciphers), missing),
        };
        let first_bytes = usize::from(u16::from_be_bytes(length));
        let payload = self.choose(provide, first_bytes)?;
        Ok(self.answer(first_bytes, payload, ciphers))
    }

    /// Plain where both can: it costs nothing. Under RC4 the first payload is just the beginning of the stream;
    /// else no more of it is taken than a handshake.
    fn choose(&self, provide: u32, first_bytes: usize) -> Result<Payload, MseError> {
        let common = |payload: Payload| provide & payload.bit() != 0 && self.accept.has(payload);
        match (common(Payload::Plain), common(Payload::Rc4)) {
            (true, _) if first_bytes <= HANDSHAKE_BYTES => Ok(Payload::Plain),
            (_, true) => Ok(Payload::Rc4),
            (true, false) => Err(MseError::BadPad),
            (false, false) => Err(self.accept.refusal(provide)),
        }
    }

    fn answer(&mut self, first_bytes: usize, payload: Payload, mut ciphers: Box<Ciphers>) -> Step {
        let padding = pad(&mut self.random);
        let mut bytes = VC.to_vec();
        bytes.extend(payload.bit().to_be_bytes());
        bytes.extend((padding.len() as u16).to_be_bytes());
        bytes.extend(padding.iter().map(|_| 0));
        ciphers.outgoing.apply(&mut bytes);
        self.state = State::First(first_bytes, payload, ciphers);
        Step::Write(bytes)
    }

    fn first(&mut self, bytes: usize, payload: Payload, mut ciphers: Box<Ciphers>) -> Result<Step, MseError> {
        let torrent = self.torrent;
        if payload == Payload::Rc4 {
            let ciphers = Some(*ciphers);
            return Ok(Step::Agreed(Agreed { torrent, payload, ciphers, initial: Vec::new() }));
        }
        match self.input.take_some(bytes) {
            Ok(mut initial) => {
                ciphers.incoming.apply(&mut initial);
                Ok(Step::Agreed(Agreed { torrent, payload, ciphers: None, initial }))
            }
            Err(missing) => self.wait(State::First(bytes, payload, ciphers), missing),
        }
    }

    fn wait(&mut self, state: State, missing: usize) -> Result<Step, MseError> {
        self.state = state;
        Ok(Step::Read(missing))
    }
}

impl Negotiation for Incoming {
    fn next(&mut self) -> Result<Step, MseError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Key => self.key(),
            State::Exchanging(exchange) => {
                self.state = State::Exchanging(exchange.clone());
                Ok(Step::Exchange(exchange))
            }
            State::SendKey(secret) => {
                self.state = State::Sync(secret);
                let mut bytes = self.public.to_vec();
                bytes.extend(pad(&mut self.random));
                Ok(Step::Write(bytes))
            }
            State::Sync(secret) => self.sync(secret),
            State::Name(secret) => self.name(secret),
            State::Head(ciphers) => self.head(ciphers),
            State::Pad(pad_bytes, provide, ciphers) => self.pad(pad_bytes, provide, ciphers),
            State::Length(provide, ciphers) => self.length(provide, ciphers),
            State::First(bytes, payload, ciphers) => self.first(bytes, payload, ciphers),
            State::Over => Err(MseError::NoSync),
        }
    }

    fn received(&mut self, bytes: &[u8]) {
        self.input.bytes.extend_from_slice(bytes);
    }

    fn exchanged(&mut self, exchanged: Exchanged) {
        if let (State::Exchanging(_), Some(secret)) = (&self.state, exchanged.secret) {
            self.public = exchanged.public;
            self.state = State::SendKey(secret);
        }
    }
}
