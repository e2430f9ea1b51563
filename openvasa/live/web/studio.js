// The page: buttons, sliders, drops and figures around one link to the server.

import { Link, ask } from "./link.js";

const $ = (id) => document.getElementById(id);
const link = new Link($("video"), $("canvas"));
const steering = { gaze: null, distance: null, emotion: null, amount: 1 };
let studio;
let recordingSince = 0;

const SAY = {
  401: "A token is needed: open the address that the server printed.",
};

function toast(message) {
  const box = $("toast");
  box.textContent = message;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 6000);
}

function connection(is, text) {
  $("connection").dataset.is = is;
  $("connection").lastElementChild.textContent = text;
}

function veil(text) {
  $("veil").classList.toggle("gone", text === null);
  if (text !== null) $("veil").lastElementChild.textContent = text;
}

async function trying(work, busy) {
  try {
    if (busy) busy.disabled = true;
    return await work();
  } catch (error) {
    toast(SAY[error.status] ?? error.message);
    return null;
  } finally {
    if (busy) busy.disabled = false;
  }
}

// --- the portrait -----------------------------------------------------------------------------

function addPortrait(name, picture) {
  const button = document.createElement("button");
  button.type = "button";
  button.role = "radio";
  button.ariaChecked = "false";
  button.ariaLabel = name;
  button.title = name;
  button.append(picture);
  $("portraits").insertBefore(button, $("portraits").lastElementChild);
  return button;
}

function fillPortraits() {
  const add = document.createElement("button");
  add.type = "button";
  add.className = "add";
  add.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 5v14M5 12h14"/></svg>';
  add.append("Yours");
  add.ariaLabel = "Choose a picture of yours";
  add.onclick = () => $("portrait-file").click();
  $("portraits").append(add);
  for (const name of studio.portraits) {
    const picture = document.createElement("img");
    picture.alt = "";
    loadPicture(picture, name);
    const button = addPortrait(name, picture);
    button.onclick = () => trying(() => showOffered(name, button));
  }
}

async function loadPicture(picture, name) {
  const response = await ask(`api/portraits/${encodeURIComponent(name)}`).catch(() => null);
  if (response) picture.src = URL.createObjectURL(await response.blob());
  else picture.replaceWith(name);
}

async function showOffered(name, button, face) {
  const query = new URLSearchParams(face ? { portrait: name, face } : { portrait: name });
  try {
    await show(`?${query}`, undefined, button);
  } catch (error) {
    askForFace(error, (chosen) => showOffered(name, button, chosen));
  }
}

async function show(query, body, button) {
  veil(link.id ? "Changing the portrait" : "Waking the portrait");
  try {
    if (link.id) await ask(`api/sessions/${link.id}/portrait${query}`, { method: "PUT", body });
    else await link.open(query, body);
  } finally {
    if (link.id) veil(null);
    else veil("Choose a portrait");
  }
  for (const other of $("portraits").querySelectorAll("[role=radio]")) other.ariaChecked = String(other === button);
  steer();
}

async function takePicture(file, face) {
  const body = new FormData();
  body.append("file", file);
  try {
    const picture = document.createElement("img");
    picture.alt = "";
    picture.src = URL.createObjectURL(file);
    const button = addPortrait(face ? `${file.name}, face ${face}` : file.name, picture);
    button.hidden = true;
    button.onclick = () => takeAgain(file, face, button);
    try {
      await show(face ? `?face=${face}` : "", body, button);
      button.hidden = false;
    } catch (error) {
      button.remove();
      throw error;
    }
  } catch (error) {
    askForFace(error, (chosen) => takePicture(file, chosen));
  }
}

function takeAgain(file, face, button) {
  const body = new FormData();
  body.append("file", file);
  return trying(() => show(face ? `?face=${face}` : "", body, button));
}

// Lets the user choose where a picture was refused for its several faces; other errors go on.
function askForFace(error, take) {
  const faces = /(\d+) faces;/.exec(error.message);
  if (!faces) throw error;
  const box = $("toast");
  box.textContent = "Whose face, row by row from the top left? ";
  for (let face = 1; face <= Number(faces[1]); face++) {
    const button = document.createElement("button");
    button.className = "small";
    button.textContent = String(face);
    button.onclick = () => { box.hidden = true; trying(() => take(face)); };
    box.append(button, " ");
  }
  clearTimeout(toast.timer);
  box.hidden = false;
}

