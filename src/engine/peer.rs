//! The task of one connection, from the handshake on: reads, writes, reports, does as it is told.
//!
//! It owns its socket and its request window. Nothing of it is shared but what is in [`Common`]; it hears of the
//! task through orders and the torrent's task of it through reports.

mod low_water;
mod stream_news;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep_until, timeout};

use self::low_water::LowWaterMark;
use self::stream_news::StreamNews;
use super::clock::Clock;
use super::limit::Limit;
use super::link::{Closed, ConnKey, News, Order, Report};
use super::mailbox;
use super::mse::Carrier;
use super::pool::{BlockBuf, BlockPool};
use super::receive::{Incoming, Receiver};
use super::transport::Transport;
use super::upload::{BlockSource, Job, JobDone, finish, give_back, start};
use crate::event::{At, Cause, OsError};
use crate::metainfo::{BlockRef, Geometry};
pub use crate::peer::IDLE_AFTER;
use crate::peer::{Broken, Connection, Fault, Handshaken, Ours, Overhead};
use crate::wire::HANDSHAKE_BYTES;

/// All bytes of a connection are told this often; its payload every second.
const TRAFFIC_EVERY: At = At::from_secs(5);
/// Who closes within this time and said nothing closed at once.
const AT_ONCE: At = At::from_secs(1);
/// How long the last bytes may take to leave.
const FLUSH_TIME: Duration = Duration::from_millis(250);

/// What all connections of a torrent share.
pub struct Common {
    /// What they say of us.
    pub ours: Arc<Ours>,
    /// The run's clock.
    pub clock: Clock,
    /// Where blocks are received into.
    pub pool: Arc<BlockPool>,
    /// Where uploads are read from; set once, with what we have.
    pub source: OnceLock<Arc<dyn BlockSource>>,
    /// The limit of all uploads together.
    pub up: Arc<Limit>,
}

impl Common {
    fn geometry(&self) -> Option<Geometry> {
        self.ours.holdings.get().map(|holdings| holdings.geometry)
    }
}

impl fmt::Debug for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Common").field("ours", &self.ours).finish_non_exhaustive()
    }
}

/// How a connection came to its end.
enum End {
    /// The other side closed.
    Eof,
    /// A read or write failed.
    Io(io::Error),
    /// The peer broke the protocol, or fell silent, or we were told to close.
    Fault(Fault),
    /// Our disk failed it.
    Disk(io::Error),
    /// Nobody listens to reports any more.
    Deserted,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Something that happened to a connection.
enum Happened {
    Order(Option<Order>),
    /// The connection's deadline passed.
    Due,
    Job(JobDone),
    /// Nothing was read for a moment, and what there is may be below the mark.
    Quiet,
    /// So many bytes were read; none when only room to write was made.
    Io(Result<usize, End>),
}

/// Talks to a peer that shook hands until the connection ends. The last report is [`Report::Closed`].
///
/// When `orders` is closed it ends as by [`Cause::Shutdown`]; when nobody takes reports, it just ends.
pub async fn run<T: Transport>(
    transport: T,
    shaken: Handshaken,
    conn: ConnKey,
    common: Arc<Common>,
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mailbox::Sender<(ConnKey, Report)>,
) {
    let mut peer = Peer::new(transport, shaken, conn, common, orders, reports);
    let end = peer.talk().await;
    peer.close(end).await;
}

/// The same over a connection that may be encrypted.
pub async fn run_over(
    carrier: Carrier,
    shaken: Handshaken,
    conn: ConnKey,
    common: Arc<Common>,
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mailbox::Sender<(ConnKey, Report)>,
) {
    match carrier {
        Carrier::Bare(stream) => run(stream, shaken, conn, common, orders, reports).await,
        Carrier::Encrypted(stream) => run(*stream, shaken, conn, common, orders, reports).await,
    }
}

struct Peer<T> {
    transport: T,
    connection: Connection,
    /// Blocks of use that came and were not reported.
    blocks: Vec<(BlockRef, BlockBuf)>,
    receiver: Receiver,
    conn: ConnKey,
    common: Arc<Common>,
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mailbox::Sender<(ConnKey, Report)>,
    /// Fires at the connection's deadline.
    due: Pin<Box<Sleep>>,
    mark: LowWaterMark,
    job: Option<Job>,
    /// Nothing can be written any more; what is still to be read comes first.
    write_error: Option<io::Error>,
    began: At,
    bytes_in: u64,
    overhead: Overhead,
    /// When bytes were last told, received and sent.
    traffic_told: (At, (u64, u64)),
    stream_news: StreamNews,
}

impl<T: Transport> Peer<T> {
    fn new(
        transport: T,
        shaken: Handshaken,
        conn: ConnKey,
        common: Arc<Common>,
        orders: mpsc::UnboundedReceiver<Order>,
        reports: mailbox::Sender<(ConnKey, Report)>,
    ) -> Self {
        let began = common.clock.now();
        let connection = Connection::new(Arc::clone(&common.ours), shaken.reserved, began);
        let due = Box::pin(sleep_until(common.clock.instant(connection.deadline())));
        Self {
            transport,
            connection,
            blocks: Vec::new(),
            receiver: Receiver::new(common.geometry(), Arc::clone(&common.pool)),
            conn,
            common,
            orders,
            reports,
            due,
            mark: LowWaterMark::new(),
            job: None,
            write_error: None,
            began,
            bytes_in: HANDSHAKE_BYTES as u64 + shaken.overhead.bytes_in,
            overhead: shaken.overhead,
            traffic_told: (began, (0, 0)),
            stream_news: StreamNews::default(),
        }
    }

