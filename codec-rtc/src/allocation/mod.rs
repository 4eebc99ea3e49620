//! Divides the bandwidth estimate: audio first, then video with its FEC, its retransmissions and
//! the packet headers.
//!
//! ```
//! use codec_core::codec::Bitrate;
//! use codec_rtc::allocation::{AllocationConfig, Allocator, RepairOverhead};
//!
//! let mut allocator = Allocator::new(AllocationConfig::default())?;
//! let repair = RepairOverhead { fec: 0.1, frame_rate: 30.0, ..RepairOverhead::default() };
//! let parts = allocator.allocate(Bitrate::kbps(1000), repair);
//! assert_eq!(parts.audio, Bitrate::kbps(64));
//! assert!(parts.video > Bitrate::kbps(700) && parts.fec > Bitrate::kbps(70));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use codec_core::codec::Bitrate;
use codec_core::error::ConfigError;

mod layers;

pub use layers::{SpatialLayer, split_spatial, temporal_shares};

/// Maximum share of the video budget for FEC and retransmissions together.
const MAX_REPAIR: f64 = 0.5;
/// Share of the estimate that audio gets above its minimum.
const AUDIO_SHARE: f64 = 0.1;
/// Paused video resumes at this multiple of its minimum bitrate.
const RESUME: f64 = 1.25;

/// Streams to send and their bitrate ranges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllocationConfig {
    /// Minimum and maximum audio bitrate without headers, at most 1 Gb/s; `None` means no audio.
    /// Default 16 to 64 kb/s.
    pub audio: Option<(Bitrate, Bitrate)>,
    /// Audio packets per second, at most 1000: 50 for packets of 20 ms (default).
    pub audio_packets: u32,
    /// Minimum and maximum video bitrate without headers, at most 1 Gb/s; `None` means no video.
    /// Video is paused below the minimum. Default 30 kb/s to 20 Mb/s.
    pub video: Option<(Bitrate, Bitrate)>,
    /// Bytes of headers per packet, at most 500: IP, UDP, RTP with extensions, SRTP. Default 62.
    pub overhead_bytes: u32,
    /// Maximum payload per packet in bytes, 100 to 65,000; default 1150.
    pub payload_bytes: u32,
}

impl Default for AllocationConfig {
    /// Opus at 16 to 64 kb/s and video at 30 kb/s to 20 Mb/s, with 62 bytes of headers per packet.
    fn default() -> Self {
        Self {
            audio: Some((Bitrate::kbps(16), Bitrate::kbps(64))),
            audio_packets: 50,
            video: Some((Bitrate::kbps(30), Bitrate::kbps(20_000))),
            overhead_bytes: 62,
            payload_bytes: 1150,
        }
    }
}

/// Current overhead of video: FEC and retransmissions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RepairOverhead {
    /// FEC overhead as a share of the video bitrate, 0..=1.
    pub fec: f64,
    /// Recent retransmission rate, headers included.
    pub retransmission: Bitrate,
    /// Frames per second, used to predict the number of packets.
    pub frame_rate: f64,
}

/// The constraint that determines the video bitrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VideoLimit {
    /// No video is configured.
    Absent,
    /// The bandwidth estimate.
    Estimate,
    /// The configured maximum.
    Maximum,
    /// The estimate leaves less than the configured minimum, so video is paused.
    Paused,
}

/// Division of the estimate. The parts sum to at most the estimate, except that audio always gets
/// its minimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allocation {
    /// Bitrate of the audio encoder.
    pub audio: Bitrate,
    /// Bitrate of the video encoder; 0 while paused.
    pub video: Bitrate,
    /// Video FEC, including its headers.
    pub fec: Bitrate,
    /// Video retransmissions, limited to the available room.
    pub retransmission: Bitrate,
    /// Headers of audio and video packets.
    pub overhead: Bitrate,
    /// Unused remainder.
    pub unused: Bitrate,
    /// The constraint that determines the video bitrate.
    pub limit: VideoLimit,
}

/// Divides bandwidth estimates among the streams.
#[derive(Clone, Copy, Debug)]
pub struct Allocator {
    config: AllocationConfig,
    is_paused: bool,
}

