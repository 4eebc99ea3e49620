//! Totals of a run and their presentation.

use std::time::Duration;

use codec_core::frame::Rational;

use crate::Env;
use crate::count::counted;
use crate::io::source::Damage;
use crate::json::Object;
use crate::report::Row;

use super::checker::Quality;

/// Totals of a run.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    frame_rate: Rational,
    time_base: Rational,
    pub(super) frames_in: u64,
    pub(super) dropped: u64,
    pub(super) bytes: u64,
    pub(super) first_pts: Option<i64>,
    pub(super) last_in: Option<(i64, Option<u64>)>,
    shown: u64,
    hidden: u64,
    keys: u64,
    late: Option<u64>,
    /// The number of packets with each quantiser index.
    qindices: [u64; 256],
    psnr: Mean<3>,
    ssim: Mean<1>,
}

/// A mean over frames.
#[derive(Clone, Copy, Debug)]
struct Mean<const N: usize> {
    sums: [f64; N],
    count: u64,
}

impl<const N: usize> Mean<N> {
    const NONE: Self = Self { sums: [0.0; N], count: 0 };

    fn add(&mut self, values: [f64; N]) {
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += value;
        }
        self.count += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn get(&self) -> Option<[f64; N]> {
        (self.count > 0).then(|| self.sums.map(|sum| sum / self.count as f64))
    }
}

impl Totals {
    pub(super) fn new(frame_rate: Rational, time_base: Rational) -> Self {
        Self {
            frame_rate,
            time_base,
            frames_in: 0,
            dropped: 0,
            bytes: 0,
            first_pts: None,
            last_in: None,
            shown: 0,
            hidden: 0,
            keys: 0,
            late: None,
            qindices: [0; 256],
            psnr: Mean::NONE,
            ssim: Mean::NONE,
        }
    }

    /// Adds the quality of a frame.
    pub(super) fn add(&mut self, quality: Quality) {
        if let Some(psnr) = quality.psnr {
            self.psnr.add(psnr);
        }
        if let Some(ssim) = quality.ssim {
            self.ssim.add([ssim]);
        }
    }

    pub(super) fn count(&mut self, row: &Row, shown: bool) {
        self.bytes += row.bytes;
        self.shown += u64::from(shown);
        self.hidden += u64::from(!shown);
        self.keys += u64::from(row.kind == "key");
        if let Some(qindex) = row.qindex {
            self.qindices[usize::from(qindex)] += 1;
        }
        if let Some(deadline) = row.deadline {
            *self.late.get_or_insert(0) += u64::from(deadline == "missed");
        }
        self.add(Quality { psnr: row.psnr, ssim: row.ssim });
    }

    /// The lowest, the median and the highest quantiser index of the packets; `None` if they are unknown.
    pub(super) fn qindex_range(&self) -> Option<[u8; 3]> {
        let all = || (0_u8..=255).zip(self.qindices).filter(|(_, count)| *count > 0);
        let half = self.qindices.iter().sum::<u64>().div_ceil(2);
        let mut counted = 0;
        let (median, _) = all().find(|(_, count)| {
            counted += count;
            counted >= half
        })?;
        let ((least, _), (most, _)) = (all().next()?, all().next_back()?);
        Some([least, median, most])
    }

    /// Converts ticks to seconds.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    pub(super) fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 * self.time_base.as_f64()
    }

    /// End of the last frame, in seconds of the output.
    pub(super) fn end_seconds(&self) -> f64 {
        self.first_pts.map_or(0.0, |first| self.seconds(first) + self.media_seconds())
    }

    /// Time from the first frame to the end of the last, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn media_seconds(&self) -> f64 {
        let (Some(first), Some((last, duration))) = (self.first_pts, self.last_in) else {
            return 0.0;
        };
        let tick = self.time_base.as_f64();
        let tail = duration.map_or(1.0 / self.frame_rate.as_f64(), |ticks| ticks as f64 * tick);
        (last - first) as f64 * tick + tail
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn kbps(&self) -> f64 {
        let seconds = self.media_seconds();
        if seconds > 0.0 { self.bytes as f64 * 8.0 / seconds / 1000.0 } else { 0.0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn fps(&self, elapsed: Duration) -> f64 {
        self.frames_in as f64 / elapsed.as_secs_f64().max(1e-6)
    }

    pub(super) fn text(&self, elapsed: Duration, verified: bool) -> String {
        let fps = self.fps(elapsed);
        let mut text = format!(
            "{} in {:.2} s: {fps:.1} fps, x{:.2} real time; {}, {:.1} kb/s, {}",
            counted(self.frames_in, "frame"),
            elapsed.as_secs_f64(),
            fps / self.frame_rate.as_f64(),
            counted(self.bytes, "byte"),
            self.kbps(),
            counted(self.keys, "key frame"),
        );
        if self.dropped > 0 {
            text.push_str(&format!(", {} dropped", self.dropped));
        }
        if let Some(late) = self.late {
            text.push_str(&format!(", {late} late"));
        }
        if let Some([y, u, v]) = self.psnr.get() {
            text.push_str(&format!("; PSNR Y {y:.2} U {u:.2} V {v:.2} dB"));
        }
        if let Some([ssim]) = self.ssim.get() {
            text.push_str(&format!("; SSIM {ssim:.4}"));
        }
        if verified {
            text.push_str("; verified");
        }
        text
    }

    pub(super) fn summary(&self, elapsed: Duration, damage: Damage, env: &Env) -> Object {
        let fps = self.fps(elapsed);
        let psnr = self.psnr.get();
        let plane = |index: usize| psnr.map(|psnr| crate::json::float(psnr[index]));
        Object::new()
            .text("type", "summary")
            .raw("frames", self.frames_in)
            .raw("coded", self.shown)
            .raw("altref", self.hidden)
            .raw("key_frames", self.keys)
            .raw("dropped", self.dropped)
            .maybe("late", self.late)
            .raw("bytes", self.bytes)
            .float("media_s", self.media_seconds())
            .float("kbps", self.kbps())
            .float("elapsed_s", elapsed.as_secs_f64())
            .float("fps", fps)
            .float("x_realtime", fps / self.frame_rate.as_f64())
            .maybe("psnr_y", plane(0))
            .maybe("psnr_u", plane(1))
            .maybe("psnr_v", plane(2))
            .maybe("ssim", self.ssim.get().map(|[ssim]| crate::json::float(ssim)))
            .raw("lost_packets", damage.lost_packets)
            .raw("concealed_frames", damage.concealed_frames)
            .raw("replaced_references", damage.replaced_references)
            .float("concealed_pct", damage.concealed_pct())
            .text("simd", env.level.name())
    }
}
