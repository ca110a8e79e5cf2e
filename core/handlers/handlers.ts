import { ContractRules } from '../contract/contract-rules.ts'
import { keyOf, type NamedPattern, parseNamedPattern } from '../contract/pattern.ts'
import { RookeryError } from '../protocol/errors.ts'
import type { Untyped } from '../protocol/protocol.ts'
import { PatternTrie } from '../topics/pattern-trie.ts'
import { compilePattern, isReserved } from '../topics/topic.ts'
import { isPromiseLike } from '../util/promises.ts'
import { Work } from '../util/work.ts'
import type { AnyMiddleware, Context, Handle } from './context.ts'
import { readHandleArguments, timeoutOf } from './handle-arguments.ts'
import { InFlight } from './in-flight.ts'
import { type HandlerEntry, runHandlers, runMiddleware } from './run-handlers.ts'
import { SessionRate } from './session-rate.ts'

/** A context with callbacks for the progress of its message. */
interface Run extends Context {
  /** Names of segments in the pattern of the handlers. */
  names: NamedPattern['names']
  /** Called when the handlers have exceeded their time. */
  abort(reason: RookeryError): void
  /** Called when the handlers have settled or exceeded their time. Idempotent. */
  end(): void
}

interface Layer {
  readonly matches: (topic: string) => boolean
  readonly middleware: AnyMiddleware
}

/** The handlers of one topic or pattern, in the order in which they were added. A change replaces the lists. */
interface Handled {
  entries: readonly HandlerEntry[]
  names: NamedPattern['names']
  /** The calls that are under way, with the longest time of the handlers. */
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

const NONE: readonly HandlerEntry[] = []

/** The handlers of an app and their middleware. */
export class Handlers {
  readonly #handled = new PatternTrie<Handled>({ named: true })
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
    const { index, validatesOutput } = this.#rules
    if (options.strict !== false) this.#rules.checkHandler(topic)
    const call = index?.callNamed(topic)
    const entry: HandlerEntry = {
      handler,
      schema: options.schema,
      rate: options.rate ? new SessionRate(options.rate) : group.rate,
      use: group.use,
      call,
      contract: call ? undefined : index,
      validatesOutput,
    }
    const handled = this.#handled.get(key)
    if (handled && !options.also) {
      throw new RookeryError(
        'duplicate_handler',
        `'${topic}' has a handler: remove one of the two, or add this one with { also: true } to run both`,
      )
    }
    const timeout = timeoutOf(options) ?? group.timeout ?? this.#timeout
    if (handled) {
      handled.entries = [...handled.entries, entry]
      handled.names = [...handled.names, ...named.names]
      handled.running = this.#within(Math.max(timeout, handled.running.limit))
    } else this.#handled.add(key, { entries: [entry], names: named.names, running: this.#within(timeout) })
    return () => this.#remove(key, entry)
  }

  #within(timeout: number): InFlight {
    let running = this.#running.get(timeout)
    if (!running) this.#running.set(timeout, (running = new InFlight(timeout)))
    return running
  }

  #remove(key: string, entry: HandlerEntry): void {
    const handled = this.#handled.get(key)
    if (!handled?.entries.includes(entry)) return
    handled.entries = handled.entries.filter((one) => one !== entry)
    if (handled.entries.length === 0) this.#handled.delete(key)
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
    const matches = pattern === undefined ? () => true : compilePattern(pattern)
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
    const handled = this.#handled.mostSpecific(ctx.topic)
    const entries = handled?.entries ?? NONE
    if (handled) ctx.names = handled.names
    try {
      result =
        this.#layers.length === 0
          ? runHandlers(entries, ctx)
          : runMiddleware(this.#layersOf(ctx.topic), ctx, () => runHandlers(entries, ctx))
    } catch (error) {
      ctx.end()
      throw error
    }
    if (isPromiseLike(result))
      return this.#watch(result, ctx, handled?.running ?? this.#within(this.#timeout))
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
