//! The encoder with rate control: plans each frame and has it coded.
//!
//! Each frame passes through the denoiser if that is enabled, the analyser (complexity, scene cuts),
//! the layer planner (references and slots) and the rate controller (quantiser, or a drop). The
//! resulting [`FramePlan`](crate::codec::plan::FramePlan) goes to the frame coder.

use codec_simd::Kernels;

use super::coding::{Coding, Task, nominal_ticks, tune};
use super::file::FileState;
use super::key_frames::KeyPolicy;
use super::knobs::{KnobValues, MAX_LOOKAHEAD};
use super::speed_selector::{SpeedChoice, SpeedSelector};
use super::{CodecDescription, FrameCoder, validate};
use crate::analysis::{Analyser, FrameAnalysis, MaskingMeter};
use crate::codec::{
    Applied, Capabilities, Content, Deadline, Denoise, EncoderConfig, FrameKind, FrameRequest,
    FrameTime, Outcome, Packet, Preset, SlotSet, Stage, StageTimer, Tune, Update, VideoEncoder,
};
use crate::denoise::Denoiser;
use crate::error::{ConfigError, Error};
use crate::frame::{Picture, Size};
use crate::parallel::{Pool, Serial};
use crate::rate::{FrameRole, LayerPlanner, LookaheadInfo, RateController};

/// A video encoder on top of a frame coder.
///
/// With [`Preset::Rtc`] each frame's packet is ready when `encode` returns. With [`Preset::File`]
/// frames are held back: the outcome of `encode` refers to the frame that left the look-ahead, and
/// [`VideoEncoder::finish`] drops no frames.
#[derive(Debug)]
pub struct Encoder<C: FrameCoder> {
    pub(super) config: EncoderConfig,
    capabilities: Capabilities,
    codec: &'static CodecDescription,
    knobs: KnobValues<C::Knobs>,
    kernels: &'static Kernels,
    denoiser: Denoiser,
    analyser: Analyser,
    /// Analysis of the next frame, by a lower spatial layer or by the caller.
    given_analysis: Option<FrameAnalysis>,
    /// Whether the caller has analysed the last frame.
    is_caller_analysing: bool,
    masking: MaskingMeter,
    keys: KeyPolicy,
    pub(super) coding: Coding<C>,
    /// Look-ahead state; `None` in real time.
    file: Option<FileState>,
    last_pts: Option<i64>,
    speed_selector: SpeedSelector,
}

impl<C: FrameCoder> Encoder<C> {
    /// Creates an encoder; its first frame will be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range, with the allowed range;
    /// [`Error::Unsupported`] for a feature that the codec lacks.
    pub fn new(config: &EncoderConfig) -> Result<Self, Error> {
        let knobs = checked_knobs::<C>(config)?;
        let unit = C::open(config, knobs.codec)?;
        Self::with_frame_coder(config, unit)
    }

    /// Creates an encoder like [`Self::new`] on top of an open frame coder.
    ///
    /// # Errors
    /// The same errors as [`Self::new`].
    pub fn with_frame_coder(config: &EncoderConfig, unit: C) -> Result<Self, Error> {
        let codec = C::codec();
        let knobs = checked_knobs::<C>(config)?;
        validate::one_spatial_layer(config.scalability.spatial_layers())?;
        let kernels = match config.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        let is_file = config.preset == Preset::File;
        let mut rate = RateController::new(config, &codec.rate_model(config));
        if is_file && let Some(first_pass) = &config.rate.first_pass {
            rate.set_first_pass(first_pass, config);
        }
        let held = if is_file { knobs.shared.lookahead } else { 1 };
        let latency_frames = u32::try_from(held - 1).unwrap_or(MAX_LOOKAHEAD);
        let max_b_frames = unit.max_b_frames();
        let mut analyser = Analyser::new();
        analyser.refine_motion(is_file);
        // Coders with B frames have weights.
        analyser.follow_fades(is_file && max_b_frames > 0);
        Ok(Self {
            capabilities: Capabilities { latency_frames, ..*codec.capabilities },
            codec,
            knobs,
            kernels,
            denoiser: Denoiser::new(),
            analyser,
            given_analysis: None,
            is_caller_analysing: false,
            masking: MaskingMeter::default(),
            keys: KeyPolicy::new(),
            coding: Coding::new(unit, kernels, rate, LayerPlanner::new(config.scalability)),
            file: is_file.then(|| FileState::new(config.size, held, max_b_frames)),
            last_pts: None,
            speed_selector: SpeedSelector::new(&codec.speed_costs),
            config: config.clone(),
        })
    }

