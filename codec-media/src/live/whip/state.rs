//! The state of a call that sends to a server, which its threads share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codec_core::codec::{Bitrate, Codec as VideoCodec};
use codec_net::clock::Clock;
use codec_rtc::extension::Label;
use codec_rtc::packet::h264::Profile;
use codec_webrtc::{
    ClosedReason, Codec, EstimateKind, Event, Kind as MediaKind, Media, Mid, SentStats, Stats,
};

use super::streams::{self, VideoStreams};
use super::{AUDIO_HZ, AUDIO_RATE, PAYLOAD_PCT, VIDEO_HZ};
use crate::failure::{Failure, Kind, Result};
use crate::live::output::{Offer, OutboundStats, OutputEvent, OutputStats, Remote};
use crate::live::webrtc::{self, Call, Receiver};

/// What the threads of a call share.
pub(super) struct Shared {
    state: Mutex<State>,
    stops: AtomicBool,
    pub(super) clock: Clock,
}

/// The state of a call, and of the output.
pub(super) struct State {
    pub(super) call: Call,
    /// Receiver of a call that replaces the one before, until the receiving thread takes it.
    receiver: Option<Receiver>,
    pub(super) events: VecDeque<OutputEvent>,
    pub(super) connected: bool,
    pub(super) closed: Option<ClosedReason>,
    /// The media section of the video, with its payload type.
    pub(super) video: Option<(Mid, u8)>,
    pub(super) audio: Option<Mid>,
    pub(super) streams: VideoStreams,
    codec: VideoCodec,
    /// Profile of the sent H.264.
    profile: Option<Profile>,
    /// The offered layers of simulcast, the lowest first; empty without simulcast.
    layers: Vec<Label>,
    /// Bandwidth estimates: our own, and the receiver's.
    made: Option<Bitrate>,
    remb: Option<Bitrate>,
    has_video: bool,
    has_audio: bool,
    statistics: OutputStats,
    /// Audio that was sent in earlier calls.
    audio_before: OutboundStats,
}

impl Shared {
    pub(super) fn new(state: State, clock: Clock) -> Self {
        Self { state: Mutex::new(state), stops: AtomicBool::new(false), clock }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all threads end.
    pub(super) fn stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    /// Runs the receiving thread.
    pub(super) fn run(&self, mut receiver: Receiver) {
        while !self.is_stopped() {
            let wait = self.state().call.wait(self.clock.now());
            let came = receiver.next(wait);
            let now = self.clock.now();
            let mut state = self.state();
            state.call.advance(now, came);
            state.settle(now);
            if let Some(next) = state.receiver.take() {
                receiver = next;
            }
        }
    }
}

impl State {
    pub(super) fn new(call: Call, offer: &Offer) -> Result<Self> {
        let codec = offer.video.as_ref().map_or(VideoCodec::Vp8, |track| track.codec);
        let layers = super::offered_layers(offer);
        let is_h264 = codec == VideoCodec::H264;
        Ok(Self {
            call,
            receiver: None,
            events: VecDeque::new(),
            connected: false,
            closed: None,
            video: None,
            audio: None,
            streams: VideoStreams::new(codec, &layers)?,
            codec,
            profile: is_h264.then(|| webrtc::h264_profile(offer.video.as_ref())),
            layers,
            made: None,
            remb: None,
            has_video: offer.video.is_some(),
            has_audio: offer.audio.is_some(),
            statistics: OutputStats::default(),
            audio_before: OutboundStats::default(),
        })
    }

    /// Continues with another call, whose media the server has yet to accept.
    pub(super) fn replace(&mut self, now: Duration, call: Call, receiver: Receiver) -> Result<()> {
        self.call.close(now);
        let streams = VideoStreams::new(self.codec, &self.layers)?;
        self.streams = streams.after(&self.streams);
        self.audio_before = self.audio_statistics();
        self.statistics.audio = OutboundStats::default();
        let before = std::mem::replace(&mut self.call, call);
        self.call.packets += before.packets;
        self.call.bytes += before.bytes;
        self.receiver = Some(receiver);
        (self.connected, self.closed) = (false, None);
        (self.video, self.audio, self.made, self.remb) = (None, None, None, None);
        Ok(())
    }

    /// Why the server's answer is of no use: a medium that it does not accept.
    pub(super) fn missing(&self) -> Option<String> {
        if self.has_video && self.video.is_none() {
            let codec = self.profile.map(|profile| format!("H.264 {profile}"));
            let codec = codec.unwrap_or_else(|| self.codec.to_string());
            return Some(format!("the server does not accept {codec}"));
        }
        let lacks_all = !self.has_video && self.audio.is_none();
        lacks_all.then(|| "the server does not accept Opus".to_owned())
    }

    /// The sent audio, in all calls.
    fn audio_statistics(&self) -> OutboundStats {
        streams::added(self.statistics.audio, &self.audio_before)
    }

