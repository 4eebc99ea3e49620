//! The simulcast encoder.

use std::sync::{Mutex, PoisonError};

use codec_simd::Kernels;

use super::config::check_rates;
use super::rates::{LayerRates, SplitLayer, split};
use super::sources::{SharedAnalysis, Sources};
use super::{MAX_LAYERS, SimulcastConfig};
use crate::codec::{
    Applied, Bitrate, Capabilities, Content, Denoise, DropReason, Feature, FrameRequest,
    OpenEncoder, Outcome, Packet, RateControl, Update, VideoEncoder,
};
use crate::error::{ConfigError, Error, Unsupported};
use crate::frame::{Picture, PixelFormat, Size};
use crate::parallel::{Pool, Serial, in_order};

/// Why a layer does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Idle {
    /// The layer is not active: see [`LayerConfig::active`](super::LayerConfig::active).
    Inactive,
    /// The bitrate is too low for the layer.
    Bitrate,
}

/// Outcome of an input frame in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerOutcome {
    /// At least one packet is ready for [`SimulcastEncoder::receive`].
    Coded,
    /// The layer's encoder holds the frame back.
    Buffered,
    /// The layer's encoder dropped the frame.
    Dropped {
        /// Why it was dropped.
        reason: DropReason,
        /// Bits by which the layer's buffer must recover before the next frame is coded.
        debt_bits: u64,
    },
    /// The layer does not run.
    Idle(Idle),
}

/// Current state of a simulcast layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerState {
    /// Frame size.
    pub size: Size,
    /// Limits of its bitrate.
    pub rates: LayerRates,
    /// Whether it may run.
    pub is_active: bool,
    /// Whether it runs.
    pub is_running: bool,
    /// Its bitrate, if it runs and the rate control mode has one.
    pub bitrate: Option<Bitrate>,
}

/// An encoder that codes each input frame in several sizes.
///
/// Layers are numbered from 0, the smallest one. Each is a stream of its own: its packets have their own frame numbers,
/// key frames and temporal layers. A layer that starts to run starts with a key frame; the other layers continue without
/// one. The bytes depend neither on the pool nor on the number of its threads.
#[derive(Debug)]
pub struct SimulcastEncoder {
    config: SimulcastConfig,
    capabilities: &'static Capabilities,
    kernels: &'static Kernels,
    layers: Vec<Layer>,
    outcomes: [LayerOutcome; MAX_LAYERS],
    sources: Sources,
    analysis: SharedAnalysis,
    /// Capacity that the link has had for some time.
    stable: Bitrate,
    last_pts: Option<i64>,
}

#[derive(Debug)]
struct Layer {
    encoder: Box<dyn VideoEncoder>,
    is_running: bool,
    bitrate: Option<Bitrate>,
    /// Whether its next frame must be a key frame.
    needs_key: bool,
}

/// The coding of an input frame in a layer.
struct Job<'a> {
    layer: &'a mut Layer,
    picture: Picture<'a>,
    request: FrameRequest,
    result: Result<Outcome, Error>,
}

impl Job<'_> {
    fn run(&mut self) {
        self.result = self.layer.encoder.encode(&self.picture, &self.request);
    }
}

