//! Writes MP4: the samples as they arrive, then the `moov` box (index).

use codec_core::codec::Codec;
use codec_core::frame::{ColorRange, FieldOrder, PictureInfo, Rational, Rotation, Size};

use super::boxes::{put, put_full, put_table, unsupported};
use super::decode_times::{DecodeTimes, SampleTime, compositions, durations};
use super::metadata::{creation, put_metadata};
use super::vp_configuration::{self, Load};
use super::{audio, hdr};
use crate::interleave::Interleaver;
use crate::io::ByteWriter;
use crate::samples::scaled;
use crate::time_order::TimeOrder;
use crate::vp9::KeyHeader;
use crate::{
    FileMetadata, Format, Output, PacketRef, PacketWriter, Result, Track, VideoTrack, WriteOptions,
    pcm,
};

/// The number 1 in 16.16 fixed point.
const ONE: i32 = 0x1_0000;
const LANGUAGE_UND: u16 = 0x55C4;
/// Maximum number of tracks.
const MAX_TRACKS: usize = 255;

/// Writes MP4: VP8, VP9, video codecs that require codec configuration (AV1, H.264), and audio. The
/// output must be able to seek.
#[derive(Debug)]
pub struct Mp4Writer {
    output: ByteWriter,
    tracks: Vec<State>,
    waiting: Interleaver<Meta>,
    /// Start of the sample box.
    samples_at: u64,
    /// Track of the last sample that was written.
    last_track: Option<usize>,
    metadata: FileMetadata,
}

/// Index data of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    pub(super) time: SampleTime,
    /// Duration in ticks of the track in the file.
    pub(super) duration: Option<u64>,
    pub(super) key: bool,
    pub(super) is_shown: bool,
}

/// Index data of a track.
#[derive(Debug)]
pub(super) struct State {
    pub(super) track: Track,
    /// Bytes of an uncompressed audio sample of all channels, which is one sample of the file.
    pub(super) frame_bytes: Option<usize>,
    sizes: Vec<u32>,
    /// Times of each packet.
    times: Vec<SampleTime>,
    /// Samples of the file so far.
    count: u32,
    sync: Vec<u32>,
    last_duration: Option<u64>,
    /// Time of the packet that is shown first.
    first: Option<i64>,
    /// Time and stated duration of the packet that is shown last.
    newest: Option<(i64, Option<u64>)>,
    order: TimeOrder,
    last_time: Option<i64>,
    /// Position, and number of samples so far, of each run of contiguous samples.
    chunks: Vec<(u64, u32)>,
    /// Header of the first key frame of VP9.
    vp9: Option<KeyHeader>,
}

impl Mp4Writer {
    /// Writes the header of the file.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Unsupported`] on a pipe, for tracks whose codec
    /// configuration is missing although the codec requires it, and for sizes above 65535.
    pub fn new(output: Output, tracks: &[Track], options: &WriteOptions) -> Result<Self> {
        let mut output = ByteWriter::new(output)?;
        if !output.can_seek() {
            return Err(unsupported("writing to a pipe"));
        }
        check_tracks(tracks)?;
        let mut out = Vec::new();
        put(&mut out, b"ftyp", |out| {
            out.extend_from_slice(b"isom\0\0\x02\0isomiso2mp41");
        });
        let samples_at = out.len() as u64;
        // A 64-bit length, which is patched at the end; until then it extends to the end of the
        // file.
        out.extend_from_slice(b"\0\0\0\0mdat\0\0\0\0\0\0\0\0");
        output.write(&out)?;
        Ok(Self {
            output,
            waiting: Interleaver::new(tracks.len(), false),
            tracks: tracks.iter().map(State::new).collect(),
            samples_at,
            last_track: None,
            metadata: options.metadata.clone(),
        })
    }

    fn write_waiting(&mut self, all: bool) -> Result<()> {
        while let Some(queued) = self.waiting.pop(all) {
            let at = self.output.position();
            let goes_on = self.last_track == Some(queued.track);
            self.tracks[queued.track].add(at, goes_on, queued.data.len(), queued.meta)?;
            self.output.write(&queued.data)?;
            self.last_track = Some(queued.track);
            self.waiting.recycle(queued);
        }
        Ok(())
    }

