//! Tags that describe the whole file, and chapters. RFC 9559, sections 5.1.7 and 5.1.8.

use super::ebml::{Elements, child, child_uint, put, put_master, put_uint, uint};
use super::ids;
use crate::metadata::{Chapter, FileMetadata};

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
    if !metadata.tags.is_empty() {
        put_master(out, ids::TAGS, |out| {
            put_master(out, ids::TAG, |out| {
                put_master(out, ids::TARGETS, |_| {});
                for (name, value) in &metadata.tags {
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
