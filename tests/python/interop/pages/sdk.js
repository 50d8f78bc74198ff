// The official JavaScript SDK, as its users call it.

import { createDecartClient, models } from "@decartai/sdk";

import { offers_h264, serve, solid, watch } from "./control.js";

const OFFICIAL = "wss://api3.decart.ai";

let service;
let sockets = 0;
let offer;

// This version has no option for the address of the service.
globalThis.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url.toString().replace(OFFICIAL, service));
    if (url.toString().startsWith(OFFICIAL)) sockets += 1;
  }

  send(text) {
    const message = JSON.parse(text);
    if (message.type === "offer") offer = message.sdp;
    super.send(text);
  }
};

let client;
let remote;
const states = [];
const waiting = [];

function tone() {
  const context = new AudioContext();
  const destination = context.createMediaStreamDestination();
  const source = context.createOscillator();
  source.connect(destination);
  source.start();
  return destination.stream.getAudioTracks()[0];
}

/** `media`: "video", "audio and video", or "none" for what the SDK makes itself. */
async function connect({ url, key, model = "mirage_v2", prompt, image, media = "video" }) {
  service = url;
  const video = media === "none" ? null : solid("red", 320, 240);
  const stream =
    media === "audio and video" ? new MediaStream([tone(), ...video.getTracks()]) : video;
  client = await createDecartClient({ apiKey: key }).realtime.connect(stream, {
    model: models.realtime(model),
    onRemoteStream: (arrived) => (remote = arrived),
    ...(prompt === undefined ? {} : { initialState: { prompt: { text: prompt } } }),
    ...(image === undefined ? {} : { avatar: { avatarImage: blob(image) } }),
  });
  client.on("connectionChange", (state) => {
    states.push(state);
    for (const check of waiting.splice(0)) check();
  });
  const sections = offer.split(/^m=/m).slice(1);
  return {
    session_id: client.sessionId,
    stream: remote !== undefined,
    offered: sections.map((section) => section.split(" ")[0]),
  };
}

/** Watches the session that the token names. */
async function subscribe({ url, key, token }) {
  service = url;
  client = await createDecartClient({ apiKey: key }).realtime.subscribe({
    token,
    onRemoteStream: (arrived) => (remote = arrived),
  });
  client.on("connectionChange", (state) => {
    states.push(state);
    for (const check of waiting.splice(0)) check();
  });
}

/** Waits until these states came in this order, others between them; gives all of them. */
async function until_states({ expected }) {
  const came = () => {
    let at = 0;
    for (const state of states) if (state === expected[at]) at += 1;
    return at >= expected.length;
  };
  while (!came()) await new Promise((resolve) => waiting.push(resolve));
  return states;
}

function blob(image) {
  return new Blob([Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0))]);
}

/** Loudness of the strongest tone that counts as one, in dB of full scale. */
const LOUD = -40;

/** Plays a clip, and tells how long that took and what was heard of it. */
async function play_and_hear({ content }) {
  // Without an element that plays it Chromium decodes no sound.
  const element = document.createElement("audio");
  Object.assign(element, { srcObject: remote, muted: true });
  await element.play();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(remote).connect(analyser);
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  const began = performance.now();
  let took = null;
  client.playAudio(blob(content)).then(() => (took = (performance.now() - began) / 1000));
  const heard = [];
  while (took === null || performance.now() - began < (took + 0.5) * 1000) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    analyser.getFloatFrequencyData(spectrum);
    const strongest = spectrum.indexOf(Math.max(...spectrum));
    heard.push({
      at: performance.now(),
      level: spectrum[strongest],
      pitch: (strongest * context.sampleRate) / analyser.fftSize,
    });
  }
  await context.close();
  element.srcObject = null;
  const loud = heard.filter(({ level }) => level > LOUD);
  return {
    took,
    pitch: loud[loud.length >> 1]?.pitch ?? 0,
    loud: loud.length ? (loud.at(-1).at - loud[0].at) / 1000 : 0,
    loud_at_the_end: heard.at(-1).level > LOUD,
  };
}

serve({
  connect,
  subscribe,
  subscribe_token: () => client.subscribeToken,
  create_token: ({ url, key }) =>
    createDecartClient({ apiKey: key, baseUrl: url.replace("ws://", "http://") }).tokens.create(),
  offers_h264,
  see: (expected) => watch(remote, expected),
  until_states,
  set_prompt: ({ text, enhance = true }) => client.setPrompt(text, { enhance }),
  set_state: ({ prompt, image }) =>
    client.set({
      ...(prompt === undefined ? {} : { prompt }),
      ...(image === undefined ? {} : { image: image && blob(image) }),
    }),
  set_image: ({ image, ...options }) => client.setImage(image && blob(image), options),
  play_and_hear,
  play_audio: ({ content }) => client.playAudio(blob(content)),
  session_id: () => client.sessionId,
  sockets: () => sockets,
  disconnect: () => {
    client.disconnect();
    return client.getConnectionState();
  },
});
