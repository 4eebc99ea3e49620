//! How closely a stream follows its target bitrate, from the sizes and times of its frames.

use crate::results::RateControl;

/// One coded frame; hidden frames count towards the bits as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodedFrame {
    /// Seconds since the beginning of the clip.
    pub time_s: f64,
    /// Bytes of the frame, without the container.
    pub bytes: u64,
    /// Whether the frame can be decoded without other frames.
    pub key: bool,
}

/// The target over time: kilobits per second from each moment on, ascending, the first at 0.
pub type Targets<'a> = &'a [(f64, f64)];

/// Delay above which the queue of a link counts as a violation, in milliseconds.
const MAX_QUEUE_MS: f64 = 1000.0;
/// After a step, the rate over half a second must come within a tenth of the new target.
const REACTION_WINDOW_S: f64 = 0.5;
const REACTION_TOLERANCE: f64 = 0.1;

/// Evaluates the rate of `frames`, in order of their times. `targets` is empty if there was no
/// target. `seconds`: duration of the clip.
#[must_use]
pub fn analyse(frames: &[CodedFrame], targets: Targets<'_>, seconds: f64) -> RateControl {
    let bytes: u64 = frames.iter().map(|frame| frame.bytes).sum();
    let key_bytes: u64 = frames.iter().filter(|frame| frame.key).map(|frame| frame.bytes).sum();
    let target_kbps = mean_target(targets, seconds);
    let error = |target: f64| 100.0 * (kbit(bytes) / seconds / target - 1.0);
    let buffer_ms = queue(frames, targets);
    RateControl {
        target_kbps,
        error_percent: target_kbps.filter(|_| seconds > 0.0).map(error),
        seconds_kbit: by_second(frames, seconds),
        seconds_target: target_by_second(targets, seconds),
        worst_window_percent: worst_window(frames, targets, seconds),
        largest_frame: frames.iter().map(|frame| frame.bytes).max().unwrap_or(0),
        key_frames: frames.iter().filter(|frame| frame.key).count() as u64,
        key_frame_share: kbit(key_bytes) / kbit(bytes.max(1)),
        buffer_violations: buffer_ms.iter().filter(|&&ms| ms > MAX_QUEUE_MS).count() as u64,
        buffer_ms,
        step_reactions_ms: reactions(frames, targets, seconds),
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of streams")]
fn kbit(bytes: u64) -> f64 {
    bytes as f64 * 8.0 / 1000.0
}

/// The target at a moment.
fn target_at(targets: Targets<'_>, time_s: f64) -> Option<f64> {
    let from = targets.partition_point(|&(begins, _)| begins <= time_s);
    targets.get(from.saturating_sub(1)).map(|&(_, kbps)| kbps)
}

/// Kilobits that a link at the target rate carries between two moments.
fn capacity(targets: Targets<'_>, from_s: f64, to_s: f64) -> f64 {
    let ends = targets.iter().skip(1).map(|&(begins, _)| begins).chain([f64::INFINITY]);
    targets
        .iter()
        .zip(ends)
        .map(|(&(begins, kbps), ends)| kbps * (to_s.min(ends) - from_s.max(begins)).max(0.0))
        .sum()
}

fn mean_target(targets: Targets<'_>, seconds: f64) -> Option<f64> {
    (!targets.is_empty() && seconds > 0.0).then(|| capacity(targets, 0.0, seconds) / seconds)
}

fn whole_seconds(seconds: f64) -> usize {
    let mut count = 0_u32;
    while f64::from(count) + 1e-9 < seconds && count < 1 << 20 {
        count += 1;
    }
    count as usize
}

/// Kilobits of the frames of each second that has begun.
fn by_second(frames: &[CodedFrame], seconds: f64) -> Vec<f64> {
    let mut sums = vec![0.0; whole_seconds(seconds)];
    let mut second = 0;
    let mut ends = 1.0;
    for frame in frames {
        while frame.time_s >= ends && second + 1 < sums.len() {
            second += 1;
            ends += 1.0;
        }
        if let Some(sum) = sums.get_mut(second) {
            *sum += kbit(frame.bytes);
        }
    }
    sums
}

fn target_by_second(targets: Targets<'_>, seconds: f64) -> Vec<f64> {
    if targets.is_empty() {
        return Vec::new();
    }
    let mut from = 0.0;
    let second = |_| {
        let to = from + 1.0;
        let mean = capacity(targets, from, to);
        from = to;
        mean
    };
    (0..whole_seconds(seconds)).map(second).collect()
}

/// Returns the largest excess over the target, in percent, in any window of one second that begins
/// with a frame; `None` for a clip shorter than a second.
fn worst_window(frames: &[CodedFrame], targets: Targets<'_>, seconds: f64) -> Option<f64> {
    let mut worst: Option<f64> = None;
    let (mut next, mut inside) = (0, 0.0);
    for first in frames {
        let (from, to) = (first.time_s, first.time_s + 1.0);
        if to > seconds + 1e-9 {
            break;
        }
        while next < frames.len() && frames[next].time_s < to - 1e-9 {
            inside += kbit(frames[next].bytes);
            next += 1;
        }
        let allowed = capacity(targets, from, to);
        if allowed > 0.0 {
            let over = 100.0 * (inside / allowed - 1.0);
            worst = Some(worst.map_or(over, |worst| worst.max(over)));
        }
        inside -= kbit(first.bytes);
    }
    worst
}

/// Milliseconds of backlog of a link at the target rate after each frame is enqueued at its time.
fn queue(frames: &[CodedFrame], targets: Targets<'_>) -> Vec<f64> {
    if targets.is_empty() {
        return Vec::new();
    }
    let (mut waiting, mut last_s) = (0.0_f64, 0.0);
    let mut delays = Vec::with_capacity(frames.len());
    for frame in frames {
        waiting = (waiting - capacity(targets, last_s, frame.time_s)).max(0.0);
        last_s = frame.time_s;
        waiting += kbit(frame.bytes);
        let kbps = target_at(targets, frame.time_s).filter(|&kbps| kbps > 0.0);
        delays.push(kbps.map_or(f64::MAX, |kbps| 1000.0 * waiting / kbps));
    }
    delays
}

/// For each step: time until half a second of frames is within a tenth of the new target.
fn reactions(frames: &[CodedFrame], targets: Targets<'_>, seconds: f64) -> Vec<Option<f64>> {
    let ends = targets.iter().skip(2).map(|&(begins, _)| begins).chain([seconds]);
    let before = |time_s: f64| frames.partition_point(|frame| frame.time_s < time_s - 1e-9);
    let reaction = |(&(begins, kbps), ends): (&(f64, f64), f64)| {
        let windows = frames[before(begins)..].iter().map(|frame| frame.time_s);
        windows
            .take_while(|from| from + REACTION_WINDOW_S <= ends + 1e-9)
            .find(|&from| {
                let inside = &frames[before(from)..before(from + REACTION_WINDOW_S)];
                let sent: f64 = inside.iter().map(|frame| kbit(frame.bytes)).sum();
                (sent / REACTION_WINDOW_S / kbps - 1.0).abs() <= REACTION_TOLERANCE + 1e-9
            })
            .map(|from| 1000.0 * (from - begins))
    };
    targets.iter().skip(1).zip(ends).map(reaction).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten frames per second of this many kilobits.
    fn frames(kbit: &[u32]) -> Vec<CodedFrame> {
        let frame = |(index, &kbit): (usize, &u32)| CodedFrame {
            time_s: f64::from(u32::try_from(index).unwrap()) / 10.0,
            bytes: u64::from(kbit) * 125,
            key: index == 0,
        };
        kbit.iter().enumerate().map(frame).collect()
    }

    #[test]
    fn an_even_stream_keeps_its_rate() {
        let found = analyse(&frames(&[10; 20]), &[(0.0, 100.0)], 2.0);
        assert_eq!(found.target_kbps, Some(100.0));
        assert!(found.error_percent.unwrap().abs() < 1e-9);
        assert_eq!(found.seconds_kbit, [100.0, 100.0]);
        assert_eq!(found.seconds_target, [100.0, 100.0]);
        assert!(found.worst_window_percent.unwrap().abs() < 1e-9);
        assert!(found.buffer_ms.iter().all(|ms| (ms - 100.0).abs() < 1e-6));
        assert_eq!((found.buffer_violations, found.key_frames), (0, 1));
        assert!((found.key_frame_share - 0.05).abs() < 1e-9);
        assert_eq!(found.step_reactions_ms, []);
    }

    #[test]
    fn a_burst_exceeds_its_window_and_fills_the_queue() {
        let mut sizes = [5; 30];
        sizes[10] = 155;
        let found = analyse(&frames(&sizes), &[(0.0, 100.0)], 3.0);
        assert_eq!(found.seconds_kbit, [50.0, 200.0, 50.0]);
        assert!((found.worst_window_percent.unwrap() - 100.0).abs() < 1e-9);
        assert!((found.buffer_ms[10] - 1550.0).abs() < 1e-6);
        // 10 kbit leave the link with each frame and 5 arrive: 50 ms less per frame.
        assert!((found.buffer_ms[12] - 1450.0).abs() < 1e-6);
        assert_eq!(found.buffer_violations, 11);
        assert_eq!(found.largest_frame, 19_375);
    }

    #[test]
    fn a_step_is_followed_when_half_a_second_is_within_a_tenth() {
        let sizes: Vec<u32> = (0..40).map(|index| if index < 22 { 10 } else { 20 }).collect();
        let found = analyse(&frames(&sizes), &[(0.0, 100.0), (2.0, 200.0)], 4.0);
        assert_eq!(found.target_kbps, Some(150.0));
        assert_eq!(found.seconds_target, [100.0, 100.0, 200.0, 200.0]);
        let [Some(reaction)] = found.step_reactions_ms[..] else { panic!("{found:?}") };
        // One frame of half the size among five is just a tenth too little.
        assert!((reaction - 100.0).abs() < 1e-6, "{reaction}");
        let never = analyse(&frames(&[10; 40]), &[(0.0, 100.0), (2.0, 200.0)], 4.0);
        assert_eq!(never.step_reactions_ms, [None]);
    }

    #[test]
    fn without_a_target_there_are_no_target_figures() {
        let found = analyse(&frames(&[10; 10]), &[], 1.0);
        assert_eq!((found.target_kbps, found.error_percent), (None, None));
        assert_eq!((found.buffer_ms.len(), found.seconds_kbit.len()), (0, 1));
        let nothing = analyse(&[], &[(0.0, 100.0)], 0.0);
        assert_eq!((nothing.target_kbps, nothing.error_percent), (None, None));
    }
}
