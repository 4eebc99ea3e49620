//! Files of frames only: FLAC, MP3, AAC with ADTS headers, AV1 OBUs.

use codec_audio::AudioCodec;
use codec_container::{CodedPacket, Format, Track};
use codec_core::codec::Codec;
use codec_tests::depth;
use codec_tests::external::{have, run};

use super::support::{Destination, data, read_tracks, samples_of, temp_file, write_tracks};

fn digest(suffix: &str, bytes: &[u8]) -> Vec<u8> {
    let file = temp_file(suffix, bytes);
    let path = file.path().to_string_lossy().into_owned();
    run("ffmpeg", &["-v", "error", "-xerror", "-i", &path, "-f", "md5", "-"])
}

#[test]
fn flac_files_are_cut_into_frames_and_put_together_again() {
    for name in ["speech_jfk_16k_mono", "speech_dialogue_48k_mono", "music_jazz_48k_stereo"] {
        let Some(bytes) = data(&format!("audio/{name}.flac")) else { return };
        let (tracks, packets, error) = read_tracks(&bytes);
        assert!(error.is_none(), "{name}: {error:?}");
        let track = tracks[0].audio().unwrap();
        assert_eq!(track.codec, AudioCodec::Flac);
        assert_eq!(Some(samples_of(&packets, 0)), track.duration, "{name}");
        let written = write_tracks(Destination::File, Format::Flac, &tracks, &packets);
        let (_, again, error) = read_tracks(&written);
        assert!(error.is_none() && again.len() == packets.len());
        if have("ffmpeg", "decoding FLAC") {
            assert_eq!(digest(".flac", &written), digest(".flac", &bytes), "{name}");
        }
        // A truncated file gives its complete frames.
        let (_, part, error) = read_tracks(&bytes[..bytes.len() / 2]);
        assert!(error.is_some() && part.len() < packets.len());
        assert!(part.iter().zip(&packets).all(|(a, b)| a.data == b.data));
    }
}

fn tone(codec: &str, muxer: &str) -> Vec<u8> {
    let tone = "sine=frequency=440:sample_rate=44100:duration=2";
    let file = tempfile::Builder::new().tempfile().unwrap();
    let path = file.path().to_string_lossy().into_owned();
    let arguments =
        ["-v", "error", "-f", "lavfi", "-i", tone, "-c:a", codec, "-f", muxer, "-y", &path];
    let _ = run("ffmpeg", &arguments);
    std::fs::read(file.path()).unwrap()
}

#[test]
fn mp3_and_adts_of_ffmpeg_are_read() {
    if !have("ffmpeg", "writing MP3") {
        return;
    }
    let (tracks, packets, error) = read_tracks(&tone("libmp3lame", "mp3"));
    assert!(error.is_none(), "{error:?}");
    let track = tracks[0].audio().unwrap();
    assert_eq!((track.codec, track.audio.rate), (AudioCodec::Mp3, 44_100));
    assert_eq!(track.audio.channels(), 1);
    assert_eq!(samples_of(&packets, 0), 88_200);
    let (tracks, packets, error) = read_tracks(&tone("aac", "adts"));
    assert!(error.is_none(), "{error:?}");
    let track = tracks[0].audio().unwrap();
    assert_eq!((track.codec, track.audio.rate), (AudioCodec::Aac, 44_100));
    assert_eq!(track.codec_private, [0x12, 0x08]);
    assert!((88_200..88_200 + 3000).contains(&samples_of(&packets, 0)));
    // In Matroska, ffmpeg decodes the same as from the raw frames.
    let Some(matroska) = Some(write_tracks(Destination::File, Format::Matroska, &tracks, &packets))
    else {
        return;
    };
    assert_eq!(digest(".mkv", &matroska), digest(".aac", &tone("aac", "adts")));
}

/// Frames of AV1 and their track, from the test data.
fn av1() -> Option<(Vec<Track>, Vec<CodedPacket>)> {
    let bytes = data("av1/av1-1-b8-02-allintra.ivf")?;
    let (tracks, packets, error) = read_tracks(&bytes);
    assert!(error.is_none(), "{error:?}");
    Some((tracks, packets))
}

