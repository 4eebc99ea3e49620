//! Chooses the quantiser of the first frame from a sample of it. Rate control has seen no frame of the content then: the
//! bits of the first frame at the quantiser that it expects are a third to three times of what it expects.
//!
//! The sample is a picture of some rows of macroblocks, one below the other, which a frame coder of its own codes as a
//! key frame.

use super::FrameCoder;
use crate::analysis::FrameAnalysis;
use crate::codec::plan::FramePlan;
use crate::codec::{EncoderConfig, Packet, RateControl};
use crate::error::Error;
use crate::fixed::{ONE_Q16, log2_q16, mul_div};
use crate::frame::{Chroma, Picture, Size};

/// Rows of macroblocks in a sample, at most half of those of the frame.
const ROWS: usize = 6;
/// Minimum number of rows: fewer say too little about the others.
const MIN_ROWS: usize = 3;
/// Bits of a row in its place, in percent of its bits in the sample. There, prediction from the row above is worse, because
/// that row is not its neighbour.
const SHARE_PCT: u64 = 88;
/// Estimated bits of the frame, in percent of its limit.
const GOAL_PCT: u64 = 95;
/// Maximum number of samples.
const SAMPLES: usize = 2;
/// Distance in octaves of bits over which the quantiser of the frame is taken from one sample. The bits fall with the step,
/// but not in all content equally fast.
const NEAR_Q16: i32 = ONE_Q16 / 2;
/// Share of a macroblock without detail in the bits of a row, in the unit of the intra costs of the analysis.
const MB_COST: u64 = 64;

/// Returns the quantiser index at which `picture`, a key frame with this analysis, is expected to take nearly the bits that
/// `plan` allows; the index of `plan` if its bits are not limited, or if the frame has too few rows. `packet` is scratch
/// memory.
///
/// # Errors
/// The errors of the frame coder.
pub(super) fn sampled_qindex<C: FrameCoder>(
    config: &EncoderConfig,
    knobs: C::Knobs,
    (picture, analysis): (&Picture<'_>, Option<&FrameAnalysis>),
    plan: &FramePlan,
    packet: &mut Packet,
) -> Result<u8, Error> {
    let is_cbr = matches!(config.rate.mode, RateControl::Cbr(_));
    let (Some(limit), true) = (plan.max_bits, is_cbr && plan.attempts > 1) else {
        return Ok(plan.qindex);
    };
    let Some(rows) = SampleRows::of(config.size) else { return Ok(plan.qindex) };
    let size = Size { height: rows.height(), ..config.size };
    let pixels = rows.pixels(picture);
    let sample = Picture::i420_packed(size, &pixels)?.with_info(picture.info);
    let mut coder = C::open(&EncoderConfig { size, ..config.clone() }, knobs)?;
    let mut trial = FramePlan { max_bits: None, attempts: 1, drop_above_bits: None, ..*plan };
    let analysis = analysis.filter(|analysis| analysis.size == config.size);
    let goal_q16 = log2_q16(mul_div(limit, GOAL_PCT, 100).max(1));
    let (finest, _) = C::codec().capabilities.allowed_qindex(config);
    let step_q16 = |qindex: u8| log2_q16(C::codec().step(qindex));
    for _ in 0..SAMPLES {
        coder.compare(None);
        let bits = coder.encode_frame(&sample, &trial, None, packet)?.bits;
        packet.data.clear();
        let estimate = mul_div(rows.frame_bits(bits, analysis), SHARE_PCT, 100);
        let excess_q16 = log2_q16(estimate.max(1)) - goal_q16;
        let wanted_q16 = step_q16(trial.qindex) + excess_q16;
        let nearest =
            (finest..=plan.max_qindex).min_by_key(|&qindex| step_q16(qindex).abs_diff(wanted_q16));
        let last = std::mem::replace(&mut trial.qindex, nearest.unwrap_or(plan.qindex));
        if trial.qindex == last || excess_q16.abs() <= NEAR_Q16 {
            break;
        }
    }
    Ok(trial.qindex)
}

/// Rows of macroblocks at equal distances, all of them complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SampleRows {
    count: usize,
    /// Complete rows of the frame.
    complete: usize,
}

impl SampleRows {
    /// Returns the rows of a frame of `size`; `None` if it has too few.
    fn of(size: Size) -> Option<Self> {
        let complete = size.height as usize / 16;
        let count = ROWS.min(complete / 2);
        (count >= MIN_ROWS).then_some(Self { count, complete })
    }

