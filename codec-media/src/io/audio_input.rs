//! The audio track of an input.

use codec_container::{AudioTrack, PacketReader};

/// An audio track before its first packet.
pub struct AudioInput {
    /// Delivers only this track.
    pub reader: Box<dyn PacketReader>,
    /// Number of the track in the reader.
    pub number: usize,
    /// Description of the track.
    pub track: AudioTrack,
    /// Name of the input, for messages.
    pub name: String,
    /// Whether it is the audio of another file than the video, and ends with the video.
    pub is_other: bool,
    /// Further tracks, each for an output track of its own.
    pub more: Vec<AudioInput>,
}

impl AudioInput {
    /// The first audio track of `reader`.
    pub fn of(mut reader: Box<dyn PacketReader>, name: String) -> Option<Self> {
        reader.select_audio();
        let (number, track) = reader.audio()?;
        let track = track.clone();
        Some(Self { reader, number, track, name, is_other: false, more: Vec::new() })
    }

    /// This track, followed by the further ones.
    pub(crate) fn each(mut self) -> Vec<Self> {
        let more = std::mem::take(&mut self.more);
        std::iter::once(self).chain(more).collect()
    }

    /// The first of several tracks, with the others as further ones.
    pub(crate) fn together(tracks: Vec<Self>) -> Option<Self> {
        let mut tracks = tracks.into_iter();
        let mut first = tracks.next()?;
        first.more = tracks.collect();
        Some(first)
    }
}
