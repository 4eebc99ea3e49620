//! The codec configuration of VP8 and VP9 (`vpcC`): VP Codec ISO Media File Format Binding, version 1.

use codec_core::frame::{Color, ColorRange, Rational, Size};

use super::boxes::put_full;

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
/// The colour space in which the planes are G, B and R.
const SRGB: u32 = 7;

/// Sample format of a VP9 stream, from the header of a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VpFormat {
    profile: u8,
    depth: u8,
    /// 1 is 4:2:0 with chroma beside luma, 2 is 4:2:2, 3 is 4:4:4. 4:4:0 has no value of its own.
    subsampling: u8,
    is_full_range: bool,
}

impl Default for VpFormat {
    /// VP8, and VP9 before a key frame.
    fn default() -> Self {
        Self { profile: 0, depth: 8, subsampling: 1, is_full_range: false }
    }
}

impl VpFormat {
    /// Parses the uncompressed header of a VP9 key frame (VP9 bitstream specification, section 6.2);
    /// `None` for other frames.
    pub(super) fn parse_vp9(data: &[u8]) -> Option<Self> {
        let mut bits = Bits { data, at: 0 };
        if bits.read(2)? != 2 {
            return None;
        }
        let profile = bits.read(1)? | bits.read(1)? << 1;
        if profile == 3 {
            bits.read(1)?;
        }
        // A frame that is shown again, an inter frame; then the flags "shown" and "error resilient".
        if bits.read(2)? != 0 {
            return None;
        }
        bits.read(2)?;
        if bits.read(24)? != 0x49_83_42 {
            return None;
        }
        let depth = if profile < 2 { 8 } else { 10 + 2 * bits.read(1)? };
        let is_rgb = bits.read(3)? == SRGB;
        let is_full_range = is_rgb || bits.read(1)? == 1;
        let has_sampling = profile & 1 == 1;
        let subsampling = match (is_rgb, has_sampling) {
            (true, _) => 3,
            (false, false) => 1,
            (false, true) => match (bits.read(1)?, bits.read(1)?) {
                (0, 0) => 3,
                (1, 0) => 2,
                _ => 1,
            },
        };
        let narrow = |value: u32| u8::try_from(value).unwrap_or(0);
        let (profile, depth) = (narrow(profile), narrow(depth));
        Some(Self { profile, depth, subsampling, is_full_range })
    }
}

/// Reads bits, the highest of each byte first.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.data.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

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

/// Appends the configuration; `load` is `None` for VP8, which has no levels.
pub(super) fn put(out: &mut Vec<u8>, format: VpFormat, load: Option<Load>, color: Color) {
    put_full(out, b"vpcC", 1, 0, |out| {
        let is_full = format.is_full_range || color.range == ColorRange::Full;
        out.extend_from_slice(&[format.profile, load.map_or(0, |load| load.level())]);
        out.push(format.depth << 4 | format.subsampling << 1 | u8::from(is_full));
        out.extend_from_slice(&[color.primaries.0, color.transfer.0, color.matrix.0, 0, 0]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_key_frames() {
        let key = VpFormat::parse_vp9(&[0x82, 0x49, 0x83, 0x42, 0x20]).unwrap();
        assert_eq!(key, VpFormat::default());
        // Profile 2, 10 bits; the sync code begins in the second byte.
        let key = VpFormat::parse_vp9(&[0x92, 0x49, 0x83, 0x42, 0x10]).unwrap();
        assert_eq!((key.profile, key.depth, key.subsampling), (2, 10, 1));
        // Profile 1: 4:4:4 of full range.
        let key = VpFormat::parse_vp9(&[0xa2, 0x49, 0x83, 0x42, 0x30]).unwrap();
        assert_eq!((key.profile, key.subsampling, key.is_full_range), (1, 3, true));
        for other in [&[0x86, 0x49, 0x83, 0x42, 0][..], &[0x82, 0x49], &[0x8a], &[]] {
            assert_eq!(VpFormat::parse_vp9(other), None, "{other:x?}");
        }
    }

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
