//! Spatial layers: an encoder for each layer, with a rate controller of its own.
//!
//! The layers of a superframe are coded one after another, the smallest first. The encoder of the lowest
//! layer decides about key frames and drops; the others follow. In a key superframe, and when a layer starts,
//! the frame of a higher layer predicts only from the next lower layer. The rate control of its layer
//! treats that frame as a key frame.

use std::sync::Arc;

use codec_simd::Kernels;

use super::packet_queue::PacketQueue;
use super::{Encoder, FrameCoder, validate};
use crate::codec::{
    Applied, Bitrate, Capabilities, EncoderConfig, FrameKind, FrameRequest, InterLayer, KeyFrames,
    MAX_SPATIAL_LAYERS, Outcome, Packet, RateControl, Scalability, SpatialLayer, Update,
    VideoEncoder,
};
use crate::error::{ConfigError, Error, Unsupported};
use crate::frame::{Downscaler, FrameBuf, Picture, Size};
use crate::rate::LayerPlanner;

/// Bitrate of a layer relative to the next higher one, in percent.
const NEXT_LAYER_PCT: u64 = 55;

/// A frame coder whose frames can be a layer of a superframe.
///
/// It uses last and golden, never altref.
pub trait LayerCoder: FrameCoder {
    /// Sets which layer all frames of this coder belong to, before the first one.
    fn set_layer(&mut self, id: u8);

    /// Sets the place of the next frame in its superframe.
    fn set_input(&mut self, input: LayerInput);

    /// Starts the motion search of the next frame from the vectors of the last frame of `lower`, the next lower layer.
    fn follow_motion(&mut self, lower: &Self);

    /// Returns the reconstruction of the last frame, if [`LayerInput::is_base`] was set for it or it is a
    /// key frame.
    fn reconstruction(&self) -> Option<Arc<FrameBuf>>;
}

/// Place of a frame in its superframe.
#[derive(Clone, Debug, Default)]
pub struct LayerInput {
    /// The next lower layer, from which the frame may predict. If the planned frame is a key frame, it
    /// predicts only from this.
    pub lower: Option<Arc<FrameBuf>>,
    /// Whether the next higher layer may predict from the frame.
    pub is_base: bool,
    /// Whether a receiver may not have the frame that was coded before this one, in any layer.
    pub is_independent: bool,
    /// Whether the frame depends on no state of the decoder but its references, and resets the state for
    /// the frames of all layers. All frames of a superframe do so if a layer starts in it.
    pub resets: bool,
}

/// A video encoder with several spatial layers.
///
/// Each call of `encode` gives a packet for each layer, the smallest first, or nothing if the input frame is
/// dropped. The layers of a superframe can differ in number: a layer that has just been enabled waits for the
/// temporal base layer, and a frame that its layer's rate control drops takes the higher layers with it.
#[derive(Debug)]
pub struct SpatialEncoder<C: LayerCoder> {
    config: EncoderConfig,
    capabilities: &'static Capabilities,
    kernels: &'static Kernels,
    layers: Vec<Layer<C>>,
    /// Number of layers that are enabled.
    active: usize,
    /// Number of layers of the last superframe.
    last_layers: usize,
    /// Whether not all layers have been reset since a layer started.
    is_reset_due: bool,
    scaler: Downscaler,
    queue: PacketQueue,
    last_pts: Option<i64>,
    next_frame_id: u64,
}

#[derive(Debug)]
struct Layer<C: LayerCoder> {
    encoder: Encoder<C>,
    /// Whether it has frames to predict from.
    is_started: bool,
    /// The input frame at the layer's size; not used by the highest layer.
    picture: FrameBuf,
}

/// The layers of a superframe that is coded.
#[derive(Clone, Copy, Debug)]
struct LayerSet {
    /// Number of layers to code.
    count: usize,
    /// By layer: whether it predicts from the next lower one.
    predicted: [bool; MAX_SPATIAL_LAYERS],
    /// By layer: whether it predicts from nothing else.
    starts: [bool; MAX_SPATIAL_LAYERS],
    /// See [`LayerInput::resets`].
    resets: bool,
}

