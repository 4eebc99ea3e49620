//! The frame buffer for received video: packets in, frames for the decoder out, each with the time
//! at which to show it.

mod assembly;
mod buffer;
#[cfg(test)]
mod calls;
mod decodability;
mod delay;
mod frame;
mod freeze;
mod stall;
mod stats;
#[cfg(test)]
mod tests;

pub use assembly::{PacketCounters, Pushed};
pub use buffer::FrameBuffer;
pub use delay::DelayConfig;
pub use frame::{
    DroppedFrames, Frame, FrameDependency, FrameDiffs, FrameId, LostFrame, MAX_REFERENCES,
    PacketInfo, PlayoutDelay,
};
pub use freeze::{Freeze, FreezeDetector, freezes};
pub use stall::Repair;
pub use stats::VideoStats;

use std::time::Duration;

/// Settings of a [`FrameBuffer`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameBufferConfig {
    /// The playout delay.
    pub delay: DelayConfig,
    /// What could repair missing packets, until [`FrameBuffer::set_repair`].
    pub repair: Repair,
    /// Least and most time that a frame which can be decoded waits for packets before it that may
    /// only have been overtaken; between them the reordering that is seen decides.
    pub reordering: (Duration, Duration),
    /// A frame that can be decoded waits for the missing ones before it as long as that does not
    /// make it late, and they may still come. Otherwise they are passed over.
    pub waits_to_show_all: bool,
    /// Frames come out that cannot be decoded properly, when what they refer to is lost for good:
    /// for a decoder that conceals.
    pub conceal: bool,
    /// How long a complete frame waits for others before it is dropped.
    pub max_age: Duration,
}

impl Default for FrameBufferConfig {
    /// An adaptive delay, NACK, 5 to 50 ms of reordering, no concealment, frames of up to 4 s.
    fn default() -> Self {
        Self {
            delay: DelayConfig::default(),
            repair: Repair::default(),
            reordering: (Duration::from_millis(5), Duration::from_millis(50)),
            waits_to_show_all: false,
            conceal: false,
            max_age: Duration::from_secs(4),
        }
    }
}

impl FrameBufferConfig {
    /// Frames are passed on, all of them and in order: a gap is waited for as long as a repair may
    /// bring it ([`Repair::time`]). Nothing is shown here, so no frame is late.
    #[must_use]
    pub fn forwarding() -> Self {
        let never = Duration::from_secs(3600);
        let bounds = PlayoutDelay { min: never, max: never };
        Self {
            delay: DelayConfig { bounds, ..DelayConfig::default() },
            waits_to_show_all: true,
            ..Self::default()
        }
    }

    /// Frames are decoded and shown on arrival.
    #[must_use]
    pub fn low_latency() -> Self {
        let bounds = PlayoutDelay { min: Duration::ZERO, max: Duration::ZERO };
        Self { delay: DelayConfig { bounds, ..DelayConfig::default() }, ..Self::default() }
    }
}
