//! Where the person, or whatever the picture is about, is.
//!
//! No network: evidence is put together as odds. A seat: head and shoulders below a face that was
//! found, or the middle of the picture; what stands out from the border, and whose colors are not
//! those of the rim; skin; motion; and then what has the colors of the one side or the other. Only
//! pieces that are well seated are kept. The estimate is spread over areas of one
//! color, follows its predecessor, and gets its borders from the frame.

use super::barrier::{Barrier, Opponents};
use super::color::{Members, hinted};
use super::cut;
use super::face::{Face, Faces};
use super::figure::{Figure, Known};
use super::finer::Finer;
use super::hair::Hair;
use super::islands::Islands;
use super::matte::Matte;
use super::rim::Rim;
use super::sides::Sides;
use super::spread::Spread;
use super::steps::Steps;
use crate::models::operators::{Brief, Image, Plane, mix, ramp, shade, smooth};

/// How much of the new estimate is taken over with every frame, where nothing moves and where
/// everything does.
const FOLLOW: (f32, f32) = (0.25, 0.85);
/// Pieces that are worth less than this part of the best are let go.
const LEAST: f32 = 0.25;
/// How far an estimate spreads, in parts of the longer side, and the contrast that halts it.
const REACH: f32 = 0.12;
const CONTRAST: f32 = 130.0;
/// How much of what was shown is believed before a new look.
const HELD: f32 = 0.5;
/// How quickly a seat takes the place of another.
const SETTLE: f32 = 0.2;
/// How much counts that a place lies beyond a seat.
const BEYOND: f32 = 4.0;
/// How much counts that something goes on to a side of the picture, as odds.
const OUTSIDE: f32 = 6.0;

pub(super) struct Foreground {
    /// 0 to 255, of the size of the frame.
    pub plane: Plane,
    /// What moves, likewise; filled on request.
    pub motion: Plane,
    luma: Plane,
    second_luma: Plane,
    colors: Vec<Opponents>,
    skin: Members,
    skin_fit: Plane,
    faces: Faces,
    hair: Option<Hair>,
    /// How far the two sides differ in color, 0 to 1: where they do not, as in a street, what
    /// was judged is arbitrary.
    pub sure: f32,
    /// How far the seat is that of a face, and where that face is.
    seated: f32,
    face: Option<Face>,
    barrier: Barrier,
    sides: Sides,
    rim: Rim,
    spread: Spread,
    islands: Islands,
    figure: Figure,
    finer: Finer,
    matte: Matte,
    usual: Vec<f32>,
    stir: Vec<f32>,
    active: Vec<f32>,
    odds: Vec<f32>,
    /// The seat of what stands in the middle, as odds.
    middle: Vec<f32>,
    /// How well each place is one where things stand, 0 to 1.
    seats: Vec<f32>,
    /// What a seat that was found says against places beyond it, as odds.
    beyond: Vec<f32>,
    share: Vec<f32>,
    shown: Vec<f32>,
}

