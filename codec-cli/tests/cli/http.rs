//! Inputs by HTTP.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Place, depth};

/// The signature of the URLs, which no message may show.
const SECRET: &str = "s3cr3t";

/// Faults of a server, by the number of the request from 0.
#[derive(Clone, Copy)]
pub(super) enum Faults {
    None,
    /// Every third request gets a status, every fourth loses its connection.
    Passing,
    /// The file is another one from this request on.
    Changed(usize),
}

/// A server of the files of a folder.
pub(super) struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start(folder: PathBuf, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let folder = folder.clone();
                thread::spawn(move || answer(stream, &folder, faults, number));
            }
        });
        Self { port, requests }
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}?X-Amz-Signature={SECRET}", self.port)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers a request; the client may close the connection at any time.
fn answer(
    mut stream: TcpStream,
    folder: &std::path::Path,
    faults: Faults,
    number: usize,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.split('?').next()?.trim_start_matches('/').to_owned();
    let range = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).find_map(|line| {
        let line = line.to_ascii_lowercase();
        let (first, last) = line.strip_prefix("range: bytes=")?.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
    });
    let mut reply = |status: &str, more: &str, body: &[u8], sent: usize| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&body[..sent]).ok()
    };
    let Ok(file) = fs::read(folder.join(path)) else { return reply("404 Not Found", "", b"", 0) };
    let Some((first, last)) = range else { return reply("200 OK", "", &file, file.len()) };
    let last = last.min(file.len().checked_sub(1)?);
    let body = &file[first..=last];
    let version = match faults {
        Faults::Changed(from) => number >= from,
        _ => false,
    };
    let more =
        format!("Content-Range: bytes {first}-{last}/{}\r\nETag: \"{version}\"\r\n", file.len());
    let partial = "206 Partial Content";
    match (faults, number) {
        (Faults::Passing, number) if number % 3 == 0 => {
            reply("503 Service Unavailable", "Retry-After: 0\r\n", b"", 0)
        }
        (Faults::Passing, number) if number % 4 == 0 => reply(partial, &more, body, body.len() / 2),
        _ => reply(partial, &more, body, body.len()),
    }
}

/// A clip with video and audio that is larger than one request, with its index at the end.
fn place() -> Place {
    let place = Place::with_clip("texture-pan", "320x240", 60);
    place.ok(&["generate", "sweep", "-o", "tone.wav", "--fps", "30", "-n", "60"]);
    let encode = ["encode", "clip.y4m", "-q", "95", "--speed", "10", "--audio-from", "tone.wav"];
    for output in ["in.mp4", "in.mkv"] {
        place.ok(&[&encode[..], &["-c", "vp9", "-o", output]].concat());
        assert!(place.read(output).len() > 300 << 10, "{output}");
    }
    place
}

#[test]
fn files_on_servers_are_read_like_local_ones() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    for faults in [Faults::None, Faults::Passing] {
        let server = Server::start(place.path("."), faults);
        let turn = usize::from(matches!(faults, Faults::Passing));
        for name in depth::in_turn(turn, ["in.mp4", "in.mkv"]) {
            let url = server.url(name);
            for command in [
                &["decode", "--md5"][..],
                &["probe", "--json"],
                &["decode", "--md5", "--from", "1.5"],
                &["metrics", "clip.y4m", "--json"],
            ] {
                let local = place.ok(&[command, &[name]].concat()).text();
                let remote = place.ok(&[command, &[&url]].concat());
                assert_eq!(
                    remote.text(),
                    local.replace(name, &remote_name(&server, name)),
                    "{command:?}"
                );
                assert!(!(remote.text() + &remote.err).contains(SECRET), "{}", remote.err);
            }
            let transcode = ["-o", "out.mkv", "-y", "--preset", "rtc", "-b", "100k"];
            place.ok(&[&["transcode", name][..], &transcode].concat());
            let local = place.read("out.mkv");
            place.ok(&[&["transcode", url.as_str()][..], &transcode].concat());
            assert!(place.read("out.mkv") == local, "{name}");
        }
        // Two readers of a file share the parts that they have read.
        let before = server.requests();
        place.ok(&["transcode", &server.url("in.mkv"), "-o", "c.mkv", "-y", "--copy"]);
        if matches!(faults, Faults::None) {
            assert!(server.requests() - before <= 4, "{}", server.requests() - before);
        }
    }
}

