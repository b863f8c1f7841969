//! Packets of uTP; a stream against a peer that says what the input has it say, beside a stream that must lose nothing.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::time::Duration;

use ttui::utp::{Endpoint, Event, Settings, StreamId};
use ttui::wire::utp::{CloseReason, Header, Packet};

#[path = "../../tests/common/raw_utp.rs"]
mod raw;

use raw::Raw;

/// A packet: what is read of it lies within it, and is read again from what is written of it.
pub fn utp_packet(bytes: &[u8]) {
    let packet = match Packet::read(bytes) {
        Ok(packet) => packet,
        Err(error) => return super::assert_harmless(&error.to_string()),
    };
    assert!(bytes.ends_with(packet.payload));
    let again = |write: &dyn Fn(&Header, &mut Vec<u8>)| {
        let mut written = Vec::new();
        write(&packet.header, &mut written);
        written
    };
    let (front, back) = packet.payload.split_at(packet.payload.len() / 2);
    let plain = again(&|header, out| header.write(out, &[front, back]));
    let read = Packet::read(&plain).expect("what was written");
    assert_eq!((read.header, read.payload, read.selective_ack), (packet.header, packet.payload, None));
    for padding in [Header::LEAST_PADDING, Header::LEAST_PADDING + usize::from(bytes[2]) * 5] {
        let padded = again(&|header, out| header.write_padded(out, padding, &[packet.payload]));
        assert_eq!(padded.len(), plain.len() + padding);
        let read = Packet::read(&padded).expect("what was written longer");
        assert_eq!((read.header, read.payload), (packet.header, packet.payload));
    }
    let mask = packet.selective_ack.filter(|mask| mask.len() % 4 == 0 && mask.len() <= 252);
    let extended = again(&|header, out| header.write_extended(out, mask, packet.close_reason));
    let read = Packet::read(&extended).expect("what was written with extensions");
    let expected = (packet.header, mask, packet.close_reason);
    assert_eq!((read.header, read.selective_ack, read.close_reason), expected);
}

/// What the honest stream carries.
const HONEST_BYTES: usize = 3000;
/// After this time nothing is left of what was closed.
const LINGERS: Duration = Duration::from_secs(900);
/// A receive window and a send buffer; what arrives and waits is bounded by the first.
const WINDOW: usize = 64 << 10;

/// What the input has the peer and the program do, one byte each and what follows it.
#[derive(Clone, Copy)]
enum Step {
    Wait,
    Data,
    Ack,
    AckAnything,
    Jump,
    Extend,
    Reset,
    Call,
    Window,
    Clock,
    Bytes,
    Finish,
    Write,
    Read,
    End,
    Redial,
    Port,
    Errors,
}

const STEPS: [Step; 18] = [
    Step::Wait,
    Step::Data,
    Step::Ack,
    Step::AckAnything,
    Step::Jump,
    Step::Extend,
    Step::Reset,
    Step::Call,
    Step::Window,
    Step::Clock,
    Step::Bytes,
    Step::Finish,
    Step::Write,
    Step::Read,
    Step::End,
    Step::Redial,
    Step::Port,
    Step::Errors,
];

/// The rest of the input; zeros after its end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }
}

/// The endpoint that is lied to, an honest one, and what the liar knows.
struct Scene {
    now: Duration,
    lied_to: Endpoint,
    honest: Endpoint,
    honest_got: Vec<u8>,
    streams: Vec<StreamId>,
    dialled: StreamId,
    /// Where the liar is.
    port: u16,
    /// Ids by which it hears and speaks, its next number, and the last it heard.
    hears: u16,
    says: u16,
    seq: u16,
    heard: u16,
    window: u32,
    clock_us: u32,
}

const OURS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 6881);
const HONEST: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)), 6881);

impl Scene {
    fn new() -> Self {
        let settings = Settings {
            most_streams: 16,
            receive_window: WINDOW as u32,
            send_buffer: WINDOW,
            ..Settings::default()
        };
        let now = Duration::from_secs(1);
        let mut lied_to = Endpoint::new(settings.clone(), 1);
        let (honest, port) = (Endpoint::new(settings, 2), 6881);
        let dialled = lied_to.connect(now, liar(port)).expect("the first stream");
        let beside = lied_to.connect(now, HONEST).expect("the second stream");
        assert_eq!(lied_to.write(now, beside, &[9; HONEST_BYTES]), HONEST_BYTES);
        lied_to.finish(now, beside);
        let mut scene = Self {
            now,
            lied_to,
            honest,
            honest_got: Vec::new(),
            streams: vec![dialled, beside],
            dialled,
            port,
            hears: 0,
            says: 0,
            seq: 1,
            heard: 0,
            window: 1 << 20,
            clock_us: 1 << 20,
        };
        scene.settle();
        scene
    }

