//! Skipped tracks: readers do not return their packets.

use std::fmt;

use codec_core::frame::Size;

/// Kind of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are sufficient")]
pub enum TrackKind {
    Video,
    Audio,
    Subtitle,
    /// Timecodes, buttons, metadata and unknown kinds.
    Data,
}

impl fmt::Display for TrackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Subtitle => "subtitle",
            Self::Data => "data",
        })
    }
}

/// A track of the file that is not in [`crate::PacketReader::tracks`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedTrack {
    /// Kind of the track.
    pub kind: TrackKind,
    /// The codec's name as ffmpeg spells it (`hevc`, `mjpeg`, `subrip`), or the identifier in the
    /// file if that is not known.
    pub codec: String,
    /// The size of the frames of video, if the container states it.
    pub size: Option<Size>,
    /// Why it cannot be read, if the codec is not the reason: encryption or damage, for example.
    pub reason: Option<String>,
}

impl SkippedTrack {
    pub(crate) fn new(kind: TrackKind, codec: impl Into<String>) -> Self {
        Self { kind, codec: codec.into(), size: None, reason: None }
    }
}

impl fmt::Display for SkippedTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} track ({})", self.kind, self.codec)?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_given_unless_the_codec_is_the_reason() {
        let over = |what: &'static str| crate::Error::unsupported(crate::Format::Mp4, what);
        let hevc = || SkippedTrack::new(TrackKind::Video, "hevc");
        assert_eq!(hevc().because(&over("codec hevc")).to_string(), "video track (hevc)");
        let encrypted = hevc().because(&over("an encrypted track")).to_string();
        assert_eq!(encrypted, "video track (hevc): mp4: an encrypted track is not supported");
    }
}
