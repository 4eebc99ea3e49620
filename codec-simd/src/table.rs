//! The kernel table: one entry per operation, one static table per level.

use crate::color::{RgbWeights, YuvWeights};
use crate::h264_quantiser::{H264Quantised, H264Quantiser};
use crate::half_planes::{HalfPlanes8, HalfPlanes16};
use crate::level::Level;
use crate::scalar;
use crate::temporal::TemporalWeights;
use crate::types::{
    Block16, BlockMask, BlockUv, DeblockEdge, DeblockMb, EdgeLimits, Edges, Edges4, Error8x8,
    IntraMode, MbLimits, Quantiser, SubblockMode, YuvWindows,
};
use crate::view::{PlaneRef, Window, WindowMut};
use crate::vmaf::{VmafAdm, VmafScratch, VmafVif};
use crate::vp9::{
    Vp9Edges, Vp9IntraEdges, Vp9IntraMode, Vp9Motion, Vp9Quantised, Vp9Quantiser, Vp9TxKind,
    Vp9TxSize,
};

/// Each entry becomes a private `unsafe fn` field and a safe method with the same contract.
macro_rules! kernel_table {
    ($( $(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)?; )*) => {
        /// The kernels of one [`Level`]. Fetched once, then passed down as `&'static Kernels`.
        ///
        /// `_h` means a horizontal edge (between rows), `_v` a vertical one (between columns).
        #[derive(Clone, Copy, Debug)]
        pub struct Kernels {
            pub(crate) level: Level,
            $( pub(crate) $name: unsafe fn($($ty),*) $(-> $ret)?, )*
        }

        #[expect(clippy::too_many_arguments, reason = "each argument is an input of the kernel")]
        impl Kernels {
            /// Names of all kernels, in the order of the table.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            $(
                $(#[$doc])*
                #[inline]
                pub fn $name(&self, $($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: the kernels require only their instruction set, and `for_level`, the
                    // only way to get a table, returns it only if the CPU has that level.
                    unsafe { (self.$name)($($arg),*) }
                }
            )*
        }

        /// The reference: every other level must give equal results.
        pub(crate) const SCALAR: Kernels =
            Kernels { level: Level::Scalar, $( $name: scalar::$name, )* };
    };
}

kernel_table! {
    // ---- cost ----
    /// Sum of absolute differences over 16x16 pixels: 0..=65280.
    sad_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32;
    /// [`Self::sad_16x16`] against four candidates.
    sad_16x16_x4(cur: &Block16, refs: [Window<'_, 16, 16>; 4]) -> [u32; 4];
    /// Sums of absolute differences of the four 8x8 quadrants: top left, top right, bottom left,
    /// bottom right.
    sad_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4];
    /// Sum of absolute differences over 8x8 pixels.
    sad_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32;
    /// [`Self::sad_8x8`] against four candidates.
    sad_8x8_x4(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 4]) -> [u32; 4];
    /// Sum of absolute differences over 4x4 pixels.
    sad_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32;
    /// Sum of squared differences over 16x16 pixels: 0..=16646400.
    sse_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32;
    /// Sums of squared differences of the four 8x8 quadrants, as [`Self::sad_16x16_quads`].
    sse_16x16_quads(cur: &Block16, refp: Window<'_, 16, 16>) -> [u32; 4];
    /// Sum of squared differences over 8x8 pixels.
    sse_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32;
    /// Errors of the prediction of the four 8x8 quadrants, as [`Self::sad_16x16_quads`].
    errors_16x16(cur: &Block16, pred: Window<'_, 16, 16>) -> [Error8x8; 4];
    /// Error of the prediction of 8x8 pixels.
    errors_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>) -> Error8x8;
    /// Sum of squared differences over 4x4 pixels.
    sse_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32;
    /// Sum of squared differences over both chroma blocks.
    sse_uv(cur: &BlockUv, refp: &BlockUv) -> u32;
    /// Sum of the pixels and of their squares.
    moments_16x16(cur: &Block16) -> (u32, u32);
    /// Half the sum of the absolute coefficients of the sixteen 4x4 Hadamard transforms of the
    /// difference, rounded down once at the end.
    satd_16x16(cur: &Block16, refp: Window<'_, 16, 16>) -> u32;
    /// As [`Self::satd_16x16`], over four 4x4 blocks.
    satd_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 8, 8>) -> u32;
    /// As [`Self::satd_16x16`], over one 4x4 block.
    satd_4x4(cur: Window<'_, 4, 4>, refp: Window<'_, 4, 4>) -> u32;
    /// [`Self::sad_16x16`] against the mean of two windows, rounded up.
    sad_mean_16x16(cur: &Block16, refs: [Window<'_, 16, 16>; 2]) -> u32;
    /// [`Self::sad_8x8`] against the mean of two windows, rounded up.
    sad_mean_8x8(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 2]) -> u32;
    /// [`Self::satd_16x16`] against the mean of two windows, rounded up.
    satd_mean_16x16(cur: &Block16, refs: [Window<'_, 16, 16>; 2]) -> u32;
    /// [`Self::satd_8x8`] against the mean of two windows, rounded up.
    satd_mean_8x8(cur: Window<'_, 8, 8>, refs: [Window<'_, 8, 8>; 2]) -> u32;
    /// Sum of squared differences against the bilinear interpolation of `refp` at (`fx`, `fy`)
    /// eighths of a pixel, each 0..=7. `refp` has one column and one row more than the block. First
    /// pass horizontal over 17 rows, `(a * (8 - f) + b * f + 4) >> 3`, second vertical likewise.
    sse_bilinear_16x16(cur: &Block16, refp: Window<'_, 17, 17>, fx: u8, fy: u8) -> u32;
    /// [`Self::sse_bilinear_16x16`] by quadrant, as [`Self::sse_16x16_quads`]; columns 17.. of `refp` are
    /// not used.
    sse_bilinear_16x16_quads(cur: &Block16, refp: Window<'_, 24, 17>, fx: u8, fy: u8) -> [u32; 4];
    /// As [`Self::sse_bilinear_16x16`], over 8x8 pixels; columns 9.. of `refp` are not used.
    sse_bilinear_8x8(cur: Window<'_, 8, 8>, refp: Window<'_, 16, 9>, fx: u8, fy: u8) -> u32;
    /// [`Self::sse_bilinear_16x16`] at the eight half-pixel neighbours of the window's pixel
    /// (1, 1), in the order of offsets (x, y) in halves: (-1,-1) (0,-1) (1,-1) (-1,0) (1,0)
    /// (-1,1) (0,1) (1,1).
    sse_half_ring_16x16(cur: &Block16, refp: Window<'_, 18, 18>) -> [u32; 8];
    /// Sum of squared differences of two equally long rows. Panics if the lengths differ.
    sse_row(a: &[u8], b: &[u8]) -> u64;

    // ---- prediction ----
    /// Copies 16x16 pixels.
    copy_16x16(refp: Window<'_, 16, 16>, dst: WindowMut<'_, 16, 16>);
    /// Copies 8x8 pixels.
    copy_8x8(refp: Window<'_, 8, 8>, dst: WindowMut<'_, 8, 8>);
    /// Copies 4x4 pixels.
    copy_4x4(refp: Window<'_, 4, 4>, dst: WindowMut<'_, 4, 4>);
    /// Six-tap interpolation (RFC 6386, section 18.3) at (`fx`, `fy`) eighths of a pixel, each
    /// 0..=7. The block's top-left pixel is `refp` (2, 2). Horizontal pass first, rounded and
    /// clamped to bytes, then vertical; a fraction of 0 skips its pass.
    sixtap_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>);
    /// As [`Self::sixtap_16x16`]; columns 13.. of `refp` are not used.
    sixtap_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>);
    /// [`Self::sixtap_8x8`] of two blocks, at the same fractions.
    sixtap_8x8_x2(
        refs: [Window<'_, 16, 13>; 2],
        fx: u8,
        fy: u8,
        dsts: [WindowMut<'_, 8, 8>; 2]
    );
    /// As [`Self::sixtap_16x16`]; columns 9.. of `refp` are not used.
    sixtap_4x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>);
    /// Bilinear interpolation (RFC 6386, section 18.3) at (`fx`, `fy`) eighths of a pixel, each
    /// 0..=7: `(a * (128 - 16 f) + b * 16 f + 64) >> 7`, horizontal first over 17 rows, bytes
    /// between the passes.
    bilinear_16x16(refp: Window<'_, 17, 17>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>);
    /// As [`Self::bilinear_16x16`]; columns 9.. of `refp` are not used.
    bilinear_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>);
    /// As [`Self::bilinear_16x16`]; columns 5.. of `refp` are not used.
    bilinear_4x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>);
    /// Intra prediction of a luma macroblock (RFC 6386, section 12.2).
    intra_16x16(mode: IntraMode, edges: &Edges<16>, dst: WindowMut<'_, 16, 16>);
    /// Intra prediction of one chroma block (RFC 6386, section 12.2).
    intra_8x8(mode: IntraMode, edges: &Edges<8>, dst: WindowMut<'_, 8, 8>);
    /// Intra prediction of one sub-block (RFC 6386, section 12.3).
    intra_4x4(mode: SubblockMode, edges: &Edges4, dst: WindowMut<'_, 4, 4>);
    /// Intra prediction of one sub-block with all ten modes, in the order of [`SubblockMode::ALL`].
    /// Returns the squared error of each prediction of `cur`.
    intra_4x4_all(
        cur: Window<'_, 4, 4>,
        edges: &Edges4,
        predictions: &mut [[[u8; 4]; 4]; 10]
    ) -> [u32; 10];

    // ---- transform and quantisation ----
    /// Forward 4x4 DCT of the difference `cur - pred`, sixteen blocks in raster order, each with
    /// its coefficients in raster order, scaled as RFC 6386's inverse expects.
    fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]);
    /// As [`Self::fdct_luma`]: four blocks of U, then four of V.
    fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]);
    /// As [`Self::fdct_luma`], one block.
    fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]);
    /// Forward Walsh-Hadamard transform of the sixteen luma DCs, raster order in and out: half the
    /// sums, such that [`Self::inverse_wht`] gives back the input exactly. Sums wrap at 16 bits,
    /// which DCs of [`Self::fdct_luma`] (at most 2040) do not reach.
    forward_wht(dcs: &[i16; 16]) -> [i16; 16];
    /// Quantises `coeffs` (raster order): see [`Quantiser`]. `levels` come out in zig-zag order
    /// and `dequantised` in raster order; `eobs[n]` is the position after the last non-zero level
    /// of block `n` in zig-zag order, 0 for an empty block. All four slices are equally long.
    /// Panics if they are not.
    quantise(
        coeffs: &[[i16; 16]],
        quantiser: &Quantiser,
        levels: &mut [[i16; 16]],
        dequantised: &mut [[i16; 16]],
        eobs: &mut [u8]
    );
    /// Sum of squared differences of coefficients, over equally long slices. Panics if they are
    /// not. Differences saturate at 16 bits, the sum at 32. Four times the squared error of the
    /// pixels for DCT coefficients, sixteen times for coefficients of [`Self::forward_wht`].
    coeff_sse(a: &[[i16; 16]], b: &[[i16; 16]]) -> u32;
    /// Estimated cost of the levels relative to zeros, sign included, in sixteenths of a bit, over
    /// all blocks, without contexts.
    level_bits(levels: &[[i16; 16]]) -> u32;
    /// [`Self::fdct_luma`], [`Self::quantise`] and [`Self::coeff_sse`] in one. Returns the squared
    /// error of the dequantised coefficients. `dcs` receives the sixteen DCs; if
    /// `quantiser.zbin[0]` is [`Quantiser::NEVER`] they count as 0 in all other results, because Y2
    /// codes them.
    transform_quantise_luma(
        cur: &Block16,
        pred: &Block16,
        quantiser: &Quantiser,
        levels: &mut [[i16; 16]; 16],
        dequantised: &mut [[i16; 16]; 16],
        eobs: &mut [u8; 16],
        dcs: &mut [i16; 16]
    ) -> u32;
    /// As [`Self::transform_quantise_luma`]: four blocks of U, then four of V, with their DCs.
    transform_quantise_chroma(
        cur: &BlockUv,
        pred: &BlockUv,
        quantiser: &Quantiser,
        levels: &mut [[i16; 16]; 8],
        dequantised: &mut [[i16; 16]; 8],
        eobs: &mut [u8; 8]
    ) -> u32;
    /// [`Self::fdct_4x4`] and [`Self::quantise`] of one block in one.
    transform_quantise_4x4(
        cur: Window<'_, 4, 4>,
        pred: Window<'_, 4, 4>,
        quantiser: &Quantiser,
        levels: &mut [i16; 16],
        dequantised: &mut [i16; 16],
        eob: &mut u8
    );
    /// Inverse Walsh-Hadamard transform (RFC 6386, section 14.3): the sixteen luma DCs in raster
    /// order. Sums wrap at 16 bits.
    inverse_wht(coeffs: &[i16; 16]) -> [i16; 16];
    /// Adds the inverse 4x4 DCT (RFC 6386, section 14.4) of `coeffs` (dequantised, raster order)
    /// to `dst`, clamped. Sums wrap at 16 bits.
    idct_add_4x4(coeffs: &[i16; 16], dst: WindowMut<'_, 4, 4>);
    /// As [`Self::idct_add_4x4`] for the sixteen blocks of a macroblock; blocks with a clear `any`
    /// bit are skipped, for those with a clear `ac` bit only the DC is added.
    idct_add_luma(coeffs: &[[i16; 16]; 16], mask: BlockMask, dst: WindowMut<'_, 16, 16>);
    /// As [`Self::idct_add_luma`] for a macroblock with Y2: its DCs come from `dcs`, and those in
    /// the blocks are ignored; bit `n` of `ac` belongs to block `n`.
    idct_add_luma_y2(
        coeffs: &[[i16; 16]; 16],
        dcs: &[i16; 16],
        ac: u32,
        dst: WindowMut<'_, 16, 16>
    );
    /// As [`Self::idct_add_luma`]: bits 0..4 and the first four blocks are U, the rest V.
    idct_add_chroma(
        coeffs: &[[i16; 16]; 8],
        mask: BlockMask,
        u: WindowMut<'_, 8, 8>,
        v: WindowMut<'_, 8, 8>
    );

    // ---- loop filter (RFC 6386, section 15) ----
    /// Macroblock edge between `above` and `below`, 16 pixels long.
    filter_mb_edge_h_16(
        above: WindowMut<'_, 16, 4>,
        below: WindowMut<'_, 16, 4>,
        limits: EdgeLimits
    );
    /// Macroblock edge between columns 3 and 4, 16 pixels long.
    filter_mb_edge_v_16(pixels: WindowMut<'_, 8, 16>, limits: EdgeLimits);
    /// The three horizontal edges inside a luma macroblock, from top to bottom.
    filter_inner_edges_h_16(mb: WindowMut<'_, 16, 16>, limits: EdgeLimits);
    /// The three vertical edges inside a luma macroblock, from left to right.
    filter_inner_edges_v_16(mb: WindowMut<'_, 16, 16>, limits: EdgeLimits);
    /// Macroblock edge between `above` and `below` in U and V, 8 pixels long.
    filter_mb_edge_h_uv(
        u_above: WindowMut<'_, 8, 4>,
        u_below: WindowMut<'_, 8, 4>,
        v_above: WindowMut<'_, 8, 4>,
        v_below: WindowMut<'_, 8, 4>,
        limits: EdgeLimits
    );
    /// Macroblock edge between columns 3 and 4 in U and V, 8 pixels long.
    filter_mb_edge_v_uv(u: WindowMut<'_, 8, 8>, v: WindowMut<'_, 8, 8>, limits: EdgeLimits);
    /// The horizontal edge in the middle of each chroma block.
    filter_inner_edge_h_uv(u: WindowMut<'_, 8, 8>, v: WindowMut<'_, 8, 8>, limits: EdgeLimits);
    /// The vertical edge in the middle of each chroma block.
    filter_inner_edge_v_uv(u: WindowMut<'_, 8, 8>, v: WindowMut<'_, 8, 8>, limits: EdgeLimits);
    /// All edges of two macroblocks in all planes, in the order of the standard: first the left
    /// edge, between columns 3 and 4 of `mbs`, then the vertical inner edges, the edge between
    /// `above` and the macroblock, and the horizontal inner edges.
    filter_mbs_x2(
        above: [YuvWindows<'_, 16, 4, 8, 4>; 2],
        mbs: [YuvWindows<'_, 20, 16, 12, 8>; 2],
        limits: [&MbLimits; 2]
    );
    /// Simple filter (RFC 6386, section 15.2) of the edge between `above` and `below`; `limit` is
    /// the edge limit.
    simple_edge_h_16(above: WindowMut<'_, 16, 2>, below: WindowMut<'_, 16, 2>, limit: u8);
    /// Simple filter of the edge between columns 1 and 2.
    simple_edge_v_16(pixels: WindowMut<'_, 4, 16>, limit: u8);
    /// Simple filter of the three horizontal edges inside a luma macroblock, from top to bottom.
    simple_inner_edges_h_16(mb: WindowMut<'_, 16, 16>, limit: u8);
    /// Simple filter of the three vertical edges inside a luma macroblock, from left to right.
    simple_inner_edges_v_16(mb: WindowMut<'_, 16, 16>, limit: u8);

    // ---- pixels ----
    /// Averages 2x2 pixels: `out[x] = (a[2x] + a[2x+1] + b[2x] + b[2x+1] + 2) >> 2`. Panics unless
    /// `a` and `b` are twice as long as `out`.
    halve_row(a: &[u8], b: &[u8], out: &mut [u8]);
    /// Splits interleaved chroma (NV12) into U and V. Panics unless `uv` is twice as long as each.
    split_uv_row(uv: &[u8], u: &mut [u8], v: &mut [u8]);

    // ---- H.264: prediction (ITU-T H.264, clause 8.4.2) ----
    /// Luma interpolation at (`fx`, `fy`) quarters of a pixel, each 0..=3. The block's top-left
    /// pixel is `refp` (2, 2).
    h264_luma_16x16(refp: Window<'_, 21, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 16>);
    /// As [`Self::h264_luma_16x16`].
    h264_luma_16x8(refp: Window<'_, 21, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 16, 8>);
    /// As [`Self::h264_luma_16x16`]; columns 13.. of `refp` are not used.
    h264_luma_8x16(refp: Window<'_, 16, 21>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 16>);
    /// As [`Self::h264_luma_16x16`]; columns 13.. of `refp` are not used.
    h264_luma_8x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>);
    /// As [`Self::h264_luma_16x16`]; columns 13.. of `refp` are not used.
    h264_luma_8x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 4>);
    /// As [`Self::h264_luma_16x16`]; columns 9.. of `refp` are not used.
    h264_luma_4x8(refp: Window<'_, 16, 13>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 8>);
    /// As [`Self::h264_luma_16x16`]; columns 9.. of `refp` are not used.
    h264_luma_4x4(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>);
    /// Chroma interpolation at (`fx`, `fy`) eighths of a pixel, each 0..=7. Columns 9.. of `refp`
    /// are not used.
    h264_chroma_8x8(refp: Window<'_, 16, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 8>);
    /// As [`Self::h264_chroma_8x8`]; columns 9.. of `refp` are not used.
    h264_chroma_8x4(refp: Window<'_, 16, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 8, 4>);
    /// As [`Self::h264_chroma_8x8`]; columns 5.. of `refp` are not used.
    h264_chroma_4x8(refp: Window<'_, 8, 9>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 8>);
    /// As [`Self::h264_chroma_8x8`]; columns 5.. of `refp` are not used.
    h264_chroma_4x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 4>);
    /// As [`Self::h264_chroma_8x8`]; columns 5.. of `refp` are not used.
    h264_chroma_4x2(refp: Window<'_, 8, 3>, fx: u8, fy: u8, dst: WindowMut<'_, 4, 2>);
    /// As [`Self::h264_chroma_8x8`]; columns 3.. of `refp` are not used.
    h264_chroma_2x4(refp: Window<'_, 8, 5>, fx: u8, fy: u8, dst: WindowMut<'_, 2, 4>);
    /// As [`Self::h264_chroma_8x8`]; columns 3.. of `refp` are not used.
    h264_chroma_2x2(refp: Window<'_, 8, 3>, fx: u8, fy: u8, dst: WindowMut<'_, 2, 2>);
    /// Replaces each pixel of a block by its mean with the pixel of `other`, rounded up. The block has
    /// `width` columns, 2, 4, 8 or 16, and the rows of `other`, which are `stride` bytes apart in
    /// `dst`. Panics if `stride` is 0.
    h264_average_block(dst: &mut [u8], stride: usize, width: usize, other: &[[u8; 16]]);
    /// Weighted prediction from one list: `((pixel * weight + round) >> log2_denom) + offset`,
    /// clamped, where `round` is half of the divisor. `log2_denom` is 0..=7, `weight` and `offset`
    /// are -128..=127. Sums wrap at 16 bits.
    h264_weight_rows(rows: &mut [[u8; 16]], log2_denom: u8, weight: i16, offset: i16);
    /// Weighted prediction from two lists: `(sum >> (log2_denom + 1)) + offset`, clamped, with the
    /// sum `a * weights[0] + b * weights[1] + (1 << log2_denom)`. `log2_denom` is 0..=7, weights are
    /// -128..=128 and `offset` is -128..=127. Sums wrap at 16 bits, which weights with a sum of at
    /// most 128 do not reach. Panics if the numbers of rows differ.
    h264_biweight_rows(
        rows: &mut [[u8; 16]],
        other: &[[u8; 16]],
        log2_denom: u8,
        weights: [i16; 2],
        offset: i16
    );

    // ---- H.264: transform (ITU-T H.264, clauses 8.5.12 and 8.5.13) ----
    /// Adds the inverse 4x4 transform of `coeffs` to `dst`, rounded and clamped. Coefficients are
    /// scaled and stored column by column. Sums wrap at 16 bits.
    h264_idct_add_4x4(coeffs: &[i16; 16], dst: WindowMut<'_, 4, 4>);
    /// Adds the inverse 8x8 transform, as [`Self::h264_idct_add_4x4`].
    h264_idct_add_8x8(coeffs: &[i16; 64], dst: WindowMut<'_, 8, 8>);
    /// [`Self::h264_idct_add_4x4`] for the blocks of a macroblock whose bit in `mask` is set, in
    /// decoding order: the four of each 8x8 block follow each other.
    h264_idct_add_luma(coeffs: &[[i16; 16]; 16], mask: u32, dst: WindowMut<'_, 16, 16>);
    /// As [`Self::h264_idct_add_luma`], for the four blocks of a chroma plane.
    h264_idct_add_chroma(coeffs: &[[i16; 16]; 4], mask: u32, dst: WindowMut<'_, 8, 8>);

    /// Forward 4x4 transform of `cur - pred`, the counterpart of [`Self::h264_idct_add_4x4`], without
    /// its scaling. Coefficients are stored column by column.
    h264_fdct_4x4(cur: Window<'_, 4, 4>, pred: Window<'_, 4, 4>, coeffs: &mut [i16; 16]);
    /// Forward 8x8 transform, as [`Self::h264_fdct_4x4`].
    h264_fdct_8x8(cur: Window<'_, 8, 8>, pred: Window<'_, 8, 8>, coeffs: &mut [i16; 64]);
    /// [`Self::h264_fdct_4x4`] of all blocks of a macroblock, in decoding order.
    h264_fdct_luma(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 16]; 16]);
    /// [`Self::h264_fdct_8x8`] of the four blocks of a macroblock.
    h264_fdct_luma_8x8(cur: &Block16, pred: &Block16, coeffs: &mut [[i16; 64]; 4]);
    /// As [`Self::h264_fdct_luma`]: four blocks of U, then four of V.
    h264_fdct_chroma(cur: &BlockUv, pred: &BlockUv, coeffs: &mut [[i16; 16]; 8]);

    // ---- H.264: quantisation ----
    /// Quantises `coeffs` (column by column): see [`H264Quantiser`]. `levels` are in zig-zag order,
    /// `dequantised` in columns; bit `i` of `positions[n]` is set if level `i` of block `n` is not
    /// zero. A DC that is not quantised counts as 0 in all results. All four slices are equally
    /// long, at most 32. Panics if they are not.
    h264_quantise_4x4(
        coeffs: &[[i16; 16]],
        quantiser: &H264Quantiser<16>,
        levels: &mut [[i16; 16]],
        dequantised: &mut [[i16; 16]],
        positions: &mut [u16]
    ) -> H264Quantised<1>;
    /// As [`Self::h264_quantise_4x4`], for 8x8 blocks.
    h264_quantise_8x8(
        coeffs: &[[i16; 64]],
        quantiser: &H264Quantiser<64>,
        levels: &mut [[i16; 64]],
        dequantised: &mut [[i16; 64]],
        positions: &mut [u64]
    ) -> H264Quantised<1>;
    /// The squared error of dequantised 4x4 blocks, over equally long slices, as in
    /// [`H264Quantised::sse`]. Panics if they are not.
    h264_coeff_sse_4x4(coeffs: &[[i16; 16]], dequantised: &[[i16; 16]]) -> u32;
    /// As [`Self::h264_coeff_sse_4x4`], for 8x8 blocks.
    h264_coeff_sse_8x8(coeffs: &[[i16; 64]], dequantised: &[[i16; 64]]) -> u32;
    /// [`Self::h264_fdct_luma`] and [`Self::h264_quantise_4x4`] in one. The parts of the result are
    /// the 8x8 blocks. `dcs` receives the sixteen DCs.
    h264_transform_quantise_luma(
        cur: &Block16,
        pred: &Block16,
        quantiser: &H264Quantiser<16>,
        levels: &mut [[i16; 16]; 16],
        dequantised: &mut [[i16; 16]; 16],
        positions: &mut [u16; 16],
        dcs: &mut [i16; 16]
    ) -> H264Quantised<4>;
    /// [`Self::h264_fdct_luma_8x8`] and [`Self::h264_quantise_8x8`] in one. The parts of the result
    /// are the blocks.
    h264_transform_quantise_luma_8x8(
        cur: &Block16,
        pred: &Block16,
        quantiser: &H264Quantiser<64>,
        levels: &mut [[i16; 64]; 4],
        dequantised: &mut [[i16; 64]; 4],
        positions: &mut [u64; 4]
    ) -> H264Quantised<4>;
    /// [`Self::h264_fdct_chroma`] and [`Self::h264_quantise_4x4`] in one, with a quantiser for U and
    /// one for V, which are the parts of the result. `dcs` receives four DCs of U, then four of V.
    h264_transform_quantise_chroma(
        cur: &BlockUv,
        pred: &BlockUv,
        quantisers: [&H264Quantiser<16>; 2],
        levels: &mut [[i16; 16]; 8],
        dequantised: &mut [[i16; 16]; 8],
        positions: &mut [u16; 8],
        dcs: &mut [i16; 8]
    ) -> H264Quantised<2>;
    /// [`Self::h264_fdct_4x4`] and [`Self::h264_quantise_4x4`] in one.
    h264_transform_quantise_4x4(
        cur: Window<'_, 4, 4>,
        pred: Window<'_, 4, 4>,
        quantiser: &H264Quantiser<16>,
        levels: &mut [i16; 16],
        dequantised: &mut [i16; 16],
        positions: &mut u16
    ) -> H264Quantised<1>;
    /// [`Self::h264_fdct_8x8`] and [`Self::h264_quantise_8x8`] in one.
    h264_transform_quantise_8x8(
        cur: Window<'_, 8, 8>,
        pred: Window<'_, 8, 8>,
        quantiser: &H264Quantiser<64>,
        levels: &mut [i16; 64],
        dequantised: &mut [i16; 64],
        positions: &mut u64
    ) -> H264Quantised<1>;

    // ---- H.264: motion search ----
    /// The half samples around a block of 16x16 samples, whose top-left is `refp` (3, 3).
    h264_half_planes_16x16(refp: Window<'_, 22, 22>, out: &mut HalfPlanes16);
    /// As [`Self::h264_half_planes_16x16`], around a block of 8x8 samples.
    h264_half_planes_8x8(refp: Window<'_, 14, 14>, out: &mut HalfPlanes8);

    // ---- H.264: deblocking (ITU-T H.264, clause 8.7.2) ----
    /// Luma edge between `above` and `below`, 16 pixels long.
    h264_deblock_luma_h(
        above: WindowMut<'_, 16, 4>,
        below: WindowMut<'_, 16, 4>,
        edge: DeblockEdge
    );
    /// Luma edge between columns 3 and 4, 16 pixels long.
    h264_deblock_luma_v(pixels: WindowMut<'_, 8, 16>, edge: DeblockEdge);
    /// Luma edge between columns 3 and 4, 8 pixels long.
    h264_deblock_luma_v_8(pixels: WindowMut<'_, 8, 8>, edge: DeblockEdge);
    /// Edge between `above` and `below` in one chroma plane, 8 pixels long.
    h264_deblock_chroma_h(
        above: WindowMut<'_, 8, 2>,
        below: WindowMut<'_, 8, 2>,
        edge: DeblockEdge
    );
    /// Edge between columns 1 and 2 in one chroma plane, 8 pixels long.
    h264_deblock_chroma_v(pixels: WindowMut<'_, 4, 8>, edge: DeblockEdge);
    /// Edge between rows 1 and 2 in both chroma planes, 8 pixels long.
    h264_deblock_chroma_pair_h(planes: [WindowMut<'_, 8, 4>; 2], edge: DeblockEdge);
    /// Edge between columns 1 and 2 in both chroma planes, 8 pixels long.
    h264_deblock_chroma_pair_v(planes: [WindowMut<'_, 4, 8>; 2], edge: DeblockEdge);
    /// Edge between columns 1 and 2 in one chroma plane, 4 pixels long.
    h264_deblock_chroma_v_4(pixels: WindowMut<'_, 4, 4>, edge: DeblockEdge);
    /// All edges of a macroblock in the order of the standard: vertical ones, then horizontal ones.
    /// The macroblock begins at (4, 4) of `luma`, and at (4, 2) of Cb and Cr.
    h264_deblock_mb(
        luma: WindowMut<'_, 20, 20>,
        chroma: [WindowMut<'_, 12, 10>; 2],
        edges: &DeblockMb<'_>
    );

    // ---- noise ----
    /// Sums of the differences between `source` and `history`, and of their absolute values, in
    /// sixteenths of a level, each rounded down, by groups of four columns. `history` is in 1/128 of
    /// a level, 0..=32640.
    temporal_sums_16x8(
        source: Window<'_, 16, 8>,
        history: &[[i16; 16]; 8]
    ) -> ([i32; 4], [i32; 4]);
    /// Moves `history` (in 1/128 of a level, 0..=32640) towards `source` by the share that `weights`
    /// gives to each pixel, and writes it to `dst`, rounded.
    temporal_blend_16x8(
        source: Window<'_, 16, 8>,
        history: &mut [[i16; 16]; 8],
        weights: &TemporalWeights<'_>,
        dst: WindowMut<'_, 16, 8>
    );
    /// Smooths the 16x8 pixels from (1, 1) of `source` on: adds a fifth of the differences of the
    /// four neighbours. The weight of a difference is 1 up to the limit of its column, falls above
    /// it, and is 0 from twice the limit on. Limits are at most 63; 0 copies the column.
    smooth_16x8(
        source: Window<'_, 18, 10>,
        limits: &[u8; 16],
        dst: &mut [[u8; 16]; 8]
    );

    // ---- colour ----
    /// Luma of pixels of three bytes. Panics unless `pixels` is three times as long as `luma`.
    rgb24_to_luma_row(pixels: &[u8], weights: &RgbWeights, luma: &mut [u8]);
    /// As [`Self::rgb24_to_luma_row`], of pixels of four bytes, the last of which is not used.
    rgb32_to_luma_row(pixels: &[u8], weights: &RgbWeights, luma: &mut [u8]);
    /// Chroma of two rows of pixels of three bytes: the chroma of the mean of 2x2 pixels; the last column
    /// of an odd width counts twice. Panics unless `a` and `b` have equal lengths, multiples of
    /// three, and `u` and `v` one sample for two pixels.
    rgb24_to_chroma_rows(
        a: &[u8],
        b: &[u8],
        weights: &RgbWeights,
        u: &mut [u8],
        v: &mut [u8]
    );
    /// As [`Self::rgb24_to_chroma_rows`], of pixels of four bytes, the last of which is not used.
    rgb32_to_chroma_rows(
        a: &[u8],
        b: &[u8],
        weights: &RgbWeights,
        u: &mut [u8],
        v: &mut [u8]
    );
    /// Pixels of three bytes from a row of luma and its row of chroma, each sample of which serves
    /// two pixels. Products are rounded to six fractional bits; sums saturate at 16 bits. Panics
    /// unless `u` and `v` have one sample for two of `y`, and `pixels` three bytes for each.
    i420_to_rgb24_row(y: &[u8], u: &[u8], v: &[u8], weights: &YuvWeights, pixels: &mut [u8]);
    /// As [`Self::i420_to_rgb24_row`], to pixels of four bytes, the last of which is 255.
    i420_to_rgb32_row(y: &[u8], u: &[u8], v: &[u8], weights: &YuvWeights, pixels: &mut [u8]);

    // ---- VP9 ----
    /// Adds the inverse transform of `n` x `n` coefficients to the block at the start of `dst`, and
    /// clears them. The coefficient in column `x` and row `y` is at `x * n + y`. `positions` is the
    /// bitwise or of the positions of all coefficients that are not zero. Panics if `dst` is too
    /// short for the block.
    vp9_inverse_transform(
        size: Vp9TxSize,
        kind: Vp9TxKind,
        coeffs: &mut [i16; 1024],
        positions: u16,
        dst: &mut [u8],
        stride: usize
    );
    /// Transforms the difference of the blocks at the starts of `cur` and `pred`. The coefficient in
    /// column `x` and row `y` of `n` x `n` is written to `x * n + y`, at eight times the orthonormal
    /// scale, for 32x32 at four times. `kind` must not be `Wht`. Panics if `cur` or `pred` is too short
    /// for the block.
    vp9_forward_transform(
        size: Vp9TxSize,
        kind: Vp9TxKind,
        cur: &[u8],
        cur_stride: usize,
        pred: &[u8],
        pred_stride: usize,
        coeffs: &mut [i16; 1024]
    );
    /// Quantises the coefficients of a transform, see [`Vp9Quantiser`]; the first one is the DC. Panics
    /// unless both slices have the same length: 16, 64, 256 or 1024.
    vp9_quantise(
        coeffs: &[i16],
        quantiser: &Vp9Quantiser,
        levels: &mut [i16]
    ) -> Vp9Quantised;
    /// Interpolates a block with 8 taps, `(sum + 64) >> 7`, horizontally first; samples are clipped
    /// between the passes. `src` begins three samples before the block and three rows above it, and
    /// has seven columns and rows more than the block. Panics if `src` or `dst` is too short.
    vp9_predict(
        motion: Vp9Motion,
        src: &[u8],
        src_stride: usize,
        dst: &mut [u8],
        dst_stride: usize
    );
    /// As [`Self::vp9_predict`] from a reference of another size: positions advance by `steps`
    /// (horizontal, vertical; 1..=32) sixteenths of a sample. `src` has as many columns and rows as
    /// the positions need.
    vp9_predict_scaled(
        motion: Vp9Motion,
        steps: [u8; 2],
        src: &[u8],
        src_stride: usize,
        dst: &mut [u8],
        dst_stride: usize
    );
    /// Predicts a square block from the samples next to it. Panics if `dst` is too short.
    vp9_predict_intra(
        mode: Vp9IntraMode,
        size: Vp9TxSize,
        edges: &Vp9IntraEdges<u8>,
        dst: &mut [u8],
        stride: usize
    );
    /// Filters the vertical edge before the samples at `at + line * stride`, for 32 lines. `plane` has
    /// the lines of all units, also of those that are not filtered, with the samples that the longest
    /// filter reads. Panics otherwise.
    vp9_filter_v(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges);
    /// Filters the horizontal edge above the samples at `at + line`, as [`Self::vp9_filter_v`].
    vp9_filter_h(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges);

    // ---- VMAF ----
    /// Visual information fidelity of the first scale: reference, then distorted frame. Panics unless
    /// both have the same size, of at least 9x9.
    vmaf_vif_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> VmafVif;
    /// As [`Self::vmaf_vif_8`], of `scale` 0 to 3, with 9, 5 and 3 instead of 17 taps in the later scales.
    /// `depth` is the number of bits of a sample in scale 0, 9 to 16.
    vmaf_vif_16(
        planes: [PlaneRef<'_, u16>; 2],
        scale: u32,
        depth: u32,
        scratch: &mut VmafScratch
    ) -> VmafVif;
    /// The second scale, with half of the rows and columns, rounded down. Panics if `out` has another
    /// size.
    vmaf_halve_8(plane: PlaneRef<'_>, out: &mut [u16], scratch: &mut VmafScratch);
    /// The scale after `scale`, 0 to 2, as [`Self::vmaf_halve_8`].
    vmaf_halve_16(
        plane: PlaneRef<'_, u16>,
        scale: u32,
        depth: u32,
        out: &mut [u16],
        scratch: &mut VmafScratch
    );
    /// Additive detail measure of the first scale: reference, then distorted frame. Writes both planes of
    /// the next scale, with half of the rows and columns, rounded up. Panics if they have another size,
    /// and unless the planes have the same size, of at least 5x5.
    vmaf_adm_8(
        planes: [PlaneRef<'_>; 2],
        next: [&mut [f32]; 2],
        scratch: &mut VmafScratch
    ) -> VmafAdm;
    /// As [`Self::vmaf_adm_8`], of samples of `depth` bits, 9 to 16.
    vmaf_adm_16(
        planes: [PlaneRef<'_, u16>; 2],
        depth: u32,
        next: [&mut [f32]; 2],
        scratch: &mut VmafScratch
    ) -> VmafAdm;
    /// As [`Self::vmaf_adm_8`], of `scale` 1 to 3.
    vmaf_adm_next(
        planes: [PlaneRef<'_, f32>; 2],
        scale: usize,
        next: [&mut [f32]; 2],
        scratch: &mut VmafScratch
    ) -> VmafAdm;
    /// The sum of the absolute differences of the previous and the current frame after a blur, in 1/256
    /// of an 8-bit sample level. Panics unless both have the same size, of at least 3x3.
    vmaf_motion_8(planes: [PlaneRef<'_>; 2], scratch: &mut VmafScratch) -> f64;
    /// As [`Self::vmaf_motion_8`], of samples of `depth` bits, 9 to 16.
    vmaf_motion_16(
        planes: [PlaneRef<'_, u16>; 2],
        depth: u32,
        scratch: &mut VmafScratch
    ) -> f64;
}

impl Kernels {
    /// The level of these kernels.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
}
