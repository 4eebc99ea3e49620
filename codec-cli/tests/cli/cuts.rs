//! Cuts by time, copies, joined files and converted frame rates. Each frame shows its number, and the
//! value of each audio sample follows from its index, so that tests recognise them in the output.

use std::fs::{self, File};
use std::process::Command;

use codec_container::{
    CodedPacket, Format, Output, PacketReader, ReadOptions, Source, Track, WriteOptions,
    create_packets, open_packets,
};
use codec_core::frame::Rational;

use super::rng::Rng;
use super::{Place, depth, has_ffmpeg, y4m_frames};

/// Frames and samples of the clips.
const FRAMES: usize = 100;
const RATE: u32 = 4000;
/// A number has ten bits, each a square.
const SIDE: usize = 16;
const BITS: usize = 10;
const MILLISECONDS: Rational = Rational::new(1, 1000);

fn numbered_frame(number: usize) -> Vec<u8> {
    let width = SIDE * BITS;
    let mut frame = Vec::new();
    for _ in 0..2 * SIDE {
        frame.extend((0..width).map(|x| if number >> (x / SIDE) & 1 == 1 { 220 } else { 30 }));
    }
    frame.resize(width * SIDE * 3, 128);
    frame
}

/// Writes `numbers.y4m` and `count.wav`.
fn write_sources(place: &Place) {
    let mut video = format!("YUV4MPEG2 W{} H{} F25:1\n", SIDE * BITS, 2 * SIDE).into_bytes();
    for number in 0..FRAMES {
        video.extend(b"FRAME\n");
        video.extend(numbered_frame(number));
    }
    fs::write(place.path("numbers.y4m"), video).unwrap();
    // As many as differ.
    let samples = 64_000_u32;
    let mut audio = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    audio.extend(RATE.to_le_bytes());
    audio.extend((2 * RATE).to_le_bytes());
    audio.extend(b"\x02\0\x10\0data");
    audio.extend((2 * samples).to_le_bytes());
    for sample in 0..samples {
        audio.extend(sample_value(sample.into()).to_le_bytes());
    }
    let length = u32::try_from(audio.len() - 8).unwrap();
    audio[4..8].copy_from_slice(&length.to_le_bytes());
    fs::write(place.path("count.wav"), audio).unwrap();
}

#[expect(clippy::cast_possible_truncation, reason = "wraps on purpose")]
fn sample_value(index: i64) -> i16 {
    (index - 32_000) as i16
}

/// The numbers drawn into the frames of a y4m file.
fn numbers(y4m: &[u8]) -> Vec<usize> {
    let width = SIDE * BITS;
    let bit = |frame: &[u8], at: usize| {
        usize::from(frame[SIDE * width + at * SIDE + SIDE / 2] > 128) << at
    };
    let number = |frame: &&[u8]| (0..BITS).map(|at| bit(frame, at)).sum();
    y4m_frames(y4m).iter().map(number).collect()
}

fn open(place: &Place, name: &str) -> Box<dyn PacketReader> {
    let file = File::open(place.path(name)).unwrap();
    open_packets(Source::seekable(file), &ReadOptions::default()).unwrap()
}

/// All packets of the only track of a file.
fn packets(place: &Place, name: &str) -> (Track, Vec<CodedPacket>) {
    let mut reader = open(place, name);
    let mut found = Vec::new();
    let mut packet = CodedPacket::default();
    while reader.read(&mut packet).unwrap() {
        found.push(packet.clone());
    }
    (reader.tracks()[0].clone(), found)
}