// --- talking ----------------------------------------------------------------------------------

async function speakFile(file) {
  const body = new FormData();
  body.append("file", file);
  unmute();
  const response = await ask(`api/sessions/${link.id}/speech`, { method: "POST", body });
  const { seconds } = await response.json();
  toast(`${file.name}: ${seconds.toFixed(1)} s`);
}

async function sayText(event) {
  event.preventDefault();
  unmute();
  const wanted = JSON.stringify({ text: $("text").value, voice: $("voice").value });
  await trying(
    () => ask(`api/sessions/${link.id}/say`, { method: "POST", body: wanted, headers: { "Content-Type": "application/json" } }),
    event.submitter,
  );
}

async function toggleMicrophone() {
  const button = $("microphone");
  if (link.track) {
    await link.stopMicrophone();
    button.ariaPressed = "false";
    return;
  }
  if (!navigator.mediaDevices) {
    toast("This browser gives a microphone only to localhost or over HTTPS (openvasa live --certificate).");
    return;
  }
  await trying(async () => {
    await link.startMicrophone();
    button.ariaPressed = "true";
    // Your own voice out of the loudspeaker would go straight back into the microphone.
    mute(true);
    toast("Speak: the portrait says what you say. Its sound is off so that it does not hear itself; with headphones, switch it on.");
  }, button);
}

function interrupt() {
  link.send({ type: "interrupt" });
}

function mute(muted) {
  link.setMuted(muted);
  $("sound").ariaPressed = String(!muted);
}

function unmute() {
  if (!link.track) mute(false);
}

// --- directing --------------------------------------------------------------------------------

let steerDue = false;

function steer() {
  // One message a frame at most, however fast a slider is dragged.
  if (steerDue) return;
  steerDue = true;
  setTimeout(() => { steerDue = false; link.send({ type: "controls", ...steering }); }, 40);
}

