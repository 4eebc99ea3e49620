//! Live streams of `send` and `recv`: to each other, and to and from other programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Place, at_once, depth, has_ffmpeg, y4m_frames};

/// A command running in the background, and its messages.
pub(super) struct Running {
    pub(super) child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines() {
                if line.map(|line| sender.send(line).is_err()).unwrap_or(true) {
                    return;
                }
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line with `word`.
    pub(super) fn wait_for(&mut self, word: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("no {word:?} printed: {:#?}", self.said));
            self.said.push(line.clone());
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Returns its exit code and all messages.
    pub(super) fn end(mut self) -> (i32, String) {
        let limit = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > limit {
                self.child.kill().unwrap();
                self.said.extend(self.lines.try_iter());
                panic!("it does not end: {:#?}", self.said);
            }
            thread::sleep(Duration::from_millis(20));
        };
        self.said.extend(self.lines.iter());
        let said = self.said.join("\n");
        assert!(!said.contains("panicked"), "{said}");
        (status.code().unwrap_or(-1), said)
    }
}

/// Starts a receiver; returns it and its listen address.
pub(super) fn receiver(place: &Place, url: &str, more: &[&str]) -> (Running, String) {
    let arguments = [&["recv", url, "--progress", "json"], more].concat();
    let mut running = Running::start(&mut place.command(&arguments));
    let line = running.wait_for("\"listening\"");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    (running, value["address"].as_str().unwrap().to_owned())
}

pub(super) fn packets(place: &Place, file: &str) -> Vec<u64> {
    let probe = place.json(&["probe", file, "--json"]);
    let tracks = probe["tracks"].as_array().unwrap();
    tracks.iter().map(|track| track["packets"].as_u64().unwrap()).collect()
}

/// Creates a place with a file of 45 frames and 1.5 s of audio.
pub(super) fn with_film() -> Place {
    let place = Place::with_clip("talking-head", "96x64", 45);
    place.ok(&["generate", "tone", "-o", "tone.opus", "-n", "45"]);
    place.ok(&["encode", "clip.y4m", "-o", "clip.ivf", "--preset", "rtc", "-b", "150k"]);
    place
}

/// With a 16-byte key and a 12-byte salt.
pub(super) const SRTP: &str =
    "srtp://127.0.0.1:0?suite=AEAD_AES_128_GCM&key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==";

#[test]
fn spatial_layers_arrive_as_superframes() {
    if depth::skips_long() {
        return;
    }
    let place = with_film();
    std::fs::write(place.path("some.key"), "5c".repeat(32)).unwrap();
    let layers = ["--codec", "vp9", "--layers", "L3T2_KEY", "-b", "300k", "-n", "20"];
    for (url, key) in [
        ("tcp://127.0.0.1:0", &[][..]),
        ("rtp://127.0.0.1:0", &[]),
        ("rtp://127.0.0.1:0", &["--e2ee-key", "some.key"]),
    ] {
        let recv = [&["-o", "out.ivf", "-y"], key].concat();
        let (running, address) = receiver(&place, url, &recv);
        let target = url.replace("127.0.0.1:0", &address);
        let sent = place.ok(&[&["send", "clip.y4m", &target], &layers[..], key].concat());
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        assert_eq!(packets(&place, "out.ivf"), [20], "{url}: {}", sent.err);
        // Every frame has the size of the highest layer.
        place.ok(&["decode", "out.ivf", "-o", "out.y4m", "-y"]);
        let frames = place.read("out.y4m");
        assert!(frames.starts_with(b"YUV4MPEG2 W96 H64 "));
        assert_eq!(y4m_frames(&frames).len(), 20, "{url}");
    }
}

