//! Options of [`send`](super::send::send) and [`receive`](super::receive::receive).

use std::path::PathBuf;
use std::time::Duration;

use crate::values::Scale;
use codec_core::codec::Limits;
use codec_rtc::adaptation::DegradationPreference;
use codec_rtc::link::LinkSpec;

use crate::cut::Cut;
use crate::io::media::MediaSelection;
use crate::settings::audio::AudioOptions;
use crate::settings::encoder::EncoderOptions;
use crate::values::{RawLayout, Samples};

/// Options of both directions.
#[derive(Clone, Debug, Default)]
pub struct NetworkOptions {
    /// A link that is emulated at this end, for transports over UDP.
    pub netem: Option<LinkSpec>,
    /// Session description: a sender writes it, a receiver reads it (RTP).
    pub sdp: Option<PathBuf>,
    /// Authentication token: sent by a client, required by a server (WebSocket, WebRTC).
    pub token: Option<String>,
    /// Trust only the CA certificates in this PEM file.
    pub ca: Option<PathBuf>,
    /// Certificates of a server, its own first (PEM).
    pub cert: Option<PathBuf>,
    /// Private key of a server (PEM).
    pub key: Option<PathBuf>,
    /// File with the key of end-to-end encryption.
    pub e2ee_key: Option<PathBuf>,
    /// File for statistics, written every second: one JSON object per line.
    pub stats: Option<PathBuf>,
    /// End after this time.
    pub duration: Option<Duration>,
}

/// How many sizes simulcast has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulcastLayers {
    /// Two or three, by the size of the input.
    BySize,
    /// This number: 2 or 3.
    Count(u8),
}

/// Options of [`send`](super::send::send).
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// A file, `-` for standard input, `testsrc:...` or `v4l2:...`.
    pub input: PathBuf,
    /// Where to send.
    pub url: String,
    /// Layout of headerless input.
    pub raw: Option<RawLayout>,
    /// Limits on the input.
    pub limits: Limits,
    /// The part of a file that is sent; its end comes from `network.duration`, too, if the file is sent once.
    pub cut: Cut,
    /// Restart the input at its end, or the part at its end.
    pub repeat: bool,
    /// Send the file's packets without re-encoding; audio other than Opus is encoded. If `false`, this
    /// still applies to the H.264 of a file, as long as no encoder setting is given and the receiver
    /// accepts it.
    pub copy: bool,
    /// Settings of the video encoder.
    pub encoder: EncoderOptions,
    /// Publish several sizes at once, each with half the width and height of the next one (WebRTC only).
    pub simulcast: Option<SimulcastLayers>,
    /// File with the bitrate over time.
    pub rate_trace: Option<PathBuf>,
    /// The property that is reduced when bandwidth or CPU is insufficient; `None`: nothing.
    pub adapt: Option<DegradationPreference>,
    /// Threads of the encoder. Default: by size and cores.
    pub threads: Option<usize>,
    /// Send at most this many frames.
    pub frames: Option<u64>,
    /// Scale to this size.
    pub resize: Option<Scale>,
    /// Whether video, audio or both are sent.
    pub parts: MediaSelection,
    /// Settings of the audio encoder.
    pub audio: AudioOptions,
    /// The connection.
    pub network: NetworkOptions,
    /// Overwrite existing files.
    pub yes: bool,
}

impl SendOptions {
    /// The part of the input that is sent, and the time after which the stream ends.
    ///
    /// A part that is sent once ends after its duration in the file, exact to the frame, instead of after a time.
    pub(crate) fn extent(&self) -> (Cut, Option<Duration>) {
        let (cut, duration) = (self.cut, self.network.duration);
        if self.repeat || cut.is_whole() {
            return (cut, duration);
        }
        let of_duration = Cut::new(cut.from, None, duration).to;
        (Cut { to: cut.to.into_iter().chain(of_duration).min(), ..cut }, None)
    }
}

/// Options of [`receive`](super::receive::receive).
#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    /// Where to receive from.
    pub url: String,
    /// Output file, or `-`; `None`: decode and discard.
    pub output: Option<PathBuf>,
    /// Format of the output. Default: by the extension of its name.
    pub format: Option<String>,
    /// Pixel format of raw output.
    pub pixels: Option<Samples>,
    /// Drop the audio.
    pub no_audio: bool,
    /// Timeout without received data; 0 disables it.
    pub max_idle: Duration,
    /// End after this many frames.
    pub frames: Option<u64>,
    /// Threads of the decoder. Default: by size and cores.
    pub threads: Option<usize>,
    /// Limits on the input.
    pub limits: Limits,
    /// The connection.
    pub network: NetworkOptions,
    /// Overwrite existing files.
    pub yes: bool,
}

impl ReceiveOptions {
    /// Receives from `url` into `output`; ends when nothing arrives for 10 seconds.
    pub fn new(url: impl Into<String>, output: Option<PathBuf>) -> Self {
        Self {
            url: url.into(),
            output,
            format: None,
            pixels: None,
            no_audio: false,
            max_idle: Duration::from_secs(10),
            frames: None,
            threads: None,
            limits: Limits::default(),
            network: NetworkOptions::default(),
            yes: false,
        }
    }
}
