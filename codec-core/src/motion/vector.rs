//! Motion vectors and positions, with one type per unit.

/// A position in a plane, in pixels from its first visible pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct PixelPos {
    pub x: i32,
    pub y: i32,
}

impl PixelPos {
    /// Creates a position.
    #[inline]
    #[must_use]
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }

    /// Returns the position displaced by `by`.
    #[inline]
    #[must_use]
    pub const fn moved(self, by: FullPel) -> Self {
        Self { x: self.x + by.x as i32, y: self.y + by.y as i32 }
    }
}

/// A motion vector in full pixels; positive is right and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct FullPel {
    pub x: i16,
    pub y: i16,
}

impl FullPel {
    /// No motion.
    pub const ZERO: Self = Self { x: 0, y: 0 };

    /// Creates a vector.
    #[inline]
    #[must_use]
    pub const fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }

    /// Returns the vector plus (`dx`, `dy`).
    #[inline]
    #[must_use]
    pub const fn offset(self, dx: i16, dy: i16) -> Self {
        Self { x: self.x.saturating_add(dx), y: self.y.saturating_add(dy) }
    }

    /// Converts to quarter pixels; saturates.
    #[inline]
    #[must_use]
    pub const fn to_quarter(self) -> QuarterPel {
        QuarterPel { x: self.x.saturating_mul(4), y: self.y.saturating_mul(4) }
    }
}

/// A motion vector in quarter pixels; positive is right and down.
///
/// ```
/// use codec_core::motion::{FullPel, QuarterPel};
///
/// let vector = QuarterPel::new(9, -3);
/// assert_eq!(vector.floor(), FullPel::new(2, -1));
/// assert_eq!(vector.eighths(), (2, 2)); // for interpolation
/// assert_eq!(vector.to_full().to_quarter(), QuarterPel::new(8, -4));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "field names are self-explanatory")]
pub struct QuarterPel {
    pub x: i16,
    pub y: i16,
}

impl QuarterPel {
    /// No motion.
    pub const ZERO: Self = Self { x: 0, y: 0 };

    /// Creates a vector.
    #[inline]
    #[must_use]
    pub const fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }

    /// Returns the vector plus (`dx`, `dy`) quarter pixels.
    #[inline]
    #[must_use]
    pub const fn offset(self, dx: i16, dy: i16) -> Self {
        Self { x: self.x.saturating_add(dx), y: self.y.saturating_add(dy) }
    }

    /// Rounds to full pixels; halves round up.
    #[inline]
    #[must_use]
    pub const fn to_full(self) -> FullPel {
        FullPel { x: self.x.saturating_add(2) >> 2, y: self.y.saturating_add(2) >> 2 }
    }

    /// Rounds down to full pixels.
    #[inline]
    #[must_use]
    pub const fn floor(self) -> FullPel {
        FullPel { x: self.x >> 2, y: self.y >> 2 }
    }

    /// Returns the remainder of [`Self::floor`] in eighths of a pixel: 0, 2, 4 or 6.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "masked to two bits")]
    pub const fn eighths(self) -> (u8, u8) {
        (2 * (self.x & 3) as u8, 2 * (self.y & 3) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_vector_is_its_floor_and_its_fraction() {
        for x in -9..9 {
            let v = QuarterPel::new(x, -x);
            let (fx, fy) = v.eighths();
            assert_eq!(i16::from(fx) / 2 + 4 * v.floor().x, x);
            assert_eq!(i16::from(fy) / 2 + 4 * v.floor().y, -x);
        }
    }

    #[test]
    fn rounding_to_full_pixels_takes_the_nearest() {
        let rounded = [-6, -5, -2, -1, 0, 1, 2, 3, 5].map(|x| QuarterPel::new(x, 0).to_full().x);
        assert_eq!(rounded, [-1, -1, 0, 0, 0, 0, 1, 1, 1]);
    }
}
