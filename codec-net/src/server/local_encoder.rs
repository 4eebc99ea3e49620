//! The encoder of a local stream. If the stream has only one viewer, the encoder adapts to the viewer's
//! link: audio has priority, the video's bitrate adapts immediately, and its size and frame rate in steps.

use std::time::Duration;

use codec_backends::registry;
use codec_core::codec::{
    Bitrate, DropPolicy, EncoderConfig, FrameKind, FrameRequest, Outcome, Packet, Scalability,
    Update, VideoEncoder,
};
use codec_core::error::Error;
use codec_core::frame::{Picture, Rational, Size};
use codec_rtc::adaptation::{AdaptationConfig, Adapter, FrameReport};
use codec_rtc::allocation::{AllocationConfig, Allocator, RepairOverhead};

use super::media::{VIDEO_HZ, VideoFrame};
use super::room::LinkBudget;
use super::scale::shrink;

/// Lowest bitrate of the video; below it, no video is sent.
const MIN_BITRATE: Bitrate = Bitrate::kbps(30);
/// Bytes around a payload: IP, UDP, RTP with extensions, SRTP.
const OVERHEAD_BYTES: u32 = 66;
/// Share of the video's bitrate that is reserved for FEC if packets are lost.
const FEC_SHARE: f64 = 0.35;
/// Bitrate changes below this percentage are ignored.
const MIN_CHANGE_PCT: u64 = 3;
/// Limit of the bitrate increase per frame, in percent of the current bitrate.
const MAX_RAISE_PCT: u64 = 110;
/// Shortest interval at which frames are encoded while frames are queued before the link.
const HOLD_INTERVAL: Duration = Duration::from_millis(190);
/// If the link has carried everything for this long, full size and frame rate return immediately.
const RESTORE_AFTER: Duration = Duration::from_secs(2);
/// A frame counts as due if it is early by this share of an interval.
const DUE_TOLERANCE: f64 = 0.25;
/// Frames are dropped below this fill level of the encoder's buffer while the bitrate is limited.
const DROP_POLICY: DropPolicy = DropPolicy::BelowBufferPct(30);

/// The settings of a stream's encoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalEncoderConfig {
    pub(super) size: Size,
    pub(super) rate: Rational,
    pub(super) bitrate: Bitrate,
    pub(super) speed: u8,
    pub(super) layers: Scalability,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct LocalEncoder {
    settings: LocalEncoderConfig,
    encoder: Box<dyn VideoEncoder>,
    packet: Packet,
    bitrate: Bitrate,
    size: Size,
    frame_rate: f64,
    /// Set while the link carries less than the configured bitrate.
    adapter: Option<Adapter>,
    free_since: Option<Duration>,
    /// Time of the last encoded frame, and when the next one is due at the frame rate.
    last: Option<Duration>,
    next: Duration,
}

impl LocalEncoder {
    pub(super) fn open(settings: LocalEncoderConfig) -> Result<Self, Error> {
        let LocalEncoderConfig { size, rate, bitrate, .. } = settings;
        let mut config = EncoderConfig::rtc(size, rate, bitrate);
        config.timebase = Rational { num: 1, den: VIDEO_HZ };
        (config.speed, config.scalability) = (settings.speed, settings.layers);
        let (_, open, _) = registry::find_encoder("vp8")?;
        Ok(Self {
            settings,
            encoder: open(&config)?,
            packet: Packet::default(),
            bitrate,
            size,
            frame_rate: rate.as_f64(),
            adapter: None,
            free_since: None,
            last: None,
            next: Duration::ZERO,
        })
    }

    /// Follows the budget of the sole viewer's link; `None` without one. `audio`: the bitrate of
    /// the accompanying audio. Returns whether the current frame should be encoded.
    pub(super) fn adapt(
        &mut self,
        time: Duration,
        budget: Option<LinkBudget>,
        audio: Bitrate,
    ) -> Result<bool, Error> {
        let parts = budget.map(|budget| {
            [budget.bitrate, budget.stable].map(|rate| self.video_part(rate, &budget, audio))
        });
        let limited = parts.filter(|[now, _]| *now < self.settings.bitrate);
        match limited {
            Some([now, stable]) => self.adapt_down(time, now, stable)?,
            None => self.restore(time)?,
        }
        let is_stopped = budget.is_some_and(|budget| budget.stop);
        if is_stopped || limited.is_some_and(|[now, _]| now < MIN_BITRATE) {
            return Ok(false);
        }
        let is_held = budget.is_some_and(|budget| budget.hold);
        if is_held && self.last.is_some_and(|last| time.saturating_sub(last) < HOLD_INTERVAL) {
            return Ok(false);
        }
        Ok(self.is_due(time))
    }

