//! A line to a web seed (BEP 19): one request after the other, for the runs of blocks that were decided on.
//!
//! It speaks to the torrent's task as a peer's task does: it is given blocks, reports them when they are here, and gives up
//! the request when nothing of it is wanted any more. Where the server gives whole files only, the rest of one is read on
//! as long as what is asked for next follows soon.

mod answer;
mod fill;
mod place;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{Response, header};
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::answer::{Body, CHEAP_BYTES, Head};
use self::fill::Fill;
use self::place::Part;
use super::clock::{Clock, wall_ms};
use super::link::{ConnKey, Order, Report, WindowState};
use super::mailbox;
use super::pool::BlockPool;
use super::tracker;
use crate::event::{At, Cause};
use crate::metainfo::{BlockRef, Torrent};
use crate::swarm::{WebFailure, WebNews};
use crate::wire::http_fields::retry_after;

/// Rates are taken over as long as this, at least.
const RATE_OVER: Duration = Duration::from_millis(100);
/// How often it is told that bytes come, where no block is whole.
const TOLD_EVERY: Duration = Duration::from_millis(500);
/// How long the end of an answer may take that is here but for its end.
const ENDS_WITHIN: Duration = Duration::from_secs(1);
/// A server sends as much as it is asked for: the picker limits that.
const TARGET: u32 = 1024;
const ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];

/// What all lines of a torrent share.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) torrent: Arc<Torrent>,
    pub(super) client: tracker::Client,
    pub(super) pool: Arc<BlockPool>,
    pub(super) clock: Clock,
}

/// A line, while its task runs.
struct Line {
    conn: ConnKey,
    base: String,
    common: Common,
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mailbox::Sender<(ConnKey, Report)>,
    queue: VecDeque<BlockRef>,
    fill: Fill,
    open: Option<Open>,
    rate: Rate,
    told_at: At,
}

/// An answer that is being read.
struct Open {
    file: usize,
    /// Where in the file what comes next belongs, and where the answer ends.
    at: u64,
    end: u64,
    response: Response,
    rest: Bytes,
}

/// Why no more is read.
enum Stop {
    /// Nothing of it is wanted any more.
    Unwanted,
    /// The torrent's task is gone.
    Over,
    Failed(WebFailure),
}

/// Bytes a second.
#[derive(Default)]
struct Rate {
    since: At,
    bytes: u64,
    bps: u64,
}

impl Rate {
    fn add(&mut self, now: At, bytes: u64) {
        self.bytes += bytes;
        let passed = now.saturating_sub(self.since);
        if passed >= RATE_OVER {
            self.bps = self.bytes.saturating_mul(1000) / passed.as_millis().max(1) as u64;
            (self.since, self.bytes) = (now, 0);
        }
    }
}

/// Runs the line to the server at `base` until nobody gives it orders any more.
pub(super) async fn run(
    conn: ConnKey,
    base: String,
    common: Common,
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mailbox::Sender<(ConnKey, Report)>,
) {
    let fill = Fill::new(common.torrent.geometry, Arc::clone(&common.pool), []);
    let (queue, rate) = (VecDeque::new(), Rate::default());
    let line = Line { conn, base, common, orders, reports, queue, fill, open: None, rate, told_at: At::ZERO };
    line.run().await;
}

