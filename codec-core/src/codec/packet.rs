//! Coded frames and their metadata.

use super::{Bitrate, FrameTime, SlotSet};
use crate::frame::Size;

/// Frame type: key frame or inter frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Decodable without other frames.
    #[default]
    Key,
    /// Predicted from references.
    Inter,
}

/// Number of bits per part of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BitsByPart {
    /// Frame tag and frame header.
    pub header: u64,
    /// Macroblock modes and motion vectors.
    pub modes: u64,
    /// Coefficient tokens.
    pub coefficients: u64,
}

/// Number of macroblocks per coding mode in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MacroblockCounts {
    /// All macroblocks of the frame.
    pub total: u32,
    /// Intra macroblocks.
    pub intra: u32,
    /// Macroblocks without coefficients.
    pub skipped: u32,
    /// Inter macroblocks with several motion vectors.
    pub split: u32,
}

/// State of the rate controller after the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateState {
    /// Target bitrate; 0 without rate control.
    pub bitrate: Bitrate,
    /// Target size of this frame in bits; 0 without rate control.
    pub target_bits: u64,
    /// Level of the modelled decoder buffer in bits; negative after an underflow.
    pub buffer_bits: i64,
    /// Optimal level of that buffer, in bits.
    pub optimal_bits: i64,
    /// Capacity of that buffer, in bits.
    pub capacity_bits: i64,
    /// Whether the frame timestamps contradict the configured time base and frame rate: each of the
    /// last 16 intervals was at least 20 times the nominal interval, or each at most a twentieth.
    ///
    /// Usually the timestamps are in another unit than `EncoderConfig::timebase`, and the bitrate
    /// is off by the same factor. This is only a warning: slow and variable frame rates are valid.
    pub implausible_times: bool,
    /// Whether the target bitrate cannot be met: for at least two seconds every frame has had the
    /// highest quantiser index, and the bitrate was more than 10 % above its target.
    ///
    /// A larger range of quantisers, a smaller frame size, a lower frame rate or dropping frames
    /// ([`super::DropPolicy`]) helps.
    pub is_unmet: bool,
}

/// Maximum number of spatial layers.
pub const MAX_SPATIAL_LAYERS: usize = 3;

/// Place of a frame among the spatial layers of its superframe.
///
/// All frames of a superframe have the same timestamp and temporal layer, and follow one another in the order
/// of [`Self::id`]. The default describes a stream without spatial layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct SpatialLayer {
    /// Spatial layer; 0 is the smallest.
    pub id: u8,
    /// Number of active spatial layers from this superframe on, 1..=3.
    pub layers: u8,
    /// Frame sizes of the active layers, the smallest first. Other elements are 0x0, as are all elements of encoders
    /// without spatial layers.
    pub sizes: [Size; MAX_SPATIAL_LAYERS],
    /// Whether the frame may predict from the next lower layer's frame of the same superframe.
    pub inter_layer_predicted: bool,
    /// Whether the frame of the next higher layer of the same superframe may predict from this one.
    pub used_by_upper_layer: bool,
    /// Whether the frame depends on no earlier superframe of its own layer: a receiver of the next lower layer
    /// can switch up to this one here. Not reported without spatial layers.
    pub sync: bool,
    /// Whether this is the last frame of the superframe. Always the case without spatial layers.
    pub end_of_picture: bool,
}

impl Default for SpatialLayer {
    fn default() -> Self {
        Self {
            id: 0,
            layers: 1,
            sizes: [Size::new(0, 0); MAX_SPATIAL_LAYERS],
            inter_layer_predicted: false,
            used_by_upper_layer: false,
            sync: false,
            end_of_picture: true,
        }
    }
}