    /// Analyses the next frame by the analysis of the encoder of the next lower spatial layer, which has made one itself.
    /// Screen content is analysed at full size: text moves by whole pixels.
    pub(super) fn follow_analysis(&mut self, lower: &Self) {
        if self.config.content == Content::Screen {
            self.given_analysis = None;
            return;
        }
        let (kernels, size) = (self.kernels, self.config.size);
        lower.analyser.upscale_into(kernels, size, self.given_analysis());
    }

    /// Returns the memory of an analysis that this encoder does not make itself.
    fn given_analysis(&mut self) -> &mut FrameAnalysis {
        self.given_analysis.get_or_insert_with(|| {
            self.analyser.reset();
            FrameAnalysis::default()
        })
    }

    fn check(&self, picture: &Picture<'_>, request: &FrameRequest) -> Result<(), Error> {
        let capabilities = self.codec.capabilities;
        capabilities.check_picture(picture, request, self.config.size, self.last_pts)?;
        for (name, slots) in [("references", request.references), ("updates", request.updates)] {
            let all = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);
            if let Some(slots) = slots.filter(|&slots| !all.contains(slots)) {
                let given = format!("{:#b}", slots.0);
                return Err(ConfigError::new(name, given, "slots 0..=2").into());
            }
        }
        if request.analysis.is_some() && self.file.is_some() {
            let reason = "the file preset analyses frames itself";
            return Err(ConfigError::conflict("analysis", reason).into());
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
        let mut given_analysis = self.given_analysis.take();
        let analysis = match &mut given_analysis {
            Some(analysis) => analysis,
            None => self.analyser.analyse(picture, self.kernels, pool),
        };
        if tune(&self.config, self.config.content) == Tune::Visual {
            self.masking.measure(picture, self.kernels, analysis);
        }
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
            group_frames: 0,
            order: None,
            decode_time: None,
            speed: match &self.config.deadline {
                Some(deadline) => {
                    self.speed_selector.select(lookahead_info.key, self.config.speed, deadline)
                }
                None => SpeedChoice::without_deadline(self.config.speed),
            },
        };
        let outcome = self.coding.code(&self.config, &self.knobs.shared, &task);
        self.given_analysis = given_analysis;
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
        let nominal = nominal_ticks(&self.config).unwrap_or(1);
        file.push(picture, analysis, request.clone(), denoised_q4, lookahead_info, nominal);
        let ready = self.coding.queue.len();
        let mut outcome = Outcome::Buffered;
        while file.is_full() {
            let (config, knobs) = (&self.config, &self.knobs.shared);
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
            let (config, knobs) = (&self.config, &self.knobs.shared);
            while file.code_next(&mut self.coding, config, knobs, self.kernels, true)?.is_some() {}
        }
        Ok(())
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.drain()?;
        self.coding.unit.resize(size)?;
        self.config.size = size;
        self.coding.resized();
        self.speed_selector.reset();
        let (overhead_bits, static_complexity) = self.codec.static_frame_stats(size);
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

impl<C: FrameCoder> VideoEncoder for Encoder<C> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn codec_private(&self) -> Vec<u8> {
        self.coding.unit.codec_private()
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        self.check(picture, request)?;
        self.last_pts = Some(request.pts);
        if let Some(analysis) = &request.analysis {
            self.given_analysis().copy_from(analysis);
            self.is_caller_analysing = true;
        } else if self.is_caller_analysing {
            (self.given_analysis, self.is_caller_analysing) = (None, false);
        }
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
        validate::update(&update, self.codec.capabilities)?;
        match &update {
            Update::Scalability(mode) => validate::one_spatial_layer(mode.spatial_layers())?,
            Update::ActiveSpatialLayers(layers) => validate::one_spatial_layer(*layers)?,
            Update::Knob(name, value) => {
                let mut knobs = self.knobs;
                knobs.set(name, *value, true)?;
                self.coding.unit.set_knobs(knobs.codec)?;
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

/// Checks `config` and returns the values of its knobs.
fn checked_knobs<C: FrameCoder>(config: &EncoderConfig) -> Result<KnobValues<C::Knobs>, Error> {
    let capabilities = C::codec().capabilities;
    validate::config(config, capabilities)?;
    Ok(KnobValues::new(capabilities.knobs, &config.knobs)?)
}
