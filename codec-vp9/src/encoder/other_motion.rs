//! Motion search of a superblock's macroblocks in the golden and altref references.

use codec_core::motion::{FullPel, QuarterPel, Target, VectorPrice, search_subpel};

use super::job::FrameJob;
use super::motion::{FieldSite, mb_position, search_full, search_range};
use super::source::Source;
use crate::types::Reference;

/// Vectors of the macroblocks of a superblock, by reference: golden and altref.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherMotion {
    vectors: [[QuarterPel; 16]; 2],
}

impl OtherMotion {
    /// Forgets the superblock on the left.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Searches all macroblocks in golden and altref; `last` are their vectors into the last frame.
    pub(crate) fn search(
        &mut self,
        job: &FrameJob<'_>,
        source: &Source,
        site: FieldSite<'_>,
        last: &[QuarterPel; 16],
    ) {
        for reference in [Reference::Golden, Reference::Altref] {
            let Some(refp) = job.luma[reference as usize] else { continue };
            let vectors = &mut self.vectors[reference as usize - 1];
            for index in 0..16 {
                let (row, col) = (4 * site.row + index / 4, 4 * site.col + index % 4);
                if row >= site.mb_rows || col >= site.mb_cols {
                    continue;
                }
                let at = mb_position(row, col);
                let Some(range) = search_range(refp, at) else { continue };
                // The last column belongs to the superblock on the left.
                let left = if index % 4 > 0 { vectors[index - 1] } else { vectors[index + 3] };
                let above = if index > 3 { vectors[index - 4] } else { left };
                let price = VectorPrice {
                    table: job.vectors,
                    predicted: left,
                    lambda_sad: site.quantisers.prices.sad,
                    lambda_sse: site.quantisers.prices.lambda,
                };
                let cur = &source.macroblocks[index];
                let target = Target { kernels: job.kernels, cur, refp, at, range, price };
                let mut starts = [left.to_full(); 5];
                starts[1..4].copy_from_slice(&[
                    above.to_full(),
                    last[index].to_full(),
                    FullPel::ZERO,
                ]);
                let seeds = job.analysis.map_or(&[][..], |analysis| match reference {
                    Reference::Altref => &analysis.altref_seeds,
                    _ => &analysis.golden_seeds,
                });
                let seed = seeds.get(row * site.mb_cols + col).copied().flatten();
                // A seed is a position in the frame, relative to the position of the macroblock.
                starts[4] = seed.unwrap_or(FullPel::ZERO);
                let vector = search_full(job, &target, &starts);
                vectors[index] = search_subpel(&target, vector, job.speed.subpel).vector;
            }
        }
    }

    /// Vector of the macroblock at a position in units of 8 pixels.
    pub(crate) fn vector(&self, reference: Reference, row: usize, col: usize) -> QuarterPel {
        let index = row % 8 / 2 * 4 + col % 8 / 2;
        self.vectors[(reference as usize).saturating_sub(1) % 2][index]
    }
}
