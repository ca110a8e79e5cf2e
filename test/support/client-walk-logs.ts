import type { Client, RookeryError, Subscription } from 'rookery/client'
import { expect, vi } from 'vitest'

/** Codes of calls that the client has not sent. */
const UNSENT = new Set(['queue_full', 'aborted', 'payload_too_large'])

/** What a walk found to be wrong. Listeners and handlers add to it, since an error that they throw would be lost. */
export type Violations = string[]

/** Numbered messages without a reply: the server handles each one at most once, in order. */
export class NoteLog {
  readonly #violations: Violations
  /** For each note, how many connections had ended when the client could send it; undefined while there is no connection. */
  readonly #epochs: (number | undefined)[] = []
  readonly #arrived = new Set<number>()
  #last = -1
  #epoch = 0

  constructor(violations: Violations) {
    this.#violations = violations
  }

  send(client: Client): void {
    client.send('note', this.#epochs.length)
    this.#epochs.push(client.state === 'open' ? this.#epoch : undefined)
  }

  /** The server handles a note. */
  arrived(number: number): void {
    if (number <= this.#last) this.#violations.push(`note ${number} came after note ${this.#last}`)
    this.#last = number
    this.#arrived.add(number)
  }

  /** An open connection has ended. */
  broken(): void {
    this.#epoch++
  }

  opened(): void {
    this.#epochs.forEach((epoch, number) => {
      if (epoch === undefined) this.#epochs[number] = this.#epoch
    })
  }

  /** Number of notes so far. */
  get size(): number {
    return this.#epochs.length
  }

  /** Checks that no note among the first `count` is lost that was sent since the last connection ended. */
  checkFirst(count: number): void {
    for (let number = 0; number < count; number++) {
      if (this.#epochs[number] === this.#epoch && !this.#arrived.has(number)) {
        this.#violations.push(`note ${number} is lost, and no connection was`)
      }
    }
  }
}

/** Numbered calls: one that resolves was handled once, one that rejects at most once. */
export class CallLog {
  readonly #violations: Violations
  readonly #handled: number[] = []
  readonly #outcomes: Promise<string | undefined>[] = []

  constructor(violations: Violations) {
    this.#violations = violations
  }

  add(call: (number: number) => Promise<unknown>): void {
    const number = this.#outcomes.length
    this.#handled.push(0)
    const outcome = call(number).then(
      () => undefined,
      ({ code }: RookeryError) => code,
    )
    this.#outcomes.push(outcome)
  }

  /** The server handles a call. */
  arrived(number: number): void {
    this.#handled[number]!++
  }

  /** Waits for all outcomes, and checks them. */
  async settled(): Promise<void> {
    const outcomes = await Promise.all(this.#outcomes)
    outcomes.forEach((code, number) => {
      const times = this.#handled[number] as number
      const isRight = code === undefined ? times === 1 : times <= (UNSENT.has(code) ? 0 : 1)
      if (!isRight) this.#violations.push(`call ${number} (${code ?? 'resolved'}) was handled ${times} times`)
    })
  }
}

/** A subscription to numbered messages: each one comes once and in order, and none is missing while the connection lasts. */
export class Listening {
  readonly pattern: string
  readonly #subscription: Subscription
  readonly #violations: Violations
  readonly #last = new Map<string, number>()
  /** Topics whose next message may leave a gap: the connection has ended, or the subscription was not active. */
  readonly #mayMiss = new Set<string>()
  #received = 0

  constructor(client: Client, pattern: string, violations: Violations) {
    this.pattern = pattern
    this.#violations = violations
    this.#subscription = client.subscribe<number>(pattern, (number, { topic }) => this.#take(topic, number))
    this.#subscription.on('state', (state) => {
      if (state === 'active') this.broken()
    })
  }

  get state(): Subscription['state'] {
    return this.#subscription.state
  }

  cancel(): void {
    this.#subscription.cancel()
  }

  /** An open connection has ended. */
  broken(): void {
    for (const topic of this.#last.keys()) this.#mayMiss.add(topic)
  }

  /** Resolves when a further message has come. */
  async untilNext(): Promise<void> {
    const before = this.#received
    await vi.waitFor(() => expect(this.#received).toBeGreaterThan(before))
  }

  #take(topic: string, number: number): void {
    this.#received++
    const last = this.#last.get(topic) ?? number - 1
    const where = `'${this.pattern}': ${topic} ${number} after ${last}`
    if (this.state === 'cancelled') this.#violations.push(`${where}, after cancel()`)
    if (number <= last) this.#violations.push(`${where}, doubled or out of order`)
    if (number > last + 1 && !this.#mayMiss.has(topic)) this.#violations.push(`${where}, a gap`)
    this.#mayMiss.delete(topic)
    this.#last.set(topic, number)
  }
}
