//! How a control chooses what a model does.

use parhelion::catalog::{ALIASES, MODELS};
use parhelion::error::ErrorCode;
use parhelion::media::Picture;
use parhelion::models::{Control, LOOKS, Model, NEUTRAL, Restyle, choose, create};

fn prompt(text: &str) -> Control {
    Control { prompt: Some(text.to_owned()), ..Control::default() }
}

fn checkered(width: u32, height: u32) -> Picture {
    let data = (0..width * height * 3).map(|at| (at * 89 % 251) as u8).collect();
    Picture { width, height, data }
}

#[test]
fn prompts_get_the_look_they_name() {
    for (text, look) in [
        ("cinematic lighting, professional photography", "cinematic"),
        ("oil painting", "oil painting"),
        ("anime", "anime"),
        ("Anime style!", "anime"),
        ("a NEON city at night, cyberpunk", "neon"),
        ("watercolor painting of a harbour", "watercolour"),
        ("painting in the style of Van Gogh", "oil painting"),
        ("pencil drawing", "pencil sketch"),
        ("film noir, dramatic lighting", "noir"),
        ("8-bit retro game", "pixel art"),
        ("comic-book hero", "comic"),
        ("old film from the 1920s", "vintage film"),
        ("infrared camera", "thermal"),
        ("a cartoon fox", "anime"),
    ] {
        assert_eq!(choose(text).look, look, "{text:?}");
    }
}

#[test]
fn every_phrase_alone_gets_its_own_look() {
    for row in LOOKS {
        for (phrase, _) in row.words {
            assert_eq!(choose(&phrase.to_uppercase()).look, row.look, "{phrase:?}");
        }
    }
}

#[test]
fn prompts_that_name_no_look_get_the_neutral_one() {
    for text in ["a knight on a horse", "animeted neonate", "…", "日本"] {
        assert_eq!(choose(text).look, NEUTRAL, "{text:?}");
    }
}

#[test]
fn of_two_equal_looks_the_first_named_is_chosen() {
    assert_eq!(choose("neon anime").look, "neon");
    assert_eq!(choose("anime neon").look, "anime");
}

#[test]
fn without_a_prompt_frames_pass_byte_for_byte() {
    let input = checkered(37, 21);
    let mut output = Picture { width: 0, height: 0, data: Vec::new() };
    let mut model = Restyle::default();
    for control in [Control::default(), prompt(""), prompt(" \n\t")] {
        model.set_control(&prompt("oil painting")).unwrap();
        assert!(!model.is_passthrough());
        model.process(&input, &mut output).unwrap();
        assert_ne!(output.data, input.data);

        model.set_control(&control).unwrap();
        assert!(model.is_passthrough() && model.look().is_none());
        model.process(&input, &mut output).unwrap();
        assert_eq!((output.width, output.height), (37, 21));
        assert_eq!(output.data, input.data);
    }
}

#[test]
fn a_new_prompt_takes_effect_with_the_next_frame() {
    let input = checkered(40, 24);
    let mut output = Picture { width: 0, height: 0, data: Vec::new() };
    let mut model = Restyle::default();
    let mut seen = Vec::new();
    for row in LOOKS {
        model.set_control(&prompt(row.look)).unwrap();
        assert_eq!(model.look(), Some(row.look));
        model.process(&input, &mut output).unwrap();
        assert!(!seen.contains(&output.data), "{} looks like another", row.look);
        seen.push(output.data.clone());
    }
}

#[test]
fn every_name_of_the_catalog_and_every_alias_makes_a_model() {
    let names = MODELS.iter().map(|model| &*model.name).chain(ALIASES.iter().map(|alias| alias.0));
    for name in names {
        let mut model = create(name).unwrap();
        assert!(model.is_passthrough(), "{name} starts with a look");
        model.set_control(&prompt("anime")).unwrap();
        let restyles = matches!(name, "mirage_v2" | "lucy-restyle-2");
        assert_eq!(model.is_passthrough(), !restyles, "{name}");
    }
}

#[test]
fn an_unknown_name_makes_no_model() {
    let error = create("mirage_v3").err().unwrap();
    assert_eq!(error.code, ErrorCode::ModelNotFound);
}

#[test]
fn a_picture_whose_data_do_not_fill_its_size_is_refused() {
    let mut output = Picture { width: 0, height: 0, data: Vec::new() };
    let wrong = [
        Picture { width: 0, height: 0, data: Vec::new() },
        Picture { width: 4, height: 0, data: Vec::new() },
        Picture { width: 4, height: 4, data: vec![0; 47] },
        Picture { width: 4, height: 4, data: vec![0; 49] },
        Picture { width: u32::MAX, height: u32::MAX, data: vec![0; 3] },
    ];
    for input in &wrong {
        for name in ["mirage_v2", "mirage"] {
            for text in ["noir", ""] {
                let mut model = create(name).unwrap();
                model.set_control(&prompt(text)).unwrap();
                let error = model.process(input, &mut output).unwrap_err();
                assert_eq!(error.code, ErrorCode::InvalidInput);
            }
        }
    }
}
