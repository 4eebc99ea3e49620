//! Header elements, which are read as a whole.

use super::super::ebml::{Head, corrupt};
use super::super::ids;
use crate::io::ByteReader;
use crate::{Error, Format, Result};

/// Maximum header element (`Info`, `Tracks`) that is loaded into memory.
pub(super) const MAX_HEADER_BYTES: u64 = 4 << 20;

/// Loads a header element into memory.
pub(super) fn read_header(input: &mut ByteReader, head: Head) -> Result<Vec<u8>> {
    let size = head.size.ok_or_else(|| {
        let found = format!("{} of unknown size", ids::name(head.id));
        corrupt(head.offset, None, "an element with a size", found)
    })?;
    if size > MAX_HEADER_BYTES {
        return Err(Error::limit(
            Format::WebM,
            head.offset,
            "header bytes",
            size,
            MAX_HEADER_BYTES,
        ));
    }
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    let mut payload = Vec::new();
    let had = input.read_vec(&mut payload, len)?;
    if had < len {
        let found = format!("the end of the file after {had}");
        let expected = format!("{len} bytes in {}", ids::name(head.id));
        return Err(corrupt(head.offset, None, expected, found));
    }
    Ok(payload)
}
