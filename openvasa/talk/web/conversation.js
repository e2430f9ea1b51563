// The conversation on the studio page: the microphone is heard and answered, turns can be typed, both sides are shown.

import { $, copyText, link, notice, trying } from "./page.js";
import { mute } from "./talking.js";

const NAMES = { user: "You", portrait: "Portrait" };
let last = null;
let told = 0; // how many events of captions have come

const card = document.createElement("section");
card.className = "card";
card.setAttribute("aria-labelledby", "conversation-title");
card.innerHTML = `
  <div class="row"><h2 id="conversation-title" class="grow">Talk with it</h2><button id="copy-turns" class="small">Copy</button></div>
  <ol id="turns" class="turns" role="log" aria-label="What was said"></ol>
  <form id="turn" class="turn-form">
    <label class="skip" for="turn-text">Your turn</label>
    <input id="turn-text" maxlength="1000" autocomplete="off" placeholder="Speak, or type here">
    <button id="send-turn" class="primary">Send</button>
  </form>`;
document.querySelector(".panel").prepend(card);
$("microphone").type = "button";
$("turn").prepend($("microphone"));
document.title = "OpenVASA Talk";

function show({ who, text, speech, cut }) {
  const log = $("turns");
  // An answer comes sentence by sentence.
  if (last?.dataset.who === who && speech && last.dataset.speech === speech) {
    last.lastChild.textContent += ` ${text}`;
  } else {
    last = document.createElement("li");
    last.dataset.who = who;
    last.dataset.speech = speech ?? "";
    const name = document.createElement("b");
    name.textContent = NAMES[who] ?? who;
    last.append(name, document.createTextNode(text));
    log.append(last);
  }
  if (cut) last.dataset.cut = "";
  log.scrollTop = log.scrollHeight;
}

// What was not heard any more was not said.
function cutShort({ speech, text }) {
  const turn = [...$("turns").children].findLast((shown) => shown.dataset.speech === speech);
  if (!turn) return;
  if (!text) {
    turn.remove();
    if (turn === last) last = null;
    return;
  }
  turn.lastChild.textContent = text;
  turn.dataset.cut = "";
}

async function showHistory() {
  let turns, before;
  do {
    before = told;
    ({ turns } = await (await link.ask(`api/sessions/${link.id}/turns`)).json());
    // What came meanwhile may be missing in the answer.
  } while (told !== before);
  $("turns").replaceChildren();
  last = null;
  turns.forEach(show);
}

async function send(event) {
  event.preventDefault();
  const text = $("turn-text").value.trim();
  if (!text) return;
  if (!link.microphone) mute(false);
  const body = JSON.stringify({ text });
  const headers = { "Content-Type": "application/json" };
  const sent = await trying(() => link.ask(`api/sessions/${link.id}/turns`, { method: "POST", body, headers }), $("send-turn"));
  if (sent) $("turn-text").value = "";
}

async function copy() {
  const lines = [...$("turns").children].map(
    (turn) => `${turn.firstChild.textContent}: ${turn.lastChild.textContent}${"cut" in turn.dataset ? " (cut short)" : ""}`,
  );
  await copyText(lines.join("\n"), () => {
    getSelection().selectAllChildren($("turns"));
    notice("The conversation is selected; copy it by Ctrl-C or its menu.", { news: true });
  });
}

// The microphone is answered, not repeated: the portrait's sound stays on.
const repeat = $("microphone").onclick;
$("microphone").onclick = async () => {
  const on = Boolean(link.microphone);
  await repeat();
  if (!on && link.microphone) {
    mute(false);
    notice("Speak: the portrait listens and answers. You may interrupt it.", { news: true });
  }
};
$("talk-title").textContent = "Have it say something";
$("turn").onsubmit = send;
$("copy-turns").onclick = copy;
link.addEventListener("caption", ({ detail }) => { told += 1; show(detail); });
link.addEventListener("caption.cut", ({ detail }) => { told += 1; cutShort(detail); });
link.addEventListener("live", () => { trying(showHistory); });
if (link.id) trying(showHistory);