    /// The video's share of the link's bitrate.
    fn video_part(&self, rate: Bitrate, budget: &LinkBudget, audio: Bitrate) -> Bitrate {
        let most = self.settings.bitrate.max(MIN_BITRATE);
        let config = AllocationConfig {
            audio: (audio.0 > 0).then_some((audio, audio)),
            video: Some((MIN_BITRATE, most)),
            overhead_bytes: OVERHEAD_BYTES,
            ..AllocationConfig::default()
        };
        let fec = if budget.fec { FEC_SHARE } else { 0.0 };
        let repair =
            RepairOverhead { fec, frame_rate: self.frame_rate, ..RepairOverhead::default() };
        // Such settings are always valid.
        let Ok(mut allocator) = Allocator::new(config) else { return most };
        allocator.allocate(rate, repair).video
    }

    fn adapt_down(&mut self, time: Duration, now: Bitrate, stable: Bitrate) -> Result<(), Error> {
        self.free_since = None;
        self.set_bitrate(now.max(MIN_BITRATE))?;
        if self.adapter.is_none() {
            let config = AdaptationConfig {
                max_useful_bitrate: self.settings.bitrate,
                ..AdaptationConfig::new(self.settings.size, self.settings.rate.as_f64())
            };
            self.adapter = Some(Adapter::new(config)?);
            self.encoder.apply(Update::Drops(DROP_POLICY))?;
        }
        let Some(adapter) = &mut self.adapter else { return Ok(()) };
        adapter.set_bitrate(time, stable.max(MIN_BITRATE));
        if let Some(change) = adapter.poll(time) {
            self.set_rung(change.rung.size, change.rung.frame_rate)?;
        }
        Ok(())
    }

    fn restore(&mut self, time: Duration) -> Result<(), Error> {
        self.set_bitrate(self.settings.bitrate)?;
        let since = *self.free_since.get_or_insert(time);
        if self.adapter.is_some() && time.saturating_sub(since) >= RESTORE_AFTER {
            self.adapter = None;
            self.encoder.apply(Update::Drops(DropPolicy::Never))?;
            self.set_rung(self.settings.size, self.settings.rate.as_f64())?;
        }
        Ok(())
    }

    /// Decreases immediately; increases in steps, because a sudden burst of packets looks like
    /// queueing.
    fn set_bitrate(&mut self, rate: Bitrate) -> Result<(), Error> {
        let rate = rate.min(Bitrate(self.bitrate.0 / 100 * MAX_RAISE_PCT));
        let step = rate.0.abs_diff(self.bitrate.0);
        let is_full = rate == self.settings.bitrate && step > 0;
        if is_full || step * 100 > self.bitrate.0 * MIN_CHANGE_PCT {
            self.encoder.apply(Update::Bitrate(rate))?;
            self.bitrate = rate;
        }
        Ok(())
    }

    fn set_rung(&mut self, size: Size, frame_rate: f64) -> Result<(), Error> {
        if size != self.size {
            self.encoder.apply(Update::Resolution(size))?;
            self.size = size;
        }
        if (frame_rate - self.frame_rate).abs() > 1e-6 {
            self.frame_rate = frame_rate;
            #[expect(clippy::cast_possible_truncation, reason = "at most 240000")]
            let thousandths = (frame_rate * 1000.0).round() as i32;
            let num = thousandths.unsigned_abs().max(1);
            self.encoder.apply(Update::FrameRate(Rational { num, den: 1000 }))?;
        }
        Ok(())
    }

    /// Whether the frame at this time is due at the frame rate.
    fn is_due(&mut self, time: Duration) -> bool {
        let full = self.settings.rate.as_f64();
        if self.frame_rate >= full {
            return true;
        }
        if time + Duration::from_secs_f64(DUE_TOLERANCE / full) < self.next {
            return false;
        }
        // Continue from here after a pause.
        self.next = (self.next + Duration::from_secs_f64(1.0 / self.frame_rate)).max(time);
        true
    }

    /// Encodes a frame of the configured size. Returns whether a frame was produced.
    pub(super) fn encode(
        &mut self,
        time: Duration,
        picture: &Picture<'_>,
        request: &FrameRequest,
    ) -> Result<bool, Error> {
        let data;
        let smaller;
        let picture = if self.size == self.settings.size {
            picture
        } else {
            data = shrink(&picture.to_i420(), self.settings.size, self.size);
            smaller = Picture::i420_packed(self.size, &data)?;
            &smaller
        };
        self.last = Some(time);
        let coded = self.encoder.encode(picture, request)? == Outcome::Coded;
        if !coded {
            self.report(time, None);
        }
        Ok(coded)
    }

