//! Calls in virtual time over lossy and changing links.

use std::time::Duration;

use codec_core::codec::{Bitrate, DropPolicy, Scalability};
use codec_core::frame::Size;
use codec_rtc::congestion::ControllerConfig;
use codec_rtc::extension::ExtensionMap;
use codec_rtc::link::{Jitter, Loss, RateTrace};
use codec_rtc::session::{ReceiverConfig, SenderConfig, Streams, VideoStream};
use codec_tests::call::{CallConfig, CallResult, Outage, link, run};
use codec_tests::depth;
use codec_tests::encoders::Tested;
use codec_tests::scene::Motion;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

codec_tests::tests_of_encoder!(
    vp8,
    VP8,
    nothing_is_lost_on_a_clean_link,
    temporal_layers_are_known_by_their_packets_alone,
    heavy_losses_have_little_effect,
    without_repair_an_acknowledged_reference_ends_nearly_every_outage,
    the_rate_follows_a_link_that_falls_and_returns
);
/// The frames of spatial layers have descriptors, also those that are retransmitted.
#[test]
fn spatial_layers_arrive_with_their_descriptors() {
    if depth::skips_long() {
        return;
    }
    for scalability in [Scalability::L2T2, Scalability::L3T3_KEY] {
        let mut config = CallConfig { scalability, ..config(Tested::VP9, 1_500, ms(10_000)) };
        config.links.0.loss = Loss::Random(0.02);
        let result = run(&config);
        tell("spatial layers", &result);
        let exact = result.frames.iter().filter(|record| record.is_exact).count();
        // The others have fewer layers.
        assert!(exact > 260, "{exact}");
        assert!(result.rendered() > 285, "{}", result.rendered());
    }
}

codec_tests::tests_of_encoder!(
    h264,
    H264,
    nothing_is_lost_on_a_clean_link,
    temporal_layers_are_known_by_their_packets_alone,
    heavy_losses_have_little_effect,
    without_repair_an_acknowledged_reference_ends_nearly_every_outage,
    the_rate_follows_a_link_that_falls_and_returns
);
codec_tests::tests_of_encoder!(
    vp9,
    VP9,
    nothing_is_lost_on_a_clean_link,
    temporal_layers_are_known_by_their_packets_alone,
    heavy_losses_have_little_effect,
    without_repair_an_acknowledged_reference_ends_nearly_every_outage,
    the_rate_follows_a_link_that_falls_and_returns
);

/// A call of 30 frames per second over 25 ms each way.
fn config(codec: Tested, kbps: u64, length: Duration) -> CallConfig {
    let stream = VideoStream::standard(1);
    let stream = match codec {
        Tested::H264 => stream.with_h264(),
        Tested::VP9 => stream.with_vp9(),
        _ => stream,
    };
    let streams = Streams { video: Some(stream), audio: None, extensions: ExtensionMap::default() };
    let links = (link(Bitrate::kbps(10_000), ms(25)), link(Bitrate::kbps(10_000), ms(25)));
    CallConfig {
        codec,
        size: Size::new(320, 180),
        fps: 30,
        motion: Motion::Patch,
        length,
        links,
        seed: 42,
        sender: SenderConfig { congestion: None, ..SenderConfig::new(streams.clone(), 1) },
        receiver: ReceiverConfig::new(streams, 99, 1),
        bitrate: Bitrate::kbps(kbps),
        max_bitrate: Bitrate::kbps(4000),
        scalability: Scalability::L1T1,
        speed: 9,
        drops: DropPolicy::Never,
        drift_ppm: (0, 0),
        audio: None,
    }
}

fn tell(name: &str, result: &CallResult) {
    let outages = result.outages();
    let longest = outages.iter().map(|it| it.since_last_loss).max().unwrap_or_default();
    let keys = outages.iter().filter(|it| it.by_key_frame).count();
    let share = |bytes: u64| 100 * bytes / result.sender.video_sent.bytes.max(1);
    println!(
        "{name}: {} of {} pictures shown, {} wrong; {} freezes, {:.2} % of the time; received to \
         decoded {:.1} ms, to the screen {:.1} ms, capture to screen {:.1} ms; {} outages, {keys} \
         ended by a key frame, at most {longest:.1?} after the last loss; again {} %, FEC {} %; {:?}",
        result.rendered(),
        result.frames.len(),
        result.wrong(),
        result.freezes().len(),
        100.0 * result.frozen_share(),
        result.received_to_decoded().as_secs_f64() * 1e3,
        result.received_to_rendered().as_secs_f64() * 1e3,
        result.captured_to_rendered().as_secs_f64() * 1e3,
        outages.len(),
        share(result.sender.retransmitted.bytes),
        share(result.sender.fec_sent.bytes),
        result.sender.video.long_term,
    );
}

