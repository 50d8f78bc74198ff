//! The grammar: words with meanings, clause by clause, become steps.

use super::plan::{
    Action, Color, MAX_STEPS, MAX_UNKNOWN, Object, Origin, Plan, REFERENCE, Scene, Step, Target,
};
use super::target::{degree_of, parts, target, tells, trailing_place};
use super::vocabulary::{Joint, MAX_PHRASE, Meaning, VOCABULARY, Verb, hex};
use super::words::Words;
use crate::models::modifiers;

/// Reads a prompt into a plan, without completing it.
pub(super) fn parse(prompt: &str) -> Plan {
    let mut words = Words::default();
    words.read(prompt);
    let mut plan = Plan { truncated: words.truncated, ..Plan::default() };
    let tokens = tokens(&words, &mut plan.unknown);
    let mut reader = Reader { plan: &mut plan, makes: false };
    for clause in clauses(&tokens) {
        reader.read(clause);
    }
    let refused = std::mem::take(&mut plan.refused);
    plan.steps.retain(|step| !refused.contains(&step.name()) || step.target != Target::WHOLE);
    plan.refused = refused;
    plan
}

#[derive(Debug, Clone, Copy)]
struct Token {
    meaning: Meaning,
    after_break: bool,
}

/// The longest phrases that the vocabulary has, from left to right.
fn tokens(words: &Words, unknown: &mut Vec<String>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut broken = false;
    while at < words.len() {
        broken |= words.after_break(at);
        let found = (1..=MAX_PHRASE).rev().find_map(|count| {
            let phrase = words.phrase(at, count)?;
            meaning(phrase).map(|meaning| (meaning, count))
        });
        if let Some((meaning, count)) = found {
            tokens.push(Token { meaning, after_break: broken });
            broken = false;
            at += count;
            continue;
        }
        let word = words.phrase(at, 1).unwrap_or_default();
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        if !number && unknown.len() < MAX_UNKNOWN && !unknown.iter().any(|known| known == word) {
            unknown.push(word.chars().take(40).collect());
        }
        at += 1;
    }
    tokens
}

/// What a phrase means, as it is or as a plural.
fn meaning(phrase: &str) -> Option<Meaning> {
    let find = |phrase: &str| VOCABULARY.phrases.get(phrase).copied();
    if let Some(found) = find(phrase) {
        return Some(found);
    }
    if let Some(rgb) = hex(phrase) {
        return Some(Meaning::Color(Color { name: "that color", rgb }));
    }
    let short = phrase.strip_suffix('s').filter(|short| short.len() > 2)?;
    find(short).or_else(|| find(short.strip_suffix('e')?))
}

/// The parts of the prompt that stand for themselves: between punctuation, and from one verb to
/// the next.
fn clauses(tokens: &[Token]) -> Vec<&[Token]> {
    let mut clauses = Vec::new();
    let mut start = 0;
    for at in 1..tokens.len() {
        let verb = matches!(tokens[at].meaning, Meaning::Verb(_));
        let joined = verb && matches!(tokens[at - 1].meaning, Meaning::Joint(Joint::And));
        if tokens[at].after_break || joined {
            clauses.push(&tokens[start..at]);
            start = at;
        }
    }
    if start < tokens.len() {
        clauses.push(&tokens[start..]);
    }
    clauses
}

struct Reader<'a> {
    plan: &'a mut Plan,
    /// Whether the clause before told what things become.
    makes: bool,
}

