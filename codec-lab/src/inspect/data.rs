//! The report as JSON; docs/COMMAND.md describes it.

use codec_container::{Av1Frame, Av1FrameKind};
use codec_core::codec::SlotSet;
use codec_core::codec::trace::{BlockTrace, FrameTrace, Motion, ReferenceTrace, SlotUpdate};
use codec_core::frame::Rational;
use codec_media::failure::Result;
use codec_media::json::{self, Object, array};

use super::chroma::ChromaError;
use super::comparison::Comparison;
use super::packets::{InputInfo, Outcome, Seen};
use super::totals::{Totals, kind_of};

/// Name and version of the schema. The version changes when a field is removed or changes its
/// meaning, not when one is added.
pub(super) const SCHEMA: (&str, u32) = ("codec-inspect", 1);

/// Writes the data.
#[derive(Debug, Default)]
pub(super) struct DataReport {
    rows: u64,
    /// Mode names, from the first frame that has any.
    modes: Option<String>,
}

impl DataReport {
    /// Starts a report; also returns the beginning of the file.
    pub(super) fn begin(input_info: &InputInfo) -> (Self, String) {
        let head = Object::new()
            .text("schema", SCHEMA.0)
            .raw("version", SCHEMA.1)
            .raw("input", input(input_info).finish())
            .finish();
        (Self::default(), format!("{},\"frames\":[", head.trim_end_matches('}').to_owned() + "}"))
    }

    /// Returns the row of one packet.
    pub(super) fn row(&mut self, seen: &Seen<'_>) -> String {
        let mut object = row(seen);
        if let Outcome::Traced(trace) = &seen.outcome {
            let error = seen.comparison.as_ref().and_then(Comparison::error);
            object = object.raw("blocks", blocks(trace, error));
            self.modes.get_or_insert_with(|| modes(trace));
        }
        let separator = if self.rows == 0 { "\n" } else { ",\n" };
        self.rows += 1;
        format!("{separator}{}", object.finish())
    }

    /// Returns the end of the file.
    pub(super) fn end(&self, totals: &Totals, time_base: Rational, end: &Result<()>) -> String {
        let modes = self.modes.as_deref().unwrap_or("null");
        format!("\n],\"modes\":{modes},\"summary\":{}}}\n", summary(totals, time_base, end))
    }
}

/// Describes the input file.
pub(super) fn input(input_info: &InputInfo) -> Object {
    let rational = |rate: Rational| json::text(&format!("{}/{}", rate.num, rate.den));
    Object::new()
        .text("name", &input_info.name)
        .text("format", &input_info.format)
        .text("codec", input_info.codec)
        .raw("width", input_info.size.width)
        .raw("height", input_info.size.height)
        .raw("time_base", rational(input_info.time_base))
        .maybe("frame_rate", input_info.frame_rate.map(rational))
        .maybe("source", input_info.source.as_deref().map(json::text))
        .maybe("note", input_info.note.as_deref().map(json::text))
}

/// Totals, and the error that ended the run, if any.
pub(super) fn summary(totals: &Totals, time_base: Rational, end: &Result<()>) -> String {
    let error = end.as_ref().err().map(|failure| json::text(&failure.message));
    totals.json(time_base).maybe("error", error).finish()
}

/// Names of modes, in the order of their numbers.
pub(super) fn modes(trace: &FrameTrace) -> String {
    let names = |names: &[&str]| array(names.iter().map(|name| json::text(name)));
    Object::new()
        .raw("luma", names(trace.modes.luma))
        .raw("chroma", names(trace.modes.chroma))
        .raw("part", names(trace.modes.part))
        .finish()
}

/// Describes a packet without its blocks.
pub(super) fn row(seen: &Seen<'_>) -> Object {
    let packet = seen.packet;
    let object = Object::new()
        .raw("index", packet.index)
        .raw("offset", packet.offset)
        .raw("pts", packet.pts)
        .maybe("duration", packet.duration)
        .maybe("frame", seen.frame)
        .raw("bytes", seen.bytes())
        .text("type", kind_of(seen));
    let object = match &seen.comparison {
        Some(comparison) => compared(object, comparison),
        None => object,
    };
    match &seen.outcome {
        Outcome::Traced(trace) => traced(object, trace),
        Outcome::Header(frame, _) => header(object, frame),
        Outcome::Reported(report, qindex) => {
            let object = object
                .raw("shown", report.shown)
                .raw("width", report.size.width)
                .raw("height", report.size.height)
                .maybe("qindex", *qindex)
                .raw("concealed_blocks", report.concealed_mbs);
            if report.refs_used.is_empty() && report.refs_updated.is_empty() {
                return object;
            }
            object.raw("reads", slots(report.refs_used)).raw("updates", slots(report.refs_updated))
        }
        Outcome::Unread => object.raw("shown", packet.shown),
        Outcome::Damaged(failure) => {
            object.raw("shown", packet.shown).text("error", &failure.message)
        }
    }
}