impl<C: LayerCoder> SpatialEncoder<C> {
    /// Creates an encoder; its first superframe will be a key superframe.
    ///
    /// # Errors
    /// The same errors as [`Encoder::new`].
    pub fn new(config: &EncoderConfig) -> Result<Self, Error> {
        let capabilities = C::codec().capabilities;
        validate::config(config, capabilities)?;
        let kernels = match config.simd {
            None => Kernels::best(),
            Some(level) => Kernels::for_level(level).ok_or_else(|| {
                ConfigError::new("simd", level.name(), "an instruction set that this CPU supports")
            })?,
        };
        let count = config.scalability.spatial_layers();
        let layers = (0..count)
            .map(|id| {
                let mut encoder = Encoder::<C>::new(&layer_config(config, id))?;
                encoder.coding.unit.set_layer(id);
                encoder.coding.layers.without_altref();
                // Only the first frame of the lowest layer has no prediction from another frame.
                encoder.coding.is_first = id == 0;
                Ok(Layer { encoder, is_started: false, picture: FrameBuf::new(Size::new(1, 1), 0) })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            config: config.clone(),
            capabilities,
            kernels,
            layers,
            active: count.into(),
            last_layers: 0,
            is_reset_due: false,
            scaler: Downscaler::default(),
            queue: PacketQueue::new(),
            last_pts: None,
            next_frame_id: 0,
        })
    }

    fn check(&self, picture: &Picture<'_>, request: &FrameRequest) -> Result<(), Error> {
        self.capabilities.check_picture(picture, request, self.config.size, self.last_pts)?;
        let missing = [
            (request.references.is_some() || request.updates.is_some(), "choice of references"),
            (request.importance.is_some(), "importance of regions"),
            (request.analysis.is_some(), "frame analysis by the caller"),
        ];
        match missing.into_iter().find(|&(is, _)| is) {
            Some((_, what)) => {
                let reason = Some("the encoder has several spatial layers");
                Err(Unsupported { what, reason }.into())
            }
            None => Ok(()),
        }
    }

    /// Fills in the input frames of the lower layers.
    fn downscale(&mut self, picture: &Picture<'_>) {
        let Some((_, lower)) = self.layers.split_last_mut() else { return };
        let mut upper = None;
        for layer in lower.iter_mut().rev() {
            let from = upper.map_or(*picture, |upper: &FrameBuf| upper.picture(picture.info));
            self.scaler.halve(self.kernels, &from, &mut layer.picture);
            upper = Some(&layer.picture);
        }
    }

    /// Chooses the layers of the next superframe; a key frame of the lowest one is not known yet.
    fn choose_layers(&self) -> LayerSet {
        let is_base = self.layers[0].encoder.coding.layers.next_temporal_id() == 0;
        let may_code = |layer: &&Layer<C>| layer.is_started || is_base;
        let count = 1 + self.layers[1..self.active].iter().take_while(may_code).count();
        let always = self.config.scalability.inter_layer() == InterLayer::Always;
        let starts = std::array::from_fn(|id| id > 0 && id < count && !self.layers[id].is_started);
        let predicted = std::array::from_fn(|id| starts[id] || (always && id > 0 && id < count));
        let resets = self.is_reset_due || starts.contains(&true);
        LayerSet { count, predicted, starts, resets }
    }

    /// Codes the layers above the lowest one, and returns the number of layers of the superframe.
    fn encode_upper(
        &mut self,
        picture: &Picture<'_>,
        request: &FrameRequest,
        set: &LayerSet,
        pattern: &LayerPlanner,
    ) -> Result<usize, Error> {
        for id in 1..set.count {
            let (lower, rest) = self.layers.split_at_mut(id);
            let (Some(lower), Some(layer)) = (lower.last(), rest.first_mut()) else { break };
            let Layer { encoder, is_started, picture: scaled } = layer;
            let is_top = id + 1 == usize::from(self.config.scalability.spatial_layers());
            if is_top {
                // The lower layers take much less time.
                encoder.follow_analysis(&lower.encoder);
            }
            encoder.coding.unit.follow_motion(&lower.encoder.coding.unit);
            let lower = set.predicted[id].then(|| lower.encoder.coding.unit.reconstruction());
            encoder.coding.layers.follow(pattern);
            encoder.coding.unit.set_input(LayerInput {
                lower: lower.flatten(),
                is_base: id + 1 < set.count && set.predicted[id + 1],
                is_independent: true,
                resets: set.resets,
            });
            let request = FrameRequest {
                key_frame: set.starts[id],
                duration: request.duration,
                may_drop: request.may_drop,
                ..FrameRequest::at(request.pts)
            };
            let outcome = if is_top {
                encoder.encode(picture, &request)?
            } else {
                encoder.encode(&scaled.picture(picture.info), &request)?
            };
            if outcome != Outcome::Coded {
                return Ok(id);
            }
            *is_started = true;
        }
        Ok(set.count)
    }

