//! Recording of each stream in WebM, and decoding of remote streams for statistics.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use codec_audio::opus_head::OpusHead;
use codec_audio::opus_packet::duration_us;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{
    AudioTrack, Format, Output, PacketRef, PacketWriter, Track, VideoTrack, WebmWriter,
    WriteOptions,
};
use codec_core::codec::{Codec, VideoDecoder};
use codec_core::frame::Rational;
use tokio::sync::mpsc;

use super::limits::Limits;
use super::media::{self, AUDIO_HZ, AudioPacket, FrameInfo, VIDEO_HZ, VideoFrame};
use super::room::{DecoderStats, Item, Stream, Viewer};

/// Maximum number of items queued for the disk and the decoder: about five seconds.
const QUEUE: usize = 400;
/// Maximum number of names tried for a recording.
const MAX_TRIES: u32 = 1000;

/// What to do with each stream.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    /// Folder of the recordings.
    pub(super) folder: Option<PathBuf>,
    /// Whether to decode streams from remote publishers.
    pub(super) decode: bool,
    pub(super) limits: Limits,
    /// The running threads.
    pub(super) threads: Threads,
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
        let (sink, items) = mpsc::channel(QUEUE);
        let Ok(viewer) = Viewer::join_internal(stream, Box::new(sink)) else { return };
        let mut recorder = RecorderThread {
            recording: self.folder.clone().map(|folder| Recording::new(folder, stream)),
            decoder: decode.then(|| media::open_decoder(self.limits)).flatten(),
            stream: Arc::clone(stream),
            decoded: DecoderStats::default(),
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
    decoder: Option<Box<dyn VideoDecoder>>,
    stream: Arc<Stream>,
    decoded: DecoderStats,
}

impl RecorderThread {
    fn run(&mut self, mut items: mpsc::Receiver<Item>) {
        while let Some(item) = items.blocking_recv() {
            match item {
                Item::Video(frame) => {
                    self.keep(|recording| recording.video(&frame));
                    self.decode(&frame);
                }
                Item::Audio(packet) => self.keep(|recording| recording.audio(&packet)),
                Item::Chat(_) => {}
                Item::Ended(_) => break,
            }
            // Do not keep the stream encoding for a disk that has failed.
            if self.recording.is_none() && self.decoder.is_none() {
                break;
            }
        }
        self.keep(Recording::finish);
    }

    /// Writes to the recording; a disk error ends the recording but not the stream.
    fn keep(&mut self, write: impl FnOnce(&mut Recording) -> Result<(), String>) {
        if let Some(recording) = &mut self.recording
            && let Err(error) = write(recording)
        {
            self.stream.set_recording(None, Some(error));
            self.recording = None;
        }
        if let Some(recording) = &mut self.recording
            && let Some(name) = recording.announce.take()
        {
            self.stream.set_recording(Some(name), None);
        }
    }

    fn decode(&mut self, frame: &VideoFrame) {
        let Some(decoder) = &mut self.decoder else { return };
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

/// A file being written.
struct Recording {
    folder: PathBuf,
    stream_name: String,
    audio: bool,
    writer: Option<WebmWriter>,
    /// Time of the first frame, in video ticks.
    zero: u64,
    last_video: Option<i64>,
    last_audio: Option<i64>,
    /// Name of the new file, to be announced once.
    announce: Option<String>,
}

impl Recording {
    fn new(folder: PathBuf, stream: &Stream) -> Self {
        Self {
            folder,
            stream_name: stream.name().to_owned(),
            audio: stream.info().audio,
            writer: None,
            zero: 0,
            last_video: None,
            last_audio: None,
            announce: None,
        }
    }

    /// Opens the file at the first key frame, which carries the frame size.
    fn open(&mut self, frame: &VideoFrame) -> Result<bool, String> {
        let Some(size) = FrameInfo::parse(&frame.data).and_then(|facts| facts.size) else {
            return Ok(false);
        };
        let time_base = Rational::new(1, VIDEO_HZ);
        let mut tracks =
            vec![Track::Video(VideoTrack::new(Format::WebM, Codec::Vp8, size, time_base))];
        if self.audio {
            let format = AudioFormat::new(AUDIO_HZ, ChannelLayout::Stereo);
            let mut track = AudioTrack::new(Format::WebM, AudioCodec::Opus, format);
            track.codec_private = OpusHead::plain(2, 0, AUDIO_HZ).to_bytes();
            tracks.push(Track::Audio(track));
        }
        let (name, file) = create(&self.folder, &self.stream_name).map_err(|e| e.to_string())?;
        let options = WriteOptions::default();
        let writer = WebmWriter::new(Output::seekable(file), Format::WebM, &tracks, &options);
        self.writer = Some(writer.map_err(|error| error.to_string())?);
        self.zero = frame.pts;
        self.announce = Some(name);
        Ok(true)
    }

    fn video(&mut self, frame: &VideoFrame) -> Result<(), String> {
        if self.writer.is_none() && !(frame.key && self.open(frame)?) {
            return Ok(());
        }
        let pts = i64::try_from(frame.pts.saturating_sub(self.zero)).unwrap_or(i64::MAX);
        // Files cannot hold two frames of the same time.
        let pts = self.last_video.map_or(pts, |last| pts.max(last + 1));
        self.last_video = Some(pts);
        self.write(&PacketRef {
            data: &frame.data,
            track: 0,
            pts,
            duration: None,
            key: frame.key,
            shown: !frame.hidden,
            trim_end: 0,
        })
    }

    fn audio(&mut self, packet: &AudioPacket) -> Result<(), String> {
        let zero = self.zero.saturating_mul(AUDIO_HZ.into()) / u64::from(VIDEO_HZ);
        let (true, Some(pts)) = (self.audio, packet.pts.checked_sub(zero)) else { return Ok(()) };
        let Some(length) = duration_us(&packet.data) else { return Ok(()) };
        let pts = i64::try_from(pts).unwrap_or(i64::MAX);
        // Files cannot hold two packets of the same time.
        if self.last_audio.is_some_and(|last| pts <= last) {
            return Ok(());
        }
        self.last_audio = Some(pts);
        self.write(&PacketRef {
            data: &packet.data,
            track: 1,
            pts,
            duration: Some(u64::from(length) * u64::from(AUDIO_HZ) / 1_000_000),
            key: true,
            shown: true,
            trim_end: 0,
        })
    }

    fn write(&mut self, packet: &PacketRef<'_>) -> Result<(), String> {
        match &mut self.writer {
            Some(writer) => writer.write(*packet).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), String> {
        match &mut self.writer {
            Some(writer) => writer.finish().map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}

/// Creates a new file named after the stream and the time; existing files are not overwritten.
fn create(folder: &Path, stream: &str) -> io::Result<(String, File)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for number in 1..=MAX_TRIES {
        let again = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!("{stream}-{now}{again}.webm");
        match OpenOptions::new().read(true).write(true).create_new(true).open(folder.join(&name)) {
            Ok(file) => return Ok((name, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
