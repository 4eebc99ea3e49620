//! Tags, chapters and cover art: ISO/IEC 14496-12, section 8.11, with the item list of iTunes, and
//! Nero chapters.

use super::boxes::{BoxType, Boxes, child, descendant};
use crate::metadata::Metadata;

/// The metadata in the payload of a `moov` box.
pub(super) fn parse(moov: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    let Some(user) = child(moov, b"udta") else { return metadata };
    metadata.has_chapters = child(user, b"chpl").is_some();
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
        if let (Some(name), Some(text)) = (name(kind), text.and_then(|data| data.get(8..))) {
            metadata.add_tag(name, &String::from_utf8_lossy(text));
        }
    }
    metadata
}

/// The common name of an item.
fn name(kind: BoxType) -> Option<&'static str> {
    Some(match &kind {
        b"\xA9nam" => "title",
        b"\xA9ART" => "artist",
        b"aART" => "album_artist",
        b"\xA9alb" => "album",
        b"\xA9day" => "date",
        b"\xA9cmt" => "comment",
        b"\xA9gen" => "genre",
        b"\xA9wrt" => "composer",
        b"\xA9lyr" => "lyrics",
        b"cprt" => "copyright",
        b"desc" => "description",
        _ => return None,
    })
}
