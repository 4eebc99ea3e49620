//! Code that the readers of all single-track formats share.

use crate::{CodedPacket, Result, Track};

/// The track of a reader, and whether its packets are delivered.
#[derive(Debug)]
pub(crate) struct SingleTrack {
    tracks: [Track; 1],
    is_selected: bool,
    has_ended: bool,
}

impl SingleTrack {
    pub(crate) fn new(track: Track) -> Self {
        Self { tracks: [track], is_selected: true, has_ended: false }
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    pub(crate) fn replace(&mut self, track: Track) {
        self.tracks = [track];
    }

    pub(crate) fn select(&mut self, tracks: &[usize]) {
        self.is_selected = tracks.contains(&0);
    }
}

/// A reader of one track.
pub(crate) trait ReadSingleTrack {
    fn track(&mut self) -> &mut SingleTrack;

    /// Reads the next packet; the end and errors are final.
    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool>;

    /// Checks a packet. An error is returned in its place and the next packet can still be read.
    fn check(&mut self, _packet: &CodedPacket) -> Result<()> {
        Ok(())
    }

    /// As [`crate::PacketReader::seek`].
    fn seek_to(&mut self, _time: i64) -> Result<bool> {
        Ok(false)
    }
}

/// [`crate::PacketReader::read`] of such a reader.
pub(crate) fn read(reader: &mut impl ReadSingleTrack, packet: &mut CodedPacket) -> Result<bool> {
    let track = reader.track();
    if track.has_ended || !track.is_selected {
        return Ok(false);
    }
    let outcome = reader.read_packet(packet);
    if !matches!(outcome, Ok(true)) {
        reader.track().has_ended = true;
        return outcome;
    }
    reader.check(packet).map(|()| true)
}

/// [`crate::PacketReader::seek`] of such a reader.
pub(crate) fn seek(reader: &mut impl ReadSingleTrack, time: i64) -> Result<bool> {
    let has_moved = reader.seek_to(time)?;
    reader.track().has_ended &= !has_moved;
    Ok(has_moved)
}

/// Implements [`crate::PacketReader`] for a [`ReadSingleTrack`]; `$track` is the path to its track.
macro_rules! single_track_reader {
    ($reader:ty, $($track:tt)+) => {
        impl crate::PacketReader for $reader {
            fn tracks(&self) -> &[crate::Track] {
                self.$($track)+.tracks()
            }

            fn select(&mut self, tracks: &[usize]) {
                self.$($track)+.select(tracks);
            }

            fn read(&mut self, packet: &mut crate::CodedPacket) -> crate::Result<bool> {
                crate::single_track::read(self, packet)
            }

            fn seek(&mut self, _track: usize, time: i64) -> crate::Result<bool> {
                crate::single_track::seek(self, time)
            }
        }
    };
}

pub(crate) use single_track_reader;
