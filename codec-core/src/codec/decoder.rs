//! The decoder's side of the seam.

use std::fmt::Debug;
use std::sync::Arc;

use codec_simd::Level;

use super::trace::FrameTrace;
use super::{Capabilities, FrameKind, SlotSet};
use crate::error::{Error, LimitError};
use crate::frame::{Frame, Size};
use crate::parallel::Pool;

/// What hostile input may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest picture, in pixels.
    pub max_pixels: u64,
    /// Largest packet, in bytes.
    pub max_frame_bytes: u64,
    /// Most pixels, summed over the new sizes, that changes of size in any 30 frames may ask for.
    pub max_resized_pixels: u64,
    /// Longest gap between the times of packets that may be filled with silence, in milliseconds.
    /// It binds those who fill gaps; decoders do not.
    pub max_gap_ms: u64,
}

impl Limits {
    /// Nothing, if `packet` is not too long.
    ///
    /// # Errors
    /// [`LimitError`] if it is.
    pub fn check_packet(&self, packet: &[u8]) -> Result<(), LimitError> {
        let (asked, limit) = (packet.len() as u64, self.max_frame_bytes);
        if asked > limit {
            return Err(LimitError { what: "frame bytes", asked, limit });
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        let max_pixels = 4096 * 4096;
        Self {
            max_pixels,
            max_frame_bytes: 8 << 20,
            max_resized_pixels: 8 * max_pixels,
            max_gap_ms: 10_000,
        }
    }
}

/// What to do with damaged data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conceal {
    /// Report an error; no frame comes out.
    #[default]
    Off,
    /// Fill in what is missing and go on; [`DecodeReport::concealed_mbs`] says how much.
    On,
}

/// Settings of a decoder.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DecoderConfig {
    /// Limits.
    pub limits: Limits,
    /// Damage.
    pub conceal: Conceal,
    /// Where rows run; `None`: on the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// Most frames that may be held back so that threads share the work of two frames: 0 or 1.
    /// Without effect on what comes out and in which order, and where `pool` has one thread. With 1
    /// a frame comes out while the next packet is decoded, or after [`VideoDecoder::finish`]; its
    /// own call reports what is known without its pixels, which is all there is to report.
    pub delay_frames: u32,
    /// Instruction set; `None`: the best that the CPU has. The frames do not depend on it.
    pub simd: Option<Level>,
    /// Keep what was read from each packet, for [`VideoDecoder::trace`]. Decoders that can work on
    /// the caller's thread then, whatever `pool` is; the frames do not depend on it.
    pub trace: bool,
}

/// What was learnt from one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeReport {
    /// Kind of frame; a packet of 0 bytes counts as an inter frame.
    pub kind: FrameKind,
    /// Whether a frame comes out: at once, but for [`DecoderConfig::delay_frames`]. (Altref frames
    /// are not shown.)
    pub shown: bool,
    /// Size of the picture.
    pub size: Size,
    /// Upscaling that the stream asks of the display, horizontal and vertical: 0 none, 1 5/4,
    /// 2 5/3, 3 2 (RFC 6386, section 9.1). The decoder does not apply it.
    pub scaling: [u8; 2],
    /// Profile of the bitstream.
    pub profile: u8,
    /// Quantiser index of the frame.
    pub qindex: u8,
    /// Slots that the frame's macroblocks predict from.
    pub refs_used: SlotSet,
    /// Slots that the frame replaced.
    pub refs_updated: SlotSet,
    /// Macroblocks whose data was missing and made up.
    pub concealed_mbs: u32,
    /// Macroblocks of the picture.
    pub total_mbs: u32,
}

impl DecodeReport {
    /// A report of a shown, undamaged frame.
    #[must_use]
    pub fn new(kind: FrameKind, size: Size) -> Self {
        let (cols, rows) = size.macroblocks();
        Self {
            kind,
            shown: true,
            size,
            scaling: [0; 2],
            profile: 0,
            qindex: 0,
            refs_used: SlotSet::NONE,
            refs_updated: SlotSet::NONE,
            concealed_mbs: 0,
            total_mbs: u32::try_from(cols * rows).unwrap_or(u32::MAX),
        }
    }
}

/// A video decoder. No threads, no clock, no callback.
pub trait VideoDecoder: Send + Debug {
    /// What it can do; constant for its lifetime.
    fn capabilities(&self) -> &Capabilities;

    /// Takes one packet; `pts` and `duration` come back with its frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Limit`]: no frame of this packet comes out, the references stay as they
    /// were, and the next packet may be decoded (a key frame surely, others as far as what they
    /// refer to is right).
    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error>;

    /// The next frame in presentation order.
    fn receive(&mut self) -> Option<Frame>;

    /// What was read from the last packet, with [`DecoderConfig::trace`]. `None` if it was refused,
    /// and from decoders that cannot tell.
    fn trace(&self) -> Option<&FrameTrace> {
        None
    }

    /// No more packets for now: lets go of frames that were held back.
    fn finish(&mut self) {}

    /// Forgets all references, as before the first packet. A frame that was held back may still be
    /// received.
    fn reset(&mut self);
}
