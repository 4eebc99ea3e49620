//! The receiver: depacketizer, feedback and decoder.

use std::time::Duration;

use codec_core::codec::VideoDecoder;
use codec_core::frame::Frame;
use codec_rtc::packet::vp8::{
    AssembledFrame, Completeness, Counters, Decodable, Depacketizer, DepacketizerConfig, MediaClock,
};
use codec_rtc::recovery::{
    KeyFrameRequester, NackConfig, NackCounters, NackGenerator, PacketOrigin,
};
use codec_rtc::rtp;

use super::options::{OnLoss, Recovery};
use super::sender::Feedback;
use super::settings::Settings;

/// A frame from the depacketizer with its decoding result.
pub(super) struct ReceivedAudio {
    pub(super) frame: AssembledFrame,
    /// The decoded frame.
    pub(super) picture: Option<Frame>,
    pub(super) concealed_mbs: u32,
    /// Whether the frame was passed to the decoder.
    pub(super) was_tried: bool,
}

pub(super) struct Receiver {
    depacketizer: Depacketizer,
    nacker: Option<NackGenerator>,
    requester: Option<KeyFrameRequester>,
    decoder: Box<dyn VideoDecoder>,
    conceals: bool,
    decodes: i64,
    pub(super) malformed: u64,
}

impl Receiver {
    pub(super) fn new(settings: &Settings, decoder: Box<dyn VideoDecoder>) -> Self {
        let clock = MediaClock { timestamp: 0, due: settings.playout };
        let config = DepacketizerConfig {
            gap_timeout: settings.reorder_timeout,
            ..DepacketizerConfig::new(clock)
        };
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
            depacketizer: Depacketizer::new(config),
            nacker,
            requester: asks.then(|| KeyFrameRequester::new(repeat)),
            decoder,
            conceals: settings.on_loss == OnLoss::Conceal,
            decodes: 0,
            malformed: 0,
        }
    }

    /// Handles a received packet.
    pub(super) fn push(&mut self, now: Duration, bytes: &[u8]) {
        if self.depacketizer.push(now, bytes).is_err() {
            self.malformed += 1;
            return;
        }
        if let (Some(nacker), Ok(packet)) = (&mut self.nacker, rtp::parse(bytes)) {
            nacker.push(now, packet.header.sequence, PacketOrigin::Media);
        }
    }

    /// Returns the next frame that is complete or abandoned by `now`, decoded. With `ends`,
    /// abandons all incomplete frames.
    pub(super) fn poll(&mut self, now: Duration, ends: bool) -> Option<ReceivedAudio> {
        let mut next = self.depacketizer.poll_frame(now);
        if next.is_none() && ends {
            next = self.depacketizer.finish();
        }
        let frame = next?;
        if let Some(requester) = &mut self.requester {
            requester.set_needed(self.depacketizer.needs_key_frame());
        }
        if let (Some(nacker), Some(next)) = (&mut self.nacker, self.depacketizer.next_sequence()) {
            nacker.remove_before(next);
        }
        let is_good = frame.decodable == Decodable::Yes;
        let is_tried = match frame.completeness {
            Completeness::MissingStart => false,
            _ => is_good || self.conceals,
        };
        let mut incoming =
            ReceivedAudio { frame, picture: None, concealed_mbs: 0, was_tried: is_tried };
        if is_tried {
            self.decodes += 1;
            // A frame that the decoder rejects is not shown and counts as lost.
            if let Ok(report) = self.decoder.decode(&incoming.frame.data, self.decodes, None) {
                incoming.concealed_mbs = report.concealed_mbs;
            }
            incoming.picture = self.decoder.receive();
        }
        Some(incoming)
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
            self.depacketizer.poll_timeout(),
            self.nacker.as_ref().and_then(NackGenerator::poll_timeout),
            asks.and_then(KeyFrameRequester::poll_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub(super) fn counters(&self) -> Counters {
        self.depacketizer.counters()
    }

    pub(super) fn nacks(&self) -> NackCounters {
        self.nacker.as_ref().map(NackGenerator::counters).unwrap_or_default()
    }
}