    fn index(&self) -> Vec<u8> {
        let header = Header::new(&self.tracks, &self.metadata);
        let timescale = header.timescale;
        let timings: Vec<_> = self.tracks.iter().map(State::timing).collect();
        let shown = self
            .tracks
            .iter()
            .zip(&timings)
            .map(|(state, timing)| in_ticks(timing.shown(), state.timescale(), timescale));
        let shown = shown.max().unwrap_or(0);
        let mut out = Vec::new();
        put(&mut out, b"moov", |out| {
            header.put(out, shown);
            for (number, (state, timing)) in (1..).zip(self.tracks.iter().zip(&timings)) {
                put(out, b"trak", |out| {
                    let scale = |ticks| in_ticks(ticks, state.timescale(), timescale);
                    state.put_track_header(out, number, scale(timing.shown()));
                    if timing.needs_edits() {
                        put(out, b"edts", |out| put_edits(out, timing, scale));
                    }
                    put(out, b"mdia", |out| state.put_media(out, timing));
                });
            }
            put_metadata(out, &self.metadata);
        });
        out
    }
}

/// The movie header.
pub(super) struct Header {
    timescale: u32,
    tracks: usize,
    /// Time of creation in seconds since 1904; 0 if unknown.
    creation: u64,
}

impl Header {
    pub(super) fn new(tracks: &[State], metadata: &FileMetadata) -> Self {
        let timescale = tracks.iter().map(State::timescale).max().unwrap_or(1000);
        Self { timescale, tracks: tracks.len(), creation: creation(metadata) }
    }

    /// Appends the movie header. `shown` is the duration of the movie in its ticks.
    pub(super) fn put(&self, out: &mut Vec<u8>, shown: u64) {
        put_full(out, b"mvhd", 1, 0, |out| {
            // The time of modification is the same.
            out.extend_from_slice(&self.creation.to_be_bytes());
            out.extend_from_slice(&self.creation.to_be_bytes());
            out.extend_from_slice(&self.timescale.to_be_bytes());
            out.extend_from_slice(&shown.to_be_bytes());
            out.extend_from_slice(&ONE.to_be_bytes());
            out.extend_from_slice(&0x0100_u16.to_be_bytes());
            out.extend_from_slice(&[0; 10]);
            put_matrix(out, Rotation::None);
            out.extend_from_slice(&[0; 24]);
            let next = u32::try_from(self.tracks + 1).unwrap_or(u32::MAX);
            out.extend_from_slice(&next.to_be_bytes());
        });
    }
}

/// Returns the ticks that are added to the times of each track so that no time is below 0. `starts`
/// are the decoding times of the first samples. For audio, the codec delay is included.
pub(super) fn shifts(tracks: &[State], starts: &[i64]) -> Vec<i64> {
    let shift = |(state, &start): (&State, &i64)| {
        let delay = state.track.audio().map_or(0, |track| i64::from(track.delay));
        delay.max(start.saturating_neg())
    };
    tracks.iter().zip(starts).map(shift).collect()
}

/// Checks that MP4 can hold the tracks.
pub(super) fn check_tracks(tracks: &[Track]) -> Result<()> {
    if tracks.is_empty() || tracks.len() > MAX_TRACKS {
        return Err(unsupported(format!("a file of {} tracks", tracks.len())));
    }
    for track in tracks {
        let base = track.time_base();
        if base.num == 0 || base.den == 0 {
            return Err(unsupported(format!("a time base of {base}")));
        }
        match track {
            Track::Video(track) => check_video(track)?,
            Track::Audio(track) => audio::check(track)?,
        }
    }
    Ok(())
}

