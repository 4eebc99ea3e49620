//! FEC encoder for both formats.

use super::mask::Pattern;
use super::window::{Repair, Window};
use super::{flexfec, ulpfec};
use crate::rtp::WriteError;

/// Creates repair payloads for sent packets.
///
/// ```
/// use codec_rtc::fec::{Encoder, FecLimits, mask::Pattern, ulpfec};
/// use codec_rtc::rtp::{self, Header};
///
/// let packets: Vec<Vec<u8>> = (0..4_u16)
///     .map(|sequence| {
///         let header = Header { sequence, ssrc: 1, payload_type: 96, ..Header::default() };
///         let mut packet = Vec::new();
///         rtp::write(&header, &mut packet);
///         packet.extend(vec![sequence as u8; 100 + usize::from(sequence)]);
///         packet
///     })
///     .collect();
/// let mut encoder = Encoder::ulpfec();
/// packets.iter().try_for_each(|packet| encoder.push(packet))?;
/// let mut repairs = Vec::new();
/// encoder.protect(4, 1, Pattern::Interleaved, &mut repairs);
///
/// // The receiver misses packet 2.
/// let mut decoder = ulpfec::Decoder::new(1, FecLimits::default());
/// let mut recovered = Vec::new();
/// for lucky in [0, 1, 3] {
///     decoder.push_media(&packets[lucky], &mut recovered)?;
/// }
/// decoder.push_repair(&repairs[0], &mut recovered)?;
/// assert_eq!(recovered, [packets[2].clone()]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Encoder {
    window: Window,
    write: fn(&Repair) -> Vec<u8>,
}

impl Encoder {
    /// Creates an encoder for ULPFEC (RFC 5109), level 0. Send its payloads in RED with the SSRC of
    /// the media. A mask covers 48 sequence numbers, including the numbers of repair packets.
    #[must_use]
    pub fn ulpfec() -> Self {
        Self { window: Window::new(48), write: ulpfec::write }
    }

    /// Creates an encoder for FlexFEC (RFC 8627) with masks of 110 sequence numbers. Send each
    /// payload in an RTP packet of the repair stream whose only contributing source is the
    /// protected SSRC.
    #[must_use]
    pub fn flexfec() -> Self {
        Self { window: Window::new(110), write: flexfec::write }
    }

    /// Adds a sent media packet; for ULPFEC without its RED header, but with the sequence number
    /// that it has within RED.
    ///
    /// # Errors
    /// [`WriteError`] if it is not an RTP packet, or is longer than 2048 bytes.
    pub fn push(&mut self, packet: &[u8]) -> Result<(), WriteError> {
        self.window.push(packet)
    }

    /// Appends up to `repairs` payloads that protect the newest `last` packets.
    pub fn protect(&self, last: usize, repairs: usize, pattern: Pattern, out: &mut Vec<Vec<u8>>) {
        out.extend(self.window.protect(last, repairs, pattern).iter().map(self.write));
    }
}
