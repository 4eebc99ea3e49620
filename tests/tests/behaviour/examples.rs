//! Runs the examples of the crates. The other tests of examples are in `backends/kit.rs` (codec-core), and in the
//! crates codec-net and codec-media.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use codec_core::codec::{EncoderConfig, FrameRequest, Scalability};
use codec_core::frame::{Picture, Size};
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_rtc::rtp;
use codec_tests::depth;
use codec_tests::scene::{self, Motion};

#[path = "../../../codec-measure/examples/bd_rate.rs"]
#[expect(dead_code, reason = "`main` reads arguments and writes output")]
mod bd_rate;
#[path = "../../../codec-rtc/examples/call.rs"]
#[expect(dead_code, reason = "`main` reads arguments and writes output")]
mod call;
#[path = "../../../codec-simd/examples/kernel.rs"]
mod kernel;
#[path = "../../../codec-vp8/examples/live_control.rs"]
#[expect(dead_code, reason = "`main` reads arguments and writes output")]
mod live_control;
#[path = "../../../codec-container/examples/remux.rs"]
#[expect(dead_code, reason = "`main` reads arguments and writes output")]
mod remux;
#[path = "../../../codec-rtc/examples/rtp.rs"]
mod rtp_over_udp;
#[path = "../../../codec-rtc/examples/sfu_filter.rs"]
#[expect(dead_code, reason = "`main` reads arguments and writes output")]
mod sfu_filter;
#[path = "../../../codec-media/examples/simulcast.rs"]
#[expect(dead_code, reason = "`main` reads arguments and writes output")]
mod simulcast;

#[test]
fn live_control_follows_every_event_and_reports_drops() {
    let mut ivf = Vec::new();
    let report = live_control::run(&mut ivf).unwrap();
    assert_eq!(report.sizes, [Size::new(640, 360), Size::new(320, 180)]);
    // The first frame, the request and the new size.
    assert_eq!(report.keys, 3, "{report:?}");
    assert!(report.buffer_low > 0, "{report:?}");
    // Every second frame of the pattern 0-2-1-2 is in the highest layer.
    assert_eq!(report.layer_off, 30, "{report:?}");
    let dropped = report.buffer_low + report.over_cap + report.layer_off;
    assert_eq!(report.coded + dropped, 300);
    assert!(ivf.starts_with(b"DKIF") && ivf.len() > 10_000);
}

#[test]
fn call_keeps_the_bitrate_that_it_is_given() {
    if depth::skips_long() {
        return;
    }
    let call::Summary { shown, target_bits, coded_bits, stats } = call::call([1, 2]).unwrap();
    assert!(shown >= call::FRAMES * 9 / 10, "{shown} frames, {stats:?}");
    assert!(coded_bits <= target_bits * 11 / 10, "{coded_bits} of {target_bits} bits");
}

#[test]
fn rtp_delivers_every_frame() {
    rtp_over_udp::main().unwrap();
}

#[test]
fn sfu_filter_forwards_the_base_layer_only() {
    let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let (sender, server, viewer) = (bind(), bind(), bind());
    viewer.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    sender.connect(server.local_addr().unwrap()).unwrap();
    let to = viewer.local_addr().unwrap();
    // It ends with the process.
    thread::spawn(move || sfu_filter::forward(&server, to, 1).map_err(|error| error.to_string()));

    let config = EncoderConfig::new(64, 48).scalability(Scalability::L1T3);
    let mut encoder = codec_vp8::encoder::open(&config).unwrap();
    let settings = PacketizerConfig { layers: true, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(settings).unwrap();
    let (mut packets, mut buffer) = (Vec::new(), [0; 1500]);
    let mut timestamps = Vec::new();
    for frame in 0..12_u8 {
        let samples = vec![9 * frame; usize::try_from(config.size.i420_bytes()).unwrap()];
        let picture = Picture::i420_packed(config.size, &samples).unwrap();
        encoder.encode(&picture, &FrameRequest::at(frame.into())).unwrap();
        for packet in encoder.packets() {
            let timestamp = 3000 * u32::from(frame);
            packetizer.packetize(&packet.data, &packet.meta, timestamp, &mut packets).unwrap();
        }
        packets.drain(..).for_each(|packet| assert!(sender.send(&packet).is_ok()));
        if frame % 4 == 0 {
            let len = viewer.recv(&mut buffer).unwrap();
            timestamps.push(rtp::parse(&buffer[..len]).unwrap().header.timestamp / 3000);
        }
    }
    assert_eq!(timestamps, [0, 4, 8]);
    assert!(viewer.recv(&mut buffer).is_err(), "a packet of a higher layer");
}

#[test]
fn remux_copies_every_packet() {
    if depth::skips_long() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [ivf, mp4, webm] = ["a.ivf", "a.mp4", "a.webm"].map(|name| dir.path().join(name));
    let mut stream = Vec::new();
    let coded = u64::from(live_control::run(&mut stream).unwrap().coded);
    std::fs::write(&ivf, stream).unwrap();
    assert_eq!(remux::remux(&ivf, &webm).unwrap(), coded);
    assert_eq!(remux::remux(&webm, &mp4).unwrap(), coded);
    assert!(remux::remux(&webm, &dir.path().join("a.txt")).is_err());
}

#[test]
fn simulcast_writes_a_file_for_each_layer() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.y4m"), dir.path().join("out"));
    let size = Size::new(320, 192);
    let mut y4m = b"YUV4MPEG2 W320 H192 F30:1\n".to_vec();
    for frame in 0..10 {
        y4m.extend(b"FRAME\n");
        y4m.extend(scene::picture(size, frame, Motion::Pan, 0));
    }
    std::fs::write(&input, y4m).unwrap();
    for codec in ["vp8", "vp9", "h264"] {
        let settings = simulcast::Settings {
            codec: codec.to_owned(),
            layers: 3,
            percent: 100,
            speed: 7,
            frames: 9,
            threads: 2,
            temporal: Scalability::L1T3,
        };
        let layers = simulcast::encode(&input, output.to_str().unwrap(), &settings).unwrap();
        let sizes: Vec<_> = layers.iter().map(|layer| layer.size.width).collect();
        assert_eq!(sizes, [80, 160, 320]);
        for (index, layer) in layers.iter().enumerate() {
            assert_eq!((layer.coded + layer.dropped, layer.keys, layer.idle), (9, 1, 0));
            let file = dir.path().join(format!("out-{index}.ivf"));
            assert!(std::fs::metadata(file).unwrap().len() > layer.bytes as u64);
        }
    }
}

#[test]
fn bd_rate_of_a_fifth_fewer_bits_is_minus_20_percent() {
    let curve = |name: &str, scale: f64| -> String {
        let points = [(100.0, 32), (200.0, 35), (400.0, 38), (800.0, 41)];
        points.map(|(kbps, quality)| format!("{name},{},{quality}\n", kbps * scale)).concat()
    };
    let csv = format!("encoder,kbps,quality\n{}{}", curve("old", 1.0), curve("new", 0.8));
    let (rate, metric) = bd_rate::compare(&csv).unwrap();
    assert!((rate.value + 20.0).abs() < 1e-9 && metric.value > 0.9, "{rate:?}, {metric:?}");
}

#[test]
fn kernel_gives_the_same_result_at_every_level() {
    kernel::main().unwrap();
    let results = kernel::run();
    assert!(results.iter().all(|&(_, best, _)| best == results[0].1), "{results:?}");
}
