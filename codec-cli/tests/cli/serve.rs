//! Streams published by `codec serve`, as received by `codec recv`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::audio::{all_distances, tracks};
use super::{Place, Run, depth};

/// A server running in the background.
pub(super) struct Server {
    child: Child,
    /// Host and port.
    pub(super) address: String,
    /// Its messages before it was ready.
    said: String,
}

impl Server {
    pub(super) fn start(place: &Place, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut command = place.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut server = Self { child, address: String::new(), said: String::new() };
        while server.address.is_empty() {
            let said = &server.said;
            let line = lines.next().unwrap_or_else(|| panic!("{arguments:?}: {said}")).unwrap();
            server.said += &format!("{line}\n");
            if let Some((_, rest)) = line.split_once("http://") {
                rest.split('/').next().unwrap().clone_into(&mut server.address);
            }
        }
        // Later messages are read too, so that it never blocks on its output.
        thread::spawn(move || lines.for_each(drop));
        server
    }

    /// Records this many frames of several streams at the same time, each to NAME.webm.
    fn record(&self, place: &Place, streams: &[(&str, &str)]) {
        let children: Vec<Child> = streams
            .iter()
            .map(|(name, frames)| {
                let url = format!("ws://{}/view/{name}?connect", self.address);
                let output = format!("{name}.webm");
                let arguments = ["recv", &url, "-o", &output, "-n", frames];
                let mut command = place.command(&arguments);
                command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for (child, (name, _)) in children.into_iter().zip(streams) {
            let run = Run::of(child.wait_with_output().unwrap(), &["recv", name]);
            assert_eq!(run.code, 0, "{name}: {}", run.err);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn audio_is_published_with_the_video() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let server = Server::start(
        &place,
        &["tone=testsrc:size=96x64,audio=tone", "mute=testsrc:size=96x64,fps=15", "-b", "200k"],
    );
    assert!(server.said.contains("64 kb"), "{}", server.said);
    server.record(&place, &[("tone", "60"), ("mute", "30")]);
    let packets = |name: &str| -> Vec<u64> {
        let tracks = tracks(&place, name);
        tracks.iter().map(|track| track["packets"].as_u64().unwrap()).collect()
    };
    let counts = packets("tone.webm");
    assert_eq!(counts[0], 60, "{counts:?}");
    // 20 ms per packet, for the duration of the video.
    let expected = counts[0] * 50 / 30;
    assert!(counts[1].abs_diff(expected) <= 6, "{counts:?}");
    let samples = place.ok(&["decode", "tone.webm", "-o", "-", "-f", "s16"]).out;
    let loudest = samples.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs());
    assert!(loudest.max() > Some(2000), "the tone is audible");
    let mute = packets("mute.webm");
    assert!(mute[0] == 30 && mute.get(1).is_none_or(|&sound| sound == 0), "{mute:?}");
}

#[test]
fn served_files_keep_audio_in_sync_when_they_loop() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    // Three seconds each, with a flash and a click at 2.5 s. One has PCM, the other Opus.
    let size = ["--size", "160x96", "--fps", "25", "-n", "75"];
    place.ok(&[&["generate", "clapper", "-o", "made.mkv"], &size[..]].concat());
    for (name, codec) in [("samples.mkv", "s16le"), ("opus.mkv", "opus")] {
        place.ok(&["encode", "made.mkv", "-o", name, "-b", "500k", "--audio-codec", codec]);
    }
    let server =
        Server::start(&place, &["coded=samples.mkv", "taken=opus.mkv", "--loop", "-b", "500k"]);
    assert!(server.said.contains("copied") && server.said.contains("64 kb"), "{}", server.said);
    // A whole loop of 75 frames, and most of another, whenever the recording starts.
    server.record(&place, &[("coded", "138"), ("taken", "138")]);
    for name in ["coded.webm", "taken.webm"] {
        let found = all_distances(&place, name);
        assert!(!found.is_empty(), "{name}: no flash");
        assert!(found.iter().all(|seconds| seconds.abs() < 0.045), "{name}: {found:?}");
    }
}

#[test]
fn served_parts_of_files_loop_with_their_audio() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    // A flash and a click at 2.5 s.
    let size = ["--size", "160x96", "--fps", "25", "-n", "75"];
    place.ok(&[&["generate", "clapper", "-o", "made.mkv"], &size[..]].concat());
    for (name, codec) in [("samples.mkv", "s16le"), ("opus.mkv", "opus")] {
        place.ok(&["encode", "made.mkv", "-o", name, "-b", "500k", "--audio-codec", codec]);
    }
    let part = ["--from", "1.7", "--duration", "1.2", "--loop", "-b", "500k"];
    let server = Server::start(&place, &[&["a=samples.mkv", "b=opus.mkv"], &part[..]].concat());
    server.record(&place, &[("a", "90"), ("b", "90")]);
    for name in ["a.webm", "b.webm"] {
        let found = all_distances(&place, name);
        // 90 frames of parts of 30 frames, whenever the recording starts.
        assert!((2..=3).contains(&found.len()), "{name}: {found:?}");
        assert!(found.iter().all(|seconds| seconds.abs() < 0.045), "{name}: {found:?}");
    }
    for source in ["testsrc:", "-"] {
        let serve = ["serve", source, "--listen", "127.0.0.1:0", "--to", "1"];
        place.fails(2, "select a part of a file, not of", &serve);
    }
    let late = ["serve", "opus.mkv", "--listen", "127.0.0.1:0", "--from", "9"];
    place.fails(2, "the video ends at 3.000 s", &late);
}

#[test]
fn webhooks_need_a_valid_url_and_a_secret() {
    let place = Place::new();
    let good = format!("whsec_{}\n", "QUJD".repeat(8));
    std::fs::write(place.path("good"), good).unwrap();
    std::fs::write(place.path("short"), "whsec_QUJD").unwrap();
    for (arguments, why) in [
        (&["--webhook", "http://127.0.0.1:9/"][..], "webhook-secret"),
        (&["--webhook", "ftp://x/", "--webhook-secret-file", "good"], "expected http://HOST"),
        (&["--webhook", "http://x/", "--webhook-secret-file", "short"], "got 3 bytes, expected 24"),
        (&["--webhook", "http://x/", "--webhook-secret", "secret"], "expected whsec_ followed by"),
        (&["--webhook-secret-file", "good"], "--webhook"),
    ] {
        let run = place.run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(why), "{arguments:?}: {}", run.err);
        assert!(!run.err.contains("whsec_QUJD"), "{}", run.err);
    }
    let arguments = ["--webhook", "http://127.0.0.1:9/", "--webhook-secret-file", "good"];
    let server = Server::start(&place, &arguments);
    assert!(!server.address.is_empty());
}