/// When a track is shown, in its ticks.
#[derive(Debug, Default)]
struct Timing {
    /// Duration of each packet.
    durations: Vec<u32>,
    /// Presentation time of each packet minus its decoding time.
    compositions: Vec<i32>,
    total: u64,
    /// Nothing is shown before this time.
    empty: u64,
    /// Media time at which playback begins.
    media_start: u64,
    /// Media time at which playback ends.
    media_end: u64,
}

impl Timing {
    fn shown(&self) -> u64 {
        self.empty + self.played()
    }

    fn played(&self) -> u64 {
        self.media_end.saturating_sub(self.media_start)
    }

    fn needs_edits(&self) -> bool {
        self.empty > 0 || self.media_start > 0
    }
}

/// Converts ticks of `from` per second to ticks of `to` per second.
fn in_ticks(ticks: u64, from: u32, to: u32) -> u64 {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    u64::try_from(scaled(ticks, to.into(), from.into())).unwrap_or(0)
}

fn check_video(track: &VideoTrack) -> Result<()> {
    if matches!(track.codec, Codec::H264 | Codec::Av1) && track.codec_private.is_empty() {
        return Err(unsupported(format!("codec {} without codec configuration", track.codec)));
    }
    let Size { width, height } = track.size;
    if width.max(height) > u16::MAX.into() {
        return Err(unsupported(format!("a frame size of {} (above 65535)", track.size)));
    }
    Ok(())
}

impl State {
    pub(super) fn new(track: &Track) -> Self {
        Self {
            frame_bytes: track.audio().and_then(pcm::frame_bytes),
            track: track.clone(),
            sizes: Vec::new(),
            times: Vec::new(),
            count: 0,
            sync: Vec::new(),
            last_duration: None,
            first: None,
            newest: None,
            order: TimeOrder::default(),
            last_time: None,
            chunks: Vec::new(),
            vp9: None,
        }
    }

    /// Ticks per second in the file: equal to the stream's, or a multiple of them; for
    /// audio, samples.
    fn timescale(&self) -> u32 {
        match &self.track {
            Track::Video(track) => track.time_base.den,
            Track::Audio(track) => track.audio.rate,
        }
    }

    fn ticks(&self, stream_ticks: i64) -> i64 {
        let base = self.track.time_base();
        match &self.track {
            Track::Video(_) => stream_ticks.saturating_mul(base.num.into()),
            Track::Audio(track) => {
                let num = u64::from(base.num) * u64::from(track.audio.rate);
                scaled(stream_ticks, num, base.den.into())
            }
        }
    }

