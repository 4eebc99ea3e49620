//! Speed presets: a struct of named switches, built from a speed of 0 to 10.

use crate::types::Partitioning;

/// Precision of the motion search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubPel {
    /// The quarter-pixel vector that the errors at half pixels suggest.
    QuarterEstimated,
    /// The better quarter-pixel neighbours of the best half pixel.
    Quarter,
    /// Quarter pixels, iterated until no neighbour is better.
    QuarterIterated,
    /// As `QuarterIterated`, then refined with the decoder's interpolation filters.
    QuarterExact,
}

/// When a tool is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Never,
    /// If known data already makes a gain likely.
    Gated,
    Always,
}

/// Partitionings of inter macroblocks that are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splits {
    None,
    /// Only 8x8.
    Quarters,
    /// 8x8, then 16x8 or 8x16 if the quarters agree.
    Halves,
    /// All partitionings, including 4x4.
    All,
}

impl Splits {
    /// Returns whether `partitioning` is tried.
    pub(super) fn includes(self, partitioning: Partitioning) -> bool {
        match partitioning {
            Partitioning::Quarters => self != Self::None,
            Partitioning::TopBottom | Partitioning::LeftRight => {
                matches!(self, Self::Halves | Self::All)
            }
            Partitioning::Sixteenths => self == Self::All,
        }
    }
}

/// Use of golden and altref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherReferences {
    /// Golden and altref are tried only with zero motion.
    Zero,
    /// Golden and altref are tried with zero motion and the neighbours' vectors.
    Neighbours,
    /// Motion search in golden and altref if the last frame predicts badly.
    Searched,
}

/// Choice of coefficient levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelChoice {
    /// Plain quantisation.
    Quantiser,
    /// Plain quantisation to compare modes, [`Self::Trellis`] to code the best one.
    FinalTrellis,
    /// Trellis: by squared error and exact token costs.
    Trellis,
}

/// Choice of the loop filter level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterChoice {
    /// Derived from the quantiser index.
    Usual,
    /// The best of several levels, tried on the whole coded frame.
    Tried,
}

/// Switches of one speed.
///
/// A plain candidate is a prediction with the zero, nearest or near vector, without motion search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Maximum number of steps of each descent of the integer search. Above 8, the search starts
    /// with a hexagon pattern, above 24 with a star pattern; above 48, it is exhaustive.
    pub search_steps: u8,
    /// Skip the integer search if the half-size motion search agrees with a plain candidate.
    pub trusts_analysis: bool,
    /// With [`Self::skip_probe`]: take a plain candidate without coding its residual if its error
    /// costs no more than this many bits.
    pub skip_bits: u8,
    /// With [`Self::skip_probe`]: take a plain candidate whose residual quantises to zero without
    /// trying others if its error costs no more than this many bits. (A limit of 16 bits is no better
    /// than 32 and takes a tenth more time.)
    pub probe_bits: u8,
    /// Try golden and altref only if the error of the best candidate from the last frame costs more
    /// than this many bits.
    pub good_bits: u8,
    /// Skip motion search if coding a plain candidate costs at most this many bits, including its
    /// error expressed in bits; with [`Self::skip_probe`] the candidate is coded first.
    pub enough_bits: u8,
    /// If recent searches in a macroblock found no better vector, search it again at least
    /// once in `2^search_pause` frames.
    pub search_pause: u8,
    /// Precision of motion vectors.
    pub subpel: SubPel,
    /// Number of candidates that are transformed and quantised to compare exact costs; 1 disables
    /// the comparison.
    pub finalists: u8,
    /// Use of 4x4 intra modes in inter frames.
    pub intra_4x4: Gate,
    /// If `intra_4x4` is `Gated`: try 4x4 intra modes only if the best whole-block intra mode has
    /// less than this multiple of the error of the best choice; 0 is no limit.
    pub intra_4x4_max_error: u8,
    /// Maximum number of the ten 4x4 intra modes tried in inter frames.
    pub intra_4x4_modes: u8,
    /// Number of these modes, per sub-block, that are transformed and quantised to compare exact
    /// costs; 1 disables the comparison.
    pub intra_finalists: u8,
    /// As `intra_finalists`, in key frames.
    pub key_intra_finalists: u8,
    /// Partitionings with several vectors per macroblock.
    pub splits: Splits,
    /// When split partitionings are tried.
    pub split_gate: Gate,
    /// If `split_gate` is `Gated`: try split partitionings only if at least this many of the sixteen
    /// luma blocks have coefficients when the macroblock has a single vector.
    pub split_min_blocks: u8,
    /// Use of golden and altref.
    pub others: OtherReferences,
    /// Code plain candidates with a small error first and accept them immediately if omitting the
    /// residual is best; omit small chroma residuals without coding them.
    pub skip_probe: bool,
    /// Include chroma in the comparison of finalists.
    pub chroma_rd: bool,
    /// Choice of coefficient levels.
    pub levels: LevelChoice,
    /// Maximum number of frames between golden frame updates; `None` updates golden only as the
    /// background of a stable scene.
    pub golden_frames: Option<u32>,
    /// Choice of the loop filter level.
    pub filter_level: FilterChoice,
}

