//! Video and audio together in Matroska and MP4.

use codec_audio::AudioCodec;
use codec_container::{CodedPacket, Format, Track, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};
use codec_tests::depth;
use codec_tests::external::{have, run};

use super::ogg::{opus_packets, opus_track};
use super::support::{
    Destination, TestPacket, data, probe, probe_quietly, read_tracks, samples_of, temp_file,
    write_tracks,
};

/// Ten frames per second, and Opus of 20 ms; the packets of one track after those of the other.
fn talk(format: Format) -> (Vec<Track>, Vec<CodedPacket>) {
    let mut video = VideoTrack::new(format, Codec::Vp8, Size::new(64, 48), Rational::new(1, 1000));
    video.frame_rate = Some(Rational::new(10, 1));
    let tracks = vec![Track::Video(video), opus_track(format, 312)];
    let mut packets = Vec::new();
    for index in 0..20 {
        let given = TestPacket::new(index % 10 == 0, index * 100, 40, 3);
        let mut packet = CodedPacket::default();
        packet.data = given.data;
        (packet.pts, packet.duration) = (given.pts, Some(100));
        (packet.key, packet.shown) = (given.key, true);
        packets.push(packet);
    }
    let mut sound = opus_packets(101, 312);
    let last = sound.last_mut().unwrap();
    (last.trim_end, last.duration) = (648, Some(312));
    sound.iter_mut().for_each(|packet| packet.track = 1);
    packets.extend(sound);
    (tracks, packets)
}

fn ms(packet: &CodedPacket) -> i64 {
    if packet.track == 0 { packet.pts } else { packet.pts / 48 }
}

pub fn sample(format: Format, count: usize) -> Vec<u8> {
    let (tracks, mut packets) = talk(format);
    packets.sort_by_key(ms);
    packets.truncate(count);
    write_tracks(Destination::File, format, &tracks, &packets)
}

type Facts = (Vec<u8>, i64, Option<u64>, u32, u32);

fn facts(packets: &[CodedPacket], track: usize) -> Vec<Facts> {
    let of_track = packets.iter().filter(|packet| packet.track == track);
    of_track.map(|p| (p.data.clone(), p.pts, p.duration, p.trim_start, p.trim_end)).collect()
}

