//! Reads size, frame rate, colours and reordering of a stream from its sequence parameter set.
//! ITU-T H.264, clause 7.3.2.1 and annex E.

use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, MatrixCoefficients, Rational, Size, TransferCharacteristics,
};

use crate::VideoTrack;
use crate::bits::Bits;
use crate::rational::plausible_frame_rate;

/// Profiles whose parameter sets have the chroma format and scaling lists.
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// The parts of a sequence parameter set that describe a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpsSummary {
    /// Visible size.
    pub(super) size: Size,
    pub(super) chroma_format: u32,
    pub(super) bit_depth: u32,
    /// Bits of `frame_num`.
    pub(super) frame_num_bits: u32,
    /// Whether no field is coded as a picture of its own.
    pub(super) frames_only: bool,
    pub(super) frame_rate: Option<Rational>,
    pub(super) color: Color,
    /// Maximum number of frames that precede a frame in decoding order and follow it in output
    /// order, if stated.
    pub(super) reordered_frames: Option<u32>,
}

impl Bits<'_> {
    /// Reads an unsigned Exp-Golomb code below `2^17 - 1`.
    pub(super) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 16 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// Skips an Exp-Golomb code of any size.
    fn skip_code(&mut self) -> Option<()> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
        }
        self.skip(zeros);
        Some(())
    }

    fn se(&mut self) -> Option<i32> {
        let code = i32::try_from(self.ue()?).ok()?;
        Some(if code & 1 == 1 { (code + 1) / 2 } else { -code / 2 })
    }
}

/// Removes emulation prevention: the 03 of every 00 00 03.
pub(super) fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if byte == 3 && zeros >= 2 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

impl SpsSummary {
    /// Parses the payload after the NAL header; `None` if it is damaged.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let data = unescape(payload);
        let mut bits = Bits::new(&data);
        let profile = bits.take(8)?;
        bits.take(16)?;
        bits.ue()?;
        let (mut chroma_format, mut bit_depth) = (1, 8);
        if HIGH_PROFILES.contains(&profile) {
            chroma_format = bits.ue()?;
            if chroma_format == 3 {
                bits.flag()?;
            }
            bit_depth = 8 + bits.ue()?.max(bits.ue()?);
            bits.flag()?;
            if bits.flag()? {
                skip_scaling_lists(&mut bits, if chroma_format == 3 { 12 } else { 8 })?;
            }
        }
        let frame_num_bits = (4 + bits.ue()?).min(16);
        let follows_decoding = skip_picture_order(&mut bits)?;
        bits.ue()?;
        bits.flag()?;
        let (size, frames_only) = parse_size(&mut bits, chroma_format)?;
        let (frame_rate, color) = (None, Color::default());
        // Baseline has no B slices.
        let reordered_frames = (follows_decoding || profile == 66).then_some(0);
        let mut summary = Self {
            size,
            chroma_format,
            bit_depth,
            frame_num_bits,
            frames_only,
            frame_rate,
            color,
            reordered_frames,
        };
        if bits.flag()? {
            // Some encoders truncate the usability information (VUI).
            let _ = summary.parse_usability(&mut bits);
        }
        Some(summary)
    }

    /// Rejects a track with samples that decoders here do not support.
    pub(super) fn reject(&self, track: &mut VideoTrack) {
        track.reject_hdr();
        if self.bit_depth > 8 {
            track.reject(format!("{}-bit video", self.bit_depth));
        }
        if self.chroma_format > 1 {
            track.reject("chroma other than 4:2:0");
        }
    }

    fn parse_usability(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        // The aspect ratio; if its code is 255, width and height follow. Then the overscan flags.
        if bits.flag()? && bits.take(8)? == 255 {
            bits.take(32)?;
        }
        if bits.flag()? {
            bits.flag()?;
        }
        if bits.flag()? {
            bits.take(3)?;
            let full = bits.flag()?;
            self.color.range = if full { ColorRange::Full } else { ColorRange::Limited };
            if bits.flag()? {
                self.color.primaries = ColorPrimaries(bits.byte(8)?);
                self.color.transfer = TransferCharacteristics(bits.byte(8)?);
                self.color.matrix = MatrixCoefficients(bits.byte(8)?);
            }
        }
        if bits.flag()? {
            bits.ue()?;
            bits.ue()?;
        }
        if bits.flag()? {
            // A tick is the duration of a field.
            let (units, scale) = (bits.take(32)?, bits.take(32)?);
            self.frame_rate = plausible_frame_rate(scale.into(), u64::from(units) * 2);
            bits.flag()?;
        }
        let has_nal_buffer = skip_buffer(bits)?;
        let has_vcl_buffer = skip_buffer(bits)?;
        if has_nal_buffer || has_vcl_buffer {
            bits.flag()?;
        }
        // The structure of pictures is stated, then the restrictions: motion vectors, and four codes.
        bits.flag()?;
        if bits.flag()? {
            bits.flag()?;
            for _ in 0..4 {
                bits.ue()?;
            }
            self.reordered_frames = Some(bits.ue()?);
        }
        Some(())
    }
}

