//! Totals over the reported packets: packets by type, bytes, and blocks by mode.

use codec_container::Av1FrameKind;
use codec_core::codec::FrameKind;
use codec_core::codec::trace::FrameTrace;
use codec_core::frame::Rational;
use codec_media::count::counted;
use codec_media::json::{self, Object};

use super::chroma::ChromaError;
use super::comparison::{Comparison, Reason};
use super::packets::{Outcome, Seen};

/// The name of a packet's type in reports.
pub(super) fn kind_of(seen: &Seen<'_>) -> &'static str {
    let (kind, shown) = match &seen.outcome {
        Outcome::Damaged(_) => return "damaged",
        Outcome::Traced(trace) if trace.is_repeat => return "repeat",
        Outcome::Traced(trace) => (trace.kind, trace.shown),
        Outcome::Header(frame, _) if frame.existing.is_some() => return "repeat",
        Outcome::Header(frame, _) => {
            let is_key = frame.kind == Av1FrameKind::Key;
            (if is_key { FrameKind::Key } else { FrameKind::Inter }, frame.is_shown)
        }
        Outcome::Reported(report, _) => (report.kind, report.shown),
        Outcome::Unread => {
            let kind = if seen.packet.key { FrameKind::Key } else { FrameKind::Inter };
            (kind, seen.packet.shown)
        }
    };
    match (kind, shown) {
        (FrameKind::Key, _) => "key",
        (FrameKind::Inter, true) => "inter",
        (FrameKind::Inter, false) => "altref",
    }
}

/// The totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    keys: u64,
    hidden: u64,
    repeats: u64,
    damaged: u64,
    concealed: u64,
    framing_bytes: u64,
    header_q8: u64,
    mode_q8: u64,
    token_q8: u64,
    blocks: u64,
    intra: u64,
    skipped: u64,
    divided: u64,
    first_pts: Option<i64>,
    /// Time of the last packet and its duration.
    last: Option<(i64, Option<u64>)>,
    shown: u64,
    pub(super) chroma: ChromaTotals,
    /// Whether there is a source.
    has_source: bool,
}

impl Totals {
    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        let packet = seen.packet;
        self.packets += u64::from(seen.is_last());
        self.bytes += seen.bytes();
        match kind_of(seen) {
            "key" => self.keys += 1,
            "altref" => self.hidden += 1,
            "repeat" => self.repeats += 1,
            "damaged" => self.damaged += 1,
            _ => {}
        }
        self.shown += u64::from(packet.shown && seen.is_last());
        self.first_pts = Some(self.first_pts.map_or(packet.pts, |first| first.min(packet.pts)));
        if self.last.is_none_or(|(last, _)| packet.pts >= last) {
            self.last = Some((packet.pts, packet.duration));
        }
        if let Some(comparison) = &seen.comparison {
            self.has_source = true;
            self.chroma.add(packet.index, comparison);
        }
        match &seen.outcome {
            Outcome::Traced(trace) => {
                self.concealed += u64::from(trace.concealed_blocks);
                self.add_blocks(trace);
            }
            Outcome::Reported(report, _) => self.concealed += u64::from(report.concealed_mbs),
            Outcome::Header(..) | Outcome::Unread | Outcome::Damaged(_) => {}
        }
    }

    fn add_blocks(&mut self, trace: &FrameTrace) {
        self.framing_bytes += trace.framing_bytes;
        self.header_q8 += trace.partitions.iter().map(|part| part.header_q8).sum::<u64>();
        self.blocks += trace.blocks.len() as u64;
        for block in &trace.blocks {
            self.mode_q8 += u64::from(block.mode_q8);
            self.token_q8 += u64::from(block.token_q8);
            self.intra += u64::from(block.is_intra());
            self.skipped += u64::from(block.coded_blocks == 0);
            self.divided += u64::from(block.parts.1 > 0);
        }
    }

    /// Whether no packet could be decoded.
    pub(super) fn is_all_damaged(&self) -> bool {
        self.packets > 0 && self.damaged == self.packets
    }

    /// Seconds from the first time to the end of the last packet.
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn seconds(&self, time_base: Rational) -> f64 {
        let (Some(first), Some((last, duration))) = (self.first_pts, self.last) else { return 0.0 };
        let span = last.saturating_sub(first) as f64;
        let nominal = span / (self.shown.max(2) - 1) as f64;
        (span + duration.map_or(nominal, |ticks| ticks as f64)) * time_base.as_f64()
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    pub(super) fn json(&self, time_base: Rational) -> Object {
        let seconds = self.seconds(time_base);
        let kbps = if seconds > 0.0 { self.bytes as f64 * 8.0 / seconds / 1000.0 } else { 0.0 };
        Object::new()
            .raw("packets", self.packets)
            .raw("key", self.keys)
            .raw("altref", self.hidden)
            .raw("repeat", self.repeats)
            .raw("damaged", self.damaged)
            .raw("concealed_blocks", self.concealed)
            .raw("bytes", self.bytes)
            .float("seconds", seconds)
            .float("kbps", kbps)
            .raw("framing_bytes", self.framing_bytes)
            .raw("header_q8", self.header_q8)
            .raw("mode_q8", self.mode_q8)
            .raw("token_q8", self.token_q8)
            .raw("blocks", self.blocks)
            .raw("intra", self.intra)
            .raw("without_coefficients", self.skipped)
            .raw("divided", self.divided)
            .maybe("chroma_error", self.has_source.then(|| self.chroma.json().finish()))
    }

    /// Returns the totals as text.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}, {}, {} key",
            counted(self.packets, "packet"),
            counted(self.bytes, "byte"),
            self.keys
        );
        let others = [
            (self.hidden, "not shown"),
            (self.repeats, "repeats"),
            (self.damaged, "damaged"),
            (self.concealed, "blocks concealed"),
        ];
        for (count, what) in others.into_iter().filter(|&(count, _)| count > 0) {
            text.push_str(&format!(", {count} {what}"));
        }
        text
    }
}

