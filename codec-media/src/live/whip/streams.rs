//! The sent streams of video: one, or one for each layer of simulcast.

use std::time::Duration;

use codec_core::codec::Codec;
use codec_rtc::extension::Label;
use codec_rtc::recovery::KeyFrameGate;

use super::packetizer::FramePacketizer;
use crate::failure::Result;
use crate::live::output::OutboundStats;

/// Shortest interval between two requested key frames.
const KEY_INTERVAL: Duration = Duration::from_millis(300);

/// A sent stream of video.
pub(super) struct VideoStream {
    /// The layer, if there are several.
    pub(super) rid: Option<Label>,
    pub(super) gate: KeyFrameGate,
    pub(super) packetizer: FramePacketizer,
    pub(super) statistics: OutboundStats,
}

impl VideoStream {
    fn new(codec: Codec, rid: Option<Label>) -> Result<Self> {
        let packetizer = FramePacketizer::new(codec)?;
        let (gate, statistics) = (KeyFrameGate::new(KEY_INTERVAL), OutboundStats::default());
        Ok(Self { rid, gate, packetizer, statistics })
    }
}

/// The sent streams of video.
pub(super) struct VideoStreams {
    /// One, or one for each offered layer; `None` for layers that the server does not accept.
    streams: Vec<Option<VideoStream>>,
    /// Statistics of each stream in earlier calls.
    before: Vec<OutboundStats>,
}

impl VideoStreams {
    /// Creates a stream for each of these layers, or one without layers.
    pub(super) fn new(codec: Codec, layers: &[Label]) -> Result<Self> {
        let rids: Vec<Option<Label>> = match layers {
            [] => vec![None],
            layers => layers.iter().copied().map(Some).collect(),
        };
        let streams = rids.into_iter().map(|rid| VideoStream::new(codec, rid).map(Some));
        Ok(Self { streams: streams.collect::<Result<_>>()?, before: Vec::new() })
    }

    /// The streams of a call that follows another one.
    pub(super) fn after(self, other: &Self) -> Self {
        Self { before: other.statistics().collect(), ..self }
    }

    /// Makes the next frame of each stream a key frame.
    pub(super) fn request_key_frames(&mut self) {
        for stream in self.streams.iter_mut().flatten() {
            stream.gate.request();
        }
    }

    /// Keeps the layers that the server accepts; without any, one stream remains.
    pub(super) fn negotiate(&mut self, accepted: &[Label]) {
        if accepted.is_empty() {
            self.streams.truncate(1);
            for stream in self.streams.iter_mut().flatten() {
                stream.rid = None;
            }
            return;
        }
        for slot in &mut self.streams {
            *slot = slot.take().filter(|it| it.rid.is_some_and(|rid| accepted.contains(&rid)));
        }
    }

    /// Whether each layer is sent; empty for one stream without layers.
    pub(super) fn layers(&self) -> Vec<bool> {
        let has_layers = self.streams.iter().flatten().any(|stream| stream.rid.is_some());
        if has_layers { self.streams.iter().map(Option::is_some).collect() } else { Vec::new() }
    }

    /// The stream of a layer; 0 without layers.
    pub(super) fn get(&mut self, layer: usize) -> Option<&mut VideoStream> {
        self.streams.get_mut(layer)?.as_mut()
    }

    /// The stream with this RID. Without layers, it is the only one.
    pub(super) fn of_rid(&mut self, rid: Option<Label>) -> Option<&mut VideoStream> {
        let mut streams = self.streams.iter_mut().flatten();
        streams.find(|stream| stream.rid.is_none() || stream.rid == rid)
    }

    /// Statistics by layer.
    pub(super) fn statistics(&self) -> impl Iterator<Item = OutboundStats> {
        let before = self.before.iter().copied().chain(std::iter::repeat(OutboundStats::default()));
        self.streams.iter().zip(before).map(|(slot, before)| {
            slot.as_ref().map_or(before, |stream| added(stream.statistics, &before))
        })
    }
}

/// The counters of a stream together with the counters of earlier calls.
pub(super) fn added(now: OutboundStats, before: &OutboundStats) -> OutboundStats {
    OutboundStats {
        packets: now.packets + before.packets,
        bytes: now.bytes + before.bytes,
        nacks: now.nacks + before.nacks,
        key_requests: now.key_requests + before.key_requests,
        remote: now.remote.or(before.remote),
        ..now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rids(names: &[&str]) -> Vec<Label> {
        names.iter().map(|name| Label::new(name).unwrap()).collect()
    }

    #[test]
    fn layers_that_are_not_accepted_are_not_sent() {
        let offered = rids(&["q", "h", "f"]);
        let mut streams = VideoStreams::new(Codec::Vp8, &offered).unwrap();
        streams.negotiate(&rids(&["q", "f"]));
        assert_eq!(streams.layers(), [true, false, true]);
        assert!(streams.get(1).is_none() && streams.get(3).is_none());
        assert_eq!(streams.of_rid(Some(offered[2])).unwrap().rid, Some(offered[2]));
        assert!(streams.of_rid(Some(offered[1])).is_none());
        // Without simulcast, everything concerns the only stream.
        let mut streams = VideoStreams::new(Codec::Vp8, &offered).unwrap();
        streams.negotiate(&[]);
        assert!(streams.layers().is_empty());
        assert!(streams.of_rid(Some(offered[2])).is_some() && streams.get(1).is_none());
        assert_eq!(streams.statistics().count(), 1);
    }

    #[test]
    fn streams_count_what_earlier_calls_sent() {
        let mut first = VideoStreams::new(Codec::Vp8, &[]).unwrap();
        first.get(0).unwrap().statistics.packets = 5;
        let second = || VideoStreams::new(Codec::Vp8, &[]).unwrap();
        let mut second = second().after(&second().after(&first));
        second.get(0).unwrap().statistics.packets = 2;
        assert_eq!(second.statistics().map(|it| it.packets).collect::<Vec<_>>(), [7]);
        assert!(!second.get(0).unwrap().gate.is_due(Duration::from_secs(1)));
        second.request_key_frames();
        assert!(second.get(0).unwrap().gate.is_due(Duration::from_secs(1)));
    }
}
