//! Calls over lossy links in all modes: frames arrive unchanged, are emitted only with the references that
//! they were coded with, and every stall ends.

mod coder;

use std::time::Duration;

use super::{
    PacketFeedback, Receiver, ReceiverConfig, Sender, SenderConfig, SenderEvent, Streams, VideoFec,
    VideoStream,
};
use crate::extension::ExtensionMap;
use crate::link::{Link, LinkSpec};
use crate::packet::VideoFormat;
use crate::rng::Rng;
use coder::{Coder, Decoder};

const FRAME_TIME: Duration = Duration::from_micros(33_333);
/// Maximum time from the end of losses until the next frame: a request for a key frame, its answer, and time to
/// make up for a congested link.
const MAX_RECOVERY: Duration = Duration::from_millis(2500);
/// Number of random calls.
const CALLS: u64 = 100;

/// A call that begins on a lossy link, which becomes a clean one.
#[derive(Clone, Debug)]
struct Call {
    sender: SenderConfig,
    receiver: ReceiverConfig,
    /// Spatial and temporal layers.
    layers: (u8, u8),
    loss_percent: u64,
    delay_ms: u64,
    jitter_ms: u64,
    lossy: Duration,
    clean: Duration,
}

impl Call {
    /// With all that our endpoints support, for 20 s.
    fn new(stream: VideoStream, extensions: ExtensionMap, loss_percent: u64, seed: u64) -> Self {
        let streams = Streams { video: Some(stream), audio: None, extensions };
        Self {
            sender: SenderConfig::new(streams.clone(), seed),
            receiver: ReceiverConfig::new(streams, 7, seed + 1),
            layers: (1, 1),
            loss_percent,
            delay_ms: 30,
            jitter_ms: 1,
            lossy: Duration::from_secs(20),
            clean: Duration::ZERO,
        }
    }

    fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let stream = stream(&mut rng);
        let spatial = if stream.format == VideoFormat::Vp9 { 1 + rng.below(3) } else { 1 };
        let temporal = if stream.format == VideoFormat::H264 { 1 } else { 1 + rng.below(2) };
        let narrow = |layers| u8::try_from(layers).unwrap();
        let extensions = *rng.pick(&[ExtensionMap::default(), ExtensionMap::EMPTY]);
        let mut call = Self {
            layers: (narrow(spatial), narrow(temporal)),
            delay_ms: rng.below(150),
            jitter_ms: 1 + rng.below(50),
            lossy: Duration::from_secs(5),
            clean: Duration::from_secs(5),
            ..Self::new(stream, extensions, *rng.pick(&[0, 1, 5, 15, 35]), seed)
        };
        let Self { sender, receiver, .. } = &mut call;
        sender.mtu = *rng.pick(&[1200, 500]);
        sender.reference_recovery = rng.below(4) > 0;
        sender.retransmission = rng.below(4) > 0;
        sender.congestion = sender.congestion.filter(|_| rng.below(3) > 0);
        receiver.nack = rng.below(3) > 0;
        receiver.acknowledge_frames = rng.below(4) > 0;
        receiver.feedback =
            *rng.pick(&[PacketFeedback::Twcc, PacketFeedback::Ccfb, PacketFeedback::Off]);
        call
    }

    fn format(&self) -> VideoFormat {
        self.sender.streams.video.unwrap().format
    }

    fn link(&self, loss_percent: u64, seed: u64) -> Link<Vec<u8>> {
        let Self { delay_ms, jitter_ms, .. } = self;
        let spec = format!(
            "rate=3M,delay={delay_ms}ms,jitter={jitter_ms}ms,reorder=on,loss={loss_percent}%"
        );
        let spec: LinkSpec = spec.parse().unwrap();
        Link::new(spec.constant().unwrap(), seed).unwrap()
    }
}

fn stream(rng: &mut Rng) -> VideoStream {
    let base = if rng.below(4) > 0 { VideoStream::standard(9) } else { VideoStream::plain(9, 96) };
    let base = match rng.below(3) {
        0 => base,
        1 => base.with_h264(),
        _ => base.with_vp9(),
    };
    let fec = match rng.below(3) {
        0 => VideoFec::Ulp { red: 101, ulpfec: 102 },
        1 => VideoFec::Off,
        _ => base.fec,
    };
    let rtx = base.rtx.filter(|_| rng.below(4) > 0);
    VideoStream { fec, rtx, flexible: rng.below(2) == 0, ..base }
}

/// Times at which frames were sent and emitted.
#[derive(Default)]
struct Outcome {
    sent: Vec<Duration>,
    emitted: Vec<Duration>,
    key_frames: u64,
    key_frame_requests: u64,
}

impl Outcome {
    fn share(&self, from: Duration) -> f64 {
        let count = |times: &[Duration]| {
            let count = times.iter().filter(|&&at| at >= from).count();
            f64::from(u32::try_from(count).unwrap())
        };
        count(&self.emitted) / count(&self.sent)
    }
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sent, emitted, key_frames, key_frame_requests } = self;
        let gap = emitted.windows(2).map(|pair| (pair[1] - pair[0], pair[0])).max();
        f.debug_struct("Outcome")
            .field("sent", &sent.len())
            .field("emitted", &emitted.len())
            .field("longest_gap", &gap)
            .field("key_frames", key_frames)
            .field("key_frame_requests", key_frame_requests)
            .finish()
    }
}

