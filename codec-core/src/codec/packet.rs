//! Coded frames and what is known about them.

use super::{Bitrate, FrameTime, SlotSet};
use crate::frame::Size;

/// Whether a frame needs others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Decodable alone.
    #[default]
    Key,
    /// Predicted from references.
    Inter,
}

/// Where a packet's bits went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct BitsByPart {
    pub header: u64,
    pub modes: u64,
    pub coefficients: u64,
}

/// How macroblocks were coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct MacroblockCounts {
    pub total: u32,
    pub intra: u32,
    /// Without any coefficient.
    pub skipped: u32,
    /// Inter macroblocks with several vectors.
    pub split: u32,
}

/// The rate controller after the packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct RateState {
    pub bitrate: Bitrate,
    /// Bits that were planned for this frame; 0 without rate control.
    pub target_bits: u64,
    /// Level of the modelled decoder buffer, in bits; negative: it would have run dry.
    pub buffer_bits: i64,
    /// Optimal level and size of that buffer, in bits.
    pub optimal_bits: i64,
    pub capacity_bits: i64,
    /// The frame times do not fit the configured time base and frame rate: the last 16 intervals were
    /// all at least 20 times as long, or all at most a twentieth, of what the frame rate says.
    /// Usually the timestamps are of another unit than `EncoderConfig::timebase`, and the bitrate is
    /// missed by the same factor. Nothing else follows from it: slow and variable frame rates are
    /// allowed.
    pub implausible_times: bool,
}

/// All that RTP descriptors, getStats and a trace need of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PacketMeta {
    /// Counts coded frames from 0, shown or not.
    pub frame_id: u64,
    /// Key or inter.
    pub kind: FrameKind,
    /// `false` for an altref frame, which is decoded and not shown.
    pub shown: bool,
    /// Size of the picture.
    pub size: Size,
    /// Slots that macroblocks predict from.
    pub refs_used: SlotSet,
    /// Slots that the frame replaces, with itself or with one another.
    pub refs_updated: SlotSet,
    /// No later frame depends on it.
    pub discardable: bool,
    /// Temporal layer, 0 the base.
    pub temporal_id: u8,
    /// Temporal layers of the stream from this frame on: 1..=3, or 0 if the encoder does not say.
    pub temporal_layers: u8,
    /// Depends on the base layer only: a receiver can switch up to this layer here.
    pub layer_sync: bool,
    /// Counts base-layer frames modulo 256 (TL0PICIDX of RFC 7741).
    pub tl0_index: u8,
    /// Quantiser index of the frame, in the codec's own scale (VP8: 0..=127).
    pub qindex: u8,
    /// Loop-filter level of the frame (VP8: 0..=63).
    pub filter_level: u8,
    /// Speed that the frame was coded at.
    pub speed: u8,
    /// How the frame kept its deadline, where there is one.
    pub time: Option<FrameTime>,
    /// Where the bits went.
    pub bits: BitsByPart,
    /// How macroblocks were coded.
    pub macroblocks: MacroblockCounts,
    /// Sums of squared errors of Y, U and V over the visible picture, if asked for.
    pub sse: Option<[u64; 3]>,
    /// Digest of the reconstruction ([`crate::frame::FrameBuf::digest`]), if asked for.
    pub digest: Option<u64>,
    /// The rate controller after the packet.
    pub rate: RateState,
}

impl PacketMeta {
    /// Peak signal-to-noise ratios of Y, U and V in dB, at most 100, if asked for.
    #[must_use]
    pub fn psnr(&self) -> Option<[f64; 3]> {
        let half = self.size.chroma();
        let counts = [self.size.pixels(), half.pixels(), half.pixels()];
        let sse = self.sse?;
        Some(std::array::from_fn(|plane| psnr(sse[plane], counts[plane])))
    }
}

/// Peak signal-to-noise ratio in dB of `count` 8-bit samples, at most 100.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a report; 53 bits are plenty")]
pub fn psnr(sse: u64, count: u64) -> f64 {
    if sse == 0 {
        return 100.0;
    }
    (10.0 * (255.0 * 255.0 * count as f64 / sse as f64).log10()).min(100.0)
}

/// A coded frame. Its memory is used again by [`super::VideoEncoder::receive`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Packet {
    /// The payload.
    pub data: Vec<u8>,
    /// Presentation time in ticks of the encoder's time base. An altref frame has that of the
    /// next shown frame.
    pub pts: i64,
    /// Duration in ticks, where known.
    pub duration: Option<u64>,
    /// What is known about it.
    pub meta: PacketMeta,
}
