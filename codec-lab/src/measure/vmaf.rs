//! VMAF from an ffmpeg with libvmaf: pairs of frames go in through a pipe, and the scores are read
//! from its log.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use codec_core::frame::{Picture, SampleFormat, Size};
use tempfile::TempDir;

use codec_media::failure::{Failure, Kind, Result};
use codec_media::stop::Stop;

/// Timeout for ffmpeg to accept a pair or to end.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Timeout for ffmpeg to list its filters.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);
/// File names in ffmpeg's temporary folder.
const LOG: &str = "vmaf.json";
const WORDS: &str = "words.txt";

/// The ffmpeg to run: `CODEC_FFMPEG`, or the one in `PATH`.
fn program() -> OsString {
    std::env::var_os("CODEC_FFMPEG").unwrap_or_else(|| "ffmpeg".into())
}

/// Finds an ffmpeg with libvmaf.
///
/// # Errors
///
/// `Kind::Backend` if it is not found.
pub(crate) fn find() -> Result<OsString> {
    let program = program();
    let name = program.to_string_lossy().into_owned();
    let absent = |why: &str| {
        let message = format!(
            "vmaf requires an ffmpeg with libvmaf (CODEC_FFMPEG, or ffmpeg in PATH): {name} {why}"
        );
        Failure::new(Kind::Backend, message)
    };
    let folder = tempfile::tempdir().map_err(|error| Failure::output("temporary folder", error))?;
    let said = folder.path().join(WORDS);
    let file = File::create(&said).map_err(|error| Failure::output(WORDS, error))?;
    let child = Command::new(&program)
        .args(["-hide_banner", "-filters"])
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| absent(&format!("cannot be run: {error}")))?;
    let guard = Guard::new(child, PROBE_TIMEOUT, Stop::default());
    guard.wait().map_err(|why| absent(&why))?;
    let filters = std::fs::read_to_string(said).unwrap_or_default();
    let has_vmaf = filters.lines().any(|line| line.split_whitespace().nth(1) == Some("libvmaf"));
    if has_vmaf { Ok(program) } else { Err(absent("has no filter libvmaf")) }
}

/// A running ffmpeg.
#[derive(Debug)]
pub(crate) struct Vmaf {
    guard: Guard,
    folder: TempDir,
    bytes: Vec<u8>,
    size: Size,
    format: SampleFormat,
}

