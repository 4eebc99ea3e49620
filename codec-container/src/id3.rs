//! `ID3v2` tags of the versions 2.2, 2.3 and 2.4: texts. Pictures and objects are attachments, which are not delivered.

use std::borrow::Cow;

use crate::metadata::FileMetadata;

/// Bytes of the header.
pub(crate) const HEAD_BYTES: usize = 10;
/// Bytes of a tag that readers load into memory; frames after them are skipped.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Maximum number of frames that are read.
const MAX_FRAMES: usize = 4096;

/// Frames with text, in the versions 2.3 and 2.4 and in 2.2, and the common names of their tags.
const TEXTS: [(&str, &str, &str); 16] = [
    ("TIT2", "TT2", "title"),
    ("TPE1", "TP1", "artist"),
    ("TPE2", "TP2", "album_artist"),
    ("TPE3", "TP3", "performer"),
    ("TALB", "TAL", "album"),
    ("TCON", "TCO", "genre"),
    ("TCOM", "TCM", "composer"),
    ("TRCK", "TRK", "track"),
    ("TPOS", "TPA", "disc"),
    ("TDRC", "TYE", "date"),
    ("TYER", "TRD", "date"),
    ("TCOP", "TCR", "copyright"),
    ("TPUB", "TPB", "publisher"),
    ("TLAN", "TLA", "language"),
    ("TSRC", "TRC", "isrc"),
    ("TIT1", "TT1", "grouping"),
];

/// Frames about programs, files and times, which do not describe the audio.
const TECHNICAL: [&str; 13] = [
    "TSSE", "TSS", "TENC", "TEN", "TLEN", "TLE", "TSIZ", "TSI", "TFLT", "TDLY", "TDTG", "TDAT",
    "TIME",
];

/// The size of a tag without its header, if `head` begins one.
pub(crate) fn size_of(head: &[u8; HEAD_BYTES]) -> Option<u64> {
    let [b'I', b'D', b'3', _, _, flags, size @ ..] = *head else { return None };
    let footer = if flags & 0x10 == 0 { 0 } else { HEAD_BYTES as u64 };
    Some(u64::from(syncsafe(size)) + footer)
}

/// Adds the frames in `body`, the first bytes of a tag after its header.
pub(crate) fn add_tags(head: &[u8; HEAD_BYTES], body: &[u8], metadata: &mut FileMetadata) {
    let [_, _, _, version, _, flags, ..] = *head;
    let is_unsynchronised = flags & 0x80 != 0;
    let body = match version {
        // Compressed tags of version 2.2 were never defined.
        2 if flags & 0x40 != 0 => return metadata.miss_tag("ID3v2.2"),
        2 | 3 if is_unsynchronised => Cow::Owned(synchronised(body)),
        2..=4 => Cow::Borrowed(body),
        _ => return metadata.miss_tag(&format!("ID3v2.{version}")),
    };
    let mut rest = &body[..];
    if version > 2 && flags & 0x40 != 0 {
        let Some(&size) = rest.first_chunk::<4>() else { return };
        let bytes =
            if version == 4 { syncsafe(size) } else { u32::from_be_bytes(size).saturating_add(4) };
        rest = usize::try_from(bytes).ok().and_then(|bytes| rest.get(bytes..)).unwrap_or_default();
    }
    for _ in 0..MAX_FRAMES {
        let Some((frame, after)) = Frame::parse(rest, version) else { return };
        let whole = frame.contents(after, is_unsynchronised && version == 4);
        frame.add(whole.as_deref(), metadata);
        let Some(next) = after.get(frame.bytes..) else { return };
        rest = next;
    }
}

/// Adds a tag in a chunk of its own.
pub(crate) fn add_chunk(chunk: &[u8], metadata: &mut FileMetadata) {
    if let Some((head, body)) = chunk.split_first_chunk::<HEAD_BYTES>()
        && let Some(size) = size_of(head)
    {
        let end = usize::try_from(size).unwrap_or(usize::MAX).min(body.len());
        add_tags(head, &body[..end], metadata);
    }
}

struct Frame<'a> {
    name: &'a str,
    bytes: usize,
    version: u8,
    flags: u8,
}

