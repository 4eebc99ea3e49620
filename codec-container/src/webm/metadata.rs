//! Tags that describe the whole file, and chapters. RFC 9559, sections 5.1.7 and 5.1.8.

use super::ebml::{Elements, child, child_uint, put, put_master, put_uint, uint};
use super::ids;
use crate::calendar;
use crate::metadata::{CREATION_TIME, Chapter, FileMetadata};

const NS_PER_SECOND: i64 = 1_000_000_000;
/// Seconds from 1970 to 2001, where times of Matroska begin.
const EPOCH_S: i64 = 978_307_200;

/// Adds the tags in the payload of a `Tags` element. Tags that apply to tracks, chapters or attachments are recorded
/// only by name, for a warning.
pub(super) fn add_tags(payload: &[u8], metadata: &mut FileMetadata) {
    for (_, tag) in Elements(payload).filter(|(id, _)| *id == ids::TAG) {
        let targets = Elements(tag).filter(|(id, _)| *id == ids::TARGETS);
        let mut inside = targets.flat_map(|(_, targets)| Elements(targets));
        // 0 means the whole file.
        let is_uid = |id| ids::TARGET_UIDS.contains(&id);
        let is_of_part = inside.any(|(id, uid)| is_uid(id) && uint(uid) != Some(0));
        for (_, simple) in Elements(tag).filter(|(id, _)| *id == ids::SIMPLE_TAG) {
            let text = |id| child(simple, id).map(text_of);
            if let (Some(name), Some(value)) = (text(ids::TAG_NAME), text(ids::TAG_STRING)) {
                if is_of_part {
                    metadata.skip_tag(&name);
                } else {
                    metadata.add_tag(&name, &value);
                }
            }
        }
    }
}

/// Adds the chapters of the first edition in the payload of a `Chapters` element.
pub(super) fn add_chapters(payload: &[u8], metadata: &mut FileMetadata) {
    let edition = child(payload, ids::EDITION_ENTRY).unwrap_or_default();
    for (_, atom) in Elements(edition).filter(|(id, _)| *id == ids::CHAPTER_ATOM) {
        let Some(start_ns) = child_uint(atom, ids::CHAPTER_START) else { continue };
        let display = child(atom, ids::CHAPTER_DISPLAY).unwrap_or_default();
        metadata.add_chapter(Chapter {
            start_ns,
            end_ns: child_uint(atom, ids::CHAPTER_END),
            title: child(display, ids::CHAPTER_STRING).map(text_of).unwrap_or_default(),
        });
    }
}

/// Adds the time of creation in the payload of a `DateUTC` element: nanoseconds since 2001.
pub(super) fn add_date(payload: &[u8], metadata: &mut FileMetadata) {
    let Ok(bytes) = payload.try_into() else { return };
    let seconds = i64::from_be_bytes(bytes).div_euclid(NS_PER_SECOND) + EPOCH_S;
    if let Some(time) = calendar::text_of(seconds) {
        metadata.add_tag(CREATION_TIME, &time);
    }
}

/// The value of the `DateUTC` element, if the time of creation is known.
fn date_of(metadata: &FileMetadata) -> Option<i64> {
    let seconds = calendar::parse(metadata.tag(CREATION_TIME)?)?;
    seconds.checked_sub(EPOCH_S)?.checked_mul(NS_PER_SECOND)
}

/// Appends the title and the time of creation to the general information.
pub(super) fn put_info(out: &mut Vec<u8>, metadata: &FileMetadata) {
    if let Some(title) = metadata.title() {
        put(out, ids::TITLE, title.as_bytes());
    }
    if let Some(date) = date_of(metadata) {
        put(out, ids::DATE_UTC, &date.to_be_bytes());
    }
}

fn text_of(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    text.trim_end_matches('\0').to_owned()
}

/// Appends chapters and tags, if there are any.
pub(super) fn put_metadata(out: &mut Vec<u8>, metadata: &FileMetadata) {
    if !metadata.chapters.is_empty() {
        put_master(out, ids::CHAPTERS, |out| {
            put_master(out, ids::EDITION_ENTRY, |out| {
                for (number, chapter) in (1..).zip(&metadata.chapters) {
                    put_master(out, ids::CHAPTER_ATOM, |out| put_chapter(out, number, chapter));
                }
            });
        });
    }
    // The time of creation is in the general information.
    let is_in_info =
        |name: &str| name.eq_ignore_ascii_case(CREATION_TIME) && date_of(metadata).is_some();
    let tags: Vec<_> = metadata.tags.iter().filter(|(name, _)| !is_in_info(name)).collect();
    if !tags.is_empty() {
        put_master(out, ids::TAGS, |out| {
            put_master(out, ids::TAG, |out| {
                put_master(out, ids::TARGETS, |_| {});
                for (name, value) in tags {
                    put_master(out, ids::SIMPLE_TAG, |out| {
                        put(out, ids::TAG_NAME, name.to_uppercase().as_bytes());
                        put(out, ids::TAG_STRING, value.as_bytes());
                    });
                }
            });
        });
    }
}

fn put_chapter(out: &mut Vec<u8>, number: u64, chapter: &Chapter) {
    put_uint(out, ids::CHAPTER_UID, number);
    put_uint(out, ids::CHAPTER_START, chapter.start_ns);
    if let Some(end_ns) = chapter.end_ns {
        put_uint(out, ids::CHAPTER_END, end_ns);
    }
    put_master(out, ids::CHAPTER_DISPLAY, |out| {
        put(out, ids::CHAPTER_STRING, chapter.title.as_bytes());
        put(out, ids::CHAPTER_LANGUAGE, b"und");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_creation_survive() {
        for time in ["2024-05-06T07:08:09Z", "1999-12-31T23:59:59Z"] {
            let mut metadata = FileMetadata::default();
            metadata.add_tag(CREATION_TIME, time);
            let mut out = Vec::new();
            put_info(&mut out, &metadata);
            let mut found = FileMetadata::default();
            add_date(child(&out, ids::DATE_UTC).unwrap(), &mut found);
            assert_eq!(found, metadata);
            out.clear();
            put_metadata(&mut out, &metadata);
            assert!(out.is_empty());
        }
        let mut metadata = FileMetadata::default();
        add_date(&[1; 4], &mut metadata);
        assert!(metadata.is_empty());
        for extreme in [i64::MIN, i64::MAX] {
            add_date(&extreme.to_be_bytes(), &mut metadata);
        }
        // A text that is no time stays a tag.
        metadata.tags = vec![(CREATION_TIME.to_owned(), "yesterday".to_owned())];
        let mut out = Vec::new();
        put_metadata(&mut out, &metadata);
        assert!(!out.is_empty());
    }
}
