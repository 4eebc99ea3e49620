//! Receiver of a session.

mod feedback;

use std::collections::VecDeque;
use std::time::Duration;

use codec_audio::AudioBuf;

use super::audio_in::AudioIn;
use super::config::{PacketFeedback, ReceiverConfig};
use super::e2ee::Decryption;
use super::stats::ReceiverStats;
use super::video_in::{PacketClass, VideoIn};
use crate::demux::{self, Datagram};
use crate::extension::Extensions;
use crate::jitter::audio::{AudioBuffer, Pulled};
use crate::jitter::video::{Frame, FrameId, PlayoutDelay, RecoveryOptions};
use crate::packet::h264::ParameterSets;
use crate::packet::vp8::CLOCK_HZ;
use crate::report::{
    CcfbRecorder, CcfbRecorderConfig, RoundTrip, RtcpSchedule, RtcpScheduleConfig, TwccRecorder,
    TwccRecorderConfig, ntp,
};
use crate::rtcp::{self, Bye, Ecn};
use crate::rtp::{self, Malformed};
use crate::sync::{Delays, LipSync, LipSyncConfig};

/// Maximum datagram size in bytes; larger ones are rejected.
pub const MAX_DATAGRAM_BYTES: usize = 2048;
/// Minimum time between two feedback messages caused by gaps.
const GAP_INTERVAL: Duration = Duration::from_millis(10);
#[derive(Debug)]
enum Recorder {
    Off,
    Twcc(Box<TwccRecorder>),
    Ccfb(Box<CcfbRecorder>),
}

/// An event for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiverEvent {
    /// The sender sent BYE for all of its streams. Reported once.
    Left {
        /// The reason in the BYE; may be empty.
        reason: String,
    },
}

/// Receiver of a session: datagrams in; frames, audio and RTCP feedback out.
///
/// [`Self::poll_frame`] returns frames in decoding order; report the result of the decoder with
/// [`Self::decoded`] or [`Self::failed`]. Audio comes from the jitter buffer passed to
/// [`Self::with_audio`].
///
/// # Call order
///
/// Inputs are [`Self::handle_datagram`] and [`Self::handle_timeout`]. After each input, call
/// [`Self::poll_frame`] until it returns `None`, then [`Self::handle_timeout`], then
/// [`Self::poll_transmit`] and [`Self::poll_event`] until both return `None`; then wait for the
/// next datagram, at the latest until [`Self::poll_timeout`]. See the [crate].
#[derive(Debug)]
pub struct Receiver {
    config: ReceiverConfig,
    video: Option<VideoIn>,
    audio: Option<AudioIn>,
    decryption: Decryption,
    recorder: Recorder,
    lip_sync: LipSync,
    round_trip: RoundTrip,
    schedule: RtcpSchedule,
    /// Last decoded and last acknowledged frame.
    decoded: Option<FrameId>,
    acknowledged: Option<FrameId>,
    acknowledged_at: Option<Duration>,
    ready: VecDeque<Vec<u8>>,
    bye_reason: Option<String>,
    has_reported_left: bool,
    /// Fraction lost in the last report, in 1/256.
    fraction_lost: u8,
    /// Requests to be repeated, and when: sending twice raises the delivery probability, and the
    /// sender responds only once per round trip.
    repeats: VecDeque<(Duration, rtcp::Packet)>,
    last_packet: Option<Duration>,
    stats: ReceiverStats,
}

impl Receiver {
    /// Creates a receiver.
    #[must_use]
    pub fn new(config: ReceiverConfig) -> Self {
        let video = config.streams.video.map(|stream| VideoIn::new(&config, stream));
        let audio = config.streams.audio.map(AudioIn::new);
        let media_ssrc = config.streams.video.map_or(0, |stream| stream.ssrc);
        let recorder = match config.feedback {
            PacketFeedback::Twcc if config.streams.counts_transport() => {
                let recorder = TwccRecorderConfig {
                    sender_ssrc: config.ssrc,
                    media_ssrc,
                    on_gap: Some(GAP_INTERVAL),
                    ..TwccRecorderConfig::default()
                };
                Recorder::Twcc(Box::new(TwccRecorder::new(recorder)))
            }
            PacketFeedback::Ccfb => {
                let recorder = CcfbRecorderConfig {
                    sender_ssrc: config.ssrc,
                    ..CcfbRecorderConfig::default()
                };
                Recorder::Ccfb(Box::new(CcfbRecorder::new(recorder)))
            }
            _ => Recorder::Off,
        };
        let schedule = RtcpScheduleConfig::new(config.seed);
        let audio_hz = config.streams.audio.map_or(CLOCK_HZ, |audio| audio.clock_hz);
        let lip_sync = LipSync::new(LipSyncConfig::default(), audio_hz, CLOCK_HZ);
        Self {
            video,
            audio,
            decryption: Decryption::default(),
            recorder,
            lip_sync,
            round_trip: RoundTrip::default(),
            schedule: RtcpSchedule::new(Duration::ZERO, schedule),
            decoded: None,
            acknowledged: None,
            acknowledged_at: None,
            ready: VecDeque::new(),
            bye_reason: None,
            has_reported_left: false,
            fraction_lost: 0,
            repeats: VecDeque::new(),
            last_packet: None,
            stats: ReceiverStats::default(),
            config,
        }
    }