/// Totals of the chroma errors.
#[derive(Clone, Debug, Default)]
pub(super) struct ChromaTotals {
    /// Number of compared frames.
    pub(super) frames: u64,
    /// Number of frames without a counterpart in the source.
    mismatches: u64,
    /// Why the first such frame has no counterpart.
    pub(super) mismatch: Option<Reason>,
    blocks: u64,
    off: u64,
    /// The frame with the largest share of blocks that are off, and the share.
    worst: Option<(u64, f64)>,
}

impl ChromaTotals {
    fn add(&mut self, index: u64, comparison: &Comparison) {
        match comparison {
            Comparison::Compared(error) => self.add_error(index, error),
            Comparison::NotCompared(reason) if reason.is_mismatch() => {
                self.mismatches += 1;
                self.mismatch.get_or_insert(*reason);
            }
            Comparison::NotCompared(_) => {}
        }
    }

    fn add_error(&mut self, index: u64, error: &ChromaError) {
        self.frames += 1;
        self.blocks += error.blocks.len() as u64;
        self.off += error.off[0];
        let share = error.share();
        if self.worst.is_none_or(|(_, worst)| share > worst) {
            self.worst = Some((index, share));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a report")]
    fn share(&self) -> f64 {
        self.off as f64 / self.blocks.max(1) as f64
    }

    fn json(&self) -> Object {
        let worst = self.worst.filter(|&(_, share)| share > 0.0);
        Object::new()
            .raw("frames", self.frames)
            .raw("unmatched_frames", self.mismatches)
            .raw("blocks", self.blocks)
            .raw("off", self.off)
            .float("share", self.share())
            .maybe("worst_frame", worst.map(|(index, _)| index))
            .maybe("worst_share", worst.map(|(_, share)| json::float(share)))
    }

    /// Returns the totals as text.
    pub(super) fn text(&self, source: &str) -> String {
        let mut text = format!(
            "{source}: {:.2} % of the chroma blocks have a mean that differs by more than 4 of 255 from the source's, in {}",
            100.0 * self.share(),
            counted(self.frames, "frame")
        );
        if let Some((index, share)) = self.worst.filter(|&(_, share)| share > 0.0) {
            text.push_str(&format!("; most in frame {index} ({:.1} %)", 100.0 * share));
        }
        if let Some(reason) = self.mismatch {
            let (count, reason) = (counted(self.mismatches, "frame"), reason.text());
            text.push_str(&format!("; {count} could not be compared (first: {reason})"));
        }
        text
    }
}
