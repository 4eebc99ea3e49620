//! Finds which frame the viewer sees at each instant of the reference.
//!
//! An instant is the time of a reference frame. At an instant, the viewer sees the newest distorted
//! frame whose time is before the instant plus a tolerance: half the frame duration of the video with
//! the higher frame rate. Drops, repeats and freezes are therefore
//! scored as they are seen. Before the first distorted frame, the viewer sees nothing; the last
//! distorted frame stays on the screen.
//!
//! The aligner handles only times. The caller keeps three frames, however long the files are: the
//! current reference frame, the frame on the screen, and the frame that was read ahead. Frame
//! numbers can be used as times, with a frame duration of 1.

use crate::results::Delivery;

/// The next step for the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Read the reference's next frame, then call [`Aligner::reference`] or
    /// [`Aligner::reference_ended`].
    ReadReference,
    /// Read the next distorted frame ahead, then call [`Aligner::distorted`] or
    /// [`Aligner::distorted_ended`].
    ReadDistorted,
    /// From now on, show the frame that was read ahead.
    Show,
    /// Score the reference frame against the frame on the screen.
    Score(Seen),
    /// All frames of both sequences have been used.
    Done,
}

/// The frame seen at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// A frame that was not on the screen at the previous instant.
    New {
        /// Time of the frame minus the instant, in seconds.
        offset_s: f64,
    },
    /// The same frame as at the previous instant.
    Still,
    /// No distorted frame has been shown yet.
    Nothing,
}

/// The frame on the screen.
#[derive(Clone, Copy, Debug)]
struct Shown {
    time_s: f64,
    is_seen: bool,
}

/// Pairs the frames of two sequences by their ascending times.
///
/// ```
/// use codec_measure::align::{Aligner, Step};
///
/// // Three reference frames at 30 Hz; the second frame was dropped.
/// let mut reference = [0.0, 1.0 / 30.0, 2.0 / 30.0].iter();
/// let mut distorted = [0.0, 2.0 / 30.0].iter();
/// let mut aligner = Aligner::new(1.0 / 30.0, 1.0 / 30.0);
/// let mut scored = Vec::new();
/// loop {
///     match aligner.step() {
///         Step::ReadReference => match reference.next() {
///             Some(&time) => aligner.reference(time),
///             None => aligner.reference_ended(),
///         },
///         Step::ReadDistorted => match distorted.next() {
///             Some(&time) => aligner.distorted(time),
///             None => aligner.distorted_ended(),
///         },
///         Step::Show => {}
///         Step::Score(seen) => scored.push(seen),
///         Step::Done => break,
///     }
/// }
/// assert_eq!(scored.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Aligner {
    frame_s: f64,
    half_s: f64,
    reference_s: Option<f64>,
    reference_ended: bool,
    ahead_s: Option<f64>,
    distorted_ended: bool,
    shown: Option<Shown>,
    /// The first instant of the current freeze.
    frozen_since_s: Option<f64>,
    last_instant_s: f64,
    delivery: Delivery,
}

impl Aligner {
    /// Creates an aligner for frames with a nominal duration of `reference_s` and `distorted_s`
    /// seconds.
    #[must_use]
    pub fn new(reference_s: f64, distorted_s: f64) -> Self {
        Self {
            frame_s: reference_s,
            half_s: 0.5 * reference_s.min(distorted_s),
            reference_s: None,
            reference_ended: false,
            ahead_s: None,
            distorted_ended: false,
            shown: None,
            frozen_since_s: None,
            last_instant_s: 0.0,
            delivery: Delivery::default(),
        }
    }

    /// Returns the next step.
    pub fn step(&mut self) -> Step {
        let Some(instant_s) = self.reference_s else {
            return self.step_without_instant();
        };
        match self.ahead_s {
            None if !self.distorted_ended => return Step::ReadDistorted,
            Some(time_s) if time_s - instant_s < self.half_s => {
                self.show(time_s);
                return Step::Show;
            }
            _ => {}
        }
        self.reference_s = None;
        self.last_instant_s = instant_s;
        self.delivery.frames += 1;
        let seen = match &mut self.shown {
            None => Seen::Nothing,
            Some(shown) if shown.is_seen => Seen::Still,
            Some(shown) => {
                shown.is_seen = true;
                Seen::New { offset_s: shown.time_s - instant_s }
            }
        };
        if matches!(seen, Seen::New { .. }) {
            self.end_freeze(instant_s);
        } else {
            self.delivery.frozen += 1;
            self.frozen_since_s.get_or_insert(instant_s);
        }
        Step::Score(seen)
    }

    /// Returns the next step while no instant is waiting for its frame.
    fn step_without_instant(&mut self) -> Step {
        if !self.reference_ended {
            return Step::ReadReference;
        }
        self.end_freeze(self.last_instant_s + self.frame_s);
        if let Some(time_s) = self.ahead_s {
            self.show(time_s);
            return Step::Show;
        }
        if !self.distorted_ended {
            return Step::ReadDistorted;
        }
        self.leave();
        Step::Done
    }

