//! The VP8 decoder on truncated, damaged, inconsistent and unusual streams.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codec_core::codec::{Conceal, DecodeReport, DecoderConfig, FrameKind, SlotSet, VideoDecoder};
use codec_core::error::{Corrupt, Error};
use codec_core::frame::Size;
use codec_core::parallel::{Pool, RowPool};
use codec_core::simd::Level;
use codec_tests::fuzz::vp8_decoder;
use codec_tests::mutate::damaged;
use codec_tests::rng::Rng;
use codec_tests::{data, depth, fuzz};
use codec_vp8::decoder::peek;

/// Returns what every stream is decoded with: each instruction set on one thread, then two to four threads. Kernels
/// and threads do not depend on each other, so that their pairs would show nothing more.
pub(crate) fn variants() -> impl Iterator<Item = (String, DecoderConfig)> {
    let on_one_thread = Level::supported().map(|level| (level.name().to_owned(), at_level(level)));
    on_one_thread.chain((2..=4).map(|count| (format!("{count} threads"), with_threads(count))))
}

pub(crate) fn at_level(level: Level) -> DecoderConfig {
    let mut config = DecoderConfig::default();
    config.simd = Some(level);
    config
}

/// Returns a configuration with a pool of `threads` threads, or without one if it is 1.
pub(crate) fn with_threads(threads: usize) -> DecoderConfig {
    let mut config = DecoderConfig::default();
    if threads > 1 {
        config.pool = Some(Arc::new(RowPool::new(threads).unwrap()) as Arc<dyn Pool>);
    }
    config
}

fn config(conceal: Conceal, threads: usize) -> DecoderConfig {
    let mut config = with_threads(threads);
    config.conceal = conceal;
    config
}

/// The result of a packet: the report and the digest of the frame, if any.
type Outcome = Result<(DecodeReport, Option<u64>), Error>;

fn decode(decoder: &mut dyn VideoDecoder, packet: &[u8]) -> Outcome {
    let report = decoder.decode(packet, 0, None)?;
    Ok((report, decoder.receive().map(|frame| frame.digest())))
}

fn decode_all(packets: &[&[u8]], config: &DecoderConfig) -> Vec<Outcome> {
    let mut decoder = vp8_decoder(config);
    packets.iter().map(|packet| decode(decoder.as_mut(), packet)).collect()
}

/// Checks that both are equal; otherwise reports the first difference.
fn assert_same(got: &[Outcome], expected: &[Outcome], what: &str) {
    for (n, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got, expected, "{what}, packet {n}");
    }
    assert_eq!(got.len(), expected.len(), "{what}");
}

/// Reports, and time and digest of the returned frames, in order.
type Outputs = (Vec<Result<DecodeReport, Error>>, Vec<(i64, u64)>);

fn outputs(packets: &[&[u8]], conceal: Conceal, threads: usize, delay: u32) -> Outputs {
    let mut config = config(conceal, threads);
    config.delay_frames = delay;
    let mut decoder = vp8_decoder(&config);
    let (mut reports, mut frames) = (Vec::new(), Vec::new());
    let mut shown = 0;
    for (pts, packet) in (0..).zip(packets) {
        let report = decoder.decode(packet, pts, None);
        shown += usize::from(report.as_ref().is_ok_and(|report| report.shown));
        reports.push(report);
        frames.extend(std::iter::from_fn(|| decoder.receive()).map(|f| (f.pts, f.digest())));
        assert!(frames.len() + delay as usize >= shown, "packet {pts} leaves more than {delay}");
    }
    decoder.finish();
    frames.extend(std::iter::from_fn(|| decoder.receive()).map(|f| (f.pts, f.digest())));
    (reports, frames)
}

#[track_caller]
fn assert_a_delay_changes_nothing(packets: &[&[u8]], what: &str) {
    for conceal in [Conceal::Off, Conceal::On] {
        let expected = outputs(packets, conceal, 1, 0);
        for threads in [1, 2, 3] {
            assert_eq!(outputs(packets, conceal, threads, 1), expected, "{what} {conceal:?}");
        }
    }
}

