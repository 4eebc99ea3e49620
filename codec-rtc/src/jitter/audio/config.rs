//! Configuration and limits of the audio jitter buffer.

use std::time::Duration;

use codec_audio::{AudioFormat, ChannelLayout};

/// Output sample rate in Hz.
pub const RATE: u32 = 48_000;

/// Sample frames per [`super::AudioBuffer::pull`]: 10 ms.
pub const PULL_FRAMES: usize = 480;

/// Maximum number of buffered packets, including redundant ones.
pub const MAX_PACKETS: usize = 200;

/// Maximum time between the first and the last buffered packet.
pub const MAX_SPAN: Duration = Duration::from_secs(5);

/// Maximum payload size in bytes; longer payloads are dropped.
pub const MAX_PAYLOAD_BYTES: usize = 8192;

/// Maximum number of payload types.
pub const MAX_FORMATS: usize = 16;

/// Maximum value of the configured delays.
pub const MAX_DELAY: Duration = Duration::from_secs(4);

/// Configuration of an [`super::AudioBuffer`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AudioBufferConfig {
    /// Number of output channels, 1 or 2; decoded audio is mixed to them. Default 1.
    pub channels: u8,
    /// Minimum target delay; default 0.
    pub min_delay: Duration,
    /// Maximum target delay, 20 ms to [`MAX_DELAY`]; default 2 s.
    pub max_delay: Duration,
    /// Initial target delay; default 40 ms.
    pub start_delay: Duration,
    /// Quantile of the packet delay that the target covers, per interval of 100 ms: 0.5..=0.999,
    /// default 0.95.
    pub quantile: f64,
    /// Whether playout may be accelerated or slowed by up to 20 % to reach the target delay
    /// (default). Otherwise the delay changes only during pauses.
    pub time_stretching: bool,
    /// Whether pauses and long losses are filled with comfort noise at the background level
    /// (default) rather than digital silence.
    pub comfort_noise: bool,
}

impl Default for AudioBufferConfig {
    fn default() -> Self {
        Self {
            channels: 1,
            min_delay: Duration::ZERO,
            max_delay: Duration::from_secs(2),
            start_delay: Duration::from_millis(40),
            quantile: 0.95,
            time_stretching: true,
            comfort_noise: true,
        }
    }
}

impl AudioBufferConfig {
    /// Default configuration for `channels` output channels.
    #[must_use]
    pub fn new(channels: u8) -> Self {
        Self { channels, ..Self::default() }
    }

    /// Clamps all settings to their ranges.
    pub(super) fn clamped(mut self) -> Self {
        self.channels = self.channels.clamp(1, 2);
        self.max_delay = self.max_delay.clamp(Duration::from_millis(20), MAX_DELAY);
        self.min_delay = self.min_delay.min(self.max_delay);
        self.start_delay = self.start_delay.min(self.max_delay);
        self.quantile =
            if self.quantile.is_finite() { self.quantile.clamp(0.5, 0.999) } else { 0.95 };
        self
    }

    /// The output format.
    pub(super) fn format(&self) -> AudioFormat {
        let layout = if self.channels == 2 { ChannelLayout::Stereo } else { ChannelLayout::Mono };
        AudioFormat::new(RATE, layout)
    }
}
