//! Sender of a session.

mod drive;
mod feedback;

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, FrameRequest, Packet};
use codec_core::error::ConfigError;

use super::audio_out::{AudioOut, AudioPacket};
use super::config::SenderConfig;
use super::e2ee::Encryption;
use super::error::SendError;
use super::frames::Numbers;
use super::outgoing::Outgoing;
use super::reporters::Reporters;
use super::stats::SenderStats;
use super::video_out::VideoOut;
use crate::allocation::{Allocation, Allocator};
use crate::audio::Resilience;
use crate::congestion::{Controller, ControllerConfig, Estimate};
use crate::pacer::{Pacer, PacerConfig, Priority};
use crate::report::{ReferenceTimes, RoundTrip, RtcpSchedule, RtcpScheduleConfig, ntp};
use crate::rng::Rng;
use crate::rtcp::{self, Bye};
use crate::rtp::Malformed;

/// Maximum queueing time in the pacer.
const MAX_QUEUE: Duration = Duration::from_secs(1);
/// Queueing time in the pacer above which frames should be skipped.
const FULL_QUEUE: Duration = Duration::from_millis(150);
/// Maximum number of datagrams that wait for `poll_transmit`; the pacer holds back the others.
const MAX_READY: usize = 1024;
/// Maximum number of pending events.
const MAX_EVENTS: usize = 64;

/// An event for the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SenderEvent {
    /// The bandwidth estimate changed.
    Target {
        /// Bandwidth estimate.
        estimate: Estimate,
        /// Bitrates of the encoders, after all overhead; a video bitrate of 0 means that video is
        /// paused.
        allocation: Allocation,
        /// Video bitrate at the stable estimate, for resolution and frame rate decisions.
        steady_video: Bitrate,
    },
    /// The audio resilience changed. RED is handled by the sender; apply the rest to the Opus
    /// encoder ([`Resilience::updates`]).
    AudioResilience {
        /// Previous settings.
        before: Resilience,
        /// New settings.
        after: Resilience,
    },
    /// The encoder reports frame times inconsistent with its time base and frame rate
    /// ([`codec_core::codec::RateState::implausible_times`]), so that its bitrate is probably far
    /// from the target. Sent once each time this starts.
    ImplausibleTimes,
    /// The last reporting receiver sent BYE. Sent once.
    Left,
}

/// Sender of a session: coded frames and audio in, datagrams out, RTCP feedback in.
///
/// Before each frame, apply the result of [`Self::frame_request`] to the encoder; pass its output
/// to [`Self::send_video`]. Everything else happens in [`Self::handle_datagram`],
/// [`Self::poll_transmit`] and [`Self::poll_timeout`].
///
/// # Call order
///
/// Inputs are [`Self::handle_datagram`], [`Self::send_video`], [`Self::send_audio`] and
/// [`Self::handle_timeout`]. After each input, call [`Self::poll_transmit`] and
/// [`Self::poll_event`] until both return `None`; then wait for the next input, at the latest until
/// [`Self::poll_timeout`], and call [`Self::handle_timeout`] then. See the [crate].
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent state flags")]
pub struct Sender {
    config: SenderConfig,
    video: Option<VideoOut>,
    audio: Option<AudioOut>,
    e2ee: Encryption,
    pacer: Pacer<Outgoing>,
    /// Tracks packet delivery, even if it does not set the rate.
    controller: Controller,
    controls_rate: bool,
    allocator: Allocator,
    /// Next transport-wide sequence number, and the frame parts of recent ones.
    transport_sequence: u16,
    numbers: Numbers,
    round_trip: RoundTrip,
    reference_times: ReferenceTimes,
    schedule: RtcpSchedule,
    fraction_lost: f64,
    /// The receiver sends per-packet feedback.
    has_packet_feedback: bool,
    /// Second copies of retransmissions, with their send times.
    copies: VecDeque<(Duration, Outgoing)>,
    ready: VecDeque<Vec<u8>>,
    events: VecDeque<SenderEvent>,
    resilience: Resilience,
    next_audio_check: Duration,
    reporters: Reporters,
    has_left: bool,
    has_implausible_times: bool,
    stats: SenderStats,
}