#[test]
fn copied_packets_arrive_unchanged() {
    if depth::skips_long() {
        return;
    }
    let place = with_film();
    let cases = [
        ("tcp://127.0.0.1:0", "tcp.ivf"),
        ("udp://127.0.0.1:0", "udp.ivf"),
        ("ws://127.0.0.1:0/live", "ws.ivf"),
        ("rtp://127.0.0.1:0", "rtp.ivf"),
        (SRTP, "srtp.ivf"),
    ];
    at_once(cases, |(url, name)| {
        let (running, address) = receiver(&place, url, &["-o", name]);
        let target = url.replace("127.0.0.1:0", &address);
        place.ok(&["send", "clip.ivf", &target, "--copy"]);
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        assert!(said.contains("end of the input"), "{url}: {said}");
        let md5 = |file: &str| place.ok(&["decode", file, "--md5"]).text();
        assert_eq!(md5(name), md5("clip.ivf"), "{url}");
    });
}

#[test]
fn video_and_audio_are_encoded_sent_and_recorded_completely() {
    let place = Place::new();
    for url in ["tcp://127.0.0.1:0", "rtp://127.0.0.1:0"] {
        let recv = ["-o", "out.webm", "-y", "--stats", "r.ndjson"];
        let (running, address) = receiver(&place, url, &recv);
        let target = url.replace("127.0.0.1:0", &address);
        let source = "testsrc:size=96x64,audio=tone";
        let send =
            ["send", source, &target, "-b", "200k", "--duration", "2s", "--stats", "s.ndjson"];
        place.ok(&[&send[..], &["-y", "-n", "45"]].concat());
        let (code, said) = running.end();
        assert_eq!(code, 0, "{url}: {said}");
        let (sent, came) = (last_stats(&place, "s.ndjson"), last_stats(&place, "r.ndjson"));
        let counts = packets(&place, "out.webm");
        // A machine that stalls sends fewer frames in the two seconds.
        let frames = sent("video")["framesEncoded"].as_u64().unwrap();
        assert!((1..=45).contains(&frames), "{url}: {frames}");
        assert_eq!(counts[0], frames, "{url}: {said}");
        let sound = sent("audio")["packetsSent"].as_u64().unwrap();
        assert!((40..=sound).contains(&counts[1]), "{url}: {counts:?}");
        // Each line is JSON with getStats names.
        let stats = String::from_utf8(place.read("s.ndjson")).unwrap();
        assert!(stats.lines().count() >= 2);
        for line in stats.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["stats"][0]["type"], "outbound-rtp");
            assert!(line["stats"][0]["framesEncoded"].is_u64());
        }
        assert!(came("audio")["audioVideoOffsetMs"].is_number(), "{url}: {}", came("audio"));
        for kind in ["video", "audio"] {
            assert_eq!(came(kind)["packetsLost"], 0, "{url} {kind}");
            assert!(came(kind)["estimatedPlayoutTimestamp"].as_f64() > Some(4e12), "{url}");
        }
        let count = |id: &str| came(id)["packetsReceived"].as_u64().unwrap();
        if url.starts_with("rtp") {
            // Packets before the first frame belong to no session yet.
            assert!((40..=sound).contains(&count("audio")), "{} of {sound}", count("audio"));
            assert!(came("audio")["jitter"].is_number() && came("video")["jitter"].is_number());
            assert!(sent("remote-video")["packetsLost"].is_number(), "no report");
            // Streams are counted separately, and RTCP is extra.
            assert!(count("video") + count("audio") < count("pair"));
        } else {
            assert_eq!((count("video"), count("audio")), (frames, sound));
            assert_eq!(came("audio")["bytesReceived"], sent("audio")["bytesSent"]);
        }
    }
}

/// The last line of a statistics file: its objects by id.
fn last_stats(place: &Place, file: &str) -> impl Fn(&str) -> serde_json::Value {
    let text = String::from_utf8(place.read(file)).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    move |id| {
        let found = line["stats"].as_array().unwrap().iter().find(|it| it["id"] == id);
        found.unwrap_or_else(|| panic!("no {id} in {line}")).clone()
    }
}

#[test]
fn decoded_frames_equal_those_sent() {
    let place = with_film();
    let (running, address) = receiver(&place, "rtp://127.0.0.1:0", &["-o", "out.y4m"]);
    place.ok(&["send", "clip.ivf", &format!("rtp://{address}"), "--copy"]);
    assert_eq!(running.end().0, 0);
    place.ok(&["decode", "clip.ivf", "-o", "expected.y4m"]);
    let (got, expected) = (place.read("out.y4m"), place.read("expected.y4m"));
    assert_eq!(y4m_frames(&got).len(), 45);
    assert!(y4m_frames(&got) == y4m_frames(&expected), "different frames");
}

