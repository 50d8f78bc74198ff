//! The corpus as it was made: small inputs of every kind, by this project's own encoders.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use parhelion::media::audio::{BLOCK, CHANNELS, OpusEncoder};
use parhelion::media::rate::Bitrates;
use parhelion::media::{AccessUnit, H264Config, H264Encoder, I420, VideoEncoder};
use parhelion::protocol::SubscribeToken;
use parhelion::transport::{
    AudioUse, PeerConfig, PeerEvent, PeerObserver, Reach, open_peer, runtime,
};
use rtc::rtcp;
use rtc::shared::marshal::Marshal;

type Seed = (&'static str, String, Vec<u8>);

/// Target, name of the file, contents.
pub fn all() -> Vec<Seed> {
    let mut seeds = texts();
    let units = access_units();
    seeds.push(("h264", "stream".into(), units.iter().flat_map(|unit| block(unit)).collect()));
    seeds.push(("h264", "key-alone".into(), block(&units[0])));
    seeds.extend(video(&units));
    seeds.push(("audio", "speech".into(), sound()));
    seeds.extend(pictures());
    seeds.push(("recordings", "tiny.wav".into(), wav()));
    seeds.extend(packets());
    seeds.extend(descriptions());
    seeds
}

fn texts() -> Vec<Seed> {
    let token = SubscribeToken {
        session_id: "a-1".into(),
        server_ip: "::1".into(),
        server_port: 8000,
        viewer_token: Some("vt".into()),
    };
    let viewer = token.encode();
    let text = |target, name: &str, text: &str| (target, name.to_owned(), text.into());
    vec![
        text("addresses", "plain", &format!("wss://h.example\n{viewer}\nkey\nmirage_v2\n")),
        text("addresses", "local", &format!("http://[::1]:8000/p?q=1#f\n{viewer}\na+b/c&d=%\nm\n")),
        text("addresses", "wrong", "ftp://user:pw@h\ne30=\n\n\n"),
        text("signalling", "nested", r#"{"type":"new","a":[{"b":[1e308,-0.0,"\u00e9"]},null]}"#),
        text(
            "signalling",
            "stats",
            r#"{"type":"generation_tick","seconds":3,"service_stats":{"frames_decoded":3,
               "queues":[["model",1]],"drops":[["model","displaced",7]]}}"#,
        ),
        text(
            "conversation",
            "client",
            "!open\n{\"type\":\"session_id\",\"session_id\":\"s\"}\n\
             {\"type\":\"set_image_ack\",\"success\":true}\n!offer\n!candidate\n\
             {\"type\":\"answer\",\"sdp\":\"a\"}\n!up\n{\"type\":\"generation_started\"}\n!update\n\
             {\"type\":\"prompt_ack\",\"prompt\":\"p\",\"success\":true,\"request_id\":\"1\"}\n\
             +2000\n!close 1006\n!open\n{\"type\":\"prompt_ack\",\"prompt\":\"p\",\"success\":true}\n\
             !offer\n{\"type\":\"answer\",\"sdp\":\"a\"}\n!up\n!interrupted\n+6000\n",
        ),
        text(
            "conversation",
            "service",
            "{\"type\":\"set_image\",\"image_data\":null,\"prompt\":null}\n!applied\n\
             {\"type\":\"offer\",\"sdp\":\"o\"}\n!offer\n\
             {\"type\":\"ice-candidate\",\"candidate\":{\"candidate\":\"candidate:1\"}}\n!up\n\
             {\"type\":\"prompt\",\"prompt\":\"x\"}\n!applied\n+3000\n\
             {\"type\":\"set_image\",\"image_data\":\"QQ==\"}\n!applied\n!lost\n",
        ),
        text(
            "conversation",
            "queue",
            "!open\n{\"type\":\"queue_position\",\"position\":2,\"queue_size\":3}\n+40000\n\
             {\"type\":\"queue_position\",\"position\":0}\n\
             {\"type\":\"error\",\"error\":\"Server at capacity.\"}\n!close 1013\n+9000\n",
        ),
    ]
}

fn block(bytes: &[u8]) -> Vec<u8> {
    let mut block = (bytes.len() as u16).to_le_bytes().to_vec();
    block.extend(bytes);
    block
}

