//! Template dependency structures: parsing and writing. RTP Payload Format For AV1, sections A.8.2
//! and A.8.3.

use super::bits::{BitReader, BitWriter};
use super::{
    MAX_DECODE_TARGETS, MAX_SPATIAL_ID, MAX_TEMPLATE_DIFF, MAX_TEMPLATES, MAX_TEMPORAL_ID,
    TEMPLATE_IDS,
};
use crate::rtp::{Malformed, WriteError};

/// Decode target indication: relation of a frame to a decode target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeTargetIndication {
    /// Not present: not part of the target (`-`).
    NotPresent,
    /// Discardable: no later frame of the target references it (`D`).
    Discardable,
    /// Switch: a receiver can start decoding the target at this frame (`S`).
    Switch,
    /// Required: later frames of the target reference it (`R`).
    Required,
}

/// Template of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Spatial layer, 0..=3.
    pub spatial_id: u8,
    /// Temporal layer, 0..=7.
    pub temporal_id: u8,
    /// Relation to each decode target.
    pub dtis: Vec<DecodeTargetIndication>,
    /// Distances to the referenced frames, 1..=16 each.
    pub frame_diffs: Vec<u16>,
    /// For each chain, the distance to its previous frame, 0..=15.
    pub chain_diffs: Vec<u8>,
}

/// The templates, decode targets and chains of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Id of the first template, 0..=63; the others follow modulo 64. A new structure uses other
    /// ids, so that late packets cannot be mistaken for its own ([`Self::numbered_after`]).
    pub template_id_offset: u8,
    /// Number of decode targets, 1..=32.
    pub decode_targets: usize,
    /// Number of chains, 0..=[`Self::decode_targets`].
    pub chains: usize,
    /// Chain that protects each decode target; empty without chains.
    pub decode_target_protected_by: Vec<u8>,
    /// Templates in layer order: each has the layer of the previous one, the next temporal layer,
    /// or temporal layer 0 of the next spatial layer.
    pub templates: Vec<Template>,
    /// Width and height of each spatial layer, 1..=65536 each, or empty.
    pub resolutions: Vec<(u32, u32)>,
}

impl DecodeTargetIndication {
    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.bits(2)? {
            0 => Self::NotPresent,
            1 => Self::Discardable,
            2 => Self::Switch,
            _ => Self::Required,
        })
    }

    pub(super) fn bits(self) -> u32 {
        match self {
            Self::NotPresent => 0,
            Self::Discardable => 1,
            Self::Switch => 2,
            Self::Required => 3,
        }
    }
}

/// Layer of a template relative to the previous one (`next_layer_idc`).
const SAME_LAYER: u32 = 0;
const NEXT_TEMPORAL: u32 = 1;
const NEXT_SPATIAL: u32 = 2;
const NO_MORE: u32 = 3;

impl Structure {
    /// Renumbers the templates with ids that `before` does not use.
    #[must_use]
    pub fn numbered_after(self, before: &Self) -> Self {
        let count = u8::try_from(before.templates.len()).unwrap_or(0);
        Self { template_id_offset: (before.template_id_offset + count) % TEMPLATE_IDS, ..self }
    }

    /// Returns the template with this id.
    pub(super) fn template(&self, id: u8) -> Option<&Template> {
        let index = (id + TEMPLATE_IDS).wrapping_sub(self.template_id_offset) % TEMPLATE_IDS;
        self.templates.get(usize::from(index))
    }

    /// Bit mask of all decode targets.
    pub(super) fn all_decode_targets(&self) -> u32 {
        // `check` and the field width ensure 1..=32.
        u32::MAX
            >> (MAX_DECODE_TARGETS.saturating_sub(self.decode_targets.clamp(1, MAX_DECODE_TARGETS)))
    }

    pub(super) fn resolution(&self, spatial_id: u8) -> Option<(u32, u32)> {
        self.resolutions.get(usize::from(spatial_id)).copied()
    }

    fn spatial_layers(&self) -> usize {
        self.templates.last().map_or(0, |last| usize::from(last.spatial_id) + 1)
    }

    pub(super) fn read(reader: &mut BitReader<'_>) -> Result<Self, Malformed> {
        let id_offset = reader.small(6)?;
        let targets = usize::from(reader.small(5)?) + 1;
        let mut structure =
            Self { template_id_offset: id_offset, decode_targets: targets, ..Self::default() };
        structure.read_layers(reader)?;
        for template in &mut structure.templates {
            let indications = (0..targets).map(|_| DecodeTargetIndication::read(reader));
            template.dtis = indications.collect::<Result<_, _>>()?;
        }
        for template in &mut structure.templates {
            while reader.flag()? {
                template.frame_diffs.push(u16::from(reader.small(4)?) + 1);
            }
        }
        structure.read_chains(reader)?;
        if reader.flag()? {
            for _ in 0..structure.spatial_layers() {
                let size = (reader.bits(16)? + 1, reader.bits(16)? + 1);
                structure.resolutions.push(size);
            }
        }
        Ok(structure)
    }

    fn read_layers(&mut self, reader: &mut BitReader<'_>) -> Result<(), Malformed> {
        let (mut spatial_id, mut temporal_id) = (0, 0);
        loop {
            if self.templates.len() >= MAX_TEMPLATES {
                let (what, most) = ("templates", MAX_TEMPLATES);
                return Err(Malformed::TooMany { what, limit: most, actual: MAX_TEMPLATES + 1 });
            }
            self.templates.push(Template { spatial_id, temporal_id, ..Template::default() });
            match reader.bits(2)? {
                SAME_LAYER => {}
                NEXT_TEMPORAL => temporal_id += 1,
                NEXT_SPATIAL => (spatial_id, temporal_id) = (spatial_id + 1, 0),
                _ => return Ok(()),
            }
            if spatial_id > MAX_SPATIAL_ID || temporal_id > MAX_TEMPORAL_ID {
                return Err(Malformed::Field { what: "more than 4 spatial or 8 temporal layers" });
            }
        }
    }

