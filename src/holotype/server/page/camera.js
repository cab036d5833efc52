// The camera: one picture of what it sees, or what to do where it may not be used.

import {h} from "./dom.js";
import {t} from "./texts.js";

const LONGEST_PX = 1280;

/** The view and its button; `onpicture` gets each picture. `stop` switches the camera off. */
export function camera({onpicture, facing}) {
  let stream = null;
  let wanted = true; // the person may leave before the browser has asked
  const view = h("video", {autoplay: true, muted: true, playsinline: true, "aria-label": t("camera.view")});
  const trouble = h("div", {role: "alert"});
  const shoot = h("button", {type: "button", class: "main", disabled: true, onclick: take}, t("camera.take"));
  view.muted = true;

  async function start() {
    trouble.replaceChildren();
    try {
      if (!navigator.mediaDevices) throw new DOMException("", isSecureContext ? "NotFoundError" : "SecurityError");
      stream = await navigator.mediaDevices.getUserMedia({
        video: {facingMode: facing, width: {ideal: LONGEST_PX}}, audio: false,
      });
      if (!wanted) return stop();
      view.srcObject = stream;
      stream.getVideoTracks()[0].addEventListener("ended", () => failed("NotReadableError"));
      await view.play();
      shoot.disabled = false;
    } catch (error) {
      if (wanted) failed(error.name);
    }
  }

  function failed(name) {
    const key = {
      NotAllowedError: "camera.denied", SecurityError: "camera.insecure",
      NotFoundError: "camera.absent", OverconstrainedError: "camera.absent",
    }[name] ?? "camera.busy";
    shoot.disabled = true;
    trouble.replaceChildren(h("p", {class: "problem"}, t(key)),
      h("button", {type: "button", onclick: start}, t("again")));
  }

  function take() {
    const scale = Math.min(1, LONGEST_PX / Math.max(view.videoWidth, view.videoHeight));
    const still = document.createElement("canvas");
    still.width = Math.round(scale * view.videoWidth);
    still.height = Math.round(scale * view.videoHeight);
    still.getContext("2d").drawImage(view, 0, 0, still.width, still.height);
    still.toBlob((blob) => onpicture(new File([blob], "camera.jpg", {type: "image/jpeg"})), "image/jpeg", 0.92);
  }

  function stop() {
    wanted = false;
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
  }

  start();
  return {element: h("div", {class: "camera"}, view, trouble, h("div", {class: "row"}, shoot)), stop};
}
