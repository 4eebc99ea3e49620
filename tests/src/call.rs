//! A call in virtual time: our sender, two links, our receiver, a real encoder and a real decoder.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use codec_audio::{AudioBuf, AudioCodec, AudioDecoder, AudioFormat, ChannelLayout, SampleKind};
use codec_core::codec::{
    Bitrate, DropPolicy, EncoderConfig, FrameKind, Outcome, Packet, Scalability, Update,
    VideoDecoder, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_rtc::jitter::audio::{AudioBuffer, AudioBufferConfig};
use codec_rtc::jitter::video::{Freeze, freezes};
use codec_rtc::link::{Link, LinkConfig, RateTrace};
use codec_rtc::rtp;
use codec_rtc::session::{
    AudioPacket, Receiver, ReceiverConfig, ReceiverStats, Sender, SenderConfig, SenderEvent,
    SenderStats, VideoFec,
};

use crate::encoders::Tested;
use crate::scene::{self, Motion};

/// Frames generated beforehand, played alternately forwards and backwards.
const SCENE_FRAMES: u64 = 48;
/// Duration of decoding.
const DECODE: Duration = Duration::from_millis(2);
/// Maximum step of the virtual time.
const STEP: Duration = Duration::from_micros(20);

/// Conditions of a call.
#[derive(Clone, Debug)]
pub struct CallConfig {
    /// The encoder and the decoder, for the format of the streams.
    pub codec: Tested,
    /// Size of the frames.
    pub size: Size,
    /// Frames per second.
    pub fps: u32,
    /// Motion of the scene.
    pub motion: Motion,
    /// Duration of the capture.
    pub length: Duration,
    /// From the sender to the receiver, and back.
    pub links: (LinkConfig, LinkConfig),
    /// Seed of the losses.
    pub seed: u64,
    /// The sending end.
    pub sender: SenderConfig,
    /// The receiving end.
    pub receiver: ReceiverConfig,
    /// The encoder's bitrate; if the link is followed, the initial one.
    pub bitrate: Bitrate,
    /// Its maximum.
    pub max_bitrate: Bitrate,
    /// Spatial and temporal layers.
    pub scalability: Scalability,
    /// Speed of the encoder.
    pub speed: u8,
    /// Whether the encoder may drop frames.
    pub drops: DropPolicy,
    /// How much faster than the receiver's the sender's clocks run, in ppm: that of the machine,
    /// and that of its audio device relative to the machine's.
    pub drift_ppm: (i32, i32),
    /// Creates the decoder of the audio, which is G.711 (A-law) in packets of 20 ms; `None`: video
    /// only.
    pub audio: Option<fn() -> Box<dyn AudioDecoder>>,
}

/// A frame and its way to the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameRecord {
    /// Capture time.
    pub captured: Duration,
    /// Whether it was encoded and not dropped by the encoder.
    pub coded: bool,
    /// Whether it is a key frame.
    pub is_key: bool,
    /// Bytes of the frame.
    pub bytes: usize,
    /// Digest of the encoder's reconstruction, in the highest spatial layer.
    pub digest: u64,
    /// Its packets sent for the first time, and the number that arrived.
    pub packets: (u32, u32),
    /// Arrival of the first and the last packet.
    pub arrived: Option<(Duration, Duration)>,
    /// When the decoder returned it.
    pub decoded: Option<Duration>,
    /// Whether it equals the encoder's reconstruction.
    pub is_exact: bool,
    /// When it was shown.
    pub rendered: Option<Duration>,
}

/// One second of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    /// Bytes that entered the link, including IP and UDP headers.
    pub sent_bytes: u64,
    /// Bytes that left it.
    pub arrived_bytes: u64,
    /// Maximum time in the link's queue.
    pub queueing: Duration,
    /// The bandwidth estimate at its end.
    pub target: Bitrate,
}

