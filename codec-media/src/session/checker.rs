//! Decodes freshly encoded packets, to verify them and to measure their quality.

use std::collections::VecDeque;

use codec_core::codec::{Packet, VideoDecoder};
use codec_core::frame::{Picture, Size};
use codec_core::metrics;

use crate::Env;
use crate::failure::{Failure, Kind, Result};
use crate::frame::planes::Planes;
use crate::io::decoded::{DecodeOptions, open_decoder};
use crate::settings::encoding::Encoding;

/// Decodes packets and compares the result.
pub(super) struct Checker {
    decoder: Box<dyn VideoDecoder>,
    verify: bool,
    measure_ssim: bool,
    /// Source frames whose packets have not arrived, for SSIM.
    kept: VecDeque<(i64, Planes)>,
    spare: Vec<Planes>,
    compared: u64,
    differing: u64,
    first_difference: Option<String>,
}

/// The result for one packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Checked {
    pub(super) ssim: Option<f64>,
}

impl Checker {
    /// Opens the checker; `None` if there is nothing to check.
    pub(super) fn open(settings: &Encoding, size: Size, env: &Env) -> Result<Option<Self>> {
        if !settings.verify && !settings.measure_ssim {
            return Ok(None);
        }
        let mut options = DecodeOptions::default();
        options.limits.max_pixels = options.limits.max_pixels.max(size.pixels());
        let decoder = open_decoder(settings.encoder.backend.codec.name(), size, &options, 0, env)?;
        Ok(Some(Self {
            decoder,
            verify: settings.verify,
            measure_ssim: settings.measure_ssim,
            kept: VecDeque::new(),
            spare: Vec::new(),
            compared: 0,
            differing: 0,
            first_difference: None,
        }))
    }

    /// Keeps a source frame until its packet arrives.
    pub(super) fn keep(&mut self, pts: i64, picture: &Picture<'_>) {
        if self.measure_ssim {
            let mut planes = self.spare.pop().unwrap_or_default();
            planes.copy_from(picture);
            self.kept.push_back((pts, planes));
        }
    }

    /// Drops a source frame that gets no packet.
    pub(super) fn forget(&mut self, pts: i64) {
        self.kept.retain(|(kept, _)| *kept != pts);
    }

    /// Decodes a packet and compares its frame.
    pub(super) fn check(&mut self, packet: &Packet) -> Result<Checked> {
        let decoded = self.decoder.decode(&packet.data, packet.pts, packet.duration);
        if let Err(error) = decoded {
            self.differs(packet, &error.to_string());
            return Ok(Checked::default());
        }
        let Some(frame) = self.decoder.receive() else {
            if packet.meta.shown {
                self.differs(packet, "no frame decoded");
            }
            return Ok(Checked::default());
        };
        self.compared += 1;
        if let Some(expected) = packet.meta.digest.filter(|_| self.verify) {
            let found = frame.digest();
            if found != expected {
                self.differs(packet, &format!("digest {found:016x}, expected {expected:016x}"));
            }
        }
        let mut ssim = None;
        while let Some((pts, source)) = self.kept.pop_front() {
            if pts == frame.pts && source.size == frame.size() {
                let measured = metrics::ssim(&source.picture()?, &frame.picture());
                ssim = Some(measured.map_err(Failure::internal)?);
            }
            self.spare.push(source);
            if pts >= frame.pts {
                break;
            }
        }
        Ok(Checked { ssim })
    }

    fn differs(&mut self, packet: &Packet, how: &str) {
        self.differing += 1;
        let (id, pts) = (packet.meta.frame_id, packet.pts);
        self.first_difference.get_or_insert_with(|| format!("packet {id} (time {pts}): {how}"));
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
