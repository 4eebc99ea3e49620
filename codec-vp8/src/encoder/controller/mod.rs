//! The VP8 encoder with rate control: plans each frame and codes it.
//!
//! Each frame passes through the denoiser if that is enabled, the analyser (complexity, scene cuts), the layer planner (references
//! and slots) and the rate controller (quantiser, or a drop). The resulting
//! [`FramePlan`](codec_core::codec::plan::FramePlan) goes to the frame encoder.

mod buffered_frame;
mod coding;
mod file;
mod frame_coder;
mod golden;
mod key_frames;
mod knobs;
mod packet_queue;
mod speed_selector;
#[cfg(test)]
mod tests;
mod validate;

pub use frame_coder::FrameCoder;

use codec_simd::Kernels;

use self::coding::{Coding, Task};
use self::file::FileState;
use self::key_frames::KeyPolicy;
use self::knobs::{KNOBS, KnobValues, MAX_LOOKAHEAD};
use self::speed_selector::{SpeedChoice, SpeedSelector};
use super::{FrameEncoder, FrameSettings};
use crate::tables::AC_STEPS;
use codec_core::analysis::{Analyser, FrameAnalysis};
use codec_core::codec::{
    Applied, Capabilities, Content, Deadline, Denoise, EncoderConfig, FrameKind, FrameRequest,
    FrameTime, Outcome, Packet, Preset, Scalability, SlotSet, Stage, StageTimer, Update,
    VideoEncoder,
};
use codec_core::denoise::Denoiser;
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{Picture, PixelFormat, Size};
use codec_core::parallel::{Pool, Serial};
use codec_core::rate::{
    BitsLaw, CodecModel, FrameRole, LayerPlanner, LookaheadInfo, RateController,
};

/// Capabilities of the encoder.
pub static CAPABILITIES: Capabilities = Capabilities {
    formats: &[PixelFormat::I420, PixelFormat::Nv12],
    max_dimension: validate::MAX_DIMENSION,
    scalability: &[Scalability::L1T1, Scalability::L1T2, Scalability::L1T3],
    qindex_range: (0, validate::MAX_QINDEX),
    rtc_qindex_range: (2, 106),
    reference_slots: 3,
    latency_frames: MAX_LOOKAHEAD - 1,
    live_bitrate: true,
    live_resolution: true,
    reports_qindex: true,
    threads: true,
    knobs: KNOBS,
    quantiser_steps: &AC_STEPS,
    ..Capabilities::minimal("vp8/native")
};

/// Opens the native VP8 encoder, registered as `vp8/native`.
///
/// # Errors
/// As [`Vp8Encoder::new`].
pub fn open(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(Vp8Encoder::new(config)?))
}

/// The native VP8 encoder.
///
/// With [`Preset::Rtc`] each frame's packet is ready when `encode` returns. With [`Preset::File`]
/// frames are held back: the outcome of `encode` is that of the frame that left the look-ahead, and
/// [`VideoEncoder::finish`] drops no frames.
#[derive(Debug)]
pub struct Vp8Encoder<C = FrameEncoder> {
    config: EncoderConfig,
    capabilities: Capabilities,
    knobs: KnobValues,
    kernels: &'static Kernels,
    denoiser: Denoiser,
    analyser: Analyser,
    keys: KeyPolicy,
    coding: Coding<C>,
    /// Look-ahead state; `None` in real time.
    file: Option<FileState>,
    last_pts: Option<i64>,
    speed_selector: SpeedSelector,
}

impl Vp8Encoder {
    /// Creates an encoder; its first frame will be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range, with the allowed range.
    pub fn new(config: &EncoderConfig) -> Result<Self, Error> {
        validate::config(config)?;
        let knobs = KnobValues::from_list(&config.knobs)?;
        let unit = FrameEncoder::new(&FrameSettings {
            size: config.size,
            knobs: knobs.frame,
            pool: config.pool.clone(),
            simd: config.simd,
            report_sse: config.report_psnr,
            report_digest: config.report_digest,
            stages: config.stages.clone(),
        })?;
        Self::with_frame_coder(config, unit)
    }
}

