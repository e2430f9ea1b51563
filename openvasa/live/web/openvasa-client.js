// A live portrait in a web page: one file, no dependencies. docs/protocol.md says what goes over the wire.
//
//   import { OpenVasa } from "http://localhost:8765/openvasa-client.js";
//   const avatar = new OpenVasa({ video: document.querySelector("video"), canvas: document.querySelector("canvas") });
//   await avatar.open({ portrait: "portrait" });
//   const speech = avatar.startSpeech(24000);
//   speech.push(samples);
//   speech.end();
//   const { interrupted } = await speech.done;

/** The version of the protocol that this file speaks. */
export const PROTOCOL = 1;

const NO_ANSWER = 0;
const PICTURE = 1, SOUND = 2, MICROPHONE = 3, SPEECH = 4;
const LONGEST_PIECE_S = 10;
const RTC_PATIENCE_MS = 4000;
const SOUND_LEAD_S = 0.1, MOST_LEAD_S = 1, MOST_UNDECODED = 4;
const SILENCE_MS = 8000;
const LONGEST_WAIT_MS = 8000;
const MOVE_MS = 1000, LAST_CALL_MS = 2000;
const CLOSED = { token: 4401, refused: 4403, noSession: 4404, ended: 4410, failed: 4500 };

/**
 * What a session is opened with: a portrait of the server by its name, or a picture.
 * @typedef {object} Choice
 * @property {string} [portrait] one of `studio().portraits`
 * @property {Blob} [picture] a picture of your own
 * @property {number} [face] which of several faces, in reading order from 1
 * @property {string | Blob} [background] keep, green, blur, #rrggbb or a picture
 * @property {number} [size] side of the picture in px, one of `studio().sizes`
 * @property {string} [session] an open session to join, in place of all others
 */

/**
 * What is steered; what is missing or null is left to the portrait.
 * @typedef {object} Controls
 * @property {[number, number] | null} [gaze] degrees to the picture's right and up
 * @property {number | null} [distance] factor of the portrait's own
 * @property {Record<string, number> | null} [emotion] happy, angry, sad, surprised → 0 to 1
 * @property {number | {head?: number, brows?: number, mouth?: number, eyes?: number}} [amount] of movement
 */

/**
 * A video on its way.
 * @typedef {object} Video
 * @property {string} id
 * @property {"queued" | "running" | "done" | "failed" | "cancelled"} state
 * @property {number} progress 0 to 1
 * @property {string | null} error why it failed
 */

/** An answer of the server that says no: `message` is for users. */
export class Refusal extends Error {
  /** @param {string} message @param {number} status HTTP's, or the socket's close code; 0 where nothing answers @param {string[]} faces */
  constructor(message, status, faces = []) {
    super(message);
    this.status = status;
    /** Each face of a picture of several people, as an address of an image; choose one by `face`. */
    this.faces = faces;
  }
}

/** A speech that is streamed in, as fast as it comes. `OpenVasa.startSpeech` begins one. */
export class Speech {
  #link;
  #finish;

