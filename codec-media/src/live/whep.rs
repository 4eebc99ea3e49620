//! Input over WebRTC from a server (WHEP): one thread owns the call.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver as Channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_net::clock::Clock;
use codec_net::url::Url;
use codec_net::whip::Session;
use codec_rtc::extension::dependency;
use codec_rtc::jitter::video::{
    FrameBuffer, FrameBufferConfig, FrameDependency, PacketInfo, Pushed,
};
use codec_rtc::packet::VideoFormat;
use codec_rtc::report::ReceptionStats;
use codec_rtc::rtp;
use codec_rtc::sequence::wrap_32;
use codec_rtc::sync::RtpToNtpEstimator;
use codec_webrtc::{
    ClosedReason, Codec, Direction, Event, KeyFrameRequestKind, Kind as MediaKind, MediaPlan, Mid,
    RtpPacket, Stats,
};

use super::delivery::{Basis, Delivery, Medium, MissingMedia};
use super::input::{
    AnnouncedTracks, InboundStats, InputEvent, InputStats, LiveInput, Outcome, ReceivedFrame, Times,
};
use super::options::NetworkOptions;
use super::rtp_audio::{self, AudioOrder};
use super::rtp_input::{opus_track, video_track};
use super::webrtc::{self, Answered, Call, Receiver};
use crate::failure::{Failure, Kind, Result};

/// Maximum number of frames whose outcome is pending.
const MAX_OPEN: usize = 512;

/// Ticks of RTP timestamps per second.
const VIDEO_HZ: u32 = 90_000;
const AUDIO_HZ: u32 = 48_000;

/// Shortest interval between two key frame requests.
const KEY_INTERVAL: Duration = Duration::from_millis(300);

#[derive(Default)]
struct Shared {
    stops: AtomicBool,
    wants_key: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    buffer: Option<FrameBuffer>,
    /// Numbers of frames whose outcome is pending.
    open: VecDeque<u64>,
    statistics: InputStats,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives from a server.
pub(super) struct WhepInput {
    events: Channel<InputEvent>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    session: Option<Session>,
}

impl WhepInput {
    /// Calls the server. `records`: every frame is wanted, even if late.
    pub(super) fn new(
        url: &Url,
        args: &NetworkOptions,
        wants_audio: bool,
        records: bool,
        clock: Clock,
    ) -> Result<Self> {
        let stream = webrtc::stream_name();
        let plan = |kind| MediaPlan {
            kind,
            direction: Direction::ReceiveOnly,
            stream: Some(stream.clone()),
            layers: Vec::new(),
        };
        let mut plans = vec![plan(MediaKind::Video)];
        plans.extend(wants_audio.then(|| plan(MediaKind::Audio)));
        let answered = webrtc::offer(url, args, &plans, webrtc::received_codecs(), None, clock);
        let Answered { call, mut receiver, session, server, .. } =
            answered.map_err(|error| error.failure)?;
        let mut config =
            if records { FrameBufferConfig::default() } else { FrameBufferConfig::low_latency() };
        config.wait_for_all_frames = records;
        let shared = Arc::new(Shared::default());
        // Servers report capture times for video only, and by another machine's clock.
        let (delivery, events) = Delivery::new(clock, Basis::Arrival);
        let mut watching = Watching {
            call,
            server,
            clock,
            shared: Arc::clone(&shared),
            delivery,
            buffer_config: config,
            descriptors: dependency::Reader::default(),
            learning: PendingTracks::default(),
            video: Line::new(VIDEO_HZ),
            audio: Line::new(AUDIO_HZ),
            asked: None,
            order: AudioOrder::default(),
            connected: false,
        };
        let thread = thread::Builder::new().name("call".to_owned());
        let thread = thread.spawn(move || watching.run(&mut receiver));
        let thread = Some(thread.map_err(Failure::internal)?);
        Ok(Self { events, shared, thread, session: Some(session) })
    }

    /// Deletes the session and ends the call.
    fn end(&mut self) -> Result<()> {
        // The server may have deleted it already.
        drop(self.session.take());
        self.shared.stops.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        while !thread.is_finished() {
            // The thread may wait for queue space.
            let _ = self.events.recv_timeout(Duration::from_millis(5));
        }
        thread.join().map_err(|_| Failure::internal("a network thread ended"))
    }
}

/// Properties known only after the first packets.
#[derive(Default)]
struct PendingTracks {
    /// The format of the video.
    video: Option<VideoFormat>,
    /// Channel count of the audio.
    channels: Option<u8>,
}

/// A media line on which the server sends.
struct Line {
    mid: Option<Mid>,
    /// The sender's clock from its reports.
    clock: RtpToNtpEstimator,
    reception: Option<ReceptionStats>,
    hz: u32,
}

impl Line {
    fn new(hz: u32) -> Self {
        Self { mid: None, clock: RtpToNtpEstimator::new(hz), reception: None, hz }
    }

