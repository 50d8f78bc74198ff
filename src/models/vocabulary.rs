//! Which words of a prompt ask for which look.
//!
//! To add a look, write its file in `looks/` and give it a row here.

use super::looks::{self, Look};

/// A look, and the words and phrases that ask for it.
pub struct Row {
    /// The name of the look, which also asks for it.
    pub look: &'static str,
    /// Lower-case words or phrases, single spaces between words, and how strongly each asks for
    /// the look: 10 names it, 6 implies it, 3 merely goes with it.
    pub words: &'static [(&'static str, u32)],
    pub(super) make: fn() -> Box<dyn Look>,
}

/// The look of a prompt that names none: richer colour and local contrast, which shows that the
/// prompt is in force and suits any subject. Always the first row.
pub static NEUTRAL: &str = "vivid";

macro_rules! looks {
    ($($look:literal, $make:ty: [$($word:literal = $weight:literal),+ $(,)?];)+) => {
        /// Every look. Of two that a prompt asks for equally, the one named first in the prompt
        /// is chosen.
        pub static LOOKS: &[Row] = &[$(Row {
            look: $look,
            words: &[$(($word, $weight)),+],
            make: || Box::<$make>::default(),
        }),+];
    };
}

looks! {
    "vivid", looks::Vivid: [
        "vivid" = 10, "vibrant" = 10, "colorful" = 6, "colourful" = 6, "saturated" = 6, "hdr" = 6,
    ];
    "anime", looks::Anime: [
        "anime" = 10, "manga" = 10, "cel shading" = 10, "cel shaded" = 10, "cartoon" = 10,
        "ghibli" = 10, "toon" = 10, "animated" = 6, "animation" = 6, "japanese animation" = 6,
    ];
    "oil painting", looks::Oil: [
        "oil painting" = 10, "oil paint" = 10, "oil on canvas" = 10, "oils" = 6, "impasto" = 10,
        "impressionist" = 10, "impressionism" = 10, "van gogh" = 10, "monet" = 10,
        "rembrandt" = 10, "renaissance" = 6, "brush strokes" = 6, "brushstrokes" = 6,
        "canvas" = 3, "painting" = 3, "painted" = 3, "painterly" = 6,
    ];
    "watercolour", looks::Watercolour: [
        "watercolour" = 10, "watercolor" = 10, "water colour" = 10, "water color" = 10,
        "aquarelle" = 10, "gouache" = 6, "wash" = 3, "pastel" = 3,
    ];
    "pencil sketch", looks::Pencil: [
        "pencil sketch" = 10, "pencil" = 10, "sketch" = 10, "charcoal" = 10, "graphite" = 10,
        "hand drawn" = 6, "line art" = 6, "drawing" = 6, "hatching" = 6, "doodle" = 6,
    ];
    "noir", looks::Noir: [
        "noir" = 10, "film noir" = 10, "black and white" = 10, "monochrome" = 10,
        "grayscale" = 6, "greyscale" = 6, "b w" = 10, "detective" = 6, "moody" = 3,
        "shadows" = 3,
    ];
    "pixel art", looks::Pixel: [
        "pixel art" = 10, "pixel" = 10, "pixelated" = 10, "pixels" = 10, "8 bit" = 10,
        "8bit" = 10, "16 bit" = 10, "16bit" = 10, "retro game" = 10, "video game" = 6,
        "arcade" = 6, "minecraft" = 6, "voxel" = 6, "lego" = 6,
    ];
    "neon", looks::Neon: [
        "neon" = 10, "cyberpunk" = 10, "synthwave" = 10, "vaporwave" = 10, "tron" = 10,
        "glowing" = 6, "glow" = 6, "hologram" = 6, "holographic" = 6, "futuristic" = 6,
        "blade runner" = 6, "sci fi" = 3,
    ];
    "cinematic", looks::Cinematic: [
        "cinematic" = 10, "cinematic lighting" = 3, "professional photography" = 6,
        "blockbuster" = 10, "movie" = 6, "hollywood" = 6, "teal and orange" = 10,
        "color grade" = 6, "colour grade" = 6, "golden hour" = 6, "photorealistic" = 3,
        "photography" = 3, "dramatic lighting" = 6, "film still" = 10,
    ];
    "comic", looks::Comic: [
        "comic" = 10, "comics" = 10, "comic book" = 10, "halftone" = 10, "pop art" = 10,
        "graphic novel" = 10, "superhero" = 6, "lichtenstein" = 10, "warhol" = 6,
        "marvel" = 6, "spider verse" = 6,
    ];
    "vintage film", looks::Vintage: [
        "vintage film" = 10, "vintage" = 10, "sepia" = 10, "super 8" = 10, "old film" = 10,
        "retro" = 6, "polaroid" = 10, "kodachrome" = 10, "nostalgic" = 6, "1920s" = 6,
        "1970s" = 6, "70s" = 6, "film grain" = 6, "film" = 3, "antique" = 6,
    ];
    "thermal", looks::Thermal: [
        "thermal" = 10, "thermal camera" = 10, "infrared" = 10, "heat map" = 10, "heatmap" = 10,
        "heat vision" = 10, "thermography" = 10, "predator vision" = 10,
    ];
}

