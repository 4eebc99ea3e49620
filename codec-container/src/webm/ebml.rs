//! EBML elements: parsing and writing. RFC 8794, sections 4 to 7.

use crate::io::ByteReader;
use crate::{Error, Format, Result};

/// The size field of an element with unknown size, eight bytes long.
pub(super) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

pub(super) fn corrupt(
    offset: u64,
    index: Option<u64>,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::corrupt(Format::WebM, offset, index, expected, found)
}

/// Identifier and size of an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) id: u32,
    /// Bytes after the header; `None` if unknown.
    pub(super) size: Option<u64>,
    /// Start of the header.
    pub(super) offset: u64,
}

impl Head {
    /// Reads a header; `None` at the end of the input.
    pub(super) fn read(input: &mut ByteReader, index: Option<u64>) -> Result<Option<Self>> {
        let offset = input.position();
        let mut first = [0];
        if input.read_up_to(&mut first)? == 0 {
            return Ok(None);
        }
        let bad_id = || corrupt(offset, index, "an element", format!("byte {:#04x}", first[0]));
        let id_bytes = first[0].leading_zeros() as usize + 1;
        if id_bytes > 4 {
            return Err(bad_id());
        }
        let cut = || corrupt(offset, index, "an element header", "the end of the file");
        let mut id = [0; 4];
        id[4 - id_bytes] = first[0];
        let rest = &mut id[5 - id_bytes..];
        if input.read_up_to(rest)? < rest.len() {
            return Err(cut());
        }
        let mut size = [0; 8];
        if input.read_up_to(&mut size[..1])? == 0 {
            return Err(cut());
        }
        let size_bytes = size[0].leading_zeros() as usize + 1;
        if size_bytes > 8 {
            return Err(corrupt(offset, index, "the size of an element", "byte 0x00"));
        }
        let rest = &mut size[1..size_bytes];
        if input.read_up_to(rest)? < rest.len() {
            return Err(cut());
        }
        let size = parse_vint(&size[..size_bytes]).map(|(value, _)| value);
        Ok(Some(Self { id: u32::from_be_bytes(id), size: size.flatten(), offset }))
    }
}

/// A variable-length number without its marker, and its length in bytes; the number is `None` if
/// all its bits are set.
fn parse_vint(data: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *data.first()?;
    let len = first.leading_zeros() as usize + 1;
    let bytes = data.get(..len).filter(|_| len <= 8)?;
    let mut value = u64::from(first) & (0xFF >> len);
    for &byte in &bytes[1..] {
        value = value << 8 | u64::from(byte);
    }
    let all_set = (1 << (7 * len)) - 1;
    Some(((value != all_set).then_some(value), len))
}

/// A variable-length number, such as a track number in a block, and its length in bytes.
pub(super) fn vint(data: &[u8]) -> Option<(u64, usize)> {
    let (value, len) = parse_vint(data)?;
    Some((value?, len))
}

/// A variable-length signed number (EBML lacing), and its length in bytes.
pub(super) fn signed_vint(data: &[u8]) -> Option<(i64, usize)> {
    let (value, len) = parse_vint(data)?;
    let all_set = (1_i64 << (7 * len)) - 1;
    let value = value.map_or(Some(all_set), |value| i64::try_from(value).ok())?;
    Some((value - (all_set >> 1), len))
}

/// The elements in a slice. Stops at the first one that is damaged or extends past the end.
#[derive(Clone)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let id_bytes = self.0.first()?.leading_zeros() as usize + 1;
        let id = self.0.get(..id_bytes).filter(|_| id_bytes <= 4)?;
        let id = id.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
        let (size, size_bytes) = vint(&self.0[id_bytes..])?;
        let body = &self.0[id_bytes + size_bytes..];
        let (payload, rest) = body.split_at_checked(usize::try_from(size).ok()?)?;
        self.0 = rest;
        Some((id, payload))
    }
}

/// The payload of the first child with the ID `needed`.
pub(super) fn child(parent: &[u8], needed: u32) -> Option<&[u8]> {
    Elements(parent).find(|&(id, _)| id == needed).map(|(_, payload)| payload)
}

/// The number in the first child with the ID `needed`.
pub(super) fn child_uint(parent: &[u8], needed: u32) -> Option<u64> {
    uint(child(parent, needed)?)
}

/// The floating-point number in the first child with the ID `needed`.
pub(super) fn child_float(parent: &[u8], needed: u32) -> Option<f64> {
    float(child(parent, needed)?)
}