impl<'a> Frame<'a> {
    /// The header of a frame, and the bytes after it; `None` at the padding and at damage.
    fn parse(data: &'a [u8], version: u8) -> Option<(Self, &'a [u8])> {
        let (name, size, flags, after) = if version == 2 {
            let &[_, _, _, a, b, c, ref after @ ..] = data else { return None };
            (&data[..3], u32::from_be_bytes([0, a, b, c]), 0, after)
        } else {
            let &[_, _, _, _, a, b, c, d, _, flags, ref after @ ..] = data else { return None };
            let plain = u32::from_be_bytes([a, b, c, d]);
            // Some programs write plain sizes in version 2.4.
            let is_plain = version == 3 || plain & 0x8080_8080 != 0;
            (&data[..4], if is_plain { plain } else { syncsafe([a, b, c, d]) }, flags, after)
        };
        let is_name = name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let name = std::str::from_utf8(name).ok().filter(|_| is_name)?;
        Some((Self { name, bytes: usize::try_from(size).ok()?, version, flags }, after))
    }

    /// The frame without its additional fields; `None` if it is truncated, compressed or encrypted.
    fn contents<'b>(&self, after: &'b [u8], is_unsynchronised: bool) -> Option<Cow<'b, [u8]>> {
        let whole = after.get(..self.bytes)?;
        let (hidden, group, length, unsynchronised) = match self.version {
            3 => (0xC0, 0x20, 0, 0),
            4 => (0x0C, 0x40, 0x01, 0x02),
            _ => (0, 0, 0, 0),
        };
        if self.flags & hidden != 0 {
            return None;
        }
        let has = |flag| self.flags & flag != 0;
        let skipped = usize::from(has(group)) + 4 * usize::from(has(length));
        let whole = whole.get(skipped..)?;
        let is_changed = is_unsynchronised || has(unsynchronised);
        Some(if is_changed { Cow::Owned(synchronised(whole)) } else { Cow::Borrowed(whole) })
    }

    fn add(&self, contents: Option<&[u8]>, metadata: &mut FileMetadata) {
        let is_object = matches!(self.name, "APIC" | "PIC" | "GEOB" | "GEO");
        if is_object {
            metadata.has_attachments = true;
            return;
        }
        let apple = b"com.apple.streaming";
        let is_time = self.name == "PRIV" && contents.is_some_and(|text| text.starts_with(apple));
        if TECHNICAL.contains(&self.name) || is_time {
            return;
        }
        let Some((name, value)) = contents.and_then(|contents| self.tag(contents)) else {
            return metadata.miss_tag(self.name);
        };
        // iTunes stores numbers for players in comments.
        if !name.starts_with("iTun") {
            metadata.add_tag(&name, &value);
        }
    }

    /// Name and value.
    fn tag(&self, contents: &[u8]) -> Option<(String, String)> {
        let (&encoding, text) = contents.split_first()?;
        let known = TEXTS.iter().find(|(new, old, _)| *new == self.name || *old == self.name);
        match (known, self.name) {
            (Some((.., name)), _) => Some(((*name).to_owned(), text_of(encoding, text)?)),
            (None, "TXXX" | "TXX") => {
                let (name, value) = split(encoding, text)?;
                Some((text_of(encoding, name)?, text_of(encoding, value)?))
            }
            (None, "COMM" | "COM" | "USLT" | "ULT") => {
                // After the language.
                let (about, value) = split(encoding, text.get(3..)?)?;
                let about = text_of(encoding, about)?;
                let usual = if self.name.starts_with('C') { "comment" } else { "lyrics" };
                let name = if about.starts_with("iTun") { &about } else { usual };
                Some((name.to_owned(), text_of(encoding, value)?))
            }
            (None, name) if name.starts_with('T') => {
                Some((name.to_owned(), text_of(encoding, text)?))
            }
            _ => None,
        }
    }
}

