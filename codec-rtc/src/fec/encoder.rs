//! The sender's side of both formats.

use super::mask::Pattern;
use super::window::{Repair, Window};
use super::{flexfec, ulpfec};
use crate::rtp::Malformed;

/// Makes repair payloads of the packets that are sent.
#[derive(Clone, Debug)]
pub struct Encoder {
    window: Window,
    write: fn(&Repair) -> Vec<u8>,
}

impl Encoder {
    /// ULPFEC (RFC 5109), level 0. The payloads go into RED on the media's own source. A mask covers
    /// 48 sequence numbers, those of repair packets between the media packets included.
    #[must_use]
    pub fn ulpfec() -> Self {
        Self { window: Window::new(48), write: ulpfec::write }
    }

    /// FlexFEC (RFC 8627) with masks, which cover 110 sequence numbers. Each payload goes into an RTP
    /// packet of the repair stream whose only contributing source is the protected one.
    #[must_use]
    pub fn flexfec() -> Self {
        Self { window: Window::new(110), write: flexfec::write }
    }

    /// Takes a media packet that is sent; for ULPFEC without RED, with the sequence number that it
    /// has within RED.
    ///
    /// # Errors
    /// [`Malformed`] if it is not an RTP packet, or is longer than 2048 bytes.
    pub fn push(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        self.window.push(packet)
    }

    /// Appends up to `repairs` payloads that protect the newest `last` packets.
    pub fn protect(&self, last: usize, repairs: usize, pattern: Pattern, out: &mut Vec<Vec<u8>>) {
        out.extend(self.window.protect(last, repairs, pattern).iter().map(self.write));
    }
}
