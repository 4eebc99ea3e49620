//! Hours of a call in virtual time: clocks drift, memory does not grow. A binary of its own, because
//! it measures the memory of the process.

use std::time::Duration;

use codec_audio::{AudioCodec, AudioDecoder, AudioDecoderConfig};
use codec_core::codec::{Bitrate, DropPolicy, Scalability};
use codec_core::frame::Size;
use codec_rtc::extension::ExtensionMap;
use codec_rtc::link::{Jitter, Loss};
use codec_rtc::session::{AudioStream, ReceiverConfig, SenderConfig, Streams, VideoStream};
use codec_tests::audio;
use codec_tests::call::{CallConfig, link, run};
use codec_tests::depth;
use codec_tests::encoders::Tested;
use codec_tests::scene::Motion;

fn g711() -> Box<dyn AudioDecoder> {
    let config = AudioDecoderConfig::new(AudioCodec::Pcma, audio::format(8_000, 1));
    audio::decoder("pcma", &config).unwrap()
}

#[test]
fn hours_keep_lip_sync_and_constant_memory() {
    let streams = Streams {
        video: Some(VideoStream::standard(1)),
        audio: Some(AudioStream { ssrc: 8, payload_type: 8, clock_hz: 8_000, red: None }),
        extensions: ExtensionMap::default(),
    };
    let mut links = (
        link(Bitrate::kbps(1_000), Duration::from_millis(25)),
        link(Bitrate::kbps(1_000), Duration::from_millis(25)),
    );
    links.0.loss = Loss::Random(0.01);
    links.0.jitter = Jitter { time: Duration::from_millis(10), ..Jitter::NONE };
    let config = CallConfig {
        codec: Tested::VP8,
        size: Size::new(64, 48),
        fps: 10,
        motion: Motion::Patch,
        length: Duration::from_secs(60 * depth::rounds(120, 12)),
        links,
        seed: 7,
        sender: SenderConfig::new(streams.clone(), 1),
        receiver: ReceiverConfig::new(streams, 99, 1),
        bitrate: Bitrate::kbps(60),
        max_bitrate: Bitrate::kbps(60),
        scalability: Scalability::L1T1,
        speed: 10,
        drops: DropPolicy::Never,
        drift_ppm: (80, -50),
        audio: Some(g711),
    };
    let result = run(&config);
    // A late frame is not drift: the median of eleven seconds counts.
    let middle = |offsets: &[i64]| {
        let mut sorted = offsets.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2].abs()
    };
    let worst = result.audio_video_offsets_us[10..].windows(11).map(middle).max().unwrap();
    let shown = result.rendered();
    println!(
        "{shown} of {} frames, {} freezes; audio against video at most {:.1} ms; memory {:?} MiB",
        result.frames.len(),
        result.freezes().len(),
        worst as f64 / 1e3,
        result.memory.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>(),
    );
    assert_eq!(result.wrong(), 0);
    assert!(shown + 72 >= result.frames.len());
    assert!(worst <= 40_000, "{worst} us");
    // This test's own records of the frames take about 20 MiB at the end.
    let (first, last) = (result.memory[0], result.memory[result.memory.len() - 1]);
    assert!(last < first + (32 << 20), "{first} to {last} bytes");
}
