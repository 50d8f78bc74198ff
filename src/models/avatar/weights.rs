//! What moves with what: for a place of a face how strongly each movement takes it along.

use super::anatomy::smooth;
use super::face::{Eye, Point};
use super::moves::{COMMON, LIP};
use super::shape::Shape;

/// The weights of a place, in the order of [`super::moves::Moves`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub common: [f32; COMMON],
    pub upper: [f32; LIP],
    pub lower: [f32; LIP],
    pub lids: f32,
}

/// What a place has to do with the eyes.
#[derive(Default)]
pub(super) struct ByEyes {
    pub brows: f32,
    frown: f32,
    inward: f32,
    pub squint: f32,
    pub gaze: f32,
    pub lids: f32,
}

impl Weights {
    pub fn of(shape: &Shape, point: Point) -> Self {
        let marks = &shape.marks;
        if let Some(facing) = marks.facing {
            return Self::from_the_side(shape, facing, point);
        }
        // Lengths across the face are in distances of the eyes, lengths down it in units.
        let (unit, frame) = (shape.unit, marks.upright());
        let (x, y) = frame.inside(point);
        let (u, v) = shape.by_mouth(point);
        let lips = &marks.lips;
        let chin = frame.inside(marks.chin).1;
        let nose = frame.inside(marks.nose).1;
        let line = frame.inside(shape.mouth).1;
        let spot = |cx: f32, cy: f32, rx: f32, ry: f32| bump((x - cx) / rx, (y - cy) / ry);

        // The head: all of it moves, the neck less and less, what is around it hardly.
        let (hx, hy) = (x / 1.25, (y - 0.35) / if y < 0.35 { 1.75 } else { 1.85 });
        let away = hx.hypot(hy);
        let head = 1.0 - smooth((away - 0.85) / 0.95);
        let neck = 1.0 - smooth((y - chin + 0.15) / 1.2);
        let head = head * neck;
        let (px, py) = (point.x - shape.pivot.x, point.y - shape.pivot.y);
        // How far it stands out towards who looks.
        let (fx, fy) = (x / 1.35, (y - 0.5) / 1.75);
        let bulge = (1.0 - fx * fx - fy * fy).max(0.0);
        let depth = bulge * bulge.sqrt().min(1.0) + 0.16 * spot(0.0, nose - 0.08, 0.16, 0.22);

        // The jaw: from the line of the mouth to the chin, and under it into the neck.
        let below = (v - Shape::edge(&lips.lower, u)) / unit;
        let ramp = smooth(below / 0.40);
        let beside = 1.0 - smooth((x.abs() - 0.35) / 0.85);
        let under = 1.0 - smooth((y - chin - 0.02) / 0.85);
        let jaw = ramp * beside * under;

        // The corners: along the mouth, fading into the cheeks, nose and chin.
        let side =
            if u.abs() < 1.0 { u } else { u.signum() * (1.0 - smooth((u.abs() - 1.0) / 1.6)) };
        let corner_line = bump(0.0, (y - line) / 0.26);
        let wide = shape.half / frame.unit;
        let corner = |sign: f32| bump((u - sign) * wide / 0.24, v / unit / 0.22);
        let corners = corner(-1.0) + corner(1.0);
        let out = corner(1.0) - corner(-1.0);
        let cheeks = spot(-0.56, 0.62, 0.24, 0.22) + spot(0.56, 0.62, 0.24, 0.22);
        let eyes = ByEyes::of(shape, point);

        let common = [
            head,
            -head * py,
            head * px,
            depth,
            jaw,
            side * corner_line,
            corners,
            out,
            cheeks,
            eyes.brows.min(1.0),
            eyes.squint.min(1.0),
            eyes.gaze.min(1.0),
            eyes.frown,
            eyes.inward,
        ];

        let bow = (1.0 - u * u).max(0.0);
        let (arc, oval) = (bow.powf(0.85), bow.powf(0.55));
        let source_gap = (Shape::edge(&lips.lower, u) - Shape::edge(&lips.upper, u)).max(0.0);
        let source_gap = if u.abs() < 1.0 { source_gap / shape.gap.max(1.0) } else { 0.0 };
        // How far above the upper lip's edge, and below the lower's.
        let above = (Shape::edge(&lips.upper, u) - v) / unit;
        let thick_up = ((Shape::edge(&lips.upper, u) - Shape::edge(&lips.top, u)) / unit).max(0.02);
        let thick_low =
            ((Shape::edge(&lips.bottom, u) - Shape::edge(&lips.lower, u)) / unit).max(0.02);
        let to_nose = (line - nose).max(0.22);
        let kept_up = 1.0 - smooth((above - 0.7 * thick_up) / (to_nose - 0.5 * thick_up).max(0.12));
        let kept_low = 1.0 - ramp;
        let plump = bow.powf(0.8);
        Self {
            common,
            upper: [
                arc * kept_up,
                oval * kept_up,
                source_gap * kept_up,
                plump * thick(above, thick_up, to_nose),
            ],
            lower: [
                arc * kept_low,
                oval * kept_low,
                source_gap * kept_low,
                plump * thick(below, thick_low, 0.38),
            ],
            lids: eyes.lids,
        }
    }

