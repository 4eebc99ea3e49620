//! Items of the metadata list of iTunes, and items of QuickTime user data: names and values.

use super::boxes::{BoxType, Boxes, Fields, child, put, put_full};
use crate::metadata::FileMetadata;

/// The type of UTF-8 text in a `data` box.
pub(super) const TEXT: u32 = 1;
/// Types of signed and unsigned big-endian numbers of 1 to 8 bytes.
const NUMBERS: [u32; 2] = [21, 22];
/// The language code `und`.
const UNDETERMINED: u16 = 0x55C4;

/// How an item stores its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Text,
    /// Number and total number, such as `3/10`, and this many bytes after them.
    Pair(usize),
    /// A number of this many bytes.
    Number(usize),
}

/// Items, and the common names of their tags.
const ITEMS: [(&BoxType, &str, Value); 34] = [
    (b"\xA9nam", "title", Value::Text),
    (b"\xA9ART", "artist", Value::Text),
    (b"aART", "album_artist", Value::Text),
    (b"\xA9alb", "album", Value::Text),
    (b"\xA9day", "date", Value::Text),
    (b"\xA9cmt", "comment", Value::Text),
    (b"\xA9gen", "genre", Value::Text),
    (b"\xA9wrt", "composer", Value::Text),
    (b"\xA9lyr", "lyrics", Value::Text),
    (b"cprt", "copyright", Value::Text),
    (b"desc", "description", Value::Text),
    (b"ldes", "synopsis", Value::Text),
    (b"\xA9grp", "grouping", Value::Text),
    (b"tvsh", "show", Value::Text),
    (b"tven", "episode_id", Value::Text),
    (b"tvnn", "network", Value::Text),
    (b"tvsn", "season_number", Value::Number(4)),
    (b"tves", "episode_sort", Value::Number(4)),
    (b"trkn", "track", Value::Pair(2)),
    (b"disk", "disc", Value::Pair(0)),
    (b"keyw", "keywords", Value::Text),
    (b"catg", "category", Value::Text),
    (b"sonm", "sort_name", Value::Text),
    (b"soar", "sort_artist", Value::Text),
    (b"soal", "sort_album", Value::Text),
    (b"soaa", "sort_album_artist", Value::Text),
    (b"soco", "sort_composer", Value::Text),
    (b"sosn", "sort_show", Value::Text),
    (b"purd", "purchase_date", Value::Text),
    (b"tmpo", "tempo", Value::Number(2)),
    (b"cpil", "compilation", Value::Number(1)),
    (b"stik", "media_type", Value::Number(1)),
    (b"hdvd", "hd_video", Value::Number(1)),
    (b"rtng", "rating", Value::Number(1)),
];

/// Items of user data with text of their own, in addition to [`ITEMS`].
const USER_DATA: [(&BoxType, &str); 4] = [
    (b"\xA9xyz", "location"),
    (b"\xA9mak", "make"),
    (b"\xA9mod", "model"),
    (b"\xA9swr", "software"),
];

/// Texts of 3GPP: TS 26.244, section 8.
const THREE_GPP: [(&BoxType, &str); 6] = [
    (b"titl", "title"),
    (b"dscp", "description"),
    (b"cprt", "copyright"),
    (b"perf", "artist"),
    (b"auth", "artist"),
    (b"albm", "album"),
];

/// Boxes of user data without tags, and items that name programs.
const TECHNICAL: [&BoxType; 12] = [
    b"meta",
    b"chpl",
    b"free",
    b"skip",
    b"hnti",
    b"hinf",
    b"\0\0\0\0",
    b"\xA9too",
    b"\xA9enc",
    b"\xA9swf",
    b"pgap",
    b"name",
];

/// Names of other containers: Matroska and Vorbis comments.
const ALIASES: [(&str, &str); 6] = [
    ("date_released", "date"),
    ("part_number", "track"),
    ("tracknumber", "track"),
    ("discnumber", "disc"),
    ("albumartist", "album_artist"),
    ("tvshow", "show"),
];

/// The item for a tag, with the value that it can hold.
fn item_of(name: &str, value: &str) -> Option<(&'static BoxType, u32, Vec<u8>)> {
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, name)| *name);
    let (kind, _, form) = ITEMS.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name))?;
    let (data_type, bytes) = match *form {
        Value::Text => (TEXT, value.as_bytes().to_vec()),
        Value::Pair(more) => {
            let (number, total) = value.split_once('/').unwrap_or((value, "0"));
            let [number, total] = [number, total].map(|text| text.trim().parse::<u16>().ok());
            let mut bytes = vec![0; 2];
            bytes.extend_from_slice(&number?.to_be_bytes());
            bytes.extend_from_slice(&total?.to_be_bytes());
            bytes.resize(bytes.len() + more, 0);
            (0, bytes)
        }
        Value::Number(width) => {
            let bytes = value.trim().parse::<u32>().ok()?.to_be_bytes();
            let (zero, used) = bytes.split_at(bytes.len() - width);
            if zero.iter().any(|&byte| byte != 0) {
                return None;
            }
            (NUMBERS[0], used.to_vec())
        }
    };
    Some((kind, data_type, bytes))
}

