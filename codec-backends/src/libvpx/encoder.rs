//! Adapts libvpx's encoders to the codec traits.

use std::collections::VecDeque;

use codec_ffi::vpx::{Encoder, Format, Packet as Output, flags};

use super::knobs::{VP8_ENCODER, VP9_ENCODER};
use super::packet::{HeaderFacts, HeaderReader};
use super::settings::{control, deadline, lag, settings};
use super::vp9_header::{Vp9Facts, Vp9Reader};
use crate::ffi_frames::{PlanarInput, digest};
use crate::knob_values::KnobValues;
use crate::library_error::library_error;
use codec_core::codec::{
    Applied, BitsByPart, Capabilities, DropReason, EncoderConfig, FrameKind, FrameRequest, Outcome,
    Packet, PacketMeta, RateState, SlotSet, Update, VideoEncoder,
};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{Picture, Rational};
use codec_core::rate::LayerPlanner;

const ALL: SlotSet = SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF);

/// Opens the encoder `vp8/libvpx`.
pub(crate) fn open_vp8_encoder(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(LibvpxEncoder::new(Format::Vp8, &VP8_ENCODER, config)?))
}

/// Opens the encoder `vp9/libvpx`.
pub(crate) fn open_vp9_encoder(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(LibvpxEncoder::new(Format::Vp9, &VP9_ENCODER, config)?))
}

/// A libvpx encoder.
#[derive(Debug)]
struct LibvpxEncoder {
    format: Format,
    caps: Capabilities,
    config: EncoderConfig,
    knobs: KnobValues,
    library: Encoder,
    /// Whether the library may currently drop frames.
    drops: bool,
    layers: LayerPlanner,
    view: PlanarInput,
    headers: HeaderReader,
    vp9_headers: Vp9Reader,
    key_wanted: bool,
    /// Number of frames since the last key frame.
    since_key: u32,
    last_pts: Option<i64>,
    /// Number of frames passed to the library, and returned by it.
    taken: u64,
    given: u64,
    frame_id: u64,
    ready: VecDeque<Packet>,
    /// Hidden frames, until the timestamp of the next shown frame is known.
    hidden: VecDeque<Packet>,
    spare: Vec<Vec<u8>>,
}

/// References and layers requested for a frame, for its packet.
#[derive(Clone, Copy, Debug)]
struct Asked {
    references: SlotSet,
    off: bool,
    flags: u32,
}

impl LibvpxEncoder {
    fn new(
        format: Format,
        caps: &'static Capabilities,
        config: &EncoderConfig,
    ) -> Result<Self, Error> {
        let knobs = KnobValues::new(caps.knobs, &config.knobs)?;
        let library = open(format, caps, config, &knobs)?;
        let mut caps = *caps;
        caps.latency_frames = lag(config, &knobs);
        Ok(Self {
            format,
            caps,
            knobs,
            library,
            drops: true,
            layers: LayerPlanner::new(config.scalability),
            view: PlanarInput::default(),
            headers: HeaderReader::default(),
            vp9_headers: Vp9Reader::default(),
            key_wanted: false,
            since_key: 0,
            last_pts: None,
            taken: 0,
            given: 0,
            frame_id: 0,
            ready: VecDeque::new(),
            hidden: VecDeque::new(),
            spare: Vec::new(),
            config: config.clone(),
        })
    }

    /// Applies the settings of `config` to the library; on failure nothing changes.
    fn configure(&mut self, config: EncoderConfig, knobs: KnobValues) -> Result<(), Error> {
        let wanted = settings(self.format, &config, &knobs, &self.caps, Some(self.drops))?;
        let result = self
            .library
            .configure(&wanted)
            .and_then(|()| control(&mut self.library, self.format, &config, &knobs));
        if let Err(error) = result {
            let before = settings(self.format, &self.config, &self.knobs, &self.caps, None)?;
            let back = self
                .library
                .configure(&before)
                .and_then(|()| control(&mut self.library, self.format, &self.config, &self.knobs));
            return Err(library_error("libvpx", &back.err().unwrap_or(error)));
        }
        (self.config, self.knobs) = (config, knobs);
        Ok(())
    }

    /// Restarts the library with the settings of `config`.
    fn reopen(&mut self, config: EncoderConfig) -> Result<(), Error> {
        self.library = open(self.format, &self.caps, &config, &self.knobs)?;
        self.drops = true;
        self.config = config;
        (self.taken, self.given) = (0, 0);
        self.key_wanted = true;
        Ok(())
    }

    /// Returns the ticks from this frame to the next at the nominal rate, at least 1.
    fn nominal_duration(&self) -> u64 {
        let Rational { num, den } = self.config.timebase;
        let rate = self.config.framerate;
        let (ticks, per) =
            (u64::from(den) * u64::from(rate.den), u64::from(num) * u64::from(rate.num));
        ((ticks + per / 2) / per).max(1)
    }

