//! Descriptors of streams with one spatial layer and one to three temporal ones: L1T1, L1T2, L1T3.

use super::{Descriptor, Indication, MAX_FRAME_DIFF, Structure, Template};
use crate::rtp::Malformed;
use crate::sequence::wrap_16;

use Indication::{Discardable as D, NotPresent as N, Switch as S};

impl Structure {
    /// The structure of a stream with `layers` temporal layers, 1..=3, in the usual order: a decode
    /// target for each number of layers, and a chain of the base layer that protects them all.
    ///
    /// # Errors
    /// If `layers` is none of these.
    pub fn temporal(layers: u8) -> Result<Self, Malformed> {
        let template =
            |temporal_id, indications: &[Indication], diff: Option<u16>, chain| Template {
                spatial_id: 0,
                temporal_id,
                indications: indications.to_vec(),
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
            _ => return Err(Malformed::Field { what: "temporal layers other than 1, 2 or 3" }),
        };
        let targets = usize::from(layers);
        Ok(Self {
            targets,
            chains: 1,
            protected_by: vec![0; targets],
            templates,
            ..Self::default()
        })
    }
}

/// A frame and those that it predicts from, by running numbers that do not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameReferences<'a> {
    /// The frame; one more than the one sent before.
    pub number: i64,
    /// 0..=2.
    pub temporal_id: u8,
    /// The frames that it needs: none for a key frame.
    pub references: &'a [i64],
}

/// Makes the descriptors of a stream's frames.
#[derive(Clone, Debug)]
pub struct Describer {
    structure: Structure,
    /// The last frame of the base layer.
    chain: Option<i64>,
}

impl Describer {
    /// For a stream with `layers` temporal layers, 1..=3, and pictures of `resolution`, if it is to
    /// be told.
    ///
    /// # Errors
    /// If `layers` is none of these.
    pub fn new(layers: u8, resolution: Option<(u32, u32)>) -> Result<Self, Malformed> {
        let resolutions = resolution.into_iter().collect();
        let structure = Structure { resolutions, ..Structure::temporal(layers)? };
        structure.check()?;
        Ok(Self { structure, chain: None })
    }

    /// Another number of layers or another size, from the next key frame on.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn change(&mut self, layers: u8, resolution: Option<(u32, u32)>) -> Result<(), Malformed> {
        let next = Self::new(layers, resolution)?.structure.numbered_after(&self.structure);
        if (Structure { id_offset: self.structure.id_offset, ..next.clone() }) != self.structure {
            (self.structure, self.chain) = (next, None);
        }
        Ok(())
    }

    /// The descriptor of a frame as one packet; a key frame's carries the structure. Where a frame
    /// takes several packets, only the first has the structure and `start_of_frame`, and only the
    /// last `end_of_frame`.
    ///
    /// The chain's frame before is the latest base frame, or for one of the base layer the latest
    /// that it needs; further back than 255 it is told as 255.
    ///
    /// # Errors
    /// If a reference is not before the frame or more than [`MAX_FRAME_DIFF`] back: such a frame must
    /// become a key frame. Or if the layer is not one of the stream's.
    pub fn describe(&mut self, frame: &FrameReferences<'_>) -> Result<Descriptor, Malformed> {
        let refuse = |what| Err(Malformed::Field { what });
        let usual = |template: &&Template| template.temporal_id == frame.temporal_id;
        let Some(template) = self.structure.templates.iter().find(usual) else {
            return refuse("a temporal layer that the stream has not");
        };
        let back = |earlier: i64| frame.number.saturating_sub(earlier);
        let mut frame_diffs = Vec::with_capacity(frame.references.len());
        for &reference in frame.references {
            match u16::try_from(back(reference)) {
                Ok(diff @ 1..=MAX_FRAME_DIFF) => frame_diffs.push(diff),
                _ => return refuse("a frame that needs one more than 4096 back"),
            }
        }
        frame_diffs.sort_unstable();
        frame_diffs.dedup();
        let is_key = frame_diffs.is_empty() && frame.temporal_id == 0;
        let before = if is_key {
            None
        } else if frame.temporal_id == 0 {
            frame.references.iter().copied().max()
        } else {
            self.chain
        };
        let chain = before.map_or(0, |before| u8::try_from(back(before)).unwrap_or(u8::MAX));
        let descriptor = Descriptor {
            start_of_frame: true,
            end_of_frame: true,
            frame_number: wrap_16(frame.number),
            spatial_id: 0,
            temporal_id: frame.temporal_id,
            indications: template.indications.clone(),
            frame_diffs,
            chain_diffs: vec![chain],
            resolution: self.structure.resolution(0),
            active_targets: None,
            structure: is_key.then(|| self.structure.clone()),
        };
        if frame.temporal_id == 0 {
            self.chain = Some(frame.number);
        }
        Ok(descriptor)
    }
}
