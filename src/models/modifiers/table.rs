//! The table of modifiers. A new one is a file and a row here, and words in the vocabulary.

use super::{
    Modifier, autumn, bright, candlelight, contrast, cool, dark, dawn, dramatic_light, dusk, faded,
    fog, golden_hour, grain, inverted, lens_flare, monochrome, moonlight, muted, neon_light, night,
    noon, overcast, pastel, rain, sandstorm, saturated, sepia, sharp, snow, soft, soft_light,
    sparkle, spotlight, spring, storm, summer, sunbeams, sunny, underwater, vignette, warm, winter,
};

/// What a modifier is about. A short prompt is not completed in a group that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Time,
    Season,
    Weather,
    Light,
    Color,
    Finish,
}

pub struct Row {
    pub name: &'static str,
    pub group: Group,
    /// Whether strengths below zero mean the opposite.
    pub has_opposite: bool,
    pub(in crate::models) make: fn(f32) -> Box<dyn Modifier>,
}

macro_rules! rows {
    ($($name:literal, $group:ident, $opposite:literal, $make:expr;)+) => {
        static ROWS: &[Row] = &[$(Row {
            name: $name,
            group: Group::$group,
            has_opposite: $opposite,
            make: |strength| Box::new($make(strength)),
        }),+];
    };
}

rows! {
    "dawn", Time, false, dawn::Dawn;
    "noon", Time, false, noon::Noon;
    "golden hour", Time, false, golden_hour::GoldenHour::new;
    "dusk", Time, false, dusk::Dusk;
    "night", Time, false, night::Night::new;
    "moonlight", Time, false, moonlight::Moonlight;
    "spring", Season, false, spring::Spring;
    "summer", Season, false, summer::Summer;
    "autumn", Season, false, autumn::Autumn;
    "winter", Season, false, winter::Winter;
    "fog", Weather, false, fog::Fog::new;
    "rain", Weather, false, rain::Rain::new;
    "snow", Weather, false, snow::Snow::new;
    "storm", Weather, false, storm::Storm::new;
    "overcast", Weather, false, overcast::Overcast;
    "sunny", Weather, false, sunny::Sunny;
    "sandstorm", Weather, false, sandstorm::Sandstorm::new;
    "soft light", Light, false, soft_light::SoftLight::new;
    "dramatic light", Light, false, dramatic_light::DramaticLight;
    "sunbeams", Light, false, sunbeams::Sunbeams::new;
    "spotlight", Light, false, spotlight::Spotlight;
    "candlelight", Light, false, candlelight::Candlelight;
    "neon light", Light, false, neon_light::NeonLight;
    "underwater", Light, false, underwater::Underwater::new;
    "lens flare", Light, false, lens_flare::LensFlare;
    "warm", Color, true, warm::Warm;
    "cool", Color, true, cool::Cool;
    "saturated", Color, true, saturated::Saturated;
    "muted", Color, true, muted::Muted;
    "pastel", Color, false, pastel::Pastel;
    "monochrome", Color, false, monochrome::Monochrome;
    "sepia", Color, false, sepia::Sepia;
    "inverted", Color, false, inverted::Inverted;
    "contrast", Finish, true, contrast::Contrast;
    "faded", Finish, true, faded::Faded;
    "bright", Finish, true, bright::Bright;
    "dark", Finish, true, dark::Dark;
    "grain", Finish, false, grain::Grain::new;
    "vignette", Finish, false, vignette::Vignette;
    "sharp", Finish, true, sharp::Sharp::new;
    "soft", Finish, true, soft::Soft::new;
    "sparkle", Light, false, sparkle::Sparkle;
}

/// The modifier of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// The names of all modifiers.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}
