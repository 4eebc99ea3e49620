//! The loop filter of an edge.

use super::Sample;
use crate::vp9::{VP9_EDGE_LINES, VP9_EDGE_UNITS, Vp9EdgeFilter, Vp9Edges};

/// Position of q0, the first sample after the edge, in the samples of a line.
const Q0: usize = 8;

/// Thresholds of an edge unit, for 8 bits.
#[derive(Clone, Copy)]
struct Limits {
    edge: u8,
    inner: u8,
    variance: u8,
}

/// Filters the edge before the samples at `at + line * along`; samples across the edge are `across`
/// apart.
pub(crate) fn filter_edges<S: Sample>(
    depth: u8,
    plane: &mut [S],
    [across, along]: [usize; 2],
    at: usize,
    edges: &Vp9Edges,
) {
    for unit in 0..VP9_EDGE_UNITS {
        let filter = edges.filters[unit];
        if filter == Vp9EdgeFilter::NONE {
            continue;
        }
        let limits = Limits {
            edge: edges.edge[unit],
            inner: edges.inner[unit],
            variance: edges.variance[unit],
        };
        let reach = if filter == Vp9EdgeFilter::TAPS_16 { 8 } else { 4 };
        for line in VP9_EDGE_LINES * unit..VP9_EDGE_LINES * (unit + 1) {
            let first = at + line * along - reach * across;
            let mut samples = [0; 16];
            let used = &mut samples[Q0 - reach..Q0 + reach];
            for (index, to) in used.iter_mut().enumerate() {
                *to = plane[first + index * across].into();
            }
            filter_line(depth, &mut samples, filter, limits);
            for (index, &value) in samples[Q0 - reach..Q0 + reach].iter().enumerate() {
                plane[first + index * across] = S::from_value(value);
            }
        }
    }
}

/// Filters one line: p7 to p0, q0 to q7.
fn filter_line(depth: u8, s: &mut [i32; 16], filter: Vp9EdgeFilter, limits: Limits) {
    let limit = |value: u8| i32::from(value) << (depth - 8);
    let difference = |s: &[i32; 16], a: usize, b: usize| (s[a] - s[b]).abs();
    let step = |a: usize, b: usize| difference(s, a, b) <= limit(limits.inner);
    let inner = [(4, 5), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11)];
    let across = 2 * difference(s, 7, 8) + difference(s, 6, 9) / 2;
    if !inner.iter().all(|&(a, b)| step(a, b)) || across > limit(limits.edge) {
        return;
    }
    let near = |index: usize| {
        let centre = if index < Q0 { Q0 - 1 } else { Q0 };
        difference(s, index, centre) <= limit(1)
    };
    let is_flat = filter != Vp9EdgeFilter::TAPS_4 && [4, 5, 6, 9, 10, 11].into_iter().all(near);
    let is_flat_far =
        filter == Vp9EdgeFilter::TAPS_16 && [0, 1, 2, 3, 12, 13, 14, 15].into_iter().all(near);
    if is_flat && is_flat_far {
        average::<7>(s);
    } else if is_flat {
        average::<3>(s);
    } else {
        let variance = limit(limits.variance);
        let is_high = difference(s, 6, 7) > variance || difference(s, 9, 8) > variance;
        filter_4(depth, s, is_high);
    }
}

/// Replaces `REACH` samples on each side by averages of `2 * REACH + 1` samples, of which the middle
/// one counts twice. The outermost samples repeat.
fn average<const REACH: usize>(s: &mut [i32; 16]) {
    let before = *s;
    let (first, last) = (Q0 - REACH - 1, Q0 + REACH);
    for at in first + 1..last {
        let window = (0..=2 * REACH).map(|offset| (at + offset).saturating_sub(REACH));
        let sum: i32 = window.map(|index| before[index.clamp(first, last)]).sum();
        const { assert!(REACH == 3 || REACH == 7) };
        // The number of terms is 8 or 16.
        let shift = if REACH == 3 { 3 } else { 4 };
        s[at] = (sum + before[at] + (1 << (shift - 1))) >> shift;
    }
}

fn filter_4(depth: u8, s: &mut [i32; 16], is_high_variance: bool) {
    let (min, max) = (-(128 << (depth - 8)), (128 << (depth - 8)) - 1);
    let clamp = |value: i32| value.clamp(min, max);
    let [p1, p0, q0, q1] = [6, 7, 8, 9].map(|index: usize| s[index] + min);
    let outer = if is_high_variance { clamp(p1 - q1) } else { 0 };
    let change = clamp(outer + 3 * (q0 - p0));
    let (low, high) = (clamp(change + 4) >> 3, clamp(change + 3) >> 3);
    s[8] = clamp(q0 - low) - min;
    s[7] = clamp(p0 + high) - min;
    if !is_high_variance {
        let half = (low + 1) >> 1;
        s[9] = clamp(q1 - half) - min;
        s[6] = clamp(p1 + half) - min;
    }
}

pub(crate) fn vp9_filter_v(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges) {
    filter_edges(8, plane, [1, stride], at, edges);
}

pub(crate) fn vp9_filter_h(plane: &mut [u8], stride: usize, at: usize, edges: &Vp9Edges) {
    filter_edges(8, plane, [stride, 1], at, edges);
}
