//! The parameter sets that the stream has transmitted so far.

use std::collections::BTreeMap;
use std::sync::Arc;

use codec_core::error::{Corrupt, Error};

use super::{Pps, Sps, pps};

/// Stores parameter sets by their ids until a slice refers to them.
///
/// The syntax of a picture parameter set depends on its sequence parameter set, which may arrive
/// later: its payload is stored and parsed when a slice refers to it.
#[derive(Debug, Default)]
pub struct ParameterSets {
    sps: BTreeMap<u8, Arc<Sps>>,
    pps: BTreeMap<u8, StoredPps>,
}

#[derive(Debug)]
struct StoredPps {
    rbsp: Vec<u8>,
    sps_id: u8,
    /// The parsed set and the sequence parameter set that it was parsed with.
    parsed: Option<(Arc<Pps>, Arc<Sps>)>,
}

impl ParameterSets {
    /// Stores a sequence parameter set. It has no effect if it is equal to the stored one.
    pub fn insert_sps(&mut self, sps: Sps) {
        if self.sps.get(&sps.id).is_none_or(|stored| **stored != sps) {
            self.sps.insert(sps.id, Arc::new(sps));
        }
    }

    /// Stores the payload of a picture parameter set. It has no effect if it is equal to the stored
    /// one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if its ids are out of range.
    pub fn insert_pps(&mut self, rbsp: &[u8]) -> Result<(), Error> {
        let (id, sps_id) = pps::parse_ids(rbsp)?;
        if self.pps.get(&id).is_none_or(|stored| stored.rbsp != rbsp) {
            self.pps.insert(id, StoredPps { rbsp: rbsp.to_vec(), sps_id, parsed: None });
        }
        Ok(())
    }

    /// Returns the picture parameter set `id` and its sequence parameter set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if one of them is missing or damaged; [`Error::Unsupported`] for slice groups.
    pub fn get(&mut self, id: u8) -> Result<(Arc<Pps>, Arc<Sps>), Error> {
        let stored = self
            .pps
            .get_mut(&id)
            .ok_or(Corrupt::Missing { what: "picture parameter set of the slice" })?;
        let sps = self
            .sps
            .get(&stored.sps_id)
            .ok_or(Corrupt::Missing { what: "sequence parameter set of the slice" })?;
        if let Some((pps, parsed_with)) = &stored.parsed
            && Arc::ptr_eq(parsed_with, sps)
        {
            return Ok((pps.clone(), sps.clone()));
        }
        let pps = Arc::new(Pps::parse(&stored.rbsp, sps, None)?);
        stored.parsed = Some((pps.clone(), sps.clone()));
        Ok((pps, sps.clone()))
    }

    /// Returns the stored sequence parameter sets in the order of their ids.
    pub fn all_sps(&self) -> impl Iterator<Item = &Arc<Sps>> {
        self.sps.values()
    }
}
