//! Web servers on loopback that give the files of a payload, or behave as badly as is wanted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Payload;

/// How a server behaves.
#[derive(Clone, Debug)]
pub(crate) enum Serves {
    /// Parts of files, as it should.
    Ranges,
    /// Whole files, whatever part is asked for.
    WholeFiles,
    /// This status, with these headers, and no file.
    Status(u16, &'static str),
    /// A page of this many bytes in place of every file.
    Page(usize),
    /// Files that are so many bytes longer than in the torrent.
    Longer(u64),
    /// Nothing at all.
    Nothing,
    /// A byte a second, after the head.
    Drips,
    /// So many bytes, then it hangs up.
    HangsUpAfter(usize),
    /// The right lengths, and one byte wrong.
    Lies,
    /// The part that is asked for, and then more and more, without a word on the length.
    NeverEnds,
    /// A head that has no end.
    EndlessHead,
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub(crate) async fn serve(payload: &Arc<Payload>, serves: Serves) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Self { addr: listener.local_addr().unwrap(), seen: Arc::default() };
        let (payload, seen) = (Arc::clone(payload), Arc::clone(&web.seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&payload), serves.clone(), Arc::clone(&seen)));
            }
        });
        web
    }

    /// Its URL, with a slash at its end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// The requests that came, each as path and range.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, payload: Arc<Payload>, serves: Serves, seen: Arc<Mutex<Vec<String>>>) {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut more = [0; 4096];
            match stream.read(&mut more).await {
                Ok(0) | Err(_) => return,
                Ok(n) => read.extend_from_slice(&more[..n]),
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        read.drain(..end);
        let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let range = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("range").then(|| value.trim_start_matches("bytes=").to_owned())
        });
        seen.lock().unwrap().push(format!("{path} {}", range.clone().unwrap_or_default()));
        if respond(&mut stream, &payload, &serves, &path, range.as_deref()).await.is_none() {
            return;
        }
    }
}

/// Answers one request; `None`: the connection ends.
async fn respond(
    stream: &mut TcpStream,
    payload: &Payload,
    serves: &Serves,
    path: &str,
    range: Option<&str>,
) -> Option<()> {
    let mut send = async |bytes: &[u8]| stream.write_all(bytes).await.ok();
    let named = percent_decoded(path);
    let Some((_, file)) = payload.files.iter().find(|(name, _)| *name == named) else {
        return send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    };
    let (first, last) = range?.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    let part = file.get(first..=last)?;
    let partial = |total: u64| {
        format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{last}/{total}\r\n\r\n",
            part.len()
        )
    };
    let whole = |kind: &str, length: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
    };
    let head = partial(file.len() as u64);
    match serves {
        Serves::Ranges => {
            send(head.as_bytes()).await?;
            send(part).await
        }
        Serves::WholeFiles => {
            send(whole("application/octet-stream", file.len()).as_bytes()).await?;
            send(file).await
        }
        Serves::Status(status, headers) => {
            send(format!("HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes()).await
        }
        Serves::Page(bytes) => {
            send(whole("text/html", *bytes).as_bytes()).await?;
            send(&vec![b'<'; *bytes]).await
        }
        Serves::Longer(more) => {
            send(partial(file.len() as u64 + more).as_bytes()).await?;
            send(part).await
        }
        Serves::Nothing => std::future::pending().await,
        Serves::Drips => {
            send(head.as_bytes()).await?;
            for byte in part {
                send(&[*byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Some(())
        }
        Serves::HangsUpAfter(bytes) => {
            send(head.as_bytes()).await?;
            send(&part[..part.len().min(*bytes)]).await?;
            None
        }
        Serves::Lies => {
            let mut wrong = part.to_vec();
            *wrong.first_mut()? ^= 1;
            send(head.as_bytes()).await?;
            send(&wrong).await
        }
        Serves::NeverEnds => {
            let range = format!("bytes {first}-{last}/{}", file.len());
            send(format!("HTTP/1.1 206 Yes\r\nContent-Range: {range}\r\n\r\n").as_bytes()).await?;
            send(part).await?;
            loop {
                send(&[0; 4096]).await?;
            }
        }
        Serves::EndlessHead => {
            send(b"HTTP/1.1 206 Yes\r\n").await?;
            loop {
                send(b"X-And: so on, and so on, and so on\r\n").await?;
            }
        }
    }
}

fn percent_decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}