    async fn talk(&mut self) -> End {
        loop {
            let happened = self.wait().await;
            let now = self.common.clock.now();
            let result = self.handle(now, happened);
            if result.is_ok() {
                self.connection.refill(now);
                self.mark.follow(self.connection.window().state(now), &mut self.transport);
                self.start_job();
                self.write_now().await;
            }
            let reported = self.report(now).await;
            if let Err(end) = result.and(reported) {
                return end;
            }
        }
    }

    /// Orders first: a close or a revoke must not wait for a fast peer to pause.
    async fn wait(&mut self) -> Happened {
        let Self { transport, connection, receiver, orders, due, mark, job, write_error, .. } = self;
        tokio::select! {
            biased;
            order = orders.recv() => Happened::Order(order),
            () = due => Happened::Due,
            done = wait_for(job) => Happened::Job(done),
            () = mark.quiet() => Happened::Quiet,
            read = poll_fn(|cx| poll_io(transport, connection, receiver, write_error, cx)) => Happened::Io(read),
        }
    }

    fn handle(&mut self, now: At, happened: Happened) -> Result<(), End> {
        match happened {
            Happened::Order(order) => self.take_orders(now, order),
            Happened::Due => self.tick(now),
            Happened::Job(done) => {
                self.job = None;
                let (upload, output) = self.connection.serve();
                finish(upload, done, output).map_err(End::Disk)
            }
            Happened::Quiet => {
                self.mark.give_up(&mut self.transport);
                Ok(())
            }
            Happened::Io(read) => self.take_bytes(now, read?),
        }
    }

    /// Lets the connection look at what went by, unless a standstill made the timer fire too early.
    fn tick(&mut self, now: At) -> Result<(), End> {
        if now >= self.connection.deadline() {
            self.connection.tick(now)?;
            self.tell_traffic(now);
            if self.stream_news.is_due(now) {
                self.tell_stream();
            }
        }
        self.due.as_mut().reset(self.common.clock.instant(self.connection.deadline()));
        Ok(())
    }

    /// Tells what went over the line, messages included, where anything did.
    fn tell_traffic(&mut self, now: At) {
        let told = (self.bytes_in, self.bytes_out());
        if now.saturating_sub(self.traffic_told.0) >= TRAFFIC_EVERY && self.traffic_told.1 != told {
            self.traffic_told = (now, told);
            self.connection.tell_traffic(told.0, told.1);
        }
    }

