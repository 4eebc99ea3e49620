//! Ogg with Opus, Vorbis and FLAC.

use std::io::Cursor;

use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{CodedPacket, Format, ReadOptions, Source, Track};
use codec_tests::external::{have, run};

use super::support::{
    Destination, data, probe, read_tracks, read_tracks_with, samples_of, temp_file, write_tracks,
};

/// Packets of 20 ms in CELT, stereo, from the first decoded sample on.
pub fn opus_packets(count: usize, delay: u32) -> Vec<CodedPacket> {
    let packet = |index: usize| {
        let mut packet = CodedPacket::default();
        packet.data = vec![0xFC; 20 + index % 50];
        packet.pts = index as i64 * 960 - i64::from(delay);
        packet.duration = Some(960);
        packet
    };
    (0..count).map(packet).collect()
}

pub fn opus_track(format: Format, delay: u32) -> Track {
    let audio = AudioFormat::new(48_000, ChannelLayout::Stereo);
    let mut track = codec_container::AudioTrack::new(format, AudioCodec::Opus, audio);
    track.delay = delay;
    track.tags = vec![("TITLE".into(), "a tone".into())];
    Track::Audio(track)
}

pub fn sample(count: usize) -> Vec<u8> {
    let mut packets = opus_packets(count, 312);
    let last = packets.last_mut().unwrap();
    (last.trim_end, last.duration) = (100, Some(860));
    write_tracks(Destination::File, Format::Ogg, &[opus_track(Format::Ogg, 312)], &packets)
}

fn lenient() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.allow_backward_times = true;
    options
}

#[test]
fn opus_survives_with_its_delay_its_end_and_its_tags() {
    let bytes = sample(120);
    let (tracks, packets, error) = read_tracks(&bytes);
    assert!(error.is_none());
    let track = tracks[0].audio().unwrap();
    assert_eq!((track.codec, track.delay, track.audio.channels()), (AudioCodec::Opus, 312, 2));
    assert_eq!(track.tags, [("TITLE".to_owned(), "a tone".to_owned())]);
    assert_eq!(packets.len(), 120);
    assert_eq!((packets[0].pts, packets[0].trim_start), (-312, 312));
    assert_eq!((packets[1].pts, packets[1].trim_start), (648, 0));
    let last = packets.last().unwrap();
    assert_eq!((last.trim_end, last.duration), (100, Some(860)));
    assert_eq!(samples_of(&packets, 0), 120 * 960 - 312 - 100);
    // Writing it again gives the same bytes.
    let again = write_tracks(Destination::File, Format::Ogg, &tracks, &packets);
    assert_eq!(again, bytes);
    let piped = write_tracks(Destination::Pipe, Format::Ogg, &tracks, &packets);
    let (_, from_pipe, _) = read_tracks(&piped);
    let facts = |packets: &[CodedPacket]| -> Vec<_> {
        packets.iter().map(|p| (p.data.clone(), p.pts, p.trim_start, p.trim_end)).collect()
    };
    assert_eq!(facts(&from_pipe), facts(&packets));
}

#[test]
fn files_of_other_programs_have_ffprobes_duration() {
    if !have("ffprobe", "probing") {
        return;
    }
    for name in ["jfk_opusenc.opus", "intro-partial.ogg"] {
        let Some(bytes) = data(&format!("containers/{name}")) else { return };
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none(), "{name}: {error:?}");
        let samples = samples_of(&packets, 0);
        let lines = probe(".opus", &bytes, "stream=codec_name,sample_rate,channels,duration");
        let track = tracks[0].audio().unwrap();
        let has = |line: String| assert!(lines.contains(&line), "{name}: {line} in {lines:?}");
        has(format!("codec_name={}", track.codec.name()));
        has(format!("sample_rate={}", track.audio.rate));
        has(format!("channels={}", track.audio.channels()));
        // It counts the pre-skip.
        has(format!("duration={:.6}", (samples + u64::from(track.delay)) as f64 / 48e3));
        // Other programs decode the same audio from the written file.
        let written = write_tracks(Destination::File, Format::Ogg, &tracks, &packets);
        assert_eq!(pcm_digest(&written), pcm_digest(&bytes), "{name}");
    }
}

fn pcm_digest(bytes: &[u8]) -> Vec<u8> {
    let file = temp_file(".opus", bytes);
    let path = file.path().to_string_lossy().into_owned();
    run("ffmpeg", &["-v", "error", "-xerror", "-i", &path, "-f", "md5", "-"])
}