impl Sender {
    /// Creates a sender.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a setting is outside its range.
    pub fn new(config: SenderConfig) -> Result<Self, ConfigError> {
        let mut rng = Rng::stream(config.seed, 11);
        let streams = &config.streams;
        let video = streams.video.map(|stream| VideoOut::new(&config, stream, &mut rng));
        let audio = streams.audio.map(|stream| AudioOut::new(stream, &mut rng)).transpose()?;
        let drives = config.congestion.is_some();
        let idle = ControllerConfig { probing: false, ..ControllerConfig::default() };
        let controller = Controller::new(config.congestion.unwrap_or(idle))?;
        let pace = if drives { controller.pacing_rate() } else { Bitrate(config.pace_bps) };
        let pacer = PacerConfig { max_queue: Some(MAX_QUEUE), ..PacerConfig::new(pace) };
        let schedule = RtcpScheduleConfig::new(rng.next_u64());
        Ok(Self {
            video: video.transpose()?,
            audio,
            e2ee: Encryption::default(),
            pacer: Pacer::new(pacer)?,
            controller,
            controls_rate: drives,
            allocator: Allocator::new(config.allocation())?,
            transport_sequence: u16::try_from(rng.below(1 << 16)).unwrap_or(0),
            numbers: Numbers::new(),
            round_trip: RoundTrip::default(),
            reference_times: ReferenceTimes::default(),
            schedule: RtcpSchedule::new(Duration::ZERO, schedule),
            fraction_lost: 0.0,
            has_packet_feedback: false,
            copies: VecDeque::new(),
            ready: VecDeque::new(),
            events: VecDeque::new(),
            resilience: Resilience::default(),
            next_audio_check: Duration::ZERO,
            reporters: Reporters::default(),
            has_left: false,
            has_implausible_times: false,
            stats: SenderStats::default(),
            config,
        })
    }

    /// Enables end-to-end encryption of all frames and audio packets.
    #[cfg(feature = "sframe")]
    #[must_use]
    pub fn with_encryptor(mut self, encryptor: crate::sframe::Encryptor) -> Self {
        self.e2ee.encryptor = Some(encryptor);
        self
    }

    /// The encryption state, for changing the key.
    #[cfg(feature = "sframe")]
    pub fn encryptor(&mut self) -> Option<&mut crate::sframe::Encryptor> {
        self.e2ee.encryptor.as_mut()
    }

