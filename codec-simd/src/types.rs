//! Blocks, coefficients and parameters of kernels. All sizes and strides are compile-time
//! constants.

use crate::view::{Window, WindowMut};

/// One 16x16 luma block copied out of its plane: fixed stride, aligned, no bounds checks left.
///
/// ```
/// use codec_simd::Block16;
///
/// let mut block = Block16::default();
/// block.sub_mut::<4, 4>(8, 12).row_mut(0).fill(200);
/// assert_eq!(block.0[12][8..12], [200; 4]);
/// assert_eq!(block.sub::<8, 8>(4, 8).row(4)[4], 200);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Block16(pub [[u8; 16]; 16]);

impl Block16 {
    /// The whole block as a window.
    #[inline]
    #[must_use]
    pub fn window(&self) -> Window<'_, 16, 16> {
        Window::packed(&self.0)
    }

    /// The whole block as a mutable window.
    #[inline]
    pub fn window_mut(&mut self) -> WindowMut<'_, 16, 16> {
        WindowMut::packed(&mut self.0)
    }

    /// The `W` x `H` pixels whose top-left is (`x`, `y`).
    ///
    /// # Panics
    /// If the pixels do not lie inside the block.
    #[inline]
    #[must_use]
    pub fn sub<const W: usize, const H: usize>(&self, x: usize, y: usize) -> Window<'_, W, H> {
        self.window().sub(x, y)
    }

    /// As [`Self::sub`], mutable.
    ///
    /// # Panics
    /// If the pixels do not lie inside the block.
    #[inline]
    pub fn sub_mut<const W: usize, const H: usize>(
        &mut self,
        x: usize,
        y: usize,
    ) -> WindowMut<'_, W, H> {
        self.window_mut().into_sub(x, y)
    }
}

/// The two 8x8 chroma blocks of a macroblock side by side: U in columns 0..8, V in 8..16.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct BlockUv(pub [[u8; 16]; 8]);

impl BlockUv {
    /// U (`plane` 0) or V (`plane` 1) as a window.
    ///
    /// # Panics
    /// If `plane` is above 1.
    #[inline]
    #[must_use]
    pub fn plane(&self, plane: usize) -> Window<'_, 8, 8> {
        Window::<16, 8>::packed(&self.0).sub(8 * plane, 0)
    }

    /// As [`Self::plane`], mutable.
    ///
    /// # Panics
    /// If `plane` is above 1.
    #[inline]
    pub fn plane_mut(&mut self, plane: usize) -> WindowMut<'_, 8, 8> {
        WindowMut::<16, 8>::packed(&mut self.0).into_sub(8 * plane, 0)
    }

    /// U and V as mutable windows.
    #[inline]
    pub fn planes_mut(&mut self) -> (WindowMut<'_, 8, 8>, WindowMut<'_, 8, 8>) {
        WindowMut::<16, 8>::packed(&mut self.0).into_sides()
    }
}

/// `N` blocks of 4x4 coefficients or levels, 16 values each, aligned for wide loads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Coeffs<const N: usize>(pub [[i16; 16]; N]);

impl<const N: usize> Default for Coeffs<N> {
    fn default() -> Self {
        Self([[0; 16]; N])
    }
}

/// Error of a prediction of 8x8 pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Error8x8 {
    /// Sum of squared differences: 0..=4161600.
    pub squares: u32,
    /// With `a`, `b`, `c`, `d` the sums of the differences over the four 4x4 quadrants, the largest magnitude of
    /// `a + b + c + d`, `a + b - c - d`, `a - b + c - d` and `a - b - c + d`: 0..=16320. It is about the
    /// largest of the lowest coefficients of a transform whose scale is eight times the orthonormal one.
    pub lowest: u32,
}