/// Metadata of a packet: everything that RTP payload descriptors, getStats and traces need.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PacketMeta {
    /// Number of the coded frame, from 0; counts frames that are not shown, and each spatial layer's
    /// frame of a superframe.
    pub frame_id: u64,
    /// Frame type.
    pub kind: FrameKind,
    /// `false` for an altref frame, which is decoded but not shown.
    pub shown: bool,
    /// Size of the frame in pixels, as its spatial layer has it.
    pub size: Size,
    /// Reference slots that macroblocks predict from.
    pub refs_used: SlotSet,
    /// Reference slots whose frames provided the probabilities or the motion vector candidates of this frame.
    /// Reported by VP9 only; see [`Self::dependencies`].
    pub refs_of_state: SlotSet,
    /// Reference slots that the frame updates, with itself or with the content of another slot.
    pub refs_updated: SlotSet,
    /// Whether no later frame depends on this one.
    pub discardable: bool,
    /// Level of a B frame in the pyramid: it predicts from frames of lower levels, which are coded before
    /// it and may be shown after it. 0 for other frames.
    pub b_level: u8,
    /// Temporal layer; 0 is the base layer.
    pub temporal_id: u8,
    /// Number of temporal layers in the stream from this frame on, 1..=3; 0 if the encoder does not
    /// report it.
    pub temporal_layers: u8,
    /// The frame depends only on the base layer, so a receiver can switch up to this layer here.
    pub layer_sync: bool,
    /// Counter of base-layer frames modulo 256 (TL0PICIDX of RFC 7741 and RFC 9628).
    pub tl0_index: u8,
    /// Place of the frame among the spatial layers of its superframe.
    pub spatial: SpatialLayer,
    /// Quantiser index of the frame, in the codec's own scale (VP8: 0..=127).
    pub qindex: u8,
    /// Loop-filter level of the frame (VP8: 0..=63).
    pub filter_level: u8,
    /// Speed at which the frame was coded.
    pub speed: u8,
    /// Time that the frame took, if a deadline is set.
    pub time: Option<FrameTime>,
    /// Number of bits per part.
    pub bits: BitsByPart,
    /// Number of macroblocks per coding mode.
    pub macroblocks: MacroblockCounts,
    /// Standard deviation of the noise that [`super::EncoderConfig::denoise`] removed from the frame
    /// before it was coded, in sixteenths of a level; `None` if the frame was coded as it is.
    pub denoised_q4: Option<u16>,
    /// Sums of squared errors of Y, U and V over the visible area, if requested: against the frame
    /// that was coded, which is the filtered one if [`Self::denoised_q4`] is not `None`.
    pub sse: Option<[u64; 3]>,
    /// Digest of the reconstruction ([`crate::frame::FrameBuf::digest`]), if requested.
    pub digest: Option<u64>,
    /// State of the rate controller after the packet.
    pub rate: RateState,
}

impl PacketMeta {
    /// Returns the reference slots with the frames that a receiver needs to decode this one.
    #[must_use]
    pub fn dependencies(&self) -> SlotSet {
        self.refs_used.with(self.refs_of_state)
    }

    /// Returns the peak signal-to-noise ratios of Y, U and V in dB, at most 100, if requested.
    #[must_use]
    pub fn psnr(&self) -> Option<[f64; 3]> {
        let half = self.size.chroma();
        let counts = [self.size.pixels(), half.pixels(), half.pixels()];
        let sse = self.sse?;
        Some(std::array::from_fn(|plane| psnr(sse[plane], counts[plane])))
    }
}

/// Returns the peak signal-to-noise ratio in dB of `count` 8-bit samples, at most 100.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a report; 53 bits suffice")]
pub fn psnr(sse: u64, count: u64) -> f64 {
    if sse == 0 {
        return 100.0;
    }
    (10.0 * (255.0 * 255.0 * count as f64 / sse as f64).log10()).min(100.0)
}

/// A coded frame with its metadata.
///
/// [`super::VideoEncoder::receive`] reuses its memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    /// The coded data.
    pub data: Vec<u8>,
    /// Presentation timestamp in ticks of the encoder's time base. An altref frame has the timestamp of the next shown
    /// frame.
    pub pts: i64,
    /// Decoding timestamp in ticks, which increases from packet to packet and is not after `pts`; `None`
    /// if it equals `pts`, as in all streams without B frames. With B frames it begins before 0 if `pts`
    /// begins at 0.
    pub dts: Option<i64>,
    /// Duration in ticks, if known.
    pub duration: Option<u64>,
    /// Metadata of the frame.
    pub meta: PacketMeta,
}
