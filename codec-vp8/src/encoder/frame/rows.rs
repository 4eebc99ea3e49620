//! Coding and filtering of the macroblock rows of a frame on the thread pool.

use std::sync::{Arc, Mutex, PoisonError};

use super::{AttemptSettings, FrameEncoder, FrameInput, SLOTS};
use crate::encoder::chroma;
use crate::encoder::job::FrameJob;
use crate::encoder::loop_filter::{FilterInput, RowFilter, search_level};
use crate::encoder::quant::Quantisers;
use crate::encoder::row::code_row;
use crate::encoder::speed::{FilterChoice, Speed};
use crate::header::FrameHeader;
use crate::loop_filter::FilterParams;
use crate::predict::{MotionFilter, RefPlanes};
use crate::rows::{MbRow, mb_rows};
use codec_core::codec::plan::FramePlan;
use codec_core::codec::{Stage, StageTimer};
use codec_core::encoder::texture::TextureWeight;
use codec_core::frame::{FrameBuf, Picture, extend_ends, luma_sse};
use codec_core::parallel::{Pool, Progress, Serial, Wavefront, in_order};

impl FrameEncoder {
    /// Codes and filters the rows and extends the frame's borders. The filter level is that in
    /// `header`, or, at speeds that try several, the best one near it, which replaces it.
    pub(super) fn code_and_filter(
        &mut self,
        input: &FrameInput<'_>,
        settings: AttemptSettings,
        quantisers: &Quantisers,
        header: &mut FrameHeader,
        frame: &mut FrameBuf,
    ) {
        if self.tries_filter_levels(input) {
            let unfiltered = params_at(header, 0);
            self.code_rows(input, settings, quantisers, &unfiltered, frame);
            let stages = self.settings.stages.clone();
            let _timer = StageTimer::start(stages.as_deref(), Stage::LoopFilter);
            header.filter.level = self.search_filter_level(input.picture, header, frame);
            self.filter(&FilterParams::new(header), frame);
        } else {
            let params = FilterParams::new(header);
            self.code_rows(input, settings, quantisers, &params, frame);
        }
        for plane in frame.planes_mut() {
            let layout = plane.layout();
            extend_ends(plane.into_data(), layout);
        }
    }

    fn tries_filter_levels(&self, input: &FrameInput<'_>) -> bool {
        Speed::level(input.plan.speed).filter_level == FilterChoice::Tried
            && input.quantiser_offsets().is_empty()
            && self.settings.knobs.filter_level.is_none()
            && !input.is_screen()
    }

    /// Codes the rows of a frame on the pool.
    fn code_rows(
        &mut self,
        input: &FrameInput<'_>,
        settings: AttemptSettings,
        quantisers: &Quantisers,
        params: &FilterParams,
        frame: &mut FrameBuf,
    ) {
        let FrameInput { picture, plan, analysis } = *input;
        self.progress.iter_mut().for_each(Progress::reset);
        let references = self.distinct_references(plan);
        let layouts = [0, 1, 2].map(|index| frame.plane(index).layout());
        let (first, count) = plan.intra_refresh;
        let first = first as usize;
        let pool: &dyn Pool = self.settings.pool.as_deref().unwrap_or(&Serial);
        let job = FrameJob {
            kernels: self.kernels,
            picture,
            cols: self.cols,
            rows: self.rows,
            is_key: input.is_key(),
            has_plain_modes: settings.has_plain_modes,
            speed: Speed::level(plan.speed),
            filter: MotionFilter::of_profile(self.settings.knobs.profile),
            references: [0, 1, 2].map(|slot| references[slot].as_deref().map(RefPlanes::from)),
            sets: quantisers,
            texture: TextureWeight::of(plan.tune),
            costs: &self.costs,
            token_prices: &self.token_prices,
            mv_cost: self.mv_prices.table(),
            segments: &self.segments,
            unchanged: &self.unchanged,
            row_context: &self.row_context,
            workspaces: &self.workspaces,
            wave: Wavefront::new(&self.progress, self.cols, pool.threads()),
            last_mvs: &self.last_mvs,
            search_stats: &self.search_stats,
            turn: usize::try_from(self.coded_frames % 64).unwrap_or(0),
            analysis,
            max_chroma_offset: chroma::max_offset(input.is_screen()),
            forced_intra: first..first.saturating_add(count as usize),
            layouts,
            stages: self.settings.stages.as_deref(),
        };
        let mut planes = recycle(std::mem::take(&mut self.planes));
        planes.extend(mb_rows(frame).map(Mutex::new));
        let chase = RowFilter::new();
        let work = FilterInput {
            kernels: self.kernels,
            params,
            rows: &planes,
            stores: &self.stores,
            layouts,
        };
        in_order(pool, self.rows, &|| job.wave.poison(), &|row| {
            let mut planes = planes[row].lock().unwrap_or_else(PoisonError::into_inner);
            let mut store = self.stores[row].write().unwrap_or_else(PoisonError::into_inner);
            code_row(&job, row, &mut planes, &mut store);
            drop((planes, store));
            let _timer = StageTimer::start(job.stages, Stage::LoopFilter);
            chase.advance(&work, |row| job.wave.is_complete(row));
        });
        let timer = StageTimer::start(job.stages, Stage::LoopFilter);
        chase.finish(&work);
        drop(timer);
        planes.clear();
        self.planes = recycle(planes);
    }