/// Muxes the frames of `video` at `times` (milliseconds) with the audio of `audio`.
fn mux(place: &Place, video: &str, audio: Option<&str>, output: &str, live: bool, times: &[i64]) {
    let format = Format::from_extension(output.rsplit('.').next().unwrap()).unwrap();
    let (video_track, frames) = packets(place, video);
    let base = video_track.time_base();
    let Track::Video(mut track) = video_track else { unreachable!("video") };
    (track.format, track.time_base, track.frame_rate) = (format, MILLISECONDS, None);
    let mut tracks = vec![Track::Video(track)];
    let sound = audio.map(|audio| packets(place, audio));
    if let Some((Track::Audio(track), _)) = &sound {
        let mut track = track.clone();
        track.format = format;
        tracks.push(Track::Audio(track));
    }
    let mut options = WriteOptions::default();
    options.live = live;
    let file = File::create(place.path(output)).unwrap();
    let mut writer = create_packets(Output::seekable(file), format, &tracks, &options).unwrap();
    for mut packet in frames {
        let index = packet.pts * i64::from(base.num) * 25 / i64::from(base.den);
        let index = usize::try_from(index).unwrap();
        packet.pts = times[index];
        packet.dts = None;
        packet.duration = u64::try_from(end_of(times, index) - times[index]).ok();
        writer.write(packet.as_ref()).unwrap();
    }
    for mut packet in sound.into_iter().flat_map(|(_, packets)| packets) {
        packet.track = 1;
        writer.write(packet.as_ref()).unwrap();
    }
    writer.finish().unwrap();
}

fn end_of(times: &[i64], index: usize) -> i64 {
    times.get(index + 1).copied().unwrap_or(times[index] + 40)
}

/// Times of a variable frame rate: now and then a frame is shown for long.
fn variable_times(rng: &mut Rng) -> Vec<i64> {
    let mut times = vec![0];
    for _ in 1..FRAMES {
        let step = if rng.below(12) == 0 { 120 + rng.below(500) } else { 8 + rng.below(60) };
        times.push(times.last().unwrap() + i64::try_from(step).unwrap());
    }
    times
}

/// The frames that a cut has, and the time of the first one.
fn expected(times: &[i64], from: i64, to: i64) -> (Vec<usize>, i64) {
    let inside: Vec<usize> = (0..times.len()).filter(|&i| (from..to).contains(&times[i])).collect();
    let shown = (0..times.len()).rfind(|&i| times[i] < from && end_of(times, i) > from);
    match (inside.first(), shown) {
        (Some(&first), _) if times[first] - from <= 100 => (inside.clone(), times[first]),
        (_, Some(shown)) => ([vec![shown], inside].concat(), from),
        (Some(&first), None) => (inside.clone(), times[first]),
        (None, None) => (Vec::new(), from),
    }
}

/// A file with its frames' times.
struct Film {
    name: &'static str,
    times: Vec<i64>,
    has_audio: bool,
}

/// Files of all formats with variable frame rates, B frames and edit lists.
fn films(place: &Place) -> Vec<Film> {
    write_sources(place);
    let encode = |output: &str, more: &[&str]| {
        let common = ["encode", "numbers.y4m", "-o", output, "-q", "60", "-g", "17", "-y"];
        place.ok(&[&common[..], more].concat());
    };
    encode("vp8.ivf", &["--speed", "5"]);
    encode("vp9.ivf", &["-c", "vp9", "--speed", "8"]);
    let mut rng = Rng::new(17);
    let even: Vec<i64> = (0..FRAMES).map(|n| 40 * i64::try_from(n).unwrap()).collect();
    let mut films = vec![Film { name: "numbers.y4m", times: even.clone(), has_audio: false }];
    films.push(Film { name: "vp8.ivf", times: even, has_audio: false });
    let mut add = |name: &'static str, video: &str, audio: Option<&str>, live: bool| {
        let times = variable_times(&mut rng);
        mux(place, video, audio, name, live, &times);
        films.push(Film { name, times, has_audio: audio.is_some() });
    };
    add("vp8.mkv", "vp8.ivf", Some("count.wav"), false);
    add("live.mkv", "vp8.ivf", Some("count.wav"), true);
    add("vp9.mkv", "vp9.ivf", Some("count.wav"), false);
    add("vp9.mp4", "vp9.ivf", Some("count.wav"), false);
    add("frag.mp4", "vp9.ivf", None, true);
    if cfg!(feature = "h264") {
        encode("h264.mp4", &["-c", "h264", "--knob", "bframes=3", "--speed", "5"]);
        add("b.mkv", "h264.mp4", Some("count.wav"), false);
        add("b.mp4", "h264.mp4", Some("count.wav"), false);
    }
    films
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// The time in the source, in samples, of the first and after the last sample of a file with PCM
/// audio, and the presentation time of the first one.
fn audio_range(place: &Place, name: &str) -> Option<(i64, i64, i64)> {
    let mut reader = open(place, name);
    let at = reader.select_audio()?;
    let base = reader.tracks()[at].time_base();
    let mut packet = CodedPacket::default();
    let mut found: Option<(i64, i64, i64)> = None;
    while reader.read(&mut packet).unwrap() {
        let values = packet.data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        for value in values {
            let index = i64::from(value.wrapping_add(32_000).cast_unsigned());
            match &mut found {
                None => {
                    let pts = packet.pts * i64::from(base.num) * i64::from(RATE);
                    found = Some((index, index + 1, pts / i64::from(base.den)));
                }
                Some((_, end, _)) => {
                    assert_eq!(index, *end, "{name}: samples are continuous");
                    *end += 1;
                }
            }
        }
    }
    found
}

