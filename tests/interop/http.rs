//! The least of an HTTP client: one request, one answer, no redirects. Control ports of clients need no more.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use color_eyre::eyre::{ContextCompat, Result, ensure};

const LIMIT: Duration = Duration::from_secs(5);

/// An answer; header names are in lower case.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, when the status is 200.
    pub(crate) fn text(&self) -> Result<String> {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        ensure!(self.status == 200, "HTTP status {}: {body}", self.status);
        Ok(body)
    }
}

/// `GET path`.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Result<Answer> {
    request(addr, "GET", path, &[], "")
}

/// `POST path` with a body and the given extra headers.
pub(crate) fn post(addr: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    request(addr, "POST", path, headers, body)
}

fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {addr}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let answer = exchange(addr, format!("{head}\r\n{body}").as_bytes())?;
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n").wrap_err("no end of the HTTP head")?;
    let head = String::from_utf8_lossy(&answer[..split]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Answer { status: status.wrap_err("no HTTP status")?, headers, body: answer[split + 4..].to_vec() })
}

/// Sends bytes, returns all that comes back until the other side has no more to say.
pub(crate) fn exchange(addr: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16384];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(answer),
            count => answer.extend_from_slice(&buffer[..count]),
        }
        if is_whole(&answer) {
            return Ok(answer);
        }
    }
}

/// Whether all that `Content-Length` promises is there: some servers keep the connection open.
fn is_whole(answer: &[u8]) -> bool {
    let Some(split) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..split]).to_ascii_lowercase();
    head.lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok())
        .is_some_and(|length| answer.len() >= split + 4 + length)
}
