//! Configuration of audio encoders and decoders.

use super::format::{AudioCodec, AudioFormat};
use codec_core::codec::{Bitrate, Limits};

/// Rate control mode and target bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioRate {
    /// Constant bitrate: all packets have the same size.
    Cbr(Bitrate),
    /// Variable bitrate within the limits of a real-time link.
    ConstrainedVbr(Bitrate),
    /// Variable bitrate: the target is the average over the file.
    Vbr(Bitrate),
}

impl AudioRate {
    /// Returns the target bitrate.
    #[must_use]
    pub fn bitrate(self) -> Bitrate {
        match self {
            Self::Cbr(rate) | Self::ConstrainedVbr(rate) | Self::Vbr(rate) => rate,
        }
    }

    /// Returns the same mode with another target.
    #[must_use]
    pub fn with_bitrate(self, rate: Bitrate) -> Self {
        match self {
            Self::Cbr(_) => Self::Cbr(rate),
            Self::ConstrainedVbr(_) => Self::ConstrainedVbr(rate),
            Self::Vbr(_) => Self::Vbr(rate),
        }
    }
}

/// Intended application (RFC 6716, section 2.1).
///
/// The default is `Voip`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Application {
    /// Optimise for speech intelligibility.
    #[default]
    Voip,
    /// Optimise for fidelity to the input.
    Audio,
    /// Minimise delay; disables the speech coder.
    LowDelay,
}

/// Type of signal, if the encoder should not detect it.
///
/// The default is `Auto`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub enum Signal {
    #[default]
    Auto,
    Voice,
    Music,
}

/// Highest coded audio frequency (RFC 6716, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bandwidth {
    /// 4 kHz.
    Narrow,
    /// 6 kHz.
    Medium,
    /// 8 kHz.
    Wide,
    /// 12 kHz.
    SuperWide,
    /// 20 kHz.
    Full,
}

/// Duration of a packet in microseconds.
///
/// Opus allows 2500, 5000, 10000, 20000, 40000, 60000, 80000, 100000 and 120000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameDuration(pub u32);

impl FrameDuration {
    /// Converts from milliseconds.
    #[must_use]
    pub const fn ms(ms: u32) -> Self {
        Self(ms * 1000)
    }

    /// Returns the number of sample frames at `rate`, rounded down.
    #[must_use]
    pub fn samples(self, rate: u32) -> usize {
        let samples = u64::from(self.0) * u64::from(rate) / 1_000_000;
        usize::try_from(samples).unwrap_or(usize::MAX)
    }
}

/// Settings of an audio encoder.
///
/// The settings in [`super::AudioUpdate`] can be changed while the encoder runs. A codec that lacks
/// a setting rejects any value but the default.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct AudioEncoderConfig {
    /// Codec, for backends that implement several (G.711, PCM).
    pub codec: AudioCodec,
    /// Sample rate and channels of the input samples and timestamps.
    pub format: AudioFormat,
    /// Rate control mode and target; `None` uses the codec's default for the format.
    pub rate: Option<AudioRate>,
    /// Intended application.
    pub application: Application,
    /// Type of signal.
    pub signal: Signal,
    /// Complexity, from 0 (fastest) to 10 (best quality).
    pub complexity: u8,
    /// Duration of a packet.
    pub frame: FrameDuration,
    /// Highest audio bandwidth that the encoder may choose.
    pub max_bandwidth: Bandwidth,
    /// Fixed audio bandwidth for all packets; `None` lets the encoder choose.
    pub bandwidth: Option<Bandwidth>,
    /// Fixed number of coded channels (1 or 2), independent of the input; `None` lets the encoder
    /// choose.
    pub force_channels: Option<u8>,
    /// In-band FEC: a low-bitrate copy of each frame in the next packet.
    pub fec: bool,
    /// Expected packet loss in percent; in-band FEC is added only if it is above 0.
    pub expected_loss_pct: u8,
    /// Discontinuous transmission (DTX): send almost nothing during silence.
    pub dtx: bool,
    /// Reduce prediction between frames: lowers quality, but limits the effect of packet loss.
    pub prediction_disabled: bool,
    /// Disable phase inversion of stereo, for players that down-mix to mono.
    pub phase_inversion_disabled: bool,
    /// Significant bits of the input, 8..=24.
    pub lsb_depth: u8,
    /// Codec-specific settings as pairs of knob name and value.
    pub knobs: Vec<(String, i64)>,
}

impl AudioEncoderConfig {
    /// Returns settings for real-time speech: packets of 20 ms, complexity 9, the codec's default
    /// bitrate.
    #[must_use]
    pub fn new(codec: AudioCodec, format: AudioFormat) -> Self {
        Self {
            codec,
            format,
            rate: None,
            application: Application::Voip,
            signal: Signal::Auto,
            complexity: 9,
            frame: FrameDuration::ms(20),
            max_bandwidth: Bandwidth::Full,
            bandwidth: None,
            force_channels: None,
            fec: false,
            expected_loss_pct: 0,
            dtx: false,
            prediction_disabled: false,
            phase_inversion_disabled: false,
            lsb_depth: 24,
            knobs: Vec::new(),
        }
    }
}

/// Settings of an audio decoder.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AudioDecoderConfig {
    /// Codec of the packets.
    pub codec: AudioCodec,
    /// Format that the container states, or the output format if the codec allows a choice (Opus
    /// decodes to 8, 12, 16, 24 or 48 kHz, mono or stereo).
    pub format: AudioFormat,
    /// Codec configuration as stored in the container: `OpusHead`, an `AudioSpecificConfig`, the
    /// Vorbis headers in Xiph lacing, a FLAC `STREAMINFO`; empty if the codec has none.
    pub codec_private: Vec<u8>,
    /// Limits on untrusted input; only `max_frame_bytes` applies.
    pub limits: Limits,
    /// Gain applied to the output in 1/256 dB, in addition to the stream's own.
    pub gain_q8_db: i16,
    /// Codec-specific settings as pairs of knob name and value.
    pub knobs: Vec<(String, i64)>,
}

impl AudioDecoderConfig {
    /// Creates settings for decoding `codec` to `format`.
    #[must_use]
    pub fn new(codec: AudioCodec, format: AudioFormat) -> Self {
        Self {
            codec,
            format,
            codec_private: Vec::new(),
            limits: Limits::default(),
            gain_q8_db: 0,
            knobs: Vec::new(),
        }
    }
}