    /// Returns the next frame, captured at this NTP time.
    pub(super) fn receive(&mut self, time: Duration, captured: u64) -> Option<VideoFrame> {
        if !self.encoder.receive(&mut self.packet) {
            return None;
        }
        let meta = &self.packet.meta;
        let layered = self.settings.layers.temporal_layers() > 1;
        let frame = VideoFrame {
            data: self.packet.data.clone().into(),
            pts: u64::try_from(self.packet.pts).unwrap_or(0),
            key: meta.kind == FrameKind::Key,
            temporal_id: meta.temporal_id,
            layer_sync: meta.layer_sync,
            tl0_index: layered.then_some(meta.tl0_index),
            discardable: meta.discardable,
            hidden: !meta.shown,
            captured,
            ..VideoFrame::default()
        };
        let qindex = self.packet.meta.qindex;
        self.report(time, Some(qindex));
        Some(frame)
    }

    fn report(&mut self, time: Duration, qindex: Option<u8>) {
        if let Some(adapter) = &mut self.adapter {
            // The adaptation must not react to the speed of this machine.
            adapter.on_frame(time, FrameReport { qindex, encode_time: Duration::ZERO });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 320, height: 180 };
    const FULL: Bitrate = Bitrate::kbps(1500);

    fn local_encoder() -> LocalEncoder {
        let rate = Rational { num: 30, den: 1 };
        let settings = LocalEncoderConfig {
            size: SIZE,
            rate,
            bitrate: FULL,
            speed: 10,
            layers: Scalability::L1T3,
        };
        LocalEncoder::open(settings).unwrap()
    }

    fn budget(kbps: u64) -> Option<LinkBudget> {
        let bitrate = Bitrate::kbps(kbps);
        Some(LinkBudget { bitrate, stable: bitrate, hold: false, stop: false, fec: false })
    }

    fn at(frame: u32) -> Duration {
        Duration::from_secs(frame.into()) / 30
    }

    #[test]
    fn the_bitrate_drops_immediately_with_audio_first_and_recovers() {
        let mut local_encoder = local_encoder();
        let audio = Bitrate::kbps(40);
        assert!(local_encoder.adapt(at(0), None, audio).unwrap());
        assert_eq!(local_encoder.bitrate, FULL);
        assert!(local_encoder.adapt(at(1), budget(2000), audio).unwrap());
        assert_eq!(local_encoder.bitrate, FULL, "the link carries more");
        assert!(local_encoder.adapt(at(2), budget(280), audio).unwrap());
        assert!(
            (120_000..230_000).contains(&local_encoder.bitrate.0),
            "{:?}",
            local_encoder.bitrate
        );
        assert!(!local_encoder.adapt(at(3), budget(50), audio).unwrap(), "audio only");
        let mut back = 0;
        for frame in 4..90 {
            assert!(local_encoder.adapt(at(frame), budget(2000), audio).unwrap());
            back = frame;
        }
        assert!(local_encoder.bitrate == FULL && local_encoder.adapter.is_none(), "{back}");
    }

    #[test]
    fn frames_are_held_while_others_are_queued() {
        let mut local_encoder = local_encoder();
        let data = vec![128; usize::try_from(SIZE.i420_bytes()).unwrap()];
        let picture = Picture::i420_packed(SIZE, &data).unwrap();
        let held = budget(300).map(|budget| LinkBudget { hold: true, ..budget });
        let mut encoded = 0;
        for frame in 0..30 {
            if local_encoder.adapt(at(frame), held, Bitrate(0)).unwrap() {
                let request = FrameRequest::at(i64::from(frame) * 3000);
                local_encoder.encode(at(frame), &picture, &request).unwrap();
                encoded += 1;
            }
        }
        assert!((4..8).contains(&encoded), "{encoded}");
        let stopped = budget(300).map(|budget| LinkBudget { stop: true, ..budget });
        assert!(!local_encoder.adapt(at(60), stopped, Bitrate(0)).unwrap());
    }

    #[test]
    fn size_and_frame_rate_drop_with_bandwidth_and_recover_immediately() {
        let rate = Rational { num: 30, den: 1 };
        let size = Size { width: 1280, height: 720 };
        let bitrate = Bitrate::kbps(2000);
        let settings =
            LocalEncoderConfig { size, rate, bitrate, speed: 10, layers: Scalability::L1T1 };
        let mut local_encoder = LocalEncoder::open(settings).unwrap();
        local_encoder.adapt(at(0), budget(250), Bitrate(0)).unwrap();
        assert!(local_encoder.size.pixels() < size.pixels(), "{:?}", local_encoder.size);
        let data = vec![90; usize::try_from(size.i420_bytes()).unwrap()];
        let picture = Picture::i420_packed(size, &data).unwrap();
        assert!(local_encoder.encode(at(0), &picture, &FrameRequest::at(0)).unwrap());
        let frame = local_encoder.receive(at(0), 0).unwrap();
        let facts = super::super::media::FrameInfo::parse(frame.format, &frame.data).unwrap();
        assert_eq!(facts.size, Some(local_encoder.size));
        for frame in 1..70 {
            local_encoder.adapt(at(frame), budget(5000), Bitrate(0)).unwrap();
        }
        assert_eq!(local_encoder.size, size);
    }
}
