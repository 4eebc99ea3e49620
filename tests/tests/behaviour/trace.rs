//! The trace of the VP8 decoder: the bits of all blocks add up to the size of the partitions, the values
//! agree with those that the encoder reports, and the predictions with the pixels. Decoding does not depend
//! on the trace.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use codec_core::codec::trace::{BlockTrace, FrameTrace, SlotUpdate};
use codec_core::codec::{
    Bitrate, Conceal, DecoderConfig, EncoderConfig, FrameKind, RateControl, SlotSet, VideoDecoder,
};
use codec_core::frame::{Frame, Rational, Size};
use codec_core::parallel::RowPool;
use codec_tests::data;
use codec_tests::fuzz::vp8_decoder;
use codec_tests::scene::Motion;
use codec_tests::session::Session;

fn tracing(conceal: Conceal) -> Box<dyn VideoDecoder> {
    let mut config = DecoderConfig::default();
    config.conceal = conceal;
    config.trace = true;
    vp8_decoder(&config)
}

fn packets(path: &Path) -> Vec<Vec<u8>> {
    let file = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    data::ivf_frames(&file).into_iter().map(<[u8]>::to_vec).collect()
}

fn sum_q8(blocks: &[BlockTrace], bits: impl Fn(&BlockTrace) -> u32) -> u64 {
    blocks.iter().map(|block| u64::from(bits(block))).sum()
}

/// Invariants of any undamaged packet.
fn check_sums(trace: &FrameTrace, packet: &[u8], at: &str) {
    assert_eq!(trace.packet_bytes, packet.len() as u64, "{at}");
    let in_partitions: u64 = trace.partitions.iter().map(|part| part.bytes).sum();
    assert_eq!(trace.framing_bytes + in_partitions, trace.packet_bytes, "{at}");
    let (modes, tokens) = trace.partitions.split_first().expect("a first partition");
    assert!(modes.header_q8 > 0, "{at}: the header takes bits");
    let mode_bits = sum_q8(&trace.blocks, |block| block.mode_q8);
    assert_eq!(modes.header_q8 + mode_bits, modes.used_q8, "{at}");
    for (number, part) in (1..).zip(tokens) {
        let own: Vec<_> =
            trace.blocks.iter().filter(|block| block.partition == number).copied().collect();
        assert_eq!(sum_q8(&own, |block| block.token_q8), part.used_q8, "{at}, partition {number}");
    }
    for (number, part) in trace.partitions.iter().enumerate() {
        // An encoder pads a partition by at most four bytes, and may omit zeros.
        let (used, there) = (part.used_q8, part.bytes * 8 * 256);
        assert!(used <= there + 16 * 256, "{at}, partition {number}: {used} of {there}");
        assert!(there <= used + 40 * 256, "{at}, partition {number}: {used} of {there}");
    }
}

fn check_blocks(trace: &FrameTrace, at: &str) {
    let (cols, rows) = trace.size.macroblocks();
    assert_eq!(trace.blocks.len(), cols * rows, "{at}");
    for (n, block) in trace.blocks.iter().enumerate() {
        let place = (16 * (n % cols), 16 * (n / cols));
        assert_eq!((usize::from(block.at.0), usize::from(block.at.1)), place, "{at}");
        let parts = trace.parts_of(block);
        let area: u32 = parts.iter().map(|p| u32::from(p.size.0) * u32::from(p.size.1)).sum();
        let name = trace.modes.luma[usize::from(block.luma)];
        assert_eq!(area, if ["4x4", "split"].contains(&name) { 256 } else { 0 }, "{at}: {name}");
        assert!(parts.iter().all(|part| part.mode.is_some() == block.is_intra()), "{at}");
        assert_eq!(block.chroma.is_some(), block.is_intra(), "{at}");
        assert!(!block.skip || block.coded_blocks == 0 && block.token_q8 == 0, "{at}");
        assert!(!block.concealed, "{at}");
    }
    let intra = trace.blocks.iter().filter(|block| block.is_intra()).count();
    let inter: u32 = trace.references.iter().map(|slot| slot.used_blocks).sum();
    assert_eq!(intra + inter as usize, cols * rows, "{at}");
    assert!(trace.kind == FrameKind::Inter || inter == 0, "{at}");
}

