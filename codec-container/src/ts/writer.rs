//! Writes transport streams: tracks of a program, in the order of decoding times.

use codec_audio::AudioCodec;
use codec_core::codec::Codec;
use codec_core::frame::Rational;

use super::audio::{Audio, Framing, Group};
use super::decode_order::{DecodeOrder, MAX_REORDER, Ordered};
use super::multiplexer::{Multiplexer, Unit};
use super::sections::Entry;
use super::timeline::{TICKS, Times};
use super::unsupported;
use crate::h264::{ByteStreamTimes, DelimitedUnits, reordered_frames};
use crate::interleave::Interleaver;
use crate::io::ByteWriter;
use crate::samples::scaled;
use crate::{
    AudioTrack, Error, Format, Output, PacketRef, PacketWriter, Result, Track, VideoTrack,
    WriteOptions,
};

const FIRST_PID: u16 = 0x100;
const MAX_AUDIO_TRACKS: usize = 32;
const VIDEO_ID: u8 = 0xE0;
const AUDIO_ID: u8 = 0xC0;
/// `private_stream_1`, which has Opus.
const PRIVATE_ID: u8 = 0xBD;

/// Writes transport streams.
#[derive(Debug)]
pub(crate) struct TsWriter {
    output: ByteWriter,
    tracks: Vec<State>,
    waiting: Interleaver<Meta>,
    multiplexer: Multiplexer,
    /// Whether frames do not wait for others.
    live: bool,
    has_units: bool,
    packets: Vec<u8>,
}

/// Times of a unit that waits.
#[derive(Clone, Copy, Debug)]
struct Meta {
    times: Times,
    key: bool,
}

/// A track.
#[derive(Debug)]
struct State {
    time_base: Rational,
    /// Number of packets.
    count: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Video(Box<Video>),
    Audio(Audio),
}

#[derive(Debug)]
struct Video {
    units: DelimitedUnits,
    times: ByteStreamTimes,
    order: DecodeOrder<(Vec<u8>, bool)>,
}

impl TsWriter {
    /// Checks the tracks.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for codecs and configurations that transport streams cannot
    /// hold, and for more than one video track.
    pub(crate) fn new(output: Output, tracks: &[Track], options: &WriteOptions) -> Result<Self> {
        let videos = tracks.iter().filter(|track| track.video().is_some()).count();
        let audios = tracks.len() - videos;
        if tracks.is_empty() || videos > 1 || audios > MAX_AUDIO_TRACKS {
            return Err(unsupported(format!(
                "a file of {videos} video and {audios} audio tracks (limits: 1 video track, \
                 {MAX_AUDIO_TRACKS} audio tracks)"
            )));
        }
        let output = ByteWriter::new(output)?;
        let live = options.live || !output.can_seek();
        let (mut states, mut streams, mut audio_id) = (Vec::new(), Vec::new(), AUDIO_ID);
        for (pid, track) in (FIRST_PID..).zip(tracks) {
            let base = track.time_base();
            if base.num == 0 || base.den == 0 {
                return Err(unsupported(format!("a time base of {base}")));
            }
            let (content, kind, stream_id) = match track {
                Track::Video(track) => {
                    (Content::Video(Box::new(Video::new(track)?)), 0x1B, VIDEO_ID)
                }
                Track::Audio(track) => {
                    let (framing, kind) = Framing::new(track)?;
                    let is_opus = matches!(framing, Framing::Opus(_));
                    let stream_id = if is_opus { PRIVATE_ID } else { audio_id };
                    audio_id += u8::from(!is_opus);
                    (Content::Audio(Audio::new(track, framing)), kind, stream_id)
                }
            };
            let audio = track.audio();
            let opus = audio.filter(|track| track.codec == AudioCodec::Opus);
            let opus_channels = opus.and_then(|track| u8::try_from(track.audio.channels()).ok());
            let language = audio.and_then(language_of);
            streams.push((Entry { pid, kind, opus_channels, language }, stream_id));
            states.push(State { time_base: base, count: 0, content });
        }
        Ok(Self {
            output,
            waiting: Interleaver::new(tracks.len(), live),
            multiplexer: Multiplexer::new(&streams),
            tracks: states,
            live,
            has_units: false,
            packets: Vec::new(),
        })
    }

