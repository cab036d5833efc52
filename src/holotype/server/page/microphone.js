// The microphone: some seconds of what it hears as WAV, or what to do where it may not be used.

import {h} from "./dom.js";
import {t} from "./texts.js";

const LONGEST_S = 6;
const HEAD_BYTES = 44, SAMPLE_BYTES = 2;

/** The button, which also ends a recording early; `onrecording` gets each. `stop` throws one away. */
export function microphone({onrecording}) {
  let heard = null; // of the recording that runs: {stream, context, blocks, count}
  const bar = h("progress", {max: LONGEST_S, value: 0, "aria-label": t("microphone.bar")});
  const trouble = h("div", {role: "alert"});
  const button = h("button", {type: "button", class: "main", onclick: () => (heard ? finish() : start())}, t("microphone.record"));

  async function start() {
    trouble.replaceChildren();
    const mine = heard = {stream: null, context: null, blocks: [], count: 0};
    button.disabled = true; // until it listens
    try {
      if (!navigator.mediaDevices) throw new DOMException("", isSecureContext ? "NotFoundError" : "SecurityError");
      // As it sounds: what cleans speech for a call alters the voice.
      mine.stream = await navigator.mediaDevices.getUserMedia({
        audio: {channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false}, video: false,
      });
      mine.context = new AudioContext();
      await mine.context.audioWorklet.addModule(new URL("recorder.js", document.baseURI));
      if (heard !== mine) return close(mine); // the person has left before the browser was asked
      const recorder = new AudioWorkletNode(mine.context, "recorder");
      recorder.port.onmessage = ({data}) => take(mine, data);
      mine.context.createMediaStreamSource(mine.stream).connect(recorder).connect(mine.context.destination);
      mine.stream.getAudioTracks()[0].addEventListener("ended", () => { if (heard === mine) failed("NotReadableError"); });
      await mine.context.resume();
      button.textContent = t("microphone.stop");
      button.disabled = false;
    } catch (error) {
      if (heard === mine) failed(error.name);
      else close(mine);
    }
  }

  function take(mine, samples) {
    if (heard !== mine) return;
    mine.blocks.push(samples);
    mine.count += samples.length;
    bar.value = mine.count / mine.context.sampleRate;
    if (mine.count >= LONGEST_S * mine.context.sampleRate) finish();
  }

  function finish() {
    const {blocks, count, context} = heard;
    stop();
    onrecording(new File([wave(blocks, count, context.sampleRate)], "recording.wav", {type: "audio/wav"}));
  }

  function failed(name) {
    const key = {
      NotAllowedError: "microphone.denied", SecurityError: "microphone.insecure",
      NotFoundError: "microphone.absent", OverconstrainedError: "microphone.absent",
    }[name] ?? "microphone.busy";
    stop();
    trouble.replaceChildren(h("p", {class: "problem"}, t(key)));
  }

  function stop() {
    if (heard) close(heard);
    heard = null;
    bar.value = 0;
    button.disabled = false;
    button.textContent = t("microphone.record");
  }

  return {
    element: h("div", {class: "microphone"}, h("p", {class: "soft"}, t("microphone.how", {seconds: LONGEST_S})), bar, trouble,
      h("div", {class: "row"}, button)),
    stop,
  };
}

function close({stream, context}) {
  stream?.getTracks().forEach((track) => track.stop());
  context?.close();
}

/** Samples in [-1, 1] as a WAV file: PCM of 16 bits, one channel. */
function wave(blocks, count, rate) {
  const view = new DataView(new ArrayBuffer(HEAD_BYTES + SAMPLE_BYTES * count));
  const name = (at, text) => Array.from(text).forEach((one, index) => view.setUint8(at + index, one.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format that follows
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, SAMPLE_BYTES * rate, true);
  view.setUint16(32, SAMPLE_BYTES, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  name(36, "data");
  view.setUint32(40, SAMPLE_BYTES * count, true);
  let at = HEAD_BYTES;
  for (const sample of blocks.flatMap((block) => Array.from(block))) {
    view.setInt16(at, Math.round(32767 * Math.min(1, Math.max(-1, sample))), true);
    at += SAMPLE_BYTES;
  }
  return view;
}
