//! Scenes to stand behind somebody, as functions of the place: `u` from left to right, `v` from
//! top to bottom, 0 to 1. Sums of smooth noise after Perlin, "An image synthesizer" (1985).

use crate::models::operators::{blend, gradient, ramp, smooth, smooth_noise};

pub(super) type Paint = fn(f32, f32) -> [f32; 3];

/// The table of scenes, by their names in the vocabulary.
const SCENES: &[(&str, Paint)] = &[
    ("starry sky", starry_sky),
    ("night", starry_sky),
    ("moonlight", starry_sky),
    ("sunset sky", sunset),
    ("golden hour", sunset),
    ("dawn", sunset),
    ("dusk", dusk),
    ("blue sky", blue_sky),
    ("sky", blue_sky),
    ("cloud", blue_sky),
    ("sunny", blue_sky),
    ("noon", blue_sky),
    ("overcast", overcast),
    ("fog", overcast),
    ("storm", storm),
    ("rain", storm),
    ("beach", beach),
    ("summer", beach),
    ("water", sea),
    ("forest scene", forest),
    ("tree", forest),
    ("grass", meadow),
    ("spring", meadow),
    ("flower", meadow),
    ("autumn", autumn),
    ("city at night", city),
    ("building", city),
    ("cyberpunk", city),
    ("neon", city),
    ("desert", desert),
    ("sandstorm", desert),
    ("mountains at dawn", mountains),
    ("mountain", mountains),
    ("winter", snow),
    ("snow", snow),
    ("aurora", aurora),
    ("studio backdrop", studio),
    ("wall", studio),
    ("fire scene", fire),
    ("candlelight", fire),
    ("underwater scene", underwater),
    ("underwater", underwater),
    ("brick wall", brick_wall),
    ("bricks", brick_wall),
    ("gradient", plain_gradient),
    ("vaporwave", plain_gradient),
    ("paper sheet", paper),
];

