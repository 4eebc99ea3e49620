//! Speed presets: a struct of named switches, built from a speed of 0 to 10.

use codec_core::motion::{Pattern, SubpelSearch};

use crate::types::TxSize;

/// Switches of one speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Pattern of the integer motion search.
    pub pattern: Pattern,
    /// Maximum number of steps of each descent of the integer search.
    pub search_steps: u8,
    /// Precision of motion vectors.
    pub subpel: SubpelSearch,
    /// Whether a block is split is decided by estimated costs if these differ by at least this many
    /// percent; otherwise both choices are coded and compared.
    pub sure_pct: u32,
    /// Whether both choices of a split are always coded on key frames, where estimates are not available.
    pub tries_all_intra: bool,
    /// Search of 8x8 blocks if the error of a macroblock exceeds this many squared steps per 8x8 pixels,
    /// in 1/64; `None` never searches them.
    pub split_error: Option<u32>,
    /// Largest luma transform of inter blocks. If only one size is tried, 8x8 is the best in nearly all
    /// blocks.
    pub largest_tx: TxSize,
    /// Number of transform sizes that are tried in inter blocks, from the largest one on.
    pub tx_sizes: usize,
    /// Intra prediction is tried in inter frames if its estimated cost is below this many percent of the cost of
    /// inter prediction.
    pub intra_pct: u32,
    /// Number of transform sizes that are tried in intra blocks of inter frames.
    pub intra_tx_sizes: usize,
    /// Number of transform sizes that are tried in intra frames, in blocks of 8x8 pixels and in larger ones.
    pub key_tx_sizes: [usize; 2],
    /// How the modes of chroma are chosen in intra blocks.
    pub chroma_modes: ChromaModes,
    /// Number of diagonal modes that are compared in intra frames: 6, the 3 next to the better one of
    /// `V_PRED` and `H_PRED`, or 0.
    pub slanted_modes: usize,
    /// Square blocks of intra frames are not split if their cost is below this many squared steps per 8x8
    /// pixels, in 1/64.
    pub enough_q6: u32,
    /// Blocks of 32x32 and of 16x16 pixels are not tried in intra frames if their variance exceeds this many squared
    /// steps.
    pub most_variance: Option<[u8; 2]>,
    /// Number of luma intra modes that are coded to compare their costs.
    pub intra_finalists: usize,
    /// Number of inter candidates that are coded to compare their costs.
    pub inter_finalists: usize,
    /// Whether all blocks compare interpolation filters, or about half of them.
    pub all_filters: bool,
    /// Motion is not searched in macroblocks of which every 8x8 block has a squared error without motion below
    /// the squared step divided by this.
    pub still_share: u32,
    /// Number of references that blocks are predicted from: the first ones that may be used.
    pub references: usize,
    /// Blocks that a reference predicts with a squared error in every macroblock below the squared step divided by this
    /// are not compared with further references.
    pub settled_share: u32,
    /// Residuals of inter prediction without large low-frequency coefficients are not coded if their energy is at
    /// most this many percent of a limit that is proportional to the squared step; 0 has no such limit.
    pub noise_pct: u32,
    /// Which probability updates inter frames code.
    pub updates: ProbabilityUpdates,
    /// Cost of the residual's bits in blocks that repeat the last frame, in percent of the cost of other bits.
    /// Such a residual is mostly noise, which the next frame would have to remove again.
    pub still_rate_pct: u32,
    /// How much more bits cost in blocks of high contrast, see
    /// [`price_q4`](codec_core::analysis::FrameAnalysis::price_q4).
    pub contrast_q6: i32,
    /// Chroma has a squared error per bit that is this many times smaller than luma's, in quarters: viewers see an error
    /// of colour in a large area.
    pub chroma_share_q2: u32,
    /// Whether intra blocks of 8x8 pixels with a residual are also tried as four blocks of 4x4.
    pub small_intra: bool,
    /// Tools of files and of slow real-time speeds.
    pub tools: Option<Tools>,
}

/// How the intra mode of chroma is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChromaModes {
    /// By the errors of all predictions.
    Compared,
    /// The mode of luma.
    AsLuma,
}

/// Which probability updates inter frames code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbabilityUpdates {
    /// All updates that save bits. All syntax elements are counted before they are written.
    Best,
    /// No updates if probabilities adapt from frame to frame; syntax elements are counted while they are
    /// written. The frame after a key frame codes the updates of [`Self::Best`].
    None,
}