    /// Tells how the uTP stream below goes, where it is over one and that changed.
    fn tell_stream(&mut self) {
        let figures = self.transport.stream_figures();
        if let Some(figures) = figures.and_then(|figures| self.stream_news.take(figures)) {
            self.connection.tell_stream(figures);
        }
    }

    /// Bytes sent so far, all of them.
    fn bytes_out(&self) -> u64 {
        self.connection.output().bytes() + HANDSHAKE_BYTES as u64 + self.overhead.bytes_out
    }

    fn take_orders(&mut self, now: At, first: Option<Order>) -> Result<(), End> {
        let mut next = Some(first.unwrap_or(Order::Close(Cause::Shutdown)));
        while let Some(order) = next {
            let learns = order == Order::Learn;
            self.connection.order(now, order)?;
            if let Some(geometry) = self.common.geometry().filter(|_| learns) {
                self.receiver.learn(geometry);
            }
            next = self.orders.try_recv().ok();
        }
        Ok(())
    }

    fn take_bytes(&mut self, now: At, n: usize) -> Result<(), End> {
        if n == 0 {
            return Ok(());
        }
        self.bytes_in += n as u64;
        self.mark.read();
        let payload_before = self.receiver.payload_bytes();
        let advanced = self.receiver.advance(n, self.connection.window());
        let payload_bytes = self.receiver.payload_bytes() - payload_before;
        if payload_bytes > 0 {
            self.connection.progressed(now, payload_bytes, self.receiver.begun_bytes());
        }
        while let Some(incoming) = self.receiver.next() {
            match incoming {
                Incoming::Message(message) => self.connection.message(now, message)?,
                Incoming::Block(block, bytes) => {
                    if self.connection.block(now, block)? {
                        self.blocks.push((block, bytes));
                    }
                }
            }
        }
        Ok(advanced.map_err(Fault::from)?)
    }

    fn start_job(&mut self) {
        let Common { source, up, clock, .. } = &*self.common;
        if let Some(source) = source.get().filter(|_| self.job.is_none()) {
            let (upload, output) = self.connection.serve();
            self.job = start(upload, output, &**source, up, *clock);
        }
    }

    /// Writes what the socket takes, without waiting: requests must not wait until the torrent's task takes a report.
    async fn write_now(&mut self) {
        let before = self.connection.output().bytes();
        let Self { transport, connection, write_error, .. } = self;
        poll_fn(|cx| {
            let _ = poll_write(transport, connection, write_error, cx);
            Poll::Ready(())
        })
        .await;
        if self.connection.output().bytes() > before {
            // There may be room for the next read from disk.
            self.start_job();
        }
    }

    async fn report(&mut self, now: At) -> Result<(), End> {
        for news in self.connection.news(now) {
            let report = match news {
                News::Window { blocks, window } => {
                    let rest = self.blocks.split_off(blocks.min(self.blocks.len()));
                    Report::Blocks { blocks: std::mem::replace(&mut self.blocks, rest), window }
                }
                news => Report::News(news),
            };
            if self.reports.send((self.conn, report)).await.is_err() {
                return Err(End::Deserted);
            }
        }
        Ok(())
    }

    async fn close(mut self, end: End) {
        if matches!(end, End::Deserted) {
            return;
        }
        let (upload, output) = self.connection.serve();
        upload.forget(output);
        give_back(upload, &self.common.up);
        if let End::Fault(fault) = &end {
            self.transport.end_because(fault.cause);
            self.flush().await;
        }
        let now = self.common.clock.now();
        self.connection.sample_rest(now);
        self.tell_stream();
        // Nobody left to hear it is as good as heard, here and below.
        let _ = self.report(now).await;
        let age = now.saturating_sub(self.began);
        let (cause, error, detail) = judge(end, age < AT_ONCE && !self.connection.said_anything());
        let detail = detail.or_else(|| self.transport.last_words());
        let closed = Closed { cause, error, detail, bytes_in: self.bytes_in, bytes_out: self.bytes_out() };
        let Self { transport, reports, conn, .. } = self;
        // The socket first: a task that hears of the end may count on it being over.
        drop(transport);
        let _ = reports.send((conn, Report::Closed(closed))).await;
    }

