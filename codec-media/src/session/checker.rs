//! Decodes freshly encoded packets, to verify them and to measure their quality.

use std::collections::VecDeque;

use codec_core::codec::{Packet, VideoDecoder};
use codec_core::frame::{Frame, Picture, Size};
use codec_core::metrics::{self, Psnr};

use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::io::decoded::{DecodeOptions, open_decoder};
use crate::settings::encoding::Encoding;

use super::meter::{MeterThread, QualityMeter};

/// Decodes packets and compares the result.
pub(super) struct Checker {
    decoder: Box<dyn VideoDecoder>,
    verify: bool,
    measure_ssim: bool,
    /// PSNR is measured too: the encoder's is against the filtered frames.
    measure_psnr: bool,
    /// Measures the metric of a target.
    meter: Option<MeterThread>,
    /// Source frames whose packets have not arrived.
    kept: VecDeque<(i64, Planes)>,
    /// Packets whose frames the decoder still holds, in coding order: time, number and digest.
    held: VecDeque<(i64, u64, Option<u64>)>,
    spare: Vec<Planes>,
    compared: u64,
    differing: u64,
    first_difference: Option<String>,
}

/// Quality of a decoded frame, as far as it is measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quality {
    /// PSNR of Y, U and V in dB.
    pub(super) psnr: Option<[f64; 3]>,
    pub(super) ssim: Option<f64>,
}

/// The result for one packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked {
    /// Quality of the frame of the packet, if the decoder returned the frame at once.
    pub(super) quality: Quality,
    /// Quality of frames of earlier packets, which were coded before frames that are shown earlier.
    pub(super) late: Vec<Quality>,
}

impl Checker {
    /// Opens the checker; `None` if there is nothing to check.
    pub(super) fn open(settings: &Encoding, size: Size, env: &Env) -> Result<Option<Self>> {
        let meter =
            settings.target().map(|target| QualityMeter::new(target.metric, size, target.every));
        let meter = meter.transpose()?;
        let measure_psnr = settings.measure_psnr && settings.encoder.denoises();
        if !settings.verify && !settings.measure_ssim && !measure_psnr && meter.is_none() {
            return Ok(None);
        }
        let mut options = DecodeOptions::default();
        options.limits.max_pixels = options.limits.max_pixels.max(size.pixels());
        let decoder = open_decoder(settings.encoder.backend.codec.name(), size, &options, 0, env)?;
        Ok(Some(Self {
            decoder,
            verify: settings.verify,
            measure_ssim: settings.measure_ssim,
            measure_psnr,
            meter: meter.map(MeterThread::start),
            kept: VecDeque::new(),
            held: VecDeque::new(),
            spare: Vec::new(),
            compared: 0,
            differing: 0,
            first_difference: None,
        }))
    }

    /// Keeps a source frame until its packet arrives.
    pub(super) fn keep(&mut self, pts: i64, picture: &Picture<'_>) {
        if self.measure_ssim || self.measure_psnr || self.meter.is_some() {
            let mut planes = self.spare.pop().unwrap_or_default();
            planes.copy_from(picture);
            self.kept.push_back((pts, planes));
        }
    }

    /// Drops a source frame that gets no packet.
    pub(super) fn forget(&mut self, pts: i64) {
        self.kept.retain(|(kept, _)| *kept != pts);
    }

    /// Decodes a packet and compares the frames that the decoder returns.
    pub(super) fn check(&mut self, packet: &Packet) -> Result<Checked> {
        let decoded = self.decoder.decode(&packet.data, packet.pts, packet.duration);
        let id = packet.meta.frame_id;
        if let Err(error) = decoded {
            self.differs((packet.pts, id), &error.to_string());
            return Ok(Checked::default());
        }
        if packet.meta.shown {
            self.held.push_back((packet.pts, id, packet.meta.digest));
        }
        let mut checked = Checked::default();
        while let Some(frame) = self.decoder.receive() {
            let quality = self.compare(&frame)?;
            if frame.pts == packet.pts {
                checked.quality = quality;
            } else {
                checked.late.push(quality);
            }
        }
        // Frames in display order, without B frames, are returned at once.
        if packet.dts.is_none() {
            self.report_missing();
        }
        Ok(checked)
    }

    /// Compares the frames that the decoder still holds, at the end of the stream.
    pub(super) fn finish(&mut self) -> Result<Vec<Quality>> {
        self.decoder.finish();
        let mut late = Vec::new();
        while let Some(frame) = self.decoder.receive() {
            late.push(self.compare(&frame)?);
        }
        self.report_missing();
        Ok(late)
    }

    fn report_missing(&mut self) {
        while let Some((pts, id, _)) = self.held.pop_front() {
            self.differs((pts, id), "no frame decoded");
        }
    }

    /// Compares a decoded frame with its packet, and measures its quality.
    fn compare(&mut self, frame: &Frame) -> Result<Quality> {
        self.compared += 1;
        let found = self.held.iter().position(|(pts, ..)| *pts == frame.pts);
        let packet = found.and_then(|at| self.held.remove(at));
        if let Some((pts, id, Some(expected))) = packet.filter(|_| self.verify) {
            let found = frame.digest();
            if found != expected {
                let how = format!("digest {found:016x}, expected {expected:016x}");
                self.differs((pts, id), &how);
            }
        }
        let mut quality = Quality::default();
        while let Some((pts, source)) = self.kept.pop_front() {
            let is_pair = pts == frame.pts && source.size == frame.size();
            if is_pair && self.measure_ssim {
                let measured = metrics::ssim(&source.picture()?, &frame.picture());
                quality.ssim = Some(measured.map_err(Failure::internal)?);
            }
            if is_pair && self.measure_psnr {
                let measured = metrics::psnr(&source.picture()?, &frame.picture());
                let Psnr { y, u, v, .. } = measured.map_err(Failure::internal)?;
                quality.psnr = Some([y, u, v]);
            }
            match &self.meter {
                Some(meter) if is_pair => meter.add(source, frame.clone()),
                _ => self.spare.push(source),
            }
            if pts >= frame.pts {
                break;
            }
        }
        Ok(quality)
    }

    fn differs(&mut self, (pts, id): (i64, u64), how: &str) {
        self.differing += 1;
        self.first_difference.get_or_insert_with(|| format!("packet {id} (time {pts}): {how}"));
    }

    /// The values of the metric of a target, of the measured frames.
    pub(super) fn take_values(&mut self) -> Result<Vec<f64>> {
        self.meter.take().map_or(Ok(Vec::new()), MeterThread::finish)
    }

    /// Whether the PSNR of the encoder is replaced by the one that is measured here.
    pub(super) fn measures_psnr(&self) -> bool {
        self.measure_psnr
    }

    pub(super) fn verifies(&self) -> bool {
        self.verify
    }

    /// Returns an error if any frame differed.
    pub(super) fn verdict(&self) -> Result<()> {
        match &self.first_difference {
            Some(first) if self.verify => {
                let (differing, compared) = (self.differing, self.compared);
                let message = format!(
                    "verification failed: {differing} of {compared} frames differ; {first}"
                );
                Err(Failure::new(Kind::Check, message))
            }
            _ => Ok(()),
        }
    }
}
