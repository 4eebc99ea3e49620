//! Streams of the encoder over a pairwise cover of sizes, profiles, layers, slices and speeds.

use crate::cover::pairwise;
use crate::encoders::Tested;
use crate::scene::Motion;
use crate::session::Session;
use codec_core::codec::{Bitrate, DropPolicy, EncoderConfig, Packet, RateControl, Scalability};
use codec_core::frame::{Rational, Size};

/// Settings of a stream.
#[derive(Clone, Debug)]
pub struct Case {
    pub size: Size,
    pub profile: i64,
    pub scalability: Scalability,
    pub kbps: u64,
    pub fps: u32,
    pub slices: i64,
    pub slice_bytes: i64,
    speed: u8,
    intra_refresh: u8,
    motion: Motion,
    knobs: Vec<(&'static str, i64)>,
}

const SIZES: [(u32, u32); 10] = [
    (16, 16),
    (2, 2),
    (98, 50),
    (176, 144),
    (320, 240),
    (352, 288),
    (640, 480),
    (34, 1000),
    (1280, 720),
    (1920, 1080),
];

/// Returns the cases.
pub fn cases() -> Vec<Case> {
    let layers = [Scalability::L1T1, Scalability::L1T2, Scalability::L1T3];
    let motions = [Motion::Patch, Motion::Pan];
    let knobs: [&[(&str, i64)]; 4] = [
        &[],
        &[("cabac", 0), ("transform-8x8", 0)],
        &[("deblock-alpha", -6), ("deblock-beta", 6)],
        &[("deblock-alpha", 3), ("transform-8x8", 0)],
    ];
    let sizes = [SIZES.len(), 3, layers.len(), 3, 3, 3, 5, 2, motions.len(), knobs.len(), 3];
    let case = |index: Vec<usize>| Case {
        size: Size::new(SIZES[index[0]].0, SIZES[index[0]].1),
        profile: [66, 77, 100][index[1]],
        scalability: layers[index[2]],
        kbps: [50, 1000, 25_000][index[3]],
        fps: [10, 30, 60][index[4]],
        slices: [1, 3, 32][index[5]],
        speed: [2, 5, 7, 9, 10][index[6]],
        intra_refresh: [0, 2][index[7]],
        motion: motions[index[8]],
        knobs: knobs[index[9]].to_vec(),
        slice_bytes: [0, 100, 1200][index[10]],
    };
    pairwise(&sizes, 5).into_iter().map(case).collect()
}

/// Encodes a few frames, of large sizes fewer. The packets have the digests of the reconstruction.
pub fn encode(case: &Case) -> Vec<Packet> {
    let mut config =
        EncoderConfig::rtc(case.size, Rational::new(case.fps, 1), Bitrate::kbps(case.kbps));
    config.rate.mode = RateControl::Cbr(Bitrate::kbps(case.kbps));
    config.rate.drops = DropPolicy::Never;
    (config.scalability, config.speed) = (case.scalability, case.speed);
    (config.intra_refresh, config.report_digest) = (case.intra_refresh, true);
    let numbers =
        [("slices", case.slices), ("slice-bytes", case.slice_bytes), ("profile", case.profile)];
    let knobs = numbers.iter().chain(&case.knobs);
    config.knobs = knobs.map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let mut session = Session::of(Tested::H264, config);
    let frames = if case.size.pixels() > 500_000 { 3 } else { 9 };
    session.scene(case.motion, 0, frames);
    session.packets
}
