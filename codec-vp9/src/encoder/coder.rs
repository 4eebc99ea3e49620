//! Decides the partitions of a superblock and codes their blocks.

use std::ops::Range;

use super::candidate::{Candidate, Halves};
use super::job::FrameJob;
use super::levels::{Level, LevelMark, LevelReader, Levels};
use super::mode_costs::ModeCosts;
use super::motion::Field;
use super::other_motion::OtherMotion;
use super::quantisers::{Prices, Quantisers};
use super::segments::SEGMENTS;
use super::source::Source;
use super::transform::TransformScratch;
use crate::block::contexts::{Contexts, SavedContexts};
use crate::block::mode_map::{BlockInfo, ModeMap};
use crate::block::plane_block::PlaneBlock;
use crate::block::reconstruct::{Reconstructor, Residual, Tokens};
use crate::block::scans::scan;
use crate::types::{BlockSize, Partition};
use codec_core::frame::Sampling;
use codec_simd::vp9::Vp9TxKind;

/// Codes the blocks of a row of superblocks: decides and reconstructs.
#[derive(Debug)]
pub(crate) struct Coder<'a> {
    pub(super) job: &'a FrameJob<'a>,
    pub(super) recon: Reconstructor<'a, u8>,
    pub(super) modes: &'a mut ModeMap,
    pub(super) contexts: &'a mut Contexts,
    /// The levels of the row of superblocks.
    pub(super) levels: &'a mut Levels,
    /// Columns of the tile in units of 8 pixels.
    pub(super) cols: Range<usize>,
    /// Segment of the block that is decided.
    pub(super) segment: u8,
    /// Prices of its bits.
    pub(super) prices: Prices,
    /// First column of the superblock in units of 8 pixels.
    pub(super) superblock_col: usize,
    pub(super) source: &'a mut Source,
    pub(super) field: &'a mut Field,
    pub(super) others: &'a mut OtherMotion,
    pub(super) scratch: &'a mut TransformScratch,
    pub(super) work_levels: &'a mut Levels,
    /// Levels of chroma while another mode is tried.
    pub(super) kept_levels: &'a mut Levels,
    pub(super) trial: Candidate,
    /// The best choice for a square as a whole, by level.
    pub(super) wholes: &'a mut [Candidate; 4],
    /// The best choice for its halves, by level.
    pub(super) halves: &'a mut [Halves; 4],
}

/// The state before the blocks of a square.
pub(super) struct Saved {
    pub(super) contexts: SavedContexts,
    modes: usize,
    levels: LevelMark,
}

impl<'a> Coder<'a> {
    /// Codes the square at a position in units of 8 pixels, as a whole or in parts, and returns its cost.
    /// `level` 0 is 64x64, 3 is 8x8.
    pub(super) fn code_square(&mut self, row: usize, col: usize, level: usize) -> u32 {
        let setup = self.job.setup;
        if row >= setup.rows || col >= setup.cols {
            return 0;
        }
        let half = 4 >> level;
        let fits = (row + half < setup.rows, col + half < setup.cols);
        let whole = match fits {
            _ if level == 3 => Partition::Whole,
            (true, true) => Partition::Whole,
            (false, true) => Partition::Horizontal,
            (true, false) => Partition::Vertical,
            (false, false) => Partition::Split,
        };
        let (may_whole, may_split) = self.partitions_to_try(row, col, level, whole);
        let context = self.contexts.partition(row, col, level);
        let (costs, lambda) = (ModeCosts(setup), self.job.base.prices.lambda);
        let price = |partition| lambda.cost(costs.partition(context, fits, partition));
        let saved = Saved {
            contexts: self.contexts.save(self.superblock_col),
            modes: self.modes.len(),
            levels: self.levels.mark(),
        };
        let mut candidate = std::mem::take(&mut self.wholes[level]);
        candidate.cost = u32::MAX;
        let mut whole_cost = u32::MAX;
        if may_whole {
            let size = BlockSize::partitioned(level, whole);
            let vector = self.field.square_vector(level, row, col);
            let site = self.site(row, col, size);
            self.decide(&site, vector, &mut candidate);
            whole_cost = candidate.cost.saturating_add(price(whole));
        }
        let mut has_halves = false;
        if whole == Partition::Whole && self.tries_halves(&candidate, level, may_whole) {
            candidate.is_predicted = false;
            let halves_cost = self.decide_halves((row, col, level), &saved, price, whole_cost);
            if halves_cost < whole_cost {
                (has_halves, whole_cost) = (true, halves_cost);
            }
        }
        if may_whole && self.tries_small_intra(&candidate, level) {
            let site = self.site(row, col, BlockSize::partitioned(level, Partition::Split));
            whole_cost = self.keep_cheaper(level, whole_cost, &mut candidate, |coder, small| {
                coder.code_small_intra(&site, small);
                small.cost.saturating_add(price(Partition::Split))
            });
        }
        if may_whole && self.tries_small_inter(&candidate, level) {
            let whole = candidate.info;
            whole_cost = self.keep_cheaper(level, whole_cost, &mut candidate, |coder, small| {
                coder.code_small_inter(&whole, price, small)
            });
        }
        let mut cost = whole_cost;
        let mut is_split = !may_whole;
        // A block without a residual is not divided further.
        if may_split && !(may_whole && self.is_enough(&candidate, level)) {
            candidate.is_predicted = false;
            let mut split_cost = price(Partition::Split);
            for (down, right) in [(0, 0), (0, half), (half, 0), (half, half)] {
                if split_cost >= whole_cost {
                    break;
                }
                let part = self.code_square(row + down, col + right, level + 1);
                split_cost = split_cost.saturating_add(part);
            }
            if split_cost < whole_cost {
                (is_split, cost) = (true, split_cost);
            } else {
                self.restore(&saved);
            }
        }
        if !is_split && has_halves {
            self.commit_halves((row, col, level));
        } else if !is_split {
            self.commit(&candidate);
            self.contexts.set_partition(row, col, level, candidate.info.size);
        }
        self.wholes[level] = candidate;
        cost
    }

