//! What a face does by itself: it blinks, looks about a little, sways, breathes, and nods as it speaks.
//!
//! Driven by time that is told to it and by a generator with a fixed seed: the same sound at the
//! same times gives the same movements.

use super::manner::Manner;
use super::mouth::Mouth;
use super::pose::Pose;

/// Seconds of a blink: the lids go down, stay, and come up, as people's do.
const DOWN: f32 = 0.075;
const SHUT: f32 = 0.055;
const UP: f32 = 0.17;

/// A value that follows another without a jump, as if by a spring without swing.
#[derive(Debug, Clone, Copy, Default)]
struct Spring {
    value: f32,
    speed: f32,
}

impl Spring {
    /// Comes within a tenth in about 0.6 of `time`.
    fn follow(&mut self, target: f32, time: f32, seconds: f32) -> f32 {
        // Exact for a critically damped spring, whatever the step.
        let rate = 4.0 / time;
        let off = self.value - target;
        let drift = self.speed + rate * off;
        let decay = (-rate * seconds).exp();
        self.value = target + (off + drift * seconds) * decay;
        self.speed = (self.speed - rate * drift * seconds) * decay;
        self.value
    }
}

pub(super) struct Life {
    time: f32,
    random: u64,
    /// Since when the lids are on their way.
    blink: Option<f32>,
    next_blink: f32,
    look: (f32, f32),
    next_look: f32,
    nod: Spring,
    next_nod: f32,
    nodding: Option<f32>,
    speaking: Spring,
    gaze: [Spring; 2],
    turns: [Spring; 3],
    held: [Spring; 9],
    phases: [f32; 9],
    was_speaking: bool,
}

impl Default for Life {
    fn default() -> Self {
        let mut life = Self {
            time: 0.0,
            random: 0x9e37_79b9_7f4a_7c15,
            blink: None,
            next_blink: 1.4,
            look: (0.0, 0.0),
            next_look: 0.9,
            nod: Spring::default(),
            next_nod: 0.0,
            nodding: None,
            speaking: Spring::default(),
            gaze: [Spring::default(); 2],
            turns: [Spring::default(); 3],
            held: [Spring::default(); 9],
            phases: [0.0; 9],
            was_speaking: false,
        };
        for at in 0..9 {
            life.phases[at] = life.chance() * std::f32::consts::TAU;
        }
        life
    }
}

impl Life {
    /// Goes on by some seconds, and says how the face stands then.
    pub fn live(&mut self, seconds: f32, mouth: Mouth, stress: f32, manner: &Manner) -> Pose {
        let seconds = seconds.clamp(0.0, 0.25);
        self.time += seconds;
        let loud = (mouth.open * 3.0 + mouth.press + mouth.tuck).min(1.0);
        let speaking = self.speaking.follow(loud, 0.9, seconds);
        let lively = self.held[8].follow(manner.lively, 0.9, seconds);
        let lively = (1.0 + 0.8 * lively).clamp(0.15, 1.9);

        let lids = self.lids(speaking);
        let (gaze_x, gaze_y) = self.gaze(seconds, speaking, manner);
        let [yaw, pitch, roll] = self.sway(seconds, speaking, stress, lively, manner);
        let mut held = |at: usize, target: f32| self.held[at].follow(target, 0.9, seconds);
        let smile = held(0, manner.smile);
        let brows = held(1, manner.brows);
        let squint = held(2, manner.squint);
        let droop = held(3, manner.lids);
        let articulate = held(4, manner.articulate);
        let stressed = held(5, stress * lively);
        let frown = held(6, manner.frown);
        let parted = held(7, manner.parted).clamp(0.0, 1.0);

        let mut mouth = mouth;
        mouth.open = (mouth.open * (1.0 + 0.55 * articulate)).min(1.0);
        // Lips that are pressed stay so, and a wide mouth is wide enough.
        mouth.open += parted * (1.0 - mouth.open) * (1.0 - mouth.press);
        mouth.round = mouth.round.max(0.4 * parted);
        let breath = (self.time * 1.45 + self.phases[8]).sin();
        let open_lids = droop + 0.10 * pitch.max(0.0) / 0.06;
        Pose {
            mouth,
            smile,
            brows: brows + 0.30 * stressed,
            frown,
            squint,
            // What hangs down already has less far to go.
            lids: (open_lids + lids * (1.0 - open_lids)).clamp(0.0, 1.0),
            gaze: (gaze_x, gaze_y),
            yaw,
            pitch,
            roll,
            shift: (
                0.006 * lively * (self.time * 0.37 + self.phases[6]).sin(),
                0.006 * breath + 0.05 * self.nod.value + 0.01 * mouth.open * 0.5,
            ),
        }
        .limited()
    }

