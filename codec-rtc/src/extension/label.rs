//! Identifiers of streams and media sections: MID, RID. RFC 8852, section 3; RFC 9143, section
//! 15.2.

use std::fmt;

/// An identifier of 1..=32 printable ASCII characters without spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label {
    len: u8,
    bytes: [u8; Label::MAX_BYTES],
}

impl Label {
    /// Maximum length in bytes.
    pub const MAX_BYTES: usize = 32;

    /// Creates a label; `None` if `text` is empty, too long or not printable.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes())
    }

    /// Like [`Self::new`], from bytes.
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX_BYTES];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        let fits = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        Some(Self { len: u8::try_from(name.len()).ok()?, bytes }).filter(|_| fits)
    }

    /// Returns the characters as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_printable() {
        let name = Label::new("video-0").unwrap();
        assert_eq!((name.as_str(), name.as_bytes()), ("video-0", &b"video-0"[..]));
        assert_eq!(format!("{name} {name:?}"), "video-0 \"video-0\"");
        assert!(Label::new(&"x".repeat(32)).is_some());
        for wrong in [&b""[..], &[b'x'; 33], b"a b", b"\n", &[0xff], &[0]] {
            assert_eq!(Label::from_bytes(wrong), None);
        }
    }
}