/// The presentation time of the first frame in milliseconds.
fn first_frame_ms(place: &Place, name: &str) -> i64 {
    let mut reader = open(place, name);
    let at = reader.select_video().unwrap();
    let base = reader.tracks()[at].time_base();
    let mut packet = CodedPacket::default();
    let mut first = i64::MAX;
    while reader.read(&mut packet).unwrap() {
        if packet.shown {
            first = first.min(packet.pts * 1000 * i64::from(base.num) / i64::from(base.den));
        }
    }
    first
}

/// Checks that audio of `name` that was cut from `from_ms` on is in step with its video.
fn check_sync(place: &Place, name: &str, first_ms: i64, end_ms: Option<i64>, case: &str) {
    let Some((first, end, pts)) = audio_range(place, name) else { panic!("{case}: no audio") };
    let rate = i64::from(RATE);
    let audio_ms = (first - pts) * 1000 / rate;
    let video_ms = first_ms - first_frame_ms(place, name);
    assert!((audio_ms - video_ms).abs() <= 2, "{case}: audio {audio_ms} video {video_ms}");
    assert!((first * 1000 / rate - first_ms).abs() <= 2, "{case}: audio begins at {first}");
    if let Some(end_ms) = end_ms {
        assert!((end * 1000 / rate - end_ms).abs() <= 2, "{case}: audio ends at {end}");
    }
}

#[test]
fn cuts_are_exact_to_the_frame_and_to_the_sample() {
    let place = Place::new();
    let films = films(&place);
    let mut rng = Rng::new(4);
    let mut below = |limit: i64| i64::try_from(rng.below(u64::try_from(limit).unwrap())).unwrap();
    for round in 0..30 {
        let film = &films[round % films.len()];
        let end = end_of(&film.times, FRAMES - 1);
        let from = below(end - 30);
        let to = from + 1 + below(end - from - 1);
        let (frames, first_ms) = expected(&film.times, from, to);
        let case = format!("{} from {from} to {to}", film.name);
        let (from, to) = (seconds(from), seconds(to));
        let cut = ["--from", &from, "--to", &to];
        place.ok(&[&["decode", film.name, "-o", "out.y4m", "-y"][..], &cut].concat());
        assert_eq!(numbers(&place.read("out.y4m")), frames, "{case}");
        // A pipe is read from the start, if its index comes first.
        if !film.name.ends_with("mp4") {
            let piped = [&["decode", "-", "--md5"][..], &cut].concat();
            let piped = place.feed(&piped, &place.read(film.name));
            assert_eq!(piped.code, 0, "{case}: {}", piped.err);
            let whole = [&["decode", film.name, "--md5"][..], &cut].concat();
            assert_eq!(piped.out, place.ok(&whole).out, "{case}");
        }
        if film.has_audio {
            let output = ["--speed", "10", "-q", "40", "--audio-codec", "s16le", "-y"];
            let transcode = ["transcode", film.name, "-o", "out.mkv"];
            place.ok(&[&transcode[..], &cut, &output].concat());
            let to_ms = film.times[frames[0]].max(first_ms);
            assert!(to_ms <= first_ms, "{case}");
            check_sync(&place, "out.mkv", first_ms, Some(to_ms_of(&to)), &case);
        }
    }
}