    /// Checks a packet that will be written at about `offset`; returns its index data, its time in
    /// nanoseconds and its payload.
    pub(super) fn accept<'a>(
        tracks: &mut [Self],
        mut packet: PacketRef<'a>,
        offset: u64,
    ) -> Result<(Meta, i64, &'a [u8])> {
        let Some(state) = tracks.get_mut(packet.track) else {
            return Err(unsupported(format!("a packet of unknown track {}", packet.track)));
        };
        if let Some(frame_bytes) = state.frame_bytes {
            packet.data = pcm::without_trim(&packet, frame_bytes);
        }
        let is_vp9 = state.track.video().is_some_and(|track| track.codec == Codec::Vp9);
        if is_vp9 && state.vp9.is_none() {
            state.vp9 = KeyHeader::parse(packet.data);
        }
        let mut time = state.ticks(packet.pts);
        if state.track.video().is_some_and(|track| track.codec != Codec::H264) {
            let index = u64::from(state.count);
            state.order.check(Format::Mp4, offset, index, packet.pts)?;
        } else if state.track.audio().is_some() {
            time = time.max(state.last_time.unwrap_or(time));
        }
        state.last_time = Some(time);
        let duration = packet.duration.map(|ticks| {
            let end = packet.pts.saturating_add_unsigned(ticks);
            u64::try_from(state.ticks(end).saturating_sub(state.ticks(packet.pts))).unwrap_or(0)
        });
        let time_ns = scaled(time, 1_000_000_000, state.timescale().into());
        let decoded = packet.dts.map(|dts| state.ticks(dts));
        let time = SampleTime { shown: time, decoded };
        let meta = Meta { time, duration, key: packet.key, is_shown: packet.shown };
        Ok((meta, time_ns, packet.data))
    }

    /// Writes the boxes of a track without samples, whose media time `start` is shown first.
    pub(super) fn put_fragmented_track(&self, out: &mut Vec<u8>, number: u32, start: i64) {
        self.put_track_header(out, number, 0);
        if start > 0 {
            // The duration 0 extends to the end of all fragments.
            let media_start = u64::try_from(start).unwrap_or(0);
            let timing = Timing { media_start, ..Timing::default() };
            put(out, b"edts", |out| put_edits(out, &timing, |_| 0));
        }
        put(out, b"mdia", |out| self.put_media(out, &Timing::default()));
    }

    /// Records a packet that is written at `at`. With `goes_on`, it directly follows the last
    /// packet of the track.
    fn add(&mut self, at: u64, goes_on: bool, bytes: usize, meta: Meta) -> Result<()> {
        let size = u32::try_from(bytes).map_err(|_| unsupported("a packet of 4 GiB or more"))?;
        let samples = self.frame_bytes.map_or(1, |frame_bytes| bytes / frame_bytes);
        let count = u32::try_from(samples).ok().and_then(|samples| self.count.checked_add(samples));
        self.count =
            count.ok_or_else(|| unsupported("a track with more than 4294967295 samples"))?;
        if self.frame_bytes.is_none() {
            self.sizes.push(size);
        }
        self.times.push(meta.time);
        self.last_duration = meta.duration;
        let shown = meta.time.shown;
        if meta.is_shown {
            self.first = Some(self.first.map_or(shown, |first| first.min(shown)));
        }
        if meta.is_shown && self.newest.is_none_or(|(newest, _)| newest <= shown) {
            self.newest = Some((shown, meta.duration));
        }
        if meta.key && self.track.video().is_some() {
            self.sync.push(self.count);
        }
        match self.chunks.last_mut().filter(|_| goes_on) {
            Some(chunk) => chunk.1 = self.count,
            None => self.chunks.push((at, self.count)),
        }
        Ok(())
    }

    fn timing(&self) -> Timing {
        let times = DecodeTimes::default().assign(&self.times);
        let durations = durations(&times, self.last_duration);
        let (Some(&decoded), Some(last)) = (times.first(), self.times.last()) else {
            return Timing::default();
        };
        // Hidden frames are outside of the edit.
        let (newest, length) = self.newest.unwrap_or((last.shown, self.last_duration));
        let earliest = self.times.iter().map(|time| time.shown).min().unwrap_or(0);
        let shown = self.first.unwrap_or(earliest);
        let usual = durations.last().copied().unwrap_or(0);
        let end = newest.saturating_add_unsigned(length.unwrap_or(usual.into()));
        // Video starts at its first presentation time, after the first decoding time. Audio starts
        // after the codec delay, which is not played.
        let (begins, unplayed) = match &self.track {
            Track::Video(_) => (shown, shown.saturating_sub(decoded)),
            Track::Audio(track) => (shown.saturating_add(track.delay.into()), track.delay.into()),
        };
        let media_time = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
        Timing {
            total: durations.iter().map(|&ticks| u64::from(ticks)).sum(),
            compositions: compositions(&self.times, &times),
            durations,
            empty: media_time(begins),
            media_start: media_time(unplayed.saturating_sub(begins.min(0))),
            media_end: media_time(end.saturating_sub(decoded)),
        }
    }

    fn put_track_header(&self, out: &mut Vec<u8>, number: u32, shown: u64) {
        // Flags: track enabled, track used in the movie. Players choose among the enabled tracks.
        let is_off = self.track.audio().is_some_and(|track| track.is_default == Some(false));
        put_full(out, b"tkhd", 1, if is_off { 2 } else { 3 }, |out| {
            out.extend_from_slice(&[0; 16]);
            out.extend_from_slice(&number.to_be_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&shown.to_be_bytes());
            out.extend_from_slice(&[0; 12]);
            let Track::Video(track) = &self.track else {
                // Full volume.
                out.extend_from_slice(&[1, 0, 0, 0]);
                put_matrix(out, Rotation::None);
                out.extend_from_slice(&[0; 8]);
                return;
            };
            out.extend_from_slice(&[0; 4]);
            let Size { width, height } = track.size;
            let aspect = track.info.pixel_aspect.unwrap_or(Rational::new(1, 1));
            put_matrix(out, track.info.rotation);
            let shown =
                (u64::from(width) << 16) * u64::from(aspect.num) / u64::from(aspect.den.max(1));
            out.extend_from_slice(&u32::try_from(shown).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(&(height << 16).to_be_bytes());
        });
    }

    fn put_media(&self, out: &mut Vec<u8>, timing: &Timing) {
        let (kind, name, language) = match &self.track {
            Track::Video(track) => (b"vide", track.name.as_deref().unwrap_or("video"), None),
            Track::Audio(track) => {
                (b"soun", track.name.as_deref().unwrap_or("sound"), track.language.as_deref())
            }
        };
        put_full(out, b"mdhd", 1, 0, |out| {
            out.extend_from_slice(&[0; 16]);
            out.extend_from_slice(&self.timescale().to_be_bytes());
            out.extend_from_slice(&timing.total.to_be_bytes());
            let language = language.and_then(packed_language).unwrap_or(LANGUAGE_UND);
            out.extend_from_slice(&language.to_be_bytes());
            out.extend_from_slice(&[0; 2]);
        });
        put_full(out, b"hdlr", 0, 0, |out| {
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(kind);
            out.extend_from_slice(&[0; 12]);
            out.extend(name.bytes().filter(|&byte| byte != 0));
            out.push(0);
        });
        put(out, b"minf", |out| {
            match &self.track {
                Track::Video(_) => put_full(out, b"vmhd", 0, 1, |out| {
                    out.extend_from_slice(&[0; 8]);
                }),
                Track::Audio(_) => put_full(out, b"smhd", 0, 0, |out| {
                    out.extend_from_slice(&[0; 4]);
                }),
            }
            put(out, b"dinf", |out| {
                put_full(out, b"dref", 0, 0, |out| {
                    out.extend_from_slice(&1_u32.to_be_bytes());
                    // The data is in the same file.
                    put_full(out, b"url ", 0, 1, |_| {});
                });
            });
            put(out, b"stbl", |out| {
                put_full(out, b"stsd", 0, 0, |out| {
                    out.extend_from_slice(&1_u32.to_be_bytes());
                    match &self.track {
                        Track::Video(track) => self.put_sample_entry(out, track, timing),
                        Track::Audio(track) => audio::put_entry(out, track),
                    }
                });
                self.put_tables(out, timing);
            });
        });
    }

    fn put_sample_entry(&self, out: &mut Vec<u8>, stream: &VideoTrack, timing: &Timing) {
        let kind = match stream.codec {
            Codec::Vp8 => b"vp08",
            Codec::Vp9 => b"vp09",
            Codec::Av1 => b"av01",
            _ => b"avc1",
        };
        put(out, kind, |out| {
            out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
            out.extend_from_slice(&[0; 16]);
            for side in [stream.size.width, stream.size.height] {
                out.extend_from_slice(&u16::try_from(side).unwrap_or(u16::MAX).to_be_bytes());
            }
            // 72 dots per inch, one frame per sample, no name, 24 bits deep.
            out.extend_from_slice(&0x0048_0000_u32.to_be_bytes());
            out.extend_from_slice(&0x0048_0000_u32.to_be_bytes());
            out.extend_from_slice(&[0, 0, 0, 0, 0, 1]);
            out.extend_from_slice(&[0; 32]);
            out.extend_from_slice(&[0, 24, 0xFF, 0xFF]);
            match stream.codec {
                Codec::Vp8 | Codec::Vp9 => {
                    let load = (stream.codec == Codec::Vp9).then(|| self.load(stream, timing));
                    vp_configuration::put(out, self.vp9, load, stream.info.color);
                }
                Codec::Av1 => put(out, b"av1C", |out| out.extend_from_slice(&stream.codec_private)),
                _ => put(out, b"avcC", |out| out.extend_from_slice(&stream.codec_private)),
            }
            put_video_boxes(out, stream.info);
            let is_vp = matches!(stream.codec, Codec::Vp8 | Codec::Vp9);
            hdr::put_boxes(out, stream.info.hdr, is_vp);
        });
    }

    /// Properties that determine the level. Nothing is known of the samples of a fragmented file.
    fn load(&self, stream: &VideoTrack, timing: &Timing) -> Load {
        let bits = self.sizes.iter().map(|&size| 8 * u64::from(size)).sum::<u64>();
        let seconds = |count: u64| u128::from(count) * u128::from(self.timescale());
        let per_second = |count: u64| seconds(count).checked_div(timing.total.into());
        let measured = per_second(self.sizes.len() as u64).and_then(|rate| rate.try_into().ok());
        let measured = measured.filter(|&rate: &u32| rate > 0).map(|rate| Rational::new(rate, 1));
        Load {
            size: stream.size,
            frame_rate: stream.frame_rate.or(measured).unwrap_or(Rational::new(30, 1)),
            bitrate: per_second(bits).map_or(0, |bits| bits.try_into().unwrap_or(u64::MAX)),
        }
    }

    fn put_tables(&self, out: &mut Vec<u8>, timing: &Timing) {
        let steps = match self.frame_bytes {
            Some(_) if self.count > 0 => vec![(self.count, 1)],
            Some(_) => Vec::new(),
            None => run_lengths(&timing.durations),
        };
        put_table(out, b"stts", steps.iter(), |out, (count, ticks)| {
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&ticks.to_be_bytes());
        });
        if timing.compositions.iter().any(|&offset| offset != 0) {
            let offsets = run_lengths(&timing.compositions);
            // Version 0 has no negative offsets, but more players read it.
            let version = u8::from(timing.compositions.iter().any(|&offset| offset < 0));
            put_full(out, b"ctts", version, 0, |out| {
                out.extend_from_slice(
                    &u32::try_from(offsets.len()).unwrap_or(u32::MAX).to_be_bytes(),
                );
                for (count, offset) in offsets {
                    out.extend_from_slice(&count.to_be_bytes());
                    out.extend_from_slice(&offset.to_be_bytes());
                }
            });
        }
        if self.track.video().is_some() && self.sync.len() < self.sizes.len() {
            put_table(out, b"stss", self.sync.iter(), |out, number| {
                out.extend_from_slice(&number.to_be_bytes());
            });
        }
        // The first chunk of each run of chunks with the same number of samples.
        let before = [0].into_iter().chain(self.chunks.iter().map(|chunk| chunk.1));
        let held = self.chunks.iter().zip(before).map(|(chunk, before)| chunk.1 - before);
        let mut runs: Vec<[u32; 3]> = Vec::new();
        for (number, samples) in (1..).zip(held) {
            if runs.last().is_none_or(|run| run[1] != samples) {
                runs.push([number, samples, 1]);
            }
        }
        put_table(out, b"stsc", runs.iter(), |out, row| {
            for number in row {
                out.extend_from_slice(&number.to_be_bytes());
            }
        });
        put_full(out, b"stsz", 0, 0, |out| {
            let equal = self.frame_bytes.map_or(0, |bytes| u32::try_from(bytes).unwrap_or(0));
            out.extend_from_slice(&equal.to_be_bytes());
            out.extend_from_slice(&self.count.to_be_bytes());
            for size in &self.sizes {
                out.extend_from_slice(&size.to_be_bytes());
            }
        });
        put_table(out, b"co64", self.chunks.iter(), |out, (at, _)| {
            out.extend_from_slice(&at.to_be_bytes());
        });
    }
}