    /// Statistics of all calls.
    pub(super) fn statistics(&self) -> OutputStats {
        let mut statistics = OutputStats {
            packets_sent: self.call.packets,
            bytes_sent: self.call.bytes,
            audio: self.audio_statistics(),
            ..self.statistics
        };
        for (of_layer, stream) in statistics.layers.iter_mut().zip(self.streams.statistics()) {
            *of_layer = stream;
        }
        // Without layers.
        statistics.video = statistics.layers[0];
        statistics
    }

    /// Handles events of the call.
    pub(super) fn settle(&mut self, now: Duration) {
        while let Some(event) = self.call.peer.poll_event() {
            self.event(event);
        }
        self.call.flush(now);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.streams.request_key_frames();
            }
            // Frames were lost on the previous path.
            Event::PathChanged => self.streams.request_key_frames(),
            Event::Media(media) => self.media(&media),
            Event::KeyFrameRequest { rid, .. } => {
                if let Some(stream) = self.streams.of_rid(rid) {
                    stream.statistics.key_requests += 1;
                    stream.gate.request();
                }
            }
            Event::Estimate { bitrate, kind, .. } => {
                match kind {
                    EstimateKind::TransportFeedback => self.made = Some(bitrate),
                    EstimateKind::Remb => self.remb = Some(bitrate),
                }
                self.target();
            }
            Event::Stats(stats) => self.stats(&stats),
            Event::Closed(reason) => {
                // Other ends are repaired by another call.
                if self.connected && reason == ClosedReason::Remote {
                    let message = format!("the call ended: {reason}");
                    let failure = Failure::new(Kind::Network, message);
                    self.events.push_back(OutputEvent::Left(failure));
                }
                self.closed = Some(reason);
            }
            _ => {}
        }
    }

    fn media(&mut self, media: &Media) {
        if !media.direction.sends() {
            return;
        }
        match media.kind {
            MediaKind::Video => {
                let codec = match (self.codec, self.profile) {
                    (VideoCodec::Vp9, _) => media.vp9(),
                    (_, Some(profile)) => media.h264(profile),
                    _ => media.vp8(),
                };
                self.video = codec.map(|codec| (media.mid, codec.payload_type));
                self.streams.negotiate(&media.send_layers);
            }
            MediaKind::Audio => {
                let is_taken = media.codecs.iter().any(|codec| codec.codec == Codec::Opus);
                self.audio = is_taken.then_some(media.mid);
            }
        }
    }

    /// Sends the encoder its new target.
    fn target(&mut self) {
        let Some(all) = self.made.into_iter().chain(self.remb).min() else { return };
        self.statistics.available = Some(all);
        let audio = if self.has_audio { AUDIO_RATE.min(all.0 / 4) } else { 0 };
        let rate = Bitrate(all.0.saturating_sub(audio) / 100 * PAYLOAD_PCT);
        // Only the newest target matters.
        self.events.retain(|event| !matches!(event, OutputEvent::Target { .. }));
        self.events.push_back(OutputEvent::Target { rate, steady: rate });
    }

    fn stats(&mut self, stats: &Stats) {
        match stats {
            Stats::Sent(sent) if self.video.is_some_and(|(mid, _)| mid == sent.mid) => {
                if let Some(stream) = self.streams.of_rid(sent.rid) {
                    follow(&mut stream.statistics, sent, VIDEO_HZ);
                }
                self.statistics.round_trip = sent.round_trip.or(self.statistics.round_trip);
            }
            Stats::Sent(sent) if Some(sent.mid) == self.audio => {
                follow(&mut self.statistics.audio, sent, AUDIO_HZ);
            }
            Stats::Path(path) => {
                let round_trip = path.round_trip.or(path.ice_round_trip);
                self.statistics.round_trip = round_trip.or(self.statistics.round_trip);
            }
            _ => {}
        }
    }
}

/// Updates the statistics of a stream from the statistics of the peer.
fn follow(stream: &mut OutboundStats, sent: &SentStats, hz: u32) {
    stream.packets = sent.packets;
    stream.bytes = sent.bytes;
    stream.nacks = sent.nacks;
    if sent.packets_lost.is_some() || sent.jitter.is_some() {
        stream.remote = Some(Remote {
            fraction_lost: sent.loss.map(f64::from),
            lost: sent.packets_lost.and_then(|lost| i64::try_from(lost).ok()),
            jitter: sent.jitter.map(|ticks| ticks_as_time(ticks, hz)),
            round_trip: sent.round_trip,
        });
    }
}

/// Converts ticks of a clock of `hz` to a duration.
fn ticks_as_time(ticks: u32, hz: u32) -> Duration {
    Duration::from_nanos(u64::from(ticks) * 1_000_000_000 / u64::from(hz.max(1)))
}
