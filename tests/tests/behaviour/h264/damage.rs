//! Damaged, incomplete and inconsistent streams.

use codec_core::codec::{Conceal, DecodeReport, DecoderConfig};
use codec_core::error::{Corrupt, Error};
use codec_tests::{data, fuzz, fuzz_seeds, mutate, rng};

use super::{decode, open, packets};
use crate::decoder::with_threads;

fn concealing() -> DecoderConfig {
    let mut config = DecoderConfig::default();
    config.conceal = Conceal::On;
    config
}

#[test]
fn a_lost_frame_is_an_error_until_the_next_idr_picture() {
    let Some(dir) = data::dir("lost H.264 frames") else { return };
    // An IDR picture every few frames, all frames are references.
    let packets = packets(&dir.join("h264/MIDR_MW_D.264"));
    let clean = decode("MIDR", &packets, &DecoderConfig::default());
    let is_idr = |packet: &[u8]| packet.windows(4).any(|w| w[..3] == [0, 0, 1] && w[3] & 31 == 5);
    let next_idr = (4..packets.len()).find(|index| is_idr(&packets[*index])).unwrap();
    let mut decoder = open(&DecoderConfig::default());
    let mut frames = Vec::new();
    for (index, packet) in packets.iter().enumerate().filter(|(index, _)| *index != 3) {
        let outcome = decoder.decode(packet, i64::try_from(index).unwrap(), None);
        let is_lost = (4..next_idr).contains(&index);
        let expected = if is_lost { Err(Error::Corrupt(Corrupt::NoReference)) } else { Ok(true) };
        assert_eq!(outcome.map(|report| report.shown), expected, "packet {index}");
        frames.extend(std::iter::from_fn(|| decoder.receive()));
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()));
    assert_eq!(frames.len(), clean.len() - (next_idr - 3));
    for frame in frames {
        let index = usize::try_from(frame.pts).unwrap();
        assert_eq!(frame.digest(), clean[index].digest(), "frame {index}");
    }
}

#[test]
fn concealment_shows_a_frame_for_every_damaged_packet_and_counts_the_damage() {
    let Some(dir) = data::dir("damaged H.264 frames") else { return };
    let mut packets = packets(&dir.join("h264/x04_baseline_slices.264"));
    let count = packets.len();
    let half = packets[5].len() / 2;
    packets[5].truncate(half);
    packets[9].truncate(30);
    let mut decoder = open(&concealing());
    let (mut frames, mut concealed) = (0, Vec::new());
    for (index, packet) in packets.iter().enumerate() {
        let report = decoder.decode(packet, i64::try_from(index).unwrap(), None).unwrap();
        frames += std::iter::from_fn(|| decoder.receive()).count();
        if report.concealed_mbs > 0 {
            assert!(report.concealed_mbs <= report.total_mbs);
            concealed.push(index);
        }
    }
    decoder.finish();
    frames += std::iter::from_fn(|| decoder.receive()).count();
    assert_eq!((frames, concealed), (count, vec![5, 9]));
}

#[test]
fn parameter_sets_may_come_in_any_order_and_sizes_are_limited() {
    let Some(dir) = data::dir("H.264 parameter sets") else { return };
    let packets = packets(&dir.join("h264/x01_high.264"));
    let units: Vec<&[u8]> = codec_h264::nal::AnnexBUnits::new(&packets[0]).collect();
    let of = |wanted: u8| *units.iter().find(|unit| unit[0] & 31 == wanted).unwrap();
    let with_code = |unit: &[u8]| [&[0, 0, 0, 1], unit].concat();
    let mut decoder = open(&DecoderConfig::default());
    // The picture parameter set first, each in a packet of its own.
    assert!(decoder.decode(&with_code(of(8)), 0, None).is_err(), "no size is known");
    assert!(!decoder.decode(&with_code(of(7)), 0, None).unwrap().shown);
    assert!(decoder.decode(&with_code(of(5)), 0, None).unwrap().shown);
    let mut limited = DecoderConfig::default();
    limited.limits.max_pixels = 640 * 360;
    let outcome = open(&limited).decode(&packets[0], 0, None);
    assert!(matches!(outcome, Err(Error::Limit(_))), "640x368 coded samples: {outcome:?}");
}

/// The report or the error of a packet, and its frames.
type Outcome = (Result<DecodeReport, Error>, Vec<(i64, u64)>);

