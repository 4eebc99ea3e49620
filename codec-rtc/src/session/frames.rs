//! Delivery state of frames, derived from packet feedback.

use std::collections::VecDeque;
use std::time::Duration;

use super::outgoing::FramePart;
use crate::recovery::LongTermReferences;

/// Maximum number of tracked frames.
const MAX_FRAMES: usize = 256;
/// Maximum number of tracked packets per frame; further ones count as received.
const MAX_PARTS: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    InTransit,
    Arrived,
    Lost,
}

#[derive(Clone, Debug)]
struct Sent {
    frame: u64,
    media: Vec<Part>,
    fec: Vec<Part>,
    is_reported: bool,
}

impl Sent {
    fn count(parts: &[Part], what: Part) -> usize {
        parts.iter().filter(|&&part| part == what).count()
    }

    /// Whether enough packets have arrived to decode the frame.
    fn is_there(&self) -> bool {
        let arrived = Self::count(&self.media, Part::Arrived);
        arrived + Self::count(&self.fec, Part::Arrived) >= self.media.len() && arrived > 0
    }

    /// Whether more packets are lost than FEC can recover, even if all others arrive.
    fn is_lost(&self) -> bool {
        let lost = Self::count(&self.media, Part::Lost);
        lost > 0 && lost > self.fec.len() - Self::count(&self.fec, Part::Lost)
    }
}

/// Tracks the packets of recent frames.
#[derive(Clone, Debug, Default)]
pub(super) struct SentFrames {
    frames: VecDeque<Sent>,
}

impl SentFrames {
    /// Adds a frame passed to the pacer, with its number of media and FEC packets.
    pub(super) fn push(&mut self, frame: u64, media: usize, fec: usize) {
        let parts = |count: usize| vec![Part::InTransit; count.min(MAX_PARTS)];
        self.frames.push_back(Sent {
            frame,
            media: parts(media),
            fec: parts(fec),
            is_reported: false,
        });
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_front();
        }
    }

    /// Records a received packet, transmitted or retransmitted.
    pub(super) fn arrived(&mut self, part: FramePart, long_term: &mut LongTermReferences) {
        let Some(sent) = self.mark(part, Part::Arrived) else { return };
        if !sent.is_reported && sent.is_there() {
            sent.is_reported = true;
            long_term.arrived(part.frame);
        }
    }

    /// Records a lost packet.
    pub(super) fn lost(
        &mut self,
        now: Duration,
        part: FramePart,
        long_term: &mut LongTermReferences,
    ) {
        let Some(sent) = self.mark(part, Part::Lost) else { return };
        if !sent.is_reported && sent.is_lost() {
            long_term.missing(now, part.frame);
        }
    }

    fn mark(&mut self, part: FramePart, as_what: Part) -> Option<&mut Sent> {
        let at = self.frames.binary_search_by_key(&part.frame, |sent| sent.frame).ok()?;
        let sent = self.frames.get_mut(at)?;
        let parts = if part.is_fec { &mut sent.fec } else { &mut sent.media };
        let place = parts.get_mut(usize::try_from(part.index).ok()?)?;
        if *place != Part::Arrived {
            *place = as_what;
        }
        Some(sent)
    }
}

/// Frame parts by recent transport-wide sequence numbers.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    parts: Vec<Option<FramePart>>,
}

impl Numbers {
    const COUNT: usize = 1 << 14;

    pub(super) fn new() -> Self {
        Self { parts: vec![None; Self::COUNT] }
    }

    pub(super) fn set(&mut self, sequence: u16, part: Option<FramePart>) {
        if let Some(place) = self.parts.get_mut(usize::from(sequence) % Self::COUNT) {
            *place = part;
        }
    }

    pub(super) fn get(&self, sequence: u16) -> Option<FramePart> {
        self.parts.get(usize::from(sequence) % Self::COUNT).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use codec_core::codec::{FrameKind, PacketMeta};

    use super::*;
    use crate::recovery::{LongTermConfig, LossResponse};

    fn part(frame: u64, index: u32, is_fec: bool) -> FramePart {
        FramePart { frame, index, is_fec }
    }

    /// Three frames with two media packets and one FEC packet each; the first frame has arrived.
    fn sent() -> (SentFrames, LongTermReferences) {
        let mut long_term = LongTermReferences::new(LongTermConfig::default());
        let mut frames = SentFrames::default();
        for frame in 0..3 {
            let mut meta = PacketMeta {
                frame_id: frame,
                kind: if frame == 0 { FrameKind::Key } else { FrameKind::Inter },
                ..PacketMeta::default()
            };
            if let Some(plan) = long_term.plan(Duration::ZERO) {
                (meta.refs_used, meta.refs_updated) = (plan.references, plan.updates);
            }
            long_term.coded(Duration::ZERO, &meta);
            frames.push(frame, 2, 1);
        }
        for index in 0..2 {
            frames.arrived(part(0, index, false), &mut long_term);
        }
        (frames, long_term)
    }

    #[test]
    fn losses_within_the_fec_are_recovered() {
        let (mut frames, mut long_term) = sent();
        frames.lost(Duration::ZERO, part(2, 0, false), &mut long_term);
        frames.arrived(part(2, 1, false), &mut long_term);
        frames.arrived(part(2, 0, true), &mut long_term);
        assert_eq!(long_term.plan(Duration::ZERO).unwrap().loss_response, None);
    }

    #[test]
    fn losses_beyond_the_fec_lose_the_frame() {
        let (mut frames, mut long_term) = sent();
        frames.lost(Duration::ZERO, part(2, 0, false), &mut long_term);
        frames.lost(Duration::ZERO, part(2, 0, true), &mut long_term);
        let loss_response = long_term.plan(Duration::ZERO).unwrap().loss_response;
        assert_eq!(loss_response, Some(LossResponse::AcknowledgedReference));
    }

    #[test]
    fn unknown_sequence_numbers_are_ignored() {
        let (mut frames, mut long_term) = sent();
        frames.lost(Duration::ZERO, part(9, 0, false), &mut long_term);
        frames.lost(Duration::ZERO, part(1, 7, false), &mut long_term);
        assert_eq!(long_term.plan(Duration::ZERO).unwrap().loss_response, None);
        let mut numbers = Numbers::new();
        numbers.set(65_535, Some(part(1, 0, false)));
        assert_eq!(numbers.get(65_535), Some(part(1, 0, false)));
        assert_eq!(numbers.get(0), None);
    }
}