/// Adds the header of an AV1 frame.
fn header(object: Object, frame: &Av1Frame) -> Object {
    let kind = match frame.kind {
        Av1FrameKind::Key => "key",
        Av1FrameKind::Inter => "inter",
        Av1FrameKind::IntraOnly => "intra only",
        Av1FrameKind::Switch => "switch",
    };
    let read = frame.references.into_iter().flatten().fold(0, |set, slot| set | 1_u8 << (slot & 7));
    let header = Object::new()
        .text("frame_type", kind)
        .maybe("existing_slot", frame.existing)
        .raw("showable", frame.is_showable)
        .raw("error_resilient", frame.error_resilient)
        .raw("order_hint", frame.order_hint)
        .maybe("references", frame.references.map(array))
        .raw("tile_columns", frame.tiles.0)
        .raw("tile_rows", frame.tiles.1)
        .raw("temporal_id", frame.temporal_id)
        .raw("spatial_id", frame.spatial_id);
    object
        .raw("shown", frame.is_shown)
        .raw("width", frame.size.width)
        .raw("height", frame.size.height)
        .maybe("qindex", frame.qindex)
        .raw("reads", slots(SlotSet(frame.existing.map_or(read, |slot| 1 << (slot & 7)))))
        .raw("updates", slots(SlotSet(frame.refreshes)))
        .raw("av1", header.finish())
}

/// Adds the chroma errors of a frame, or why there are none.
fn compared(object: Object, comparison: &Comparison) -> Object {
    let error = match comparison {
        Comparison::Compared(error) => error,
        Comparison::NotCompared(reason) => {
            return object.maybe("chroma_error", None::<u8>).text("not_compared", &reason.text());
        }
    };
    let [off, off_u, off_v] = error.off;
    let of_frame = Object::new()
        .raw("blocks", error.blocks.len())
        .raw("off", off)
        .raw("off_u", off_u)
        .raw("off_v", off_v)
        .float("share", error.share())
        .float("mean_u", error.mean[0])
        .float("mean_v", error.mean[1])
        .float("mse_u", error.mse[0])
        .float("mse_v", error.mse[1]);
    object.raw("chroma_error", of_frame.finish())
}

fn traced(object: Object, trace: &FrameTrace) -> Object {
    let names: Vec<_> = trace.references.iter().map(|slot| slot.name).collect();
    let reads = trace.references.iter().filter(|slot| slot.used_blocks > 0);
    let sum =
        |bits: fn(&BlockTrace) -> u32| trace.blocks.iter().map(bits).map(u64::from).sum::<u64>();
    let updated = trace.references.iter().filter(|slot| slot.update != SlotUpdate::Kept);
    let names_of = |slot: &ReferenceTrace| json::text(slot.name);
    let object = object
        .raw("shown", trace.shown)
        .raw("width", trace.size.width)
        .raw("height", trace.size.height)
        .maybe("qindex", (!trace.is_repeat).then_some(trace.qindex))
        .raw("reads", array(reads.map(names_of)))
        .raw("updates", array(updated.map(names_of)))
        .raw("concealed_blocks", trace.concealed_blocks);
    if trace.is_repeat {
        return object;
    }
    let numbers = |pairs: &[(&str, i8)]| {
        let object = pairs.iter().fold(Object::new(), |object, (name, n)| object.raw(name, n));
        object.finish()
    };
    let partitions = trace.partitions.iter().map(|part| {
        Object::new()
            .raw("bytes", part.bytes)
            .raw("header_q8", part.header_q8)
            .raw("used_q8", part.used_q8)
            .finish()
    });
    let filter = Object::new()
        .text("kind", trace.filter.kind)
        .raw("level", trace.filter.level)
        .raw("sharpness", trace.filter.sharpness)
        .raw("reference_deltas", array(&trace.filter.reference_deltas))
        .raw("mode_deltas", array(&trace.filter.mode_deltas));
    let segments = trace.segments.as_ref().map(|segments| {
        Object::new()
            .raw("updates_map", segments.updates_map)
            .raw("updates_data", segments.updates_data)
            .raw("absolute", segments.is_absolute)
            .raw("qindex", array(&segments.qindex))
            .raw("filter_level", array(&segments.filter_level))
            .raw("tree_probs", array(&segments.tree_probs))
            .finish()
    });
    let references = trace.references.iter().map(|slot| {
        let update = match slot.update {
            SlotUpdate::Kept => "kept".to_owned(),
            SlotUpdate::Frame => "frame".to_owned(),
            SlotUpdate::CopyOf(other) => {
                format!("copy of {}", names.get(usize::from(other)).unwrap_or(&"?"))
            }
        };
        Object::new()
            .text("name", slot.name)
            .raw("used_blocks", slot.used_blocks)
            .text("update", &update)
            .raw("sign_bias", slot.sign_bias)
            .maybe("slot", slot.slot)
            .finish()
    });
    let probabilities = trace.probabilities.iter();
    let probabilities =
        probabilities.fold(Object::new(), |object, (name, values)| object.raw(name, array(values)));
    object
        .raw("profile", trace.profile)
        .raw("framing_bytes", trace.framing_bytes)
        .raw("partitions", array(partitions))
        .raw("mode_q8", sum(|block| block.mode_q8))
        .raw("token_q8", sum(|block| block.token_q8))
        .raw("qindex_deltas", numbers(&trace.qindex_deltas))
        .raw("filter", filter.finish())
        .maybe("segments", segments)
        .raw("references", array(references))
        .raw("keeps_probabilities", trace.keeps_probabilities)
        .raw("changed_coeff_probs", trace.changed_coeff_probs)
        .raw("probabilities", probabilities.finish())
        .raw("vector_units", trace.vector_units)
        .maybe("block_pixels", trace.block_pixels)
}