    fn show(&mut self, time_s: f64) {
        self.leave();
        self.ahead_s = None;
        self.delivery.shown += 1;
        self.shown = Some(Shown { time_s, is_seen: false });
    }

    /// Counts the frame that leaves the screen as unmatched if no instant showed it.
    fn leave(&mut self) {
        if let Some(shown) = &mut self.shown
            && !shown.is_seen
        {
            shown.is_seen = true;
            self.delivery.unmatched += 1;
        }
    }

    fn end_freeze(&mut self, until_s: f64) {
        if let Some(since_s) = self.frozen_since_s.take() {
            let ms = 1000.0 * (until_s - since_s);
            self.delivery.freezes += 1;
            self.delivery.longest_freeze_ms = self.delivery.longest_freeze_ms.max(ms);
        }
    }

    /// Sets the time of the next reference frame.
    pub fn reference(&mut self, time_s: f64) {
        self.reference_s = Some(time_s);
    }

    /// Ends the reference.
    pub fn reference_ended(&mut self) {
        self.reference_ended = true;
    }

    /// Sets the time of the next distorted frame.
    pub fn distorted(&mut self, time_s: f64) {
        self.ahead_s = Some(time_s);
    }

    /// Ends the distorted sequence.
    pub fn distorted_ended(&mut self) {
        self.distorted_ended = true;
    }

    /// Reports that the new frame at the last instant equals the previous one although the
    /// reference changed.
    pub fn repeated(&mut self) {
        self.delivery.repeated += 1;
    }

    /// Ignores further instants, and frames that have not been shown yet.
    pub fn stop(&mut self) {
        self.reference_ended = true;
        self.distorted_ended = true;
        self.ahead_s = None;
    }

    /// Returns the counts of frames so far; complete after [`Step::Done`].
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distorted frame seen at each instant, and the counts.
    fn seen(reference: &[f64], distorted: &[f64], fps: f64) -> (Vec<Option<usize>>, Delivery) {
        let mut aligner = Aligner::new(1.0 / fps, 1.0 / fps);
        let (mut reference, mut distorted) = (reference.iter(), distorted.iter());
        let (mut shown, mut seen) = (0, Vec::new());
        loop {
            match aligner.step() {
                Step::ReadReference => match reference.next() {
                    Some(&time) => aligner.reference(time),
                    None => aligner.reference_ended(),
                },
                Step::ReadDistorted => match distorted.next() {
                    Some(&time) => aligner.distorted(time),
                    None => aligner.distorted_ended(),
                },
                Step::Show => shown += 1,
                Step::Score(Seen::Nothing) => seen.push(None),
                Step::Score(_) => seen.push(Some(shown - 1)),
                Step::Done => return (seen, aligner.delivery()),
            }
        }
    }

    #[test]
    fn equal_times_pair_all_frames() {
        let times = [0.0, 0.04, 0.08];
        let (found, delivery) = seen(&times, &times, 25.0);
        assert_eq!(found, [Some(0), Some(1), Some(2)]);
        assert_eq!(delivery, Delivery { frames: 3, shown: 3, ..Delivery::default() });
    }

    #[test]
    fn a_dropped_frame_repeats_the_previous_one_and_counts_as_a_freeze() {
        let times = [0.0, 0.04, 0.08, 0.12, 0.16];
        let (found, delivery) = seen(&times, &[0.0, 0.04, 0.16], 25.0);
        assert_eq!(found, [Some(0), Some(1), Some(1), Some(1), Some(2)]);
        assert_eq!((delivery.frozen, delivery.freezes, delivery.unmatched), (2, 1, 0));
        assert!((delivery.longest_freeze_ms - 80.0).abs() < 1e-9);
    }

    #[test]
    fn a_late_start_is_black_and_an_early_end_freezes() {
        let times = [0.0, 0.04, 0.08, 0.12];
        let (found, delivery) = seen(&times, &[0.05], 25.0);
        assert_eq!(found, [None, Some(0), Some(0), Some(0)]);
        assert_eq!((delivery.frozen, delivery.freezes), (3, 2));
        assert!((delivery.longest_freeze_ms - 80.0).abs() < 1e-9);
        let (found, delivery) = seen(&times, &[], 25.0);
        assert_eq!(found, [None; 4]);
        assert_eq!((delivery.frozen, delivery.freezes, delivery.shown), (4, 1, 0));
    }

    #[test]
    fn frames_at_no_instant_are_unmatched() {
        // Twice the frame rate, and one frame after the end.
        let (found, delivery) = seen(&[0.0, 0.04], &[0.0, 0.02, 0.04, 0.06, 0.08], 50.0);
        assert_eq!(found, [Some(0), Some(2)]);
        assert_eq!((delivery.shown, delivery.unmatched), (5, 3));
    }

    #[test]
    fn jitter_below_half_a_frame_changes_nothing() {
        let found = seen(&[0.0, 0.04, 0.08], &[0.019, 0.021, 0.099], 25.0);
        assert_eq!(found.0, [Some(0), Some(1), Some(2)]);
        assert_eq!(found.1.frozen, 0);
    }
}
