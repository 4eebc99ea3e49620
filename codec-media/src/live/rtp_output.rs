//! Output over RTP: one thread sends paced packets, and one receives feedback. The encoder's thread
//! submits frames and sends packets that may leave immediately.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use codec_core::codec::{FrameRequest, Packet};
use codec_core::frame::Rational;
use codec_net::clock::Clock;
use codec_net::udp;
use codec_rtc::demux::{self, Datagram};
use codec_rtc::extension::ExtensionKind;
use codec_rtc::rtp::{self, WriteError};
use codec_rtc::session::{
    AudioPacket, RemoteInbound, SendError, Sender, SenderConfig, SenderEvent,
};
use codec_rtc::sframe::Encryptor;

use super::input::Repair;
use super::output::{
    LiveAudioPacket, LiveOutput, Offer, OutboundStats, OutputEvent, OutputStats, Remote,
};
use super::rtp::Targets;
use super::srtp::{Keys, SrtpState};
use crate::failure::{Failure, Kind, Result};

/// Ticks of RTP timestamps per second.
const VIDEO_HZ: u32 = 90_000;
const AUDIO_HZ: u32 = 48_000;

/// Interval at which threads check whether to end.
const TICK: Duration = Duration::from_millis(50);

/// Shortest time until the next check, because other threads need the sender too.
const MIN_WAIT: Duration = Duration::from_micros(250);

/// If packets wait in the pacer for longer than this, frames are dropped.
const MAX_QUEUED: Duration = Duration::from_millis(500);

/// Time limit for sending the remaining packets at the end.
const MAX_REST: Duration = Duration::from_secs(2);

/// Time limit for the last retransmission requests.
const MAX_ANSWER_TIME: Duration = Duration::from_millis(500);

/// Number of goodbyes. Each of them may be lost.
pub(super) const GOODBYES: u32 = 3;
/// Interval between goodbyes.
pub(super) const GOODBYE_EVERY: Duration = Duration::from_millis(10);

/// A receiver that has sent feedback before and is silent for this long counts as gone.
const MAX_SILENCE: Duration = Duration::from_secs(15);

struct Shared {
    sender: Mutex<Sender>,
    wake: Condvar,
    stops: AtomicBool,
    socket: UdpSocket,
    targets: Targets,
    audio_ssrc: Option<u32>,
    guard: Option<Mutex<SrtpState>>,
    clock: Clock,
    packets: AtomicU64,
    bytes: AtomicU64,
    /// Time of the last feedback in milliseconds; 0 for never.
    heard_ms: AtomicU64,
    /// Whether the receiver sends feedback continuously.
    answers: bool,
}

impl Shared {
    /// Whether the receiver has stopped sending feedback.
    fn is_alone(&self) -> bool {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        let silence = self.clock.now().saturating_sub(heard);
        self.answers && !heard.is_zero() && silence >= MAX_SILENCE
    }

    fn sender(&self) -> MutexGuard<'_, Sender> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends packets that are due.
    fn send_due<'a>(&'a self, mut sender: MutexGuard<'a, Sender>) -> MutexGuard<'a, Sender> {
        loop {
            sender.handle_timeout(self.clock.now());
            let Some(datagram) = sender.poll_transmit() else { return sender };
            drop(sender);
            self.put(&datagram);
            sender = self.sender();
        }
    }

    /// Sends a datagram; errors of the system count as packet loss.
    fn put(&self, datagram: &[u8]) {
        let ssrc = match demux::classify(datagram) {
            Datagram::Rtp => rtp::parse(datagram).ok().map(|packet| packet.header.ssrc),
            _ => None,
        };
        let is_audio_only = ssrc.is_some() && ssrc == self.audio_ssrc;
        let target = if is_audio_only { self.targets.audio } else { self.targets.video };
        let protected = self.guard().map(|mut guard| guard.protect(datagram));
        let datagram = match &protected {
            None => datagram,
            Some(Some(protected)) => protected,
            Some(None) => return,
        };
        if self.socket.send_to(datagram, target).is_ok() {
            self.packets.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(datagram.len() as u64, Ordering::Relaxed);
        }
    }

