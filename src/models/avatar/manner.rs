//! Mood and manner: what a prompt asks of a face.

use crate::models::prompt::{Action, Plan};
use crate::models::report::Report;

/// How a face is held, on top of what the voice does with it. Everything is 0 for a face at ease.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Manner {
    /// -1 to 1.
    pub smile: f32,
    pub brows: f32,
    pub frown: f32,
    pub squint: f32,
    /// How far the lips part by themselves.
    pub parted: f32,
    /// How far the lids hang down.
    pub lids: f32,
    /// Where the eyes rest.
    pub gaze: (f32, f32),
    /// How the head is held, in radians.
    pub yaw: f32,
    pub pitch: f32,
    pub roll: f32,
    /// How much it nods by itself.
    pub nod: f32,
    /// More (up to 1) or less (down to -1) movement than usual.
    pub lively: f32,
    /// How much wider (up to 1) or narrower (down to -1) the mouth opens than usual.
    pub articulate: f32,
}

impl Manner {
    /// What of a plan a face can do, and a report on all of it.
    pub fn of(plan: &Plan) -> (Self, Report) {
        let mut report = Report::of(plan);
        let mut manner = Self::default();
        for step in &plan.steps {
            match step.action {
                Action::Manner(name) if manner.add(name, step.strength) => report.carry_out(step),
                _ => report.ignore(step, "a portrait that speaks follows mood and manner only"),
            }
        }
        (manner, report)
    }

    /// Takes on one more; says whether it is known.
    pub fn add(&mut self, name: &str, strength: f32) -> bool {
        let s = strength.clamp(-1.0, 1.6);
        match name {
            "smile" => {
                self.smile += 0.55 * s;
                self.squint += 0.25 * s.max(0.0);
            }
            "joy" => {
                self.smile += s;
                self.squint += 0.6 * s.max(0.0);
                self.brows += 0.25 * s;
                self.lively += 0.5 * s;
            }
            "serious" => {
                self.smile -= 0.45 * s;
                self.brows -= 0.30 * s;
                self.frown += 0.35 * s;
                self.lively -= 0.45 * s;
            }
            "sad" => {
                self.smile -= 0.70 * s;
                self.brows += 0.25 * s;
                self.lids += 0.16 * s;
                self.pitch += 0.045 * s;
                self.gaze.1 += 0.5 * s;
                self.lively -= 0.5 * s;
            }
            "angry" => {
                self.smile -= 0.65 * s;
                self.brows -= 0.6 * s;
                self.frown += s;
                self.squint += 0.5 * s;
                self.pitch += 0.02 * s;
                self.articulate += 0.25 * s;
            }
            "surprised" => {
                self.brows += s;
                self.smile -= 0.3 * s;
                self.parted += 0.34 * s;
                self.lids -= 0.25 * s;
                self.pitch -= 0.025 * s;
                self.articulate += 0.2 * s;
            }
            "sleepy" => {
                self.lids += 0.42 * s;
                self.brows += 0.12 * s;
                self.pitch += 0.035 * s;
                self.lively -= 0.6 * s;
                self.articulate -= 0.25 * s;
            }
            "calm" => self.lively -= 0.6 * s,
            "lively" => {
                self.lively += 0.8 * s;
                self.articulate += 0.15 * s;
            }
            "nod" => self.nod += s.max(0.0),
            "look left" => self.look(-s, 0.0),
            "look right" => self.look(s, 0.0),
            "look up" => self.look(0.0, -s),
            "look down" => self.look(0.0, s),
            "look ahead" => self.gaze = (0.0, 0.0),
            "tilt" => self.roll += 0.045 * s,
            "mumble" => self.articulate -= 0.4 * s,
            "articulate" => self.articulate += 0.4 * s,
            _ => return false,
        }
        true
    }

    fn look(&mut self, x: f32, y: f32) {
        self.gaze.0 += x;
        self.gaze.1 += y;
        self.yaw += 0.11 * x;
        self.pitch += 0.055 * y;
    }
}
