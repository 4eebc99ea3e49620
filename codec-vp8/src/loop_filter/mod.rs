//! Loop filters: filter levels, limits and filtering of a macroblock row. RFC 6386, sections 9.3,
//! 9.6 and 15.

mod row_pair;

pub use row_pair::filter_row_pair;

use codec_simd::{EdgeLimits, Kernels, MbLimits, YuvWindows};

use super::header::FrameHeader;
use super::rows::MbRow;
use super::types::{InterMode, IntraLuma, MbInfo, MbMode};

/// Limits for one filter level. Section 15.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LevelLimits {
    /// Limits of macroblock edges.
    mb: EdgeLimits,
    /// Limits of inner edges.
    inner: EdgeLimits,
}

impl LevelLimits {
    fn new(level: u8, sharpness: u8, is_key: bool) -> Self {
        let shift = u8::from(sharpness > 0) + u8::from(sharpness > 4);
        let most = if sharpness > 0 { 9 - sharpness } else { u8::MAX };
        let interior = (level >> shift).min(most).max(1);
        let hev = match (level, is_key) {
            (40.., true) => 2,
            (15.., true) => 1,
            (40.., false) => 3,
            (20.., false) => 2,
            (15.., false) => 1,
            _ => 0,
        };
        Self {
            mb: EdgeLimits { edge: (level + 2) * 2 + interior, interior, hev },
            inner: EdgeLimits { edge: level * 2 + interior, interior, hev },
        }
    }
}

/// Loop filter parameters of a frame, derived from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterParams {
    is_simple: bool,
    is_off: bool,
    /// Filter level by segment, reference and mode class.
    levels: [[[u8; 4]; 4]; 4],
    limits: [LevelLimits; 64],
    /// Limits of a macroblock with a left edge by filter level, without and with inner edges.
    mb_limits: [[MbLimits; 2]; 64],
}

impl FilterParams {
    /// Derives levels and limits from a frame header.
    #[must_use]
    pub fn new(header: &FrameHeader) -> Self {
        let filter = &header.filter;
        let segmentation = &header.segmentation;
        let mut levels = [[[0; 4]; 4]; 4];
        for (segment, levels) in (0..).zip(&mut levels) {
            let base = segmentation.level(filter.level, segment);
            for (reference, levels) in levels.iter_mut().enumerate() {
                for (class, level) in levels.iter_mut().enumerate() {
                    *level = base;
                    if filter.deltas_enabled {
                        // The first mode delta applies only to intra macroblocks, the others only
                        // to inter macroblocks.
                        let is_intra = reference == 0;
                        let mode =
                            if is_intra && class != 0 { 0 } else { filter.mode_deltas[class] };
                        let delta = i16::from(filter.reference_deltas[reference]) + i16::from(mode);
                        let adjusted = (i16::from(base) + delta).clamp(0, 63);
                        *level = u8::try_from(adjusted).unwrap_or_default();
                    }
                }
            }
        }
        let mut level = 0;
        let limits = [(); 64].map(|()| {
            let limits = LevelLimits::new(level, filter.sharpness, header.is_key);
            level += 1;
            limits
        });
        let mb_limits = limits.map(|LevelLimits { mb, inner }| {
            [EdgeLimits::OFF, inner].map(|inner| MbLimits { left: mb, upper: mb, inner })
        });
        Self { is_simple: filter.is_simple, is_off: filter.level == 0, levels, limits, mb_limits }
    }

    /// Returns whether the filter is off for all macroblocks.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// Returns the filter strength of `mb`.
    #[inline]
    #[must_use]
    pub fn strength(&self, mb: &MbInfo) -> MbStrength {
        let class = match mb.mode {
            MbMode::Intra { luma: IntraLuma::PerBlock, .. } => 0,
            MbMode::Intra { luma: IntraLuma::Whole(_), .. }
            | MbMode::Inter { mode: InterMode::Zero, .. } => 1,
            MbMode::Inter {
                mode: InterMode::Nearest | InterMode::Near | InterMode::New, ..
            } => 2,
            MbMode::Inter { mode: InterMode::Split(_), .. } => 3,
        };
        let level = self.levels[usize::from(mb.segment & 3)][mb.mode.reference_index()][class];
        MbStrength { level, inner: mb.has_coeffs || mb.mode.has_subblocks() }
    }
}

/// Filter strength of a macroblock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MbStrength {
    /// Level, 0..=63; 0 disables the filter.
    pub level: u8,
    /// Whether inner edges are filtered as well. Section 15.1.
    pub inner: bool,
}

