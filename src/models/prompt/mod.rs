//! From a prompt to a plan: what to do, to what, how strongly.
//!
//! The words stand in `vocabulary.txt`, a table that can be extended without programming. The same
//! prompt always gives the same plan; words that the table lacks are reported in it, never
//! guessed. Of a long prompt the first [`MAX_BYTES`](words::MAX_BYTES) are read.

mod complete;
mod parse;
mod plan;
mod target;
mod vocabulary;
mod words;

pub use plan::{
    Action, Color, MAX_STEPS, MAX_UNKNOWN, Object, Origin, Plan, REFERENCE, Scene, Step, Target,
};

/// The style of a prompt of which nothing was understood, and its strength: richer color and local
/// contrast, which shows that the prompt is in force and suits any subject.
pub const NEUTRAL: (&str, f32) = ("vivid", 0.6);

/// Reads a prompt. With `enhance`, a short plan is completed; what was added says so.
///
/// A prompt without any words gives an empty plan. One with words of which none asks for anything
/// gets the step [`NEUTRAL`].
pub fn plan(prompt: &str, enhance: bool) -> Plan {
    let mut plan = parse::parse(prompt);
    if plan.steps.is_empty() && plan.refused.is_empty() && !prompt.trim().is_empty() {
        let (name, strength) = NEUTRAL;
        plan.steps.push(Step {
            action: Action::Style(name),
            target: Target::WHOLE,
            strength,
            origin: Origin::Neutral,
        });
    }
    if enhance {
        complete::complete(&mut plan);
    }
    plan
}
