// A bare portrait: /view?portrait=NAME or /view?session=ID, &background=keep|green|blur|#rrggbb|transparent,
// &muted=1, &media=socket, &token=…. The page around a frame is told of the session by `postMessage`.

import { OpenVasa } from "./openvasa-client.js";

const GREEN = [0, 177, 64];
const asked = new URLSearchParams(location.search);
const $ = (id) => document.getElementById(id);
const transparent = asked.get("background") === "transparent";

const avatar = new OpenVasa({
  token: asked.get("token"), video: $("video"), canvas: $("canvas"),
  // Pictures over the socket keep their colours better than a video, and so their edges.
  media: transparent || asked.get("media") === "socket" ? "socket" : "auto",
});

/** Share of the person in a pixel that was laid on green, and the person's colour without the green. */
function cutOut(pixels) {
  const [red, green, blue] = GREEN;
  const most = green - Math.max(red, blue);
  for (let i = 0; i < pixels.length; i += 4) {
    const excess = pixels[i + 1] - Math.max(pixels[i], pixels[i + 2]);
    const share = Math.min(1, Math.max(0, 1 - (excess - 0.06 * most) / (0.86 * most)));
    if (share < 1) {
      const rest = 1 - share, by = Math.max(share, 0.05);
      pixels[i] = (pixels[i] - rest * red) / by;
      pixels[i + 1] = (pixels[i + 1] - rest * green) / by;
      pixels[i + 2] = (pixels[i + 2] - rest * blue) / by;
      pixels[i + 3] = 255 * share;
    }
  }
}

function showCutOut() {
  const { width, height } = $("canvas");
  const shown = $("cut-out");
  if (shown.width !== width || shown.height !== height) [shown.width, shown.height] = [width, height];
  const picture = $("canvas").getContext("2d").getImageData(0, 0, width, height);
  cutOut(picture.data);
  shown.getContext("2d").putImageData(picture, 0, 0);
}

function say(words) {
  $("words").hidden = words === null;
  $("words").textContent = words ?? "";
}

function showSound() {
  $("unmute").hidden = !avatar.muted || asked.get("muted") === "1";
}

avatar.addEventListener("opened", ({ detail }) => parent.postMessage({ type: "openvasa.session", id: detail.id }, "*"));
avatar.addEventListener("state", ({ detail }) => parent.postMessage({ type: "openvasa.state", state: detail.state }, "*"));
avatar.addEventListener("live", () => {
  say(null);
  if (transparent) [$("canvas").hidden, $("cut-out").hidden] = [true, false];
  document.body.dataset.is = "live";
  showSound();
});
avatar.addEventListener("trouble", ({ detail }) => { document.body.dataset.is = detail.kind; say(detail.message); });
avatar.addEventListener("muted", showSound);
if (transparent) {
  $("canvas").getContext("2d", { willReadFrequently: true });
  avatar.addEventListener("frame", showCutOut);
}
$("unmute").onclick = () => { avatar.setMuted(false); showSound(); };
addEventListener("pagehide", () => { avatar.close(); });

avatar.setMuted(asked.get("muted") === "1");
try {
  const { portraits } = await avatar.studio();
  const session = asked.get("session") ?? undefined;
  const background = transparent ? "green" : asked.get("background") ?? undefined;
  await avatar.open(session ? { session } : { portrait: asked.get("portrait") ?? portraits[0], background });
} catch (error) {
  say(error.message);
}