impl Foreground {
    pub fn new() -> Self {
        Self {
            plane: Plane::default(),
            motion: Plane::default(),
            luma: Plane::default(),
            second_luma: Plane::default(),
            colors: Vec::new(),
            skin: Members::of(|lab| hinted("skin", lab).unwrap_or_default()),
            skin_fit: Plane::default(),
            faces: Faces::default(),
            hair: None,
            sure: 0.0,
            seated: 0.0,
            face: None,
            barrier: Barrier::default(),
            sides: Sides::new(),
            rim: Rim::new(),
            spread: Spread::default(),
            // An arm is thin, and first found in pieces.
            islands: Islands::over(2),
            figure: Figure::new(),
            finer: Finer::default(),
            matte: Matte::default(),
            usual: Vec::new(),
            stir: Vec::new(),
            active: Vec::new(),
            odds: Vec::new(),
            middle: Vec::new(),
            seats: Vec::new(),
            beyond: Vec::new(),
            share: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Looks at the next frame, which `steps` leads down from.
    pub fn measure(&mut self, frame: &Image, steps: &Steps) {
        self.look_at(steps.small());
        let is_new = self.shown.len() != self.luma.data.len();
        if is_new {
            self.begin();
        }
        self.move_on();
        self.look_for_a_face(is_new);
        self.barrier.measure(&self.colors, self.luma.width, self.seated < 0.5);
        self.rim.learn(&self.colors, self.luma.width, is_new);
        self.weigh(is_new);
        // A first look has to find the colors; later ones follow them.
        let rounds = if is_new { 4 } else { 1 };
        for round in 0..rounds {
            self.sides.learn(&self.colors, &self.share, is_new && round == 0);
            for ((share, &odds), &color) in self.share.iter_mut().zip(&self.odds).zip(&self.colors)
            {
                *share = chance(0.8 * odds + self.sides.odds(color));
            }
            let reach = self.luma.width.max(self.luma.height) as f32 * REACH;
            self.spread.apply(&mut self.share, &self.colors, self.luma.width, reach, CONTRAST);
            if round + 1 < rounds {
                self.islands.clear(&mut self.share, &self.seats, self.luma.width, LEAST);
            }
        }
        self.settle(is_new);
        let second = steps.second().unwrap_or(frame);
        second.luma(&mut self.second_luma);
        self.finer.refine(&self.shown, self.luma.width, second, &self.figure, self.sure);
        let depth = steps.depth() - 1;
        let (share, luma) = (&self.finer.share, &self.second_luma);
        self.matte.apply(share, luma, depth, steps, &Brief::luma_of(frame), &mut self.plane);
    }

    /// Keeps of a mask, of the size of the frame, what is hair; where no face is known, what is dark
    /// at the top.
    pub fn cut_hair(&mut self, frame: &Image, steps: &Steps, mask: &mut Plane, spare: &mut Plane) {
        let frame_luma = Brief::luma_of(frame);
        if let Some(face) = self.face.filter(|_| self.seated > 0.3) {
            let mut place = Brief::<Plane>::of(mask.width, mask.height);
            let hair = self.hair.get_or_insert_default();
            hair.find(self.figure.seen(), self.luma.width, face, &self.shown);
            let (luma, depth) = (&self.luma, steps.depth());
            self.matte.apply(&hair.share, luma, depth, steps, &frame_luma, &mut place);
            return cut(mask, spare, &place, |place| place);
        }
        let tall = mask.height.max(1) as f32;
        shade(
            [&*mask, &frame_luma],
            [&mut *spare],
            #[inline(always)]
            |row| {
                let top = smooth(row as f32 / tall, 0.5, 0.35);
                #[inline(always)]
                move |_, [mask, luma]| [mask * top * smooth(luma, 117.0, 94.0)]
            },
        );
        std::mem::swap(mask, spare);
    }

    /// Fills `motion` after [`Self::measure`].
    pub fn measure_motion(&mut self, frame: &Image, steps: &Steps) {
        self.share.clear();
        self.share.extend(self.active.iter().map(|active| (active * 2.0).min(1.0)));
        let (share, luma, depth) = (&self.share, &self.luma, steps.depth());
        self.matte.apply(share, luma, depth, steps, &Brief::luma_of(frame), &mut self.motion);
    }

    fn look_at(&mut self, looked_at: &Image) {
        looked_at.luma(&mut self.luma);
        self.skin.measure(looked_at, &mut self.skin_fit);
        let [red, green, blue] = &looked_at.planes;
        self.colors.clear();
        let pixels = red.data.iter().zip(&green.data).zip(&blue.data);
        self.colors.extend(pixels.map(|((&r, &g), &b)| opponents([r, g, b])));
    }

    fn begin(&mut self) {
        let count = self.luma.data.len();
        for values in [
            &mut self.stir,
            &mut self.active,
            &mut self.odds,
            &mut self.seats,
            &mut self.beyond,
            &mut self.share,
            &mut self.shown,
            &mut self.usual,
        ] {
            values.clear();
            values.resize(count, 0.0);
        }
        for (usual, &level) in self.usual.iter_mut().zip(&self.luma.data) {
            *usual = f32::from(level);
        }
        let (width, height) = (self.luma.width, self.luma.height);
        self.middle.clear();
        self.middle.extend((0..count).map(|at| {
            let (x, y) = ((at % width) as f32 + 0.5, (at / width) as f32 + 0.5);
            middle_seat(x / width as f32, y / height as f32)
        }));
        self.faces.forget();
    }

    /// What moves against what is usually seen at its place.
    fn move_on(&mut self) {
        let usual = self.usual.iter_mut().zip(&self.luma.data);
        for ((stir, active), (usual, &level)) in
            self.stir.iter_mut().zip(&mut self.active).zip(usual)
        {
            let change = f32::from(level) - *usual;
            *usual += change * 0.04;
            *stir = ramp(change.abs(), 8.0, 30.0);
            *active += (*stir - *active) * 0.12;
        }
    }

    fn look_for_a_face(&mut self, is_new: bool) {
        let found = self.faces.find(&self.skin_fit, &self.luma);
        let aim = if found.is_some() { 1.0 } else { 0.0 };
        self.seated = if is_new { aim } else { self.seated + (aim - self.seated) * SETTLE };
        // One that turns away for a moment leaves its seat warm.
        self.face = found.or(self.face);
    }

    /// The odds by place, border, rim, skin and motion.
    fn weigh(&mut self, is_new: bool) {
        let moving = self.active.iter().sum::<f32>() / self.active.len() as f32;
        // When all moves it is the camera that does.
        let trust = 2.2 * ramp(moving, 0.4, 0.2) * ramp(moving, 0.002, 0.01);
        let most = self.barrier.cost.iter().copied().max().unwrap_or(0);
        let most = f32::from(most).max(90.0);
        let (width, height) = (self.luma.width, self.luma.height);
        // Somebody before the camera is cut off by its picture.
        let rim = 1.0 - self.seated;
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                let middle = self.middle[at];
                let seat = match self.face {
                    Some(face) if self.seated > 0.01 => {
                        middle + (seat_of(face, x as f32, y as f32) - middle) * self.seated
                    }
                    _ => middle,
                };
                let apart = ramp(f32::from(self.barrier.cost[at]) / most, 0.08, 0.7);
                let outside = self.seated * self.goes_on(at, most, x as f32, y as f32);
                let skin = f32::from(self.skin_fit.data[at]) * (1.0 / 255.0);
                self.odds[at] = seat
                    + 1.9 * (apart - 0.3)
                    + 1.4 * skin * ramp(seat, -2.2, -0.4)
                    + trust * (self.active[at] - 0.1)
                    + rim * self.rim.odds(self.colors[at])
                    - 2.0 * outside;
                self.seats[at] = chance(2.0 * seat);
                self.beyond[at] = self.seated * BEYOND * (seat + 0.8).min(0.0) - OUTSIDE * outside;
                let share = chance(self.odds[at]);
                self.share[at] = if is_new { share } else { mix(share, self.shown[at], HELD) };
            }
        }
    }

