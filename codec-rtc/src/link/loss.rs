//! Packet loss models.

use codec_core::error::ConfigError;

use crate::rng::Rng;

/// Packet loss model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// No loss.
    #[default]
    None,
    /// Independent losses with this probability, 0..=1.
    Random(f64),
    /// Bursts: the Gilbert model with a good state without loss and a bad state that loses
    /// everything. Burst lengths are geometrically distributed.
    Bursts {
        /// Loss ratio, 0..=1.
        mean: f64,
        /// Mean number of consecutive packets lost, at least 1; with 1, two packets in a row are
        /// never lost.
        burst: f64,
    },
    /// The Gilbert-Elliott model.
    GilbertElliott {
        /// Probability of the transition from the good to the bad state per packet, 0..=1.
        to_bad: f64,
        /// Probability of the transition back, 0..=1; not both 0.
        to_good: f64,
        /// Loss probability in the good state, 0..=1.
        good: f64,
        /// Loss probability in the bad state, 0..=1.
        bad: f64,
    },
}

impl Loss {
    /// Checks the ranges of all values.
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
                // At least one packet is received between two bursts.
                if mean > burst / (1.0 + burst) {
                    let most = 100.0 * burst / (1.0 + burst);
                    let allowed = format!("at most {most:.1} % with bursts of {burst}");
                    return Err(ConfigError::new("loss", format!("{} %", 100.0 * mean), allowed));
                }
                Ok(())
            }
            Self::GilbertElliott { to_bad, to_good, good, bad } => {
                share("transition probability to the bad loss state", to_bad)?;
                share("transition probability to the good loss state", to_good)?;
                share("loss in the good state", good)?;
                share("loss in the bad state", bad)?;
                if to_bad + to_good <= 0.0 {
                    return Err(ConfigError::new(
                        "transition probabilities of the loss states",
                        "0 and 0",
                        "at least one above 0",
                    ));
                }
                Ok(())
            }
        }
    }

    /// Long-term loss ratio.
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

    /// Probabilities of entering and leaving the bad state, and of loss in the good and the bad
    /// state.
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

/// Random process that decides the loss of each packet.
#[derive(Clone, Debug)]
pub struct LossProcess {
    chain: [f64; 4],
    is_bad: bool,
    rng: Rng,
}

impl LossProcess {
    /// Creates a process; the initial state is drawn from the stationary distribution.
    ///
    /// # Errors
    /// Returns [`ConfigError`] if a value is outside its range.
    pub fn new(loss: Loss, mut rng: Rng) -> Result<Self, ConfigError> {
        loss.check()?;
        let chain = loss.chain();
        let [to_bad, to_good, ..] = chain;
        let is_bad = rng.unit() * (to_bad + to_good) < to_bad;
        Ok(Self { chain, is_bad, rng })
    }

    /// Whether the next packet is lost. Consumes the same number of random numbers for every
    /// packet.
    pub fn next_is_lost(&mut self) -> bool {
        let [to_bad, to_good, good, bad] = self.chain;
        let (change, draw) = (self.rng.unit(), self.rng.unit());
        let lost = draw < if self.is_bad { bad } else { good };
        // The first packet uses the initial state.
        if change < if self.is_bad { to_good } else { to_bad } {
            self.is_bad = !self.is_bad;
        }
        lost
    }
}
