//! Threads of the server that record streams, and decode remote streams for statistics.

mod recording;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use codec_core::codec::VideoDecoder;
use codec_rtc::packet::VideoFormat;
use tokio::sync::mpsc;

use super::limits::Limits;
use super::media::{self, VideoFrame};
use super::room::{DecoderStats, Item, Stream, Viewer};
use super::webhook::{Event, Webhooks};
use recording::Recording;

/// Maximum number of items queued for the disk and the decoder: about five seconds.
const MAX_QUEUED_ITEMS: usize = 400;

/// Records and decodes each stream, as configured.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    /// Folder of the recordings.
    pub(super) folder: Option<PathBuf>,
    /// Whether to decode streams from remote publishers.
    pub(super) decode: bool,
    pub(super) limits: Limits,
    /// The running threads.
    pub(super) threads: Threads,
    /// Reports recordings.
    pub(super) webhooks: Webhooks,
}

/// Tracks threads; the server waits for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads(Arc<Mutex<Vec<std::thread::JoinHandle<()>>>>);

impl Threads {
    fn add(&self, thread: std::thread::JoinHandle<()>) {
        let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }

    /// Waits for all threads.
    pub(super) fn join(&self) {
        let threads = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic was already printed.
            let _ = thread.join();
        }
    }
}

impl Recorder {
    /// Starts to record and decode a stream, on its own thread.
    pub(super) fn start(&self, stream: &Arc<Stream>) {
        // Local streams need not be decoded.
        let decode = self.decode && stream.info().kind != "local";
        if self.folder.is_none() && !decode {
            return;
        }
        let (sink, items) = mpsc::channel(MAX_QUEUED_ITEMS);
        let Ok(viewer) = Viewer::join_internal(stream, Box::new(sink)) else { return };
        let mut recorder = RecorderThread {
            recording: self.folder.clone().map(|folder| Recording::new(folder, stream)),
            decoder: None,
            limits: self.limits,
            decodes: decode,
            stream: Arc::clone(stream),
            decoded: DecoderStats::default(),
            webhooks: self.webhooks.clone(),
        };
        let work = move || {
            recorder.run(items);
            drop(viewer);
        };
        // Without a thread the stream continues without a recording.
        if let Ok(thread) = std::thread::Builder::new().name("recorder".to_owned()).spawn(work) {
            self.threads.add(thread);
        }
    }
}

struct RecorderThread {
    recording: Option<Recording>,
    decoder: Option<(VideoFormat, Box<dyn VideoDecoder>)>,
    limits: Limits,
    decodes: bool,
    stream: Arc<Stream>,
    decoded: DecoderStats,
    webhooks: Webhooks,
}

impl RecorderThread {
    fn run(&mut self, mut items: mpsc::Receiver<Item>) {
        while let Some(item) = items.blocking_recv() {
            match item {
                Item::Video(frame) => {
                    self.record(|recording| recording.video(&frame));
                    self.decode(&frame);
                }
                Item::Audio(packet) => self.record(|recording| recording.audio(&packet)),
                Item::Chat(_) => {}
                Item::Ended(_) => break,
            }
            // Do not keep the stream encoding for a disk that has failed.
            if self.recording.is_none() && !self.decodes {
                break;
            }
        }
        self.record(Recording::finish);
    }

    /// Writes to the recording; a disk error ends the recording but not the stream.
    fn record(&mut self, write: impl FnOnce(&mut Recording) -> Result<(), String>) {
        if let Some(recording) = &mut self.recording
            && let Err(error) = write(recording)
        {
            self.stream.set_recording(None, Some(error.clone()));
            self.recording = None;
            let stream = self.stream.name().to_owned();
            self.webhooks.send(&Event::RecordingFailed { stream, error });
        }
        if let Some(recording) = &mut self.recording
            && let Some(name) = recording.announce.take()
        {
            self.stream.set_recording(Some(name), None);
        }
        if let Some(file) = self.recording.as_mut().and_then(|it| it.finished.take()) {
            let stream = self.stream.name().to_owned();
            self.webhooks.send(&Event::Recorded { stream, file });
        }
    }

    fn decode(&mut self, frame: &VideoFrame) {
        if !self.decodes {
            return;
        }
        if self.decoder.as_ref().is_none_or(|(format, _)| *format != frame.format) {
            let opened = media::open_decoder(frame.format, self.limits);
            self.decoder = opened.ok().map(|decoder| (frame.format, decoder));
        }
        let Some((_, decoder)) = &mut self.decoder else { return };
        let pts = i64::try_from(frame.pts).unwrap_or(i64::MAX);
        match decoder.decode(&frame.data, pts, None) {
            Ok(report) => {
                self.decoded.frames += 1;
                self.decoded.concealed_mbs += u64::from(report.concealed_mbs);
            }
            Err(_) => {
                self.decoded.errors += 1;
                self.stream.request_key_frame();
            }
        }
        while let Some(shown) = decoder.receive() {
            self.decoded.shown += 1;
            drop(shown);
        }
        self.stream.set_decoded(self.decoded);
    }
}
