//! The sample types (8 bits, or 10 and 12 bits), and the SIMD kernels for each type.

use std::fmt::Debug;

use codec_simd::Kernels;
use codec_simd::vp9::{Vp9Edges, Vp9IntraEdges, Vp9Motion, Vp9TxKind};
use codec_simd::vp9_high;

use crate::types::{IntraMode, TxSize};

/// Properties of a frame that select its kernels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kit {
    pub(crate) kernels: &'static Kernels,
    /// Bits of a sample: 8, 10 or 12.
    pub(crate) depth: u8,
    pub(crate) lossless: bool,
}

/// A dequantised coefficient.
pub(crate) trait Coefficient: Copy + Default + Debug + Send + Sync + 'static {
    /// The nearest value that the type holds.
    fn saturated(value: i64) -> Self;
}

impl Coefficient for i16 {
    #[inline]
    fn saturated(value: i64) -> Self {
        Self::try_from(value.clamp(Self::MIN.into(), Self::MAX.into())).unwrap_or_default()
    }
}

impl Coefficient for i32 {
    #[inline]
    fn saturated(value: i64) -> Self {
        Self::try_from(value.clamp(Self::MIN.into(), Self::MAX.into())).unwrap_or_default()
    }
}

/// A block of a plane for writing: its samples from the first one on, and the stride.
pub(crate) type Target<'a, S> = (&'a mut [S], usize);

/// A sample, with the kernels of its depth. All kernels are as in [`Kernels`].
pub(crate) trait Sample: Copy + Default + Debug + Send + Sync + 'static {
    type Coefficient: Coefficient;

    /// Returns `value`, which has at most the kit's depth.
    fn from_value(value: u16) -> Self;

    fn inverse_transform(
        kit: &Kit,
        size: TxSize,
        kind: Vp9TxKind,
        coefficients: &mut [Self::Coefficient; 1024],
        positions: u16,
        to: Target<'_, Self>,
    );

    /// Interpolates a block; `steps` is `None` unless the reference has another size.
    fn predict(
        kit: &Kit,
        motion: Vp9Motion,
        steps: Option<[u8; 2]>,
        from: (&[Self], usize),
        to: Target<'_, Self>,
    );

    fn predict_intra(
        kit: &Kit,
        mode: IntraMode,
        size: TxSize,
        edges: &Vp9IntraEdges<Self>,
        to: Target<'_, Self>,
    );

    /// Filters the edges before the sample at `at`: vertical ones, or horizontal ones.
    fn filter(kit: &Kit, is_vertical: bool, plane: Target<'_, Self>, at: usize, edges: &Vp9Edges);
}

impl Sample for u8 {
    type Coefficient = i16;

    #[inline]
    fn from_value(value: u16) -> Self {
        value.to_le_bytes()[0]
    }

    #[inline]
    fn inverse_transform(
        kit: &Kit,
        size: TxSize,
        kind: Vp9TxKind,
        coefficients: &mut [i16; 1024],
        positions: u16,
        (to, stride): Target<'_, Self>,
    ) {
        kit.kernels.vp9_inverse_transform(size, kind, coefficients, positions, to, stride);
    }

    #[inline]
    fn predict(
        kit: &Kit,
        motion: Vp9Motion,
        steps: Option<[u8; 2]>,
        (from, from_stride): (&[Self], usize),
        (to, stride): Target<'_, Self>,
    ) {
        match steps {
            None => kit.kernels.vp9_predict(motion, from, from_stride, to, stride),
            Some(steps) => {
                kit.kernels.vp9_predict_scaled(motion, steps, from, from_stride, to, stride);
            }
        }
    }

    #[inline]
    fn predict_intra(
        kit: &Kit,
        mode: IntraMode,
        size: TxSize,
        edges: &Vp9IntraEdges<Self>,
        (to, stride): Target<'_, Self>,
    ) {
        kit.kernels.vp9_predict_intra(mode, size, edges, to, stride);
    }

    #[inline]
    fn filter(
        kit: &Kit,
        is_vertical: bool,
        (plane, stride): Target<'_, Self>,
        at: usize,
        edges: &Vp9Edges,
    ) {
        if is_vertical {
            kit.kernels.vp9_filter_v(plane, stride, at, edges);
        } else {
            kit.kernels.vp9_filter_h(plane, stride, at, edges);
        }
    }
}

impl Sample for u16 {
    type Coefficient = i32;

    #[inline]
    fn from_value(value: u16) -> Self {
        value
    }

    fn inverse_transform(
        kit: &Kit,
        size: TxSize,
        kind: Vp9TxKind,
        coefficients: &mut [i32; 1024],
        positions: u16,
        (to, stride): Target<'_, Self>,
    ) {
        vp9_high::inverse_transform(size, kind, coefficients, positions, kit.depth, to, stride);
    }

    fn predict(
        kit: &Kit,
        motion: Vp9Motion,
        steps: Option<[u8; 2]>,
        (from, from_stride): (&[Self], usize),
        (to, stride): Target<'_, Self>,
    ) {
        let depth = kit.depth;
        match steps {
            None => vp9_high::predict(motion, depth, from, from_stride, to, stride),
            Some(steps) => {
                vp9_high::predict_scaled(motion, steps, depth, from, from_stride, to, stride);
            }
        }
    }

    fn predict_intra(
        kit: &Kit,
        mode: IntraMode,
        size: TxSize,
        edges: &Vp9IntraEdges<Self>,
        (to, stride): Target<'_, Self>,
    ) {
        vp9_high::predict_intra(mode, size, edges, kit.depth, to, stride);
    }

    fn filter(
        kit: &Kit,
        is_vertical: bool,
        (plane, stride): Target<'_, Self>,
        at: usize,
        edges: &Vp9Edges,
    ) {
        if is_vertical {
            vp9_high::filter_v(kit.depth, plane, stride, at, edges);
        } else {
            vp9_high::filter_h(kit.depth, plane, stride, at, edges);
        }
    }
}