    /// Queues the video that has its decoding times.
    fn order_video(&mut self, track: usize, all: bool) -> Result<()> {
        let Some(State { content: Content::Video(video), count, .. }) = self.tracks.get_mut(track)
        else {
            return Ok(());
        };
        while let Some(next) = video.order.pop(all) {
            let Ordered { frame: (data, key), shown, decoded } =
                next.map_err(|[last, found]| {
                    let expected = format!("a timestamp of at least {last} (ticks of 1/{TICKS} s)");
                    let (offset, found) = (self.output.position(), found.to_string());
                    Error::corrupt(Format::MpegTs, offset, Some(*count), expected, found)
                })?;
            let times = Times { shown, decoded };
            self.waiting.push(track, nanoseconds(decoded), &data, Meta { times, key });
        }
        Ok(())
    }

    /// Queues the audio frames of a group.
    fn end_group(&mut self, track: usize) {
        let Some(State { content: Content::Audio(audio), .. }) = self.tracks.get_mut(track) else {
            return;
        };
        let Group { data, start, end } = &mut audio.group;
        if !data.is_empty() {
            let times = Times { shown: *start, decoded: *start };
            self.waiting.push(track, nanoseconds(*start), data, Meta { times, key: true });
            data.clear();
            *end = None;
        }
    }

    fn write_waiting(&mut self, all: bool) -> Result<()> {
        self.packets.clear();
        while let Some(queued) = self.waiting.pop(all) {
            let Meta { times, key } = queued.meta;
            let unit = Unit { stream: queued.track, data: &queued.data, times, key };
            self.multiplexer.put(unit, &mut self.packets)?;
            self.output.write(&self.packets)?;
            self.packets.clear();
            self.has_units = true;
            self.waiting.recycle(queued);
        }
        Ok(self.output.flush_if_live()?)
    }
}

impl PacketWriter for TsWriter {
    fn write(&mut self, packet: PacketRef<'_>) -> Result<()> {
        let Some(state) = self.tracks.get_mut(packet.track) else {
            return Err(unsupported(format!("a packet of unknown track {}", packet.track)));
        };
        let base = state.time_base;
        let shown = ticks(packet.pts, base);
        match &mut state.content {
            Content::Video(video) => {
                video.add(packet, shown, base, self.live)?;
                self.order_video(packet.track, false)?;
            }
            Content::Audio(audio) => {
                // Rounded times of audio may go back.
                let shown = shown.max(audio.last.unwrap_or(shown));
                audio.last = Some(shown);
                if !audio.group.takes(shown, packet.data.len()) {
                    self.end_group(packet.track);
                }
                if let Some(State { content: Content::Audio(audio), count, .. }) =
                    self.tracks.get_mut(packet.track)
                {
                    audio.add(packet, shown, *count)?;
                }
                if self.live {
                    self.end_group(packet.track);
                }
            }
        }
        if let Some(state) = self.tracks.get_mut(packet.track) {
            state.count += 1;
        }
        self.write_waiting(false)
    }

    fn finish(&mut self) -> Result<()> {
        for track in 0..self.tracks.len() {
            self.order_video(track, true)?;
            self.end_group(track);
        }
        self.write_waiting(true)?;
        if !self.has_units {
            self.multiplexer.put_tables(&mut self.packets);
            self.output.write(&self.packets)?;
        }
        Ok(self.output.flush()?)
    }
}