    /// Sends what was begun and the small messages, if that is quick, and says that nothing follows.
    async fn flush(&mut self) {
        let Self { transport, connection, write_error, .. } = self;
        let flushed = async {
            poll_fn(|cx| poll_write(transport, connection, write_error, cx)).await;
            transport.shutdown().await
        };
        // Too late or broken: it is being closed all the same.
        let _ = timeout(FLUSH_TIME, flushed).await;
    }
}

async fn wait_for(job: &mut Option<Job>) -> JobDone {
    match job {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}

/// Writes until everything is out, or nothing can be written any more.
fn poll_write<T: Transport>(
    transport: &mut T,
    connection: &mut Connection,
    failed: &mut Option<io::Error>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    while failed.is_none() && !connection.output().is_empty() {
        let written = connection
            .output()
            .write_with(|slices| Pin::new(&mut *transport).poll_write_vectored(cx, slices));
        match written {
            Poll::Ready(Ok(0)) => *failed = Some(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(n)) => connection.sent(n),
            Poll::Ready(Err(error)) => *failed = Some(error),
            Poll::Pending => return Poll::Pending,
        }
    }
    if failed.is_none() {
        // What an encrypted connection took may still be on its way to the socket.
        match ready!(Pin::new(transport).poll_flush(cx)) {
            Ok(()) => {}
            Err(error) => *failed = Some(error),
        }
    }
    Poll::Ready(())
}

/// Writes what it can, then reads once. Ready with zero when only something was written.
fn poll_io<T: Transport>(
    transport: &mut T,
    connection: &mut Connection,
    receiver: &mut Receiver,
    write_error: &mut Option<io::Error>,
    cx: &mut Context<'_>,
) -> Poll<Result<usize, End>> {
    let before = connection.output().bytes();
    let _ = poll_write(transport, connection, write_error, cx);
    let read = match transport.poll_readable(cx) {
        Poll::Ready(Ok(())) => {
            receiver.read_with(connection.window(), |slices| transport.poll_read_slices(cx, slices))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => Poll::Pending,
    };
    match read {
        Poll::Ready(Ok(n)) if n > 0 => Poll::Ready(Ok(n)),
        Poll::Ready(Err(error)) => Poll::Ready(Err(End::Io(error))),
        // Whichever call comes first is told of a reset; the other sees an ordinary end.
        ended => match (write_error.take(), ended) {
            (Some(error), _) => Poll::Ready(Err(End::Io(error))),
            (None, Poll::Ready(_)) => Poll::Ready(Err(End::Eof)),
            (None, Poll::Pending) if connection.output().bytes() > before => Poll::Ready(Ok(0)),
            (None, Poll::Pending) => Poll::Pending,
        },
    }
}

/// The one cause of an end.
fn judge(end: End, at_once: bool) -> (Cause, Option<OsError>, Option<String>) {
    let closed = if at_once { Cause::ClosedAfterHandshake } else { Cause::ClosedByPeer };
    match end {
        End::Eof => (closed, None, None),
        End::Io(error) => {
            let cause = match Broken::of(&error) {
                Broken::Closed => closed,
                Broken::Reset => Cause::ResetByPeer,
                Broken::Lost => Cause::ConnectionLost,
                Broken::Local => Cause::LocalError,
            };
            (cause, Some(OsError::from(&error)), None)
        }
        End::Fault(fault) => (fault.cause, None, fault.detail),
        End::Disk(error) => (Cause::DiskError, Some(OsError::from(&error)), None),
        End::Deserted => (Cause::Shutdown, None, None),
    }
}

#[cfg(test)]
mod tests;