/// Result of a call.
#[derive(Debug)]
pub struct CallResult {
    /// Every frame.
    pub frames: Vec<FrameRecord>,
    /// Every second.
    pub seconds: Vec<Second>,
    /// The sender's figures.
    pub sender: SenderStats,
    /// The receiver's.
    pub receiver: ReceiverStats,
    /// One-way delay, without jitter and queue.
    pub delay: Duration,
    /// Frame interval.
    pub interval: Duration,
    /// Maximum queueing delay in steps of 100 ms.
    pub queueing: Vec<Duration>,
    /// Delay of audio relative to video at the end of each second, in microseconds; negative:
    /// early.
    pub audio_video_offsets_us: Vec<i64>,
    /// Memory of the process in bytes, every ten minutes.
    pub memory: Vec<u64>,
}

/// A period in which frames could not be shown as the encoder reconstructed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first frame that was missing or wrong.
    pub first: usize,
    /// From the due time of that frame until a correct frame was shown.
    pub length: Duration,
    /// The same, counted from the last frame that lost packets in this period.
    pub since_last_loss: Duration,
    /// Whether it ended with a key frame.
    pub by_key_frame: bool,
}

impl CallResult {
    /// Freezes by the definition of getStats, over the shown frames.
    #[must_use]
    pub fn freezes(&self) -> Vec<Freeze> {
        let shown: Vec<_> = self.frames.iter().filter_map(|record| record.rendered).collect();
        let Some(&last) = shown.last() else { return Vec::new() };
        freezes(&shown, last + self.interval)
    }

    /// Share of the time spent in freezes.
    #[must_use]
    pub fn frozen_share(&self) -> f64 {
        let frozen: Duration = self.freezes().iter().map(|freeze| freeze.length).sum();
        frozen.as_secs_f64() / (self.interval.as_secs_f64() * self.frames.len() as f64)
    }

    /// Mean of a time over the frames that have it.
    fn mean(&self, of: impl Fn(&FrameRecord) -> Option<Duration>) -> Duration {
        let times: Vec<_> = self.frames.iter().filter_map(of).collect();
        times.iter().sum::<Duration>() / u32::try_from(times.len().max(1)).expect("few")
    }

    /// From the first packet's arrival to the end of decoding: `totalProcessingDelay`.
    #[must_use]
    pub fn received_to_decoded(&self) -> Duration {
        self.mean(|record| Some(record.decoded?.saturating_sub(record.arrived?.0)))
    }

    /// From the first packet's arrival to the screen.
    #[must_use]
    pub fn received_to_rendered(&self) -> Duration {
        self.mean(|record| Some(record.rendered?.saturating_sub(record.arrived?.0)))
    }

    /// From capture to the screen.
    #[must_use]
    pub fn captured_to_rendered(&self) -> Duration {
        self.mean(|record| Some(record.rendered?.saturating_sub(record.captured)))
    }

    /// Frames that were shown.
    #[must_use]
    pub fn rendered(&self) -> usize {
        self.frames.iter().filter(|record| record.rendered.is_some()).count()
    }

    /// Frames that decoded to something other than the encoder's reconstruction.
    #[must_use]
    pub fn wrong(&self) -> usize {
        self.frames.iter().filter(|record| record.decoded.is_some() && !record.is_exact).count()
    }

    /// Periods without correct frames, except the first frames of the call.
    #[must_use]
    pub fn outages(&self) -> Vec<Outage> {
        let mut outages = Vec::new();
        let mut open: Option<(usize, Duration, Duration)> = None;
        let begin = self.frames.iter().position(|record| record.is_exact).unwrap_or(0);
        for (number, record) in self.frames.iter().enumerate().skip(begin) {
            if !record.coded {
                continue;
            }
            match (open, record.decoded.filter(|_| record.is_exact)) {
                (None, None) => {
                    let due = record.captured + self.delay;
                    open = Some((number, due, due));
                }
                (Some((first, since, _)), None) if record.packets.0 > record.packets.1 => {
                    open = Some((first, since, record.captured + self.delay));
                }
                (Some((first, since, last)), Some(at)) => {
                    outages.push(Outage {
                        first,
                        length: at.saturating_sub(since),
                        since_last_loss: at.saturating_sub(last),
                        by_key_frame: record.is_key,
                    });
                    open = None;
                }
                _ => {}
            }
        }
        outages
    }