    /// Lets the rate control of the enabled layers from `first` on know of a superframe without them.
    fn skip(&mut self, first: usize, pts: i64) {
        for layer in &mut self.layers[first.min(self.active)..self.active] {
            layer.encoder.coding.rate.frame_skipped(pts);
        }
    }

    /// Moves the packets of the first `coded` layers to the queue, with their places in the superframe.
    fn queue_packets(&mut self, set: &LayerSet, coded: usize) {
        let mut sizes = [Size::new(0, 0); MAX_SPATIAL_LAYERS];
        for (size, id) in sizes.iter_mut().zip(0..).take(self.active) {
            *size = self.config.scalability.layer_size(self.config.size, id);
        }
        let active = u8::try_from(self.active).unwrap_or(1);
        let mut tl0_index = 0;
        for (index, id) in (0..coded).zip(0_u8..) {
            let mut packet = self.queue.blank(0);
            if !self.layers[index].encoder.receive(&mut packet) {
                continue;
            }
            let used_by_upper_layer = index + 1 < coded && set.predicted[index + 1];
            let meta = &mut packet.meta;
            meta.spatial = SpatialLayer {
                id,
                layers: active,
                sizes,
                inter_layer_predicted: set.predicted[index],
                used_by_upper_layer,
                sync: meta.kind == FrameKind::Key || set.starts[index],
                end_of_picture: index + 1 == coded,
            };
            tl0_index = if index == 0 { meta.tl0_index } else { tl0_index };
            meta.tl0_index = tl0_index;
            meta.discardable &= !used_by_upper_layer;
            meta.frame_id = self.next_frame_id;
            self.next_frame_id += 1;
            self.queue.push(packet);
        }
    }

    fn rate_of(&self, mode: RateControl, id: u8) -> RateControl {
        layer_rate(&self.config, mode, id)
    }

    /// Changes the settings of all layers, each by the update that `of_layer` returns for it.
    fn apply_to_all(&mut self, of_layer: impl Fn(&Self, u8) -> Update) -> Result<Applied, Error> {
        let mut applied = Applied::NextFrame;
        for id in (0..self.config.scalability.spatial_layers()).rev() {
            let update = of_layer(self, id);
            applied = self.layers[usize::from(id)].encoder.apply(update)?;
        }
        Ok(applied)
    }

    fn set_active(&mut self, layers: u8) -> Result<Applied, Error> {
        let all = self.config.scalability.spatial_layers();
        let allowed = format_args!("1..={all}");
        ConfigError::ensure((1..=all).contains(&layers), "spatial layers", layers, allowed)?;
        self.active = layers.into();
        for layer in &mut self.layers[self.active..] {
            layer.is_started = false;
        }
        Ok(Applied::NextFrame)
    }
}

impl<C: LayerCoder> VideoEncoder for SpatialEncoder<C> {
    fn capabilities(&self) -> &Capabilities {
        self.layers[0].encoder.capabilities()
    }

    fn codec_private(&self) -> Vec<u8> {
        self.layers[0].encoder.codec_private()
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        self.check(picture, request)?;
        self.last_pts = Some(request.pts);
        self.downscale(picture);
        let mut set = self.choose_layers();
        let lowest = &mut self.layers[0];
        let pattern = lowest.encoder.coding.layers;
        let pattern_is_base = pattern.next_temporal_id() == 0;
        lowest.encoder.coding.unit.set_input(LayerInput {
            lower: None,
            is_base: set.predicted[1],
            is_independent: self.active > 1 || self.last_layers > 1,
            resets: set.resets,
        });
        let outcome = lowest.encoder.encode(&lowest.picture.picture(picture.info), request)?;
        if outcome != Outcome::Coded {
            self.skip(1, request.pts);
            return Ok(outcome);
        }
        let coded = lowest.encoder.coding.queue.last_mut();
        if coded.is_some_and(|packet| packet.meta.kind == FrameKind::Key) {
            // The key frame has replaced the references of all layers.
            self.layers[1..].iter_mut().for_each(|layer| layer.is_started = false);
            let upper = std::array::from_fn(|id| id > 0 && id < self.active);
            // It resets the state for all layers.
            set = LayerSet { count: self.active, predicted: upper, starts: upper, resets: false };
        }
        let coded = self.encode_upper(picture, request, &set, &pattern)?;
        // A receiver of some layers misses a reset in other layers or in a higher temporal layer.
        let is_complete = coded == set.count && pattern_is_base;
        self.is_reset_due = set.resets && !is_complete;
        self.skip(set.count.min(coded + 1), request.pts);
        self.queue_packets(&set, coded);
        self.last_layers = coded;
        Ok(Outcome::Coded)
    }