    /// Sets the jitter buffer for audio, with the payload types of the stream registered.
    #[must_use]
    pub fn with_audio(mut self, buffer: AudioBuffer) -> Self {
        if let Some(audio) = &mut self.audio {
            audio.buffer = Some(buffer);
        }
        self
    }

    /// Sets the parameter sets of an H.264 stream from signalling.
    #[must_use]
    pub fn with_parameter_sets(mut self, sets: &ParameterSets) -> Self {
        if let Some(video) = &mut self.video {
            video.buffer.set_parameter_sets(sets);
        }
        self
    }

    /// Enables end-to-end encryption: from now on, frames and audio that fail decryption or
    /// authentication are dropped.
    #[cfg(feature = "sframe")]
    #[must_use]
    pub fn with_decryptor(mut self, decryptor: crate::sframe::Decryptor) -> Self {
        self.decryption.decryptor = Some(decryptor);
        self
    }

    /// The decryption state, for setting keys.
    #[cfg(feature = "sframe")]
    pub fn decryptor(&mut self) -> Option<&mut crate::sframe::Decryptor> {
        self.decryption.decryptor.as_mut()
    }

    /// Returns the decryption state for the receiver of a following session, so that its replay
    /// protection continues.
    #[cfg(feature = "sframe")]
    #[must_use]
    pub fn into_decryptor(self) -> Option<crate::sframe::Decryptor> {
        self.decryption.decryptor
    }

    /// The audio jitter buffer.
    #[must_use]
    pub fn audio(&self) -> Option<&AudioBuffer> {
        self.audio.as_ref()?.buffer.as_ref()
    }

    /// Returns the next 10 ms of audio, played at `now`; `None` without a jitter buffer.
    pub fn pull_audio(&mut self, now: Duration, out: &mut AudioBuf) -> Option<Pulled> {
        let pulled = self.audio.as_mut()?.buffer.as_mut()?.pull(now, out);
        if let Some(timestamp) = pulled.timestamp {
            self.lip_sync.audio_played(now, timestamp);
        }
        Some(pulled)
    }

    /// Processes an RTP or RTCP datagram.
    ///
    /// # Errors
    /// Returns [`Malformed`] if the datagram is invalid; it is counted and dropped.
    pub fn handle_datagram(&mut self, now: Duration, datagram: &[u8]) -> Result<(), Malformed> {
        self.stats.received.packets += 1;
        self.stats.received.bytes += datagram.len() as u64;
        let taken = self.take(now, datagram);
        if taken.is_err() {
            self.stats.malformed += 1;
        }
        taken
    }

    fn take(&mut self, now: Duration, datagram: &[u8]) -> Result<(), Malformed> {
        if datagram.len() > MAX_DATAGRAM_BYTES {
            let (most, had) = (MAX_DATAGRAM_BYTES, datagram.len());
            return Err(Malformed::TooMany {
                what: "bytes in a datagram",
                limit: most,
                actual: had,
            });
        }
        match demux::classify(datagram) {
            Datagram::Rtp => self.handle_rtp(now, datagram),
            Datagram::Rtcp => self.handle_rtcp(now, datagram),
            _ => Err(Malformed::Field { what: "the datagram is neither RTP nor RTCP" }),
        }
    }

