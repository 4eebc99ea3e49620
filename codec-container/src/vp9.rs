//! Parses the fields of VP9 key frame headers that containers store in their stream descriptions.

use codec_core::frame::{SampleFormat, Sampling};

use crate::bits::Bits;

/// Sync code of key frames.
const SYNC_CODE: u32 = 0x49_8342;
/// The colour space in which the planes are G, B and R.
const SRGB: u8 = 7;

/// Format of the samples of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyHeader {
    pub(crate) profile: u8,
    pub(crate) samples: SampleFormat,
    pub(crate) is_full_range: bool,
}

impl KeyHeader {
    /// Parses the uncompressed header of a key frame (VP9 bitstream specification, section 6.2); `None`
    /// for other frames.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(frame);
        let marker = bits.take(2)?;
        let profile = bits.byte(1)? | bits.byte(1)? << 1;
        let is_reserved = profile == 3 && bits.flag()?;
        // A frame that is shown again, an inter frame; then the flags "shown" and "error resilient".
        let is_other = bits.take(2)? != 0;
        bits.take(2)?;
        if marker != 2 || is_reserved || is_other || bits.take(24)? != SYNC_CODE {
            return None;
        }
        let depth = if profile < 2 { 8 } else { 10 + 2 * bits.byte(1)? };
        let is_rgb = bits.byte(3)? == SRGB;
        let is_full_range = is_rgb || bits.flag()?;
        let sampling = match (profile & 1 == 1, is_rgb) {
            (false, _) => Sampling::Yuv420,
            (true, true) => Sampling::Yuv444,
            (true, false) => match (bits.flag()?, bits.flag()?) {
                (false, false) => Sampling::Yuv444,
                (false, true) => Sampling::Yuv440,
                (true, false) => Sampling::Yuv422,
                (true, true) => Sampling::Yuv420,
            },
        };
        Some(Self { profile, samples: SampleFormat::new(depth, sampling), is_full_range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_state_profile_depth_sampling_and_range() {
        let of = |bytes: &[u8]| {
            let header = KeyHeader::parse(bytes)?;
            Some((header.profile, header.samples.name(), header.is_full_range))
        };
        assert_eq!(of(&[0x82, 0x49, 0x83, 0x42, 0x20]), Some((0, "yuv420p", false)));
        // Profile 2, 10 and 12 bits.
        assert_eq!(of(&[0x92, 0x49, 0x83, 0x42, 0x10]), Some((2, "yuv420p10", false)));
        assert_eq!(of(&[0x92, 0x49, 0x83, 0x42, 0x90]), Some((2, "yuv420p12", false)));
        // Profile 1: 4:4:4, 4:4:0, and 4:4:4 of full range.
        assert_eq!(of(&[0xa2, 0x49, 0x83, 0x42, 0x20]), Some((1, "yuv444p", false)));
        assert_eq!(of(&[0xa2, 0x49, 0x83, 0x42, 0x24]), Some((1, "yuv440p", false)));
        assert_eq!(of(&[0xa2, 0x49, 0x83, 0x42, 0x30]), Some((1, "yuv444p", true)));
        for other in [&[0x86, 0x49, 0x83, 0x42, 0][..], &[0x82, 0x49], &[0x82], &[0x8a], &[]] {
            assert_eq!(of(other), None, "{other:x?}");
        }
    }
}