/// The row whose words `prompt` says most strongly, without regard to case or punctuation and
/// whole words only; the row of [`NEUTRAL`] if it says none.
pub fn choose(prompt: &str) -> &'static Row {
    let text = normalise(prompt);
    let mut best = (&LOOKS[0], 0, usize::MAX);
    for row in LOOKS {
        let mut score = 0;
        let mut first = usize::MAX;
        for (word, weight) in row.words {
            if let Some(place) = find_whole(&text, word) {
                score += weight;
                first = first.min(place);
            }
        }
        if score > best.1 || (score == best.1 && first < best.2) {
            best = (row, score, first);
        }
    }
    best.0
}

/// Where `phrase` stands in `text` as whole words; both are normalised.
fn find_whole(text: &str, phrase: &str) -> Option<usize> {
    text.match_indices(phrase).map(|(place, _)| place).find(|&place| {
        let end = place + phrase.len();
        (place == 0 || text.as_bytes()[place - 1] == b' ')
            && (end == text.len() || text.as_bytes()[end] == b' ')
    })
}

/// Lower case, with one space for every run of anything that is neither letter nor digit.
fn normalise(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut normal = String::with_capacity(text.len());
    for word in words {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.chars().flat_map(char::to_lowercase));
    }
    normal
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_look_has_several_phrases_and_no_phrase_stands_in_two_rows() {
        let mut seen = HashSet::new();
        for row in LOOKS {
            assert!(row.words.len() >= 3, "{} has too few words", row.look);
            assert!(row.words.contains(&(row.look, 10)), "{} does not name itself", row.look);
            for (word, weight) in row.words {
                assert_eq!(normalise(word), *word, "{word:?} can never match");
                assert!(*weight > 0 && seen.insert(word), "{word:?} is useless or double");
            }
        }
    }

    #[test]
    fn the_neutral_look_is_the_first_row() {
        assert_eq!(LOOKS[0].look, NEUTRAL);
    }

    #[test]
    fn only_whole_words_count() {
        assert_eq!(find_whole("a neonate in neon", "neon"), Some(13));
        assert_eq!(find_whole("synthwaves", "synthwave"), None);
        assert_eq!(find_whole("in old film", "film"), Some(7));
        assert_eq!(find_whole("", "film"), None);
    }

    #[test]
    fn case_and_punctuation_do_not_count() {
        assert_eq!(normalise("  Cel-Shaded, (B&W)… ÉTÉ "), "cel shaded b w été");
        assert_eq!(normalise("?!"), "");
    }
}
