//! The interpolation filter of a block.
//!
//! Where motion is slow, each frame interpolates what earlier frames have interpolated already. The regular
//! filter keeps the noise of all of them, the smooth one removes it.

use super::coder::Coder;
use super::mode_costs::ModeCosts;
use crate::block::mode_map::BlockInfo;
use crate::block::site::BlockSite;
use crate::header::Filter;

/// The filters that are compared; the sharp one is hardly ever the best.
const COMPARED: [Filter; 2] = [Filter::Regular, Filter::Smooth];

impl Coder<'_> {
    /// Predicts an inter block with the best interpolation filter, and sets it in `info`. Returns its rate.
    pub(super) fn predict(&mut self, site: &BlockSite, info: &mut BlockInfo) -> u32 {
        let setup = self.job.setup;
        let (costs, lambda) = (ModeCosts(setup), self.quantisers().lambda);
        let blocks = setup.plane_blocks(info);
        let rates = COMPARED.map(|filter| costs.filter(site, filter));
        let vector = info.vectors[0][0];
        if (vector.row | vector.col) & 7 == 0 {
            // Luma is not interpolated.
            let best = usize::from(rates[1] < rates[0]);
            info.filter = COMPARED[best];
            self.recon.predict_inter(info, &blocks);
            return rates[best];
        }
        self.recon.own = 0..1;
        let totals = [0, 1].map(|index: usize| {
            info.filter = COMPARED[index];
            self.recon.predict_inter(info, &blocks);
            let errors = blocks[0].transforms().map(|at| self.energy(&blocks[0], at));
            errors.fold(lambda.cost(rates[index]), u32::saturating_add)
        });
        let best = usize::from(totals[1] <= totals[0]);
        if best == 0 {
            info.filter = COMPARED[0];
            self.recon.predict_inter(info, &blocks);
        }
        self.recon.own = 1..3;
        self.recon.predict_inter(info, &blocks);
        self.recon.own = 0..3;
        rates[best]
    }
}
