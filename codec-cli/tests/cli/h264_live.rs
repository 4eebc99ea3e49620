//! H.264 over RTP and WebRTC, between commands and to and from other programs.

use std::process::{Command, Stdio};

use super::net::{Running, packets, receiver};
use super::whip::{Server, interrupt};
use super::{Place, at_once, depth, has_ffmpeg};

const FRAMES: u64 = 90;

/// A place with `talk.mp4`: H.264 without B-frames and AAC, and `film.mp4` with B-frames.
fn place() -> Option<Place> {
    if !has_ffmpeg() {
        return None;
    }
    let place = Place::new();
    let video = ["-f", "lavfi", "-i", "testsrc2=size=192x144:rate=30"];
    let audio = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    let common = ["-t", "3", "-c:v", "libx264", "-g", "30", "-c:a", "aac", "-y"];
    let talk = ["-preset", "superfast", "-tune", "zerolatency", "-profile:v", "baseline"];
    place.ffmpeg(&[&video[..], &audio, &common, &talk, &["talk.mp4"]].concat());
    place.ffmpeg(&[&video[..], &common, &["-preset", "medium", "-bf", "2", "film.mp4"]].concat());
    Some(place)
}

/// MD5 of the decoded frames of a file, by ffmpeg.
fn frames_md5(place: &Place, file: &str) -> String {
    let args = ["-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "md5", "-"];
    String::from_utf8(place.ffmpeg(&args)).unwrap()
}

#[test]
fn files_are_sent_without_encoding() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let original = frames_md5(&place, "talk.mp4");
    let cases = [
        ("rtp://127.0.0.1:0", "rtp.mkv"),
        ("rtp://127.0.0.1:0", "rtp.mp4"),
        ("tcp://127.0.0.1:0", "tcp.mkv"),
        ("udp://127.0.0.1:0", "udp.mp4"),
    ];
    at_once(cases, |(url, out)| {
        let (running, address) = receiver(&place, url, &["-o", out]);
        let run = place.ok(&["send", "talk.mp4", &url.replace("127.0.0.1:0", &address)]);
        assert!(run.err.contains("h264 sent without re-encoding"), "{}", run.err);
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        let counts = packets(&place, out);
        assert_eq!(counts[0], FRAMES, "{url}: {said}");
        assert!(counts[1] >= 140, "{url}: {counts:?} packets of Opus");
        assert_eq!(frames_md5(&place, out), original, "{url}");
    });
    // With an encoder option it is encoded.
    let (running, address) = receiver(&place, "tcp://127.0.0.1:0", &["-o", "vp8.webm"]);
    place.ok(&["send", "talk.mp4", &format!("tcp://{address}"), "-b", "200k"]);
    assert_eq!(running.end().0, 0);
    let probe = place.json(&["probe", "vp8.webm", "--json"]);
    assert_eq!(probe["tracks"][0]["codec"], "vp8", "{probe}");
}

#[test]
fn reordered_frames_keep_their_order_and_times() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let original = frames_md5(&place, "film.mp4");
    let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", "film.mkv"]);
    place.ok(&["send", "film.mp4", &format!("rtp://{address}"), "--copy"]);
    let (code, said) = running.end();
    assert_eq!(code, 0, "{said}");
    assert_eq!(packets(&place, "film.mkv"), [FRAMES], "{said}");
    assert_eq!(frames_md5(&place, "film.mkv"), original);
    let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", "film.y4m"]);
    place.ok(&["send", "film.mp4", &format!("rtp://{address}"), "--copy"]);
    assert_eq!(running.end().0, 0);
    assert_eq!(super::y4m_frames(&place.read("film.y4m")).len() as u64, FRAMES);
    assert_eq!(frames_md5(&place, "film.y4m"), original);
}