/// Runs a call.
///
/// # Panics
/// If an emitted frame is not the frame that was sent, if it lacks a reference, or if an endpoint rejects a
/// datagram of the other one.
fn run(call: &Call) -> Outcome {
    let seed = call.sender.seed;
    let mut sender = Sender::new(call.sender.clone()).unwrap();
    let mut receiver = Receiver::new(call.receiver.clone());
    let mut coder = Coder::new(call.format(), call.layers, seed);
    let mut decoder = Decoder::default();
    let links = |loss| [call.link(loss, seed + 2), call.link(loss, seed + 3)];
    let [mut there, mut back] = links(call.loss_percent);
    let mut outcome = Outcome::default();
    let (mut now, mut next, mut timestamp) = (Duration::ZERO, Duration::ZERO, 0);
    let mut is_clean = false;
    while now < call.lossy + call.clean {
        if now >= call.lossy && !is_clean {
            is_clean = true;
            [there, back] = links(0);
        }
        if now >= next {
            next += FRAME_TIME;
            timestamp += 3000;
            if !sender.should_skip_frame() {
                let request = sender.frame_request(now, timestamp.into());
                for packet in coder.encode(&request, timestamp) {
                    sender.send_video(now, now, timestamp, &packet).unwrap();
                }
                outcome.sent.push(now);
            }
        }
        sender.handle_timeout(now);
        while let Some(datagram) = sender.poll_transmit() {
            there.send(now, datagram.len(), datagram);
        }
        while let Some(arrival) = there.poll(now) {
            receiver.handle_datagram(now, &arrival.packet).unwrap();
        }
        while let Some(frame) = receiver.poll_frame(now) {
            decoder.decode(&frame, &coder);
            receiver.decoded(now, &frame, Duration::from_millis(1));
            outcome.emitted.push(now);
        }
        receiver.handle_timeout(now);
        while let Some(datagram) = receiver.poll_transmit() {
            back.send(now, datagram.len(), datagram);
        }
        while let Some(arrival) = back.poll(now) {
            sender.handle_datagram(now, &arrival.packet).unwrap();
        }
        while let Some(event) = sender.poll_event() {
            if let SenderEvent::Target { allocation, .. } = event {
                coder.set_bitrate(allocation.video);
            }
        }
        let times = [sender.poll_timeout(), receiver.poll_timeout()];
        let times =
            times.into_iter().chain([there.poll_timeout(), back.poll_timeout(), Some(next)]);
        let due = times.flatten().min().unwrap_or(next);
        now = due.max(now + Duration::from_micros(200));
    }
    outcome.key_frames = sender.stats().video.key_frames;
    outcome.key_frame_requests = receiver.stats().key_frame_requests;
    outcome
}

#[test]
fn retransmissions_of_a_red_stream_carry_the_media() {
    for (seed, loss_percent) in (1..).zip([0, 5, 10, 10]) {
        let fec = VideoFec::Ulp { red: 101, ulpfec: 102 };
        let base = VideoStream { fec, ..VideoStream::standard(9) };
        for stream in [base, base.with_h264(), base.with_vp9()] {
            let call = Call::new(stream, ExtensionMap::default(), loss_percent, seed);
            let outcome = run(&call);
            assert!(outcome.share(Duration::ZERO) > 0.95, "{call:?} {outcome:?}");
        }
    }
}

#[test]
fn all_frames_are_emitted_in_all_modes_without_loss() {
    for base in [VideoStream::standard(9), VideoStream::plain(9, 96)] {
        let single = [base, base.with_h264(), base.with_vp9()].map(|stream| (stream, (1, 1)));
        let layered = [(base, (1, 2)), (base.with_vp9(), (1, 2))];
        let spatial = [(2, 1), (3, 2)].map(|layers| (base.with_vp9(), layers));
        for (stream, layers) in single.into_iter().chain(layered).chain(spatial) {
            for extensions in [ExtensionMap::default(), ExtensionMap::EMPTY] {
                let lossy = Duration::from_secs(4);
                let call = Call { layers, lossy, ..Call::new(stream, extensions, 0, 5) };
                let outcome = run(&call);
                let is_complete = outcome.share(Duration::ZERO) > 0.95;
                let is_answer = outcome.key_frames > layers.0.into();
                assert!(is_complete && !is_answer, "{call:?} {outcome:?}");
            }
        }
    }
}

/// Runs a random call, which must recover when the link is clean.
fn check(seed: u64) {
    let call = Call::random(seed);
    let outcome = run(&call);
    let first = outcome.emitted.iter().find(|&&at| at >= call.lossy);
    let wait = first.map(|&at| at.saturating_sub(call.lossy));
    let ends = wait.is_some_and(|wait| wait < MAX_RECOVERY);
    assert!(ends, "no frame for {wait:?} of a clean link, {call:?} {outcome:?}");
    let share = outcome.share(call.lossy + MAX_RECOVERY);
    assert!(share > 0.8, "{share} of the frames of a clean link, {call:?} {outcome:?}");
}

#[test]
fn every_stall_ends() {
    let failed: Vec<u64> =
        (0..CALLS).filter(|&seed| std::panic::catch_unwind(|| check(seed)).is_err()).collect();
    assert!(failed.is_empty(), "seeds {failed:?}");
}
