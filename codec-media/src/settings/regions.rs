//! Regions of interest: checks, and importance maps for each frame size.

use codec_core::codec::{Backend, Capabilities, Feature, ImportanceMap, Region};
use codec_core::frame::Size;

use crate::failure::{Failure, Result};
use crate::settings::features::check_feature;
use crate::values::RegionOffset;

/// Maximum number of regions.
const MAX_REGIONS: usize = 64;

/// Regions of interest, in pixels of the first encoded frame.
#[derive(Clone, Debug, Default)]
pub struct Regions {
    list: Vec<RegionOffset>,
}

impl Regions {
    /// Checks that there are not too many regions, and that the encoder supports them.
    pub(super) fn new(
        list: &[RegionOffset],
        backend: &Backend,
        capabilities: &Capabilities,
    ) -> Result<Self> {
        if list.len() > MAX_REGIONS {
            let count = list.len();
            return Err(Failure::usage(format!(
                "too many regions: got {count} --region, expected at most {MAX_REGIONS}"
            )));
        }
        if !list.is_empty() {
            check_feature("--region", Feature::Importance, backend, capabilities)?;
        }
        Ok(Self { list: list.to_owned() })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The regions as given on the command line.
    pub(crate) fn text(&self) -> String {
        let regions: Vec<_> = self.list.iter().map(ToString::to_string).collect();
        regions.join(" ")
    }

    /// Returns the maps for a stream whose first frame has this size.
    ///
    /// # Errors
    /// If a region exceeds the frame.
    pub fn maps(&self, size: Size) -> Result<RegionMaps> {
        for given in &self.list {
            let Region { x, y, width, height } = given.region;
            let fits =
                |at: u32, len: u32, whole: u32| at.checked_add(len).is_some_and(|end| end <= whole);
            if !fits(x, width, size.width) || !fits(y, height, size.height) {
                return Err(Failure::usage(format!(
                    "invalid --region {given}: exceeds the encoded frame of {size}"
                )));
            }
        }
        let mut maps = RegionMaps { list: self.list.clone(), first: size, size, map: None };
        maps.map = maps.create(size)?;
        Ok(maps)
    }
}

/// Importance maps for the frames of a stream.
#[derive(Clone, Debug)]
pub struct RegionMaps {
    list: Vec<RegionOffset>,
    /// The frame size to which the regions refer.
    first: Size,
    /// The frame size of `map`.
    size: Size,
    map: Option<ImportanceMap>,
}

impl RegionMaps {
    /// Returns the map for a frame of `size`, `None` without regions. If the size is not the size of
    /// the first frame, the regions are scaled with it.
    ///
    /// # Errors
    /// If the size is too large for a map.
    pub fn map(&mut self, size: Size) -> Result<Option<ImportanceMap>> {
        if size != self.size {
            self.map = self.create(size)?;
            self.size = size;
        }
        Ok(self.map.clone())
    }

    fn create(&self, size: Size) -> Result<Option<ImportanceMap>> {
        if self.list.is_empty() {
            return Ok(None);
        }
        let scaled = |given: &RegionOffset| (scale(given.region, self.first, size), given.offset);
        let regions: Vec<_> = self.list.iter().map(scaled).collect();
        let map = ImportanceMap::of_regions(size, &regions);
        map.map(Some).map_err(|error| Failure::usage(error.to_string()))
    }
}

/// Scales a region with the frame; a pixel that is covered in part counts.
fn scale(region: Region, from: Size, to: Size) -> Region {
    let ends = |at: u32, len: u32, from: u32, to: u32| {
        let (from, to) = (u64::from(from.max(1)), u64::from(to));
        let begin = u64::from(at) * to / from;
        let end = ((u64::from(at) + u64::from(len)) * to).div_ceil(from);
        [begin, end - begin].map(|pixels| u32::try_from(pixels).unwrap_or(u32::MAX))
    };
    let [x, width] = ends(region.x, region.width, from.width, to.width);
    let [y, height] = ends(region.y, region.height, from.height, to.height);
    Region { x, y, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_follow_the_frame_size() {
        let list = ["96x64+112+64:-10", "1x1+319+175:24"].map(|text| text.parse().unwrap());
        let regions = Regions { list: list.to_vec() };
        assert_eq!(regions.text(), "96x64+112+64:-10 1x1+319+175:24");
        let size = Size::new(320, 176);
        let mut maps = regions.maps(size).unwrap();
        let map = maps.map(size).unwrap().unwrap();
        assert_eq!(map.offsets().iter().filter(|&&offset| offset == -10).count(), 6 * 4);
        assert_eq!((map.blocks(), map.offsets().last()), ((20, 11), Some(&24)));
        let half = maps.map(Size::new(160, 88)).unwrap().unwrap();
        assert_eq!(half.blocks(), (10, 6));
        assert_eq!(half.offsets()[2 * 10..][..10], [0, 0, 0, -10, -10, -10, -10, 0, 0, 0]);
        assert_eq!(half.offsets().last(), Some(&24));
        assert_eq!(maps.map(size).unwrap().unwrap(), map);
        let error = regions.maps(Size::new(319, 176)).unwrap_err().to_string();
        assert!(error.contains("1x1+319+175:24: exceeds the encoded frame of 319x176"), "{error}");
        assert_eq!(Regions::default().maps(size).unwrap().map(size).unwrap(), None);
    }
}
