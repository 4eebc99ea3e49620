//! MP4.

/// A small file, if there is one.
pub fn sample() -> Option<Vec<u8>> {
    None
}