    /// How far what is seen beside the shoulders goes on to a side of the picture, as furniture does,
    /// 0 to 1.
    fn goes_on(&self, at: usize, most: f32, x: f32, y: f32) -> f32 {
        match self.face {
            Some(face) if y > face.y + 0.5 * face.tall => {
                ramp(f32::from(self.barrier.cost[at]) / most, 0.3, 0.1)
                    * ramp((x - face.x).abs() / face.tall, 0.85, 1.1)
            }
            _ => 0.0,
        }
    }

    /// Follows the new estimate, quickly where the picture changes. One that is not sure gives way
    /// to the middle of the picture, with soft borders.
    fn settle(&mut self, is_new: bool) {
        let sure = ramp(self.sides.overlap(), 0.95, 0.85);
        self.sure = if is_new { sure } else { self.sure + (sure - self.sure) * SETTLE };
        if self.sure < 0.99 {
            for (share, &seat) in self.share.iter_mut().zip(&self.middle) {
                let middle = chance(2.0 * seat);
                *share = middle + (*share - middle) * self.sure;
            }
        }
        self.islands.clear(&mut self.share, &self.seats, self.luma.width, LEAST);
        let known = Known {
            colors: &self.colors,
            width: self.luma.width,
            share: &self.share,
            seats: &self.seats,
            bias: &self.beyond,
        };
        self.figure.find(&known, LEAST);
        for (share, &figure) in self.share.iter_mut().zip(&self.figure.share) {
            *share += (figure - *share) * self.sure;
        }
        for ((shown, &share), &stir) in self.shown.iter_mut().zip(&self.share).zip(&self.stir) {
            let new = smooth(share, 0.3, 0.7);
            let part = if is_new { 1.0 } else { FOLLOW.0 + (FOLLOW.1 - FOLLOW.0) * stir };
            *shown += (new - *shown) * part;
        }
    }
}

/// Lightness, red against green, and yellow against blue.
pub(super) fn opponents([r, g, b]: [u8; 3]) -> Opponents {
    let [r, g, b] = [r, g, b].map(i32::from);
    let byte = |value: i32| value.clamp(0, 255) as u8;
    [byte((r + 2 * g + b) >> 2), byte(128 + (r - g)), byte(128 + ((r + g) >> 1) - b)]
}

/// Where things stand that a picture is about, while no face says more: in the middle.
fn middle_seat(u: f32, v: f32) -> f32 {
    let (dx, dy) = ((u - 0.5) / 0.3, (v - 0.55) / if v < 0.55 { 0.46 } else { 0.55 });
    ((-(dx * dx + dy * dy)).exp() * 3.8 - 2.5).max(-2.4)
}

/// The seat below a face: hair around it, a neck, and shoulders that widen.
fn seat_of(face: Face, x: f32, y: f32) -> f32 {
    let (dx, dy) = ((x - face.x) / face.tall, (y - face.y) / face.tall);
    let head = 1.0 - (dx / 0.56).hypot((dy + 0.12) / 0.82);
    // From the chin on: the half width grows quickly to the shoulders and slowly below them.
    let down = dy - 0.42;
    let wide = 0.55 + 0.85 * smooth(down, 0.0, 0.75) + 0.12 * (down - 0.6).max(0.0);
    let body = if down > 0.0 { (wide - dx.abs()) / 0.7 } else { -1.0 };
    let inside = head.max(body.min(down + 0.25));
    (inside * 7.0).clamp(-2.9, 2.4)
}

