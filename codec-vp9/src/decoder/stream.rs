//! The state between frames: slots, probability contexts, and the modes and segments of the last
//! frame.

use std::sync::Arc;

use codec_core::codec::{Conceal, DecoderConfig, Limits, ResizeLimit, SlotSet};
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{Color, PixelLimit, SampleFormat, Size};
use codec_simd::Kernels;

use super::frame::{FrameInput, FrameOutcome, FrameState, decode_frame};
use super::slots::{DecodedFrame, Pools, Stored};
use super::trace::Tracer;
use crate::block::mode_map::ModeMap;
use crate::block::sample::Kit;
use crate::header::{
    ContextReset, FrameHeader, FrameType, Header, HeaderContext, LoopFilterDeltas, Segmentation,
    can_scale,
};
use crate::probability::Probabilities;
use crate::types::Reference;

/// Values of a frame's header that later frames use.
#[derive(Clone, Copy, Debug)]
struct LastFrame {
    size: Size,
    shown: bool,
    frame_type: FrameType,
}

/// Decodes frames, one after the other.
#[derive(Debug)]
pub(crate) struct Stream {
    kernels: &'static Kernels,
    slots: [Option<DecodedFrame>; 8],
    /// The saved probabilities, and those that a reset restores.
    contexts: Box<[Probabilities; 4]>,
    defaults: Box<Probabilities>,
    deltas: LoopFilterDeltas,
    segmentation: Segmentation,
    format: SampleFormat,
    color: Color,
    last: Option<LastFrame>,
    modes_before: ModeMap,
    segments_before: Vec<u8>,
    resize_limit: ResizeLimit,
    state: FrameState,
    pools: Pools,
    /// Records blocks, if traces are wanted.
    pub(super) tracer: Option<Box<Tracer>>,
}

/// A decoded frame.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// `None` for a slot that is shown again.
    pub(crate) coded: Option<CodedFrame>,
    pub(crate) frame: DecodedFrame,
    pub(crate) shown: bool,
}

/// The effects of a coded frame.
#[derive(Debug)]
pub(crate) struct CodedFrame {
    pub(crate) header: FrameHeader,
    /// Slots that its blocks are predicted from.
    pub(crate) slots_used: SlotSet,
    /// Number of 8x8 pixels that were concealed.
    pub(crate) concealed: usize,
}

impl Stream {
    pub(crate) fn new(kernels: &'static Kernels) -> Self {
        let defaults = Box::<Probabilities>::default();
        Self {
            kernels,
            slots: Default::default(),
            contexts: Box::new(std::array::from_fn(|_| (*defaults).clone())),
            defaults,
            deltas: LoopFilterDeltas::default(),
            segmentation: Segmentation::default(),
            format: SampleFormat::YUV420,
            color: Color::default(),
            last: None,
            modes_before: ModeMap::default(),
            segments_before: Vec::new(),
            resize_limit: ResizeLimit::default(),
            state: FrameState::default(),
            pools: Pools::default(),
            tracer: None,
        }
    }

    /// Decodes the frame `data`.
    pub(crate) fn decode(&mut self, data: &[u8], config: &DecoderConfig) -> Result<Decoded, Error> {
        let context = HeaderContext {
            slots: std::array::from_fn(|slot| {
                let buf = &self.slots[slot].as_ref()?.buf;
                Some((buf.size(), buf.format()))
            }),
            format: self.format,
            deltas: &self.deltas,
            segmentation: &self.segmentation,
        };
        let header = match Header::parse(data, &context)? {
            Header::Frame(header) => header,
            Header::ShowExisting { slot } => {
                let frame = self.slots[slot].clone().ok_or(Corrupt::NoReference)?;
                if let Some(tracer) = &mut self.tracer {
                    tracer.repeat(data.len(), &frame);
                }
                return Ok(Decoded { coded: None, frame, shown: true });
            }
        };
        config.formats.check(header.format)?;
        self.check_size(header.size, header.format, &config.limits)?;
        let (frame, used, concealed) = if header.format.depth == 8 {
            self.decode_samples::<u8>(data, &header, config)?
        } else {
            self.decode_samples::<u16>(data, &header, config)?
        };
        if let Some(tracer) = &mut self.tracer {
            tracer.complete_frame(&header, data.len(), &frame);
        }
        for (slot, to) in self.slots.iter_mut().enumerate() {
            if header.refresh_slots >> slot & 1 != 0 {
                *to = Some(frame.clone());
            }
        }
        let used = header.references.slots.into_iter().zip(used).filter(|&(_, used)| used);
        let slots_used = used.fold(SlotSet::NONE, |set, (slot, _)| set.with(SlotSet(1 << slot)));
        let shown = header.show;
        let coded = CodedFrame { header, slots_used, concealed };
        Ok(Decoded { coded: Some(coded), frame, shown })
    }

