//! Tracks that cannot be read are reported with their kind and codec.

use std::io::Cursor;

use codec_container::{PacketReader, ReadOptions, Source, TrackKind, open_packets};
use codec_tests::depth;
use codec_tests::external::{have, run};

/// A file that ffmpeg generates with these options from synthetic video and audio.
fn made(name: &str, options: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let srt = dir.path().join("text.srt");
    std::fs::write(&srt, "1\n00:00:00,000 --> 00:00:00,400\nwords\n").unwrap();
    let inputs = "-v error -f lavfi -i testsrc=size=64x48:rate=10:duration=0.5 \
                  -f lavfi -i sine=frequency=440:sample_rate=48000:duration=0.5 -i";
    let mut arguments: Vec<_> = inputs.split_whitespace().collect();
    let (srt, path) = (srt.to_string_lossy(), path.to_string_lossy());
    arguments.push(&srt);
    arguments.extend(options.split_whitespace());
    arguments.extend(["-y", &*path]);
    let _ = run("ffmpeg", &arguments);
    std::fs::read(&*path).unwrap()
}

fn open(bytes: Vec<u8>) -> codec_container::Result<Box<dyn PacketReader>> {
    open_packets(Source::seekable(Cursor::new(bytes)), &ReadOptions::default())
}

#[test]
fn video_of_other_codecs_is_named_and_its_audio_is_read() {
    if depth::skips_long() {
        return;
    }
    if !have("ffmpeg", "tracks of other codecs") {
        return;
    }
    for (file, options, codec) in [
        ("a.mp4", "-c:v libx265 -x265-params log-level=error", "hevc"),
        ("a.mp4", "-c:v mpeg4", "mpeg4"),
        ("a.mp4", "-c:v mjpeg -pix_fmt yuvj420p", "mjpeg"),
        ("a.mov", "-c:v mjpeg -pix_fmt yuvj420p", "mjpeg"),
        ("a.mov", "-c:v prores", "prores"),
        ("a.mov", "-c:v rawvideo -pix_fmt uyvy422", "rawvideo"),
        ("a.mkv", "-c:v libx265 -x265-params log-level=error", "hevc"),
        ("a.mkv", "-c:v mpeg4", "mpeg4"),
        ("a.mkv", "-c:v mjpeg -pix_fmt yuvj420p", "mjpeg"),
        ("a.mkv", "-c:v rawvideo -pix_fmt yuv420p", "rawvideo"),
        ("a.mkv", "-c:v mpeg2video", "mpeg2video"),
        ("a.mkv", "-c:v msmpeg4", "msmpeg4v3"),
        ("a.mkv", "-c:v ffv1", "ffv1"),
        ("a.ogv", "-c:v libtheora", "theora"),
    ] {
        let audio = if file == "a.ogv" { "libvorbis" } else { "aac" };
        let both = format!("-map 0 -map 1 {options} -c:a {audio}");
        let reader = open(made(file, &both)).unwrap();
        assert!(reader.video().is_none() && reader.audio().is_some(), "{file} {options}");
        let skipped = reader.skipped();
        let [track] = skipped[..] else { panic!("{file} {options}: {skipped:?}") };
        assert_eq!((track.kind, &*track.codec), (TrackKind::Video, codec), "{file} {options}");
        assert_eq!(track.reason, None, "{file} {options}");
        // As the only track, it causes an error that names it.
        let error = open(made(file, &format!("-map 0 {options}"))).map(drop).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with(&format!("codec {codec} is not supported")), "{file}: {text}");
    }
}