    /// Returns how to code the next frame: key frame, references, buffer updates.
    ///
    /// The encoder must follow it exactly, and its packets must be passed to [`Self::send_video`]
    /// in order.
    pub fn frame_request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        match &mut self.video {
            Some(video) => video.frame_request(now, pts),
            None => FrameRequest::at(pts),
        }
    }

    /// Whether to skip the next frame, because the pacer queue would delay it and all following
    /// ones.
    #[must_use]
    pub fn should_skip_frame(&self) -> bool {
        self.controls_rate && self.pacer.queue_time() > FULL_QUEUE
    }

    /// Sends a coded frame captured at `captured`; `timestamp` is in units of 1/90,000 s.
    ///
    /// # Errors
    /// Returns [`SendError`] if the frame is empty, the session has no video, or encryption fails.
    pub fn send_video(
        &mut self,
        now: Duration,
        captured: Duration,
        timestamp: u32,
        packet: &Packet,
    ) -> Result<(), SendError> {
        let wall = ntp::at(self.config.ntp_at_zero, captured);
        let video = self.video.as_mut().ok_or(SendError::NoVideo)?;
        let map = &self.config.streams.extensions;
        let encrypted = self.e2ee.video(packet.meta.kind == FrameKind::Key, &packet.data)?;
        let encrypted = encrypted.as_deref();
        for outgoing in video.frame(now, captured, wall, timestamp, packet, encrypted)? {
            let bytes = outgoing.len_bytes(map) + self.overhead();
            if !self.pacer.push(bytes, Priority::Media, outgoing) {
                self.stats.overflowed += 1;
            }
        }
        let is_implausible = packet.meta.rate.implausible_times;
        if is_implausible && !self.has_implausible_times {
            self.push_event(SenderEvent::ImplausibleTimes);
        }
        self.has_implausible_times = is_implausible;
        Ok(())
    }

    /// Sends an audio packet.
    ///
    /// # Errors
    /// Returns [`SendError`] if it is empty or too long, the session has no audio, or encryption
    /// fails.
    pub fn send_audio(&mut self, packet: &AudioPacket<'_>) -> Result<(), SendError> {
        let wall = ntp::at(self.config.ntp_at_zero, packet.captured);
        let audio = self.audio.as_mut().ok_or(SendError::NoAudio)?;
        let payload = self.e2ee.audio(packet.payload)?;
        let packet = AudioPacket { payload: &payload, ..*packet };
        let outgoing = audio.packet(&packet, wall)?;
        let bytes = outgoing.len_bytes(&self.config.streams.extensions) + self.overhead();
        if !self.pacer.push(bytes, Priority::Audio, outgoing) {
            self.stats.overflowed += 1;
        }
        Ok(())
    }

    /// Sets the number of redundant payloads per audio packet, 0..=2, if RED was negotiated.
    pub fn set_audio_redundancy(&mut self, depth: usize) {
        if let Some(audio) = &mut self.audio {
            audio.set_redundancy(depth);
        }
    }

    /// Processes a received RTCP datagram.
    ///
    /// # Errors
    /// Returns [`Malformed`] for the first invalid packet in it; packets before it are processed.
    pub fn handle_datagram(&mut self, now: Duration, datagram: &[u8]) -> Result<(), Malformed> {
        self.stats.feedback_datagrams += 1;
        for packet in rtcp::parse_compound(datagram) {
            match packet {
                Ok(packet) => self.handle_rtcp(now, packet),
                Err(error) => {
                    self.stats.malformed += 1;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn overhead(&self) -> usize {
        usize::try_from(self.config.overhead_bytes).unwrap_or(0)
    }

    fn push_event(&mut self, event: SenderEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Returns the next event. Call it until it returns `None`.
    pub fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    /// Updates rates, sends reports that are due by `now`, and moves packets out of the pacer.
    pub fn handle_timeout(&mut self, now: Duration) {
        while self.ready.len() < MAX_READY && self.advance(now) {}
    }

    /// Returns the next datagram to send. Call it until it returns `None`.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Ends the session: queues BYE (RFC 3550, section 6.6).
    pub fn close(&mut self, now: Duration, reason: &str) {
        self.report(now);
        let video = self.video.as_ref().map(VideoOut::ssrc);
        let sources = video.into_iter().chain(self.audio.as_ref().map(AudioOut::ssrc)).collect();
        let reason = reason.bytes().take(255).collect();
        self.send_rtcp(&[rtcp::Packet::Bye(Bye { ssrcs: sources, reason })]);
    }

    /// Deadline of the next call of [`Self::handle_timeout`] if no packet arrives; a time in the
    /// past means immediately.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let controller = self.controller.poll_timeout();
        let report = Some(self.schedule.poll_timeout());
        let copy = self.copies.front().map(|&(at, _)| at);
        [self.pacer.poll_timeout(), controller, report, copy].into_iter().flatten().min()
    }

    /// Time to send the pacer queue.
    #[must_use]
    pub fn queue_time(&self) -> Duration {
        self.pacer.queue_time()
    }

    /// Counters and current values.
    #[must_use]
    pub fn stats(&self) -> SenderStats {
        let mut stats = self.stats;
        stats.round_trip = self.round_trip.smoothed();
        stats.fraction_lost = self.fraction_lost;
        stats.video = self.video.as_ref().map(VideoOut::counters).unwrap_or_default();
        stats.estimate = self.controls_rate.then(|| self.controller.estimate());
        stats
    }
}
