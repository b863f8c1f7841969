//! Where others come in: a listening socket of TCP, or what takes streams of uTP.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::engine::line::Line;
use crate::engine::utp::Utp;

#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    Utp(Utp),
}

impl Door {
    /// Who calls from now on is let in.
    pub(super) fn open(&self) {
        self.opens(true);
    }

    /// Who calls over uTP from now on is refused; over TCP the system holds the line.
    pub(super) fn close(&self) {
        self.opens(false);
    }

    fn opens(&self, open: bool) {
        if let Self::Utp(utp) = self {
            utp.set_accepts(open);
        }
    }

    /// The next who calls, and from where.
    pub(super) async fn accept(&self) -> io::Result<(Line, SocketAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, addr) = listener.accept().await?;
                // A refused option costs speed, not the connection.
                let _ = stream.set_nodelay(true);
                Ok((Line::Tcp(stream), addr))
            }
            Self::Utp(utp) => {
                let (stream, addr) = utp.accept().await;
                Ok((Line::Utp(stream), addr))
            }
        }
    }
}
