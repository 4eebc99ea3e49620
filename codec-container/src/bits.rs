//! Reads the bits of headers, most significant bit first.

/// Reads bits; `None` at the end.
pub(crate) struct Bits<'a> {
    data: &'a [u8],
    /// Number of bits that have been read.
    position: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// Reads a bit.
    pub(crate) fn bit(&mut self) -> Option<u32> {
        let byte = *self.data.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit.into())
    }

    /// Reads `count` bits, at most 32.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// Reads `count` bits, at most 8.
    pub(crate) fn byte(&mut self, count: u32) -> Option<u8> {
        u8::try_from(self.take(count)?).ok()
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        Some(self.bit()? == 1)
    }

    /// Skips `count` bits.
    pub(crate) fn skip(&mut self, count: usize) {
        self.position = self.position.saturating_add(count);
    }
}