/// Numbers of reference slots.
fn slots(set: SlotSet) -> String {
    let members = (0..8_u8).filter(|&slot| set.contains(SlotSet(1 << slot)));
    array(members)
}

/// All blocks, with a list for each property.
fn blocks(trace: &FrameTrace, error: Option<&ChromaError>) -> String {
    let list = |value: &dyn Fn(&BlockTrace) -> i64| array(trace.blocks.iter().map(value));
    let vector = |block: &BlockTrace| block.motion[0].map(|motion| motion.vector);
    let second = |block: &BlockTrace| block.motion[1].unwrap_or_default().vector;
    let mut object = Object::new();
    if trace.block_pixels.is_none() {
        object = object
            .raw("x", list(&|block| block.at.0.into()))
            .raw("y", list(&|block| block.at.1.into()))
            .raw("width", list(&|block| block.size.0.into()))
            .raw("height", list(&|block| block.size.1.into()));
    }
    let parts = trace.blocks.iter().enumerate().flat_map(|(number, block)| {
        trace.parts_of(block).iter().map(move |part| {
            let slot = |motion: Option<Motion>| motion.map_or(-1, |motion| i64::from(motion.slot));
            let [first, second] = part.motion;
            let [vector, other] = part.motion.map(|motion| motion.unwrap_or_default().vector);
            let mode = part.mode.map_or(-1, i64::from);
            let (x, y) = (part.at.0.into(), part.at.1.into());
            let (width, height) = (part.size.0.into(), part.size.1.into());
            let number = i64::try_from(number).unwrap_or(-1);
            array([
                number,
                x,
                y,
                width,
                height,
                mode,
                vector.x.into(),
                vector.y.into(),
                slot(first),
                slot(second),
                other.x.into(),
                other.y.into(),
            ])
        })
    });
    if let Some(ChromaError { blocks, .. }) = error {
        let mean = |n: usize| array(blocks.iter().map(move |block| block.mean_q4[n]));
        let mse = |n: usize| array(blocks.iter().map(move |block| block.mse_q4[n]));
        object = object
            .raw("u_mean_error_q4", mean(0))
            .raw("v_mean_error_q4", mean(1))
            .raw("u_mse_q4", mse(0))
            .raw("v_mse_q4", mse(1));
    }
    object
        .raw("luma", list(&|block| block.luma.into()))
        .raw("chroma", list(&|block| block.chroma.map_or(-1, i64::from)))
        .raw("reference", list(&|block| block.motion[0].map_or(-1, |motion| motion.slot.into())))
        .raw("vector_x", list(&|block| vector(block).map_or(0, |vector| vector.x.into())))
        .raw("vector_y", list(&|block| vector(block).map_or(0, |vector| vector.y.into())))
        .raw("reference_2", list(&|block| block.motion[1].map_or(-1, |motion| motion.slot.into())))
        .raw("vector_2_x", list(&|block| second(block).x.into()))
        .raw("vector_2_y", list(&|block| second(block).y.into()))
        .raw("segment", list(&|block| block.segment.into()))
        .raw("qindex", list(&|block| block.qindex.into()))
        .raw("skip", list(&|block| block.skip.into()))
        .raw("coded_blocks", list(&|block| block.coded_blocks.into()))
        .raw("transform_px", list(&|block| block.transform_px.into()))
        .raw("filter_level", list(&|block| block.filter_level.into()))
        .raw("filters_inside", list(&|block| block.filters_inside.into()))
        .raw("mode_q8", list(&|block| block.mode_q8.into()))
        .raw("token_q8", list(&|block| block.token_q8.into()))
        .raw("partition", list(&|block| block.partition.into()))
        .raw("concealed", list(&|block| block.concealed.into()))
        .raw("parts", array(parts))
        .finish()
}
