//! The backend `av1/rav1e`: encodes AV1.

use std::collections::VecDeque;
use std::sync::Arc;

use rav1e::prelude as lib;
use rav1e::prelude::{EncoderStatus, FrameParameters, FrameTypeOverride};

use super::settings::{self, CAPABILITIES, FILE_LATENCY, MAX_LOOKAHEAD};
use crate::obu;
use codec_core::codec::{
    Applied, Capabilities, EncoderConfig, FrameKind, FrameRequest, Outcome, Packet, Preset, Update,
    VideoEncoder,
};
use codec_core::error::{ConfigError, Error, LibraryError};
use codec_core::frame::{Chroma, Picture, Size};
use codec_core::metrics;

/// Number of frames that rav1e holds back in low-latency mode, as measured.
const RTC_LATENCY: u32 = 4;

/// Opens the encoder.
///
/// # Errors
/// [`Error::Config`] for a setting that is out of range, [`Error::Unsupported`] for one that rav1e
/// lacks.
pub(crate) fn open(config: &EncoderConfig) -> Result<Box<dyn VideoEncoder>, Error> {
    Ok(Box::new(Rav1e::new(config)?))
}

/// Timestamps of a frame in the encoder.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    pts: i64,
    duration: Option<u64>,
}

/// The encoder. After [`VideoEncoder::finish`], or at a new size, it opens a new context, which
/// starts with a key frame.
#[derive(Debug)]
struct Rav1e {
    config: EncoderConfig,
    capabilities: Capabilities,
    library: lib::EncoderConfig,
    threads: usize,
    /// Exists from the first frame until `finish`.
    context: Option<lib::Context<u8>>,
    waiting: VecDeque<Waiting>,
    ready: VecDeque<Packet>,
    wants_key: bool,
    last_pts: Option<i64>,
    frame_id: u64,
}

impl Rav1e {
    fn new(config: &EncoderConfig) -> Result<Self, Error> {
        let (library, threads) = settings::translate(config)?;
        let lookahead = library.speed_settings.rdo_lookahead_frames;
        let extra = match config.preset {
            Preset::Rtc => RTC_LATENCY - 1,
            Preset::File => FILE_LATENCY,
        };
        let latency_frames = u32::try_from(lookahead).unwrap_or(MAX_LOOKAHEAD) + extra;
        let new = Self {
            config: config.clone(),
            capabilities: Capabilities { latency_frames, ..CAPABILITIES },
            library,
            threads,
            context: None,
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            wants_key: false,
            last_pts: None,
            frame_id: 0,
        };
        // Invalid settings are rejected when the encoder is opened.
        new.library_config().validate().map_err(refused)?;
        Ok(new)
    }

    fn library_config(&self) -> lib::Config {
        lib::Config::new().with_encoder_config(self.library.clone()).with_threads(self.threads)
    }

    /// Collects finished packets from the library.
    fn collect(&mut self) -> Result<(), Error> {
        let Some(context) = &mut self.context else {
            return Ok(());
        };
        loop {
            match context.receive_packet() {
                Ok(packet) => {
                    let Some(waiting) = self.waiting.pop_front() else {
                        return Err(failed("a packet without a frame"));
                    };
                    let packet = describe(&self.config, self.frame_id, packet, waiting);
                    self.frame_id += 1;
                    self.ready.push_back(packet);
                }
                Err(EncoderStatus::Encoded) => {}
                Err(EncoderStatus::NeedMoreData | EncoderStatus::LimitReached) => return Ok(()),
                Err(status) => return Err(failed(status)),
            }
        }
    }

    /// Codes the frames held back and closes the context.
    fn drain(&mut self) -> Result<(), Error> {
        let sent = self.context.as_mut().map_or(Ok(()), |context| context.send_frame(None));
        let outcome = sent.map_err(failed).and_then(|()| self.collect());
        self.context = None;
        self.waiting.clear();
        outcome
    }
}

impl VideoEncoder for Rav1e {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn codec_private(&self) -> Vec<u8> {
        configuration_record(&self.library_config()).unwrap_or_default()
    }

    fn encode(&mut self, picture: &Picture<'_>, request: &FrameRequest) -> Result<Outcome, Error> {
        let (size, last_pts) = (self.config.size, self.last_pts);
        CAPABILITIES.check_picture(picture, request, size, last_pts)?;
        let context = match &mut self.context {
            Some(context) => context,
            None => {
                let config = self.library_config();
                self.context.insert(config.new_context().map_err(refused)?)
            }
        };
        let mut frame = context.new_frame();
        copy(picture, &mut frame);
        let is_key = std::mem::take(&mut self.wants_key) || request.key_frame;
        let parameters = FrameParameters {
            frame_type_override: match is_key {
                true => FrameTypeOverride::Key,
                false => FrameTypeOverride::No,
            },
            ..FrameParameters::default()
        };
        self.last_pts = Some(request.pts);
        context.send_frame((Arc::new(frame), parameters)).map_err(failed)?;
        let (pts, duration) = (request.pts, request.duration);
        self.waiting.push_back(Waiting { pts, duration });
        let before = self.ready.len();
        self.collect()?;
        Ok(if self.ready.len() > before { Outcome::Coded } else { Outcome::Buffered })
    }

