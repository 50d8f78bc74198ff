//! Small soft marks drawn over a picture: flakes, drops, sparks.

use super::image::Image;
use super::shade::mix;

/// Blends a round dot of `radius` pixels with a soft rim into the picture.
pub(in crate::models) fn dot(
    image: &mut Image,
    (cx, cy): (f32, f32),
    radius: f32,
    color: [f32; 3],
    alpha: f32,
) {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let reach = radius + 1.0;
    if cx + reach < 0.0 || cy + reach < 0.0 || cx - reach >= width || cy - reach >= height {
        return;
    }
    let columns = (cx - reach).max(0.0) as usize..=(cx + reach).min(width - 1.0) as usize;
    let rows = (cy - reach).max(0.0) as usize..=(cy + reach).min(height - 1.0) as usize;
    for y in rows {
        for x in columns.clone() {
            let (dx, dy) = (x as f32 + 0.5 - cx, y as f32 + 0.5 - cy);
            let cover = (radius + 0.5 - dx.hypot(dy)) / (radius * 0.6 + 0.7);
            put(image, x, y, color, cover.clamp(0.0, 1.0) * alpha);
        }
    }
}

/// Blends a line from a place along a vector into the picture, fading towards its ends.
pub(in crate::models) fn streak(
    image: &mut Image,
    (x0, y0): (f32, f32),
    (dx, dy): (f32, f32),
    color: [f32; 3],
    alpha: f32,
) {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let steps = dx.abs().max(dy.abs()).ceil().clamp(1.0, 4096.0);
    for step in 0..steps as usize {
        let t = (step as f32 + 0.5) / steps;
        let (x, y) = (x0 + dx * t, y0 + dy * t);
        if x < 0.0 || y < 0.0 || x >= width || y >= height {
            continue;
        }
        let fade = 1.0 - (2.0 * t - 1.0).abs();
        // The line lies between two columns.
        let part = x.fract();
        let (x, y) = (x as usize, y as usize);
        put(image, x, y, color, alpha * fade * (1.0 - part));
        if x + 1 < image.width() {
            put(image, x + 1, y, color, alpha * fade * part);
        }
    }
}

fn put(image: &mut Image, x: usize, y: usize, color: [f32; 3], alpha: f32) {
    let at = y * image.width() + x;
    for (plane, color) in image.planes.iter_mut().zip(color) {
        let level = &mut plane.data[at];
        *level = mix(f32::from(*level), color, alpha) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::operators::Plane;

    fn black() -> Image {
        Image { planes: std::array::from_fn(|_| Plane::filled(20, 16, 0)) }
    }

    #[test]
    fn a_dot_is_round_and_where_it_was_put() {
        let mut image = black();
        dot(&mut image, (10.0, 8.0), 3.0, [255.0; 3], 1.0);
        assert!(image.color(10, 8)[0] > 250.0 && image.color(2, 2)[0] < 1.0);
        for (x, y) in [(8, 6), (11, 9), (7, 8)] {
            assert_eq!(image.color(x, y), image.color(19 - x, 15 - y));
        }
    }

    #[test]
    fn marks_outside_leave_the_picture_alone() {
        let mut image = black();
        dot(&mut image, (-40.0, 8.0), 3.0, [255.0; 3], 1.0);
        dot(&mut image, (300.0, 900.0), 3.0, [255.0; 3], 1.0);
        streak(&mut image, (-50.0, -50.0), (20.0, 20.0), [255.0; 3], 1.0);
        assert_eq!(image, black());
        streak(&mut image, (5.0, -5.0), (2.0, 60.0), [255.0; 3], 1.0);
        assert_ne!(image, black());
    }
}