/// An unsigned number of at most eight bytes.
pub(super) fn uint(payload: &[u8]) -> Option<u64> {
    (payload.len() <= 8)
        .then(|| payload.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// A signed number of at most eight bytes.
pub(super) fn sint(payload: &[u8]) -> Option<i64> {
    let value = uint(payload)?.cast_signed();
    let unused = 64 - 8 * u32::try_from(payload.len()).ok()?;
    Some(if payload.is_empty() { 0 } else { value << unused >> unused })
}

/// A number of zero, four or eight bytes.
pub(super) fn float(payload: &[u8]) -> Option<f64> {
    match payload.len() {
        0 => Some(0.0),
        4 => Some(f32::from_be_bytes(payload.try_into().ok()?).into()),
        8 => Some(f64::from_be_bytes(payload.try_into().ok()?)),
        _ => None,
    }
}

/// Appends the identifier of an element.
fn put_id(out: &mut Vec<u8>, id: u32) {
    let bytes = id.to_be_bytes();
    out.extend_from_slice(&bytes[(id.leading_zeros() / 8) as usize..]);
}

/// Appends a size in the minimum number of bytes.
fn put_size(out: &mut Vec<u8>, size: u64) {
    // All bits set means "unknown", so the maximum is one less.
    let len = (1..8).find(|&len| size < (1 << (7 * len)) - 1).unwrap_or(8);
    let marked = size | 1 << (7 * len);
    out.extend_from_slice(&marked.to_be_bytes()[8 - len..]);
}

/// Appends the header of an element of `size` bytes.
pub(super) fn put_head(out: &mut Vec<u8>, id: u32, size: usize) {
    put_id(out, id);
    put_size(out, size as u64);
}

/// Appends the header of an element whose size is not known (yet), with an eight-byte size field.
pub(super) fn put_open_head(out: &mut Vec<u8>, id: u32) {
    put_id(out, id);
    out.extend_from_slice(&UNKNOWN_SIZE);
}

/// A known size in eight bytes, to replace [`UNKNOWN_SIZE`].
pub(super) fn size_in_eight(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

/// Appends an element.
pub(super) fn put(out: &mut Vec<u8>, id: u32, payload: &[u8]) {
    put_head(out, id, payload.len());
    out.extend_from_slice(payload);
}

/// Appends an unsigned number in the minimum number of bytes, at least one.
pub(super) fn put_uint(out: &mut Vec<u8>, id: u32, value: u64) {
    let skip = (value.leading_zeros() / 8).min(7) as usize;
    put(out, id, &value.to_be_bytes()[skip..]);
}

/// Appends a signed number in the minimum number of bytes, at least one.
pub(super) fn put_sint(out: &mut Vec<u8>, id: u32, value: i64) {
    let sign_bits = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    let skip = ((sign_bits - 1) / 8).min(7) as usize;
    put(out, id, &value.to_be_bytes()[skip..]);
}

/// Appends an eight-byte floating-point number.
pub(super) fn put_float(out: &mut Vec<u8>, id: u32, value: f64) {
    put(out, id, &value.to_be_bytes());
}

/// Appends an element with the contents that `fill` appends.
pub(super) fn put_master(out: &mut Vec<u8>, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut payload = Vec::new();
    fill(&mut payload);
    put(out, id, &payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_the_fewest_bytes_and_never_look_unknown() {
        for (size, bytes) in [(0, 1), (126, 1), (127, 2), (16382, 2), (16383, 3), (1 << 20, 3)] {
            let mut out = Vec::new();
            put_size(&mut out, size);
            assert_eq!(out.len(), bytes, "{size}");
            assert_eq!(vint(&out), Some((size, bytes)));
        }
    }

    #[test]
    fn signed_numbers_keep_their_sign() {
        for (value, payload) in [
            (0_i64, vec![0]),
            (-1, vec![0xFF]),
            (127, vec![0x7F]),
            (128, vec![0, 0x80]),
            (-129, vec![0xFF, 0x7F]),
        ] {
            let mut out = Vec::new();
            put_sint(&mut out, 0xFB, value);
            assert_eq!(&out[2..], payload, "{value}");
        }
    }

    #[test]
    fn lacing_differences_are_centred() {
        assert_eq!(signed_vint(&[0x80]), Some((-63, 1)));
        assert_eq!(signed_vint(&[0xBF]), Some((0, 1)));
        assert_eq!(signed_vint(&[0xFF]), Some((64, 1)));
        assert_eq!(signed_vint(&[0x5F, 0xFF]), Some((0, 2)));
    }

    #[test]
    fn elements_stop_at_one_that_extends_past_the_end() {
        let mut data = Vec::new();
        put_uint(&mut data, 0xD7, 1);
        data.extend_from_slice(&[0x83, 0x84, 1]);
        assert_eq!(Elements(&data).collect::<Vec<_>>(), [(0xD7, &[1][..])]);
    }
}
