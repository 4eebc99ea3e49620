//! The receiver: depacketizer, feedback and decoder.

use std::time::Duration;

use codec_core::codec::VideoDecoder;
use codec_core::frame::{Frame, Size};
use codec_media::failure::Result;
use codec_media::frame::planes::Planes;
use codec_media::frame::transform::Transform;
use codec_rtc::packet::vp8::Counters;
use codec_rtc::recovery::{
    KeyFrameRequester, NackConfig, NackCounters, NackGenerator, PacketOrigin,
};
use codec_rtc::rtp;

use super::options::{OnLoss, Recovery};
use super::reassembly::{Reassembled, Reassembly};
use super::sender::Feedback;
use super::settings::Settings;
use super::viewer::Decoded;

/// A received frame with its decoding result.
pub(super) struct Incoming {
    pub(super) frame: Reassembled,
    /// The decoded frame.
    pub(super) picture: Option<Decoded>,
    /// Digest of the decoder's output.
    pub(super) digest: Option<u64>,
    pub(super) concealed_mbs: u32,
    /// Whether the frame was passed to the decoder.
    pub(super) was_tried: bool,
}

pub(super) struct Receiver {
    reassembly: Reassembly,
    nacker: Option<NackGenerator>,
    requester: Option<KeyFrameRequester>,
    decoder: Box<dyn VideoDecoder>,
    /// Size of the source, to which frames of lower spatial layers are scaled.
    size: Size,
    scaler: Transform,
    conceals: bool,
    decodes: i64,
    pub(super) malformed: u64,
}

impl Receiver {
    pub(super) fn new(settings: &Settings, size: Size, decoder: Box<dyn VideoDecoder>) -> Self {
        let round_trip = settings.round_trip();
        let nacker = (settings.recovery == Recovery::Nack).then(|| {
            let (wait, retry) = (settings.reordering(), settings.retry());
            NackGenerator::new(NackConfig {
                reordering_wait: (wait, wait),
                retry_interval: (retry, retry),
                rtt: round_trip,
                max_delay: Duration::MAX,
                ..NackConfig::default()
            })
        });
        let repeat = settings.pli_interval.max(round_trip + Duration::from_millis(50));
        let asks = settings.recovery != Recovery::None;
        Self {
            reassembly: Reassembly::new(settings),
            nacker,
            requester: asks.then(|| KeyFrameRequester::new(repeat)),
            decoder,
            size,
            scaler: Transform::new(None, None, Some(size.into())),
            conceals: settings.on_loss == OnLoss::Conceal,
            decodes: 0,
            malformed: 0,
        }
    }

    /// Handles a received packet.
    pub(super) fn push(&mut self, now: Duration, bytes: &[u8]) {
        if self.reassembly.push(now, bytes).is_err() {
            self.malformed += 1;
            return;
        }
        if let (Some(nacker), Ok(packet)) = (&mut self.nacker, rtp::parse(bytes)) {
            nacker.push(now, packet.header.sequence, PacketOrigin::Media);
        }
    }

    /// Returns the next frame that is complete or abandoned by `now`, decoded. With `ends`,
    /// abandons all incomplete frames.
    pub(super) fn poll(&mut self, now: Duration, ends: bool) -> Result<Option<Incoming>> {
        let frame = self.reassembly.poll(now, ends);
        if let (Some(requester), Some(needed)) =
            (&mut self.requester, self.reassembly.needs_key_frame(frame.is_some()))
        {
            requester.set_needed(needed);
        }
        let Some(frame) = frame else { return Ok(None) };
        if let (Some(nacker), Some(next)) = (&mut self.nacker, self.reassembly.next_sequence()) {
            nacker.remove_before(next);
        }
        let was_tried = frame.has_start && (frame.is_decodable || self.conceals);
        let mut incoming =
            Incoming { frame, picture: None, digest: None, concealed_mbs: 0, was_tried };
        if was_tried {
            self.decodes += 1;
            // A frame that the decoder rejects is not shown and counts as lost.
            if let Ok(report) = self.decoder.decode(&incoming.frame.data, self.decodes, None) {
                incoming.concealed_mbs = report.concealed_mbs;
            }
            if let Some(frame) = self.decoder.receive() {
                incoming.digest = Some(frame.digest());
                incoming.picture = Some(self.of_source_size(frame)?);
            }
        }
        Ok(Some(incoming))
    }

    /// Scales up a frame of a lower spatial layer.
    fn of_source_size(&mut self, frame: Frame) -> Result<Decoded> {
        if frame.picture().size() == self.size {
            return Ok(Decoded::Whole(frame));
        }
        let mut scaled = Planes::default();
        scaled.copy_from(&self.scaler.apply(frame.picture())?);
        Ok(Decoded::Scaled(scaled))
    }

    /// Returns the feedback to send now. `live` states that more frames follow, so that a key frame
    /// request is useful.
    pub(super) fn ask(&mut self, now: Duration, live: bool) -> Vec<Feedback> {
        let mut asked = Vec::new();
        if let Some(nacker) = &mut self.nacker {
            let mut numbers = Vec::new();
            nacker.poll(now, &mut numbers);
            if !numbers.is_empty() {
                asked.push(Feedback::Packets(numbers));
            }
        }
        if live && self.requester.as_mut().is_some_and(|requester| requester.poll(now)) {
            asked.push(Feedback::KeyFrame);
        }
        asked
    }

    /// Whether retransmissions may still bring missing packets.
    pub(super) fn still_asks(&self) -> bool {
        self.nacker.as_ref().is_some_and(|nacker| nacker.poll_timeout().is_some())
    }

    /// Time of the next event; `live` as for [`Self::ask`].
    pub(super) fn poll_timeout(&self, live: bool) -> Option<Duration> {
        let asks = self.requester.as_ref().filter(|_| live);
        [
            self.reassembly.poll_timeout(),
            self.nacker.as_ref().and_then(NackGenerator::poll_timeout),
            asks.and_then(KeyFrameRequester::poll_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn counters(&self) -> Counters {
        self.reassembly.counters()
    }

    pub(super) fn nacks(&self) -> NackCounters {
        self.nacker.as_ref().map(NackGenerator::counters).unwrap_or_default()
    }
}
