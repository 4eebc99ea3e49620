//! The codec configuration of VP8 and VP9 (`vpcC`): VP Codec ISO Media File Format Binding, version 1.

use codec_core::frame::{Color, ColorRange, Rational, SampleFormat, Sampling, Size};

use super::boxes::put_full;
use crate::vp9::KeyHeader;

/// Level, luma samples per second, luma samples per frame, largest dimension and kb/s of VP9.
const LEVELS: [(u8, u64, u64, u32, u64); 14] = [
    (10, 829_440, 36_864, 512, 200),
    (11, 2_764_800, 73_728, 768, 800),
    (20, 4_608_000, 122_880, 960, 1_800),
    (21, 9_216_000, 245_760, 1_344, 3_600),
    (30, 20_736_000, 552_960, 2_048, 7_200),
    (31, 36_864_000, 983_040, 2_752, 12_000),
    (40, 83_558_400, 2_228_224, 4_160, 18_000),
    (41, 160_432_128, 2_228_224, 4_160, 30_000),
    (50, 311_951_360, 8_912_896, 8_384, 60_000),
    (51, 588_251_136, 8_912_896, 8_384, 120_000),
    (52, 1_176_502_272, 8_912_896, 8_384, 180_000),
    (60, 1_176_502_272, 35_651_584, 16_832, 180_000),
    (61, 2_353_004_544, 35_651_584, 16_832, 240_000),
    (62, 4_706_009_088, 35_651_584, 16_832, 480_000),
];
/// Size and rates that determine the level of a VP9 stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) size: Size,
    pub(super) frame_rate: Rational,
    /// Mean bitrate in bits per second; 0 if unknown.
    pub(super) bitrate: u64,
}

impl Load {
    /// Returns the lowest level of VP9 that allows this, or else the highest one.
    fn level(&self) -> u8 {
        let Size { width, height } = self.size;
        let samples = u64::from(width) * u64::from(height);
        let Rational { num, den } = self.frame_rate;
        let per_second = u128::from(samples) * u128::from(num) / u128::from(den.max(1));
        let fits = LEVELS.iter().find(|&&(_, rate, frame, side, kbps)| {
            per_second <= rate.into()
                && samples <= frame
                && width.max(height) <= side
                && self.bitrate <= kbps * 1000
        });
        fits.unwrap_or(&LEVELS[LEVELS.len() - 1]).0
    }
}

/// Value of `chromaSubsampling`: 1 is 4:2:0 with chroma co-located with luma (0,0). No value exists for 4:4:0; it is
/// written as 1.
fn subsampling(sampling: Sampling) -> u8 {
    match sampling {
        Sampling::Yuv422 => 2,
        Sampling::Yuv444 => 3,
        _ => 1,
    }
}

/// Appends the configuration. `key` is the header of a VP9 key frame; `None` for VP8, and before one is
/// known. `load` is `None` for VP8, which has no levels.
pub(super) fn put(out: &mut Vec<u8>, key: Option<KeyHeader>, load: Option<Load>, color: Color) {
    let samples = key.map_or(SampleFormat::YUV420, |key| key.samples);
    put_full(out, b"vpcC", 1, 0, |out| {
        let is_full = key.is_some_and(|key| key.is_full_range) || color.range == ColorRange::Full;
        let profile = key.map_or(0, |key| key.profile);
        out.extend_from_slice(&[profile, load.map_or(0, |load| load.level())]);
        out.push(samples.depth << 4 | subsampling(samples.sampling) << 1 | u8::from(is_full));
        out.extend_from_slice(&[color.primaries.0, color.transfer.0, color.matrix.0, 0, 0]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_size_frame_rate_and_bitrate() {
        let level = |width, height, fps, bitrate| {
            let frame_rate = Rational::new(fps, 1);
            Load { size: Size::new(width, height), frame_rate, bitrate }.level()
        };
        assert_eq!(level(176, 144, 30, 0), 10);
        assert_eq!(level(640, 360, 30, 0), 21);
        assert_eq!(level(1280, 720, 30, 0), 31);
        assert_eq!(level(1280, 720, 60, 0), 40);
        assert_eq!(level(1920, 1080, 30, 0), 40);
        assert_eq!(level(1920, 1080, 60, 20_000_000), 41);
        assert_eq!(level(176, 144, 30, 1_000_000), 20);
        assert_eq!(level(2000, 16, 30, 0), 30);
        assert_eq!(level(65535, 65535, 30, 0), 62);
    }
}