/// Key frame first, of a picture that changes.
fn access_units() -> Vec<Vec<u8>> {
    let config = H264Config { bitrate: 200_000, ..H264Config::default() };
    let mut encoder = H264Encoder::new(config).unwrap();
    let mut picture = I420::new(64, 48).unwrap();
    let mut units = Vec::new();
    for n in 0..6_u32 {
        let (y, _, _) = picture.planes_mut();
        for (at, luma) in y.iter_mut().enumerate() {
            *luma = ((at as u32 * 7 + n * 13) % 200) as u8 + 20;
        }
        let mut unit = Vec::new();
        encoder.encode(picture.planes(), Duration::from_millis(33) * n, &mut unit).unwrap();
        units.push(unit);
    }
    units
}

/// The bits of `targets::rtp`.
fn video(units: &[Vec<u8>]) -> Vec<Seed> {
    const MARKER: u8 = 1;
    const NEW_FRAME: u8 = 2;
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for unit in units {
        // Units of the stream as they stand, a byte-wise fragmented one, and an aggregate.
        let nals = nals(unit);
        let last = nals.len() - 1;
        for (index, nal) in nals.iter().enumerate() {
            let (first, end) = (index == 0, index == last);
            let fresh = if first { NEW_FRAME } else { 0 };
            if nal.len() > 200 {
                let pieces: Vec<&[u8]> = nal[1..].chunks(150).collect();
                for (number, piece) in pieces.iter().enumerate() {
                    let (start, stop) = (number == 0, number + 1 == pieces.len());
                    let mut payload = vec![nal[0] & 0xe0 | 0x1c, nal[0] & 0x1f];
                    payload[1] |= (u8::from(start) << 7) | (u8::from(stop) << 6);
                    payload.extend_from_slice(piece);
                    let marker = if end && stop { MARKER } else { 0 };
                    let fresh = if start { fresh } else { 0 };
                    packets.push([vec![fresh | marker], block(&payload)].concat());
                }
            } else {
                let marker = if end { MARKER } else { 0 };
                packets.push([vec![fresh | marker], block(nal)].concat());
            }
        }
    }
    let straight = packets.concat();
    packets.swap(2, 4);
    packets.remove(5);
    let aggregate =
        [&[NEW_FRAME, 12, 0, 0x78, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 3][..], &[0x68, 0xce, 0x3c]]
            .concat();
    vec![
        ("rtp", "stream".into(), straight),
        ("rtp", "disordered".into(), packets.concat()),
        ("rtp", "aggregate".into(), aggregate),
    ]
}

/// Units of an Annex B stream with start codes of four bytes.
fn nals(unit: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        (0..unit.len()).filter(|&at| unit[at..].starts_with(&[0, 0, 0, 1])).collect();
    let ends = starts.iter().skip(1).copied().chain([unit.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &unit[start + 4..end]).collect()
}

fn sound() -> Vec<u8> {
    let mut encoder = OpusEncoder::new().unwrap();
    (0..8)
        .flat_map(|n| {
            let wave = (0..BLOCK * CHANNELS).map(|at| ((at * (n + 3) * 40) % 6000) as i16 - 3000);
            let packet = encoder.encode(&wave.collect::<Vec<_>>()).unwrap();
            [vec![0], block(&packet)].concat()
        })
        .collect()
}

fn wav() -> Vec<u8> {
    let data: Vec<u8> = (0..400_u32).map(|n| (n * 5) as u8).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    for short in [1_u16, 1] {
        file.extend(short.to_le_bytes());
    }
    file.extend(8000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    for short in [2_u16, 16] {
        file.extend(short.to_le_bytes());
    }
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn pictures() -> Vec<Seed> {
    let rgb = RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, y as u8 * 13, 90]));
    let rgba = RgbaImage::from_fn(24, 16, |x, y| image::Rgba([200, y as u8, 9, x as u8 * 10]));
    let file = |picture: DynamicImage, format| {
        let mut bytes = Vec::new();
        picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    };
    let rgb: DynamicImage = rgb.into();
    let jpeg = file(rgb.clone(), ImageFormat::Jpeg);
    // EXIF, big endian, one entry: turned by a quarter.
    let exif =
        b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
    vec![
        ("images", "rgb.png".into(), file(rgb.clone(), ImageFormat::Png)),
        ("images", "rgba.png".into(), file(rgba.clone().into(), ImageFormat::Png)),
        ("images", "deep.png".into(), file(rgb.to_rgb16().into(), ImageFormat::Png)),
        ("images", "grey.png".into(), file(rgb.to_luma8().into(), ImageFormat::Png)),
        ("images", "rgb.jpg".into(), jpeg),
        ("images", "turned.jpg".into(), turned),
        ("images", "rgb.webp".into(), file(rgb, ImageFormat::WebP)),
        ("images", "rgba.webp".into(), file(rgba.into(), ImageFormat::WebP)),
    ]
}

