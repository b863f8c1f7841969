//! From what the operating system says to the cause it stands for.

use std::io;

use rustix::io::Errno;

use crate::event::Cause;
use crate::peer::Broken;

/// Why dialling failed.
pub fn dial_cause(error: &io::Error) -> Cause {
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => Cause::ConnectionRefused,
        Some(Errno::HOSTUNREACH | Errno::HOSTDOWN) => Cause::HostUnreachable,
        Some(Errno::NETUNREACH | Errno::NETDOWN | Errno::AFNOSUPPORT) => Cause::NetworkUnreachable,
        Some(Errno::ACCESS) => Cause::PermissionDenied,
        #[cfg(unix)]
        Some(Errno::PERM) => Cause::PermissionDenied,
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => Cause::NoLocalPorts,
        Some(Errno::MFILE) => Cause::TooManyOpenFiles,
        #[cfg(unix)]
        Some(Errno::NFILE) => Cause::TooManyOpenFiles,
        Some(Errno::TIMEDOUT) => Cause::ConnectTimeout,
        Some(Errno::CONNRESET | Errno::CONNABORTED) => Cause::ResetBeforeHandshake,
        _ => Cause::LocalError,
    }
}

impl Broken {
    /// Reads the error of a read or write.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero => {
                Self::Closed
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Self::Reset,
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NotConnected => Self::Lost,
            _ => match Errno::from_io_error(error) {
                #[cfg(unix)]
                Some(Errno::PROTO) => Self::Lost,
                Some(Errno::HOSTDOWN | Errno::NOPROTOOPT | Errno::CONNREFUSED) => Self::Lost,
                _ => Self::Local,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(errno: Errno) -> io::Error {
        errno.into()
    }

    #[test]
    fn every_error_of_dialling_has_its_cause() {
        let table = [
            (Errno::CONNREFUSED, Cause::ConnectionRefused),
            (Errno::HOSTUNREACH, Cause::HostUnreachable),
            (Errno::HOSTDOWN, Cause::HostUnreachable),
            (Errno::NETUNREACH, Cause::NetworkUnreachable),
            (Errno::NETDOWN, Cause::NetworkUnreachable),
            (Errno::AFNOSUPPORT, Cause::NetworkUnreachable),
            (Errno::ACCESS, Cause::PermissionDenied),
            #[cfg(unix)]
            (Errno::PERM, Cause::PermissionDenied),
            (Errno::ADDRNOTAVAIL, Cause::NoLocalPorts),
            (Errno::ADDRINUSE, Cause::NoLocalPorts),
            (Errno::CONNRESET, Cause::ResetBeforeHandshake),
            (Errno::CONNABORTED, Cause::ResetBeforeHandshake),
            (Errno::MFILE, Cause::TooManyOpenFiles),
            #[cfg(unix)]
            (Errno::NFILE, Cause::TooManyOpenFiles),
            (Errno::TIMEDOUT, Cause::ConnectTimeout),
            (Errno::INVAL, Cause::LocalError),
            (Errno::NOBUFS, Cause::LocalError),
        ];
        for (errno, cause) in table {
            assert_eq!(dial_cause(&of(errno)), cause, "{errno}");
        }
    }

    /// The numbers as the systems give them out, Linux and macOS beside each other: they share few.
    #[test]
    fn the_numbers_of_this_system_have_the_same_causes_as_those_of_the_other() {
        let table = [
            // linux, macos
            (111, 61, Cause::ConnectionRefused),
            (113, 65, Cause::HostUnreachable),
            (112, 64, Cause::HostUnreachable),
            (101, 51, Cause::NetworkUnreachable),
            (100, 50, Cause::NetworkUnreachable),
            (97, 47, Cause::NetworkUnreachable),
            (13, 13, Cause::PermissionDenied),
            (1, 1, Cause::PermissionDenied),
            (99, 49, Cause::NoLocalPorts),
            (98, 48, Cause::NoLocalPorts),
            (24, 24, Cause::TooManyOpenFiles),
            (23, 23, Cause::TooManyOpenFiles),
            (110, 60, Cause::ConnectTimeout),
            (104, 54, Cause::ResetBeforeHandshake),
            (103, 53, Cause::ResetBeforeHandshake),
            (105, 55, Cause::LocalError),
            (22, 22, Cause::LocalError),
        ];
        for (linux, macos, cause) in table {
            let number = if cfg!(target_os = "linux") {
                linux
            } else if cfg!(target_os = "macos") {
                macos
            } else {
                return;
            };
            assert_eq!(dial_cause(&io::Error::from_raw_os_error(number)), cause, "{number}");
        }
    }

    #[test]
    fn tells_a_close_from_a_reset_and_a_broken_path() {
        #[cfg(unix)]
        assert_eq!(Broken::of(&of(Errno::PIPE)), Broken::Closed);
        assert_eq!(Broken::of(&of(Errno::CONNRESET)), Broken::Reset);
        assert_eq!(Broken::of(&of(Errno::TIMEDOUT)), Broken::Lost);
        assert_eq!(Broken::of(&of(Errno::HOSTUNREACH)), Broken::Lost);
        #[cfg(unix)]
        assert_eq!(Broken::of(&of(Errno::NOMEM)), Broken::Local);
    }
}