    fn guard(&self) -> Option<MutexGuard<'_, SrtpState>> {
        let guard = self.guard.as_ref()?;
        Some(guard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs the pacer thread.
    fn run_pacer(&self) {
        let mut sender = self.sender();
        while !self.stops.load(Ordering::Relaxed) {
            sender = self.send_due(sender);
            let now = self.clock.now();
            let due = sender.poll_timeout().map_or(TICK, |due| due.saturating_sub(now));
            let due = due.clamp(MIN_WAIT, TICK);
            let waited = self.wake.wait_timeout(sender, due);
            sender = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Runs the feedback thread.
    fn run_listener(&self, socket: &UdpSocket) {
        let mut buffer = vec![0; 65_536];
        while !self.stops.load(Ordering::Relaxed) {
            let Ok(Some((len, from))) = udp::receive(socket, &mut buffer, TICK) else { continue };
            let known = [self.targets.video.ip(), self.targets.audio.ip()];
            if !known.contains(&from.ip()) {
                continue;
            }
            let bytes = buffer.get(..len).unwrap_or_default();
            let opened = self.guard().map(|mut guard| guard.open(bytes, true));
            let bytes = match &opened {
                None => bytes,
                Some(Some(opened)) => opened,
                Some(None) => continue,
            };
            let now = self.clock.now();
            let heard = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).max(1);
            self.heard_ms.store(heard, Ordering::Relaxed);
            // Malformed packets were counted.
            let _ = self.sender().handle_datagram(now, bytes);
            self.wake.notify_one();
        }
    }
}

/// Sends RTP.
pub(super) struct RtpOutput {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    video_base: Rational,
    audio_base: Rational,
}

impl RtpOutput {
    pub(super) fn new(
        config: SenderConfig,
        targets: Targets,
        offer: &Offer,
        keys: Option<&Keys>,
        encryptor: Option<Encryptor>,
        clock: Clock,
    ) -> Result<Self> {
        let guard = keys.map(Keys::guard).transpose()?.map(Mutex::new);
        let audio_ssrc = config.streams.audio.map(|stream| stream.ssrc);
        let answers = config.streams.extensions.id(ExtensionKind::TransportSequence).is_some();
        let mut sender = Sender::new(config).map_err(|error| Failure::usage(error.to_string()))?;
        if let Some(encryptor) = encryptor {
            sender = sender.with_encryptor(encryptor);
        }
        let bound = udp::bind(udp::any_for(targets.video));
        let socket = bound.map_err(|error| Failure::new(Kind::Network, error.to_string()))?;
        let listening = socket.try_clone().map_err(Failure::internal)?;
        let shared = Arc::new(Shared {
            sender: Mutex::new(sender),
            wake: Condvar::new(),
            stops: AtomicBool::new(false),
            socket,
            targets,
            audio_ssrc,
            guard,
            clock,
            packets: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            heard_ms: AtomicU64::new(0),
            answers,
        });
        let (pacing, hearing) = (Arc::clone(&shared), Arc::clone(&shared));
        let pacer = thread::Builder::new().name("pacer".to_owned());
        let pacer = pacer.spawn(move || pacing.run_pacer()).map_err(Failure::internal)?;
        let listener = thread::Builder::new().name("feedback".to_owned());
        let listener = listener.spawn(move || hearing.run_listener(&listening));
        let listener = listener.map_err(Failure::internal)?;
        let base = |base: Option<Rational>| base.unwrap_or(Rational::new(1, 1));
        Ok(Self {
            shared,
            threads: vec![pacer, listener],
            video_base: base(offer.video.as_ref().map(|track| track.time_base)),
            audio_base: base(offer.audio.as_ref().map(|track| track.time_base)),
        })
    }
}

/// Converts ticks of a track to RTP ticks, which wrap.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they wrap")]
pub(super) fn timestamp(pts: i64, time_base: Rational, hz: u32) -> u32 {
    let num = i128::from(pts) * i128::from(time_base.num) * i128::from(hz);
    let den = i128::from(time_base.den.max(1));
    (2 * num + den).div_euclid(2 * den) as u32
}

fn remote(said: RemoteInbound) -> Remote {
    Remote {
        fraction_lost: Some(said.fraction_lost),
        lost: Some(said.packets_lost.into()),
        jitter: Some(said.jitter),
        round_trip: said.round_trip,
    }
}

impl LiveOutput for RtpOutput {
    fn request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        self.shared.sender().frame_request(now, pts)
    }

    fn is_full(&self) -> bool {
        let sender = self.shared.sender();
        sender.should_skip_frame() || sender.queue_time() > MAX_QUEUED
    }

    fn video(&mut self, now: Duration, packet: &Packet, captured: Duration) -> Result<()> {
        let stamp = timestamp(packet.pts, self.video_base, VIDEO_HZ);
        let mut sender = self.shared.sender();
        let taken = sender.send_video(now, captured, stamp, packet);
        taken.map_err(|error| match error {
            // Only the mode without fragments has a limit.
            SendError::Payload(WriteError::TooMany { .. }) => Failure::usage(format!(
                "{error}\nhelp: use packetization mode 1, or smaller slices"
            )),
            _ => Failure::internal(format!("cannot packetize: {error}")),
        })?;
        drop(self.shared.send_due(sender));
        self.shared.wake.notify_one();
        Ok(())
    }

    fn audio(&mut self, _now: Duration, packet: &LiveAudioPacket<'_>) -> Result<()> {
        let stamp = timestamp(packet.pts, self.audio_base, AUDIO_HZ);
        let mut sender = self.shared.sender();
        let taken = sender.send_audio(&AudioPacket {
            payload: packet.data,
            timestamp: stamp,
            captured: packet.captured,
            level: None,
            starts_talkspurt: false,
        });
        taken.map_err(|error| Failure::internal(format!("cannot packetize: {error}")))?;
        drop(self.shared.send_due(sender));
        self.shared.wake.notify_one();
        Ok(())
    }

    fn poll(&mut self) -> Option<OutputEvent> {
        if self.shared.is_alone() {
            let message = "the receiver no longer sends feedback";
            return Some(OutputEvent::Left(Failure::new(Kind::Network, message)));
        }
        loop {
            return match self.shared.sender().poll_event()? {
                // If the link estimate pauses video, the encoder continues at its minimum.
                SenderEvent::Target { allocation, steady_video, .. } => {
                    Some(OutputEvent::Target { rate: allocation.video, steady: steady_video })
                }
                SenderEvent::AudioResilience { before, after } => {
                    Some(OutputEvent::Audio { before, after })
                }
                SenderEvent::Left => {
                    let message = "the receiver ended the session";
                    Some(OutputEvent::Left(Failure::new(Kind::Network, message)))
                }
                _ => continue,
            };
        }
    }

    fn statistics(&self) -> OutputStats {
        let sender = self.shared.sender();
        let stats = sender.stats();
        let video = stats.video_sent + stats.retransmitted + stats.fec_sent;
        OutputStats {
            packets_sent: self.shared.packets.load(Ordering::Relaxed),
            bytes_sent: self.shared.bytes.load(Ordering::Relaxed),
            video: OutboundStats {
                packets: video.packets,
                bytes: video.payload_bytes,
                header_bytes: Some(video.header_bytes),
                repair: Some(Repair {
                    retransmitted: stats.retransmitted.packets,
                    retransmitted_bytes: stats.retransmitted.payload_bytes,
                    fec: stats.fec_sent.packets,
                    fec_bytes: stats.fec_sent.payload_bytes,
                }),
                nacks: stats.video.nacks,
                key_requests: stats.video.key_frame_requests,
                remote: stats.remote_video.map(remote),
            },
            layers: Default::default(),
            audio: OutboundStats {
                packets: stats.audio_sent.packets,
                bytes: stats.audio_sent.payload_bytes,
                header_bytes: Some(stats.audio_sent.header_bytes),
                remote: stats.remote_audio.map(remote),
                ..OutboundStats::default()
            },
            round_trip: stats.round_trip,
            available: stats.estimate.map(|estimate| estimate.target),
            delay: None,
        }
    }

    fn finish(mut self: Box<Self>, reason: &str) -> Result<()> {
        let clock = self.shared.clock;
        let end = clock.now() + MAX_REST;
        while clock.now() < end && !self.shared.sender().queue_time().is_zero() {
            thread::sleep(Duration::from_millis(2));
        }
        // The receiver may still request missing packets.
        let round_trip = self.shared.sender().stats().round_trip.unwrap_or_default();
        thread::sleep((2 * round_trip).min(MAX_ANSWER_TIME));
        for _ in 0..GOODBYES {
            let mut sender = self.shared.sender();
            sender.close(clock.now(), reason);
            drop(self.shared.send_due(sender));
            thread::sleep(GOODBYE_EVERY);
        }
        self.shared.stops.store(true, Ordering::Relaxed);
        self.shared.wake.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| Failure::internal("a network thread ended"))?;
        }
        Ok(())
    }
}
