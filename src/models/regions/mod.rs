//! Which part of a picture an instruction is about, as a plane: 0 untouched, 255 wholly.
//!
//! A region follows from the colors that were named or that a thing usually has, from its place,
//! from what hangs together with the ground or the heavens, from motion, and from the estimate of
//! what stands in front. The hints of the vocabulary say
//! which of these tell a thing.

mod barrier;
mod color;
mod face;
mod figure;
mod finer;
mod foreground;
mod hair;
mod islands;
mod matte;
mod mixture;
mod rim;
mod rooted;
mod sides;
mod spread;
mod steps;
mod walk;

use self::color::{Members, fits, hinted};
use self::foreground::Foreground;
use self::rooted::Rooted;
use self::steps::{Stairs, Steps};
use super::operators::{Blur, Brief, Image, Plane, Steady, halve, shade, smooth};
use super::prompt::Target;

/// What is seen of a frame, for all regions: the frame without the noise of the camera, in which
/// borders would tremble, and what stands in front.
#[derive(Default)]
pub(super) struct Sight {
    steady: Steady,
    foreground: Option<Foreground>,
    wants_motion: bool,
    steps: Steps,
    stairs: Stairs,
    small: [Plane; 2],
    blur: Blur,
}

impl Sight {
    /// Makes ready for a region.
    pub fn prepare(&mut self, region: &Region) {
        if region.front.is_some() || region.moving {
            self.foreground.get_or_insert_with(Foreground::new);
        }
        self.wants_motion |= region.moving;
    }

    /// Looks at the next frame.
    pub fn measure(&mut self, frame: &Image) {
        self.steady.look(frame);
        let seen = self.steady.seen();
        self.steps.make(seen);
        if let Some(foreground) = &mut self.foreground {
            foreground.measure(seen, &self.steps);
            if self.wants_motion {
                foreground.measure_motion(seen, &self.steps);
            }
        }
    }
}