    /// Counts a received packet.
    fn count(&mut self, now: Duration, packet: &RtpPacket, stream: &mut InboundStats) {
        let ssrc = packet.header.ssrc;
        if self.reception.as_ref().is_some_and(|before| before.ssrc() != ssrc) {
            self.reception = None;
        }
        let hz = self.hz;
        let reception = self.reception.get_or_insert_with(|| ReceptionStats::known(ssrc, hz));
        reception.push(now, &packet.header);
        stream.packets += 1;
        stream.bytes += packet.payload.len() as u64;
        let counters = reception.counters();
        (stream.lost, stream.jitter) = (counters.lost, Some(counters.jitter));
    }
}

/// The state of the thread that owns the call.
struct Watching {
    call: Call,
    server: SocketAddr,
    clock: Clock,
    shared: Arc<Shared>,
    delivery: Delivery,
    buffer_config: FrameBufferConfig,
    /// Reads the Dependency Descriptors of H.264.
    descriptors: dependency::Reader,
    learning: PendingTracks,
    video: Line,
    audio: Line,
    /// When a key frame was last requested.
    asked: Option<Duration>,
    order: AudioOrder,
    connected: bool,
}

impl Watching {
    fn run(&mut self, receiver: &mut Receiver) {
        while !self.shared.stops.load(Ordering::Relaxed) {
            let now = self.clock.now();
            let mut wait = self.call.wait(now);
            let state = self.shared.state();
            if let Some(due) = state.buffer.as_ref().and_then(FrameBuffer::poll_timeout) {
                wait = wait.min(due.saturating_sub(now).max(Duration::from_micros(250)));
            }
            drop(state);
            let came = receiver.next(wait);
            if let Some((_, bytes)) = came {
                let statistics = &mut self.shared.state().statistics;
                statistics.packets_received += 1;
                statistics.bytes_received += bytes.len() as u64;
            }
            let is_idle = came.is_none();
            let now = self.clock.now();
            self.call.advance(now, came);
            let closed = self.settle(now);
            if self.delivery.takes(now, is_idle) {
                self.give(now);
            }
            self.ask(now);
            self.call.flush(now);
            if let Some(reason) = closed {
                return self.conclude(&reason);
            }
        }
        self.call.close(self.clock.now());
    }

    /// Handles events of the call; returns the reason if it has ended.
    fn settle(&mut self, now: Duration) -> Option<ClosedReason> {
        while let Some(event) = self.call.peer.poll_event() {
            match event {
                Event::Connected => self.connected = true,
                Event::Media(media) if media.direction.receives() && !media.codecs.is_empty() => {
                    match media.kind {
                        MediaKind::Video => self.video.mid = Some(media.mid),
                        MediaKind::Audio => self.audio.mid = Some(media.mid),
                    }
                }
                Event::Rtp(packet) => self.packet(now, &packet),
                Event::SenderReport(report) => {
                    for line in [&mut self.video, &mut self.audio] {
                        if line.mid == Some(report.mid) {
                            line.clock.report(report.rtp_timestamp, report.ntp);
                        }
                    }
                }
                Event::Stats(stats) => self.stats(&stats),
                Event::Closed(reason) => return Some(reason),
                _ => {}
            }
        }
        None
    }

    fn packet(&mut self, now: Duration, packet: &RtpPacket) {
        let captured = packet.extensions.abs_capture_time.map(|time| time.ntp);
        let mut state = self.shared.state();
        match packet.codec {
            Codec::Vp8 | Codec::H264 | Codec::Vp9 => {
                let format = match packet.codec {
                    Codec::H264 => VideoFormat::H264,
                    Codec::Vp9 => VideoFormat::Vp9,
                    _ => VideoFormat::Vp8,
                };
                let is_other = self.learning.video.is_some_and(|before| before != format);
                if is_other {
                    // The recording has the first codec.
                    state.statistics.video.discarded += 1;
                    return;
                }
                self.learning.video = Some(format);
                let config = FrameBufferConfig { format, ..self.buffer_config };
                state.buffer.get_or_insert_with(|| FrameBuffer::new(config));
                self.delivery.came(now, Medium::Video, packet.header.timestamp);
                self.video.count(now, packet, &mut state.statistics.video);
                let mut bytes = Vec::with_capacity(rtp::FIXED_HEADER_BYTES + packet.payload.len());
                rtp::write(&packet.header, &mut bytes);
                bytes.extend_from_slice(&packet.payload);
                let descriptor = packet.extensions.dependency.as_deref();
                let dependency = descriptor
                    .filter(|_| format == VideoFormat::H264)
                    .and_then(|bytes| self.descriptors.read(bytes).ok())
                    .map(|descriptor| FrameDependency::from(&descriptor));
                let info = PacketInfo { captured, dependency, ..PacketInfo::default() };
                if let Some(buffer) = &mut state.buffer
                    && matches!(buffer.push(now, &bytes, info), Ok(Pushed::Late))
                {
                    state.statistics.video.discarded += 1;
                }
            }
            Codec::Opus => {
                self.delivery.came(now, Medium::Audio, packet.header.timestamp);
                self.audio.count(now, packet, &mut state.statistics.audio);
                let channels = rtp_audio::channels(&packet.payload);
                self.learning.channels = self.learning.channels.or(channels);
                let timestamp = packet.header.timestamp;
                let reported = self.audio.clock.captured(timestamp);
                let times = Times { captured, reported, arrived: Some(now) };
                self.order.push_opus(timestamp, &packet.payload, times);
                state.statistics.audio.discarded = self.order.late();
            }
            _ => {}
        }
    }

