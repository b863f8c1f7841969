//! The kernel's side of a [`Disk`]: as much of the FUSE protocol as a downloader needs.
//!
//! Nothing is remembered by the kernel (all answers are valid for no time), and every write arrives here at once.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use super::model::{Disk, Errno, Kind, Look};

/// What a slow disk does at once.
const SIDE_BY_SIDE: usize = 16;
/// The largest write, bytes.
const MOST_WRITE: usize = 1 << 20;
const NOT_KNOWN: Errno = 38;
/// Of every mount, beside the device.
pub(crate) const OPTIONS: &str = "rootmode=40000,user_id=0,group_id=0";

/// A disk where the system can see it, until it is dropped.
pub(crate) struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// Puts the disk over a folder. Only inside a mount namespace of one's own.
    pub(crate) fn over(at: &Path, disk: Arc<Disk>) -> Self {
        let device = File::options().read(true).write(true).open("/dev/fuse").unwrap();
        let mounted = Command::new("mount")
            .args(["-i", "-t", "fuse", "-o"])
            .arg(format!("fd=0,{OPTIONS}"))
            .arg("ttui-test-disk")
            .arg(at)
            .stdin(device.try_clone().unwrap())
            .status()
            .unwrap();
        assert!(mounted.success(), "cannot mount: {mounted}");
        // A slow disk does several things side by side, the others one after the other.
        for _ in 0..if disk.is_slow() { SIDE_BY_SIDE } else { 1 } {
            let (device, disk) = (device.try_clone().unwrap(), Arc::clone(&disk));
            thread::Builder::new().name("fuse".to_owned()).spawn(move || serve(&device, &disk)).unwrap();
        }
        Self { at: at.to_owned() }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Also where somebody has a file open still: for others it is gone.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// A request as it came, read from the front.
struct Request<'a>(&'a [u8]);

impl<'a> Request<'a> {
    fn u32(&mut self) -> u32 {
        let (taken, rest) = self.0.split_first_chunk().expect("a whole request");
        self.0 = rest;
        u32::from_le_bytes(*taken)
    }

    fn u64(&mut self) -> u64 {
        let (taken, rest) = self.0.split_first_chunk().expect("a whole request");
        self.0 = rest;
        u64::from_le_bytes(*taken)
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = &self.0[bytes..];
    }

    fn name(&mut self) -> &'a str {
        let end = self.0.iter().position(|byte| *byte == 0).expect("a name ends");
        let name = std::str::from_utf8(&self.0[..end]).expect("tests use UTF-8");
        self.0 = &self.0[end + 1..];
        name
    }
}

#[derive(Default)]
struct Answer(Vec<u8>);

impl Answer {
    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn zeros(mut self, bytes: usize) -> Self {
        self.0.resize(self.0.len() + bytes, 0);
        self
    }

    fn attributes(self, look: &Look) -> Self {
        let (seconds, nanoseconds) = look.modified;
        let mode = match look.kind {
            Kind::File => 0o100_644,
            Kind::Folder => 0o040_755,
        };
        let blocks = look.allocated.div_ceil(512);
        let times = self.u64(look.inode).u64(look.bytes).u64(blocks);
        let times = times.u64(seconds).u64(seconds).u64(seconds);
        let rest = times.u32(nanoseconds).u32(nanoseconds).u32(nanoseconds).u32(mode).u32(look.links);
        rest.u32(0).u32(0).u32(0).u32(4096).u32(0)
    }

    fn entry(self, look: &Look) -> Self {
        self.u64(look.inode).zeros(32).attributes(look)
    }

    fn opened(self, disk: &Disk) -> Self {
        // The system writes to a file side by side only past its own memory.
        const DIRECT: u32 = 1;
        const SIDE_BY_SIDE: u32 = 1 << 6;
        let flags = if disk.is_slow() { DIRECT | SIDE_BY_SIDE } else { 0 };
        self.zeros(8).u32(flags).zeros(4)
    }
}

