import { Heap } from './heap.ts'
import { type Flow, isBefore, Turns } from './turns.ts'

/** Bytes that are little: what people do comes in small pieces, and floods come in large ones. */
const LITTLE = 2048
/** Milliseconds that a flow has in its turn; the piece that is being handled when they are over is finished. */
const QUANTUM = 0.1
/** Milliseconds of a turn of the event loop for flows with little: for what comes in it, and for what has waited. */
const BUDGET = 0.5
/** The same for those with much: whoever has little and comes meanwhile waits for so long. */
const BULK = 0.25
/** How many times as long as it has worked the bulk rests, while others have something to say. */
const REST = 2
/** Milliseconds that the bulk may have rested for too long and catches up on: timers are as late as that. */
const LATE = 1
/** Milliseconds from which a piece may have met a pause, in which others had the processor. */
const PAUSE = 1
/**
 * Milliseconds that a piece is charged with at most, or a turn that was too long for what was too much: the longest have
 * mostly met the garbage collector, by chance.
 */
const MOST = 2
/** Milliseconds after which it no longer counts what a flow has had. */
const FORGET = 100

interface IntakeOptions {
  /** Milliseconds of a turn of the event loop for those with much. @default 0.25 */
  readonly bulk?: number
  /** Whether those with much leave two thirds of the time while others have something to say. @default true */
  readonly rests?: boolean
  /** Called before those with much are served: what the others caused is not to wait for them. */
  readonly beforeBulk?: () => void
  /** Milliseconds on a steady clock. @default performance.now */
  readonly now?: () => number
  /** Milliseconds that the process has worked: on a clock that stands still while others have the processor. */
  readonly worked?: () => number
}

/**
 * Shares the event loop among peers by the time that they take of it, so that one who sends a little never waits behind
 * those who send much. Whoever has little to be handled, and has not had more than others lately, is served as it comes.
 * Of the rest, whoever has had least is next; it waits unread meanwhile, and has a third of the time at most as long as
 * others have something to say.
 *
 * For those that wait this is start-time fair queueing (Goyal, Vin and Cheng, 1996) with milliseconds for lengths: on a
 * clock that all share, a flow's next piece starts where its last one ended, or now if that is over, and the earliest
 * start is served first. That the others overtake them is from FQ-CoDel (RFC 8290, section 4.2). A flow is charged with
 * what the process has worked for it, and not with a pause that it met: on a machine with much else to do, or in a
 * container that has had its share of the processor, pauses are a hundred times as long as turns. A millisecond too much
 * costs a flow as many turns of all others.
 */
export class Intake {
  readonly #now: () => number
  readonly #worked: () => number
  readonly #most: number
  readonly #rests: boolean
  readonly #beforeBulk: (() => void) | undefined
  /** Flows with little, in the order they came. */
  #sparse: Turns[] = []
  /** Flows with much. */
  readonly #bulk = new Heap<Turns>(isBefore)
  /** The clock that all share: at the start of what was served last of the bulk. */
  #clock = 0
  /** The latest end of all that was served. */
  #latest = 0
  /** Milliseconds that this turn of the loop has spent on what came in it. */
  #spent = 0
  /** When a flow with little was served last. */
  #sparseAt = Number.NEGATIVE_INFINITY
  /** Until when the bulk leaves time to others. */
  #rest = 0
  /** Milliseconds that it has left them beyond that. */
  #late = 0
  /** What the process had worked when it was last looked up. */
  #workedBefore = 0
  #arrivals = 0
  #armed = false
  #timer: NodeJS.Timeout | undefined
  #serving = false

  constructor(options: IntakeOptions = {}) {
    this.#most = options.bulk ?? BULK
    this.#rests = options.rests ?? true
    this.#beforeBulk = options.beforeBulk
    this.#now = options.now ?? (() => performance.now())
    this.#worked = options.worked ?? cpuTime
  }

  /** @internal Whether a flow is being served right now. */
  get serving(): boolean {
    return this.#serving
  }