/// What stands in front in a single picture.
pub(super) fn foreground_of(image: &Image) -> Plane {
    let (mut foreground, mut steps) = (Foreground::new(), Steps::default());
    steps.make(image);
    foreground.measure(image, &steps);
    foreground.plane
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Front {
    Inside,
    /// Near what stands in front, for what has other marks as well.
    Near,
    Outside,
    /// Outside, as far as one can be sure of it.
    Beyond,
}

type Place = fn(f32, f32) -> f32;

/// One part of the picture.
pub(super) struct Region {
    members: Option<Members>,
    places: Vec<Place>,
    front: Option<Front>,
    moving: bool,
    hair: bool,
    rooted: Option<Rooted>,
}

impl Region {
    /// The region of a target, or why it cannot be found.
    pub fn of(target: &Target) -> Result<Self, &'static str> {
        let mut region = Self {
            members: None,
            places: Vec::new(),
            front: None,
            moving: false,
            hair: false,
            rooted: None,
        };
        let object = target.object.map_or(("", ""), |object| (object.name, object.hints));
        let hints: Vec<&'static str> = object.1.split_whitespace().collect();
        if hints.contains(&"tiny") {
            return Err("too small to be found");
        }
        if !object.0.is_empty() && hints.is_empty() && target.color.is_none() {
            return Err("name its color, so that it can be found");
        }
        let colors: Vec<&'static str> =
            hints.iter().copied().filter(|hint| hinted(hint, [0.5, 0.0, 0.0]).is_some()).collect();
        if let Some(named) = target.color {
            region.members = Some(Members::of(|lab| fits(lab, named)));
        } else if object.0 == "clothes" {
            region.members = Some(Members::of(|lab| 1.0 - hinted("skin", lab).unwrap_or(0.0)));
        } else if !colors.is_empty() {
            region.members = Some(Members::of(|lab| {
                colors.iter().filter_map(|hint| hinted(hint, lab)).fold(0.0, f32::max)
            }));
        }
        // Clouds stand alone.
        let above = hints.contains(&"above") && hints.contains(&"beyond");
        if region.members.is_some() && (above || hints.contains(&"below")) {
            region.rooted = Some(Rooted::new(above));
        }
        for hint in hints.iter().copied().chain(target.place) {
            match hint {
                "front" if colors.is_empty() || hints.contains(&"head") => {
                    region.front = Some(Front::Inside);
                }
                "front" => region.front = Some(Front::Near),
                "behind" => region.front = Some(Front::Outside),
                // A color that was named tells more than whether a thing moves just now.
                "moving" => region.moving = target.color.is_none(),
                "far" => {
                    region.front = Some(Front::Beyond);
                    region.places.push(|_, v| smooth(v, 1.0, 0.25));
                }
                "beyond" => region.front = Some(Front::Beyond),
                "level" => region.places.push(|_, v| smooth(v, 0.42, 0.55)),
                "above" => region.places.push(|_, v| smooth(v, 0.82, 0.5)),
                // Meadows climb hills, where they hang together with what lies below.
                "below" if hints.contains(&"green") && region.rooted.is_some() => {}
                "below" => region.places.push(|_, v| smooth(v, 0.2, 0.48)),
                "left" => region.places.push(|u, _| smooth(u, 0.58, 0.42)),
                "right" => region.places.push(|u, _| smooth(u, 0.42, 0.58)),
                "head" => region.hair = true,
                "middle" => region.places.push(|u, v| smooth(off(u, v), 0.5, 0.3)),
                "edges" => region.places.push(|u, v| smooth(off(u, v), 0.3, 0.5)),
                _ => {}
            }
        }
        match object.0 {
            "clothes" => region.places.push(|_, v| smooth(v, 0.28, 0.42)),
            "face" => region.places.push(|_, v| smooth(v, 0.75, 0.6)),
            _ => {}
        }
        Ok(region)
    }

    /// Finds the region in the frame that `sight` has looked at.
    pub fn measure(&mut self, sight: &mut Sight, mask: &mut Plane) {
        let Sight { steady, foreground, small, steps, stairs, blur, .. } = sight;
        let seen = steady.seen();
        let (width, height) = (seen.width(), seen.height());
        let fit = &mut *Brief::<Plane>::of(width, height);
        let unit = width.max(height) as f32 / 1280.0;
        if let Some(members) = &self.members {
            let [fits, near] = small;
            // Looked at twice as large: what is thin has not vanished there.
            members.measure(steps.second().unwrap_or(seen), fit);
            halve(fit, fits);
            blur.plane(fits, near, 9.0 * unit / steps.scale());
            if let Some(rooted) = &mut self.rooted {
                rooted.cut(steps.small(), fits);
            }
            self.place(near, fits);
            let mut whereabouts = Brief::<Plane>::of(width, height);
            stairs.up(near, steps, &mut whereabouts);
            members.measure_within(seen, &whereabouts, fit);
            blur.plane(fit, mask, 0.9 * unit);
        } else if self.places.is_empty() {
            mask.fit(width, height);
            mask.data.fill(255);
        } else {
            let [fits, near] = small;
            near.fit_to(&steps.small().planes[0]);
            near.data.fill(255);
            self.place(near, fits);
            stairs.up(near, steps, mask);
        }
        let Some(foreground) = foreground else { return };
        match self.front {
            Some(Front::Inside) => cut(mask, fit, &foreground.plane, |inside| inside),
            Some(Front::Near) => cut(mask, fit, &foreground.plane, near),
            Some(Front::Outside) => cut(mask, fit, &foreground.plane, |inside| 255.0 - inside),
            Some(Front::Beyond) => {
                let sure = foreground.sure;
                cut(mask, fit, &foreground.plane, |inside| 255.0 - inside * sure);
            }
            None => {}
        }
        if self.hair {
            foreground.cut_hair(seen, steps, mask, fit);
        }
        if self.moving {
            // While nothing moves, it is what stands in front.
            let moves = foreground.motion.data.iter().any(|&level| level > 60);
            let plane = if moves { &foreground.motion } else { &foreground.plane };
            cut(mask, fit, plane, |inside| inside);
        }
    }

    /// Where the region can lie, from how much there is of its colors around each place: what
    /// stands alone is noise.
    fn place(&self, near: &mut Plane, rooted: &Plane) {
        let width = near.width;
        let part = (1.0 / width as f32, 1.0 / near.height as f32);
        for (at, near_here) in near.data.iter_mut().enumerate() {
            let (x, y) = ((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
            let place: f32 =
                self.places.iter().map(|place| place(x * part.0, y * part.1)).product();
            let mut level =
                if self.members.is_some() { smooth(f32::from(*near_here), 8.0, 44.0) } else { 1.0 };
            if self.rooted.is_some() {
                level *= smooth(f32::from(rooted.data[at]), 20.0, 90.0);
            }
            *near_here = (level * place * 255.0 + 0.5) as u8;
        }
    }
}

/// A little beyond the border of what stands in front.
#[inline(always)]
fn near(inside: f32) -> f32 {
    (inside * 2.2 + 16.0).min(255.0)
}

/// How far from the middle, 0 to about 0.7.
fn off(u: f32, v: f32) -> f32 {
    (u - 0.5).hypot(v - 0.5)
}

/// Keeps of a mask what lies inside another.
#[inline(always)]
fn cut(mask: &mut Plane, spare: &mut Plane, other: &Plane, part: impl Fn(f32) -> f32 + Copy) {
    shade(
        [&*mask, other],
        [spare],
        #[inline(always)]
        |_| {
            #[inline(always)]
            move |_, [mask, other]| [mask * part(other) * (1.0 / 255.0)]
        },
    );
    std::mem::swap(mask, spare);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::prompt::plan;

    fn mask(prompt: &str, frame: &Image) -> Plane {
        let target = plan(prompt, false).steps[0].target;
        let mut region = Region::of(&target).unwrap();
        let mut sight = Sight::default();
        sight.prepare(&region);
        sight.measure(frame);
        let mut mask = Plane::default();
        region.measure(&mut sight, &mut mask);
        mask
    }

    /// Sky over grass, and a red thing on the left.
    fn meadow() -> Image {
        let level = |c: usize| {
            move |x: usize, y: usize| {
                let red = (60..140).contains(&x) && (150..230).contains(&y);
                let color = match (red, y < 130) {
                    (true, _) => [200, 30, 35],
                    (_, true) => [120, 170, 235],
                    _ => [80, 150, 50],
                };
                color[c]
            }
        };
        Image { planes: std::array::from_fn(|c| Plane::of(400, 260, level(c))) }
    }

    #[test]
    fn things_are_found_by_color_and_place() {
        let frame = meadow();
        for (prompt, inside, outside) in [
            ("make the grass blue", (300, 220), [(300, 40), (100, 190)]),
            ("make the sky pink", (300, 30), [(300, 220), (100, 190)]),
            ("turn the red car green", (100, 190), [(300, 40), (300, 220)]),
        ] {
            let mask = mask(prompt, &frame);
            let at = |(x, y): (usize, usize)| mask.row(y)[x];
            assert!(at(inside) > 220, "{prompt}: {}", at(inside));
            for place in outside {
                assert!(at(place) < 8, "{prompt}: {}", at(place));
            }
        }
    }

    #[test]
    fn what_has_no_mark_is_not_guessed() {
        let target = |prompt: &str| plan(prompt, false).steps[0].target;
        assert!(Region::of(&target("make the building blue")).is_err());
        assert!(Region::of(&target("make the white building blue")).is_ok());
        assert!(Region::of(&target("make the eyes blue")).is_err());
    }
}