#[test]
fn a_delay_changes_neither_reports_nor_frames_nor_their_order() {
    let Some(dir) = data::dir("VP8 streams") else { return };
    let good = data::files(&dir.join("vp8"), ".ivf");
    let damaged = data::files(&dir.join("malformed"), ".ivf");
    for path in depth::sample(good.into_iter().chain(damaged), 3, 0) {
        let file = fs::read(&path).unwrap();
        let mut packets = data::ivf_frames(&file);
        packets.truncate(40);
        assert_a_delay_changes_nothing(&packets, &path.display().to_string());
    }
}

#[test]
fn a_delay_changes_nothing_if_packets_are_lost_empty_or_damaged() {
    let Some(dir) = data::dir("damaged VP8 streams") else { return };
    for (seed, name) in (0..).zip(["vp80-00-comprehensive-005.ivf", "vp80-05-sharpness-1428.ivf"]) {
        let file = stream(&dir, name);
        let mut rng = Rng::new(seed);
        for _ in 0..6 {
            let mut packets: Vec<Vec<u8>> = data::ivf_frames(&file)
                .into_iter()
                .take(30)
                .map(|packet| match rng.below(8) {
                    0 => Vec::new(),
                    1 => packet[..packet.len() / 2].to_vec(),
                    2 => damaged(packet, &mut rng),
                    _ => packet.to_vec(),
                })
                .collect();
            // A change of size in the middle.
            let other = stream(&dir, "vp80-06-smallsize.ivf");
            let at = packets.len() / 2;
            packets
                .splice(at..at, data::ivf_frames(&other).into_iter().take(4).map(<[u8]>::to_vec));
            let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
            assert_a_delay_changes_nothing(&packets, name);
        }
    }
}

#[test]
fn a_held_frame_survives_a_reset() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let mut config = config(Conceal::Off, 2);
    config.delay_frames = 1;
    let mut decoder = vp8_decoder(&config);
    decoder.decode(packets[0], 7, None).unwrap();
    assert!(decoder.receive().is_none(), "the first frame waits for the second packet");
    decoder.reset();
    assert_eq!(decoder.receive().map(|frame| frame.pts), Some(7));
    assert!(decoder.decode(packets[1], 0, None).is_err(), "there is no reference left");
    assert!(decoder.receive().is_none());
}

fn stream(dir: &Path, name: &str) -> Vec<u8> {
    fs::read(dir.join("vp8").join(name)).unwrap()
}

fn first_vector() -> Option<Vec<u8>> {
    Some(stream(&data::dir("the decoder on a real stream")?, "vp80-00-comprehensive-001.ivf"))
}