/// Forwards a connection with one bit flipped.
fn flipping(upstream: String, at: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut from, _) = listener.accept().unwrap();
        let mut to = TcpStream::connect(upstream).unwrap();
        let (mut buffer, mut passed) = ([0; 4096], 0);
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            if (passed..passed + len).contains(&at) {
                buffer[at - passed] ^= 0x04;
            }
            passed += len;
            if to.write_all(&buffer[..len]).is_err() {
                return;
            }
        }
    });
    address
}

#[test]
fn a_flipped_bit_is_reported_with_its_offset_and_earlier_data_kept() {
    let place = with_film();
    let (running, address) = receiver(&place, "tcp://127.0.0.1:0", &["-o", "out.ivf"]);
    let at = place.read("clip.ivf").len() / 2;
    let through = flipping(address, at);
    let sent = place.run(&["send", "clip.ivf", &format!("tcp://{through}"), "--copy"]);
    let (code, said) = running.end();
    assert_eq!(code, 4, "{said}");
    assert!(said.contains(&format!("bit 2 of byte {at} was flipped")), "{said}");
    assert_eq!(sent.code, 8, "{}", sent.err);
    let counts = packets(&place, "out.ivf");
    assert!((1..45).contains(&counts[0]), "{counts:?}");
}

#[test]
fn wrong_tokens_are_rejected_and_the_receiver_keeps_waiting() {
    if depth::skips_long() {
        return;
    }
    let place = with_film();
    let url = "ws://127.0.0.1:0/live";
    let (running, address) = receiver(&place, url, &["-o", "out.ivf", "--token", "s3cret"]);
    let target = format!("ws://{address}/live");
    place.fails(8, "a token is required", &["send", "clip.ivf", &target, "--copy"]);
    let wrong = ["send", "clip.ivf", &target, "--copy", "--token", "other"];
    place.fails(8, "invalid token", &wrong);
    place.ok(&["send", "clip.ivf", &target, "--copy", "--token", "s3cret"]);
    assert_eq!(running.end().0, 0);
    assert_eq!(packets(&place, "out.ivf"), [45]);
}

#[test]
fn silence_ends_a_receiver() {
    let place = Place::new();
    let idle = ["recv", "udp://127.0.0.1:0", "--null", "--max-idle", "0.2"];
    place.fails(8, "no data received for 0.2 s", &idle);
    let nobody = ["send", "testsrc:size=32x32", "ws://127.0.0.1:1/x?listen=maybe"];
    place.fails(2, "listen=maybe", &nobody);
    place.fails(2, "scheme ftp", &["recv", "ftp://host:1", "--null"]);
    place.fails(2, "no port", &["send", "testsrc:size=32x32", "rtp://127.0.0.1"]);
    let netem = ["send", "testsrc:size=32x32", "tcp://127.0.0.1:1", "--netem", "loss=1%"];
    place.fails(2, "--netem cannot be used with tcp, only with rtp, srtp and udp", &netem);
}

#[cfg(unix)]
#[test]
fn interrupts_end_both_ends_cleanly() {
    if depth::skips_long() {
        return;
    }
    for (interrupts_sender, url) in [(true, "rtp"), (false, "rtp"), (true, "tcp"), (false, "tcp")] {
        let place = Place::new();
        let listen = format!("{url}://127.0.0.1:0");
        let (mut receiving, address) = receiver(&place, &listen, &["-o", "out.webm"]);
        let target = format!("{url}://{address}");
        let send = ["send", "testsrc:size=64x48", &target, "--progress", "json"];
        let mut sending = Running::start(&mut place.command(&send));
        receiving.wait_for("\"progress\"");
        sending.wait_for("\"progress\"");
        let child = if interrupts_sender { &sending.child } else { &receiving.child };
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        let (send_code, send_said) = sending.end();
        let (recv_code, recv_said) = receiving.end();
        let codes = if interrupts_sender { (130, 0) } else { (8, 130) };
        assert_eq!((send_code, recv_code), codes, "{url}: {send_said}\n{recv_said}");
        assert!(packets(&place, "out.webm")[0] > 0);
    }
}