impl<C: FrameCoder> Vp8Encoder<C> {
    /// Creates an encoder like [`Vp8Encoder::new`] on top of another frame encoder.
    ///
    /// # Errors
    /// As [`Vp8Encoder::new`].
    pub fn with_frame_coder(config: &EncoderConfig, unit: C) -> Result<Self, Error> {
        validate::config(config)?;
        let knobs = KnobValues::from_list(&config.knobs)?;
        let kernels = match config.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "a level that this CPU supports")
            })?,
        };
        let is_file = config.preset == Preset::File;
        let mut rate = RateController::new(config, &rate_model(config));
        if is_file && let Some(first_pass) = &config.rate.first_pass {
            rate.set_first_pass(first_pass, config);
        }
        let held = if is_file { knobs.lookahead } else { 1 };
        let latency_frames = u32::try_from(held - 1).unwrap_or(MAX_LOOKAHEAD);
        Ok(Self {
            capabilities: Capabilities { latency_frames, ..CAPABILITIES },
            knobs,
            kernels,
            denoiser: Denoiser::new(),
            analyser: Analyser::new(),
            keys: KeyPolicy::new(),
            coding: Coding::new(unit, rate, LayerPlanner::new(config.scalability)),
            file: is_file.then(|| FileState::new(config.size, held)),
            last_pts: None,
            speed_selector: SpeedSelector::default(),
            config: config.clone(),
        })
    }

    fn check(&self, picture: &Picture<'_>, request: &FrameRequest) -> Result<(), ConfigError> {
        if picture.size() != self.config.size {
            return Err(ConfigError::new("frame size", picture.size(), self.config.size));
        }
        if let Some(last) = self.last_pts.filter(|&last| request.pts <= last) {
            let allowed = format!("a value above the previous frame's {last}");
            return Err(ConfigError::new("pts", request.pts, allowed));
        }
        if let Some(map) = &request.importance {
            map.check_size(self.config.size)?;
        }
        for (name, slots) in [("references", request.references), ("updates", request.updates)] {
            let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
            if let Some(slots) = slots.filter(|&slots| !all.contains(slots)) {
                return Err(ConfigError::new(name, format!("{:#b}", slots.0), "slots 0..=2"));
            }
        }
        Ok(())
    }

    /// Encodes like [`Self::encode_now`], within the deadline as far as the time is predictable.
    fn encode_in_time(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        denoised_q4: Option<u16>,
        deadline: &Deadline,
    ) -> Result<Outcome, Error> {
        let begin = deadline.clock.now_us();
        let outcome = self.encode_now(picture, request, denoised_q4);
        let elapsed_us = deadline.clock.now_us().saturating_sub(begin);
        if let (Ok(Outcome::Coded), Some(packet)) = (&outcome, self.coding.queue.last_mut()) {
            packet.meta.time = Some(FrameTime { elapsed_us, max_us: deadline.max_us });
            let is_key = packet.meta.kind == FrameKind::Key;
            self.speed_selector.update(is_key, packet.meta.speed, elapsed_us);
        }
        outcome
    }

    fn encode_now(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        denoised_q4: Option<u16>,
    ) -> Result<Outcome, Error> {
        self.analyser.watch_chroma(self.config.content == Content::Screen);
        let pool: &dyn Pool = self.config.pool.as_deref().unwrap_or(&Serial);
        let timer = StageTimer::start(self.config.stages.as_deref(), Stage::Analysis);
        let analysis = self.analyser.analyse(picture, self.kernels, pool);
        drop(timer);
        if let Some(map) = &request.importance {
            map.add_to(&mut analysis.offsets_q4, self.config.rate.mode.bitrate().is_some());
        }
        let lookahead_info = lookahead_info(analysis, &mut self.keys, request, &self.config);
        let task = Task {
            picture,
            analysis: Some(analysis),
            request,
            denoised_q4,
            lookahead_info,
            mean_cost: None,
            role: FrameRole::Plain,
            speed: match &self.config.deadline {
                Some(deadline) => {
                    self.speed_selector.select(lookahead_info.key, self.config.speed, deadline)
                }
                None => SpeedChoice::without_deadline(self.config.speed),
            },
        };
        let outcome = self.coding.code(&self.config, &self.knobs, &task);
        if lookahead_info.key && !matches!(outcome, Ok(Outcome::Coded)) {
            self.keys.request();
        }
        outcome
    }

    /// Removes noise if configured, and encodes the result.
    fn denoise_and_encode(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
    ) -> Result<Outcome, Error> {
        let setting = match self.config.content {
            Content::Camera => self.config.denoise,
            Content::Screen => Denoise::Off,
        };
        let mut denoiser = std::mem::take(&mut self.denoiser);
        let pool: &dyn Pool = self.config.pool.as_deref().unwrap_or(&Serial);
        let timer = StageTimer::start(self.config.stages.as_deref(), Stage::Analysis);
        let noise_q4 = denoiser.filter(picture, setting, self.kernels, pool);
        drop(timer);
        let outcome = match noise_q4 {
            Some(_) => self.encode_in_order(&denoiser.picture(picture), request, noise_q4),
            None => self.encode_in_order(picture, request, None),
        };
        self.denoiser = denoiser;
        outcome
    }

    fn encode_in_order(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        denoised_q4: Option<u16>,
    ) -> Result<Outcome, Error> {
        let Some(file) = &mut self.file else {
            return match self.config.deadline.clone() {
                Some(deadline) => self.encode_in_time(picture, request, denoised_q4, &deadline),
                None => self.encode_now(picture, request, denoised_q4),
            };
        };
        let mut analysis = file.blank_analysis();
        let pool: &dyn Pool = self.config.pool.as_deref().unwrap_or(&Serial);
        let timer = StageTimer::start(self.config.stages.as_deref(), Stage::Analysis);
        self.analyser.analyse_into(picture, self.kernels, pool, &mut analysis);
        drop(timer);
        let lookahead_info = lookahead_info(&analysis, &mut self.keys, request, &self.config);
        file.push(picture, analysis, request.clone(), denoised_q4, lookahead_info);
        let ready = self.coding.queue.len();
        let mut outcome = Outcome::Buffered;
        while file.is_full() {
            let (config, knobs) = (&self.config, &self.knobs);
            match file.code_next(&mut self.coding, config, knobs, self.kernels, false) {
                Ok(Some(next)) => outcome = next,
                Ok(None) => break,
                Err(error) => {
                    // Later frames may depend on the frame that failed.
                    self.keys.request();
                    return Err(error);
                }
            }
        }
        Ok(if self.coding.queue.len() > ready { Outcome::Coded } else { outcome })
    }

    /// Codes all frames held back.
    fn drain(&mut self) -> Result<(), Error> {
        if let Some(file) = &mut self.file {
            let (config, knobs) = (&self.config, &self.knobs);
            while file.code_next(&mut self.coding, config, knobs, self.kernels, true)?.is_some() {}
        }
        Ok(())
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        validate::size(size)?;
        self.drain()?;
        self.coding.unit.resize(size)?;
        self.config.size = size;
        self.coding.resized();
        self.speed_selector.reset();
        let (overhead_bits, static_complexity) = static_frame_stats(size);
        self.coding.rate.set_static_frame(overhead_bits, static_complexity);
        self.denoiser.reset();
        self.analyser.reset();
        self.keys.request();
        if let Some(file) = &mut self.file {
            file.resized(size);
        }
        Ok(())
    }
}