fn forms() -> [(Format, Destination, &'static str); 4] {
    [
        (Format::WebM, Destination::File, ".webm"),
        (Format::WebM, Destination::Pipe, ".webm"),
        (Format::Matroska, Destination::File, ".mkv"),
        (Format::Mp4, Destination::File, ".mp4"),
    ]
}

#[test]
fn video_and_audio_are_returned_in_order_of_time_and_exact_to_the_sample() {
    for (format, to, _) in forms() {
        let (tracks, mut packets) = talk(format);
        if to == Destination::Pipe {
            // A live stream waits for half a second only.
            packets.sort_by_key(ms);
        }
        let written = write_tracks(to, format, &tracks, &packets);
        let (found, again, error) = read_tracks(&written);
        assert!(error.is_none(), "{format}: {error:?}");
        assert_eq!(found.len(), 2);
        let sound = found[1].audio().unwrap();
        assert_eq!((sound.codec, sound.delay), (AudioCodec::Opus, 312));
        let expected: Vec<_> = packets.iter().filter(|p| p.track == 0).map(|p| p.pts).collect();
        let times: Vec<_> = again.iter().filter(|p| p.track == 0).map(|p| p.pts).collect();
        assert_eq!(times, expected, "{format} {to:?}");
        let mut expected = facts(&packets, 1);
        expected[0].3 = 312;
        assert_eq!(facts(&again, 1), expected, "{format} {to:?}");
        assert_eq!(samples_of(&again, 1), 96_000);
        // In order of time, up to the delay of a codec.
        let sorted = again.windows(2).all(|pair| ms(&pair[1]) >= ms(&pair[0]) - 120);
        assert!(sorted, "{format} {to:?}");
    }
}

#[test]
fn ffprobe_sees_both_tracks_and_their_times() {
    if !have("ffprobe", "probing") {
        return;
    }
    for (format, to, suffix) in forms() {
        let (tracks, packets) = talk(format);
        let written = write_tracks(to, format, &tracks, &packets);
        let entries = "stream=codec_name,channels,sample_rate,start_time:format=duration";
        let lines = probe_quietly(suffix, &written, entries);
        let has = |line: &str| assert!(lines.iter().any(|l| l == line), "{format}: {lines:?}");
        has("codec_name=vp8");
        has("codec_name=opus");
        has("channels=2");
        has("sample_rate=48000");
        if to == Destination::File {
            has("duration=2.000000");
        }
        let entries = "packet=stream_index,pts_time";
        let times = probe_quietly(suffix, &written, entries);
        assert_eq!(times.iter().filter(|line| *line == "stream_index=0").count(), 20);
        assert_eq!(times.iter().filter(|line| *line == "stream_index=1").count(), 101);
    }
}

/// Two seconds of a tone that ffmpeg encodes with `codec`.
fn tone(codec: &str, rate: u32, muxer: &str, more: &[&str]) -> Vec<u8> {
    let file = tempfile::Builder::new().tempfile().unwrap();
    let path = file.path().to_string_lossy().into_owned();
    let tone = format!("sine=frequency=440:sample_rate={rate}:duration=2");
    let mut arguments = vec!["-v", "error", "-f", "lavfi", "-i", &tone, "-c:a", codec];
    arguments.extend_from_slice(more);
    arguments.extend_from_slice(&["-f", muxer, "-y", &path]);
    let _ = run("ffmpeg", &arguments);
    std::fs::read(file.path()).unwrap()
}

fn check_tone(bytes: &[u8], name: &str, codec: AudioCodec, rate: u32, exact: bool) {
    let (tracks, packets, error) = read_tracks(bytes);
    assert!(error.is_none(), "{name}: {error:?}");
    let track = tracks[0].audio().unwrap();
    assert_eq!((track.codec, track.audio.rate), (codec, rate), "{name}");
    // An MP4 entry of MP3 states two channels, and only the frames have the actual number.
    assert!(track.audio.channels() == 1 || codec == AudioCodec::Mp3, "{name}");
    let samples = samples_of(&packets, 0);
    let expected = u64::from(rate) * 2;
    if exact {
        assert_eq!(samples, expected, "{name}");
    } else {
        // The last frame is longer than the audio, and the file does not state it.
        assert!((expected..expected + 4000).contains(&samples), "{name}: {samples}");
    }
    // The first Vorbis packet outputs nothing.
    let mut next = packets[1].pts;
    for packet in &packets[1..] {
        assert_eq!(packet.pts, next, "{name}: packet {}", packet.index);
        next += (packet.duration.unwrap() + u64::from(packet.trim_end)) as i64;
    }
}

#[test]
fn every_codec_that_ffmpeg_writes_into_matroska_is_read_and_written_again() {
    use codec_audio::PcmEncoding::{F32Le, S16Be, S16Le, S24Le, U8};
    if depth::skips_long() {
        return;
    }
    if !have("ffmpeg", "writing Matroska") {
        return;
    }
    for (name, codec, rate, exact) in [
        ("libopus", AudioCodec::Opus, 48_000, true),
        ("libvorbis", AudioCodec::Vorbis, 44_100, false),
        ("aac", AudioCodec::Aac, 44_100, false),
        ("flac", AudioCodec::Flac, 44_100, true),
        ("alac", AudioCodec::Alac, 44_100, false),
        ("libmp3lame", AudioCodec::Mp3, 44_100, false),
        ("pcm_u8", AudioCodec::Pcm(U8), 8000, true),
        ("pcm_s16le", AudioCodec::Pcm(S16Le), 44_100, true),
        ("pcm_s16be", AudioCodec::Pcm(S16Be), 44_100, true),
        ("pcm_s24le", AudioCodec::Pcm(S24Le), 44_100, true),
        ("pcm_f32le", AudioCodec::Pcm(F32Le), 44_100, true),
        ("pcm_alaw", AudioCodec::Pcma, 8000, true),
        ("pcm_mulaw", AudioCodec::Pcmu, 8000, true),
    ] {
        let bytes = tone(name, rate, "matroska", &["-ar", &rate.to_string()]);
        check_tone(&bytes, name, codec, rate, exact);
        let (tracks, packets, _) = read_tracks(&bytes);
        let written = write_tracks(Destination::File, Format::Matroska, &tracks, &packets);
        let (_, again, error) = read_tracks(&written);
        assert!(error.is_none());
        assert_eq!(facts(&again, 0), facts(&packets, 0), "{name}");
        assert_eq!(digest(".mkv", &written), digest(".mkv", &bytes), "{name}");
    }
}

#[test]
fn every_codec_that_ffmpeg_writes_into_mp4_is_read_and_written_again() {
    if depth::skips_long() {
        return;
    }
    use codec_audio::PcmEncoding::{F32Le, S16Be, S16Le, S24Le, U8};
    if !have("ffmpeg", "writing MP4") {
        return;
    }
    let frag = ["-movflags", "frag_keyframe+empty_moov", "-frag_duration", "300000"];
    for (name, codec, rate, muxer, more) in [
        ("libopus", AudioCodec::Opus, 48_000, "mp4", &[][..]),
        ("aac", AudioCodec::Aac, 44_100, "mp4", &[]),
        ("aac", AudioCodec::Aac, 44_100, "mov", &[]),
        ("flac", AudioCodec::Flac, 44_100, "mp4", &["-strict", "-2"]),
        ("alac", AudioCodec::Alac, 44_100, "mp4", &[]),
        ("libmp3lame", AudioCodec::Mp3, 44_100, "mp4", &[]),
        ("pcm_u8", AudioCodec::Pcm(U8), 8000, "mov", &[]),
        ("pcm_s16le", AudioCodec::Pcm(S16Le), 44_100, "mov", &[]),
        ("pcm_s16be", AudioCodec::Pcm(S16Be), 44_100, "mov", &[]),
        ("pcm_s24le", AudioCodec::Pcm(S24Le), 44_100, "mov", &[]),
        ("pcm_f32le", AudioCodec::Pcm(F32Le), 44_100, "mov", &[]),
        ("pcm_alaw", AudioCodec::Pcma, 8000, "mov", &[]),
        ("pcm_mulaw", AudioCodec::Pcmu, 8000, "mov", &[]),
        ("aac", AudioCodec::Aac, 44_100, "mp4", &frag),
    ] {
        let bytes = tone(name, rate, muxer, &[&["-ar", &rate.to_string()], more].concat());
        // A fragmented file does not state where the audio begins and ends.
        check_tone(&bytes, name, codec, rate, more != frag && codec != AudioCodec::Mp3);
        let (tracks, packets, _) = read_tracks(&bytes);
        let written = write_tracks(Destination::File, Format::Mp4, &tracks, &packets);
        let (_, again, error) = read_tracks(&written);
        assert!(error.is_none());
        assert_eq!(facts(&again, 0), facts(&packets, 0), "{name} in {muxer}");
        // Programs before 2023 do not support the sample entries of ISO/IEC 23003-5.
        let is_new = matches!(codec, AudioCodec::Pcm(encoding) if encoding != U8);
        if more != frag && !is_new {
            assert_eq!(digest(".mp4", &written), digest(".mp4", &bytes), "{name} in {muxer}");
        }
    }
}

#[test]
fn mp4_of_other_programs_has_audio_of_ffprobes_duration() {
    for (name, rate, delay, samples) in [
        ("h264_aac.mp4", 48_000, 1024, 192_000),
        ("h264_aac_frag.mp4", 48_000, 0, 147_204),
        ("sample-in-issue-505.mov", 44_100, 0, 153_689),
    ] {
        let Some(bytes) = data(&format!("containers/{name}")) else { return };
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none(), "{name}: {error:?}");
        assert_eq!(tracks.len(), 2);
        let (number, track) = tracks
            .iter()
            .enumerate()
            .find_map(|(number, track)| Some((number, track.audio()?)))
            .unwrap();
        assert_eq!((track.codec, track.audio.rate, track.delay), (AudioCodec::Aac, rate, delay));
        assert!(track.codec_private.len() >= 2, "{name}");
        let found = samples_of(&packets, number);
        assert!(found.abs_diff(samples) <= 1024, "{name}: {found}");
    }
}