#[test]
fn damaged_files_give_errors_or_concealment_and_never_more_than_their_time() {
    let Some(dir) = data::dir("damaged VP8 files") else { return };
    for path in data::files(&dir.join("malformed"), ".ivf") {
        let file = fs::read(&path).unwrap();
        let packets = data::ivf_frames(&file);
        let begun = Instant::now();
        for conceal in [Conceal::Off, Conceal::On] {
            let alone = decode_all(&packets, &config(conceal, 1));
            let threaded = decode_all(&packets, &config(conceal, 3));
            assert_same(&threaded, &alone, &format!("{} {conceal:?}", path.display()));
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", path.display());
    }
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_at_every_level_and_thread_count() {
    let Some(dir) = data::dir("cut VP8 streams") else { return };
    let names = ["webp_small_13x1.ivf", "vp80-06-smallsize.ivf", "vp80-00-comprehensive-005.ivf"];
    let levels: Vec<Level> = Level::supported().collect();
    for name in names {
        let file = stream(&dir, name);
        let packets = data::ivf_frames(&file);
        let cut = packets[packets.len().min(2) - 1];
        let step = cut.len().div_ceil(150);
        for len in (0..cut.len()).step_by(step) {
            let mut packets = packets[..packets.len().min(3)].to_vec();
            let at = packets.len().min(2) - 1;
            packets[at] = &cut[..len];
            for conceal in [Conceal::Off, Conceal::On] {
                let what = format!("{name} cut to {len}, {conceal:?}");
                let mut config = config(conceal, 1);
                config.simd = Some(Level::Scalar);
                let expected = decode_all(&packets, &config);
                for &level in &levels[1..] {
                    config.simd = Some(level);
                    assert_same(&decode_all(&packets, &config), &expected, &what);
                }
                config.pool = Some(Arc::new(RowPool::new(2).unwrap()));
                assert_same(&decode_all(&packets, &config), &expected, &what);
            }
        }
    }
}

#[test]
fn random_damage_gives_the_same_with_and_without_threads() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data::dir("damaged VP8 streams") else { return };
    let files = ["vp80-00-comprehensive-003.ivf", "vp80-00-comprehensive-008.ivf"];
    let mut rng = Rng::new(9);
    for name in files {
        let file = stream(&dir, name);
        let packets = data::ivf_frames(&file);
        for _ in 0..40 {
            let count = packets.len().min(2 + rng.index(6));
            let hurt: Vec<Vec<u8>> = packets[..count]
                .iter()
                .map(|p| if rng.below(2) == 0 { p.to_vec() } else { damaged(p, &mut rng) })
                .collect();
            let hurt: Vec<&[u8]> = hurt.iter().map(Vec::as_slice).collect();
            for conceal in [Conceal::Off, Conceal::On] {
                let alone = decode_all(&hurt, &config(conceal, 1));
                assert_same(&decode_all(&hurt, &config(conceal, 2)), &alone, name);
            }
        }
    }
}

/// A packet of 94 bytes that claims a frame of `width` x `height`.
fn claim(width: u16, height: u16) -> Vec<u8> {
    let mut packet = vec![0x10 | 84 << 5, (84_u32 >> 3).to_le_bytes()[0], 0, 0x9d, 0x01, 0x2a];
    packet.extend_from_slice(&width.to_le_bytes());
    packet.extend_from_slice(&height.to_le_bytes());
    packet.resize(94, 0);
    packet
}

#[test]
fn a_few_bytes_cannot_allocate_a_large_frame() {
    for conceal in [Conceal::Off, Conceal::On] {
        let mut decoder = vp8_decoder(&config(conceal, 1));
        let error = decoder.decode(&claim(16_383, 16_383), 0, None).unwrap_err();
        assert!(matches!(error, Error::Limit(limit) if limit.what == "pixels"), "{error}");
        let error = decoder.decode(&claim(4096, 4096), 0, None).unwrap_err();
        let expected = Corrupt::PartitionOverrun { partition: 0, size_bytes: 84, row_mb: 0 };
        assert_eq!(error, expected.into());
        assert!(decoder.receive().is_none());
    }
}

#[test]
fn limits_on_packets_and_size_changes_hold() {
    let Some(dir) = data::dir("size changes") else { return };
    let mut small = config(Conceal::Off, 1);
    small.limits.max_frame_bytes = 93;
    let error = vp8_decoder(&small).decode(&claim(16, 16), 0, None).unwrap_err();
    assert!(matches!(error, Error::Limit(limit) if limit.requested == 94), "{error}");

    let [a, b] = ["vp80-00-comprehensive-001.ivf", "vp80-00-comprehensive-008.ivf"]
        .map(|name| stream(&dir, name));
    let keys = [data::ivf_frames(&a)[0], data::ivf_frames(&b)[0]];
    // Any number of changes, as in adaptive calls, within a number of pixels.
    let mut decoder = vp8_decoder(&config(Conceal::Off, 1));
    let sizes: Vec<_> =
        (0..60).map(|n| decoder.decode(keys[n % 2], 0, None).unwrap().size).collect();
    assert_ne!(sizes[0], sizes[1]);
    let mut tight = config(Conceal::Off, 1);
    tight.limits.max_resized_pixels = 4 * (sizes[0].pixels() + sizes[1].pixels());
    let mut decoder = vp8_decoder(&tight);
    let results: Vec<_> =
        (0..20).map(|n| decoder.decode(keys[n % 2], 0, None).map(|report| report.size)).collect();
    assert!(results[..8].iter().all(Result::is_ok));
    let is_refused = |result: &Result<_, Error>| matches!(result, Err(Error::Limit(limit)) if limit.what.contains("resized pixels"));
    assert!(is_refused(&results[8]), "{:?}", results[8]);
    // Rejected frames count, so decoding resumes once the changes are 30 frames old.
    assert!((0..30).any(|_| decoder.decode(keys[0], 0, None).is_ok()));
}

#[test]
fn an_empty_packet_repeats_the_last_frame() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let mut decoder = vp8_decoder(&config(Conceal::Off, 1));
    assert_eq!(decoder.decode(&[], 0, None), Err(Corrupt::NothingToRepeat.into()));
    let (_, first) = decode(decoder.as_mut(), packets[0]).unwrap();
    let report = decoder.decode(&[], 77, Some(3)).unwrap();
    assert_eq!((report.kind, report.shown), (FrameKind::Inter, true));
    let frame = decoder.receive().unwrap();
    assert_eq!((Some(frame.digest()), frame.pts, frame.duration), (first, 77, Some(3)));
    // And the following frames decode as if nothing had been in between.
    let plain = decode_all(&packets[..2], &config(Conceal::Off, 1));
    assert_eq!(decode(decoder.as_mut(), packets[1]), plain[1]);
}

