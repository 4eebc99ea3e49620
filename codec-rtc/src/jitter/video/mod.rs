//! Frame buffer for received video: packets in, frames for the decoder out, each with a render
//! time.
//!
//! After each packet and at [`FrameBuffer::poll_timeout`], call [`FrameBuffer::poll_frame`] until
//! it returns `None`, then check whether a key frame is needed ([`FrameBuffer::needs_key_frame`]).
//! Report the result of each decode, because a frame that failed to decode cannot be referenced.
//!
//! ```
//! use std::time::Duration;
//!
//! use codec_core::codec::{FrameKind, PacketMeta};
//! use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
//! use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
//!
//! let coded = vec![0; 3000]; // placeholder for a VP8 key frame
//! let meta = PacketMeta { kind: FrameKind::Key, ..PacketMeta::default() };
//! let mut packets = Vec::new();
//! Packetizer::new(PacketizerConfig::default())?.packetize(&coded, &meta, 0, &mut packets)?;
//!
//! let mut buffer = FrameBuffer::new(FrameBufferConfig::default());
//! let now = Duration::from_millis(100);
//! for packet in packets.iter().rev() {
//!     assert!(buffer.poll_frame(now).is_none());
//!     buffer.push(now, packet, PacketInfo::default())?; // in any order
//! }
//! let frame = buffer.poll_frame(now).expect("all packets have arrived");
//! assert!(frame.is_key && frame.data == coded);
//! buffer.decoded(now, frame.number, Duration::from_millis(3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assembly;
mod assumed_layers;
mod buffer;
mod content;
mod decodability;
mod delay;
mod frame;
mod freeze;
#[cfg(test)]
mod h264_tests;
mod layers;
#[cfg(test)]
mod link_tests;
mod stall;
mod stats;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vp9_tests;

pub use assembly::{PacketCounters, Pushed};
pub use buffer::FrameBuffer;
pub use delay::DelayConfig;
pub use frame::{
    DroppedFrames, Frame, FrameDependency, FrameDiffs, FrameId, LostFrame, MAX_REFERENCES,
    PacketInfo,
};
pub use freeze::{Freeze, FreezeDetector, freezes};
pub use stall::RecoveryOptions;
pub use stats::VideoStats;

use std::time::Duration;

pub use crate::extension::PlayoutDelay;
use crate::packet::VideoFormat;

/// Configuration of a [`FrameBuffer`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameBufferConfig {
    /// Payload format; default VP8.
    pub format: VideoFormat,
    /// Playout delay.
    pub delay: DelayConfig,
    /// Available recovery mechanisms, until [`FrameBuffer::set_recovery`].
    pub recovery: RecoveryOptions,
    /// Minimum and maximum reordering window: how long a decodable frame waits for missing packets
    /// that may be reordered rather than lost. Adapts between the two; default 5 to 50 ms.
    pub reordering: (Duration, Duration),
    /// Whether a decodable frame waits for missing frames before it as long as that does not make
    /// it late. If not (default), they are skipped after the reordering window.
    pub wait_for_all_frames: bool,
    /// Whether to emit frames whose references are permanently lost, for a decoder with
    /// concealment; default `false`.
    pub conceal: bool,
    /// How long a complete frame waits for others before it is dropped; default 4 s.
    pub max_age: Duration,
}

impl Default for FrameBufferConfig {
    /// VP8, adaptive delay, NACK, reordering window of 5 to 50 ms, no concealment, frames up to 4 s old.
    fn default() -> Self {
        Self {
            format: VideoFormat::default(),
            delay: DelayConfig::default(),
            recovery: RecoveryOptions::default(),
            reordering: (Duration::from_millis(5), Duration::from_millis(50)),
            wait_for_all_frames: false,
            conceal: false,
            max_age: Duration::from_secs(4),
        }
    }
}

impl FrameBufferConfig {
    /// For forwarding: emits all frames in order and waits for gaps as long as recovery is possible
    /// ([`RecoveryOptions::deadline`]). The render time is never reached, so no frame is late.
    #[must_use]
    pub fn forwarding() -> Self {
        let never = Duration::from_secs(3600);
        let bounds = PlayoutDelay { min: never, max: never };
        Self {
            delay: DelayConfig { bounds, ..DelayConfig::default() },
            wait_for_all_frames: true,
            ..Self::default()
        }
    }

    /// For low latency: renders frames on arrival.
    #[must_use]
    pub fn low_latency() -> Self {
        let bounds = PlayoutDelay { min: Duration::ZERO, max: Duration::ZERO };
        Self { delay: DelayConfig { bounds, ..DelayConfig::default() }, ..Self::default() }
    }
}
