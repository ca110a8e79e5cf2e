import { LinkedList } from '../util/linked-list.ts'

/** Bytes of a small input, such as one chat message. A flood arrives in large reads. */
const SMALL_BYTES = 2048
/** Milliseconds of the event loop that each flow gets in a round. */
const QUANTUM_MS = 0.1
/** Milliseconds of one turn of the event loop for flows with credit, and again for all other flows. */
const TURN_BUDGET_MS = 0.25
/** Milliseconds without service after which a flow owes nothing more: a round can take longer than a peer is silent. */
const FORGIVE_MS = 100
/** Most that one piece is charged with, in milliseconds: longer ones have mostly met a garbage collection. */
const MAX_CHARGE_MS = 2

/** The input of one peer. */
export interface Flow {
  /**
   * Tells the queue that input has arrived. The queue handles it now if it is small and the flow has credit left in
   * this round, and otherwise in a later turn of the event loop. Has no effect while the flow waits already.
   *
   * @param bytes size of the input that waits @default 0
   */
  ready(bytes?: number): void
}

export interface FairQueueOptions {
  /** Called before a turn of the loop serves flows without credit, so that replies to flows with credit leave first. */
  readonly beforeRound?: () => void
  /** Milliseconds on a steady clock. @default performance.now */
  readonly now?: () => number
}

/**
 * Shares the event loop among peers by the time that handling their input takes.
 *
 * This is deficit round robin (Shreedhar and Varghese, 1995) with milliseconds for lengths: a round gives each active
 * flow `QUANTUM_MS` of credit, each piece costs the time that it took, and a flow in debt waits until later rounds
 * have paid it. As in FQ-CoDel (RFC 8290, section 4.2), a flow that has credit is served as its input comes, before
 * the round goes on: a peer that sends little does not wait for peers that send much. The queue is work-conserving:
 * while a piece waits, each turn of the event loop handles some.
 *
 * docs/overload.md explains the constants.
 */
export class FairQueue {
  readonly #now: () => number
  readonly #beforeRound: () => void
  /** Flows with credit and a small input that came when the turn's budget was spent. */
  readonly #sparse = new LinkedList<QueuedFlow>()
  /** Flows with credit and a large input. */
  readonly #fresh = new LinkedList<QueuedFlow>()
  /** All active flows, in the order in which the round visits them. */
  readonly #round = new LinkedList<QueuedFlow>()
  /** Milliseconds that this turn of the loop has spent on input as it came. */
  #spent = 0
  #scheduled = false
  #serving = false

  constructor({ beforeRound = () => {}, now = () => performance.now() }: FairQueueOptions = {}) {
    this.#beforeRound = beforeRound
    this.#now = now
  }

  /** @internal Whether a flow is being served right now. */
  get serving(): boolean {
    return this.#serving
  }

  /**
   * Adds a flow, usually one for each peer.
   *
   * @param handle handles a small piece of the input, such as 512 bytes. Returns whether more input waits
   */
  flow(handle: () => boolean): Flow {
    return new QueuedFlow(handle, this.#ready)
  }

  readonly #ready = (flow: QueuedFlow, bytes: number): void => {
    if (flow.waiting) return
    flow.waiting = true
    if (!flow.active) {
      flow.active = true
      flow.credit = QUANTUM_MS
      this.#round.add(flow)
    } else if (this.#now() - flow.servedAt > FORGIVE_MS) flow.credit = QUANTUM_MS
    this.#schedule()
    if (flow.credit <= 0) return
    if (bytes > SMALL_BYTES) this.#fresh.add(flow)
    else if (this.#serving || this.#spent >= TURN_BUDGET_MS) this.#sparse.add(flow)
    else {
      const began = this.#now()
      this.#spent += this.#serve(flow, began) - began
    }
  }

  /** Handles pieces of a flow until its credit is used up; returns the time when that ended. */
  #serve(flow: QueuedFlow, began: number): number {
    let at = began
    flow.waiting = false
    this.#serving = true
    try {
      let more = true
      while (more && flow.credit > 0) {
        const before = at
        more = flow.handle()
        at = this.#now()
        flow.credit -= Math.min(at - before, MAX_CHARGE_MS)
      }
      flow.waiting ||= more
    } finally {
      this.#serving = false
      flow.servedAt = at
    }
    return at
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#scheduled = false
    this.#spent = 0
    try {
      this.#serveSparse()
      this.#serveRound()
    } finally {
      if (this.#round.size > 0) this.#schedule()
    }
  }

  #serveSparse(): void {
    const began = this.#now()
    for (let at = began; at - began < TURN_BUDGET_MS; ) {
      const flow = take(this.#sparse)
      if (!flow) break
      if (flow.servable) at = this.#serve(flow, at)
    }
  }

  #serveRound(): void {
    const began = this.#now()
    let first = true
    for (let at = began; at - began < TURN_BUDGET_MS; ) {
      const flow = take(this.#fresh) ?? this.#visit()
      if (!flow) break
      if (!flow.servable) continue
      if (first) this.#beforeRound()
      first = false
      at = this.#serve(flow, at)
    }
  }

  /** Gives the next flow of the round its credit. The flow leaves the round if it has nothing and owes nothing. */
  #visit(): QueuedFlow | undefined {
    const flow = take(this.#round)
    if (!flow) return undefined
    flow.credit = Math.min(QUANTUM_MS, flow.credit + QUANTUM_MS)
    flow.active = flow.waiting || flow.credit <= 0
    if (flow.active) this.#round.add(flow)
    return flow
  }
}

/** Takes the first flow out of a list. */
const take = (list: LinkedList<QueuedFlow>): QueuedFlow | undefined => {
  const { first } = list
  if (first) list.delete(first)
  return first?.value
}

class QueuedFlow implements Flow {
  /** Milliseconds of credit left in this round. Negative: the flow is in debt. */
  credit = 0
  /** When the flow was served last, on the queue's clock. */
  servedAt = 0
  /** Whether the round visits the flow. */
  active = false
  /** Whether input waits to be handled. */
  waiting = false
  readonly handle: () => boolean
  readonly #ready: (flow: QueuedFlow, bytes: number) => void

  constructor(handle: () => boolean, ready: (flow: QueuedFlow, bytes: number) => void) {
    this.handle = handle
    this.#ready = ready
  }

  /** Whether the flow has waiting input and credit. It may have been served since it was added to a list. */
  get servable(): boolean {
    return this.waiting && this.credit > 0
  }

  ready(bytes = 0): void {
    this.#ready(this, bytes)
  }
}
