//! Tags and chapters from input to output of the commands.

use std::fs::File;

use codec_container::{
    Chapter, CodedPacket, FileMetadata, Format, Output, ReadOptions, Source, WriteOptions,
    create_packets, open_packets,
};
use serde_json::{Value, json};

use super::{Place, has_ffmpeg};

/// `talk.mkv`: 20 frames in two seconds, with chapters after 0 and 1.2 seconds, and tags.
fn talk() -> Place {
    let place = Place::new();
    let clip = ["clapper", "-o", "clip.y4m", "--size", "64x48", "--fps", "10", "-n", "20"];
    place.ok(&[&["generate"], &clip[..]].concat());
    place.ok(&["encode", "clip.y4m", "-o", "plain.mkv", "--speed", "9", "--keyint", "5"]);
    let file = File::open(place.path("plain.mkv")).unwrap();
    let mut reader = open_packets(Source::seekable(file), &ReadOptions::default()).unwrap();
    let mut options = WriteOptions::default();
    let mut metadata = FileMetadata::default();
    for (name, value) in [("title", "a talk"), ("mood", "calm")] {
        metadata.tags.push((name.to_owned(), value.to_owned()));
    }
    for (start_ns, title) in [(0, "opening"), (1_200_000_000, "end")] {
        metadata.chapters.push(Chapter { start_ns, end_ns: None, title: title.to_owned() });
    }
    options.metadata = metadata;
    let output = Output::seekable(File::create(place.path("talk.mkv")).unwrap());
    let tracks = reader.tracks().to_vec();
    let mut writer = create_packets(output, Format::Matroska, &tracks, &options).unwrap();
    let mut packet = CodedPacket::default();
    while reader.read(&mut packet).unwrap() {
        writer.write(packet.as_ref()).unwrap();
    }
    writer.finish().unwrap();
    place
}

/// Start times and names of the chapters.
fn chapters(place: &Place, file: &str) -> Vec<(f64, String)> {
    let probe = place.json(&["probe", file, "--json"]);
    let chapter = |chapter: &Value| {
        (chapter["start_s"].as_f64().unwrap(), chapter["title"].as_str().unwrap().to_owned())
    };
    probe["chapters"].as_array().unwrap().iter().map(chapter).collect()
}

