//! Oklab: a color space in which distances are close to what people see.
//!
//! Ottosson, "A perceptual color space for image processing" (2020), on sRGB (IEC 61966-2-1).

/// Lightness from 0 to 1, green to red, blue to yellow.
pub(in crate::models) type Lab = [f32; 3];

/// Oklab of a color, levels 0 to 255.
pub(in crate::models) fn to_lab(color: [f32; 3]) -> Lab {
    let [r, g, b] = color.map(|level| linear(level * (1.0 / 255.0)));
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

/// The color, levels 0 to 255. What no screen can show is cut.
pub(in crate::models) fn from_lab([lightness, a, b]: Lab) -> [f32; 3] {
    let l = lightness + 0.396_337_78 * a + 0.215_803_76 * b;
    let m = lightness - 0.105_561_346 * a - 0.063_854_17 * b;
    let s = lightness - 0.089_484_18 * a - 1.291_485_5 * b;
    let (l, m, s) = (l * l * l, m * m * m, s * s * s);
    let color = [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_93 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ];
    color.map(|value| encoded(value.clamp(0.0, 1.0)) * 255.0)
}

fn linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn encoded(value: f32) -> f32 {
    if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colors_are_where_they_belong() {
        // From the reference implementation, rounded.
        for (color, lab) in [
            ([255.0, 255.0, 255.0], [1.0, 0.0, 0.0]),
            ([255.0, 0.0, 0.0], [0.628, 0.225, 0.126]),
            ([0.0, 255.0, 0.0], [0.866, -0.234, 0.179]),
            ([0.0, 0.0, 255.0], [0.452, -0.032, -0.312]),
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ] {
            for (got, wanted) in to_lab(color).into_iter().zip(lab) {
                assert!((got - wanted).abs() < 0.002, "{color:?}: {got} for {wanted}");
            }
        }
    }

    #[test]
    fn there_and_back_gives_the_color() {
        for at in 0..512_u32 {
            let color = [at % 8, at / 8 % 8, at / 64].map(|step| step as f32 * 36.4);
            for (got, wanted) in from_lab(to_lab(color)).into_iter().zip(color) {
                assert!((got - wanted).abs() < 0.2, "{color:?}: {got} for {wanted}");
            }
        }
    }
}
