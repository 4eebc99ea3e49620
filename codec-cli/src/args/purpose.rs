//! The purposes of `--for`, and the values of their options.

use std::fmt;
use std::str::FromStr;

use codec_container::Format;
use codec_core::codec::Codec;
use codec_core::frame::Size;
use codec_media::values;

use super::encoder::PresetArg;

/// The file size of `discord` without a value, in bytes.
const DISCORD_BYTES: u64 = 8_000_000;

/// The use of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Playback in browsers.
    Web,
    /// Storage for later encodes.
    Archive,
    /// The streams of a call.
    Call,
    /// An attachment of at most this many bytes.
    Discord(u64),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Web => "--for web",
            Self::Archive => "--for archive",
            Self::Call => "--for call",
            Self::Discord(_) => "--for discord",
        })
    }
}

impl FromStr for Purpose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("discord=")) {
            ("web", _) => Ok(Self::Web),
            ("archive", _) => Ok(Self::Archive),
            ("call", _) => Ok(Self::Call),
            ("discord", _) => Ok(Self::Discord(DISCORD_BYTES)),
            (_, Some(size)) => values::file_size(size).map(Self::Discord),
            _ => {
                Err("expected web, archive, call, discord or a size such as discord=8M".to_owned())
            }
        }
    }
}

impl Purpose {
    /// The video codec in a container, or the containers that are allowed.
    pub(super) fn codec(self, format: Format) -> Result<&'static str, &'static str> {
        match (self, format) {
            (Self::Call, Format::WebM | Format::Matroska | Format::Ivf) => Ok("vp8"),
            (Self::Call, Format::Mp4 | Format::H264) => Ok("h264"),
            (Self::Call, _) => Err(".webm, .mkv, .ivf, .mp4 or .h264"),
            (_, Format::WebM) | (Self::Archive, Format::Matroska) => Ok("vp9"),
            (_, Format::Mp4) => Ok("h264"),
            (Self::Archive, _) => Err(".webm, .mkv or .mp4"),
            (Self::Web | Self::Discord(_), _) => Err(".webm or .mp4"),
        }
    }

    /// The endings of outputs that can hold the video codec.
    pub(super) fn endings(self, codec: Codec) -> String {
        let outputs = [
            (Format::WebM, ".webm"),
            (Format::Matroska, ".mkv"),
            (Format::Ivf, ".ivf"),
            (Format::Mp4, ".mp4"),
            (Format::H264, ".h264"),
        ];
        let fits =
            |(format, _): &(Format, _)| self.codec(*format).is_ok() && format.holds_video(codec);
        let names: Vec<_> = outputs.into_iter().filter(fits).map(|(_, name)| name).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.concat(),
        }
    }

    pub(super) fn preset(self) -> PresetArg {
        if self == Self::Call { PresetArg::Rtc } else { PresetArg::File }
    }

    pub(super) fn speed(self) -> u8 {
        match self {
            Self::Archive => 1,
            Self::Web | Self::Discord(_) => 3,
            Self::Call => 7,
        }
    }

    /// The constant quality. H.264 reaches the same VMAF at lower values.
    pub(super) fn quality(self, codec: &str) -> Option<u8> {
        match (self, codec == "h264") {
            (Self::Web, true) => Some(45),
            (Self::Web, false) => Some(60),
            (Self::Archive, true) => Some(55),
            (Self::Archive, false) => Some(75),
            (Self::Call | Self::Discord(_), _) => None,
        }
    }

    /// The largest frame.
    pub(super) fn limit(self) -> Option<Size> {
        match self {
            Self::Web => Some(Size::new(1920, 1080)),
            Self::Archive => None,
            Self::Call | Self::Discord(_) => Some(Size::new(1280, 720)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_names_and_discord_has_a_size() {
        let parsed = |text: &str| text.parse::<Purpose>();
        assert_eq!(parsed("web"), Ok(Purpose::Web));
        assert_eq!(parsed("discord"), Ok(Purpose::Discord(8_000_000)));
        assert_eq!(parsed("discord=10Mi"), Ok(Purpose::Discord(10_485_760)));
        for wrong in ["", "webm", "web=8M", "discord=", "discord=8MB", "call=1"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
