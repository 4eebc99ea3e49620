//! What audio encoders and decoders are told before they start.

use super::format::{AudioCodec, AudioFormat};
use codec_core::codec::{Bitrate, Limits};

/// How many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioRate {
    /// Every packet of the same size.
    Cbr(Bitrate),
    /// Variable within the limits of a real-time link.
    ConstrainedVbr(Bitrate),
    /// Variable; the average over the file.
    Vbr(Bitrate),
}

impl AudioRate {
    /// The target.
    #[must_use]
    pub fn bitrate(self) -> Bitrate {
        match self {
            Self::Cbr(rate) | Self::ConstrainedVbr(rate) | Self::Vbr(rate) => rate,
        }
    }

    /// The same mode at another target.
    #[must_use]
    pub fn with_bitrate(self, rate: Bitrate) -> Self {
        match self {
            Self::Cbr(_) => Self::Cbr(rate),
            Self::ConstrainedVbr(_) => Self::ConstrainedVbr(rate),
            Self::Vbr(_) => Self::Vbr(rate),
        }
    }
}

/// What the sound is for (RFC 6716, section 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Application {
    /// Speech that must be understood.
    #[default]
    Voip,
    /// Faithful to the input.
    Audio,
    /// Least delay; no speech coder.
    LowDelay,
}

/// What the sound is, where the encoder should not find out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Signal {
    #[default]
    Auto,
    Voice,
    Music,
}

/// Highest frequency that is coded (RFC 6716, section 2).
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

/// Duration of a packet in microseconds. Opus: 2500, 5000, 10000, 20000, 40000, 60000, 80000,
/// 100000 or 120000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameLength(pub u32);

impl FrameLength {
    /// From milliseconds.
    #[must_use]
    pub const fn ms(ms: u32) -> Self {
        Self(ms * 1000)
    }

    /// Sample frames at `rate`, rounded down.
    #[must_use]
    pub fn samples(self, rate: u32) -> usize {
        let samples = u64::from(self.0) * u64::from(rate) / 1_000_000;
        usize::try_from(samples).unwrap_or(usize::MAX)
    }
}

/// Settings of an audio encoder. Those that [`super::AudioUpdate`] names can be changed while
/// running. A codec that has no such setting refuses any value but the default.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct AudioEncoderConfig {
    /// Compression format, for backends that have several (G.711, PCM).
    pub codec: AudioCodec,
    /// Of the samples that will be pushed, and of the times.
    pub format: AudioFormat,
    /// Bits; `None`: the codec's own choice for the format.
    pub rate: Option<AudioRate>,
    /// What it is for.
    pub application: Application,
    /// What it is.
    pub signal: Signal,
    /// 0 (fastest) to 10 (best).
    pub complexity: u8,
    /// Duration of a packet.
    pub frame: FrameLength,
    /// Highest bandwidth that may be chosen.
    pub max_bandwidth: Bandwidth,
    /// One bandwidth for all packets; `None`: chosen.
    pub bandwidth: Option<Bandwidth>,
    /// Code this many channels (1 or 2) whatever comes in; `None`: chosen.
    pub force_channels: Option<u8>,
    /// A coarse copy of each frame in the next packet (in-band FEC).
    pub fec: bool,
    /// Packet loss to prepare for, in percent; without it in-band FEC adds nothing.
    pub expected_loss_pct: u8,
    /// Nearly nothing is sent during silence.
    pub dtx: bool,
    /// Frames do not depend on one another more than they must: costs quality, helps after losses.
    pub prediction_disabled: bool,
    /// Stereo without inverted phases, for players that mix down.
    pub phase_inversion_disabled: bool,
    /// Significant bits of the input, 8..=24.
    pub lsb_depth: u8,
    /// The codec's own settings, by knob name.
    pub knobs: Vec<(String, i64)>,
}

impl AudioEncoderConfig {
    /// Real-time speech: packets of 20 ms, complexity 9, the codec's own bitrate.
    #[must_use]
    pub fn new(codec: AudioCodec, format: AudioFormat) -> Self {
        Self {
            codec,
            format,
            rate: None,
            application: Application::Voip,
            signal: Signal::Auto,
            complexity: 9,
            frame: FrameLength::ms(20),
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
    /// How the packets are coded.
    pub codec: AudioCodec,
    /// What the container states, or what is wanted where the codec leaves it free (Opus decodes to
    /// any of 8, 12, 16, 24 and 48 kHz, mono or stereo).
    pub format: AudioFormat,
    /// Set-up data as the container holds it: `OpusHead`, an `AudioSpecificConfig`, the Vorbis
    /// headers in Xiph lacing, a FLAC `STREAMINFO`; empty where there is none.
    pub codec_private: Vec<u8>,
    /// What hostile input may ask for; of them `max_frame_bytes` is used.
    pub limits: Limits,
    /// Gain in 1/256 dB that is applied to the output, beside the stream's own.
    pub gain_q8_db: i16,
    /// The codec's own settings, by knob name.
    pub knobs: Vec<(String, i64)>,
}

impl AudioDecoderConfig {
    /// A decoder of `codec` to `format`.
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
