// Videos that the server makes beside the live portrait: order, watch, download, cancel.

import { $, link, notice, trying } from "./page.js";
import { offerVoices } from "./voices.js";

const LOOK_MS = 700;
let sound = null;
let studio;

export function fillVideo(what) {
  studio = what;
  offerVoices(studio, $("video-voice"), $("video-voice-sample"));
  for (const size of studio.sizes) $("video-size").add(new Option(`${size} × ${size}`, size, size === 512, size === 512));
  $("video-text").maxLength = studio.longest_text;
  showSound();
}

function takeSound(file) {
  if (file && file.size > studio.upload_bytes) {
    notice(`${file.name} is over ${studio.upload_bytes / 1e6} MB; choose a smaller file.`);
    return;
  }
  sound = file ?? null;
  showSound();
}

function showSound() {
  const typed = !sound && studio.voices.length > 0;
  $("video-sound").hidden = typed;
  $("video-sound").firstElementChild.textContent = sound?.name ?? "Choose an audio file.";
  $("video-sound-off").hidden = !sound;
  $("video-words").hidden = !typed;
  $("video-voice").parentElement.hidden = $("video-voice-sample").hidden = !typed;
}

async function order(event) {
  event.preventDefault();
  const text = $("video-text").value.trim();
  if (!sound && !text) {
    notice("Type what the video says, or choose an audio file.");
    return;
  }
  const asked = sound ? { sound } : { text, voice: $("video-voice").value };
  const size = Number($("video-size").value);
  const name = sound?.name ?? text;
  const job = await trying(() => link.makeVideo({ ...asked, size }), $("video-make"));
  if (job) watch(job, name);
}

function button(words, does) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: words });
  made.onclick = does;
  return made;
}

async function watch(job, name) {
  const item = document.createElement("li");
  const title = Object.assign(document.createElement("span"), { className: "grow title", textContent: name, title: name });
  const bar = Object.assign(document.createElement("progress"), { max: 1, ariaLabel: `Making ${name}` });
  const state = Object.assign(document.createElement("span"), { className: "quiet", role: "status" });
  const cancel = button("Cancel", () => { cancel.disabled = true; trying(() => link.removeVideo(job.id)); });
  item.append(title, bar, state, cancel);
  $("videos").prepend(item);
  let told = job;
  while (told.state === "queued" || told.state === "running") {
    state.textContent = told.state === "queued" ? "waits" : `${Math.round(100 * told.progress)} %`;
    if (told.state === "running") bar.value = told.progress;
    await new Promise((done) => setTimeout(done, LOOK_MS));
    told = await link.videoProgress(job.id).catch((error) => (error.status ? { state: "gone", error: error.message } : told));
  }
  bar.remove();
  cancel.remove();
  state.textContent = "";
  if (told.state === "done") await offer(item, state, job.id, name);
  else {
    state.textContent = told.state === "cancelled" ? "cancelled" : told.error;
    item.append(button("Put away", () => item.remove()));
  }
}

async function offer(item, state, id, name) {
  const video = await trying(() => link.videoFile(id));
  if (!video) return;
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(video);
  anchor.download = `${name.replace(/\.\w+$/, "").replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 40) || "openvasa"}.mp4`;
  anchor.textContent = `Download, ${(video.size / 1e6).toFixed(1)} MB`;
  const away = button("Remove", () => {
    URL.revokeObjectURL(anchor.href);
    item.remove();
    link.removeVideo(id).catch(() => {});
  });
  state.replaceWith(anchor);
  item.append(away);
}

$("make-video").onsubmit = order;
$("video-choose").onclick = () => $("video-file").click();
$("video-file").onchange = ({ target }) => { takeSound(target.files[0]); target.value = ""; };
$("video-sound-off").onclick = () => takeSound(null);
