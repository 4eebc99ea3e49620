//! Edit lists: ISO/IEC 14496-12, section 8.6.6.

use super::boxes::{Fields, child, descendant};

/// The effect of an edit list, in ticks of the track.
#[derive(Debug)]
pub(super) struct Edits {
    /// Nothing is shown before this time.
    pub(super) empty: i64,
    /// Media time at which playback begins.
    pub(super) media_start: i64,
    /// Media time at which playback ends, if stated.
    pub(super) media_end: Option<i64>,
    /// Whether at most one edit plays the media.
    pub(super) are_simple: bool,
}

impl Edits {
    /// Whether a frame with this media time is presented.
    pub(super) fn present(&self, media_time: i64) -> bool {
        media_time >= self.media_start && self.media_end.is_none_or(|end| media_time < end)
    }

    /// Offset added to media times.
    pub(super) fn shift(&self) -> i64 {
        self.empty.saturating_sub(self.media_start)
    }
}

impl Default for Edits {
    fn default() -> Self {
        Self { empty: 0, media_start: 0, media_end: None, are_simple: true }
    }
}

/// Parses an edit list. Any number of empty edits, followed by one that plays the media from some
/// time on, becomes a shift of all times and an end. A playing edit of duration 0 has no end.
pub(super) fn parse_edits(moov: &[u8], trak: &[u8], timescale: u32) -> Option<Edits> {
    let mut fields = Fields(descendant(trak, &[b"edts", b"elst"])?);
    let (version, _) = fields.version_and_flags()?;
    let movie_scale = {
        let mut fields = Fields(child(moov, b"mvhd")?);
        let (version, _) = fields.version_and_flags()?;
        fields.wide(version)?;
        fields.wide(version)?;
        fields.u32().filter(|&scale| scale > 0)?
    };
    let mut edits = Edits::default();
    let mut playing = 0;
    for _ in 0..fields.u32()? {
        let duration = fields.wide(version)?;
        let media_time =
            if version == 1 { fields.u64()?.cast_signed() } else { fields.i32()?.into() };
        fields.skip(4)?;
        let ticks = u128::from(duration) * u128::from(timescale);
        if media_time < 0 {
            let ticks = i64::try_from(ticks / u128::from(movie_scale)).unwrap_or(0);
            edits.empty = edits.empty.saturating_add(ticks);
        } else {
            if playing == 0 {
                let ticks = i64::try_from(ticks.div_ceil(movie_scale.into())).unwrap_or(0);
                edits.media_start = media_time;
                edits.media_end = media_time.checked_add(ticks).filter(|_| ticks > 0);
            }
            playing += 1;
        }
    }
    edits.are_simple = playing <= 1;
    if !edits.are_simple {
        edits.media_end = None;
    }
    Some(edits)
}
