//! Runs blocks of commands by `bash`, with short clips in place of the files that they name.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::blocks::Block;
use super::root;

/// Parts of commands that would take too long or need other hardware, and their short form.
const REDUCTIONS: [(&str, &str); 13] = [
    ("cargo run --release --no-default-features -- ", "codec "),
    ("--from 1:23.5 --to 2:00", "--from 0.3 --to 0.6"),
    ("-b 200k,400k,800k,1600k", "-b 50k,100k,200k,400k --repeat 1 --warm-up 0 -j 2"),
    ("--resize 320x180", "--resize 88x72"),
    ("--repeat 1 --metrics", "--repeat 1 --warm-up 0 -j 2 --metrics"),
    ("--repeat 3", "--repeat 1 --warm-up 0 -j 2"),
    ("--levels avx512", "--levels scalar --filter sad --repeat 1"),
    ("--levels all -n 20", "--levels all -n 2 --repeat 1 --warm-up 0 --size 64x48"),
    ("--decode --levels all", "--decode --levels all -n 2 --repeat 1 --warm-up 0 --size 64x48"),
    ("kernels --json", "kernels --filter sad --repeat 1 --json"),
    ("--duration 60s", "--duration 1s"),
    (
        "benches/readme_table.py target/release/codec",
        "$ROOT/benches/readme_table.py codec -n 4 --repeat 1 -j 2",
    ),
    ("benches/rate_control.py target/release/codec", "$ROOT/benches/rate_control.py codec"),
];

/// Replacements of the capitals in a synopsis, for one command or for all.
const PLACEHOLDERS: [(&str, &str, &str); 20] = [
    ("encode", "IN", "talk.y4m"),
    ("decode", "OUT", "out.y4m"),
    ("concat", "A", "talk.webm"),
    ("concat", "B", "talk.webm"),
    ("mix", "A", "voice.wav"),
    ("mix", "B", "tone.wav"),
    ("mix", "C", "voice.wav"),
    ("mix", "OUT", "out.wav"),
    ("vad", "IN", "voice.wav"),
    ("metrics", "REF", "talk.y4m"),
    ("metrics", "DIST", "talk.webm"),
    ("generate", "SCENE", "talking-head --size 64x48 -n 3"),
    ("inspect", "F.html", "out.html"),
    ("simulate", "IN", "talk.y4m"),
    ("bench", "[IN]", "-n 2 --repeat 1 --warm-up 0 talk.y4m"),
    ("snapshot", "IN", "talk.webm -o out.png"),
    ("serve", "[IN]", "talk.webm"),
    ("", "IN", "talk.webm"),
    ("", "OUT", "out.webm"),
    ("", "CLIPS", "clip.y4m"),
];

/// Runs the blocks of a document one after the other, in a folder of its own.
pub(crate) struct Runner {
    dir: TempDir,
    used: BTreeSet<&'static str>,
    has_ffmpeg: bool,
    /// Commands run.
    pub(crate) count: usize,
    /// What failed.
    pub(crate) failures: Vec<String>,
}

