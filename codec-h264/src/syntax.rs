//! Reads the syntax elements of headers with their names, checks their ranges and records them.
//! ITU-T H.264, clauses 7.2 and 7.3.

use std::fmt;
use std::ops::RangeInclusive;

use codec_core::error::{Corrupt, Error};

use crate::bits::BitReader;
use crate::nal::NAL_HEADER_BYTES;

/// The name of a syntax element, as in the standard, with up to two subscripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementName {
    name: &'static str,
    subscripts: [Option<usize>; 2],
}

impl From<&'static str> for ElementName {
    fn from(name: &'static str) -> Self {
        Self { name, subscripts: [None; 2] }
    }
}

impl From<(&'static str, usize)> for ElementName {
    fn from((name, index): (&'static str, usize)) -> Self {
        Self { name, subscripts: [Some(index), None] }
    }
}

impl From<(&'static str, usize, usize)> for ElementName {
    fn from((name, first, second): (&'static str, usize, usize)) -> Self {
        Self { name, subscripts: [Some(first), Some(second)] }
    }
}

impl fmt::Display for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.subscripts.iter().flatten().try_for_each(|index| write!(f, "[{index}]"))
    }
}

/// A syntax element that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxElement {
    /// Its name.
    pub name: ElementName,
    /// Position of its first bit in the unescaped NAL unit; the first bit after the NAL header is 8.
    pub position: usize,
    /// Its number of bits.
    pub bits: usize,
    /// Its value.
    pub value: i64,
}

/// Prints position, name and value.
impl fmt::Display for SyntaxElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} = {}", self.position, self.name, self.value)
    }
}

/// The syntax elements of a header, in order.
pub type SyntaxTrace = Vec<SyntaxElement>;

/// Bits of the NAL header, which is not part of the payload.
const NAL_HEADER_BITS: usize = 8 * NAL_HEADER_BYTES;

/// Reads named syntax elements.
#[derive(Debug)]
pub struct SyntaxReader<'a, 't> {
    bits: BitReader<'a>,
    trace: Option<&'t mut SyntaxTrace>,
}

impl<'a, 't> SyntaxReader<'a, 't> {
    /// Creates a reader of an unescaped payload up to its stop bit; `trace` receives the elements.
    pub fn new(rbsp: &'a [u8], trace: Option<&'t mut SyntaxTrace>) -> Self {
        let end = crate::bits::rbsp_bits(rbsp);
        Self { bits: BitReader::with_range(rbsp, 0, end), trace }
    }

    /// Returns the position of the next bit in the payload.
    #[must_use]
    pub fn position(&self) -> usize {
        self.bits.position()
    }

    /// Returns whether syntax elements follow: `more_rbsp_data`.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.bits.remaining() > 0
    }

    fn record(&mut self, name: ElementName, position: usize, value: i64) {
        if let Some(trace) = &mut self.trace {
            let bits = self.bits.position().saturating_sub(position);
            let position = position + NAL_HEADER_BITS;
            trace.push(SyntaxElement { name, position, bits, value });
        }
    }

    /// Reads `count` bits, `u(n)`; at most 32.
    pub fn u(&mut self, count: u8, name: impl Into<ElementName>) -> u32 {
        let position = self.bits.position();
        let value = self.bits.bits(u32::from(count));
        self.record(name.into(), position, i64::from(value));
        value
    }

    /// Reads up to 8 bits.
    pub fn u8(&mut self, count: u8, name: impl Into<ElementName>) -> u8 {
        self.u(count.min(8), name).to_le_bytes()[0]
    }

    /// Reads a flag, `u(1)`.
    pub fn flag(&mut self, name: impl Into<ElementName>) -> bool {
        self.u(1, name) != 0
    }

    /// Reads an unsigned Exp-Golomb code, `ue(v)`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the value is outside `range` or the payload ends before it.
    pub fn ue(
        &mut self,
        name: impl Into<ElementName>,
        range: RangeInclusive<u32>,
    ) -> Result<u32, Error> {
        let (name, position) = (name.into(), self.bits.position());
        let value = self.bits.ue();
        self.record(name, position, i64::from(value));
        if self.bits.is_overrun() || !range.contains(&value) {
            return Err(corrupt(name.name, position));
        }
        Ok(value)
    }

    /// Reads an unsigned Exp-Golomb code of at most 255.
    ///
    /// # Errors
    /// Returns the errors of [`Self::ue`].
    pub fn ue8(
        &mut self,
        name: impl Into<ElementName>,
        range: RangeInclusive<u8>,
    ) -> Result<u8, Error> {
        let value = self.ue(name, u32::from(*range.start())..=u32::from(*range.end()))?;
        Ok(value.to_le_bytes()[0])
    }

    /// Reads a signed Exp-Golomb code, `se(v)`.
    ///
    /// # Errors
    /// Returns the errors of [`Self::ue`].
    pub fn se(
        &mut self,
        name: impl Into<ElementName>,
        range: RangeInclusive<i32>,
    ) -> Result<i32, Error> {
        let (name, position) = (name.into(), self.bits.position());
        let value = self.bits.se();
        self.record(name, position, i64::from(value));
        if self.bits.is_overrun() || !range.contains(&value) {
            return Err(corrupt(name.name, position));
        }
        Ok(value)
    }

    /// Reads a signed Exp-Golomb code in the range of 8-bit integers.
    ///
    /// # Errors
    /// Returns the errors of [`Self::ue`].
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    pub fn se8(
        &mut self,
        name: impl Into<ElementName>,
        range: RangeInclusive<i8>,
    ) -> Result<i8, Error> {
        Ok(self.se(name, i32::from(*range.start())..=i32::from(*range.end()))? as i8)
    }

    /// Checks that the payload did not end before the last element, which is called `what`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it did.
    pub fn check(&self, what: &'static str) -> Result<(), Error> {
        if self.bits.is_overrun() {
            return Err(corrupt(what, self.bits.data().len() * 8));
        }
        Ok(())
    }

    /// Returns an error for an element called `what` at the reader's position.
    #[must_use]
    pub fn corrupt(&self, what: &'static str) -> Error {
        corrupt(what, self.bits.position())
    }
}

fn corrupt(what: &'static str, position: usize) -> Error {
    Corrupt::Other { what, offset_bytes: (position.saturating_add(NAL_HEADER_BITS)) / 8 }.into()
}
