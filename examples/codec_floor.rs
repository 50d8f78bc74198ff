//! What the codec alone costs: the work of a round trip in a tight loop, without network or Python.
//!
//! Each frame is converted, encoded and decoded twice, as it is between a client and a service.
//! Prints one JSON object. `make bench` runs it beside the round trip, because a time says little
//! on a shared machine and the ratio to this floor says a lot.
//!
//! Usage: `codec_floor` `RAW_RGB_FILE` WIDTH HEIGHT FRAMES `BITS_PER_SECOND` [`ENCODER_THREADS`]

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use parhelion::media::{
    Encoded, FrameView, H264Config, H264Decoder, H264Encoder, I420, Picture, PixelFormat,
    VideoDecoder, VideoEncoder, planes_to,
};

const FRAME_TIME: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// One direction: pictures in, pictures out.
struct Direction {
    encoder: H264Encoder,
    decoder: H264Decoder,
    planar: I420,
    unit: Vec<u8>,
    bytes: usize,
    skipped: u32,
    spent: [Duration; 4],
}

impl Direction {
    fn new(bitrate: u32, threads: u16) -> Result<Self, Box<dyn Error>> {
        let config = H264Config { bitrate, max_bitrate: bitrate, threads, ..H264Config::default() };
        Ok(Self {
            encoder: H264Encoder::new(config)?,
            decoder: H264Decoder::new()?,
            planar: I420::default(),
            unit: Vec::new(),
            bytes: 0,
            skipped: 0,
            spent: [Duration::ZERO; 4],
        })
    }

    fn carry(&mut self, picture: &mut Picture, at: Duration) -> Result<(), Box<dyn Error>> {
        let mut last = Instant::now();
        let mut lap = |step: &mut Duration| {
            let now = Instant::now();
            *step += now - last;
            last = now;
        };
        let (width, height) = (picture.width, picture.height);
        self.planar.fill_from(&FrameView::packed(
            PixelFormat::Rgb24,
            &picture.data,
            width,
            height,
        )?)?;
        lap(&mut self.spent[0]);
        let encoded = self.encoder.encode(self.planar.planes(), at, &mut self.unit)?;
        lap(&mut self.spent[1]);
        if encoded == Encoded::Skipped {
            self.skipped += 1;
            return Ok(());
        }
        self.bytes += self.unit.len();
        let planes = self.decoder.decode(&self.unit)?.ok_or("the decoder gave no picture")?;
        lap(&mut self.spent[2]);
        planes_to(planes, PixelFormat::Rgb24, &mut picture.data)?;
        lap(&mut self.spent[3]);
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> Result<u32, Box<dyn Error>> {
        Ok(arguments.get(index).ok_or("see the usage in the source")?.parse()?)
    };
    let path = arguments.first().ok_or("see the usage in the source")?;
    let (width, height, frames, bitrate) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let threads = if arguments.len() > 5 { u16::try_from(number(5)?)? } else { 1 };
    let mut clip = Vec::new();
    File::open(path)?.read_to_end(&mut clip)?;
    let size = PixelFormat::Rgb24.packed_len(width, height);
    let pictures: Vec<&[u8]> = clip.chunks_exact(size).collect();
    if pictures.len() < 2 {
        return Err("the file must hold two pictures at least".into());
    }
    let mut there = Direction::new(bitrate, threads)?;
    let mut back = Direction::new(bitrate, threads)?;
    let mut picture = Picture { width, height, data: vec![0; size] };
    let began = Instant::now();
    let mut errors = 0u64;
    let period = 2 * pictures.len() - 2;
    for index in 0..frames as usize {
        let place = index % period;
        let source = pictures[if place < pictures.len() { place } else { period - place }];
        picture.data.copy_from_slice(source);
        let at = FRAME_TIME * u32::try_from(index)?;
        there.carry(&mut picture, at)?;
        back.carry(&mut picture, at)?;
        // Green stands for luma closely enough to watch quality.
        errors += source
            .iter()
            .zip(&picture.data)
            .skip(1)
            .step_by(3)
            .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
            .sum::<u64>();
    }
    let wall = began.elapsed().as_secs_f64() / f64::from(frames) * 1e3;
    let mean_square = errors as f64 / (f64::from(frames) * (size / 3) as f64);
    let ms = |step: usize| {
        (there.spent[step] + back.spent[step]).as_secs_f64() / f64::from(frames) / 2.0 * 1e3
    };
    let kbps =
        |direction: &Direction| direction.bytes as f64 * 8.0 / f64::from(frames) * 30.0 / 1e3;
    let codec = 2.0 * (ms(0) + ms(1) + ms(2) + ms(3));
    println!(
        "{{\"round_trip_ms\": {codec:.2}, \"to_yuv_ms\": {:.3}, \"encode_ms\": {:.2}, \
         \"decode_ms\": {:.2}, \"to_rgb_ms\": {:.3}, \"green_psnr_db\": {:.1}, \
         \"kbps\": [{:.0}, {:.0}], \"skipped\": {}, \"wall_ms_per_frame\": {wall:.2}, \
         \"encoder_threads\": {threads}}}",
        ms(0),
        ms(1),
        ms(2),
        ms(3),
        10.0 * (255.0f64.powi(2) / mean_square).log10(),
        kbps(&there),
        kbps(&back),
        there.skipped + back.skipped,
    );
    Ok(())
}