/// Kills a sender after another has started. Returns the frames of the recording, its length in
/// seconds, and the receiver's messages.
fn restarted(url: &str) -> (u64, f64, String) {
    let place = Place::new();
    let (mut recv, address) = receiver(&place, url, &["-o", "out.webm", "--max-idle", "30s"]);
    let target = url.replace("127.0.0.1:0", &address);
    let send = |frames: &str| {
        let source = "testsrc:size=96x64,audio=tone";
        let arguments = ["send", source, &target, "-b", "100k", "-n", frames, "--duration", "40s"];
        Running::start(&mut place.command(&[&arguments[..], &["--progress", "json"]].concat()))
    };
    let mut first = send("1200");
    recv.wait_for("127.0.0.1:");
    thread::sleep(Duration::from_secs(2));
    let second = send("210");
    thread::sleep(Duration::from_secs(1));
    let said: Vec<_> = recv.lines.try_iter().collect();
    assert!(!said.iter().any(|line| line.contains("restart")), "{url}: hijacked: {said:#?}");
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    recv.wait_for("\"restart\"");
    assert_eq!(second.end().0, 0, "{url}");
    let (code, said) = recv.end();
    assert_eq!(code, 0, "{url}: {said}");
    assert!(said.contains("end of the input"), "{url}: {said}");
    let probe = place.json(&["probe", "out.webm", "--json"]);
    let track = &probe["tracks"][0];
    let frames = track["packets"].as_u64().unwrap();
    place.ok(&["decode", "out.webm", "--null"]);
    (frames, track["duration_s"].as_f64().unwrap_or(0.0), format!("{probe} {said}"))
}

#[test]
fn a_restarted_sender_is_followed_and_a_live_one_is_not_replaced() {
    if depth::skips_long() {
        return;
    }
    let urls = ["udp://127.0.0.1:0", "rtp://127.0.0.1:0", SRTP];
    let runs = urls.map(|url| (url, thread::spawn(move || restarted(url))));
    for (url, run) in runs {
        let (frames, seconds, said) = run.join().unwrap();
        // Three seconds of the first sender, three of silence, at least two of the second.
        assert!(frames >= 130, "{url}: {frames} frames: {said}");
        assert!(seconds >= 7.0, "{url}: {seconds} s: {said}");
    }
}

#[test]
fn packets_with_another_srtp_key_are_reported() {
    if depth::skips_long() {
        return;
    }
    let place = with_film();
    let (running, address) = receiver(&place, SRTP, &["-o", "out.ivf", "--max-idle", "3s"]);
    let target = SRTP.replace("127.0.0.1:0", &address).replace("key=AAEC", "key=BBEC");
    place.ok(&["send", "clip.ivf", &target, "--copy"]);
    let (code, said) = running.end();
    assert_eq!(code, 8, "{said}");
    assert!(said.contains("packets failed SRTP authentication"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_description_with_a_key_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let place = with_film();
    let mode = |scheme: &str| {
        let target = format!("{scheme}://127.0.0.1:9");
        place.ok(&["send", "clip.ivf", &target, "--copy", "-n", "1", "--sdp", "s.sdp", "-y"]);
        std::fs::metadata(place.path("s.sdp")).unwrap().permissions().mode() & 0o777
    };
    assert_ne!(mode("rtp") & 0o044, 0, "a description without a key is an ordinary file");
    assert_eq!(mode("srtp"), 0o600);
}

/// A port that was free a moment ago, as was the next one.
fn free_port() -> u16 {
    loop {
        let first = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port.is_multiple_of(2)
            && port < 65_000
            && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok()
        {
            return port;
        }
    }
}

/// Digests of the frames that ffmpeg receives when `clip.ivf` is sent to `target`. It waits long for
/// packets that a busy system delivers in another order, because the clip has one key frame.
fn received_by_ffmpeg(place: &Place, target: &str) -> Vec<String> {
    place.ok(&["send", "clip.ivf", target, "--copy", "-n", "1", "--sdp", "a.sdp", "-y"]);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.current_dir(place.dir.path()).args(["-nostdin", "-y", "-v", "debug"]);
    ffmpeg.args(["-protocol_whitelist", "file,udp,rtp,srtp"]);
    ffmpeg.args(["-max_delay", "10000000", "-i", "a.sdp"]);
    ffmpeg.args(["-fps_mode", "passthrough", "-frames:v", "45", "-f", "framemd5", "got.md5"]);
    let mut ffmpeg = Running::start(&mut ffmpeg);
    ffmpeg.wait_for("setting jitter buffer size");
    thread::sleep(Duration::from_millis(300));
    place.ok(&["send", "clip.ivf", target, "--copy"]);
    let (code, said) = ffmpeg.end();
    assert_eq!(code, 0, "{said}");
    sums(&String::from_utf8(place.read("got.md5")).unwrap())
}

/// Digests of the frames of `clip.ivf`.
fn picture_sums(place: &Place) -> Vec<String> {
    sums(&place.ok(&["decode", "clip.ivf", "--framemd5"]).text())
}

fn sums(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split([',', ' ']).next_back().unwrap().trim().to_owned()).collect()
}

#[test]
fn ffmpeg_receives_every_frame() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = with_film();
    let target = format!("rtp://127.0.0.1:{}?plain", free_port());
    assert_eq!(received_by_ffmpeg(&place, &target), picture_sums(&place));
}