    /// The same, less by a part.
    pub fn faded(self, part: f32) -> Self {
        Self {
            common: self.common.map(|weight| weight * part),
            upper: self.upper.map(|weight| weight * part),
            lower: self.lower.map(|weight| weight * part),
            lids: self.lids * part,
        }
    }

    /// Whether the place is moved by anything that is worth it.
    pub fn move_at_all(&self) -> bool {
        // Turns have a lever: their weights are pixels.
        self.common[0] > 1e-4 || self.common[3..].iter().any(|weight| weight.abs() > 2e-3)
    }
}

impl ByEyes {
    pub fn of(shape: &Shape, point: Point) -> Self {
        let mut sum = Self::default();
        for (eye, inner) in shape.marks.eyes.iter().zip([1.0, -1.0]) {
            sum.add(shape, eye, inner, point);
        }
        sum
    }

    fn add(&mut self, shape: &Shape, eye: &Eye, inner: f32, point: Point) {
        let frame = shape.marks.upright();
        let unit = shape.unit;
        let (x, y) = frame.inside(point);
        let (bx, by) = frame.inside(eye.brow);
        let (ex, ey) = frame.inside(eye.center);
        // Below the brow there is little room: the eye stays.
        let tall = if y < by { 0.24 } else { 0.115 };
        self.brows += bump((x - bx) / 0.30, (y - by) / tall);
        let frown = bump((x - bx - 0.20 * inner) / 0.14, (y - by) / tall);
        self.frown += frown;
        self.inward += inner * frown;
        let below = eye.below / unit;
        self.squint += bump((x - ex) / 0.26, (y - ey - below - 0.07) / 0.075);
        let (ue, ve) = shape.by_eye(eye, point);
        let (up, down) = (ve + Shape::lid(eye.above, ue), Shape::lid(eye.below, ue) - ve);
        let inside = smooth((up.min(down) + 0.13 * unit) / (0.15 * unit));
        self.gaze += inside * (1.0 - smooth((ue.abs() - 0.2) / 1.0));
        // From the lid up to the brow the skin is drawn along.
        let over = -up / unit;
        let stretch = ((ey - by).abs() - eye.above / unit).max(0.14) * 0.95;
        // A little beyond the lower lid, and beyond the corners: skin on skin is not seen. Where it
        // began at once at the corners, the mesh would fold on a head that is not upright.
        let reach = (1.0 - (ue / 1.2).powi(2)).max(0.0).powf(1.2);
        let opening = reach * (eye.above + eye.below) / unit;
        self.lids += 1.14 * opening * (1.0 - smooth(over / stretch));
    }
}

/// How much a lip's thickness moves a place so far from its inner edge: all of it at the outer edge,
/// nothing at the end.
pub(super) fn thick(off: f32, thickness: f32, end: f32) -> f32 {
    smooth(off / thickness) * (1.0 - smooth((off - thickness) / (end - thickness).max(0.1)))
}

/// 1 in the middle, less around it as a bell is.
pub(super) fn bump(dx: f32, dy: f32) -> f32 {
    (-0.5 * (dx * dx + dy * dy)).exp()
}
