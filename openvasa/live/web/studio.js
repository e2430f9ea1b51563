// The page: one link to the server, and what it says.

import { $, connection, fits, link, notice, putNoticeAway, trying, veil } from "./page.js";
import { fillPortraits, showFirst, takePicture } from "./portraits.js";
import { showRecordingTime } from "./recording.js";
import { fillSteering, steer } from "./steering.js";
import { fillVoices, interrupt, speakFile } from "./talking.js";
import { fillVideo } from "./video.js";
import "./share.js";

let studio;

function showState(state) {
  $("stage").dataset.state = state;
  if ($("state").textContent !== state) $("state").textContent = state;
}

function report({ detail }) {
  $("fps").textContent = detail.fps.toFixed(0);
  $("latency").textContent = detail.frames ? `${detail.latency_ms} ms` : "–";
  $("latency").title = `95 of 100 frames within ${detail.latency_p95_ms} ms, on the server`;
  $("left-out").textContent = detail.frames ? `${(100 * detail.left_out_share).toFixed(1)} %` : "–";
  $("late-sound").textContent = `${detail.stretched_s} / ${detail.dropped_s} / ${detail.refused_s} s`;
  $("stalled").textContent = `${detail.stalled_s} s`;
  $("media").textContent = link.kind;
  $("meter").style.scale = `${Math.min(1, detail.loudness * 4)} 1`;
  showRecordingTime();
}

const TROUBLE = {
  lost: ["Coming back", "The connection is lost. Coming back by itself."],
  unreachable: ["No answer", "The server does not answer. This page comes back by itself once it does."],
  full: ["Waiting", "All places are taken. This page begins by itself when one comes free."],
  refused: ["Refused", null],
  gone: ["Ended", "This session has ended, and its portrait is no longer there."],
};

function trouble({ detail: { kind, message } }) {
  const [short, sentence] = TROUBLE[kind];
  const final = kind === "refused" || kind === "gone";
  connection("lost", short);
  showState("idle");
  veil(final ? "Choose a portrait to begin again" : sentence, { waiting: !final });
  notice(sentence ?? message, {
    action: final ? { label: "Begin again", do: () => location.reload() } : { label: "Try now", do: () => link.retryNow() },
  });
}

link.addEventListener("report", report);
link.addEventListener("hello", ({ detail }) => showState(detail.state));
link.addEventListener("state", ({ detail }) => showState(detail.state));
link.addEventListener("error", ({ detail }) => notice(detail.error));
link.addEventListener("trouble", trouble);
link.addEventListener("moving", () => connection("live", "Moving to a new server"));
link.addEventListener("live", () => {
  if ($("connection").dataset.is === "lost") putNoticeAway();
  connection("live", "Live");
  veil(null);
  steer();
});

function takeSound(file) {
  if (fits(file, studio.upload_bytes)) trying(() => speakFile(file));
}

function takePortrait(file) {
  if (fits(file, studio.upload_bytes)) trying(() => takePicture(file));
}

function takeDropped(file) {
  // Browsers know no type for HEIC.
  const isPicture = /^image\//.test(file?.type) || /\.(heic|heif|avif|tiff?)$/i.test(file?.name);
  const isSound = /^(audio|video)\//.test(file?.type) || /\.(wav|mp3|m4a|ogg|opus|flac|mp4|mov|mkv|webm)$/i.test(file?.name);
  if (isPicture) takePortrait(file);
  else if (isSound) takeSound(file);
  else if (file) notice(`${file.name} is neither a picture nor a sound; drop a portrait or a voice.`);
}

function dropping(on) {
  $("stage").classList.toggle("dropping", on);
  $("drop-hint").hidden = !on;
}

addEventListener("dragover", (event) => { event.preventDefault(); dropping(true); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) dropping(false); });
addEventListener("drop", (event) => { event.preventDefault(); dropping(false); takeDropped(event.dataTransfer.files[0]); });
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]") && !document.fullscreenElement) interrupt();
});
addEventListener("pagehide", () => { link.close(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

$("voice-file").onchange = ({ target }) => { takeSound(target.files[0]); target.value = ""; };
$("portrait-file").onchange = ({ target }) => { takePortrait(target.files[0]); target.value = ""; };
$("notice-close").onclick = putNoticeAway;
$("faces-cancel").onclick = () => $("faces").close();
$("full-screen").hidden = !document.fullscreenEnabled;
$("full-screen").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen());

async function begin() {
  studio = await link.studio();
  await fillPortraits(studio);
  fillSteering(studio);
  fillVoices(studio);
  fillVideo(studio);
  showFirst();
}

try {
  await begin();
} catch (error) {
  connection("lost", "No answer");
  veil("Not connected", { waiting: false });
  notice(error.message, { action: { label: "Try again", do: () => location.reload() } });
}