impl Line {
    async fn run(mut self) {
        loop {
            while self.queue.is_empty() {
                let Some(order) = self.orders.recv().await else { return };
                self.rate.since = self.common.clock.now();
                self.obey(order);
            }
            let geometry = self.common.torrent.geometry;
            let (run, count) = place::first_run(self.queue.make_contiguous(), geometry);
            self.fill = Fill::new(geometry, Arc::clone(&self.common.pool), self.queue.drain(..count));
            match self.fetch(run).await {
                Ok(()) => {}
                Err(Stop::Unwanted) => self.open = None,
                Err(Stop::Over) => return,
                Err(Stop::Failed(failure)) => {
                    self.obey(Order::Close(failure.cause));
                    if self.tell(WebNews::Failed(failure)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Grant(blocks) => self.queue.extend(blocks),
            Order::Revoke(blocks) => {
                self.queue.retain(|block| !blocks.contains(block));
                self.fill.revoke(&blocks);
            }
            Order::Close(_) => {
                self.queue.clear();
                self.fill = Fill::new(self.common.torrent.geometry, Arc::clone(&self.common.pool), []);
                self.open = None;
            }
            // The rest is for peers.
            _ => {}
        }
    }

    /// Fetches a run of the torrent, whose blocks are to be filled.
    async fn fetch(&mut self, run: Range<u64>) -> Result<(), Stop> {
        for part in place::parts(&self.common.torrent.files, &run) {
            if self.fill.left() == 0 {
                return Err(Stop::Unwanted);
            }
            let pads = self.common.torrent.files.file(part.file).is_some_and(|file| file.pad);
            if pads { self.pad(&part).await? } else { self.read(&part).await? }
        }
        Ok(())
    }

    /// Fills in what is not fetched, for all of it is zeros (BEP 47).
    async fn pad(&mut self, part: &Part) -> Result<(), Stop> {
        let mut left = part.bytes.end - part.bytes.start;
        while left > 0 {
            let now = left.min(ZEROS.len() as u64);
            self.fill.take(&ZEROS[..now as usize]);
            left -= now;
            self.report().await?;
        }
        Ok(())
    }

    /// Reads a part of a file.
    async fn read(&mut self, part: &Part) -> Result<(), Stop> {
        let goes_on = |open: &mut Open| {
            let skips = part.bytes.start.checked_sub(open.at);
            open.file == part.file && skips.is_some_and(|skips| skips <= CHEAP_BYTES)
        };
        let mut open = match self.open.take_if(goes_on) {
            Some(open) => open,
            None => self.ask(part).await?,
        };
        self.open = None;
        while open.at < part.bytes.end {
            let bytes = self.next(&mut open).await?;
            let skipped = part.bytes.start.saturating_sub(open.at).min(bytes.len() as u64);
            let wanted = (part.bytes.end - open.at).min(bytes.len() as u64);
            self.fill.take(&bytes[skipped as usize..wanted as usize]);
            self.rate.add(self.common.clock.now(), wanted - skipped);
            open.at += wanted;
            open.rest = bytes.slice(wanted as usize..);
            self.report().await?;
        }
        if open.at < open.end {
            self.open = Some(open);
        } else {
            // Read to its end the connection is kept for the next request.
            let _ = timeout(ENDS_WITHIN, open.response.chunk()).await;
        }
        Ok(())
    }

    /// The next bytes of the answer.
    async fn next(&mut self, open: &mut Open) -> Result<Bytes, Stop> {
        if !open.rest.is_empty() {
            return Ok(std::mem::take(&mut open.rest));
        }
        loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => self.hear(order)?,
                chunk = open.response.chunk() => {
                    let left = open.end - open.at;
                    let why = match chunk {
                        Ok(Some(bytes)) if bytes.is_empty() => continue,
                        Ok(Some(bytes)) => return Ok(bytes),
                        Ok(None) => String::new(),
                        Err(error) => format!(": {}", tracker::http::classify(&error, open.response.url()).text),
                    };
                    let detail = format!("it ended {left} bytes too early{why}");
                    let status = Some(open.response.status().as_u16());
                    return Err(Stop::Failed(WebFailure::new(Cause::WrongLength, status, detail)));
                }
            }
        }
    }

    /// Takes an order while something is under way.
    fn hear(&mut self, order: Option<Order>) -> Result<(), Stop> {
        self.obey(order.ok_or(Stop::Over)?);
        if self.fill.left() == 0 { Err(Stop::Unwanted) } else { Ok(()) }
    }

    /// Asks for a part of a file.
    async fn ask(&mut self, part: &Part) -> Result<Open, Stop> {
        let files = &self.common.torrent.files;
        let failed = |failure| Err(Stop::Failed(failure));
        let Some((url, length)) =
            place::file_url(&self.base, files, part.file).zip(files.file(part.file).map(|file| file.length))
        else {
            let detail = "its URL is none that can be asked";
            return failed(WebFailure::new(Cause::WebUnreachable, None, detail));
        };
        let client = self.common.client.clone();
        let mut answer = Box::pin(async { client.fetch(&url, &part.bytes).await });
        let answer = loop {
            tokio::select! {
                biased;
                order = self.orders.recv() => self.hear(order)?,
                answer = &mut answer => break answer,
            }
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return failed(WebFailure::new(Cause::WebUnreachable, None, error.text)),
        };
        let head = head(&response);
        match head.judge(&part.bytes, length) {
            Err(failure) => failed(failure),
            Ok(body) => {
                let (at, end) = match body {
                    Body::Part => (part.bytes.start, part.bytes.end),
                    Body::Whole => (0, length),
                };
                let ranges = body == Body::Part;
                self.tell(WebNews::Answered { status: head.status, ranges }).await?;
                Ok(Open { file: part.file, at, end, response, rest: Bytes::new() })
            }
        }
    }

    /// Reports the blocks that are whole, and now and then that bytes come.
    async fn report(&mut self) -> Result<(), Stop> {
        let now = self.common.clock.now();
        let blocks = self.fill.ready();
        if blocks.is_empty() && now.saturating_sub(self.told_at) < TOLD_EVERY {
            return Ok(());
        }
        self.told_at = now;
        let window = WindowState {
            outstanding: (self.fill.left() + self.queue.len()) as u32,
            target: TARGET,
            down_bps: self.rate.bps,
            begun_bytes: self.fill.begun_bytes(),
            ..WindowState::default()
        };
        let report = Report::Blocks { blocks, window };
        self.reports.send((self.conn, report)).await.map_err(|_| Stop::Over)
    }

    async fn tell(&mut self, news: WebNews) -> Result<(), Stop> {
        self.reports.send((self.conn, Report::Web(news))).await.map_err(|_| Stop::Over)
    }
}

fn head(response: &Response) -> Head {
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    Head {
        status: response.status().as_u16(),
        content_length: text(header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok()),
        content_range: text(header::CONTENT_RANGE),
        content_type: text(header::CONTENT_TYPE),
        retry_after: text(header::RETRY_AFTER).and_then(|value| {
            retry_after(
                &value,
                text(header::DATE).as_deref(),
                SystemTime::UNIX_EPOCH + Duration::from_millis(wall_ms()),
            )
        }),
    }
}