    fn stats(&mut self, stats: &Stats) {
        let mut state = self.shared.state();
        let statistics = &mut state.statistics;
        match stats {
            Stats::Received(received) if Some(received.mid) == self.video.mid => {
                statistics.video.nacks = received.nacks;
                statistics.video.key_requests = received.plis + received.firs;
            }
            Stats::Path(path) => {
                let round_trip = path.round_trip.or(path.ice_round_trip);
                statistics.round_trip = round_trip.or(statistics.round_trip);
            }
            _ => {}
        }
    }

    /// Passes on frames and audio that are ready.
    fn give(&mut self, now: Duration) {
        loop {
            let frame = {
                let mut state = self.shared.state();
                let frame = state.buffer.as_mut().and_then(|buffer| buffer.poll_frame(now));
                let Some(frame) = frame else { break };
                if state.open.len() >= MAX_OPEN {
                    state.open.pop_front();
                }
                state.open.push_back(frame.number);
                frame
            };
            let reported = self.video.clock.captured(wrap_32(frame.media_ticks));
            let format = self.learning.video.unwrap_or_default();
            self.delivery.frame(format, frame, reported);
        }
        self.announce_if(now, false);
        self.delivery.audio(&mut self.order);
    }

    /// Announces the media once they are known or the wait is over.
    fn announce_if(&mut self, now: Duration, at_last: bool) {
        let lacks = MissingMedia {
            video: self.video.mid.is_some() && self.learning.video.is_none(),
            audio: self.audio.mid.is_some() && self.learning.channels.is_none(),
        };
        if self.delivery.is_due(now, lacks, at_last) {
            let announced = AnnouncedTracks {
                video: self.learning.video.map(|format| video_track(format, None)),
                audio: self.learning.channels.map(opus_track),
            };
            self.delivery.announce(announced, self.server.to_string());
        }
    }

    /// Requests a key frame if one is needed.
    fn ask(&mut self, now: Duration) {
        let Some(mid) = self.video.mid.filter(|_| self.connected) else { return };
        if self.asked.is_some_and(|asked| now.saturating_sub(asked) < KEY_INTERVAL) {
            return;
        }
        let needs =
            self.shared.state().buffer.as_ref().is_some_and(|buffer| buffer.needs_key_frame(now));
        if (needs || self.shared.wants_key.load(Ordering::Relaxed))
            && self.call.peer.request_key_frame(now, mid, KeyFrameRequestKind::Pli)
        {
            self.shared.wants_key.store(false, Ordering::Relaxed);
            self.asked = Some(now);
        }
    }

    /// Handles the end of the call.
    fn conclude(&mut self, reason: &ClosedReason) {
        let now = self.clock.now();
        self.announce_if(now, true);
        self.delivery.rest(&mut self.order);
        self.delivery.send_event(match reason {
            ClosedReason::Remote => InputEvent::End("the server ended the call".to_owned()),
            other => {
                let message = format!("{}: {}", self.server, self.call.reason(other));
                InputEvent::Failed(Failure::new(Kind::Network, message))
            }
        });
    }
}

impl LiveInput for WhepInput {
    fn next(&mut self, timeout: Duration) -> Option<InputEvent> {
        self.events.recv_timeout(timeout).ok()
    }

    fn done(&mut self, now: Duration, frame: &ReceivedFrame, outcome: &Outcome) {
        let mut state = self.shared.state();
        while let Some(number) = state.open.pop_front_if(|number| *number <= frame.handle) {
            if number < frame.handle {
                continue;
            }
            let Some(buffer) = &mut state.buffer else { return };
            if outcome.decoded {
                buffer.decoded(now, number, outcome.took);
                buffer.rendered(now);
            } else {
                buffer.failed(now, number);
            }
        }
    }

    fn request_key_frame(&mut self) {
        self.shared.wants_key.store(true, Ordering::Relaxed);
    }

    fn statistics(&self) -> InputStats {
        let state = self.shared.state();
        let Some(stats) = state.buffer.as_ref().map(FrameBuffer::stats) else {
            return state.statistics;
        };
        let emitted = u32::try_from(stats.jitter_buffer_emitted_count).unwrap_or(u32::MAX);
        InputStats {
            freezes: stats.freeze_count,
            frozen: stats.total_freezes_duration,
            jitter_buffer: stats.jitter_buffer_delay.checked_div(emitted),
            ..state.statistics
        }
    }

    fn finish(mut self: Box<Self>, _reason: &str) -> Result<()> {
        self.end()
    }
}

impl Drop for WhepInput {
    fn drop(&mut self) {
        // The command is failing anyway; errors cannot be reported.
        let _ = self.end();
    }
}