    fn receive(&mut self, packet: &mut Packet) -> bool {
        match self.ready.pop_front() {
            Some(ready) => {
                *packet = ready;
                true
            }
            None => false,
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.wants_key = false;
        self.drain()
    }

    fn apply(&mut self, update: Update) -> Result<Applied, Error> {
        CAPABILITIES.check_update(&update)?;
        match update {
            Update::KeyFrame => self.wants_key = true,
            Update::Resolution(size) => {
                let mut config = self.config.clone();
                config.size = size;
                let (library, _) = settings::translate(&config)?;
                self.drain()?;
                (self.config, self.library) = (config, library);
            }
            // The values that pass the check change nothing: no frame drops, camera content.
            _ => return Ok(Applied::NextFrame),
        }
        Ok(Applied::NextFrameAsKey)
    }
}

fn refused(error: lib::InvalidConfig) -> Error {
    ConfigError::conflict("configuration", format_args!("rav1e rejects it: {error}")).into()
}

fn failed(message: impl std::fmt::Display) -> Error {
    LibraryError::new("rav1e", message).into()
}

/// Copies a frame into the library's frame and extends its right and bottom edges.
fn copy(picture: &Picture<'_>, frame: &mut lib::Frame<u8>) {
    let Size { width, height } = picture.size();
    let half = picture.size().chroma();
    let mut fill = |index: usize, size: Size, row_of: &dyn Fn(usize, &mut [u8])| {
        let plane = &mut frame.planes[index];
        let stride = plane.cfg.stride;
        let rows = plane.data_origin_mut().chunks_mut(stride).take(size.height as usize);
        for (y, row) in rows.enumerate() {
            row_of(y, &mut row[..size.width as usize]);
        }
        plane.pad(width as usize, height as usize);
    };
    let luma = picture.luma();
    fill(0, picture.size(), &|y, row| row.copy_from_slice(&luma.row(y)[..row.len()]));
    match picture.chroma() {
        Chroma::Planar { u, v } => {
            fill(1, half, &|y, row| row.copy_from_slice(&u.row(y)[..row.len()]));
            fill(2, half, &|y, row| row.copy_from_slice(&v.row(y)[..row.len()]));
        }
        Chroma::Interleaved(uv) => {
            for first in [0, 1] {
                fill(1 + first, half, &|y, row| {
                    let samples = uv.row(y).iter().skip(first).step_by(2);
                    row.iter_mut().zip(samples).for_each(|(to, from)| *to = *from);
                });
            }
        }
    }
}

/// Returns the visible part of a library frame.
fn visible(frame: &lib::Frame<u8>, size: Size) -> Option<Picture<'_>> {
    let [y, u, v] = [0, 1, 2].map(|index| {
        let plane = &frame.planes[index];
        (plane.data_origin(), plane.cfg.stride)
    });
    Picture::i420(size, y, u, v).ok()
}

fn describe(
    config: &EncoderConfig,
    frame_id: u64,
    packet: lib::Packet<u8>,
    waiting: Waiting,
) -> Packet {
    let mut to = Packet { data: packet.data, ..Packet::default() };
    (to.pts, to.duration) = (waiting.pts, waiting.duration);
    let meta = &mut to.meta;
    meta.frame_id = frame_id;
    meta.kind = match packet.frame_type {
        lib::FrameType::KEY => FrameKind::Key,
        _ => FrameKind::Inter,
    };
    meta.shown = true;
    meta.size = config.size;
    meta.tl0_index = frame_id.to_le_bytes()[0];
    meta.qindex = packet.qp;
    meta.speed = config.speed;
    meta.rate.bitrate = config.rate.mode.bitrate().unwrap_or_default();
    let rebuilt = packet.rec.as_deref().and_then(|frame| visible(frame, config.size));
    let source = packet.source.as_deref().and_then(|frame| visible(frame, config.size));
    if config.report_psnr {
        meta.sse = source.zip(rebuilt).and_then(|(a, b)| metrics::sse(&a, &b).ok());
    }
    if config.report_digest {
        meta.digest = rebuilt.map(|picture| picture.digest());
    }
    to
}

/// Builds the `av1C` record (AV1 Codec ISO Media File Format Binding, section 2.3) with the
/// sequence header for these settings, which it obtains by coding one grey frame.
fn configuration_record(config: &lib::Config) -> Option<Vec<u8>> {
    let mut context: lib::Context<u8> = config.new_context().ok()?;
    let frame = context.new_frame();
    context.send_frame(frame).ok()?;
    context.send_frame(None).ok()?;
    let packet = loop {
        match context.receive_packet() {
            Ok(packet) => break packet,
            Err(EncoderStatus::Encoded) => {}
            Err(_) => return None,
        }
    };
    let (header, _) = obu::sequence_obu(&packet.data)?;
    let mut record = context.container_sequence_header();
    record.extend_from_slice(header);
    Some(record)
}
