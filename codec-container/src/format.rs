//! File formats, and the codecs that can be written to them.

use std::fmt;

use codec_audio::{AudioCodec, ChannelLayout, PcmEncoding};
use codec_core::codec::Codec;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// YUV4MPEG2: raw frames with a text header.
    Y4m,
    /// Raw frames without a header.
    Raw,
    /// IVF: coded packets with 64-bit times.
    Ivf,
    /// WebM: Matroska with a restricted set of codecs.
    WebM,
    /// Matroska.
    Matroska,
    /// MP4 and related formats (ISO base media file format, QuickTime).
    Mp4,
    /// Ogg with Opus, Vorbis or FLAC.
    Ogg,
    /// WAVE (RIFF, RF64).
    Wav,
    /// Raw audio samples without a header.
    Pcm,
    /// Native FLAC.
    Flac,
    /// MP3 frames.
    Mp3,
    /// AAC with ADTS headers.
    Adts,
    /// A stream of AV1 OBUs.
    Obu,
    /// An H.264 byte stream with start codes.
    H264,
    /// An MPEG-2 transport stream.
    MpegTs,
}

impl Format {
    /// The name used in messages and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Y4m => "y4m",
            Self::Raw => "raw",
            Self::Ivf => "ivf",
            Self::WebM => "webm",
            Self::Matroska => "matroska",
            Self::Mp4 => "mp4",
            Self::Ogg => "ogg",
            Self::Wav => "wav",
            Self::Pcm => "pcm",
            Self::Flac => "flac",
            Self::Mp3 => "mp3",
            Self::Adts => "adts",
            Self::Obu => "obu",
            Self::H264 => "h264",
            Self::MpegTs => "mpegts",
        }
    }

    /// The usual format of file names with `extension` (without the dot, case-insensitive).
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "y4m" => Some(Self::Y4m),
            "yuv" | "i420" | "nv12" | "raw" => Some(Self::Raw),
            "ivf" => Some(Self::Ivf),
            "webm" | "weba" => Some(Self::WebM),
            "mkv" | "mka" | "matroska" => Some(Self::Matroska),
            "mp4" | "m4v" | "mov" | "m4a" => Some(Self::Mp4),
            "ogg" | "opus" | "oga" => Some(Self::Ogg),
            "wav" | "wave" => Some(Self::Wav),
            "flac" => Some(Self::Flac),
            "mp3" => Some(Self::Mp3),
            "aac" | "adts" => Some(Self::Adts),
            "obu" => Some(Self::Obu),
            "h264" | "264" | "avc" => Some(Self::H264),
            "ts" | "m2ts" | "mts" | "mpegts" => Some(Self::MpegTs),
            "pcm" | "s16" | "s16le" | "s16be" | "s24" | "s24le" | "s32" | "s32le" | "f32"
            | "f32le" | "f64" | "f64le" | "u8" | "ul" | "al" => Some(Self::Pcm),
            _ => None,
        }
    }

    /// Whether it holds raw frames instead of coded packets.
    #[must_use]
    pub fn is_raw_video(self) -> bool {
        matches!(self, Self::Y4m | Self::Raw)
    }

    /// Whether files of the format can be written with video of `codec`.
    #[must_use]
    pub fn holds_video(self, codec: Codec) -> bool {
        match self {
            Self::Y4m | Self::Raw => false,
            Self::Ogg | Self::Wav | Self::Pcm | Self::Flac | Self::Mp3 | Self::Adts => false,
            Self::Obu => codec == Codec::Av1,
            Self::H264 | Self::MpegTs => codec == Codec::H264,
            Self::Ivf | Self::Matroska | Self::Mp4 => true,
            Self::WebM => matches!(codec, Codec::Vp8 | Codec::Vp9 | Codec::Av1),
        }
    }

    /// Whether files of the format can be written with audio of `codec`. Reading supports more:
    /// MP3, ADTS, and Ogg with Vorbis or FLAC.
    #[must_use]
    pub fn holds_audio(self, codec: AudioCodec) -> bool {
        use AudioCodec::{Aac, Flac, Mp3, Opus, Pcm, Pcma, Pcmu, Vorbis};
        match self {
            Self::Y4m | Self::Raw | Self::Ivf | Self::Obu | Self::H264 => false,
            // Read-only.
            Self::Mp3 | Self::Adts => false,
            Self::MpegTs => matches!(codec, Aac | Mp3 | Opus),
            Self::Flac => codec == Flac,
            Self::WebM => matches!(codec, Opus | Vorbis),
            Self::Matroska => true,
            Self::Mp4 => codec != Vorbis,
            Self::Ogg => codec == Opus,
            Self::Wav => {
                matches!(codec, Pcma | Pcmu)
                    || matches!(codec, Pcm(encoding) if encoding != PcmEncoding::S16Be)
            }
            Self::Pcm => matches!(codec, Pcma | Pcmu | Pcm(_)),
        }
    }

    /// Whether files of the format state the speakers of `layout` for audio of `codec`. All formats hold the named
    /// layouts and discrete channels as far as the codec has them; raw audio has no header, and leaves the meaning of its channels to the reader.
    #[must_use]
    pub fn holds_layout(self, codec: AudioCodec, layout: ChannelLayout) -> bool {
        use AudioCodec::{Flac, Pcm, Pcma, Pcmu};
        match (codec, self) {
            _ if !matches!(layout, ChannelLayout::Speakers(_)) => true,
            // Players read no tag of FLAC in MP4.
            (Flac, format) => format != Self::Mp4,
            (Pcm(_) | Pcma | Pcmu, Self::Wav | Self::Pcm) => true,
            (Pcm(encoding), Self::Matroska) => encoding != PcmEncoding::S16Be,
            (Pcma | Pcmu, Self::Matroska) => true,
            _ => false,
        }
    }

    /// Whether it holds audio only.
    #[must_use]
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Ogg | Self::Wav | Self::Pcm | Self::Flac | Self::Mp3 | Self::Adts)
    }

    /// The unit in which its contents are counted.
    #[must_use]
    pub(crate) fn unit(self) -> &'static str {
        if self.is_raw_video() { "frame" } else { "packet" }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
