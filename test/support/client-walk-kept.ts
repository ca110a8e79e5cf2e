import type { App } from 'rookery'
import type { Client, Subscription } from 'rookery/client'
import { expect, vi } from 'vitest'
import { compilePattern } from '../../core/topics/topic.ts'
import type { Random } from '../../plugins/testing/random.ts'
import type { Violations } from './client-walk-logs.ts'

const TOPICS = ['kept/a', 'kept/b', 'kept/c/d']
const PATTERNS = ['kept/*', 'kept/a', 'kept/*/d']

/** A subscription to kept messages: it gets each one that matches, in order, from the first one on. */
interface KeptListening {
  readonly pattern: string
  readonly matches: (topic: string) => boolean
  readonly subscription: Subscription
  /** Number of the next message that has not been looked at. Undefined before the first message. */
  next: number | undefined
}

/** Numbered messages that the server keeps, and the subscriptions to them. Nothing may be lost, whatever the network does. */
export class KeptLog {
  readonly #violations: Violations
  /** The topics of the messages. */
  readonly #published: string[] = []
  readonly #listening = new Set<KeptListening>()

  constructor(violations: Violations) {
    this.#violations = violations
  }

  get patterns(): string[] {
    return [...this.#listening].map(({ pattern }) => pattern)
  }

  get hasPending(): boolean {
    return [...this.#listening].some(({ subscription }) => subscription.state === 'pending')
  }

  publish(app: App, { pick }: Random): void {
    const topic = pick(TOPICS)
    void app.publish(topic, this.#published.length)
    this.#published.push(topic)
  }

  subscribe(client: Client, { pick, below }: Random): void {
    const pattern = pick(PATTERNS)
    // The clock of the walk jumps. It stays below 20 hours, and below the age of the messages.
    const since = pick(['now', 'earliest', { last: 1 + below(50) }, { ago: '20h' }, undefined] as const)
    const fromStart = since === 'earliest' || (typeof since === 'object' && 'ago' in since)
    const one: KeptListening = {
      pattern,
      matches: compilePattern(pattern),
      next: fromStart ? 0 : undefined,
      subscription: client.subscribe<number>(
        pattern,
        (number) => this.#take(one, number),
        since && { since },
      ),
    }
    one.subscription.on('gap', ({ reason }) => this.#violations.push(`'${pattern}': a gap: ${reason}`))
    this.#listening.add(one)
  }

  cancel({ pick }: Random): void {
    if (this.#listening.size === 0) return
    const one = pick([...this.#listening])
    this.#listening.delete(one)
    one.subscription.cancel()
  }

  /** Resolves when all subscriptions have got all messages so far. */
  async settled(): Promise<void> {
    const { length } = this.#published
    const open = () => [...this.#listening].filter((one) => this.#missing(one, length) !== undefined)
    await vi.waitFor(() => expect(open().map(({ pattern, next }) => [pattern, next])).toEqual([]))
  }

  /** Returns the number of the first message below a number that a subscription has not got. */
  #missing({ next = this.#published.length, matches }: KeptListening, below: number): number | undefined {
    for (let number = next; number < below; number++) {
      if (matches(this.#published[number] as string)) return number
    }
    return undefined
  }

  #take(one: KeptListening, number: number): void {
    const where = `'${one.pattern}': kept message ${number}`
    if (one.subscription.state === 'cancelled') this.#violations.push(`${where} after cancel()`)
    if (!one.matches(this.#published[number] as string)) this.#violations.push(`${where} does not match`)
    if (one.next !== undefined) {
      if (number < one.next) this.#violations.push(`${where} came when ${one.next} was next`)
      const missing = this.#missing(one, number)
      if (missing !== undefined) this.#violations.push(`${where} came without ${missing}`)
    }
    one.next = Math.max(number + 1, one.next ?? 0)
  }
}
