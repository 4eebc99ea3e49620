//! A call in virtual time: our sender, two links, our receiver, a real encoder and a real decoder.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use codec_core::codec::{
    Bitrate, DecoderConfig, DropPolicy, EncoderConfig, FrameKind, Outcome, Packet, Scalability,
    Update, VideoDecoder, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_rtc::jitter::video::{Freeze, freezes};
use codec_rtc::link::{Link, LinkConfig, RateTrace};
use codec_rtc::rtp;
use codec_rtc::session::{
    Receiver, ReceiverConfig, ReceiverStats, Sender, SenderConfig, SenderEvent, SenderStats,
    VideoFec,
};

use crate::fuzz::{vp8_decoder, vp8_encoder};
use crate::scene::{self, Motion};

/// Pictures that are made beforehand; they come forwards and backwards in turn.
const PICTURES: u64 = 48;
/// Decoding takes so long.
const DECODE: Duration = Duration::from_millis(2);
/// Time never stands still for longer.
const STEP: Duration = Duration::from_micros(20);

/// What a call is like.
#[derive(Clone, Debug)]
pub struct CallConfig {
    /// Of the pictures.
    pub size: Size,
    /// Pictures per second.
    pub fps: u32,
    /// What moves in them.
    pub motion: Motion,
    /// How long pictures are taken.
    pub length: Duration,
    /// From the sender to the receiver, and back.
    pub links: (LinkConfig, LinkConfig),
    /// Chooses losses.
    pub seed: u64,
    /// The sending end.
    pub sender: SenderConfig,
    /// The receiving end.
    pub receiver: ReceiverConfig,
    /// The encoder's bitrate, at first where the link is followed.
    pub bitrate: Bitrate,
    /// Highest that it is set to.
    pub most: Bitrate,
    /// Temporal layers.
    pub scalability: Scalability,
    /// Of the encoder.
    pub speed: u8,
    /// Whether the encoder may leave pictures out.
    pub drops: DropPolicy,
}

/// A picture on its way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shot {
    /// When it was taken.
    pub captured: Duration,
    /// Whether it was coded, and not dropped by the encoder.
    pub coded: bool,
    /// As a key frame.
    pub is_key: bool,
    /// Bytes of the frame.
    pub bytes: usize,
    /// What the encoder reconstructed.
    pub digest: u64,
    /// Packets of it that were sent for the first time, and those of them that arrived.
    pub packets: (u32, u32),
    /// First and last packet's arrival.
    pub arrived: Option<(Duration, Duration)>,
    /// When it came out of the decoder.
    pub decoded: Option<Duration>,
    /// Whether that is what the encoder reconstructed.
    pub is_exact: bool,
    /// When it came up on the screen.
    pub rendered: Option<Duration>,
}

/// One second of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Second {
    /// Bytes that entered the link, headers of IP and UDP included.
    pub sent_bytes: u64,
    /// Bytes that left it.
    pub arrived_bytes: u64,
    /// Longest time in the link's queue.
    pub queueing: Duration,
    /// The estimate at its end.
    pub target: Bitrate,
}

/// What came of a call.
#[derive(Debug)]
pub struct CallResult {
    /// Every picture.
    pub shots: Vec<Shot>,
    /// Every second.
    pub seconds: Vec<Second>,
    /// The sender's figures.
    pub sender: SenderStats,
    /// The receiver's.
    pub receiver: ReceiverStats,
    /// One way, without jitter and queue.
    pub delay: Duration,
    /// From one picture to the next.
    pub interval: Duration,
    /// Greatest queueing delay in steps of 100 ms.
    pub queueing: Vec<Duration>,
}

/// A time in which pictures could not be shown as the encoder made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first picture that was missing or wrong.
    pub first: usize,
    /// From when that picture should have been there until a right one was.
    pub length: Duration,
    /// The same from the last picture on that lost packets meanwhile.
    pub since_last_loss: Duration,
    /// It took a key frame.
    pub by_key_frame: bool,
}

impl CallResult {
    /// Freezes as getStats counts them, of what came up on the screen.
    #[must_use]
    pub fn freezes(&self) -> Vec<Freeze> {
        let shown: Vec<_> = self.shots.iter().filter_map(|shot| shot.rendered).collect();
        let Some(&last) = shown.last() else { return Vec::new() };
        freezes(&shown, last + self.interval)
    }

    /// Share of the time that freezes take.
    #[must_use]
    pub fn frozen_share(&self) -> f64 {
        let frozen: Duration = self.freezes().iter().map(|freeze| freeze.length).sum();
        frozen.as_secs_f64() / (self.interval.as_secs_f64() * self.shots.len() as f64)
    }

    /// Mean of a time over the pictures that have it.
    fn mean(&self, of: impl Fn(&Shot) -> Option<Duration>) -> Duration {
        let times: Vec<_> = self.shots.iter().filter_map(of).collect();
        times.iter().sum::<Duration>() / u32::try_from(times.len().max(1)).expect("few")
    }