  /** @param {OpenVasa} link @param {string} id @param {number} rate Hz */
  constructor(link, id, rate) {
    this.#link = link;
    this.id = id;
    this.rate = rate;
    /** Samples that have been said so far. */
    this.said = 0;
    /** @type {Promise<{sample: number, interrupted: boolean}>} settles when it was said or cut short */
    this.done = new Promise((finish) => { this.#finish = finish; });
  }

  /** Add mono samples. @param {Int16Array | Float32Array} samples */
  push(samples) {
    const whole = samples instanceof Int16Array ? samples
      : Int16Array.from(samples, (value) => Math.max(-1, Math.min(1, value)) * 32767);
    const most = LONGEST_PIECE_S * this.rate;
    for (let start = 0; start < whole.length; start += most) {
      const piece = whole.subarray(start, start + most);
      const message = new Int16Array(1 + piece.length);
      message[0] = SPEECH;
      message.set(piece, 1);
      this.#link.sendBytes(message);
    }
  }

  /** Say that no more samples come. */
  end() {
    this.#link.send({ type: "speech.end" });
  }

  /** @param {{sample: number, interrupted: boolean}} how */
  finish(how) {
    this.said = how.sample;
    this.#finish(how);
  }
}

/**
 * One live portrait. It comes back by itself: to its session where that lives, else to a new one of the same choice.
 *
 * Events (`detail` is the server's message where it has one): `opened` with what the server said of the portrait,
 * `live`, `trouble` with `{kind, message}` (kind lost, unreachable, full, refused or gone; after the last two nothing
 * is tried any more), `moving` to a new server before the old one stops, `frame`, and the server's `state`, `spoken`, `speech.done`, `speech.refused`, `report`,
 * `warning`, `weights`, `error`.
 */
export class OpenVasa extends EventTarget {
  #studio;
  #recovering = false;
  #wake = () => {};
  #heardAt = 0;
  #watchdog = 0;
  #speeches = new Map();
  #named = 0;
  #moving = false;
  #undecoded = [];
  #decoding = false;

  /**
   * @param {object} [options]
   * @param {string | URL} [options.server] address of the server; the one this file came from by default
   * @param {string | null} [options.token] the server's, where it asks for one
   * @param {HTMLVideoElement} [options.video] shows what comes by WebRTC
   * @param {HTMLCanvasElement} [options.canvas] shows what comes over the socket
   * @param {"auto" | "socket" | "none"} [options.media] none: steer and speak only
   */
  constructor({ server = new URL(".", import.meta.url), token = null, video, canvas, media = "auto" } = {}) {
    super();
    this.server = new URL(server);
    this.token = token;
    this.video = video;
    this.canvas = canvas;
    this.media = media;
    /** The session's id, as long as there is one. @type {string | null} */
    this.id = null;
    /** How media come: WebRTC, socket or none. */
    this.kind = "none";
    this.muted = true;
    /** What the portrait does: speaking, listening or idle. */
    this.state = "idle";
    /** @type {Choice | null} */
    this.choice = null;
    /** @type {MediaStreamTrack | null} */
    this.microphone = null;
    this.weights = false;
  }

  /** Ask the server for something. @param {string} path @param {RequestInit} [options] @returns {Promise<Response>} */
  async ask(path, options = {}) {
    const headers = { ...options.headers };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const response = await fetch(new URL(path, this.server), { ...options, headers }).catch(() => {
      // Browsers have words of their own, such as "Failed to fetch".
      throw new Refusal("The server does not answer; try again when it is back.", NO_ANSWER);
    });
    if (response.ok) return response;
    const said = await response.json().catch(() => ({}));
    throw new Refusal(said.error ?? `The server answered ${response.status}.`, response.status, said.faces);
  }

  /** What the server has: portraits, voices, limits. @returns {Promise<any>} */
  async studio() {
    this.#studio ??= await (await this.ask("api/studio")).json();
    return this.#studio;
  }

  /**
   * Open a session and show it.
   *
   * Throws a `Refusal` where the portrait cannot be used. Gives null where the server has no place or does not
   * answer; the session then opens by itself as soon as it can.
   * @param {Choice} choice
   * @returns {Promise<{id: string, warnings: string[], thumbnail: string} | null>}
   */
  async open(choice) {
    let said = null;
    try {
      said = await this.#begin(choice);
      await this.#connect();
    } catch (error) {
      if (!said && error instanceof Refusal && error.status !== 503 && error.status !== NO_ANSWER) throw error;
      this.choice = choice;
      this.#recover(error.status, error.status === 503 ? error : null);
    }
    return said;
  }

  /** Go on with another portrait. @param {Choice} choice @returns {Promise<any>} */
  async change(choice) {
    if (!this.id) return this.open(choice);
    const { background, size } = { ...this.choice, ...choice };
    const session = this.choice?.session;
    const { portrait, face, picture } = choice;
    const response = await this.ask(`api/sessions/${this.id}/portrait${query({ portrait, face })}`,
      { method: "PUT", body: picture });
    this.choice = { ...choice, background, size, session };
    return response.json();
  }

  /**
   * Go on in another size: in a session of its own, since a session keeps its size.
   *
   * Throws a `Refusal` in a session that was joined: it belongs to whoever opened it.
   * @param {number} size px
   */
  async setSize(size) {
    const { id, choice } = this;
    if (!choice) return null;
    if (choice.session) {
      throw new Refusal("A session that was joined keeps its size; open one of your own for another size.", 409);
    }
    this.#hangUp();
    this.#forgetSpeeches();
    this.id = null;
    if (id) await this.#end(id);
    return this.open({ ...choice, size });
  }

  /**
   * Have a video made of the portrait as it is steered now, in the quality of files.
   * @param {{sound?: Blob, text?: string, voice?: string, size?: number}} what a sound, or a text and a voice
   * @returns {Promise<Video>}
   */
  async makeVideo({ sound, text, voice, size }) {
    const body = sound ?? JSON.stringify({ text, voice });
    // A file's own type could be JSON's.
    const headers = { "Content-Type": sound ? "application/octet-stream" : "application/json" };
    return (await this.ask(`api/sessions/${this.id}/videos${query({ size })}`, { method: "POST", body, headers })).json();
  }

  /** How far a video is. @param {string} id @returns {Promise<Video>} */
  async videoProgress(id) {
    return (await this.ask(`api/videos/${id}`)).json();
  }

  /** The file of a video that is done. @param {string} id @returns {Promise<Blob>} */
  async videoFile(id) {
    return (await this.ask(`api/videos/${id}/file`)).blob();
  }

  /** Cancel a video, or remove one that is done. @param {string} id */
  async removeVideo(id) {
    await this.ask(`api/videos/${id}`, { method: "DELETE" });
  }

  /** Lay the portrait before another background. @param {string | Blob} background keep, green, blur, #rrggbb or a picture */
  async setBackground(background) {
    const { id } = this;
    await this.#layBefore(id, background);
    if (this.id === id && this.choice) this.choice = { ...this.choice, background };
    else if (this.id) await this.setBackground(background);
  }

  #layBefore(id, background) {
    return this.ask(`api/sessions/${id}/background${query({ background })}`,
      { method: "PUT", body: background instanceof Blob ? background : undefined });
  }

  /** Begin a speech that comes in pieces. @param {number} rate Hz, 8000 to 96000 @returns {Speech} */
  startSpeech(rate) {
    const speech = new Speech(this, `${Date.now().toString(36)}-${++this.#named}`, rate);
    this.#speeches.set(speech.id, speech);
    this.send({ type: "speech.start", id: speech.id, rate });
    return speech;
  }

  /** Speak a file of sound. @param {Blob} file @returns {Promise<{speech: string, seconds: number}>} */
  async speakFile(file) {
    return (await this.ask(`api/sessions/${this.id}/speech`, { method: "POST", body: file })).json();
  }

  /** Speak text with one of the server's voices, the first by default. @param {string} text @param {string} [voice] */
  async say(text, voice) {
    const body = JSON.stringify({ text, voice });
    const headers = { "Content-Type": "application/json" };
    return (await this.ask(`api/sessions/${this.id}/say`, { method: "POST", body, headers })).json();
  }

  /** What one of the server's voices sounds like. @param {string} voice @returns {Promise<Blob>} */
  async voiceSample(voice) {
    return (await this.ask(`api/voices/${encodeURIComponent(voice)}`)).blob();
  }

  /** Stop speaking now. */
  interrupt() {
    this.send({ type: "interrupt" });
  }

  /** @param {Controls} controls all of them: what is missing is left to the portrait */
  steer(controls) {
    this.send({ type: "controls", ...controls });
  }

  /** Say whether somebody is talking to the portrait. @param {boolean} on */
  listen(on) {
    this.send({ type: "listen", on });
  }

  /** Ask for `weights` events, the 52 ARKit weights of every frame. @param {boolean} on */
  wantWeights(on) {
    this.weights = on;
    this.send({ type: "weights", on });
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.muted = muted;
    if (this.video) this.video.muted = muted;
    this.context?.resume();
    if (this.output) this.output.gain.value = muted ? 0 : 1;
  }

  /** Speak what the microphone hears. */
  async startMicrophone() {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    [this.microphone] = stream.getAudioTracks();
    this.microphone.addEventListener("ended", () => this.stopMicrophone());
    this.meter ??= new AudioContext();
    await this.meter.resume();
    this.ear = new AnalyserNode(this.meter, { fftSize: 512 });
    this.meter.createMediaStreamSource(stream).connect(this.ear);
    if (this.kind === "WebRTC") await this.voice.sender.replaceTrack(this.microphone);
    else await this.#tapMicrophone();
  }

  /** How loud the microphone is just now, 0 to 1. */
  microphoneLevel() {
    if (!this.microphone || !this.ear) return 0;
    const heard = new Float32Array(this.ear.fftSize);
    this.ear.getFloatTimeDomainData(heard);
    const power = heard.reduce((sum, value) => sum + value * value, 0) / heard.length;
    return Math.max(0, Math.min(1, 1 + Math.log10(power + 1e-9) / 5));
  }

  async stopMicrophone() {
    this.microphone?.stop();
    this.microphone = null;
    this.ear?.disconnect();
    this.tap?.disconnect();
    this.tap = this.ear = null;
    this.dispatchEvent(new Event("microphone-off"));
    // A peer that hung up sends nothing any more, and refuses to be told.
    if (this.peer) await this.voice?.sender.replaceTrack(null);
  }

  /** @param {object} message */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** @param {ArrayBufferView} message */
  sendBytes(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  /** Try to come back now, not after the pause. */
  retryNow() {
    this.#wake();
  }

  /** Leave, and end the session if it is this page's own. */
  async close() {
    const { id, choice } = this;
    this.choice = this.id = null;
    this.#hangUp();
    await this.stopMicrophone();
    if (id && !choice?.session) await this.#end(id);
  }

  async #end(id) {
    await this.ask(`api/sessions/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  // A server that is told to stop takes no new sessions; one that replaces it behind the same address does.
  async #moveOn(seconds) {
    const old = this.id;
    if (this.#moving || this.choice?.session) return;
    this.#moving = true;
    const last = performance.now() + 1000 * seconds - LAST_CALL_MS;
    while (this.choice && this.id === old && performance.now() < last) {
      const hurry = performance.now() > last - 5 * MOVE_MS;
      if ((this.state !== "speaking" || hurry) && await this.#beginElsewhere()) {
        this.#hangUp();
        this.#forgetSpeeches();
        this.#end(old);
        await this.#connect().catch((error) => this.#recover(error.status));
        break;
      }
      await new Promise((done) => setTimeout(done, MOVE_MS));
    }
    this.#moving = false;
  }

  async #beginElsewhere() {
    try {
      await this.#begin(this.choice);
      this.dispatchEvent(new Event("moving"));
      return true;
    } catch {
      return false;
    }
  }

  async #begin(choice) {
    let said = { id: choice.session, warnings: [] };
    if (!choice.session) {
      const response = await this.ask(`api/sessions${query(choice)}`, { method: "POST", body: choice.picture });
      said = await response.json();
      if (choice.background instanceof Blob) {
        try {
          await this.#layBefore(said.id, choice.background);
        } catch (error) {
          this.#end(said.id);
          throw error;
        }
      }
    }
    this.id = said.id;
    this.choice = choice;
    this.dispatchEvent(new CustomEvent("opened", { detail: said }));
    return said;
  }

  async #connect() {
    await this.#openSocket();
    if (this.weights) this.wantWeights(true);
    if (this.media === "none") {
      this.dispatchEvent(new Event("live"));
      return;
    }
    if (this.media !== "socket" && this.video && "RTCPeerConnection" in globalThis) {
      try {
        await this.#openRtc();
        return;
      } catch (error) {
        console.info("WebRTC does not connect, media goes over the socket:", error.message);
        this.peer?.close();
        this.peer = null;
      }
    }
    if (!this.socket) throw new Refusal("The connection is lost.", 1006);
    this.#openSocketMedia();
  }

  #openSocket() {
    const address = new URL(`api/sessions/${this.id}/socket`, this.server);
    address.protocol = address.protocol.replace("http", "ws");
    if (this.token) address.searchParams.set("token", this.token);
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    return new Promise((done, failed) => {
      let greeted = false;
      socket.onmessage = ({ data }) => {
        this.#heardAt = performance.now();
        if (!greeted) {
          greeted = true;
          this.#watch();
          done();
        }
        this.#take(data);
      };
      socket.onclose = ({ code, reason }) => {
        if (socket !== this.socket) return;
        this.#hangUp();
        if (greeted) this.#recover(code);
        else failed(new Refusal(reason || "The server does not answer.", code));
      };
    });
  }

  // A line may die without a word, as when a lid is closed: the server speaks twice a second.
  #watch() {
    clearInterval(this.#watchdog);
    let late = false;
    this.#watchdog = setInterval(() => {
      const silent = performance.now() - this.#heardAt > SILENCE_MS;
      if (silent && late) {
        this.#hangUp();
        this.#recover(1006);
      }
      late = silent;
    }, 2000);
  }

  async #recover(code, known = null) {
    if (this.#recovering || !this.choice) return;
    this.#recovering = true;
    this.#forgetSpeeches();
    if (code === CLOSED.noSession || code === CLOSED.ended || code === CLOSED.failed) this.#forgetSession();
    if (known) this.#giveUp(known);
    else this.#tell("lost", "The connection is lost. Coming back.");
    for (let attempt = known ? 2 : 0; this.choice; attempt++) {
      await this.#pause(attempt === 0 ? 100 : Math.min(LONGEST_WAIT_MS, 400 * 2 ** attempt));
      if (!this.choice) break;
      try {
        if (!this.id) await this.#begin(this.choice);
        await this.#connect();
        break;
      } catch (error) {
        if (error.status === CLOSED.noSession || error.status === CLOSED.ended) this.#forgetSession();
        else if (this.#giveUp(error)) break;
      }
    }
    this.#recovering = false;
  }

  #forgetSession() {
    this.id = null;
    if (this.choice?.session) {
      this.choice = null;
      this.#tell("gone", "This session has ended.");
    }
  }

  #giveUp(error) {
    const { status, message } = error;
    if ([401, 403, CLOSED.token, CLOSED.refused].includes(status)) this.#tell("refused", message);
    else if (status === 404 || status === 422 || status === 413) this.#tell("gone", message);
    else {
      if (status === 503) this.#tell("full", message);
      else this.#tell("unreachable", "The server does not answer. Trying again.");
      return false;
    }
    this.choice = this.id = null;
    return true;
  }

  #tell(kind, message) {
    this.dispatchEvent(new CustomEvent("trouble", { detail: { kind, message } }));
  }

  #pause(milliseconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.#wake = () => { clearTimeout(timer); done(); };
    });
  }

  #forgetSpeeches() {
    for (const speech of this.#speeches.values()) speech.finish({ sample: speech.said, interrupted: true });
    this.#speeches.clear();
  }

  #take(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      const speech = this.#speeches.get(message.speech);
      if (message.type === "state" || message.type === "hello") this.state = message.state;
      if (message.type === "going_away") this.#moveOn(message.seconds);
      if (message.type === "spoken" && speech) speech.said = message.sample;
      if (message.type === "speech.done" && speech) {
        this.#speeches.delete(speech.id);
        speech.finish(message);
      }
      this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
      return;
    }
    const view = new DataView(data);
    const time = view.getFloat64(4, true);
    if (view.getUint8(0) === PICTURE) this.#showLater(time, new Blob([data.slice(12)], { type: "image/jpeg" }));
    else if (view.getUint8(0) === SOUND) this.#playLater(time, view.getUint16(2, true) * 1000, new Int16Array(data.slice(12)));
  }

  async #openRtc() {
    const { ice_servers: iceServers } = await this.studio();
    const peer = new RTCPeerConnection({ iceServers });
    this.peer = peer;
    peer.addTransceiver("video", { direction: "recvonly" });
    this.voice = peer.addTransceiver("audio", { direction: "sendrecv" });
    const stream = new MediaStream();
    peer.ontrack = ({ track, receiver }) => {
      stream.addTrack(track);
      // As little as the network allows: a talking face that answers late is no conversation.
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    };
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const response = await this.ask(`api/sessions/${this.id}/offer`, { method: "POST", body: peer.localDescription.sdp });
    await peer.setRemoteDescription({ type: "answer", sdp: (await response.json()).sdp });
    await connected(peer);
    peer.onconnectionstatechange = () => {
      if (peer !== this.peer || peer.connectionState !== "failed") return;
      this.#hangUp();
      this.#recover(1006);
    };
    this.video.srcObject = stream;
    this.video.muted = this.muted;
    this.video.hidden = false;
    if (this.canvas) this.canvas.hidden = true;
    await this.video.play().catch(() => {
      // A browser may refuse sound before the page was touched.
      this.setMuted(true);
      this.dispatchEvent(new Event("muted"));
      return this.video.play().catch(() => {});
    });
    this.kind = "WebRTC";
    if (this.microphone) await this.voice.sender.replaceTrack(this.microphone);
    this.dispatchEvent(new Event("live"));
  }

  #openSocketMedia() {
    this.kind = "socket";
    if (this.canvas) this.canvas.hidden = false;
    if (this.video) this.video.hidden = true;
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    this.output ??= this.context.createGain();
    this.output.connect(this.context.destination);
    this.output.gain.value = this.muted ? 0 : 1;
    this.origin = null;
    this.send({ type: "media", on: true });
    if (this.microphone) this.#tapMicrophone();
    this.dispatchEvent(new Event("live"));
  }

  // The audio clock leads; without it (no gesture yet) pictures show as they come.
  #playLater(time, rate, samples) {
    if (this.context.state !== "running") return;
    const now = this.context.currentTime;
    const lead = this.origin === null ? -1 : this.origin + time - now;
    // Pieces come later and later while frames are given more time; silence makes up for it unheard.
    const least = samples.some((value) => value !== 0) ? 0 : SOUND_LEAD_S / 2;
    if (lead < least || lead > MOST_LEAD_S) this.origin = now + SOUND_LEAD_S - time;
    const buffer = this.context.createBuffer(1, samples.length, rate);
    buffer.getChannelData(0).set(Float32Array.from(samples, (value) => value / 32768));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.output);
    source.start(this.origin + time);
  }

  // Decodes one picture after the other. A browser slower than they come leaves out those whose
  // successor's moment has passed, so that what it shows stays with what it hears.
  async #showLater(time, blob) {
    if (!this.canvas) return;
    this.#undecoded.push([time, blob]);
    if (this.#undecoded.length > MOST_UNDECODED) this.#undecoded.shift();
    if (this.#decoding) return;
    this.#decoding = true;
    while (this.#undecoded.length) {
      while (this.#undecoded.length > 1 && this.#wait(this.#undecoded[1][0]) <= 0) this.#undecoded.shift();
      const [due, next] = this.#undecoded.shift(), socket = this.socket;
      const picture = await createImageBitmap(next).catch(() => null);
      if (picture && socket === this.socket) this.#showAt(due, picture);
      else picture?.close();
    }
    this.#decoding = false;
  }

  // Seconds until a moment of the timeline is heard; none where there is no sound to go by.
  #wait(time) {
    return this.origin === null || this.context.state !== "running" ? 0 : this.origin + time - this.context.currentTime;
  }

  #showAt(time, picture) {
    const wait = this.#wait(time);
    setTimeout(() => {
      if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
        [this.canvas.width, this.canvas.height] = [picture.width, picture.height];
      }
      this.canvas.getContext("2d").drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
      picture.close();
      this.dispatchEvent(new Event("frame"));
    }, Math.max(0, Math.min(wait, 1)) * 1000);
  }

  async #tapMicrophone() {
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    await this.context.resume();
    await this.context.audioWorklet.addModule(new URL("microphone.js", this.server));
    const source = this.context.createMediaStreamSource(new MediaStream([this.microphone]));
    this.tap = new AudioWorkletNode(this.context, "microphone", { numberOfOutputs: 0 });
    this.tap.port.onmessage = ({ data }) => {
      const message = new Uint8Array(6 + data.byteLength);
      message[0] = MICROPHONE;
      new DataView(message.buffer).setUint32(2, this.context.sampleRate, true);
      message.set(new Uint8Array(data.buffer), 6);
      if (this.socket && this.socket.bufferedAmount < 200_000) this.sendBytes(message);
    };
    source.connect(this.tap);
  }

  #hangUp() {
    clearInterval(this.#watchdog);
    const socket = this.socket;
    this.socket = null;
    this.#undecoded = [];
    socket?.close();
    this.peer?.close();
    this.peer = null;
    this.tap?.disconnect();
    this.tap = null;
  }
}

// Of a choice, what an address can carry: pictures go as bodies.
function query({ portrait, face, background, size }) {
  const known = Object.entries({ portrait, face, background, size })
    .filter(([, value]) => value !== undefined && value !== null && !(value instanceof Blob));
  return known.length ? `?${new URLSearchParams(known)}` : "";
}

function gathered(peer) {
  if (peer.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    const check = () => peer.iceGatheringState === "complete" && done();
    peer.addEventListener("icegatheringstatechange", check);
    setTimeout(done, 1500);
  });
}

function connected(peer) {
  return new Promise((done, failed) => {
    const check = () => {
      if (peer.connectionState === "connected") done();
      else if (peer.connectionState === "failed") failed(new Error("connection failed"));
    };
    peer.addEventListener("connectionstatechange", check);
    setTimeout(() => failed(new Error("no connection in time")), RTC_PATIENCE_MS);
    check();
  });
}