function setGaze(gaze) {
  steering.gaze = gaze;
  const [most, mostUp] = studio.gaze_deg;
  const pad = $("gaze"), dot = pad.firstElementChild;
  pad.classList.toggle("free", gaze === null);
  const [yaw, pitch] = gaze ?? [0, 0];
  dot.style.left = `${50 + (42 * yaw) / most}%`;
  dot.style.top = `${50 - (40 * pitch) / mostUp}%`;
  pad.ariaValueNow = String(Math.round(yaw));
  const side = yaw > 0 ? "right" : "left", height = pitch > 0 ? "up" : "down";
  pad.ariaValueText = gaze ? `${Math.round(Math.abs(yaw))} degrees ${side}, ${Math.round(Math.abs(pitch))} ${height}` : "free";
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

function keyGaze(event) {
  const step = { ArrowLeft: [-3, 0], ArrowRight: [3, 0], ArrowUp: [0, 3], ArrowDown: [0, -3] }[event.key];
  if (event.key === "Home" || event.key === "Delete") { setGaze(null); event.preventDefault(); return; }
  if (!step) return;
  event.preventDefault();
  const [yaw, pitch] = steering.gaze ?? [0, 0];
  const [most, mostUp] = studio.gaze_deg;
  setGaze([Math.max(-most, Math.min(most, yaw + step[0])), Math.max(-mostUp, Math.min(mostUp, pitch + step[1]))]);
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

function fillSteering() {
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

// --- recording --------------------------------------------------------------------------------

async function toggleRecording() {
  const button = $("record");
  const address = `api/sessions/${link.id}/recording`;
  if (!recordingSince) {
    await trying(() => ask(address, { method: "POST" }).then(() => { recordingSince = Date.now(); }), button);
    button.ariaPressed = String(Boolean(recordingSince));
    button.lastElementChild.textContent = recordingSince ? "Stop recording" : "Record";
    return;
  }
  const seconds = Math.round((Date.now() - recordingSince) / 1000);
  recordingSince = 0;
  button.ariaPressed = "false";
  button.lastElementChild.textContent = "Record";
  $("record-time").textContent = "";
  await trying(async () => {
    const { file } = await (await ask(address, { method: "DELETE" })).json();
    const video = await (await ask(`api/sessions/${link.id}/recordings/${file}`)).blob();
    const item = document.createElement("li");
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(video);
    anchor.download = `openvasa-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.mp4`;
    anchor.textContent = `Download ${seconds} s, ${(video.size / 1e6).toFixed(1)} MB`;
    item.append(anchor);
    $("recordings").prepend(item);
    anchor.focus();
  }, button);
}

// --- what the server and the browser say --------------------------------------------------------

function report({ detail }) {
  const speaking = detail.state;
  $("stage").dataset.state = speaking;
  if ($("state").textContent !== speaking) $("state").textContent = speaking;
  $("fps").textContent = detail.fps.toFixed(0);
  $("latency").textContent = detail.frames ? `${detail.latency_ms} ms` : "–";
  $("latency").title = `95 of 100 frames within ${detail.latency_p95_ms} ms, on the server`;
  $("left-out").textContent = detail.frames ? `${(100 * detail.left_out_share).toFixed(1)} %` : "–";
  $("media").textContent = link.kind;
  $("meter").style.scale = `${Math.min(1, detail.loudness * 4)} 1`;
  if (recordingSince) $("record-time").textContent = `${Math.round((Date.now() - recordingSince) / 1000)} s`;
}

link.addEventListener("report", report);
link.addEventListener("error", ({ detail }) => toast(detail.error));
link.addEventListener("live", () => { connection("live", "Live"); veil(null); steer(); });
link.addEventListener("lost", () => { connection("lost", "Reconnecting"); veil("Reconnecting"); });
link.addEventListener("ended", () => {
  connection("lost", "Ended");
  link.close();
  link.id = null;
  veil("This session has ended. Choose a portrait to begin again.");
});

// --- drops and keys -----------------------------------------------------------------------------

function take(file) {
  if (!file) return;
  if (file.size > studio.upload_bytes) toast(`${file.name} is over ${studio.upload_bytes / 1e6} MB; choose a smaller file.`);
  else if (file.type.startsWith("image/")) trying(() => takePicture(file));
  else trying(() => speakFile(file));
}

function dropping(on) {
  $("stage").classList.toggle("dropping", on);
  $("drop-hint").hidden = !on;
}

addEventListener("dragover", (event) => { event.preventDefault(); dropping(true); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) dropping(false); });
addEventListener("drop", (event) => { event.preventDefault(); dropping(false); take(event.dataTransfer.files[0]); });
addEventListener("keydown", (event) => { if (event.key === "Escape") interrupt(); });
addEventListener("pagehide", () => {
  if (link.id) ask(`api/sessions/${link.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
});

$("microphone").onclick = toggleMicrophone;
$("choose-voice").onclick = () => $("voice-file").click();
$("voice-file").onchange = ({ target }) => { take(target.files[0]); target.value = ""; };
$("portrait-file").onchange = ({ target }) => { take(target.files[0]); target.value = ""; };
$("interrupt").onclick = interrupt;
$("sound").onclick = () => mute(!link.muted);
$("say").onsubmit = sayText;
$("record").onclick = toggleRecording;
$("reset").onclick = reset;
$("distance").oninput = setDistance;
$("amount").oninput = setAmount;
$("emotion-amount").oninput = setEmotion;
$("gaze-free").onclick = () => setGaze(null);
$("gaze").onkeydown = keyGaze;
$("gaze").onpointerdown = (event) => {
  $("gaze").setPointerCapture(event.pointerId);
  $("gaze").onpointermove = dragGaze;
  dragGaze(event);
};
$("gaze").onpointerup = $("gaze").onpointercancel = () => { $("gaze").onpointermove = null; };

await trying(async () => {
  studio = await (await ask("api/studio")).json();
  fillPortraits();
  fillSteering();
  if (studio.voices.length) {
    for (const { name, label } of studio.voices) $("voice").add(new Option(label, name));
    $("text").maxLength = studio.longest_text;
    $("say").hidden = false;
  }
  const first = $("portraits").querySelector("[role=radio]");
  if (first) first.click();
  else veil("Drop a portrait to begin");
});
