//! Creation of a frame encoder, and changes of its settings between frames.

use std::sync::{Arc, RwLock};

use codec_simd::Kernels;

use super::{FrameEncoder, LUMA_PAD};
use crate::encoder::costs::{ModeCosts, MvPrices};
use crate::encoder::pack::Packer;
use crate::encoder::quant::Quantisers;
use crate::encoder::row_context::RowContext;
use crate::encoder::segments::Segments;
use crate::encoder::settings::{FrameKnobs, FrameSettings};
use crate::encoder::store::{FrameTotals, RowStore, SearchStats};
use crate::encoder::trellis::TokenPrices;
use crate::header::{HeaderContext, ModeProbabilities};
use crate::types::MotionVector;
use codec_core::encoder::Unchanged;
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{FrameBuf, FramePool, Size};
use codec_core::parallel::{Pool, Progress, ScratchPool};

impl FrameEncoder {
    /// Creates an encoder for frames of the configured size; its first frame must be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] if a dimension is not in 1..=16383, a knob is out of range, or the CPU
    /// does not support the SIMD level.
    pub fn new(settings: &FrameSettings) -> Result<Self, Error> {
        let kernels = match settings.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        settings.knobs.check()?;
        let mut encoder = Self {
            settings: settings.clone(),
            kernels,
            cols: 0,
            rows: 0,
            frames: FramePool::default(),
            slots: [None, None, None],
            context: HeaderContext::default(),
            modes: ModeProbabilities::default(),
            quantisers: Quantisers::default(),
            costs: ModeCosts::default(),
            token_prices: TokenPrices::default(),
            mv_prices: MvPrices::default(),
            row_context: RowContext::default(),
            workspaces: ScratchPool::default(),
            progress: Vec::new(),
            stores: Vec::new(),
            planes: Vec::new(),
            totals: FrameTotals::default(),
            branches: Box::default(),
            last_mvs: Vec::new(),
            search_stats: Vec::new(),
            segments: Segments::default(),
            unchanged: Unchanged::default(),
            packer: Packer::default(),
            coded_frames: 0,
        };
        encoder.resize(settings.size)?;
        Ok(encoder)
    }

    /// Changes the frame size; the next frame must be a key frame.
    ///
    /// # Errors
    /// The same errors as [`Self::new`]; on an error, nothing has changed.
    pub fn resize(&mut self, size: Size) -> Result<(), Error> {
        let allowed = 1..=16383;
        if !allowed.contains(&size.width) || !allowed.contains(&size.height) {
            return Err(ConfigError::new("size", size, "1x1 to 16383x16383").into());
        }
        self.settings.size = size;
        (self.cols, self.rows) = size.macroblocks();
        // Three references, the frame being coded, one that the caller may hold, and one for filter
        // trials.
        self.frames = FramePool::new(size, LUMA_PAD, 6);
        self.slots = [None, None, None];
        self.row_context.resize(self.cols);
        self.progress.resize_with(self.rows, Progress::default);
        self.stores.clear();
        self.stores.resize_with(self.rows, || RwLock::new(RowStore::with_cols(self.cols)));
        self.planes.reserve(self.rows);
        self.last_mvs.clear();
        self.last_mvs.resize(self.cols * self.rows, MotionVector::ZERO);
        self.search_stats.clear();
        self.search_stats.resize(self.cols * self.rows, SearchStats::default());
        self.segments.reset(self.cols * self.rows);
        self.unchanged.reset(self.cols * self.rows);
        Ok(())
    }

    /// Changes the knobs from the next frame on.
    ///
    /// # Errors
    /// [`Error::Config`] if one is out of range. Nothing has changed.
    pub fn set_knobs(&mut self, knobs: FrameKnobs) -> Result<(), Error> {
        knobs.check()?;
        self.settings.knobs = knobs;
        Ok(())
    }

    /// Changes the thread pool from the next frame on; `None` uses only the caller's thread. The coded
    /// bytes do not depend on it.
    pub fn set_pool(&mut self, pool: Option<Arc<dyn Pool>>) {
        self.settings.pool = pool;
    }

    /// Returns the frame in a reference slot as later frames use it: 0 last, 1 golden, 2 altref.
    #[must_use]
    pub fn reference(&self, slot: usize) -> Option<&Arc<FrameBuf>> {
        self.slots.get(slot)?.as_ref()
    }
}