    /// The quantile of the queueing delay in 100 ms steps.
    #[must_use]
    pub fn queueing_quantile(&self, share: f64) -> Duration {
        let mut sorted = self.queueing.clone();
        sorted.sort_unstable();
        let at = (share * (sorted.len().max(1) - 1) as f64) as usize;
        sorted.get(at).copied().unwrap_or_default()
    }

    /// Mean rate of bytes leaving the link within these seconds.
    #[must_use]
    pub fn arrived_rate(&self, from: usize, to: usize) -> Bitrate {
        let seconds = &self.seconds[from.min(self.seconds.len())..to.min(self.seconds.len())];
        let bytes: u64 = seconds.iter().map(|second| second.arrived_bytes).sum();
        Bitrate(bytes * 8 / (seconds.len().max(1) as u64))
    }
}

/// A link of constant rate.
///
/// # Panics
/// If the rate is invalid.
#[must_use]
pub fn link(rate: Bitrate, delay: Duration) -> LinkConfig {
    let rate = RateTrace::constant(rate).expect("a rate");
    LinkConfig { delay, ..LinkConfig::new(rate) }
}

struct Camera {
    pictures: Vec<Vec<u8>>,
}

impl Camera {
    fn new(size: Size, motion: Motion) -> Self {
        let pictures =
            (0..SCENE_FRAMES).map(|frame| scene::picture(size, frame, motion, 3)).collect();
        Self { pictures }
    }

    fn at(&self, frame: usize) -> &[u8] {
        let round = 2 * self.pictures.len() - 2;
        let at = frame % round;
        &self.pictures[at.min(round - at)]
    }
}

struct Simulation<'a> {
    config: &'a CallConfig,
    camera: Camera,
    encoder: Box<dyn VideoEncoder>,
    decoder: Box<dyn VideoDecoder>,
    sender: Sender,
    receiver: Receiver,
    forward: Link<Vec<u8>>,
    back: Link<Vec<u8>>,
    frames: Vec<FrameRecord>,
    by_timestamp: HashMap<u32, usize>,
    screen: VecDeque<(Duration, usize)>,
    seconds: Vec<Second>,
    queueing: Vec<Duration>,
    rate: Bitrate,
    decoder_free: Duration,
    audio: Audio,
    audio_video_offsets_us: Vec<i64>,
    memory: Vec<u64>,
}

/// Audio in transit.
#[derive(Debug)]
struct Audio {
    /// Packets captured so far, and the time of the next one, by the receiver's clock.
    packets: u32,
    next_packet: Duration,
    next_pull: Duration,
    out: AudioBuf,
    /// Latest delays from capture to playout of audio, and of video.
    audio_delay: Option<Duration>,
    video_delay: Option<Duration>,
    next_second: Duration,
}

/// Duration of an audio packet, and its ticks.
const AUDIO_PACKET: Duration = Duration::from_millis(20);
const AUDIO_PACKET_TICKS: u32 = 160;
const AUDIO_PULL: Duration = Duration::from_millis(10);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A time by a clock that runs faster by this much.
fn drifted(time: Duration, ppm: i32) -> Duration {
    let nanos = i128::try_from(time.as_nanos()).expect("a short time");
    let nanos = nanos + nanos * i128::from(ppm) / 1_000_000;
    Duration::from_nanos(u64::try_from(nanos).expect("a short time"))
}

/// Resident memory, if the system reports it.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    4096 * pages
}

