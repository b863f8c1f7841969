//! The one option of sockets that no safe library sets, and with it the one `unsafe` beside that of [`crate::hash`].

use std::io;

use tokio::net::TcpStream;

/// Lets the socket count as readable only when at least so many bytes are there, or nothing more can come: its end, or an
/// error, or no room for more. One is what it is at first. What is there already counts at once.
///
/// # Errors
///
/// When the system refuses.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(feature = "portable")))]
#[expect(unsafe_code, reason = "neither socket2 nor rustix sets SO_RCVLOWAT")]
pub(super) fn set_readable_from(stream: &TcpStream, bytes: i32) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let value: *const i32 = &raw const bytes;
    // SAFETY: the stream keeps its descriptor open for as long as it is borrowed, and the value is read, not kept: an
    // `int` of the length said, on the stack until the call is over.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            value.cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Not on this system: every byte counts.
///
/// # Errors
///
/// Always.
#[cfg(any(not(any(target_os = "linux", target_os = "android")), feature = "portable"))]
pub(super) fn set_readable_from(_stream: &TcpStream, _bytes: i32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux", not(feature = "portable")))]
mod tests {
    use std::time::Duration;

    use rustix::net::RecvFlags;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    async fn readable(stream: &TcpStream, within: Duration) -> bool {
        timeout(within, stream.readable()).await.is_ok()
    }

    /// Until so many bytes are in the socket; none is taken.
    async fn there(stream: &TcpStream, bytes: usize) {
        let mut seen = vec![0; bytes];
        let end = tokio::time::Instant::now() + SOON;
        while rustix::net::recv(stream, &mut seen[..], RecvFlags::PEEK).is_ok_and(|(_, n)| n < bytes) {
            assert!(tokio::time::Instant::now() < end);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_socket_is_readable_from_the_mark_on_and_at_its_end() {
        const MARK: usize = 100_000;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut near, _) = listener.accept().await.unwrap();
        let mut taken = vec![0; 2 * MARK];
        // At first there is room for a segment, and then every byte counts.
        for _ in 0..100 {
            far.write_all(&taken[..MARK]).await.unwrap();
            near.read_exact(&mut taken[..MARK]).await.unwrap();
        }
        assert!(near.try_read(&mut taken).is_err(), "nothing is left, and that is known");

        set_readable_from(&near, MARK as i32).unwrap();
        far.write_all(&taken[1..MARK]).await.unwrap();
        there(&near, MARK - 1).await;
        assert!(!readable(&near, Duration::from_millis(50)).await, "below the mark");
        far.write_all(&[1]).await.unwrap();
        assert!(readable(&near, SOON).await, "at the mark");
        assert_eq!(near.read(&mut taken).await.unwrap(), MARK);

        far.write_all(&[1; 10]).await.unwrap();
        there(&near, 10).await;
        set_readable_from(&near, 1).unwrap();
        assert!(readable(&near, SOON).await, "what is there counts when the mark falls");
        assert_eq!(near.read(&mut taken).await.unwrap(), 10);

        set_readable_from(&near, MARK as i32).unwrap();
        far.write_all(&[1; 10]).await.unwrap();
        drop(far);
        assert!(readable(&near, SOON).await, "nothing more can come");
        assert_eq!(near.read(&mut taken).await.unwrap(), 10);
    }
}