    fn handle_rtp(&mut self, now: Duration, datagram: &[u8]) -> Result<(), Malformed> {
        let packet = rtp::parse(datagram)?;
        let extensions = Extensions::from_packet(&packet, &self.config.streams.extensions)?;
        let header = packet.header;
        let mut taken = PacketClass::Other;
        if let Some(video) = &mut self.video {
            taken = video.push(now, datagram, &packet, &extensions)?;
        }
        let mut traffic = match taken {
            PacketClass::Media => Some(&mut self.stats.video_received),
            PacketClass::Retransmission => Some(&mut self.stats.retransmissions_received),
            PacketClass::Fec => Some(&mut self.stats.fec_received),
            PacketClass::Padding => Some(&mut self.stats.padding_received),
            PacketClass::Other => None,
        };
        if let (None, Some(audio)) = (&traffic, &mut self.audio)
            && audio.push(now, &packet, &mut self.decryption)?
        {
            traffic = Some(&mut self.stats.audio_received);
        }
        let Some(traffic) = traffic else {
            self.stats.unknown += 1;
            return Ok(());
        };
        traffic.add(datagram.len(), packet.payload.len(), 0);
        self.last_packet = Some(now);
        match (&mut self.recorder, extensions.transport_sequence) {
            (Recorder::Twcc(recorder), Some(number)) => recorder.push(now, number),
            (Recorder::Ccfb(recorder), _) => {
                recorder.push(now, header.ssrc, header.sequence, Ecn::NotCapable);
            }
            _ => {}
        }
        Ok(())
    }

    fn handle_rtcp(&mut self, now: Duration, datagram: &[u8]) -> Result<(), Malformed> {
        let wall = ntp::at(self.config.ntp_at_zero, now);
        for packet in rtcp::parse_compound(datagram) {
            match packet? {
                rtcp::Packet::SenderReport(report) => {
                    if let Some(video) =
                        self.video.as_mut().filter(|video| video.stream.ssrc == report.ssrc)
                    {
                        video.reception.on_sender_report(now, report.info.ntp);
                        self.lip_sync.video_report(report.info.rtp_timestamp, report.info.ntp);
                    }
                    if let Some(audio) =
                        self.audio.as_mut().filter(|audio| audio.stream.ssrc == report.ssrc)
                    {
                        audio.reception.on_sender_report(now, report.info.ntp);
                        self.lip_sync.audio_report(report.info.rtp_timestamp, report.info.ntp);
                    }
                }
                rtcp::Packet::Xr(report) => {
                    let ours = self.config.ssrc;
                    for answer in report.dlrr.iter().filter(|it| it.ssrc == ours) {
                        if self.round_trip.on_dlrr(wall, answer).is_some() {
                            self.update_round_trip();
                        }
                    }
                }
                rtcp::Packet::Bye(bye) => self.handle_bye(&bye),
                _ => {}
            }
        }
        Ok(())
    }

    /// Processes BYE. The sender has left when all its streams that were received have ended, each
    /// possibly at its own time.
    fn handle_bye(&mut self, bye: &Bye) {
        let mut is_ours = false;
        let mut all_gone = true;
        if let Some(video) = &mut self.video {
            let says_so = bye.ssrcs.contains(&video.stream.ssrc);
            video.ended |= says_so;
            is_ours |= says_so;
            all_gone &= video.ended || video.reception.counters().received == 0;
        }
        if let Some(audio) = &mut self.audio {
            let says_so = bye.ssrcs.contains(&audio.stream.ssrc);
            audio.ended |= says_so;
            is_ours |= says_so;
            all_gone &= audio.ended || audio.reception.counters().received == 0;
        }
        if is_ours && all_gone {
            self.bye_reason = Some(String::from_utf8_lossy(&bye.reason).into_owned());
        }
    }

    fn update_round_trip(&mut self) {
        let Some(rtt) = self.round_trip.smoothed() else { return };
        if let Some(video) = &mut self.video {
            let repair = self.config.video.recovery;
            video.set_round_trip(rtt, RecoveryOptions { nack: self.config.nack, ..repair });
        }
    }

    /// Returns the next frame to decode. Call it until it returns `None`.
    pub fn poll_frame(&mut self, now: Duration) -> Option<Frame> {
        self.video.as_mut()?.poll(now, &mut self.decryption)
    }

    /// Reports that a frame was decoded, which took `took`.
    pub fn decoded(&mut self, now: Duration, frame: &Frame, took: Duration) {
        if let Some(video) = &mut self.video {
            video.buffer.decoded(now, frame.number, took);
        }
        self.decoded = Some(frame.id);
    }

    /// Reports that decoding a frame failed.
    pub fn failed(&mut self, now: Duration, frame: &Frame) {
        if let Some(video) = &mut self.video {
            video.buffer.failed(now, frame.number);
        }
    }

    /// Reports that the frame with this RTP timestamp was rendered.
    pub fn rendered(&mut self, at: Duration, timestamp: u32) {
        if let Some(video) = &mut self.video {
            video.buffer.rendered(at);
        }
        self.lip_sync.video_rendered(at, timestamp);
    }

