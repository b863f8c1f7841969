//! Handshakes under message stream encryption, and telling them from plain ones.
//!
//! Nothing at all is closed, reset or silent, as without encryption. Somebody else's service is named as such. All
//! else that keeps the two sides from agreeing is `encryption_failed`, with the reason the negotiation gives, or
//! `no_sync` where it just stopped.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{HandshakeStep, NAMING_BYTES, Shake, Steps, Stop};
use crate::engine::link::{Overhead, Shaken};
use crate::engine::mse::{Carrier, Mse};
use crate::engine::transport::Transport;
use crate::event::{At, Cause};
use crate::swarm::{Closed, EncryptionPolicy};
use crate::wire::mse::{Agreed, Incoming, KEY_BYTES, MseError, Negotiation, Outgoing, Step};
use crate::wire::{HANDSHAKE_BYTES, Handshake, Judged, LooksLike, PROTOCOL, looks_like};

/// The most that is asked for in one read of a negotiation.
const READ_BYTES: usize = 1024;

/// Shakes hands under encryption over a connection we opened.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub async fn shake_out_encrypted<T: Transport>(
    mut transport: T,
    ours: &Handshake,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier<T>, Shaken), Box<Closed>> {
    let mut shake = Shake::new(&mut transport, ours, Cause::InfoHashMismatch, steps.clock);
    let side = Outgoing::new(ours.info_hash, mse.offer(), &ours.to_bytes(), mse.random());
    let agreed = match shake.negotiate(side, false, mse, steps).await {
        Ok(agreed) => agreed,
        Err(stop) => return Err(shake.give_up(stop, steps).await),
    };
    let (deadline, overhead) = (shake.deadline, shake.overhead(&agreed, HANDSHAKE_BYTES));
    let mut carrier = Carrier::new(transport, agreed);
    let shaken = match &mut carrier {
        Carrier::Bare(bare) => {
            let shake = Shake::new(bare, ours, Cause::InfoHashMismatch, steps.clock);
            shake.resume(deadline, overhead, Vec::new(), true).go_on(steps).await
        }
        Carrier::Encrypted(encrypted) => {
            let shake = Shake::new(&mut **encrypted, ours, Cause::InfoHashMismatch, steps.clock);
            shake.resume(deadline, overhead, Vec::new(), true).go_on(steps).await
        }
    };
    shaken.map(|shaken| (carrier, shaken))
}

/// Shakes hands over a connection the peer opened, plain or encrypted as it likes and our settings allow.
///
/// # Errors
///
/// The attempt's end, with exactly one cause.
pub async fn accept<T: Transport>(
    mut transport: T,
    ours: &Handshake,
    mse: &Mse,
    steps: &Steps,
) -> Result<(Carrier<T>, Shaken), Box<Closed>> {
    let mut shake = Shake::new(&mut transport, ours, Cause::UnknownInfoHash, steps.clock);
    let plain = match shake.read_first().await {
        Ok(plain) => plain,
        Err(stop) => return Err(shake.end(&stop, steps).await),
    };
    if plain && mse.policy == EncryptionPolicy::Require {
        let detail = "it called without encryption, which --encryption require forbids".to_owned();
        let stop = Stop::Decided(Cause::EncryptionMismatch, detail);
        return Err(shake.end(&stop, steps).await);
    }
    if plain || mse.policy == EncryptionPolicy::Off {
        let shaken = shake.go_on(steps).await?;
        return Ok((Carrier::Bare(transport), shaken));
    }
    let mut side = Incoming::new(&[ours.info_hash], mse.offer(), mse.random());
    side.received(&shake.received);
    let mut agreed = match shake.negotiate(side, true, mse, steps).await {
        Ok(agreed) => agreed,
        Err(stop) => return Err(shake.give_up(stop, steps).await),
    };
    let (deadline, overhead) = (shake.deadline, shake.overhead(&agreed, 0));
    let initial = std::mem::take(&mut agreed.initial);
    let mut carrier = Carrier::new(transport, agreed);
    let shaken = match &mut carrier {
        Carrier::Bare(bare) => {
            let shake = Shake::new(bare, ours, Cause::UnknownInfoHash, steps.clock);
            shake.resume(deadline, overhead, initial, false).go_on(steps).await
        }
        Carrier::Encrypted(encrypted) => {
            let shake = Shake::new(&mut **encrypted, ours, Cause::UnknownInfoHash, steps.clock);
            shake.resume(deadline, overhead, initial, false).go_on(steps).await
        }
    };
    shaken.map(|shaken| (carrier, shaken))
}