impl SimulcastEncoder {
    /// Opens an encoder for each layer with `open`, the encoder of a backend with these capabilities. The first frame of
    /// each layer will be a key frame.
    ///
    /// # Errors
    /// [`Error::Config`] for the first setting that is out of range, also in one of the layers;
    /// [`Error::Unsupported`] for a feature that the backend lacks.
    pub fn new(
        (open, capabilities): (OpenEncoder, &'static Capabilities),
        config: &SimulcastConfig,
    ) -> Result<Self, Error> {
        config.check(capabilities)?;
        let kernels = match config.encoder.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        let layers = (0..config.layers.len())
            .map(|index| {
                let config = config.layer_config(index);
                let bitrate = config.rate.mode.bitrate();
                let encoder = open(&config)?;
                Ok(Layer { encoder, is_running: false, bitrate, needs_key: true })
            })
            .collect::<Result<_, Error>>()?;
        let mut simulcast = Self {
            capabilities,
            kernels,
            layers,
            outcomes: [LayerOutcome::Idle(Idle::Inactive); MAX_LAYERS],
            sources: Sources::default(),
            analysis: SharedAnalysis::default(),
            stable: config.total().unwrap_or_default(),
            last_pts: None,
            config: config.clone(),
        };
        simulcast.sources.set_sizes(config.sizes());
        // All layers that the bitrate covers start at once.
        simulcast.layers.iter_mut().for_each(|layer| layer.is_running = true);
        simulcast.divide()?;
        Ok(simulcast)
    }

    /// Returns what the encoders of the layers support.
    #[must_use]
    pub fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    /// Returns the settings, with all changes so far.
    #[must_use]
    pub fn config(&self) -> &SimulcastConfig {
        &self.config
    }

    /// Returns the layers, the smallest first.
    pub fn layers(&self) -> impl Iterator<Item = LayerState> {
        let sizes = self.config.sizes();
        self.layers.iter().zip(sizes).enumerate().map(|(index, (layer, size))| LayerState {
            size,
            rates: self.config.rates(index),
            is_active: self.config.layers[index].active,
            is_running: layer.is_running,
            bitrate: layer.bitrate.filter(|_| layer.is_running),
        })
    }

    /// Returns the codec configuration of a layer; see [`VideoEncoder::codec_private`].
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such layer.
    pub fn codec_private(&self, layer: usize) -> Result<Vec<u8>, Error> {
        self.check_layer(layer)?;
        Ok(self.layers[layer].encoder.codec_private())
    }

    /// Encodes one input frame in all running layers, and returns what happened to it in each layer.
    ///
    /// [`FrameRequest::key_frame`] requests a key frame of every running layer. The request must not
    /// contain references, an importance map or an analysis.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Unsupported`] if the frame or the request does not match the settings; nothing has
    /// changed then. Other errors concern one layer: its next frame will be a key frame, and the packets of the others
    /// are ready.
    pub fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
    ) -> Result<&[LayerOutcome], Error> {
        self.check(picture, request)?;
        self.last_pts = Some(request.pts);
        let lowest = self.layers.iter().position(|layer| layer.is_running);
        let shares = self.analysed_layer();
        if let Some(lowest) = lowest {
            let lowest = shares.map_or(lowest, |lower| lowest.min(lower));
            self.sources.fill(self.kernels, picture, lowest);
        }
        match shares {
            Some(lower) => {
                let pool = self.config.encoder.pool.as_deref().unwrap_or(&Serial);
                let lower = self.sources.picture(lower, picture);
                let top = self.sources.picture(self.layers.len() - 1, picture).size();
                self.analysis.analyse(&lower, top, self.kernels, pool);
            }
            None => self.analysis.reset(),
        }
        self.code(picture, request, shares)?;
        Ok(&self.outcomes[..self.layers.len()])
    }

    /// Moves the next finished packet into `packet`, reusing its memory, and returns its layer; `None` if no packet is
    /// ready. Lower layers come first.
    pub fn receive(&mut self, packet: &mut Packet) -> Option<usize> {
        self.layers.iter_mut().position(|layer| layer.encoder.receive(packet))
    }

