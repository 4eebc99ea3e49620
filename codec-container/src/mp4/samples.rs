//! The sample table: size, position and time of every sample. ISO/IEC 14496-12, sections 8.6 and
//! 8.7.

use super::boxes::{Fields, child, pair};

/// A sample, with times in the time scale of the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) size: u32,
    pub(super) decode_time: u64,
    pub(super) duration: u32,
    /// Presentation time minus decoding time.
    pub(super) composition: i64,
    pub(super) sync: bool,
}

/// Iterates over the samples in order, directly from the boxes in memory.
#[derive(Debug, Default)]
pub(super) struct SampleTable {
    sizes: Sizes,
    chunks: Vec<u64>,
    /// First chunk (from 1) and samples in each chunk.
    runs: Vec<(u32, u32)>,
    durations: Steps,
    compositions: Steps,
    /// Numbers (from 1) of the sync samples; `None` if all samples are sync samples.
    sync: Option<Vec<u32>>,

    index: u32,
    chunk: usize,
    run: usize,
    in_chunk: u32,
    /// Position of the next sample of the chunk.
    at: Option<u64>,
    sync_position: usize,
    decode_time: u64,
}

#[derive(Debug)]
enum Sizes {
    Equal { size: u32, count: u32 },
    Each(Vec<u32>),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

/// Run-length coded values.
#[derive(Clone, Debug, Default)]
struct Steps {
    entries: Vec<(u32, u32)>,
    position: usize,
    used: u32,
}

impl Steps {
    fn parse(payload: Option<&[u8]>) -> Self {
        let rows = payload.and_then(|payload| {
            let mut fields = Fields(payload);
            fields.skip(4)?;
            fields.rows::<8>()
        });
        let entries = rows.map(|rows| rows.map(pair).collect()).unwrap_or_default();
        Self { entries, position: 0, used: 0 }
    }

    /// The value for the next sample; the last one repeats.
    fn next(&mut self) -> Option<u32> {
        while let Some(&(count, value)) = self.entries.get(self.position) {
            if self.used < count {
                self.used += 1;
                return Some(value);
            }
            self.position += 1;
            self.used = 0;
        }
        self.entries.last().map(|&(_, value)| value)
    }
}

impl SampleTable {
    /// Reads the boxes in `stbl`. Missing tables result in no samples.
    pub(super) fn parse(stbl: &[u8]) -> Self {
        Self {
            sizes: parse_sizes(stbl).unwrap_or_default(),
            chunks: parse_chunks(stbl).unwrap_or_default(),
            runs: parse_runs(stbl).unwrap_or_default(),
            durations: Steps::parse(child(stbl, b"stts")),
            compositions: Steps::parse(child(stbl, b"ctts")),
            sync: child(stbl, b"stss").and_then(parse_sync),
            ..Self::default()
        }
    }

    /// Overrides the sample size of the table: QuickTime states 1 for uncompressed audio.
    pub(super) fn set_size(&mut self, bytes: usize) {
        let count = self.sample_count();
        self.sizes = Sizes::Equal { size: u32::try_from(bytes).unwrap_or(u32::MAX), count };
    }

    /// Omits the samples after the last one whose presentation time is before `end`. Samples of equal
    /// size are audio, and are not omitted.
    pub(super) fn end_at(&mut self, end: i64) {
        let Sizes::Each(sizes) = &mut self.sizes else { return };
        let (mut durations, mut compositions) = (self.durations.clone(), self.compositions.clone());
        let (mut time, mut kept) = (0_i64, 0);
        for number in 1..=sizes.len() {
            if time.saturating_add(composition(&mut compositions)) < end {
                kept = number;
            }
            time = time.saturating_add(durations.next().unwrap_or(0).into());
        }
        sizes.truncate(kept);
    }

    pub(super) fn sample_count(&self) -> u32 {
        match &self.sizes {
            Sizes::Equal { count, .. } => *count,
            Sizes::Each(sizes) => u32::try_from(sizes.len()).unwrap_or(u32::MAX),
        }
    }