    /// How far the lids are down in a blink.
    fn lids(&mut self, speaking: f32) -> f32 {
        // People blink where a phrase ends.
        let ends = self.was_speaking && speaking < 0.25;
        self.was_speaking = speaking > 0.45 || (self.was_speaking && !ends);
        if ends && self.blink.is_none() && self.next_blink - self.time < 2.2 {
            self.next_blink = self.time;
        }
        if self.blink.is_none() && self.time >= self.next_blink {
            self.blink = Some(self.time);
            // 12 to 20 a minute, seldom evenly; now and then two at once.
            let twice = self.chance() < 0.12;
            let pause = if twice { 0.38 } else { 2.0 + 3.6 * self.chance().powf(1.3) };
            self.next_blink = self.time + pause;
        }
        let Some(since) = self.blink else { return 0.0 };
        let at = self.time - since;
        if at < DOWN {
            (at / DOWN).powf(0.8)
        } else if at < DOWN + SHUT {
            1.0
        } else if at < DOWN + SHUT + UP {
            let t = (at - DOWN - SHUT) / UP;
            1.0 - t * t * (3.0 - 2.0 * t)
        } else {
            self.blink = None;
            0.0
        }
    }

    /// Where the eyes are: they rest, then jump a little.
    fn gaze(&mut self, seconds: f32, speaking: f32, manner: &Manner) -> (f32, f32) {
        if self.time >= self.next_look {
            let away = self.chance() < 0.28 + 0.15 * speaking;
            let reach = if away { 0.34 } else { 0.09 };
            self.look =
                ((self.chance() * 2.0 - 1.0) * reach, (self.chance() * 2.0 - 1.0) * reach * 0.5);
            self.next_look = self.time + if away { 0.5 } else { 0.9 } + 1.6 * self.chance();
        }
        let x = self.gaze[0].follow(manner.gaze.0 + self.look.0, 0.10, seconds);
        let y = self.gaze[1].follow(manner.gaze.1 + self.look.1, 0.10, seconds);
        (x, y)
    }

    /// How the head is held: it drifts, follows the eyes, and goes down with a stressed syllable.
    fn sway(
        &mut self,
        seconds: f32,
        speaking: f32,
        stress: f32,
        lively: f32,
        manner: &Manner,
    ) -> [f32; 3] {
        let slow = |rate: f32, phase: f32| (self.time * rate + phase).sin();
        let [a, b, c, d, e, f, ..] = self.phases;
        let much = lively * (0.55 + 0.75 * speaking);
        let yaw = 0.030 * much * (slow(0.53, a) + 0.6 * slow(1.27, b)) + 0.02 * self.look.0;
        let pitch = 0.016 * much * (slow(0.61, c) + 0.6 * slow(1.51, d)) + 0.012 * self.look.1;
        let roll = 0.011 * much * (slow(0.43, e) + 0.5 * slow(1.09, f));
        if manner.nod > 0.05 && self.nodding.is_none() && self.time >= self.next_nod {
            self.nodding = Some(self.time);
            self.next_nod = self.time + 2.2 + 2.4 * self.chance();
        }
        let asked = match self.nodding {
            Some(since) if self.time - since < 0.95 => {
                let t = (self.time - since) / 0.95;
                // Down, up, and a little down again.
                (t * std::f32::consts::TAU * 1.5).sin().max(-0.25) * (1.0 - t) * manner.nod
            }
            _ => {
                self.nodding = None;
                0.0
            }
        };
        let target = (0.9 * stress * lively).min(1.0) * 0.75 + 1.1 * asked;
        let nod = self.nod.follow(target, 0.30, seconds);
        let [yaw_spring, pitch_spring, roll_spring] = &mut self.turns;
        [
            yaw_spring.follow(yaw + manner.yaw, 0.55, seconds),
            pitch_spring.follow(pitch + manner.pitch, 0.55, seconds) + 0.045 * nod,
            roll_spring.follow(roll + manner.roll, 0.7, seconds),
        ]
    }

    /// 0 to 1.
    fn chance(&mut self) -> f32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 40) as f32 / (1_u64 << 24) as f32
    }
}
