//! Writes fragmented MP4: a `moov` box (index) without samples, then fragments of about a second, each
//! with a `moof` box that lists its samples. ISO/IEC 14496-12, section 8.8.
//!
//! A file that ends early is playable up to its last complete fragment. A new fragment begins at a
//! frame that is shown after all earlier frames: at a key frame if the current fragment lasts 0.5 s
//! or more, at any frame if it lasts 1 s or more. A new fragment begins earlier if the current one
//! would otherwise exceed 16 MiB.

use super::boxes::{put, put_full};
use super::decode_times::{self, DecodeTimes, SampleTime};
use super::metadata::put_metadata;
use super::writer::{Header, Meta, State, check_tracks, shifts};
use crate::interleave::Interleaver;
use crate::io::ByteWriter;
use crate::{FileMetadata, Output, PacketRef, PacketWriter, Result, Track, WriteOptions};

/// Shortest fragment before a key frame.
const MIN_FRAGMENT_NS: i64 = 500_000_000;
/// Usual length of other fragments.
const FRAGMENT_NS: i64 = 1_000_000_000;
/// Maximum bytes of samples in a fragment.
const MAX_FRAGMENT_BYTES: usize = 16 << 20;

/// `default-base-is-moof`, and the defaults that `tfhd` states for uncompressed audio.
const BASE_IS_MOOF: u32 = 0x02_0000;
const DEFAULT_DURATION: u32 = 0x8;
const DEFAULT_SIZE: u32 = 0x10;
/// Fields of `trun`.
const DATA_OFFSET: u32 = 0x1;
const PER_SAMPLE: u32 = 0x700;
const COMPOSITION: u32 = 0x800;
/// Sample flags: a sync sample, which depends on no other sample; and a sample that depends on
/// others.
const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;

/// Writes fragmented MP4, to a pipe or a file.
#[derive(Debug)]
pub(crate) struct FragmentWriter {
    output: ByteWriter,
    tracks: Vec<State>,
    waiting: Interleaver<Meta>,
    /// The samples of the next fragment by track, and the bytes of all.
    runs: Vec<Run>,
    bytes: usize,
    /// Time of the first sample of the fragment in nanoseconds.
    start_ns: Option<i64>,
    /// Latest time of the video track that fragments follow.
    newest: Option<i64>,
    /// Offset of the times of each track, with which decoding starts at 0 or later; known after the
    /// first fragment.
    shifts: Option<Vec<i64>>,
    /// Number of fragments written.
    count: u32,
    metadata: FileMetadata,
}

/// Consecutive samples of a track.
#[derive(Debug, Default)]
struct Run {
    data: Vec<u8>,
    samples: Vec<(Meta, u32)>,
    clock: DecodeTimes,
    /// Decoding times of the samples, once the fragment is complete.
    times: Vec<i64>,
}

impl Run {
    /// Times of the samples.
    fn sample_times(&self) -> Vec<SampleTime> {
        self.samples.iter().map(|(meta, _)| meta.time).collect()
    }
}

impl FragmentWriter {
    /// Checks the tracks. Nothing is written before the first fragment.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Unsupported`] as for other MP4 files.
    pub(crate) fn new(output: Output, tracks: &[Track], options: &WriteOptions) -> Result<Self> {
        check_tracks(tracks)?;
        Ok(Self {
            output: ByteWriter::new(output)?,
            waiting: Interleaver::new(tracks.len(), true),
            runs: tracks.iter().map(|_| Run::default()).collect(),
            tracks: tracks.iter().map(State::new).collect(),
            bytes: 0,
            start_ns: None,
            newest: None,
            shifts: None,
            count: 0,
            metadata: options.metadata.clone(),
        })
    }

    fn write_waiting(&mut self, all: bool) -> Result<()> {
        while let Some(queued) = self.waiting.pop(all) {
            if self.ends_before(queued.track, queued.time_ns, &queued.meta, queued.data.len()) {
                self.write_fragment()?;
            }
            self.start_ns.get_or_insert(queued.time_ns);
            if self.leads(queued.track) {
                let newest = self.newest.unwrap_or(i64::MIN);
                self.newest = Some(newest.max(queued.meta.time.shown));
            }
            self.bytes += queued.data.len();
            let run = &mut self.runs[queued.track];
            let size = u32::try_from(queued.data.len()).unwrap_or(u32::MAX);
            run.samples.push((queued.meta, size));
            run.data.extend_from_slice(&queued.data);
            self.waiting.recycle(queued);
        }
        Ok(())
    }

