//! Sends several datagrams with one system call: generic segmentation offload (GSO) of Linux.
//!
//! Most packets of a frame have the same size, and all go to the same address. Sending them with one system call
//! costs little more than sending one packet.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use codec_webrtc::Transmit;
use tokio::net::UdpSocket;

/// Maximum number of segments in a system call, a limit of the system.
const MAX_SEGMENTS: usize = 64;
/// Maximum number of bytes in a system call, a limit of the system.
const MAX_BYTES: usize = 65_000;

/// Whether the system supports GSO, as far as known.
#[derive(Debug)]
pub(super) struct Segments {
    is_supported: AtomicBool,
}

impl Default for Segments {
    fn default() -> Self {
        Self { is_supported: AtomicBool::new(cfg!(target_os = "linux")) }
    }
}

impl Segments {
    /// Sends the first datagrams from this socket; returns how many. Datagrams that the system does not accept are
    /// lost.
    pub(super) fn send(&self, socket: &UdpSocket, transmits: &[Transmit]) -> usize {
        let is_supported = self.is_supported.load(Ordering::Relaxed);
        let count = if is_supported { run(transmits) } else { 1 };
        let (sent, _) = transmits.split_at_checked(count).unwrap_or((transmits, &[]));
        match sent {
            [single] => {
                let _ = socket.try_send_to(&single.payload, single.destination);
            }
            several => {
                let is_sent = send_segments(socket, several);
                if is_sent.is_err_and(|error| error.kind() == io::ErrorKind::Unsupported) {
                    self.is_supported.store(false, Ordering::Relaxed);
                    for single in several {
                        let _ = socket.try_send_to(&single.payload, single.destination);
                    }
                }
            }
        }
        count.max(1)
    }
}

/// Number of datagrams from the first one on that one call can send: the same addresses and size, except that the last one may be
/// shorter.
fn run(transmits: &[Transmit]) -> usize {
    let Some(first) = transmits.first() else { return 0 };
    let size = first.payload.len();
    let (mut count, mut bytes) = (0, 0);
    for transmit in transmits.iter().take(MAX_SEGMENTS) {
        let len = transmit.payload.len();
        let is_alike = transmit.destination == first.destination && transmit.source == first.source;
        if !is_alike || len > size || len == 0 || bytes + len > MAX_BYTES {
            break;
        }
        (count, bytes) = (count + 1, bytes + len);
        if len < size {
            break;
        }
    }
    count.max(1)
}

/// # Errors
/// [`io::ErrorKind::Unsupported`] if the system, the driver or the path cannot segment; others as for single datagrams.
#[cfg(target_os = "linux")]
fn send_segments(socket: &UdpSocket, transmits: &[Transmit]) -> io::Result<()> {
    use std::io::IoSlice;
    use std::os::fd::AsRawFd;

    use nix::errno::Errno;
    use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};

    let Some(first) = transmits.first() else { return Ok(()) };
    let size = u16::try_from(first.payload.len()).map_err(io::Error::other)?;
    let parts: Vec<IoSlice<'_>> = transmits.iter().map(|it| IoSlice::new(&it.payload)).collect();
    let control = [ControlMessage::UdpGsoSegments(&size)];
    let destination = SockaddrStorage::from(first.destination);
    socket.try_io(tokio::io::Interest::WRITABLE, || {
        let flags = MsgFlags::MSG_DONTWAIT;
        match sendmsg(socket.as_raw_fd(), &parts, &control, flags, Some(&destination)) {
            Ok(_) => Ok(()),
            Err(Errno::EINVAL | Errno::EIO | Errno::EMSGSIZE | Errno::EOPNOTSUPP) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            Err(other) => Err(other.into()),
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn send_segments(_: &UdpSocket, _: &[Transmit]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmit(port: u16, len: usize, fill: u8) -> Transmit {
        let source = ([127, 0, 0, 1], 1).into();
        let destination = ([127, 0, 0, 1], port).into();
        Transmit { source, destination, payload: vec![fill; len] }
    }

    #[test]
    fn runs_have_one_destination_and_one_size_with_a_shorter_end() {
        let of = |all: &[(u16, usize)]| {
            run(&all.iter().map(|(port, len)| transmit(*port, *len, 0)).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[(1, 0), (1, 0)]), 1);
        assert_eq!(of(&[(1, 900), (1, 900), (1, 900), (2, 900)]), 3);
        assert_eq!(of(&[(1, 900), (1, 900), (1, 20), (1, 20)]), 3);
        assert_eq!(of(&[(1, 900), (1, 901)]), 1);
        assert_eq!(of(&[(1, 10); 100]), MAX_SEGMENTS);
        assert_eq!(of(&[(1, 1200); 64]), MAX_BYTES / 1200);
    }

    #[test]
    fn all_datagrams_arrive_in_order_with_and_without_segmentation() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            for is_supported in [cfg!(target_os = "linux"), false] {
                let segments = Segments { is_supported: AtomicBool::new(is_supported) };
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let port = receiver.local_addr().unwrap().port();
                socket.writable().await.unwrap();
                let lens = [1000, 1000, 1000, 30, 1200, 7, 7, 7, 1];
                let all: Vec<_> =
                    (0..).zip(lens).map(|(at, len)| transmit(port, len, at)).collect();
                let mut rest = all.as_slice();
                while !rest.is_empty() {
                    rest = &rest[segments.send(&socket, rest)..];
                }
                let mut bytes = [0; 2048];
                for sent in &all {
                    let len = receiver.recv(&mut bytes).await.unwrap();
                    assert_eq!(&bytes[..len], sent.payload);
                }
            }
        });
    }
}
