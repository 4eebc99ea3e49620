//! Superframes of VP9 with their spatial layers.

use std::ops::Range;

use codec_core::frame::Size;
use codec_rtc::jitter::video::Frame;
use codec_rtc::packet::vp9::{Descriptor, MAX_REFERENCES, References};

/// A layer frame of a superframe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Layer {
    /// Its bytes in the data of the frame.
    pub bytes: Range<usize>,
    /// Its payload descriptor in flexible mode, without a `PictureID`.
    pub descriptor: Descriptor,
}

/// A superframe of VP9 as its publisher sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vp9Picture {
    /// Number of the superframe in its stream; does not wrap.
    pub number: i64,
    /// Its layer frames, the smallest first.
    pub layers: Vec<Vp9Layer>,
    /// Number of spatial layers of the stream.
    pub spatial_layers: u8,
    /// Size of the largest layer, if the superframe states it.
    pub size: Option<Size>,
}

/// Reads superframes of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Vp9Pictures {
    last: Option<i64>,
    spatial_layers: u8,
    /// Temporal layers of the last superframes, and their numbers.
    recent: std::collections::VecDeque<(i64, u8)>,
}

/// Number of superframes whose temporal layer is known.
const RECENT_PICTURES: usize = 64;

impl Vp9Pictures {
    /// Reads a superframe; also returns whether it depends only on superframes of the temporal base layer.
    /// `None` if it has no number.
    pub(super) fn read(&mut self, frame: &Frame) -> Option<(Vp9Picture, bool)> {
        let id = frame.id.picture_id?;
        let number = match self.last {
            None => i64::from(id.number()),
            Some(last) => {
                let mask = match id {
                    codec_rtc::packet::vp9::PictureId::Short(_) => 0x7f,
                    codec_rtc::packet::vp9::PictureId::Long(_) => 0x7fff,
                };
                last + ((i64::from(id.number()) - last) & mask)
            }
        };
        self.last = Some(number);
        let mut picture = Vp9Picture { number, ..Vp9Picture::default() };
        for layer in &frame.layers {
            let original = &layer.descriptor;
            if let Some(structure) = &original.structure {
                self.spatial_layers = structure.spatial_layers;
                picture.size = structure.sizes.last().copied().filter(|size| size.pixels() > 0);
            }
            self.spatial_layers = self.spatial_layers.max(original.spatial_id() + 1);
            let references = if original.flexible {
                original.references
            } else if original.inter_predicted {
                group_references(frame)
            } else {
                References::default()
            };
            let descriptor = Descriptor {
                picture_id: None,
                tl0_pic_idx: None,
                flexible: true,
                references,
                structure: original.structure.clone().map(|mut structure| {
                    structure.group.clear();
                    structure
                }),
                ..original.clone()
            };
            picture.layers.push(Vp9Layer { bytes: layer.bytes.clone(), descriptor });
        }
        picture.spatial_layers = self.spatial_layers;
        let is_sync = self.is_sync(&picture, frame.temporal_id);
        if frame.is_key {
            self.recent.clear();
        }
        self.recent.push_back((number, frame.temporal_id));
        if self.recent.len() > RECENT_PICTURES {
            self.recent.pop_front();
        }
        Some((picture, is_sync))
    }

    /// Whether a superframe of an upper temporal layer references the base layer only.
    fn is_sync(&self, picture: &Vp9Picture, temporal_id: u8) -> bool {
        let layers = picture.layers.iter();
        let mut diffs = layers.flat_map(|layer| layer.descriptor.references.as_slice());
        let is_base = |diff: &u8| {
            let number = picture.number - i64::from(*diff);
            self.recent.iter().any(|(known, layer)| *known == number && *layer == 0)
        };
        temporal_id > 0 && diffs.all(is_base)
    }
}

/// References of an inter-predicted layer frame in the non-flexible mode: the references of the frame group, or
/// the previous superframe.
fn group_references(frame: &Frame) -> References {
    let diffs = frame.references.map_or_else(Vec::new, |known| known.as_slice().to_vec());
    let near = diffs.iter().filter_map(|&diff| u8::try_from(diff).ok());
    let mut near: Vec<u8> = near.filter(|diff| *diff < 128).collect();
    near.truncate(MAX_REFERENCES);
    if near.is_empty() {
        near.push(1);
    }
    References::new(&near).unwrap_or_default()
}