fn serve(mut device: &File, disk: &Disk) {
    let mut buffer = vec![0; MOST_WRITE + 64 * 1024];
    loop {
        let Ok(length) = device.read(&mut buffer) else { return };
        let mut request = Request(&buffer[..length]);
        request.skip(4);
        let (operation, unique, node) = (request.u32(), request.u64(), request.u64());
        request.skip(16);
        // Forgetting and interrupting want no answer.
        if matches!(operation, 2 | 36 | 42) {
            continue;
        }
        let (error, body) = match answer(disk, operation, node, request) {
            Ok(answer) => (0, answer.0),
            Err(errno) => (-errno, Vec::new()),
        };
        let mut out = Vec::with_capacity(16 + body.len());
        out.extend((16 + body.len() as u32).to_le_bytes());
        out.extend(error.to_le_bytes());
        out.extend(unique.to_le_bytes());
        out.extend(body);
        // Who asked may be dead.
        let _ = device.write(&out);
    }
}

fn answer(disk: &Disk, operation: u32, node: u64, mut request: Request<'_>) -> Result<Answer, Errno> {
    let out = Answer::default();
    Ok(match operation {
        // LOOKUP
        1 => out.entry(&disk.find(node, request.name())?),
        // GETATTR
        3 => out.zeros(16).attributes(&disk.look(node)?),
        // SETATTR
        4 => {
            let valid = request.u32();
            request.skip(12);
            let bytes = request.u64();
            request.skip(16);
            let seconds = request.u64();
            request.skip(12);
            let nanoseconds = request.u32();
            if valid & 8 != 0 {
                disk.resize(node, bytes)?;
            }
            if valid & 32 != 0 && valid & 256 == 0 {
                disk.touch(node, (seconds, nanoseconds))?;
            }
            out.zeros(16).attributes(&disk.look(node)?)
        }
        // MKDIR
        9 => {
            request.skip(8);
            out.entry(&disk.make(node, request.name(), Kind::Folder)?)
        }
        // UNLINK, RMDIR
        10 | 11 => {
            disk.remove(node, request.name())?;
            out
        }
        // RENAME, RENAME2
        12 | 45 => {
            let folder = request.u64();
            if operation == 45 {
                request.skip(8);
            }
            let from = request.name();
            disk.rename(node, from, folder, request.name())?;
            out
        }
        // OPEN, OPENDIR
        14 | 27 => {
            disk.open(node)?;
            out.opened(disk)
        }
        // READ
        15 => {
            request.skip(8);
            let (at, length) = (request.u64(), request.u32());
            Answer(disk.read(node, at, length as usize)?)
        }
        // WRITE
        16 => {
            request.skip(8);
            let (at, length) = (request.u64(), request.u32());
            request.skip(20);
            disk.take_time(request.0.len());
            disk.write(node, at, request.0)?;
            out.u32(length).u32(0)
        }
        // STATFS
        17 => {
            let free = 1 << 20;
            let counts = out.u64(free).u64(free).u64(free).u64(free).u64(free);
            counts.u32(4096).u32(255).u32(4096).zeros(28)
        }
        // RELEASE, FLUSH, RELEASEDIR, DESTROY
        18 | 25 | 29 | 38 => out,
        // FSYNC, FSYNCDIR
        20 | 30 => {
            disk.sync(node)?;
            out
        }
        // INIT
        26 => {
            // Large writes in one request.
            const BIG_WRITES: u32 = 1 << 5;
            const MOST_PAGES: u32 = 1 << 22;
            let flags = out.u32(7).u32(31).u32(0).u32(BIG_WRITES | MOST_PAGES).zeros(4);
            flags.u32(MOST_WRITE as u32).u32(1).u32((MOST_WRITE / 4096) as u32).zeros(32)
        }
        // READDIR
        28 => {
            request.skip(8);
            let (from, room) = (request.u64() as usize, request.u32() as usize);
            let mut out = out;
            for (number, (name, inode)) in disk.list(node)?.into_iter().enumerate().skip(from) {
                let length = (24 + name.len()).next_multiple_of(8);
                if out.0.len() + length > room {
                    break;
                }
                let end = out.0.len() + length;
                out = out.u64(inode).u64(number as u64 + 1).u32(name.len() as u32).u32(0);
                out.0.extend(name.bytes());
                out.0.resize(end, 0);
            }
            out
        }
        // CREATE
        35 => {
            request.skip(16);
            out.entry(&disk.make(node, request.name(), Kind::File)?).opened(disk)
        }
        // FALLOCATE
        43 => {
            request.skip(8);
            let (from, length) = (request.u64(), request.u64());
            disk.reserve(node, from + length)?;
            out
        }
        // LSEEK
        46 => {
            request.skip(8);
            let (from, whence) = (request.u64(), request.u32());
            out.u64(disk.seek(node, from, whence == 3)?)
        }
        _ => return Err(NOT_KNOWN),
    })
}
