//! Message stream encryption over connections: who calculates keys when, and what carries the messages afterwards.

mod encrypted;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

pub use self::encrypted::Encrypted;
use super::line::Line;
use crate::event::Transport;
use crate::swarm::EncryptionPolicy;
use crate::wire::mse::{Ciphers, Exchange, Exchanged, Offer};

/// Key exchanges calculated at once.
const AT_ONCE: usize = 8;
/// From one key exchange with somebody who called to the next: 50 a second.
const BETWEEN_CALLERS: Duration = Duration::from_millis(20);

/// What every handshake of a run needs to know of encryption.
#[derive(Clone, Debug)]
pub struct Mse {
    /// When it is used.
    pub policy: EncryptionPolicy,
    exchanges: Arc<Exchanges>,
}

struct Exchanges {
    at_once: Arc<Semaphore>,
    /// When the next caller may have its key exchange.
    next_caller: Mutex<Option<Instant>>,
    random: Mutex<fastrand::Rng>,
}

impl fmt::Debug for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanges").finish_non_exhaustive()
    }
}

impl Mse {
    /// Keys and paddings are drawn from `seed`.
    pub fn new(policy: EncryptionPolicy, seed: u64) -> Self {
        let exchanges = Exchanges {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            next_caller: Mutex::new(None),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        };
        Self { policy, exchanges: Arc::new(exchanges) }
    }

    /// What the messages may travel under.
    pub(super) fn offer(&self) -> Offer {
        if self.policy == EncryptionPolicy::Require { Offer::RC4 } else { Offer::BOTH }
    }

    /// Randomness for one connection.
    pub(super) fn random(&self) -> fastrand::Rng {
        self.exchanges.random.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// Calculates on a thread that may take its time. Who called waits for its turn, as anybody may call: whom we
    /// dial we chose ourselves. `None`: the runtime is going down.
    pub(super) async fn exchange(&self, exchange: Exchange, called: bool) -> Option<Exchanged> {
        if called {
            sleep_until(self.turn()).await;
        }
        let permit = Arc::clone(&self.exchanges.at_once).acquire_owned().await.ok()?;
        let calculated = tokio::task::spawn_blocking(move || {
            // Held to the end of the calculation, also when nobody waits for it any more.
            let _permit = permit;
            exchange.run()
        });
        calculated.await.ok()
    }

    fn turn(&self) -> Instant {
        let mut next = self.exchanges.next_caller.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
        *next = Some(turn + BETWEEN_CALLERS);
        turn
    }
}

/// What carries the messages of a connection after its handshake.
#[derive(Debug)]
pub enum Carrier<T = Line> {
    /// The connection itself: never encrypted, or no more.
    Bare(T),
    /// The connection under RC4.
    Encrypted(Box<Encrypted<T>>),
}

impl Carrier {
    /// What carries it.
    fn line(&self) -> &Line {
        match self {
            Self::Bare(line) => line,
            Self::Encrypted(encrypted) => encrypted.inner(),
        }
    }

    /// The address of ours that the connection is over, where the system still knows it.
    pub(super) fn local_ip(&self) -> Option<IpAddr> {
        self.line().local_ip()
    }

    /// Over what.
    pub fn transport(&self) -> Transport {
        self.line().transport()
    }
}

impl<T> Carrier<T> {
    pub(super) fn new(transport: T, ciphers: Option<Ciphers>) -> Self {
        match ciphers {
            None => Self::Bare(transport),
            Some(ciphers) => Self::Encrypted(Box::new(Encrypted::new(transport, ciphers))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::InfoHash;
    use crate::wire::mse::{Negotiation, Outgoing, Step};

    fn an_exchange(mse: &Mse) -> Exchange {
        match Outgoing::new(InfoHash([1; 20]), Offer::BOTH, &[], mse.random()).next() {
            Ok(Step::Exchange(exchange)) => exchange,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn callers_have_their_key_exchange_one_after_another() {
        let mse = Mse::new(EncryptionPolicy::default(), 1);
        let began = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..26 {
            let (mse, exchange) = (mse.clone(), an_exchange(&mse));
            all.spawn(async move { mse.exchange(exchange, true).await });
        }
        while let Some(done) = all.join_next().await {
            assert!(done.unwrap().is_some());
        }
        assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn whom_we_dial_need_not_wait() {
        let mse = Mse::new(EncryptionPolicy::default(), 1);
        let began = Instant::now();
        for _ in 0..20 {
            assert!(mse.exchange(an_exchange(&mse), false).await.is_some());
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
