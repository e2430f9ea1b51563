// What every part of the page uses: the link to the server, elements by id, and words to the user.

import { OpenVasa } from "./openvasa-client.js";

export const $ = (id) => document.getElementById(id);

const asked = new URLSearchParams(location.search);
const token = asked.get("token") ?? sessionStorage.getItem("token");
if (token) sessionStorage.setItem("token", token);

export const link = new OpenVasa({
  token, video: $("video"), canvas: $("canvas"), media: asked.get("media") === "socket" ? "socket" : "auto",
});

const SAY = {
  401: "A token is needed: open the address that the server printed.",
};

/** Say something until it is put away, or for some seconds where it is only news. */
export function notice(message, { action = null, news = false } = {}) {
  const box = $("notice");
  box.dataset.is = news ? "news" : "problem";
  box.firstElementChild.textContent = message;
  const button = $("notice-action");
  button.hidden = !action;
  if (action) {
    button.textContent = action.label;
    button.onclick = () => { box.hidden = true; action.do(); };
  }
  box.hidden = false;
  clearTimeout(notice.timer);
  if (news) notice.timer = setTimeout(() => { box.hidden = true; }, 6000);
}

export function putNoticeAway() {
  $("notice").hidden = true;
}

/** Put text into the clipboard, or tell how; browsers give it to localhost and HTTPS only. */
export async function copyText(text, byHand) {
  try {
    await navigator.clipboard.writeText(text);
    notice("Copied", { news: true });
  } catch {
    byHand();
  }
}

/** Whether there is a file that the server takes; says why not. */
export function fits(file, mostBytes) {
  if (!file) return false;
  if (file.size <= mostBytes) return true;
  notice(`${file.name} is over ${mostBytes / 1e6} MB; choose a smaller file.`);
  return false;
}

/** Do some work; where it fails, say why. Gives null then. */
export async function trying(work, busy) {
  try {
    if (busy) busy.disabled = true;
    return await work();
  } catch (error) {
    notice(SAY[error.status] ?? error.message);
    return null;
  } finally {
    if (busy) busy.disabled = false;
  }
}

export function connection(is, text) {
  $("connection").dataset.is = is;
  $("connection").lastElementChild.textContent = text;
}

const PATIENCE_MS = 6000;

/** Cover the portrait with words, `later` with others where it takes long, or uncover it. */
export function veil(text, { waiting = true, later = null } = {}) {
  $("veil").classList.toggle("gone", text === null);
  $("veil").firstElementChild.hidden = !waiting;
  clearTimeout(veil.timer);
  if (text === null) return;
  $("veil").lastElementChild.textContent = text;
  if (later) veil.timer = setTimeout(() => { $("veil").lastElementChild.textContent = later; }, PATIENCE_MS);
}
