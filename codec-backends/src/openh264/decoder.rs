//! Adapts OpenH264's decoder to the codec traits.

use std::collections::VecDeque;

use codec_ffi::openh264::Decoder;

use crate::ffi_frames::FrameCopier;
use crate::h264_nal::summarise;
use crate::library_error::library_error;
use crate::size_limits::SizeLimiter;
use codec_core::codec::{
    Capabilities, Conceal, DecodeReport, DecoderConfig, Feature, FrameKind, Gap, VideoDecoder,
};
use codec_core::error::{Corrupt, Error};
use codec_core::frame::Frame;
use codec_h264::params::Sps;

/// Capabilities of the decoder.
pub(crate) static DECODER: Capabilities = Capabilities {
    max_dimension: 4096,
    live_resolution: true,
    qindex_range: (0, 51),
    gaps: &[
        Gap::new(Feature::ReportsQindex, "OpenH264's decoder does not report it"),
        Gap::new(Feature::ReportsReferences, "OpenH264's decoder does not report them"),
        Gap::new(
            Feature::Pool,
            "OpenH264 uses only its own threads, which this backend does not enable",
        ),
        Gap::new(Feature::SimdLevel, "OpenH264 detects the CPU itself"),
        Gap::new(Feature::DecoderDelay, "the stream determines how many frames are held back"),
    ],
    ..Capabilities::minimal("OpenH264")
};

/// Maximum number of frames that the library holds back, doubled.
const MAX_HELD: usize = 32;

/// Opens the decoder `h264/openh264`.
pub(crate) fn open(config: &DecoderConfig) -> Result<Box<dyn VideoDecoder>, Error> {
    Ok(Box::new(OpenH264::new(config)?))
}

#[derive(Debug)]
struct OpenH264 {
    config: DecoderConfig,
    library: Decoder,
    sps: Option<Sps>,
    /// Whether a key frame was decoded and no error occurred since.
    has_reference: bool,
    sizes: SizeLimiter,
    copies: FrameCopier,
    /// Durations by timestamp of packets whose frames have not been output.
    durations: VecDeque<(i64, Option<u64>)>,
    /// Last frame, for concealment.
    last: Option<Frame>,
    output: VecDeque<Frame>,
}

impl OpenH264 {
    fn new(config: &DecoderConfig) -> Result<Self, Error> {
        Ok(Self {
            library: start(config)?,
            config: config.clone(),
            sps: None,
            has_reference: false,
            sizes: SizeLimiter::default(),
            copies: FrameCopier::default(),
            durations: VecDeque::new(),
            last: None,
            output: VecDeque::new(),
        })
    }

    /// Returns the duration of the packet with this timestamp.
    fn take_duration(&mut self, pts: i64) -> Option<u64> {
        let at = self.durations.iter().position(|&(time, _)| time == pts)?;
        self.durations.remove(at)?.1
    }

    /// Collects the frames that the library holds back.
    fn drain(&mut self) {
        while let Some((picture, time)) = self.library.flush() {
            let mut frame = self.copies.copy(&picture, time, None);
            frame.duration = self.take_duration(time);
            self.last = Some(frame.clone());
            self.output.push_back(frame);
        }
    }

    /// Restarts the library, discarding its state after damage.
    fn restart(&mut self) {
        if let Ok(library) = start(&self.config) {
            self.library = library;
        }
        self.has_reference = false;
        self.durations.clear();
    }
}

fn start(config: &DecoderConfig) -> Result<Decoder, Error> {
    let conceal = config.conceal == Conceal::On;
    Decoder::new(conceal).map_err(|error| library_error("openh264", &error))
}

impl VideoDecoder for OpenH264 {
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
        let summary = summarise(data)?;
        if let Some(sps) = &summary.sps {
            self.sizes.check(&self.config.limits, sps.visible_size())?;
            let is_420 = sps.chroma_format_idc == 1;
            if !is_420 || sps.bit_depth_luma != 8 || sps.bit_depth_chroma != 8 {
                return Err(Error::unsupported("H.264 other than 8-bit 4:2:0"));
            }
            if !sps.frame_mbs_only {
                return Err(Error::unsupported("interlaced H.264"));
            }
        }
        if !summary.has_slice && summary.sps.is_none() {
            return Err(Corrupt::Missing { what: "H.264 slice in the packet" }.into());
        }
        if !summary.has_idr && !self.has_reference {
            return Err(Corrupt::NoReference.into());
        }
        let has_sps = summary.sps.is_some();
        let sps = summary.sps.or_else(|| self.sps.clone()).ok_or(Corrupt::NoReference)?;
        if summary.has_idr || self.sps.as_ref().is_some_and(|old| *old != sps) {
            // Output earlier frames first, because the library may release their memory.
            self.drain();
        }
        self.durations.push_back((pts, duration));
        if self.durations.len() > MAX_HELD {
            self.durations.pop_front();
        }
        let held = self.library.held();
        let mut concealed = false;
        let decoded = match self.library.decode(data, pts) {
            Ok(Some((picture, time))) => Some(self.copies.copy(&picture, time, None)),
            Ok(None) => {
                // The library conceals, but sometimes with a delay. With B-frames the lost frame is
                // skipped, because its position is unknown.
                let lost = summary.has_slice && self.library.held() == 0 && held == 0;
                let last = self.last.as_ref();
                let last = last.filter(|_| lost && self.config.conceal == Conceal::On);
                concealed = last.is_some();
                last.map(|last| Frame { pts, ..last.clone() })
            }
            Err(error) => {
                self.drain();
                self.restart();
                return Err(library_error("openh264", &error));
            }
        };
        let size = sps.visible_size();
        if has_sps {
            self.sizes.count(size);
        }
        self.has_reference = true;
        let kind = if summary.has_idr { FrameKind::Key } else { FrameKind::Inter };
        let mut report = DecodeReport::new(kind, size);
        report.profile = sps.profile_idc;
        self.sps = Some(sps);
        report.shown = decoded.is_some();
        if concealed {
            report.concealed_mbs = report.total_mbs;
        }
        if let Some(mut frame) = decoded {
            frame.duration = self.take_duration(frame.pts);
            self.last = Some(frame.clone());
            self.output.push_back(frame);
        }
        Ok(report)
    }

    fn receive(&mut self) -> Option<Frame> {
        self.output.pop_front()
    }

    fn finish(&mut self) {
        self.drain();
    }

    fn reset(&mut self) {
        self.restart();
        (self.sps, self.last) = (None, None);
        self.sizes = SizeLimiter::default();
    }
}
