//! The interface of video decoders: trait, configuration, limits and reports.

use std::fmt::Debug;
use std::sync::Arc;

use codec_simd::Level;

use super::trace::FrameTrace;
use super::{Capabilities, FrameKind, SlotSet};
use crate::error::{Error, LimitError, Unsupported};
use crate::frame::{Frame, SampleFormat, Size};
use crate::parallel::Pool;

/// Limits on the resources that untrusted input may use.
///
/// ```
/// use codec_core::codec::{DecoderConfig, Limits};
///
/// let mut config = DecoderConfig::default();
/// config.limits.max_pixels = 1280 * 720;
/// assert!(config.limits.check_packet(&[0; 1500]).is_ok());
/// assert!(Limits::default().check_packet(&vec![0; 9 << 20]).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum frame size, in pixels. Default: 4096 x 4096. Pixels of other
    /// formats than 8-bit 4:2:0 are counted by their memory: one of 10-bit 4:2:0 counts as two, one of
    /// 10-bit 4:4:4 as four.
    pub max_pixels: u64,
    /// Maximum packet size, in bytes. Default: 8 MiB.
    pub max_frame_bytes: u64,
    /// Maximum sum of the new frame sizes over all resolution changes within any 30 frames, in
    /// pixels.
    pub max_resized_pixels: u64,
    /// Maximum gap between packet timestamps that may be filled with silence, in milliseconds.
    /// Applies to code that fills gaps, not to decoders.
    pub max_gap_ms: u64,
}

impl Limits {
    /// Checks that `packet` does not exceed [`Self::max_frame_bytes`].
    ///
    /// # Errors
    /// [`LimitError`] if it does.
    pub fn check_packet(&self, packet: &[u8]) -> Result<(), LimitError> {
        let (requested, limit) = (packet.len() as u64, self.max_frame_bytes);
        if requested > limit {
            return Err(LimitError { what: "frame bytes", requested, limit });
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

/// Whether the decoder conceals damaged data.
///
/// The default is `Off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conceal {
    /// Report an error; the packet yields no frame.
    #[default]
    Off,
    /// Conceal missing data and continue; [`DecodeReport::concealed_mbs`] reports the extent.
    On,
}

/// Order and delay in which a decoder outputs frames that the stream reorders (B-frames).
///
/// VP8 streams do not reorder frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputOrder {
    /// Presentation order. A frame is held back as long as the stream's headers allow an earlier
    /// one to follow: for files.
    #[default]
    Strict,
    /// Presentation order with the delay that the frames so far required, which is none for streams
    /// without B-frames: for calls. When the required delay grows, one frame may be output after a later one.
    LowDelay,
    /// Decoding order, without delay.
    Decode,
}

/// Which frames of a packet a decoder outputs if the packet has several spatial layers.
///
/// VP8 and H.264 packets have one layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerOutput {
    /// The frame of the highest layer.
    #[default]
    Highest,
    /// The frames of all layers, in decoding order.
    All,
}

/// Which sample formats a decoder may output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameFormats {
    /// 8-bit 4:2:0 only; other streams are an error that names their format.
    #[default]
    Yuv420,
    /// All depths and samplings that the decoder supports.
    All,
}

impl FrameFormats {
    /// Checks that frames of `format` may be output.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the name of the format.
    pub fn check(self, format: SampleFormat) -> Result<(), Error> {
        if self == Self::All || format == SampleFormat::YUV420 {
            return Ok(());
        }
        let reason = Some("only 8-bit 4:2:0 frames (yuv420p) were requested");
        Err(Unsupported { what: format.name(), reason }.into())
    }
}

/// Settings of a decoder.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DecoderConfig {
    /// Limits on untrusted input.
    pub limits: Limits,
    /// Concealment of damaged data.
    pub conceal: Conceal,
    /// Thread pool for parallel rows; `None` uses only the caller's thread.
    pub pool: Option<Arc<dyn Pool>>,
    /// Maximum number of frames held back so that threads can work on two frames at the same time:
    /// 0 or 1.
    ///
    /// It does not change the frames or their order, and has no effect if `pool` has one thread.
    /// With 1, a frame becomes available while the next packet is decoded, or after
    /// [`VideoDecoder::finish`]; the [`DecodeReport`] that `decode` returns is complete in either case.
    pub delay_frames: u32,
    /// Order of the frames, for codecs that reorder them.
    pub output_order: OutputOrder,
    /// Which spatial layers are output.
    pub layer_output: LayerOutput,
    /// Which sample formats are output. The default is 8-bit 4:2:0 only, so that a caller without
    /// code for others never receives them.
    pub formats: FrameFormats,
    /// SIMD level; `None` selects the best that the CPU supports. The frames do not depend on it.
    pub simd: Option<Level>,
    /// Keep the parsed syntax of each packet for [`VideoDecoder::trace`]. Decoders that support it
    /// then ignore `pool` and run on the caller's thread; the frames do not depend on it.
    pub trace: bool,
}

/// Information about one decoded packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeReport {
    /// Frame type; an empty packet counts as an inter frame.
    pub kind: FrameKind,
    /// Whether the packet yields a frame (altref frames do not). It is available at once, except
    /// with [`DecoderConfig::delay_frames`] and in streams that reorder frames.
    pub shown: bool,
    /// Frame size in pixels.
    pub size: Size,
    /// Upscaling that the stream requests from the display, horizontally and vertically (RFC 6386,
    /// section 9.1): 0 is none, 1 is 5/4, 2 is 5/3 and 3 is 2. The decoder does not apply it.
    pub scaling: [u8; 2],
    /// Profile of the bitstream.
    pub profile: u8,
    /// Quantiser index of the frame, in the codec's own scale.
    pub qindex: u8,
    /// Reference slots that the frame's macroblocks predict from.
    pub refs_used: SlotSet,
    /// Reference slots that the frame replaced.
    pub refs_updated: SlotSet,
    /// Number of macroblocks whose data was missing and was concealed.
    pub concealed_mbs: u32,
    /// Whether a reference of the frame was not received and another frame replaces it, which
    /// requires [`DecoderConfig::conceal`].
    pub replaced_reference: bool,
    /// Number of macroblocks in the frame.
    pub total_mbs: u32,
}

impl DecodeReport {
    /// Creates a report of a shown, undamaged frame.
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
            replaced_reference: false,
            total_mbs: u32::try_from(cols * rows).unwrap_or(u32::MAX),
        }
    }
}

/// A video decoder: push packets, pull frames.
///
/// The decoders of this project start no threads, read no clock and call no callbacks.
pub trait VideoDecoder: Send + Debug {
    /// Returns what the decoder supports; constant for its lifetime.
    fn capabilities(&self) -> &Capabilities;

    /// Decodes one packet; `pts` and `duration` are attached to its frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Limit`]: the packet yields no frame, the references are
    /// unchanged, and decoding can continue with the next packet. A key frame decodes correctly;
    /// inter frames do if their references are intact.
    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error>;

    /// Returns the next frame in presentation order, if one is available.
    fn receive(&mut self) -> Option<Frame>;

    /// Returns the parsed syntax of the last packet if [`DecoderConfig::trace`] is set. `None` if
    /// the packet was rejected or the decoder does not support tracing.
    fn trace(&self) -> Option<&FrameTrace> {
        None
    }

    /// Flushes the decoder: frames that were held back become available.
    fn finish(&mut self) {}

    /// Discards all references, as before the first packet. Frames that were held back can still be
    /// received.
    fn reset(&mut self);
}
