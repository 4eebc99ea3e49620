//! Totals and means of a whole simulation.

use std::time::Duration;

use codec_rtc::jitter::video::{Freeze, freezes};
use codec_rtc::link::Distribution;

use super::frame::{Fate, FrameRecord, Score};

/// Mean values over frames.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quality {
    pub(super) count: usize,
    pub(super) psnr: [f64; 3],
    /// Mean PSNR over the samples of all planes.
    pub(super) psnr_all: f64,
    pub(super) ssim: f64,
    /// Minimum and 5th percentile of the PSNR of luma.
    pub(super) psnr_y_min: f64,
    pub(super) psnr_y_p5: f64,
    pub(super) ssim_min: f64,
    pub(super) ssim_p5: f64,
}

/// Recoveries from damage: from the first damaged frame to the next one that equals the encoder's
/// reconstruction.
#[derive(Clone, Debug, Default)]
pub(super) struct Recoveries {
    pub(super) times: Distribution,
    /// The duration of the last damage, if it lasted to the end.
    pub(super) unrecovered: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) frames: usize,
    /// Duration from the first capture to the end of the last frame.
    pub(super) media: Duration,
    pub(super) fates: [(Fate, usize); 6],
    /// Drop reasons of the encoder, with counts.
    pub(super) drops: Vec<(&'static str, usize)>,
    pub(super) seen: Quality,
    /// Quality of the encoder's own reconstructions.
    pub(super) coded: Quality,
    /// Number of instants before the first frame was visible.
    pub(super) unscored: usize,
    /// Number of instants at which an older frame was visible.
    pub(super) frozen: usize,
    pub(super) freezes: Vec<Freeze>,
    pub(super) concealed_frames: usize,
    pub(super) concealed_mbs: u64,
    /// Delay from capture to display.
    pub(super) delay: Distribution,
    /// Delay from capture until the frame could be displayed.
    pub(super) ready: Distribution,
    pub(super) recoveries: Recoveries,
    pub(super) keys: usize,
    pub(super) requested_keys: usize,
    pub(super) key_bytes: u64,
    pub(super) coded_frames: usize,
    pub(super) coded_bytes: u64,
}

impl Summary {
    pub(super) fn new(
        records: &[FrameRecord],
        shown_at: &[Duration],
        frame_time: Duration,
    ) -> Self {
        let media = records.last().map_or(Duration::ZERO, |last| last.capture + frame_time);
        let count = |fate| records.iter().filter(|record| record.fate() == fate).count();
        let mut drops: Vec<(&'static str, usize)> = Vec::new();
        for reason in records.iter().filter_map(|record| record.dropped) {
            match drops.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => drops.push((reason, 1)),
            }
        }
        let coded: Vec<_> = records.iter().filter_map(|record| record.coded).collect();
        let decoded: Vec<_> = records.iter().filter_map(|record| record.decoded).collect();
        let keys: Vec<_> = coded.iter().filter(|coded| coded.is_key).collect();
        let (mut delay, mut ready) = (Distribution::default(), Distribution::default());
        for record in records {
            record.delay().into_iter().for_each(|time| delay.push(time));
            if let Some(decoded) = record.decoded {
                ready.push(decoded.ready.saturating_sub(record.capture));
            }
        }
        let seen: Vec<_> = records.iter().filter_map(|record| Some(record.seen?.score)).collect();
        let made: Vec<_> = coded.iter().map(|coded| coded.score).collect();
        // The last frame ends when the next one would be due.
        let end = records.last().map_or(Duration::ZERO, |last| last.due + frame_time);
        Self {
            frames: records.len(),
            media,
            fates: Fate::ALL.map(|fate| (fate, count(fate))),
            drops,
            seen: quality(&seen),
            coded: quality(&made),
            unscored: records.iter().filter(|record| record.seen.is_none()).count(),
            frozen: (records.iter().enumerate())
                .filter(|(frame, record)| record.seen.is_some_and(|seen| seen.frame != *frame))
                .count(),
            freezes: freezes(shown_at, end),
            concealed_frames: decoded.iter().filter(|decoded| decoded.concealed_mbs > 0).count(),
            concealed_mbs: decoded.iter().map(|decoded| u64::from(decoded.concealed_mbs)).sum(),
            delay,
            ready,
            recoveries: recoveries(records, end),
            keys: keys.len(),
            requested_keys: keys.iter().filter(|key| key.requested).count(),
            key_bytes: keys.iter().map(|key| key.bytes).sum(),
            coded_frames: coded.len(),
            coded_bytes: coded.iter().map(|coded| coded.bytes).sum(),
        }
    }

    pub(super) fn frozen_time(&self) -> Duration {
        self.freezes.iter().map(|freeze| freeze.length).sum()
    }

    pub(super) fn longest_freeze(&self) -> Duration {
        self.freezes.iter().map(|freeze| freeze.length).max().unwrap_or_default()
    }

    /// Mean size in bytes of key frames and of other frames; `None` without such frames.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn mean_bytes(&self) -> [Option<f64>; 2] {
        let mean = |bytes: u64, count: usize| (count > 0).then(|| bytes as f64 / count as f64);
        let others = self.coded_frames - self.keys;
        [mean(self.key_bytes, self.keys), mean(self.coded_bytes - self.key_bytes, others)]
    }
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn quality(scores: &[Score]) -> Quality {
    let count = scores.len();
    if count == 0 {
        let none = f64::NAN;
        return Quality {
            count,
            psnr: [none; 3],
            psnr_all: none,
            ssim: none,
            psnr_y_min: none,
            psnr_y_p5: none,
            ssim_min: none,
            ssim_p5: none,
        };
    }
    let mean = |value: fn(&Score) -> f64| scores.iter().map(value).sum::<f64>() / count as f64;
    // The smallest value that at least 5 % do not exceed.
    let low = |value: fn(&Score) -> f64| {
        let mut values: Vec<_> = scores.iter().map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        (values[0], values[count.div_ceil(20).saturating_sub(1)])
    };
    let (psnr_y_min, psnr_y_p5) = low(|score| score.psnr.y);
    let (ssim_min, ssim_p5) = low(|score| score.ssim);
    Quality {
        count,
        psnr: [mean(|score| score.psnr.y), mean(|score| score.psnr.u), mean(|score| score.psnr.v)],
        psnr_all: mean(|score| score.psnr.all),
        ssim: mean(|score| score.ssim),
        psnr_y_min,
        psnr_y_p5,
        ssim_min,
        ssim_p5,
    }
}

fn recoveries(records: &[FrameRecord], end: Duration) -> Recoveries {
    let mut found = Recoveries::default();
    let mut since = None;
    for record in records {
        match record.fate() {
            Fate::Damaged => {
                since.get_or_insert(record.shown().unwrap_or(record.due));
            }
            Fate::Lost => {
                since.get_or_insert(record.due);
            }
            Fate::Clean | Fate::Late => {
                if let (Some(from), Some(shown)) = (since.take(), record.shown()) {
                    found.times.push(shown.saturating_sub(from));
                }
            }
            Fate::Skipped | Fate::Dropped => {}
        }
    }
    found.unrecovered = since.map(|from| end.saturating_sub(from));
    found
}
