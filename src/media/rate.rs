//! How fast a sender may send, from what its receiver reports.
//!
//! The reports say of each packet when it arrived, or that it did not. Four things follow from them,
//! each judged by a part of its own, and [`RateEstimator`] joins them:
//!
//! - [`StandingQueue`]: do packets wait somewhere on the way, and for longer and longer? Then the rate
//!   goes below what is delivered, until the queue is gone.
//! - [`LossJudge`]: are more packets lost than the path loses anyway? Loss that stays when the rate goes
//!   down has another cause than the rate, and is no reason to stay down.
//! - [`Bursts`]: how fast does what was sent at once arrive? On a path that was found to be narrow the
//!   rate does not grow beyond most of that.
//! - silence: while nothing is reported the rate falls step by step; when reports come again it returns
//!   most of the way at once.
//!
//! A receiver that reports on packets only in sum (RFC 3550 section 6.4.2) is served by its loss and the
//! round trip; one that estimates itself (REMB) sets a bound.
//!
//! [`Thrift`] says what an encoder does with the rate: how many pictures, and how large.
//! No clock is read here: time is an argument.

mod bursts;
mod delivered;
mod estimator;
mod loss;
mod queue;
mod silence;
mod thrift;
mod trial;

use std::time::{Duration, Instant};

pub use bursts::Bursts;
pub use delivered::Throughput;
pub use estimator::RateEstimator;
pub use loss::{LossJudge, LossVerdict};
pub use queue::{Cause, StandingQueue};
pub use thrift::{Thrift, Wanted};

/// Bounds of a rate and where it begins, bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bitrates {
    pub min: u32,
    pub start: u32,
    pub max: u32,
}

impl Bitrates {
    /// Beginning at the upper bound, with a lower one that a small picture needs.
    pub fn up_to(max: u32) -> Self {
        Self { min: max.min(150_000), start: max, max }
    }
}

/// What a rate is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trend {
    #[default]
    Increase,
    /// A queue runs empty, or losses are looked at.
    Hold,
    Decrease,
}

impl Trend {
    pub const ALL: [Self; 3] = [Self::Increase, Self::Hold, Self::Decrease];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Increase => "increase",
            Self::Hold => "hold",
            Self::Decrease => "decrease",
        }
    }
}

/// What became of one packet, as its receiver said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketReport {
    pub sent: Instant,
    /// Bytes.
    pub size: u32,
    pub fate: Fate,
}

/// Times are by the receiver's clock, from any moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Arrived(Duration),
    /// It was reported as lost before, and came after all.
    Late(Duration),
    Lost,
    /// The report of it was lost, but not those after it.
    Unknown,
}

impl Fate {
    pub fn arrived(self) -> Option<Duration> {
        match self {
            Self::Arrived(at) | Self::Late(at) => Some(at),
            Self::Lost | Self::Unknown => None,
        }
    }
}