fn to_ms_of(text: &str) -> i64 {
    let (seconds, ms) = text.split_once('.').unwrap();
    seconds.parse::<i64>().unwrap() * 1000 + ms.parse::<i64>().unwrap()
}

#[test]
fn copies_begin_at_key_frames_and_play_without_a_warning() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let films = films(&place);
    let mut rng = Rng::new(9);
    for round in 0..16 {
        let film = &films[1 + round % (films.len() - 1)];
        let end = end_of(&film.times, FRAMES - 1);
        let from = i64::try_from(rng.below(u64::try_from(end * 2 / 3).unwrap())).unwrap();
        let to = from + end / 4;
        let output = if film.name.ends_with("mp4") { "copy.mp4" } else { "copy.mkv" };
        let case = format!("{} from {from} to {to}", film.name);
        let (from_s, to_s) = (seconds(from), seconds(to));
        let copy = ["transcode", film.name, "-o", output, "--copy", "-y"];
        let run = place.ok(&[&copy[..], &["--from", &from_s, "--to", &to_s]].concat());
        place.ok(&["decode", output, "-o", "out.y4m", "-y"]);
        let found = numbers(&place.read("out.y4m"));
        let (first, last) = (found[0], *found.last().unwrap());
        // Every 17th frame is a key frame.
        let key = (0..FRAMES).rfind(|&n| film.times[n] <= from && n % 17 == 0).unwrap();
        assert_eq!(first, key, "{case}: {}", run.err);
        assert!(found.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{case}: {found:?}");
        let last_needed = (0..FRAMES).rfind(|&n| film.times[n] < to).unwrap();
        assert!((last_needed..last_needed + 4).contains(&last), "{case}: {last_needed} {last}");
        let begins = format!("begins at {} s", seconds(film.times[key]));
        assert_eq!(run.err.contains(&begins), film.times[key] != from, "{case}: {}", run.err);
        if film.has_audio {
            check_sync(&place, output, film.times[key], None, &case);
        }
        if has_ffmpeg() {
            let mut ffmpeg = Command::new("ffmpeg");
            // Times of a variable frame rate stay as they are.
            let times = ["-fps_mode", "passthrough", "-enc_time_base", "-1"];
            ffmpeg.args(["-v", "warning", "-nostdin", "-i", output]).args(times);
            ffmpeg.args(["-f", "null", "-"]);
            let said = ffmpeg.current_dir(place.dir.path()).output().unwrap();
            let said = String::from_utf8_lossy(&said.stderr).into_owned();
            let is_about_pcm = |line: &&str| line.starts_with("Guessed Channel Layout");
            let warnings: Vec<_> = said.lines().filter(|line| !is_about_pcm(line)).collect();
            assert!(warnings.is_empty(), "{case}: {said}");
        }
    }
}

#[test]
fn open_groups_of_pictures_are_decoded_from_an_idr_frame() {
    if !has_ffmpeg() || !cfg!(feature = "h264") {
        return;
    }
    let place = Place::new();
    write_sources(&place);
    let x264 = "open-gop=1:keyint=20:min-keyint=20:bframes=3:b-pyramid=normal:scenecut=0";
    for output in ["open.mp4", "open.mkv"] {
        let coded = ["-c:v", "libx264", "-x264-params", x264, "-pix_fmt", "yuv420p", "-y", output];
        place.ffmpeg(&[&["-i", "numbers.y4m"][..], &coded].concat());
        // Times of leading frames, before a key frame that is stored first.
        for from in [30, 59, 61, 78, 80, 99] {
            let from_s = seconds(from * 40);
            let cut = ["--from", &from_s, "--duration", "80ms"];
            place.ok(&[&["decode", output, "-o", "out.y4m", "-y"][..], &cut].concat());
            let first = usize::try_from(from).unwrap();
            let last = (first + 2).min(FRAMES);
            let found = numbers(&place.read("out.y4m"));
            assert_eq!(found, (first..last).collect::<Vec<_>>(), "{output} from {from_s}");
        }
        let copy = ["transcode", output, "-o", "copy.mp4", "--copy", "--from", "3", "-y"];
        place.ok(&copy);
        place.ffmpeg(&["-xerror", "-i", "copy.mp4", "-f", "null", "-"]);
    }
}

