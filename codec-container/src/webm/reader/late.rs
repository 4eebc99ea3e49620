//! Metadata after the clusters, which `SeekHead` elements locate. RFC 9559, section 5.1.1.

use super::super::ebml::{Elements, Head, child_uint, corrupt};
use super::super::ids;
use super::super::metadata::{add_chapters, add_tags};
use super::element::{MAX_HEADER_BYTES, read_header};
use super::seek;
use crate::io::ByteReader;
use crate::metadata::FileMetadata;
use crate::{Error, Result, Warning};

/// Maximum number of entries that are kept. Files usually have one for each kind.
const MAX_ENTRIES: usize = 64;
/// The elements that are read.
const KINDS: [u32; 4] = [ids::SEEK_HEAD, ids::TAGS, ids::CHAPTERS, ids::ATTACHMENTS];

/// The positions of metadata in a file.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Element and position in the file.
    entries: Vec<(u32, u64)>,
    /// Whether there were more than [`MAX_ENTRIES`].
    is_full: bool,
}

/// The part of the file that has late elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    /// Start of the segment's content, to which positions refer.
    pub(super) segment_start: u64,
    /// End of the segment, if known.
    pub(super) segment_end: Option<u64>,
    /// Start of the first cluster. The elements before it have been read.
    pub(super) first_cluster: u64,
}

impl Listed {
    /// Adds the entries for metadata in the payload of a `SeekHead` element.
    pub(super) fn add(&mut self, payload: &[u8], segment_start: u64) {
        for (_, seek) in Elements(payload).filter(|(id, _)| *id == ids::SEEK) {
            let id = child_uint(seek, ids::SEEK_ID).and_then(|id| u32::try_from(id).ok());
            let position = child_uint(seek, ids::SEEK_POSITION);
            let (Some(id), Some(position)) = (id, position) else { continue };
            let entry = (id, position.saturating_add(segment_start));
            if KINDS.contains(&id) && !self.entries.contains(&entry) {
                self.is_full |= self.entries.len() >= MAX_ENTRIES;
                if !self.is_full {
                    self.entries.push(entry);
                }
            }
        }
    }

    /// Reads the elements after the first cluster, if the input can seek, and returns to the same position. The
    /// warnings name the elements that are not read.
    ///
    /// # Errors
    /// [`Error::Io`]. Damaged elements are skipped.
    pub(super) fn read(
        mut self,
        input: &mut ByteReader,
        area: Area,
        metadata: &mut FileMetadata,
        index_of_keys: &mut seek::Index,
    ) -> Result<Vec<Warning>> {
        self.entries.retain(|&(_, at)| at > area.first_cluster);
        if self.entries.is_empty() {
            return Ok(Vec::new());
        }
        let Some(length) = input.len()? else { return Ok(self.unreachable()) };
        let end = area.segment_end.map_or(length, |end| end.min(length));
        let position = input.position();
        let mut bytes_left = MAX_HEADER_BYTES;
        let mut skipped: Vec<(u32, String)> = Vec::new();
        let mut next = 0;
        while let Some(&(id, at)) = self.entries.get(next) {
            next += 1;
            match read_element(input, id, at..end, bytes_left) {
                Ok(payload) => {
                    bytes_left = bytes_left.saturating_sub(payload.len() as u64);
                    match id {
                        ids::TAGS => add_tags(&payload, metadata),
                        ids::CHAPTERS if metadata.chapters.is_empty() => {
                            add_chapters(&payload, metadata);
                        }
                        ids::ATTACHMENTS => metadata.has_attachments = true,
                        ids::SEEK_HEAD => {
                            index_of_keys.add_seek_head(&payload, area.segment_start);
                            self.add(&payload, area.segment_start);
                            // Each entry is new, so a `SeekHead` that lists itself is read once.
                            self.entries.retain(|&(_, at)| at > area.first_cluster);
                        }
                        _ => {}
                    }
                }
                Err(Error::Io(error)) => return Err(Error::Io(error)),
                Err(error) if skipped.iter().all(|&(known, _)| known != id) => {
                    skipped.push((id, format!("{} after the frames: {error}", kind_of(id))));
                }
                Err(_) => {}
            }
        }
        input.go_to(position)?;
        let more = self.is_full.then(|| "further entries of the index".to_owned());
        let skipped = skipped.into_iter().map(|(_, text)| text).chain(more);
        Ok(skipped.map(Warning::MetadataSkipped).collect())
    }

    /// The warning about an input that cannot seek.
    fn unreachable(&self) -> Vec<Warning> {
        let listed = |kind: &&u32| self.entries.iter().any(|(id, _)| id == *kind);
        let kinds = KINDS.iter().filter(|&&kind| kind != ids::SEEK_HEAD).filter(listed);
        let kinds: Vec<_> = kinds.map(|&id| kind_of(id)).collect();
        if kinds.is_empty() {
            return Vec::new();
        }
        let text = format!("{} after the frames: the input cannot seek", kinds.join(" and "));
        vec![Warning::MetadataSkipped(text)]
    }
}