impl<T: Transport> Shake<'_, T> {
    /// Reads until it is clear whether the other side begins a plain handshake.
    async fn read_first(&mut self) -> Result<bool, Stop> {
        loop {
            match Handshake::judge(&self.received) {
                Judged::NotBittorrent { .. } => return Ok(false),
                _ if self.received.len() >= PROTOCOL.len() => return Ok(true),
                _ => self.read_some(PROTOCOL.len(), self.deadline).await?,
            }
        }
    }

    /// Carries a negotiation out. What was read before belongs to it.
    async fn negotiate(
        &mut self,
        mut side: impl Negotiation,
        called: bool,
        mse: &Mse,
        steps: &Steps,
    ) -> Result<Agreed, Stop> {
        let (clock, deadline) = (self.clock, self.deadline);
        let mut told = false;
        loop {
            let step = side.next().map_err(Stop::Mse)?;
            match step {
                Step::Write(bytes) => {
                    clock.within(deadline, self.write_through(&bytes)).await.ok_or(Stop::Timeout)??;
                    if side.wrote_first() && !std::mem::replace(&mut told, true) {
                        steps.tell(HandshakeStep::Sent(self.ours.to_bytes().to_vec().into())).await;
                    }
                }
                Step::Read(most) => {
                    if let Some(stop) = self.is_somebody_else(called).await {
                        return Err(stop);
                    }
                    let mut buffer = [0; READ_BYTES];
                    let room = most.min(READ_BYTES);
                    let read = self.transport.read(&mut buffer[..room]);
                    let n = match clock.within(deadline, read).await {
                        None => return Err(Stop::Timeout),
                        Some(Err(error)) => return Err(Stop::Error(error)),
                        Some(Ok(0)) => return Err(Stop::Closed),
                        Some(Ok(n)) => n,
                    };
                    self.note(&buffer[..n]);
                    side.received(&buffer[..n]);
                }
                Step::Exchange(exchange) => {
                    let calculated = clock.within(deadline, mse.exchange(exchange, called)).await;
                    // Without a runtime nobody waits for an answer either.
                    side.exchanged(calculated.flatten().ok_or(Stop::Timeout)?);
                }
                Step::Agreed(agreed) => {
                    steps.tell(HandshakeStep::Agreed(agreed.payload)).await;
                    return Ok(agreed);
                }
            }
        }
    }

    async fn write_through(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.transport.write_all(bytes).await.map_err(Stop::Error)?;
        self.sent_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Keeps the first bytes to tell by who is there, and counts the others.
    fn note(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(NAMING_BYTES.saturating_sub(self.received.len()));
        self.received.extend_from_slice(&bytes[..kept]);
        self.overhead.bytes_in += (bytes.len() - kept) as u64;
    }

    /// Who speaks in words speaks no encryption: there is no need to wait for more, nor to calculate.
    async fn is_somebody_else(&mut self, called: bool) -> Option<Stop> {
        if self.received.len() > KEY_BYTES {
            return None;
        }
        if !called && self.received.starts_with(PROTOCOL) {
            let detail = "it answered without encryption".to_owned();
            return Some(Stop::Decided(Cause::EncryptionMismatch, detail));
        }
        if !speaks_in_words(looks_like(&self.received)) {
            return None;
        }
        self.read_on(NAMING_BYTES).await;
        Some(self.not_bittorrent())
    }

    fn not_bittorrent(&self) -> Stop {
        let at = match Handshake::judge(&self.received) {
            Judged::NotBittorrent { at } => at,
            _ => self.received.len(),
        };
        Stop::Decided(Cause::NotBittorrent, format!("byte {at} is none of a handshake's"))
    }

    /// The end of a negotiation that failed.
    async fn give_up(self, stop: Stop, steps: &Steps) -> Box<Closed> {
        let like = looks_like(&self.received);
        let service = speaks_in_words(like) || like == LooksLike::Tls;
        // Fewer bytes than a key are no beginning of anything, whoever called.
        let short = self.other_torrent == Cause::UnknownInfoHash && self.received.len() < KEY_BYTES;
        let stop = match stop {
            Stop::Mse(MseError::NoSync) if service => self.not_bittorrent(),
            Stop::Closed | Stop::Timeout | Stop::Error(_) if !self.received.is_empty() => {
                if short || service { self.not_bittorrent() } else { Stop::Mse(MseError::NoSync) }
            }
            stop => stop,
        };
        self.end(&stop, steps).await
    }

    /// What the negotiation cost, less the `first` bytes in it that were our handshake.
    fn overhead(&self, agreed: &Agreed, first: usize) -> Overhead {
        let handshake_in = agreed.initial.len() as u64;
        Overhead {
            bytes_in: self.overhead.bytes_in + self.received.len() as u64 - handshake_in,
            bytes_out: self.sent_bytes - first as u64,
        }
    }

    /// Goes on where a negotiation ended.
    fn resume(mut self, deadline: At, overhead: Overhead, received: Vec<u8>, wrote: bool) -> Self {
        self.deadline = deadline;
        self.overhead = overhead;
        self.received = received;
        if wrote {
            self.sent_bytes = HANDSHAKE_BYTES as u64;
        }
        self
    }

    /// The rest of a handshake of which anything may have passed.
    async fn go_on(mut self, steps: &Steps) -> Result<Shaken, Box<Closed>> {
        let result = if self.sent_bytes > 0 { self.rest().await } else { self.inward(steps).await };
        self.conclude(result, steps).await
    }
}

/// Text cannot be taken for a key; the two bytes that TLS begins with can.
fn speaks_in_words(like: LooksLike) -> bool {
    matches!(like, LooksLike::Http | LooksLike::Ssh | LooksLike::Smtp | LooksLike::Ftp)
}

#[cfg(test)]
mod tests;
