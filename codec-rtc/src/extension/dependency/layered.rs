//! Dependency Descriptors of streams with several spatial layers: L2T1 to L3T3, and their `_KEY` forms.

use codec_core::codec::{InterLayer, Scalability};

use super::{DecodeTargetIndication, Descriptor, Structure, Template, chain_diff, frame_diffs};
use crate::rtp::WriteError;
use crate::sequence::wrap_16;

/// Temporal layers of the frames of a group, and the distances to the frames that they usually reference,
/// by the number of temporal layers.
const PATTERNS: [&[(u8, u16)]; 3] =
    [&[(0, 1)], &[(0, 2), (1, 1)], &[(0, 4), (2, 1), (1, 2), (2, 1)]];

/// A layer frame and its references, by frame numbers that do not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerFrame<'a> {
    /// Frame number, counted over all layers.
    pub number: i64,
    /// Spatial layer, 0..=2.
    pub spatial_id: u8,
    /// Temporal layer, 0..=2.
    pub temporal_id: u8,
    /// Whether it belongs to a key superframe.
    pub is_key: bool,
    /// Whether the frame of the next higher layer of the superframe depends on it.
    pub used_by_upper_layer: bool,
    /// Number of spatial layers that are sent.
    pub active_layers: u8,
    /// Numbers of the frames that it references; empty for the lowest layer of a key superframe.
    pub references: &'a [i64],
}

/// Creates the Dependency Descriptors of a stream with spatial layers.
///
/// There is a decode target for each pair of a spatial and a temporal layer, the temporal layers of the
/// lowest spatial layer first. A chain for each spatial layer has the frames of the temporal base layer that
/// the layer needs.
#[derive(Clone, Debug)]
pub struct LayeredBuilder {
    spatial_layers: u8,
    temporal_layers: u8,
    structure: Structure,
    /// Number of the last frame of each chain.
    chains: Vec<Option<i64>>,
    /// Spatial layers that the receiver knows to be active.
    known_active: u8,
}

impl LayeredBuilder {
    /// Creates a builder for a mode. `resolutions` (width, height) of the spatial layers are sent in the
    /// structure if they are given.
    ///
    /// # Errors
    /// Returns [`WriteError`] if `resolutions` are neither empty nor one for each layer, or out of range.
    pub fn new(mode: Scalability, resolutions: &[(u32, u32)]) -> Result<Self, WriteError> {
        let (spatial_layers, temporal_layers) = (mode.spatial_layers(), mode.temporal_layers());
        let targets = usize::from(spatial_layers) * usize::from(temporal_layers);
        let mut builder = Self {
            spatial_layers,
            temporal_layers,
            structure: Structure {
                decode_targets: targets,
                chains: spatial_layers.into(),
                resolutions: resolutions.to_vec(),
                ..Structure::default()
            },
            chains: vec![None; spatial_layers.into()],
            known_active: spatial_layers,
        };
        let protected = (0..spatial_layers).flat_map(|id| vec![id; temporal_layers.into()]);
        builder.structure.decode_target_protected_by = protected.collect();
        builder.structure.templates = builder.clone().templates(mode.inter_layer())?;
        builder.structure.check()?;
        Ok(builder)
    }

    /// Renumbers the templates, so that they are not mistaken for templates of an earlier structure.
    #[must_use]
    pub fn following(self, before: &Structure) -> Self {
        Self { structure: self.structure.numbered_after(before), ..self }
    }

