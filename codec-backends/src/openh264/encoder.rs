//! Adapts OpenH264's encoder to the codec traits.

use std::collections::VecDeque;

use codec_ffi::openh264::{Encoder, Frame, RateMode, Settings};

use super::knobs::{ENCODER, MAX_QP};
use crate::ffi_frames::PlanarInput;
use crate::h264_nal::QpReader;
use crate::knob_values::KnobValues;
use crate::library_error::library_error;
use codec_core::annex_b::avc_record;
use codec_core::codec::{
    Applied, BitsByPart, Capabilities, Content, DropPolicy, DropReason, EncoderConfig, FrameKind,
    FrameRequest, Outcome, Packet, PacketMeta, RateControl, RateState, Scalability, Update,
    VideoEncoder,
};
use codec_core::error::{ConfigError, Error};
use codec_core::frame::{Picture, Rational, Size};

/// Opens the encoder `h264/openh264`.
pub(crate) fn open(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(OpenH264::new(config)?))
}

/// The OpenH264 encoder.
#[derive(Debug)]
struct OpenH264 {
    config: EncoderConfig,
    knobs: KnobValues,
    library: Encoder,
    /// Initial parameter sets of the encoder in container format.
    record: Vec<u8>,
    /// Whether the library may currently drop frames.
    drops: bool,
    view: PlanarInput,
    quantisers: QpReader,
    key_wanted: bool,
    /// Number of frames coded since the last key frame.
    since_key: u32,
    last_pts: Option<i64>,
    frame_id: u64,
    tl0_index: Option<u8>,
    ready: VecDeque<Packet>,
    spare: Vec<Vec<u8>>,
}

impl OpenH264 {
    fn new(config: &EncoderConfig) -> Result<Self, Error> {
        let knobs = KnobValues::new(ENCODER.knobs, &config.knobs)?;
        let mut library = start(config, &knobs)?;
        let sets = library.parameter_sets().map_err(|error| library_error("openh264", &error))?;
        Ok(Self {
            record: avc_record(&sets).unwrap_or_default(),
            config: config.clone(),
            knobs,
            library,
            drops: true,
            view: PlanarInput::default(),
            quantisers: QpReader::default(),
            key_wanted: false,
            since_key: 0,
            last_pts: None,
            frame_id: 0,
            tl0_index: None,
            ready: VecDeque::new(),
            spare: Vec::new(),
        })
    }

    /// Restarts with `config`; the next frame is a key frame.
    fn reopen(&mut self, config: EncoderConfig) -> Result<Applied, Error> {
        self.library = start(&config, &self.knobs)?;
        self.config = config;
        self.drops = true;
        (self.key_wanted, self.since_key) = (false, 0);
        Ok(Applied::NextFrameAsKey)
    }

    fn nominal_duration(&self) -> u64 {
        let (base, rate) = (self.config.timebase, self.config.framerate);
        let ticks = u64::from(base.den) * u64::from(rate.den);
        let per = u64::from(base.num) * u64::from(rate.num);
        ((ticks + per / 2) / per).max(1)
    }

    /// Converts `pts` to the library's time base.
    fn milliseconds(&self, pts: i64) -> i64 {
        let Rational { num, den } = self.config.timebase;
        let ms = i128::from(pts) * 1000 * i128::from(num) / i128::from(den);
        i64::try_from(ms).unwrap_or(0)
    }

    fn meta(&mut self, is_key: bool, temporal_id: u8, data: &[u8]) -> PacketMeta {
        if temporal_id == 0 {
            self.tl0_index = Some(self.tl0_index.map_or(0, |index| index.wrapping_add(1)));
        }
        let layers = self.config.scalability.temporal_layers();
        let (cols, rows) = self.config.size.macroblocks();
        let bitrate = self.config.rate.mode.bitrate().unwrap_or_default();
        let mut meta = PacketMeta {
            frame_id: self.frame_id,
            kind: if is_key { FrameKind::Key } else { FrameKind::Inter },
            shown: true,
            size: self.config.size,
            discardable: layers > 1 && temporal_id + 1 == layers,
            temporal_id,
            temporal_layers: layers,
            // With dyadic layers, this library's frames reference only the previous frame of a
            // lower layer.
            layer_sync: temporal_id > 0,
            tl0_index: self.tl0_index.unwrap_or(0),
            qindex: self.quantisers.read(data).unwrap_or(0),
            speed: self.config.speed,
            bits: BitsByPart { coefficients: 8 * data.len() as u64, ..BitsByPart::default() },
            rate: RateState { bitrate, ..RateState::default() },
            ..PacketMeta::default()
        };
        meta.macroblocks.total = u32::try_from(cols * rows).unwrap_or(u32::MAX);
        self.frame_id += 1;
        meta
    }
}