impl Error8x8 {
    /// The error with the sum of squares `squares`, and the sums of differences `sums` over the quadrants: top
    /// left, top right, bottom left, bottom right.
    #[inline]
    pub(crate) fn new(squares: u32, [a, b, c, d]: [i32; 4]) -> Self {
        let (top, bottom, top_slope, bottom_slope) = (a + b, c + d, a - b, c - d);
        let vertical = (top + bottom).unsigned_abs().max((top - bottom).unsigned_abs());
        let (sum, difference) = (top_slope + bottom_slope, top_slope - bottom_slope);
        let lowest = vertical.max(sum.unsigned_abs()).max(difference.unsigned_abs());
        Self { squares, lowest }
    }
}

/// Which 4x4 blocks of a plane group carry a residual: bit `n` is block `n` in raster order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockMask {
    /// The block has a non-zero coefficient, the first included.
    pub any: u32,
    /// The block has a non-zero coefficient after the first; a subset of `any`.
    pub ac: u32,
}

/// Whole-block intra prediction (RFC 6386, sections 12.2 and 12.3): luma 16x16 and chroma 8x8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IntraMode {
    /// Mean of the row above and the column left.
    #[default]
    Dc,
    /// Each column repeats the pixel above it.
    Vertical,
    /// Each row repeats the pixel left of it.
    Horizontal,
    /// `left + above - top_left`, clamped.
    TrueMotion,
}

impl IntraMode {
    /// All four, in the order of the bitstream's enumeration.
    pub const ALL: [Self; 4] = [Self::Dc, Self::Vertical, Self::Horizontal, Self::TrueMotion];
}

/// 4x4 intra prediction (RFC 6386, section 12.3), in the order of the bitstream's enumeration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum SubblockMode {
    #[default]
    Dc,
    TrueMotion,
    Vertical,
    Horizontal,
    LeftDown,
    RightDown,
    VerticalRight,
    VerticalLeft,
    HorizontalDown,
    HorizontalUp,
}

impl SubblockMode {
    /// All ten, in the order of the bitstream's enumeration.
    pub const ALL: [Self; 10] = [
        Self::Dc,
        Self::TrueMotion,
        Self::Vertical,
        Self::Horizontal,
        Self::LeftDown,
        Self::RightDown,
        Self::VerticalRight,
        Self::VerticalLeft,
        Self::HorizontalDown,
        Self::HorizontalUp,
    ];
}

/// Neighbouring pixels for the prediction of an `N`x`N` block. At the frame's edge the caller fills
/// in the standard's constants (127 above, 129 left) and clears the `has` flags, which only DC
/// uses.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are the documentation")]
pub struct Edges<const N: usize> {
    pub above: [u8; N],
    pub left: [u8; N],
    pub top_left: u8,
    pub has_above: bool,
    pub has_left: bool,
}

/// Neighbouring pixels for the prediction of a 4x4 sub-block: eight pixels above (four of them
/// above-right), four left from top to bottom, and the corner.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Edges4 {
    pub above: [u8; 8],
    pub left: [u8; 4],
    pub top_left: u8,
}

/// Windows of the same part of a macroblock, or of an edge, in the Y, U and V planes.
#[derive(Debug)]
#[expect(missing_docs, reason = "names are self-explanatory")]
pub struct YuvWindows<'a, const W: usize, const H: usize, const CW: usize, const CH: usize> {
    pub y: WindowMut<'a, W, H>,
    pub u: WindowMut<'a, CW, CH>,
    pub v: WindowMut<'a, CW, CH>,
}

/// Loop-filter thresholds of one edge (RFC 6386, section 15), computed from the filter level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Edge limit: if `|p0 - q0| * 2 + |p1 - q1| / 2`, saturated at 255, is above it, the pixels
    /// are unchanged. The standard's limits end at 193.
    pub edge: u8,
    /// Interior limit on the differences of neighbours on one side.
    pub interior: u8,
    /// High-edge-variance threshold.
    pub hev: u8,
}

impl EdgeLimits {
    /// Limits that change no pixel: only segments of equal pixels are within them.
    pub const OFF: Self = Self { edge: 0, interior: 0, hev: 0 };
}

