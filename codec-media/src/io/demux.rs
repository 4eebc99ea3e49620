//! Splits an input that can be read only once, such as a pipe, into its tracks.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codec_container::{CodedPacket, Error, FileMetadata, PacketReader, Result, Track};

/// Maximum bytes of the tracks that wait while another one is read.
const MAX_WAITING_BYTES: usize = 256 << 20;

/// A reader shared by its tracks.
struct Shared {
    reader: Box<dyn PacketReader>,
    lanes: Vec<Lane>,
    ended: bool,
}

#[derive(Default)]
struct Lane {
    track: usize,
    waiting: VecDeque<CodedPacket>,
    bytes: usize,
    /// The track's reader was dropped: discard its packets.
    closed: bool,
}

/// One track of a shared reader.
pub(crate) struct TrackReader {
    shared: Arc<Mutex<Shared>>,
    tracks: Vec<Track>,
    metadata: FileMetadata,
    lane: usize,
}

/// Splits `reader` into readers of single tracks, each with the descriptions of all tracks. Packets of
/// the tracks that are behind wait in memory, up to a limit.
pub(crate) fn split(mut reader: Box<dyn PacketReader>, tracks: &[usize]) -> Vec<TrackReader> {
    reader.select(tracks);
    let descriptions = reader.tracks().to_vec();
    let metadata = reader.metadata().clone();
    let lanes = tracks.iter().map(|&track| Lane { track, ..Lane::default() }).collect();
    let shared = Arc::new(Mutex::new(Shared { reader, lanes, ended: false }));
    let reader = |lane| TrackReader {
        shared: Arc::clone(&shared),
        tracks: descriptions.clone(),
        metadata: metadata.clone(),
        lane,
    };
    (0..tracks.len()).map(reader).collect()
}

impl TrackReader {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PacketReader for TrackReader {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        &self.metadata
    }

    /// The track was selected when the reader was split.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        self.shared().read(self.lane, packet)
    }
}

impl Drop for TrackReader {
    fn drop(&mut self) {
        let lane = self.lane;
        let lane = &mut self.shared().lanes[lane];
        lane.closed = true;
        lane.bytes = 0;
        lane.waiting.clear();
    }
}

impl Shared {
    fn read(&mut self, lane: usize, packet: &mut CodedPacket) -> Result<bool> {
        loop {
            let own = &mut self.lanes[lane];
            if let Some(next) = own.waiting.pop_front() {
                own.bytes -= next.data.len();
                *packet = next;
                return Ok(true);
            }
            if self.ended {
                return Ok(false);
            }
            match self.reader.read(packet) {
                Ok(true) if packet.track == self.lanes[lane].track => return Ok(true),
                Ok(true) => self.keep(std::mem::take(packet))?,
                Ok(false) => self.ended = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// Keeps a packet for another track.
    fn keep(&mut self, packet: CodedPacket) -> Result<()> {
        let track = packet.track;
        let other = self.lanes.iter_mut().find(|lane| lane.track == track && !lane.closed);
        let Some(other) = other else { return Ok(()) };
        other.bytes += packet.data.len();
        other.waiting.push_back(packet);
        if self.lanes.iter().map(|lane| lane.bytes).sum::<usize>() > MAX_WAITING_BYTES {
            self.ended = true;
            let message =
                "video and audio are interleaved too coarsely for a pipe\nhelp: use a file";
            return Err(Error::Io(io::Error::other(message)));
        }
        Ok(())
    }
}