    /// Ticks per sample, if all but the last have the same duration.
    pub(super) fn steady_duration(&self) -> Option<u32> {
        match *self.durations.entries.as_slice() {
            [(_, ticks)] | [(_, ticks), (1, _)] if ticks > 0 => Some(ticks),
            _ => None,
        }
    }

    /// Returns to the first sample.
    pub(super) fn rewind(&mut self) {
        (self.index, self.chunk, self.run, self.in_chunk, self.at) = (0, 0, 0, 0, None);
        (self.sync_position, self.decode_time) = (0, 0);
        for steps in [&mut self.durations, &mut self.compositions] {
            (steps.position, steps.used) = (0, 0);
        }
    }

    fn size_of(&self, index: u32) -> Option<u32> {
        match &self.sizes {
            Sizes::Equal { size, count } => (index < *count).then_some(*size),
            Sizes::Each(sizes) => sizes.get(usize::try_from(index).ok()?).copied(),
        }
    }

    /// Samples in the current chunk.
    fn chunk_samples(&mut self) -> u32 {
        let number = u32::try_from(self.chunk + 1).unwrap_or(u32::MAX);
        while self.runs.get(self.run + 1).is_some_and(|&(first, _)| first <= number) {
            self.run += 1;
        }
        self.runs.get(self.run).map_or(0, |&(_, samples)| samples)
    }

    fn is_sync(&mut self, number: u32) -> bool {
        let Some(sync) = &self.sync else { return true };
        while sync.get(self.sync_position).is_some_and(|&next| next < number) {
            self.sync_position += 1;
        }
        sync.get(self.sync_position) == Some(&number)
    }
}

impl Iterator for SampleTable {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let size = self.size_of(self.index)?;
        let offset = loop {
            let room = self.in_chunk < self.chunk_samples();
            match self.at {
                Some(at) if room => break at,
                Some(_) => self.chunk += 1,
                None => {}
            }
            self.in_chunk = 0;
            self.at = Some(*self.chunks.get(self.chunk)?);
        };
        self.at = Some(offset.checked_add(size.into())?);
        self.in_chunk += 1;
        self.index += 1;

        let duration = self.durations.next().unwrap_or(0);
        let composition = composition(&mut self.compositions);
        let decode_time = self.decode_time;
        self.decode_time += u64::from(duration);
        let sync = self.is_sync(self.index);
        Some(Sample { offset, size, decode_time, duration, composition, sync })
    }
}

/// Returns the presentation time of the next sample minus its decoding time.
fn composition(steps: &mut Steps) -> i64 {
    // Version 0 is unsigned, but files use signed values nevertheless.
    steps.next().map_or(0, u32::cast_signed).into()
}

fn parse_sizes(stbl: &[u8]) -> Option<Sizes> {
    let mut fields = Fields(child(stbl, b"stsz")?);
    fields.skip(4)?;
    let size = fields.u32()?;
    if size == 0 {
        return Some(Sizes::Each(fields.rows::<4>()?.map(u32::from_be_bytes).collect()));
    }
    Some(Sizes::Equal { size, count: fields.u32()? })
}

fn parse_chunks(stbl: &[u8]) -> Option<Vec<u64>> {
    if let Some(payload) = child(stbl, b"stco") {
        let mut fields = Fields(payload);
        fields.skip(4)?;
        return Some(fields.rows::<4>()?.map(|row| u32::from_be_bytes(row).into()).collect());
    }
    let mut fields = Fields(child(stbl, b"co64")?);
    fields.skip(4)?;
    Some(fields.rows::<8>()?.map(u64::from_be_bytes).collect())
}

fn parse_runs(stbl: &[u8]) -> Option<Vec<(u32, u32)>> {
    let mut fields = Fields(child(stbl, b"stsc")?);
    fields.skip(4)?;
    let rows = fields.rows::<12>()?;
    Some(rows.map(|[a, b, c, d, e, f, g, h, ..]| pair([a, b, c, d, e, f, g, h])).collect())
}

fn parse_sync(payload: &[u8]) -> Option<Vec<u32>> {
    let mut fields = Fields(payload);
    fields.skip(4)?;
    Some(fields.rows::<4>()?.map(u32::from_be_bytes).collect())
}