#[test]
fn chapters_and_tags_of_other_muxers_are_read() {
    if !have("ffmpeg", "files with chapters and tags") {
        return;
    }
    let chapters = ";FFMETADATA1\ntitle=a song\nartist=a band\n\
                    [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=250\ntitle=one\n\
                    [CHAPTER]\nTIMEBASE=1/1000\nSTART=250\nEND=500\ntitle=two\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("meta.txt");
    std::fs::write(&file, chapters).unwrap();
    let meta = format!("-f ffmetadata -i {} -map 1 -map_metadata 3", file.display());
    for (name, codec) in
        [("a.mp4", "aac"), ("a.mov", "aac"), ("a.mkv", "flac"), ("a.webm", "libopus")]
    {
        let bytes = made(name, &format!("{meta} -c:a {codec}"));
        let reader = open(bytes).unwrap();
        let metadata = reader.metadata();
        let chapters: Vec<_> =
            metadata.chapters.iter().map(|one| (one.start_ns, one.title.as_str())).collect();
        assert_eq!(chapters, [(0, "one"), (250_000_000, "two")], "{name}");
        // The chapter track of MP4 is not a skipped subtitle track.
        assert_eq!(reader.tracks()[0].warnings(), [], "{name}");
        let has = |name: &str, value: &str| {
            metadata.tags.iter().any(|tag| tag.0.eq_ignore_ascii_case(name) && tag.1 == value)
        };
        assert!(name == "a.mov" || has("title", "a song") && has("artist", "a band"), "{name}");
        let is_encoder = |tag: &(String, String)| tag.0.eq_ignore_ascii_case("encoder");
        assert!(!metadata.tags.iter().any(is_encoder), "{name}: {:?}", metadata.tags);
        // A plain file has no warnings.
        let plain = open(made(name, &format!("-map 1 -c:a {codec}"))).unwrap();
        assert!(
            plain.tracks()[0].warnings().is_empty(),
            "{name}: {:?}",
            plain.tracks()[0].warnings()
        );
    }
}

#[test]
fn audio_of_other_codecs_and_subtitles_are_named() {
    if !have("ffmpeg", "tracks of other codecs") {
        return;
    }
    for (file, options, expected) in [
        ("a.mp4", "-c:v libx264 -c:a ac3 -c:s mov_text", ["ac3", "mov_text"]),
        ("a.mkv", "-c:v libvpx -c:a ac3 -c:s srt", ["ac3", "subrip"]),
        ("a.mkv", "-c:v libvpx -c:a mp2 -c:s ass", ["mp2", "ass"]),
        ("a.webm", "-c:v libvpx -c:a libopus -c:s webvtt", ["", "webvtt"]),
    ] {
        let reader = open(made(file, &format!("-map 0 -map 1 -map 2 {options}"))).unwrap();
        assert!(reader.video().is_some());
        let mut skipped = reader.skipped().into_iter();
        if !expected[0].is_empty() {
            let audio = skipped.next().unwrap();
            assert_eq!((audio.kind, &*audio.codec), (TrackKind::Audio, expected[0]), "{options}");
        }
        let subtitle = skipped.next().unwrap();
        assert_eq!((subtitle.kind, &*subtitle.codec), (TrackKind::Subtitle, expected[1]));
        assert!(skipped.next().is_none());
    }
}

#[test]
fn chapter_tracks_of_mp4_are_read() {
    if !have("ffmpeg", "files with chapter tracks") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("meta.txt");
    let chapter = |start, end, title| {
        format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={title}\n")
    };
    let chapters = chapter(100, 250, "one") + &chapter(250, 400, "zw\u{f6}lf");
    std::fs::write(&file, format!(";FFMETADATA1\n{chapters}")).unwrap();
    let meta = format!("-f ffmetadata -i {} -map 1 -map_metadata 3", file.display());
    let mut bytes = made("c.mov", &format!("{meta} -c:a aac -movflags +faststart"));
    // Without the list of the other form, which ffmpeg writes as well.
    while let Some(at) = bytes.windows(4).position(|four| four == b"chpl") {
        bytes[at..at + 4].copy_from_slice(b"free");
    }
    let reader = open(bytes.clone()).unwrap();
    let found: Vec<_> = reader
        .metadata()
        .chapters
        .iter()
        .map(|one| (one.start_ns / 1_000_000, &*one.title))
        .collect();
    // ffmpeg does not write the gap before the first chapter into such a track.
    assert_eq!(found, [(0, "one"), (250, "zw\u{f6}lf")]);
    assert_eq!(reader.tracks()[0].warnings(), []);
    let piped = open_packets(
        Source::Stream(Box::new(std::io::Cursor::new(bytes))),
        &ReadOptions::default(),
    );
    let warnings =
        piped.unwrap().tracks()[0].warnings().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(warnings.concat().contains("their titles cannot be read from a pipe"), "{warnings:?}");
}
