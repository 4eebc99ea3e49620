//! Which packets are lost.

use codec_core::error::ConfigError;

use crate::rng::Rng;

/// How packets are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// Not at all.
    #[default]
    None,
    /// Each by itself, with this probability, 0..=1.
    Random(f64),
    /// In bursts: the model of Gilbert, with a good state that loses nothing and a bad one that
    /// loses everything. The lengths of bursts are geometric.
    Bursts {
        /// Share of packets that are lost, 0..=1.
        mean: f64,
        /// Mean number of packets lost in a row, from 1 on. 1: never two.
        burst: f64,
    },
    /// The model of Gilbert and Elliott, in full.
    GilbertElliott {
        /// Probability to go from the good to the bad state before each packet, 0..=1.
        to_bad: f64,
        /// Probability to go back, 0..=1, not both 0.
        to_good: f64,
        /// Probability of a loss in the good state, 0..=1.
        good: f64,
        /// Probability of a loss in the bad state, 0..=1.
        bad: f64,
    },
}

impl Loss {
    /// Nothing, if every number is in its range.
    pub(super) fn check(self) -> Result<(), ConfigError> {
        let share = |what, value: f64| {
            if (0.0..=1.0).contains(&value) {
                return Ok(());
            }
            Err(ConfigError::new(what, value, "0..=1 (0 % to 100 %)"))
        };
        match self {
            Self::None => Ok(()),
            Self::Random(mean) => share("loss", mean),
            Self::Bursts { mean, burst } => {
                share("loss", mean)?;
                if !(1.0..=1e6).contains(&burst) {
                    return Err(ConfigError::new("burst", burst, "1 to 1000000 packets"));
                }
                // Between two bursts there is at least one packet.
                if mean > burst / (1.0 + burst) {
                    let most = 100.0 * burst / (1.0 + burst);
                    let allowed = format!("at most {most:.1} % with bursts of {burst}");
                    return Err(ConfigError::new("loss", format!("{} %", 100.0 * mean), allowed));
                }
                Ok(())
            }
            Self::GilbertElliott { to_bad, to_good, good, bad } => {
                share("loss: to bad", to_bad)?;
                share("loss: to good", to_good)?;
                share("loss: good state", good)?;
                share("loss: bad state", bad)?;
                if to_bad + to_good <= 0.0 {
                    return Err(ConfigError::new("loss: to bad", 0, "not both 0"));
                }
                Ok(())
            }
        }
    }

    /// Share of packets that are lost in the long run.
    #[must_use]
    pub fn mean(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Random(mean) | Self::Bursts { mean, .. } => mean,
            Self::GilbertElliott { to_bad, to_good, good, bad } => {
                let share = to_bad / (to_bad + to_good);
                share * bad + (1.0 - share) * good
            }
        }
    }

    /// Probabilities to enter and to leave the bad state, and of loss in the good and the bad one.
    fn chain(self) -> [f64; 4] {
        match self {
            Self::None => [0.0, 1.0, 0.0, 0.0],
            Self::Random(mean) => [0.0, 1.0, mean, mean],
            Self::Bursts { mean, burst } => {
                let to_good = 1.0 / burst;
                let to_bad = if mean < 1.0 { to_good * mean / (1.0 - mean) } else { 1.0 };
                [to_bad.min(1.0), to_good, 0.0, 1.0]
            }
            Self::GilbertElliott { to_bad, to_good, good, bad } => [to_bad, to_good, good, bad],
        }
    }
}

/// Decides packet by packet.
#[derive(Clone, Debug)]
pub struct LossProcess {
    chain: [f64; 4],
    is_bad: bool,
    rng: Rng,
}

impl LossProcess {
    /// Begins in a state drawn by how often each is visited.
    ///
    /// # Errors
    /// If a number is outside its range.
    pub fn new(loss: Loss, mut rng: Rng) -> Result<Self, ConfigError> {
        loss.check()?;
        let chain = loss.chain();
        let [to_bad, to_good, ..] = chain;
        let is_bad = rng.unit() * (to_bad + to_good) < to_bad;
        Ok(Self { chain, is_bad, rng })
    }

    /// Whether the next packet is lost. Takes the same number of random numbers for every packet.
    pub fn next_is_lost(&mut self) -> bool {
        let [to_bad, to_good, good, bad] = self.chain;
        let (change, draw) = (self.rng.unit(), self.rng.unit());
        let lost = draw < if self.is_bad { bad } else { good };
        // The state of the first packet is the one that was drawn.
        if change < if self.is_bad { to_good } else { to_bad } {
            self.is_bad = !self.is_bad;
        }
        lost
    }
}