/// Decodes packets, damaged or not.
fn outcomes(packets: &[Vec<u8>], config: &DecoderConfig) -> Vec<Outcome> {
    let mut decoder = open(config);
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (pts, packet) in (0..).zip(packets) {
        let result = decoder.decode(packet, pts, None);
        let frames = std::iter::from_fn(|| decoder.receive());
        outcomes.push((result, frames.map(|frame| (frame.pts, frame.digest())).collect()));
    }
    outcomes
}

#[test]
fn damage_has_the_same_effect_with_any_number_of_threads() {
    let Some(dir) = data::dir("damaged H.264 streams on several threads") else { return };
    let names = [
        "BA1_Sony_D.jsv",
        "goh264_cabac_b8x8_spatial.h264",
        "x02_main_mbaff.264",
        "x04_baseline_slices.264",
    ];
    let streams = names.map(|name| packets(&dir.join("h264").join(name)));
    let pools = [2, 3, 4].map(|threads| with_threads(threads).pool);
    let with_pool = |pool, conceals: bool| {
        let mut config = if conceals { concealing() } else { DecoderConfig::default() };
        config.pool = pool;
        config
    };
    rng::for_each_seed(60, |_, rng| {
        let packets: Vec<Vec<u8>> = rng
            .pick(&streams)
            .iter()
            .take(8)
            .map(|packet| match rng.below(3) {
                0 => packet.clone(),
                _ => mutate::damaged(packet, rng),
            })
            .collect();
        let conceals = rng.below(2) == 0;
        let expected = outcomes(&packets, &with_pool(None, conceals));
        for pool in &pools {
            assert!(outcomes(&packets, &with_pool(pool.clone(), conceals)) == expected);
        }
    });
}

#[test]
fn malformed_streams_end_in_frames_or_errors() {
    let Some(dir) = data::dir("malformed H.264 streams") else { return };
    for path in data::files(&dir.join("malformed"), ".264") {
        let mut threads = concealing();
        threads.pool = with_threads(3).pool;
        for config in [DecoderConfig::default(), concealing(), threads] {
            let mut decoder = open(&config);
            let (mut frames, mut errors) = (0_u32, 0_u32);
            let bytes = std::fs::read(&path).unwrap();
            let units: Vec<_> = codec_h264::nal::AnnexBUnits::new(&bytes).collect();
            for unit in &units {
                let packet = [&[0, 0, 0, 1], *unit].concat();
                errors += u32::from(decoder.decode(&packet, 0, None).is_err());
                frames += u32::try_from(std::iter::from_fn(|| decoder.receive()).count()).unwrap();
            }
            let all = u32::try_from(units.len()).unwrap();
            assert!(errors <= all && frames <= 2 * all, "{}", path.display());
            // A file of random bytes has no frames.
            let has_pictures = units.iter().any(|unit| unit[0] & 31 == 5);
            let conceals = config.conceal == Conceal::On && has_pictures;
            assert!(!conceals || frames > 0, "{}", path.display());
        }
    }
}

#[test]
fn the_seed_of_the_fuzz_target_is_two_grey_frames_and_survives_mutations() {
    let seed = fuzz_seeds::h264_stream();
    let mut decoder = open(&DecoderConfig::default());
    decoder.decode(&seed, 0, None).unwrap();
    decoder.finish();
    let frames: Vec<_> = std::iter::from_fn(|| decoder.receive()).collect();
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|frame| frame.picture().luma().row(0) == [128; 16]));
    rng::for_each_seed(2000, |_, rng| {
        let options = rng.byte();
        fuzz::h264_decode(&[&[options], &mutate::damaged(&seed, rng)[..]].concat());
    });
}

#[test]
fn mutated_streams_never_panic() {
    let Some(dir) = data::dir("mutated H.264 streams") else { return };
    let names = ["BA1_Sony_D.jsv", "goh264_cabac_b8x8_spatial.h264", "x02_main_mbaff.264"];
    let streams = names.map(|name| packets(&dir.join("h264").join(name)));
    rng::for_each_seed(200, |_, rng| {
        let packets = rng.pick(&streams);
        let config = if rng.below(2) == 0 { concealing() } else { DecoderConfig::default() };
        let mut decoder = open(&config);
        for packet in packets.iter().take(8) {
            let damaged = mutate::damaged(packet, rng);
            let packet = if rng.below(3) == 0 { packet } else { &damaged };
            if let Ok(report) = decoder.decode(packet, 0, None) {
                assert!(report.concealed_mbs <= report.total_mbs, "{report:?}");
            }
            assert!(std::iter::from_fn(|| decoder.receive()).count() <= 64);
        }
        decoder.reset();
    });
}
