//! Whether a clip is video or audio; its size, frame rate or sample format, and its length.

use std::fmt;

use codec_audio::AudioFormat;
use codec_audio::metrics::segment_samples;
use codec_core::frame::{Rational, Size};

/// Video or audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Video,
    Audio,
}

impl Media {
    /// The file extension of clips.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Video => "y4m",
            Self::Audio => "wav",
        }
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Video => "video",
            Self::Audio => "audio",
        })
    }
}

/// The extent of a clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    Video {
        size: Size,
        frame_rate: Rational,
        frames: u64,
    },
    /// `samples` is the number for each channel.
    Audio {
        format: AudioFormat,
        samples: u64,
    },
}

impl Shape {
    pub(super) fn media(self) -> Media {
        match self {
            Self::Video { .. } => Media::Video,
            Self::Audio { .. } => Media::Audio,
        }
    }

    /// The size of the frames of video.
    pub(super) fn size(self) -> Option<Size> {
        match self {
            Self::Video { size, .. } => Some(size),
            Self::Audio { .. } => None,
        }
    }

    /// Returns the same shape with frames of another size.
    pub(super) fn of_size(self, size: Size) -> Self {
        match self {
            Self::Video { frame_rate, frames, .. } => Self::Video { size, frame_rate, frames },
            Self::Audio { .. } => self,
        }
    }

    /// Frames per second; of audio, segments of the metrics.
    pub(super) fn frame_rate(self) -> Rational {
        match self {
            Self::Video { frame_rate, .. } => frame_rate,
            Self::Audio { format, .. } => {
                let each = u32::try_from(segment_samples(format.rate)).unwrap_or(u32::MAX);
                Rational::new(format.rate, each)
            }
        }
    }

    /// Number of frames; of audio, of whole segments.
    pub(super) fn frames(self) -> u64 {
        match self {
            Self::Video { frames, .. } => frames,
            Self::Audio { format, samples } => samples / segment_samples(format.rate) as u64,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of frames and samples")]
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::Video { frame_rate, frames, .. } => frames as f64 / frame_rate.as_f64(),
            Self::Audio { format, samples } => samples as f64 / f64::from(format.rate.max(1)),
        }
    }

    /// The amount of work: pixels, or samples of all channels.
    #[expect(clippy::cast_precision_loss, reason = "for progress")]
    pub(super) fn weight(self) -> f64 {
        match self {
            Self::Video { size, frames, .. } => frames as f64 * size.pixels() as f64,
            Self::Audio { format, samples } => samples as f64 * format.channels() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec_audio::ChannelLayout;

    #[test]
    fn audio_is_measured_in_segments_of_20_ms() {
        let shape = |rate, samples| {
            let format = AudioFormat::new(rate, ChannelLayout::Stereo);
            Shape::Audio { format, samples }
        };
        let whole = shape(48_000, 48_500);
        assert_eq!((whole.frames(), whole.frame_rate()), (50, Rational::new(48_000, 960)));
        assert!((whole.seconds() - 48_500.0 / 48_000.0).abs() < 1e-12);
        assert_eq!((shape(11_025, 11_025).frames(), shape(8_000, 159).frames()), (50, 0));
    }
}