/// Packs a language code of three lower-case letters into five bits per letter.
fn packed_language(name: &str) -> Option<u16> {
    let letters: [u8; 3] = name.as_bytes().try_into().ok()?;
    let small = letters.iter().all(u8::is_ascii_lowercase);
    let pack = |packed: u16, &letter: &u8| packed << 5 | u16::from(letter - 0x60);
    small.then(|| letters.iter().fold(0, pack))
}

impl PacketWriter for Mp4Writer {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let offset = self.output.position();
        let (meta, time_ns, data) = State::accept(&mut self.tracks, packet, offset)?;
        self.waiting.push(packet.track, time_ns, data, meta);
        self.write_waiting(false)
    }

    fn finish(&mut self) -> Result<()> {
        self.write_waiting(true)?;
        let end = self.output.position();
        self.output.write(&self.index())?;
        let size = end - self.samples_at;
        self.output.patch(self.samples_at, &1_u32.to_be_bytes())?;
        self.output.patch(self.samples_at + 8, &size.to_be_bytes())?;
        Ok(self.output.flush()?)
    }
}

/// Returns the runs of equal values, as (count, value).
fn run_lengths<T: Copy + PartialEq>(values: &[T]) -> Vec<(u32, T)> {
    let mut runs: Vec<(u32, T)> = Vec::new();
    for &value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}

