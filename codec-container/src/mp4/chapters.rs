//! Chapter tracks of QuickTime: text tracks with a sample for each chapter. Video and audio tracks
//! refer to their chapter track (`tref`, `chap`). ffmpeg and phones also write chapter tracks.

use super::boxes::{Boxes, child, descendant};
use super::edits::parse_edits;
use super::headers::parse_media_header;
use super::input::Input;
use super::samples::SampleTable;
use crate::Result;
use crate::metadata::{Chapter, FileMetadata, MAX_CHAPTERS};

const NS_PER_SECOND: u128 = 1_000_000_000;
/// Titles are cut after this number of bytes.
const MAX_TITLE_BYTES: usize = 4096;

/// The IDs of the tracks that are the chapters of other tracks.
pub(super) fn track_ids(moov: &[u8]) -> Vec<u32> {
    let traks = Boxes(moov).filter(|(kind, _)| kind == b"trak");
    let lists = traks.filter_map(|(_, trak)| descendant(trak, &[b"tref", b"chap"]));
    lists.flat_map(|ids| ids.as_chunks().0).map(|id| u32::from_be_bytes(*id)).collect()
}

/// The text track with the titles of the chapters.
pub(super) struct ChapterTrack {
    timescale: u32,
    /// Added to the times of the track.
    shift: i64,
    samples: SampleTable,
}

impl ChapterTrack {
    /// Parses the `trak` box of chapters; `None` if it is not complete.
    pub(super) fn parse(moov: &[u8], trak: &[u8]) -> Option<Self> {
        let mdia = child(trak, b"mdia")?;
        let timescale = parse_media_header(child(mdia, b"mdhd")?)?.timescale;
        let edits = parse_edits(moov, trak, timescale).unwrap_or_default();
        let samples = SampleTable::parse(descendant(mdia, &[b"minf", b"stbl"])?);
        Some(Self { timescale, shift: edits.shift(), samples })
    }

    /// Reads the titles from the file. Chapters after damage are missing; samples without text are gaps.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(super) fn read(mut self, input: &mut Input, metadata: &mut FileMetadata) -> Result<()> {
        let mut bytes = Vec::new();
        let samples: Vec<_> = self.samples.by_ref().take(MAX_CHAPTERS).collect();
        for sample in samples {
            // The length of the text, the text, and boxes with its style.
            let len = usize::try_from(sample.size).unwrap_or(usize::MAX).min(2 + MAX_TITLE_BYTES);
            input.go_to(sample.offset)?;
            bytes.clear();
            if input.read_vec(&mut bytes, len)? < len {
                break;
            }
            let title = title_of(&bytes).filter(|title| !title.is_empty());
            let start = i128::from(sample.decode_time) + i128::from(self.shift);
            let end_ns = self.ns(start + i128::from(sample.duration));
            if let Some(title) = title.filter(|_| end_ns > 0) {
                metadata.add_chapter(Chapter {
                    start_ns: self.ns(start),
                    end_ns: Some(end_ns),
                    title,
                });
            }
        }
        Ok(())
    }

    /// A time in ticks as nanoseconds; 0 if it is negative.
    fn ns(&self, ticks: i128) -> u64 {
        let ticks = u128::try_from(ticks).unwrap_or(0);
        u64::try_from(ticks * NS_PER_SECOND / u128::from(self.timescale)).unwrap_or(u64::MAX)
    }
}

/// The text of a sample: its length, then UTF-8, or UTF-16 after a byte order mark.
fn title_of(sample: &[u8]) -> Option<String> {
    let (len, text) = sample.split_first_chunk()?;
    let text = text.get(..usize::from(u16::from_be_bytes(*len))).unwrap_or(text);
    let wide = |text: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = text.as_chunks().0.iter().map(|unit| read(*unit)).collect();
        String::from_utf16_lossy(&units)
    };
    Some(match text {
        [0xFE, 0xFF, text @ ..] => wide(text, u16::from_be_bytes),
        [0xFF, 0xFE, text @ ..] => wide(text, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, text @ ..] | text => String::from_utf8_lossy(text).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_utf_8_or_utf_16() {
        for (sample, title) in [
            (&b"\0\x03one\0\0\0\x0cencd\0\0\x01\0"[..], Some("one")),
            (b"\0\x05\xEF\xBB\xBFab", Some("ab")),
            (b"\0\x06\xFE\xFF\0a\0b", Some("ab")),
            (b"\0\x06\xFF\xFEa\0b\0", Some("ab")),
            (b"\0\0", Some("")),
            (b"\0\x09cut", Some("cut")),
            (b"\0", None),
        ] {
            assert_eq!(title_of(sample).as_deref(), title, "{sample:?}");
        }
    }
}
