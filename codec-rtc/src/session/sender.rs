//! Sender of a session.

use std::collections::VecDeque;
use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, FrameRequest, Packet};
use codec_core::error::ConfigError;

use super::audio_out::{AudioOut, AudioPacket};
use super::config::SenderConfig;
use super::e2ee::Encryption;
use super::frames::Numbers;
use super::outgoing::Outgoing;
use super::reporters::{ByeOutcome, Reporters};
use super::stats::{RemoteInbound, SenderStats};
use super::video_out::VideoOut;
use crate::allocation::{Allocation, Allocator};
use crate::audio::{AudioLink, Resilience};
use crate::congestion::{Controller, ControllerConfig, Estimate, Outcome};
use crate::extension::abs_send_time;
use crate::pacer::{Departure, Pacer, PacerConfig, Priority};
use crate::packet::vp8::CLOCK_HZ;
use crate::report::{ReferenceTimes, RoundTrip, Schedule, ScheduleConfig, ntp};
use crate::rng::Rng;
use crate::rtcp::{self, Bye, ReportBlock, Sdes, SenderReport, Xr};
use crate::rtp::Malformed;

/// Maximum queueing time in the pacer, and the queueing time above which frames should be skipped.
const MAX_QUEUE: Duration = Duration::from_secs(1);
const FULL_QUEUE: Duration = Duration::from_millis(150);
/// Minimum pacing rate.
const LEAST_PACE: Bitrate = Bitrate(100_000);
/// Minimum inherent loss at which retransmissions are sent twice, and the delay of the copy:
/// another request would take a round trip.
const LOSSY: f64 = 0.03;
const COPY_AFTER: Duration = Duration::from_millis(8);
/// Maximum number of pending copies.
const MAX_COPIES: usize = 256;
/// Interval of updates of the audio resilience, and the headers of audio packets of 20 ms in bits
/// per second.
const AUDIO_CHECK_INTERVAL: Duration = Duration::from_secs(1);
const AUDIO_OVERHEAD_BPS: u64 = 50 * 8 * 58;
/// Most datagrams that wait to be fetched before the pacer lets others go.
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
/// Before each frame, apply the result of [`Self::request`] to the encoder; pass its output to
/// [`Self::send_video`]. Everything else happens in [`Self::handle_datagram`], [`Self::poll_transmit`] and
/// [`Self::poll_timeout`].
///
/// # Call order
///
/// Inputs are [`Self::handle_datagram`], [`Self::send_video`], [`Self::send_audio`] and
/// [`Self::handle_timeout`]. After each input, call [`Self::poll_transmit`] and
/// [`Self::poll_event`] until both return `None`; then wait for the next input, at the latest until
/// [`Self::poll_timeout`], and call [`Self::handle_timeout`] then. See the [crate](crate).
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
    drives: bool,
    allocator: Allocator,
    /// Next transport-wide sequence number, and the frame parts of recent ones.
    transport_sequence: u16,
    numbers: Numbers,
    round_trip: RoundTrip,
    reference_times: ReferenceTimes,
    schedule: Schedule,
    fraction_lost: f64,
    /// The receiver sends per-packet feedback.
    knows_packets: bool,
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
        let schedule = ScheduleConfig::new(rng.next_u64());
        Ok(Self {
            video: video.transpose()?,
            audio,
            e2ee: Encryption::default(),
            pacer: Pacer::new(pacer)?,
            controller,
            drives,
            allocator: Allocator::new(config.allocation())?,
            transport_sequence: u16::try_from(rng.below(1 << 16)).unwrap_or(0),
            numbers: Numbers::new(),
            round_trip: RoundTrip::default(),
            reference_times: ReferenceTimes::default(),
            schedule: Schedule::new(Duration::ZERO, schedule),
            fraction_lost: 0.0,
            knows_packets: false,
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
    /// The encoder must follow it exactly, and its packets must be passed to [`Self::send_video`] in
    /// order.
    pub fn request(&mut self, now: Duration, pts: i64) -> FrameRequest {
        match &mut self.video {
            Some(video) => video.request(now, pts),
            None => FrameRequest::at(pts),
        }
    }

    /// Whether to skip the next frame, because the pacer queue would delay it and all following
    /// ones.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.drives && self.pacer.queue_time() > FULL_QUEUE
    }

    /// Sends a coded frame captured at `captured`; `timestamp` is in units of 1/90,000 s.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the frame is empty, the session has no video, or encryption fails.
    pub fn send_video(
        &mut self,
        now: Duration,
        captured: Duration,
        timestamp: u32,
        packet: &Packet,
    ) -> Result<(), Malformed> {
        let wall = ntp::at(self.config.ntp_at_zero, captured);
        let video = self
            .video
            .as_mut()
            .ok_or(Malformed::Field { what: "this session has no video stream" })?;
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
    /// Returns [`Malformed`] if it is empty or too long, the session has no audio, or encryption
    /// fails.
    pub fn send_audio(&mut self, packet: &AudioPacket<'_>) -> Result<(), Malformed> {
        let wall = ntp::at(self.config.ntp_at_zero, packet.captured);
        let audio =
            self.audio.as_mut().ok_or(Malformed::Field { what: "no sound was agreed on" })?;
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

    fn handle_rtcp(&mut self, now: Duration, packet: rtcp::Packet) {
        if let Some(ssrc) = self.reporter(&packet) {
            self.reporters.reported(now, ssrc);
        }
        match packet {
            rtcp::Packet::ReceiverReport(report) => self.handle_report_blocks(now, &report.blocks),
            rtcp::Packet::SenderReport(report) => self.handle_report_blocks(now, &report.blocks),
            rtcp::Packet::TransportFeedback(feedback) => {
                let outcome = self.controller.on_twcc(now, &feedback);
                self.handle_feedback(now, &outcome);
            }
            rtcp::Packet::Ccfb(feedback) => {
                let outcome = self.controller.on_ccfb(now, &feedback);
                self.handle_feedback(now, &outcome);
            }
            rtcp::Packet::Nack(nack) => {
                self.retransmit_requested(now, nack.media_ssrc, &nack.sequences)
            }
            rtcp::Packet::Pli(_) | rtcp::Packet::Fir(_) => {
                if let Some(video) = &mut self.video {
                    video.key_request(now);
                }
            }
            rtcp::Packet::Rpsi(rpsi) => {
                if let (Some(video), Some(id)) = (&mut self.video, rpsi.vp8_picture_id()) {
                    video.confirmed(now, id);
                }
            }
            rtcp::Packet::Remb(remb) => {
                self.controller.on_remb(Bitrate(remb.bitrate_bps));
            }
            rtcp::Packet::Xr(report) => {
                if let Some(time) = report.reference_time {
                    self.reference_times.push(now, report.ssrc, time);
                }
            }
            rtcp::Packet::Bye(bye) => match self.reporters.left(now, &bye) {
                ByeOutcome::Unknown => self.stats.unknown_byes += 1,
                ByeOutcome::OthersRemain => {}
                ByeOutcome::LastLeft if self.has_left => {}
                ByeOutcome::LastLeft => {
                    self.has_left = true;
                    self.push_event(SenderEvent::Left);
                }
            },
            _ => {}
        }
    }

    /// SSRC of the receiver if the packet reports on our streams.
    fn reporter(&self, packet: &rtcp::Packet) -> Option<u32> {
        let about_ours = |blocks: &[ReportBlock]| blocks.iter().any(|it| self.is_ours(it.ssrc));
        let ssrc = match packet {
            rtcp::Packet::ReceiverReport(it) if about_ours(&it.blocks) => it.ssrc,
            rtcp::Packet::SenderReport(it) if about_ours(&it.blocks) => it.ssrc,
            // Transport-wide feedback covers all streams.
            rtcp::Packet::TransportFeedback(it) => it.sender_ssrc,
            rtcp::Packet::Ccfb(it) => it.sender_ssrc,
            rtcp::Packet::Remb(it) => it.sender_ssrc,
            rtcp::Packet::Nack(it) if self.is_ours(it.media_ssrc) => it.sender_ssrc,
            rtcp::Packet::Pli(it) if self.is_ours(it.media_ssrc) => it.sender_ssrc,
            rtcp::Packet::Rpsi(it) if self.is_ours(it.media_ssrc) => it.sender_ssrc,
            _ => return None,
        };
        Some(ssrc).filter(|&ssrc| !self.is_ours(ssrc))
    }

    fn handle_report_blocks(&mut self, now: Duration, blocks: &[ReportBlock]) {
        let wall = ntp::at(self.config.ntp_at_zero, now);
        let mut worst: Option<f64> = None;
        for block in blocks {
            if !self.is_ours(block.ssrc) {
                continue;
            }
            let round_trip = self.round_trip.on_report(wall, block);
            if let Some(rtt) = round_trip {
                self.update_round_trip(now, rtt);
            }
            let audio = self.config.streams.audio.filter(|stream| stream.ssrc == block.ssrc);
            let (remote, clock_hz) = match audio {
                Some(stream) => (&mut self.stats.remote_audio, stream.clock_hz),
                None => (&mut self.stats.remote_video, CLOCK_HZ),
            };
            *remote = Some(RemoteInbound::follow(*remote, block, clock_hz, round_trip));
            if let Some(video) = self.video.as_mut().filter(|_| !self.knows_packets) {
                video.reported(block);
            }
            let lost = f64::from(block.fraction_lost) / 256.0;
            worst = Some(worst.map_or(lost, |worst| worst.max(lost)));
        }
        if let Some(lost) = worst {
            self.fraction_lost = lost;
            self.controller.on_loss_report(now, lost);
        }
    }

    fn is_ours(&self, ssrc: u32) -> bool {
        let video = self.config.streams.video.is_some_and(|stream| stream.ssrc == ssrc);
        video || self.config.streams.audio.is_some_and(|stream| stream.ssrc == ssrc)
    }

    fn update_round_trip(&mut self, now: Duration, rtt: Duration) {
        self.controller.on_rtt(now, rtt);
        if let Some(video) = &mut self.video {
            video.set_round_trip(rtt);
        }
    }

    /// Processes per-packet feedback.
    fn handle_feedback(&mut self, now: Duration, outcome: &Outcome) {
        self.knows_packets = true;
        let Some(video) = &mut self.video else { return };
        for &number in &outcome.received {
            if let Some(part) = self.numbers.get(number) {
                video.arrived(part);
            }
        }
        for &number in &outcome.lost {
            if let Some(part) = self.numbers.get(number) {
                video.lost(now, part);
            }
        }
        let packets = outcome.received.len() + outcome.lost.len();
        video.observe(packets, &outcome.lost);
        video.set_queueing(self.controller.estimate().queueing);
    }

    fn retransmit_requested(&mut self, now: Duration, ssrc: u32, sequences: &[u16]) {
        let is_lossy = self.controller.inherent_loss() >= LOSSY;
        let Some(video) = self.video.as_mut().filter(|video| video.ssrc() == ssrc) else { return };
        let mut all = Vec::new();
        for &sequence in sequences {
            let Some((first, second)) = video.again(now, sequence, is_lossy) else { continue };
            all.push(first);
            if let Some(second) = second.filter(|_| self.copies.len() < MAX_COPIES) {
                self.copies.push_back((now + COPY_AFTER, second));
            }
        }
        for outgoing in all {
            self.retransmit(outgoing);
        }
    }

    fn retransmit(&mut self, outgoing: Outgoing) {
        let bytes = outgoing.len_bytes(&self.config.streams.extensions) + self.overhead();
        if !self.pacer.push(bytes, Priority::Retransmission, outgoing) {
            self.stats.overflowed += 1;
        }
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

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    /// Does what is due by `now`: rates, reports, and the packets that the pacer lets go.
    pub fn handle_timeout(&mut self, now: Duration) {
        while self.ready.len() < MAX_READY && self.advance(now) {}
    }

    /// Prepares at most one packet of media. `false`: nothing more leaves by `now`.
    fn advance(&mut self, now: Duration) -> bool {
        self.follow(now);
        while self.copies.front().is_some_and(|&(at, _)| at <= now) {
            if let Some((_, outgoing)) = self.copies.pop_front() {
                self.retransmit(outgoing);
            }
        }
        if self.schedule.poll(now) {
            self.report(now);
        }
        let Some(departure) = self.pacer.poll_departure(now) else { return false };
        let datagram = self.stamp(now, departure);
        self.ready.push_back(datagram);
        true
    }

    /// The next datagram to send. To be called until there is none.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Updates the rates from the bandwidth estimate.
    fn follow(&mut self, now: Duration) {
        let told = self.controller.poll(now);
        if !self.drives {
            return;
        }
        if let Some(estimate) = told {
            let pace = self.controller.pacing_rate().max(LEAST_PACE);
            // Within the range of the pacer.
            let _ = self.pacer.set_rate(pace);
            self.schedule.set_bandwidth(estimate.target.0);
            let repair = self.video.as_ref().map(VideoOut::repair).unwrap_or_default();
            let allocation = self.allocator.allocate(estimate.target, repair);
            if let Some(video) = &mut self.video {
                video.set_bitrate(allocation.video.0);
            }
            self.stats.target = estimate.target;
            self.stats.video_target = allocation.video;
            let steady_video = Bitrate(scaled(allocation.video.0, &estimate));
            self.push_event(SenderEvent::Target { estimate, allocation, steady_video });
            self.update_audio_resilience(now, &estimate, &allocation);
        }
        self.pacer.set_held(self.controller.is_window_full(now));
        // A probe that cannot be filled would only time out.
        if !self.pacer.is_probing()
            && self.video.as_ref().is_some_and(VideoOut::can_pad)
            && let Some(cluster) = self.controller.poll_probe()
        {
            self.pacer.start_probe(now, cluster);
        }
        while let Some(bytes) = self.pacer.padding_wanted(now) {
            let padding = self.video.as_mut().and_then(|video| video.padding(bytes));
            let Some(outgoing) = padding else { break };
            let len = outgoing.len_bytes(&self.config.streams.extensions) + self.overhead();
            if !self.pacer.push(len, Priority::Padding, outgoing) {
                break;
            }
        }
    }

    /// Periodically updates the audio resilience.
    fn update_audio_resilience(&mut self, now: Duration, estimate: &Estimate, parts: &Allocation) {
        let Some(stream) = self.config.streams.audio.filter(|stream| stream.is_opus()) else {
            return;
        };
        if now < self.next_audio_check {
            return;
        }
        self.next_audio_check = now + AUDIO_CHECK_INTERVAL;
        let burst = self.video.as_ref().map_or(1.0, VideoOut::burst);
        let link = AudioLink {
            loss: estimate.loss,
            burst,
            // Includes headers and redundancy.
            bitrate: Bitrate(parts.audio.0 + AUDIO_OVERHEAD_BPS),
            red: stream.red.is_some(),
        };
        let (before, after) = (self.resilience, self.resilience.next(&link));
        if before != after {
            self.resilience = after;
            self.set_audio_redundancy(after.red_depth.into());
            self.push_event(SenderEvent::AudioResilience { before, after });
        }
    }

    /// Sets the send-time extensions of a packet and records it.
    fn stamp(&mut self, now: Duration, departure: Departure<Outgoing>) -> Vec<u8> {
        let Departure { packet: mut outgoing, probe } = departure;
        let map = self.config.streams.extensions;
        if let (Some(video), false) = (&mut self.video, outgoing.is_audio) {
            video.leaves(now, &outgoing);
        }
        let number = self.transport_sequence;
        self.transport_sequence = number.wrapping_add(1);
        self.numbers.set(number, outgoing.part);
        outgoing.extensions.transport_sequence = Some(number);
        let wall = ntp::at(self.config.ntp_at_zero, now);
        outgoing.extensions.abs_send_time = Some(abs_send_time(wall));
        let bytes = outgoing.bytes(&map);
        let on_wire = bytes.len() + self.overhead();
        let size = u32::try_from(on_wire).unwrap_or(u32::MAX);
        self.controller.on_sent(now, number, size, outgoing.kind, probe);
        self.controller.on_sent_rtp(outgoing.header.ssrc, outgoing.header.sequence, number);
        let overhead = self.overhead();
        let traffic = self.stats.traffic(outgoing.kind, outgoing.is_audio);
        traffic.add(bytes.len(), outgoing.payload.len(), overhead);
        bytes
    }

    /// Sends sender reports of all streams in one compound packet (RFC 3550, section 6.1).
    fn report(&mut self, now: Duration) {
        let wall = self.config.ntp_at_zero;
        let mut packets = Vec::new();
        let video = self.video.as_ref().map(|video| (video.ssrc(), video.report(now, wall)));
        let audio = self.audio.as_ref().map(|audio| (audio.ssrc(), audio.report(now, wall)));
        let mut first = None;
        for (ssrc, info) in video.into_iter().chain(audio) {
            let Some(info) = info else { continue };
            first.get_or_insert(ssrc);
            let report = SenderReport { ssrc, info, blocks: Vec::new() };
            packets.push(rtcp::Packet::SenderReport(report));
            packets.push(rtcp::Packet::Sdes(Sdes::cname(ssrc, &self.config.cname)));
        }
        let Some(ssrc) = first else { return };
        let dlrr = self.reference_times.answers(now);
        if !dlrr.is_empty() {
            packets.push(rtcp::Packet::Xr(Xr { ssrc, dlrr, ..Xr::default() }));
        }
        self.send_rtcp(&packets);
    }

    fn send_rtcp(&mut self, packets: &[rtcp::Packet]) {
        let mut datagram = Vec::new();
        // Our packets are within their ranges.
        if rtcp::write_compound(packets, &mut datagram).is_ok() {
            self.schedule.on_packet(datagram.len());
            self.ready.push_back(datagram);
        }
    }

    /// Ends the session: queues BYE (RFC 3550, section 6.6).
    pub fn leave(&mut self, now: Duration, reason: &str) {
        self.report(now);
        let video = self.video.as_ref().map(VideoOut::ssrc);
        let sources = video.into_iter().chain(self.audio.as_ref().map(AudioOut::ssrc)).collect();
        let reason = reason.bytes().take(255).collect();
        self.send_rtcp(&[rtcp::Packet::Bye(Bye { ssrcs: sources, reason })]);
    }

    /// Deadline of the next call of [`Self::handle_timeout`] if no packet arrives; a time in the past means
    /// immediately.
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
        stats.estimate = self.drives.then(|| self.controller.estimate());
        stats
    }
}

/// Scales a part of the target to the stable estimate.
fn scaled(part: u64, estimate: &Estimate) -> u64 {
    let scaled = u128::from(part) * u128::from(estimate.stable.0);
    u64::try_from(scaled / u128::from(estimate.target.0.max(1))).unwrap_or(u64::MAX)
}
