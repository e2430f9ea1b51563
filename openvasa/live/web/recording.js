// Recordings: start, stop, download.

import { $, link, notice, trying } from "./page.js";

let since = 0;

function show() {
  $("record").ariaPressed = String(Boolean(since));
  $("record").lastElementChild.textContent = since ? "Stop recording" : "Record";
  $("record-time").textContent = "";
}

async function toggle() {
  const button = $("record");
  const address = `api/sessions/${link.id}/recording`;
  if (!since) {
    await trying(() => link.ask(address, { method: "POST" }).then(() => { since = Date.now(); }), button);
    show();
    return;
  }
  const seconds = Math.round((Date.now() - since) / 1000);
  since = 0;
  show();
  await trying(async () => {
    const { file } = await (await link.ask(address, { method: "DELETE" })).json();
    const video = await (await link.ask(`api/sessions/${link.id}/recordings/${file}`)).blob();
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

export function showRecordingTime() {
  if (since) $("record-time").textContent = `${Math.round((Date.now() - since) / 1000)} s`;
}

link.addEventListener("opened", () => {
  if (!since) return;
  since = 0;
  show();
  notice("The recording ended with its session and is lost. Record again.");
});
$("record").onclick = toggle;
