//! Plays a stream in Chromium over links that delay and lose packets.
//!
//! `CODEC_TESTS=all cargo test --release -p codec-net --features serve --test server impaired --
//! --nocapture --test-threads 1` prints the measurements.

use std::process::Command;

use codec_core::frame::Size;
use codec_net::link_emulator::LinkEmulator;
use codec_net::server::Config;
use serde_json::Value;

use crate::browsers::Browser;
use crate::emulated::{server_behind, symmetric};
use crate::peers::{demo, measure, number};

/// Measurement time of a viewer.
const SECONDS: &str = "20";

/// Plays a stream of 640x360 at 800 kbit/s in Chromium over this link, impaired in both directions. `options`:
/// further arguments of the script.
fn watch_over(link: &str, options: &[&str]) -> Option<(Value, LinkEmulator)> {
    let scripts = Browser::Chromium.scripts(link)?;
    let (server, relay) = server_behind(Config::loopback(), 2, &symmetric(link));
    server.add_source(demo(Size { width: 640, height: 360 }, 800)).unwrap();
    let script = scripts.join("relay.mjs");
    let url = server.url();
    let seen =
        measure(Command::new("node").arg(script).args([&url, "demo", SECONDS]).args(options));
    eprintln!("relay: {:?}", relay.stats());
    assert_eq!(seen["server"], "127.0.0.2", "{seen}");
    Some((seen, relay))
}

/// Maximum number of measurements. On a machine that is busy with something else, the link looks slow.
const MEASUREMENTS: usize = 3;

/// Checks that the video has its full size, except for seconds after a stall of a busy machine, and
/// the share of decoded frames; repeated key frames do not compensate for losses.
fn check_loss(link: &str, least: f64) {
    for measurement in 1..=MEASUREMENTS {
        let Some((seen, relay)) = watch_over(link, &["640"]) else { return };
        assert!(relay.stats().backward.lost > 20, "{:?}", relay.stats());
        assert!(number(&seen["retransmitted"]) > 0.0, "{seen}");
        let share = number(&seen["decoded"]) / (30.0 * number(&seen["seconds"]));
        let has_full_size = (&seen["width"], &seen["height"]) == (&640.into(), &360.into());
        let key_frames = number(&seen["keyFrames"]) / number(&seen["seconds"]);
        if has_full_size && share > least && key_frames <= 0.5 {
            return;
        }
        eprintln!("measurement {measurement}: {share} of 30 frames/s decoded");
    }
    panic!("{link}: fewer than {least} of the frames were decoded");
}

#[test]
fn five_percent_of_packets_are_lost() {
    check_loss("delay=25ms,jitter=5ms,loss=5%", 0.8);
}

#[test]
fn ten_percent_of_packets_are_lost() {
    check_loss("delay=25ms,jitter=5ms,loss=10%", 0.75);
}

#[test]
fn packets_are_lost_in_bursts() {
    check_loss("delay=25ms,jitter=5ms,loss=5%,burst=4", 0.8);
}

#[test]
fn packets_are_lost_with_a_long_round_trip() {
    check_loss("delay=100ms,jitter=10ms,loss=5%", 0.7);
}

/// The base layer at 800 kbit/s needs twice as much: the encoder follows the link of a sole viewer.
#[test]
fn a_link_too_slow_for_any_layer_gets_a_lower_bitrate() {
    let Some((seen, relay)) = watch_over("delay=25ms,rate=150k,queue=500ms", &[]) else { return };
    assert!(number(&seen["decoded"]) > 4.0 * number(&seen["seconds"]), "{seen}");
    assert!(number(&seen["kbps"]) < 170.0, "{seen}");
    let sent = relay.stats().backward;
    assert!(sent.dropped_by_queue < sent.delivered, "{sent:?}");
}

/// 800 kbit/s exceed 500 kbit/s.
#[test]
fn a_slow_link_gets_what_it_can_carry() {
    let Some((seen, relay)) = watch_over("delay=25ms,rate=500k,queue=300ms", &[]) else { return };
    // The base layer by itself has 7.5 frames per second.
    assert!(number(&seen["decoded"]) > 4.0 * number(&seen["seconds"]), "{seen}");
    let sent = relay.stats().backward;
    assert!(sent.dropped_by_queue < sent.delivered / 2, "{sent:?}");
}
