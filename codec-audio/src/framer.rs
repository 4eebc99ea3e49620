//! Helpers for encoders and decoders: splitting samples into frames, and queues of packets and
//! buffers with recycled memory.

use std::collections::VecDeque;

use super::buffer::{AudioBuf, SampleKind};
use super::format::AudioFormat;
use super::packet::AudioPacket;

/// Buffers samples until a frame is complete.
#[derive(Debug)]
pub struct Framer<T> {
    channels: usize,
    /// Sample frames per codec frame, at least 1.
    frame: usize,
    waiting: Vec<T>,
    /// Number of values of `waiting` that have been consumed.
    taken: usize,
    /// Timestamp of the first unconsumed sample.
    pts: i64,
    /// Whether samples arrived since the last flush.
    running: bool,
}

impl<T: Copy + Default> Framer<T> {
    /// Cuts samples of `channels` channels into frames of `frame` sample frames.
    #[must_use]
    pub fn new(channels: usize, frame: usize) -> Self {
        let (channels, frame) = (channels.max(1), frame.max(1));
        Self { channels, frame, waiting: Vec::new(), taken: 0, pts: 0, running: false }
    }

    /// Sets the frame length for the following frames.
    pub fn set_frame(&mut self, frame: usize) {
        self.frame = frame.max(1);
    }

    /// Returns whether samples with timestamp `pts` do not continue the last ones.
    pub fn jumps_to(&self, pts: i64) -> bool {
        self.running && pts != self.end()
    }

    /// Returns the buffer to which samples that start at `pts` are appended.
    pub fn extend(&mut self, pts: i64) -> &mut Vec<T> {
        if self.waiting_frames() == 0 {
            self.pts = pts;
        }
        self.running = true;
        self.waiting.drain(..self.taken);
        self.taken = 0;
        &mut self.waiting
    }

    /// Returns the next complete frame with its timestamp.
    pub fn take(&mut self) -> Option<(i64, &[T])> {
        self.take_up_to(self.frame)
    }

    /// Returns the remaining incomplete frame with its timestamp, and clears it.
    pub fn take_rest(&mut self) -> Option<(i64, &[T])> {
        self.running = false;
        match self.waiting_frames() {
            0 => None,
            rest => self.take_up_to(rest.min(self.frame)),
        }
    }

    fn take_up_to(&mut self, frames: usize) -> Option<(i64, &[T])> {
        let from = self.taken;
        let to = from + frames * self.channels;
        let values = self.waiting.get(from..to)?;
        let pts = self.pts;
        self.taken = to;
        self.pts = pts.saturating_add_unsigned(frames as u64);
        Some((pts, values))
    }

    /// Appends silence until the buffered samples, plus `more` sample frames of silence, fill whole
    /// frames. Returns how many further sample frames of silence the last frame needed; `None` if
    /// no sample was added since the last flush.
    pub fn flush(&mut self, more: usize) -> Option<usize> {
        if !std::mem::take(&mut self.running) {
            return None;
        }
        let needed = self.waiting_frames() + more;
        let whole = needed.next_multiple_of(self.frame);
        self.waiting.resize(self.taken + whole * self.channels, T::default());
        Some(whole - needed)
    }

    /// Returns the number of buffered sample frames.
    pub fn waiting_frames(&self) -> usize {
        (self.waiting.len() - self.taken) / self.channels
    }

    /// Returns the timestamp after the last sample.
    fn end(&self) -> i64 {
        self.pts.saturating_add_unsigned(self.waiting_frames() as u64)
    }
}

/// Queue of finished packets.
#[derive(Debug, Default)]
pub struct PacketQueue {
    ready: VecDeque<AudioPacket>,
    spare: Vec<AudioPacket>,
    next_id: u64,
}

impl PacketQueue {
    /// Returns an empty packet with the next number.
    pub fn begin(&mut self) -> AudioPacket {
        let AudioPacket { mut data, .. } = self.spare.pop().unwrap_or_default();
        data.clear();
        let mut packet = AudioPacket { data, ..AudioPacket::default() };
        packet.meta.packet_id = self.next_id;
        self.next_id += 1;
        packet
    }

    /// Appends a finished packet.
    pub fn push(&mut self, packet: AudioPacket) {
        self.ready.push_back(packet);
    }

    /// Whether no packet is ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Replaces `packet` by the next one; `false` if the queue is empty.
    pub fn receive(&mut self, packet: &mut AudioPacket) -> bool {
        let Some(ready) = self.ready.pop_front() else { return false };
        let used = std::mem::replace(packet, ready);
        if self.spare.len() < 4 {
            self.spare.push(used);
        }
        true
    }
}

/// Queue of decoded audio buffers.
#[derive(Debug, Default)]
pub struct AudioQueue {
    ready: VecDeque<AudioBuf>,
    spare: Vec<AudioBuf>,
}

impl AudioQueue {
    /// Returns a buffer to decode into; it may contain old data.
    pub fn begin(&mut self, format: AudioFormat, kind: SampleKind) -> AudioBuf {
        self.spare.pop().unwrap_or_else(|| AudioBuf::new(format, kind))
    }

    /// Appends a filled buffer to the queue.
    pub fn push(&mut self, audio: AudioBuf) {
        self.ready.push_back(audio);
    }

    /// Returns an unused buffer to the pool.
    pub fn recycle(&mut self, audio: AudioBuf) {
        if self.spare.len() < 4 {
            self.spare.push(audio);
        }
    }

    /// Replaces `audio` by the next one; `false` if the queue is empty.
    pub fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        let Some(ready) = self.ready.pop_front() else { return false };
        let used = std::mem::replace(audio, ready);
        self.recycle(used);
        true
    }

    /// Discards all decoded buffers.
    pub fn clear(&mut self) {
        while let Some(audio) = self.ready.pop_front() {
            self.recycle(audio);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_split_into_timestamped_frames_for_any_push_size() {
        let mut framer = Framer::new(2, 3);
        let mut next = 0..20;
        let (mut pts, mut seen) = (-5, Vec::new());
        for push in [1, 0, 7, 2] {
            framer.extend(pts).extend(next.by_ref().take(push * 2));
            pts += i64::try_from(push).unwrap();
            while let Some((pts, frame)) = framer.take() {
                seen.push((pts, frame.to_vec()));
            }
        }
        assert_eq!(seen[0], (-5, vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(seen[2], (1, vec![12, 13, 14, 15, 16, 17]));
        assert_eq!((seen.len(), framer.waiting_frames()), (3, 1));
        assert!(framer.jumps_to(6) && !framer.jumps_to(5));
        assert_eq!(framer.flush(3), Some(2));
        assert_eq!(framer.take(), Some((4, &[18, 19, 0, 0, 0, 0][..])));
        assert_eq!(framer.take().map(|(pts, _)| pts), Some(7));
        assert_eq!(framer.take(), None);
        assert_eq!(framer.flush(3), None);
        assert!(!framer.jumps_to(100));
    }
}
