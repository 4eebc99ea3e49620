//! Contexts for coding the references of a block, which follow from the references of the blocks
//! above and on the left. Each function takes both neighbours; `None` is a neighbour outside of the
//! tile.

use crate::header::CompoundReferences;
use crate::types::Reference::{self, Altref, Golden, Last};
use crate::types::References::{self, Compound, Intra, Single};

type Neighbours = [Option<References>; 2];

/// Context of the flag that a block is an inter block.
pub(crate) fn is_inter(neighbours: Neighbours) -> usize {
    match neighbours.map(|block| block.map(|references| references == Intra)) {
        [Some(true), Some(true)] => 3,
        [Some(above), Some(left)] => usize::from(above || left),
        [Some(intra), None] | [None, Some(intra)] => 2 * usize::from(intra),
        [None, None] => 0,
    }
}

/// Context of the flag that a block has two references; `fixed` is the reference of every compound
/// block.
pub(crate) fn is_compound(neighbours: Neighbours, fixed: Reference) -> usize {
    let is_fixed = |references: References| references.first() == Some(fixed);
    match neighbours {
        [None, None] => 1,
        [Some(block), None] | [None, Some(block)] => match block {
            Compound(_) => 3,
            block => usize::from(is_fixed(block)),
        },
        [Some(Compound(_)), Some(Compound(_))] => 4,
        [Some(Compound(_)), Some(other)] | [Some(other), Some(Compound(_))] => {
            2 + usize::from(other == Intra || is_fixed(other))
        }
        [Some(above), Some(left)] => usize::from(is_fixed(above) != is_fixed(left)),
    }
}

/// Context of the variable reference of a compound block.
pub(crate) fn compound_reference(neighbours: Neighbours, pair: CompoundReferences) -> usize {
    let [v0, v1] = pair.variable;
    // The variable reference of a compound block, the reference of another inter block.
    let variable = |references: References| match references {
        Intra => None,
        Single(reference) => Some(reference),
        Compound(both) => Some(both[1 - pair.fixed_index]),
    };
    match neighbours {
        [None, None] => 2,
        [Some(block), None] | [None, Some(block)] => match block {
            Intra => 2,
            Single(reference) => 3 * usize::from(reference != v1),
            Compound(_) => 4 * usize::from(variable(block) != Some(v1)),
        },
        [Some(Intra), Some(Intra)] => 2,
        [Some(Intra), Some(other)] | [Some(other), Some(Intra)] => {
            1 + 2 * usize::from(variable(other) != Some(v1))
        }
        [Some(Single(above)), Some(Single(left))] => {
            if above == v1 && left == v1 {
                0
            } else if above == left {
                3
            } else if [above, left] == [pair.fixed, v0] || [left, above] == [pair.fixed, v0] {
                4
            } else {
                1
            }
        }
        [Some(above @ Compound(_)), Some(left @ Compound(_))] => {
            match (variable(above), variable(left)) {
                (above, left) if above == Some(v1) && left == Some(v1) => 0,
                (above, left) if above == left => 4,
                _ => 2,
            }
        }
        [Some(Single(single)), Some(both)] | [Some(both), Some(Single(single))] => {
            match (variable(both) == Some(v1), single == v1) {
                (true, true) => 0,
                (true, false) => 1,
                (false, true) => 2,
                (false, false) => 4,
            }
        }
    }
}

/// Context of the flag that a single reference is not LAST.
pub(crate) fn single_not_last(neighbours: Neighbours) -> usize {
    let has_last = |references: References| usize::from(references.contains(Last));
    match neighbours {
        [None, None] => 2,
        [Some(block), None] | [None, Some(block)] => match block {
            Intra => 2,
            Single(_) => 4 * has_last(block),
            Compound(_) => 1 + has_last(block),
        },
        [Some(Intra), Some(Intra)] => 2,
        [Some(Intra), Some(other)] | [Some(other), Some(Intra)] => match other {
            Compound(_) => 1 + has_last(other),
            _ => 4 * has_last(other),
        },
        [Some(above @ Single(_)), Some(left @ Single(_))] => {
            2 * has_last(above) + 2 * has_last(left)
        }
        [Some(above @ Compound(_)), Some(left @ Compound(_))] => {
            1 + (has_last(above) | has_last(left))
        }
        [Some(Single(single)), Some(both)] | [Some(both), Some(Single(single))] => {
            has_last(both) + if single == Last { 3 } else { 0 }
        }
    }
}

/// Context of the flag that a single reference other than LAST is ALTREF.
pub(crate) fn single_not_golden(neighbours: Neighbours) -> usize {
    let has_golden = |references: References| usize::from(references.contains(Golden));
    match neighbours {
        [None, None] => 2,
        [Some(block), None] | [None, Some(block)] => match block {
            Intra | Single(Last) => 2,
            Single(_) => 4 * has_golden(block),
            Compound(_) => 3 * has_golden(block),
        },
        [Some(Intra), Some(Intra)] => 2,
        [Some(Intra), Some(other)] | [Some(other), Some(Intra)] => match other {
            Single(Last) => 3,
            Compound(_) => 1 + 2 * has_golden(other),
            _ => 4 * has_golden(other),
        },
        [Some(Single(above)), Some(Single(left))] => match (above, left) {
            (Last, Last) => 3,
            (Last, other) | (other, Last) => 4 * usize::from(other == Golden),
            _ => 2 * usize::from(above == Golden) + 2 * usize::from(left == Golden),
        },
        [Some(above @ Compound(_)), Some(left @ Compound(_))] => {
            if above == left {
                3 * has_golden(above)
            } else {
                2
            }
        }
        [Some(Single(single)), Some(both)] | [Some(both), Some(Single(single))] => match single {
            Golden => 3 + has_golden(both),
            Altref => has_golden(both),
            Last => 1 + 2 * has_golden(both),
        },
    }
}