/// The plural of the contents of an element, for messages.
fn kind_of(id: u32) -> &'static str {
    match id {
        ids::TAGS => "tags",
        ids::CHAPTERS => "chapters",
        ids::ATTACHMENTS => "attachments",
        _ => "an index",
    }
}

/// The payload of the element `id` at the start of `range`, in which it has to end; empty for attachments.
fn read_element(
    input: &mut ByteReader,
    id: u32,
    range: std::ops::Range<u64>,
    bytes_left: u64,
) -> Result<Vec<u8>> {
    let at = range.start;
    let expected = || format!("{} before byte {}", ids::name(id), range.end);
    if at >= range.end {
        return Err(corrupt(at, None, expected(), "a later position"));
    }
    input.go_to(at)?;
    let head = Head::read(input, None)?;
    let Some(head) = head.filter(|head| head.id == id) else {
        return Err(corrupt(at, None, ids::name(id), "another element"));
    };
    let size = head.size.unwrap_or(u64::MAX);
    if input.position().checked_add(size).is_none_or(|end| end > range.end) {
        return Err(corrupt(at, None, expected(), "a longer element"));
    }
    match id {
        ids::ATTACHMENTS => Ok(Vec::new()),
        _ if size > bytes_left => {
            Err(Error::limit(crate::Format::WebM, at, "header bytes", size, bytes_left))
        }
        _ => read_header(input, head),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use codec_core::codec::Codec;
    use codec_core::frame::{Rational, Size};

    use super::super::super::ebml::{put, put_head, put_master, put_uint};
    use super::super::super::layout;
    use super::super::super::metadata::put_metadata;
    use super::*;
    use crate::metadata::Chapter;
    use crate::webm::WebmReader;
    use crate::{CodedPacket, Format, PacketReader, ReadOptions, Source, Track, VideoTrack};

    const SEEK_BYTES: usize = 21;

    /// Chapters, then tags.
    fn metadata_bytes() -> Vec<u8> {
        let mut metadata = FileMetadata::default();
        metadata.add_tag("title", "a talk");
        metadata.add_chapter(Chapter { start_ns: 0, end_ns: None, title: "one".to_owned() });
        let mut out = Vec::new();
        put_metadata(&mut out, &metadata);
        out
    }

    fn seek_head(entries: &[(u32, u64)]) -> Vec<u8> {
        let mut out = Vec::new();
        put_master(&mut out, ids::SEEK_HEAD, |out| {
            for &(id, position) in entries {
                put_master(out, ids::SEEK, |out| {
                    put(out, ids::SEEK_ID, &id.to_be_bytes());
                    put(out, ids::SEEK_POSITION, &position.to_be_bytes());
                });
            }
        });
        out
    }

    /// A file with one frame and `late` after its cluster. `entries` makes the index from the position of `late`.
    fn file(late: &[u8], count: usize, entries: impl Fn(u64) -> Vec<(u32, u64)>) -> Vec<u8> {
        let mut middle = Vec::new();
        layout::info(&mut middle, 1_000_000, &FileMetadata::NONE);
        let track = VideoTrack::new(
            Format::Matroska,
            Codec::Vp8,
            Size::new(16, 16),
            Rational::new(1, 1000),
        );
        layout::tracks(&mut middle, &[Track::Video(track)], &[None]).unwrap();
        put_master(&mut middle, ids::CLUSTER, |out| {
            put_uint(out, ids::TIMESTAMP, 0);
            put(out, ids::SIMPLE_BLOCK, &[0x81, 0, 0, 0x80, 7, 7, 7]);
        });
        let head_bytes = seek_head(&vec![(ids::TAGS, 0); count]).len();
        let index = seek_head(&entries((head_bytes + middle.len()) as u64));
        assert_eq!(index.len(), head_bytes);
        let mut out = Vec::new();
        layout::ebml_head(&mut out, false);
        put_head(&mut out, ids::SEGMENT, head_bytes + middle.len() + late.len());
        for part in [&index, &middle, late] {
            out.extend_from_slice(part);
        }
        out
    }

    fn opened(source: Source) -> (FileMetadata, Vec<String>) {
        let mut reader = WebmReader::new(source, &ReadOptions::default()).unwrap();
        let metadata = reader.metadata().clone();
        let warnings = reader.tracks()[0].warnings().iter().map(ToString::to_string).collect();
        let mut packet = CodedPacket::default();
        assert!(reader.read(&mut packet).unwrap() && packet.data == [7, 7, 7]);
        assert!(!reader.read(&mut packet).unwrap());
        (metadata, warnings)
    }

    fn read(file: &[u8]) -> (FileMetadata, Vec<String>) {
        opened(Source::seekable(Cursor::new(file.to_vec())))
    }

    fn tags_at(late: &[u8]) -> u64 {
        let at = late.windows(4).position(|bytes| bytes == ids::TAGS.to_be_bytes());
        at.unwrap() as u64
    }

    #[test]
    fn metadata_after_the_frames_is_read_if_the_input_can_seek() {
        let mut late = metadata_bytes();
        let attachments_at = late.len() as u64;
        put(&mut late, ids::ATTACHMENTS, &[0; 9]);
        let tags_at = tags_at(&late);
        let all = |at| {
            let kinds = [ids::CHAPTERS, ids::TAGS, ids::ATTACHMENTS, ids::TAGS];
            kinds.into_iter().zip([at, at + tags_at, at + attachments_at, at + tags_at]).collect()
        };
        let whole = file(&late, 4, all);
        let (metadata, warnings) = read(&whole);
        assert_eq!(metadata.tags, [("TITLE".to_owned(), "a talk".to_owned())]);
        assert_eq!(metadata.chapters.len(), 1);
        assert_eq!(warnings, ["skipped attachments"]);
        let (metadata, warnings) = opened(Source::stream(Cursor::new(whole)));
        assert!(metadata.is_empty());
        let all =
            "skipped tags and chapters and attachments after the frames: the input cannot seek";
        assert_eq!(warnings, [all]);
    }

    #[test]
    fn indexes_that_list_themselves_and_each_other_are_read_once() {
        let late = metadata_bytes();
        let tags_at = tags_at(&late);
        let second_bytes = seek_head(&[(ids::TAGS, 0); 3]).len() as u64;
        let list = |at: u64| vec![(ids::SEEK_HEAD, at), (ids::SEEK_HEAD, 0)];
        let found = std::cell::Cell::new(0);
        file(&late, 2, |at| {
            found.set(at);
            list(at)
        });
        let position = found.get();
        let tags = position + second_bytes + tags_at;
        let mut both =
            seek_head(&[(ids::SEEK_HEAD, position), (ids::TAGS, tags), (ids::SEEK_HEAD, 0)]);
        both.extend_from_slice(&late);
        let (metadata, warnings) = read(&file(&both, 2, list));
        assert_eq!(metadata.tags.len(), 1);
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn damaged_positions_are_named_and_frames_are_still_read() {
        let late = metadata_bytes();
        let skipped = |text: &str, entries: &dyn Fn(u64) -> Vec<(u32, u64)>, count| {
            let (metadata, warnings) = read(&file(&late, count, entries));
            assert!(metadata.tags.is_empty(), "{text}");
            assert_eq!(warnings.len(), 1, "{warnings:?}");
            assert!(warnings[0].starts_with("skipped tags after the frames: "), "{warnings:?}");
            assert!(warnings[0].contains(text), "{warnings:?}");
        };
        skipped("another element", &|at| vec![(ids::TAGS, at)], 1);
        skipped("expected", &|at| vec![(ids::TAGS, at - 5), (ids::TAGS, at - 4)], 2);
        skipped("later position", &|at| vec![(ids::TAGS, at + 100_000)], 1);
        skipped("later position", &|_| vec![(ids::TAGS, u64::MAX)], 1);
        skipped("later position", &|_| vec![(ids::TAGS, u64::MAX >> 1)], 1);
        let (_, warnings) = read(&file(&late, 1, |at| vec![(ids::ATTACHMENTS, at)]));
        assert!(warnings[0].contains("attachments after the frames"), "{warnings:?}");
        // Every truncation and every changed byte of the index.
        let whole = file(&late, 1, |at| vec![(ids::TAGS, at + tags_at(&late))]);
        let seek_at = whole.windows(4).position(|at| at == ids::SEEK_HEAD.to_be_bytes()).unwrap();
        for at in seek_at..seek_at + SEEK_BYTES + 5 {
            for flip in [1, 0x80, 0xFF] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                let source = Source::seekable(Cursor::new(changed));
                let _ = WebmReader::new(source, &ReadOptions::default());
            }
        }
        let cut = whole.len() - late.len();
        for length in cut..whole.len() {
            let (metadata, warnings) = {
                let source = Source::seekable(Cursor::new(whole[..length].to_vec()));
                let reader = WebmReader::new(source, &ReadOptions::default()).unwrap();
                (reader.metadata().clone(), reader.tracks()[0].warnings().len())
            };
            assert!(metadata.tags.is_empty() && warnings == 1, "{length}");
        }
    }

    #[test]
    fn the_size_and_the_number_of_late_elements_are_limited() {
        let mut late = Vec::new();
        put(&mut late, ids::TAGS, &vec![0; 3 << 20]);
        let second = late.len() as u64;
        put(&mut late, ids::TAGS, &vec![0; 3 << 20]);
        let (_, warnings) =
            read(&file(&late, 2, |at| vec![(ids::TAGS, at), (ids::TAGS, at + second)]));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("1048576"), "{warnings:?}");
        let many = |at: u64| (0..100).map(|n| (ids::TAGS, at + 5 + n)).collect();
        let (_, warnings) = read(&file(&late, 100, many));
        assert_eq!(warnings.len(), 2);
        assert_eq!(warnings[1], "skipped further entries of the index");
    }
}
