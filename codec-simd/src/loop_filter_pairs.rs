//! VP8's loop filter of two macroblocks per call, for instruction-set levels that have only kernels
//! for the edges of one macroblock.

/// `filter_mbs_x2` of a level by its filters of single edges, compiled with the given attributes.
macro_rules! loop_filter_pairs {
    ($(#[$attribute:meta])*) => {
        use crate::types::{MbLimits, YuvWindows};

        $(#[$attribute])*
        pub(crate) fn filter_mbs_x2(
            above: [YuvWindows<'_, 16, 4, 8, 4>; 2],
            mbs: [YuvWindows<'_, 20, 16, 12, 8>; 2],
            limits: [&MbLimits; 2],
        ) {
            for ((above, mut mb), limits) in above.into_iter().zip(mbs).zip(limits) {
                let MbLimits { left, upper, inner } = *limits;
                if left != EdgeLimits::OFF {
                    filter_mb_edge_v_16(mb.y.sub(0, 0), left);
                    filter_mb_edge_v_uv(mb.u.sub(0, 0), mb.v.sub(0, 0), left);
                }
                if inner != EdgeLimits::OFF {
                    filter_inner_edges_v_16(mb.y.sub(4, 0), inner);
                    filter_inner_edge_v_uv(mb.u.sub(4, 0), mb.v.sub(4, 0), inner);
                }
                if upper != EdgeLimits::OFF {
                    let (u, v) = (mb.u.sub(4, 0), mb.v.sub(4, 0));
                    filter_mb_edge_h_16(above.y, mb.y.sub(4, 0), upper);
                    filter_mb_edge_h_uv(above.u, u, above.v, v, upper);
                }
                if inner != EdgeLimits::OFF {
                    filter_inner_edges_h_16(mb.y.sub(4, 0), inner);
                    filter_inner_edge_h_uv(mb.u.sub(4, 0), mb.v.sub(4, 0), inner);
                }
            }
        }
    };
}
pub(crate) use loop_filter_pairs;
