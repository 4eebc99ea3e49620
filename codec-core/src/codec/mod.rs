//! Codec interfaces: the traits that every encoder and decoder implements, with their
//! configuration, packets and reports.
//!
//! Encoding: push frames, pull packets. Decoding: push packets, pull frames. Without look-ahead,
//! the packet is ready when [`VideoEncoder::encode`] returns.
//!
//! Encoders have two interfaces. In the lower one, a [`plan::FramePlan`] specifies one frame
//! completely: references, reference slots to update, layer, quantiser or bit budget, effort. Above
//! it, a [`VideoEncoder`] makes these plans with a rate controller and a layer planner, both of
//! which can also be used separately.

mod backend;
mod builder;
mod capabilities;
mod check;
mod config;
mod deadline;
mod decoder;
mod denoise;
mod encoder;
pub(crate) mod first_pass;
mod gap;
mod importance;
mod knob;
mod output;
mod packet;
pub mod plan;
mod rate;
mod resize_limit;
mod scalability;
mod stages;
pub mod trace;
mod update;

pub use backend::{Backend, OpenDecoder, OpenEncoder};
pub use capabilities::{Capabilities, PassShares};
pub use config::{Content, EncoderConfig, KeyFrames, Preset, Tune};
pub use deadline::{Clock, Deadline, FrameTime};
pub use decoder::{
    Conceal, DecodeReport, DecoderConfig, FrameFormats, LayerOutput, Limits, OutputOrder,
    VideoDecoder,
};
pub use denoise::Denoise;
pub use encoder::{DropReason, FrameRequest, Outcome, VideoEncoder};
pub use first_pass::FirstPassStats;
pub use gap::{Feature, Gap};
pub use importance::{ImportanceMap, Region};
pub use knob::{Knob, KnobKind};
pub use output::{Frames, Packets};
pub use packet::{
    BitsByPart, FrameKind, MAX_SPATIAL_LAYERS, MacroblockCounts, Packet, PacketMeta, RateState,
    SpatialLayer, psnr,
};
pub(crate) use rate::qindex_range;
pub use rate::{Buffering, DropPolicy, RateConfig, RateControl, WindowCap};
pub use resize_limit::ResizeLimit;
pub use scalability::{InterLayer, Scalability};
pub use stages::{Stage, StageClock, StageMeter, StageTimer};
pub use update::{Applied, Update};

use std::fmt;

/// A video codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the formats'")]
pub enum Codec {
    Vp8,
    Vp9,
    H264,
    Av1,
    /// Another codec, by its name.
    Other(&'static str),
}

impl Codec {
    /// All codecs but [`Self::Other`]. The default of a container format is the first of these that it can hold.
    pub const KNOWN: [Self; 4] = [Self::Vp8, Self::Vp9, Self::H264, Self::Av1];

    /// Returns the known codec with a [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|codec| codec.name() == name)
    }

    /// Returns the name used on command lines and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::H264 => "h264",
            Self::Av1 => "av1",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of reference slots.
///
/// VP8: slot 0 is last, 1 golden, 2 altref.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SlotSet(pub u8);

impl SlotSet {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// VP8's last frame (slot 0).
    pub const LAST: Self = Self(1);
    /// VP8's golden frame (slot 1).
    pub const GOLDEN: Self = Self(2);
    /// VP8's altref frame (slot 2).
    pub const ALTREF: Self = Self(4);

    /// Returns whether the set contains all slots of `other`.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of both sets.
    #[inline]
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the slots that are not in `other`.
    #[inline]
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether the set is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitrate(pub u64);

impl Bitrate {
    /// Converts from kilobits (1,000 bits) per second.
    #[inline]
    #[must_use]
    pub const fn kbps(kbps: u64) -> Self {
        Self(kbps.saturating_mul(1000))
    }

    /// Converts to kilobits per second, rounded down.
    #[inline]
    #[must_use]
    pub const fn as_kbps(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kb/s", self.as_kbps())
    }
}