impl<C: FrameCoder> VideoEncoder for Vp8Encoder<C> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        self.check(picture, request)?;
        self.last_pts = Some(request.pts);
        self.denoise_and_encode(picture, request)
    }

    fn receive(&mut self, packet: &mut Packet) -> bool {
        self.coding.queue.pop(packet)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.drain()?;
        self.denoiser.reset();
        self.analyser.reset();
        self.keys.request();
        Ok(())
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        validate::update(&update)?;
        match &update {
            Update::Knob(name, value) => {
                let mut knobs = self.knobs;
                knobs.set(name, *value, true)?;
                self.coding.unit.set_knobs(knobs.frame)?;
                self.knobs = knobs;
            }
            Update::Resolution(size) => self.resize(*size)?,
            Update::Pool(pool) => self.coding.unit.set_pool(pool.clone()),
            _ => {}
        }
        self.coding.rate.apply(&update)?;
        self.config.apply(&update)?;
        match update {
            Update::Scalability(mode) => self.coding.layers.set_mode(mode),
            Update::ActiveTemporalLayers(layers) => self.coding.layers.set_active_layers(layers),
            Update::KeyFrame => {
                self.keys.request();
                return Ok(Applied::NextFrameAsKey);
            }
            Update::Resolution(_) => return Ok(Applied::NextFrameAsKey),
            _ => {}
        }
        Ok(Applied::NextFrame)
    }
}

fn lookahead_info(
    analysis: &FrameAnalysis,
    keys: &mut KeyPolicy,
    request: &FrameRequest,
    config: &EncoderConfig,
) -> LookaheadInfo {
    let is_cut = analysis.scene.is_cut;
    let key = keys.decide(request, is_cut, config.keys);
    LookaheadInfo {
        inter_cost: analysis.inter_cost,
        intra_cost: analysis.intra_cost,
        scene_cut: is_cut && !key,
        key,
        mb_tree_boost_q16: None,
    }
}

/// Returns the rate controller's model of VP8, with priors that were measured over thirteen
/// clips (calls, motion, screen content), quantiser indices 12 to 104, at speed 7.
fn rate_model(config: &EncoderConfig) -> CodecModel {
    let mut model = CodecModel::new(&AC_STEPS);
    model.key_law = BitsLaw { alpha_q16: 98_304, beta_q16: 53_740 }; // 1.50 and 0.82
    model.inter_law = BitsLaw { alpha_q16: 203_162, beta_q16: 75_366 }; // 3.10 and 1.15
    (model.overhead_bits, model.static_complexity) = static_frame_stats(config.size);
    model.qindex_range = CAPABILITIES.default_qindex(config.preset);
    model.sharp_qindex = SHARP_QINDEX;
    model
}

/// Quantiser index at which text looks sharp: a step of 20, about 45 dB if half of a frame is text.
const SHARP_QINDEX: u8 = 16;

/// Returns the size in bits of a frame in which nothing has changed, and the complexity below which
/// a frame is static.
fn static_frame_stats(size: Size) -> (u64, u64) {
    let (cols, rows) = size.macroblocks();
    let macroblocks = (cols * rows) as u64;
    (150 + macroblocks / 4, 6 * macroblocks)
}
