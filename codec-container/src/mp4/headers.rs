//! The headers of tracks and of their media: ISO/IEC 14496-12, sections 8.3.2 and 8.4.2.

use codec_core::frame::Rotation;

use super::boxes::Fields;

/// A track header box.
pub(super) struct TrackHeader {
    pub(super) id: u32,
    pub(super) is_enabled: bool,
    pub(super) rotation: Rotation,
}

pub(super) fn parse_header(payload: &[u8]) -> Option<TrackHeader> {
    let mut fields = Fields(payload);
    let (version, flags) = fields.version_and_flags()?;
    fields.wide(version)?;
    fields.wide(version)?;
    let id = fields.u32()?;
    fields.skip(4)?;
    fields.wide(version)?;
    // Reserved, layer, group, volume, reserved.
    fields.skip(16)?;
    let mut matrix = [0; 5];
    for value in &mut matrix {
        *value = fields.i32()?.signum();
    }
    let rotation = match matrix {
        [0, 1, _, -1, 0] => Rotation::Clockwise90,
        [-1, 0, _, 0, -1] => Rotation::Clockwise180,
        [0, -1, _, 1, 0] => Rotation::Clockwise270,
        _ => Rotation::None,
    };
    Some(TrackHeader { id, is_enabled: flags & 1 != 0, rotation })
}

/// A media header box.
pub(super) struct MediaHeader {
    pub(super) timescale: u32,
    /// Duration in ticks; 0 if unknown.
    pub(super) duration: u64,
    pub(super) language: Option<String>,
}

pub(super) fn parse_media_header(payload: &[u8]) -> Option<MediaHeader> {
    let mut fields = Fields(payload);
    let (version, _) = fields.version_and_flags()?;
    fields.wide(version)?;
    fields.wide(version)?;
    let timescale = fields.u32().filter(|&scale| scale > 0)?;
    let duration = fields.wide(version)?;
    let unknown = if version == 1 { u64::MAX } else { u32::MAX.into() };
    let duration = if duration == unknown { 0 } else { duration };
    // Three letters of five bits; other values are Macintosh language codes.
    let packed = fields.u16().unwrap_or(0);
    let letter = |shift: u32| u8::try_from(packed >> shift & 31).unwrap_or(0) + 0x60;
    let letters = [letter(10), letter(5), letter(0)];
    let is_name = packed >= 0x400 && letters.iter().all(u8::is_ascii_lowercase);
    let language =
        (is_name && letters != *b"und").then(|| letters.iter().copied().map(char::from).collect());
    Some(MediaHeader { timescale, duration, language })
}
