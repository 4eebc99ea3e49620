//! The luma samples of a macroblock and those around it, for intra prediction block by block.

use codec_simd::{Block16, Window, WindowMut};

use crate::macroblock::ORDER;
use crate::predict::intra::{Edges, SmallEdges};

/// Value of missing samples.
const GREY: u8 = 128;
/// Columns before the macroblock; the last one has the samples on the left.
const LEFT: usize = 16;
/// Samples of a line: left, macroblock, above right.
const STRIDE: usize = LEFT + 16 + 16;

/// Which samples around a macroblock exist.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the neighbours of the standard")]
pub(super) struct Around {
    pub left: bool,
    pub top: bool,
    /// Whether the samples above right exist; only if [`Self::top`].
    pub top_right: bool,
    /// Whether the sample above left exists; only if [`Self::left`] and [`Self::top`].
    pub top_left: bool,
}

/// Samples around a macroblock: of luma, U and V.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    pub has: Around,
    pub left: [u8; 16],
    pub top: [u8; 16],
    pub top_right: [u8; 8],
    pub corner: u8,
    pub chroma_left: [[u8; 8]; 2],
    pub chroma_top: [[u8; 8]; 2],
    pub chroma_corner: [u8; 2],
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            has: Around::default(),
            left: [GREY; 16],
            top: [GREY; 16],
            top_right: [GREY; 8],
            corner: GREY,
            chroma_left: [[GREY; 8]; 2],
            chroma_top: [[GREY; 8]; 2],
            chroma_corner: [GREY; 2],
        }
    }
}

impl Surroundings {
    /// Returns the edges of luma.
    pub(super) fn luma(&self) -> Edges<16> {
        Edges {
            left: self.left,
            top: self.top,
            corner: self.corner,
            has_left: [self.has.left; 2],
            has_top: self.has.top,
        }
    }

    /// Returns the edges of U (0) or V (1).
    pub(super) fn chroma(&self, plane: usize) -> Edges<8> {
        Edges {
            left: self.chroma_left[plane],
            top: self.chroma_top[plane],
            corner: self.chroma_corner[plane],
            has_left: [self.has.left; 2],
            has_top: self.has.top,
        }
    }

    /// Returns the modes of a whole plane that are possible: vertical, horizontal, DC, plane.
    pub(super) fn whole_modes(&self) -> &'static [u8] {
        match (self.has.left, self.has.top) {
            (true, true) if self.has.top_left => &[0, 1, 2, 3],
            (true, true) => &[0, 1, 2],
            (true, false) => &[1, 2],
            (false, true) => &[0, 2],
            (false, false) => &[2],
        }
    }
}

/// Returns the modes of a small block that are possible with the samples on the left, above, and
/// above left.
pub(super) fn small_modes<const N: usize>(edges: &SmallEdges<N>) -> &'static [u8] {
    match (edges.has_left, edges.has_top, edges.has_corner) {
        (true, true, true) => &[2, 0, 1, 3, 4, 5, 6, 7, 8],
        (true, true, false) => &[2, 0, 1, 3, 7, 8],
        (true, false, _) => &[2, 1, 8],
        (false, true, _) => &[2, 0, 3, 7],
        (false, false, _) => &[2],
    }
}

/// The luma samples of a macroblock and those around it.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// A line above the macroblock, then its lines.
    lines: [[u8; STRIDE]; 17],
    has: Around,
}

impl Default for Canvas {
    fn default() -> Self {
        Self { lines: [[GREY; STRIDE]; 17], has: Around::default() }
    }
}

impl Canvas {
    /// Sets the samples around the macroblock.
    pub(super) fn begin(&mut self, around: &Surroundings) {
        let [first, rest @ ..] = &mut self.lines;
        first[LEFT - 1] = around.corner;
        first[LEFT..LEFT + 16].copy_from_slice(&around.top);
        first[LEFT + 16..LEFT + 24].copy_from_slice(&around.top_right);
        for (line, left) in rest.iter_mut().zip(around.left) {
            line[LEFT - 1] = left;
        }
        self.has = around.has;
    }

    /// Returns the block of `N` x `N` samples at (`x`, `y`).
    #[inline]
    pub(super) fn block<const N: usize>(&self, x: usize, y: usize) -> Window<'_, N, N> {
        let data = &self.lines.as_flattened()[(y + 1) * STRIDE + LEFT + x..];
        #[expect(clippy::expect_used, reason = "blocks are inside the macroblock")]
        Window::new(data, STRIDE).expect("a block inside the macroblock")
    }

    /// Returns the block of `N` x `N` samples at (`x`, `y`) for writing.
    #[inline]
    pub(super) fn block_mut<const N: usize>(&mut self, x: usize, y: usize) -> WindowMut<'_, N, N> {
        let data = &mut self.lines.as_flattened_mut()[(y + 1) * STRIDE + LEFT + x..];
        #[expect(clippy::expect_used, reason = "blocks are inside the macroblock")]
        WindowMut::new(data, STRIDE).expect("a block inside the macroblock")
    }

    /// Returns the samples around the block of `N` x `N` samples at (`x`, `y`), of which all before
    /// it are coded.
    pub(super) fn edges<const N: usize>(&self, x: usize, y: usize) -> SmallEdges<N> {
        let has_left = x > 0 || self.has.left;
        let has_top = y > 0 || self.has.top;
        let has_corner = match (x, y) {
            (0, 0) => self.has.top_left,
            (0, _) => self.has.left,
            (_, 0) => self.has.top,
            _ => true,
        };
        let right = x + N;
        let has_top_right = match (right, y) {
            (16, 0) => self.has.top_right,
            (_, 0) => self.has.top,
            (16, _) => false,
            _ => ORDER[((y - 1) & !3) | (right / 4)] < ORDER[(y & !3) | (x / 4)],
        };
        let above = &self.lines[y];
        let mut top = [GREY; N];
        let mut top_right = [GREY; N];
        if has_top {
            top.copy_from_slice(&above[LEFT + x..LEFT + x + N]);
            top_right = [top[N - 1]; N];
        }
        if has_top_right {
            top_right.copy_from_slice(&above[LEFT + right..LEFT + right + N]);
        }
        let left = if has_left {
            std::array::from_fn(|n| self.lines[y + 1 + n][LEFT + x - 1])
        } else {
            [GREY; N]
        };
        let corner = if has_corner { above[LEFT + x - 1] } else { GREY };
        SmallEdges { left, corner, top, top_right, has_left, has_top, has_corner }
    }

    /// Copies the macroblock.
    pub(super) fn copy_to(&self, out: &mut Block16) {
        for (to, from) in out.0.iter_mut().zip(&self.lines[1..]) {
            to.copy_from_slice(&from[LEFT..LEFT + 16]);
        }
    }
}
