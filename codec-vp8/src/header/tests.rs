//! Round trips of all header fields.

use super::*;
use crate::types::QIndex;
use codec_core::entropy::BoolEncoder;
use codec_core::error::Corrupt;
use codec_core::frame::Size;

fn key_header() -> FrameHeader {
    FrameHeader {
        is_key: true,
        color_space: 0,
        no_clamping: false,
        segmentation: Segmentation::default(),
        filter: FilterHeader::default(),
        log2_partitions: 0,
        quant: QuantIndices::default(),
        references: ReferenceUpdates::KEY,
        refresh_entropy: true,
        probs: Probabilities::default(),
        modes: ModeProbabilities::default(),
    }
}

fn inter_header() -> FrameHeader {
    let references =
        ReferenceUpdates { refresh_golden: false, refresh_altref: false, ..ReferenceUpdates::KEY };
    FrameHeader { is_key: false, references, ..key_header() }
}

/// Writes and parses `header` with `context`, and checks that both contexts are equal afterwards.
fn round_trip(header: &FrameHeader, context: &mut HeaderContext) {
    let mut parsed_context = context.clone();
    let mut encoder = BoolEncoder::default();
    write_frame_header(&mut encoder, header, context);
    let data = encoder.finish();
    let mut reader = BoolDecoder::new(&data);
    assert_eq!(&parse_frame_header(&mut reader, header.is_key, &mut parsed_context), header);
    assert_eq!(&parsed_context, context);
    assert_eq!(reader.overrun_bits(), 0);
}

#[test]
fn frame_tags_round_trip() {
    for first_partition_bytes in [0, 1, 255, 256, 65_535, 65_536, (1 << 19) - 1] {
        for version in 0..8 {
            for (is_key, show) in [(false, false), (false, true), (true, false), (true, true)] {
                let tag = FrameTag { is_key, version, show, first_partition_bytes };
                assert_eq!(parse_frame_tag(&write_frame_tag(tag)), Ok(tag));
            }
        }
    }
    let short = Corrupt::HeaderTruncated { needed_bytes: 3, had_bytes: 2 };
    assert_eq!(parse_frame_tag(&[0, 0]), Err(short));
}

#[test]
fn key_headers_round_trip_and_invalid_ones_are_identified() {
    for (width, height) in [(1, 1), (16, 16_383), (16_383, 175)] {
        for scaling in [[0, 0], [1, 2], [3, 3]] {
            let header = KeyHeader { size: Size::new(width, height), scaling };
            assert_eq!(parse_key_header(&write_key_header(header)), Ok(header));
        }
    }
    assert_eq!(
        parse_key_header(&[0x9d, 1, 0x2b, 16, 0, 16, 0]),
        Err(Corrupt::StartCode {
            offset_bytes: 3,
            expected: [0x9d, 1, 0x2a],
            found: [0x9d, 1, 0x2b]
        })
    );
    assert_eq!(
        parse_key_header(&[0x9d, 1, 0x2a, 16, 0, 0, 0xc0]),
        Err(Corrupt::ZeroSize { width: 16, height: 0 })
    );
    assert!(parse_key_header(&[0x9d, 1, 0x2a, 16]).is_err());
}

#[test]
fn segment_data_persists_until_it_is_updated() {
    let mut context = HeaderContext::default();
    for value in [-127_i8, -1, 0, 1, 127] {
        for level in [-63_i8, -1, 0, 63] {
            let segmentation = Segmentation {
                enabled: true,
                update_map: true,
                update_data: true,
                absolute: value > 0,
                quantiser: [value, 0, 5, -value],
                filter_level: [0, level, -level, 1],
                tree_probs: [255, 0, 128],
            };
            let header = FrameHeader { segmentation: segmentation.clone(), ..key_header() };
            round_trip(&header, &mut context);
            let kept = Segmentation { update_map: false, update_data: false, ..segmentation };
            round_trip(&FrameHeader { segmentation: kept, ..inter_header() }, &mut context);
            assert_eq!(context.segmentation.quantiser[0], value);
        }
    }
    round_trip(&key_header(), &mut context);
    assert_eq!(context.segmentation, Segmentation::default());
}

#[test]
fn filter_settings_round_trip_and_deltas_persist() {
    let mut context = HeaderContext::default();
    round_trip(&key_header(), &mut context);
    for level in 0..64 {
        let delta = i8::try_from(level).unwrap();
        let filter = FilterHeader {
            is_simple: level % 2 == 0,
            level,
            sharpness: level % 8,
            deltas_enabled: true,
            reference_deltas: [delta, -delta, 0, delta / 4],
            mode_deltas: [-delta, delta, 0, 3],
        };
        round_trip(&FrameHeader { filter: filter.clone(), ..inter_header() }, &mut context);
        let off = FilterHeader { deltas_enabled: false, ..filter };
        round_trip(&FrameHeader { filter: off.clone(), ..inter_header() }, &mut context);
        assert_eq!(context.filter, off);
    }
}