#[test]
fn bits_of_blocks_add_up_to_the_partitions() {
    let Some(dir) = data::dir("sums of traced bits") else { return };
    let mut seen = 0;
    for path in data::files(&dir.join("vp8"), ".ivf") {
        let mut decoder = tracing(Conceal::Off);
        for (index, packet) in packets(&path).iter().enumerate() {
            let at = format!("{}, packet {index}", path.display());
            let report = decoder.decode(packet, 0, None).unwrap_or_else(|e| panic!("{at}: {e}"));
            let trace = decoder.trace().unwrap_or_else(|| panic!("{at}: no trace"));
            if trace.is_repeat {
                assert!(packet.is_empty(), "{at}");
                continue;
            }
            check_sums(trace, packet, &at);
            check_blocks(trace, &at);
            assert_eq!((trace.kind, trace.shown), (report.kind, report.shown), "{at}");
            assert_eq!((trace.qindex, trace.profile), (report.qindex, report.profile), "{at}");
            assert_eq!(trace.refs_used(), report.refs_used, "{at}");
            let updated = (0..3_u8)
                .filter(|&slot| trace.references[usize::from(slot)].update != SlotUpdate::Kept);
            let updated = updated.fold(SlotSet::NONE, |set, slot| set.with(SlotSet(1 << slot)));
            assert_eq!(updated, report.refs_updated, "{at}");
            seen += 1;
        }
    }
    assert!(seen > 500, "only {seen} packets");
}

#[test]
fn frames_and_reports_do_not_depend_on_the_trace() {
    let Some(dir) = data::dir("traced frames") else { return };
    for name in ["vp80-00-comprehensive-008.ivf", "vp80-00-comprehensive-016.ivf"] {
        let mut config = DecoderConfig::default();
        let mut plain = vp8_decoder(&config);
        config.trace = true;
        config.pool = Some(Arc::new(RowPool::new(3).unwrap()));
        config.delay_frames = 1;
        let mut traced = vp8_decoder(&config);
        for packet in packets(&dir.join("vp8").join(name)) {
            let report = plain.decode(&packet, 7, None).unwrap();
            assert_eq!(traced.decode(&packet, 7, None).unwrap(), report);
            let digest = |frame: Frame| (frame.digest(), frame.pts);
            let picture = plain.receive().map(digest);
            assert_eq!(traced.receive().map(digest), picture, "{name}");
            let trace = traced.trace().expect("traced");
            let kept = trace.picture.clone().map(digest).expect("a frame, shown or not");
            assert!(picture.is_none_or(|picture| picture == kept), "{name}");
            assert!(plain.trace().is_none());
        }
    }
}

/// A session of our own encoder and its traces.
fn coded(settings: impl Fn(&mut EncoderConfig), motion: Motion) -> (Session, Vec<FrameTrace>) {
    let rate = Rational::new(30, 1);
    let mut config = EncoderConfig::rtc(Size::new(200, 120), rate, Bitrate::kbps(300));
    settings(&mut config);
    let mut session = Session::new(config);
    session.scene(motion, 1, 8);
    session.finish();
    let mut decoder = tracing(Conceal::Off);
    let mut traces = Vec::new();
    for packet in &session.packets {
        decoder.decode(&packet.data, packet.pts, None).unwrap();
        traces.push(decoder.trace().expect("traced").clone());
    }
    (session, traces)
}

#[test]
fn the_trace_matches_the_encoders_metadata() {
    for speed in [0, 4, 8] {
        let (session, traces) = coded(|config| config.speed = speed, Motion::Patch);
        for (packet, trace) in session.packets.iter().zip(&traces) {
            let (meta, at) =
                (&packet.meta, format!("speed {speed}, frame {}", packet.meta.frame_id));
            check_sums(trace, &packet.data, &at);
            check_blocks(trace, &at);
            let count = |matches: &dyn Fn(&BlockTrace) -> bool| {
                u32::try_from(trace.blocks.iter().filter(|block| matches(block)).count()).unwrap()
            };
            assert_eq!(meta.macroblocks.total, count(&|_| true), "{at}");
            assert_eq!(meta.macroblocks.intra, count(&|block| block.is_intra()), "{at}");
            let split = count(&|block| !block.is_intra() && block.parts.1 > 0);
            assert_eq!(meta.macroblocks.split, split, "{at}");
            assert_eq!(meta.macroblocks.skipped, count(&|block| block.coded_blocks == 0), "{at}");
            assert_eq!(
                (meta.qindex, meta.filter_level),
                (trace.qindex, trace.filter.level),
                "{at}"
            );
            assert_eq!((meta.kind, meta.refs_used), (trace.kind, trace.refs_used()), "{at}");
            // The encoder counts whole bytes, including the padding of the partitions.
            let tokens: u64 = trace.partitions[1..].iter().map(|part| part.used_q8).sum();
            let parts = trace.partitions.len() as u64;
            assert!((meta.bits.coefficients * 256).abs_diff(tokens) < 64 * 256 * parts, "{at}");
            let modes = sum_q8(&trace.blocks, |block| block.mode_q8);
            assert!((meta.bits.modes * 256).abs_diff(modes) < 64 * 256, "{at}");
        }
    }
}

