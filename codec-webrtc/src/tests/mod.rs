//! Two peers in virtual time.

mod call;
mod capacity_drop;
#[path = "../../../tests/src/depth.rs"]
#[expect(unreachable_pub, dead_code, reason = "shared with the tests of other crates")]
mod depth;
mod fec;
mod floods;
mod h264;
mod harness;
mod ice_restart;
mod negotiation;
mod packet_forwarder;
mod panics;
mod renegotiate;
mod simulcast;

use std::time::{Duration, Instant};

use super::*;
use codec_rtc::extension::Extensions;

const OFFERER: &str = "10.0.0.1:5000";
const ANSWERER: &str = "10.0.0.2:6000";

fn config(base: Instant, seed: u8, address: &str) -> PeerConfig {
    let unix_now = Duration::from_secs(1_800_000_000);
    let certificate = Certificate::generate(&[seed; 32], unix_now, 30).unwrap();
    let mut config = PeerConfig::new(base, [seed.wrapping_add(100); 32], certificate);
    config.candidates.push(LocalCandidate::Host(address.parse().unwrap()));
    config
}

fn plans(direction: Direction) -> [MediaPlan; 2] {
    [Kind::Audio, Kind::Video].map(|kind| MediaPlan::new(kind, direction))
}