/// The box of user data for a tag.
fn user_data_of(name: &str) -> Option<&'static BoxType> {
    let found = USER_DATA.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|(kind, _)| *kind)
}

/// Whether an item or a box of user data can hold the tag.
pub(super) fn holds(name: &str, value: &str) -> bool {
    item_of(name, value).is_some()
        || user_data_of(name).is_some() && u16::try_from(value.len()).is_ok()
}

/// The value of a `data` box as text.
pub(super) fn value_of(data: &[u8]) -> Option<String> {
    let mut fields = Fields(data);
    let (kind, _locale) = (fields.u32()?, fields.u32()?);
    match (kind, fields.0) {
        (TEXT, text) => Some(String::from_utf8_lossy(text).into_owned()),
        (kind, bytes @ ([_] | [_, _] | [_, _, _, _])) if NUMBERS.contains(&kind) => {
            Some(bytes.iter().fold(0_u32, |value, &byte| value << 8 | u32::from(byte)).to_string())
        }
        (23, &[a, b, c, d]) => Some(f32::from_be_bytes([a, b, c, d]).to_string()),
        _ => None,
    }
}

/// The value of an item of the list of iTunes; the payload has the `data` box.
fn item_value(item: &[u8], form: Value) -> Option<String> {
    let data = child(item, b"data")?;
    match form {
        Value::Pair(_) => {
            let &[_, _, n0, n1, t0, t1] = data.get(8..)?.first_chunk()?;
            let (number, total) = (u16::from_be_bytes([n0, n1]), u16::from_be_bytes([t0, t1]));
            Some(if total > 0 { format!("{number}/{total}") } else { number.to_string() })
        }
        // Some programs give numbers no type.
        Value::Number(width) if data.len() == 8 + width && data.starts_with(&[0; 4]) => {
            let bytes = &data[8..];
            Some(bytes.iter().fold(0_u32, |value, &byte| value << 8 | u32::from(byte)).to_string())
        }
        Value::Text | Value::Number(_) => value_of(data),
    }
}

/// Adds the items of a list of iTunes.
pub(super) fn add_items(list: &[u8], metadata: &mut FileMetadata) {
    for (kind, item) in Boxes(list) {
        if kind == *b"covr" {
            metadata.has_attachments = true;
            continue;
        }
        let known = ITEMS.iter().find(|(known, ..)| **known == kind);
        let found = match known {
            Some(&(_, name, form)) => item_value(item, form).map(|value| (name.to_owned(), value)),
            None if kind == *b"----" => named_item(item),
            None => None,
        };
        match (found, known) {
            (Some((name, value)), _) => metadata.add_tag(&name, &value),
            (None, Some((_, name, _))) => metadata.miss_tag(name),
            (None, None) => miss(kind, metadata),
        }
    }
}

/// An item with a name of its own.
fn named_item(item: &[u8]) -> Option<(String, String)> {
    let name = String::from_utf8_lossy(child(item, b"name")?.get(4..)?).into_owned();
    Some((name, value_of(child(item, b"data")?)?))
}

/// Records an item that cannot be read.
fn miss(kind: BoxType, metadata: &mut FileMetadata) {
    if !TECHNICAL.contains(&&kind) {
        let name: String = kind.iter().map(|&byte| char::from(byte)).collect();
        metadata.miss_tag(&name);
    }
}

/// Adds the texts of user data, outside of its list.
pub(super) fn add_user_data(user: &[u8], metadata: &mut FileMetadata) {
    for (kind, payload) in Boxes(user) {
        if TECHNICAL.contains(&&kind) {
            continue;
        }
        let three_gpp = || THREE_GPP.iter().find(|(known, _)| **known == kind);
        let own = || USER_DATA.iter().find(|(known, _)| **known == kind).map(|(_, name)| *name);
        let item = || ITEMS.iter().find(|(known, ..)| **known == kind).map(|(_, name, _)| *name);
        let found = match kind {
            [b'l', b'o', b'c', b'i'] => location(payload).map(|value| ("location", value)),
            [0xA9, ..] => own().or_else(item).zip(quick_time_text(payload)),
            _ => three_gpp().map(|(_, name)| *name).zip(three_gpp_text(payload)),
        };
        match found {
            Some((name, value)) => metadata.add_tag(name, &value),
            None => miss(kind, metadata),
        }
    }
}

/// The first text of an item of QuickTime: length, language, text.
fn quick_time_text(payload: &[u8]) -> Option<String> {
    let mut fields = Fields(payload);
    let (len, _language) = (fields.u16()?, fields.u16()?);
    Some(String::from_utf8_lossy(fields.0.get(..len.into())?).into_owned())
}

