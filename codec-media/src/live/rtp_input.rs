//! Input over RTP: a thread for each port reads datagrams, and another thread owns the receiver.

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{
    Receiver as Channel, RecvTimeoutError, SyncSender, TrySendError, sync_channel,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{AudioTrack, Format, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};
use codec_net::clock::Clock;
use codec_net::{random, udp};
use codec_rtc::demux::{self, Datagram};
use codec_rtc::extension::Extensions;
use codec_rtc::jitter::video::{Frame, FrameBufferConfig};
use codec_rtc::packet::VideoFormat;
use codec_rtc::rtp;
use codec_rtc::session::{PacketFeedback, Receiver, ReceiverConfig};
use codec_rtc::sframe::{DecryptCounters, Decryptor};

use super::delivery::{Basis, Delivery, Medium, MissingMedia};
use super::e2ee::Secret;
use super::input::{
    AnnouncedTracks, InboundStats, InputEvent, InputStats, LiveInput, Outcome, ReceivedFrame,
    Repair, Times, Unused,
};
use super::rtp::{Expected, ExpectedFormat, ExpectedMedia};
use super::rtp_audio::AudioOrder;
use super::rtp_output::{GOODBYE_EVERY, GOODBYES};
use super::rtp_source::{Relation, Sources};
use super::srtp::{Keys, SrtpState};
use crate::failure::{Failure, Result};

/// Maximum number of datagrams queued between the reading threads and the receiver's thread.
const DATAGRAMS: usize = 2048;

/// Interval at which threads check whether to end.
const TICK: Duration = Duration::from_millis(20);

/// Time to wait after a goodbye for packets sent before it, which may arrive later on another port.
const STRAGGLERS: Duration = Duration::from_millis(100);

/// Shortest time until the next check.
const MIN_WAIT: Duration = Duration::from_micros(250);

/// Maximum number of frames whose outcome is pending.
const MAX_OPEN: usize = 512;

/// Priming of Opus encoders (RFC 7845, section 4.2), as in libopus.
const PRE_SKIP: u16 = 312;

#[derive(Default)]
struct Shared {
    stops: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    receiver: Option<Receiver>,
    /// Frames without their data, whose outcome is pending.
    open: VecDeque<Frame>,
    /// Audio packets that arrived too late, and those recovered from redundant copies only.
    audio_late: u64,
    audio_recovered: u64,
    audio_decryption: Option<DecryptCounters>,
    /// Statistics of the earlier sessions.
    before: InputStats,
    /// Packets that cannot be used.
    unused: Unused,
    goodbye: Option<String>,
}

impl State {
    /// Statistics of all sessions.
    fn statistics(&self) -> InputStats {
        InputStats { unused: self.unused, ..self.before.followed_by(self.of_session()) }
    }

    /// Statistics of the current session.
    fn of_session(&self) -> InputStats {
        let Some(stats) = self.receiver.as_ref().map(Receiver::stats) else {
            return InputStats::default();
        };
        let emitted = u32::try_from(stats.video.jitter_buffer_emitted_count).unwrap_or(u32::MAX);
        let (again, fec) = (stats.retransmissions_received, stats.fec_received);
        let video = stats.video_received + again + fec;
        InputStats {
            packets_received: stats.received.packets,
            bytes_received: stats.received.bytes,
            video: InboundStats {
                packets: video.packets,
                bytes: video.payload_bytes,
                header_bytes: Some(video.header_bytes),
                lost: stats.video_packets.lost,
                discarded: stats.video_late,
                jitter: Some(stats.video_packets.jitter),
                repair: Some(Repair {
                    retransmitted: again.packets,
                    retransmitted_bytes: again.payload_bytes,
                    fec: fec.packets,
                    fec_bytes: fec.payload_bytes,
                }),
                fec_recovered: stats.recovered,
                nacks: stats.nacks.requests,
                key_requests: stats.key_frame_requests,
            },
            audio: InboundStats {
                packets: stats.audio_received.packets,
                bytes: stats.audio_received.payload_bytes,
                header_bytes: Some(stats.audio_received.header_bytes),
                lost: stats.audio_packets.lost,
                discarded: self.audio_late,
                jitter: Some(stats.audio_packets.jitter),
                fec_recovered: self.audio_recovered,
                ..InboundStats::default()
            },
            round_trip: stats.round_trip,
            freezes: stats.video.freeze_count,
            frozen: stats.video.total_freezes_duration,
            jitter_buffer: stats.video.jitter_buffer_delay.checked_div(emitted),
            decryption: match (stats.e2ee, self.audio_decryption) {
                (Some(frames), Some(audio)) => Some(frames + audio),
                (frames, audio) => frames.or(audio),
            },
            unused: Unused::default(),
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }
}

/// A datagram, and the number of the socket that received it.
struct Arrived {
    socket: usize,
    from: SocketAddr,
    bytes: Vec<u8>,
}

/// Settings of the input.
pub(super) struct RtpOptions {
    pub(super) expected: Expected,
    /// Whether audio is used.
    pub(super) wants_audio: bool,
    /// Whether every frame is wanted, even if late.
    pub(super) records: bool,
    /// The secret for decrypting frames and audio.
    pub(super) secret: Option<Secret>,
}

/// Receives RTP.
pub(super) struct RtpInput {
    events: Channel<InputEvent>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl RtpInput {
    /// Reads from sockets; `shown` is the address announced to others.
    pub(super) fn new(
        sockets: Vec<UdpSocket>,
        shown: &str,
        options: RtpOptions,
        clock: Clock,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (delivery, events) = Delivery::new(clock, Basis::Capture);
        let (arrivals, arrived) = sync_channel(DATAGRAMS);
        let mut threads = Vec::new();
        for (number, socket) in sockets.iter().enumerate() {
            let socket = socket.try_clone().map_err(Failure::internal)?;
            let (arrivals, shared) = (arrivals.clone(), Arc::clone(&shared));
            let thread = thread::Builder::new().name("rtp-read".to_owned());
            let reading = move || read(number, &socket, &arrivals, &shared);
            threads.push(thread.spawn(reading).map_err(Failure::internal)?);
        }
        delivery.send_event(InputEvent::Listening(shown.to_owned()));
        let guard = options.expected.keys.as_ref().map(Keys::guard).transpose()?;
        let decryptor = || options.secret.as_ref().map(Secret::decryptor).transpose();
        let (frames, audio) = (decryptor()?, decryptor()?);
        let mut session = Session {
            guard,
            order: AudioOrder::new(&options.expected).with_decryptor(audio),
            decryptor: frames,
            options,
            sockets,
            clock,
            shared: Arc::clone(&shared),
            delivery,
            sources: Sources::default(),
            channels: None,
            format: None,
            ssrc: random_ssrc(),
            left: None,
        };
        let thread = thread::Builder::new().name("rtp".to_owned());
        let thread = thread.spawn(move || session.run(&arrived)).map_err(Failure::internal)?;
        threads.push(thread);
        Ok(Self { events, shared, threads })
    }
}

fn read(number: usize, socket: &UdpSocket, arrivals: &SyncSender<Arrived>, shared: &Shared) {
    let mut buffer = vec![0; 65_536];
    while !shared.stops() {
        let Ok(Some((len, from))) = udp::receive(socket, &mut buffer, TICK) else { continue };
        let bytes = buffer.get(..len).unwrap_or_default().to_vec();
        // Datagrams beyond the queue limit are lost, as in the system's own queue.
        if let Err(TrySendError::Disconnected(_)) =
            arrivals.try_send(Arrived { socket: number, from, bytes })
        {
            return;
        }
    }
}

/// The state of the thread that owns the receiver.
struct Session {
    options: RtpOptions,
    guard: Option<SrtpState>,
    sockets: Vec<UdpSocket>,
    clock: Clock,
    shared: Arc<Shared>,
    delivery: Delivery,
    /// Tracks the sender.
    sources: Sources,
    /// Channel count of the first audio packet.
    channels: Option<u8>,
    /// The format of the video.
    format: Option<ExpectedFormat>,
    /// Our own SSRC: one for all sessions, because SRTP counts packets per SSRC.
    ssrc: u32,
    order: AudioOrder,
    /// The decryptor, until the receiver takes it.
    decryptor: Option<Decryptor>,
    /// When the sender said goodbye.
    left: Option<Duration>,
}

impl Session {
    fn run(&mut self, arrived: &Channel<Arrived>) {
        loop {
            if self.shared.stops() {
                return self.leave();
            }
            let now = self.clock.now();
            let due = self.shared.state().receiver.as_ref().and_then(Receiver::poll_timeout);
            let wait = due.map_or(TICK, |due| due.saturating_sub(now).clamp(MIN_WAIT, TICK));
            let mut is_idle = false;
            match arrived.recv_timeout(wait) {
                Ok(datagram) => self.take(&datagram),
                Err(RecvTimeoutError::Timeout) => is_idle = true,
                // The readers noticed the end earlier.
                Err(RecvTimeoutError::Disconnected) => return self.leave(),
            }
            for datagram in arrived.try_iter().take(64) {
                self.take(&datagram);
            }
            if self.delivery.takes(self.clock.now(), is_idle) {
                self.give();
            }
            self.answer();
            let left = self
                .shared
                .state()
                .receiver
                .as_ref()
                .and_then(|it| it.bye_reason().map(str::to_owned));
            if let Some(reason) = left {
                let since = *self.left.get_or_insert(now);
                if now.saturating_sub(since) < STRAGGLERS {
                    continue;
                }
                self.flush();
                let reason = reason.chars().filter(|letter| !letter.is_control()).collect();
                self.delivery.send_event(InputEvent::End(reason));
                return;
            }
        }
    }

    fn take(&mut self, datagram: &Arrived) {
        let now = self.clock.now();
        if !self.sources.listens_to(now, datagram.from.ip()) {
            return;
        }
        let opened = match &mut self.guard {
            None => None,
            Some(guard) => {
                let opened = guard.open(&datagram.bytes, self.sources.is_live(now));
                self.shared.state().unused.forged = guard.forged();
                let Some(opened) = opened else { return };
                Some(opened)
            }
        };
        let bytes = opened.as_deref().unwrap_or(&datagram.bytes);
        match demux::classify(bytes) {
            Datagram::Rtp => {
                let Ok(packet) = rtp::parse(bytes) else { return };
                if self.learn(now, &packet, datagram) == Some(Relation::Stranger) {
                    return;
                }
                let audio =
                    self.options.wants_audio && self.sources.audio() == Some(packet.header.ssrc);
                if audio {
                    self.audio(now, &packet);
                }
            }
            Datagram::Rtcp => {
                if let Some(&ssrc) = bytes.get(4..).and_then(<[u8]>::first_chunk) {
                    self.sources.touch(now, u32::from_be_bytes(ssrc));
                }
            }
            _ => {}
        }
        if let Some(receiver) = &mut self.shared.state().receiver {
            // Malformed packets were counted.
            let _ = receiver.handle_datagram(now, bytes);
        }
    }

    /// Handles an audio packet for the recording.
    fn audio(&mut self, now: Duration, packet: &rtp::Packet<'_>) {
        let expected = &self.options.expected;
        let extensions = Extensions::from_packet(packet, &expected.extensions).ok();
        let mut state = self.shared.state();
        let receiver = state.receiver.as_ref();
        let times = Times {
            captured: extensions.and_then(|it| it.abs_capture_time).map(|time| time.ntp),
            reported: receiver.and_then(|it| it.audio_captured(packet.header.timestamp)),
            arrived: Some(now),
        };
        self.order.push(packet, expected, times);
        (state.audio_late, state.audio_recovered) = (self.order.late(), self.order.recovered());
        state.audio_decryption = self.order.decryption();
        self.channels = self.order.channels();
    }

    /// Identifies the sender and the medium; `None` for repair packets and unexpected ones.
    fn learn(
        &mut self,
        now: Duration,
        packet: &rtp::Packet<'_>,
        datagram: &Arrived,
    ) -> Option<Relation> {
        let header = packet.header;
        let expected = &self.options.expected;
        // A restarted sender has other SSRCs than the description.
        let is_from = |media: ExpectedMedia| {
            self.sources.peer.is_some() || media.ssrc.is_none_or(|ssrc| ssrc == header.ssrc)
        };
        let red_fits = match expected.fec {
            codec_rtc::session::VideoFec::Ulp { red, .. } => red == header.payload_type,
            _ => false,
        };
        let format = expected.format(header.payload_type);
        let is_video = red_fits || format.is_some() && expected.video.is_some_and(is_from);
        let is_audio =
            |media: ExpectedMedia| media.payload_type == header.payload_type && is_from(media);
        let is_audio_only = expected.audio.is_some_and(is_audio)
            || expected.red == Some(header.payload_type) && expected.audio.is_some();
        if !is_video && !is_audio_only {
            if self.sources.peer.is_none() {
                let unused = &mut self.shared.state().unused;
                unused.unexpected = unused.unexpected.saturating_add(1);
            }
            return None;
        }
        let medium = if is_video { Medium::Video } else { Medium::Audio };
        let format = format.cloned();
        let Arrived { from, socket, .. } = *datagram;
        let belongs = self.sources.sort(now, medium, header.ssrc, from, socket);
        match belongs {
            Relation::Stranger => return Some(belongs),
            Relation::Restart => self.restart(),
            Relation::First | Relation::Session => {}
        }
        self.delivery.came(now, medium, header.timestamp);
        if is_video && belongs != Relation::Session {
            self.format = format;
            self.open();
        }
        Some(belongs)
    }

    /// Passes on the rest of the session.
    fn flush(&mut self) {
        self.announce_if(true);
        self.delivery.rest(&mut self.order);
    }

    /// Starts a new session that replaces the previous one.
    fn restart(&mut self) {
        self.flush();
        self.delivery.restart();
        let decryptor = self.order.take_decryptor();
        self.order = AudioOrder::new(&self.options.expected).with_decryptor(decryptor);
        self.left = None;
        let mut state = self.shared.state();
        state.before = state.statistics();
        (state.audio_late, state.audio_recovered) = (0, 0);
        state.open.clear();
        if let Some(receiver) = state.receiver.take() {
            self.decryptor = receiver.into_decryptor();
        }
    }

    /// Creates the receiver once the video SSRC is known.
    fn open(&mut self) {
        let video = self.sources.video().zip(self.format.as_ref());
        let streams = self.options.expected.streams(video, self.sources.audio());
        let has_feedback =
            !self.options.expected.extensions.eq(&codec_rtc::extension::ExtensionMap::EMPTY);
        let mut video = if self.options.records {
            FrameBufferConfig::default()
        } else {
            FrameBufferConfig::low_latency()
        };
        video.wait_for_all_frames = self.options.records;
        let mut receiver = Receiver::new(ReceiverConfig {
            streams,
            ssrc: self.ssrc,
            cname: "codec".to_owned(),
            ntp_at_zero: self.clock.ntp_at_zero(),
            seed: random::number(),
            nack: has_feedback,
            pli: true,
            acknowledge_frames: has_feedback,
            feedback: PacketFeedback::Twcc,
            video,
        });
        if let Some(format) = &self.format {
            receiver = receiver.with_parameter_sets(&format.sets);
        }
        if let Some(decryptor) = self.decryptor.take() {
            receiver = receiver.with_decryptor(decryptor);
        }
        self.shared.state().receiver = Some(receiver);
    }

    /// Passes on frames and audio that are ready.
    fn give(&mut self) {
        let now = self.clock.now();
        loop {
            let (frame, reported) = {
                let mut state = self.shared.state();
                let Some(receiver) = &mut state.receiver else { break };
                let Some(mut frame) = receiver.poll_frame(now) else { break };
                let data = std::mem::take(&mut frame.data);
                let ticks = codec_rtc::sequence::wrap_32(frame.media_ticks);
                let reported = receiver.video_captured(ticks);
                if state.open.len() >= MAX_OPEN {
                    state.open.pop_front();
                }
                state.open.push_back(frame.clone());
                (Frame { data, ..frame }, reported)
            };
            self.delivery.frame(self.video_format(), frame, reported);
        }
        self.announce_if(false);
        self.delivery.audio(&mut self.order);
    }

    /// Announces the media once they are known or the wait is over.
    fn announce_if(&mut self, at_last: bool) {
        let expected = &self.options.expected;
        let lacks = MissingMedia {
            video: expected.video.is_some() && self.sources.video().is_none(),
            audio: self.options.wants_audio
                && expected.audio.is_some()
                && self.sources.audio().is_none(),
        };
        if !self.delivery.is_due(self.clock.now(), lacks, at_last) {
            return;
        }
        if self.sources.video().is_none() {
            // Audio only.
            self.open();
        }
        let announced = self.announced();
        let peer = self.sources.peer.map_or_else(String::new, |(peer, _)| peer.to_string());
        self.delivery.announce(announced, peer);
    }

    fn video_format(&self) -> VideoFormat {
        self.format.as_ref().map(|format| format.format).unwrap_or_default()
    }

    fn announced(&self) -> AnnouncedTracks {
        let expected = &self.options.expected;
        let frame_rate = expected.frame_rate.and_then(rate);
        let video = self.sources.video().map(|_| video_track(self.video_format(), frame_rate));
        let channels = expected.channels.max(self.channels.unwrap_or(1));
        let audio = self.sources.audio().map(|_| opus_track(channels));
        AnnouncedTracks { video, audio }
    }

    /// Sends feedback.
    fn answer(&mut self) {
        let now = self.clock.now();
        if let Some(receiver) = &mut self.shared.state().receiver {
            receiver.handle_timeout(now);
        }
        loop {
            let datagram = {
                let mut state = self.shared.state();
                state.receiver.as_mut().and_then(Receiver::poll_transmit)
            };
            let Some(datagram) = datagram else { return };
            self.put(&datagram);
        }
    }

    fn put(&mut self, datagram: &[u8]) {
        let Some((mut to, number)) = self.sources.peer else { return };
        let protected = self.guard.as_mut().map(|guard| guard.protect(datagram));
        let datagram = match &protected {
            None => datagram,
            Some(Some(protected)) => protected,
            Some(None) => return,
        };
        let mux = self.options.expected.video.or(self.options.expected.audio);
        if mux.is_some_and(|media| !media.mux) {
            // RFC 3550, section 11: the next port.
            to.set_port(to.port().saturating_add(1));
        }
        if let Some(socket) = self.sockets.get(number) {
            // Feedback may be lost.
            let _ = socket.send_to(datagram, to);
        }
    }

    /// Says goodbye more than once, because any packet may be lost.
    fn leave(&mut self) {
        let reason = self.shared.state().goodbye.take().unwrap_or_default();
        for _ in 0..GOODBYES {
            let now = self.clock.now();
            if let Some(receiver) = &mut self.shared.state().receiver {
                receiver.close(now, &reason);
            }
            self.answer();
            thread::sleep(GOODBYE_EVERY);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any value works")]
fn random_ssrc() -> u32 {
    random::number() as u32
}

/// Video track of an RTP stream, whose size the first key frame states.
pub(super) fn video_track(format: VideoFormat, frame_rate: Option<Rational>) -> VideoTrack {
    let base = Rational::new(1, 90_000);
    let codec = Codec::from(format);
    let mut track = VideoTrack::new(Format::Matroska, codec, Size::new(16, 16), base);
    track.frame_rate = frame_rate;
    track
}

/// Audio track of an RTP stream.
pub(super) fn opus_track(channels: u8) -> AudioTrack {
    let layout = ChannelLayout::of(channels.into()).unwrap_or(ChannelLayout::Stereo);
    let format = AudioFormat::new(48_000, layout);
    let mut track = AudioTrack::new(Format::WebM, AudioCodec::Opus, format);
    track.delay = PRE_SKIP.into();
    track.codec_private = OpusHead::plain(channels, PRE_SKIP, 48_000).to_bytes();
    track
}

/// Converts a frame rate to a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn rate(per_second: f64) -> Option<Rational> {
    if !(0.1..=1000.0).contains(&per_second) {
        return None;
    }
    if (per_second - per_second.round()).abs() < 1e-3 {
        return Some(Rational::new(per_second.round() as u32, 1));
    }
    Some(Rational::new((per_second * 1001.0).round() as u32, 1001))
}

impl LiveInput for RtpInput {
    fn next(&mut self, timeout: Duration) -> Option<InputEvent> {
        self.events.recv_timeout(timeout).ok()
    }

    fn done(&mut self, now: Duration, frame: &ReceivedFrame, outcome: &Outcome) {
        let mut state = self.shared.state();
        while let Some(open) = state.open.pop_front_if(|open| open.number <= frame.handle) {
            if open.number < frame.handle {
                continue;
            }
            let Some(receiver) = &mut state.receiver else { return };
            if outcome.decoded {
                receiver.decoded(now, &open, outcome.took);
                receiver.rendered(now, codec_rtc::sequence::wrap_32(open.media_ticks));
            } else {
                receiver.failed(now, &open);
            }
        }
    }

    /// The receiver requests key frames itself when a frame could not be decoded.
    fn request_key_frame(&mut self) {}

    fn statistics(&self) -> InputStats {
        self.shared.state().statistics()
    }

    fn finish(mut self: Box<Self>, reason: &str) -> Result<()> {
        self.shared.state().goodbye = Some(reason.to_owned());
        self.shared.stops.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            while !thread.is_finished() {
                // The thread may wait for queue space.
                let _ = self.events.recv_timeout(Duration::from_millis(5));
            }
            thread.join().map_err(|_| Failure::internal("a network thread ended"))?;
        }
        Ok(())
    }
}
