//! Chromium publishes over links that delay and lose packets.

use std::fs;
use std::process::Command;

use codec_container::{Format, Output, RawVideoStream, create_raw_video};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::server::Config;

use crate::browsers::Browser;
use crate::emulated::{server_behind, symmetric};
use crate::peers::{draw, measure, number, scripts};

const SIZE: Size = Size { width: 640, height: 360 };
/// Measurement time of a publisher.
const SECONDS: &str = "20";
/// Frames before the first key frame, and those cut off at the end.
const AT_THE_ENDS: f64 = 4.0;

/// Maximum number of measurements. A packet whose retransmissions are all lost costs the frames until the next key
/// frame, and this may happen twice in one measurement.
const MEASUREMENTS: usize = 3;

/// Checks that at most this share of the frames of a publisher is not passed on over a link.
fn publish_over(link: &str, most: f64) {
    if Browser::Chromium.scripts(link).is_none() {
        return;
    }
    let (mut sent, mut lost) = (0.0, 0.0);
    for number in 1..=MEASUREMENTS {
        let (frames, passed) = measure_over(link);
        assert!(frames > 100.0, "{frames} frames");
        (sent, lost) = (sent + frames, lost + (frames - passed - AT_THE_ENDS).max(0.0));
        if lost <= most * sent {
            return;
        }
        eprintln!("measurement {number}: {lost} of {sent} frames not passed on");
    }
    panic!("{link}: {lost} of {sent} frames not passed on");
}

/// Chromium publishes 640x360 at 1.5 Mb/s over this link, impaired in both directions. Returns the numbers of
/// frames that it sends and that are passed on.
fn measure_over(link: &str) -> (f64, f64) {
    let config = Config { decode: false, ..Config::loopback() };
    let (server, relay) = server_behind(config, 2, &symmetric(link));
    let name = link.replace(['=', ',', '%'], "-");
    let camera =
        std::env::temp_dir().join(format!("codec-publish-{}-{name}.y4m", std::process::id()));
    let stream = RawVideoStream::new(Format::Y4m, SIZE, Rational::new(30, 1));
    let output = Output::seekable(fs::File::create(&camera).unwrap());
    let mut writer = create_raw_video(output, Format::Y4m, &stream).unwrap();
    for index in 0..64 {
        writer.write(&Picture::i420_packed(SIZE, &draw(SIZE, index)).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    let script = scripts().join("publish.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(server.url()).arg(&camera).args([SECONDS, "1500"]);
    let seen = measure(&mut command);
    let _ = fs::remove_file(&camera);
    eprintln!("relay: {:?}; {seen}", relay.stats());
    assert_eq!(seen["server"], "127.0.0.2", "{seen}");
    (number(&seen["sent"]), number(&seen["passed"]))
}

#[test]
fn a_publisher_loses_five_percent_of_its_packets() {
    publish_over("delay=25ms,jitter=5ms,loss=5%", 0.01);
}

#[test]
fn a_publisher_loses_ten_percent_of_its_packets() {
    publish_over("delay=25ms,jitter=5ms,loss=10%", 0.03);
}
