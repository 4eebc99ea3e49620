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
}

impl AudioInput {
    /// The first audio track of `reader`.
    pub fn of(mut reader: Box<dyn PacketReader>, name: String) -> Option<Self> {
        reader.select_audio();
        let (number, track) = reader.audio()?;
        let track = track.clone();
        Some(Self { reader, number, track, name })
    }
}
