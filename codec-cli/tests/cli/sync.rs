//! Audio and video that do not start together keep their offset.

use std::fs::File;

use codec_container::{
    CodedPacket, Format, Output, PacketReader, ReadOptions, Source, Track, WriteOptions,
    create_packets, open_packets,
};

use super::net::receiver;
use super::{Place, at_once, depth};

fn open(place: &Place, name: &str) -> Box<dyn PacketReader> {
    let file = File::open(place.path(name)).unwrap();
    open_packets(Source::seekable(file), &ReadOptions::default()).unwrap()
}

fn read(reader: &mut dyn PacketReader) -> Option<CodedPacket> {
    let mut packet = CodedPacket::default();
    reader.read(&mut packet).unwrap().then_some(packet)
}

/// Muxes `clip.ivf` and `tone.opus` with given start times in milliseconds.
fn make_film(place: &Place, begins_ms: [i64; 2]) {
    let mut readers = ["clip.ivf", "tone.opus"].map(|name| open(place, name));
    let mut tracks: Vec<Track> = readers.iter().map(|it| it.tracks()[0].clone()).collect();
    for track in &mut tracks {
        match track {
            Track::Video(track) => track.format = Format::WebM,
            Track::Audio(track) => track.format = Format::WebM,
            _ => unreachable!("video and audio"),
        }
    }
    let file = File::create(place.path("film.webm")).unwrap();
    let mut writer =
        create_packets(Output::seekable(file), Format::WebM, &tracks, &WriteOptions::default())
            .unwrap();
    for (number, reader) in readers.iter_mut().enumerate() {
        let base = tracks[number].time_base();
        let shift = begins_ms[number] * i64::from(base.den) / (1000 * i64::from(base.num));
        while let Some(mut packet) = read(&mut **reader) {
            packet.pts += shift;
            packet.track = number;
            writer.write(packet.as_ref()).unwrap();
        }
    }
    writer.finish().unwrap();
}

/// How much later the audio starts than the video, in milliseconds.
fn sound_after_pictures(place: &Place, name: &str) -> i64 {
    let mut reader = open(place, name);
    let bases: Vec<_> = reader.tracks().iter().map(Track::time_base).collect();
    let kinds: Vec<_> = reader.tracks().iter().map(|track| track.video().is_some()).collect();
    let mut first = [None; 2];
    while let Some(packet) = read(&mut *reader) {
        let base = bases[packet.track];
        let ms = packet.pts * 1000 * i64::from(base.num) / i64::from(base.den);
        first[usize::from(kinds[packet.track])].get_or_insert(ms);
    }
    first[0].unwrap() - first[1].unwrap()
}

#[test]
fn audio_and_video_keep_their_initial_offset() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "96x64", 30);
    place.ok(&["generate", "tone", "-o", "tone.opus", "-n", "40"]);
    place.ok(&["encode", "clip.y4m", "-o", "clip.ivf", "--preset", "rtc", "-b", "150k"]);
    for begins_ms in [[0, 0], [400, 0], [0, 300]] {
        make_film(&place, begins_ms);
        let before = sound_after_pictures(&place, "film.webm");
        for (url, more) in [("rtp://127.0.0.1:0", None), ("tcp://127.0.0.1:0", Some("--copy"))] {
            let (running, address) = receiver(&place, url, &["-o", "out.webm", "-y"]);
            let target = url.replace("127.0.0.1:0", &address);
            let send = [&["send", "film.webm", target.as_str()][..], more.as_slice()].concat();
            place.ok(&send);
            let (code, said) = running.end();
            assert_eq!(code, 0, "{said}");
            // Audio packets that arrive before the stream is known are not recorded.
            let after = sound_after_pictures(&place, "out.webm");
            let late = u64::try_from(after - before + 2).unwrap() % 20;
            assert!(late <= 4, "{url}, {begins_ms:?}: {before} became {after} ms");
        }
    }
}

/// Video that starts a hundred million years after the audio does not prevent the command from
/// ending.
#[test]
fn extreme_timestamps_do_not_block_the_end() {
    if depth::skips_long() {
        return;
    }
    let place = Place::with_clip("talking-head", "96x64", 3);
    place.ok(&["generate", "tone", "-o", "tone.opus", "-n", "3"]);
    place.ok(&["encode", "clip.y4m", "-o", "clip.ivf", "--preset", "rtc", "-b", "150k"]);
    make_film(&place, [3_000_000_000_000_000, 0]);
    let cases = [("coded.webm", &[][..]), ("copied.webm", &["--copy"])];
    at_once(cases, |(out, more)| {
        let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", out]);
        let target = format!("rtp://{address}");
        let send = ["send", "film.webm", &target, "--duration", "500ms"];
        place.ok(&[&send[..], more].concat());
        let (_, said) = running.end();
        assert!(!said.is_empty());
    });
}
