//! Drawn profiles that outlines are compared with.

/// Places at which a profile is compared, from the forehead to under the chin.
pub const PLACES: usize = 44;
pub const FIRST: f32 = -0.30;
pub const LAST: f32 = 1.04;
/// How far behind the nasion an outline is followed, in its length.
pub const DEEP: f32 = 0.30;

/// Drawn profiles: down from the nasion, and forward, in parts of the distance to the chin.
const DRAWN: [&[(f32, f32)]; 3] = [
    // As most are.
    &[
        (-0.50, -0.03),
        (-0.30, 0.03),
        (-0.14, 0.045),
        (-0.06, 0.02),
        (0.0, 0.0),
        (0.08, 0.02),
        (0.20, 0.09),
        (0.32, 0.175),
        (0.38, 0.215),
        (0.42, 0.215),
        (0.46, 0.16),
        (0.49, 0.10),
        (0.55, 0.09),
        (0.61, 0.12),
        (0.635, 0.11),
        (0.66, 0.08),
        (0.69, 0.10),
        (0.72, 0.095),
        (0.78, 0.045),
        (0.84, 0.05),
        (0.90, 0.055),
        (0.96, 0.03),
        (1.0, -0.04),
        (1.04, -0.22),
    ],
    // A short nose.
    &[
        (-0.50, -0.05),
        (-0.30, 0.0),
        (-0.14, 0.02),
        (-0.06, 0.01),
        (0.0, 0.0),
        (0.06, 0.02),
        (0.15, 0.08),
        (0.26, 0.155),
        (0.31, 0.185),
        (0.35, 0.185),
        (0.39, 0.12),
        (0.42, 0.07),
        (0.48, 0.06),
        (0.555, 0.10),
        (0.58, 0.095),
        (0.605, 0.07),
        (0.635, 0.09),
        (0.67, 0.08),
        (0.73, 0.035),
        (0.80, 0.04),
        (0.88, 0.05),
        (0.95, 0.02),
        (1.0, -0.05),
        (1.04, -0.22),
    ],
    // A large nose, and a chin that stands back.
    &[
        (-0.50, -0.10),
        (-0.30, -0.01),
        (-0.14, 0.03),
        (-0.06, 0.02),
        (0.0, 0.0),
        (0.08, 0.05),
        (0.20, 0.15),
        (0.32, 0.23),
        (0.38, 0.27),
        (0.42, 0.26),
        (0.46, 0.18),
        (0.49, 0.10),
        (0.55, 0.08),
        (0.61, 0.10),
        (0.635, 0.09),
        (0.66, 0.06),
        (0.69, 0.075),
        (0.72, 0.06),
        (0.78, 0.0),
        (0.84, 0.0),
        (0.90, 0.0),
        (0.96, -0.04),
        (1.0, -0.10),
        (1.04, -0.25),
    ],
];

/// A drawn profile as it is compared.
pub struct Drawn {
    pub forward: [f32; PLACES],
    pub power: f32,
    pub slope: f32,
}

impl Drawn {
    pub fn all() -> Vec<Self> {
        let one = |points: &[(f32, f32)]| {
            let mut forward = std::array::from_fn(|at| {
                let t = along(at);
                let after =
                    points.iter().position(|point| point.0 > t).unwrap_or(points.len() - 1).max(1);
                let ((t0, f0), (t1, f1)) = (points[after - 1], points[after]);
                (f0 + (f1 - f0) * ((t - t0) / (t1 - t0)).min(1.0)).max(-DEEP)
            });
            let slope = freed(&mut forward);
            let power = forward.iter().map(|value| value * value).sum();
            Self { forward, power, slope }
        };
        DRAWN.into_iter().map(one).collect()
    }
}

/// How far down a place is, in parts of the way from nasion to chin.
pub fn along(at: usize) -> f32 {
    FIRST + (LAST - FIRST) * at as f32 / (PLACES - 1) as f32
}

/// Frees values of their mean and slope; returns the slope.
pub fn freed(values: &mut [f32; PLACES]) -> f32 {
    const MIDDLE: f32 = 0.5 * (FIRST + LAST);
    let mean = values.iter().sum::<f32>() / PLACES as f32;
    let (mut product, mut power) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let t = along(at) - MIDDLE;
        product += t * value;
        power += t * t;
    }
    let slope = product / power;
    for (at, value) in values.iter_mut().enumerate() {
        *value -= mean + slope * (along(at) - MIDDLE);
    }
    slope
}