fn nothing_is_lost_on_a_clean_link(codec: Tested) {
    if codec.skips_turn(0) {
        return;
    }
    let result = run(&config(codec, 800, ms(10_000)));
    tell("clean", &result);
    assert_eq!((result.rendered(), result.wrong()), (result.frames.len(), 0));
    assert!(result.freezes().is_empty());
    assert!(result.captured_to_rendered() < ms(25 + 17));
}

fn temporal_layers_are_known_by_their_packets_alone(codec: Tested) {
    if codec.skips_turn(0) {
        return;
    }
    for scalability in [Scalability::L1T2, Scalability::L1T3] {
        let result = run(&CallConfig { scalability, ..config(codec, 800, ms(15_000)) });
        tell("layers", &result);
        assert_eq!(
            (result.rendered(), result.wrong()),
            (result.frames.len(), 0),
            "{scalability:?}"
        );
        assert_eq!(result.sender.video.key_frames, 1, "{scalability:?}");
    }
}

/// Random losses, and losses in bursts.
const LOSSES: [(&str, Loss); 2] =
    [("10 % random", Loss::Random(0.1)), ("5 % bursts", Loss::Bursts { mean: 0.05, burst: 4.0 })];

fn heavy_losses_have_little_effect(codec: Tested) {
    if codec.skips_turn(1) {
        return;
    }
    for (name, loss) in depth::sample(LOSSES, 2, 0) {
        let mut config = config(codec, 800, ms(40_000));
        config.links.0.loss = loss;
        let result = run(&config);
        tell(name, &result);
        assert_eq!(result.wrong(), 0);
        assert!(result.frozen_share() < 0.01);
        assert!(result.received_to_rendered() < ms(100));
    }
}

fn without_repair_an_acknowledged_reference_ends_nearly_every_outage(codec: Tested) {
    if codec.skips_turn(2) {
        return;
    }
    for (name, loss) in LOSSES {
        let mut config = config(codec, 800, ms(20_000));
        config.links.0.loss = loss;
        config.sender.retransmission = false;
        config.sender.fec = false;
        config.receiver.nack = false;
        let result = run(&config);
        tell(name, &result);
        let outages = result.outages();
        let by_key = outages.iter().filter(|it| it.by_key_frame).count();
        assert!(outages.len() > 20);
        assert!(10 * by_key <= outages.len(), "{by_key} of {}", outages.len());
        // 1.5 round trips and two frames; twice that if a key frame is requested because the frame
        // that should have ended the outage was lost.
        let limit = ms(75) + 2 * result.interval;
        let is_short =
            |it: &Outage| it.since_last_loss <= if it.by_key_frame { 2 * limit } else { limit };
        assert!(outages.iter().all(is_short), "{outages:?}");
        assert_eq!(result.wrong(), 0);
    }
}

/// A call that follows its link: 640x360, at most 2.5 Mb/s.
fn following(codec: Tested, length: Duration) -> CallConfig {
    let mut config = config(codec, 300, length);
    config.sender.congestion =
        Some(ControllerConfig { max: Bitrate::kbps(2_500), ..ControllerConfig::default() });
    config.max_bitrate = Bitrate::kbps(2_500);
    config.drops = DropPolicy::BelowBufferPct(30);
    config
}

fn the_rate_follows_a_link_that_falls_and_returns(codec: Tested) {
    if codec.skips_turn(0) {
        return;
    }
    let mut config = following(codec, ms(75_000));
    config.motion = Motion::Pan;
    let steps = [(0, 2_000), (30, 300), (50, 2_000)];
    let points = steps.map(|(at, kbps)| (Duration::from_secs(at), Bitrate::kbps(kbps)));
    config.links.0.rate = RateTrace::new(points.to_vec()).unwrap();
    let result = run(&config);
    tell("2 Mb/s, 300 kb/s, 2 Mb/s", &result);
    let kbps = |bytes: u64| bytes * 8 / 1000;
    for (second, it) in result.seconds.iter().enumerate().filter(|(second, _)| second % 5 == 0) {
        let (sent, target) = (kbps(it.sent_bytes), it.target.as_kbps());
        println!("{second} s: sent {sent} kb/s, target {target} kb/s, queue {:.0?}", it.queueing);
    }
    // Below the capacity of the link within two seconds, and the queue stays short.
    assert!(result.seconds[32..50].iter().all(|it| kbps(it.sent_bytes) <= 330));
    assert!(result.seconds[35..50].iter().all(|it| it.queueing < ms(200)));
    // Four fifths of the link within 15 s of its return, and most of that from then on.
    assert!((51..65).any(|second| result.arrived_rate(second, second + 1) >= Bitrate::kbps(1_600)));
    assert!(result.arrived_rate(65, 75) >= Bitrate::kbps(1_400));
    assert_eq!(result.wrong(), 0);
}