impl Allocator {
    /// Creates an allocator.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: AllocationConfig) -> Result<Self, ConfigError> {
        let range = |what, range: Option<(Bitrate, Bitrate)>| match range {
            Some((least, most)) if least > most || most.0 > 1_000_000_000 => {
                let given = format!("{} to {} b/s", least.0, most.0);
                Err(ConfigError::new(what, given, "an ascending range up to 1 Gb/s"))
            }
            _ => Ok(()),
        };
        range("audio bitrate", config.audio)?;
        range("video bitrate", config.video)?;
        if config.audio_packets > 1000 {
            let given = config.audio_packets;
            return Err(ConfigError::new("audio packets per second", given, "at most 1000"));
        }
        if config.overhead_bytes > 500 {
            return Err(ConfigError::new("overhead", config.overhead_bytes, "at most 500 bytes"));
        }
        if !(100..=65_000).contains(&config.payload_bytes) {
            let given = config.payload_bytes;
            return Err(ConfigError::new("payload", given, "100 to 65000 bytes"));
        }
        Ok(Self { config, is_paused: false })
    }

    /// Divides `estimate`.
    pub fn allocate(&mut self, estimate: Bitrate, repair: RepairOverhead) -> Allocation {
        let total = bps(estimate);
        let (audio, audio_overhead) = self.audio(total);
        let left = (total - audio - audio_overhead).max(0.0);
        let mut parts = Allocation {
            audio: rate(audio),
            video: Bitrate(0),
            fec: Bitrate(0),
            retransmission: Bitrate(0),
            overhead: rate(audio_overhead),
            unused: rate(left),
            limit: VideoLimit::Absent,
        };
        if let Some((least, most)) = self.config.video {
            self.video(&mut parts, left, (bps(least), bps(most)), repair);
        }
        parts
    }

    /// Audio bitrate and the bitrate of its headers, in bits per second.
    fn audio(&self, total: f64) -> (f64, f64) {
        let Some((least, most)) = self.config.audio else { return (0.0, 0.0) };
        let packets = f64::from(self.config.audio_packets);
        let overhead = packets * f64::from(self.config.overhead_bytes) * 8.0;
        let wanted =
            if self.config.video.is_some() { AUDIO_SHARE * total } else { total - overhead };
        (wanted.clamp(bps(least), bps(most)), overhead)
    }

    fn video(
        &mut self,
        parts: &mut Allocation,
        left: f64,
        range: (f64, f64),
        repair: RepairOverhead,
    ) {
        let (least, most) = range;
        let fec_share = if repair.fec.is_finite() { repair.fec.clamp(0.0, 1.0) } else { 0.0 };
        let again = bps(repair.retransmission).min(MAX_REPAIR * left);
        // FEC gets at most what retransmissions leave of the repair budget.
        let room = (MAX_REPAIR * left - again).max(0.0);
        let mut video = left - again;
        let mut overhead_share = 0.0;
        let mut fec = 0.0;
        // The number of packets depends on the bitrate and vice versa, so iterate.
        for _ in 0..4 {
            overhead_share = self.overhead_share(video, repair.frame_rate);
            fec = (fec_share * video * (1.0 + overhead_share)).min(room);
            video = ((left - again - fec) / (1.0 + overhead_share)).clamp(0.0, most);
        }
        let resume = if self.is_paused { RESUME } else { 1.0 };
        self.is_paused = video < (least * resume).min(most);
        if self.is_paused {
            parts.limit = VideoLimit::Paused;
            return;
        }
        let overhead = video * overhead_share;
        let used = video + overhead + fec + again;
        parts.video = rate(video);
        parts.fec = rate(fec);
        parts.retransmission = rate(again);
        parts.overhead = Bitrate(parts.overhead.0 + rate(overhead).0);
        parts.unused = rate((left - used).max(0.0));
        let is_most = video >= most;
        parts.limit = if is_most { VideoLimit::Maximum } else { VideoLimit::Estimate };
    }

    /// Ratio of headers to payload when frames are split into packets.
    fn overhead_share(&self, video: f64, frame_rate: f64) -> f64 {
        let rate = if frame_rate.is_finite() { frame_rate.clamp(1.0, 240.0) } else { 30.0 };
        let frame_bytes = (video / 8.0 / rate).max(1.0);
        let packets = (frame_bytes / f64::from(self.config.payload_bytes)).ceil().max(1.0);
        (packets * f64::from(self.config.overhead_bytes) / frame_bytes).min(10.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn bps(rate: Bitrate) -> f64 {
    rate.0 as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn rate(bps: f64) -> Bitrate {
    Bitrate(bps as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: RepairOverhead =
        RepairOverhead { fec: 0.0, retransmission: Bitrate(0), frame_rate: 30.0 };

    fn sum(parts: &Allocation) -> u64 {
        let Allocation { audio, video, fec, retransmission, overhead, unused, .. } = *parts;
        [audio, video, fec, retransmission, overhead, unused].iter().map(|rate| rate.0).sum()
    }

    #[test]
    fn parts_sum_to_the_estimate() {
        let mut allocator = Allocator::new(AllocationConfig::default()).unwrap();
        let again = Bitrate::kbps(80);
        for kbps in [100, 150, 300, 800, 2000, 10_000, 40_000] {
            for repair in [PLAIN, RepairOverhead { fec: 0.3, retransmission: again, ..PLAIN }] {
                let parts = allocator.allocate(Bitrate::kbps(kbps), repair);
                let (sum, whole) = (sum(&parts), kbps * 1000);
                assert!(sum <= whole && sum + 2000 + whole / 50 > whole, "{kbps}: {parts:?}");
            }
        }
    }

    #[test]
    fn audio_comes_first_and_video_pauses_with_hysteresis() {
        let mut allocator = Allocator::new(AllocationConfig::default()).unwrap();
        // 16 kb/s and 50 packets with 62 bytes of headers each.
        let parts = allocator.allocate(Bitrate::kbps(60), PLAIN);
        assert_eq!((parts.audio, parts.limit), (Bitrate::kbps(16), VideoLimit::Paused));
        assert_eq!(parts.overhead, Bitrate(50 * 62 * 8));
        let at =
            |allocator: &mut Allocator, kbps| allocator.allocate(Bitrate::kbps(kbps), PLAIN).limit;
        // The video minimum needs 30 kb/s plus 15 kb/s of headers.
        assert_eq!(at(&mut allocator, 88), VideoLimit::Paused);
        assert_eq!(at(&mut allocator, 100), VideoLimit::Estimate);
        assert_eq!(at(&mut allocator, 88), VideoLimit::Estimate);
        assert_eq!(at(&mut allocator, 80), VideoLimit::Paused);
        let parts = allocator.allocate(Bitrate::kbps(1000), PLAIN);
        assert_eq!(parts.audio, Bitrate::kbps(64));
        assert!((840..890).contains(&parts.video.as_kbps()), "{parts:?}");
        let parts = allocator.allocate(Bitrate::kbps(50_000), PLAIN);
        assert_eq!((parts.video, parts.limit), (Bitrate::kbps(20_000), VideoLimit::Maximum));
    }

    #[test]
    fn fec_and_retransmissions_take_at_most_half() {
        let mut allocator = Allocator::new(AllocationConfig::default()).unwrap();
        let wild = RepairOverhead {
            fec: f64::INFINITY,
            retransmission: Bitrate(u64::MAX),
            frame_rate: 0.0,
        };
        let parts = allocator.allocate(Bitrate::kbps(1000), wild);
        assert!(parts.video.as_kbps() > 380 && parts.retransmission.as_kbps() < 460, "{parts:?}");
        let heavy = RepairOverhead { fec: 1.0, ..PLAIN };
        let parts = allocator.allocate(Bitrate::kbps(1000), heavy);
        assert!((440..470).contains(&parts.fec.as_kbps()), "{parts:?}");
        let alone = AllocationConfig { video: None, ..AllocationConfig::default() };
        let parts = Allocator::new(alone).unwrap().allocate(Bitrate::kbps(1000), PLAIN);
        assert_eq!((parts.audio, parts.limit), (Bitrate::kbps(64), VideoLimit::Absent));
        assert!(Allocator::new(AllocationConfig { payload_bytes: 5, ..alone }).is_err());
    }
}
