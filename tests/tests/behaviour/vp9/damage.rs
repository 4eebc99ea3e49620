//! Damaged, incomplete and inconsistent streams.

use codec_core::codec::{Conceal, DecoderConfig, Limits};
use codec_core::error::Error;
use codec_tests::{data, depth, fuzz, mutate, rng};
use codec_vp9::decoder::FrameDecoder;

use super::{decode, packets, samples};
use crate::decoder::with_threads;

fn concealing() -> DecoderConfig {
    let mut config = DecoderConfig::default();
    config.conceal = Conceal::On;
    config
}

#[test]
fn a_damaged_frame_is_an_error_and_the_next_one_decodes() {
    let Some(dir) = data::dir("damaged VP9 frames") else { return };
    let packets = packets(&dir.join("vp9/vp90-2-12-droppable_1.ivf"));
    let mut decoder = FrameDecoder::new(&DecoderConfig::default()).unwrap();
    let mut frames = Vec::new();
    decoder.decode(&packets[0], &mut frames).unwrap();
    let cut = &packets[1][..packets[1].len() / 2];
    assert!(matches!(decoder.decode(cut, &mut frames), Err(Error::Corrupt(_))));
    assert_eq!(frames.len(), 1);
    decoder.decode(&packets[1], &mut frames).unwrap();
    assert_eq!(frames.len(), 2);
}

#[test]
fn an_inter_frame_before_the_first_key_frame_is_an_error() {
    let Some(dir) = data::dir("VP9 without a key frame") else { return };
    let packets = packets(&dir.join("vp9/vp90-2-12-droppable_1.ivf"));
    let mut decoder = FrameDecoder::new(&DecoderConfig::default()).unwrap();
    let mut frames = Vec::new();
    assert!(decoder.decode(&packets[1], &mut frames).is_err());
    for packet in &packets {
        decoder.decode(packet, &mut frames).unwrap();
    }
    assert_eq!(frames.len(), packets.len());
}

#[test]
fn concealment_shows_a_frame_for_every_damaged_packet_and_counts_the_damage() {
    let Some(dir) = data::dir("damaged VP9 frames") else { return };
    let mut packets = packets(&dir.join("vp9/vp90-2-12-droppable_1.ivf"));
    for (index, keep) in [(5, 0.8), (9, 0.9)] {
        let length = packets[index].len() as f64 * keep;
        packets[index].truncate(length as usize);
    }
    packets[12].truncate(3);
    let mut decoder = FrameDecoder::new(&concealing()).unwrap();
    let mut frames = Vec::new();
    let mut concealed = Vec::new();
    for (index, packet) in packets.iter().enumerate().take(20) {
        let report = decoder.decode(packet, &mut frames).unwrap();
        if report.concealed_mbs > 0 {
            assert!(report.concealed_mbs <= report.total_mbs);
            concealed.push((index, report.concealed_mbs == report.total_mbs));
        }
    }
    assert_eq!(concealed, [(5, false), (9, false), (12, true)]);
    assert_eq!(frames.len(), 20);
}

/// What a decoder makes of each packet: a report or an error, and the samples of the frames.
fn outcomes(packets: &[Vec<u8>], config: &DecoderConfig) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut decoder = FrameDecoder::new(config).unwrap();
    let mut frames = Vec::new();
    let outcome = |packet: &Vec<u8>| {
        let outcome = decoder.decode(packet, &mut frames);
        (format!("{outcome:?}"), frames.drain(..).map(|frame| samples(&frame)).collect())
    };
    packets.iter().map(outcome).collect()
}

#[test]
fn damage_has_the_same_effects_on_any_number_of_threads() {
    let Some(dir) = data::dir("damaged VP9 frames on threads") else { return };
    let pools = [2, 3, 4].map(|threads| with_threads(threads).pool);
    let names = ["vp90-2-08-tile-4x4.webm", "vp90-2-16-intra-only.webm", "vp91-2-04-yuv444.webm"];
    for name in depth::sample(names, 2, 0) {
        let intact = packets(&dir.join("vp9").join(name));
        rng::for_each_seed(4, |seed, rng| {
            let mut packets: Vec<_> = intact.iter().take(8).cloned().collect();
            for packet in packets.iter_mut().skip(1).step_by(2) {
                *packet = mutate::damaged(packet, rng);
            }
            for mut config in [DecoderConfig::default(), concealing()] {
                let expected = outcomes(&packets, &config);
                for pool in &pools {
                    config.pool.clone_from(pool);
                    let found = outcomes(&packets, &config);
                    assert!(found == expected, "{name}, seed {seed}, {config:?}");
                }
            }
        });
    }
}

#[test]
fn large_sizes_are_refused_before_anything_is_allocated() {
    // A key frame of 65536x65536 pixels.
    let mut frame = vec![0x82, 0x49, 0x83, 0x42, 0x2f, 0xff, 0xff, 0xff, 0xf0];
    frame.resize(64, 0x11);
    let mut decoder = FrameDecoder::new(&DecoderConfig::default()).unwrap();
    let error = decoder.decode(&frame, &mut Vec::new()).unwrap_err();
    let Error::Limit(error) = error else { panic!("{error}") };
    assert_eq!((error.requested, error.limit), (1 << 32, Limits::default().max_pixels));
}

#[test]
fn mutated_streams_cause_errors_and_no_panic() {
    let Some(dir) = data::dir("mutated VP9 streams") else { return };
    for name in [
        "vp90-2-02-size-66x66.webm",
        "vp91-2-04-yuv444.webm",
        "vp90-2-16-intra-only.webm",
        "vp90-2-21-resize_inter_320x180_5_1-2.webm",
        "vp90-2-22-svc_1280x720_3.ivf",
    ] {
        let packets = packets(&dir.join("vp9").join(name));
        decode(name, &packets[..2], &DecoderConfig::default(), |_| ());
        rng::for_each_seed(12, |_, rng| {
            let mut stream = vec![rng.byte()];
            for packet in packets.iter().take(6) {
                let packet =
                    if rng.below(2) == 0 { mutate::damaged(packet, rng) } else { packet.clone() };
                let length = u16::try_from(packet.len().min(0xffff)).unwrap();
                stream.extend(length.to_le_bytes());
                stream.extend(&packet[..usize::from(length)]);
            }
            fuzz::vp9_decode(&stream);
        });
    }
}