/// Tools of files and of slow real-time speeds: motion is searched in all references, and predictions are compared by
/// their actual errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tools {
    /// Predictions from two references.
    pub compound: bool,
    /// Blocks choose among three interpolation filters.
    pub filters: bool,
    /// Levels are chosen by squared error and exact token costs, and inter blocks of 8x8 pixels with a residual are also
    /// tried in smaller blocks.
    pub chooses_levels: bool,
    /// In hidden frames, every vector within 16 pixels is searched for macroblocks whose mean absolute error exceeds this
    /// many levels; `None` never searches all.
    pub exhaustive_above: Option<u32>,
    /// Maximum number of steps in quarter pixels by which the vector of a block is refined with its actual
    /// prediction.
    pub refinements: u8,
    /// Inter predictions are coded to compare their costs if their estimated cost is at most this many percent of the
    /// lowest one.
    pub finalists_pct: u32,
    /// Rectangular partitions of square blocks are tried if the cost of the square exceeds this many squared
    /// steps per 8x8 pixels, in 1/64; `None` never tries them.
    pub halves_q6: Option<u32>,
    /// Tools of intra frames.
    pub intra: Option<IntraTools>,
}

/// Tools of intra frames. Later frames depend on these few frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntraTools {
    /// Number of transform sizes that are tried, from the largest one on.
    pub tx_sizes: usize,
    /// Number of luma modes that are coded to compare their costs.
    pub finalists: usize,
    /// Number of chroma modes that are coded to compare their costs.
    pub chroma_finalists: usize,
    /// As [`Tools::halves_q6`].
    pub halves_q6: u32,
}

impl Speed {
    /// Returns the switches for screens, whose frames differ abruptly and repeat older ones.
    pub(super) fn for_screen(self) -> Self {
        // Text needs small transforms, and flat areas large ones.
        let all_sizes = (TxSize::Tx32, 4);
        let own_sizes = (self.largest_tx, self.tx_sizes);
        let is_slow = self.inter_finalists > 1;
        let (largest_tx, tx_sizes) = if is_slow { all_sizes } else { own_sizes };
        Self {
            largest_tx,
            tx_sizes,
            key_tx_sizes: [2, 2],
            slanted_modes: self.slanted_modes.max(3),
            updates: ProbabilityUpdates::Best,
            contrast_q6: 0,
            ..self.for_all_references()
        }
    }

    /// Returns the switches for frames that are predicted from a lower spatial layer.
    pub(super) const fn for_upper_layer(self) -> Self {
        Self { tools: None, ..self.for_all_references() }
    }

    /// Returns the switches for frames in which each reference is as likely as the others.
    pub(super) const fn for_all_references(self) -> Self {
        Self { references: 3, settled_share: 16, ..self }
    }

    /// Whether a frame updates probabilities; `adapts` states whether it adapts the probabilities of an inter frame.
    pub(super) fn fits_probabilities(&self, adapts: bool) -> bool {
        self.updates == ProbabilityUpdates::Best || !adapts
    }

    /// The switches of level 10.
    const FASTEST: Self = Self {
        pattern: Pattern::Diamond,
        search_steps: 4,
        subpel: SubpelSearch::Estimated,
        sure_pct: 0,
        tries_all_intra: false,
        split_error: None,
        largest_tx: TxSize::Tx8,
        tx_sizes: 1,
        key_tx_sizes: [1, 1],
        chroma_modes: ChromaModes::AsLuma,
        slanted_modes: 0,
        still_share: 6,
        references: 1,
        settled_share: 16,
        noise_pct: 150,
        updates: ProbabilityUpdates::None,
        enough_q6: 3,
        most_variance: Some([4, 2]),
        intra_pct: 90,
        intra_tx_sizes: 1,
        intra_finalists: 1,
        inter_finalists: 1,
        still_rate_pct: 140,
        all_filters: false,
        contrast_q6: 14,
        chroma_share_q2: 32,
        small_intra: false,
        tools: None,
    };

