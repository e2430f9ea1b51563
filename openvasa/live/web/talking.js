// What makes the portrait talk: microphone, sound files, typed text.

import { $, link, notice, trying } from "./page.js";
import { offerVoices } from "./voices.js";

export async function speakFile(file) {
  unmute();
  const { seconds } = await link.speakFile(file);
  notice(`${file.name}: ${seconds.toFixed(1)} s`, { news: true });
}

export function fillVoices(studio) {
  if (!studio.voices.length) return;
  offerVoices(studio, $("voice"), $("voice-sample"));
  $("text").maxLength = studio.longest_text;
  $("say").hidden = false;
}

async function sayText(event) {
  event.preventDefault();
  unmute();
  const said = await trying(() => link.say($("text").value, $("voice").value), $("say-it"));
  if (said) $("text").value = "";
}

async function toggleMicrophone() {
  if (link.microphone) {
    await link.stopMicrophone();
    return;
  }
  if (!navigator.mediaDevices) {
    notice("This browser gives a microphone only to localhost or over HTTPS (openvasa live --certificate). You can give an audio file or type what it should say.");
    return;
  }
  try {
    $("microphone").disabled = true;
    await link.startMicrophone();
    showMicrophone(true);
    // Your own voice out of the loudspeaker would go straight back into the microphone.
    mute(true);
    notice("Speak: the portrait says what you say. Its sound is off so that it does not hear itself; with headphones, switch it on.", { news: true });
  } catch (error) {
    const why = {
      NotAllowedError: "The browser was not allowed to use the microphone. Allow it in the browser's address bar, then try again; or give an audio file.",
      NotFoundError: "No microphone was found. Connect one, then try again; or give an audio file.",
      NotReadableError: "The microphone is used by another program. Close that, then try again.",
    }[error.name] ?? `The microphone cannot be used (${error.message}).`;
    notice(why, { action: { label: "Try again", do: toggleMicrophone } });
  } finally {
    $("microphone").disabled = false;
  }
}

function showMicrophone(on) {
  $("microphone").ariaPressed = String(on);
  $("microphone").querySelector("span").textContent = on ? "Microphone is on" : "Microphone";
  if (on) showLevel();
  else $("microphone-level").style.scale = "0 1";
}

function showLevel() {
  if (!link.microphone) return;
  $("microphone-level").style.scale = `${link.microphoneLevel().toFixed(2)} 1`;
  requestAnimationFrame(showLevel);
}

export function mute(muted) {
  link.setMuted(muted);
  showSound();
}

function showSound() {
  $("sound").ariaPressed = String(!link.muted);
  $("sound").querySelector("span").textContent = link.muted ? "Sound is off" : "Sound is on";
  $("unmute").hidden = !link.muted || Boolean(link.microphone);
}

function unmute() {
  if (!link.microphone) mute(false);
}

export function interrupt() {
  link.interrupt();
}

link.addEventListener("microphone-off", () => { showMicrophone(false); showSound(); });
link.addEventListener("muted", showSound);
$("microphone").onclick = toggleMicrophone;
$("choose-voice").onclick = () => $("voice-file").click();
$("interrupt").onclick = interrupt;
$("sound").onclick = () => mute(!link.muted);
$("unmute").onclick = () => mute(false);
$("say").onsubmit = sayText;
$("text").onkeydown = (event) => {
  // While a word is being composed, Enter belongs to it.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) $("say").requestSubmit(event.preventDefault());
};