/// Filters a macroblock row with one macroblock per item of `strengths`: inner edges, left edges,
/// and upper edges.
///
/// The latter change the last three lines of the row `above` (`None` at the top of the frame).
///
/// The row above must be filtered already. The unfiltered pixels that later rows predict from must
/// have been saved.
pub fn filter_row(
    kernels: &Kernels,
    params: &FilterParams,
    strengths: impl Iterator<Item = MbStrength>,
    row: &mut MbRow<'_>,
    mut above: Option<&mut MbRow<'_>>,
) {
    if params.is_off {
        return;
    }
    for (x, MbStrength { level, inner }) in strengths.enumerate() {
        if level == 0 {
            continue;
        }
        let limits = &params.limits[usize::from(level & 63)];
        let inner = inner.then_some(limits.inner);
        if params.is_simple {
            filter_mb_simple(kernels, x, limits.mb.edge, inner, row, above.as_deref_mut());
        } else {
            filter_mb_normal(kernels, x, limits.mb, inner, row, above.as_deref_mut());
        }
    }
}

/// The normal filter. Section 15.3. The four steps have the order of the standard.
#[inline]
fn filter_mb_normal(
    kernels: &Kernels,
    x: usize,
    edge: EdgeLimits,
    inner: Option<EdgeLimits>,
    row: &mut MbRow<'_>,
    above: Option<&mut MbRow<'_>>,
) {
    if x > 0 {
        filter_left_edge(kernels, x, edge, row);
    }
    if let Some(limits) = inner {
        filter_inner_edges_v(kernels, x, limits, row);
    }
    if let Some(above) = above {
        filter_upper_edge(kernels, x, edge, row, above);
    }
    if let Some(limits) = inner {
        filter_inner_edges_h(kernels, x, limits, row);
    }
}

#[inline]
fn filter_left_edge(kernels: &Kernels, x: usize, limits: EdgeLimits, row: &mut MbRow<'_>) {
    let YuvWindows { y, u, v } = row.left_edge(x);
    kernels.filter_mb_edge_v_16(y, limits);
    kernels.filter_mb_edge_v_uv(u, v, limits);
}

#[inline]
fn filter_inner_edges_v(kernels: &Kernels, x: usize, limits: EdgeLimits, row: &mut MbRow<'_>) {
    let YuvWindows { y, u, v } = row.mb(x);
    kernels.filter_inner_edges_v_16(y, limits);
    kernels.filter_inner_edge_v_uv(u, v, limits);
}

#[inline]
fn filter_upper_edge(
    kernels: &Kernels,
    x: usize,
    limits: EdgeLimits,
    row: &mut MbRow<'_>,
    above: &mut MbRow<'_>,
) {
    let (above, below) = (above.bottom(x), row.top(x));
    kernels.filter_mb_edge_h_16(above.y, below.y, limits);
    kernels.filter_mb_edge_h_uv(above.u, below.u, above.v, below.v, limits);
}

#[inline]
fn filter_inner_edges_h(kernels: &Kernels, x: usize, limits: EdgeLimits, row: &mut MbRow<'_>) {
    let YuvWindows { y, u, v } = row.mb(x);
    kernels.filter_inner_edges_h_16(y, limits);
    kernels.filter_inner_edge_h_uv(u, v, limits);
}

/// The simple filter: luma only, edge limits only. Section 15.2.
#[inline]
fn filter_mb_simple(
    kernels: &Kernels,
    x: usize,
    edge: u8,
    inner: Option<EdgeLimits>,
    row: &mut MbRow<'_>,
    above: Option<&mut MbRow<'_>>,
) {
    let luma = 16 * x;
    if x > 0 {
        kernels.simple_edge_v_16(row.y.window_mut(luma - 2, 0), edge);
    }
    if let Some(limits) = inner {
        kernels.simple_inner_edges_v_16(row.y.window_mut(luma, 0), limits.edge);
    }
    if let Some(above) = above {
        kernels.simple_edge_h_16(above.y.window_mut(luma, 14), row.y.window_mut(luma, 0), edge);
    }
    if let Some(limits) = inner {
        kernels.simple_inner_edges_h_16(row.y.window_mut(luma, 0), limits.edge);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_level_and_sharpness() {
        let limits = LevelLimits::new(63, 0, false);
        assert_eq!(limits.mb, EdgeLimits { edge: 193, interior: 63, hev: 3 });
        assert_eq!(limits.inner, EdgeLimits { edge: 189, interior: 63, hev: 3 });
        assert_eq!(LevelLimits::new(63, 1, true).mb.interior, 8);
        assert_eq!(LevelLimits::new(63, 7, true).mb.interior, 2);
        assert_eq!(LevelLimits::new(10, 4, true).mb.interior, 5);
        assert_eq!(LevelLimits::new(10, 5, true).mb.interior, 2);
        assert_eq!(LevelLimits::new(1, 5, true).mb.interior, 1);
        let hev = |level, is_key| LevelLimits::new(level, 0, is_key).mb.hev;
        assert_eq!([14, 15, 19, 20, 39, 40].map(|l| hev(l, true)), [0, 1, 1, 1, 1, 2]);
        assert_eq!([14, 15, 19, 20, 39, 40].map(|l| hev(l, false)), [0, 1, 1, 2, 2, 3]);
    }
}