impl Video {
    fn new(track: &VideoTrack) -> Result<Self> {
        if track.codec != Codec::H264 {
            return Err(unsupported(format!("codec {}", track.codec)));
        }
        Ok(Self {
            units: DelimitedUnits::new(track),
            times: ByteStreamTimes::new(track),
            order: DecodeOrder::new(MAX_REORDER),
        })
    }

    fn add(&mut self, packet: PacketRef<'_>, shown: i64, base: Rational, live: bool) -> Result<()> {
        self.times.check(packet.data)?;
        let decoded = packet.dts.map(|dts| ticks(dts, base));
        let data = self.units.convert(packet.data);
        // Live, frames do not wait longer than the stream requires.
        let depth = match decoded {
            _ if !live => None,
            Some(_) => Some(0),
            None if packet.key => reordered_frames(data),
            None => None,
        };
        if let Some(depth) = depth {
            self.order.set_depth(depth.min(MAX_REORDER));
        }
        self.order.push((data.to_vec(), packet.key), shown, decoded);
        Ok(())
    }
}

/// Returns the language of a track, if it is a code of three letters.
fn language_of(track: &AudioTrack) -> Option<[u8; 3]> {
    let code: [u8; 3] = track.language.as_deref()?.as_bytes().try_into().ok()?;
    code.iter().all(u8::is_ascii_lowercase).then_some(code)
}

/// Converts ticks of `base` to ticks of timestamps.
fn ticks(time: i64, base: Rational) -> i64 {
    scaled(time, u64::from(base.num) * u64::from(TICKS), base.den.into())
}