#[test]
fn av1_has_delimiters_in_streams_and_none_in_matroska_and_mp4() {
    if depth::skips_long() {
        return;
    }
    let Some((tracks, packets)) = av1() else { return };
    let times: Vec<_> = packets.iter().map(|packet| packet.pts).collect();
    let expected = have("ffmpeg", "decoding AV1").then(|| {
        let ivf = write_tracks(Destination::File, Format::Ivf, &tracks, &packets);
        digest(".ivf", &ivf)
    });
    for (format, to, suffix) in [
        (Format::Obu, Destination::Pipe, ".obu"),
        (Format::WebM, Destination::File, ".webm"),
        (Format::WebM, Destination::Pipe, ".webm"),
        (Format::Mp4, Destination::File, ".mp4"),
    ] {
        let written = write_tracks(to, format, &tracks, &packets);
        let (found, again, error) = read_tracks(&written);
        assert!(error.is_none(), "{format}: {error:?}");
        let track = found[0].video().unwrap();
        let Track::Video(original) = &tracks[0] else { unreachable!() };
        assert_eq!((track.codec, track.size), (Codec::Av1, original.size));
        assert_eq!(again.len(), packets.len());
        let delimited = again.iter().all(|packet| packet.data.starts_with(&[0x12, 0]));
        assert_eq!(delimited, format == Format::Obu, "{format}");
        if format == Format::Obu {
            assert!(again.iter().zip(&packets).all(|(a, b)| a.data == b.data));
        } else {
            assert_eq!(track.codec_private[0], 0x81, "{format}");
        }
        let keys = |packets: &[CodedPacket]| packets.iter().filter(|p| p.key).count();
        assert_eq!(keys(&again), keys(&packets), "{format}");
        // Back in IVF it is the same stream.
        if let Some(expected) = &expected {
            let mut back = again.clone();
            back.iter_mut().zip(&times).for_each(|(packet, &time)| packet.pts = time);
            let ivf = write_tracks(Destination::File, Format::Ivf, &tracks, &back);
            assert_eq!(digest(".ivf", &ivf), *expected, "{format}");
            assert_eq!(digest(suffix, &written), *expected, "{format}");
        }
    }
}

#[test]
fn annex_b_is_distinguished_from_plain_units() {
    let Some((_, packets)) = av1() else { return };
    let leb = |mut value: usize| {
        let mut out = Vec::new();
        while value > 127 {
            out.push((value & 127) as u8 | 128);
            value >>= 7;
        }
        out.push(value as u8);
        out
    };
    // Each temporal unit as one frame of OBUs with their own sizes.
    let mut stream = Vec::new();
    for packet in &packets {
        let mut frame = Vec::new();
        let mut rest = &packet.data[..];
        while !rest.is_empty() {
            let (mut len, mut used) = (0, 1);
            for (index, &byte) in rest[1..].iter().enumerate() {
                len |= usize::from(byte & 127) << (7 * index);
                used += 1;
                if byte < 128 {
                    break;
                }
            }
            let (unit, tail) = rest.split_at(used + len);
            frame.extend(leb(unit.len()));
            frame.extend_from_slice(unit);
            rest = tail;
        }
        let sized = [leb(frame.len()), frame].concat();
        stream.extend(leb(sized.len()));
        stream.extend(sized);
    }
    let (tracks, again, error) = read_tracks(&stream);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(tracks[0].format(), Format::Obu);
    assert_eq!(again.len(), packets.len());
    assert!(again.iter().zip(&packets).all(|(a, b)| a.data == b.data));
}

#[test]
fn a_truncated_flac_file_gives_exactly_its_complete_frames() {
    if depth::skips_long() {
        return;
    }
    let Some(bytes) = data("audio/speech_jfk_16k_mono.flac") else { return };
    let (_, packets, _) = read_tracks(&bytes);
    // Positions with a valid checksum: at ends of frames, and by chance.
    let mut ends = Vec::new();
    for packet in &packets {
        let mut crc = 0_u16;
        for (at, &byte) in packet.data.iter().enumerate() {
            crc ^= u16::from(byte) << 8;
            for _ in 0..8 {
                crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x8005 } else { 0 };
            }
            if crc == 0 {
                ends.push(usize::try_from(packet.offset).unwrap() + at + 1);
            }
        }
    }
    assert!(ends.len() > packets.len(), "none by chance");
    let ends = ends.iter().flat_map(|&end| [end - 1, end, end + 1, end + 7, end + 20]);
    for cut in ends.filter(|&cut| cut <= bytes.len()) {
        let (_, part, _) = read_tracks(&bytes[..cut]);
        let is_whole = |packet: &&CodedPacket| packet.offset as usize + packet.data.len() <= cut;
        assert_eq!(part.len(), packets.iter().filter(is_whole).count(), "{cut}");
        assert!(part.iter().zip(&packets).all(|(a, b)| a.data == b.data), "{cut}");
    }
}

#[test]
fn a_tag_after_the_last_frame_of_flac_is_skipped() {
    let Some(bytes) = data("audio/speech_jfk_16k_mono.flac") else { return };
    let (_, packets, _) = read_tracks(&bytes);
    let mut tag = [0; 128];
    tag[..3].copy_from_slice(b"TAG");
    let (_, again, error) = read_tracks(&[&bytes[..], &tag].concat());
    assert!(error.is_none() && again.len() == packets.len(), "{error:?}");
}

/// The first frames of a FLAC file.
pub(crate) fn flac_sample() -> Vec<u8> {
    let Some(bytes) = data("audio/speech_jfk_16k_mono.flac") else { return Vec::new() };
    let (tracks, packets, _) = read_tracks(&bytes);
    write_tracks(Destination::File, Format::Flac, &tracks, &packets[..4])
}