/// Runs a call.
///
/// # Panics
/// If settings are rejected, or the decoder rejects a frame that the receiver considers complete.
#[must_use]
pub fn run(config: &CallConfig) -> CallResult {
    let framerate = Rational::new(config.fps, 1);
    let mut coding = EncoderConfig::rtc(config.size, framerate, config.bitrate);
    coding.timebase = Rational::new(1, config.fps);
    coding.report_digest = true;
    coding.error_resilient = true;
    coding.scalability = config.scalability;
    coding.speed = config.speed;
    coding.rate.drops = config.drops;
    let mut world = Simulation {
        camera: Camera::new(config.size, config.motion),
        encoder: config.codec.open(&coding).expect("settings in range"),
        decoder: config.codec.decoder(),
        sender: Sender::new(config.sender.clone()).expect("settings in range"),
        receiver: receiver(config),
        forward: Link::new(config.links.0.clone(), config.seed).expect("a link"),
        back: Link::new(config.links.1.clone(), config.seed ^ 0x5555).expect("a link"),
        frames: Vec::new(),
        by_timestamp: HashMap::new(),
        screen: VecDeque::new(),
        seconds: Vec::new(),
        queueing: Vec::new(),
        rate: config.bitrate,
        decoder_free: Duration::ZERO,
        audio: Audio {
            packets: 0,
            next_packet: Duration::ZERO,
            next_pull: Duration::ZERO,
            out: AudioBuf::new(AudioFormat::new(48_000, ChannelLayout::Mono), SampleKind::F32),
            audio_delay: None,
            video_delay: None,
            next_second: Duration::from_secs(1),
        },
        audio_video_offsets_us: Vec::new(),
        memory: Vec::new(),
        config,
    };
    world.run();
    CallResult {
        frames: world.frames,
        seconds: world.seconds,
        sender: world.sender.stats(),
        receiver: world.receiver.stats(),
        delay: config.links.0.delay,
        interval: Duration::from_secs(1) / config.fps,
        queueing: world.queueing,
        audio_video_offsets_us: world.audio_video_offsets_us,
        memory: world.memory,
    }
}

/// The receiver, with an audio buffer if there is audio.
fn receiver(config: &CallConfig) -> Receiver {
    let receiver = Receiver::new(config.receiver.clone());
    let Some(open) = config.audio else { return receiver };
    let mut buffer = AudioBuffer::new(AudioBufferConfig::new(1));
    buffer.add_decoder(8, AudioCodec::Pcma, 8_000, open()).expect("G.711");
    receiver.with_audio(buffer)
}

