// The page's address for others on the network, as a link and as a code for a phone's camera.

import { $, copyText, link, trying } from "./page.js";

async function share() {
  const said = await trying(async () => (await link.ask("api/share")).json(), $("share"));
  if (!said) return;
  const list = $("share-list");
  list.replaceChildren();
  for (const { url, qr } of said.addresses) {
    const code = Object.assign(document.createElement("img"), { src: qr, alt: "QR code of the address", className: "code" });
    const field = Object.assign(document.createElement("input"), { value: url, readOnly: true, ariaLabel: "Address" });
    const copy = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
    copy.onclick = () => copyText(field.value, () => field.select());
    const row = Object.assign(document.createElement("div"), { className: "row" });
    row.append(field, copy);
    list.append(code, row);
  }
  const words = said.addresses.length
    ? "Whoever has this address may use this server."
    : "This server answers this machine alone. To open it on a phone or for others on your network, start it with --host 0.0.0.0; it then asks for a token, which the address here holds.";
  list.append(Object.assign(document.createElement("p"), { className: "quiet", textContent: words }));
  $("share-dialog").showModal();
}

$("share").onclick = share;
$("share-close").onclick = () => $("share-dialog").close();
