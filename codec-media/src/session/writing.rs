//! The output of a session: its tracks and packets.

use codec_container::{Format, PacketWriter, Track, VideoTrack, WriteOptions, create_packets};
use codec_core::codec::{Codec, VideoEncoder};
use codec_core::frame::{PictureInfo, Rational, Size};

use crate::failure::{Failure, Result};
use crate::io::output::OutputFile;
use crate::settings::encoding::Encoding;

/// Properties needed to start a session.
pub(super) struct Start {
    pub(super) size: Size,
    pub(super) info: PictureInfo,
    pub(super) frame_rate: Rational,
    pub(super) time_base: Rational,
    /// The title of the track.
    pub(super) title: Option<String>,
}

/// Whether a format stores codec configuration, sizes and times separately from the packets.
pub(super) fn is_boxed(format: Format) -> bool {
    matches!(format, Format::WebM | Format::Matroska | Format::Mp4)
}

/// The part of a packet that the format stores: MP4 and Matroska hold AV1 without the temporal
/// delimiters.
pub(super) fn stored((codec, format): (Codec, Option<Format>), data: &[u8]) -> &[u8] {
    match (codec, data) {
        (Codec::Av1, [0x12, 0, rest @ ..]) if format.is_some_and(is_boxed) => rest,
        _ => data,
    }
}

/// Describes the video of an output, without the configuration of the codec.
pub(super) fn video_track(settings: &Encoding, start: &Start) -> VideoTrack {
    let &Start { size, info, frame_rate, time_base, ref title } = start;
    let codec = settings.encoder.backend.codec;
    let mut track = VideoTrack::new(settings.format, codec, size, time_base);
    (track.frame_rate, track.info, track.name) = (Some(frame_rate), info, title.clone());
    track
}

/// Opens the writer of an output with the video of an encoder and the audio.
///
/// # Errors
/// If the output cannot be written.
pub(super) fn open_writer(
    settings: &Encoding,
    output: &OutputFile,
    start: &Start,
    encoder: &dyn VideoEncoder,
    audio: Vec<Track>,
) -> Result<Box<dyn PacketWriter>> {
    let mut stream = video_track(settings, start);
    if is_boxed(settings.format) {
        stream.codec_private = encoder.codec_private();
    }
    let tracks: Vec<_> = std::iter::once(Track::Video(stream)).chain(audio).collect();
    let mut options = WriteOptions::default();
    options.live = settings.fragmented;
    options.metadata.clone_from(&settings.metadata);
    create_packets(output.stream()?, settings.format, &tracks, &options)
        .map_err(|error| Failure::writing(&output.name, error))
}