#[test]
fn a_late_start_of_the_audio_is_kept() {
    for (format, to, _) in forms() {
        let (tracks, mut packets) = talk(format);
        packets.iter_mut().filter(|p| p.track == 1).for_each(|p| p.pts += 4800);
        packets.sort_by_key(ms);
        let (_, again, _) = read_tracks(&write_tracks(to, format, &tracks, &packets));
        let first = again.iter().find(|packet| packet.track == 1).unwrap();
        assert_eq!((first.pts, first.trim_start), (4800 - 312, 312), "{format} {to:?}");
    }
}

/// MD5 of ffmpeg's decoded output.
fn digest(suffix: &str, bytes: &[u8]) -> Vec<u8> {
    let file = temp_file(suffix, bytes);
    let path = file.path().to_string_lossy().into_owned();
    run("ffmpeg", &["-v", "error", "-xerror", "-i", &path, "-map", "0:a", "-f", "md5", "-"])
}

#[test]
fn files_of_other_programs_match_ffprobe() {
    if !have("ffprobe", "probing") {
        return;
    }
    for name in [
        "containers/vp8_opus.webm",
        "containers/vp9_opus.webm",
        "containers/vp8_opus_mkvmerge.mkv",
        "opus/testvector01.mka",
        "opus/silk-lbrr.mka",
    ] {
        let Some(bytes) = data(name) else { return };
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none(), "{name}: {error:?}");
        let lines = probe(".mkv", &bytes, "stream=codec_name,sample_rate,channels");
        let names = lines.iter().filter_map(|line| line.strip_prefix("codec_name="));
        assert!(names.eq(tracks.iter().map(Track::codec_name)), "{name}: {lines:?}");
        for (number, track) in tracks.iter().enumerate() {
            let Some(track) = track.audio() else { continue };
            assert!(lines.contains(&format!("channels={}", track.audio.channels())), "{name}");
            let theirs = probe(".mkv", &bytes, "packet=stream_index,pts_time");
            let theirs =
                theirs.windows(2).filter(|pair| pair[0] == format!("stream_index={number}"));
            let theirs: Vec<f64> = theirs
                .map(|pair| pair[1].strip_prefix("pts_time=").unwrap().parse().unwrap())
                .collect();
            let ours: Vec<f64> = packets
                .iter()
                .filter(|p| p.track == number)
                .map(|p| p.pts as f64 * track.time_base.as_f64())
                .collect();
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!((ours - theirs).abs() < 0.0035, "{name}: {ours} {theirs}");
            }
        }
    }
}
