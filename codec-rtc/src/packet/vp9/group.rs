//! References of layer frames in flexible and non-flexible mode. RFC 9628, sections 4.2.1 and 4.2.2.

use super::structure::GroupPicture;
use super::{Descriptor, PictureId};

/// The frame group of the non-flexible mode, from the last scalability structure.
#[derive(Clone, Debug, Default)]
pub struct FrameGroup {
    /// The first superframe of the group, and the group.
    group: Option<(PictureId, Vec<GroupPicture>)>,
}

impl FrameGroup {
    /// Follows the scalability structure of a packet, if it has one.
    pub fn update(&mut self, descriptor: &Descriptor) {
        if let Some(structure) = &descriptor.structure {
            // The group starts here; in flexible mode there is none.
            let group = structure.group.clone();
            self.group = descriptor.picture_id.filter(|_| !group.is_empty()).map(|id| (id, group));
        }
    }

    /// Returns the references of a layer frame as distances between superframes: those that it states, or
    /// the references of its place in the group. `None` if they are unknown.
    #[must_use]
    pub fn references<'a>(&'a self, descriptor: &'a Descriptor) -> Option<&'a [u8]> {
        if descriptor.flexible || !descriptor.inter_predicted {
            return Some(descriptor.references.as_slice());
        }
        let (first, group) = self.group.as_ref()?;
        let length = u16::try_from(group.len()).ok().filter(|it| it.is_power_of_two())?;
        let picture = group.get(usize::from(descriptor.picture_id?.steps_from(*first) % length))?;
        Some(&picture.diffs)
    }
}
