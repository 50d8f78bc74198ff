//! How long to wait before trying again.

use std::time::Duration;

/// How often and how patiently a connection is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Delay before the first retry. The first attempt to come back needs none.
    pub min: Duration,
    /// Each delay is the one before it times this; at least 1.
    pub factor: f64,
    /// No delay is longer.
    pub max: Duration,
    /// Attempts of a connect after the first one.
    pub retries: u32,
    /// Attempts to come back after the first one. None: as many as there is time for.
    pub return_retries: Option<u32>,
    /// How long a lost connection is tried again, all attempts together.
    pub return_time: Duration,
    /// The fraction of a delay, 0 to 1, that chance may take away, so that clients that lost the
    /// same service do not all return at the same moment.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            min: Duration::from_millis(500),
            factor: 2.0,
            max: Duration::from_secs(10),
            retries: 5,
            return_retries: None,
            return_time: Duration::from_secs(300),
            jitter: 0.2,
        }
    }
}

/// A run of attempts under one policy.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: RetryPolicy,
    returning: bool,
    used: u32,
    random: u64,
}

impl Backoff {
    pub fn new(policy: RetryPolicy, seed: u64) -> Self {
        Self { policy, returning: false, used: 0, random: seed }
    }

    /// From now on a connection is made again that was there.
    pub fn returns(&mut self) {
        self.returning = true;
    }

    /// The delay before the next retry, at most `longest`, or `None` when all are used up.
    pub fn next_delay(&mut self, longest: Duration) -> Option<Duration> {
        if self.limit().is_some_and(|limit| self.used >= limit) {
            return None;
        }
        let factor = self.policy.factor.max(1.0);
        let grown = self.policy.min.as_secs_f64() * factor.powf(f64::from(self.used));
        let delay = grown.min(self.policy.max.min(longest).as_secs_f64());
        self.used = self.used.saturating_add(1);
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

    /// How many attempts there are in all; none: as many as there is time for.
    pub fn max_attempts(&self) -> Option<u32> {
        self.limit().map(|limit| limit.saturating_add(1))
    }

    fn limit(&self) -> Option<u32> {
        if self.returning { self.policy.return_retries } else { Some(self.policy.retries) }
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

    const UNBOUNDED: Duration = Duration::MAX;

    fn steady() -> RetryPolicy {
        RetryPolicy { jitter: 0.0, ..RetryPolicy::default() }
    }

    #[test]
    fn delays_double_up_to_the_limit_and_end() {
        let mut backoff = Backoff::new(RetryPolicy { retries: 6, ..steady() }, 0);
        let delays: Vec<u128> = std::iter::from_fn(|| backoff.next_delay(UNBOUNDED))
            .map(|delay| delay.as_millis())
            .collect();
        assert_eq!(delays, [500, 1000, 2000, 4000, 8000, 10_000]);
        assert_eq!(Some(backoff.attempt()), backoff.max_attempts());
        backoff.reset();
        assert_eq!(backoff.next_delay(UNBOUNDED), Some(Duration::from_millis(500)));
    }

    #[test]
    fn a_return_has_no_last_attempt_unless_it_is_given_one() {
        let mut backoff = Backoff::new(steady(), 0);
        backoff.returns();
        assert_eq!(backoff.max_attempts(), None);
        assert!((0..10_000).all(|_| backoff.next_delay(UNBOUNDED).is_some()));
        let mut backoff = Backoff::new(RetryPolicy { return_retries: Some(2), ..steady() }, 0);
        backoff.returns();
        assert_eq!(backoff.max_attempts(), Some(3));
        assert_eq!((0..9).filter_map(|_| backoff.next_delay(UNBOUNDED)).count(), 2);
    }

    #[test]
    fn a_delay_can_be_kept_short_and_still_counts() {
        let mut backoff = Backoff::new(steady(), 0);
        let second = Duration::from_secs(1);
        let delays: Vec<_> = (0..4).filter_map(|_| backoff.next_delay(second)).collect();
        assert_eq!(delays, [second / 2, second, second, second]);
        assert_eq!(backoff.next_delay(UNBOUNDED), Some(8 * second));
    }

    #[test]
    fn jitter_shortens_within_its_fraction_and_follows_the_seed() {
        let policy = RetryPolicy { jitter: 0.5, retries: 100, ..RetryPolicy::default() };
        let run = |seed| {
            let mut backoff = Backoff::new(policy.clone(), seed);
            std::iter::from_fn(move || backoff.next_delay(UNBOUNDED)).skip(5).collect::<Vec<_>>()
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
            return_retries: Some(u32::MAX),
            return_time: Duration::MAX,
            jitter: f64::NAN,
        };
        let mut backoff = Backoff::new(policy, 1);
        assert_eq!((0..5).filter_map(|_| backoff.next_delay(UNBOUNDED)).count(), 0);
        backoff.returns();
        assert_eq!((0..5).filter_map(|_| backoff.next_delay(UNBOUNDED)).count(), 0);
    }
}