  /**
   * A share for one more peer.
   *
   * @param handle handles a small piece, such as a KiB, of what has come, and tells whether more waits
   */
  flow(handle: () => boolean): Flow {
    return new Turns(handle, this.#ready)
  }

  readonly #ready = (flow: Turns, bytes: number): void => {
    if (flow.waiting) return
    const now = this.#now()
    if (now - flow.served > FORGET) flow.end = 0
    const little = bytes <= LITTLE && (this.#bulk.size === 0 || flow.end <= this.#clock)
    if (little && this.#spent < BUDGET && !this.#serving) {
      this.#sparseAt = now
      this.#spent += this.#serve(flow, now) - now
    } else if (little) {
      flow.waiting = true
      this.#sparse.push(flow)
    } else this.#wait(flow)
    this.#arm()
  }

  #wait(flow: Turns): void {
    flow.start = Math.max(this.#clock, flow.end)
    flow.order = this.#arrivals++
    flow.waiting = true
    this.#bulk.push(flow)
  }

  /** Serves a flow for a quantum; returns when that ended. */
  #serve(flow: Turns, began: number): number {
    let ended = began
    let more = false
    flow.waiting = false
    this.#serving = true
    try {
      do {
        more = flow.handle()
        ended = this.#now()
      } while (more && ended - began < QUANTUM)
    } finally {
      this.#serving = false
      flow.worked = this.#work(ended - began)
      flow.end = Math.max(this.#clock, flow.end) + Math.min(flow.worked, MOST)
      flow.served = ended
      this.#latest = Math.max(this.#latest, flow.end)
    }
    if (more && !flow.waiting) this.#wait(flow)
    return ended
  }

  /** How much of some time, which has just passed, was work. */
  #work(millis: number): number {
    // Looking it up takes longer than many a message.
    if (millis <= PAUSE) return millis
    const before = this.#workedBefore
    this.#workedBefore = this.#worked()
    return Math.min(millis, this.#workedBefore - before)
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#armed = false
    this.#spent = 0
    if (this.#bulk.size > 0) this.#workedBefore = this.#worked()
    try {
      this.#serveSparse()
      this.#serveBulk()
    } finally {
      // Nobody has much: what everybody has had is forgotten.
      if (this.#bulk.size === 0) this.#clock = this.#latest
      this.#goOn()
    }
  }

  #serveSparse(): void {
    const began = this.#now()
    let served = 0
    for (let at = began; served < this.#sparse.length && at - began < BUDGET; ) {
      this.#sparseAt = at
      at = this.#serve(this.#sparse[served++] as Turns, at)
    }
    if (served > 0) this.#sparse = this.#sparse.slice(served)
  }

  #serveBulk(): void {
    if (this.#bulk.size === 0) return
    const began = this.#now()
    if (began < this.#rest) return
    this.#beforeBulk?.()
    let at = began
    let worked = 0
    while (at - began < this.#most) {
      const next = this.#bulk.pop()
      if (!next) break
      this.#clock = next.start
      at = this.#serve(next, at)
      worked += next.worked
    }
    if (this.#rests && at - this.#sparseAt < FORGET) this.#restFor(worked, at)
  }

  /** Leaves time for what the bulk has worked, less what it has rested for too long before. */
  #restFor(worked: number, now: number): void {
    // What a long piece took beyond the turn counts twice: others cannot help but wait for it, so it is to be rare.
    const over = Math.min(MOST, Math.max(0, worked - this.#most))
    const owed = REST * (worked + over) - this.#late
    this.#rest = now + Math.max(0, owed)
    this.#late = Math.max(0, -owed)
  }

  /** Comes back for those that wait: in the next turn of the loop, or when the bulk has rested. */
  #goOn(): void {
    if (this.#sparse.length > 0) this.#arm()
    if (this.#bulk.size === 0) return
    const rest = this.#rest - this.#now()
    if (rest <= 0) this.#arm()
    else this.#timer ??= setTimeout(this.#rested, rest)
  }

  /** Not right now: timers come before what has arrived meanwhile. */
  readonly #rested = (): void => {
    this.#timer = undefined
    this.#late = Math.min(LATE, this.#now() - this.#rest)
    this.#arm()
  }
}

const cpuTime = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