impl Reader<'_> {
    fn read(&mut self, tokens: &[Token]) {
        let meanings: Vec<Meaning> = tokens
            .iter()
            .map(|token| token.meaning)
            .filter(|meaning| *meaning != Meaning::Filler)
            .collect();
        let Some((&first, rest)) = meanings.split_first() else { return };
        let makes = std::mem::take(&mut self.makes);
        match first {
            Meaning::Verb(Verb::Make) => self.make_each(rest),
            Meaning::Verb(Verb::Replace) => parts(rest).for_each(|part| self.replace(part)),
            Meaning::Verb(Verb::Blur) => self.on_target(rest, Action::Blur),
            Meaning::Verb(Verb::Remove) => self.remove(rest),
            Meaning::Verb(Verb::Keep) | Meaning::Joint(Joint::Only) => self.keep(rest),
            Meaning::Verb(Verb::Add) => self.add(rest),
            // "everything gray except the red": the whole picture, then what stays.
            _ if meanings.contains(&Meaning::Joint(Joint::Except)) => self.remove(&meanings),
            _ if tells(&meanings, makes) => self.make_each(&meanings),
            _ => self.describe(&meanings),
        }
    }

    /// "a very foggy forest at night, without grain".
    fn describe(&mut self, meanings: &[Meaning]) {
        let mut degree = 1.0;
        let mut refused = false;
        let mut plain: Vec<Color> = Vec::new();
        let mut at = 0;
        while at < meanings.len() {
            let meaning = meanings[at];
            at += 1;
            let strength = std::mem::replace(&mut degree, 1.0);
            match meaning {
                Meaning::Degree(factor) => degree = strength * factor,
                Meaning::Joint(Joint::Not) => refused = true,
                Meaning::Joint(Joint::With | Joint::Only) => refused = false,
                Meaning::Style(name) | Meaning::Modifier(name) if refused => self.refuse(name),
                Meaning::Mix(name) if refused => {
                    for (part, _) in VOCABULARY.mix(name) {
                        self.refuse(part);
                    }
                }
                Meaning::Color(color) => {
                    let (target, used) = target(&meanings[at..]);
                    match target.object {
                        Some(_) if !refused => {
                            self.push(Action::Recolor(color), target, strength);
                            at += used;
                        }
                        Some(_) => at += used,
                        None if refused => {}
                        None => plain.push(color),
                    }
                }
                // What compares is about the thing after it: "warmer skin".
                Meaning::Compare(name, amount) => {
                    let (target, used) = target(&meanings[at..]);
                    at += used;
                    self.push(Action::Modify(name), target, amount * strength);
                }
                // "soft skin", "make it smooth": of finish words only what they compare.
                Meaning::Object(_) | Meaning::Place(_) => {
                    let (target, used) = target(&meanings[at - 1..]);
                    at += used.max(1) - 1;
                    self.mention(target);
                }
                Meaning::Whole | Meaning::Filler => {}
                _ if refused => {}
                // Without a place for a scene, what its light is like.
                Meaning::Scene(name) => {
                    if let Some(mood) = mood_of(name) {
                        self.push(Action::Modify(mood), Target::WHOLE, strength);
                    }
                }
                Meaning::Verb(Verb::Blur) => {
                    self.on_target(&meanings[at..], Action::Blur);
                    break;
                }
                _ => self.value(meaning, Target::WHOLE, strength),
            }
        }
        match plain[..] {
            [] => {}
            [one] => self.push(Action::Tint(one), Target::WHOLE, degree),
            [one, other, ..] => {
                let (dark, bright) =
                    if luma(one) <= luma(other) { (one, other) } else { (other, one) };
                self.push(Action::Duotone(dark, bright), Target::WHOLE, 1.0);
            }
        }
    }

    /// "the grass and the trees blue and the sky pink": a thing becomes what is said next.
    fn make_each(&mut self, rest: &[Meaning]) {
        self.makes = true;
        let mut waiting: Vec<Target> = Vec::new();
        let mut gives = false;
        for part in parts(rest) {
            let (target, used) = target(part);
            if target.object.is_some() && used == part.len() {
                waiting.push(target);
                continue;
            }
            for target in waiting.drain(..) {
                self.change(target, &part[used..]);
            }
            self.make(part);
            gives = matches!(part, [.., Meaning::Color(_), Meaning::Object(_)]);
        }
        for target in waiting {
            match target.color {
                // "give her red hair and blue skin".
                Some(color) if gives => {
                    self.push(Action::Recolor(color), Target { color: None, ..target }, 1.0);
                }
                _ => self.mention(target),
            }
        }
    }

    /// "the red car green", "it night", "the background a beach", "the man blue hair".
    fn make(&mut self, rest: &[Meaning]) {
        let (mut target, used) = target(rest);
        let mut values = &rest[used..];
        if target.object.is_none() && used > 0 && values.is_empty() {
            // "make red": the color is the value.
            target = Target::WHOLE;
            values = rest;
        }
        // "give the man blue hair": what is colored is the last thing named.
        if let [before @ .., Meaning::Color(color), Meaning::Object(object)] = values
            && before.iter().all(|meaning| !matches!(meaning, Meaning::Object(_)))
        {
            let target = Target { object: Some(*object), ..Target::WHOLE };
            self.push(Action::Recolor(*color), target, degree_of(before));
            return;
        }
        let place = trailing_place(values);
        if target.place.is_none() {
            target.place = place.filter(|_| !target.is_whole());
        }
        if values.contains(&Meaning::Joint(Joint::Except)) {
            self.remove(rest);
        } else if target.is_whole() {
            self.describe(values);
        } else {
            self.change(target, values);
        }
    }

    /// What a thing becomes: "green", "much darker", "a beach".
    fn change(&mut self, target: Target, values: &[Meaning]) {
        let mut degree = 1.0;
        let mut done = false;
        let mut refused = false;
        for &meaning in values {
            match meaning {
                Meaning::Degree(factor) => {
                    degree *= factor;
                    continue;
                }
                Meaning::Joint(Joint::Not) => refused = true,
                Meaning::Joint(_) | Meaning::Filler | Meaning::Whole | Meaning::Place(_) => {}
                Meaning::Scene(name) => {
                    self.push(Action::Replace(Scene::Named(name)), target, degree);
                    done = true;
                }
                Meaning::Color(color) if refused => {
                    self.mention(Target { color: Some(color), ..target });
                }
                Meaning::Color(color) => {
                    self.push(Action::Recolor(color), target, degree);
                    done = true;
                }
                Meaning::Verb(Verb::Blur) | Meaning::Modifier("soft") => {
                    self.push(Action::Blur, target, degree);
                    done = true;
                }
                _ if refused => {}
                _ => {
                    self.value(meaning, target, degree);
                    done = true;
                }
            }
            degree = 1.0;
        }
        if !done {
            self.mention(target);
        }
    }

    /// "the background with a starry sky".
    fn replace(&mut self, rest: &[Meaning]) {
        let (target, used) = target(rest);
        for &meaning in &rest[used..] {
            let scene = match meaning {
                // A time of day or weather stands for its sky, an object for itself.
                Meaning::Scene(name) | Meaning::Modifier(name) | Meaning::Style(name) => {
                    Scene::Named(name)
                }
                Meaning::Color(color) => Scene::Plain(color),
                Meaning::Object(object) => Scene::Named(object.name),
                _ => continue,
            };
            // "replace red with blue" is about color.
            let action = match (scene, target.object, target.color) {
                (Scene::Plain(color), Some(object), _) if object.name != "background" => {
                    Action::Recolor(color)
                }
                (Scene::Plain(color), None, Some(_)) => Action::Recolor(color),
                _ => Action::Replace(scene),
            };
            self.push(action, target, 1.0);
            return;
        }
        self.mention(target);
    }

    /// "all color except red", "the fog", "the car".
    fn remove(&mut self, rest: &[Meaning]) {
        let except = rest.iter().position(|m| matches!(m, Meaning::Joint(Joint::Except)));
        if let Some(place) = except {
            self.keep_color(&rest[place + 1..], 1.0);
            return;
        }
        let mut at = 0;
        while at < rest.len() {
            match rest[at] {
                Meaning::Style(name) | Meaning::Modifier(name) => self.refuse(name),
                Meaning::Object(_) | Meaning::Color(_) => {
                    let (target, used) = target(&rest[at..]);
                    if target.object.is_some() {
                        self.push(Action::Remove, target, 1.0);
                    } else if let Some(color) = target.color {
                        let target = Target { color: Some(color), ..Target::WHOLE };
                        self.push(Action::Modify("monochrome"), target, 1.0);
                    }
                    at += used.max(1);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// "only red", "only the person".
    fn keep(&mut self, rest: &[Meaning]) {
        let (target, used) = target(rest);
        if target.is_whole() {
            self.describe(rest);
        } else if target.object.is_some() && used < rest.len() {
            // "keep the face bright" is how, not what.
            self.make(rest);
        } else if target.object.is_some() {
            self.push(Action::KeepOnly, target, 1.0);
        } else {
            self.keep_color(rest, 1.0);
        }
    }

    fn keep_color(&mut self, kept: &[Meaning], strength: f32) {
        let mut at = 0;
        while at < kept.len() {
            let (target, used) = target(&kept[at..]);
            if !target.is_whole() {
                self.push(Action::KeepColor, target, strength);
            }
            at += used.max(1);
        }
    }

    /// "snow", "fog in the distance", "a hat".
    fn add(&mut self, rest: &[Meaning]) {
        let place = trailing_place(rest);
        let target = Target { place, ..Target::WHOLE };
        // "the person of the reference image": whatever that image is about.
        if rest.contains(&Meaning::Scene(REFERENCE)) && place != Some("behind") {
            self.push(Action::Add(REFERENCE), target, 1.0);
            return;
        }
        let mut degree = 1.0;
        for (at, &meaning) in rest.iter().enumerate() {
            match meaning {
                Meaning::Degree(factor) => {
                    degree *= factor;
                    continue;
                }
                Meaning::Joint(Joint::Not) => return,
                Meaning::Object(object) => {
                    // "add blue light", "add red to the sky" are about color.
                    let color = at.checked_sub(1).map(|before| rest[before]);
                    match color {
                        Some(Meaning::Color(color)) if object.name == "light" => {
                            self.push(Action::Tint(color), target, degree);
                        }
                        _ if object.name == "cloud" => {
                            self.push(Action::Modify("overcast"), target, degree);
                        }
                        _ => self.push(Action::Add(object.name), target, degree),
                    }
                }
                Meaning::Scene(name) => {
                    let back = Object { name: "background", hints: "behind" };
                    let target = Target { object: Some(back), ..target };
                    self.push(Action::Replace(Scene::Named(name)), target, degree);
                }
                Meaning::Color(color) => {
                    if !matches!(rest.get(at + 1), Some(Meaning::Object(_))) {
                        self.push(Action::Tint(color), target, degree);
                    }
                }
                _ => self.value(meaning, target, degree),
            }
            degree = 1.0;
        }
    }

    fn on_target(&mut self, rest: &[Meaning], action: Action) {
        let except = rest.iter().position(|m| matches!(m, Meaning::Joint(Joint::Except)));
        if let Some(place) = except {
            // Everything but the target is what lies around it.
            let (kept, _) = target(&rest[place + 1..]);
            let back = Object { name: "background", hints: "behind" };
            let target = Target { object: Some(back), color: None, place: kept.place };
            self.push(action, target, degree_of(rest));
            return;
        }
        let (target, _) = target(rest);
        if target.is_whole() && action == Action::Blur {
            self.push(Action::Modify("soft"), target, degree_of(rest));
        } else {
            self.push(action, target, degree_of(rest));
        }
    }

    /// Styles, modifiers and what is made of them.
    fn value(&mut self, meaning: Meaning, target: Target, strength: f32) {
        match meaning {
            Meaning::Style(name) => self.push(Action::Style(name), target, strength),
            Meaning::Modifier(name) => self.push(Action::Modify(name), target, strength),
            Meaning::Manner(name) => self.push(Action::Manner(name), Target::WHOLE, strength),
            Meaning::Compare(name, amount) => {
                self.push(Action::Modify(name), target, amount * strength);
            }
            Meaning::Material(name, _) if target.is_whole() => {
                self.push(Action::Style(name), target, strength);
            }
            Meaning::Material(name, color) => {
                self.push(Action::Material(name, color), target, strength);
            }
            Meaning::Mix(name) => {
                for &(part, amount) in VOCABULARY.mix(name) {
                    let action = match modifiers::find(part) {
                        Some(_) => Action::Modify(part),
                        None => Action::Style(part),
                    };
                    self.push(action, target, amount * strength);
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, action: Action, target: Target, strength: f32) {
        let strength = match action {
            Action::Modify(_) => strength.clamp(-1.0, 2.0),
            // There is no opposite of a style: "less anime" is a little of it.
            _ if strength < 0.0 => 1.0 + strength.max(-0.9),
            _ => strength.min(2.0),
        };
        let step = Step { action, target, strength, origin: Origin::Said };
        // The same again makes it stronger, not double.
        let before = self
            .plan
            .steps
            .iter_mut()
            .find(|before| before.action == step.action && before.target == step.target);
        if let Some(before) = before {
            before.strength = before.strength.max(step.strength);
        } else if self.plan.steps.len() < MAX_STEPS {
            self.plan.steps.push(step);
        }
    }

    fn refuse(&mut self, name: &'static str) {
        if !self.plan.refused.contains(&name) && self.plan.refused.len() < MAX_STEPS {
            self.plan.refused.push(name);
        }
    }

    fn mention(&mut self, target: Target) {
        if !self.plan.mentioned.contains(&target) && self.plan.mentioned.len() < MAX_STEPS {
            self.plan.mentioned.push(target);
        }
    }
}

/// The light of a scene, where it has one of its own.
fn mood_of(scene: &str) -> Option<&'static str> {
    Some(match scene {
        "starry sky" | "city at night" | "aurora" => "night",
        "sunset sky" => "golden hour",
        "blue sky" | "beach" => "sunny",
        "desert" => "sandstorm",
        "mountains at dawn" => "dawn",
        "fire scene" => "candlelight",
        "underwater scene" => "underwater",
        _ => return None,
    })
}

fn luma(color: Color) -> u32 {
    let [red, green, blue] = color.rgb.map(u32::from);
    red * 3 + green * 6 + blue
}