#[test]
fn formats_that_cannot_hold_h264_say_so() {
    let Some(place) = place() else { return };
    let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", "out.webm"]);
    place.run(&["send", "talk.mp4", &format!("rtp://{address}"), "--no-audio"]);
    let (code, said) = running.end();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("webm cannot hold h264 video") && said.contains(".mkv"), "{said}");
    let key = ["send", "talk.mp4", "rtp://127.0.0.1:9", "--copy", "--e2ee-key", "key"];
    std::fs::write(place.path("key"), [b'a'; 64]).unwrap();
    place.fails(2, "--e2ee-key cannot be used with h264", &key);
    let mode = ["send", "talk.mp4", "rtp://127.0.0.1:9?plain&packetization-mode=2"];
    place.fails(2, "expected 0 or 1", &mode);
}

/// A free port with a free one two above it.
fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() & !1
}

#[test]
fn ffmpeg_receives_both_packetization_modes() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    place.ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=192x144:rate=30",
        "-frames:v",
        "90",
        "-c:v",
        "libx264",
        "-preset",
        "superfast",
        "-tune",
        "zerolatency",
        "-x264-params",
        "slice-max-size=1000:keyint=30",
        "-y",
        "slices.mkv",
    ]);
    at_once([("talk.mp4", 1), ("slices.mkv", 0)], |(file, mode)| {
        let sdp_file = format!("{mode}.sdp");
        let port = free_port();
        let url = format!("rtp://127.0.0.1:{port}?plain&packetization-mode={mode}");
        // The description is needed before the packets.
        let describe =
            ["send", file, &url, "--no-audio", "--copy", "-n", "1", "--sdp", &sdp_file, "-y"];
        place.ok(&describe);
        let sdp = String::from_utf8(place.read(&sdp_file)).unwrap();
        for part in ["H264/90000", "sprop-parameter-sets=", &format!("packetization-mode={mode}")] {
            assert!(sdp.contains(part), "no {part}: {sdp}");
        }
        let ffmpeg = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-protocol_whitelist", "file,rtp,udp"])
            .args(["-i", &sdp_file, "-frames:v", "60", "-f", "null", "-"])
            .current_dir(place.path(""))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        place.ok(&["send", file, &url, "--no-audio", "--copy", "--loop", "--duration", "6s"]);
        let output = ffmpeg.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "mode {mode}: {said}");
    });
    let whole = ["send", "talk.mp4", "rtp://127.0.0.1:9?plain&packetization-mode=0", "--copy"];
    place.fails(2, "packetization mode 0", &whole);
}

/// Sends H.264 with a program to a receiver that writes the file `out`, and returns the number of frames that arrive.
fn received_from(place: &Place, sdp: &str, sender: &mut Command, out: &str) -> u64 {
    let description = format!("{out}.sdp");
    std::fs::write(place.path(&description), sdp).unwrap();
    let recv = ["recv", &description, "-o", out, "-y", "--max-idle", "3s", "--progress", "json"];
    let mut running = Running::start(&mut place.command(&recv));
    running.wait_for("\"listening\"");
    let output = sender.current_dir(place.path("")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (_, said) = running.end();
    assert!(place.has(out), "{said}");
    packets(place, out)[0]
}

fn description(port: u16, parameters: &str) -> String {
    format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 {parameters}\r\n"
    )
}

#[test]
fn streams_of_ffmpeg_are_recorded() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    at_once([0, 1], |mode| {
        let out = format!("{mode}.mkv");
        let port = free_port();
        let flags = if mode == 0 { "h264_mode0" } else { "skip_rtcp" };
        let url = format!("rtp://127.0.0.1:{port}?pkt_size=1200");
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i"]);
        ffmpeg.args(["testsrc2=size=192x144:rate=30", "-frames:v", "90", "-c:v", "libx264"]);
        ffmpeg.args(["-preset", "superfast", "-tune", "zerolatency", "-g", "30"]);
        ffmpeg.args(["-x264-params", "slice-max-size=1100", "-payload_type", "96"]);
        ffmpeg.args(["-rtpflags", flags, "-f", "rtp", &url]);
        let sdp = description(port, &format!("packetization-mode={mode};profile-level-id=64001e"));
        let frames = received_from(&place, &sdp, &mut ffmpeg, &out);
        assert!(frames >= 85, "mode {mode}: {frames}");
        place.ok(&["decode", &out, "--null"]);
    });
}

