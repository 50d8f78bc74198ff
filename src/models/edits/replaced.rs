//! Another scene in the place of the target, painted once and kept.

use super::Edit;
use super::scenes;
use crate::models::operators::{Double, Image, Plane, dot, hash};
use crate::models::pipeline::Moment;
use crate::models::prompt::{self, Color};

pub(super) struct Replaced {
    paint: Box<dyn Fn(f32, f32) -> [f32; 3] + Send>,
    stars: bool,
    half: Image,
    scene: Image,
    double: Double,
}

impl Replaced {
    /// The scene of that name, or why there is none.
    pub fn new(scene: prompt::Scene) -> Result<Self, &'static str> {
        Ok(match scene {
            prompt::Scene::Plain(color) => Self::plain(color),
            prompt::Scene::Named(name) => {
                let paint = scenes::find(name).ok_or("no scene of that name")?;
                Self { stars: matches!(name, "starry sky" | "aurora"), ..Self::of(Box::new(paint)) }
            }
        })
    }

    /// A plain wall, as behind a photographer's model.
    pub fn studio() -> Self {
        Self::of(Box::new(scenes::studio))
    }

    fn plain(color: Color) -> Self {
        let levels = color.levels();
        Self::of(Box::new(move |_, _| levels))
    }

    fn of(paint: Box<dyn Fn(f32, f32) -> [f32; 3] + Send>) -> Self {
        Self {
            paint,
            stars: false,
            half: Image::default(),
            scene: Image::default(),
            double: Double::default(),
        }
    }

    fn make(&mut self, width: usize, height: usize) {
        if (self.scene.width(), self.scene.height()) == (width, height) {
            return;
        }
        self.half.fit(width.div_ceil(2), height.div_ceil(2));
        let (columns, rows) = (self.half.width(), self.half.height());
        // Scenes are wide: a tall picture shows their middle.
        let aspect = (width as f32 / height as f32 / (16.0 / 9.0)).clamp(0.2, 4.0);
        for y in 0..rows {
            let v = (y as f32 + 0.5) / rows as f32;
            for x in 0..columns {
                let u = 0.5 + ((x as f32 + 0.5) / columns as f32 - 0.5) * aspect;
                // Half a level of noise, so that wide gradients have no steps.
                let grain = (hash(5, x as u32, y as u32) >> 24) as f32 / 255.0 - 0.5;
                let color = (self.paint)(u, v);
                for (plane, level) in self.half.planes.iter_mut().zip(color) {
                    plane.data[y * columns + x] = (level + grain + 0.5).clamp(0.0, 255.0) as u8;
                }
            }
        }
        self.double.image(&self.half, &mut self.scene, width, height);
        if self.stars {
            let unit = width.max(height) as f32 / 1280.0;
            for star in 0..900 {
                let [a, b, c, d] =
                    hash(61, star, 3).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
                let [e, f, ..] =
                    hash(62, star, 5).to_le_bytes().map(|byte| f32::from(byte) / 255.0);
                let place = ((a + e / 255.0) * width as f32, (b + f / 255.0) * height as f32);
                let bright = c * c * c;
                let color = [225.0 + 30.0 * d, 232.0, 255.0 - 45.0 * d];
                dot(
                    &mut self.scene,
                    place,
                    (0.35 + 1.5 * bright) * unit,
                    color,
                    0.45 + 0.55 * bright,
                );
            }
        }
    }
}

impl Edit for Replaced {
    fn paint(&mut self, frame: &Image, _: &Plane, _: Moment, out: &mut Image) {
        self.make(frame.width(), frame.height());
        out.copy_from(&self.scene);
    }
}