    /// Returns the switches of `level`: 0 (best quality) to 10 (fastest); values above count as 10.
    #[must_use]
    pub const fn level(level: u8) -> Self {
        let nine = Self { still_share: 8, key_tx_sizes: [2, 1], ..Self::FASTEST };
        let eight = Self {
            search_steps: 8,
            subpel: SubpelSearch::Quarter,
            split_error: Some(16),
            key_tx_sizes: [2, 2],
            chroma_modes: ChromaModes::Compared,
            slanted_modes: 3,
            still_share: 16,
            noise_pct: 100,
            enough_q6: 1,
            contrast_q6: 16,
            ..nine.for_all_references()
        };
        let seven = Self { all_filters: true, ..eight };
        let six = Self {
            split_error: Some(6),
            largest_tx: TxSize::Tx16,
            tx_sizes: 2,
            intra_finalists: 2,
            contrast_q6: 14,
            ..seven
        };
        let five = Self {
            sure_pct: 5,
            split_error: Some(4),
            subpel: SubpelSearch::Iterative,
            intra_pct: 125,
            small_intra: true,
            ..six
        };
        let four =
            Self { inter_finalists: 2, intra_tx_sizes: 2, pattern: Pattern::Hexagon, ..five };
        let tools = Tools {
            compound: false,
            filters: true,
            chooses_levels: true,
            exhaustive_above: None,
            refinements: 0,
            finalists_pct: 120,
            halves_q6: None,
            intra: None,
        };
        let three = Self {
            slanted_modes: 6,
            noise_pct: 0,
            updates: ProbabilityUpdates::Best,
            tools: Some(tools),
            ..four
        };
        let tools = Tools { refinements: 2, ..tools };
        let two = Self {
            sure_pct: 10,
            enough_q6: 0,
            most_variance: None,
            inter_finalists: 3,
            pattern: Pattern::Wide,
            tools: Some(tools),
            ..three
        };
        let tools = Tools { intra: Some(IntraTools::ALL), ..tools };
        let one = Self {
            sure_pct: 30,
            tries_all_intra: true,
            search_steps: 16,
            intra_finalists: 3,
            inter_finalists: 4,
            tools: Some(tools),
            ..two
        };
        let tools = Tools { finalists_pct: 200, halves_q6: Some(4), ..tools };
        let best = Self {
            sure_pct: 100,
            search_steps: 32,
            intra_finalists: 5,
            inter_finalists: 6,
            tools: Some(tools),
            ..one
        };
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
            _ => Self::FASTEST,
        }
    }

    /// Returns the switches of `level` with the file preset. It keeps the tools that real time omits at 9 and 10.
    #[must_use]
    pub const fn file(level: u8) -> Self {
        let fast = Self::level(if level > 5 { level } else { 5 });
        let is_slow = level <= 6;
        let tools = Tools {
            compound: true,
            filters: is_slow,
            chooses_levels: is_slow,
            exhaustive_above: if level <= 4 { Some(4) } else { None },
            refinements: if is_slow { 2 } else { 0 },
            finalists_pct: if level <= 2 { 200 } else { 120 },
            halves_q6: if level <= 2 { Some(4) } else { None },
            intra: if level <= 4 { Some(IntraTools::ALL) } else { None },
        };
        let five = Self {
            still_rate_pct: 100,
            chroma_modes: ChromaModes::Compared,
            key_tx_sizes: [2, 2],
            contrast_q6: 20,
            slanted_modes: if fast.slanted_modes == 0 { 3 } else { fast.slanted_modes },
            still_share: 16,
            noise_pct: 0,
            updates: ProbabilityUpdates::Best,
            chroma_share_q2: 15,
            small_intra: is_slow,
            tools: Some(tools),
            ..fast.for_all_references()
        };
        let four = Self {
            sure_pct: 60,
            split_error: Some(1),
            pattern: Pattern::Hexagon,
            search_steps: 16,
            largest_tx: TxSize::Tx32,
            tx_sizes: 4,
            slanted_modes: 6,
            enough_q6: 0,
            most_variance: None,
            tries_all_intra: true,
            intra_tx_sizes: 2,
            inter_finalists: 2,
            ..five
        };
        let three = Self { inter_finalists: 3, pattern: Pattern::Wide, ..four };
        let two = Self {
            sure_pct: 150,
            intra_pct: 1000,
            intra_finalists: 3,
            inter_finalists: 4,
            ..three
        };
        let one = Self {
            sure_pct: 1000,
            search_steps: 32,
            pattern: Pattern::Exhaustive,
            intra_finalists: 4,
            ..two
        };
        match level {
            0 => Self { intra_tx_sizes: 4, inter_finalists: 6, ..one },
            1 => one,
            2 => two,
            3 => three,
            4 => four,
            _ => five,
        }
    }
}

impl IntraTools {
    const ALL: Self = Self { tx_sizes: 3, finalists: 4, chroma_finalists: 2, halves_q6: 4 };
}
