//! Data of decoded macroblocks: the data that later macroblocks and the deblocking filter need, and the data
//! that only the reconstruction of a macroblock needs.

use crate::picture::Mv;

/// [`MbInfo::slice`] of a macroblock that is not decoded.
pub(crate) const NO_SLICE: u16 = u16::MAX;

/// How the macroblocks of a picture are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrangement {
    Frame,
    /// A field: its macroblocks are in every second row.
    Field,
    Mbaff,
}

/// Kinds of macroblocks, as contexts and neighbours distinguish them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MbClass {
    /// `Intra_4x4` or `Intra_8x8`.
    IntraNxN,
    Intra16x16,
    Pcm,
    #[default]
    Inter,
    /// `P_Skip` or `B_Skip`.
    Skip,
    /// `B_Direct_16x16`.
    Direct,
}

impl MbClass {
    #[inline]
    pub(crate) fn is_intra(self) -> bool {
        matches!(self, Self::IntraNxN | Self::Intra16x16 | Self::Pcm)
    }
}

/// Size of the blocks of a macroblock within which the motion is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grain {
    Whole,
    Quarters,
    /// 4x4 blocks.
    Fine,
}

impl Grain {
    pub(crate) fn of(shape: Shape) -> Self {
        match shape {
            Shape::Whole => Self::Whole,
            Shape::Quarters(shapes) if shapes != [SubShape::Whole; 4] => Self::Fine,
            _ => Self::Quarters,
        }
    }
}

/// Data of a decoded macroblock that its neighbours and the deblocking filter use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MbInfo {
    /// Index of the slice in the picture; [`NO_SLICE`] if not decoded.
    pub slice: u16,
    pub class: MbClass,
    /// A field macroblock of an MBAFF frame.
    pub is_field: bool,
    pub transform_8x8: bool,
    /// Size of the blocks within which the motion is the same.
    pub grain: Grain,
    /// `QPY`, and the quantisers of Cb and Cr.
    pub qp: u8,
    pub chroma_qp: [u8; 2],
    /// `coded_block_pattern`: bits 0 to 3 luma, from bit 4 chroma.
    pub cbp: u8,
    /// Whether the DC blocks of luma (bit 0), Cb and Cr have coefficients.
    pub dc_flags: u8,
    pub chroma_mode: u8,
    /// 8x8 blocks in direct mode.
    pub direct: u8,
    /// 4x4 blocks (bits in raster order) whose transform block has coefficients.
    pub coded: u16,
    /// Numbers of coefficients of the sixteen 4x4 blocks in raster order, then of four Cb and four
    /// Cr.
    pub counts: [u8; 24],
    /// Modes of `Intra_4x4` and `Intra_8x8` by 4x4 block in raster order; 2 (DC) in others.
    pub modes: [u8; 16],
}

impl MbInfo {
    pub(crate) const NOT_DECODED: Self = Self {
        slice: NO_SLICE,
        class: MbClass::Inter,
        is_field: false,
        transform_8x8: false,
        grain: Grain::Whole,
        qp: 0,
        chroma_qp: [0; 2],
        cbp: 0,
        dc_flags: 0,
        chroma_mode: 0,
        direct: 0,
        coded: 0,
        counts: [0; 24],
        modes: [2; 16],
    };
}

/// Division of an inter macroblock into partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Whole,
    /// 16x8.
    Rows,
    /// 8x16.
    Columns,
    /// 8x8, each divided further.
    Quarters([SubShape; 4]),
}

impl Shape {
    /// Returns whether no partition is smaller than 8x8.
    pub(crate) fn allows_transform_8x8(self) -> bool {
        !matches!(self, Self::Quarters(shapes) if shapes != [SubShape::Whole; 4])
    }
}

/// Division of an 8x8 block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SubShape {
    #[default]
    Whole,
    /// 8x4.
    Rows,
    /// 4x8.
    Columns,
    /// 4x4.
    Quarters,
}