fn start(config: &EncoderConfig, knobs: &KnobValues) -> Result<Encoder, Error> {
    let settings = settings(config, knobs)?;
    Encoder::new(&settings).map_err(|error| library_error("openh264", &error))
}

/// Rejects invalid settings and those that OpenH264 does not support.
fn validate(config: &EncoderConfig) -> Result<(), Error> {
    ENCODER.check_config(config)?;
    let Size { width, height } = config.size;
    let allowed = "even sizes from 16x16 to 4096x4096";
    ConfigError::ensure(width.min(height) >= 16, "size", config.size, allowed)?;
    let is_supported = (1.0..=60.0).contains(&config.framerate.as_f64());
    let allowed = "1 to 60 frames per second";
    ConfigError::ensure(is_supported, "framerate", config.framerate, allowed)?;
    let bits = config.rate.mode.bitrate().unwrap_or_default().0;
    ConfigError::ensure(bits <= 2_000_000_000, "bitrate", bits, "1 to 2000000000 bit/s")?;
    if let DropPolicy::BelowBufferPct(share) = config.rate.drops {
        ConfigError::ensure(share <= 100, "drops", share, "0..=100 percent")?;
    }
    Ok(())
}

fn complexity(config: &EncoderConfig, knobs: &KnobValues) -> u8 {
    u8::try_from(knobs.value("complexity")).unwrap_or(match config.speed {
        0..=3 => 2,
        4..=6 => 1,
        _ => 0,
    })
}

fn frame_rate(rate: Rational) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "1 to 60, to seven digits")]
    let rate = rate.as_f64() as f32;
    rate
}

fn settings(config: &EncoderConfig, knobs: &KnobValues) -> Result<Settings, Error> {
    validate(config)?;
    let (mode, bits, qp) = match config.rate.mode {
        RateControl::Cbr(rate) => (RateMode::Bitrate, rate.0, 26),
        RateControl::Vbr(rate) => (RateMode::Quality, rate.0, 26),
        // The library has no constant quality mode other than a fixed quantiser for all frames.
        RateControl::Quality(quality) => {
            let qp = (u16::from(MAX_QP) * u16::from(100 - quality) + 50) / 100;
            (RateMode::Off, 5_000_000, u8::try_from(qp).unwrap_or(MAX_QP))
        }
        RateControl::FixedQ(qp) => (RateMode::Off, 5_000_000, qp),
    };
    let (min_qp, max_qp) = match mode {
        RateMode::Off => (0, MAX_QP),
        _ => ENCODER.allowed_qindex(config),
    };
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(0);
    let on = |name: &str| knobs.value(name) == 1;
    let is_cbr = matches!(config.rate.mode, RateControl::Cbr(_));
    Ok(Settings {
        width: side(config.size.width),
        height: side(config.size.height),
        frame_rate: frame_rate(config.framerate),
        mode,
        bitrate: i32::try_from(bits).unwrap_or(i32::MAX),
        qp,
        min_qp,
        max_qp,
        frame_skip: is_cbr && config.rate.drops != DropPolicy::Never,
        screen: config.content == Content::Screen,
        temporal_layers: config.scalability.temporal_layers(),
        // The interval is counted here, because the library requires multiples of the layer
        // pattern.
        intra_period: 0,
        scene_change_detect: config.keys.at_scene_cuts,
        complexity: complexity(config, knobs),
        threads: u16::try_from(knobs.value("threads")).unwrap_or(1),
        cabac: on("cabac"),
        denoise: on("denoise"),
        background_detection: on("background-detection"),
        adaptive_quant: on("adaptive-quant"),
    })
}