impl Speed {
    /// Returns the switches of `level`: 0 (best quality) to 10 (fastest); values above count as 10.
    #[must_use]
    pub const fn level(level: u8) -> Self {
        let fastest = Self {
            search_steps: 8,
            trusts_analysis: true,
            skip_bits: 32,
            probe_bits: 90,
            good_bits: 128,
            enough_bits: 128,
            search_pause: 3,
            subpel: SubPel::QuarterEstimated,
            finalists: 1,
            intra_4x4: Gate::Never,
            intra_4x4_max_error: 2,
            intra_4x4_modes: 4,
            intra_finalists: 1,
            key_intra_finalists: 1,
            splits: Splits::None,
            split_gate: Gate::Gated,
            split_min_blocks: 12,
            others: OtherReferences::Zero,
            skip_probe: true,
            chroma_rd: false,
            levels: LevelChoice::Quantiser,
            golden_frames: None,
            filter_level: FilterChoice::Usual,
        };
        let nine =
            Self { enough_bits: 96, subpel: SubPel::Quarter, key_intra_finalists: 3, ..fastest };
        let eight = Self { probe_bits: 80, good_bits: 48, finalists: 2, ..nine };
        let seven = Self { enough_bits: 64, search_pause: 1, intra_4x4: Gate::Gated, ..eight };
        let six = Self {
            enough_bits: 32,
            search_pause: 0,
            subpel: SubPel::QuarterIterated,
            finalists: 3,
            intra_4x4_modes: 6,
            splits: Splits::Quarters,
            split_min_blocks: 9,
            ..seven
        };
        let five = Self { skip_bits: 16, split_min_blocks: 4, ..six };
        let four = Self {
            probe_bits: 128,
            enough_bits: 0,
            search_steps: 16,
            splits: Splits::Halves,
            split_min_blocks: 4,
            others: OtherReferences::Neighbours,
            intra_4x4_max_error: 0,
            intra_4x4_modes: 10,
            key_intra_finalists: 4,
            golden_frames: Some(3),
            ..five
        };
        let three = Self {
            others: OtherReferences::Searched,
            split_min_blocks: 3,
            search_steps: 32,
            trusts_analysis: false,
            chroma_rd: true,
            intra_finalists: 3,
            ..four
        };
        let two = Self {
            finalists: 5,
            splits: Splits::All,
            split_min_blocks: 1,
            subpel: SubPel::QuarterExact,
            skip_probe: false,
            levels: LevelChoice::FinalTrellis,
            filter_level: FilterChoice::Tried,
            ..three
        };
        let one =
            Self { finalists: 8, levels: LevelChoice::Trellis, key_intra_finalists: 10, ..two };
        let best =
            Self { intra_4x4: Gate::Always, split_gate: Gate::Always, search_steps: 64, ..one };
        match level {
            0 => best,
            1 => one,
            2 => two,
            3 => three,
            4 => four,
            5 => five,
            6 => six,
            7 => seven,
            8 => eight,
            9 => nine,
            _ => fastest,
        }
    }
}
