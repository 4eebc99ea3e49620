//! Boxes in memory, and their fields.

use crate::{Error, Format};

pub(super) type BoxType = [u8; 4];

pub(super) fn corrupt(
    offset: u64,
    index: Option<u64>,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
) -> Error {
    Error::corrupt(Format::Mp4, offset, index, expected, found)
}

pub(super) fn unsupported(what: impl Into<String>) -> Error {
    Error::unsupported(Format::Mp4, what.into())
}

/// The boxes in a slice. Stops at the first one that is damaged or extends past the end.
#[derive(Clone)]
pub(super) struct Boxes<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = (BoxType, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&size, rest) = self.0.split_first_chunk::<4>()?;
        let (&kind, rest) = rest.split_first_chunk::<4>()?;
        let (size, head, rest) = match u32::from_be_bytes(size) {
            // Length 0: the box extends to the end.
            0 => (self.0.len() as u64, 8, rest),
            1 => {
                let (&size, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(size), 16, rest)
            }
            size => (size.into(), 8, rest),
        };
        let len = usize::try_from(size.checked_sub(head)?).ok()?;
        let (payload, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((kind, payload))
    }
}

/// The first box of `kind` in `parent`.
pub(super) fn child<'a>(parent: &'a [u8], kind: &BoxType) -> Option<&'a [u8]> {
    Boxes(parent).find(|(found, _)| found == kind).map(|(_, payload)| payload)
}

/// The box at the end of a path of `kinds`.
pub(super) fn descendant<'a>(parent: &'a [u8], kinds: &[&BoxType]) -> Option<&'a [u8]> {
    kinds.iter().try_fold(parent, |parent, kind| child(parent, kind))
}

/// Reads fields from the front.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.bytes().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.bytes().map(i32::from_be_bytes)
    }

    /// A number of 64 bits in version 1 of a box, otherwise of 32.
    pub(super) fn wide(&mut self, version: u8) -> Option<u64> {
        if version == 1 { self.u64() } else { self.u32().map(u64::from) }
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// Version and flags of a full box.
    pub(super) fn version_and_flags(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some((word.to_be_bytes()[0], word & 0x00FF_FFFF))
    }

    /// Returns the rows of a table after its count, at most as many as the box contains.
    pub(super) fn rows<const N: usize>(
        &mut self,
    ) -> Option<impl Iterator<Item = [u8; N]> + use<'a, N>> {
        let count = usize::try_from(self.u32()?).ok()?;
        let (rows, _) = self.0.as_chunks::<N>();
        Some(rows.iter().copied().take(count))
    }
}

/// The two halves of a row as numbers.
pub(super) fn pair(row: [u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = row;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// Appends a box with the contents that `fill` appends.
pub(super) fn put(out: &mut Vec<u8>, kind: &[u8; 4], fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(kind);
    fill(out);
    let size = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a box with a version and flags.
pub(super) fn put_full(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    put(out, kind, |out| {
        out.extend_from_slice(&(u32::from(version) << 24 | flags).to_be_bytes());
        fill(out);
    });
}

/// Appends a box with a table.
pub(super) fn put_table<T>(
    out: &mut Vec<u8>,
    kind: &[u8; 4],
    rows: impl ExactSizeIterator<Item = T>,
    mut put_row: impl FnMut(&mut Vec<u8>, T),
) {
    put_full(out, kind, 0, 0, |out| {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for row in rows {
            put_row(out, row);
        }
    });
}