impl VideoEncoder for OpenH264 {
    fn capabilities(&self) -> &Capabilities {
        &ENCODER
    }

    fn codec_private(&self) -> Vec<u8> {
        self.record.clone()
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        ENCODER.check_picture(picture, request, self.config.size, self.last_pts)?;
        let refused = |error| library_error("openh264", &error);
        let may_drop = request.may_drop != Some(false);
        if may_drop != self.drops {
            let drops = may_drop && settings(&self.config, &self.knobs)?.frame_skip;
            self.library.set_frame_skip(drops).map_err(refused)?;
            self.drops = may_drop;
        }
        let interval = self.config.keys.max_interval;
        let is_due = interval.is_some_and(|most| self.since_key >= most);
        let wants_key = request.key_frame || self.key_wanted || is_due;
        if wants_key {
            self.library.force_idr().map_err(refused)?;
        }
        let mut data = self.spare.pop().unwrap_or_default();
        data.clear();
        let time = self.milliseconds(request.pts);
        let view = self.view.view(picture)?;
        let coded = self.library.encode(&view, time, &mut data).map_err(refused)?;
        self.last_pts = Some(request.pts);
        let Frame::Coded { is_idr, temporal_id } = coded else {
            self.key_wanted = wants_key;
            self.spare.push(data);
            return Ok(Outcome::Dropped { reason: DropReason::BufferLow, debt_bits: 0 });
        };
        self.key_wanted = false;
        self.since_key = if is_idr { 1 } else { self.since_key + 1 };
        let meta = self.meta(is_idr, temporal_id, &data);
        let duration = request.duration.unwrap_or_else(|| self.nominal_duration());
        self.ready.push_back(Packet {
            data,
            pts: request.pts,
            dts: None,
            duration: Some(duration),
            meta,
        });
        Ok(Outcome::Coded)
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
        self.reopen(self.config.clone()).map(|_| ())
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        ENCODER.check_update(&update)?;
        let mut config = self.config.clone();
        config.apply(&update)?;
        let refused = |error| library_error("openh264", &error);
        match update {
            Update::Bitrate(_) => {
                let bits = settings(&config, &self.knobs)?.bitrate;
                self.library.set_bitrate(bits).map_err(refused)?;
            }
            Update::FrameRate(rate) => {
                validate(&config)?;
                self.library.set_frame_rate(frame_rate(rate)).map_err(refused)?;
            }
            Update::Drops(_) => {
                let skips = settings(&config, &self.knobs)?.frame_skip && self.drops;
                self.library.set_frame_skip(skips).map_err(refused)?;
            }
            Update::Speed(_) => {
                let complexity = settings(&config, &self.knobs)?.complexity;
                self.library.set_complexity(complexity).map_err(refused)?;
            }
            Update::Rate(_)
            | Update::QindexRange(..)
            | Update::Content(_)
            | Update::Resolution(_)
            | Update::Scalability(_) => return self.reopen(config),
            Update::KeyFrame => {
                self.key_wanted = true;
                return Ok(Applied::NextFrameAsKey);
            }
            Update::Knob(name, value) => self.knobs.clone().set(&name, value, true)?,
            Update::ActiveTemporalLayers(layers) => {
                if layers == 0 || config.scalability == Scalability::L1T1 {
                    let most = config.scalability.temporal_layers();
                    let allowed = format!("1..={most}");
                    ConfigError::ensure(layers == 1, "temporal layers", layers, &allowed)?;
                }
                if layers != config.scalability.temporal_layers() {
                    return Err(Error::unsupported("disabling temporal layers in OpenH264"));
                }
            }
            // Missing features, which were rejected or are off.
            Update::MaxFrameTime(_)
            | Update::Pool(_)
            | Update::Denoise(_)
            | Update::Tune(_)
            | Update::ActiveSpatialLayers(_) => {}
        }
        self.config = config;
        Ok(Applied::NextFrame)
    }
}
