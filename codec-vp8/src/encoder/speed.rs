//! What each speed does: a struct of named switches, built from a level.

/// How far the motion search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubPel {
    /// Half pixels.
    Half,
    /// The better neighbours of the best half.
    Quarter,
    /// Quarter pixels, stepping on until no neighbour is better.
    QuarterIterated,
    /// The same, then on with the filters that the decoder will use.
    QuarterExact,
}

/// When a tool is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Never,
    /// Where what is known already makes a gain likely.
    Gated,
    Always,
}

/// Which divisions of an inter macroblock are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splits {
    None,
    /// 8x8 alone.
    Quarters,
    /// 8x8, then 16x8 or 8x16 where quarters agree.
    Halves,
    /// All, 4x4 included.
    All,
}

/// What is done with golden and altref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherReferences {
    /// Only without motion.
    Zero,
    /// Without motion, and with the neighbours' vectors.
    Neighbours,
    /// Searched where the last frame predicts badly.
    Searched,
}

/// How the levels of coefficients are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelChoice {
    /// By the quantiser alone.
    Quantiser,
    /// By squared error and the true price of their tokens.
    Trellis,
}

/// How the level of the loop filter is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterChoice {
    /// By the quantiser.
    Usual,
    /// By trial on the whole frame, once it is coded.
    Tried,
}

/// The switches of one speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Steps of each descent of the integer search, at most; more than 8 begin with a hexagon, more
    /// than 24 with a star, more than 48 try all that is near.
    pub search_steps: u8,
    /// The integer search is left out where the search of the half-size pictures came to the same
    /// vector as a plain candidate.
    pub trusts_analysis: bool,
    /// Motion is not searched where coding a plain candidate costs no more than so many bits, its
    /// error counted in bits, too, where [`Self::skip_probe`] has it coded first.
    pub enough_bits: u8,
    /// Where searches keep finding nothing, one in 2, 4, 8 of them is made at least: 1, 2, 3.
    pub search_pause: u8,
    /// Fractions of pixels.
    pub subpel: SubPel,
    /// Candidates that are transformed and quantised to compare true costs; 1: none.
    pub finalists: u8,
    /// 4x4 intra on inter frames.
    pub intra_4x4: Gate,
    /// How many of the ten 4x4 intra modes are tried at most on inter frames.
    pub intra_4x4_modes: u8,
    /// Several vectors per macroblock.
    pub splits: Splits,
    /// When splits are tried.
    pub split_gate: Gate,
    /// Gated: where one vector leaves at least so many of the sixteen luma blocks with
    /// coefficients.
    pub split_min_blocks: u8,
    /// Golden and altref.
    pub others: OtherReferences,
    /// Plain candidates of a small error are coded first, and taken at once where leaving out the
    /// residual is best; little chroma is left out unseen.
    pub skip_probe: bool,
    /// Chroma takes part in the comparison of finalists.
    pub chroma_rd: bool,
    /// Levels of coefficients.
    pub levels: LevelChoice,
    /// Frames after which the golden frame is renewed at the latest; `None`: only where it is the
    /// background of a stable scene.
    pub golden_frames: Option<u32>,
    /// Level of the loop filter.
    pub filter_level: FilterChoice,
}

impl Speed {
    /// The switches of `level`: 0 (best) to 10 (fastest); above counts as 10.
    #[must_use]
    pub const fn level(level: u8) -> Self {
        let fastest = Self {
            search_steps: 8,
            trusts_analysis: true,
            enough_bits: 128,
            search_pause: 3,
            subpel: SubPel::Half,
            finalists: 1,
            intra_4x4: Gate::Never,
            intra_4x4_modes: 4,
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
        let nine = Self { enough_bits: 96, subpel: SubPel::Quarter, ..fastest };
        let eight =
            Self { enough_bits: 48, search_pause: 1, finalists: 3, intra_4x4: Gate::Gated, ..nine };
        let seven = Self {
            enough_bits: 32,
            search_pause: 0,
            subpel: SubPel::QuarterIterated,
            splits: Splits::Quarters,
            ..eight
        };
        let six = Self { split_min_blocks: 6, intra_4x4_modes: 6, ..seven };
        let five = Self {
            enough_bits: 0,
            search_steps: 16,
            splits: Splits::Halves,
            split_min_blocks: 4,
            others: OtherReferences::Neighbours,
            intra_4x4_modes: 10,
            golden_frames: Some(3),
            ..six
        };
        let four = Self {
            others: OtherReferences::Searched,
            split_min_blocks: 3,
            search_steps: 32,
            trusts_analysis: false,
            chroma_rd: true,
            ..five
        };
        let three = Self { finalists: 5, splits: Splits::All, split_min_blocks: 2, ..four };
        let two = Self {
            subpel: SubPel::QuarterExact,
            skip_probe: false,
            split_min_blocks: 1,
            filter_level: FilterChoice::Tried,
            ..three
        };
        let one = Self { finalists: 8, levels: LevelChoice::Trellis, ..two };
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
