//! The encoder of a live stream: its settings, its bitrate and its frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codec_core::codec::{Bitrate, EncoderConfig, Feature, Packet, Update};
use codec_core::frame::{PictureInfo, Rational, Size};
use codec_core::parallel::RowPool;
use codec_core::simulcast::SimulcastEncoder;
use codec_rtc::link::RateTrace;

use super::adapt::Adaptation;
use super::encoder::{FrameOutcome, LiveEncoder};
use super::layer::SentLayer;
use super::{Sending, simulcast};
use crate::Env;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::frame::display::DisplaySupport;
use crate::frame::transform::Transform;
use crate::io::source::{SourceFrame, StreamInfo};
use crate::live::options::{SendOptions, SimulcastLayers};
use crate::live::output::rids;
use crate::settings::encoder::{EncoderSettings, describe_rate};
use crate::settings::regions::RegionMaps;
use crate::threads::threads_for;

/// Lowest bitrate that an encoder is set to.
const MIN_RATE: Bitrate = Bitrate(30_000);

/// Time to probe the link before size and frame rate adapt to it.
const SETTLING: Duration = Duration::from_secs(3);

/// An encoder and the sources of its bitrate.
pub(super) struct Coder {
    pub(super) encoder: LiveEncoder,
    packet: Packet,
    transform: Transform,
    regions: RegionMaps,
    pub(super) size: Size,
    pub(super) time_base: Rational,
    trace: Option<RateTrace>,
    /// The user's limit, and the encoder's current bitrate.
    most: Option<Bitrate>,
    pub(super) rate: Option<Bitrate>,
    last_pts: Option<i64>,
    adaptation: Option<Adaptation>,
}

/// The settings of an encoder.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) args: &'a SendOptions,
    pub(super) settings: &'a EncoderSettings,
    /// Whether frames may be lost on their way.
    pub(super) may_lose: bool,
    pub(super) env: &'a Env,
}

impl Setup<'_> {
    /// Opens the encoder for a stream, in several sizes with `simulcast`.
    pub(super) fn open(
        &self,
        simulcast: Option<SimulcastLayers>,
        stream_info: &StreamInfo,
        trace: Option<RateTrace>,
    ) -> Result<Coder> {
        let Self { args, settings, env, .. } = *self;
        let support = DisplaySupport::live(settings.backend.codec);
        let mut transform =
            Transform::new(None, None, args.resize).following_display().for_output(support);
        support.report(&transform, stream_info.size, stream_info.info, &env.events);
        let (mut size, mut info) = transform.begin(stream_info.size, stream_info.info)?;
        let layers = simulcast.map(|choice| simulcast::layers(choice, size)).transpose()?;
        if let Some(layers) = layers {
            // The layers keep their sizes if the size of the input changes.
            let aligned = simulcast::aligned(size, settings.capabilities.alignment, layers);
            transform.set_scale_only(aligned);
            (size, info) = transform.begin(stream_info.size, stream_info.info)?;
        }
        let mut config = self.config(size, info, stream_info)?;
        let Some((open, _)) = settings.backend.encoder else {
            return Err(Failure::new(
                Kind::Backend,
                format!("{}/{} has no encoder", settings.backend.codec, settings.backend.name),
            ));
        };
        let encoder = match layers {
            None => LiveEncoder::Single(open(&config).map_err(Failure::encoding)?),
            Some(layers) => {
                let simulcast = simulcast::config(config, settings, layers);
                let backend = (open, settings.capabilities);
                let opened = SimulcastEncoder::new(backend, &simulcast);
                config = simulcast.encoder;
                LiveEncoder::Simulcast(Box::new(opened.map_err(Failure::encoding)?))
            }
        };
        let rate = config.rate.mode.bitrate();
        let sizes = encoder.layers();
        let sizes: Vec<String> = sizes.iter().map(|layer| layer.size.to_string()).collect();
        let several = if sizes.is_empty() {
            String::new()
        } else {
            format!("simulcast {}, ", sizes.join(", "))
        };
        env.events.note(format!(
            "{} {} at {:.3} fps -> {}/{} {several}{}, speed {}, {}",
            stream_info.kind,
            if layers.is_some() { stream_info.size } else { size },
            stream_info.frame_rate.as_f64(),
            settings.backend.codec,
            settings.backend.name,
            describe_rate(config.rate.mode),
            config.speed,
            counted(threads_for(args.threads, size) as u64, "thread"),
        ));
        let new = if layers.is_some() { Adaptation::of_simulcast } else { Adaptation::new };
        let adaptation = new(args.adapt, size, stream_info.frame_rate, config.speed)?;
        let coder = Coder {
            encoder,
            packet: Packet::default(),
            transform,
            regions: settings.regions.maps(size)?,
            size,
            time_base: stream_info.time_base,
            trace,
            most: rate,
            rate,
            last_pts: None,
            adaptation: adaptation.filter(|_| rate.is_some()),
        };
        coder.warn_of_stopped(env);
        Ok(coder)
    }

    fn config(
        &self,
        size: Size,
        info: PictureInfo,
        stream_info: &StreamInfo,
    ) -> Result<EncoderConfig> {
        let Self { args, settings, may_lose, env } = *self;
        let mut config = settings.config(size, stream_info.frame_rate, stream_info.time_base);
        config.simd = Some(env.level);
        config.info = info;
        // Frames after a lost frame must not depend on its probabilities. Encoders of codecs without
        // such a dependence do not have the option.
        let can_limit = settings.capabilities.gap(Feature::ErrorResilience).is_none();
        config.error_resilient |= may_lose && can_limit;
        let threads = threads_for(args.threads, size);
        if threads > 1 {
            config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
        }
        Ok(config)
    }
}