    /// Returns the height of the sample in pixels.
    fn height(self) -> u32 {
        u32::try_from(16 * self.count).unwrap_or(u32::MAX)
    }

    /// Returns the indices of the rows.
    fn iter(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |n| (2 * n + 1) * self.complete / (2 * self.count))
    }

    /// Copies the rows, first of Y, then of U, then of V.
    fn pixels(self, picture: &Picture<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let lines =
            |height: usize| self.iter().flat_map(move |row| height * row..height * (row + 1));
        let luma = picture.luma();
        lines(16).for_each(|y| out.extend_from_slice(luma.row(y)));
        match picture.chroma() {
            Chroma::Planar { u, v } => {
                for plane in [u, v] {
                    lines(8).for_each(|y| out.extend_from_slice(plane.row(y)));
                }
            }
            Chroma::Interleaved(uv) => {
                for first in [0, 1] {
                    lines(8).for_each(|y| out.extend(uv.row(y).iter().skip(first).step_by(2)));
                }
            }
        }
        out
    }

    /// Estimates the bits of the frame, of which the rows take `bits`: the shares of rows are those of their intra
    /// costs.
    fn frame_bits(self, bits: u64, analysis: Option<&FrameAnalysis>) -> u64 {
        let cost = |row: usize| {
            let mbs = analysis.and_then(|all| all.macroblocks.chunks(all.mb_cols.max(1)).nth(row));
            mbs.map_or(1, |mbs| mbs.iter().map(|mb| MB_COST + u64::from(mb.intra_cost)).sum())
        };
        let all = analysis.map_or(self.complete, FrameAnalysis::mb_rows);
        let sampled: u64 = self.iter().map(cost).sum();
        mul_div(bits, (0..all).map(cost).sum(), sampled.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::MbAnalysis;

    fn rows(height: u32) -> Option<Vec<usize>> {
        SampleRows::of(Size::new(64, height)).map(|rows| rows.iter().collect())
    }

    #[test]
    fn complete_rows_at_equal_distances_are_sampled() {
        assert_eq!(rows(720), Some(vec![3, 11, 18, 26, 33, 41]));
        assert_eq!(rows(144), Some(vec![1, 3, 5, 7]));
        assert_eq!(rows(96 + 15), Some(vec![1, 3, 5]));
        assert_eq!(rows(95), None);
    }

    #[test]
    fn both_layouts_of_chroma_give_the_same_sample() {
        let size = Size::new(33, 98);
        let planar: Vec<u8> = (0..size.i420_bytes()).map(|n| (n % 251) as u8).collect();
        let (luma, chroma) = planar.split_at(33 * 98);
        let (u, v) = chroma.split_at(17 * 49);
        let mixed: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
        let sample = SampleRows::of(size).unwrap();
        let pixels = sample.pixels(&Picture::i420_packed(size, &planar).unwrap());
        let nv12 = Picture::nv12(size, (luma, 33), (&mixed, 34)).unwrap();
        assert_eq!(sample.pixels(&nv12), pixels);
        assert_eq!(pixels.len() as u64, Size::new(33, sample.height()).i420_bytes());
        // The second of them is row 3: its luma, then the first line of its V.
        assert_eq!(pixels[33 * 16..][..33], luma[33 * 48..][..33]);
        assert_eq!(pixels[33 * 48 + 17 * (24 + 8)..][..17], v[17 * 24..][..17]);
    }

    #[test]
    fn rows_with_more_detail_count_for_more_bits() {
        let sample = SampleRows::of(Size::new(32, 96)).unwrap();
        assert_eq!(sample.frame_bits(1000, None), 2000);
        let mut analysis =
            FrameAnalysis { size: Size::new(32, 96), mb_cols: 2, ..FrameAnalysis::default() };
        analysis.macroblocks = vec![MbAnalysis::default(); 12];
        assert_eq!(sample.frame_bits(1000, Some(&analysis)), 2000);
        // Row 0, which is not in the sample, has as much detail as all others.
        for mb in &mut analysis.macroblocks[..2] {
            mb.intra_cost = 256;
        }
        assert_eq!(sample.frame_bits(1000, Some(&analysis)), 1000 * 10 / 3);
    }
}
