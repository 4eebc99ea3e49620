//! Traces of VP9 packets: the bits of all blocks add up to the size of the tiles, and decoding does not depend on
//! traces.

use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{Conceal, DecoderConfig};
use codec_tests::data::{self, packets};
use codec_tests::depth;

/// Packets of each stream that are decoded.
const PACKETS: usize = 12;

fn tracing() -> DecoderConfig {
    let mut config = DecoderConfig::default();
    config.trace = true;
    config
}

fn check_sums(trace: &FrameTrace, at: &str) {
    let in_partitions: u64 = trace.partitions.iter().map(|part| part.bytes).sum();
    assert_eq!(trace.framing_bytes + in_partitions, trace.packet_bytes, "{at}");
    for (number, part) in trace.partitions.iter().enumerate().skip(1) {
        let own = trace.blocks.iter().filter(|block| usize::from(block.partition) == number);
        let bits: u64 = own.map(|block| block.bits_q8()).sum();
        assert_eq!(part.header_q8 + bits, part.used_q8, "{at}, tile {number}");
        let there = part.bytes * 8 * 256;
        assert!(part.used_q8 <= there + 16 * 256, "{at}, tile {number}");
    }
}

/// Each unit of 8x8 pixels belongs to one block.
fn check_cover(trace: &FrameTrace, at: &str) {
    let units = |length: u32| length.div_ceil(8) as usize;
    let (cols, rows) = (units(trace.size.width), units(trace.size.height));
    let mut covered = vec![0; cols * rows];
    for block in &trace.blocks {
        let [x, y] = [block.at.0, block.at.1].map(|at| usize::from(at) / 8);
        let [width, height] = [block.size.0, block.size.1].map(|side| usize::from(side) / 8);
        for row in y..(y + height).min(rows) {
            covered[row * cols + x..row * cols + (x + width).min(cols)]
                .iter_mut()
                .for_each(|count| *count += 1);
        }
        let parts = trace.parts_of(block);
        let area: u32 = parts.iter().map(|p| u32::from(p.size.0) * u32::from(p.size.1)).sum();
        assert!(area == 0 || area == 64, "{at}");
        let name = trace.modes.luma[usize::from(block.luma)];
        assert_eq!(area == 64, ["4x4", "split"].contains(&name), "{at}: {name}");
        assert_eq!(block.chroma.is_some(), block.is_intra(), "{at}");
        assert!(!block.skip || block.coded_blocks == 0, "{at}");
    }
    assert!(covered.iter().all(|&count| count == 1), "{at}");
}

#[test]
fn bits_of_blocks_add_up_to_the_tiles_and_blocks_cover_the_frame() {
    if depth::skips_long() {
        return;
    }
    let Some(dir) = data::dir("sums of traced bits in VP9") else { return };
    let (mut seen, mut hidden, mut compound) = (0, 0, 0);
    for path in data::files(&dir.join("vp9"), ".webm") {
        let mut traced = codec_vp9::decoder::open(&tracing()).unwrap();
        let mut plain = codec_vp9::decoder::open(&DecoderConfig::default()).unwrap();
        for (index, packet) in packets(&path).iter().take(PACKETS).enumerate() {
            let at = format!("{}, packet {index}", path.display());
            let Ok(report) = plain.decode(packet, 7, None) else { break };
            assert_eq!(traced.decode(packet, 7, None).unwrap(), report, "{at}");
            let last = std::iter::from_fn(|| traced.receive()).last();
            let trace = traced.trace().unwrap_or_else(|| panic!("{at}: no trace"));
            let frames: Vec<_> = trace.earlier.iter().chain([trace]).collect();
            let bytes: u64 = frames.iter().map(|frame| frame.packet_bytes).sum();
            assert_eq!(bytes, packet.len() as u64, "{at}");
            let mut used = codec_core::codec::SlotSet::NONE;
            for frame in frames.iter().filter(|frame| !frame.is_repeat) {
                check_sums(frame, &at);
                check_cover(frame, &at);
                used = used.with(frame.refs_used());
                hidden += usize::from(!frame.shown);
                compound += frame.blocks.iter().filter(|b| b.motion[1].is_some()).count();
                seen += 1;
            }
            assert_eq!(used, report.refs_used, "{at}");
            let digest = last.as_ref().map(|frame| (frame.digest(), frame.pts));
            let expected = std::iter::from_fn(|| plain.receive()).last();
            assert_eq!(digest, expected.map(|frame| (frame.digest(), frame.pts)), "{at}");
            let picture = trace.picture.as_ref().map(|frame| (frame.digest(), frame.pts));
            assert!(digest.is_none() || picture == digest, "{at}");
        }
    }
    assert!(seen > 200 && hidden > 5 && compound > 100, "{seen} {hidden} {compound}");
}

#[test]
fn concealed_blocks_are_marked_in_the_trace() {
    let Some(dir) = data::dir("traces of concealed VP9 blocks") else { return };
    let path = dir.join("vp9/vp90-2-12-droppable_1.ivf");
    let mut config = tracing();
    config.conceal = Conceal::On;
    let mut decoder = codec_vp9::decoder::open(&config).unwrap();
    let packets = packets(&path);
    for (pts, packet) in (0..).zip(&packets[..2]) {
        decoder.decode(packet, pts, None).unwrap();
    }
    decoder.decode(&packets[2][..packets[2].len() / 4], 2, None).unwrap();
    let trace = decoder.trace().expect("a trace");
    let marked = trace.blocks.iter().filter(|block| block.concealed).count();
    assert!(marked > 0 && marked == trace.concealed_blocks as usize, "{marked}");
    check_cover(trace, "truncated");
}