    /// From the first packet's arrival to the end of decoding: `totalProcessingDelay`.
    #[must_use]
    pub fn received_to_decoded(&self) -> Duration {
        self.mean(|shot| Some(shot.decoded?.saturating_sub(shot.arrived?.0)))
    }

    /// From the first packet's arrival to the screen.
    #[must_use]
    pub fn received_to_rendered(&self) -> Duration {
        self.mean(|shot| Some(shot.rendered?.saturating_sub(shot.arrived?.0)))
    }

    /// From capture to the screen.
    #[must_use]
    pub fn captured_to_rendered(&self) -> Duration {
        self.mean(|shot| Some(shot.rendered?.saturating_sub(shot.captured)))
    }

    /// Pictures that came up.
    #[must_use]
    pub fn rendered(&self) -> usize {
        self.shots.iter().filter(|shot| shot.rendered.is_some()).count()
    }

    /// Pictures that were decoded to something else than the encoder reconstructed.
    #[must_use]
    pub fn wrong(&self) -> usize {
        self.shots.iter().filter(|shot| shot.decoded.is_some() && !shot.is_exact).count()
    }

    /// Times without right pictures, the first frames of the call left out.
    #[must_use]
    pub fn outages(&self) -> Vec<Outage> {
        let mut outages = Vec::new();
        let mut open: Option<(usize, Duration, Duration)> = None;
        let begin = self.shots.iter().position(|shot| shot.is_exact).unwrap_or(0);
        for (number, shot) in self.shots.iter().enumerate().skip(begin) {
            if !shot.coded {
                continue;
            }
            match (open, shot.decoded.filter(|_| shot.is_exact)) {
                (None, None) => {
                    let due = shot.captured + self.delay;
                    open = Some((number, due, due));
                }
                (Some((first, since, _)), None) if shot.packets.0 > shot.packets.1 => {
                    open = Some((first, since, shot.captured + self.delay));
                }
                (Some((first, since, last)), Some(at)) => {
                    outages.push(Outage {
                        first,
                        length: at.saturating_sub(since),
                        since_last_loss: at.saturating_sub(last),
                        by_key_frame: shot.is_key,
                    });
                    open = None;
                }
                _ => {}
            }
        }
        outages
    }

    /// The value that a share of the 100 ms steps of queueing delay does not exceed.
    #[must_use]
    pub fn queueing_quantile(&self, share: f64) -> Duration {
        let mut sorted = self.queueing.clone();
        sorted.sort_unstable();
        let at = (share * (sorted.len().max(1) - 1) as f64) as usize;
        sorted.get(at).copied().unwrap_or_default()
    }

    /// Mean rate at which bytes left the link within these seconds.
    #[must_use]
    pub fn arrived_rate(&self, from: usize, to: usize) -> Bitrate {
        let seconds = &self.seconds[from.min(self.seconds.len())..to.min(self.seconds.len())];
        let bytes: u64 = seconds.iter().map(|second| second.arrived_bytes).sum();
        Bitrate(bytes * 8 / (seconds.len().max(1) as u64))
    }
}

/// A link of a constant rate.
///
/// # Panics
/// If the rate is none.
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
        let pictures = (0..PICTURES).map(|frame| scene::picture(size, frame, motion, 3)).collect();
        Self { pictures }
    }

    fn at(&self, frame: usize) -> &[u8] {
        let round = 2 * self.pictures.len() - 2;
        let at = frame % round;
        &self.pictures[at.min(round - at)]
    }
}

struct World<'a> {
    config: &'a CallConfig,
    camera: Camera,
    encoder: Box<dyn VideoEncoder>,
    decoder: Box<dyn VideoDecoder>,
    sender: Sender,
    receiver: Receiver,
    forward: Link<Vec<u8>>,
    back: Link<Vec<u8>>,
    shots: Vec<Shot>,
    by_timestamp: HashMap<u32, usize>,
    screen: VecDeque<(Duration, usize)>,
    seconds: Vec<Second>,
    queueing: Vec<Duration>,
    rate: Bitrate,
    decoder_free: Duration,
}

/// Runs a call.
///
/// # Panics
/// If settings are refused, or a decoder refuses what the receiver holds to be whole.
#[must_use]
pub fn run(config: &CallConfig) -> CallResult {
    let framerate = Rational::new(config.fps, 1);
    let mut coding = EncoderConfig::rtc(config.size, framerate, config.bitrate);
    coding.timebase = Rational::new(1, config.fps);
    coding.report_digest = true;
    coding.error_resilient = true;
    coding.scalability = config.scalability;
    coding.speed = config.speed;
    coding.drops = config.drops;
    let mut world = World {
        camera: Camera::new(config.size, config.motion),
        encoder: vp8_encoder(&coding).expect("settings in range"),
        decoder: vp8_decoder(&DecoderConfig::default()),
        sender: Sender::new(config.sender.clone()).expect("settings in range"),
        receiver: Receiver::new(config.receiver.clone()),
        forward: Link::new(config.links.0.clone(), config.seed).expect("a link"),
        back: Link::new(config.links.1.clone(), config.seed ^ 0x5555).expect("a link"),
        shots: Vec::new(),
        by_timestamp: HashMap::new(),
        screen: VecDeque::new(),
        seconds: Vec::new(),
        queueing: Vec::new(),
        rate: config.bitrate,
        decoder_free: Duration::ZERO,
        config,
    };
    world.run();
    CallResult {
        shots: world.shots,
        seconds: world.seconds,
        sender: world.sender.stats(),
        receiver: world.receiver.stats(),
        delay: config.links.0.delay,
        interval: Duration::from_secs(1) / config.fps,
        queueing: world.queueing,
    }
}