impl Simulation<'_> {
    /// Converts to the sender's clock.
    fn sender_time(&self, now: Duration) -> Duration {
        drifted(now, self.config.drift_ppm.0)
    }

    /// Converts from the sender's clock.
    fn receiver_time(&self, time: Duration) -> Duration {
        drifted(time, -self.config.drift_ppm.0)
    }

    fn send_audio(&mut self, now: Duration) {
        while self.config.audio.is_some()
            && self.audio.next_packet <= now
            && now < self.config.length
        {
            let number = self.audio.packets;
            // A tone with periodically changing amplitude.
            let payload: Vec<u8> = (0..AUDIO_PACKET_TICKS)
                .map(|at| if (at + number) % 8 < 4 { 0x95 } else { 0x15 } ^ (number / 25 % 4) as u8)
                .collect();
            let captured = self.sender_time(now);
            let packet = AudioPacket {
                payload: &payload,
                timestamp: number.wrapping_mul(AUDIO_PACKET_TICKS),
                captured,
                level: None,
                starts_talkspurt: number == 0,
            };
            self.sender.send_audio(&packet).expect("an audio packet");
            self.audio.packets += 1;
            let passed = AUDIO_PACKET * self.audio.packets;
            let (machine, card) = self.config.drift_ppm;
            self.audio.next_packet = drifted(passed, -machine - card);
        }
    }

    fn play_audio(&mut self, now: Duration) {
        while self.config.audio.is_some() && self.audio.next_pull <= now {
            self.audio.next_pull += AUDIO_PULL;
            let pulled = self.receiver.pull_audio(now, &mut self.audio.out);
            if let Some(timestamp) = pulled.and_then(|pulled| pulled.timestamp) {
                let (machine, card) = self.config.drift_ppm;
                let taken = Duration::from_micros(u64::from(timestamp) * 125);
                let captured = drifted(taken, -machine - card);
                self.audio.audio_delay = Some(now.saturating_sub(captured));
            }
        }
        if self.audio.next_second <= now {
            self.audio.next_second += Duration::from_secs(1);
            if let (Some(heard), Some(seen)) = (self.audio.audio_delay, self.audio.video_delay) {
                let micros = |time: Duration| i64::try_from(time.as_micros()).expect("short");
                self.audio_video_offsets_us.push(micros(heard) - micros(seen));
            }
        }
        if TEN_MINUTES * u32::try_from(self.memory.len() + 1).expect("few") <= now {
            self.memory.push(resident_bytes());
        }
    }

    fn run(&mut self) {
        let interval = Duration::from_secs(1) / self.config.fps;
        // Packets in transit at the end still arrive.
        let end = self.config.length + Duration::from_secs(2);
        let mut now = Duration::ZERO;
        let mut next_capture = Duration::ZERO;
        while now < end {
            self.send_audio(now);
            if next_capture <= now && next_capture < self.config.length {
                self.capture(now);
                next_capture += interval;
            }
            self.send(now);
            while let Some(arrival) = self.forward.poll(now) {
                let bytes = arrival.packet.len() as u64 + 28;
                self.second(now).arrived_bytes += bytes;
                if let Some(record) = self.record_of(&arrival.packet) {
                    record.packets.1 += 1;
                }
                self.receiver.handle_datagram(now, &arrival.packet).expect("a packet of ours");
            }
            self.decode(now);
            self.receiver.handle_timeout(now);
            while let Some(datagram) = self.receiver.poll_transmit() {
                self.back.send(now, datagram.len(), datagram);
            }
            while let Some(arrival) = self.back.poll(now) {
                let sender_now = self.sender_time(now);
                self.sender.handle_datagram(sender_now, &arrival.packet).expect("feedback of ours");
            }
            while let Some(event) = self.sender.poll_event() {
                self.handle_event(event);
            }
            self.render(now);
            self.play_audio(now);
            let has_audio = self.config.audio.is_some();
            let record = (next_capture < self.config.length).then_some(next_capture);
            let next = [
                record,
                self.sender.poll_timeout().map(|time| self.receiver_time(time)),
                has_audio.then_some(self.audio.next_pull),
                has_audio.then_some(self.audio.next_packet),
                self.receiver.poll_timeout(),
                self.forward.poll_timeout(),
                self.back.poll_timeout(),
                self.screen.front().map(|&(at, _)| at),
            ];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            now = next.max(now + STEP);
        }
    }

    fn second(&mut self, now: Duration) -> &mut Second {
        let at = usize::try_from(now.as_secs()).expect("a short call");
        if self.seconds.len() <= at {
            self.seconds.resize(at + 1, Second::default());
        }
        &mut self.seconds[at]
    }

    fn timestamp(&self, number: usize) -> u32 {
        // By the sender's clock.
        let captured =
            self.sender_time(Duration::from_secs(1) * u32::try_from(number).expect("few"));
        let ticks = captured.as_nanos() * 90_000 / u128::from(self.config.fps) / 1_000_000_000;
        u32::try_from(ticks & u128::from(u32::MAX)).expect("32 bits")
    }

    /// The frame of a packet of the video stream.
    fn record_of(&mut self, datagram: &[u8]) -> Option<&mut FrameRecord> {
        let header = rtp::parse(datagram).ok()?.header;
        let video = self.config.sender.streams.video.filter(|video| video.ssrc == header.ssrc)?;
        let is_media = matches!(video.fec, VideoFec::Off | VideoFec::Flex(_));
        let number = *self.by_timestamp.get(&header.timestamp).filter(|_| is_media)?;
        self.frames.get_mut(number)
    }

    fn capture(&mut self, now: Duration) {
        let number = self.frames.len();
        if self.sender.should_skip_frame() {
            self.frames.push(FrameRecord { captured: now, ..FrameRecord::default() });
            return;
        }
        let pts = i64::try_from(number).expect("few");
        let sender_now = self.sender_time(now);
        let request = self.sender.frame_request(sender_now, pts);
        let picture =
            Picture::i420_packed(self.config.size, self.camera.at(number)).expect("whole");
        let outcome = self.encoder.encode(&picture, &request).expect("a valid frame");
        let mut record = FrameRecord { captured: now, ..FrameRecord::default() };
        let mut packet = Packet::default();
        while outcome == Outcome::Coded && self.encoder.receive(&mut packet) {
            let timestamp = self.timestamp(number);
            self.by_timestamp.insert(timestamp, number);
            record.coded = true;
            record.is_key |= packet.meta.kind == FrameKind::Key;
            record.bytes += packet.data.len();
            record.digest = packet.meta.digest.expect("asked for");
            self.sender.send_video(sender_now, sender_now, timestamp, &packet).expect("a frame");
        }
        self.frames.push(record);
    }

    fn send(&mut self, now: Duration) {
        let sender_now = self.sender_time(now);
        self.sender.handle_timeout(sender_now);
        while let Some(datagram) = self.sender.poll_transmit() {
            let bytes = datagram.len();
            if let Some(record) = self.record_of(&datagram) {
                record.packets.0 += 1;
            }
            let sent = self.forward.send(now, bytes, datagram);
            self.second(now).sent_bytes += bytes as u64 + 28;
            let step = usize::try_from(now.as_millis() / 100).expect("a short call");
            if self.queueing.len() <= step {
                self.queueing.resize(step + 1, Duration::ZERO);
            }
            if let codec_rtc::link::Sent::Queued { queued, .. } = sent {
                self.queueing[step] = self.queueing[step].max(queued);
                let second = self.second(now);
                second.queueing = second.queueing.max(queued);
            }
        }
    }

    fn decode(&mut self, now: Duration) {
        while let Some(frame) = self.receiver.poll_frame(now) {
            let number = self.by_timestamp[&frame.id.timestamp];
            let at = now.max(self.decoder_free) + DECODE;
            self.decoder_free = at;
            let pts = i64::try_from(number).expect("few");
            if self.decoder.decode(&frame.data, pts, None).is_err() {
                self.receiver.failed(now, &frame);
                continue;
            }
            let record = &mut self.frames[number];
            record.arrived = Some(frame.arrived);
            record.decoded = Some(at);
            if let Some(picture) = self.decoder.receive() {
                record.is_exact = picture.digest() == record.digest;
            }
            self.receiver.decoded(at, &frame, DECODE);
            self.screen.push_back((frame.render_at.max(at), number));
        }
    }

    fn handle_event(&mut self, event: SenderEvent) {
        let SenderEvent::Target { estimate, allocation, .. } = event else { return };
        let rate = allocation.video.clamp(Bitrate::kbps(30), self.config.max_bitrate);
        let now = self.frames.last().map_or(Duration::ZERO, |record| record.captured);
        self.second(now).target = estimate.target;
        if rate != self.rate {
            self.rate = rate;
            self.encoder.apply(Update::Bitrate(rate)).expect("a rate");
        }
    }

    fn render(&mut self, now: Duration) {
        while self.screen.front().is_some_and(|&(at, _)| at <= now) {
            let Some((at, number)) = self.screen.pop_front() else { return };
            self.frames[number].rendered = Some(at);
            self.audio.video_delay = Some(at.saturating_sub(self.frames[number].captured));
            let timestamp = self.timestamp(number);
            self.receiver.rendered(at, timestamp);
        }
    }
}
