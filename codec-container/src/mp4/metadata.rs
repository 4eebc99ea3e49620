//! Tags, chapters and cover art: ISO/IEC 14496-12, section 8.11, with the item list of iTunes, and
//! Nero chapters.

use super::boxes::{BoxType, Boxes, Fields, child, descendant, put, put_full};
use crate::metadata::{Chapter, FileMetadata, MP4_CHAPTERS};

/// Nanoseconds of a tick of chapters.
const TICK_NS: u64 = 100;

/// Items with text, and the common names of their tags.
const ITEMS: [(&BoxType, &str); 11] = [
    (b"\xA9nam", "title"),
    (b"\xA9ART", "artist"),
    (b"aART", "album_artist"),
    (b"\xA9alb", "album"),
    (b"\xA9day", "date"),
    (b"\xA9cmt", "comment"),
    (b"\xA9gen", "genre"),
    (b"\xA9wrt", "composer"),
    (b"\xA9lyr", "lyrics"),
    (b"cprt", "copyright"),
    (b"desc", "description"),
];

/// The item for a tag. Matroska calls the date of a release `DATE_RELEASED`.
fn item_of(name: &str) -> Option<&'static BoxType> {
    let name = if name.eq_ignore_ascii_case("date_released") { "date" } else { name };
    ITEMS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(kind, _)| *kind)
}

/// The metadata in the payload of a `moov` box.
pub(super) fn parse(moov: &[u8]) -> FileMetadata {
    let mut metadata = FileMetadata::default();
    let Some(user) = child(moov, b"udta") else { return metadata };
    if let Some(chapters) = child(user, b"chpl") {
        add_chapters(chapters, &mut metadata);
    }
    // A full box in MP4, a plain one in QuickTime.
    let items = child(user, b"meta").and_then(|meta| {
        let full = meta.get(4..).and_then(|rest| child(rest, b"ilst"));
        full.or_else(|| child(meta, b"ilst"))
    });
    for (kind, item) in Boxes(items.unwrap_or_default()) {
        if kind == *b"covr" {
            metadata.has_attachments = true;
        }
        // Type and language, then the text.
        let text = descendant(item, &[b"data"]).filter(|data| data.starts_with(&[0, 0, 0, 1]));
        let known = ITEMS.iter().find(|(item, _)| **item == kind);
        if let (Some((_, name)), Some(text)) = (known, text.and_then(|data| data.get(8..))) {
            metadata.add_tag(name, &String::from_utf8_lossy(text));
        }
    }
    metadata
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
    put(out, b"udta", |out| {
        if !metadata.tags.is_empty() {
            put_full(out, b"meta", 0, 0, |out| put_items(out, &metadata.tags));
        }
        if !metadata.chapters.is_empty() {
            put_full(out, b"chpl", 1, 0, |out| put_chapters(out, &metadata.chapters));
        }
    });
}

fn put_items(out: &mut Vec<u8>, tags: &[(String, String)]) {
    put_full(out, b"hdlr", 0, 0, |out| {
        out.extend_from_slice(b"\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
    });
    put(out, b"ilst", |out| {
        for (name, value) in tags {
            let Some(kind) = item_of(name) else { continue };
            put(out, kind, |out| {
                put_full(out, b"data", 0, 1, |out| {
                    out.extend_from_slice(&[0; 4]);
                    out.extend_from_slice(value.as_bytes());
                });
            });
        }
    });
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
    use crate::metadata::MP4_TAGS;

    #[test]
    fn metadata_is_read_as_it_was_written() {
        let mut metadata = FileMetadata::default();
        metadata.add_tag("title", "a \u{e4}");
        metadata.add_tag("date", "2026");
        for (start_ns, title) in [(0, "one"), (2_500_000_000, "")] {
            metadata.add_chapter(Chapter { start_ns, end_ns: None, title: title.to_owned() });
        }
        let mut out = Vec::new();
        put_metadata(&mut out, &metadata);
        assert_eq!(parse(&out), metadata);
        for length in 0..out.len() {
            parse(&out[..length]);
        }
        assert!(MP4_TAGS.iter().all(|name| item_of(&name.to_uppercase()).is_some()));
        assert!(MP4_TAGS.len() == ITEMS.len() + 1 && item_of("mood").is_none());
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