pub(super) fn find(name: &str) -> Option<Paint> {
    SCENES.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Several octaves of noise, 0 to 1.
fn cloud(seed: u32, u: f32, v: f32, cells: f32) -> f32 {
    let (x, y) = (u * cells + 7.0, v * cells * 0.6 + 3.0);
    smooth_noise(seed, x, y) * 0.5
        + smooth_noise(seed + 1, x * 2.1, y * 2.1) * 0.27
        + smooth_noise(seed + 2, x * 4.3, y * 4.3) * 0.15
        + smooth_noise(seed + 3, x * 8.9, y * 8.9) * 0.08
}

/// The height of a ridge at a place.
fn ridge(seed: u32, u: f32, base: f32, tall: f32, cells: f32) -> f32 {
    base - tall * (cloud(seed, u, 0.2, cells) - 0.4)
}

fn starry_sky(u: f32, v: f32) -> [f32; 3] {
    let night = gradient(&[[6.0, 8.0, 26.0], [12.0, 18.0, 52.0], [28.0, 34.0, 78.0]], v);
    // A band of dust from corner to corner.
    let across = (v - 0.85 + 0.75 * u) * 2.6;
    let band = (-across * across).exp() * cloud(3, u, v, 7.0);
    let dust = (-across * across * 6.0).exp() * cloud(9, u, v, 11.0);
    let lit = [night[0] + 105.0 * band, night[1] + 90.0 * band, night[2] + 125.0 * band];
    blend(lit, [34.0, 20.0, 46.0], (dust * 1.1 - 0.25).clamp(0.0, 0.7))
}

fn sunset(u: f32, v: f32) -> [f32; 3] {
    let sky = gradient(
        &[[70.0, 62.0, 120.0], [176.0, 92.0, 128.0], [244.0, 134.0, 88.0], [255.0, 196.0, 110.0]],
        v * 1.05,
    );
    let strip = smooth(cloud(21, u * 0.7, v * 2.6, 5.0), 0.5, 0.72);
    let lit = blend(sky, [255.0, 150.0, 110.0], strip * 0.55 * v);
    let sun = (-((u - 0.72).powi(2) * 1.8 + (v - 0.78).powi(2)) * 60.0).exp();
    blend(lit, [255.0, 244.0, 205.0], sun.min(1.0))
}

fn dusk(u: f32, v: f32) -> [f32; 3] {
    let sky = gradient(&[[24.0, 30.0, 74.0], [58.0, 66.0, 128.0], [150.0, 110.0, 150.0]], v);
    blend(sky, [86.0, 78.0, 130.0], smooth(cloud(25, u, v * 2.0, 5.0), 0.5, 0.75) * 0.5)
}

fn blue_sky(u: f32, v: f32) -> [f32; 3] {
    let sky = gradient(&[[48.0, 120.0, 214.0], [112.0, 176.0, 238.0], [190.0, 222.0, 248.0]], v);
    let white = smooth(cloud(31, u, v * 1.6, 4.0), 0.5, 0.7);
    let shade = cloud(35, u, v * 1.6 + 0.06, 4.0);
    blend(sky, [238.0 + 16.0 * shade; 3], white * 0.92)
}

fn overcast(u: f32, v: f32) -> [f32; 3] {
    let tone = cloud(41, u, v * 1.8, 4.0);
    blend([150.0, 158.0, 168.0], [216.0, 220.0, 224.0], tone * 0.7 + v * 0.3)
}

fn storm(u: f32, v: f32) -> [f32; 3] {
    let tone = cloud(45, u, v * 1.6, 5.0);
    blend([26.0, 32.0, 44.0], [128.0, 136.0, 150.0], tone * 0.8 + v * 0.15)
}

fn beach(u: f32, v: f32) -> [f32; 3] {
    let shore = 0.74 + 0.03 * (u * 5.0).sin() + 0.02 * cloud(51, u, 0.0, 9.0);
    if v < 0.46 {
        return blue_sky(u, v * 1.8);
    }
    if v < shore {
        let deep = (v - 0.46) / (shore - 0.46);
        let water =
            gradient(&[[30.0, 110.0, 170.0], [44.0, 164.0, 190.0], [140.0, 220.0, 214.0]], deep);
        let wave = smooth(cloud(53, u * 0.5, v * 9.0, 12.0), 0.58, 0.72);
        let foam = smooth(deep, 0.93, 0.99);
        return blend(water, [245.0, 250.0, 250.0], (wave * 0.35 + foam).min(1.0));
    }
    let wet = smooth(v, shore + 0.05, shore);
    let grain = cloud(57, u, v, 60.0) * 26.0 - 13.0;
    let sand = [232.0 + grain, 208.0 + grain, 160.0 + grain];
    blend(sand, [168.0, 140.0, 104.0], wet * 0.7)
}

fn sea(u: f32, v: f32) -> [f32; 3] {
    if v < 0.3 {
        return blue_sky(u, v * 2.4);
    }
    let deep = (v - 0.3) / 0.7;
    let wave = cloud(61, u * (1.2 - deep * 0.6), v * 7.0, 14.0);
    blend([14.0, 62.0, 112.0], [86.0, 160.0, 196.0], wave * 0.9 - 0.1 + 0.2 * (1.0 - deep))
}

/// Points of light out of focus: discs on a jittered grid.
fn discs(seed: u32, u: f32, v: f32, cells: f32, size: f32) -> f32 {
    let (x, y) = (u * cells * 1.78, v * cells);
    let mut light: f32 = 0.0;
    for dy in -1..=1 {
        for dx in -1..=1 {
            let (cx, cy) = (x.floor() + dx as f32, y.floor() + dy as f32);
            let jitter = |seed: u32| smooth_noise(seed, cx + 0.01, cy + 0.01);
            let away = (x - cx - jitter(seed)).hypot(y - cy - jitter(seed + 1));
            let radius = size * (0.4 + 0.8 * jitter(seed + 2));
            light = light.max(ramp(away, radius, radius * 0.86) * jitter(seed + 3));
        }
    }
    light
}

fn forest(u: f32, v: f32) -> [f32; 3] {
    let depth =
        gradient(&[[196.0, 220.0, 150.0], [96.0, 140.0, 70.0], [34.0, 62.0, 30.0]], v * 1.1);
    let leaf = cloud(71, u, v, 14.0);
    let green = blend(depth, [22.0, 50.0, 26.0], smooth(leaf, 0.45, 0.7) * 0.75);
    let trunk_at = (u * 9.0 + 0.35 * smooth_noise(73, u * 20.0, v * 2.0)).fract();
    let trunk = smooth((trunk_at - 0.5).abs(), 0.1, 0.06)
        * smooth_noise(75, (u * 9.0).floor(), 0.3).round();
    let wood = blend(green, [48.0, 36.0, 28.0], trunk * 0.85);
    blend(wood, [240.0, 246.0, 190.0], discs(77, u, v, 7.0, 0.4) * 0.4 * (1.0 - v))
}

fn meadow(u: f32, v: f32) -> [f32; 3] {
    if v < 0.42 {
        return blue_sky(u, v * 2.0);
    }
    let deep = (v - 0.42) / 0.58;
    let blade = cloud(81, u * 3.0, v * 0.7, 26.0);
    let grass = blend([70.0, 120.0, 40.0], [150.0, 190.0, 70.0], blade * 0.9 + 0.1 * (1.0 - deep));
    blend(grass, [250.0, 214.0, 90.0], discs(83, u, v, 22.0, 0.12 + 0.2 * deep) * 0.9)
}

fn autumn(u: f32, v: f32) -> [f32; 3] {
    let leaf = cloud(85, u, v, 13.0);
    let back = gradient(
        &[[250.0, 214.0, 140.0], [226.0, 140.0, 52.0], [120.0, 60.0, 26.0]],
        v * 0.8 + leaf * 0.3,
    );
    blend(back, [255.0, 190.0, 80.0], discs(87, u, v, 8.0, 0.5) * 0.5)
}

fn city(u: f32, v: f32) -> [f32; 3] {
    let sky = gradient(&[[10.0, 12.0, 34.0], [32.0, 28.0, 70.0], [110.0, 60.0, 100.0]], v * 1.2);
    let mut color = sky;
    for layer in 0..2 {
        let (wide, base) = if layer == 0 { (26.0, 0.34) } else { (15.0, 0.46) };
        let column = (u * wide).floor();
        let top = base + 0.3 * smooth_noise(91 + layer, column + 0.01, 0.5);
        if v > top {
            let shade = if layer == 0 { [24.0, 24.0, 52.0] } else { [12.0, 12.0, 28.0] };
            let (wx, wy) = ((u * wide).fract() * 6.0, (v - top) * 46.0);
            let lit = smooth_noise(95 + layer, column * 8.0 + wx.floor() + 0.01, wy.floor() + 0.01);
            let pane = (0.22..0.8).contains(&wx.fract()) && (0.25..0.75).contains(&wy.fract());
            let warm = if lit > 0.82 { [150.0, 220.0, 255.0] } else { [255.0, 214.0, 130.0] };
            color = if pane && lit > 0.56 { blend(shade, warm, 0.85) } else { shade };
        }
    }
    color
}

fn desert(u: f32, v: f32) -> [f32; 3] {
    let mut color = gradient(&[[92.0, 150.0, 206.0], [214.0, 214.0, 196.0]], v * 2.0);
    for layer in 0..3_u32 {
        let near = layer as f32;
        let top = ridge(101 + layer, u, 0.5 + 0.14 * near, 0.22, 2.2 - 0.4 * near);
        if v > top {
            let slope =
                ridge(101 + layer, u + 0.01, 0.5 + 0.14 * near, 0.22, 2.2 - 0.4 * near) - top;
            let lit = 0.5 + (slope * 60.0).clamp(-0.5, 0.5);
            let ripple =
                ((v * 160.0 + cloud(107, u, v, 6.0) * 30.0).sin() * 0.5 + 0.5) * 0.12 * near;
            color = blend([166.0, 104.0, 60.0], [240.0, 190.0, 128.0], lit - ripple);
        }
    }
    color
}

fn mountains(u: f32, v: f32) -> [f32; 3] {
    let mut color =
        gradient(&[[110.0, 140.0, 196.0], [244.0, 190.0, 170.0], [255.0, 226.0, 186.0]], v * 1.6);
    for layer in 0..4_u32 {
        let near = layer as f32 / 3.0;
        let top = ridge(111 + layer, u, 0.46 + 0.4 * near, 0.34 - 0.16 * near, 3.0 + near * 2.0);
        if v > top {
            let mist = smooth(v, top + 0.25, top) * 0.25;
            let shade =
                gradient(&[[150.0, 150.0, 190.0], [96.0, 104.0, 150.0], [34.0, 46.0, 70.0]], near);
            let snow = if layer == 0 {
                smooth(v, top + 0.1, top + 0.02) * smooth(cloud(117, u, v, 16.0), 0.35, 0.5)
            } else {
                0.0
            };
            color =
                blend(blend(shade, [246.0, 214.0, 200.0], 0.3 - mist), [250.0, 240.0, 240.0], snow);
        }
    }
    color
}

fn snow(u: f32, v: f32) -> [f32; 3] {
    let mut color = gradient(&[[168.0, 188.0, 214.0], [226.0, 234.0, 244.0]], v * 1.8);
    for layer in 0..3_u32 {
        let near = layer as f32 / 2.0;
        let top = ridge(121 + layer, u, 0.5 + 0.2 * near, 0.2, 2.4);
        // Firs along the ridges.
        let fir = 0.05 * (1.0 - ((u * (26.0 - 8.0 * near)).fract() - 0.5).abs() * 2.0);
        if v > top - fir * (1.0 - 0.4 * near) && layer < 2 {
            color = blend([70.0, 92.0, 104.0], [200.0, 214.0, 226.0], 0.55 - 0.3 * near);
        }
        if v > top {
            color = blend([206.0, 220.0, 238.0], [252.0, 253.0, 255.0], cloud(127, u, v, 5.0));
        }
    }
    color
}

fn aurora(u: f32, v: f32) -> [f32; 3] {
    let night = gradient(&[[4.0, 8.0, 24.0], [10.0, 24.0, 48.0], [16.0, 36.0, 50.0]], v);
    let mut color = night;
    for (band, tint) in
        [(0_u32, [70.0, 255.0, 150.0]), (1, [90.0, 200.0, 255.0]), (2, [190.0, 90.0, 255.0])]
    {
        let foot = 0.62 - 0.13 * band as f32 + 0.16 * (cloud(131 + band, u, 0.0, 3.0) - 0.5);
        let ray =
            0.4 + 0.6 * smooth_noise(137 + band, u * 60.0 + 20.0 * cloud(139, u, 0.0, 4.0), 0.5);
        let up = foot - v;
        let light = smooth(up, -0.03, 0.01) * (-up.max(0.0) * 5.5).exp() * ray;
        color = std::array::from_fn(|c| color[c] + tint[c] * light * 0.8);
    }
    let hill = ridge(141, u, 0.88, 0.14, 4.0);
    if v > hill { [5.0, 10.0, 14.0] } else { color }
}

pub(super) fn studio(u: f32, v: f32) -> [f32; 3] {
    let off = ((u - 0.5) * 1.4).hypot(v - 0.42);
    let level = 226.0 - 120.0 * smooth(off, 0.1, 0.95);
    [level, level, level + 2.0]
}

fn fire(u: f32, v: f32) -> [f32; 3] {
    let lick = cloud(151, u, v * 1.6 + 0.2 * cloud(155, u, v, 9.0), 8.0);
    let heat = (lick * 1.3 + v * 1.15 - 0.75).clamp(0.0, 1.0);
    gradient(
        &[
            [18.0, 4.0, 4.0],
            [120.0, 16.0, 6.0],
            [236.0, 84.0, 12.0],
            [255.0, 190.0, 50.0],
            [255.0, 246.0, 190.0],
        ],
        heat,
    )
}

fn underwater(u: f32, v: f32) -> [f32; 3] {
    let deep = gradient(&[[110.0, 214.0, 224.0], [24.0, 128.0, 170.0], [6.0, 44.0, 84.0]], v);
    let x = u + (0.5 - v) * 0.2;
    let ray = smooth(smooth_noise(161, x * 14.0, 0.2), 0.55, 0.9) * (1.0 - v);
    let reef = ridge(163, u, 0.92, 0.26, 6.0);
    let lit = blend(deep, [200.0, 244.0, 240.0], ray * 0.4);
    if v > reef {
        blend([10.0, 40.0, 60.0], [150.0, 80.0, 90.0], cloud(167, u, v, 18.0) * 0.8)
    } else {
        lit
    }
}

fn brick_wall(u: f32, v: f32) -> [f32; 3] {
    let row = (v * 16.0).floor();
    let x = u * 14.0 + if row.rem_euclid(2.0) < 1.0 { 0.0 } else { 0.5 };
    let (in_x, in_y) = (x.fract(), (v * 16.0).fract());
    let mortar = !(0.03..0.97).contains(&in_x) || !(0.07..0.93).contains(&in_y);
    let tone = smooth_noise(171, x.floor() + 0.01, row + 0.01) * 0.7 + cloud(173, u, v, 50.0) * 0.5;
    if mortar {
        [178.0, 170.0, 160.0]
    } else {
        blend([104.0, 44.0, 34.0], [182.0, 92.0, 68.0], tone)
    }
}

fn plain_gradient(u: f32, v: f32) -> [f32; 3] {
    gradient(&[[94.0, 88.0, 230.0], [214.0, 92.0, 200.0], [255.0, 166.0, 130.0]], v * 0.7 + u * 0.3)
}

fn paper(u: f32, v: f32) -> [f32; 3] {
    let tooth = cloud(181, u, v, 120.0) * 14.0;
    [240.0 + tooth * 0.8, 236.0 + tooth * 0.8, 226.0 + tooth * 0.8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_is_a_picture_and_no_two_are_alike() {
        let picture = |paint: Paint| -> Vec<f32> {
            (0..32 * 18)
                .flat_map(|at| paint((at % 32) as f32 / 32.0, (at / 32) as f32 / 18.0))
                .map(|level| level.clamp(0.0, 255.0))
                .collect()
        };
        let mut seen: Vec<(Paint, &str, Vec<f32>)> = Vec::new();
        for &(name, paint) in SCENES {
            if seen.iter().any(|(other, ..)| std::ptr::fn_addr_eq(*other, paint)) {
                continue;
            }
            let made = picture(paint);
            assert!(made.iter().all(|level| level.is_finite()), "{name}");
            for (_, other, picture) in &seen {
                let off: f32 = made.iter().zip(picture).map(|(a, b)| (a - b).abs()).sum();
                assert!(off / made.len() as f32 > 8.0, "{name} and {other}");
            }
            seen.push((paint, name, made));
        }
        assert!(seen.len() >= 15);
    }
}
