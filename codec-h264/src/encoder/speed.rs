//! Speed presets: named switches of the mode decision.

use super::motion::{Measure, Precision, RefineSettings, Ring};

/// Choice of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LevelChoice {
    /// Rounded with a dead zone that is wider at high frequencies.
    Rounded,
    /// As [`Self::Rounded`], then lowered where that saves more bits than it costs error.
    Sparse,
    /// As [`Self::Sparse`], with the same dead zone at all frequencies.
    Optimised,
}

/// Choice of the intra type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntraChoice {
    /// All types are coded.
    Coded,
    /// Types whose SATD is too high are not coded.
    Ranked,
}

/// Which types of inter macroblocks and intra macroblocks in P slices are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trials {
    /// Types that may cost less by the costs of the search.
    Likely,
    /// All.
    All,
}

/// Switches of one speed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speed {
    /// Maximum number of steps of each descent of the integer search; above 8, it starts with a
    /// hexagon, above 24 with a star, above 63 with all vectors near the best candidate.
    pub search_steps: u8,
    /// Number of candidates of the integer search.
    pub starts: u8,
    /// Search of half and quarter samples.
    pub refine: RefineSettings,
    /// A full-sample vector is not refined if its cost is at most this many bits.
    pub full_bits: u32,
    /// Search partitions of 8x8, 16x8 and 8x16 samples if the residual of the whole macroblock
    /// takes at least this many bits; `None` never.
    pub split_bits: Option<u32>,
    /// Search partitions only if a quarter has another best full-sample vector.
    pub moved_splits: bool,
    /// Search partitions of 16x8 and 8x16 samples too.
    pub halves: bool,
    /// Choose `Intra_4x4` and `Intra_8x8` in inter frames too.
    pub small_intra: bool,
    /// Types that are tried in inter frames.
    pub trials: Trials,
    /// Choice of the intra type.
    pub intra: IntraChoice,
    /// Intra types are tried in inter frames only if the inter cost of the pre-analysis is at least
    /// this share of its intra cost, in eighths.
    pub intra_eighths: u16,
    /// Optimise the levels with both transforms if the difference of their costs is estimated to be
    /// at most this many bits.
    pub unsure_transform_bits: u32,
    /// Take the 8x8 transform without comparison if its levels take fewer bits.
    pub sure_transform_bits: i32,
    /// The residual of a quarter is not coded if its squared error divided by lambda is at most this.
    pub empty_bits: u32,
    /// The residual of both chroma planes is not coded if its squared error divided by lambda is at most
    /// this.
    pub empty_chroma_bits: u32,
    /// Choice of levels.
    pub levels: LevelChoice,
    /// Number of references that are searched.
    pub references: usize,
    /// The best full-sample vector of another reference is refined if its cost is at most this many eighths of the
    /// cost in the first one.
    pub reference_eighths: u32,
    /// Accept `P_Skip` without search if the error of its prediction divided by lambda is at most this.
    pub skip_bits: u32,
    /// As [`Self::skip_bits`], next to a skipped macroblock.
    pub beside_skip_bits: u32,
    /// As [`Self::empty_bits`], of the prediction of `P_Skip`.
    pub empty_skip_bits: u32,
}

static LEVELS: [Speed; 11] = {
    let fastest = Speed {
        search_steps: 8,
        starts: 4,
        refine: RefineSettings {
            measure: Measure::Sad,
            precision: Precision::Quarter,
            ring: Ring::Cross,
            stop_at: 0,
        },
        full_bits: 64,
        split_bits: None,
        moved_splits: true,
        halves: false,
        small_intra: false,
        trials: Trials::Likely,
        intra: IntraChoice::Ranked,
        intra_eighths: 8,
        unsure_transform_bits: 0,
        sure_transform_bits: 60,
        empty_bits: 48,
        empty_chroma_bits: 10,
        levels: LevelChoice::Rounded,
        references: 1,
        reference_eighths: 9,
        skip_bits: 60,
        beside_skip_bits: 200,
        empty_skip_bits: 32,
    };
    let nine = Speed {
        starts: 6,
        intra_eighths: 6,
        empty_bits: 32,
        empty_chroma_bits: 7,
        beside_skip_bits: 128,
        empty_skip_bits: 16,
        ..fastest
    };
    let eight = Speed { references: 2, levels: LevelChoice::Sparse, ..nine };
    let satd = RefineSettings { measure: Measure::Satd, ..fastest.refine };
    let seven = Speed {
        refine: satd,
        full_bits: 96,
        reference_eighths: 8,
        sure_transform_bits: 30,
        empty_bits: 24,
        empty_chroma_bits: 5,
        skip_bits: 30,
        ..eight
    };
    let six = Speed { full_bits: 64, reference_eighths: 9, split_bits: Some(128), ..seven };
    let full = RefineSettings { ring: Ring::Full, ..satd };
    let five = Speed {
        refine: full,
        full_bits: 48,
        levels: LevelChoice::Optimised,
        sure_transform_bits: 15,
        empty_bits: 16,
        skip_bits: 24,
        beside_skip_bits: 96,
        empty_skip_bits: 12,
        ..six
    };
    let four = Speed {
        reference_eighths: 12,
        small_intra: true,
        intra_eighths: 4,
        unsure_transform_bits: 24,
        sure_transform_bits: 0,
        empty_bits: 12,
        skip_bits: 16,
        halves: true,
        split_bits: Some(32),
        ..five
    };
    let three = Speed {
        intra: IntraChoice::Coded,
        unsure_transform_bits: 48,
        search_steps: 16,
        references: 3,
        reference_eighths: 16,
        full_bits: 24,
        split_bits: Some(128),
        moved_splits: false,
        ..four
    };
    let two = Speed {
        unsure_transform_bits: 1 << 20,
        search_steps: 32,
        reference_eighths: u32::MAX,
        full_bits: 0,
        split_bits: Some(0),
        skip_bits: 0,
        ..three
    };
    let one = Speed { trials: Trials::All, ..two };
    let zero = Speed { search_steps: 64, ..one };
    [zero, one, two, three, four, five, six, seven, eight, nine, fastest]
};

impl Speed {
    /// Returns the switches of `level`: 0 (best quality) to 10 (fastest); values above count as 10.
    pub(super) fn level(level: u8) -> &'static Self {
        &LEVELS[usize::from(level).min(LEVELS.len() - 1)]
    }
}