#[test]
fn every_quantiser_index_and_delta_round_trips() {
    let mut context = HeaderContext::default();
    for y_ac in 0..128 {
        for delta in -15..=15 {
            let quant = QuantIndices {
                y_ac: QIndex::saturating(y_ac),
                y_dc: delta,
                y2_dc: -delta,
                y2_ac: 0,
                uv_dc: 7,
                uv_ac: delta,
            };
            round_trip(&FrameHeader { quant, ..key_header() }, &mut context);
        }
    }
}

#[test]
fn reference_updates_round_trip() {
    let mut context = HeaderContext::default();
    let copies = [BufferCopy::None, BufferCopy::Last, BufferCopy::Other];
    for bits in 0..32_u8 {
        let [refresh_golden, refresh_altref, refresh_last, sign_bias_golden, sign_bias_altref] =
            std::array::from_fn(|n| bits >> n & 1 != 0);
        for golden in copies {
            for altref in copies {
                let references = ReferenceUpdates {
                    refresh_golden,
                    refresh_altref,
                    refresh_last,
                    copy_to_golden: if refresh_golden { BufferCopy::None } else { golden },
                    copy_to_altref: if refresh_altref { BufferCopy::None } else { altref },
                    sign_bias_golden,
                    sign_bias_altref,
                };
                round_trip(&FrameHeader { references, ..inter_header() }, &mut context);
            }
        }
    }
}

#[test]
fn probabilities_persist_only_with_refresh_entropy() {
    let mut context = HeaderContext::default();
    round_trip(&key_header(), &mut context);
    let mut probs = Probabilities::default();
    for (n, prob) in (0_u8..=255).cycle().zip(probs.coeffs.as_flattened_mut().as_flattened_mut()) {
        prob[usize::from(n % 11)] = n;
    }
    for (n, prob) in probs.mv.as_flattened_mut().iter_mut().enumerate() {
        *prob = if n % 3 == 0 { 1 } else { u8::try_from(n * 6).unwrap() };
    }
    probs.luma = [1, 2, 254, 255];
    probs.chroma = [9, 0, 77];
    let modes = ModeProbabilities { skip: Some(0), intra: 255, last: 1, golden: 128 };
    let header = FrameHeader { probs: probs.clone(), modes, ..inter_header() };
    round_trip(&FrameHeader { refresh_entropy: false, ..header.clone() }, &mut context);
    assert_eq!(context.probs, Probabilities::default());
    round_trip(&header, &mut context);
    assert_eq!(context.probs, probs);
    round_trip(&FrameHeader { probs, log2_partitions: 3, ..inter_header() }, &mut context);
}

#[test]
fn a_key_frame_restores_the_default_probabilities() {
    let mut context = HeaderContext::default();
    let probs = Probabilities { luma: [3; 4], ..Probabilities::default() };
    round_trip(&FrameHeader { probs, ..inter_header() }, &mut context);
    let header = FrameHeader { color_space: 1, no_clamping: true, ..key_header() };
    round_trip(&header, &mut context);
    assert_eq!(context.probs, Probabilities::default());
}

#[test]
fn steps_follow_the_index_and_stay_within_the_tables() {
    let quant =
        QuantIndices { y_ac: QIndex::MIN, y_dc: -15, y2_dc: 0, y2_ac: 0, uv_dc: 15, uv_ac: 15 };
    let steps = quant.steps(QIndex::MIN);
    assert_eq!((steps.y, steps.y2), ([4, 4], [8, 8]));
    let steps = quant.steps(QIndex::MAX);
    assert_eq!((steps.y[1], steps.y2, steps.uv), (284, [314, 440], [132, 284]));
}

#[test]
fn segments_replace_or_adjust_within_range() {
    let mut segmentation =
        Segmentation { enabled: true, quantiser: [-50, 0, 127, 3], ..Segmentation::default() };
    segmentation.filter_level = [-63, 63, 0, 1];
    assert_eq!(
        [0, 1, 2, 3].map(|s| segmentation.qindex(QIndex::saturating(20), s).get()),
        [0, 20, 127, 23]
    );
    assert_eq!([0, 1, 2, 3].map(|s| segmentation.level(20, s)), [0, 63, 20, 21]);
    segmentation.absolute = true;
    assert_eq!(
        [0, 1, 2, 3].map(|s| segmentation.qindex(QIndex::saturating(20), s).get()),
        [0, 0, 127, 3]
    );
    segmentation.enabled = false;
    assert_eq!(segmentation.qindex(QIndex::saturating(20), 2).get(), 20);
}