#[test]
fn encoded_audio_is_cut_in_step_with_the_video() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let clip =
        ["generate", "clapper", "-o", "c.mkv", "--size", "160x96", "--fps", "25", "-n", "500"];
    place.ok(&clip);
    let opus = ["--audio-codec", "opus", "--speed", "10", "-g", "50", "-y"];
    let files = [("in.webm", "a.webm"), ("in.mp4", "a.mp4"), ("in.mkv", "a.mkv")];
    for (turn, (input, output)) in files.into_iter().enumerate() {
        place.ok(&[&["transcode", "c.mkv", "-o", input][..], &opus].concat());
        // Copied packets, and encoded ones.
        let ways =
            [&["--copy"][..], &["--speed", "10"], &["--audio-codec", "opus", "--speed", "10"]];
        for more in depth::in_turn(turn, ways) {
            let cut = ["--from", "7.021", "--to", "0:16.52", "-y"];
            place.ok(&[&["transcode", input, "-o", output][..], &cut, more].concat());
            let distances = super::audio::all_distances(&place, output);
            assert!(distances.len() >= 3, "{output} {more:?}: {distances:?}");
            assert!(distances.iter().all(|d| d.abs() < 0.005), "{output} {more:?}: {distances:?}");
            // Packets that only prepare the decoder are not early audio.
            let joined = place.ok(&["concat", output, output, "-o", "twice.mkv", "-y"]);
            assert!(!joined.err.contains("the audio begins"), "{output} {more:?}: {}", joined.err);
            let twice = super::audio::all_distances(&place, "twice.mkv");
            assert!(twice.len() >= 2 * distances.len() - 1, "{output} {more:?}: {twice:?}");
            assert!(twice.iter().all(|d| d.abs() < 0.005), "{output} {more:?}: {twice:?}");
        }
    }
}

