//! Tags of WAVE files: the list `INFO`, and the chunks that hold tags of other kinds.

use crate::id3;
use crate::metadata::FileMetadata;

/// Maximum chunk of tags that is loaded into memory.
pub(super) const MAX_TAG_BYTES: u64 = 1 << 20;

/// Chunks of the list, and the common names of their tags.
const NAMES: [(&[u8; 4], &str); 14] = [
    (b"INAM", "title"),
    (b"IART", "artist"),
    (b"IPRD", "album"),
    (b"ICMT", "comment"),
    (b"ICOP", "copyright"),
    (b"ICRD", "date"),
    (b"IGNR", "genre"),
    (b"IPRT", "track"),
    (b"ITRK", "track"),
    (b"IKEY", "keywords"),
    (b"ILNG", "language"),
    (b"IMUS", "composer"),
    (b"ISBJ", "subject"),
    // The program that wrote the file.
    (b"ISFT", "encoder"),
];

/// Whether a chunk holds tags.
pub(super) fn is_tags(kind: [u8; 4]) -> bool {
    matches!(&kind, b"LIST" | b"id3 " | b"ID3 " | b"bext" | b"iXML" | b"cart")
}

/// Adds the tags of a chunk; only names those of chunks without texts for everyone.
pub(super) fn add_tags(kind: [u8; 4], chunk: &[u8], metadata: &mut FileMetadata) {
    match &kind {
        b"LIST" => {
            if let Some(list) = chunk.strip_prefix(b"INFO") {
                add_list(list, metadata);
            }
        }
        b"id3 " | b"ID3 " => id3::add_chunk(chunk, metadata),
        _ => metadata.miss_tag(&kind.escape_ascii().to_string()),
    }
}

fn add_list(mut list: &[u8], metadata: &mut FileMetadata) {
    while let Some((&[k0, k1, k2, k3, s0, s1, s2, s3], rest)) = list.split_first_chunk() {
        let kind = [k0, k1, k2, k3];
        let bytes = usize::try_from(u32::from_le_bytes([s0, s1, s2, s3])).unwrap_or(usize::MAX);
        let text = &rest[..bytes.min(rest.len())];
        let known = NAMES.iter().find(|(known, _)| **known == kind);
        let own = kind.escape_ascii().to_string();
        metadata.add_tag(known.map_or(&own, |(_, name)| *name), &text_of(text));
        list = rest.get(bytes.saturating_add(bytes & 1)..).unwrap_or_default();
    }
}

/// The text up to the first 0: UTF-8, otherwise Latin-1.
fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = &bytes[..end];
    let latin = || text.iter().map(|&byte| char::from(byte)).collect();
    std::str::from_utf8(text).map_or_else(|_| latin(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_list_are_read() {
        let mut list = b"INFO".to_vec();
        let chunks: [(&[u8], &[u8]); 4] =
            [(b"INAM", b"T\xC3\xA4\0"), (b"IART", b"\xE4"), (b"ISFT", b"Lavf"), (b"IZZZ", b"z\0")];
        for (kind, text) in chunks {
            list.extend_from_slice(kind);
            list.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
            list.extend_from_slice(text);
            list.resize(list.len() + text.len() % 2, 0);
        }
        let mut found = FileMetadata::default();
        add_tags(*b"LIST", &list, &mut found);
        let tags: Vec<_> = found.tags.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert_eq!(tags, [("title", "T\u{e4}"), ("artist", "\u{e4}"), ("IZZZ", "z")]);
        for cut in 0..list.len() {
            add_tags(*b"LIST", &list[..cut], &mut found);
        }
        add_tags(*b"bext", b"", &mut found);
        assert_eq!(found.missed_tags, ["bext"]);
        list[8..12].fill(0xFF);
        add_tags(*b"LIST", &list, &mut FileMetadata::default());
    }
}
