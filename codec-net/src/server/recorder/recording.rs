//! A recording of a stream: VP8 and VP9 in WebM, H.264 in Matroska.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use codec_audio::opus_head::OpusHead;
use codec_audio::opus_packet::duration_us;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{
    AudioTrack, Format, Output, PacketRef, PacketWriter, Track, VideoTrack, WriteOptions,
    create_packets, describe_h264,
};
use codec_core::codec::Codec;
use codec_core::frame::Rational;
use codec_rtc::packet::VideoFormat;

use super::super::media::{AUDIO_HZ, AudioPacket, FrameInfo, VIDEO_HZ, VideoFrame};
use super::super::room::Stream;

/// Maximum number of names tried for a recording.
const MAX_TRIES: u32 = 1000;

/// A file being written.
pub(super) struct Recording {
    folder: PathBuf,
    stream_name: String,
    audio: bool,
    /// The file being written, and the codec of its video.
    writer: Option<(VideoFormat, Box<dyn PacketWriter>)>,
    /// Time of the first frame, in video ticks.
    zero: u64,
    last_video: Option<i64>,
    last_audio: Option<i64>,
    /// Name of the new file, to be announced once.
    pub(super) announce: Option<String>,
    /// Name of the file being written.
    file: Option<String>,
    /// Name of the file that is complete, to be announced once.
    pub(super) finished: Option<String>,
}

impl Recording {
    pub(super) fn new(folder: PathBuf, stream: &Stream) -> Self {
        Self {
            folder,
            stream_name: stream.name().to_owned(),
            audio: stream.info().audio,
            writer: None,
            zero: 0,
            last_video: None,
            last_audio: None,
            announce: None,
            file: None,
            finished: None,
        }
    }

    /// Opens the file at the first key frame, which carries the frame size.
    fn open(&mut self, frame: &VideoFrame) -> Result<bool, String> {
        let Some((format, video)) = video_track(frame) else { return Ok(false) };
        let mut tracks = vec![Track::Video(video)];
        if self.audio {
            let audio = AudioFormat::new(AUDIO_HZ, ChannelLayout::Stereo);
            let mut track = AudioTrack::new(format, AudioCodec::Opus, audio);
            track.codec_private = OpusHead::plain(2, 0, AUDIO_HZ).to_bytes();
            tracks.push(Track::Audio(track));
        }
        let (name, file) =
            create(&self.folder, &self.stream_name, format).map_err(|e| e.to_string())?;
        let options = WriteOptions::default();
        let writer = create_packets(Output::seekable(file), format, &tracks, &options);
        self.writer = Some((frame.format, writer.map_err(|error| error.to_string())?));
        self.zero = frame.pts;
        (self.last_video, self.last_audio) = (None, None);
        self.file = Some(name.clone());
        self.announce = Some(name);
        Ok(true)
    }

    /// Writes a frame.
    pub(super) fn video(&mut self, frame: &VideoFrame) -> Result<(), String> {
        if self.writer.as_ref().is_some_and(|(format, _)| *format != frame.format) {
            // A file has one codec: another publisher's video continues in a new one.
            self.finish()?;
            self.writer = None;
        }
        if self.writer.is_none() && !(frame.key && self.open(frame)?) {
            return Ok(());
        }
        let pts = i64::try_from(frame.pts.saturating_sub(self.zero)).unwrap_or(i64::MAX);
        // WebM cannot hold two frames of the same time; frames of H.264 may be reordered.
        let pts = match frame.format {
            VideoFormat::Vp8 | VideoFormat::Vp9 => {
                self.last_video.map_or(pts, |last| pts.max(last + 1))
            }
            VideoFormat::H264 => pts,
        };
        self.last_video = Some(pts);
        self.write(&PacketRef {
            data: &frame.data,
            track: 0,
            pts,
            key: frame.key,
            shown: !frame.hidden,
            ..PacketRef::default()
        })
    }

    /// Writes an audio packet, if the recording has audio.
    pub(super) fn audio(&mut self, packet: &AudioPacket) -> Result<(), String> {
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
            ..PacketRef::default()
        })
    }

    fn write(&mut self, packet: &PacketRef<'_>) -> Result<(), String> {
        match &mut self.writer {
            Some((_, writer)) => writer.write(*packet).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// Completes the file.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        match &mut self.writer {
            Some((_, writer)) => writer.finish().map_err(|error| error.to_string())?,
            None => return Ok(()),
        }
        self.finished = self.file.take();
        Ok(())
    }
}

/// The format of a file that begins with a key frame, and its video track; `None` if the frame does
/// not describe itself.
fn video_track(frame: &VideoFrame) -> Option<(Format, VideoTrack)> {
    let time_base = Rational::new(1, VIDEO_HZ);
    match frame.format {
        VideoFormat::Vp8 | VideoFormat::Vp9 => {
            let parsed = FrameInfo::parse(frame.format, &frame.data)?.size;
            // The first layer frame has the size of the smallest layer.
            let size = frame.vp9.as_ref().and_then(|picture| picture.size).or(parsed)?;
            let is_vp8 = frame.format == VideoFormat::Vp8;
            let codec = if is_vp8 { Codec::Vp8 } else { Codec::Vp9 };
            let track = VideoTrack::new(Format::WebM, codec, size, time_base);
            Some((Format::WebM, track))
        }
        VideoFormat::H264 => {
            let mut track = describe_h264(Format::Matroska, &frame.data, time_base)?;
            // Live frames have times of their own.
            track.frame_rate = None;
            Some((Format::Matroska, track))
        }
    }
}

/// Creates a new file named after the stream and the time; existing files are not overwritten.
fn create(folder: &Path, stream: &str, format: Format) -> io::Result<(String, File)> {
    let extension = if format == Format::WebM { "webm" } else { "mkv" };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for number in 1..=MAX_TRIES {
        let again = if number == 1 { String::new() } else { format!("-{number}") };
        let name = format!("{stream}-{now}{again}.{extension}");
        match OpenOptions::new().read(true).write(true).create_new(true).open(folder.join(&name)) {
            Ok(file) => return Ok((name, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