fn remote_name(server: &Server, name: &str) -> String {
    format!("http://127.0.0.1:{}/{name}", server.port)
}

#[test]
fn chunks_of_a_file_on_a_server_are_those_of_the_local_file() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let server = Server::start(place.path("."), Faults::Passing);
    let url = server.url("in.mp4");
    let options = ["-q", "40", "--speed", "10", "-c", "vp9"];
    place.ok(&[&["transcode", "in.mp4", "-o", "local.mkv", "--chunked"][..], &options].concat());
    place.ok(&[&["chunks", "plan", &url, "-o", "plan.json", "-f", "mkv"][..], &options].concat());
    place.ok(&["chunks", "run", "plan.json"]);
    place.ok(&["chunks", "join", "plan.json", "-o", "remote.mkv"]);
    assert!(place.read("remote.mkv") == place.read("local.mkv"));
    // Names of outputs have no signature.
    place.ok(&["transcode", &url, "--out-dir", "all", "--suffix", ".webm", "--preset", "rtc"]);
    assert!(place.has("all/in.webm"));
}

#[cfg(feature = "s3")]
#[test]
fn objects_of_a_store_are_read_with_a_signature() {
    let place = place();
    fs::create_dir(place.path("bucket")).unwrap();
    fs::copy(place.path("in.mp4"), place.path("bucket/in 1.mp4")).unwrap();
    let server = Server::start(place.path("."), Faults::None);
    let decode = |object: &str, secret: &str| {
        let mut command = place.command(&["decode", object, "--md5"]);
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.port));
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", secret);
        command.output().unwrap()
    };
    fs::rename(place.path("bucket/in 1.mp4"), place.path("bucket/in%201.mp4")).unwrap();
    let read = decode("s3://bucket/in 1.mp4", SECRET);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(read.status.success(), "{}", text(&read.stderr));
    let local = place.ok(&["decode", "in.mp4", "--md5"]).text();
    assert_eq!(text(&read.stdout).replace("s3://bucket/in 1.mp4", "in.mp4"), local);
    let missing = decode("s3://bucket/none.mp4", SECRET);
    assert_eq!(missing.status.code(), Some(3));
    let error = text(&missing.stderr);
    assert!(error.contains("cannot open s3://bucket/none.mp4"), "{error}");
    assert!(!error.contains(SECRET) && !error.contains("X-Amz"), "{error}");
    place.fails(2, "expected s3://BUCKET/KEY", &["decode", "s3://bucket", "--md5"]);
}

#[cfg(not(feature = "s3"))]
#[test]
fn objects_of_a_store_need_the_feature() {
    let place = Place::new();
    place.fails(6, "requires the Cargo feature `s3`", &["decode", "s3://bucket/in.mp4", "--md5"]);
}

#[test]
fn errors_of_servers_name_the_file_and_the_reason() {
    if depth::skips_long() {
        return;
    }
    let place = place();
    let refused = |code: i32, word: &str, url: &str| {
        let run = place.fails(code, word, &["decode", url, "--md5"]);
        assert!(!run.err.contains(SECRET), "{}", run.err);
    };
    let server = Server::start(place.path("."), Faults::None);
    refused(3, "status 404: Not Found", &server.url("none.mp4"));
    refused(2, "invalid URL", "http://me:s3cr3t@127.0.0.1/a.mp4");
    let changed = Server::start(place.path("."), Faults::Changed(1));
    refused(3, "the file has changed on the server: its ETag differs", &changed.url("in.mp4"));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    refused(8, "cannot reach", &format!("http://127.0.0.1:{closed}/a.mp4?k={SECRET}"));
    let output = ["transcode", "in.mp4", "-o", "http://127.0.0.1/out.mp4", "--preset", "rtc"];
    place.fails(2, "URLs can only be inputs", &output);
    let ca = place.command(&["probe", "in.mp4"]).env("CODEC_CA", "none.pem").output().unwrap();
    assert_eq!(ca.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&ca.stderr).contains("which CODEC_CA names"));
}
