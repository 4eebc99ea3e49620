//! Output over WebRTC to a server (WHIP): one thread receives and handles timeouts, and the
//! encoder's thread sends.

mod packetizer;
mod streams;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_core::codec::{Bitrate, Codec as VideoCodec, FrameKind, FrameRequest, Packet};
use codec_core::frame::Rational;
use codec_net::clock::Clock;
use codec_net::url::Url;
use codec_net::whip::Session;
use codec_rtc::extension::{AbsCaptureTime, Extensions, Label};
use codec_rtc::packet::h264::Profile;
use codec_webrtc::{
    ClosedReason, Codec, Direction, EstimateKind, Event, Kind as MediaKind, Media, MediaPlan, Mid,
    SendError, SentStats, SentStream, Stats,
};

use super::options::NetworkOptions;
use super::output::{
    LiveAudioPacket, LiveOutput, Offer, OutboundStats, OutputEvent, OutputStats, Remote, rids,
};
use super::rtp_output::timestamp;
use super::webrtc::{self, Answered, Call, Receiver};
use crate::failure::{Failure, Kind, Result};
use crate::stop::Stop;
use packetizer::PacketizedFrame;
use streams::VideoStreams;

/// Ticks of RTP timestamps per second.
const VIDEO_HZ: u32 = 90_000;
const AUDIO_HZ: u32 = 48_000;

/// Initial bandwidth estimate if the encoder has no bitrate.
const DEFAULT_RATE: Bitrate = Bitrate(1_000_000);

/// Bitrate reserved for audio, but never more than a quarter.
const AUDIO_RATE: u64 = 64_000;

/// Share of the estimate for payloads, in percent; the rest is for headers.
const PAYLOAD_PCT: u64 = 95;

/// Time limit for the last retransmission requests.
const MAX_ANSWER_TIME: Duration = Duration::from_millis(500);

/// Interval of checks whether the call is connected.
const STEP: Duration = Duration::from_millis(2);

struct Shared {
    state: Mutex<State>,
    stops: AtomicBool,
    clock: Clock,
}

struct State {
    call: Call,
    events: VecDeque<OutputEvent>,
    connected: bool,
    closed: Option<ClosedReason>,
    /// The media section of the video, with its payload type.
    video: Option<(Mid, u8)>,
    audio: Option<Mid>,
    streams: VideoStreams,
    /// Profile of the sent H.264.
    codec: VideoCodec,
    profile: Option<Profile>,
    /// Bandwidth estimates: our own, and the receiver's.
    made: Option<Bitrate>,
    remb: Option<Bitrate>,
    has_audio: bool,
    statistics: OutputStats,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the receiving thread.
    fn run(&self, receiver: &mut Receiver) {
        while !self.stops.load(Ordering::Relaxed) {
            let wait = self.state().call.wait(self.clock.now());
            let came = receiver.next(wait);
            let now = self.clock.now();
            let mut state = self.state();
            state.call.advance(now, came);
            state.settle(now);
        }
    }
}

