//! Adapts libvpx's decoders to the codec traits.

use std::collections::VecDeque;

use codec_ffi::vpx::{Decoder, Format};

use super::knobs::{DECODER, DECODER_GAPS};
use super::packet::HeaderReader;
use super::vp9_header::Vp9Reader;
use crate::ffi_frames::FrameCopier;
use crate::library_error::library_error;
use crate::size_limits::SizeLimiter;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, Feature, FrameKind, Gap, SlotSet,
    VideoDecoder,
};
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{Frame, Size};
use codec_vp8::decoder::peek;

/// Capabilities of the VP8 decoder.
pub(crate) static VP8_DECODER: Capabilities = Capabilities {
    reports_qindex: true,
    gaps: &[
        DECODER_GAPS[0],
        DECODER_GAPS[1],
        DECODER_GAPS[2],
        Gap::new(Feature::Concealment, "libvpx requires a build option that Debian does not set"),
    ],
    ..DECODER
};

/// Capabilities of the VP9 decoder.
pub(crate) static VP9_DECODER: Capabilities = Capabilities {
    reference_slots: 8,
    reports_qindex: true,
    gaps: &[
        DECODER_GAPS[0],
        DECODER_GAPS[1],
        DECODER_GAPS[2],
        Gap::new(Feature::Concealment, "libvpx has no concealment for VP9"),
        Gap::new(Feature::AllLayers, "libvpx outputs the last frame of a superframe only"),
        Gap::new(
            Feature::ReportsReferences,
            "libvpx does not report which VP9 references are used",
        ),
    ],
    ..DECODER
};

/// Opens the decoder `vp8/libvpx`.
pub(crate) fn open_vp8_decoder(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    Ok(Box::new(LibvpxDecoder::new(Headers::Vp8(Box::default()), &VP8_DECODER, config)?))
}

/// Opens the decoder `vp9/libvpx`.
pub(crate) fn open_vp9_decoder(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    Ok(Box::new(LibvpxDecoder::new(Headers::Vp9(Vp9Reader::default()), &VP9_DECODER, config)?))
}

/// Parser of the stream's frame headers.
#[derive(Clone, Debug)]
enum Headers {
    Vp8(Box<HeaderReader>),
    Vp9(Vp9Reader),
}

impl Headers {
    fn format(&self) -> Format {
        match self {
            Self::Vp8(_) => Format::Vp8,
            Self::Vp9(_) => Format::Vp9,
        }
    }

    /// Reads the properties of a packet that do not need the library; `current` is the size so far.
    fn read(&mut self, data: &[u8], current: Option<Size>) -> Result<DecodeReport, Error> {
        let kind = |is_key| if is_key { FrameKind::Key } else { FrameKind::Inter };
        match self {
            Self::Vp8(reader) => {
                let (tag, key) = peek(data)?;
                let size = key.map(|key| key.size).or(current).ok_or(Corrupt::NoReference)?;
                let facts = reader.read(data)?;
                let mut report = DecodeReport::new(kind(tag.is_key), size);
                report.shown = tag.show;
                report.scaling = reader.scaling();
                report.profile = tag.version;
                report.qindex = facts.qindex;
                report.refs_updated = facts.updates;
                Ok(report)
            }
            Self::Vp9(reader) => {
                let facts = reader.read(data)?;
                if facts.profile != 0 {
                    return Err(Error::unsupported("VP9 other than 8-bit 4:2:0"));
                }
                let mut report = DecodeReport::new(kind(facts.is_key), facts.size);
                report.shown = facts.shown;
                report.qindex = facts.qindex;
                report.refs_updated = facts.updates;
                Ok(report)
            }
        }
    }
}

/// Number of library threads: as many as the pool has.
fn threads(config: &DecoderConfig) -> u32 {
    let of_pool = config.pool.as_ref().map_or(1, |pool| pool.threads());
    u32::try_from(of_pool).unwrap_or(1).clamp(1, 16)
}

fn open(format: Format, config: &DecoderConfig) -> Result<Decoder, Error> {
    let conceal = config.conceal == Conceal::On;
    Decoder::new(format, threads(config), conceal).map_err(|error| library_error("libvpx", &error))
}

/// A libvpx decoder.
#[derive(Debug)]
struct LibvpxDecoder {
    config: DecoderConfig,
    caps: &'static Capabilities,
    library: Decoder,
    headers: Headers,
    sizes: SizeLimiter,
    copies: FrameCopier,
    /// Last frame, which empty packets repeat.
    last: Option<Frame>,
    output: VecDeque<Frame>,
}

impl LibvpxDecoder {
    fn new(
        headers: Headers,
        caps: &'static Capabilities,
        config: &DecoderConfig,
    ) -> Result<Self, Error> {
        Ok(Self {
            library: open(headers.format(), config)?,
            caps,
            config: config.clone(),
            headers,
            sizes: SizeLimiter::default(),
            copies: FrameCopier::default(),
            last: None,
            output: VecDeque::new(),
        })
    }

    fn repeat(&mut self, pts: i64, duration: Option<u64>) -> Result<DecodeReport, Error> {
        let last = self.last.as_ref().ok_or(Corrupt::NothingToRepeat)?;
        let frame = Frame { pts, duration, ..last.clone() };
        let report = DecodeReport::new(FrameKind::Inter, frame.size());
        self.output.push_back(frame);
        Ok(report)
    }
}

impl VideoDecoder for LibvpxDecoder {
    fn capabilities(&self) -> &Capabilities {
        self.caps
    }

    fn decode(
        &mut self,
        data: &[u8],
        pts: i64,
        duration: Option<u64>,
    ) -> Result<DecodeReport, Error> {
        self.config.limits.check_packet(data)?;
        if data.is_empty() {
            return self.repeat(pts, duration);
        }
        let mut headers = self.headers.clone();
        let mut report = headers.read(data, self.sizes.current())?;
        self.sizes.check(&self.config.limits, report.size)?;
        self.library.decode(data).map_err(|error| library_error("libvpx", &error))?;
        let mut frame = None;
        while let Some(picture) = self.library.frame() {
            frame = Some(self.copies.copy(&picture, pts, duration));
        }
        if report.shown != frame.is_some() {
            let says = "libvpx and the frame header disagree on whether the frame is shown";
            return Err(Corrupt::Backend { says }.into());
        }
        if headers.format() == Format::Vp8 {
            report.refs_used = SlotSet(self.library.references_used().unwrap_or(0));
        }
        self.headers = headers;
        self.sizes.count(report.size);
        if let Some(frame) = frame {
            self.last = Some(frame.clone());
            self.output.push_back(frame);
        }
        Ok(report)
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        if let Ok(library) = open(self.headers.format(), &self.config) {
            self.library = library;
        }
        self.headers = match self.headers {
            Headers::Vp8(_) => Headers::Vp8(Box::default()),
            Headers::Vp9(_) => Headers::Vp9(Vp9Reader::default()),
        };
        self.sizes = SizeLimiter::default();
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_above_the_limit_is_rejected_before_the_library_sees_it() {
        let mut config = DecoderConfig::default();
        config.limits.max_pixels = 64 * 64;
        let mut decoder = open_vp8_decoder(&config).unwrap();
        let packet = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 65, 0, 64, 0];
        let refused = decoder.decode(&packet, 0, None);
        assert!(
            matches!(refused, Err(Error::Limit(limit)) if limit.requested == Size::new(65, 64).pixels())
        );
    }
}