    /// The structure that key superframes carry.
    #[must_use]
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// The templates: the frames of a stream with the usual references.
    fn templates(mut self, inter_layer: InterLayer) -> Result<Vec<Template>, WriteError> {
        let stride = i64::from(self.spatial_layers);
        let pattern = PATTERNS
            .get(usize::from(self.temporal_layers).saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let mut templates: Vec<Template> = Vec::new();
        for (picture, &(temporal_id, distance)) in (0..).zip(pattern.iter().chain(pattern)) {
            let is_key = picture == 0;
            let is_joined = is_key || inter_layer == InterLayer::Always;
            for spatial_id in 0..self.spatial_layers {
                let number = picture * stride + i64::from(spatial_id);
                let lower = (spatial_id > 0 && is_joined).then_some(number - 1);
                let earlier = (!is_key).then_some(number - stride * i64::from(distance));
                let references: Vec<i64> = lower.into_iter().chain(earlier).collect();
                let described = self.build(&LayerFrame {
                    number,
                    spatial_id,
                    temporal_id,
                    is_key,
                    used_by_upper_layer: is_joined && spatial_id + 1 < self.spatial_layers,
                    active_layers: self.spatial_layers,
                    references: &references,
                })?;
                let Descriptor { dtis, frame_diffs, chain_diffs, .. } = described;
                let template = Template { spatial_id, temporal_id, dtis, frame_diffs, chain_diffs };
                if !templates.contains(&template) {
                    templates.push(template);
                }
            }
        }
        templates.sort_by_key(|template| (template.spatial_id, template.temporal_id));
        Ok(templates)
    }

    /// Returns the descriptor of a frame, as if it were one packet; the descriptor of the lowest layer of a key
    /// superframe carries the structure.
    ///
    /// # Errors
    /// Returns [`WriteError`] if a reference is not before the frame or more than
    /// [`MAX_FRAME_DIFF`](super::MAX_FRAME_DIFF) back, or if the stream does not have the layer.
    pub fn build(&mut self, frame: &LayerFrame<'_>) -> Result<Descriptor, WriteError> {
        let LayerFrame { number, spatial_id, temporal_id, .. } = *frame;
        if spatial_id >= self.spatial_layers || temporal_id >= self.temporal_layers {
            return Err(WriteError::Field { what: "the stream does not have this layer" });
        }
        let frame_diffs = frame_diffs(number, frame.references)?;
        let starts = frame.is_key && spatial_id == 0;
        if starts {
            self.chains.fill(None);
        }
        let chain_diffs = self.chains.iter().map(|&last| chain_diff(number, last)).collect();
        for (chain, last) in (0_u8..).zip(&mut self.chains) {
            let is_part = spatial_id == chain || spatial_id < chain && frame.used_by_upper_layer;
            if temporal_id == 0 && is_part {
                *last = Some(number);
            }
        }
        Ok(Descriptor {
            start_of_frame: true,
            end_of_frame: true,
            frame_number: wrap_16(number),
            spatial_id,
            temporal_id,
            dtis: self.indications(frame),
            frame_diffs,
            chain_diffs,
            resolution: self.structure.resolution(spatial_id),
            active_decode_targets: self.active_targets(frame, starts),
            structure: starts.then(|| self.structure.clone()),
        })
    }

    /// The relation of a frame to each decode target.
    fn indications(&self, frame: &LayerFrame<'_>) -> Vec<DecodeTargetIndication> {
        use DecodeTargetIndication::{Discardable, NotPresent, Required, Switch};
        let targets = (0..self.spatial_layers)
            .flat_map(|spatial| (0..self.temporal_layers).map(move |temporal| (spatial, temporal)));
        let indication = |(spatial, temporal): (u8, u8)| {
            if frame.spatial_id > spatial || frame.temporal_id > temporal {
                NotPresent
            } else if frame.spatial_id < spatial {
                match (frame.used_by_upper_layer, frame.is_key) {
                    (false, _) => NotPresent,
                    (true, true) => Switch,
                    (true, false) => Required,
                }
            } else if temporal > 0 && frame.temporal_id == temporal {
                Discardable
            } else {
                Switch
            }
        };
        targets.map(indication).collect()
    }

    /// The active decode targets, if the receiver does not know them. A structure activates all.
    fn active_targets(&mut self, frame: &LayerFrame<'_>, starts: bool) -> Option<u32> {
        if frame.spatial_id > 0 {
            return None;
        }
        let active = frame.active_layers.clamp(1, self.spatial_layers);
        let known = if starts { self.spatial_layers } else { self.known_active };
        self.known_active = active;
        let targets = u32::from(active) * u32::from(self.temporal_layers);
        (active != known).then(|| (1 << targets) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Writer};
    use super::*;

    use DecodeTargetIndication::{Discardable as D, NotPresent as N, Required as R, Switch as S};

    fn frame(number: i64, spatial_id: u8, references: &[i64]) -> LayerFrame<'_> {
        LayerFrame {
            number,
            spatial_id,
            temporal_id: 0,
            is_key: false,
            used_by_upper_layer: false,
            active_layers: 2,
            references,
        }
    }

    #[test]
    fn two_layers_have_the_templates_of_the_specification() {
        let full = LayeredBuilder::new(Scalability::L2T1, &[]).unwrap().structure;
        let template = |spatial_id, dtis: &[_], frame_diffs: &[u16], chain_diffs: &[u8]| Template {
            spatial_id,
            temporal_id: 0,
            dtis: dtis.to_vec(),
            frame_diffs: frame_diffs.to_vec(),
            chain_diffs: chain_diffs.to_vec(),
        };
        assert_eq!(
            full.templates,
            [
                template(0, &[S, S], &[], &[0, 0]),
                template(0, &[S, R], &[2], &[2, 1]),
                template(1, &[N, S], &[1], &[1, 1]),
                template(1, &[N, S], &[1, 2], &[1, 1]),
            ]
        );
        let key = LayeredBuilder::new(Scalability::L2T1_KEY, &[]).unwrap().structure;
        assert_eq!(
            key.templates,
            [
                template(0, &[S, S], &[], &[0, 0]),
                template(0, &[S, N], &[2], &[2, 1]),
                template(1, &[N, S], &[1], &[1, 1]),
                template(1, &[N, S], &[2], &[1, 2]),
            ]
        );
        let temporal = LayeredBuilder::new(Scalability::L2T2_KEY, &[(2, 1), (4, 2)]).unwrap();
        let of_upper = temporal.structure.templates.iter().rev().find(|it| it.temporal_id == 1);
        assert_eq!(of_upper.map(|it| it.dtis.clone()), Some(vec![N, N, N, D]));
        assert_eq!(temporal.structure.resolution(1), Some((4, 2)));
    }

    #[test]
    fn every_mode_round_trips_and_its_usual_frames_need_three_bytes() {
        for (name, mode) in Scalability::ALL {
            let mut builder = LayeredBuilder::new(*mode, &[]).unwrap();
            let (mut writer, mut reader) = (Writer::default(), Reader::default());
            let first = builder.structure.templates[0].clone();
            let key = LayerFrame {
                is_key: true,
                used_by_upper_layer: mode.spatial_layers() > 1,
                active_layers: mode.spatial_layers(),
                ..frame(0, 0, &[])
            };
            let key = builder.build(&key).unwrap();
            assert_eq!((&key.dtis, &key.chain_diffs), (&first.dtis, &first.chain_diffs));
            let mut bytes = Vec::new();
            writer.write(&key, &mut bytes).unwrap();
            assert!(bytes.len() < 128, "{name}: {} bytes", bytes.len());
            assert_eq!(reader.read(&bytes), Ok(key));
            for template in &builder.structure.templates {
                let descriptor = Descriptor {
                    spatial_id: template.spatial_id,
                    temporal_id: template.temporal_id,
                    dtis: template.dtis.clone(),
                    frame_diffs: template.frame_diffs.clone(),
                    chain_diffs: template.chain_diffs.clone(),
                    ..Descriptor::default()
                };
                let mut bytes = Vec::new();
                writer.write(&descriptor, &mut bytes).unwrap();
                assert_eq!((bytes.len(), reader.read(&bytes)), (3, Ok(descriptor)), "{name}");
            }
        }
    }

    #[test]
    fn inactive_layers_are_stated_once_and_in_key_superframes() {
        let mut builder = LayeredBuilder::new(Scalability::L2T1_KEY, &[]).unwrap();
        let mut active = |number: i64, is_key, active_layers| {
            let references = [number - 2];
            let references = if is_key { &[][..] } else { &references };
            let frame = LayerFrame { is_key, active_layers, ..frame(number, 0, references) };
            builder.build(&frame).unwrap().active_decode_targets
        };
        assert_eq!(active(0, true, 2), None);
        assert_eq!([active(2, false, 1), active(4, false, 1)], [Some(1), None]);
        assert_eq!([active(6, true, 1), active(8, false, 1)], [Some(1), None]);
        assert_eq!([active(10, false, 2), active(12, false, 2)], [Some(3), None]);
    }

    #[test]
    fn invalid_frames_are_rejected() {
        let mut builder = LayeredBuilder::new(Scalability::L2T2, &[]).unwrap();
        assert!(builder.build(&frame(9, 2, &[8])).is_err());
        assert!(builder.build(&LayerFrame { temporal_id: 2, ..frame(9, 0, &[8]) }).is_err());
        assert!(builder.build(&frame(9, 0, &[9])).is_err());
        assert!(builder.build(&frame(9000, 0, &[1])).is_err());
        assert!(LayeredBuilder::new(Scalability::L2T1, &[(1, 1)]).is_err());
    }
}