    fn receive(&mut self, packet: &mut Packet) -> bool {
        self.queue.pop(packet)
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.layers.iter_mut().try_for_each(|layer| layer.encoder.finish())
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        validate::update(&update, self.capabilities)?;
        let applied = match &update {
            Update::ActiveSpatialLayers(layers) => self.set_active(*layers)?,
            Update::KeyFrame => self.layers[0].encoder.apply(Update::KeyFrame)?,
            Update::Bitrate(bitrate) => {
                let rate = self.config.rate.mode.with_bitrate(*bitrate).ok_or_else(|| {
                    ConfigError::conflict("bitrate", "the rate control mode has no bitrate")
                })?;
                self.apply_to_all(|all, id| Update::Rate(all.rate_of(rate, id)))?
            }
            Update::Rate(mode) => {
                self.apply_to_all(|all, id| Update::Rate(all.rate_of(*mode, id)))?
            }
            Update::Resolution(size) => {
                let config = EncoderConfig { size: *size, ..self.config.clone() };
                self.capabilities.check_config(&config)?;
                let mode = self.config.scalability;
                self.apply_to_all(|_, id| Update::Resolution(mode.layer_size(*size, id)))?
            }
            Update::Scalability(mode) => {
                let now = self.config.scalability;
                let same = Scalability::of_one_layer(*mode) != *mode
                    && mode.spatial_layers() == now.spatial_layers()
                    && mode.inter_layer() == now.inter_layer();
                if !same {
                    let reason = "spatial layers and their prediction cannot change while running";
                    return Err(ConfigError::conflict("layers", reason).into());
                }
                self.apply_to_all(|_, _| Update::Scalability(mode.of_one_layer()))?
            }
            _ => self.apply_to_all(|_, _| update.clone())?,
        };
        self.config.apply(&update)?;
        Ok(applied)
    }
}

/// Returns the settings of the encoder of a layer.
fn layer_config(config: &EncoderConfig, id: u8) -> EncoderConfig {
    let mut layer = config.clone();
    layer.size = config.scalability.layer_size(config.size, id);
    layer.scalability = config.scalability.of_one_layer();
    layer.layer_shares_pct = None;
    layer.rate.mode = layer_rate(config, config.rate.mode, id);
    if id > 0 {
        layer.keys = KeyFrames { max_interval: None, at_scene_cuts: false };
    }
    layer
}

/// Returns the rate control mode of a layer, with its share of the bitrate.
fn layer_rate(config: &EncoderConfig, mode: RateControl, id: u8) -> RateControl {
    let Some(Bitrate(total)) = mode.bitrate() else { return mode };
    let count = config.scalability.spatial_layers();
    let weights: [u64; MAX_SPATIAL_LAYERS] = match config.layer_shares_pct {
        Some(shares) => shares.map(u64::from),
        None => {
            let mut weights = [0; MAX_SPATIAL_LAYERS];
            let mut weight = 10_000;
            for slot in weights[..count.into()].iter_mut().rev() {
                *slot = weight;
                weight = weight * NEXT_LAYER_PCT / 100;
            }
            weights
        }
    };
    let sum: u64 = weights[..count.into()].iter().sum();
    let share = u128::from(total) * u128::from(weights[usize::from(id)]) / u128::from(sum.max(1));
    let bitrate = Bitrate(u64::try_from(share).unwrap_or(u64::MAX).max(1));
    mode.with_bitrate(bitrate).unwrap_or(mode)
}
