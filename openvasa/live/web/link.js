// The link to the server: a session, its socket for steering, and media by WebRTC or that socket.

const PICTURE = 1, SOUND = 2, MICROPHONE = 3;
const RTC_PATIENCE_MS = 6000;
const SOUND_LEAD_S = 0.1;

const token = new URLSearchParams(location.search).get("token") ?? sessionStorage.getItem("token");
if (token) sessionStorage.setItem("token", token);

/** Ask the server for something; throws an Error with its one line where it says no. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers });
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    const error = new Error(said.error ?? `The server answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return response;
}

export class Link extends EventTarget {
  /** @param {HTMLVideoElement} video @param {HTMLCanvasElement} canvas */
  constructor(video, canvas) {
    super();
    this.video = video;
    this.canvas = canvas;
    this.id = null;
    this.kind = "none";
    this.muted = true;
    this.attempts = 0;
  }

  async open(query, body) {
    const response = await ask(`api/sessions${query}`, { method: "POST", body });
    this.id = (await response.json()).id;
    await this.connect();
  }

  async connect() {
    await this.openSocket();
    const forced = new URLSearchParams(location.search).get("media");
    if (forced !== "socket" && "RTCPeerConnection" in window) {
      try {
        await this.openRtc();
        return;
      } catch (error) {
        console.info("WebRTC does not connect, media goes over the socket:", error.message);
        this.peer?.close();
        this.peer = null;
      }
    }
    this.openSocketMedia();
  }

  openSocket() {
    const address = new URL(`api/sessions/${this.id}/socket`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = token ? `?token=${encodeURIComponent(token)}` : "";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = ({ data }) => this.take(data);
    return new Promise((done, failed) => {
      socket.onopen = () => { this.attempts = 0; done(); };
      socket.onclose = ({ code }) => {
        failed(new Error("the socket closed"));
        if (socket === this.socket) this.lost(code);
      };
    });
  }

  take(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
      return;
    }
    const view = new DataView(data);
    const time = view.getFloat64(4, true);
    if (view.getUint8(0) === PICTURE) this.showLater(time, new Blob([data.slice(12)], { type: "image/jpeg" }));
    else if (view.getUint8(0) === SOUND) this.playLater(time, view.getUint16(2, true) * 1000, new Int16Array(data.slice(12)));
  }

  async openRtc() {
    const peer = new RTCPeerConnection();
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
    const response = await ask(`api/sessions/${this.id}/offer`, { method: "POST", body: peer.localDescription.sdp });
    await peer.setRemoteDescription({ type: "answer", sdp: (await response.json()).sdp });
    await connected(peer);
    peer.onconnectionstatechange = () => {
      if (peer === this.peer && peer.connectionState === "failed") this.reconnect();
    };
    this.video.srcObject = stream;
    this.video.muted = this.muted;
    this.video.hidden = false;
    this.canvas.hidden = true;
    await this.video.play().catch(() => {});
    this.kind = "WebRTC";
    if (this.track) await this.voice.sender.replaceTrack(this.track);
    this.dispatchEvent(new Event("live"));
  }

  openSocketMedia() {
    this.kind = "socket";
    this.canvas.hidden = false;
    this.video.hidden = true;
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    this.output ??= this.context.createGain();
    this.output.connect(this.context.destination);
    this.output.gain.value = this.muted ? 0 : 1;
    this.origin = null;
    this.send({ type: "media", on: true });
    if (this.track) this.tapMicrophone();
    this.dispatchEvent(new Event("live"));
  }

  // The audio clock leads; without it (no gesture yet) pictures show as they come.
  playLater(time, rate, samples) {
    if (this.context.state !== "running") return;
    const now = this.context.currentTime;
    if (this.origin === null || this.origin + time < now - 0.05 || this.origin + time > now + 1) {
      this.origin = now + SOUND_LEAD_S - time;
    }
    const buffer = this.context.createBuffer(1, samples.length, rate);
    buffer.getChannelData(0).set(Float32Array.from(samples, (value) => value / 32768));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.output);
    source.start(Math.max(now, this.origin + time));
  }

  async showLater(time, blob) {
    const picture = await createImageBitmap(blob);
    const wait = this.origin === null || this.context.state !== "running" ? 0 : this.origin + time - this.context.currentTime;
    setTimeout(() => {
      if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
        [this.canvas.width, this.canvas.height] = [picture.width, picture.height];
      }
      this.canvas.getContext("2d").drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
      picture.close();
      this.dispatchEvent(new Event("frame"));
    }, Math.max(0, Math.min(wait, 1)) * 1000);
  }

  setMuted(muted) {
    this.muted = muted;
    this.video.muted = muted;
    this.context?.resume();
    if (this.output) this.output.gain.value = muted ? 0 : 1;
  }

  async startMicrophone() {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    [this.track] = stream.getAudioTracks();
    if (this.kind === "WebRTC") await this.voice.sender.replaceTrack(this.track);
    else this.tapMicrophone();
  }

  async tapMicrophone() {
    await this.context.resume();
    await this.context.audioWorklet.addModule("microphone.js");
    const source = this.context.createMediaStreamSource(new MediaStream([this.track]));
    this.tap = new AudioWorkletNode(this.context, "microphone", { numberOfOutputs: 0 });
    this.tap.port.onmessage = ({ data }) => {
      const message = new Uint8Array(6 + data.byteLength);
      message[0] = MICROPHONE;
      new DataView(message.buffer).setUint32(2, this.context.sampleRate, true);
      message.set(new Uint8Array(data.buffer), 6);
      if (this.socket.readyState === WebSocket.OPEN && this.socket.bufferedAmount < 200_000) this.socket.send(message);
    };
    source.connect(this.tap);
  }

  async stopMicrophone() {
    this.track?.stop();
    this.track = null;
    this.tap?.disconnect();
    this.tap = null;
    await this.voice?.sender.replaceTrack(null);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  lost(code) {
    if (code === 4403 || code === 4404 || code === 4410) this.dispatchEvent(new Event("ended"));
    else this.reconnect();
  }

  async reconnect() {
    if (this.waiting) return;
    this.waiting = true;
    this.dispatchEvent(new Event("lost"));
    this.close();
    await new Promise((done) => setTimeout(done, Math.min(8000, 400 * 2 ** this.attempts++)));
    this.waiting = false;
    try {
      await this.connect();
    } catch {
      if (!this.waiting && this.attempts > 6) this.dispatchEvent(new Event("ended"));
    }
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.peer?.close();
    this.peer = null;
  }
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