impl Vmaf {
    /// Starts ffmpeg for frames of `size` and `format`; the frame rate does not affect VMAF.
    ///
    /// # Errors
    ///
    /// `Kind::Backend` if there is no ffmpeg with libvmaf.
    pub(crate) fn start(size: Size, format: SampleFormat, stop: Stop) -> Result<Self> {
        let program = find()?;
        let pixels = format!("{format}{}", if format.depth > 8 { "le" } else { "" });
        let folder =
            tempfile::tempdir().map_err(|error| Failure::output("temporary folder", error))?;
        let words = File::create(folder.path().join(WORDS))
            .map_err(|error| Failure::output(WORDS, error))?;
        // Reference and distorted frames alternate, starting with the reference.
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let graph = format!(
            "[0:v]split[one][two];\
             [one]select='not(mod(n,2))',setpts=N/TB/25[reference];\
             [two]select='mod(n,2)',setpts=N/TB/25[distorted];\
             [distorted][reference]libvmaf=n_threads={threads}:log_fmt=json:log_path={LOG}"
        );
        let child = Command::new(program)
            .current_dir(folder.path())
            .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-f", "rawvideo"])
            .args(["-pixel_format", &pixels, "-framerate", "25"])
            .args(["-video_size", &size.to_string(), "-i", "pipe:0"])
            .args(["-filter_complex", &graph, "-f", "null", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(words)
            .spawn()
            .map_err(|error| Failure::new(Kind::Backend, format!("cannot run ffmpeg: {error}")))?;
        Ok(Self {
            guard: Guard::new(child, TIMEOUT, stop),
            folder,
            bytes: Vec::new(),
            size,
            format,
        })
    }

    /// Passes the next pair to ffmpeg.
    ///
    /// # Errors
    ///
    /// If ffmpeg has ended or hangs.
    pub(crate) fn push(&mut self, reference: &Picture<'_>, distorted: &Picture<'_>) -> Result<()> {
        for picture in [reference, distorted] {
            if picture.size() != self.size {
                let message =
                    format!("invalid frame size {}, expected {}", picture.size(), self.size);
                return Err(Failure::new(Kind::Input, message));
            }
            if picture.samples() != self.format {
                let (found, expected) = (picture.samples(), self.format);
                let message = format!("invalid format of a frame: {found}, expected {expected}");
                return Err(Failure::new(Kind::Input, message));
            }
            self.bytes.clear();
            picture.append_bytes(&mut self.bytes);
            if let Err(why) = self.guard.write(&self.bytes) {
                return Err(self.failed(&why));
            }
        }
        Ok(())
    }

    /// Returns the score of each of the `frames` pairs.
    ///
    /// # Errors
    ///
    /// If ffmpeg fails or hangs, or its log has another number of frames.
    pub(crate) fn finish(self, frames: usize) -> Result<Vec<f64>> {
        self.guard.wait().map_err(|why| self.failed(&why))?;
        let log = std::fs::read_to_string(self.folder.path().join(LOG))
            .map_err(|error| self.failed(&format!("wrote no log: {error}")))?;
        let scores = scores(&log).ok_or_else(|| self.failed("wrote an unreadable log"))?;
        if scores.len() != frames {
            let why = format!("measured {} frames of {frames}", scores.len());
            return Err(self.failed(&why));
        }
        Ok(scores)
    }

    fn failed(&self, why: &str) -> Failure {
        let words = std::fs::read_to_string(self.folder.path().join(WORDS)).unwrap_or_default();
        let last = words.lines().rev().find(|line| !line.trim().is_empty());
        let detail = last.map(|line| format!(" ({})", line.trim())).unwrap_or_default();
        Failure::new(Kind::Backend, format!("vmaf: ffmpeg {why}{detail}"))
    }
}

/// Parses `frames[].metrics.vmaf` of a libvmaf log.
fn scores(log: &str) -> Option<Vec<f64>> {
    let log: serde_json::Value = serde_json::from_str(log).ok()?;
    let frames = log.get("frames")?.as_array()?;
    frames.iter().map(|frame| frame.get("metrics")?.get("vmaf")?.as_f64()).collect()
}

/// Kills a process that is inactive for too long.
#[derive(Debug)]
struct Guard {
    child: Arc<Mutex<Child>>,
    stdin: Mutex<Option<std::process::ChildStdin>>,
    begun: Instant,
    /// Milliseconds since `begun` of the last activity.
    active_ms: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    late: Arc<AtomicBool>,
    timeout: Duration,
    watch: Mutex<Option<JoinHandle<()>>>,
}

impl Guard {
    fn new(mut child: Child, timeout: Duration, stop: Stop) -> Self {
        let stdin = Mutex::new(child.stdin.take());
        let child = Arc::new(Mutex::new(child));
        let (begun, active_ms) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let (ended, late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let watch = {
            let (child, active_ms) = (Arc::clone(&child), Arc::clone(&active_ms));
            let (ended, late) = (Arc::clone(&ended), Arc::clone(&late));
            std::thread::spawn(move || {
                while !ended.load(Ordering::Acquire) {
                    let active = Duration::from_millis(active_ms.load(Ordering::Acquire));
                    if begun.elapsed().saturating_sub(active) > timeout || stop.is_requested() {
                        late.store(true, Ordering::Release);
                        let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
                        return;
                    }
                    std::thread::park_timeout(Duration::from_millis(100));
                }
            })
        };
        let watch = Mutex::new(Some(watch));
        Self { child, stdin, begun, active_ms, ended, late, timeout, watch }
    }

    fn is_active(&self) {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active_ms.store(ms, Ordering::Release);
    }

    fn write(&self, bytes: &[u8]) -> std::result::Result<(), String> {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pipe) = stdin.as_mut() else {
            return Err("accepts no more frames".to_owned());
        };
        // Written in parts, so that a large frame on a slow machine does not look like inactivity.
        for part in bytes.chunks(1 << 16) {
            pipe.write_all(part).map_err(|error| self.reason(&error))?;
            self.is_active();
        }
        Ok(())
    }

    fn reason(&self, error: &dyn std::fmt::Display) -> String {
        if self.late.load(Ordering::Acquire) {
            format!("was inactive for {} s and was killed", self.timeout.as_secs())
        } else {
            format!("ended early: {error}")
        }
    }

    /// Closes its input and waits until it has exited successfully.
    fn wait(&self) -> std::result::Result<(), String> {
        drop(self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.is_active();
        loop {
            let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            match ended {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(self.reason(&status)),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(self.reason(&error)),
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        if let Some(watch) = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watch.thread().unpark();
            let _ = watch.join();
        }
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(child.try_wait(), Ok(Some(_))) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_from_the_log() {
        let log = r#"{"frames":[{"frameNum":0,"metrics":{"vmaf":97.5}},{"metrics":{"vmaf":1}}]}"#;
        assert_eq!(scores(log).map(|scores| scores.len()), Some(2));
        assert_eq!(scores("{}"), None);
        assert_eq!(scores(r#"{"frames":[{"metrics":{}}]}"#), None);
    }

    #[cfg(unix)]
    #[test]
    fn an_inactive_process_is_killed() {
        let child = Command::new("sleep").arg("60").stdin(Stdio::piped()).spawn().unwrap();
        let guard = Guard::new(child, Duration::from_millis(150), Stop::default());
        assert!(guard.wait().unwrap_err().contains("was inactive"));
    }
}
