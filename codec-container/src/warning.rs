//! Warnings about files.

use codec_core::frame::Rational;

use crate::SkippedTrack;

/// A problem with a file that does not prevent reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The video has an alpha channel, which is ignored.
    AlphaIgnored,
    /// Tracks that the reader ignores because there are too many.
    TracksIgnored {
        /// Number of tracks.
        count: usize,
    },
    /// Programs of a transport stream after the first supported one, which are not read.
    ProgramsIgnored {
        /// Number of programs.
        count: usize,
    },
    /// Chapters, attachments or tags that are not delivered; the text names them.
    MetadataSkipped(String),
    /// A track that is not delivered; see [`crate::PacketReader::skipped`].
    TrackSkipped(SkippedTrack),
    /// The stream states no usable frame rate; frames of this duration, in seconds, are assumed.
    TimeBaseAssumed(Rational),
    /// The header states more audio bytes than the file has.
    SizeMismatch {
        /// Bytes according to the header.
        stated: u64,
        /// Bytes in the file.
        actual: u64,
    },
    /// An edit list or a delay that is ignored.
    EditsIgnored,
    /// A crop rectangle in the header that is ignored.
    CropIgnored,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlphaIgnored => f.write_str("the alpha channel is ignored"),
            Self::TracksIgnored { count: 1 } => f.write_str("skipped one more track"),
            Self::TracksIgnored { count } => write!(f, "skipped {count} more tracks"),
            Self::ProgramsIgnored { count: 1 } => f.write_str("skipped one more program"),
            Self::ProgramsIgnored { count } => write!(f, "skipped {count} more programs"),
            Self::MetadataSkipped(what) => write!(f, "skipped {what}"),
            Self::TrackSkipped(track) => write!(f, "skipped {track}"),
            Self::TimeBaseAssumed(base) => {
                let fps = base.inverse().as_f64();
                write!(f, "the stream states no usable frame rate: assuming {fps} fps")
            }
            Self::SizeMismatch { stated, actual } => {
                write!(f, "the header states {stated} bytes of audio, but the file has {actual}")
            }
            Self::EditsIgnored => f.write_str("the edit list is ignored"),
            Self::CropIgnored => f.write_str("the crop rectangle is ignored"),
        }
    }
}
