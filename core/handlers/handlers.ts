import { compileNamed, keyOf, type NamedPattern, parseNamedPattern } from '../contract/pattern.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Untyped } from '../protocol/protocol.ts'
import { PatternTrie } from '../topics/pattern-trie.ts'
import { isReserved } from '../topics/topic.ts'
import { isPromiseLike } from '../util/promises.ts'
import { Work } from '../util/work.ts'
import { ContractRules } from './contract-rules.ts'
import type { Handle } from './handle.ts'
import { readHandleArguments, timeoutOf } from './handle-arguments.ts'
import { InFlight } from './in-flight.ts'
import type { AnyMiddleware } from './middleware.ts'
import {
  type Handled,
  type HandlerEntry,
  runHandlers,
  runMiddleware,
  type SharedContext,
} from './run-handlers.ts'
import { SessionRate } from './session-rate.ts'

/** A context with callbacks for the progress of its message. */
interface Run extends SharedContext {
  /** Names of segments in the pattern of the handlers. */
  names: NamedPattern['names']
  /** Called when the handlers have exceeded their time. */
  abort(reason: RookeryError): void
  /** Called when the handlers have settled or exceeded their time. Idempotent. */
  end(): void
}

interface Layer {
  readonly matches: (topic: string) => unknown
  readonly middleware: AnyMiddleware
}

/** The handlers of one topic or pattern. A change replaces the list. */
interface Registered extends Handled {
  entries: readonly HandlerEntry[]
  /** The calls under way with the longest time of the handlers. */
  running: InFlight
}

/** What the groups of a handler state for it. */
export interface HandlerDefaults {
  readonly use: readonly AnyMiddleware[]
  readonly rate: SessionRate | undefined
  /** Milliseconds. */
  readonly timeout: number | undefined
}

const NO_DEFAULTS: HandlerDefaults = { use: [], rate: undefined, timeout: undefined }

/** The handlers of an app and their middleware. */
export class Handlers {
  readonly #registered = new PatternTrie<Registered>({ named: true })
  readonly #layers: Layer[] = []
  readonly #timeout: number
  /** Calls under way by the time that they may take, in milliseconds. */
  readonly #running = new Map<number, InFlight>()
  readonly #work: Work
  readonly #rules: ContractRules

  /** @param timeout milliseconds for all handlers of one message together, unless they state their own */
  constructor(timeout: number, work = new Work(), rules = ContractRules.none) {
    this.#timeout = timeout
    this.#work = work
    this.#rules = rules
  }

  /**
   * Adds a handler. Returns a function that removes it.
   *
   * @param args of `App.handle`, after the topic
   * @throws `invalid_pattern`, `reserved_topic`, `invalid_option`, `duplicate_handler`
   */
  readonly add: Handle<Untyped> = (topic: string, ...args: readonly unknown[]) =>
    this.addTo(NO_DEFAULTS, topic, args)

  /** Adds a handler to a group. See `add`. */
  addTo(group: HandlerDefaults, topic: string, args: readonly unknown[]): () => void {
    const named = parseNamedPattern(topic)
    const key = keyOf(named)
    if (isReserved(topic)) throw new RookeryError('reserved_topic', `Clients cannot send to '${topic}'`)
    const { handler, options } = readHandleArguments(topic, args)
    if (options.strict !== false) this.#rules.checkHandler(topic)
    const registered = this.#registered.get(key)
    if (registered && !options.also) {
      throw new RookeryError(
        'duplicate_handler',
        `'${topic}' has a handler: remove one of the two, or add this one with { also: true } to run both`,
      )
    }
    const entry: HandlerEntry = {
      handler,
      schema: options.schema,
      names: named.names,
      rate: options.rate ? new SessionRate(options.rate) : group.rate,
      use: group.use,
      timeout: timeoutOf(options) ?? group.timeout ?? this.#timeout,
    }
    this.#set(key, topic, [...(registered?.entries ?? []), entry])
    return () => {
      const entries = this.#registered.get(key)?.entries ?? []
      if (entries.includes(entry)) {
        this.#set(
          key,
          topic,
          entries.filter((one) => one !== entry),
        )
      }
    }
  }

  #set(key: string, topic: string, entries: readonly HandlerEntry[]): void {
    const registered = this.#registered.get(key)
    if (entries.length === 0) {
      this.#registered.delete(key)
      return
    }
    const running = this.#within(Math.max(...entries.map(({ timeout }) => timeout)))
    if (registered) {
      Object.assign(registered, { entries, running })
      return
    }
    const { index, validatesOutput } = this.#rules
    const call = index?.callNamed(topic)
    const contract = call ? undefined : index
    this.#registered.add(key, { entries, running, call, contract, validatesOutput })
  }

  #within(timeout: number): InFlight {
    let running = this.#running.get(timeout)
    if (!running) this.#running.set(timeout, (running = new InFlight(timeout)))
    return running
  }

  /**
   * Adds middleware. Returns a function that removes it.
   *
   * @throws `invalid_pattern`, `reserved_topic`, `invalid_option`
   */
  use(pattern: string | undefined, middleware: AnyMiddleware | undefined): () => void {
    if (pattern !== undefined && isReserved(pattern)) {
      throw new RookeryError('reserved_topic', `Clients cannot send to '${pattern}'`)
    }
    const matches = pattern === undefined ? () => true : compileNamed(parseNamedPattern(pattern))
    if (typeof middleware !== 'function') {
      throw new RookeryError('invalid_option', 'use(): the last argument must be the middleware function')
    }
    const layer = { matches, middleware }
    this.#layers.push(layer)
    return () => {
      const index = this.#layers.indexOf(layer)
      if (index >= 0) this.#layers.splice(index, 1)
    }
  }

  /**
   * Runs the middleware and the handlers of a message.
   *
   * @returns the first result that is not undefined, in the order of the handlers; a promise only if a handler, a
   *   schema or middleware is asynchronous
   * @throws `unknown_topic`, `rate_limited`, `invalid_payload`, `handler_timeout`, or the error of a handler
   */
  run(ctx: Run): unknown {
    let result: unknown
    const registered = this.#registered.mostSpecific(ctx.topic)
    if (registered) ctx.names = (registered.entries[0] as HandlerEntry).names
    try {
      result =
        this.#layers.length === 0
          ? runHandlers(registered, ctx)
          : runMiddleware(this.#layersOf(ctx.topic), ctx, () => runHandlers(registered, ctx))
    } catch (error) {
      ctx.end()
      throw error
    }
    if (isPromiseLike(result))
      return this.#watch(result, ctx, registered?.running ?? this.#within(this.#timeout))
    ctx.end()
    return result
  }

  #layersOf(topic: string): readonly AnyMiddleware[] {
    return this.#layers.filter(({ matches }) => matches(topic)).map(({ middleware }) => middleware)
  }

  #watch(result: PromiseLike<unknown>, ctx: Run, running: InFlight): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const run = running.begin(() => {
        const took = `'${ctx.topic}' was not handled within ${running.limit} ms`
        const error = new RookeryError('handler_timeout', took)
        ctx.abort(error)
        ctx.end()
        // The message is answered, but its handlers go on.
        void this.#work.follow('handlers', result)
        reject(error)
      })
      const end = () => {
        ctx.end()
        running.end(run)
      }
      // `Promise.resolve`, since a thenable of another library may not behave like a promise.
      void Promise.resolve(result).then(resolve, reject).then(end)
    })
  }
}
