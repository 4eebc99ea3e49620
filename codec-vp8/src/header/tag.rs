//! The uncompressed data chunk at the start of a frame. RFC 6386, section 9.1.

use codec_core::error::Corrupt;
use codec_core::frame::Size;

/// Size of [`FrameTag`] in bytes.
pub const FRAME_TAG_BYTES: usize = 3;
/// Size of [`KeyHeader`] in bytes, which follows the tag of a key frame.
pub const KEY_HEADER_BYTES: usize = 7;

const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// Frame tag, the first bytes of every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTag {
    /// Whether the frame is a key frame.
    pub is_key: bool,
    /// Bitstream profile, 0..=7; 4 and above are reserved and decoded as 0.
    pub version: u8,
    /// Whether the frame is to be shown.
    pub show: bool,
    /// Size of the first partition in bytes, 0..=524287.
    pub first_partition_bytes: u32,
}

/// Parses the frame tag.
///
/// # Errors
/// [`Corrupt::HeaderTruncated`] if `data` is too short.
pub fn parse_frame_tag(data: &[u8]) -> Result<FrameTag, Corrupt> {
    let &[a, b, c] = data
        .first_chunk()
        .ok_or(Corrupt::HeaderTruncated { needed_bytes: FRAME_TAG_BYTES, had_bytes: data.len() })?;
    Ok(FrameTag {
        is_key: a & 1 == 0,
        version: (a >> 1) & 7,
        show: a & 0x10 != 0,
        first_partition_bytes: u32::from_le_bytes([a, b, c, 0]) >> 5,
    })
}

/// Serialises the frame tag.
#[must_use]
pub fn write_frame_tag(tag: FrameTag) -> [u8; FRAME_TAG_BYTES] {
    debug_assert!(tag.version < 8 && tag.first_partition_bytes < 1 << 19, "{tag:?}");
    let flags = u32::from(!tag.is_key) | u32::from(tag.version) << 1 | u32::from(tag.show) << 4;
    let [a, b, c, _] = (flags | tag.first_partition_bytes << 5).to_le_bytes();
    [a, b, c]
}

/// Key frame header, which follows the frame tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHeader {
    /// Frame size, 1..=16383 in each dimension.
    pub size: Size,
    /// Upscaling requested from the display, horizontally and vertically: 0 none, 1 5/4, 2 5/3, 3
    /// 2.
    pub scaling: [u8; 2],
}

/// Parses the key frame header at the start of `data`, after the tag.
///
/// # Errors
/// [`Corrupt::HeaderTruncated`], [`Corrupt::StartCode`] or [`Corrupt::ZeroSize`].
pub fn parse_key_header(data: &[u8]) -> Result<KeyHeader, Corrupt> {
    let &[a, b, c, w0, w1, h0, h1] = data.first_chunk().ok_or(Corrupt::HeaderTruncated {
        needed_bytes: FRAME_TAG_BYTES + KEY_HEADER_BYTES,
        had_bytes: FRAME_TAG_BYTES + data.len(),
    })?;
    if [a, b, c] != START_CODE {
        return Err(Corrupt::StartCode {
            offset_bytes: FRAME_TAG_BYTES,
            expected: START_CODE,
            found: [a, b, c],
        });
    }
    let dimension = |low, high: u8| u32::from(u16::from_le_bytes([low, high & 0x3f]));
    let size = Size::new(dimension(w0, w1), dimension(h0, h1));
    if size.pixels() == 0 {
        return Err(Corrupt::ZeroSize { width: size.width, height: size.height });
    }
    Ok(KeyHeader { size, scaling: [w1 >> 6, h1 >> 6] })
}

/// Serialises the key frame header.
#[must_use]
pub fn write_key_header(header: KeyHeader) -> [u8; KEY_HEADER_BYTES] {
    let dimension = |pixels: u32, scaling: u8| {
        debug_assert!((1..1 << 14).contains(&pixels) && scaling < 4, "{header:?}");
        let [low, high, ..] = pixels.to_le_bytes();
        [low, high | scaling << 6]
    };
    let [a, b, c] = START_CODE;
    let [w0, w1] = dimension(header.size.width, header.scaling[0]);
    let [h0, h1] = dimension(header.size.height, header.scaling[1]);
    [a, b, c, w0, w1, h0, h1]
}