/// Splits at the 0 that ends the first text.
fn split(encoding: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    if matches!(encoding, 1 | 2) {
        let at = 2 * text.as_chunks::<2>().0.iter().position(|unit| *unit == [0, 0])?;
        return Some((&text[..at], &text[at + 2..]));
    }
    let at = text.iter().position(|&byte| byte == 0)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A text; several texts, which 0 separates, are joined.
fn text_of(encoding: u8, text: &[u8]) -> Option<String> {
    let units = |text: &[u8], swap: bool| {
        let unit = |&pair: &[u8; 2]| {
            if swap { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
        };
        let units: Vec<u16> = text.as_chunks().0.iter().map(unit).collect();
        String::from_utf16_lossy(&units).replace('\u{feff}', "")
    };
    let whole = match encoding {
        0 => text.iter().map(|&byte| char::from(byte)).collect(),
        1 => units(text, !text.starts_with(&[0xFE, 0xFF])),
        2 => units(text, false),
        3 => String::from_utf8_lossy(text).into_owned(),
        _ => return None,
    };
    let parts: Vec<&str> = whole.trim_end_matches('\0').split('\0').collect();
    Some(parts.join("; "))
}

/// A number of four bytes with seven bits each.
fn syncsafe(bytes: [u8; 4]) -> u32 {
    bytes.iter().fold(0, |size, byte| size << 7 | u32::from(byte & 0x7F))
}

/// Removes the zeros that keep decoders from finding a frame in a tag.
fn synchronised(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut last = 0;
    for &byte in data {
        if !(last == 0xFF && byte == 0) {
            out.push(byte);
        }
        last = byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, contents: &[u8]) -> Vec<u8> {
        let size = u32::try_from(contents.len()).unwrap().to_be_bytes();
        match name.len() {
            3 => [name.as_bytes(), &size[1..], contents].concat(),
            _ => [name.as_bytes(), &size, &[0, 0], contents].concat(),
        }
    }

    fn tags(version: u8, flags: u8, body: &[u8]) -> FileMetadata {
        let mut head = *b"ID3\0\0\0\0\0\0\0";
        (head[3], head[5]) = (version, flags);
        let size = u32::try_from(body.len()).unwrap();
        for (byte, shift) in head[6..].iter_mut().zip([21, 14, 7, 0]) {
            *byte = (size >> shift & 0x7F).to_le_bytes()[0];
        }
        assert_eq!(size_of(&head), Some(u64::from(size)));
        for cut in 0..body.len() {
            add_tags(&head, &body[..cut], &mut FileMetadata::default());
        }
        let mut found = FileMetadata::default();
        add_chunk(&[&head[..], body].concat(), &mut found);
        found
    }

    fn pairs(found: &FileMetadata) -> Vec<(&str, &str)> {
        found.tags.iter().map(|(name, value)| (&name[..], &value[..])).collect()
    }

    #[test]
    fn texts_of_all_versions_and_encodings_are_read() {
        let body = [
            frame("TIT2", b"\0T\xE4\0"),
            frame("TPE1", b"\x01\xFF\xFEA\0\xE4\0"),
            frame("TALB", b"\x02\0L"),
            frame("TCON", b"\x03a\0b"),
            frame("TXXX", b"\x03mood\0calm"),
            frame("TXXX", b"\x01\xFF\xFEm\0\0\0\xFF\xFEv\0"),
            frame("COMM", b"\0eng\0hello"),
            frame("COMM", b"\0engiTunNORM\0 0001"),
            frame("TSSE", b"\0Lavf"),
            frame("APIC", b"\0image/png\0"),
            frame("POPM", b"a"),
            vec![0; 20],
        ]
        .concat();
        for version in [3, 4] {
            let found = tags(version, 0, &body);
            let expected = [
                ("title", "T\u{e4}"),
                ("artist", "A\u{e4}"),
                ("album", "L"),
                ("genre", "a; b"),
                ("mood", "calm"),
                ("m", "v"),
                ("comment", "hello"),
            ];
            assert_eq!(pairs(&found), expected);
            let warnings: Vec<_> = found.warnings().iter().map(ToString::to_string).collect();
            let missed = "skipped tags (POPM) whose values cannot be read";
            assert_eq!(warnings, ["skipped attachments", missed]);
        }
        let old = tags(2, 0, &[frame("TT2", b"\0T"), frame("PIC", b"\0PNG")].concat());
        assert_eq!((pairs(&old), old.has_attachments), (vec![("title", "T")], true));
        assert_eq!(tags(9, 0, &body).missed_tags, ["ID3v2.9"]);
    }

    #[test]
    fn unsynchronised_extended_and_damaged_tags_are_read_as_far_as_possible() {
        let title = frame("TIT2", b"\x01\xFF\xFEA\0");
        let stuffed = frame("TIT2", b"\x01\xFF\xFEA\0")
            .iter()
            .flat_map(|&byte| if byte == 0xFF { vec![byte, 0] } else { vec![byte] })
            .collect::<Vec<u8>>();
        assert_eq!(pairs(&tags(3, 0x80, &stuffed)), [("title", "A")]);
        let extended = [&[0, 0, 0, 6, 0, 0, 0, 0, 0, 0][..], &title].concat();
        assert_eq!(pairs(&tags(3, 0x40, &extended)), [("title", "A")]);
        let beyond = [&title[..], b"TPE1\x7F\xFF\xFF\xFF\0\0x"].concat();
        let found = tags(3, 0, &beyond);
        assert_eq!(
            (pairs(&found), &found.missed_tags[..]),
            (vec![("title", "A")], &["TPE1".to_owned()][..])
        );
        assert!(tags(4, 0x40, &[0xFF; 30]).is_empty());
    }
}