impl Coder {
    /// Warns of layers of simulcast for which the bitrate is too low.
    fn warn_of_stopped(&self, env: &Env) {
        let stopped = self.encoder.layers().into_iter().filter(|layer| !layer.is_running);
        let stopped: Vec<String> = stopped.map(|layer| layer.size.to_string()).collect();
        if let (Some(rate), false) = (self.rate, stopped.is_empty()) {
            let stopped = stopped.join(" and ");
            let why = format!("{rate} is too low to send all sizes");
            env.events.warn(format!("{why}: not sending {stopped}"));
        }
    }

    /// Switches the layers off that the receiver does not take, and counts the others.
    pub(super) fn accept(
        &mut self,
        sending: &mut Sending,
        accepted: &[bool],
        env: &Env,
    ) -> Result<()> {
        self.encoder.accept(accepted)?;
        let states = self.encoder.layers();
        let rejected = states.iter().zip(accepted).filter(|(_, is_accepted)| !**is_accepted);
        let rejected: Vec<String> = rejected.map(|(layer, _)| layer.size.to_string()).collect();
        if !rejected.is_empty() {
            env.events.warn(format!(
                "the server does not accept the simulcast size {}",
                rejected.join(", ")
            ));
        }
        let rids = rids(u8::try_from(states.len()).unwrap_or_default());
        let layers = rids.iter().zip(&states).map(|(rid, state)| SentLayer::new(rid, state));
        sending.counts.layers = layers.collect();
        Ok(())
    }

    /// Encodes and sends a frame that belongs at `at_s` of the stream and was captured at
    /// `captured`.
    pub(super) fn send(
        &mut self,
        sending: &mut Sending,
        shot: &SourceFrame<'_>,
        at_s: f64,
        captured: Duration,
    ) -> Result<()> {
        let now = sending.clock.now();
        sending.counts.captured += 1;
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let pts = (at_s / self.time_base.as_f64()).round() as i64;
        self.follow(sending, now)?;
        let is_wanted = self.adaptation.as_mut().is_none_or(|it| it.takes(at_s));
        if !is_wanted || sending.output.is_full() || self.last_pts.is_some_and(|last| pts <= last) {
            sending.counts.totals.dropped += 1;
            return Ok(());
        }
        self.last_pts = Some(pts);
        let picture = self.transform.apply(shot.picture)?;
        if picture.size() != self.size {
            self.size = picture.size();
            sending.counts.size = Some(self.size);
            self.encoder.apply(Update::Resolution(self.size))?;
        }
        let mut request = sending.output.request(now, pts);
        request.duration = shot.duration;
        request.importance = self.regions.map(self.size)?;
        let begun = Instant::now();
        let receiver = (&*sending.output, now);
        let outcomes = self.encoder.encode(&picture, &request, receiver)?;
        let took = begun.elapsed();
        let states = self.encoder.layers();
        let has_layers = !states.is_empty();
        if has_layers {
            sending.counts.layer_outcomes(&outcomes, &states, took);
        }
        let is_coded = outcomes.contains(&FrameOutcome::Coded);
        if !is_coded {
            sending.counts.totals.dropped += 1;
        }
        if has_layers || !is_coded {
            self.note(sending, None, took);
        }
        while let Some(layer) = self.encoder.receive(&mut self.packet) {
            let now = sending.clock.now();
            if has_layers {
                sending.counts.layer_frame(layer, &self.packet);
                sending.output.layer(now, layer, &self.packet, captured)?;
                continue;
            }
            if self.packet.meta.spatial.end_of_picture {
                self.note(sending, Some(self.packet.meta.qindex), took);
            }
            sending.counts.frame(&self.packet, took);
            sending.output.video(now, &self.packet, captured)?;
        }
        Ok(())
    }

    /// Records the encoding time of a frame for the adaptation of size and speed.
    fn note(&mut self, sending: &mut Sending, qindex: Option<u8>, took: Duration) {
        let now = sending.clock.now();
        if let Some(adaptation) = &mut self.adaptation {
            adaptation.coded(now, qindex, took);
            sending.counts.adaptation = Some(adaptation.statistics(now));
        }
    }

    /// Sets the bitrate that the trace and the network allow.
    fn follow(&mut self, sending: &mut Sending, now: Duration) -> Result<()> {
        let Some(mut wanted) = self.most else { return Ok(()) };
        if let Some(trace) = &self.trace {
            wanted = trace.rate_at(now.saturating_sub(sending.begun));
        }
        let mut steady = None;
        if let Some((target, carried)) = sending.target {
            steady = Some(wanted.min(carried).max(MIN_RATE));
            wanted = wanted.min(target);
        }
        let wanted = wanted.max(MIN_RATE);
        if self.rate != Some(wanted) {
            self.encoder.set_bitrate(wanted, steady.unwrap_or(wanted))?;
            self.rate = Some(wanted);
            sending.counts.target = Some(wanted);
        }
        let is_settled = now.saturating_sub(sending.begun) >= SETTLING;
        if let (Some(adaptation), Some(steady), true) = (&mut self.adaptation, steady, is_settled) {
            adaptation.set_bitrate(now, steady);
            if let Some(size) = adaptation.follow(now, &mut self.encoder)? {
                self.transform.set_scale_only(size);
            }
        }
        Ok(())
    }
}