impl State {
    /// Handles events of the call.
    fn settle(&mut self, now: Duration) {
        while let Some(event) = self.call.peer.poll_event() {
            self.event(event);
        }
        self.call.flush(now);
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::Media(media) => self.media(&media),
            Event::KeyFrameRequest { rid, .. } => {
                if let Some(stream) = self.streams.of_rid(rid) {
                    stream.statistics.key_requests += 1;
                    stream.gate.request();
                }
            }
            Event::Estimate { bitrate, kind } => {
                match kind {
                    EstimateKind::TransportFeedback => self.made = Some(bitrate),
                    EstimateKind::Remb => self.remb = Some(bitrate),
                }
                self.target();
            }
            Event::Stats(stats) => self.stats(&stats),
            Event::Closed(reason) => {
                if self.connected {
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

/// Updates the statistics of a stream from those of the peer.
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

/// Sends to a server.
pub(super) struct WhipOutput {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    session: Option<Session>,
    video_base: Rational,
    audio_base: Rational,
}

impl WhipOutput {
    /// Calls the server and waits for the connection. `rate`: the encoder's bitrate, if it can
    /// follow the link.
    pub(super) fn new(
        url: &Url,
        args: &NetworkOptions,
        offer: &Offer,
        rate: Option<Bitrate>,
        follows: bool,
        clock: Clock,
        stop: &Stop,
    ) -> Result<Self> {
        let start = follows.then_some(rate.unwrap_or(DEFAULT_RATE));
        let codecs = webrtc::sent_codecs(offer.video.as_ref());
        let answered = webrtc::offer(url, args, &plans(offer), codecs, start, clock)?;
        let Answered { mut call, mut receiver, session, .. } = answered;
        if let Some(rate) = start {
            call.peer.set_desired_bitrate(Bitrate(rate.0.saturating_mul(3) / 2));
        }
        let codec = offer.video.as_ref().map_or(VideoCodec::Vp8, |track| track.codec);
        let layers = offered_layers(offer);
        let is_h264 = codec == VideoCodec::H264;
        let state = State {
            call,
            events: VecDeque::new(),
            connected: false,
            closed: None,
            video: None,
            audio: None,
            streams: VideoStreams::new(codec, &layers)?,
            codec,
            profile: is_h264.then(|| webrtc::h264_profile(offer.video.as_ref())),
            made: None,
            remb: None,
            has_audio: offer.audio.is_some(),
            statistics: OutputStats::default(),
        };
        let shared = Shared { state: Mutex::new(state), stops: AtomicBool::new(false), clock };
        let shared = Arc::new(shared);
        let hearing = Arc::clone(&shared);
        let thread = thread::Builder::new().name("call".to_owned());
        let thread = thread.spawn(move || hearing.run(&mut receiver)).map_err(Failure::internal)?;
        let base = |base: Option<Rational>| base.unwrap_or(Rational::new(1, 1));
        let output = Self {
            shared,
            thread: Some(thread),
            session: Some(session),
            video_base: base(offer.video.as_ref().map(|track| track.time_base)),
            audio_base: base(offer.audio.as_ref().map(|track| track.time_base)),
        };
        output.wait_until_connected(url, offer, stop)?;
        Ok(output)
    }

    fn wait_until_connected(&self, url: &Url, offer: &Offer, stop: &Stop) -> Result<()> {
        let failed =
            |what: String| Failure::new(Kind::Network, format!("cannot send to {url}: {what}"));
        loop {
            if stop.is_requested() {
                return Err(Failure::new(Kind::Interrupted, "interrupted: not connected yet"));
            }
            {
                let state = self.shared.state();
                if let Some(reason) = &state.closed {
                    return Err(failed(state.call.reason(reason)));
                }
                if state.connected {
                    let lacks_video = offer.video.is_some() && state.video.is_none();
                    if lacks_video {
                        let codec = state.profile.map(|profile| format!("H.264 {profile}"));
                        let codec = codec.unwrap_or_else(|| state.codec.to_string());
                        return Err(failed(format!("the server does not accept {codec}")));
                    }
                    if offer.video.is_none() && state.audio.is_none() {
                        return Err(failed("the server does not accept Opus".to_owned()));
                    }
                    return Ok(());
                }
            }
            thread::sleep(STEP);
        }
    }

    /// Deletes the session and ends the call.
    fn end(&mut self) -> Result<()> {
        // The server may have deleted it already.
        drop(self.session.take());
        self.shared.stops.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        self.shared.state().call.close(self.shared.clock.now());
        ended.map_err(|_| Failure::internal("a network thread ended"))
    }
}

/// The offered media: one line for each medium, synchronised.
fn plans(offer: &Offer) -> Vec<MediaPlan> {
    let stream = webrtc::stream_name();
    let plan = |kind| {
        let (direction, stream) = (Direction::SendOnly, Some(stream.clone()));
        MediaPlan { kind, direction, stream, layers: Vec::new() }
    };
    let video = offer.video.as_ref();
    let video =
        video.map(|_| MediaPlan { layers: offered_layers(offer), ..plan(MediaKind::Video) });
    let audio = offer.audio.as_ref().map(|_| plan(MediaKind::Audio));
    video.into_iter().chain(audio).collect()
}

/// The offered layers of simulcast, the lowest first; empty without simulcast.
fn offered_layers(offer: &Offer) -> Vec<Label> {
    rids(offer.layers).iter().filter_map(|rid| Label::new(rid)).collect()
}

impl LiveOutput for WhipOutput {
    fn request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        let mut request = FrameRequest::at(pts);
        let mut state = self.shared.state();
        // Layers have requests of their own.
        let has_layers = !state.streams.layers().is_empty();
        let only = state.streams.get(0).filter(|_| !has_layers);
        request.key_frame = only.is_some_and(|stream| stream.gate.is_due(now));
        request
    }

    fn layers(&self) -> Vec<bool> {
        self.shared.state().streams.layers()
    }

    fn wants_key_frame(&self, now: Duration, layer: usize) -> bool {
        let mut state = self.shared.state();
        state.streams.get(layer).is_some_and(|stream| stream.gate.is_due(now))
    }

    /// Packets leave immediately: congestion lowers the bandwidth estimate instead.
    fn is_full(&self) -> bool {
        false
    }

    fn video(&mut self, now: Duration, packet: &Packet, captured: Duration) -> Result<()> {
        self.layer(now, 0, packet, captured)
    }

    fn layer(
        &mut self,
        now: Duration,
        layer: usize,
        packet: &Packet,
        captured: Duration,
    ) -> Result<()> {
        let stamp = timestamp(packet.pts, self.video_base, VIDEO_HZ);
        let ntp = self.shared.clock.ntp(captured);
        let capture = AbsCaptureTime { ntp, clock_offset: None };
        let extensions = Extensions { abs_capture_time: Some(capture), ..Extensions::default() };
        let mut state = self.shared.state();
        let Some((mid, payload_type)) = state.video else { return Ok(()) };
        let Some(stream) = state.streams.get(layer) else { return Ok(()) };
        if packet.meta.kind == FrameKind::Key {
            stream.gate.coded(now);
        }
        let PacketizedFrame { packets, dependency } = stream.packetizer.packetize(packet, stamp)?;
        let sent = SentStream { mid, rid: stream.rid };
        let extensions = Extensions { dependency, ..extensions };
        let peer = &mut state.call.peer;
        match peer.send_video(now, sent, payload_type, &packets, captured, &extensions) {
            // The end of the call is reported as an event.
            Ok(_) | Err(SendError::NotConnected) => {}
            Err(SendError::QueueFull) => {
                if let Some(stream) = state.streams.get(layer) {
                    stream.gate.request();
                }
            }
            Err(error) => return Err(Failure::internal(format!("cannot send a frame: {error}"))),
        }
        let now = self.shared.clock.now();
        state.call.advance(now, None);
        state.settle(now);
        Ok(())
    }

    fn audio(&mut self, now: Duration, packet: &LiveAudioPacket<'_>) -> Result<()> {
        let stamp = timestamp(packet.pts, self.audio_base, AUDIO_HZ);
        let ntp = self.shared.clock.ntp(packet.captured);
        let capture = AbsCaptureTime { ntp, clock_offset: None };
        let extensions = Extensions { abs_capture_time: Some(capture), ..Extensions::default() };
        let mut state = self.shared.state();
        // The server may have rejected audio.
        let Some(mid) = state.audio else { return Ok(()) };
        let LiveAudioPacket { data, captured, .. } = *packet;
        let peer = &mut state.call.peer;
        // A packet that is not accepted counts as lost.
        let _ = peer.send_audio(now, mid, Codec::Opus, data, stamp, false, captured, &extensions);
        state.settle(now);
        Ok(())
    }

    fn poll(&mut self) -> Option<OutputEvent> {
        self.shared.state().events.pop_front()
    }

    fn statistics(&self) -> OutputStats {
        let state = self.shared.state();
        let mut statistics = OutputStats {
            packets_sent: state.call.packets,
            bytes_sent: state.call.bytes,
            ..state.statistics
        };
        for (of_layer, stream) in statistics.layers.iter_mut().zip(state.streams.statistics()) {
            *of_layer = stream;
        }
        // Without layers.
        statistics.video = statistics.layers[0];
        statistics
    }

    fn finish(mut self: Box<Self>, _reason: &str) -> Result<()> {
        // The receiver may still request missing packets.
        let round_trip = self.shared.state().statistics.round_trip.unwrap_or_default();
        thread::sleep((2 * round_trip).min(MAX_ANSWER_TIME));
        self.end()
    }
}

impl Drop for WhipOutput {
    fn drop(&mut self) {
        // The command is failing anyway; errors cannot be reported.
        let _ = self.end();
    }
}