impl World<'_> {
    fn run(&mut self) {
        let interval = Duration::from_secs(1) / self.config.fps;
        // What is under way at the end still arrives.
        let end = self.config.length + Duration::from_secs(2);
        let mut now = Duration::ZERO;
        let mut next_shot = Duration::ZERO;
        while now < end {
            if next_shot <= now && next_shot < self.config.length {
                self.shoot(now);
                next_shot += interval;
            }
            self.send(now);
            while let Some(arrival) = self.forward.poll(now) {
                let bytes = arrival.packet.len() as u64 + 28;
                self.second(now).arrived_bytes += bytes;
                if let Some(shot) = self.shot_of(&arrival.packet) {
                    shot.packets.1 += 1;
                }
                self.receiver.receive(now, &arrival.packet).expect("a packet of ours");
            }
            self.decode(now);
            while let Some(datagram) = self.receiver.poll(now) {
                self.back.send(now, datagram.len(), datagram);
            }
            while let Some(arrival) = self.back.poll(now) {
                self.sender.receive(now, &arrival.packet).expect("feedback of ours");
            }
            while let Some(event) = self.sender.poll_event() {
                self.hear(event);
            }
            self.show(now);
            let shot = (next_shot < self.config.length).then_some(next_shot);
            let next = [
                shot,
                self.sender.next_time(),
                self.receiver.next_time(),
                self.forward.next_time(),
                self.back.next_time(),
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
        u32::try_from(number).expect("few") * (90_000 / self.config.fps)
    }

    /// The picture that a packet of the video stream itself is part of.
    fn shot_of(&mut self, datagram: &[u8]) -> Option<&mut Shot> {
        let header = rtp::parse(datagram).ok()?.header;
        let video = self.config.sender.streams.video.filter(|video| video.ssrc == header.ssrc)?;
        let is_media = matches!(video.fec, VideoFec::Off | VideoFec::Flex(_));
        let number = *self.by_timestamp.get(&header.timestamp).filter(|_| is_media)?;
        self.shots.get_mut(number)
    }

    fn shoot(&mut self, now: Duration) {
        let number = self.shots.len();
        if self.sender.is_behind() {
            self.shots.push(Shot { captured: now, ..Shot::default() });
            return;
        }
        let pts = i64::try_from(number).expect("few");
        let request = self.sender.request(now, pts);
        let picture =
            Picture::i420_packed(self.config.size, self.camera.at(number)).expect("whole");
        let outcome = self.encoder.encode(&picture, &request).expect("a picture that fits");
        let mut shot = Shot { captured: now, ..Shot::default() };
        let mut packet = Packet::default();
        if outcome == Outcome::Coded && self.encoder.receive(&mut packet) {
            let timestamp = self.timestamp(number);
            self.by_timestamp.insert(timestamp, number);
            shot.coded = true;
            shot.is_key = packet.meta.kind == FrameKind::Key;
            shot.bytes = packet.data.len();
            shot.digest = packet.meta.digest.expect("asked for");
            self.sender.video(now, now, timestamp, &packet).expect("a frame");
        }
        self.shots.push(shot);
    }

    fn send(&mut self, now: Duration) {
        while let Some(datagram) = self.sender.poll(now) {
            let bytes = datagram.len();
            if let Some(shot) = self.shot_of(&datagram) {
                shot.packets.0 += 1;
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
            let shot = &mut self.shots[number];
            shot.arrived = Some(frame.arrived);
            shot.decoded = Some(at);
            if let Some(picture) = self.decoder.receive() {
                shot.is_exact = picture.digest() == shot.digest;
            }
            self.receiver.decoded(at, &frame, DECODE);
            self.screen.push_back((frame.render_at.max(at), number));
        }
    }

    fn hear(&mut self, event: SenderEvent) {
        let SenderEvent::Target { estimate, allocation } = event else { return };
        let rate = allocation.video.clamp(Bitrate::kbps(30), self.config.most);
        let now = self.shots.last().map_or(Duration::ZERO, |shot| shot.captured);
        self.second(now).target = estimate.target;
        if rate != self.rate {
            self.rate = rate;
            self.encoder.apply(Update::Bitrate(rate)).expect("a rate");
        }
    }

    fn show(&mut self, now: Duration) {
        while self.screen.front().is_some_and(|&(at, _)| at <= now) {
            let Some((at, number)) = self.screen.pop_front() else { return };
            self.shots[number].rendered = Some(at);
            let timestamp = self.timestamp(number);
            self.receiver.rendered(at, timestamp);
        }
    }
}
