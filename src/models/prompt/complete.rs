//! What a short prompt is completed with.

use super::plan::{Action, Origin, Plan, Step, Target};
use super::vocabulary::VOCABULARY;
use crate::models::modifiers::{self, Group};

/// A plan that says this much is not short.
const LONG: usize = 4;

/// Adds what the table gives for the styles and modifiers of the plan, except what was said or
/// refused, and except what belongs to a group that was spoken of.
pub(super) fn complete(plan: &mut Plan) {
    if plan.steps.len() >= LONG || plan.steps.iter().any(|step| !step.target.is_whole()) {
        return;
    }
    let mut spoken: Vec<Group> = plan.steps.iter().filter_map(group).collect();
    if plan.steps.iter().any(|step| matches!(step.action, Action::Tint(_) | Action::Duotone(..))) {
        spoken.push(Group::Color);
    }
    let mut added: Vec<Step> = Vec::new();
    for step in &plan.steps {
        // The opposite of a thing is not completed like the thing.
        if step.strength <= 0.0 {
            continue;
        }
        for &(name, strength) in VOCABULARY.completion(step.name()) {
            let known = modifiers::find(name).map(|row| row.group);
            let again = added.iter().any(|step| step.name() == name);
            if again || plan.refuses(name) || known.is_none_or(|group| spoken.contains(&group)) {
                continue;
            }
            added.push(Step {
                action: Action::Modify(name),
                target: Target::WHOLE,
                strength: strength * step.strength.min(1.0),
                origin: Origin::Added,
            });
        }
    }
    plan.steps.extend(added);
}

fn group(step: &Step) -> Option<Group> {
    match step.action {
        Action::Modify(name) => modifiers::find(name).map(|row| row.group),
        _ => None,
    }
}
