//! The backend `av1/dav1d`: decodes 8-bit 4:2:0 AV1 with dav1d, a C library installed on the
//! system.

use std::collections::VecDeque;

use codec_ffi::dav1d::Decoder;

use super::ffi_frames::FrameCopier;
use super::library_error::library_error;
use super::obu::{self, Sequence};
use super::size_limits::SizeLimiter;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, Feature, FrameKind, Gap, VideoDecoder,
};
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{Frame, SampleFormat};

/// Capabilities of the decoder.
pub(crate) static DECODER: Capabilities = Capabilities {
    max_dimension: 65_535,
    reference_slots: 8,
    qindex_range: (0, 255),
    rtc_qindex_range: (0, 255),
    live_resolution: true,
    threads: true,
    gaps: &[
        Gap::new(Feature::Concealment, "dav1d returns no frame for a damaged temporal unit"),
        Gap::new(Feature::ReportsQindex, "dav1d's header structs depend on its version"),
        Gap::new(Feature::ReportsReferences, "dav1d's header structs depend on its version"),
        Gap::new(Feature::Pool, "dav1d starts its own threads, as many as the pool has"),
        Gap::new(Feature::SimdLevel, "dav1d detects the CPU itself"),
        Gap::new(Feature::AllLayers, "dav1d is opened for the highest spatial layer only"),
        Gap::new(Feature::DecoderDelay, "each frame is output with its own packet"),
    ],
    ..Capabilities::minimal("dav1d")
};

/// Opens the decoder `av1/dav1d`.
pub(crate) fn open(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    if config.conceal == Conceal::On {
        return Err(Error::unsupported("error concealment of AV1 with dav1d"));
    }
    Ok(Box::new(Dav1d::new(config)?))
}

#[derive(Debug)]
struct Dav1d {
    config: DecoderConfig,
    library: Decoder,
    sequence: Option<Sequence>,
    sizes: SizeLimiter,
    copies: FrameCopier,
    output: VecDeque<Frame>,
}

impl Dav1d {
    fn new(config: &DecoderConfig) -> Result<Self, Error> {
        let threads = config.pool.as_ref().map_or(1, |pool| pool.threads().clamp(1, 64));
        let pixels = u32::try_from(config.limits.max_pixels).unwrap_or(u32::MAX).max(1);
        let library = Decoder::new(u16::try_from(threads).unwrap_or(1), pixels);
        Ok(Self {
            library: library.map_err(|error| library_error("dav1d", &error))?,
            config: config.clone(),
            sequence: None,
            sizes: SizeLimiter::default(),
            copies: FrameCopier::default(),
            output: VecDeque::new(),
        })
    }
}

/// Rejects formats that our frames cannot hold.
fn check_format(sequence: &Sequence) -> Result<(), Error> {
    match sequence.format() {
        SampleFormat::YUV420 => Ok(()),
        _ => Err(Error::unsupported("AV1 other than 8-bit 4:2:0 with dav1d")),
    }
}

impl VideoDecoder for Dav1d {
    fn capabilities(&self) -> &Capabilities {
        &DECODER
    }

    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        self.config.limits.check_packet(data)?;
        if data.is_empty() {
            return Err(Corrupt::HeaderTruncated { needed_bytes: 1, had_bytes: 0 }.into());
        }
        let summary = obu::summarise(data, self.sequence)?;
        if let Some(sequence) = &summary.sequence {
            check_format(sequence)?;
            self.sizes.check(&self.config.limits, sequence.max_size)?;
        }
        let sequence = summary.sequence.or(self.sequence).ok_or(Corrupt::NoReference)?;
        let mut frame = None;
        let copies = &mut self.copies;
        let decoded = self.library.decode(data, pts, 0, |picture| {
            frame = picture.view().map(|view| copies.copy(&view, pts, duration));
        });
        decoded.map_err(|error| library_error("dav1d", &error))?;
        if summary.sequence.is_some() {
            self.sizes.count(sequence.max_size);
        }
        self.sequence = Some(sequence);
        let size = frame.as_ref().map_or(sequence.max_size, Frame::size);
        let mut report = DecodeReport::new(summary.kind.unwrap_or(FrameKind::Inter), size);
        report.shown = frame.is_some();
        report.profile = sequence.profile;
        self.output.extend(frame);
        Ok(report)
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.library.flush();
        self.sequence = None;
        self.sizes = SizeLimiter::default();
    }
}
