/** Milliseconds within which those who need a fence share one. */
const SHARED = 5

/** Something that waits until nodes have dealt with all that was sent before. */
export interface Waiting {
  /** When it was sent, counted in messages: a fence that was sent later stands for it too. */
  readonly number: number
  /** A node has dealt with it, whether it answered or not. */
  passed(node: string): void
}

interface Round {
  readonly number: number
  readonly waiting: Set<Waiting>
  readonly passed: Set<string>
}

/**
 * Tells when a node has nothing more to say to a question that was put to nobody in particular. NATS keeps the order
 * of what one node sends to another; so a node that answers a fence, which goes to all, has answered before whatever
 * it had to answer. Those who need one at the same time share one.
 */
export class Fences {
  readonly #send: (id: string) => void
  readonly #rounds = new Map<string, Round>()
  #latest: Round | undefined
  #started = Number.NEGATIVE_INFINITY
  #late = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined
  readonly #count: () => number

  /** @param count counts messages up @param send sends a fence to all nodes */
  constructor(count: () => number, send: (id: string) => void) {
    this.#count = count
    this.#send = send
  }

  /** Lets something wait for a fence that stands for it, which may have been sent already. */
  join(waiting: Waiting): void {
    const latest = this.#latest
    if (latest && latest.number > waiting.number && this.#rounds.has(String(latest.number))) {
      latest.waiting.add(waiting)
      for (const node of latest.passed) waiting.passed(node)
      return
    }
    this.#late.add(waiting)
    const due = this.#started + SHARED - performance.now()
    // Who asks one thing after the other need not wait for company that cannot come.
    if (due <= 0 || this.#rounds.size === 0) this.#start()
    else this.#timer ??= setTimeout(() => this.#start(), due)
  }

  /** It waits no longer. */
  leave(waiting: Waiting): void {
    this.#late.delete(waiting)
    for (const [id, round] of this.#rounds) {
      if (round.waiting.delete(waiting) && round.waiting.size === 0) this.#rounds.delete(id)
    }
  }

  /** A node has answered a fence. */
  answered(id: string, node: string): void {
    const round = this.#rounds.get(id)
    if (!round) return
    round.passed.add(node)
    for (const waiting of [...round.waiting]) waiting.passed(node)
  }

  /** Sends no more; whoever waits has a limit of its own. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#late.clear()
    this.#rounds.clear()
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#late.size === 0) return
    const round = { number: this.#count(), waiting: this.#late, passed: new Set<string>() }
    this.#late = new Set()
    this.#latest = round
    this.#started = performance.now()
    this.#rounds.set(String(round.number), round)
    this.#send(String(round.number))
  }
}