#[test]
fn vorbis_and_flac_of_ffmpeg_are_read_with_sample_accurate_times() {
    if !have("ffmpeg", "writing Ogg") {
        return;
    }
    for (codec, name) in [("libvorbis", AudioCodec::Vorbis), ("flac", AudioCodec::Flac)] {
        let tone = "sine=frequency=440:sample_rate=44100:duration=1.7";
        let bytes = run(
            "ffmpeg",
            &["-v", "error", "-f", "lavfi", "-i", tone, "-c:a", codec, "-f", "ogg", "-"],
        );
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none(), "{codec}: {error:?}");
        let track = tracks[0].audio().unwrap();
        assert_eq!((track.codec, track.audio.rate), (name, 44_100));
        assert!(!track.codec_private.is_empty());
        assert_eq!(samples_of(&packets, 0), 74_970, "{codec}");
        let mut next = packets[0].pts;
        for packet in &packets {
            assert_eq!(packet.pts, next, "{codec}");
            next += (packet.duration.unwrap() + u64::from(packet.trim_end)) as i64;
        }
    }
}

#[test]
fn streams_of_other_codecs_are_skipped() {
    if !have("ffmpeg", "writing Ogg") {
        return;
    }
    let arguments = "-v error -f lavfi -i testsrc=s=64x48:r=10:d=1 -f lavfi -i sine=d=1 -c:v \
                     libtheora -c:a libopus -f ogg -";
    let bytes = run("ffmpeg", &arguments.split_whitespace().collect::<Vec<_>>());
    let (tracks, packets, error) = read_tracks(&bytes);
    assert!(error.is_none(), "{error:?}");
    assert_eq!((tracks.len(), tracks[0].warnings().len()), (1, 1));
    assert_eq!(samples_of(&packets, 0), 48_000);
}

#[test]
fn links_of_a_chain_follow_one_another() {
    let (_, one, _) = read_tracks(&sample(120));
    let chained = [sample(120), sample(120), sample(120)].concat();
    let (_, packets, error) = read_tracks(&chained);
    assert!(error.is_none(), "{error:?}");
    let samples = samples_of(&one, 0);
    assert_eq!((packets.len(), samples_of(&packets, 0)), (360, 3 * samples));
    for (link, packets) in packets.chunks(120).enumerate() {
        assert_eq!(packets[0].pts, (link as u64 * samples) as i64 - 312);
        assert_eq!((packets[0].trim_start, packets[0].after_gap), (312, link > 0));
        assert_eq!(packets[119].trim_end, 100);
    }
    let unlike = [sample(120), mono_surround()].concat();
    let (_, packets, error) = read_tracks(&unlike);
    assert_eq!(packets.len(), 120);
    assert!(error.unwrap().to_string().contains("chained"));
}

/// A stream with a channel mapping that a stereo decoder cannot undo.
fn mono_surround() -> Vec<u8> {
    let Track::Audio(mut track) = opus_track(Format::Ogg, 0) else { unreachable!() };
    track.codec_private = b"OpusHead\x01\x03\0\0\x80\xBB\0\0\0\0\x01\x02\x01\0\x02\x01".to_vec();
    write_tracks(Destination::File, Format::Ogg, &[Track::Audio(track)], &opus_packets(3, 0))
}

/// Page positions.
fn pages(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 3).filter(|&at| &bytes[at..at + 4] == b"OggS").collect()
}

#[test]
fn a_lost_page_ends_a_strict_reading_and_leaves_a_gap_in_a_lenient_one() {
    let (whole, pages) = (sample(170), pages(&sample(170)));
    assert!(pages.len() >= 5, "{pages:?}");
    let lost = [&whole[..pages[3]], &whole[pages[4]..]].concat();
    let mut broken = whole.clone();
    broken[pages[3] + 300] ^= 1;
    for bytes in [lost, broken] {
        let (_, packets, error) = read_tracks(&bytes);
        assert_eq!(packets.len(), 50);
        assert!(error.is_some());
        let source = Source::stream(Cursor::new(bytes));
        let (_, packets, error) = read_tracks_with(source, &lenient());
        assert!(error.is_none(), "{error:?}");
        let gaps: Vec<_> = packets.iter().filter(|p| p.after_gap).map(|p| p.pts).collect();
        assert_eq!((packets.len(), gaps), (120, vec![100 * 960 - 312]));
    }
}

#[test]
fn damaged_files_give_their_readable_part() {
    for name in ["av_04_flip20", "av_05_trunc", "av_06_insert", "av_07_flip1pm"] {
        let Some(bytes) = data(&format!("malformed/{name}.opus")) else { return };
        let (_, strict, error) = read_tracks(&bytes);
        println!("{name}: {} packets, then {error:?}", strict.len());
        assert!(error.is_some());
        let (_, packets, error) =
            read_tracks_with(Source::seekable(Cursor::new(bytes)), &lenient());
        println!("{name}: {} packets if lenient, {error:?}", packets.len());
        assert!(packets.len() >= strict.len());
    }
}