/// Ends the process when dropped.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Runner {
    /// A temporary folder with the clips that the documents name.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let has = |program: &str| Command::new(program).arg("-version").output().is_ok();
        let has_ffmpeg = has("ffmpeg") && has("vpxenc") && has("python3");
        let is_required = std::env::var_os("CODEC_TEST_DATA").is_some();
        assert!(has_ffmpeg || !is_required, "ffmpeg, vpxenc or python3 is not installed");
        let runner =
            Self { dir, used: BTreeSet::new(), has_ffmpeg, count: 0, failures: Vec::new() };
        let bin = runner.path("bin");
        fs::create_dir(&bin).unwrap();
        symlink(env!("CARGO_BIN_EXE_codec"), bin.join("codec")).unwrap();
        // Decodes as ffplay does, without a screen.
        let player = bin.join("ffplay");
        fs::write(&player, "#!/bin/sh\nexec ffmpeg -v error -i \"$@\" -f null -\n").unwrap();
        fs::set_permissions(&player, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(root().join("samples").canonicalize().unwrap(), runner.path("samples")).unwrap();
        fs::create_dir(runner.path("target")).unwrap();
        let fixtures = [
            "codec generate clapper --size 176x144 -n 30 -o talk.webm",
            "codec decode talk.webm -o talk.y4m",
            "codec transcode talk.webm -o S.ivf",
            "codec decode talk.webm -o voice.wav",
            "mkdir clips && codec transcode talk.webm -o clips/a.mp4 -c vp9",
            "codec generate tone -n 30 -o tone.wav",
            "codec generate sweep -n 60 -o speech.wav",
            "codec generate talking-head --size 96x64 -n 8 -o clip.y4m",
            "codec encode clip.y4m -o S.264 --codec h264",
        ];
        for line in fixtures {
            runner.bash(line).unwrap_or_else(|e| panic!("{e}"));
        }
        if has_ffmpeg {
            let line = "ffmpeg -v error -i talk.webm -c:v mpeg4 talk.mov";
            runner.bash(line).unwrap_or_else(|e| panic!("{e}"));
        }
        runner
    }

    /// A runner in a copy of the folder.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self {
            dir: tempfile::tempdir().unwrap(),
            used: BTreeSet::new(),
            has_ffmpeg: self.has_ffmpeg,
            count: 0,
            failures: Vec::new(),
        };
        let paths = [self.path("."), copy.path(".")];
        assert!(Command::new("cp").arg("-a").args(paths).status().unwrap().success());
        copy
    }

    /// Adds what another runner has done.
    pub(crate) fn add(&mut self, other: Self) {
        self.used.extend(other.used);
        self.count += other.count;
        self.failures.extend(other.failures);
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Runs all lines of a block.
    pub(crate) fn run(&mut self, block: &Block) {
        let place = block.place();
        let lines: Vec<_> = block.lines.iter().map(|line| self.reduced(line)).collect();
        // Variables that later lines of the block use.
        let mut variables = String::new();
        let mut lines = lines.iter();
        while let Some(line) = lines.next() {
            let started = Instant::now();
            if line.starts_with(char::is_uppercase) && !line.contains(" cargo ") {
                variables += &format!("{line}\n");
                continue;
            }
            let next = if line.starts_with("codec recv rtp:") { lines.next() } else { None };
            if let Err(failure) = self.run_line(&variables, line, next.map(String::as_str)) {
                self.failures.push(format!("{place}: {failure}"));
            }
            self.count += usize::from(line.starts_with("codec ") || line.contains("| codec "));
            eprintln!("{:6} ms  {place}: {line}", started.elapsed().as_millis());
        }
    }

    /// Runs one line; a receiver with the sender in the line after it.
    fn run_line(&self, variables: &str, line: &str, next: Option<&str>) -> Result<(), String> {
        let first = line.split_whitespace().next().unwrap_or_default();
        let needs_others =
            ["ffmpeg", "vpx", "ffplay", "$ROOT/"].iter().any(|name| line.contains(name));
        if first == "cargo" || line.contains(" cargo ") {
            // Checked by another test.
            Ok(())
        } else if first.starts_with("benches/") {
            // They build revisions, or take minutes.
            let is_there = root().join(first).is_file();
            if is_there { Ok(()) } else { Err(format!("no {first}")) }
        } else if needs_others && !self.has_ffmpeg {
            eprintln!("skipped, no ffmpeg, vpxenc or python3: {line}");
            Ok(())
        } else if line.starts_with("codec serve") {
            self.serve(line).map(drop)
        } else if line.contains(" whep://") {
            let (server, address) = self.serve("codec serve talk.webm --loop")?;
            self.bash(&line.replace("127.0.0.1:8080", &address))?;
            drop(server);
            Ok(())
        } else if line.starts_with("codec recv") {
            self.transfer(line, next.unwrap_or("codec send talk.webm URL"))
        } else if line.starts_with("codec send") {
            self.transfer("codec recv URL -o got.webm", line)
        } else {
            self.bash(&format!("{variables}{line}"))
        }
    }

    /// The line in short form, without comment or description, with files for placeholders.
    fn reduced(&mut self, line: &str) -> String {
        // A synopsis is followed by two spaces or more and a description.
        let is_synopsis = line.starts_with("codec ");
        let line = if is_synopsis { line.split("  ").next().unwrap_or(line) } else { line };
        let line = line.split(" # ").next().unwrap_or(line).trim();
        let mut words: Vec<_> = line.split(' ').collect();
        let command = words.get(1).copied().unwrap_or_default().to_owned();
        for word in &mut words {
            let found = PLACEHOLDERS
                .iter()
                .find(|(only, name, _)| name == word && (only.is_empty() || *only == command));
            *word = found.map_or(*word, |found| found.2);
        }
        let mut line = words.join(" ");
        // The least that a synopsis needs to be complete.
        line += match line.as_str() {
            "codec simulate talk.y4m" => " -b 100k",
            "codec compare clip.y4m" => " -o report -b 100k --repeat 1 --warm-up 0 --arm vp8",
            _ => "",
        };
        if line.starts_with("codec generate") && !line.contains(" -o ") {
            line += " -o out.y4m";
        }
        for (long, short) in REDUCTIONS {
            if line.contains(long) {
                line = line.replace(long, short);
                self.used.insert(long);
            }
        }
        line
    }

    /// Every reduction must occur in a document.
    pub(crate) fn assert_all_reductions_are_used(&self) {
        let unused: Vec<_> =
            REDUCTIONS.iter().filter(|(long, _)| !self.used.contains(long)).collect();
        assert!(unused.is_empty(), "no document has {unused:?}");
    }

    fn command(&self, script: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script])
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("ROOT", root())
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Removes the files that a command writes to the folder: without `-y` it keeps existing files.
    fn remove_outputs(&self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            let is_here = Path::new(pair[1]).is_relative() && !pair[1].contains(['{', '-']);
            if is_here && ["-o", "--report", "--json"].contains(&pair[0]) {
                let path = self.path(pair[1]);
                let _ = fs::remove_file(&path);
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    /// Runs a line, which must succeed and write the files that it names.
    fn bash(&self, line: &str) -> Result<(), String> {
        self.remove_outputs(line);
        check(line, &self.command(line).output().unwrap())?;
        for pair in line.split_whitespace().collect::<Vec<_>>().windows(2) {
            if pair[0] == "-o" && !pair[1].contains(['{', '-']) && !self.path(pair[1]).exists() {
                return Err(format!("{line}: did not write {}", pair[1]));
            }
        }
        Ok(())
    }

    /// Runs a receiver and a sender at the same time, over a free port of this machine.
    fn transfer(&self, recv: &str, send: &str) -> Result<(), String> {
        let port = free_port();
        let here = |line: &str| {
            line.replace("URL", &format!("udp://127.0.0.1:{port}"))
                .replace("0.0.0.0:5004", &format!("127.0.0.1:{port}"))
                .replace("192.0.2.7:5004", &format!("127.0.0.1:{port}"))
        };
        let (recv, send) = (here(recv), here(send));
        self.remove_outputs(&recv);
        let mut sender = self.command(&format!("sleep 0.3; {send}"));
        let sender = sender.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let received = self.command(&recv).output().unwrap();
        let sent = sender.wait_with_output().unwrap();
        check(&recv, &received)?;
        check(&send, &sent)
    }

    /// Starts a server on a free port; returns it and its address once it has served its page.
    fn serve(&self, line: &str) -> Result<(Background, String), String> {
        let line = format!("exec {line} --listen 127.0.0.1:0");
        let mut child = self.command(&line).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let child = Background(child);
        let mut said = String::new();
        let address = lines.by_ref().find_map(|text| {
            said += &text.unwrap();
            let (_, rest) = said.split_once("http://")?;
            rest.split('/').next().map(str::to_owned)
        });
        let address = address.ok_or_else(|| format!("{line}: {said}"))?;
        thread::spawn(move || lines.for_each(drop));
        let mut page = TcpStream::connect(&address).unwrap();
        page.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(page, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        page.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK", "{line}");
        Ok((child, address))
    }
}

/// # Errors
/// If the command has failed: its messages.
fn check(line: &str, output: &Output) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A port that is free for TCP and UDP, and so is the next one.
fn free_port() -> u16 {
    let is_free = |port: u16| {
        UdpSocket::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
    };
    let ports = (0..100).map(|_| {
        let any = UdpSocket::bind("127.0.0.1:0").unwrap();
        any.local_addr().unwrap().port()
    });
    let mut ports = ports.filter(|&port| port < u16::MAX && is_free(port) && is_free(port + 1));
    ports.next().unwrap()
}