/// A text of 3GPP: language, then UTF-8 or UTF-16, which ends with 0.
fn three_gpp_text(payload: &[u8]) -> Option<String> {
    let mut fields = Fields(payload);
    fields.version_and_flags()?;
    fields.u16()?;
    if let Some(wide) = fields.0.strip_prefix(&[0xFE, 0xFF]) {
        let units = wide.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair));
        let units: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
        return Some(String::from_utf16_lossy(&units));
    }
    let end = fields.0.iter().position(|&byte| byte == 0).unwrap_or(fields.0.len());
    Some(String::from_utf8_lossy(&fields.0[..end]).into_owned())
}

/// The place in a `loci` box, as ISO 6709 writes it: `+48.1000+011.5000/`.
fn location(payload: &[u8]) -> Option<String> {
    let mut fields = Fields(payload);
    fields.version_and_flags()?;
    fields.u16()?;
    let end = fields.0.iter().position(|&byte| byte == 0)?;
    // The name and the role.
    fields.skip(end + 2)?;
    let [longitude, latitude, altitude] =
        [fields.i32()?, fields.i32()?, fields.i32()?].map(|fixed| f64::from(fixed) / 65_536.0);
    let height = if altitude == 0.0 { String::new() } else { format!("{altitude:+.3}") };
    Some(format!("{latitude:+08.4}{longitude:+09.4}{height}/"))
}

/// Appends the boxes of user data for the tags that have one.
pub(super) fn put_user_data(out: &mut Vec<u8>, tags: &[(String, String)]) {
    for (name, value) in tags {
        let (Some(kind), Ok(len)) = (user_data_of(name), u16::try_from(value.len())) else {
            continue;
        };
        put(out, kind, |out| {
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(&UNDETERMINED.to_be_bytes());
            out.extend_from_slice(value.as_bytes());
        });
    }
}

/// Appends the list of iTunes with the tags that have an item.
pub(super) fn put_items(out: &mut Vec<u8>, tags: &[(String, String)]) {
    let items = tags.iter().filter_map(|(name, value)| item_of(name, value));
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return;
    }
    put_full(out, b"meta", 0, 0, |out| {
        put_full(out, b"hdlr", 0, 0, |out| {
            out.extend_from_slice(b"\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
        });
        put(out, b"ilst", |out| {
            for (kind, data_type, value) in items {
                put(out, kind, |out| put_data(out, data_type, &value));
            }
        });
    });
}

/// Appends a `data` box.
pub(super) fn put_data(out: &mut Vec<u8>, data_type: u32, value: &[u8]) {
    put_full(out, b"data", 0, data_type, |out| {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(value);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        for (kind, name, form) in ITEMS {
            let value = match form {
                Value::Text => "a \u{e4}",
                Value::Pair(_) => "3/10",
                Value::Number(_) => "7",
            };
            let (found, data_type, bytes) = item_of(&name.to_uppercase(), value).unwrap();
            assert_eq!(found, kind);
            let mut out = Vec::new();
            put_data(&mut out, data_type, &bytes);
            assert_eq!(item_value(&out, form).as_deref(), Some(value), "{name}");
        }
        assert!(item_of("mood", "calm").is_none());
        assert!(
            item_of("PART_NUMBER", "3").is_some() && item_of("date_released", "2024").is_some()
        );
        for (name, value) in
            [("track", "A1"), ("track", "1/x"), ("tempo", "70000"), ("tempo", "-1")]
        {
            assert!(!holds(name, value), "{name} {value}");
        }
    }

    #[test]
    fn user_data_of_phones_is_read() {
        let mut out = Vec::new();
        put_full(&mut out, b"loci", 0, 0, |out| {
            out.extend_from_slice(b"\x55\xC4place\0\0");
            for fixed in [0x000B_8000_u32, 0x0030_199A, 0] {
                out.extend_from_slice(&fixed.to_be_bytes());
            }
            out.extend_from_slice(b"earth\0\0");
        });
        put_full(&mut out, b"titl", 0, 0, |out| out.extend_from_slice(b"\x55\xC4T\0"));
        put_full(&mut out, b"dscp", 0, 0, |out| out.extend_from_slice(b"\x55\xC4\xFE\xFF\0D\0\0"));
        put(&mut out, b"SDLN", |out| out.push(1));
        let tags = vec![("MAKE".to_owned(), "M".to_owned()), ("title".to_owned(), "t".to_owned())];
        put_user_data(&mut out, &tags);
        let mut found = FileMetadata::default();
        add_user_data(&out, &mut found);
        let tags: Vec<_> = found.tags.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let place = ("location", "+48.1000+011.5000/");
        assert_eq!(tags, [place, ("title", "T"), ("description", "D"), ("make", "M")]);
        assert_eq!(found.text(), Some("tags (location, title, description, make)".to_owned()));
        assert_eq!(found.warnings().len(), 1);
        for cut in 0..out.len() {
            add_user_data(&out[..cut], &mut FileMetadata::default());
        }
    }
}