    /// Flushes the encoders of all layers; see [`VideoEncoder::finish`].
    ///
    /// # Errors
    /// The first error of a layer.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.analysis.reset();
        let results = self.layers.iter_mut().map(|layer| layer.encoder.finish());
        results.fold(Ok(()), Result::and)
    }

    /// Switches a layer on or off. It starts with a key frame, as soon as the bitrate allows; the bitrate of a layer that
    /// is off goes to the others.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such layer.
    pub fn set_active(&mut self, layer: usize, active: bool) -> Result<(), Error> {
        self.check_layer(layer)?;
        self.config.layers[layer].active = active;
        self.divide()
    }

    /// Changes the limits of a layer's bitrate; `None` takes the limits of [`LayerRates::for_size`].
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such layer, or the limits are not in order. Nothing has changed.
    pub fn set_rates(&mut self, layer: usize, rates: Option<LayerRates>) -> Result<(), Error> {
        self.check_layer(layer)?;
        rates.as_ref().map_or(Ok(()), check_rates)?;
        self.config.layers[layer].rates = rates;
        self.divide()
    }

    /// Sets the bitrate of all layers together, and the capacity that the link has had for some time: layers start
    /// only if that covers them. [`Update::Bitrate`] sets both to the same value.
    ///
    /// # Errors
    /// [`Error::Config`] if the bitrate is 0 or the rate control mode has none, [`Error::Unsupported`] if the
    /// backend cannot change it. Nothing has changed.
    pub fn set_bitrate(&mut self, total: Bitrate, stable: Bitrate) -> Result<(), Error> {
        let update = Update::Bitrate(total);
        self.capabilities.check_update(&update)?;
        self.config.encoder.apply(&update)?;
        self.stable = stable;
        self.divide()
    }

    /// Requests a key frame of a layer. If the layer does not run, it starts with one anyway.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such layer.
    pub fn request_key_frame(&mut self, layer: usize) -> Result<(), Error> {
        self.check_layer(layer)?;
        self.layers[layer].needs_key = true;
        Ok(())
    }

    /// Changes a setting of all layers. A bitrate is the bitrate of all layers together, and a resolution is the
    /// resolution of the input.
    ///
    /// # Errors
    /// [`Error::Config`] with the allowed range, or [`Error::Unsupported`]; also for spatial layers and for limits of
    /// the time per frame. Nothing has changed, unless a backend rejects an update that its capabilities allow.
    pub fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        match &update {
            Update::ActiveSpatialLayers(_) => return Err(no_spatial_layers()),
            Update::Scalability(mode) if mode.spatial_layers() > 1 => {
                return Err(no_spatial_layers());
            }
            _ => self.capabilities.check_update(&update)?,
        }
        match update {
            Update::Bitrate(total) => self.set_bitrate(total, total)?,
            Update::Rate(mode) => self.set_mode(mode)?,
            Update::Resolution(size) => {
                self.resize(size)?;
                return Ok(Applied::NextFrameAsKey);
            }
            Update::KeyFrame => {
                self.layers.iter_mut().for_each(|layer| layer.needs_key = true);
                return Ok(Applied::NextFrameAsKey);
            }
            other => {
                let mut changed = self.config.encoder.clone();
                changed.apply(&other)?;
                for layer in &mut self.layers {
                    layer.encoder.apply(other.clone())?;
                }
                self.config.encoder = changed;
            }
        }
        Ok(Applied::NextFrame)
    }

    fn set_mode(&mut self, mode: RateControl) -> Result<(), Error> {
        self.config.encoder.rate.mode = mode;
        self.stable = mode.bitrate().unwrap_or_default();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let target = self.config.rates(index).target;
            let mode = mode.with_bitrate(target).unwrap_or(mode);
            layer.encoder.apply(Update::Rate(mode))?;
            layer.bitrate = mode.bitrate();
        }
        self.divide()
    }

    fn resize(&mut self, size: Size) -> Result<(), Error> {
        let mut config = self.config.clone();
        config.encoder.size = size;
        self.capabilities.check_config(&config.encoder)?;
        config.check_sizes(self.capabilities)?;
        for (layer, size) in self.layers.iter_mut().zip(config.sizes()) {
            layer.encoder.apply(Update::Resolution(size))?;
            layer.needs_key = true;
        }
        self.config = config;
        self.sources.set_sizes(self.config.sizes());
        self.divide()
    }

    fn check_layer(&self, layer: usize) -> Result<(), ConfigError> {
        let allowed = format_args!("0..={}", self.layers.len() - 1);
        ConfigError::ensure(layer < self.layers.len(), "simulcast layer", layer, allowed)
    }

    fn check(&self, picture: &Picture<'_>, request: &FrameRequest) -> Result<(), Error> {
        let size = self.config.encoder.size;
        self.capabilities.check_picture(picture, request, size, self.last_pts)?;
        let is_known = matches!(picture.format(), PixelFormat::I420 | PixelFormat::Nv12);
        ConfigError::ensure(is_known, "format", picture.format(), "i420 or nv12")?;
        let given = [
            (request.references.is_some() || request.updates.is_some(), "choice of references"),
            (request.importance.is_some(), "importance of regions"),
            (request.analysis.is_some(), "frame analysis by the caller"),
        ];
        match given.into_iter().find(|&(is, _)| is) {
            Some((_, what)) => {
                let reason = Some("the encoder has several simulcast layers");
                Err(Unsupported { what, reason }.into())
            }
            None => Ok(()),
        }
    }

    /// Divides the bitrate between the layers, and starts and stops them.
    fn divide(&mut self) -> Result<(), Error> {
        let settings = &self.config;
        let split_layers: [SplitLayer; MAX_LAYERS] = std::array::from_fn(|index| {
            let index = index.min(self.layers.len() - 1);
            SplitLayer {
                rates: settings.rates(index),
                is_active: settings.layers[index].active,
                is_running: self.layers[index].is_running,
            }
        });
        let total = settings.total();
        let shares = total.map(|total| {
            let layers = &split_layers[..self.layers.len()];
            split(total, self.stable, layers, settings.encoder.content)
        });
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let share = shares.and_then(|shares| shares[index]);
            let runs = self.config.layers[index].active && (total.is_none() || share.is_some());
            layer.needs_key |= runs && !layer.is_running;
            layer.is_running = runs;
            if let Some(share) = share
                && layer.bitrate != Some(share)
            {
                layer.encoder.apply(Update::Bitrate(share))?;
                layer.bitrate = Some(share);
            }
        }
        Ok(())
    }

    /// Returns the layer whose analysis serves it and the highest layer.
    fn analysed_layer(&self) -> Option<usize> {
        let encoder = &self.config.encoder;
        let takes_analysis = self.capabilities.gap(Feature::GivenAnalysis).is_none();
        // Text moves by whole pixels, and denoisers change the frames.
        let is_plain = encoder.content == Content::Camera && encoder.denoise == Denoise::Off;
        let lower = self.sources.analysed().filter(|_| takes_analysis && is_plain)?;
        // Also if one of the two does not run: the analysis needs the frames before.
        self.layers[lower..].iter().any(|layer| layer.is_running).then_some(lower)
    }

    /// Codes the frame in all running layers, the largest first: it takes the most time.
    fn code(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        shares: Option<usize>,
    ) -> Result<(), Error> {
        let analyses = shares.map(|lower| self.analysis.of_layers(lower)).unwrap_or_default();
        let mut jobs: [Option<Mutex<Job<'_>>>; MAX_LAYERS] = Default::default();
        let states = self.layers.iter_mut().zip(analyses).enumerate();
        for ((index, (layer, analysis)), slot) in states.zip(&mut jobs) {
            let idle = match (layer.is_running, self.config.layers[index].active) {
                (true, _) => None,
                (false, true) => Some(Idle::Bitrate),
                (false, false) => Some(Idle::Inactive),
            };
            if let Some(idle) = idle {
                self.outcomes[index] = LayerOutcome::Idle(idle);
                continue;
            }
            let mut request = request.clone();
            request.key_frame |= layer.needs_key;
            request.analysis = analysis;
            let picture = self.sources.picture(index, picture);
            *slot =
                Some(Mutex::new(Job { layer, picture, request, result: Ok(Outcome::Buffered) }));
        }
        let pool: &dyn Pool = self.config.encoder.pool.as_deref().unwrap_or(&Serial);
        in_order(pool, MAX_LAYERS, &|| {}, &|turn| {
            if let Some(job) = &jobs[MAX_LAYERS - 1 - turn] {
                job.lock().unwrap_or_else(PoisonError::into_inner).run();
            }
        });
        let mut first_error = Ok(());
        for (job, state) in jobs.into_iter().zip(&mut self.outcomes) {
            let Some(job) = job else { continue };
            let Job { layer, result, .. } =
                job.into_inner().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(outcome) => {
                    *state = LayerOutcome::from(outcome);
                    layer.needs_key &= matches!(outcome, Outcome::Dropped { .. });
                }
                Err(error) => {
                    layer.needs_key = true;
                    first_error = first_error.and(Err(error));
                }
            }
        }
        first_error
    }
}

impl From<Outcome> for LayerOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Coded => Self::Coded,
            Outcome::Buffered => Self::Buffered,
            Outcome::Dropped { reason, debt_bits } => Self::Dropped { reason, debt_bits },
        }
    }
}

fn no_spatial_layers() -> Error {
    let reason = Some("the encoder has several simulcast layers");
    Unsupported { what: "spatial layers", reason }.into()
}