#[test]
fn an_inter_frame_needs_a_key_frame_before_it_and_after_a_reset() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let mut decoder = vp8_decoder(&config(Conceal::Off, 1));
    assert_eq!(decoder.decode(packets[1], 0, None), Err(Corrupt::NoReference.into()));
    let report = decoder.decode(packets[0], 0, None).unwrap();
    assert_eq!((report.kind, report.size), (FrameKind::Key, Size::new(176, 144)));
    assert_eq!(report.refs_updated, SlotSet::LAST.with(SlotSet::GOLDEN).with(SlotSet::ALTREF));
    assert_eq!(report.refs_used, SlotSet::NONE);
    assert!(decoder.decode(packets[1], 0, None).unwrap().refs_used.contains(SlotSet::LAST));
    decoder.reset();
    assert_eq!(decoder.decode(packets[1], 0, None), Err(Corrupt::NoReference.into()));
}

#[test]
fn an_error_leaves_references_and_probabilities_as_they_were() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let plain = decode_all(packets.get(..6).unwrap(), &config(Conceal::Off, 1));
    for threads in [1, 2] {
        let mut decoder = vp8_decoder(&config(Conceal::Off, threads));
        for (n, packet) in packets[..6].iter().enumerate() {
            // Truncated in the middle of the tokens and of the modes.
            for len in [packet.len() * 2 / 3, packet.len() / 8, 2] {
                let error = decode(decoder.as_mut(), &packet[..len]).unwrap_err();
                assert!(matches!(error, Error::Corrupt(_)), "{error}");
            }
            assert_eq!(decode(decoder.as_mut(), packet), plain[n], "packet {n}");
        }
    }
}

#[test]
fn concealment_reports_its_share_and_recovers_at_the_next_key_frame() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let mut decoder = vp8_decoder(&config(Conceal::On, 1));
    let (whole, _) = decode(decoder.as_mut(), packets[0]).unwrap();
    assert_eq!((whole.concealed_mbs, whole.total_mbs), (0, 99));
    let cut = &packets[1][..packets[1].len() * 2 / 3];
    let (part, frame) = decode(decoder.as_mut(), cut).unwrap();
    assert!(frame.is_some());
    assert!((1..99).contains(&part.concealed_mbs), "{}", part.concealed_mbs);
    let (lost, frame) = decode(decoder.as_mut(), &packets[2][..2]).unwrap();
    assert!(frame.is_some());
    assert_eq!(lost.concealed_mbs, lost.total_mbs);
    let plain = decode_all(&packets[..1], &config(Conceal::Off, 1));
    assert_eq!(decode(decoder.as_mut(), packets[0]), plain[0]);
}

#[test]
fn a_frame_stays_as_it_is_while_the_decoder_goes_on() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let mut decoder = vp8_decoder(&config(Conceal::Off, 1));
    let mut held = Vec::new();
    for packet in &packets[..packets.len().min(25)] {
        decoder.decode(packet, 0, None).unwrap();
        let frame = decoder.receive().unwrap();
        held.push((frame.digest(), frame));
    }
    assert!(held.iter().all(|(digest, frame)| frame.digest() == *digest));
}

#[test]
fn peeking_returns_size_and_kind() {
    let Some(file) = first_vector() else { return };
    let packets = data::ivf_frames(&file);
    let (tag, key) = peek(packets[0]).unwrap();
    assert!(tag.is_key && tag.show);
    assert_eq!(key.unwrap().size, Size::new(176, 144));
    let (tag, key) = peek(packets[1]).unwrap();
    assert!(!tag.is_key && key.is_none());
    assert!(peek(&[]).is_err());
}

#[test]
fn the_fuzz_target_survives_the_damaged_files() {
    let Some(dir) = data::dir("damaged VP8 files") else { return };
    for path in data::files(&dir.join("malformed"), ".ivf") {
        fuzz::vp8_decode_stream(&fs::read(path).unwrap());
    }
}