/// Like [`SRTP`], with the default suite: 30 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";

#[test]
fn ffmpeg_interoperates_with_encryption() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = with_film();
    // From ffmpeg.
    let port = free_port();
    let url = format!("srtp://127.0.0.1:{port}?key={KEY}");
    let (running, _) = receiver(&place, &url, &["-o", "got.ivf", "-n", "45"]);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.current_dir(place.dir.path()).args(["-nostdin", "-y", "-v", "error", "-re"]);
    ffmpeg.args(["-i", "clip.ivf", "-c:v", "copy", "-f", "rtp"]);
    ffmpeg.args(["-srtp_out_suite", "AES_CM_128_HMAC_SHA1_80", "-srtp_out_params", KEY]);
    ffmpeg.arg(format!("srtp://127.0.0.1:{port}"));
    let sent = ffmpeg.stdout(Stdio::null()).output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let (code, said) = running.end();
    assert_eq!(code, 0, "{said}");
    let md5 = |file: &str| place.ok(&["decode", file, "--md5"]).text();
    assert_eq!(md5("got.ivf"), md5("clip.ivf"));
    // To ffmpeg.
    let url = format!("srtp://127.0.0.1:{}?plain&key={KEY}", free_port());
    assert_eq!(received_by_ffmpeg(&place, &url), picture_sums(&place));
}

#[test]
fn frames_from_ffmpeg_are_received_one_by_one() {
    if depth::skips_long() {
        return;
    }
    if !has_ffmpeg() {
        return;
    }
    let place = Place::with_clip("talking-head", "96x64", 45);
    let target = format!("rtp://127.0.0.1:{}", free_port());
    let ffmpeg = |frames: &str, sdp: &str| {
        let mut command = Command::new("ffmpeg");
        command.current_dir(place.dir.path()).args(["-nostdin", "-y", "-v", "error", "-re"]);
        command.args(["-i", "clip.y4m", "-c:v", "libvpx", "-deadline", "realtime", "-b:v", "300k"]);
        command.args(["-frames:v", frames, "-f", "rtp", "-rtpflags", "send_bye"]);
        command.args(["-sdp_file", sdp, &target]);
        command.stdout(Stdio::null()).output().unwrap()
    };
    let first = ffmpeg("1", "a.sdp");
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let more = ["-o", "out.ivf", "--max-idle", "5s"];
    let (running, _) = receiver(&place, "a.sdp", &more);
    assert!(ffmpeg("45", "b.sdp").status.success());
    let (code, said) = running.end();
    assert_eq!(code, 0, "{said}");
    assert_eq!(packets(&place, "out.ivf"), [45], "{said}");
}