    /// Everything that is due is done and sent, until nothing is.
    fn settle(&mut self) {
        for _ in 0..1000 {
            let mut quiet = true;
            for ours in [true, false] {
                quiet &= !self.serve(ours);
            }
            if quiet {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Tells whether one endpoint did anything.
    fn serve(&mut self, ours: bool) -> bool {
        let (now, mut buffer, mut packets) = (self.now, Vec::new(), Vec::new());
        let endpoint = if ours { &mut self.lied_to } else { &mut self.honest };
        endpoint.flush(now);
        if endpoint.deadline().is_some_and(|at| at <= now) {
            endpoint.expire(now);
        }
        while let Some(sent) = endpoint.transmit(now, 16, &mut buffer) {
            assert!(sent.segment > 0 && !buffer.is_empty() && buffer.len() <= 65_000);
            packets.extend(buffer.chunks(sent.segment).map(|packet| (sent.to, packet.to_vec())));
            assert!(packets.len() < 10_000, "it sends without end");
        }
        let mut did = !packets.is_empty();
        for (to, packet) in packets {
            match to {
                HONEST => self.honest.hear(now, OURS, &packet),
                OURS => self.lied_to.hear(now, HONEST, &packet),
                _ => self.overhear(&packet),
            }
        }
        while let Some((id, event)) = if ours { self.lied_to.event() } else { self.honest.event() } {
            did = true;
            if ours {
                if let Event::Accepted { .. } = event {
                    self.streams.push(id);
                }
            } else {
                self.serve_honest(id, event);
            }
        }
        did
    }

    /// What the honest one does: it reads, and closes when that is over.
    fn serve_honest(&mut self, id: StreamId, event: Event) {
        let mut bytes = [0; HONEST_BYTES];
        loop {
            let count = self.honest.read(self.now, id, &mut [IoSliceMut::new(&mut bytes)]);
            if count == 0 {
                break;
            }
            self.honest_got.extend(&bytes[..count]);
        }
        if self.honest.at_end(id) {
            self.honest.finish(self.now, id);
        }
        if event == Event::Ended {
            self.honest.close(self.now, id, CloseReason(0));
        }
    }

    /// What the liar learns of what it is sent.
    fn overhear(&mut self, packet: &[u8]) {
        let Some(raw) = Raw::read(packet) else { return };
        if raw.kind == raw::SYN {
            (self.hears, self.says, self.heard) = (raw.id.wrapping_add(1), raw.id, raw.seq);
        } else if raw.id == self.hears && matches!(raw.kind, raw::DATA | raw::FIN) {
            self.heard = raw.seq;
        }
    }

    fn raw(&mut self, kind: u8) -> Raw {
        self.clock_us = self.clock_us.wrapping_add(1000);
        Raw {
            kind,
            version: 1,
            id: self.says,
            sent_us: self.clock_us,
            delay_us: 1000,
            window: self.window,
            seq: self.seq,
            ack: self.heard,
            ..Raw::default()
        }
    }

    fn say(&mut self, packet: &[u8]) {
        self.lied_to.hear(self.now, liar(self.port), packet);
    }

    fn say_data(&mut self, rest: Vec<u8>) {
        let raw = Raw { rest, ..self.raw(raw::DATA) };
        self.seq = self.seq.wrapping_add(1);
        self.say(&raw.write());
    }

    fn step(&mut self, step: Step, input: &mut Input<'_>) {
        let (now, dialled) = (self.now, self.dialled);
        match step {
            Step::Wait => self.now += Duration::from_millis(1 << (input.byte() % 18)),
            Step::Data => {
                let count = usize::from(input.byte()) * 6;
                self.say_data(vec![7; count]);
            }
            Step::Ack => {
                let raw = self.raw(raw::STATE);
                self.say(&raw.write());
            }
            Step::AckAnything => {
                let raw = Raw { ack: self.heard.wrapping_add(input.short()), ..self.raw(raw::STATE) };
                self.say(&raw.write());
            }
            Step::Jump => {
                self.seq = self.seq.wrapping_add(input.short());
                self.say_data(vec![7; 100]);
            }
            Step::Extend => {
                let mut raw = self.raw(raw::STATE);
                for _ in 0..input.byte() % 5 {
                    let (kind, count) = (input.byte(), input.byte());
                    let content = input.take(usize::from(count));
                    raw.extend(kind, &content);
                }
                self.say(&raw.write());
            }
            Step::Reset => {
                let id = self.says.wrapping_add(u16::from(input.byte()));
                let raw = Raw { id, ..self.raw(raw::RESET) };
                self.say(&raw.write());
            }
            Step::Call => {
                let (id, seq) = (input.short(), input.short());
                let raw = Raw { id, seq, ..self.raw(raw::SYN) };
                (self.hears, self.says, self.seq) = (id, id.wrapping_add(1), seq.wrapping_add(1));
                self.say(&raw.write());
            }
            Step::Window => self.window = ((1u64 << (input.byte() % 33)) - 1) as u32,
            Step::Clock => self.clock_us = u32::from(input.short()) << 16 | u32::from(input.short()),
            Step::Bytes => {
                let count = input.byte();
                let packet = input.take(usize::from(count));
                self.say(&packet);
            }
            Step::Finish => {
                let raw = self.raw(raw::FIN);
                self.say(&raw.write());
            }
            Step::Write => {
                let count = usize::from(input.byte()) * 64;
                let took = self.lied_to.write(now, dialled, &vec![5; count]);
                assert!(took <= count);
            }
            Step::Read => self.read(),
            Step::End => self.lied_to.finish(now, dialled),
            Step::Redial => {
                self.lied_to.close(now, dialled, CloseReason(u16::from(input.byte())));
                if let Some(id) = self.lied_to.connect(now, liar(self.port)) {
                    self.dialled = id;
                    self.streams.push(id);
                }
            }
            Step::Port => self.port = 6000 + u16::from(input.byte()),
            Step::Errors => match input.byte() {
                most @ 0..128 => self.lied_to.too_big(now, liar(self.port), Some(u16::from(most) * 12)),
                128..192 => self.lied_to.too_big(now, liar(self.port), None),
                _ => self.lied_to.refused(now, liar(self.port), 111),
            },
        }
    }

    fn read(&mut self) {
        let mut bytes = [0; 5000];
        for id in &self.streams {
            let readable = self.lied_to.readable(*id);
            // What waited behind a gap is there once the gap is filled.
            assert!(readable <= 2 * WINDOW, "{readable} bytes wait to be read");
            let (front, back) = bytes.split_at_mut(1000);
            let mut slices = [IoSliceMut::new(front), IoSliceMut::new(back)];
            let count = self.lied_to.read(self.now, *id, &mut slices);
            assert_eq!(count, readable.min(5000));
            let _ = (self.lied_to.at_end(*id), self.lied_to.is_flushed(*id), self.lied_to.end_of(*id));
            let _ = (self.lied_to.figures(self.now, *id), self.lied_to.close_reason(*id));
        }
    }
}

fn liar(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 3], port))
}

/// What a peer may say to a stream: nothing that waits grows without bound, a stream beside it loses nothing, and nothing
/// is left once all is closed.
pub fn utp_stream(bytes: &[u8]) {
    let (mut scene, mut input) = (Scene::new(), Input(bytes));
    while !input.0.is_empty() {
        let step = STEPS[usize::from(input.byte()) % STEPS.len()];
        scene.step(step, &mut input);
        scene.settle();
    }
    scene.read();
    // Both have the time that they need to do without the liar.
    for _ in 0..60 {
        scene.now += Duration::from_millis(500);
        scene.settle();
    }
    assert_eq!(scene.honest_got, [9; HONEST_BYTES], "the honest stream");
    for id in std::mem::take(&mut scene.streams) {
        scene.lied_to.close(scene.now, id, CloseReason(0));
    }
    let end = scene.now + LINGERS;
    while scene.lied_to.streams() + scene.honest.streams() > 0 && scene.now < end {
        scene.now += Duration::from_millis(500);
        scene.settle();
    }
    assert_eq!((scene.lied_to.streams(), scene.honest.streams()), (0, 0), "left after {LINGERS:?}");
    assert_eq!((scene.lied_to.deadline(), scene.honest.deadline()), (None, None), "nothing is due any more");
}
