//! Default probabilities, which key frames start from.

use super::{ComponentProbabilities, Probabilities, TxProbabilities, VectorProbabilities};
use crate::tables::coefficients::DEFAULT_COEFFICIENTS;
use crate::tables::modes::{DEFAULT_CHROMA, DEFAULT_LUMA, DEFAULT_PARTITION};

impl Default for Probabilities {
    fn default() -> Self {
        Self {
            coefficients: DEFAULT_COEFFICIENTS,
            tx: TxProbabilities {
                up_to_8: [[100], [66]],
                up_to_16: [[20, 152], [15, 101]],
                up_to_32: [[3, 136, 37], [5, 52, 13]],
            },
            skip: [192, 128, 64],
            inter_mode: [
                [2, 173, 34],
                [7, 145, 85],
                [7, 166, 63],
                [7, 94, 66],
                [8, 64, 46],
                [17, 81, 31],
                [25, 29, 30],
            ],
            filter: [[235, 162], [36, 255], [34, 3], [149, 144]],
            is_inter: [9, 102, 187, 225],
            is_compound: [239, 183, 119, 96, 41],
            single_reference: [[33, 16], [77, 74], [142, 142], [172, 170], [238, 247]],
            compound_reference: [50, 126, 123, 221, 226],
            luma_mode: DEFAULT_LUMA,
            chroma_mode: DEFAULT_CHROMA,
            partition: DEFAULT_PARTITION,
            vectors: VectorProbabilities {
                joints: [32, 64, 96],
                components: [
                    ComponentProbabilities {
                        classes: [224, 144, 192, 168, 192, 176, 192, 198, 198, 245],
                        class0: 216,
                        ..COMPONENT
                    },
                    ComponentProbabilities {
                        classes: [216, 128, 176, 160, 176, 176, 192, 198, 198, 208],
                        class0: 208,
                        ..COMPONENT
                    },
                ],
            },
        }
    }
}

/// The probabilities that rows and columns have in common.
const COMPONENT: ComponentProbabilities = ComponentProbabilities {
    sign: 128,
    classes: [0; 10],
    class0: 0,
    bits: [136, 140, 148, 160, 176, 192, 224, 234, 234, 240],
    class0_fraction: [[128, 128, 64], [96, 112, 64]],
    fraction: [64, 96, 64],
    class0_high_precision: 160,
    high_precision: 128,
};