/// Loop-filter thresholds of a macroblock; [`EdgeLimits::OFF`] for edges that are not filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MbLimits {
    /// Thresholds of the left macroblock edge.
    pub left: EdgeLimits,
    /// Thresholds of the upper macroblock edge.
    pub upper: EdgeLimits,
    /// Thresholds of all inner edges.
    pub inner: EdgeLimits,
}

/// Quantiser of one block type, per raster position of a 4x4 block.
///
/// For a coefficient `z` at position `i`, with `a = |z|`: the level is 0 if `a < zbin[i]`, else
/// `((a + round[i]) * recip[i]) >> 16` (the sum saturates at 32767), with the sign of `z`; the
/// dequantised value is `level * step[i]`, wrapped to 16 bits.
/// A `zbin` of 32767 keeps a position (the DC of a block under Y2) at zero: use
/// [`Quantiser::NEVER`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Quantiser {
    pub zbin: [i16; 16],
    pub round: [i16; 16],
    /// `65536 / step`, at most 16384 because VP8's steps are at least 4.
    pub recip: [i16; 16],
    pub step: [i16; 16],
}

impl Quantiser {
    /// A `zbin` that no coefficient of a real block reaches.
    pub const NEVER: i16 = i16::MAX;
}

/// An edge for the deblocking filter of H.264 (clause 8.7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeblockEdge {
    /// Threshold of the difference across the edge.
    pub alpha: u8,
    /// Threshold of the differences on each side.
    pub beta: u8,
    /// Boundary strength.
    pub strength: EdgeStrength,
}

impl DeblockEdge {
    /// Returns whether the thresholds exclude all pixels.
    #[inline]
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.alpha == 0 || self.beta == 0
    }
}

/// Boundary strength of an edge in [`DeblockEdge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeStrength {
    /// Strength 4.
    Strong,
    /// Strength below 4: `tC0` of each quarter of the edge, 0 to 25, or -1 where the edge is not
    /// filtered.
    Normal([i8; 4]),
}

/// The thresholds of edges with the same quantiser, for the deblocking filter of H.264.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeblockThresholds {
    /// Threshold of the difference across the edge; 0 if nothing is filtered.
    pub alpha: u8,
    /// Threshold of the differences on each side; 0 if nothing is filtered.
    pub beta: u8,
    /// `tC0` of the strengths 0 to 3: -1 for strength 0.
    pub limits: [i8; 4],
}

impl DeblockThresholds {
    /// Returns whether the thresholds exclude all pixels.
    #[inline]
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.alpha == 0 || self.beta == 0
    }

    /// Returns the parameters of an edge with the boundary strength of each quarter: either all are
    /// 4, or all are below 4. `None` if nothing is filtered.
    #[inline]
    #[must_use]
    pub fn edge(&self, strengths: [u8; 4]) -> Option<DeblockEdge> {
        if self.is_off() || strengths == [0; 4] {
            return None;
        }
        let strength = if strengths[0] == 4 {
            EdgeStrength::Strong
        } else {
            let limit = |strength: u8| self.limits[usize::from(strength & 3)];
            let [a, b, c, d] = strengths;
            EdgeStrength::Normal([limit(a), limit(b), limit(c), limit(d)])
        };
        Some(DeblockEdge { alpha: self.alpha, beta: self.beta, strength })
    }
}

/// The edges of a macroblock, for the deblocking filter of H.264.
#[derive(Clone, Copy, Debug)]
pub struct DeblockMb<'a> {
    /// Boundary strengths of the four vertical edges from the left, then of the four horizontal ones
    /// from the top; see [`DeblockThresholds::edge`].
    pub strengths: [[[u8; 4]; 4]; 2],
    /// Thresholds of luma, Cb and Cr at the left edge and at the top edge.
    pub outer: [[&'a DeblockThresholds; 3]; 2],
    /// Thresholds of luma, Cb and Cr at the edges inside.
    pub inner: [&'a DeblockThresholds; 3],
}
