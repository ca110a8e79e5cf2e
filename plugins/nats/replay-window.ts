/** Number of ids that are remembered for each node, counted back from its highest. */
const WINDOW_IDS = 8192
const WORD_BITS = 32
/** The ring holds twice the window, so that the words which are cleared for new ids are outside the window. */
const RING_WORDS = (2 * WINDOW_IDS) / WORD_BITS

/** The ids of one node that have arrived: a ring of bits, as in the anti-replay algorithm of IPsec (RFC 6479). */
class NodeWindow {
  readonly #words = new Uint32Array(RING_WORDS)
  #highest = 0

  /** Adds an id. Returns whether it is new; an id that is older than the window counts as new. */
  add(id: number): boolean {
    const word = Math.floor(id / WORD_BITS)
    if (id > this.#highest) {
      const skipped = Math.min(word - Math.floor(this.#highest / WORD_BITS), RING_WORDS)
      for (let n = 0; n < skipped; n++) this.#words[(word - n) % RING_WORDS] = 0
      this.#highest = id
    } else if (id <= this.#highest - WINDOW_IDS) {
      return true
    }
    const bits = this.#words[word % RING_WORDS] as number
    const bit = 1 << (id % WORD_BITS)
    this.#words[word % RING_WORDS] = bits | bit
    return (bits & bit) === 0
  }
}

/** Recognises repeated messages. NATS delivers a message once for each subscription of this node that matches. */
export class ReplayWindow {
  readonly #windows = new Map<string, NodeWindow>()

  /** Returns whether a message of a node has not arrived before. The ids of a node's messages count up. */
  isNew(node: string, id: string): boolean {
    let window = this.#windows.get(node)
    if (!window) this.#windows.set(node, (window = new NodeWindow()))
    return window.add(Number(id))
  }

  /** Removes the window of a node that has left. */
  forget(node: string): void {
    this.#windows.delete(node)
  }
}