/// The names of the tags.
fn tags(place: &Place, file: &str) -> Vec<String> {
    let probe = place.json(&["probe", file, "--json"]);
    let name = |tag: &Value| tag["name"].as_str().unwrap().to_lowercase();
    probe["tags"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn tags_and_chapters_are_kept_by_the_formats_that_have_them() {
    let place = talk();
    let both = [(0.0, "opening".to_owned()), (1.2, "end".to_owned())];
    for (output, more) in
        [("a.webm", ""), ("a.mkv", "--copy"), ("a.mp4", "--copy"), ("f.mp4", "--fragmented")]
    {
        let transcode = ["transcode", "talk.mkv", "-o", output, more];
        let arguments: Vec<_> = transcode.into_iter().filter(|word| !word.is_empty()).collect();
        let run = place.ok(&arguments);
        assert_eq!(chapters(&place, output), both, "{output}");
        if output.ends_with("mp4") {
            assert_eq!(tags(&place, output), ["title"]);
            let dropped = "talk.mkv: skipped tags (MOOD): mp4 cannot hold them";
            assert!(run.err.contains(dropped), "{}", run.err);
        } else {
            assert_eq!(tags(&place, output), ["title", "mood"]);
            assert!(!run.err.contains("skipped"), "{}", run.err);
        }
    }
    let run = place.ok(&["transcode", "talk.mkv", "-o", "a.ivf"]);
    assert!(run.err.contains("skipped chapters and tags (title, MOOD)"), "{}", run.err);
    let text = place.ok(&["probe", "a.mp4"]).text();
    assert!(text.contains("title: a talk") && text.contains("chapter 2 at 1.200 s: end"), "{text}");
    let tag = place.json(&["probe", "a.mp4", "--json"])["tags"][0].clone();
    assert_eq!(tag, json!({ "name": "title", "value": "a talk" }));
}

#[test]
fn outputs_without_metadata_name_what_they_drop() {
    let place = talk();
    for (output, what) in
        [("a.y4m", "y4m"), ("a.yuv", "raw"), ("a-%d.png", "images"), ("a.gif", "images")]
    {
        for verb in ["decode", "transcode"] {
            let run = place.ok(&[verb, "talk.mkv", "-o", output, "-y"]);
            let dropped =
                format!("skipped chapters and tags (title, MOOD): {what} cannot hold them");
            assert_eq!(run.err.matches(&dropped).count(), 1, "{verb} {output}: {}", run.err);
            assert!(!run.err.contains("audio dropped"), "{}", run.err);
        }
    }
    let part = place.ok(&["decode", "talk.mkv", "-o", "a.y4m", "-y", "--from", "1.5"]);
    assert!(part.err.contains("skipped chapters and tags"), "{}", part.err);
    place.ok(&["generate", "clapper", "-o", "clap.mkv", "--size", "64x48", "-n", "5"]);
    let run = place.ok(&["transcode", "clap.mkv", "-o", "b.y4m"]);
    assert!(run.err.contains("audio dropped: y4m cannot hold audio"), "{}", run.err);
}

#[test]
fn warnings_of_a_batch_have_the_name_of_the_file_once() {
    let place = talk();
    std::fs::create_dir(place.path("clips")).unwrap();
    std::fs::copy(place.path("talk.mkv"), place.path("clips/other.mkv")).unwrap();
    let files = ["transcode", "talk.mkv", "clips/other.mkv", "--out-dir", "out"];
    let run = place.ok(&[&files[..], &["--suffix", ".ivf", "--speed", "10"]].concat());
    for name in ["talk.mkv", "clips/other.mkv"] {
        let warning =
            format!("codec: warning: {name}: skipped chapters and tags (title, MOOD): ivf cannot");
        assert!(run.err.contains(&warning), "{name}: {}", run.err);
    }
    // A warning that does not name its file gets the name.
    let run =
        place.ok(&[&files[..], &["-y", "--skip", "1", "--size", "4M", "--speed", "10"]].concat());
    assert!(run.err.contains("codec: warning: other.mkv: "), "{}", run.err);
}

#[test]
fn chapters_move_with_cuts_and_joints() {
    let place = talk();
    let transcode = |output: &str, more: &[&str]| {
        place.ok(&[&["transcode", "talk.mkv", "-o", output, "--speed", "9"], more].concat());
        chapters(&place, output)
    };
    let at = |times: &[(f64, &str)]| -> Vec<(f64, String)> {
        times.iter().map(|&(time, name)| (time, name.to_owned())).collect()
    };
    let cut = transcode("a.webm", &["--from", "0.5", "--to", "1.8"]);
    assert_eq!(cut, at(&[(0.0, "opening"), (0.7, "end")]));
    assert_eq!(transcode("b.webm", &["--from", "1.4"]), at(&[(0.0, "end")]));
    assert_eq!(transcode("c.webm", &["-n", "10"]), at(&[(0.0, "opening")]));
    let kept = transcode("d.webm", &["--from", "0.5", "--keep-times"]);
    assert_eq!(kept, at(&[(0.0, "opening"), (1.2, "end")]));
    assert_eq!(transcode("e.webm", &["--chunked"]), at(&[(0.0, "opening"), (1.2, "end")]));
    let skip = ["transcode", "talk.mkv", "-o", "s.webm", "--skip", "3", "--speed", "9"];
    let run = place.ok(&skip);
    assert!(run.err.contains("skipped chapters: their times after --skip"), "{}", run.err);
    assert!(chapters(&place, "s.webm").is_empty());
    // The last key frame before the start.
    place.ok(&["transcode", "talk.mkv", "-o", "f.webm", "--copy", "--from", "1.1"]);
    assert_eq!(chapters(&place, "f.webm"), at(&[(0.0, "opening"), (0.2, "end")]));
    place.ok(&["concat", "talk.mkv", "talk.mkv", "-o", "g.webm"]);
    let joined = [(0.0, "opening"), (1.2, "end"), (2.0, "opening"), (3.2, "end")];
    assert_eq!(chapters(&place, "g.webm"), at(&joined));
}

/// Runs mkvmerge; `false` if it is not installed.
fn mkvmerge(place: &Place, arguments: &[&str]) -> bool {
    let run = std::process::Command::new("mkvmerge")
        .args(["-q", "-o"])
        .args(arguments)
        .current_dir(place.path(""))
        .output();
    let Ok(run) = run else {
        eprintln!("skipped: no mkvmerge");
        return false;
    };
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    // 1 is a warning.
    assert!(run.status.code().is_some_and(|code| code < 2), "{text}");
    true
}

#[test]
fn tags_after_the_frames_are_kept_if_the_input_can_seek() {
    let place = talk();
    let tags = "<Tags><Tag><Simple><Name>MOOD</Name><String>calm</String></Simple></Tag><Tag><Targets>\
                <TrackUID>1</TrackUID></Targets><Simple><Name>SOURCE</Name><String>tape</String></Simple>\
                </Tag></Tags>";
    std::fs::write(place.path("tags.xml"), tags).unwrap();
    let merge = ["late.mkv", "--title", "a talk", "--global-tags", "tags.xml", "plain.mkv"];
    if !mkvmerge(&place, &merge) {
        return;
    }
    let file = place.read("late.mkv");
    let at = |id: [u8; 4]| file.windows(4).rposition(|bytes| bytes == id).unwrap();
    assert!(
        at([0x12, 0x54, 0xC3, 0x67]) > at([0x1F, 0x43, 0xB6, 0x75]),
        "no tags after the clusters"
    );
    // mkvmerge also writes the time.
    let names = |file: &str| {
        let names = self::tags(&place, file).into_iter();
        names.filter(|name| name != "creation_time").collect::<Vec<_>>()
    };
    let both = ["title", "mood"];
    assert_eq!(names("late.mkv"), both);
    for (output, more) in [("a.webm", ""), ("b.mkv", "--copy"), ("c.webm", "--chunked")] {
        let all = ["transcode", "late.mkv", "-o", output, more];
        let run = place.ok(&all.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>());
        assert_eq!(names(output), both, "{output}");
        assert!(!run.err.contains("after the frames"), "{}", run.err);
    }
    place.ok(&["concat", "late.mkv", "late.mkv", "-o", "d.webm"]);
    assert_eq!(names("d.webm"), both);
    let run = place.feed(&["transcode", "-", "-o", "e.webm"], &file);
    let warning = "skipped tags after the frames: the input cannot seek";
    assert!(run.code == 0 && run.err.contains(warning), "{}", run.err);
}

#[test]
fn titles_of_video_tracks_are_kept() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    place.ok(&["generate", "static-slide", "-o", "s.y4m", "--size", "64x48", "-n", "5"]);
    for (title, name) in [("Camera 1", "a.mkv"), ("Camera 2", "b.mkv")] {
        let title = format!("title={title}");
        let titled = ["-metadata:s:v:0", &title, "-c:v", "libvpx", name];
        place.ffmpeg(&[&["-i", "s.y4m"][..], &titled].concat());
    }
    let title = |name: &str| {
        let probe = place.json(&["probe", name, "--json"]);
        probe["tracks"][0]["title"].as_str().map(str::to_owned)
    };
    let ffprobe = |name: &str| {
        let entries = ["-v", "error", "-show_entries", "stream_tags=title,handler_name", "-of"];
        let mut command = std::process::Command::new("ffprobe");
        command.args(entries).args(["default=nw=1", name]).current_dir(place.dir.path());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    for output in ["o.webm", "o.mkv", "o.mp4", "f.mp4", "p.webm"] {
        let more: &[&str] = match output {
            "f.mp4" => &["--fragmented"],
            "p.webm" => &["--chunked"],
            _ => &[],
        };
        place.ok(&[&["transcode", "a.mkv", "-o", output, "--speed", "9"], more].concat());
        assert_eq!(title(output).as_deref(), Some("Camera 1"), "{output}");
        assert!(ffprobe(output).contains("=Camera 1"), "{output}: {}", ffprobe(output));
    }
    let join = |two: &str, more: &[&str]| {
        let join = ["concat", "a.mkv", two, "-o", "j.mkv", "-y"];
        place.ok(&[&join[..], more].concat()).err
    };
    for more in [&[][..], &["--speed", "9"]] {
        join("a.mkv", more);
        assert_eq!(title("j.mkv").as_deref(), Some("Camera 1"));
        let said = join("b.mkv", more);
        let differ = "the video track gets no title: it is Camera 1 in a.mkv and Camera 2 in b.mkv";
        assert!(said.contains(differ), "{said}");
        assert_eq!(title("j.mkv"), None);
    }
    assert!(place.ok(&["probe", "a.mkv"]).text().contains("title Camera 1"));
}

/// The value of a tag; the name in any case.
fn tag(place: &Place, file: &str, name: &str) -> Option<String> {
    let probe = place.json(&["probe", file, "--json"]);
    let is_it = |tag: &&Value| tag["name"].as_str().unwrap().eq_ignore_ascii_case(name);
    let found = probe["tags"].as_array()?.iter().find(is_it)?;
    found["value"].as_str().map(str::to_owned)
}

#[test]
fn flac_outputs_keep_the_tags_without_a_warning() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let tone = ["-f", "lavfi", "-i", "sine=d=0.5", "-metadata", "title=T"];
    place.ffmpeg(&[&tone[..], &["t.flac"]].concat());
    place.ffmpeg(&[&tone[..], &["-c:a", "libopus", "t.opus"]].concat());
    for input in ["t.flac", "t.opus"] {
        let run = place.ok(&["transcode", input, "-o", "o.flac", "-y"]);
        assert!(!run.err.contains("skipped"), "{input}: {}", run.err);
        let file = place.read("o.flac");
        assert!(file.windows(7).any(|text| text.eq_ignore_ascii_case(b"title=T")), "{input}");
    }
}

#[test]
fn metadata_of_phones_and_series_moves_between_containers() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let expected = [
        ("creation_time", "2024-05-06T07:08:09Z"),
        ("location", "+48.1000+011.5000/"),
        ("show", "Sh"),
        ("track", "3/10"),
        ("synopsis", "Long"),
        ("episode_id", "E1"),
    ];
    let clip = [
        "-f",
        "lavfi",
        "-i",
        "testsrc=d=0.4:s=64x48:r=10",
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
    ];
    let mut given = vec!["-metadata".to_owned(), "location=+48.1+011.5/".to_owned()];
    for (name, value) in expected.iter().filter(|(name, _)| *name != "location") {
        given.extend(["-metadata".to_owned(), format!("{name}={value}")]);
    }
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    place.ffmpeg(&[&clip[..], &given, &["ph.mp4"]].concat());
    for (input, output) in
        [("ph.mp4", "a.mp4"), ("ph.mp4", "a.mkv"), ("a.mkv", "b.mp4"), ("b.mp4", "c.mkv")]
    {
        let run = place.ok(&["transcode", input, "-o", output, "--copy"]);
        assert!(!run.err.contains("skipped"), "{output}: {}", run.err);
        for (name, value) in expected {
            assert_eq!(tag(&place, output, name).as_deref(), Some(value), "{output} {name}");
        }
    }
    let run = place.ok(&["transcode", "ph.mp4", "-o", "a.ivf"]);
    assert!(run.err.contains("skipped tags (creation_time, "), "{}", run.err);

    let make = "com.apple.quicktime.make";
    let keys = ["-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.make=Maker"];
    place.ffmpeg(&[&clip[..], &keys, &["ph.mov"]].concat());
    for (input, output) in [("ph.mov", "m.mp4"), ("m.mp4", "m.mkv"), ("m.mkv", "n.mp4")] {
        place.ok(&["transcode", input, "-o", output, "--copy"]);
        assert_eq!(tag(&place, output, make).as_deref(), Some("Maker"), "{output}");
    }
}