    /// Plans the frame's layers and its flags.
    fn plan(&mut self, request: &FrameRequest, key: bool) -> Asked {
        let plan = self.layers.next(key);
        let layered = self.config.scalability.temporal_layers() > 1;
        let planned = layered || request.references.is_some() || request.updates.is_some();
        let mut asked = Asked { references: ALL, off: plan.off, flags: 0 };
        if key {
            asked.references = SlotSet::NONE;
            asked.flags = flags::FORCE_KEY;
            return asked;
        }
        if !planned {
            return asked;
        }
        let references = match request.references {
            Some(wanted) => wanted,
            None if layered => plan.references,
            None => ALL,
        };
        let updates = match request.updates {
            Some(wanted) => Some(wanted),
            None if layered => Some(plan.updates),
            None => None,
        };
        asked.references = references;
        let mut set = |on: bool, flag: u32| asked.flags |= if on { flag } else { 0 };
        set(!references.contains(SlotSet::LAST), flags::NO_REF_LAST);
        set(!references.contains(SlotSet::GOLDEN), flags::NO_REF_GOLDEN);
        set(!references.contains(SlotSet::ALTREF), flags::NO_REF_ALTREF);
        if let Some(updates) = updates {
            set(!updates.contains(SlotSet::LAST), flags::NO_UPDATE_LAST);
            let golden = updates.contains(SlotSet::GOLDEN);
            set(true, if golden { flags::FORCE_GOLDEN } else { flags::NO_UPDATE_GOLDEN });
            let altref = updates.contains(SlotSet::ALTREF);
            set(true, if altref { flags::FORCE_ALTREF } else { flags::NO_UPDATE_ALTREF });
        }
        set(layered && !plan.refresh_entropy, flags::NO_UPDATE_ENTROPY);
        asked
    }

    /// Collects the library's output. `asked` is the request of the frame that was passed in last.
    fn collect(&mut self, asked: Option<Asked>) -> Result<(), Error> {
        let mut outputs = Vec::new();
        let mut sse = None;
        let spare = &mut self.spare;
        self.library.packets(|output| match output {
            Output::SquaredErrors(errors) => sse = Some(errors),
            Output::Frame { data, pts, duration, key, invisible } => {
                let mut bytes = spare.pop().unwrap_or_default();
                bytes.clear();
                bytes.extend_from_slice(data);
                outputs.push((bytes, pts, duration, key, invisible, sse.take()));
            }
        });
        let shown = outputs.iter().filter(|(.., invisible, _)| !invisible).count();
        let digest = if self.config.report_digest && shown == 1 {
            self.library.preview().as_ref().and_then(digest)
        } else {
            None
        };
        for (data, pts, duration, key, invisible, sse) in outputs {
            let mut meta = self.meta(&data, key, !invisible, asked)?;
            meta.sse = sse;
            if !invisible {
                meta.digest = digest;
            }
            let duration = (!invisible).then_some(duration);
            let packet = Packet { data, pts, dts: None, duration, meta };
            self.hidden.push_back(packet);
            if !invisible {
                self.given += 1;
                // A hidden frame has the timestamp of the next shown frame.
                self.ready.extend(self.hidden.drain(..).map(|hidden| Packet { pts, ..hidden }));
            }
        }
        Ok(())
    }

    fn meta(
        &mut self,
        data: &[u8],
        key: bool,
        shown: bool,
        asked: Option<Asked>,
    ) -> Result<PacketMeta, Error> {
        let facts = match self.format {
            Format::Vp8 => self.headers.read(data)?,
            Format::Vp9 => {
                let Vp9Facts { qindex, filter_level, updates, .. } = self.vp9_headers.read(data)?;
                HeaderFacts { qindex, filter_level, updates, bits: BitsByPart::default() }
            }
        };
        let updates = facts.updates;
        let allowed = asked.map_or(ALL, |asked| asked.references);
        let references = match self.format {
            Format::Vp8 if !key => allowed,
            Format::Vp8 | Format::Vp9 => SlotSet::NONE,
        };
        if key {
            // The library may also place key frames that were not requested.
            self.layers.next(true);
            self.since_key = 0;
        }
        let layer = self.layers.coded(references, updates);
        let bitrate = self.config.rate.mode.bitrate().unwrap_or_default();
        let mut meta = PacketMeta {
            frame_id: self.frame_id,
            kind: if key { FrameKind::Key } else { FrameKind::Inter },
            shown,
            size: self.config.size,
            refs_used: references,
            refs_updated: updates,
            discardable: layer.discardable && self.format == Format::Vp8,
            temporal_id: layer.temporal_id,
            temporal_layers: self.config.scalability.temporal_layers(),
            layer_sync: layer.layer_sync,
            tl0_index: layer.tl0_index,
            qindex: facts.qindex,
            filter_level: facts.filter_level,
            speed: self.config.speed,
            bits: facts.bits,
            rate: RateState { bitrate, ..RateState::default() },
            ..PacketMeta::default()
        };
        meta.macroblocks.total = {
            let (cols, rows) = self.config.size.macroblocks();
            u32::try_from(cols * rows).unwrap_or(u32::MAX)
        };
        self.frame_id += 1;
        Ok(meta)
    }