#[test]
fn wrong_tokens_users_and_addresses_are_named_with_their_place() {
    let place = Place::new();
    std::fs::write(place.path("tokens"), "# Comment.\n\nview=correct-horse\nview=short\n").unwrap();
    std::fs::write(place.path("users"), "anna:publish:correct-horse\nben\n").unwrap();
    std::fs::write(place.path("empty.pem"), "\n").unwrap();
    let tls = ["--tls-cert", "empty.pem", "--tls-key", "empty.pem"];
    let users = [&tls[..], &["--user-file", "users"]].concat();
    for (arguments, why) in [
        (&["--token", "horse"][..], "--token: invalid token: expected SCOPE=VALUE"),
        (&["--token", "horse=correct-horse"], "--token: invalid scope"),
        (&["--token-file", "tokens"], "tokens, line 4: invalid token: got 5 bytes, expected 8"),
        (&users, "empty.pem and empty.pem: no certificate found"),
        (&["--listen", "localhost"], "expected an IP address and a port, such as"),
    ] {
        let listen: &[_] = if arguments[0] == "--listen" { &[] } else { &["--listen", "[::1]:0"] };
        let run = place.run(&[&["serve"], listen, arguments].concat());
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(why), "{arguments:?}: {}", run.err);
        assert!(!run.err.contains("correct-horse"), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_lobby_needs_tokens() {
    let place = Place::new();
    let run = place.run(&["serve", "--listen", "127.0.0.1:0", "--lobby"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("everyone would be a moderator"), "{}", run.err);
}

#[test]
fn keys_of_tokens_are_checked_at_the_start() {
    let place = Place::new();
    std::fs::write(place.path("good"), "a secret of more than thirty-two bytes\n").unwrap();
    std::fs::write(place.path("short"), "correct horse").unwrap();
    std::fs::write(place.path("pem"), "-----BEGIN PUBLIC KEY-----\nAAAA\n").unwrap();
    for (arguments, why) in [
        (&["--jwt-key", "short"][..], "got a secret of 13 bytes, expected 32"),
        (&["--jwt-key", "pem"], "pem: invalid key for JSON Web Tokens"),
        (&["--jwt-audience", "me"], "--jwt-key"),
    ] {
        let run = place.run(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(why) && !run.err.contains("horse"), "{arguments:?}: {}", run.err);
    }
    let arguments = ["--jwt-key", "good", "--jwt-key", "good", "--jwt-audience", "me"];
    assert!(!Server::start(&place, &arguments).address.is_empty());
}

/// The status of a request without a body.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(unix)]
#[test]
fn a_terminated_server_lets_its_calls_end() {
    if depth::skips_long() {
        return;
    }
    let place = Place::new();
    let arguments = ["testsrc:size=160x120,fps=30", "--drain", "600"];
    let mut server = Server::start(&place, &arguments);
    let url = format!("ws://{}/view/live?connect", server.address);
    let record = ["recv", &url, "-o", "live.webm", "-n", "90"];
    let mut command = place.command(&record);
    let viewer = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !get(&server.address, "/api/sessions").contains("ws-view") {
        thread::sleep(Duration::from_millis(20));
    }
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    while !get(&server.address, "/healthz").contains("draining") {
        thread::sleep(Duration::from_millis(20));
    }
    let run = Run::of(viewer.wait_with_output().unwrap(), &["recv"]);
    assert_eq!(run.code, 0, "the call goes on: {}", run.err);
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
