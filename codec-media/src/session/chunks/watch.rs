//! Observes the packets that a decoder reads, because the name of a chunk is a hash that includes its packets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codec_container::{CodedPacket, FileMetadata, PacketReader, Result, SkippedTrack, Track};
use codec_core::codec::Codec;

use super::key::{Key, KeyHasher, PacketId, PacketRange};
use crate::io::key_frame::is_entry;

/// The packets of a chunk as they are read; clones share it.
#[derive(Clone)]
pub(super) struct PacketWatch(Arc<Mutex<State>>);

struct State {
    range: PacketRange,
    /// The hasher before the first packet.
    begin: KeyHasher,
    hasher: KeyHasher,
    seen: u64,
}

impl PacketWatch {
    /// Observes the packets of `range`. `begin` has everything of the name but the packets.
    pub(super) fn new(range: PacketRange, begin: KeyHasher) -> Self {
        let hasher = begin.clone();
        Self(Arc::new(Mutex::new(State { range, begin, hasher, seen: 0 })))
    }

    /// One that has observed nothing.
    pub(super) fn again(&self) -> Self {
        let State { range, begin, .. } = &*self.state();
        Self::new(*range, begin.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all packets were read.
    pub(super) fn is_complete(&self) -> bool {
        let state = self.state();
        state.seen >= state.range.count
    }

    /// The name of the chunk with these packets; `None` if some were not read.
    pub(super) fn key(&self) -> Option<Key> {
        let is_complete = self.is_complete();
        is_complete.then(|| self.state().hasher.clone().finish())
    }

    fn add(&self, codec: Codec, packet: &CodedPacket) {
        let mut state = self.state();
        let is_begin = |entry: i64| packet.pts == entry && is_entry(codec, packet);
        if (state.seen > 0 || state.range.entry.is_none_or(is_begin))
            && state.seen < state.range.count
        {
            state.hasher.add_packet(&PacketId::new(packet));
            state.seen += 1;
        }
    }

    /// The reader moves to another packet.
    fn restart(&self) {
        let mut state = self.state();
        state.hasher = state.begin.clone();
        state.seen = 0;
    }
}

/// A reader whose packets of video are observed.
pub(super) struct WatchedReader {
    reader: Box<dyn PacketReader>,
    watch: PacketWatch,
    /// The video track and its codec.
    video: Option<(usize, Codec)>,
}

impl WatchedReader {
    /// Observes the packets of the first video track of `reader`.
    pub(super) fn new(reader: Box<dyn PacketReader>, watch: PacketWatch) -> (Self, PacketWatch) {
        let video = reader.video().map(|(number, track)| (number, track.codec));
        (Self { reader, watch: watch.clone(), video }, watch)
    }
}

impl PacketReader for WatchedReader {
    fn tracks(&self) -> &[Track] {
        self.reader.tracks()
    }

    fn select(&mut self, tracks: &[usize]) {
        self.reader.select(tracks);
    }

    fn skipped(&self) -> Vec<&SkippedTrack> {
        self.reader.skipped()
    }

    fn metadata(&self) -> &FileMetadata {
        self.reader.metadata()
    }

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let is_read = self.reader.read(packet)?;
        if let Some((number, codec)) = self.video.filter(|_| is_read)
            && packet.track == number
        {
            self.watch.add(codec, packet);
        }
        Ok(is_read)
    }

    fn seek(&mut self, track: usize, time: i64) -> Result<bool> {
        let has_moved = self.reader.seek(track, time)?;
        if has_moved {
            self.watch.restart();
        }
        Ok(has_moved)
    }
}
