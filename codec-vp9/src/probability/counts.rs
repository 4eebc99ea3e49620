//! Statistics of the decoded syntax elements of a frame.

/// Counts of one context of coefficient tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Tokens: zero, one, more than one.
    pub tokens: [u32; 3],
    /// Ends of blocks.
    pub ends: u32,
    /// How often the block could have ended.
    pub end_tests: u32,
}

impl TokenCounts {
    /// How often the flags of a node were unset and set: whether there is a token, whether it is not
    /// zero, whether it is more than one.
    #[must_use]
    pub fn of_node(&self, node: usize) -> [u32; 2] {
        let [zero, one, more] = self.tokens;
        match node {
            0 => [self.ends, self.end_tests - self.ends],
            1 => [zero, one + more],
            _ => [one, more],
        }
    }
}

/// Counts of a component of vector differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the fields of ComponentProbabilities")]
pub struct ComponentCounts {
    pub sign: [u32; 2],
    pub classes: [u32; 11],
    pub class0: [u32; 2],
    pub bits: [[u32; 2]; 10],
    pub class0_fraction: [[u32; 4]; 2],
    pub fraction: [u32; 4],
    pub class0_high_precision: [u32; 2],
    pub high_precision: [u32; 2],
}

/// Counts of vector differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the fields of VectorProbabilities")]
pub struct VectorCounts {
    pub joints: [u32; 4],
    pub components: [ComponentCounts; 2],
}

/// Counts of all syntax elements whose probabilities adapt: leaves of trees, values of flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as the fields of Probabilities")]
pub struct Counts {
    /// `[transform size][plane type][is inter][band][context]`.
    pub coefficients: [[[[[TokenCounts; 6]; 6]; 2]; 2]; 4],
    pub tx_up_to_8: [[u32; 2]; 2],
    pub tx_up_to_16: [[u32; 3]; 2],
    pub tx_up_to_32: [[u32; 4]; 2],
    pub skip: [[u32; 2]; 3],
    pub inter_mode: [[u32; 4]; 7],
    pub filter: [[u32; 3]; 4],
    pub is_inter: [[u32; 2]; 4],
    pub is_compound: [[u32; 2]; 5],
    pub single_reference: [[[u32; 2]; 2]; 5],
    pub compound_reference: [[u32; 2]; 5],
    pub luma_mode: [[u32; 10]; 4],
    pub chroma_mode: [[u32; 10]; 10],
    pub partition: [[u32; 4]; 16],
    pub vectors: VectorCounts,
}

/// Adds numbers to others.
fn add(to: &mut [u32], from: &[u32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

impl TokenCounts {
    fn add(&mut self, other: &Self) {
        add(&mut self.tokens, &other.tokens);
        self.ends += other.ends;
        self.end_tests += other.end_tests;
    }
}

impl VectorCounts {
    fn add(&mut self, other: &Self) {
        add(&mut self.joints, &other.joints);
        for (to, from) in self.components.iter_mut().zip(&other.components) {
            add(&mut to.sign, &from.sign);
            add(&mut to.classes, &from.classes);
            add(&mut to.class0, &from.class0);
            add(to.bits.as_flattened_mut(), from.bits.as_flattened());
            add(to.class0_fraction.as_flattened_mut(), from.class0_fraction.as_flattened());
            add(&mut to.fraction, &from.fraction);
            add(&mut to.class0_high_precision, &from.class0_high_precision);
            add(&mut to.high_precision, &from.high_precision);
        }
    }
}

impl Counts {
    /// Adds the counts of another part of a frame.
    pub fn add(&mut self, other: &Self) {
        let tokens = self.coefficients.as_flattened_mut().as_flattened_mut().as_flattened_mut();
        let others = other.coefficients.as_flattened().as_flattened().as_flattened();
        let pairs = tokens.as_flattened_mut().iter_mut().zip(others.as_flattened());
        pairs.for_each(|(to, from)| to.add(from));
        add(self.tx_up_to_8.as_flattened_mut(), other.tx_up_to_8.as_flattened());
        add(self.tx_up_to_16.as_flattened_mut(), other.tx_up_to_16.as_flattened());
        add(self.tx_up_to_32.as_flattened_mut(), other.tx_up_to_32.as_flattened());
        add(self.skip.as_flattened_mut(), other.skip.as_flattened());
        add(self.inter_mode.as_flattened_mut(), other.inter_mode.as_flattened());
        add(self.filter.as_flattened_mut(), other.filter.as_flattened());
        add(self.is_inter.as_flattened_mut(), other.is_inter.as_flattened());
        add(self.is_compound.as_flattened_mut(), other.is_compound.as_flattened());
        add(
            self.single_reference.as_flattened_mut().as_flattened_mut(),
            other.single_reference.as_flattened().as_flattened(),
        );
        add(self.compound_reference.as_flattened_mut(), other.compound_reference.as_flattened());
        add(self.luma_mode.as_flattened_mut(), other.luma_mode.as_flattened());
        add(self.chroma_mode.as_flattened_mut(), other.chroma_mode.as_flattened());
        add(self.partition.as_flattened_mut(), other.partition.as_flattened());
        self.vectors.add(&other.vectors);
    }
}