    /// Codes a square in smaller blocks by `code`, which returns the cost, and keeps them in `best` if that is below `cost`.
    /// Returns the lower cost.
    fn keep_cheaper(
        &mut self,
        level: usize,
        cost: u32,
        best: &mut Candidate,
        code: impl FnOnce(&mut Self, &mut Candidate) -> u32,
    ) -> u32 {
        best.is_predicted = false;
        let mut small = std::mem::take(&mut self.halves[level].trial[0]);
        let small_cost = code(self, &mut small);
        if small_cost < cost {
            std::mem::swap(best, &mut small);
        }
        self.halves[level].trial[0] = small;
        cost.min(small_cost)
    }

    /// Returns to a state before the blocks of a square.
    pub(super) fn restore(&mut self, saved: &Saved) {
        self.contexts.restore(self.superblock_col, &saved.contexts);
        self.modes.truncate(saved.modes);
        self.levels.truncate(saved.levels);
    }

    /// Quantisers of the square at a position.
    pub(super) fn square_quantisers(&self, row: usize, col: usize, level: usize) -> &'a Quantisers {
        let segment = self.job.segments.of(row, col, BlockSize::SQUARES[level]);
        &self.job.quantisers[usize::from(segment) % SEGMENTS]
    }

    /// Whether a square is tried as a whole and divided.
    fn partitions_to_try(
        &self,
        row: usize,
        col: usize,
        level: usize,
        whole: Partition,
    ) -> (bool, bool) {
        if level == 3 {
            return (true, false);
        }
        if whole == Partition::Split {
            return (false, true);
        }
        let speed = &self.job.speed;
        if self.job.is_intra() {
            // Blocks of 64x64 are rarely good enough.
            let is_fine =
                level == 0 && !speed.tries_all_intra || level > 0 && self.is_busy(row, col, level);
            return (!is_fine, true);
        }
        let node = self.field.node(level, row, col);
        if node.split == u32::MAX {
            return (true, false);
        }
        let (whole, split) = (u64::from(node.whole), u64::from(node.split));
        let margin = 100 + u64::from(speed.sure_pct);
        (whole * 100 <= split * margin, split * 100 <= whole * margin)
    }

    /// Whether a block is coded well enough that its parts are not tried.
    fn is_enough(&self, candidate: &Candidate, level: usize) -> bool {
        if candidate.info.is_inter() {
            return candidate.info.skip;
        }
        let step = self.job.base.step;
        let most = (64 >> (2 * level)) * self.job.speed.enough_q6 * step * step / 64;
        self.job.is_intra() && candidate.cost < most
    }

    /// Whether the pixels of a square vary so much that intra prediction in small blocks is better: of 32x32 or
    /// 16x16 pixels.
    fn is_busy(&self, row: usize, col: usize, level: usize) -> bool {
        let Some(most) = self.job.speed.most_variance else { return false };
        let step = u64::from(self.square_quantisers(row, col, level).step);
        let variance = |(down, right): &(usize, usize)| {
            let mb = self.source.macroblock(row + down, col + right);
            let (sum, squares) = self.job.kernels.moments_16x16(mb);
            u64::from(squares) - u64::from(sum) * u64::from(sum) / 256
        };
        let macroblocks: &[_] =
            if level == 1 { &[(0, 0), (0, 2), (2, 0), (2, 2)] } else { &[(0, 0)] };
        let sum: u64 = macroblocks.iter().map(variance).sum();
        // The sum is over 256 pixels for each macroblock; a step of 8 is one pixel level.
        sum > u64::from(most[level - 1]) * step * step * 4 * macroblocks.len() as u64
    }

    /// Reconstructs a block, and updates the state for later blocks.
    pub(super) fn commit(&mut self, candidate: &Candidate) {
        let info = &candidate.info;
        let (row, col) = (usize::from(info.row), usize::from(info.col));
        let (width, height) = info.size.mi();
        let setup = self.job.setup;
        let has_left = col > self.cols.start;
        if !candidate.is_predicted {
            let mut residual = LevelResidual {
                steps: setup.quantisers[usize::from(info.segment)],
                levels: candidate.levels.reader(),
            };
            self.recon.reconstruct(info, has_left, &mut residual);
        }
        if info.skip {
            let area = (col..col + width, row..row + height);
            self.contexts.clear_nonzero(area.0, area.1, Sampling::Yuv420);
        } else {
            self.commit_levels(info, candidate);
        }
        self.modes.push(info, width.min(setup.cols - col), height.min(setup.rows - row));
    }

    /// Keeps the levels of a block, with their contexts. Adds the residual if the planes contain only its
    /// prediction.
    fn commit_levels(&mut self, info: &BlockInfo, candidate: &Candidate) {
        let setup = self.job.setup;
        let mut levels = candidate.levels.reader();
        for block in setup.plane_blocks(info) {
            let steps = setup.quantisers[usize::from(info.segment)][block.plane.min(1)];
            let mut flags = self.contexts.flags(block.plane, block.x);
            let [cols, rows] = block.sides();
            for y in rows {
                for x in cols.clone() {
                    let levels = levels.next().levels;
                    flags.set((x, y), block.tx, block.end, !levels.is_empty());
                    if candidate.is_predicted && !levels.is_empty() {
                        let kind = block.tx_kind(info, x, y, setup.kit.lossless);
                        self.recon.add_levels(&block, kind, (x, y), steps, levels);
                    }
                }
            }
            self.contexts.set_flags(block.plane, block.x, flags);
        }
        self.levels.append(&candidate.levels);
    }
}

