//! Metadata with keys in reverse domain notation, such as `com.apple.quicktime.make`: the `mdta` list of QuickTime.

use super::boxes::{Boxes, Fields, child, put, put_full};
use super::items::{TEXT, put_data, value_of};
use crate::metadata::FileMetadata;

/// The key of the place.
const LOCATION: &str = "com.apple.quicktime.location.ISO6709";
/// Maximum number of keys that are read.
const MAX_KEYS: usize = 1024;

/// Whether the list can hold the tag.
pub(super) fn holds(name: &str) -> bool {
    name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("com.")) && name.len() > 4
}

/// Adds the values of the list in a `meta` box without version, if it has keys.
pub(super) fn add_keys(meta: &[u8], metadata: &mut FileMetadata) {
    let (Some(keys), Some(list)) = (child(meta, b"keys"), child(meta, b"ilst")) else { return };
    let Some(entries) = keys.get(8..) else { return };
    let names: Vec<&[u8]> = Boxes(entries).map(|(_, name)| name).take(MAX_KEYS).collect();
    for (number, item) in Boxes(list) {
        let index = usize::try_from(u32::from_be_bytes(number)).unwrap_or(0);
        let Some(name) = index.checked_sub(1).and_then(|index| names.get(index)) else { continue };
        let name = String::from_utf8_lossy(name);
        let is_location = name.eq_ignore_ascii_case(LOCATION);
        let name = if is_location { "location" } else { &name };
        match child(item, b"data").and_then(value_of) {
            Some(value) => metadata.add_tag(name, &value),
            None => metadata.miss_tag(name),
        }
    }
}

/// The payload of a `meta` box without its version: it is a full box in MP4, a plain one in QuickTime.
pub(super) fn meta_of(parent: &[u8]) -> Option<&[u8]> {
    let meta = child(parent, b"meta")?;
    let is_plain = Fields(meta).u64().is_some_and(|start| start.to_be_bytes()[4..] == *b"hdlr");
    if is_plain { Some(meta) } else { meta.get(4..) }
}

/// Appends the list with the tags that it holds, if there are any.
pub(super) fn put_keys(out: &mut Vec<u8>, tags: &[(String, String)]) {
    let tags: Vec<_> = tags.iter().filter(|(name, _)| holds(name)).collect();
    if tags.is_empty() {
        return;
    }
    put_full(out, b"meta", 0, 0, |out| {
        put_full(out, b"hdlr", 0, 0, |out| {
            out.extend_from_slice(b"\0\0\0\0mdta\0\0\0\0\0\0\0\0\0\0\0\0\0");
        });
        put_full(out, b"keys", 0, 0, |out| {
            let count = u32::try_from(tags.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&count.to_be_bytes());
            for (name, _) in &tags {
                // Matroska has names in capital letters.
                put(out, b"mdta", |out| out.extend_from_slice(name.to_lowercase().as_bytes()));
            }
        });
        put(out, b"ilst", |out| {
            for (number, (_, value)) in (1_u32..).zip(&tags) {
                put(out, &number.to_be_bytes(), |out| put_data(out, TEXT, value.as_bytes()));
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        let tags =
            [("com.apple.quicktime.make", "Apple"), ("COM.ANDROID.VERSION", "14"), ("a", "b")];
        let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut out = Vec::new();
        put_keys(&mut out, &tags);
        let mut found = FileMetadata::default();
        add_keys(meta_of(&out).unwrap(), &mut found);
        let names: Vec<_> = found.tags.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["com.apple.quicktime.make", "com.android.version"]);
        for cut in 0..out.len() {
            if let Some(meta) = meta_of(&out[..cut]) {
                add_keys(meta, &mut FileMetadata::default());
            }
        }
    }
}
