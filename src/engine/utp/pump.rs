//! Sends what is due, one at a time: who finds another sending leaves word that there is more.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::State;
use crate::engine::clock::Clock;
use crate::engine::udp::Udp;
use crate::utp::Transmit;

#[derive(Debug, Default)]
pub(super) struct Pump {
    /// How often it was asked for since it last rested.
    asked: AtomicU32,
    bundle: Mutex<Bundle>,
}

/// Packets on their way to the socket.
#[derive(Debug, Default)]
struct Bundle {
    packets: Vec<u8>,
    /// What of it the socket did not take yet.
    waits: Option<Transmit>,
}

impl Pump {
    /// Where packets go for which the socket has no room.
    pub(super) fn blocked(&self) -> Option<SocketAddr> {
        self.bundle().waits.as_ref().map(|transmit| transmit.to)
    }

    /// Sends all that is due. True: the socket takes no more now.
    pub(super) fn run(&self, udp: &Udp, clock: Clock, streams: &Mutex<State>) -> bool {
        if self.asked.fetch_add(1, Ordering::AcqRel) > 0 {
            return false;
        }
        let mut seen = 1;
        loop {
            let blocked = self.send(udp, clock, streams);
            match self.asked.compare_exchange(seen, 0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return blocked,
                Err(_) if blocked => {
                    // Who asked for more meanwhile is served when there is room.
                    self.asked.store(0, Ordering::Release);
                    return true;
                }
                Err(now) => seen = now,
            }
        }
    }

    fn bundle(&self) -> MutexGuard<'_, Bundle> {
        self.bundle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, udp: &Udp, clock: Clock, streams: &Mutex<State>) -> bool {
        let mut bundle = self.bundle();
        let Bundle { packets, waits } = &mut *bundle;
        let most_segments = udp.most_segments();
        loop {
            let transmit = waits.take().or_else(|| {
                let mut state = streams.lock().unwrap_or_else(PoisonError::into_inner);
                state.endpoint.transmit(clock.now(), most_segments, packets)
            });
            let Some(transmit) = transmit else { return false };
            match send_bundle(udp, &transmit, packets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    *waits = Some(transmit);
                    return true;
                }
                Err(error) => {
                    let mut state = streams.lock().unwrap_or_else(PoisonError::into_inner);
                    let now = clock.now();
                    match Errno::from_io_error(&error) {
                        Some(Errno::MSGSIZE) => state.endpoint.too_big(now, transmit.to, None),
                        // It is as good as lost on its way.
                        Some(Errno::NOBUFS | Errno::NOMEM) | None => {}
                        Some(errno) => state.endpoint.refused(now, transmit.to, errno.raw_os_error()),
                    }
                }
                Ok(()) => {}
            }
        }
    }
}

/// Sends packets of one destination together; each alone where the system does not do that.
fn send_bundle(udp: &Udp, transmit: &Transmit, packets: &[u8]) -> io::Result<()> {
    let Transmit { to, segment, may_fragment } = *transmit;
    if may_fragment {
        return udp.try_send_in_fragments(to, packets);
    }
    match udp.try_send(to, packets, segment) {
        Err(error)
            if packets.len() > segment
                && matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::IO)) =>
        {
            // Of what the socket takes no more the rest is lost, as it may be on its way.
            packets
                .chunks(segment)
                .try_for_each(|packet| udp.try_send(to, packet, segment))
                .or_else(|error| if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) })
        }
        done => done,
    }
}
