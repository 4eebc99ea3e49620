//! Half-pel samples of a reference frame around one integer position of a block.

use crate::view::Window;

/// The half samples (ITU-T H.264, clause 8.4.2.2.1) that a sub-pixel search needs to try all vectors
/// within three quarters of a sample of an integer vector, for a block of 16x16 samples (`ROWS` = 17,
/// `MORE` = 18, `STRIDE` = 32) or 8x8 samples (`ROWS` = 9, `MORE` = 10, `STRIDE` = 16).
///
/// Entry (x, y) lies half a sample left of, above, or left of and above the sample (x, y) of the
/// block, except that `across` begins one row above the block and `down` one column left of it.
/// Other columns of the arrays are not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct HalfPlanes<const STRIDE: usize, const ROWS: usize, const MORE: usize> {
    /// Between two samples of a row (`b`): `ROWS` columns, `MORE` rows.
    pub across: [[u8; STRIDE]; MORE],
    /// Between two samples of a column (`h`): `MORE` columns, `ROWS` rows.
    pub down: [[u8; STRIDE]; ROWS],
    /// Between four samples (`j`): `ROWS` columns and rows.
    pub both: [[u8; STRIDE]; ROWS],
}

/// The half samples around a block of 16x16 samples.
pub type HalfPlanes16 = HalfPlanes<32, 17, 18>;
/// The half samples around a block of 8x8 samples.
pub type HalfPlanes8 = HalfPlanes<16, 9, 10>;

impl<const STRIDE: usize, const ROWS: usize, const MORE: usize> Default
    for HalfPlanes<STRIDE, ROWS, MORE>
{
    fn default() -> Self {
        Self { across: [[0; STRIDE]; MORE], down: [[0; STRIDE]; ROWS], both: [[0; STRIDE]; ROWS] }
    }
}

impl<const STRIDE: usize, const ROWS: usize, const MORE: usize> HalfPlanes<STRIDE, ROWS, MORE> {
    /// Returns the windows whose rounded mean is the prediction at (`dx`, `dy`) quarters of a sample
    /// from the integer position, -3..=3 each; both windows are equal if no mean is needed. `full`
    /// has the samples of the reference from one column left of and one row above the block on.
    ///
    /// # Panics
    /// If the block is larger than the block of the planes, or an offset is outside its range.
    #[inline]
    #[must_use]
    pub fn at<'a, const SIDE: usize, const FULL: usize>(
        &'a self,
        full: Window<'a, FULL, FULL>,
        dx: i8,
        dy: i8,
    ) -> [Window<'a, SIDE, SIDE>; 2] {
        // The integer sample at or before the position, plus one, and the quarters after it.
        let split = |offset: i8| (usize::from((offset + 4).unsigned_abs() / 4), offset & 3);
        let ((x, fx), (y, fy)) = (split(dx), split(dy));
        let (next_x, next_y) = (x + usize::from(fx == 3), y + usize::from(fy == 3));
        let integer = |x: usize, y: usize| full.sub(x, y);
        // Half samples after the integer sample `x - 1` have the index `x`.
        let across = |x: usize, y: usize| Window::packed(&self.across).sub(x, y);
        let down = |x: usize, y: usize| Window::packed(&self.down).sub(x, y);
        let both = |x: usize, y: usize| Window::packed(&self.both).sub(x, y);
        match (fx, fy) {
            (0, 0) => [integer(x, y); 2],
            (2, 0) => [across(x, y); 2],
            (0, 2) => [down(x, y); 2],
            (2, 2) => [both(x, y); 2],
            (_, 0) => [integer(next_x, y), across(x, y)],
            (0, _) => [integer(x, next_y), down(x, y)],
            (2, _) => [both(x, y), across(x, next_y)],
            (_, 2) => [both(x, y), down(next_x, y)],
            (_, _) => [across(x, next_y), down(next_x, y)],
        }
    }
}