    /// Whether fragments follow the frames of a track: the first one with video, or else any.
    fn leads(&self, track: usize) -> bool {
        let first = self.tracks.iter().position(|state| state.track.video().is_some());
        first.is_none_or(|first| first == track)
    }

    /// Whether the fragment ends before this packet.
    fn ends_before(&self, track: usize, time_ns: i64, meta: &Meta, bytes: usize) -> bool {
        let Some(start_ns) = self.start_ns else { return false };
        if self.bytes.saturating_add(bytes) > MAX_FRAGMENT_BYTES {
            return true;
        }
        // If this frame is shown later than all frames so far, every frame that is shown before it
        // has arrived.
        let is_newest = self.newest.is_none_or(|newest| meta.time.shown > newest);
        let is_key = self.tracks[track].track.video().is_some() && meta.key;
        let least_ns = if is_key { MIN_FRAGMENT_NS } else { FRAGMENT_NS };
        let is_long = time_ns.saturating_sub(start_ns) >= least_ns;
        self.leads(track) && is_newest && is_long
    }

    /// Writes the samples that have been collected. The `moov` box is written before the first fragment.
    fn write_fragment(&mut self) -> Result<()> {
        if self.runs.iter().all(|run| run.samples.is_empty()) {
            return Ok(());
        }
        for run in &mut self.runs {
            run.times = run.clock.assign(&run.sample_times());
        }
        let mut out = Vec::new();
        if self.shifts.is_none() {
            self.shifts = Some(self.put_index(&mut out));
        }
        self.count = self.count.saturating_add(1);
        // The type of the `moof` box comes after its length.
        let moof = out.len() + 4;
        let shifts = self.shifts.as_deref().unwrap_or_default();
        put_moof(&mut out, self.count, &self.tracks, &self.runs, shifts);
        for run in &mut self.runs {
            out.extend_from_slice(&run.data);
            run.data.clear();
            run.samples.clear();
        }
        self.bytes = 0;
        self.start_ns = None;
        // ffmpeg cannot open a file that ends within a `moof` box. In a file, the `moof` box
        // is therefore marked as free space until the whole fragment has been written.
        let kind = moof..moof + 4;
        let kind_at = self.output.position() + moof as u64;
        if self.output.can_seek() {
            out[kind].copy_from_slice(b"free");
        }
        self.output.write(&out)?;
        self.output.flush()?;
        self.output.patch(kind_at, b"moof")?;
        // A program that reads the file now sees the whole fragment.
        Ok(self.output.flush()?)
    }

    /// Writes the file type and the `moov` box; returns the shift of each track.
    fn put_index(&self, out: &mut Vec<u8>) -> Vec<i64> {
        put(out, b"ftyp", |out| out.extend_from_slice(b"iso6\0\0\x02\0iso6isommp41"));
        let starts = self.runs.iter().map(|run| run.times.first().copied().unwrap_or(0));
        let starts: Vec<_> = starts.collect();
        let shifts = shifts(&self.tracks, &starts);
        put(out, b"moov", |out| {
            Header::new(&self.tracks, &self.metadata).put(out, 0);
            for ((number, state), &shift) in (1..).zip(&self.tracks).zip(&shifts) {
                put(out, b"trak", |out| state.put_fragmented_track(out, number, shift));
            }
            put(out, b"mvex", |out| {
                for (number, _) in (1_u32..).zip(&self.tracks) {
                    put_full(out, b"trex", 0, 0, |out| {
                        for value in [number, 1, 0, 0, 0] {
                            out.extend_from_slice(&value.to_be_bytes());
                        }
                    });
                }
            });
            put_metadata(out, &self.metadata);
        });
        shifts
    }
}