#[test]
fn wrong_cuts_are_named() {
    let place = Place::new();
    write_sources(&place);
    place.ok(&["encode", "numbers.y4m", "-o", "a.webm", "--speed", "10"]);
    let decode = |more: &[&'static str]| [&["decode", "a.webm", "--md5"][..], more].concat();
    place.fails(2, "the video ends at 4.000 s", &decode(&["--from", "4"]));
    place.fails(2, "must be after --from 2", &decode(&["--from", "2", "--to", "1.5"]));
    place.fails(2, "not a negative one", &decode(&["--from", "-1"]));
    place.fails(2, "above 0", &decode(&["--duration", "0"]));
    for frames in [["--skip", "5"], ["-n", "5"]] {
        for times in [["--from", "1"], ["--to", "2"], ["--duration", "1"]] {
            place.fails(2, "cannot be used with", &decode(&[frames, times].concat()));
        }
    }
    place.fails(2, "cannot be used with", &decode(&["--to", "2", "--duration", "1"]));
    let late = place.ok(&decode(&["--from", "3", "--to", "9"]));
    assert!(late.err.contains("ends at 4.000 s, before --to 9"), "{}", late.err);
    let copy = ["transcode", "a.webm", "-o", "b.webm", "--copy"];
    place.fails(
        2,
        "--resize cannot be used with --copy",
        &[&copy[..], &["--resize", "64x64"]].concat(),
    );
    place.fails(
        2,
        "help: encode it without --copy",
        &["transcode", "a.webm", "-o", "b.h264", "--copy"],
    );
    place.fails(2, "requires encoded", &["transcode", "numbers.y4m", "-o", "b.webm", "--copy"]);
    place.fails(2, "the video ends", &["snapshot", "a.webm", "--time", "5", "-o", "a.png"]);
    place.ok(&["snapshot", "a.webm", "--time", "0:02.5", "-o", "a.png"]);
}

#[test]
fn other_commands_read_the_same_part() {
    let place = Place::new();
    write_sources(&place);
    let whole = ["encode", "numbers.y4m", "-o", "a.webm", "--speed", "10", "-q", "60", "-g", "20"];
    place.ok(&whole);
    let part = ["--from", "2.2", "--duration", "0.6"];
    place.ok(&[&["encode", "numbers.y4m", "-o", "cut.webm", "-q", "60"][..], &part].concat());
    let of = |arguments: &[&str]| place.json(arguments);
    let found = of(&["metrics", "numbers.y4m", "cut.webm", "--ref-from", "2.2", "--json"]);
    assert_eq!(found["frames_compared"], 15, "{found}");
    assert!(found["psnr_y_min"].as_f64() > Some(28.0), "{found}");
    let found = of(&[&["metrics", "numbers.y4m", "a.webm", "--json"][..], &part].concat());
    assert_eq!((&found["frames_compared"], &found["unmatched_reference"]), (&15.into(), &0.into()));
    assert_eq!(found["frames"][0]["time_s"], 2.2);
    place.ok(&[&["inspect", "a.webm", "-o", "r.json"][..], &part].concat());
    let report: serde_json::Value = serde_json::from_slice(&place.read("r.json")).unwrap();
    let rows = report["frames"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["shown"] == true).count(), 15);
    assert_eq!(rows.iter().find(|row| row["shown"] == true).unwrap()["pts"], 2200);
    place.ok(&[&["bench", "a.webm", "--repeat", "1", "--warm-up", "0"][..], &part].concat());
    let simulate = ["simulate", "a.webm", "-b", "100k", "--json", "--from", "1", "--to", "2"];
    assert_eq!(of(&simulate)["frames"]["captured"].as_u64().unwrap_or(25), 25);
    place.ok(&[&["mix", "count.wav", "-o", "mix.wav"][..], &part].concat());
    let probe = of(&["probe", "mix.wav", "--json"]);
    assert_eq!(probe["tracks"][0]["duration_s"], 0.6, "{probe}");
}

#[test]
fn frame_rates_are_converted_by_time() {
    let place = Place::new();
    write_sources(&place);
    let converted = |fps: &str| {
        place.ok(&["decode", "numbers.y4m", "-o", "out.y4m", "--fps", fps, "-y"]);
        numbers(&place.read("out.y4m"))
    };
    // Every second frame: the one before the middle of each new interval.
    let half = converted("half");
    assert_eq!(half, (0..50).map(|n| 2 * n).collect::<Vec<_>>());
    let double = converted("50");
    assert_eq!(double, (0..200).map(|n| n / 2).collect::<Vec<_>>());
    let more = converted("30000/1001");
    assert_eq!(more.len(), 120);
    assert!(more.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] <= pair[0] + 1), "{more:?}");
    let run = place.ok(&["encode", "numbers.y4m", "-o", "a.webm", "--fps", "10", "--speed", "10"]);
    assert!(run.err.contains("60 dropped and 0 repeated by --fps"), "{}", run.err);
    let probe = place.json(&["probe", "a.webm", "--json"]);
    assert_eq!(probe["tracks"][0]["duration_s"], 4.0, "{probe}");
    place.fails(2, "or half", &["decode", "numbers.y4m", "--md5", "--fps", "0"]);
}