/// The 16x16 luma pixels at `at` in one frame, moved by whole pixels in the other.
fn is_moved(from: &Frame, to: &Frame, at: (usize, usize), by: (i16, i16)) -> Option<bool> {
    let (from, to) = (from.picture(), to.picture());
    let (width, height) = (to.size().width as usize, to.size().height as usize);
    let (x, y) = (at.0.checked_add_signed(by.0.into())?, at.1.checked_add_signed(by.1.into())?);
    if x.max(at.0) + 16 > width || y.max(at.1) + 16 > height {
        return None;
    }
    let row = |line: usize| {
        from.luma().row(y + line)[x..x + 16] == to.luma().row(at.1 + line)[at.0..at.0 + 16]
    };
    Some((0..16).all(row))
}

#[test]
fn blocks_without_coefficients_equal_their_prediction() {
    let quantiser = |config: &mut EncoderConfig| {
        config.rate.mode = RateControl::FixedQ(12);
        config.speed = 2;
        config.knobs.push(("filter-level".into(), 0));
    };
    let (_, traces) = coded(quantiser, Motion::Pan);
    let (mut still, mut moved) = (0, 0);
    let mut slots: [Option<Frame>; 3] = [const { None }; 3];
    for trace in &traces {
        let picture = trace.picture.clone().expect("decoded");
        for block in trace.blocks.iter().filter(|_| trace.filter.level == 0) {
            let [Some(motion), None] = block.motion else { continue };
            let (x, y) = (motion.vector.x, motion.vector.y);
            if block.coded_blocks > 0 || block.parts.1 > 0 || x % 4 != 0 || y % 4 != 0 {
                continue;
            }
            let from = slots[usize::from(motion.slot)].as_ref().expect("a reference");
            let at = (usize::from(block.at.0), usize::from(block.at.1));
            if let Some(is_moved) = is_moved(from, &picture, at, (x / 4, y / 4)) {
                assert!(is_moved, "{at:?} by {x}, {y}");
                if (x, y) == (0, 0) { still += 1 } else { moved += 1 }
            }
        }
        let before = slots.clone();
        for (slot, reference) in slots.iter_mut().zip(&trace.references) {
            match reference.update {
                SlotUpdate::Kept => {}
                SlotUpdate::Frame => *slot = Some(picture.clone()),
                SlotUpdate::CopyOf(other) => *slot = before[usize::from(other)].clone(),
            }
        }
    }
    assert!(moved > 20, "only {moved} moving blocks, {still} static ones");
}

#[test]
fn damaged_packets_are_traced_without_panic_and_marked() {
    let Some(dir) = data::dir("traces of damage") else { return };
    let mut concealed = 0;
    for path in data::files(&dir.join("malformed"), ".ivf") {
        for conceal in [Conceal::Off, Conceal::On] {
            let mut config = DecoderConfig::default();
            config.conceal = conceal;
            config.trace = true;
            config.limits.max_pixels = 1 << 20;
            let mut decoder = vp8_decoder(&config);
            for packet in packets(&path) {
                let report = decoder.decode(&packet, 0, None).ok();
                let trace = decoder.trace();
                assert_eq!(trace.is_some(), report.is_some(), "{}", path.display());
                let (Some(trace), Some(report)) = (trace, report) else { continue };
                let marked = trace.blocks.iter().filter(|block| block.concealed).count();
                if !trace.is_repeat {
                    assert_eq!(marked, report.concealed_mbs as usize, "{}", path.display());
                }
                assert_eq!(trace.concealed_blocks, report.concealed_mbs);
                concealed += report.concealed_mbs;
            }
        }
    }
    assert!(concealed > 0, "no file is concealed");
}
