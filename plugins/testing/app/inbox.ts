import type { SubscribeOptions } from '../../../client/message-options.ts'
import type { Message, Subscription } from '../../../client/messages/subscription.ts'
import type { Client } from '../../../client/types.ts'

// The test may replace the timers of `globalThis` by fake ones. The time that a test waits is real.
const { setTimeout, clearTimeout } = globalThis

/** Default of the time that `next` waits, in milliseconds. */
const WAIT_MS = 1_000

/** The messages of one subscription, in the order in which they arrived. */
export interface Inbox<M = Message> {
  /** All messages so far. A message that `next` has returned stays in the list. */
  readonly all: readonly M[]
  /**
   * Resolves with the first message that no earlier call has returned, as soon as it has arrived.
   *
   * @param options `timeout` in milliseconds of real time, also with fake timers @default 1000
   * @throws an error that lists what the client has received instead, after the timeout or when the subscription ends
   * @example const { payload } = await inbox.next()
   */
  next(options?: { readonly timeout?: number }): Promise<M>
  /** Ends the subscription. */
  close(): void
  /** As `close`, for `using`. */
  [Symbol.dispose](): void
}

interface Waiter {
  take(message: Message): void
  fail(reason: Error): void
}

/** Collects the messages of a subscription. */
export class MessageInbox implements Inbox {
  readonly all: Message[] = []
  readonly #subscription: Subscription
  readonly #received: () => string
  readonly #unread: Message[] = []
  readonly #waiting = new Set<Waiter>()

  /** @param received returns the latest messages of the client, for failures */
  constructor(client: Client, pattern: string, options: SubscribeOptions, received: () => string) {
    this.#received = received
    this.#subscription = client.subscribe(pattern, (_payload, message) => this.#add(message), options)
    this.#subscription.on('state', (_state, error) => this.#checkEnd(error))
  }

  /** Resolves when the server has confirmed the subscription. @throws the server's refusal */
  async confirmed(): Promise<void> {
    const { ready } = this.#subscription
    const refused = new Promise<never>((_resolve, reject) => {
      this.#subscription.on('state', (_state, error) => error && reject(error))
    })
    try {
      await Promise.race([ready, refused])
    } catch (error) {
      // The client would ask again after a refusal that may pass.
      this.close()
      throw error
    }
  }

  async next({ timeout = WAIT_MS }: { readonly timeout?: number } = {}): Promise<Message> {
    try {
      return this.#unread.shift() ?? (await this.#arrival(timeout))
    } catch (error) {
      const { message, cause } = error as Error
      const { pattern } = this.#subscription
      const text = `No message for '${pattern}' ${message}. The client has received: ${this.#received()}`
      // Created here and not in a timer, so that the stack shows the line of the test.
      throw new Error(text, { cause })
    }
  }

  close(): void {
    this.#subscription.cancel()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Resolves with the next message that arrives. Rejects with the reason why none does. */
  #arrival(timeout: number): Promise<Message> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiter.fail(new Error(`within ${timeout} ms`)), timeout)
      const end = () => {
        clearTimeout(timer)
        this.#waiting.delete(waiter)
      }
      const waiter: Waiter = {
        take: (message) => {
          end()
          resolve(message)
        },
        fail: (reason) => {
          end()
          reject(reason)
        },
      }
      this.#waiting.add(waiter)
      this.#checkEnd(this.#subscription.error)
    })
  }

  #add(message: Message): void {
    this.all.push(message)
    const [waiter] = this.#waiting
    if (waiter) waiter.take(message)
    else this.#unread.push(message)
  }

  #checkEnd(cause: unknown): void {
    const { state } = this.#subscription
    if (state !== 'cancelled' && state !== 'failed') return
    for (const waiter of this.#waiting) waiter.fail(new Error('before its subscription ended', { cause }))
  }
}