fn nanoseconds(ticks: i64) -> i64 {
    scaled(ticks, 1_000_000_000, TICKS.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::{Arc, Mutex};

    use codec_audio::opus_head::OpusHead;
    use codec_audio::{AudioFormat, ChannelLayout};
    use codec_core::frame::Size;

    use super::*;
    use crate::{CodedPacket, Source, create_packets, describe_h264, open_packets};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    const SETS: [u8; 18] =
        [0, 0, 0, 1, 0x67, 66, 0, 30, 0xf8, 0x58, 0x98, 0x80, 0, 0, 0, 1, 0x68, 1];
    /// A packet of 20 ms, and the delay of its track.
    const OPUS: [u8; 4] = [0x78, 1, 2, 3];
    const DELAY: u32 = 312;

    fn video(base: Rational) -> Track {
        Track::Video(describe_h264(Format::MpegTs, &SETS, base).unwrap())
    }

    fn opus(language: &str) -> Track {
        let audio = AudioFormat::new(48_000, ChannelLayout::Mono);
        let mut track = AudioTrack::new(Format::MpegTs, AudioCodec::Opus, audio);
        track.delay = DELAY;
        track.language = Some(language.to_owned());
        Track::Audio(track)
    }

    fn write(tracks: &[Track], packets: &[PacketRef<'_>]) -> Result<Vec<u8>> {
        let memory = Memory::default();
        let options = WriteOptions::default();
        let output = Output::stream(memory.clone());
        let mut writer = create_packets(output, Format::MpegTs, tracks, &options)?;
        for packet in packets {
            writer.write(*packet)?;
        }
        writer.finish()?;
        let bytes = memory.0.lock().unwrap().clone();
        assert_eq!(bytes.len() % 188, 0);
        Ok(bytes)
    }

    fn read(bytes: Vec<u8>) -> (Vec<Track>, Vec<CodedPacket>) {
        let source = Source::seekable(Cursor::new(bytes));
        let mut reader = open_packets(source, &crate::ReadOptions::default()).unwrap();
        let mut packets = Vec::new();
        let mut packet = CodedPacket::default();
        while reader.read(&mut packet).unwrap() {
            packets.push(packet.clone());
        }
        (reader.tracks().to_vec(), packets)
    }

    /// A frame of a type that does not occur in the sets, whose content is `fill`.
    fn frame(header: u8, bytes: usize, fill: u8) -> Vec<u8> {
        [&[0, 0, 0, 1, header, 0x9A][..], &vec![fill; bytes]].concat()
    }

    #[test]
    fn packets_have_the_same_times_when_they_are_read() {
        // Close to the end of the range of timestamps, in ticks of a millisecond.
        for start in [0, (1 << 33) / 90 - 1500] {
            let key = [&SETS[..], &frame(0x65, 100_000, 7)].concat();
            let (p, b) = (frame(0x41, 300, 5), frame(0x01, 20, 3));
            let mut packets = Vec::new();
            for group in 0..10 {
                let time = start + 120 * group;
                let times = [(0, -40, &key), (80, 0, &p), (40, 40, &b)];
                for (shown, decoded, data) in times {
                    let (pts, dts) = (time + shown, Some(time + decoded));
                    let key = data.len() > 1000;
                    packets.push(PacketRef { data, pts, dts, key, ..PacketRef::default() });
                }
            }
            let samples = start * 48 - i64::from(DELAY);
            let audio = (0..60_u32).map(|number| {
                let pts = samples + 960 * i64::from(number);
                let (trim_start, trim_end) =
                    (if number == 0 { DELAY } else { 0 }, if number == 59 { 100 } else { 0 });
                let audio = PacketRef { track: 1, pts, trim_start, trim_end, ..packets[0] };
                PacketRef { data: &OPUS, ..audio }
            });
            let audio: Vec<_> = audio.collect();
            let all: Vec<_> = packets.iter().chain(&audio).copied().collect();
            let tracks = [video(Rational::new(1, 1000)), opus("deu")];
            let (found_tracks, found) = read(write(&tracks, &all).unwrap());
            assert_eq!(found_tracks[1].audio().unwrap().language.as_deref(), Some("deu"));
            let videos: Vec<_> = found.iter().filter(|packet| packet.track == 0).collect();
            let audios: Vec<_> = found.iter().filter(|packet| packet.track == 1).collect();
            assert_eq!((videos.len(), audios.len()), (packets.len(), audio.len()));
            // Time 0 is the start of the codec delay: 312 samples are 585 ticks.
            for (found, wrote) in videos.iter().zip(&packets) {
                assert_eq!(found.pts, (wrote.pts - start) * 90 + 585);
                assert_eq!(found.dts, Some((wrote.dts.unwrap() - start) * 90 + 585));
                assert_eq!(found.key, wrote.key);
                assert!(found.data.ends_with(wrote.data));
                assert!(found.data.starts_with(&[0, 0, 0, 1, 9, 0xF0]));
            }
            for (found, wrote) in audios.iter().zip(&audio) {
                assert_eq!(found.pts, wrote.pts - samples);
                assert_eq!((found.trim_start, found.trim_end), (wrote.trim_start, wrote.trim_end));
                assert_eq!(found.data, OPUS);
            }
            // What is read can be written again, with the same result.
            let again: Vec<_> = found.iter().map(CodedPacket::as_ref).collect();
            let (_, twice) = read(write(&found_tracks, &again).unwrap());
            let key = |packet: &CodedPacket| (packet.track, packet.index);
            let sorted = |mut packets: Vec<CodedPacket>| {
                packets.iter_mut().for_each(|packet| packet.offset = 0);
                packets.sort_by_key(key);
                packets
            };
            assert!(sorted(twice) == sorted(found));
        }
    }

    #[test]
    fn video_without_decoding_times_gets_them() {
        let base = Rational::new(1, 25);
        let (key, p) = ([&SETS[..], &frame(0x65, 10, 7)].concat(), frame(0x41, 10, 5));
        let packet = |data, pts| PacketRef { data, pts, key: pts == 0, ..PacketRef::default() };
        let packets = [packet(&key[..], 0), packet(&p, 2), packet(&p, 1), packet(&p, 3)];
        // The parameter sets signal Baseline, so the frames do not wait on a pipe.
        let error = write(&[video(base)], &packets).unwrap_err();
        assert!(matches!(error, Error::Corrupt(_)), "{error}");
        let memory = Memory::default();
        let cursor = Cursor::new(Vec::new());
        let mut writer =
            TsWriter::new(Output::seekable(cursor), &[video(base)], &WriteOptions::default());
        let writer = writer.as_mut().unwrap();
        writer.output = ByteWriter::new(Output::stream(memory.clone())).unwrap();
        for packet in packets {
            writer.write(packet).unwrap();
        }
        writer.finish().unwrap();
        let (_, found) = read(memory.0.lock().unwrap().clone());
        let times: Vec<_> = found.iter().map(|packet| (packet.pts, packet.dts.unwrap())).collect();
        let expected = [(0, -3600), (7200, 0), (3600, 3600), (10_800, 7200)];
        assert_eq!(times, expected);
    }

    #[test]
    fn a_pause_of_minutes_is_kept() {
        let key = [&SETS[..], &frame(0x65, 10, 7)].concat();
        let packet = |pts| PacketRef { data: &key, pts, ..PacketRef::default() };
        let packets = [packet(0), packet(1), packet(1000)];
        let (_, found) = read(write(&[video(Rational::new(1, 1))], &packets).unwrap());
        let times: Vec<_> = found.iter().map(|packet| packet.pts / 90_000).collect();
        assert_eq!(times, [0, 1, 1000]);
    }

    #[test]
    fn tracks_that_cannot_be_described_are_named() {
        let refused = |tracks: &[Track], part: &str| {
            let error = write(tracks, &[]).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        let (base, size) = (Rational::new(1, 25), Size::new(16, 16));
        let vp8 = VideoTrack::new(Format::MpegTs, Codec::Vp8, size, base);
        refused(&[Track::Video(vp8)], "codec vp8");
        refused(&[video(base), video(base)], "2 video");
        refused(&[], "0 video");
        let audio = |codec, private: &[u8]| {
            let audio = AudioFormat::new(48_000, ChannelLayout::Stereo);
            let mut track = AudioTrack::new(Format::MpegTs, codec, audio);
            track.codec_private = private.to_vec();
            Track::Audio(track)
        };
        refused(&[audio(AudioCodec::Flac, &[])], "codec flac");
        refused(&[audio(AudioCodec::Aac, &[])], "configuration");
        let mut head = OpusHead::plain(2, 0, 48_000);
        head.gain_q8_db = 256;
        refused(&[audio(AudioCodec::Opus, &head.to_bytes())], "gain");
        (head.gain_q8_db, head.family, head.channels) = (0, 1, 3);
        head.mapping = vec![0, 1, 1];
        refused(&[audio(AudioCodec::Opus, &head.to_bytes())], "3 channels in an unusual order");
        // Tables alone.
        assert_eq!(write(&[audio(AudioCodec::Mp3, &[])], &[]).unwrap().len(), 2 * 188);
    }

    #[test]
    fn extreme_times_and_damaged_packets_are_errors() {
        let tracks = [video(Rational::new(u32::MAX, 1)), opus("eng")];
        let times = [i64::MIN, -1, 0, 1, i64::MAX];
        for first in times {
            for second in times {
                for (track, dts) in [(0, None), (0, Some(i64::MIN)), (0, Some(i64::MAX)), (1, None)]
                {
                    let data: &[u8] = if track == 0 { &SETS } else { &OPUS };
                    let packet = |pts| PacketRef { data, track, pts, dts, ..PacketRef::default() };
                    let _ = write(&tracks, &[packet(first), packet(second)]);
                }
            }
        }
        let damaged = PacketRef { data: &[], track: 1, ..PacketRef::default() };
        assert!(write(&tracks, &[damaged]).is_err());
        assert!(write(&tracks, &[PacketRef { track: 2, ..damaged }]).is_err());
        assert!(write(&tracks, &[PacketRef { track: 0, ..damaged }]).is_ok());
    }
}
