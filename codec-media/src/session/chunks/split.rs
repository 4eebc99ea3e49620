//! Chooses where an input is divided into chunks.

use codec_core::analysis::SceneChange;

const SECOND_NS: i64 = 1_000_000_000;

/// The minimum duration of a chunk, except the last one.
pub(super) const SHORTEST_NS: i64 = 8 * SECOND_NS;
/// The preferred duration, if there are several scene cuts.
pub(super) const PREFERRED_NS: i64 = 10 * SECOND_NS;
/// The duration after which a chunk ends even without a scene cut.
pub(super) const LONGEST_NS: i64 = 12 * SECOND_NS;
/// Frames this long before the first possible end are analysed, because scene cuts are found relative to
/// earlier frames.
const LEAD_NS: i64 = SECOND_NS / 2;
/// A last chunk that is shorter than this is merged with the previous one.
pub(super) const LEAST_NS: i64 = 4 * SECOND_NS;

/// The shortest duration of a shot; shorter ones are a part of the one before.
const SHORTEST_SHOT_NS: i64 = SECOND_NS;

/// The kind of the parts of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Parts {
    /// Chunks of 8 to 12 seconds.
    #[default]
    Chunks,
    /// Shots: a part begins at each scene cut, and after 12 seconds at the latest.
    Shots,
}

impl Parts {
    /// The name of a part.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chunks => "chunk",
            Self::Shots => "shot",
        }
    }

    /// The duration from which on a part may end.
    fn shortest_ns(self) -> i64 {
        match self {
            Self::Chunks => SHORTEST_NS,
            Self::Shots => SHORTEST_SHOT_NS,
        }
    }

    /// The duration of the last part from which on it is a part of its own.
    fn least_ns(self) -> i64 {
        match self {
            Self::Chunks => LEAST_NS,
            Self::Shots => SHORTEST_SHOT_NS,
        }
    }
}

/// A frame at which a chunk may begin.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    frame: usize,
    time_ns: i64,
    scene: SceneChange,
}

impl Candidate {
    /// How far a chunk from `start_ns` to here is from the preferred duration.
    fn distance_ns(&self, start_ns: i64) -> i64 {
        (self.time_ns - start_ns - PREFERRED_NS).abs()
    }
}

/// Divides frames, in display order, into chunks of 8 to 12 seconds that begin at scene cuts if possible.
///
/// Without a scene cut, a chunk begins where the encoder would place a key frame anyway, at a multiple of the key
/// frame interval, or else at the frame that the previous one predicts worst, where a key frame costs least.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    parts: Parts,
    /// Longest distance between key frames, in frames.
    key_interval: Option<usize>,
    /// The first frame and the start time of each chunk.
    starts: Vec<(usize, i64)>,
    candidates: Vec<Candidate>,
    frames: usize,
}

impl Splitter {
    /// `key_interval` is the longest distance between key frames, in frames.
    pub(super) fn new(parts: Parts, key_interval: Option<usize>) -> Self {
        let key_interval = key_interval.filter(|interval| *interval > 0);
        Self { parts, key_interval, ..Self::default() }
    }

    /// Whether the frame at `time_ns` must be analysed.
    pub(super) fn needs_scene(&self, time_ns: i64) -> bool {
        let start = self.starts.last();
        start.is_some_and(|&(_, start_ns)| time_ns - start_ns >= self.parts.shortest_ns() - LEAD_NS)
    }

    /// Adds the next frame. `scene` compares it with the previous frame; `None` if that was not analysed.
    pub(super) fn push(&mut self, time_ns: i64, scene: Option<SceneChange>) {
        let frame = self.frames;
        self.frames += 1;
        let Some(&start) = self.starts.last() else {
            self.starts.push((frame, time_ns));
            return;
        };
        if time_ns - start.1 > LONGEST_NS {
            self.end_chunk(start, Candidate { frame, time_ns, scene: SceneChange::default() });
        }
        let Some(&(_, start_ns)) = self.starts.last() else { return };
        if let Some(scene) = scene.filter(|_| time_ns - start_ns >= self.parts.shortest_ns()) {
            if self.parts == Parts::Shots && scene.is_cut {
                self.starts.push((frame, time_ns));
                self.candidates.clear();
                return;
            }
            self.candidates.push(Candidate { frame, time_ns, scene });
        }
        // No later scene cut can be nearer to the preferred duration.
        let nearest = self.cuts().map(|cut| cut.distance_ns(start_ns)).min();
        if nearest.is_some_and(|nearest| time_ns - start_ns >= PREFERRED_NS + nearest) {
            let start = self.starts.last().copied().unwrap_or(start);
            self.end_chunk(start, Candidate { frame, time_ns, scene: SceneChange::default() });
        }
    }

