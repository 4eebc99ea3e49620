//! Manages the pictures of a stream with one sequence parameter set: their references, order and
//! output.

use std::collections::VecDeque;
use std::sync::Arc;

use codec_core::codec::trace::FrameTrace;
use codec_core::codec::{DecodeReport, FrameKind, OutputOrder};
use codec_core::error::{Corrupt, Error};
use codec_core::frame::{
    Color, ColorPrimaries, ColorRange, Frame, FramePool, MatrixCoefficients, PictureInfo, Rational,
    TransferCharacteristics, Window,
};
use codec_core::parallel::Pool;
use codec_simd::Kernels;

use super::field_order::FieldCoding;
use super::picture::{PictureDecoder, PictureParams};
use super::recovery::Recovery;
use super::trace::Tracer;
use super::unpaired_field::repeat_field;
use crate::params::Sps;
use crate::picture::{Coding, Motion, RefPicture};
use crate::picture_order::{PictureOrder, PictureOrderCounts};
use crate::references::{FieldSet, ListEntry, OutputPolicy, Store, StoredFrame};
use crate::sei::{PictureTimingMessage, RecoveryPoint};
use crate::slice::{ParsedSlice, PictureStructure, RefMarking, SliceHeader, begins_picture};

/// Frames that the pool keeps in addition to the decoded picture buffer: the one being decoded,
/// and some that the caller still holds.
const EXTRA_FRAMES: usize = 6;

/// Timestamps of a packet, for the frame that it decodes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) pts: i64,
    pub(super) duration: Option<u64>,
}

/// A frame in the decoded picture buffer.
#[derive(Clone, Debug)]
struct DecodedFrame {
    reference: RefPicture,
    timing: Timing,
    fields: FieldCoding,
}

/// The picture whose slices are being decoded.
#[derive(Debug)]
struct CurrentPicture {
    /// Header of its first slice.
    header: SliceHeader,
    counts: PictureOrderCounts,
    is_second_field: bool,
    /// The first damage of its slices.
    damage: Option<Corrupt>,
    /// Whether the references of all slices were available.
    shown: bool,
    timing: Timing,
    fields: FieldCoding,
}

/// Messages that precede a picture.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Messages {
    pub(super) recovery: Option<RecoveryPoint>,
    pub(super) timing: Option<PictureTimingMessage>,
}

/// The state of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    sps: Arc<Sps>,
    info: PictureInfo,
    pool: FramePool,
    pictures: PictureDecoder,
    store: Store<DecodedFrame>,
    policy: OutputPolicy,
    order: PictureOrder,
    recovery: Recovery,
    /// The picture order count of the recovery point at which decoding began. Frames that precede it in
    /// output order may refer to pictures before it.
    entry: Option<i32>,
    current: Option<CurrentPicture>,
    /// The fields of the last frame of the store that have not been decoded, if there can be a
    /// second field.
    missing_field: Option<PictureStructure>,
    /// Whether the last frame of the store begins a new sequence of picture order counts.
    resets_order: bool,
    /// Whether the current frame needs references that were not received.
    replaces_reference: bool,
    /// `PrevRefFrameNum`.
    prev_ref_frame_num: Option<u32>,
    next_id: u64,
    /// The lists of the current slice.
    lists: [Vec<RefPicture>; 2],
    /// The last frame that was completed, and the substitute for missing references.
    last: Option<DecodedFrame>,
    grey: Option<RefPicture>,
}

impl Stream {
    pub(super) fn new(
        sps: Arc<Sps>,
        kernels: &'static Kernels,
        order: OutputOrder,
        threads: Option<Arc<dyn Pool>>,
    ) -> Self {
        let window = Window {
            coded: sps.coded_size(),
            origin: (sps.crop.left, sps.crop.top),
            size: sps.visible_size(),
        };
        Self {
            info: picture_info(&sps),
            pool: FramePool::with_window(window, 0, sps.max_dpb_frames() + EXTRA_FRAMES),
            pictures: PictureDecoder::new(kernels, threads),
            store: Store::default(),
            policy: OutputPolicy::new(order, &sps),
            order: PictureOrder::default(),
            recovery: Recovery::Lost,
            entry: None,
            current: None,
            missing_field: None,
            replaces_reference: false,
            resets_order: false,
            prev_ref_frame_num: None,
            next_id: 0,
            lists: [Vec::new(), Vec::new()],
            last: None,
            grey: None,
            sps,
        }
    }