fn packets() -> Vec<Seed> {
    use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
    use rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
    use rtcp::receiver_report::ReceiverReport;
    use rtcp::reception_report::ReceptionReport;
    use rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
    let report = ReceptionReport { ssrc: 2, fraction_lost: 9, ..Default::default() };
    let nack = NackPair { packet_id: 65_530, lost_packets: 0b101 };
    let rtp = b"\xb1\xe6\xff\xfe\0\0\x0b\xb8\0\0\0\x02\0\0\0\x09\xbe\xde\0\x03\x17\
        \0\0\0\x01\0\0\0\x02\x21\0\x07\x65\x88\x84\x04";
    // Transport-wide feedback: a run of packets that came, a vector of some, and their times.
    let twcc = b"\x8f\xcd\0\x06\0\0\0\x01\0\0\0\x02\0\x07\0\x05\0\0\x2a\x01\x20\x03\xd4\x40\
        \x04\x08\x0c\x04";
    let mut seeds =
        vec![("packets", "rtp".into(), rtp.to_vec()), ("packets", "twcc".into(), twcc.to_vec())];
    let mut add = |name: &str, packet: &dyn Fn() -> Vec<u8>| {
        seeds.push(("packets", name.to_owned(), packet()));
    };
    add("pli", &|| marshal(&PictureLossIndication { sender_ssrc: 1, media_ssrc: 2 }));
    add("nack", &|| {
        let nacks = vec![nack];
        marshal(&TransportLayerNack { sender_ssrc: 1, media_ssrc: 2, nacks })
    });
    add("rr", &|| {
        let reports = vec![report.clone()];
        marshal(&ReceiverReport { ssrc: 1, reports, ..Default::default() })
    });
    add("remb", &|| {
        let remb =
            ReceiverEstimatedMaximumBitrate { sender_ssrc: 1, bitrate: 2.5e6, ssrcs: vec![2, 3] };
        marshal(&remb)
    });
    seeds
}

fn marshal(packet: &impl Marshal) -> Vec<u8> {
    packet.marshal().unwrap().to_vec()
}

struct Nobody;

impl PeerObserver for Nobody {
    fn event(&self, _: PeerEvent) {}

    fn access_unit(&self, _: AccessUnit) -> Option<Vec<u8>> {
        None
    }

    fn key_frame_requested(&self) {}
}

fn descriptions() -> Vec<Seed> {
    let config = |audio| PeerConfig {
        ice_servers: Vec::new(),
        reach: Reach::Loopback,
        sends_video: true,
        impairment: None,
        every_picture: false,
        audio,
        bitrates: Bitrates::up_to(1_000_000),
    };
    runtime::handle().block_on(async {
        let mut seeds = Vec::new();
        for (name, audio) in [("video", AudioUse::None), ("both", AudioUse::Both)] {
            let offering = open_peer(&config(audio), Arc::new(Nobody)).await.unwrap();
            let answering = open_peer(&config(audio), Arc::new(Nobody)).await.unwrap();
            let offer = offering.offer().await.unwrap();
            let answer = answering.answer(&offer).await.unwrap();
            seeds.push(("descriptions", format!("offer-{name}"), offer.into_bytes()));
            seeds.push(("descriptions", format!("answer-{name}"), answer.into_bytes()));
            offering.close().await;
            answering.close().await;
        }
        seeds
    })
}
