//! Tags, chapters and cover art: ISO/IEC 14496-12, section 8.11, with the lists of iTunes and QuickTime, and
//! Nero chapters. The time of creation is in the movie header, section 8.2.2.

use super::boxes::{Fields, child, put, put_full};
use super::items::{self, add_items, add_user_data, put_items, put_user_data};
use super::keys::{self, add_keys, meta_of, put_keys};
use crate::calendar;
use crate::metadata::{CREATION_TIME, Chapter, FileMetadata, MP4_CHAPTERS};

/// Nanoseconds of a tick of chapters.
const TICK_NS: u64 = 100;
/// Seconds from 1904, where times of MP4 begin, to 1970.
const EPOCH_S: i64 = 2_082_844_800;

/// Whether MP4 can hold the tag.
pub(crate) fn holds_tag(name: &str, value: &str) -> bool {
    let is_time = name.eq_ignore_ascii_case(CREATION_TIME);
    is_time && creation_of(value).is_some() || items::holds(name, value) || keys::holds(name)
}

/// A time as seconds since 1904; 0 means an unknown time.
fn creation_of(value: &str) -> Option<u64> {
    let seconds = calendar::parse(value)?.checked_add(EPOCH_S)?;
    u64::try_from(seconds).ok().filter(|&seconds| seconds > 0)
}

/// The time of creation for the movie header; 0 if it is unknown.
pub(super) fn creation(metadata: &FileMetadata) -> u64 {
    metadata.tag(CREATION_TIME).and_then(creation_of).unwrap_or(0)
}

/// The metadata in the payload of a `moov` box.
pub(super) fn parse(moov: &[u8]) -> FileMetadata {
    let mut metadata = FileMetadata::default();
    if let Some(time) = child(moov, b"mvhd").and_then(parse_creation) {
        metadata.add_tag(CREATION_TIME, &time);
    }
    let user = child(moov, b"udta").unwrap_or_default();
    for meta in [meta_of(user), meta_of(moov)].into_iter().flatten() {
        match child(meta, b"keys") {
            Some(_) => add_keys(meta, &mut metadata),
            None => add_items(child(meta, b"ilst").unwrap_or_default(), &mut metadata),
        }
    }
    add_user_data(user, &mut metadata);
    if let Some(chapters) = child(user, b"chpl") {
        add_chapters(chapters, &mut metadata);
    }
    metadata
}

/// The time of creation in a movie header, if it is known.
fn parse_creation(header: &[u8]) -> Option<String> {
    let mut fields = Fields(header);
    let (version, _) = fields.version_and_flags()?;
    let seconds = i64::try_from(fields.wide(version)?).ok().filter(|&seconds| seconds > 0)?;
    // Some programs count from 1970.
    calendar::text_of(if seconds >= EPOCH_S { seconds - EPOCH_S } else { seconds })
}

/// Adds the chapters of a `chpl` box: a count, then start, length of the title and title of each.
fn add_chapters(payload: &[u8], metadata: &mut FileMetadata) {
    let mut fields = Fields(payload);
    let Some((version, _)) = fields.version_and_flags() else { return };
    if version > 0 && fields.skip(4).is_none() {
        return;
    }
    let count = fields.u8().unwrap_or(0);
    for _ in 0..count {
        let (Some(start), Some(length)) = (fields.u64(), fields.u8()) else { return };
        let Some((title, rest)) = fields.0.split_at_checked(length.into()) else { return };
        fields.0 = rest;
        metadata.add_chapter(Chapter {
            start_ns: start.saturating_mul(TICK_NS),
            end_ns: None,
            title: String::from_utf8_lossy(title).into_owned(),
        });
    }
}

/// Appends the user data, if there is any. A file has at most [`MP4_CHAPTERS`] chapters.
pub(super) fn put_metadata(out: &mut Vec<u8>, metadata: &FileMetadata) {
    if metadata.is_empty() {
        return;
    }
    put_keys(out, &metadata.tags);
    let mut user = Vec::new();
    put_user_data(&mut user, &metadata.tags);
    put_items(&mut user, &metadata.tags);
    if !metadata.chapters.is_empty() {
        put_full(&mut user, b"chpl", 1, 0, |out| put_chapters(out, &metadata.chapters));
    }
    if !user.is_empty() {
        put(out, b"udta", |out| out.extend_from_slice(&user));
    }
}

fn put_chapters(out: &mut Vec<u8>, chapters: &[Chapter]) {
    let chapters = &chapters[..chapters.len().min(MP4_CHAPTERS)];
    out.extend_from_slice(&[0; 4]);
    out.push(u8::try_from(chapters.len()).unwrap_or(u8::MAX));
    for chapter in chapters {
        out.extend_from_slice(&(chapter.start_ns / TICK_NS).to_be_bytes());
        let title = cut(&chapter.title, u8::MAX.into());
        out.push(u8::try_from(title.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(title.as_bytes());
    }
}

/// The first characters of a text, at most `bytes` bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_as_it_was_written() {
        let mut metadata = FileMetadata::default();
        metadata.add_tag("title", "a \u{e4}");
        metadata.add_tag("date", "2026");
        metadata.add_tag("location", "+48.1+011.5/");
        metadata.add_tag("com.apple.quicktime.make", "Apple");
        let by_name = |mut found: FileMetadata| {
            found.tags.sort();
            found
        };
        for (start_ns, title) in [(0, "one"), (2_500_000_000, "")] {
            metadata.add_chapter(Chapter { start_ns, end_ns: None, title: title.to_owned() });
        }
        let mut out = Vec::new();
        put_metadata(&mut out, &metadata);
        assert_eq!(by_name(parse(&out)), by_name(metadata));
        for length in 0..out.len() {
            parse(&out[..length]);
        }
    }

    #[test]
    fn times_of_creation_are_in_the_movie_header() {
        let time = "2024-05-06T07:08:09Z";
        let mut metadata = FileMetadata::default();
        metadata.add_tag("CREATION_TIME", time);
        let seconds = creation(&metadata);
        assert_eq!(seconds, 3_797_824_089);
        for version in [0_u8, 1] {
            let skip = if version == 0 { 4 } else { 0 };
            let header = [&[version, 0, 0, 0], &seconds.to_be_bytes()[skip..]].concat();
            assert_eq!(parse_creation(&header).as_deref(), Some(time));
        }
        assert_eq!(parse_creation(&[0; 8]), None);
        assert!(holds_tag("creation_time", time) && !holds_tag("creation_time", "yesterday"));
    }

    #[test]
    fn long_titles_are_cut_between_characters() {
        assert_eq!(cut(&"\u{e4}".repeat(200), 255).len(), 254);
        let title = "a".repeat(300);
        let chapter = Chapter { start_ns: 7, end_ns: None, title };
        let metadata = FileMetadata { chapters: vec![chapter; 300], ..FileMetadata::default() };
        let mut out = Vec::new();
        put_metadata(&mut out, &metadata);
        let found = parse(&out).chapters;
        assert_eq!((found.len(), found[0].title.len()), (255, 255));
    }
}
