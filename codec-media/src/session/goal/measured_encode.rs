//! A trial encode whose packets are decoded and measured, then discarded.

use std::collections::VecDeque;
use std::sync::Arc;

use codec_core::codec::{FrameRequest, Packet, VideoDecoder, VideoEncoder};
use codec_core::frame::Rational;
use codec_core::parallel::RowPool;

use super::super::meter::QualityMeter;
use super::super::superframe::SuperframeJoiner;
use crate::Env;
use crate::failure::{Failure, Result};
use crate::frame::planes::Planes;
use crate::io::decoded::{DecodeOptions, open_decoder};
use crate::settings::encoding::Encoding;
use crate::settings::goal::TargetQuality;
use crate::settings::regions::RegionMaps;
use crate::threads::threads_for;

/// An encode in progress.
pub(super) struct MeasuredEncode {
    encoder: Box<dyn VideoEncoder>,
    joiner: SuperframeJoiner,
    regions: RegionMaps,
    packet: Packet,
    decoder: Box<dyn VideoDecoder>,
    meter: QualityMeter,
    /// The time of the first frame, which becomes 0.
    origin: i64,
    /// Frames that are not measured yet, with their times.
    waiting: VecDeque<(Planes, i64)>,
}

impl MeasuredEncode {
    /// Opens encoder, decoder and meter for frames like `first`, the time of which is `origin`.
    pub(super) fn open(
        settings: &Encoding,
        target: TargetQuality,
        (first, origin): (&Planes, i64),
        (frame_rate, time_base): (Rational, Rational),
        env: &Env,
    ) -> Result<Self> {
        let size = first.size;
        let mut config = settings.config(size, frame_rate, time_base);
        (config.report_psnr, config.report_digest) = (false, false);
        config.simd = Some(env.level);
        config.info = first.info;
        let threads = threads_for(settings.threads, size);
        if threads > 1 {
            config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
        }
        let Some((open, _)) = settings.encoder.backend.encoder else {
            return Err(Failure::internal("a backend without an encoder"));
        };
        let encoder = open(&config).map_err(Failure::encoding)?;
        let codec = settings.encoder.backend.codec;
        let mut options = DecodeOptions { threads: settings.threads, ..DecodeOptions::default() };
        options.limits.max_pixels = options.limits.max_pixels.max(size.pixels());
        Ok(Self {
            encoder,
            joiner: SuperframeJoiner::new(codec),
            regions: settings.encoder.regions.maps(size)?,
            packet: Packet::default(),
            decoder: open_decoder(codec.name(), size, &options, 0, env)?,
            meter: QualityMeter::new(target.metric, size, target.every)?,
            origin,
            waiting: VecDeque::new(),
        })
    }

    /// Encodes the next frame.
    pub(super) fn add(&mut self, planes: Planes, pts: i64) -> Result<()> {
        let pts = pts.saturating_sub(self.origin);
        let mut request = FrameRequest::at(pts);
        request.importance = self.regions.map(planes.size)?;
        self.encoder.encode(&planes.picture()?, &request).map_err(Failure::encoding)?;
        self.waiting.push_back((planes, pts));
        self.measure()
    }

    /// Encodes the frames that the encoder holds, and returns the values of the metric of all.
    pub(super) fn finish(mut self) -> Result<Vec<f64>> {
        self.encoder.finish().map_err(Failure::encoding)?;
        self.measure()?;
        self.decoder.finish();
        self.measure_decoded()?;
        Ok(self.meter.values())
    }

    /// Measures the frames of the packets that are ready.
    fn measure(&mut self) -> Result<()> {
        while self.encoder.receive(&mut self.packet) {
            if self.joiner.add(&mut self.packet) {
                let Packet { data, pts, duration, .. } = &self.packet;
                let decoded = self.decoder.decode(data, *pts, *duration);
                decoded.map_err(|error| Failure::decoding("a trial encode", error))?;
                self.measure_decoded()?;
            }
        }
        Ok(())
    }

    fn measure_decoded(&mut self) -> Result<()> {
        while let Some(frame) = self.decoder.receive() {
            // Frames that the encoder dropped are not measured.
            while let Some((source, pts)) = self.waiting.pop_front_if(|(_, pts)| *pts <= frame.pts)
            {
                if pts == frame.pts {
                    self.meter.add(source, &frame.picture())?;
                }
            }
        }
        Ok(())
    }
}
