//! Sample types as a trait, for code that is generic over them.

use std::fmt;

use super::buffer::{AudioView, to_s16};
use super::level::level_dbov;

/// A sample type of [`super::SampleKind`].
pub(crate) trait Sample: Copy + Default + fmt::Debug + Send + 'static {
    /// Appends the samples of `audio`, converted to this type.
    fn append(audio: &AudioView<'_>, out: &mut Vec<Self>);

    /// Returns the level in -dBov (RFC 6464).
    fn level(samples: &[Self]) -> u8;
}

impl Sample for i16 {
    fn append(audio: &AudioView<'_>, out: &mut Vec<Self>) {
        audio.append_s16(out);
    }

    fn level(samples: &[Self]) -> u8 {
        level_dbov(samples)
    }
}

impl Sample for f32 {
    fn append(audio: &AudioView<'_>, out: &mut Vec<Self>) {
        audio.append_f32(out);
    }

    fn level(samples: &[Self]) -> u8 {
        let samples: Vec<i16> = samples.iter().map(|&sample| to_s16(sample)).collect();
        level_dbov(&samples)
    }
}
