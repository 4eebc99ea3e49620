//! The way in by WebRTC from a server (WHEP): one thread owns the call.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Channel, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_net::clock::Clock;
use codec_net::url::Url;
use codec_net::whip::Session;
use codec_rtc::jitter::video::{Frame, FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::rtp;
use codec_rtc::webrtc::{
    ClosedReason, Codec, Direction, Event, KeyFrameRequestKind, Kind as MediaKind, MediaPlan, Mid,
    RtpPacket, Stats,
};

use super::inlet::{Announced, InFrame, Inlet, InletEvent, InletFigures, Outcome};
use super::rtp_in::{opus_track, vp8_track};
use super::rtp_sound::{Origin, SoundOrder};
use super::webrtc::{self, Answered, Call, Receiver};
use crate::args::live::NetworkArgs;
use crate::failure::{Failure, Kind, Result};

/// Events that may wait; from then on frames are left out and a key frame is asked for.
const EVENTS: usize = 256;

/// Frames that the decoder may owe an answer for.
const MOST_OPEN: usize = 512;

/// How long sound that is expected is waited for once pictures come, and the other way round.
const WAIT_FOR_SOUND: Duration = Duration::from_millis(300);
const WAIT_FOR_PICTURES: Duration = Duration::from_secs(2);

/// Least time between two requests for a key frame.
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
    /// Frames whose fate is not known, by number.
    open: VecDeque<u64>,
    figures: InletFigures,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receives from a server.
pub(super) struct WhepInlet {
    events: Channel<InletEvent>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    session: Option<Session>,
}

impl WhepInlet {
    /// Calls the server. `records`: every frame is wanted, rather late than never.
    pub(super) fn new(
        url: &Url,
        args: &NetworkArgs,
        wants_sound: bool,
        records: bool,
        clock: Clock,
    ) -> Result<Self> {
        let stream = webrtc::stream_name();
        let plan = |kind| MediaPlan {
            kind,
            direction: Direction::ReceiveOnly,
            stream: Some(stream.clone()),
        };
        let mut plans = vec![plan(MediaKind::Video)];
        plans.extend(wants_sound.then(|| plan(MediaKind::Audio)));
        let answered = webrtc::offer(url, args, &plans, None, clock)?;
        let Answered { call, mut receiver, session, server } = answered;
        let mut config =
            if records { FrameBufferConfig::default() } else { FrameBufferConfig::low_latency() };
        config.waits_to_show_all = records;
        let shared = Arc::new(Shared::default());
        shared.state().buffer = Some(FrameBuffer::new(config));
        let (sender, events) = sync_channel(EVENTS);
        let mut watching = Watching {
            call,
            server,
            clock,
            shared: Arc::clone(&shared),
            events: sender,
            learning: Learning::default(),
            video: None,
            sound: None,
            asked: None,
            order: SoundOrder::default(),
            origin: Origin::default(),
            video_zero: None,
            has_gap: false,
            connected: false,
        };
        let thread = thread::Builder::new().name("call".to_owned());
        let thread = thread.spawn(move || watching.run(&mut receiver));
        let thread = Some(thread.map_err(Failure::internal)?);
        Ok(Self { events, shared, thread, session: Some(session) })
    }

    /// Closes the session and hangs up.
    fn end(&mut self) -> Result<()> {
        // The server may have closed it already.
        drop(self.session.take());
        self.shared.stops.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return Ok(()) };
        while !thread.is_finished() {
            // The thread may wait for room.
            let _ = self.events.recv_timeout(Duration::from_millis(5));
        }
        thread.join().map_err(|_| Failure::internal("a network thread ended"))
    }
}

/// What is not known before the first packets.
#[derive(Default)]
struct Learning {
    first: Option<Duration>,
    has_video: bool,
    /// Channels of the sound.
    channels: Option<u8>,
    is_done: bool,
    /// Events that wait for the announcement.
    waiting: Vec<InletEvent>,
}

/// The thread that owns the call.
struct Watching {
    call: Call,
    server: SocketAddr,
    clock: Clock,
    shared: Arc<Shared>,
    events: SyncSender<InletEvent>,
    learning: Learning,
    /// Lines on which the server sends.
    video: Option<Mid>,
    sound: Option<Mid>,
    /// When a key frame was asked for.
    asked: Option<Duration>,
    order: SoundOrder,
    origin: Origin,
    /// Ticks of the first frame, and its place on the common time line.
    video_zero: Option<(i64, i64)>,
    has_gap: bool,
    connected: bool,
}