fn chance(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody in a red pullover before a green wall.
    fn portrait(shift: usize) -> Image {
        let person = |x: usize, y: usize| {
            let x = x as f32 - 320.0 - shift as f32;
            let y = y as f32;
            let head = (x / 0.8).hypot(y - 130.0) < 70.0;
            let eye = (y - 112.0).abs() < 9.0 && (x.abs() - 22.0).abs() < 10.0;
            let body = y > 190.0 && x.abs() < 60.0 + (y - 190.0) * 0.8;
            (head, body, eye)
        };
        let level = |c: usize| {
            move |x: usize, y: usize| match person(x, y) {
                (true, _, true) => [110, 80, 66][c],
                (true, ..) => [224, 172, 140][c],
                (_, true, _) => [190, 40, 50][c],
                _ => [70, 120, 90][c] + ((x / 9 + y / 7) % 5) as u8,
            }
        };
        Image { planes: std::array::from_fn(|c| Plane::of(640, 360, level(c))) }
    }

    /// A gray thing on a green ground, without a face.
    fn thing() -> Image {
        let level = |c: usize| {
            move |x: usize, y: usize| {
                let inside = (x as f32 - 260.0).hypot((y as f32 - 190.0) * 0.7) < 90.0;
                let ground = [90 + ((x * 7 + y * 5) % 20) as u8, 150, 60];
                let wall = [70, 90, 110 + (y / 8) as u8];
                match (inside, y > 240) {
                    (true, _) => 150 + (y / 16) as u8,
                    (_, true) => ground[c],
                    _ => wall[c],
                }
            }
        };
        Image { planes: std::array::from_fn(|c| Plane::of(640, 360, level(c))) }
    }

    fn look(foreground: &mut Foreground, frame: &Image) {
        let mut steps = Steps::default();
        steps.make(frame);
        foreground.measure(frame, &steps);
    }

    fn check(frame: &Image, inside: &[(usize, usize)], outside: &[(usize, usize)]) {
        let mut foreground = Foreground::new();
        look(&mut foreground, frame);
        for (places, wanted) in [(inside, true), (outside, false)] {
            for &(x, y) in places {
                let level = foreground.plane.row(y)[x];
                assert!(if wanted { level > 200 } else { level < 50 }, "{x} {y}: {level}");
            }
        }
    }

    #[test]
    fn a_person_is_told_from_the_wall() {
        let inside = [(320, 130), (300, 100), (320, 300), (260, 330)];
        check(&portrait(0), &inside, &[(40, 40), (600, 200), (320, 20), (60, 340)]);
    }

    #[test]
    fn furniture_beside_a_person_is_not_the_person() {
        // Black as a vest is, from behind the shoulder to the side of the picture.
        let mut frame = portrait(0);
        for plane in &mut frame.planes {
            for y in 0..360 {
                for x in 0..640 {
                    let vest = y > 185 && (260..380).contains(&x);
                    if vest || (y > 270 && x > 440) {
                        plane.data[y * 640 + x] = 8;
                    }
                }
            }
        }
        check(&frame, &[(320, 130), (320, 210), (320, 300)], &[(500, 340), (540, 330), (600, 300)]);
    }

    #[test]
    fn a_thing_is_told_from_the_ground_it_stands_on() {
        check(&thing(), &[(260, 190), (220, 120), (290, 230)], &[(40, 340), (600, 300), (560, 40)]);
    }

    #[test]
    fn the_estimate_is_stable_and_follows() {
        let mut foreground = Foreground::new();
        for _ in 0..12 {
            look(&mut foreground, &portrait(0));
        }
        let before = foreground.plane.clone();
        look(&mut foreground, &portrait(0));
        let change = |a: &Plane, b: &Plane| {
            let sum: u64 = a.data.iter().zip(&b.data).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            sum as f64 / a.data.len() as f64
        };
        assert!(change(&before, &foreground.plane) < 0.5);
        for _ in 0..12 {
            look(&mut foreground, &portrait(60));
        }
        assert!(foreground.plane.row(130)[400] > 180);
        assert!(foreground.plane.row(130)[250] < 60);
    }

    #[test]
    fn any_size_is_looked_at() {
        for (width, height) in [(1, 1), (2, 2), (3, 700), (700, 3), (2000, 40)] {
            let mut foreground = Foreground::new();
            let image = Image {
                planes: std::array::from_fn(|_| Plane::of(width, height, |x, y| (x ^ y) as u8)),
            };
            look(&mut foreground, &image);
            look(&mut foreground, &image);
            assert_eq!((foreground.plane.width, foreground.plane.height), (width, height));
        }
    }
}
