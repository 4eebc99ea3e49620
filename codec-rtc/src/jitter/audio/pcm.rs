//! Decoded audio: recently played samples and the playout queue.

/// Sample frames kept after playout: 60 ms.
const HISTORY_FRAMES: usize = 2880;

/// Length of a cross-fade in sample frames: 5 ms.
pub(super) const OVERLAP: usize = 240;

/// Interleaved samples at 48 kHz with a playout position.
#[derive(Debug)]
pub(super) struct Pcm {
    channels: usize,
    samples: Vec<f32>,
    /// Playout position in `samples`, in sample frames.
    played: usize,
}

impl Pcm {
    /// Starts with silence as the played audio.
    pub(super) fn new(channels: usize) -> Self {
        let channels = channels.max(1);
        Self { channels, samples: vec![0.0; HISTORY_FRAMES * channels], played: HISTORY_FRAMES }
    }

    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Sample frames in the playout queue.
    pub(super) fn ahead(&self) -> usize {
        (self.samples.len() / self.channels).saturating_sub(self.played)
    }

    /// Played sample frames still available.
    pub(super) fn behind(&self) -> usize {
        self.played
    }

    /// Appends samples.
    pub(super) fn append(&mut self, samples: &[f32]) {
        self.samples.extend_from_slice(samples);
    }

    /// Appends samples, cross-faded with `before`, the extrapolation of the previous audio.
    pub(super) fn append_over(&mut self, samples: &[f32], before: &[f32]) {
        let from = self.samples.len();
        self.samples.extend_from_slice(samples);
        let frames = (samples.len().min(before.len()) / self.channels).max(1);
        let new = self.samples.get_mut(from..).unwrap_or_default();
        cross_fade(new, before, self.channels, frames);
    }

    /// The last `frames` sample frames.
    pub(super) fn tail(&self, frames: usize) -> &[f32] {
        let from = self.samples.len().saturating_sub(frames * self.channels);
        self.samples.get(from..).unwrap_or_default()
    }

    /// Plays `frames` sample frames into `out`, filled up with silence.
    pub(super) fn play(&mut self, frames: usize, out: &mut Vec<f32>) {
        let from = self.played * self.channels;
        let wanted = frames * self.channels;
        let to = from.saturating_add(wanted).min(self.samples.len());
        let begin = out.len();
        out.extend_from_slice(self.samples.get(from..to).unwrap_or_default());
        out.resize(begin + wanted, 0.0);
        self.played = to / self.channels;
        // Moves the samples only once for several blocks.
        if self.played > 4 * HISTORY_FRAMES {
            self.samples.drain(..(self.played - HISTORY_FRAMES) * self.channels);
            self.played = HISTORY_FRAMES;
        }
    }

    /// Mean of the channels from `behind` sample frames before the playout position to `ahead`
    /// after it, padded with zeros.
    pub(super) fn mono(&self, behind: usize, ahead: usize, out: &mut Vec<f32>) {
        out.clear();
        let from = self.played.saturating_sub(behind) * self.channels;
        let to = ((self.played + ahead) * self.channels).min(self.samples.len());
        out.resize(behind.saturating_sub(self.played), 0.0);
        mean_of_channels(self.samples.get(from..to).unwrap_or_default(), self.channels, out);
        out.resize(behind + ahead, 0.0);
    }

    /// Removes the next `frames` sample frames, with a cross-fade at the cut.
    pub(super) fn remove(&mut self, frames: usize) {
        let overlap = frames.min(self.ahead().saturating_sub(frames));
        let at = self.played * self.channels;
        let removed = frames * self.channels;
        let Some((old, new)) =
            self.samples.get_mut(at..).and_then(|rest| rest.split_at_mut_checked(removed))
        else {
            return;
        };
        cross_fade(new, old, self.channels, overlap);
        self.samples.drain(at..at + removed);
    }

    /// Repeats the last `frames` sample frames before the playout position, with a cross-fade at
    /// the joint.
    pub(super) fn repeat(&mut self, frames: usize) {
        let overlap = frames.min(self.ahead());
        let at = self.played * self.channels;
        let Some(from) = at.checked_sub(frames * self.channels) else { return };
        let Some(last) = self.samples.get(from..at) else { return };
        let mut again = last.to_vec();
        cross_fade(&mut again, self.samples.get(at..).unwrap_or_default(), self.channels, overlap);
        self.samples.splice(at..at, again);
    }
}

/// Appends the mean of the channels of each sample frame.
pub(super) fn mean_of_channels(samples: &[f32], channels: usize, out: &mut Vec<f32>) {
    match channels {
        2 => out.extend(samples.as_chunks::<2>().0.iter().map(|&[l, r]| 0.5 * (l + r))),
        _ => out.extend_from_slice(samples),
    }
}

/// Cross-fades the first `frames` sample frames of `new` with the first ones of `old`.
#[expect(clippy::cast_precision_loss, reason = "some hundred frames")]
fn cross_fade(new: &mut [f32], old: &[f32], channels: usize, frames: usize) {
    let step = 1.0 / (frames + 1) as f32;
    let pairs = new.chunks_exact_mut(channels).zip(old.chunks_exact(channels));
    for (index, (new, old)) in pairs.take(frames).enumerate() {
        let weight = step * (index + 1) as f32;
        for (new, old) in new.iter_mut().zip(old) {
            *new = *new * weight + *old * (1.0 - weight);
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use super::*;

    fn ramp(pcm: &mut Pcm, frames: usize) {
        let samples: Vec<f32> = (0..frames).map(|at| at as f32).collect();
        pcm.append(&samples);
    }

    #[test]
    fn missing_audio_is_silence_and_memory_is_bounded() {
        let mut pcm = Pcm::new(2);
        let mut out = Vec::new();
        for _ in 0..1000 {
            pcm.append(&[0.5; 960]);
            pcm.play(480, &mut out);
        }
        assert_eq!((pcm.ahead(), out.len()), (0, 960_000));
        assert!(pcm.samples.len() < 40_000);
        out.clear();
        pcm.play(10, &mut out);
        assert_eq!(out, [0.0; 20]);
    }

    #[test]
    fn removing_one_period_keeps_periodic_audio_unchanged() {
        let wave = |at: usize| (at % 200) as f32;
        let mut pcm = Pcm::new(1);
        pcm.append(&(0..2000).map(wave).collect::<Vec<_>>());
        let mut out = Vec::new();
        pcm.play(600, &mut out);
        pcm.remove(200);
        assert_eq!(pcm.ahead(), 1200);
        pcm.play(300, &mut out);
        pcm.repeat(400);
        assert_eq!(pcm.ahead(), 1300);
        pcm.play(1300, &mut out);
        let worst = out.iter().enumerate().map(|(at, &value)| (value - wave(at)).abs());
        assert!(worst.fold(0.0, f32::max) < 1e-3);
    }

    #[test]
    fn new_audio_is_cross_faded_with_the_extrapolation() {
        let mut pcm = Pcm::new(1);
        pcm.append_over(&[1.0; 6], &[0.0; 3]);
        let mut out = Vec::new();
        pcm.play(6, &mut out);
        assert_eq!(out, [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]);
        ramp(&mut pcm, 5);
        assert_eq!(pcm.tail(2), [3.0, 4.0]);
    }
}
