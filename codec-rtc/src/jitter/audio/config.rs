//! Settings of the audio buffer and its limits.

use std::time::Duration;

use codec_core::audio::{AudioFormat, ChannelLayout};

/// Sampling rate of what comes out, in Hz.
pub const RATE: u32 = 48_000;

/// Sample frames of what one call of [`super::AudioBuffer::pull`] gives: 10 ms.
pub const PULL_FRAMES: usize = 480;

/// Most packets that wait, redundant ones included.
pub const MAX_PACKETS: usize = 200;

/// Longest time from the first to the last packet that waits.
pub const MAX_SPAN: Duration = Duration::from_secs(5);

/// Longest payload in bytes; longer ones are dropped.
pub const MAX_PAYLOAD_BYTES: usize = 8192;

/// Most payload types that can be told apart.
pub const MAX_FORMATS: usize = 16;

/// Longest delay that can be asked for.
pub const MAX_DELAY: Duration = Duration::from_secs(4);

/// Settings of an [`super::AudioBuffer`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AudioBufferConfig {
    /// Channels of what comes out, 1 or 2; what is decoded is mixed to them.
    pub channels: u8,
    /// Least target delay.
    pub min_delay: Duration,
    /// Greatest target delay, at most [`MAX_DELAY`].
    pub max_delay: Duration,
    /// Target delay before anything is known of the network.
    pub start_delay: Duration,
    /// Share of intervals of arrival whose slowest packet is to come in time, 0.5..=0.999.
    pub quantile: f64,
    /// Whether the speed may change by up to a fifth to reach the target delay. Without it the
    /// delay changes in pauses only.
    pub stretch: bool,
    /// Whether pauses and long losses are filled with noise as quiet as the background was, and not
    /// with digital silence.
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
            stretch: true,
            comfort_noise: true,
        }
    }
}

impl AudioBufferConfig {
    /// For that many channels.
    #[must_use]
    pub fn new(channels: u8) -> Self {
        Self { channels, ..Self::default() }
    }

    /// The settings with everything within its range.
    pub(super) fn clamped(mut self) -> Self {
        self.channels = self.channels.clamp(1, 2);
        self.max_delay = self.max_delay.clamp(Duration::from_millis(20), MAX_DELAY);
        self.min_delay = self.min_delay.min(self.max_delay);
        self.start_delay = self.start_delay.min(self.max_delay);
        self.quantile =
            if self.quantile.is_finite() { self.quantile.clamp(0.5, 0.999) } else { 0.95 };
        self
    }

    /// What comes out.
    pub(super) fn format(&self) -> AudioFormat {
        let layout = if self.channels == 2 { ChannelLayout::Stereo } else { ChannelLayout::Mono };
        AudioFormat::new(RATE, layout)
    }
}
