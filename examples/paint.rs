//! Paints raw frames with a local model, prompt by prompt, and says what it took.
//!
//! Every prompt gets a fresh model, which sees all frames of the file; the last picture is written.
//! Prints one JSON object a prompt, with the CPU time of this thread for each frame. The gallery
//! (`examples/gallery.py`) is made with it, and the speed of every style is measured with it.
//!
//! Usage: paint RAW_RGB_FILE WIDTH HEIGHT MODEL OUT_FILE PROMPT...
//!
//! `-` instead of a file to write leaves the pictures out; `--styles` and `--modifiers` stand for
//! the names of all of them, `--portable` for the vectors that every processor has. A prompt may end
//! with `|FILE:WxH`, raw RGB of a reference image.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parhelion::media::{Picture, PixelFormat};
use parhelion::models::{self, Control, Model};

/// The CPU time of this thread; where the system does not tell, the time on the wall.
fn cpu_time(began: Instant) -> Duration {
    let spent = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = spent.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| began.elapsed(), Duration::from_nanos)
}

fn paint(
    model: &mut dyn Model,
    frames: &[Picture],
    output: &mut Picture,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let began = Instant::now();
    let mut spent = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        (output.width, output.height) = (frame.width, frame.height);
        output.data.clone_from(&frame.data);
        let before = cpu_time(began);
        model.set_time(Duration::from_millis(40 * index as u64));
        model.transform(output)?;
        spent.push((cpu_time(began) - before).as_secs_f64() * 1e3);
    }
    // The first frames make textures and tables.
    if spent.len() > 3 {
        spent.drain(..2);
    }
    Ok(spent)
}

/// The reference image of `FILE:WxH`.
fn image(text: &str) -> Result<Option<Arc<Picture>>, Box<dyn Error>> {
    let Some((file, size)) = text.rsplit_once(':') else { return Ok(None) };
    let (width, height) = size.split_once('x').ok_or("expected FILE:WxH")?;
    let (width, height) = (width.parse()?, height.parse()?);
    Ok(Some(Arc::new(Picture { width, height, data: fs::read(file)? })))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, width, height, model_name, out_file, prompts @ ..] = &arguments[..] else {
        return Err("see the usage in the source".into());
    };
    let (width, height) = (width.parse()?, height.parse()?);
    let clip = fs::read(file)?;
    let frames: Vec<Picture> = clip
        .chunks_exact(PixelFormat::Rgb24.packed_len(width, height))
        .map(|data| Picture { width, height, data: data.to_vec() })
        .collect();
    let mut portable = false;
    let mut wanted: Vec<String> = Vec::new();
    for prompt in prompts {
        match prompt.as_str() {
            "--styles" => wanted.extend(models::styles().iter().map(|style| style.name.to_owned())),
            "--modifiers" => wanted.extend(models::modifier_names().map(ToOwned::to_owned)),
            "--portable" => portable = true,
            _ => wanted.push(prompt.clone()),
        }
    }
    // The first plan reads the table of words.
    let _ = models::prompt::plan("warm", false);
    let mut written = (out_file != "-").then(|| fs::File::create(out_file)).transpose()?;
    for prompt in &wanted {
        let mut model = models::create(model_name)?;
        let began = Instant::now();
        let plan = models::prompt::plan(prompt, false);
        let parsed = began.elapsed();
        drop(plan);
        let (text, reference) = prompt.split_once('|').unwrap_or((prompt, ""));
        let image = image(reference)?;
        let control = Control { prompt: Some(text.to_owned()), image, ..Control::default() };
        let began = Instant::now();
        model.set_control(&control)?;
        let ready = began.elapsed();
        let mut output = Picture { width, height, data: Vec::new() };
        let mut run = || paint(model.as_mut(), &frames, &mut output);
        let spent = if portable { models::portably(&mut run) } else { run() }?;
        let message = model.report().map(models::Report::message).unwrap_or_default();
        println!(
            "{{\"prompt\": {}, \"median_ms\": {:.2}, \"mean_ms\": {:.2}, \"worst_ms\": {:.2}, \
             \"parse_ms\": {:.3}, \"ready_ms\": {:.2}, \"report\": {}}}",
            serde_json::to_string(prompt)?,
            median(&spent),
            spent.iter().sum::<f64>() / spent.len() as f64,
            spent.iter().copied().fold(0.0, f64::max),
            parsed.as_secs_f64() * 1e3,
            ready.as_secs_f64() * 1e3,
            serde_json::to_string(&message)?,
        );
        if let Some(file) = &mut written {
            file.write_all(&output.data)?;
        }
    }
    Ok(())
}