    /// The scene cuts at which the current chunk may end.
    fn cuts(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|one| one.scene.is_cut)
    }

    /// Begins the next chunk at the best candidate, or at `here` if there is none.
    fn end_chunk(&mut self, (start, start_ns): (usize, i64), here: Candidate) {
        let is_due = |one: &&Candidate| {
            self.key_interval.is_some_and(|interval| (one.frame - start).is_multiple_of(interval))
        };
        let distance = |one: &&Candidate| one.distance_ns(start_ns);
        let best = self.cuts().min_by_key(distance);
        let best = best.or_else(|| self.candidates.iter().rfind(is_due)).or_else(|| {
            self.candidates.iter().min_by_key(|one| (100 - one.scene.inter_pct, distance(one)))
        });
        let best = best.copied().unwrap_or(here);
        self.starts.push((best.frame, best.time_ns));
        let first_ns = best.time_ns.saturating_add(self.parts.shortest_ns());
        self.candidates.retain(|one| one.time_ns >= first_ns);
    }

    /// The first frames of all chunks. `end_ns` is the end of the last frame.
    pub(super) fn finish(mut self, end_ns: i64) -> Vec<usize> {
        let least_ns = self.parts.least_ns();
        let is_short = |&(_, start_ns): &(usize, i64)| end_ns - start_ns < least_ns;
        if self.starts.len() > 1 && self.starts.last().is_some_and(is_short) {
            self.starts.pop();
        }
        self.starts.into_iter().map(|(frame, _)| frame).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FPS: i64 = 25;

    /// The first frames of the chunks of `seconds` seconds with scene cuts at some frames.
    fn split(seconds: i64, cuts: &[usize]) -> Vec<usize> {
        split_with(Splitter::default(), seconds, cuts)
    }

    fn split_with(mut splitter: Splitter, seconds: i64, cuts: &[usize]) -> Vec<usize> {
        let frames = seconds * FPS;
        for frame in 0..frames {
            let time_ns = frame * SECOND_NS / FPS;
            let number = usize::try_from(frame).unwrap();
            let is_cut = cuts.contains(&number);
            let inter_pct = if is_cut { 95 } else { 20 + u8::from(frame % 37 == 0) };
            let scene = SceneChange { is_cut, inter_pct, ..SceneChange::default() };
            let scene = splitter.needs_scene(time_ns).then_some(scene);
            splitter.push(time_ns, scene);
        }
        splitter.finish(frames * SECOND_NS / FPS)
    }

    #[test]
    fn chunks_begin_at_the_scene_cut_nearest_to_ten_seconds() {
        assert_eq!(split(30, &[100, 215, 260, 290, 480]), [0, 260, 480]);
    }

    #[test]
    fn chunks_without_scene_cuts_last_eight_to_twelve_seconds() {
        let starts = split(60, &[]);
        let lengths = starts.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(lengths.clone().all(|length| (200..=300).contains(&length)), "{starts:?}");
        // At frames that are predicted badly.
        assert!(starts.iter().all(|start| start % 37 == 0), "{starts:?}");
    }

    #[test]
    fn chunks_without_scene_cuts_end_where_a_key_frame_is_due() {
        let split = |interval| split_with(Splitter::new(Parts::Chunks, Some(interval)), 41, &[]);
        assert_eq!(split(250), [0, 250, 500, 750]);
        assert_eq!(split(100), [0, 300, 600, 900]);
        assert_eq!(split_with(Splitter::new(Parts::Chunks, Some(250)), 30, &[210]), [0, 210, 460]);
        // The interval is longer than a chunk, or there is none.
        assert_eq!(split(400), split_with(Splitter::new(Parts::Chunks, None), 41, &[]));
    }

    #[test]
    fn a_short_rest_belongs_to_the_last_chunk() {
        assert_eq!(split(3, &[]), [0]);
        assert_eq!(split(12, &[250]), [0]);
        assert_eq!(split(13, &[225]), [0, 225]);
        assert_eq!(split(12, &[]), [0]);
        assert!(split(0, &[]).is_empty());
    }

    #[test]
    fn long_gaps_between_frames_end_chunks() {
        let mut splitter = Splitter::default();
        for time_s in [0, 1, 30, 31, 90] {
            splitter.push(time_s * SECOND_NS, None);
        }
        assert_eq!(splitter.finish(100 * SECOND_NS), [0, 2, 4]);
    }

    #[test]
    fn shots_begin_at_each_cut_and_last_a_second_at_least() {
        let shots =
            |seconds, cuts: &[usize]| split_with(Splitter::new(Parts::Shots, None), seconds, cuts);
        assert_eq!(shots(10, &[30, 40, 100, 130]), [0, 30, 100, 130]);
        // The last one is too short, and a long one is divided.
        assert_eq!(shots(5, &[60, 110]), [0, 60]);
        let long = shots(20, &[25]);
        assert_eq!(long[..2], [0, 25]);
        assert!(long.len() > 2, "{long:?}");
    }
}
