// The portraits to choose from, pictures of one's own, and what stands behind the person.

import { $, fits, link, notice, trying, veil } from "./page.js";

function addPortrait(name, source) {
  const button = document.createElement("button");
  const picture = document.createElement("img");
  picture.alt = "";
  if (source) picture.src = source;
  button.type = "button";
  button.role = "radio";
  button.ariaChecked = "false";
  button.ariaLabel = button.title = name.replaceAll("_", " ");
  button.tabIndex = -1;
  button.append(picture);
  $("portraits").append(button);
  $("portraits").querySelector("[role=radio]").tabIndex = 0;
  return button;
}

function mark(button) {
  for (const other of $("portraits").children) {
    other.ariaChecked = String(other === button);
    other.tabIndex = other === button ? 0 : -1;
  }
}

export async function fillPortraits(studio) {
  for (const name of studio.portraits) {
    const button = addPortrait(name);
    button.onclick = () => trying(() => show({ portrait: name }, button));
    loadPicture(button.firstElementChild, name);
  }
  mostBytes = studio.upload_bytes;
  $("picture-formats").textContent = studio.picture_formats;
  for (const name of studio.backgrounds.filter((one) => one !== "keep")) {
    $("background").add(new Option(name[0].toUpperCase() + name.slice(1), name));
  }
  $("background").add(new Option("A colour", "colour"));
  $("background").add(new Option("Your picture", "picture"));
  const sizes = studio.sizes.includes(studio.size) ? studio.sizes : [...studio.sizes, studio.size];
  for (const size of sizes) $("size").add(new Option(`${size} px`, size, size === studio.size, size === studio.size));
}

export function showFirst() {
  const first = $("portraits").querySelector("[role=radio]");
  if (first) first.click();
  else veil("Drop a portrait to begin", { waiting: false });
}

async function loadPicture(picture, name) {
  const response = await link.ask(`api/portraits/${encodeURIComponent(name)}`).catch(() => null);
  if (response) picture.src = URL.createObjectURL(await response.blob());
  else picture.replaceWith(name);
}

async function show(choice, button) {
  if (link.id) veil("Changing the portrait");
  else veil("Waking the portrait", { later: "The first start on a machine takes up to a minute" });
  let said;
  try {
    said = await link.change(choice);
  } catch (error) {
    veil(link.id ? null : "Choose a portrait", { waiting: false });
    if (error.faces?.length) {
      askForFace(error.faces, (face) => trying(() => show({ ...choice, face }, button)));
      return;
    }
    throw error;
  }
  if (said && link.socket) veil(null);
  const shown = button ?? addPortrait(choice.picture.name ?? "yours", said?.thumbnail);
  if (!button) shown.onclick = () => trying(() => show(choice, shown));
  if (said?.thumbnail) shown.firstElementChild.src = said.thumbnail;
  mark(shown);
  if (said?.warnings.length) notice(`It would come out better: ${said.warnings.join("; ")}.`);
}

/** Take a picture of the user's. */
export function takePicture(file) {
  return show({ picture: file });
}

function askForFace(faces, take) {
  const dialog = $("faces");
  const list = $("face-list");
  list.replaceChildren();
  faces.forEach((source, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.ariaLabel = `Face ${index + 1} of ${faces.length}`;
    const picture = Object.assign(document.createElement("img"), { src: source, alt: "" });
    button.append(picture);
    button.onclick = () => { dialog.close(); take(index + 1); };
    list.append(button);
  });
  dialog.showModal();
}

// One stop of the tab key for all portraits, as radio buttons have it; arrows move between them.
$("portraits").onkeydown = (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const all = [...$("portraits").children];
  const at = all.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  const next = all[(at + step + all.length) % all.length];
  next.focus();
  next.click();
};

let mostBytes = 0;
let behind = { kind: "keep", background: "keep" };

// One change at a time: a large picture takes longer than the name that is chosen after it.
async function setBackground(kind, background) {
  for (const id of ["background", "colour", "choose-background"]) $(id).disabled = true;
  const done = await trying(async () => { await link.setBackground(background); return true; });
  for (const id of ["background", "colour", "choose-background"]) $(id).disabled = false;
  if (done) behind = { kind, background };
  if (behind.kind === "colour") $("colour").value = behind.background;
  showBackground(behind.kind);
}

function showBackground(kind) {
  $("background").value = kind;
  $("colour").hidden = kind !== "colour";
  $("choose-background").hidden = kind !== "picture";
}

function chooseBackground() {
  const kind = $("background").value;
  showBackground(kind);
  // Where the browser opens no file dialog by itself, the button beside it does.
  if (kind === "picture") $("background-file").click();
  else setBackground(kind, kind === "colour" ? $("colour").value : kind);
}

// The size of a session is fixed: another one is opened.
function setSize() {
  veil("Changing the size");
  return trying(() => link.setSize(Number($("size").value)), $("size"));
}

$("size").onchange = setSize;
$("background").onchange = $("colour").onchange = chooseBackground;
$("choose-background").onclick = () => $("background-file").click();
$("background-file").oncancel = () => showBackground(behind.kind);
$("background-file").onchange = ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (fits(file, mostBytes)) setBackground("picture", file);
  else showBackground(behind.kind);
};
$("add-portrait").onclick = () => $("portrait-file").click();
