//! Reads the source of a stream, and compares each decoded frame with the source frame nearest in time.

use std::collections::VecDeque;

use codec_core::codec::trace::FrameTrace;
use codec_core::frame::{PictureInfo, Rational};
use codec_media::Env;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::planes::Planes;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::source::FrameSource;
use codec_media::io::video;

use super::chroma::ChromaError;
use super::comparison::{Comparison, Reason};
use super::display_order::DisplayOrder;
use super::options::SourceOptions;
use super::packets::{Outcome, Packets, Seen};

/// Source frames that are kept: as many as a stream can reorder, and the current one.
const MAX_RECENT: usize = 17;

/// The source of a stream.
pub(super) struct Source {
    pub(super) name: String,
    frames: Box<dyn FrameSource>,
    /// Frames still to be skipped.
    skip: u64,
    /// Whether times count from the first frame that is not skipped.
    is_relative: bool,
    first: Option<i64>,
    /// The frames that were read last, with their times in seconds: later packets can have earlier
    /// times.
    recent: VecDeque<(Planes, f64)>,
    has_ended: bool,
    order: DisplayOrder,
    /// Memory for the next frame.
    free: Planes,
    decoded: Planes,
    time_base: Rational,
    /// Half of a frame interval in seconds.
    half_s: f64,
}

impl Source {
    /// Opens the source of the stream of `packets`, whose frames are displayed in `order`.
    pub(super) fn open(
        options: &SourceOptions,
        packets: &Packets,
        order: DisplayOrder,
        env: &Env,
    ) -> Result<Self> {
        let input_info = &packets.input_info;
        if !input_info.has_blocks {
            let (name, codec) = (&input_info.name, input_info.codec);
            let message = format!(
                "{name}: --source requires block data, which is available for vp8, vp9 and \
                 h264, not for {codec}"
            );
            return Err(Failure::new(Kind::Input, message));
        }
        let decoding = DecodeOptions { limits: options.spec.limits, ..DecodeOptions::default() };
        let frames = video::open(&options.spec, &decoding, env)?;
        let rate = frames.stream_info().frame_rate.as_f64();
        let rate = input_info.frame_rate.map_or(rate, |stream| stream.as_f64().max(rate));
        Ok(Self {
            name: options.spec.name(),
            frames,
            skip: options.skip,
            is_relative: options.skip > 0,
            first: None,
            recent: VecDeque::with_capacity(MAX_RECENT),
            has_ended: false,
            order,
            free: Planes::default(),
            decoded: Planes::default(),
            time_base: input_info.time_base,
            half_s: 0.5 / rate,
        })
    }

    /// Compares the frame of a packet with the source frame of its time. Packets must be passed in
    /// decoding order.
    pub(super) fn compare(&mut self, seen: &Seen<'_>) -> Result<Comparison> {
        let not_compared = |reason| Ok(Comparison::NotCompared(reason));
        let Outcome::Traced(trace) = &seen.outcome else {
            return not_compared(Reason::NotDecoded);
        };
        let Some(frame) = trace.picture.as_ref().filter(|_| has_all_blocks(trace)) else {
            return not_compared(Reason::NotDecoded);
        };
        if !trace.shown {
            return not_compared(Reason::NotShown);
        }
        let Some(time) = self.order.time(seen)? else {
            return not_compared(Reason::NotShown);
        };
        let time_s = seconds(time, self.time_base);
        self.read_until(time_s)?;
        let distance = |at_s: f64| (at_s - time_s).abs();
        let near = self.recent.iter().filter(|(_, at_s)| distance(*at_s) < self.half_s);
        let nearest = near.min_by(|(_, a), (_, b)| distance(*a).total_cmp(&distance(*b)));
        let Some((source, _)) = nearest else {
            return not_compared(Reason::NoSourceFrame);
        };
        self.decoded.copy_from(&frame.picture().with_info(PictureInfo::default()));
        if source.size != self.decoded.size {
            return not_compared(Reason::OtherSize(source.size, self.decoded.size));
        }
        Ok(Comparison::Compared(ChromaError::measure(source, &self.decoded, &trace.blocks)?))
    }

    /// Reads to the frame nearest to `time_s`, or to the end. Reads nothing if that frame was read
    /// already.
    fn read_until(&mut self, time_s: f64) -> Result<()> {
        while !self.has_ended
            && self.recent.back().is_none_or(|(_, at_s)| time_s - at_s >= self.half_s)
        {
            let Some(frame) = self.frames.next()? else {
                self.has_ended = true;
                break;
            };
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            let pts = frame.pts;
            self.free.copy_from(&frame.picture);
            let origin = if self.is_relative { *self.first.get_or_insert(pts) } else { 0 };
            let at_s = seconds(pts.saturating_sub(origin), self.frames.stream_info().time_base);
            if self.recent.len() == MAX_RECENT
                && let Some((before, _)) = self.recent.pop_front()
            {
                self.recent.push_back((std::mem::replace(&mut self.free, before), at_s));
            } else {
                self.recent.push_back((std::mem::take(&mut self.free), at_s));
            }
        }
        Ok(())
    }
}

/// Whether the trace has all blocks of the frame, so that errors can be shown with them.
fn has_all_blocks(trace: &FrameTrace) -> bool {
    let (cols, rows) = trace.size.macroblocks();
    match trace.block_pixels {
        Some(_) => trace.blocks.len() == cols * rows,
        None => !trace.blocks.is_empty(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of a report")]
fn seconds(ticks: i64, time_base: Rational) -> f64 {
    ticks as f64 * time_base.as_f64()
}