    /// Traces packets from now on.
    pub(super) fn enable_trace(&mut self) {
        self.pictures.tracer = Some(Box::default());
    }

    /// Returns the tracer if packets are traced.
    pub(super) fn tracer(&mut self) -> Option<&mut Tracer> {
        self.pictures.tracer.as_deref_mut()
    }

    /// Completes the trace of a packet with its last frame.
    pub(super) fn complete_trace(&mut self, bytes: usize, report: &DecodeReport, timing: Timing) {
        // A complete frame may have left the store; the first field of a frame is its last entry.
        let first_field = self.store.frames().last().and_then(|frame| frame.picture.as_ref());
        let decoded = first_field.filter(|_| self.missing_field.is_some()).or(self.last.as_ref());
        let Some(decoded) = decoded else { return };
        let decoded = frame(&decoded.reference.samples, self.info, timing);
        if let Some(tracer) = &mut self.pictures.tracer {
            tracer.complete(bytes, report, decoded);
        }
    }

    /// Returns the trace of the last packet.
    pub(super) fn trace(&self) -> Option<&FrameTrace> {
        self.pictures.tracer.as_ref()?.get()
    }

    /// Returns the active sequence parameter set.
    pub(super) fn sps(&self) -> &Sps {
        &self.sps
    }

    /// Returns whether a slice belongs to the current picture.
    pub(super) fn continues(&self, slice: &ParsedSlice) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| !begins_picture(&current.header, &slice.header))
    }

    /// Remembers that data of the current picture is damaged.
    pub(super) fn note_damage(&mut self) {
        if let Some(current) = &mut self.current {
            current.damage.get_or_insert(Corrupt::Missing { what: "slice of the picture" });
        }
    }

    /// Begins the picture that a slice belongs to.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if references were lost and are not concealed.
    pub(super) fn begin_picture(
        &mut self,
        slice: &ParsedSlice,
        messages: Messages,
        timing: Timing,
        conceals: bool,
        output: &mut VecDeque<Frame>,
    ) -> Result<(), Error> {
        let header = &slice.header;
        let recovery = messages.recovery;
        let is_second_field = self.is_second_field(header);
        if !is_second_field {
            self.complete_frame(output);
            let was_lost = self.recovery == Recovery::Lost;
            if was_lost {
                self.entry = None;
            }
            let is_leading = self.is_leading(header);
            self.recovery.begin_frame(header, &self.sps, recovery, conceals)?;
            self.replaces_reference =
                was_lost && self.recovery == Recovery::Intact && !header.is_idr;
            if is_leading && self.recovery == Recovery::Intact {
                // Its references may be missing, which is no damage.
                self.recovery = Recovery::Recovered;
            }
            if let Err(detail) = self.fill_gap(header, conceals) {
                self.recovery = Recovery::Lost;
                self.recovery.begin_frame(header, &self.sps, recovery, conceals).or(Err(detail))?;
            }
            if header.is_idr {
                self.entry = None;
            } else if self.recovery == Recovery::Recovered && !is_leading {
                self.entry = Some(self.count_of(header));
            }
        }
        let counts = self.order.counts(header, &self.sps);
        if !is_second_field {
            self.store.begin_frame(StoredFrame::new(None, header.frame_num));
            self.next_id += 1;
        }
        let frame = self.store.current_mut();
        let mut poc = counts.fields;
        if let (true, Some(frame)) = (is_second_field, &frame) {
            let first = usize::from(header.structure == PictureStructure::TopField);
            poc[first] = frame.poc[first];
        }
        let first_field = frame.filter(|_| is_second_field).and_then(|f| f.picture.as_ref());
        let params = PictureParams {
            sps: &self.sps,
            structure: header.structure,
            id: self.next_id,
            poc,
            first_field: first_field.map(|picture| &picture.reference),
        };
        self.pictures.begin_picture(&params, self.pool.take());
        self.current = Some(CurrentPicture {
            header: header.clone(),
            counts,
            is_second_field,
            damage: None,
            shown: conceals || self.recovery.is_correct() && !self.is_leading(header),
            timing,
            fields: FieldCoding {
                has_fields: header.structure.is_field() || header.is_mbaff,
                timing: messages.timing.and_then(|timing| timing.parse(self.sps.vui.as_ref()?)),
            },
        });
        Ok(())
    }

    /// Returns whether a picture precedes the recovery point at which decoding began in output order.
    fn is_leading(&self, header: &SliceHeader) -> bool {
        !header.is_idr && self.entry.is_some_and(|entry| self.count_of(header) < entry)
    }

    /// Returns the picture order count of a picture.
    fn count_of(&self, header: &SliceHeader) -> i32 {
        let counts = self.order.counts(header, &self.sps);
        crate::picture::poc_of(header.structure, counts.fields)
    }

    /// Returns whether a picture is the second field of the last frame. Clause 3.30.
    fn is_second_field(&self, header: &SliceHeader) -> bool {
        let frame_num = self.store.frames().last().map(|frame| frame.frame_num);
        self.missing_field == Some(header.structure)
            && !header.is_idr
            && frame_num == Some(header.frame_num)
    }

    /// Inserts the frames between the last reference and this frame that were not transmitted.
    /// Clause 8.2.5.2.
    ///
    /// # Errors
    /// [`Corrupt::NoReference`] if they were lost and are not concealed.
    fn fill_gap(&mut self, header: &SliceHeader, conceals: bool) -> Result<(), Corrupt> {
        let max = 1_u32 << self.sps.log2_max_frame_num;
        let Some(last) = self.prev_ref_frame_num.filter(|_| !header.is_idr) else { return Ok(()) };
        let distance = header.frame_num.wrapping_sub(last) % max;
        if distance <= 1 {
            return Ok(());
        }
        let is_loss = !self.sps.gaps_in_frame_num_allowed;
        if is_loss && !conceals && self.recovery == Recovery::Intact {
            return Err(Corrupt::NoReference);
        }
        self.replaces_reference |= is_loss && self.recovery == Recovery::Intact;
        // Older frames would leave the sliding window again.
        let count = (distance - 1).min(u32::from(self.sps.max_num_ref_frames).max(1));
        for back in (1..=count).rev() {
            let frame_num = header.frame_num.wrapping_sub(back) % max;
            let missing = SliceHeader { frame_num, nal_ref_idc: 1, ..SliceHeader::default() };
            let counts = self.order.counts(&missing, &self.sps);
            let copy = self.last.clone().filter(|_| is_loss);
            let mut frame = StoredFrame::new(copy, frame_num);
            frame.poc = counts.fields;
            self.store.insert_missing(frame, &self.sps);
            self.store.remove_unused(drop);
            if self.sps.poc_type.is_derived_from_frame_num() {
                self.order.complete(&missing, counts, None);
            }
            self.prev_ref_frame_num = Some(frame_num);
        }
        Ok(())
    }

    /// Decodes the macroblocks of a slice of the current picture.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the data is damaged or a reference is missing.
    pub(super) fn decode_slice(
        &mut self,
        slice: &ParsedSlice,
        rbsp: &[u8],
        conceals: bool,
    ) -> Result<(), Error> {
        let Some(current) = &self.current else { return Err(Corrupt::NoReference.into()) };
        let poc = current.counts.fields;
        self.build_lists(
            &slice.header,
            crate::picture::poc_of(slice.header.structure, poc),
            conceals,
        )?;
        let [list_0, list_1] = &self.lists;
        let ParsedSlice { header, pps, sps } = slice;
        self.pictures.decode_slice(header, sps, pps, [list_0, list_1], rbsp)?;
        Ok(())
    }

    /// Builds the reference lists of a slice. Entries without a picture get the nearest one.
    fn build_lists(
        &mut self,
        header: &SliceHeader,
        poc: i32,
        conceals: bool,
    ) -> Result<(), Corrupt> {
        self.store.update_frame_num_wrap(header.frame_num, &self.sps);
        let entries = self.store.ref_lists(header, poc, 1 << self.sps.log2_max_frame_num);
        for (list, entries) in entries.iter().enumerate() {
            self.lists[list].clear();
            let mut substitute = None;
            for entry in entries.iter() {
                let found = entry.and_then(|entry| self.reference(entry));
                let picture = match (found, &substitute) {
                    (Some(picture), _) => picture,
                    (None, Some(picture)) => RefPicture::clone(picture),
                    (None, None) => self.substitute(header.structure, conceals)?,
                };
                substitute.get_or_insert_with(|| picture.clone());
                self.lists[list].push(picture);
            }
        }
        Ok(())
    }

    /// Returns an entry of a reference list, unless it fills a gap.
    fn reference(&self, entry: ListEntry) -> Option<RefPicture> {
        let frame = self.store.get(entry.frame)?;
        let picture = &frame.picture.as_ref()?.reference;
        let is_long_term = !frame.long.and(FieldSet::of(entry.structure)).is_empty();
        let structure = entry.structure;
        Some(RefPicture { structure, poc: frame.poc, is_long_term, ..picture.clone() })
    }

    /// Returns a picture for list entries that have no picture.
    fn substitute(
        &mut self,
        structure: PictureStructure,
        conceals: bool,
    ) -> Result<RefPicture, Corrupt> {
        let fields = FieldSet::of(structure);
        let index = self.store.frames().iter().rposition(|frame| {
            frame.picture.is_some() && frame.decoded.contains(fields) && frame.is_reference()
        });
        let found = index.and_then(|frame| self.reference(ListEntry { frame, structure }));
        if let Some(found) = found {
            return Ok(found);
        }
        if !conceals && self.recovery == Recovery::Intact {
            return Err(Corrupt::NoReference);
        }
        self.replaces_reference |= self.recovery == Recovery::Intact;
        let mut grey = self.grey_picture();
        grey.structure = structure;
        Ok(grey)
    }

    /// Returns a grey frame without motion.
    fn grey_picture(&mut self) -> RefPicture {
        let (sps, pool) = (&self.sps, &mut self.pool);
        self.grey.get_or_insert_with(|| grey_picture(sps, pool)).clone()
    }

    /// Completes the current picture: deblocking, concealment, marking. A frame that is complete
    /// takes its place in the output.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is damaged and not concealed: it is discarded.
    pub(super) fn finish_picture(
        &mut self,
        conceals: bool,
        output: &mut VecDeque<Frame>,
    ) -> Result<Option<DecodeReport>, Error> {
        let Some(current) = self.current.take() else { return Ok(None) };
        let missing = self.pictures.missing_macroblocks();
        let damage = current.damage.or_else(|| {
            let what = "macroblocks of the picture";
            (missing > 0).then_some(Corrupt::Missing { what })
        });
        let conceal_from = self.last.as_ref().map(|last| &last.reference);
        let finished = self.pictures.finish_picture(conceal_from);
        let discarded = damage.filter(|_| !conceals);
        let (Some(reference), None) = (finished, discarded) else {
            self.discard(&current);
            return Err(discarded.unwrap_or(Corrupt::NoReference).into());
        };
        let mut report = DecodeReport::new(
            if current.header.is_idr { FrameKind::Key } else { FrameKind::Inter },
            self.sps.visible_size(),
        );
        report.total_mbs = u32::from(self.sps.width_mbs) * u32::from(self.sps.height_mbs());
        report.profile = self.sps.profile_idc;
        report.qindex = current.header.qp;
        report.concealed_mbs = u32::try_from(missing).unwrap_or(u32::MAX);
        report.replaced_reference = self.replaces_reference;
        self.pool.recycle(reference.samples.clone());
        self.store_picture(&current, reference);
        let is_complete = self.missing_field.is_none();
        report.shown = is_complete && current.shown;
        if is_complete {
            self.complete_frame(output);
        }
        Ok(Some(report))
    }

    /// Removes a damaged picture. The references of later ones are then incomplete.
    fn discard(&mut self, current: &CurrentPicture) {
        if current.header.nal_ref_idc != 0 {
            self.recovery = Recovery::Lost;
        }
        self.missing_field = None;
        if !current.is_second_field {
            self.store.discard_current();
        }
    }

    /// Adds a decoded picture to its frame in the store, and marks references.
    fn store_picture(&mut self, current: &CurrentPicture, reference: RefPicture) {
        let header = &current.header;
        let fields = FieldSet::of(header.structure);
        let Some(frame) = self.store.current_mut() else { return };
        let first = frame.picture.take().map(|first| (first.timing, first.fields));
        let (timing, fields_coding) = first.unwrap_or((current.timing, current.fields));
        frame.picture = Some(DecodedFrame { reference, timing, fields: fields_coding });
        frame.decoded = frame.decoded.with(fields);
        if header.structure != PictureStructure::BottomField {
            frame.poc[0] = current.counts.fields[0];
        }
        if header.structure != PictureStructure::TopField {
            frame.poc[1] = current.counts.fields[1];
        }
        frame.waits_for_output |= current.shown;
        self.missing_field = (header.structure.is_field() && !current.is_second_field)
            .then(|| header.structure.opposite());
        let result = self.store.mark(header, &self.sps);
        let mut reset_top = None;
        if let (true, Some(frame)) = (result.reset, self.store.current_mut()) {
            let least = frame.poc();
            frame.poc = frame.poc.map(|poc| poc.wrapping_sub(least));
            frame.frame_num = 0;
            self.entry = None;
            reset_top = Some(frame.poc[0]);
        }
        self.order.complete(header, current.counts, reset_top);
        if header.nal_ref_idc != 0 {
            self.prev_ref_frame_num = Some(if result.reset { 0 } else { header.frame_num });
        }
        let is_idr = matches!(header.marking, Some(RefMarking::Idr { .. }));
        self.resets_order |= is_idr || result.reset;
    }

    /// Outputs frames after the last frame of the store was completed, if there is one.
    fn complete_frame(&mut self, output: &mut VecDeque<Frame>) {
        self.missing_field = None;
        let Some(frame) = self.store.current_mut() else { return };
        if let Some(picture) = &mut frame.picture {
            let samples = &mut picture.reference.samples;
            if let Some(repeated) = repeat_field(samples, frame.decoded, &mut self.pool) {
                *samples = repeated;
            }
            self.last = Some(picture.clone());
        }
        if std::mem::take(&mut self.resets_order) {
            // All earlier frames precede it.
            let waits = std::mem::take(&mut frame.waits_for_output);
            self.output_all(output);
            self.policy.reset();
            if let Some(frame) = self.store.current_mut() {
                frame.waits_for_output = waits;
            }
        }
        self.store.remove_unused(drop);
        while let Some(index) = self.policy.next(&self.store) {
            self.output_frame(index, output);
            self.store.remove_unused(drop);
        }
    }

    fn output_all(&mut self, output: &mut VecDeque<Frame>) {
        while let Some(index) = self.store.next_output() {
            self.output_frame(index, output);
        }
    }

    fn output_frame(&mut self, index: usize, output: &mut VecDeque<Frame>) {
        let Some(stored) = self.store.get(index) else { return };
        let (decoded, poc) = (stored.decoded, stored.poc);
        if let Some(DecodedFrame { reference, timing, fields }) = self.store.take_output(index) {
            let mut info = self.info;
            if decoded == FieldSet::BOTH {
                info.field_order = fields.order(poc);
            }
            output.push_back(frame(&reference.samples, info, *timing));
        }
    }

    /// Outputs all frames that wait.
    pub(super) fn flush(&mut self, output: &mut VecDeque<Frame>) {
        self.complete_frame(output);
        self.output_all(output);
        self.store.remove_unused(drop);
        self.policy.reset();
    }

    /// Returns the last frame again, in place of a damaged packet.
    pub(super) fn repeat(&mut self, timing: Timing) -> Option<(DecodeReport, Frame)> {
        let last = self.last.as_ref()?;
        let mut report = DecodeReport::new(FrameKind::Inter, self.sps.visible_size());
        report.concealed_mbs = report.total_mbs;
        Some((report, frame(&last.reference.samples, self.info, timing)))
    }
}