#[test]
fn files_are_joined_with_continuous_times() {
    let place = Place::new();
    let films = films(&place);
    let with_audio = |name: &str| films.iter().find(|film| film.name == name).unwrap();
    let (one, two) = (with_audio("vp8.mkv"), with_audio("live.mkv"));
    let copied =
        place.ok(&["concat", one.name, two.name, "-o", "all.mkv", "--audio-codec", "s16le"]);
    assert!(copied.err.contains("without encoding"), "{}", copied.err);
    assert!(copied.err.contains("after the video: cutting the audio"), "{}", copied.err);
    place.ok(&["decode", "all.mkv", "-o", "out.y4m"]);
    let found = numbers(&place.read("out.y4m"));
    assert_eq!(found, (0..FRAMES).chain(0..FRAMES).collect::<Vec<_>>());
    let length = end_of(&one.times, FRAMES - 1);
    let (_, frames) = video_times(&place, "all.mkv");
    let times: Vec<i64> =
        one.times.iter().copied().chain(two.times.iter().map(|time| time + length)).collect();
    assert_eq!(frames, times);
    // Other codecs are encoded, in step.
    let encoded =
        place.ok(&["concat", one.name, "vp9.mp4", "-o", "all.webm", "--speed", "10", "-y"]);
    assert!(encoded.err.contains("encoding them"), "{}", encoded.err);
    let (_, frames) = video_times(&place, "all.webm");
    assert_eq!(frames.len(), 2 * FRAMES);
    let silent = place.ok(&["concat", "vp8.ivf", one.name, "-o", "s.webm", "-y"]);
    assert!(silent.err.contains("vp8.ivf: no audio: adding silence"), "{}", silent.err);
    place.ok(&["generate", "talking-head", "-o", "other.y4m", "--size", "64x48", "-n", "5"]);
    let sizes = ["concat", "numbers.y4m", "other.y4m", "-o", "no.webm"];
    place.fails(2, "other.y4m has frames of 64x48, but numbers.y4m has 160x32", &sizes);
    place.ok(&[&sizes[..], &["--resize", "64x48", "--speed", "10"]].concat());
}

/// Codec and presentation times, in milliseconds, of the video of a file.
fn video_times(place: &Place, name: &str) -> (&'static str, Vec<i64>) {
    let mut reader = open(place, name);
    let at = reader.select_video().unwrap();
    let (codec, base) = (reader.tracks()[at].codec_name(), reader.tracks()[at].time_base());
    let mut packet = CodedPacket::default();
    let mut times = Vec::new();
    while reader.read(&mut packet).unwrap() {
        if packet.shown {
            times.push(packet.pts * 1000 * i64::from(base.num) / i64::from(base.den));
        }
    }
    times.sort_unstable();
    (codec, times)
}

#[test]
fn audio_files_are_joined_in_every_audio_format() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    write_sources(&place);
    let parts = ["concat", "count.wav", "count.wav", "-o"];
    for output in ["out.wav", "out.opus", "out.ogg", "out.flac", "out.webm"] {
        place.ok(&[&parts[..], &[output]].concat());
        let probe = place.json(&["probe", output, "--json"]);
        assert_eq!(probe["tracks"].as_array().unwrap().len(), 1, "{output}: {probe}");
        place.ok(&["decode", output, "-o", "back.wav", "-y"]);
        let decoded = place.json(&["probe", "back.wav", "--json"]);
        let seconds = decoded["tracks"][0]["duration_s"].as_f64().unwrap();
        assert!((seconds - 32.0).abs() < 0.05, "{output}: {seconds} s");
    }
    // The audio of files with video.
    let both = ["transcode", "numbers.y4m", "-o", "numbers.webm", "--speed", "10"];
    place.ok(&both);
    let video = ["concat", "numbers.webm", "numbers.webm", "-o", "video.wav"];
    let run = place.run(&video);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("video dropped: wav cannot hold video"), "{}", run.err);
}

#[test]
fn the_end_of_raw_video_is_known() {
    let place = Place::new();
    write_sources(&place);
    // 100 frames at 25 frames per second.
    for command in [
        &["transcode", "numbers.y4m", "-o", "a.ivf", "--from", "500"][..],
        &["decode", "numbers.y4m", "--null", "--from", "500"],
        &["snapshot", "numbers.y4m", "-o", "a.png", "--time", "500"],
    ] {
        let run = place.fails(2, "no frame at or after 500", command);
        assert!(run.err.contains("the video ends at 4.000 s"), "{}", run.err);
        assert!(!run.err.contains("--from"), "{}", run.err);
    }
}