#[test]
fn tags_of_mp3_and_wav_files_are_kept_and_pictures_named() {
    if !has_ffmpeg() {
        return;
    }
    let place = Place::new();
    let tone = ["-f", "lavfi", "-i", "sine=d=0.5", "-metadata", "title=T", "-metadata", "artist=A"];
    place.ffmpeg(&[&tone[..], &["-c:a", "libmp3lame", "t.mp3"]].concat());
    place.ffmpeg(&[&tone[..], &["t.wav"]].concat());
    place.ffmpeg(&["-f", "lavfi", "-i", "color=d=0.1:s=16x16", "-frames:v", "1", "c.png"]);
    let cover = [
        "-i",
        "t.mp3",
        "-i",
        "c.png",
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-disposition:v",
        "attached_pic",
    ];
    place.ffmpeg(&[&cover[..], &["-c:a", "copy", "-c:v", "copy", "c.mp3"]].concat());
    place.ffmpeg(&[&cover[..], &["-c:v", "copy", "c.flac"]].concat());
    for input in ["t.mp3", "t.wav", "c.mp3", "c.flac"] {
        for output in ["o.m4a", "o.opus", "o.flac", "o.mka"] {
            let run = place.ok(&["transcode", input, "-o", output, "-y"]);
            let probe = place.ok(&["probe", output]).text().to_lowercase();
            for text in ["title: t", "artist: a"] {
                assert!(probe.contains(text), "{input} {output}: {probe}");
            }
            let is_named = run.err.contains("skipped attachments");
            assert_eq!(is_named, input.starts_with('c'), "{input} {output}: {}", run.err);
        }
    }
}
