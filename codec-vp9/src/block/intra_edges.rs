//! Edge samples for intra prediction.

use codec_simd::vp9::Vp9IntraEdges;

use super::planes::PlaneMut;
use super::sample::Sample;

/// Which neighbouring samples of a transform exist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntraEdges {
    pub(crate) has_above: bool,
    pub(crate) has_left: bool,
    /// Whether there are samples above and to the right of a 4x4 transform.
    pub(crate) has_above_right: bool,
    /// First column and row outside of the frame, in samples.
    pub(crate) end: (usize, usize),
}

impl IntraEdges {
    /// Collects the samples next to the block of `size` at (`x`, `y`). Missing ones on the left are
    /// `(1 << (depth - 1)) + 1` (129 for 8 bits), missing ones above 2 less. Outside of the frame the
    /// last sample inside repeats.
    pub(crate) fn collect<S: Sample>(
        &self,
        plane: &PlaneMut<'_, S>,
        (x, y): (usize, usize),
        size: usize,
        depth: u8,
    ) -> Vp9IntraEdges<S> {
        let middle = 128_u16 << (depth - 8);
        let (missing_above, missing_left) = (S::from_value(middle - 1), S::from_value(middle + 1));
        let mut samples = Vp9IntraEdges {
            above: [missing_above; 64],
            left: [missing_left; 32],
            corner: missing_above,
            has_above: self.has_above,
            has_left: self.has_left,
        };
        if self.has_left {
            let inside = size.min(self.end.1 - y);
            let (column, stride) = plane.column(x - 1, y);
            let (to, outside) = samples.left[..size].split_at_mut(inside);
            for (to, row) in to.iter_mut().zip(column.chunks(stride)) {
                *to = row[0];
            }
            outside.fill(to[inside - 1]);
        }
        if self.has_above {
            let wanted = if size == 4 && self.has_above_right { 8 } else { size };
            let inside = wanted.min(self.end.0 - x);
            let above = plane.row(x, y - 1, inside);
            samples.above[..inside].copy_from_slice(above);
            samples.above[inside..2 * size].fill(above[inside - 1]);
            samples.corner = if self.has_left { plane.get(x - 1, y - 1) } else { missing_left };
        }
        samples
    }
}