/// The residual of a coded block.
struct LevelResidual<'a> {
    /// Steps of luma and chroma.
    steps: [[i32; 2]; 2],
    levels: LevelReader<'a>,
}

impl Residual<i16> for LevelResidual<'_> {
    fn next(
        &mut self,
        _info: &BlockInfo,
        block: &PlaneBlock,
        _at: (usize, usize),
        kind: Vp9TxKind,
        coefficients: &mut [i16; 1024],
    ) -> Tokens {
        let steps = self.steps[block.plane.min(1)];
        dequantise(self.levels.next().levels, block, kind, steps, coefficients)
    }
}

/// Writes the coefficients of levels in scan order.
fn dequantise(
    levels: &[Level],
    block: &PlaneBlock,
    kind: Vp9TxKind,
    steps: [i32; 2],
    coefficients: &mut [i16; 1024],
) -> Tokens {
    let mut positions = 0;
    let halvings = u32::from(block.tx == crate::types::TxSize::Tx32);
    let mut step = steps[0];
    // Without branches: whether a level is zero cannot be predicted.
    for (level, position) in levels.iter().zip(scan(block.tx, kind)) {
        let value = i32::from(level.value) * step;
        // Halves are rounded towards zero.
        let value = (value + (value >> 31 & 1 & halvings.cast_signed())) >> halvings;
        positions |= if level.value == 0 { 0 } else { position.at };
        coefficients[usize::from(position.at) % 1024] = narrow(value);
        step = steps[1];
    }
    Tokens { any: !levels.is_empty(), positions }
}

/// The nearest coefficient of 16 bits.
fn narrow(value: i32) -> i16 {
    i16::try_from(value.clamp(i16::MIN.into(), i16::MAX.into())).unwrap_or(0)
}

impl Reconstructor<'_, u8> {
    /// Adds the residual of one transform at `at`, in units of 4 samples.
    pub(super) fn add_levels(
        &mut self,
        block: &PlaneBlock,
        kind: Vp9TxKind,
        at: (usize, usize),
        steps: [i32; 2],
        levels: &[Level],
    ) {
        let tokens = dequantise(levels, block, kind, steps, &mut self.scratch.coefficients);
        self.add_coefficients(block, kind, at, tokens.positions);
    }
}
