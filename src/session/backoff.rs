//! How long to wait before trying again.

use std::time::Duration;

/// How often and how patiently a connection is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Delay before the first retry. Also how long a connection must last to count as good.
    pub min: Duration,
    /// Each delay is the one before it times this; at least 1.
    pub factor: f64,
    /// No delay is longer.
    pub max: Duration,
    /// Attempts after the first one.
    pub retries: u32,
    /// The fraction of a delay, 0 to 1, that chance may take away, so that clients that lost the
    /// same service do not all return at the same moment.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(10),
            retries: 5,
            jitter: 0.1,
        }
    }
}

/// A run of attempts under one policy.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: RetryPolicy,
    used: u32,
    random: u64,
}

impl Backoff {
    pub fn new(policy: RetryPolicy, seed: u64) -> Self {
        Self { policy, used: 0, random: seed }
    }

    /// The delay before the next retry, or `None` when all are used up.
    pub fn next_delay(&mut self) -> Option<Duration> {
        if self.used >= self.policy.retries {
            return None;
        }
        let factor = self.policy.factor.max(1.0);
        let grown = self.policy.min.as_secs_f64() * factor.powf(f64::from(self.used));
        let delay = grown.min(self.policy.max.as_secs_f64());
        self.used += 1;
        let taken = self.policy.jitter.clamp(0.0, 1.0) * self.unit();
        Duration::try_from_secs_f64(delay * (1.0 - taken)).ok()
    }

    /// Starts over, because a connection was good.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// The number of the attempt now under way, from 1.
    pub fn attempt(&self) -> u32 {
        self.used.saturating_add(1)
    }

    /// How many attempts there are in all.
    pub fn max_attempts(&self) -> u32 {
        self.policy.retries.saturating_add(1)
    }

    /// A number in [0, 1) from SplitMix64 (Steele, Lea, Flood 2014).
    fn unit(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let fraction = (z >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_end() {
        let policy = RetryPolicy { jitter: 0.0, ..RetryPolicy::default() };
        let mut backoff = Backoff::new(policy, 0);
        let delays: Vec<u64> =
            std::iter::from_fn(|| backoff.next_delay()).map(|delay| delay.as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 10]);
        assert_eq!(backoff.attempt(), backoff.max_attempts());
        backoff.reset();
        assert_eq!(backoff.next_delay(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn jitter_shortens_within_its_fraction_and_follows_the_seed() {
        let policy = RetryPolicy { jitter: 0.5, retries: 100, ..RetryPolicy::default() };
        let run = |seed| {
            let mut backoff = Backoff::new(policy.clone(), seed);
            std::iter::from_fn(move || backoff.next_delay()).skip(4).collect::<Vec<_>>()
        };
        let delays = run(7);
        assert_eq!(delays, run(7));
        assert_ne!(delays, run(8));
        let bounds = Duration::from_secs(5)..=Duration::from_secs(10);
        assert!(delays.iter().all(|delay| bounds.contains(delay)), "{delays:?}");
        assert!(delays.iter().min() < Some(&Duration::from_secs(6)));
        assert!(delays.iter().max() > Some(&Duration::from_secs(9)));
    }

    #[test]
    fn absurd_policies_do_not_panic() {
        let policy = RetryPolicy {
            min: Duration::MAX,
            factor: f64::INFINITY,
            max: Duration::MAX,
            retries: 3,
            jitter: f64::NAN,
        };
        let mut backoff = Backoff::new(policy, 1);
        assert_eq!((0..5).filter_map(|_| backoff.next_delay()).count(), 0);
    }
}