/// The conditions of a browser's loss table: one-way delay and jitter, loss. Counted from the fifth
/// second on, as in that table.
#[test]
#[ignore = "the tables of docs/calls.md: minutes without optimisation"]
fn the_tables_of_the_documentation() {
    tables(Tested::VP8);
}

#[test]
#[ignore = "the tables of docs/calls.md: minutes without optimisation"]
fn the_h264_tables_of_the_documentation() {
    tables(Tested::H264);
}

#[test]
#[ignore = "the tables of docs/calls.md: minutes without optimisation"]
fn the_vp9_tables_of_the_documentation() {
    tables(Tested::VP9);
}

fn tables(codec: Tested) {
    let none = Loss::None;
    let bursts = Loss::Bursts { mean: 0.05, burst: 4.0 };
    for most in [1_700, 800] {
        println!("at most {most} kb/s");
        for (name, delay, jitter, loss) in [
            ("25 ms, no loss", 25, 0, none),
            ("25+5 ms, 2 %", 25, 5, Loss::Random(0.02)),
            ("25+5 ms, 5 %", 25, 5, Loss::Random(0.05)),
            ("25+5 ms, 10 %", 25, 5, Loss::Random(0.1)),
            ("25+5 ms, 5 % in bursts of 4", 25, 5, bursts),
            ("100+10 ms, 5 %", 100, 10, Loss::Random(0.05)),
        ] {
            let mut results = Vec::new();
            for seed in [42, 43, 44] {
                let mut config = following(codec, ms(65_000));
                config.seed = seed;
                config.size = Size::new(640, 360);
                config.motion = Motion::Pan;
                config.max_bitrate = Bitrate::kbps(most);
                for link in [&mut config.links.0, &mut config.links.1] {
                    link.rate = RateTrace::constant(Bitrate::kbps(100_000)).unwrap();
                    link.delay = ms(delay);
                    link.loss = loss;
                    link.jitter = Jitter { time: ms(jitter), ..Jitter::NONE };
                }
                results.push(run(&config));
            }
            row(name, &results);
        }
    }
}

fn row(name: &str, results: &[CallResult]) {
    let begin = ms(5_000);
    let mean = |of: fn(&CallResult) -> Duration| {
        let sum: Duration = results.iter().map(of).sum();
        sum.as_secs_f64() * 1e3 / results.len() as f64
    };
    let freezes = results.iter().flat_map(CallResult::freezes).filter(|it| it.from >= begin);
    let lengths: Vec<f64> = freezes.map(|freeze| freeze.length.as_secs_f64()).collect();
    let frames: usize = results.iter().map(|it| it.frames.len()).sum();
    let shown: usize = results.iter().map(CallResult::rendered).sum();
    let keys: u64 = results.iter().map(|it| it.sender.video.key_frames).sum();
    let bytes = |of: fn(&CallResult) -> u64| results.iter().map(of).sum::<u64>();
    let video = bytes(|it| it.sender.video_sent.bytes);
    println!(
        "| {name} | {shown}/{frames} | {}, {:.2} s | {:.1} | {:.1} | {:.1} | {keys} | {} | {} % | {} % |",
        lengths.len(),
        lengths.iter().sum::<f64>().max(0.0),
        mean(CallResult::received_to_decoded),
        mean(CallResult::received_to_rendered),
        mean(CallResult::captured_to_rendered),
        video * 8 / 1000 / 65 / results.len() as u64,
        100 * bytes(|it| it.sender.retransmitted.bytes) / video,
        100 * bytes(|it| it.sender.fec_sent.bytes) / video,
    );
    assert!(results.iter().all(|it| it.wrong() == 0));
}
