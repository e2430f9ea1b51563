// Gaze, distance, movement and emotion.

import { $, link } from "./page.js";

const steering = { gaze: null, distance: null, emotion: null, amount: 1 };
let studio;
let steerDue = false;

export function steer() {
  // One message a frame at most, however fast a slider is dragged.
  if (steerDue) return;
  steerDue = true;
  setTimeout(() => { steerDue = false; link.steer(steering); }, 40);
}

function setGaze(gaze) {
  steering.gaze = gaze;
  const [most, mostUp] = studio.gaze_deg;
  const pad = $("gaze"), dot = pad.firstElementChild;
  pad.classList.toggle("free", gaze === null);
  const [yaw, pitch] = gaze ?? [0, 0];
  dot.style.left = `${50 + (42 * yaw) / most}%`;
  dot.style.top = `${50 - (40 * pitch) / mostUp}%`;
  const side = `${Math.round(Math.abs(yaw))}° ${yaw > 0 ? "right" : "left"}`;
  const height = `${Math.round(Math.abs(pitch))}° ${pitch > 0 ? "up" : "down"}`;
  $("gaze-value").textContent = gaze ? `${side}, ${height}` : "free";
  $("gaze-side").value = String(yaw);
  $("gaze-height").value = String(pitch);
  $("gaze-side").ariaValueText = gaze ? side : "free";
  $("gaze-height").ariaValueText = gaze ? height : "free";
  steer();
}

function dragGaze(event) {
  const box = $("gaze").getBoundingClientRect();
  const [most, mostUp] = studio.gaze_deg;
  const clamp = (value) => Math.max(-1, Math.min(1, value));
  const x = clamp(((event.clientX - box.left) / box.width - 0.5) / 0.42);
  const y = clamp(((event.clientY - box.top) / box.height - 0.5) / 0.4);
  setGaze([x * most, -y * mostUp]);
}

function slideGaze() {
  setGaze([Number($("gaze-side").value), Number($("gaze-height").value)]);
}

function setDistance() {
  const value = Number($("distance").value);
  steering.distance = Math.abs(value - 1) < 0.015 ? null : value;
  $("distance-value").textContent = steering.distance === null ? "as in the picture" : `${Math.round(100 * value)} %`;
  steer();
}

function setAmount() {
  steering.amount = Number($("amount").value);
  $("amount-value").textContent = `${Math.round(100 * steering.amount)} %`;
  steer();
}

function setEmotion() {
  const name = document.querySelector("input[name=emotion]:checked").value;
  const amount = Number($("emotion-amount").value);
  $("emotion-amount").disabled = name === "";
  $("emotion-value").textContent = `${Math.round(100 * amount)} %`;
  steering.emotion = name ? { [name]: amount } : null;
  steer();
}

export function fillSteering(what) {
  studio = what;
  const [most, mostUp] = studio.gaze_deg;
  [$("gaze-side").min, $("gaze-side").max] = [-most, most];
  [$("gaze-height").min, $("gaze-height").max] = [-mostUp, mostUp];
  [$("distance").min, $("distance").max] = studio.distance;
  [$("amount").min, $("amount").max] = studio.amount;
  for (const [value, label] of [["", "as it is"], ...studio.emotions.map((name) => [name, name])]) {
    const choice = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "emotion", value, checked: !value });
    input.onchange = setEmotion;
    const text = document.createElement("span");
    text.textContent = label;
    choice.append(input, text);
    $("emotions").append(choice);
  }
  reset();
}

function reset() {
  $("distance").value = "1";
  $("amount").value = "1";
  $("emotion-amount").value = "0.6";
  document.querySelector("input[name=emotion]").checked = true;
  setDistance();
  setAmount();
  setEmotion();
  setGaze(null);
}

$("reset").onclick = reset;
$("distance").oninput = setDistance;
$("amount").oninput = setAmount;
$("emotion-amount").oninput = setEmotion;
$("gaze-free").onclick = () => setGaze(null);
$("gaze-side").oninput = $("gaze-height").oninput = slideGaze;
$("gaze").onpointerdown = (event) => {
  $("gaze").setPointerCapture(event.pointerId);
  $("gaze").onpointermove = dragGaze;
  dragGaze(event);
};
$("gaze").onpointerup = $("gaze").onpointercancel = () => { $("gaze").onpointermove = null; };