/// Writes the `moof` box of a fragment and the head of its data, which follows in the order of the tracks.
fn put_moof(out: &mut Vec<u8>, number: u32, tracks: &[State], runs: &[Run], shifts: &[i64]) {
    let start = out.len();
    let mut offsets = Vec::new();
    put(out, b"moof", |out| {
        put_full(out, b"mfhd", 0, 0, |out| out.extend_from_slice(&number.to_be_bytes()));
        let tracks = (1..).zip(tracks).zip(runs).zip(shifts);
        for (((number, state), run), &shift) in tracks {
            if !run.samples.is_empty() {
                let at = put_traf(out, number, state, run, shift);
                offsets.push((at, run.data.len()));
            }
        }
    });
    let mut position = out.len() - start + 8;
    let bytes: usize = offsets.iter().map(|(_, bytes)| bytes).sum();
    for (at, bytes) in offsets {
        let offset = i32::try_from(position).unwrap_or(i32::MAX);
        out[at..at + 4].copy_from_slice(&offset.to_be_bytes());
        position += bytes;
    }
    let size = u32::try_from(bytes + 8).unwrap_or(u32::MAX);
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(b"mdat");
}

/// Writes the samples of a track; returns the position of their data offset.
fn put_traf(out: &mut Vec<u8>, number: u32, state: &State, run: &Run, shift: i64) -> usize {
    let mut offset_at = 0;
    put(out, b"traf", |out| {
        let frame_bytes = state.frame_bytes.and_then(|bytes| u32::try_from(bytes).ok());
        let defaults = if frame_bytes.is_some() { DEFAULT_DURATION | DEFAULT_SIZE } else { 0 };
        put_full(out, b"tfhd", 0, BASE_IS_MOOF | defaults, |out| {
            out.extend_from_slice(&number.to_be_bytes());
            if let Some(bytes) = frame_bytes {
                out.extend_from_slice(&1_u32.to_be_bytes());
                out.extend_from_slice(&bytes.to_be_bytes());
            }
        });
        let base = run.times.first().copied().unwrap_or(0).saturating_add(shift);
        put_full(out, b"tfdt", 1, 0, |out| {
            out.extend_from_slice(&u64::try_from(base).unwrap_or(0).to_be_bytes());
        });
        if let Some(frame_bytes) = frame_bytes {
            put_full(out, b"trun", 0, DATA_OFFSET, |out| {
                let count = run.data.len() / frame_bytes.max(1) as usize;
                out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
                offset_at = out.len();
                out.extend_from_slice(&[0; 4]);
            });
            return;
        }
        let is_video = state.track.video().is_some();
        let stated = run.samples.last().and_then(|(meta, _)| meta.duration);
        let durations = decode_times::durations(&run.times, stated);
        let compositions = decode_times::compositions(&run.sample_times(), &run.times);
        let is_reordered = compositions.iter().any(|&offset| offset != 0);
        let composition = if is_reordered { COMPOSITION } else { 0 };
        put_full(out, b"trun", 1, DATA_OFFSET | PER_SAMPLE | composition, |out| {
            let count = u32::try_from(run.samples.len()).unwrap_or(u32::MAX);
            out.extend_from_slice(&count.to_be_bytes());
            offset_at = out.len();
            out.extend_from_slice(&[0; 4]);
            let times = durations.iter().zip(&compositions);
            for (&(meta, size), (&duration, offset)) in run.samples.iter().zip(times) {
                let flags = if meta.key || !is_video { SYNC } else { NOT_SYNC };
                for value in [duration, size, flags] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
                if is_reordered {
                    out.extend_from_slice(&offset.to_be_bytes());
                }
            }
        });
    });
    offset_at
}

impl PacketWriter for FragmentWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let offset = self.output.position();
        let (meta, time_ns, data) = State::accept(&mut self.tracks, packet, offset)?;
        self.waiting.push(packet.track, time_ns, data, meta);
        self.write_waiting(false)
    }

    fn finish(&mut self) -> Result<()> {
        self.write_waiting(true)?;
        if self.shifts.is_none() && self.runs.iter().all(|run| run.samples.is_empty()) {
            let mut out = Vec::new();
            self.shifts = Some(self.put_index(&mut out));
            self.output.write(&out)?;
        }
        self.write_fragment()?;
        Ok(self.output.flush()?)
    }
}