    /// Capture time of an audio timestamp by the sender's clock (NTP, 32.32 bits), from sender
    /// reports. `None` before the first report.
    #[must_use]
    pub fn audio_captured(&self, timestamp: u32) -> Option<u64> {
        self.lip_sync.audio_captured(timestamp)
    }

    /// Capture time of a video timestamp, like [`Self::audio_captured`].
    #[must_use]
    pub fn video_captured(&self, timestamp: u32) -> Option<u64> {
        self.lip_sync.video_captured(timestamp)
    }

    /// Delays audio or video for lip sync, whichever is ahead.
    fn synchronise(&mut self, now: Duration) {
        let Some(video) = &mut self.video else { return };
        let Some(buffer) = self.audio.as_mut().and_then(|audio| audio.buffer.as_mut()) else {
            return;
        };
        let targets =
            Delays { audio: buffer.target_delay(now), video: video.buffer.target_delay() };
        if let Some(asked) = self.lip_sync.update(now, targets) {
            buffer.set_min_delay(asked.audio);
            let max = self.config.video.delay.bounds.max.max(asked.video);
            video.buffer.set_delay_bounds(PlayoutDelay { min: asked.video, max });
        }
    }

    /// Reason in the BYE of the sender, once it has left.
    #[must_use]
    pub fn bye_reason(&self) -> Option<&str> {
        self.bye_reason.as_deref()
    }

    /// Arrival of the last valid packet of the session.
    #[must_use]
    pub fn last_packet(&self) -> Option<Duration> {
        self.last_packet
    }

    /// Prepares the requests, feedback and reports that are due by `now`. Call it after
    /// [`Self::poll_frame`] has returned `None`.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.request_recovery(now);
        self.synchronise(now);
        if self.schedule.poll(now) {
            self.report(now);
        }
    }

    /// Returns the next datagram to send back. Call it until it returns `None`.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }

    /// Returns the next event. Call it until it returns `None`.
    pub fn poll_event(&mut self) -> Option<ReceiverEvent> {
        if self.has_reported_left {
            return None;
        }
        let reason = self.bye_reason.clone()?;
        self.has_reported_left = true;
        Some(ReceiverEvent::Left { reason })
    }

    /// Ends the session: queues BYE (RFC 3550, section 6.6).
    pub fn close(&mut self, now: Duration, reason: &str) {
        self.report(now);
        let reason = reason.bytes().take(255).collect();
        let ssrcs = vec![self.config.ssrc];
        self.send(&[rtcp::Packet::Bye(Bye { ssrcs, reason })]);
    }

    /// Deadline of the next call of [`Self::poll_frame`] and [`Self::handle_timeout`] if no packet
    /// arrives; a time in the past means immediately.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let video = self.video.as_ref().and_then(VideoIn::poll_timeout);
        let feedback = match &self.recorder {
            Recorder::Off => None,
            Recorder::Twcc(recorder) => recorder.poll_timeout(),
            Recorder::Ccfb(recorder) => recorder.poll_timeout(),
        };
        let waiting = self.config.acknowledge_frames && self.decoded != self.acknowledged;
        let interval = self.acknowledge_interval();
        let acknowledge = self.acknowledged_at.filter(|_| waiting).map(|at| at + interval);
        let report = Some(self.schedule.poll_timeout());
        let repeat = self.repeats.front().map(|&(at, _)| at);
        [video, feedback, acknowledge, report, repeat].into_iter().flatten().min()
    }

    /// Counters and current values.
    #[must_use]
    pub fn stats(&self) -> ReceiverStats {
        let mut stats = self.stats;
        stats.round_trip = self.round_trip.smoothed();
        stats.lip_sync =
            self.audio.as_ref().and(self.video.as_ref()).map(|_| *self.lip_sync.stats());
        #[cfg(feature = "sframe")]
        {
            stats.e2ee = self.decryption.counters();
        }
        if let Some(video) = &self.video {
            stats.recovered = video.recovered;
            stats.retransmitted = video.retransmitted;
            stats.video_late = video.late;
            stats.fec = video.fec_counters();
            stats.video_packets = video.reception.counters();
            stats.video = video.buffer.stats();
            stats.dropped = video.buffer.dropped();
            stats.nacks = video.nack_generator.as_ref().map(|it| it.counters()).unwrap_or_default();
        }
        if let Some(audio) = &self.audio {
            stats.audio_packets = audio.reception.counters();
            stats.audio = audio.buffer.as_ref().map(|buffer| *buffer.stats());
        }
        stats
    }
}