    /// Returns the level near the one in `header` that minimises the luma error of `frame`, which
    /// is not filtered yet.
    fn search_filter_level(
        &mut self,
        picture: &Picture<'_>,
        header: &FrameHeader,
        frame: &FrameBuf,
    ) -> u8 {
        let mut trial = self.frames.take();
        let level = match Arc::get_mut(&mut trial) {
            Some(trial) => search_level(header.filter.level, |level| {
                for (index, mut plane) in trial.planes_mut().into_iter().enumerate() {
                    let from = frame.plane(index);
                    (0..from.layout().height)
                        .for_each(|y| plane.row_mut(y).copy_from_slice(from.row(y)));
                }
                self.filter(&params_at(header, level), trial);
                luma_sse(self.kernels, picture, trial)
            }),
            // The pool only returns frames without other holders.
            None => header.filter.level,
        };
        self.frames.recycle(trial);
        level
    }

    /// Filters a frame whose rows are all coded.
    fn filter(&mut self, params: &FilterParams, frame: &mut FrameBuf) {
        let layouts = [0, 1, 2].map(|index| frame.plane(index).layout());
        let mut planes = recycle(std::mem::take(&mut self.planes));
        planes.extend(mb_rows(frame).map(Mutex::new));
        RowFilter::new().finish(&FilterInput {
            kernels: self.kernels,
            params,
            rows: &planes,
            stores: &self.stores,
            layouts,
        });
        planes.clear();
        self.planes = recycle(planes);
    }

    /// Returns the allowed references without duplicates of the same frame.
    fn distinct_references(&self, plan: &FramePlan) -> [Option<Arc<FrameBuf>>; 3] {
        let mut distinct: [Option<Arc<FrameBuf>>; 3] = [None, None, None];
        for (slot, set) in SLOTS.into_iter().enumerate() {
            let frame = self.slots[slot].as_ref().filter(|_| plan.references.contains(set));
            let is_new = |frame: &&Arc<FrameBuf>| {
                !distinct.iter().flatten().any(|known| Arc::ptr_eq(known, frame))
            };
            let frame = frame.filter(is_new).cloned();
            distinct[slot] = frame;
        }
        distinct
    }
}

/// Returns the filter parameters of a frame for another level.
fn params_at(header: &FrameHeader, level: u8) -> FilterParams {
    let mut header = header.clone();
    header.filter.level = level;
    FilterParams::new(&header)
}

/// Reuses the memory of a list for a list with another lifetime, dropping its content.
fn recycle<'a>(mut list: Vec<Mutex<MbRow<'_>>>) -> Vec<Mutex<MbRow<'a>>> {
    list.clear();
    // Collecting in place keeps the allocation.
    list.into_iter().map_while(|_| None).collect()
}