impl Watching {
    fn run(&mut self, receiver: &mut Receiver) {
        while !self.shared.stops.load(Ordering::Relaxed) {
            let now = self.clock.now();
            let mut wait = self.call.wait(now);
            let state = self.shared.state();
            if let Some(due) = state.buffer.as_ref().and_then(FrameBuffer::next_time) {
                wait = wait.min(due.saturating_sub(now).max(Duration::from_micros(250)));
            }
            drop(state);
            let came = receiver.next(wait);
            let now = self.clock.now();
            self.call.advance(now, came);
            let closed = self.settle(now);
            self.give(now);
            self.ask(now);
            self.call.flush();
            if let Some(reason) = closed {
                return self.conclude(&reason);
            }
        }
        self.call.close(self.clock.now());
    }

    /// Follows up on what has happened; the end of the call, if it is over.
    fn settle(&mut self, now: Duration) -> Option<ClosedReason> {
        while let Some(event) = self.call.peer.poll_event() {
            match event {
                Event::Connected => self.connected = true,
                Event::Media(media) if media.direction.receives() && !media.codecs.is_empty() => {
                    match media.kind {
                        MediaKind::Video => self.video = Some(media.mid),
                        MediaKind::Audio => self.sound = Some(media.mid),
                    }
                }
                Event::Rtp(packet) => self.packet(now, &packet),
                Event::Stats(stats) => self.stats(&stats),
                Event::Closed(reason) => return Some(reason),
                _ => {}
            }
        }
        None
    }

    fn packet(&mut self, now: Duration, packet: &RtpPacket) {
        {
            let mut state = self.shared.state();
            state.figures.packets_received += 1;
            state.figures.bytes_received += packet.payload.len() as u64;
        }
        match packet.codec {
            Codec::Vp8 => {
                self.learning.first.get_or_insert(now);
                self.learning.has_video = true;
                let mut bytes = Vec::with_capacity(rtp::FIXED_HEADER_BYTES + packet.payload.len());
                rtp::write(&packet.header, &mut bytes);
                bytes.extend_from_slice(&packet.payload);
                let captured = packet.extensions.abs_capture_time.map(|time| time.ntp);
                let info = PacketInfo { captured, ..PacketInfo::default() };
                let mut state = self.shared.state();
                if let Some(buffer) = &mut state.buffer
                    && buffer.push(now, &bytes, info).is_err()
                {
                    state.figures.packets_discarded += 1;
                }
            }
            Codec::Opus => {
                self.learning.first.get_or_insert(now);
                // The configuration byte says mono or stereo (RFC 6716, section 3.1).
                let channels = packet.payload.first().map(|toc| 1 + (toc >> 2 & 1));
                self.learning.channels = self.learning.channels.or(channels);
                self.order.push_opus(packet.header.timestamp, &packet.payload);
            }
            _ => {}
        }
    }

    fn stats(&mut self, stats: &Stats) {
        let mut state = self.shared.state();
        let figures = &mut state.figures;
        match stats {
            Stats::Received(received) if Some(received.mid) == self.video => {
                figures.nacks = received.nacks;
                figures.key_requests = received.plis + received.firs;
            }
            Stats::Path(path) => {
                let round_trip = path.round_trip.or(path.ice_round_trip);
                figures.round_trip = round_trip.or(figures.round_trip);
            }
            _ => {}
        }
    }

    /// Frames and sound that are ready.
    fn give(&mut self, now: Duration) {
        loop {
            let frame = {
                let mut state = self.shared.state();
                let frame = state.buffer.as_mut().and_then(|buffer| buffer.poll(now));
                let Some(frame) = frame else { break };
                if state.open.len() >= MOST_OPEN {
                    state.open.pop_front();
                }
                state.open.push_back(frame.number);
                frame
            };
            let event = self.frame(frame);
            self.deliver(event);
        }
        self.announce_if(now, false);
        let packets: Vec<_> = self.order.ready().collect();
        for packet in packets {
            let event = self.order.event(packet, &mut self.origin, self.clock, now);
            self.deliver(event);
        }
    }

    /// Both media lie on the time line by when they came: servers tell the time of the capture of
    /// the pictures alone, and that by another machine's clock.
    fn frame(&mut self, frame: Frame) -> InletEvent {
        let (first, zero) = *self.video_zero.get_or_insert_with(|| {
            let at = self.origin.place(None, frame.arrived.0, self.clock, 90_000);
            (frame.media_ticks, at)
        });
        InletEvent::Frame(InFrame {
            key: frame.is_key,
            shown: frame.data.first().is_none_or(|tag| tag & 0x10 != 0),
            pts: zero + frame.media_ticks - first,
            captured: frame.captured,
            handle: frame.number,
            data: frame.data,
        })
    }

