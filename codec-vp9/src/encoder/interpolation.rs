//! Chooses between the regular and the smooth interpolation filter for a block.
//!
//! When motion is slow, each frame interpolates samples that earlier frames have already
//! interpolated. The regular filter keeps the noise of all these frames; the smooth filter removes
//! it.

use super::coder::Coder;
use super::energies::Energies;
use super::mode_costs::ModeCosts;
use crate::block::mode_map::BlockInfo;
use crate::block::site::BlockSite;
use crate::header::Filter;

/// The filters that are compared; the sharp one is hardly ever the best.
const COMPARED: [Filter; 2] = [Filter::Regular, Filter::Smooth];

impl Coder<'_> {
    /// Predicts an inter block with the best interpolation filter, and sets it in `info`. Returns its rate, and
    /// the errors of luma.
    pub(super) fn predict(&mut self, site: &BlockSite, info: &mut BlockInfo) -> (u32, Energies) {
        let setup = self.job.setup;
        let (costs, lambda) = (ModeCosts(setup), self.prices.lambda);
        let blocks = setup.plane_blocks(info);
        let rates = COMPARED.map(|filter| costs.filter(site, filter));
        let likely = usize::from(rates[1] < rates[0]);
        let vector = info.vectors[0][0];
        // Whole vectors do not interpolate luma.
        if (vector.row | vector.col) & 7 == 0 || self.takes_likely_filter(site) {
            info.filter = COMPARED[likely];
            self.recon.predict_inter(info, &blocks);
            return (rates[likely], self.luma_energies(&blocks[0]));
        }
        self.recon.own = 0..1;
        let [other, own] = [1 - likely, likely].map(|index: usize| {
            info.filter = COMPARED[index];
            self.recon.predict_inter(info, &blocks);
            let energies = self.luma_energies(&blocks[0]);
            (energies, lambda.cost(rates[index]).saturating_add(energies.sum()))
        });
        let (mut best, mut energies) = (likely, own.0);
        if other.1 < own.1 {
            (best, energies) = (1 - likely, other.0);
            info.filter = COMPARED[best];
            self.recon.predict_inter(info, &blocks);
        }
        self.recon.own = 1..3;
        self.recon.predict_inter(info, &blocks);
        self.recon.own = 0..3;
        (rates[best], energies)
    }

    /// Whether the filters are not compared: at fast speeds in every other block whose neighbours have the same
    /// one.
    fn takes_likely_filter(&self, site: &BlockSite) -> bool {
        let (width, height) = site.size.mi();
        let is_odd = (site.row / height + site.col / width) % 2 == 1;
        let neighbours = Filter::SELECTABLE.get(site.filter_context());
        !self.job.speed.all_filters && is_odd && neighbours.is_some()
    }
}