fn frame(samples: &Arc<codec_core::frame::FrameBuf>, info: PictureInfo, timing: Timing) -> Frame {
    Frame { buf: samples.clone().into(), info, pts: timing.pts, duration: timing.duration }
}

/// Creates a grey frame without motion.
fn grey_picture(sps: &Sps, pool: &mut FramePool) -> RefPicture {
    let mut samples = pool.take();
    if let Some(samples) = Arc::get_mut(&mut samples) {
        for mut plane in samples.planes_mut() {
            (0..plane.layout().height).for_each(|y| plane.row_mut(y).fill(128));
        }
    }
    let mut motion = Motion::default();
    motion.begin(usize::from(sps.width_mbs), usize::from(sps.height_mbs()), Coding::Frame);
    RefPicture {
        samples,
        motion: Arc::new(motion),
        id: 0,
        structure: PictureStructure::Frame,
        poc: [0; 2],
        is_long_term: false,
    }
}

/// Returns the colour description and pixel aspect ratio of the video usability information (VUI).
fn picture_info(sps: &Sps) -> PictureInfo {
    let Some(vui) = &sps.vui else { return PictureInfo::default() };
    let mut info = PictureInfo::default();
    if let Some((width, height)) = vui.aspect_ratio {
        info.pixel_aspect = Some(Rational::new(width.into(), height.into()));
    }
    if let Some(signal) = vui.signal {
        let [primaries, transfer, matrix] = signal.colour.unwrap_or([2; 3]);
        let range = if signal.full_range { ColorRange::Full } else { ColorRange::Limited };
        info.color = Color {
            primaries: ColorPrimaries(primaries),
            transfer: TransferCharacteristics(transfer),
            matrix: MatrixCoefficients(matrix),
            range,
        };
    }
    info
}
