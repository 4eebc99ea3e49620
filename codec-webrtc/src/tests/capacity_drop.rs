//! Link capacity drops and recovers, while an encoder model follows the bandwidth estimate of the
//! peer ([`PeerConfig::congestion`]).

use std::time::Duration;

use codec_core::codec::{Bitrate, FrameKind, PacketMeta};

use super::depth;
use super::harness::{Call, NO_LOSS, Setup, link};
use super::*;
use codec_rtc::congestion::ControllerConfig;
use codec_rtc::extension::Extensions;
use codec_rtc::link::{LinkConfig, QueueLimit, RateTrace};
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};

const FULL: u64 = 1_500_000;
/// Bitrate of audio and headers, and the share of the rest used by video, in percent.
const AUDIO: u64 = 60_000;
const SHARE: u64 = 82;
/// Times in seconds on the clock of the link; the session starts at 10.
const FALL: u64 = 30;
const RETURN: u64 = 50;
const END: u64 = 65;

/// State at each frame.
struct Step {
    at: Duration,
    rate: u64,
    estimate: u64,
    queueing: Duration,
}

/// Sends 30 frames and 50 audio packets per second at the estimated rate over a link with this
/// queue length.
fn send(queue: Duration) -> (Call, Vec<Step>) {
    let seconds = Duration::from_secs;
    let steps = [(0, 2000), (FALL, 300), (RETURN, 2000)];
    let steps = steps.map(|(at, kbps)| (seconds(at), Bitrate::kbps(kbps)));
    let rate = RateTrace::new(steps.to_vec()).unwrap();
    let link = LinkConfig { rate, queue: QueueLimit::Time(queue), ..link(NO_LOSS, 25) };
    let offerer: fn(&mut PeerConfig) = |config| {
        config.congestion = Some(ControllerConfig {
            start: Bitrate::kbps(1000),
            max: Bitrate::kbps(2000),
            ..ControllerConfig::default()
        });
    };
    let mut call = Setup { link, offerer, ..Setup::default() }.call();
    call.connect();
    let (video, audio) = (call.ends[0].media(Kind::Video), call.ends[0].media(Kind::Audio));
    let config = PacketizerConfig { mtu: Peer::MAX_PAYLOAD_BYTES, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let none = Extensions::default();
    let (mut steps, mut rate) = (Vec::new(), 800_000);
    let mut audio_packets = 0;
    for number in 0_u32.. {
        if call.now >= seconds(END) {
            break;
        }
        let (now, peer) = (call.now, &mut call.ends[0].peer);
        let estimate = peer.estimate();
        let target = estimate.map_or(1_000_000, |estimate| estimate.target.0);
        let left = target.saturating_sub(AUDIO + peer.retransmission_rate().0) * SHARE / 100;
        rate = left.min(rate * 11 / 10).clamp(40_000, FULL);
        let queueing = estimate.map(|estimate| estimate.queueing_delay).unwrap_or_default();
        steps.push(Step { at: now, rate, estimate: target, queueing });
        let mut data = vec![0x55; usize::try_from(rate / 240).unwrap()];
        data[0] = u8::from(number > 0);
        let meta = PacketMeta {
            kind: if number == 0 { FrameKind::Key } else { FrameKind::Inter },
            ..PacketMeta::default()
        };
        let mut packets = Vec::new();
        packetizer.packetize(&data, &meta, number * 3000, &mut packets).unwrap();
        peer.send_video(now, video, 96, &packets, now, &none).unwrap();
        while audio_packets * 3 < number * 5 {
            let timestamp = audio_packets * 960;
            let opus = Codec::Opus;
            peer.send_audio(now, audio, opus, &[0xfc; 100], timestamp, false, now, &none).unwrap();
            audio_packets += 1;
        }
        call.run_for(Duration::from_nanos(33_333_333));
    }
    (call, steps)
}

/// Mean of a value between two times in seconds.
fn mean(steps: &[Step], from: f64, to: f64, figure: impl Fn(&Step) -> u64) -> u64 {
    let within = steps.iter().filter(|step| (from..to).contains(&step.at.as_secs_f64()));
    let figures: Vec<u64> = within.map(figure).collect();
    figures.iter().sum::<u64>() / (figures.len() as u64).max(1)
}

#[test]
fn estimate_follows_a_capacity_drop_and_recovery() {
    for queue_ms in depth::sample([200, 300, 500, 1000], 4, 1) {
        let (call, steps) = send(Duration::from_millis(queue_ms));
        let rate = |from: f64, to: f64| mean(&steps, from, to, |step| step.rate);
        let story: Vec<String> = (52..130)
            .map(|half| f64::from(half) / 2.0)
            .map(|at| {
                let estimate = mean(&steps, at, at + 0.5, |step| step.estimate) / 1000;
                let queue = mean(&steps, at, at + 0.5, |step| {
                    u64::try_from(step.queueing.as_millis()).unwrap()
                });
                format!("{at}: {} of {estimate} kb/s, {queue} ms", rate(at, at + 0.5) / 1000)
            })
            .collect();
        let story = format!("queue of {queue_ms} ms\n{}", story.join("\n"));
        let (fall, back) = (30.0, 50.0);
        assert!(rate(fall - 5.0, fall) > 1_200_000, "{story}");
        assert!(
            rate(fall + 1.0, fall + 3.0) < 260_000,
            "the estimate must drop within a second: {story}"
        );
        assert!((70_000..290_000).contains(&rate(fall + 3.0, back)), "{story}");
        let queued = mean(&steps, fall + 3.0, back, |step| {
            u64::try_from(step.queueing.as_millis()).unwrap()
        });
        assert!(queued < 120, "{queued} ms: {story}");
        let full = (0..150).map(|tenth| f64::from(tenth) / 10.0);
        let mut full = full.filter(|after| rate(back + after, back + after + 0.5) > FULL * 4 / 5);
        let full = full.next().unwrap_or(f64::MAX);
        assert!(full < 8.0, "{full} s: {story}");
        let sent = &call.ends[1];
        assert!(!sent.packets(Codec::Vp8).is_empty());
    }
}