#[test]
fn gstreamer_sends_h264_and_receives_it() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let has = Command::new("gst-inspect-1.0").args(["x264enc"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no GStreamer with x264enc");
        return;
    }
    let port = free_port();
    let mut gst = Command::new("gst-launch-1.0");
    gst.args(["-q", "videotestsrc", "num-buffers=90", "is-live=true", "!"]);
    gst.args(["video/x-raw,width=192,height=144,framerate=30/1", "!", "x264enc"]);
    gst.args(["tune=zerolatency", "key-int-max=30", "!", "rtph264pay", "config-interval=-1"]);
    gst.args(["pt=96", "aggregate-mode=zero-latency", "!", "udpsink", "host=127.0.0.1"]);
    gst.arg(format!("port={port}"));
    let sdp = description(port, "packetization-mode=1;profile-level-id=640015");
    let frames = received_from(&place, &sdp, &mut gst, "in.mkv");
    assert!(frames >= 85, "{frames}");
    place.ok(&["decode", "in.mkv", "--null"]);

    let port = free_port();
    let caps = "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=102";
    let mut gst = Command::new("gst-launch-1.0");
    gst.args(["-q", "udpsrc", &format!("port={port}"), &format!("caps={caps}"), "!"]);
    gst.args(["rtph264depay", "!", "h264parse", "!", "avdec_h264", "!", "identity"]);
    gst.args(["eos-after=60", "!", "fakesink"]);
    let gst = gst.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let url = format!("rtp://127.0.0.1:{port}?plain");
    place.ok(&["send", "talk.mp4", &url, "--no-audio", "--loop", "--duration", "6s"]);
    let output = gst.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn servers_pass_h264_on_unless_they_do_not_accept_it() {
    if depth::skips_long() {
        return;
    }
    let Some(place) = place() else { return };
    let server = Server::start(&place, &[]);
    let watch = |name: &str| {
        let recv = ["recv", &server.whep(), "--token", super::whip::VIEW, "-o", name, "-n", "45"];
        place.ok(&[&recv[..], &["-y"]].concat());
        let probe = place.json(&["probe", name, "--json"]);
        (probe["tracks"][0]["codec"].as_str().unwrap().to_owned(), packets(&place, name)[0])
    };
    let send = |file: &str, server: &Server| {
        let whip = server.whip();
        let send = ["send", file, &whip, "--token", super::whip::PUBLISH, "--loop"];
        Running::start(&mut place.command(&send))
    };
    let stop = |sending: Running| {
        interrupt(&sending);
        let (code, said) = sending.end();
        assert_eq!(code, 130, "{said}");
    };
    let mut sending = send("talk.mp4", &server);
    sending.wait_for("h264 sent without re-encoding");
    assert_eq!(watch("copied.mkv"), ("h264".to_owned(), 45));
    stop(sending);
    // WebRTC receivers do not support B-frames.
    let mut sending = send("film.mp4", &server);
    sending.wait_for("vp8/native");
    sending.wait_for("connected");
    assert_eq!(watch("coded.webm"), ("vp8".to_owned(), 45));
    stop(sending);
    server.stop();
    let server = Server::start(&place, &["--video-codecs", "vp8"]);
    let mut sending = send("talk.mp4", &server);
    let note = sending.wait_for("encoding vp8 instead");
    assert!(note.contains("no supported video codec"), "{note}");
    sending.wait_for("connected");
    let recv = ["recv", &server.whep(), "--token", super::whip::VIEW, "-o", "x.webm", "-n", "45"];
    place.ok(&recv);
    stop(sending);
    let whip = server.whip();
    let copy = ["send", "talk.mp4", &whip, "--token", super::whip::PUBLISH, "--copy"];
    place.fails(8, "got H264", &copy);
    server.stop();
}
