// The server's voices in a list, with a button to hear the chosen one.

import { link, trying } from "./page.js";

const player = new Audio();

async function play(name) {
  const sample = await link.voiceSample(name);
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(sample);
  await player.play();
}

/** @param {any} studio @param {HTMLSelectElement} list @param {HTMLButtonElement} button */
export function offerVoices({ voices }, list, button) {
  for (const { name, label } of voices) list.add(new Option(label, name));
  button.onclick = () => trying(() => play(list.value), button);
}