    fn check_size(
        &mut self,
        size: Size,
        format: SampleFormat,
        limits: &Limits,
    ) -> Result<(), Error> {
        PixelLimit(limits.max_pixels).check_format(size, format)?;
        let changes = self.last.is_none_or(|last| last.size != size) || self.format != format;
        if changes {
            self.resize_limit.check(limits, size)?;
        }
        self.resize_limit.count_frame(changes.then_some(size));
        Ok(())
    }

    fn decode_samples<S: Stored>(
        &mut self,
        data: &[u8],
        header: &FrameHeader,
        config: &DecoderConfig,
    ) -> Result<(DecodedFrame, [bool; 3], usize), Error> {
        let Self {
            slots,
            contexts,
            defaults,
            last,
            modes_before,
            segments_before,
            state,
            pools,
            tracer,
            ..
        } = self;
        let pool = S::pool(pools);
        let context = header.contexts.index;
        let is_context_reset = |index: usize| match header.contexts.reset {
            None | Some(ContextReset::None) => false,
            Some(ContextReset::One(reset)) => reset == index,
            Some(ContextReset::All) => true,
        };
        let is_reset = header.contexts.reset.is_some();
        let same_size = last.is_some_and(|last| last.size == header.size);
        let keeps_vectors = same_size
            && !header.error_resilient
            && last.is_some_and(|last| last.shown && last.frame_type == FrameType::Inter);
        let references = if header.is_intra() {
            [None; 3]
        } else {
            Reference::ALL.map(|reference| {
                let frame = slots[header.references.slots[reference as usize]].as_ref()?;
                let buf = S::unwrap(&frame.buf)?;
                can_scale(buf.size(), header.size).then_some(buf)
            })
        };
        let depth = header.format.depth;
        let lossless = header.quantiser.is_lossless();
        let input = FrameInput {
            kit: Kit { kernels: self.kernels, depth, lossless },
            header,
            saved: if is_context_reset(context) { defaults } else { &contexts[context] },
            references,
            modes_before: keeps_vectors.then_some(&*modes_before),
            segments_before: if same_size && !is_reset { segments_before } else { &[] },
            follows_key: !header.is_intra()
                && last.is_some_and(|last| last.frame_type == FrameType::Key),
            conceals: config.conceal == Conceal::On,
            threads: config.pool.as_deref().filter(|pool| pool.threads() > 1),
        };
        let mut frame = pool.take(header.size, header.format);
        let samples = Arc::get_mut(&mut frame).ok_or(Corrupt::NoReference)?;
        let outcome =
            decode_frame(data, &input, state, &mut pool.memory, samples, tracer.as_deref_mut());
        pool.recycle(frame.clone());
        let FrameOutcome { probabilities, used, concealed } = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                pool.memory.clear();
                return Err(error);
            }
        };
        if concealed > 0 {
            pool.memory.clear();
        }
        for (index, to) in contexts.iter_mut().enumerate() {
            if is_context_reset(index) {
                to.clone_from(defaults);
            }
        }
        if header.contexts.refresh {
            contexts[context] = probabilities;
        }
        std::mem::swap(modes_before, &mut state.modes);
        if is_reset || !same_size {
            segments_before.clear();
        }
        if header.segmentation.enabled {
            std::mem::swap(segments_before, &mut state.segments);
        }
        *last = Some(LastFrame {
            size: header.size,
            shown: header.show,
            frame_type: header.frame_type,
        });
        self.deltas = header.loop_filter.next_deltas;
        self.segmentation = header.segmentation;
        self.format = header.format;
        self.color = header.color.unwrap_or(self.color);
        let frame = DecodedFrame { buf: S::wrap(frame), color: self.color };
        Ok((frame, used, concealed))
    }
}
