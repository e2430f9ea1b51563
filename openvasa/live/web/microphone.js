// Hands a microphone's samples, 20 ms at a time, to the page (used where WebRTC cannot connect).
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 50);
    this.samples = new Int16Array(this.size);
    this.count = 0;
  }

  process([channels]) {
    for (const value of channels[0] ?? []) {
      this.samples[this.count++] = Math.max(-1, Math.min(1, value)) * 32767;
      if (this.count === this.size) {
        this.port.postMessage(this.samples.slice());
        this.count = 0;
      }
    }
    return true;
  }
}
registerProcessor("microphone", Microphone);