    fn is_key(&self, request: &FrameRequest) -> bool {
        let interval = self.config.keys.max_interval;
        let due = interval.is_some_and(|most| self.taken > 0 && self.since_key + 1 >= most);
        // If the library places key frames itself, it also counts the interval.
        let due = due && !self.config.keys.at_scene_cuts;
        request.key_frame || self.key_wanted || self.taken == 0 || due
    }
}

fn open(
    format: Format,
    caps: &Capabilities,
    config: &EncoderConfig,
    knobs: &KnobValues,
) -> Result<Encoder, Error> {
    let wanted = settings(format, config, knobs, caps, None)?;
    let library = Encoder::new(format, &wanted).and_then(|mut library| {
        control(&mut library, format, config, knobs)?;
        Ok(library)
    });
    library.map_err(|error| library_error("libvpx", &error))
}

impl VideoEncoder for LibvpxEncoder {
    fn capabilities(&self) -> &Capabilities {
        &self.caps
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        self.caps.check_picture(picture, request, self.config.size, self.last_pts)?;
        let may_drop = request.may_drop != Some(false);
        if may_drop != self.drops {
            self.drops = may_drop;
            self.configure(self.config.clone(), self.knobs.clone())?;
        }
        let key = self.is_key(request);
        let asked = self.plan(request, key);
        if asked.off && request.may_drop != Some(false) {
            self.layers.dropped();
            self.last_pts = Some(request.pts);
            return Ok(Outcome::Dropped { reason: DropReason::LayerOff, debt_bits: 0 });
        }
        if self.config.scalability.temporal_layers() > 1 {
            let layer = self.layers.next(key).temporal_id;
            let result = self.library.set_temporal_layer(layer);
            result.map_err(|error| library_error("libvpx", &error))?;
        }
        let duration = request.duration.unwrap_or_else(|| self.nominal_duration()).max(1);
        let mode = deadline(&self.config, &self.knobs);
        let view = self.view.view(picture)?;
        let coded = self.library.encode(Some(&view), request.pts, duration, asked.flags, mode);
        coded.map_err(|error| library_error("libvpx", &error))?;
        self.last_pts = Some(request.pts);
        self.key_wanted = false;
        self.since_key += 1;
        self.taken += 1;
        let before = self.frame_id;
        self.collect(Some(asked))?;
        if self.frame_id > before {
            return Ok(Outcome::Coded);
        }
        if self.caps.latency_frames > 0 {
            return Ok(Outcome::Buffered);
        }
        self.taken -= 1;
        self.since_key -= 1;
        self.key_wanted = key;
        self.layers.dropped();
        Ok(Outcome::Dropped { reason: DropReason::BufferLow, debt_bits: 0 })
    }

    fn receive(&mut self, packet: &mut Packet) -> bool {
        let Some(next) = self.ready.pop_front() else {
            return false;
        };
        let old = std::mem::replace(packet, next);
        self.spare.push(old.data);
        true
    }

    fn finish(&mut self) -> Result<(), Error> {
        let mode = deadline(&self.config, &self.knobs);
        loop {
            let before = self.frame_id;
            let coded = self.library.encode(None, self.last_pts.unwrap_or(0), 1, 0, mode);
            coded.map_err(|error| library_error("libvpx", &error))?;
            self.collect(None)?;
            if self.frame_id == before {
                break;
            }
        }
        self.reopen(self.config.clone())
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        self.caps.check_update(&update)?;
        let mut config = self.config.clone();
        let mut knobs = self.knobs.clone();
        config.apply(&update)?;
        match update {
            Update::Knob(name, value) => knobs.set(&name, value, true)?,
            Update::KeyFrame => {
                self.key_wanted = true;
                return Ok(Applied::NextFrameAsKey);
            }
            Update::ActiveTemporalLayers(layers) => {
                let most = config.scalability.temporal_layers();
                if !(1..=most).contains(&layers) {
                    let allowed = format!("1..={most}");
                    return Err(ConfigError::new("temporal layers", layers, allowed).into());
                }
                self.layers.set_active_layers(layers);
                return Ok(Applied::NextFrame);
            }
            Update::Scalability(mode) => {
                self.configure(config, knobs)?;
                self.layers.set_mode(mode);
                return Ok(Applied::NextFrame);
            }
            Update::Resolution(_) => return self.resize(config),
            _ => {}
        }
        self.configure(config, knobs)?;
        Ok(Applied::NextFrame)
    }
}

impl LibvpxEncoder {
    /// Changes the size, with the library's own call if it supports the size (up to the initial
    /// one), otherwise by restarting the encoder. Frames held back are coded first.
    fn resize(&mut self, config: EncoderConfig) -> Result<Applied, Error> {
        settings(self.format, &config, &self.knobs, &self.caps, None)?;
        let lag = self.caps.latency_frames;
        if lag > 0 && self.taken > self.given {
            self.finish()?;
        }
        if lag > 0 || self.configure(config.clone(), self.knobs.clone()).is_err() {
            self.reopen(config)?;
        }
        self.key_wanted = true;
        Ok(Applied::NextFrameAsKey)
    }
}