    /// Announces what comes, once that is known or was waited for.
    fn announce_if(&mut self, now: Duration, now_or_never: bool) {
        if self.learning.is_done {
            return;
        }
        let Some(first) = self.learning.first else { return };
        let waited = now.saturating_sub(first);
        let lacks_video = self.video.is_some() && !self.learning.has_video;
        let lacks_sound = self.sound.is_some() && self.learning.channels.is_none();
        let waits =
            lacks_video && waited < WAIT_FOR_PICTURES || lacks_sound && waited < WAIT_FOR_SOUND;
        if waits && !now_or_never {
            return;
        }
        self.learning.is_done = true;
        let announced = Announced {
            video: self.learning.has_video.then(|| vp8_track(None)),
            sound: self.learning.channels.map(opus_track),
        };
        self.tell(InletEvent::Begins(Box::new(announced), self.server.to_string()));
        for event in std::mem::take(&mut self.learning.waiting) {
            self.tell(event);
        }
    }

    /// Hands an event over, after the announcement. A reader that is too slow loses frames.
    fn deliver(&mut self, event: InletEvent) {
        if !self.learning.is_done {
            if self.learning.waiting.len() < EVENTS {
                self.learning.waiting.push(event);
            }
            return;
        }
        if self.has_gap {
            if self.events.try_send(InletEvent::Gap).is_err() {
                return;
            }
            self.has_gap = false;
        }
        if let Err(TrySendError::Full(InletEvent::Frame(_))) = self.events.try_send(event) {
            self.has_gap = true;
        }
    }

    fn tell(&self, event: InletEvent) {
        // Where nobody listens the command ends.
        let _ = self.events.send(event);
    }

    /// Asks for a key frame, if one is needed.
    fn ask(&mut self, now: Duration) {
        let Some(mid) = self.video.filter(|_| self.connected) else { return };
        if self.asked.is_some_and(|asked| now.saturating_sub(asked) < KEY_INTERVAL) {
            return;
        }
        let needs = self.shared.state().buffer.as_ref().is_some_and(|buffer| buffer.needs_key(now));
        if (needs || self.shared.wants_key.load(Ordering::Relaxed))
            && self.call.peer.request_key_frame(now, mid, KeyFrameRequestKind::Pli)
        {
            self.shared.wants_key.store(false, Ordering::Relaxed);
            self.asked = Some(now);
        }
    }

    /// The call is over.
    fn conclude(&mut self, reason: &ClosedReason) {
        let now = self.clock.now();
        self.announce_if(now, true);
        let packets: Vec<_> = self.order.rest().collect();
        for packet in packets {
            let event = self.order.event(packet, &mut self.origin, self.clock, now);
            self.tell(event);
        }
        self.tell(match reason {
            ClosedReason::Remote => InletEvent::End("the server hung up".to_owned()),
            other => {
                let message = format!("{}: {other}", self.server);
                InletEvent::Failed(Failure::new(Kind::Network, message))
            }
        });
    }
}

impl Inlet for WhepInlet {
    fn next(&mut self, timeout: Duration) -> Option<InletEvent> {
        self.events.recv_timeout(timeout).ok()
    }

    fn done(&mut self, now: Duration, frame: &InFrame, outcome: &Outcome) {
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

    fn ask_for_key(&mut self) {
        self.shared.wants_key.store(true, Ordering::Relaxed);
    }

    fn figures(&self) -> InletFigures {
        let state = self.shared.state();
        let Some(stats) = state.buffer.as_ref().map(FrameBuffer::stats) else {
            return state.figures;
        };
        let emitted = u32::try_from(stats.jitter_buffer_emitted_count).unwrap_or(u32::MAX);
        InletFigures {
            freezes: stats.freeze_count,
            frozen: stats.total_freezes_duration,
            jitter_buffer: stats.jitter_buffer_delay.checked_div(emitted),
            ..state.figures
        }
    }

    fn finish(mut self: Box<Self>, _reason: &str) -> Result<()> {
        self.end()
    }
}

impl Drop for WhepInlet {
    fn drop(&mut self) {
        // Where the command fails there is nobody to tell.
        let _ = self.end();
    }
}
