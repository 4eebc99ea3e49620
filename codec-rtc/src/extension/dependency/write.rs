//! Dependency Descriptor writing. RTP Payload Format For AV1, sections A.8.2 and A.8.3.

use super::bits::BitWriter;
use super::{Descriptor, MANDATORY_BYTES, MAX_FRAME_DIFF, Structure, TEMPLATE_IDS, Template};
use crate::rtp::WriteError;

/// Writes the descriptors of a stream and keeps its last structure.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    structure: Option<Structure>,
}

/// Fields of a frame that differ from its template.
#[derive(Clone, Copy, Debug, Default)]
struct Custom {
    indications: bool,
    frame_diffs: bool,
    chain_diffs: bool,
}

impl Writer {
    /// Creates a writer that continues with a structure already known to the receiver.
    ///
    /// # Errors
    /// Returns [`WriteError`] if the structure is invalid.
    pub fn following(structure: Structure) -> Result<Self, WriteError> {
        structure.check()?;
        Ok(Self { structure: Some(structure) })
    }

    /// The last structure written.
    #[must_use]
    pub fn structure(&self) -> Option<&Structure> {
        self.structure.as_ref()
    }

    /// Appends the descriptor of a packet, using the template with the fewest differences. A
    /// structure in the descriptor replaces the previous one. The resolution is taken from the
    /// structure.
    ///
    /// # Errors
    /// Returns [`WriteError`] and writes nothing if there is no valid structure yet, no template
    /// has the layer, or a value is out of range.
    pub fn write(&mut self, descriptor: &Descriptor, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if let Some(structure) = &descriptor.structure {
            structure.check()?;
        }
        let none = WriteError::Field { what: "no template structure is known" };
        let structure = descriptor.structure.as_ref().or(self.structure.as_ref()).ok_or(none)?;
        check(descriptor, structure)?;
        let candidates = structure.templates.iter().enumerate().filter(|(_, template)| {
            (template.spatial_id, template.temporal_id)
                == (descriptor.spatial_id, descriptor.temporal_id)
        });
        let (index, template) = candidates
            .min_by_key(|(_, template)| Custom::of(descriptor, template).bits(descriptor))
            .ok_or(WriteError::Field { what: "no template has this layer" })?;
        let custom = Custom::of(descriptor, template);
        let index = u8::try_from(index).unwrap_or(0);
        let template_id = (structure.template_id_offset + index) % TEMPLATE_IDS;

        let mut writer = BitWriter::default();
        writer.flag(descriptor.start_of_frame);
        writer.flag(descriptor.end_of_frame);
        writer.bits(template_id.into(), 6);
        writer.bits(descriptor.frame_number.into(), 16);
        if descriptor.structure.is_some()
            || descriptor.active_decode_targets.is_some()
            || custom.bits(descriptor) > 0
        {
            write_extended(descriptor, structure, custom, &mut writer);
        }
        out.extend(writer.bytes());
        if let Some(structure) = &descriptor.structure {
            self.structure = Some(structure.clone());
        }
        Ok(())
    }
}

/// Returns the descriptor of a packet from `frame`, the descriptor that the frame would have as a single
/// packet. Only the first packet has the structure and the flag of a frame's start, and only the last
/// packet the flag of its end.
///
/// ```
/// use codec_rtc::extension::dependency::{DescriptorBuilder, FrameReferences, Writer, for_packet};
///
/// let key = FrameReferences { number: 7, temporal_id: 0, references: &[] };
/// let descriptor = DescriptorBuilder::new(1, None)?.build(&key)?;
/// let mut whole = Vec::new();
/// Writer::default().write(&descriptor, &mut whole)?;
/// assert_eq!(for_packet(&whole, true, false).len(), whole.len());
/// assert_eq!(for_packet(&whole, false, true), [0x40, 0, 7]);
/// # Ok::<(), codec_rtc::rtp::WriteError>(())
/// ```
#[must_use]
pub fn for_packet(frame: &[u8], is_first: bool, is_last: bool) -> Vec<u8> {
    const STRUCTURE: u8 = 0x80;
    /// Active decode targets, and fields that differ from the template.
    const OTHERS: u8 = 0x78;
    let mut out = frame.to_vec();
    let has_only_structure =
        out.get(MANDATORY_BYTES).is_some_and(|flags| flags & STRUCTURE != 0 && flags & OTHERS == 0);
    if !is_first && has_only_structure {
        out.truncate(MANDATORY_BYTES);
    }
    if let Some(flags) = out.first_mut() {
        *flags = *flags & 0x3f | u8::from(is_first) << 7 | u8::from(is_last) << 6;
    }
    out
}

impl Custom {
    fn of(descriptor: &Descriptor, template: &Template) -> Self {
        Self {
            indications: descriptor.dtis != template.dtis,
            frame_diffs: descriptor.frame_diffs != template.frame_diffs,
            chain_diffs: descriptor.chain_diffs != template.chain_diffs,
        }
    }

    /// Number of bits of the custom fields.
    fn bits(self, descriptor: &Descriptor) -> usize {
        let diffs = descriptor.frame_diffs.iter().map(|&diff| 2 + 4 * diff_size(diff) as usize);
        let diffs = 2 + diffs.sum::<usize>();
        usize::from(self.indications) * 2 * descriptor.dtis.len()
            + usize::from(self.frame_diffs) * diffs
            + usize::from(self.chain_diffs) * 8 * descriptor.chain_diffs.len()
    }
}

/// Size of a difference in units of four bits, 1..=3.
fn diff_size(diff: u16) -> u32 {
    match diff.saturating_sub(1) {
        0..=0xf => 1,
        0x10..=0xff => 2,
        _ => 3,
    }
}

fn check(descriptor: &Descriptor, structure: &Structure) -> Result<(), WriteError> {
    let refuse = |what| Err(WriteError::Field { what });
    if descriptor.dtis.len() != structure.decode_targets
        || descriptor.chain_diffs.len() != structure.chains
    {
        return refuse("the frame does not list all decode targets and chains");
    }
    if !descriptor.frame_diffs.iter().all(|diff| (1..=MAX_FRAME_DIFF).contains(diff)) {
        return refuse("a frame difference is not 1 to 4096");
    }
    if descriptor
        .active_decode_targets
        .is_some_and(|active| active & !structure.all_decode_targets() != 0)
    {
        return refuse("an active decode target does not exist");
    }
    Ok(())
}

fn write_extended(
    descriptor: &Descriptor,
    structure: &Structure,
    custom: Custom,
    writer: &mut BitWriter,
) {
    writer.flag(descriptor.structure.is_some());
    writer.flag(descriptor.active_decode_targets.is_some());
    writer.flag(custom.indications);
    writer.flag(custom.frame_diffs);
    writer.flag(custom.chain_diffs);
    if descriptor.structure.is_some() {
        structure.write(writer);
    }
    if let Some(active) = descriptor.active_decode_targets {
        writer.bits(active, u32::try_from(structure.decode_targets).unwrap_or(32));
    }
    if custom.indications {
        descriptor.dtis.iter().for_each(|it| writer.bits(it.bits(), 2));
    }
    if custom.frame_diffs {
        for &diff in &descriptor.frame_diffs {
            let size = diff_size(diff);
            writer.bits(size, 2);
            writer.bits(u32::from(diff) - 1, 4 * size);
        }
        writer.bits(0, 2);
    }
    if custom.chain_diffs {
        descriptor.chain_diffs.iter().for_each(|&diff| writer.bits(diff.into(), 8));
    }
}