    fn read_chains(&mut self, reader: &mut BitReader<'_>) -> Result<(), Malformed> {
        // At most 32 targets and chains.
        let chains = reader.below(u32::try_from(self.decode_targets).unwrap_or(0) + 1)?;
        self.chains = usize::try_from(chains).unwrap_or(0);
        if chains == 0 {
            return Ok(());
        }
        for _ in 0..self.decode_targets {
            self.decode_target_protected_by.push(reader.below(chains)?.to_be_bytes()[3]);
        }
        for template in &mut self.templates {
            let diffs = (0..chains).map(|_| reader.small(4));
            template.chain_diffs = diffs.collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    /// Checks that the structure can be written.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        let refuse = |what| Err(WriteError::Field { what });
        if self.template_id_offset >= TEMPLATE_IDS {
            return refuse("a template id is above 63");
        }
        if !(1..=MAX_DECODE_TARGETS).contains(&self.decode_targets) {
            return refuse("the number of decode targets is not 1 to 32");
        }
        if !(1..=MAX_TEMPLATES).contains(&self.templates.len()) {
            return refuse("the number of templates is not 1 to 64");
        }
        if self.chains > self.decode_targets {
            return refuse("more chains than decode targets");
        }
        let protected = if self.chains == 0 { 0 } else { self.decode_targets };
        let is_chain = |&chain: &u8| usize::from(chain) < self.chains;
        if self.decode_target_protected_by.len() != protected
            || !self.decode_target_protected_by.iter().all(is_chain)
        {
            return refuse("a decode target has no chain");
        }
        for template in &self.templates {
            template.check(self.decode_targets, self.chains)?;
        }
        let first = self.templates.first().map(|first| (first.spatial_id, first.temporal_id));
        let mut pairs = self.templates.iter().zip(self.templates.iter().skip(1));
        if first != Some((0, 0)) || pairs.any(|(before, it)| next_layer(before, it).is_none()) {
            return refuse("templates are not in layer order");
        }
        let sizes = 1..=1 << 16;
        let fits = |(width, height): &(u32, u32)| sizes.contains(width) && sizes.contains(height);
        let layers = self.spatial_layers();
        if !self.resolutions.is_empty() && self.resolutions.len() != layers {
            return refuse("only some spatial layers have a resolution");
        }
        if !self.resolutions.iter().all(fits) {
            return refuse("a side of a resolution is not 1 to 65536 pixels");
        }
        Ok(())
    }

    /// Writes a structure that has passed [`Self::check`].
    pub(super) fn write(&self, writer: &mut BitWriter) {
        let number = |number: usize| u32::try_from(number).unwrap_or(0);
        writer.bits(self.template_id_offset.into(), 6);
        writer.bits(number(self.decode_targets - 1), 5);
        for pair in self.templates.windows(2) {
            if let [before, template] = pair {
                writer.bits(next_layer(before, template).unwrap_or(SAME_LAYER), 2);
            }
        }
        writer.bits(NO_MORE, 2);
        for template in &self.templates {
            template.dtis.iter().for_each(|it| writer.bits(it.bits(), 2));
        }
        for template in &self.templates {
            for &diff in &template.frame_diffs {
                writer.flag(true);
                writer.bits(u32::from(diff) - 1, 4);
            }
            writer.flag(false);
        }
        writer.below(number(self.chains), number(self.decode_targets) + 1);
        for &chain in &self.decode_target_protected_by {
            writer.below(chain.into(), number(self.chains));
        }
        for template in &self.templates {
            template.chain_diffs.iter().for_each(|&diff| writer.bits(diff.into(), 4));
        }
        writer.flag(!self.resolutions.is_empty());
        for &(width, height) in &self.resolutions {
            writer.bits(width - 1, 16);
            writer.bits(height - 1, 16);
        }
    }
}

impl Template {
    fn check(&self, targets: usize, chains: usize) -> Result<(), WriteError> {
        let refuse = |what| Err(WriteError::Field { what });
        if self.spatial_id > MAX_SPATIAL_ID || self.temporal_id > MAX_TEMPORAL_ID {
            return refuse("more than 4 spatial or 8 temporal layers");
        }
        if self.dtis.len() != targets || self.chain_diffs.len() != chains {
            return refuse("a template does not list all decode targets and chains");
        }
        if !self.frame_diffs.iter().all(|diff| (1..=MAX_TEMPLATE_DIFF).contains(diff)) {
            return refuse("a frame difference of a template is not 1 to 16");
        }
        if self.chain_diffs.iter().any(|&diff| diff > 15) {
            return refuse("a chain difference of a template is above 15");
        }
        Ok(())
    }
}

/// `next_layer_idc` between two templates; `None` if they are not in layer order.
fn next_layer(before: &Template, after: &Template) -> Option<u32> {
    let step = |temporal: u8| (before.spatial_id, before.temporal_id + temporal);
    let layer = (after.spatial_id, after.temporal_id);
    if layer == step(0) {
        Some(SAME_LAYER)
    } else if layer == step(1) {
        Some(NEXT_TEMPORAL)
    } else if layer == (before.spatial_id + 1, 0) {
        Some(NEXT_SPATIAL)
    } else {
        None
    }
}