/// Appends an edit list: an empty edit for a delayed start, and an edit that plays the media from
/// some time on. `scale` converts to ticks of the movie.
fn put_edits(out: &mut Vec<u8>, timing: &Timing, scale: impl Fn(u64) -> u64) {
    let media_start = i64::try_from(timing.media_start).unwrap_or(i64::MAX);
    let empty = (scale(timing.empty), -1_i64);
    let playing = (scale(timing.played()), media_start);
    let edits = [empty, playing];
    let edits = if timing.empty > 0 { &edits[..] } else { &edits[1..] };
    put_full(out, b"elst", 1, 0, |out| {
        out.extend_from_slice(&[0, 0, 0, if timing.empty > 0 { 2 } else { 1 }]);
        for (duration, media_time) in edits {
            out.extend_from_slice(&duration.to_be_bytes());
            out.extend_from_slice(&media_time.to_be_bytes());
            out.extend_from_slice(&ONE.to_be_bytes());
        }
    });
}

fn put_matrix(out: &mut Vec<u8>, rotation: Rotation) {
    let [a, b, c, d] = match rotation {
        Rotation::None => [ONE, 0, 0, ONE],
        Rotation::Clockwise90 => [0, ONE, -ONE, 0],
        Rotation::Clockwise180 => [-ONE, 0, 0, -ONE],
        Rotation::Clockwise270 => [0, -ONE, ONE, 0],
    };
    // The last column is in 2.30 fixed point.
    for value in [a, b, 0, c, d, 0, 0, 0, 0x4000_0000] {
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn put_video_boxes(out: &mut Vec<u8>, info: PictureInfo) {
    let color = info.color;
    let codes = [color.primaries.0, color.transfer.0, color.matrix.0];
    if codes != [2; 3] || color.range != ColorRange::Unspecified {
        put(out, b"colr", |out| {
            out.extend_from_slice(b"nclx");
            for code in codes {
                out.extend_from_slice(&u16::from(code).to_be_bytes());
            }
            out.push(if color.range == ColorRange::Full { 0x80 } else { 0 });
        });
    }
    if let Some(aspect) = info.pixel_aspect {
        put(out, b"pasp", |out| {
            out.extend_from_slice(&aspect.num.to_be_bytes());
            out.extend_from_slice(&aspect.den.to_be_bytes());
        });
    }
    // Two fields per sample whose lines alternate, by the field that is shown first.
    match info.field_order {
        FieldOrder::Progressive => {}
        FieldOrder::TopFirst => put(out, b"fiel", |out| out.extend_from_slice(&[2, 9])),
        FieldOrder::BottomFirst => put(out, b"fiel", |out| out.extend_from_slice(&[2, 14])),
    }
}
