//! Dependency Descriptors of streams with one spatial layer and one to three temporal layers: L1T1,
//! L1T2, L1T3.

use super::{DecodeTargetIndication, Descriptor, Structure, Template, chain_diff, frame_diffs};
use crate::rtp::WriteError;
use crate::sequence::wrap_16;

use DecodeTargetIndication::{Discardable as D, NotPresent as N, Switch as S};

impl Structure {
    /// Returns the structure of a stream with `layers` temporal layers, 1..=3, in the usual order:
    /// one decode target per number of layers, and one chain of base-layer frames that protects all
    /// targets.
    ///
    /// # Errors
    /// Returns [`WriteError::Field`] for another number of layers.
    pub fn temporal(layers: u8) -> Result<Self, WriteError> {
        let template = |temporal_id,
                        indications: &[DecodeTargetIndication],
                        diff: Option<u16>,
                        chain| Template {
            spatial_id: 0,
            temporal_id,
            dtis: indications.to_vec(),
            frame_diffs: diff.into_iter().collect(),
            chain_diffs: vec![chain],
        };
        let templates = match layers {
            1 => vec![template(0, &[S], None, 0), template(0, &[S], Some(1), 1)],
            2 => vec![
                template(0, &[S, S], None, 0),
                template(0, &[S, S], Some(2), 2),
                template(1, &[N, D], Some(1), 1),
            ],
            3 => vec![
                template(0, &[S, S, S], None, 0),
                template(0, &[S, S, S], Some(4), 4),
                template(1, &[N, D, S], Some(2), 2),
                template(2, &[N, N, D], Some(1), 1),
                template(2, &[N, N, D], Some(1), 3),
            ],
            _ => {
                return Err(WriteError::Field {
                    what: "the number of temporal layers is not 1, 2 or 3",
                });
            }
        };
        let targets = usize::from(layers);
        Ok(Self {
            decode_targets: targets,
            chains: 1,
            decode_target_protected_by: vec![0; targets],
            templates,
            ..Self::default()
        })
    }
}

/// A frame and its references, by frame numbers that do not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameReferences<'a> {
    /// Frame number, one higher than the number of the previous frame.
    pub number: i64,
    /// Temporal layer, 0..=2.
    pub temporal_id: u8,
    /// Numbers of the frames that it references; empty for a key frame.
    pub references: &'a [i64],
}

/// Creates the Dependency Descriptors of a stream.
///
/// ```
/// use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Reader, Writer};
///
/// let mut builder = DescriptorBuilder::new(2, Some((640, 360)))?;
/// let (mut writer, mut reader) = (Writer::default(), Reader::default());
/// // A key frame, and a frame of the upper temporal layer that references it.
/// for (number, temporal_id, references) in [(0, 0, &[][..]), (1, 1, &[0][..])] {
///     let frame = FrameReferences { number, temporal_id, references };
///     let descriptor = builder.build(&frame)?;
///     let mut bytes = Vec::new();
///     writer.write(&descriptor, &mut bytes)?;
///     let read = reader.read(&bytes)?;
///     assert_eq!((read.temporal_id, read.frame_diffs.len()), (temporal_id, references.len()));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DescriptorBuilder {
    structure: Structure,
    /// Number of the last base-layer frame.
    chain: Option<i64>,
}

impl DescriptorBuilder {
    /// Creates a builder for `layers` temporal layers, 1..=3. `resolution` (width, height) is
    /// sent in the structure if given.
    ///
    /// # Errors
    /// Returns [`WriteError`] if `layers` or `resolution` is out of range.
    pub fn new(layers: u8, resolution: Option<(u32, u32)>) -> Result<Self, WriteError> {
        let resolutions = resolution.into_iter().collect();
        let structure = Structure { resolutions, ..Structure::temporal(layers)? };
        structure.check()?;
        Ok(Self { structure, chain: None })
    }

    /// Changes the number of layers or the resolution; call it before a key frame.
    ///
    /// # Errors
    /// Returns the errors of [`Self::new`].
    pub fn set_structure(
        &mut self,
        layers: u8,
        resolution: Option<(u32, u32)>,
    ) -> Result<(), WriteError> {
        let next = Self::new(layers, resolution)?.structure.numbered_after(&self.structure);
        if (Structure { template_id_offset: self.structure.template_id_offset, ..next.clone() })
            != self.structure
        {
            (self.structure, self.chain) = (next, None);
        }
        Ok(())
    }

    /// Returns the descriptor of a frame, as if it were one packet; the descriptor of a key frame carries the
    /// structure. If the frame takes several packets, only the first has the structure and
    /// `start_of_frame`, and only the last has `end_of_frame`.
    ///
    /// The previous frame of the chain is the latest base-layer frame, or for a base-layer frame
    /// the latest that it references. Differences above 255 are sent as 255.
    ///
    /// # Errors
    /// Returns [`WriteError`] if a reference is not before the frame or more than
    /// [`MAX_FRAME_DIFF`](super::MAX_FRAME_DIFF) back, in which case the frame must be coded as a
    /// key frame, or if the stream does not have the layer.
    pub fn build(&mut self, frame: &FrameReferences<'_>) -> Result<Descriptor, WriteError> {
        let usual = |template: &&Template| template.temporal_id == frame.temporal_id;
        let Some(template) = self.structure.templates.iter().find(usual) else {
            return Err(WriteError::Field { what: "the stream does not have this temporal layer" });
        };
        let frame_diffs = frame_diffs(frame.number, frame.references)?;
        let is_key = frame_diffs.is_empty() && frame.temporal_id == 0;
        let before = if is_key {
            None
        } else if frame.temporal_id == 0 {
            frame.references.iter().copied().max()
        } else {
            self.chain
        };
        let chain = chain_diff(frame.number, before);
        let descriptor = Descriptor {
            start_of_frame: true,
            end_of_frame: true,
            frame_number: wrap_16(frame.number),
            spatial_id: 0,
            temporal_id: frame.temporal_id,
            dtis: template.dtis.clone(),
            frame_diffs,
            chain_diffs: vec![chain],
            resolution: self.structure.resolution(0),
            active_decode_targets: None,
            structure: is_key.then(|| self.structure.clone()),
        };
        if frame.temporal_id == 0 {
            self.chain = Some(frame.number);
        }
        Ok(descriptor)
    }
}