fn skip_scaling_lists(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let length = if list < 6 { 16 } else { 64 };
        let mut next = 8_i32;
        for _ in 0..length {
            next = (next + bits.se()?).rem_euclid(256);
            if next == 0 {
                break;
            }
        }
    }
    Some(())
}

/// Skips the type of the picture order count; returns whether it follows the order of decoding.
fn skip_picture_order(bits: &mut Bits<'_>) -> Option<bool> {
    let kind = bits.ue()?;
    match kind {
        0 => _ = bits.ue()?,
        1 => {
            bits.flag()?;
            bits.skip_code()?;
            bits.skip_code()?;
            for _ in 0..bits.ue()?.min(255) {
                bits.skip_code()?;
            }
        }
        _ => {}
    }
    Some(kind == 2)
}

/// Skips the description of a buffer (clause E.1.2); returns whether there is one.
fn skip_buffer(bits: &mut Bits<'_>) -> Option<bool> {
    if !bits.flag()? {
        return Some(false);
    }
    let count = bits.ue()?.min(31) + 1;
    bits.take(8)?;
    for _ in 0..count {
        bits.skip_code()?;
        bits.skip_code()?;
        bits.flag()?;
    }
    bits.take(20)?;
    Some(true)
}

/// Returns the visible size, and `frame_mbs_only_flag`.
fn parse_size(bits: &mut Bits<'_>, chroma_format: u32) -> Option<(Size, bool)> {
    let width = 16 * (bits.ue()? + 1);
    let map_units = bits.ue()? + 1;
    let frames_only = bits.flag()?;
    if !frames_only {
        bits.flag()?;
    }
    bits.flag()?;
    let lines = if frames_only { 1 } else { 2 };
    let height = 16 * map_units * lines;
    let (mut cropped_x, mut cropped_y) = (0, 0);
    if bits.flag()? {
        let unit_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
        let unit_y = if chroma_format == 1 { 2 } else { 1 } * lines;
        cropped_x = unit_x * (bits.ue()? + bits.ue()?);
        cropped_y = unit_y * (bits.ue()? + bits.ue()?);
    }
    let size = Size::new(width.checked_sub(cropped_x)?, height.checked_sub(cropped_y)?);
    (size.pixels() > 0).then_some((size, frames_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As x264 writes it: High, level 3, 640x360 in 23 rows of macroblocks, 25 frames a second.
    const X264: [u8; 26] = [
        0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00,
        0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96, 0x00,
    ];

    #[test]
    fn size_and_rate_are_found_behind_escapes() {
        let summary = SpsSummary::parse(&X264).unwrap();
        assert_eq!(summary.size, Size::new(640, 360));
        assert_eq!(summary.frame_rate, Some(Rational::new(25, 1)));
        assert_eq!((summary.chroma_format, summary.bit_depth), (1, 8));
        assert_eq!(summary.reordered_frames, Some(2));
    }

    #[test]
    fn truncated_sets_are_rejected_up_to_the_size() {
        for length in 0..X264.len() {
            let found = SpsSummary::parse(&X264[..length]);
            assert!(found.is_none_or(|found| found.size == Size::new(640, 360)), "{length}");
        }
        assert_eq!(SpsSummary::parse(&[0; 40]), None);
    }
}
