//! Flags of audio, with or without video.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use codec_audio::{Application, Bandwidth, FrameDuration};
use codec_core::codec::Bitrate;
use codec_media::io::audio_track::AudioTrackChoice;
use codec_media::settings::audio::AudioOptions;
use codec_media::values;

use super::numbers::within;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApplicationArg {
    /// Speech.
    Voip,
    /// Music and mixed content, faithful to the input.
    Audio,
    /// Lowest delay.
    Lowdelay,
}

impl ApplicationArg {
    fn application(self) -> Application {
        match self {
            Self::Voip => Application::Voip,
            Self::Audio => Application::Audio,
            Self::Lowdelay => Application::LowDelay,
        }
    }
}

/// Highest coded frequency: 4, 6, 8, 12 or 20 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BandwidthArg {
    Nb,
    Mb,
    Wb,
    Swb,
    Fb,
}

impl BandwidthArg {
    pub(crate) fn bandwidth(self) -> Bandwidth {
        match self {
            Self::Nb => Bandwidth::Narrow,
            Self::Mb => Bandwidth::Medium,
            Self::Wb => Bandwidth::Wide,
            Self::Swb => Bandwidth::SuperWide,
            Self::Fb => Bandwidth::Full,
        }
    }
}

/// Audio, with or without video.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct AudioArgs {
    /// Drop the audio.
    #[arg(long, conflicts_with = "no_video")]
    pub(crate) no_audio: bool,
    /// Drop the video.
    #[arg(long)]
    pub(crate) no_video: bool,
    /// Set the audio codec: CODEC, CODEC/BACKEND, s16le or copy.
    ///
    /// Default: the input's packets are copied if the output can carry them, otherwise the audio is
    /// encoded: s16le in WAV and PCM files, FLAC in .flac files, Opus elsewhere.
    #[arg(long, value_name = "CODEC")]
    pub(crate) audio_codec: Option<String>,
    /// Set the audio bitrate, such as 64k; a plain number is kb/s.
    ///
    /// Default: 64k for mono, 48k per channel otherwise.
    #[arg(long, value_name = "RATE", value_parser = values::bitrate)]
    pub(crate) audio_bitrate: Option<Bitrate>,
    /// Tune the audio encoder for this use.
    ///
    /// Default: audio; voip in the rtc preset.
    #[arg(long, value_enum)]
    pub(crate) application: Option<ApplicationArg>,
    /// Set the duration of an audio packet.
    ///
    /// TIME is 2.5ms, 5ms, 10ms, 20ms (the default), 40ms, 60ms, 80ms, 100ms or 120ms.
    #[arg(long, value_name = "TIME", value_parser = values::frame_length)]
    pub(crate) frame: Option<FrameDuration>,
    /// Enable in-band FEC (Opus).
    ///
    /// Each packet carries a low-bitrate copy of the previous one.
    #[arg(long)]
    pub(crate) fec: bool,
    /// Set the expected packet loss for --fec, in percent (1 to 100).
    ///
    /// Default: 10.
    #[arg(long, value_name = "PERCENT", value_parser = within(1_u8..=100))]
    pub(crate) loss: Option<u8>,
    /// Enable discontinuous transmission (DTX).
    ///
    /// The encoder sends almost no data during silence.
    #[arg(long)]
    pub(crate) dtx: bool,
    /// Set the audio encoder's effort: 0 (fastest) to 10 (best, the default).
    #[arg(long, value_parser = within(0_u8..=10))]
    pub(crate) complexity: Option<u8>,
    /// Use a constant audio bitrate: all packets have the same size.
    #[arg(long)]
    pub(crate) cbr: bool,
    /// Limit the audio bandwidth: nb (4 kHz), mb (6), wb (8), swb (12) or fb (20 kHz).
    ///
    /// Default: chosen by the encoder.
    #[arg(long, value_enum, value_name = "BAND")]
    pub(crate) bandwidth: Option<BandwidthArg>,
    /// Set the sample rate, in Hz.
    ///
    /// Default: the input's, if the codec supports it.
    #[arg(long, value_name = "HZ", value_parser = within(1000_u32..=384_000))]
    pub(crate) audio_rate: Option<u32>,
    /// Set the number of audio channels (1 to 8).
    ///
    /// Default: the input's, if the codec supports them.
    #[arg(long, value_name = "N", value_parser = within(1_u8..=8))]
    pub(crate) channels: Option<u8>,
    /// Set the gain in dB (-60 to 60); a limiter prevents clipping.
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = values::gain)]
    pub(crate) gain: Option<f32>,
    /// Suppress background noise in speech.
    #[arg(long)]
    pub(crate) denoise: bool,
    /// Enable automatic gain control (AGC), which levels the loudness of speech.
    #[arg(long)]
    pub(crate) agc: bool,
}

impl From<&AudioArgs> for AudioOptions {
    fn from(args: &AudioArgs) -> Self {
        Self {
            audio_codec: args.audio_codec.clone(),
            encode_others: false,
            audio_bitrate: args.audio_bitrate,
            application: args.application.map(ApplicationArg::application),
            frame: args.frame,
            fec: args.fec,
            loss: args.loss,
            dtx: args.dtx,
            complexity: args.complexity,
            cbr: args.cbr,
            bandwidth: args.bandwidth.map(BandwidthArg::bandwidth),
            audio_rate: args.audio_rate,
            channels: args.channels,
            gain: args.gain,
            denoise: args.denoise,
            agc: args.agc,
        }
    }
}

/// A value of `--audio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AudioTrackArg {
    /// No audio, as `--no-audio`.
    None,
    Track(AudioTrackChoice),
}

impl FromStr for AudioTrackArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "all" => Ok(Self::Track(AudioTrackChoice::All)),
            _ => match text.parse() {
                Ok(choice) => Ok(Self::Track(choice)),
                Err(error) => Err(format!("{error}, or all, or none")),
            },
        }
    }
}

impl AudioTrackArg {
    /// The chosen track; if no track is given, the first one.
    pub(crate) fn choice(given: Option<&Self>) -> AudioTrackChoice {
        match given {
            Some(Self::Track(choice)) => choice.clone(),
            Some(Self::None) | None => AudioTrackChoice::First,
        }
    }
}