/// Prediction of a macroblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prediction {
    /// Modes by 4x4 block in decoding order.
    Intra4x4([u8; 16]),
    /// Modes by 8x8 block.
    Intra8x8([u8; 4]),
    Intra16x16(u8),
    Pcm,
    Inter(Shape),
}

/// Availability of neighbouring samples for intra prediction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IntraEdges {
    /// Whether samples left of the upper and of the lower half of the macroblock are available.
    pub left: [bool; 2],
    pub top: bool,
    pub top_right: bool,
    pub top_left: bool,
}

/// A parsed macroblock, for reconstruction.
#[derive(Clone, Debug)]
pub(crate) struct Mb {
    pub x: usize,
    /// Row of macroblocks in the frame: see [`crate::picture::Motion`].
    pub row: usize,
    /// A field macroblock of an MBAFF frame.
    pub is_field: bool,
    pub prediction: Prediction,
    pub edges: IntraEdges,
    pub chroma_mode: u8,
    pub transform_8x8: bool,
    /// `TransformBypassModeFlag`: the coefficients are residual samples.
    pub is_lossless: bool,
    /// Reference indices of 8x8 blocks by list; -1 if unused.
    pub refs: [[i8; 4]; 2],
    /// Vectors of 4x4 blocks in raster order by list.
    pub mvs: [[Mv; 16]; 2],
    /// Blocks of `coeffs` to add: bits 0 to 15 luma in decoding order (with the 8x8 transform every
    /// fourth), 16 to 19 Cb, 20 to 23 Cr.
    pub coded: u32,
    /// Scaled coefficients: luma blocks in decoding order, Cb, Cr; zero in blocks that are not coded.
    pub coeffs: [[i16; 16]; 24],
    /// Samples of an `I_PCM` macroblock: luma, Cb, Cr.
    pub samples: [u8; 384],
}

impl Mb {
    pub(crate) fn new() -> Self {
        Self {
            x: 0,
            row: 0,
            is_field: false,
            prediction: Prediction::Pcm,
            edges: IntraEdges::default(),
            chroma_mode: 0,
            transform_8x8: false,
            is_lossless: false,
            refs: [[-1; 4]; 2],
            mvs: [[Mv::ZERO; 16]; 2],
            coded: 0,
            coeffs: [[0; 16]; 24],
            samples: [0; 384],
        }
    }

    /// Clears the coefficients of the coded blocks.
    #[inline]
    pub(crate) fn clear_coeffs(&mut self) {
        let (luma, chroma) = self.coeffs.split_at_mut(16);
        let mut left = self.coded & 0xffff;
        while left != 0 {
            let n = left.trailing_zeros() as usize;
            match luma[n & 15..].first_chunk_mut::<4>() {
                Some(blocks) if self.transform_8x8 => *blocks = [[0; 16]; 4],
                _ => luma[n & 15] = [0; 16],
            }
            left &= left - 1;
        }
        let mut left = self.coded >> 16;
        while left != 0 {
            chroma[left.trailing_zeros() as usize & 7] = [0; 16];
            left &= left - 1;
        }
        self.coded = 0;
    }
}

/// Position of the 4x4 blocks in decoding order: column and row.
pub(crate) const BLOCKS: [(usize, usize); 16] = {
    let mut blocks = [(0, 0); 16];
    let mut n = 0;
    while n < 16 {
        blocks[n] = (n % 2 + n / 4 % 2 * 2, n / 2 % 2 + n / 8 * 2);
        n += 1;
    }
    blocks
};

/// Decoding order of the 4x4 blocks in raster order.
pub(crate) const ORDER: [u8; 16] = {
    let mut order = [0; 16];
    let mut n = 0_u8;
    while n < 16 {
        let (x, y) = BLOCKS[n as usize];
        order[4 * y + x] = n;
        n += 1;
    }
    order
};
