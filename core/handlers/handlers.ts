import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Issue, RookeryError } from '../protocol/errors.ts'
import { Matcher } from '../topics/matcher.ts'
import { assertPattern, compilePattern, isReserved } from '../topics/topic.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { Context, Handler, Middleware, Next } from './context.ts'
import { InFlight } from './in-flight.ts'

interface Entry {
  /** Counts up: handlers answer in the order they were added, whatever their patterns. */
  readonly order: number
  readonly schema: StandardSchemaV1 | undefined
  readonly handler: Handler
}

/** A context that is told how its message goes. */
interface Run extends Context {
  /** The handlers have run out of time. */
  abort(reason: RookeryError): void
  /** The handlers are done, or nobody waits for them any more. Idempotent. */
  end(): void
}

interface Layer {
  readonly matches: (topic: string) => boolean
  readonly middleware: Middleware
}

const NONE: readonly Entry[] = []

/** Several handlers of one message failed, in the order they were added. The first failure is what the caller sees. */
class HandlerErrors extends AggregateError {
  override readonly name = 'HandlerErrors'
}

/** The handlers and the middleware around them. */
export class Handlers {
  readonly #matcher = new Matcher<Entry>()
  readonly #layers: Layer[] = []
  readonly #timeout: number
  readonly #running: InFlight
  #added = 0

  /** @param timeout milliseconds that the handlers of one message have together */
  constructor(timeout: number) {
    this.#timeout = timeout
    this.#running = new InFlight(timeout)
  }

  /** Adds a handler; returns how to remove it. @throws `invalid_pattern`, `reserved_topic`, `invalid_option` */
  add(topic: string, schema: StandardSchemaV1 | undefined, handler: Handler | undefined): () => void {
    assertPattern(topic)
    if (isReserved(topic)) throw new RookeryError('reserved_topic', `Clients cannot send to '${topic}'`)
    // A schema of arktype's is a function too: handle(topic, schema) has forgotten its handler.
    if (typeof handler !== 'function' || isSchema(handler)) {
      throw new RookeryError(
        'invalid_option',
        `handle('${topic}'): the last argument must be the handler function`,
      )
    }
    if (schema !== undefined && !isSchema(schema)) {
      throw new RookeryError(
        'invalid_option',
        `handle('${topic}'): the schema must implement Standard Schema, as zod, valibot and arktype do`,
      )
    }
    const entry = { order: this.#added++, schema, handler }
    this.#matcher.add(topic, entry)
    return () => void this.#matcher.remove(topic, entry)
  }

  /** Adds middleware; returns how to remove it. */
  use(pattern: string | undefined, middleware: Middleware | undefined): () => void {
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
   * @returns what the first handler that returned something returned, in the order they were added; a promise of it
   *   where something has to be waited for
   * @throws `unknown_topic`, `invalid_payload`, `handler_timeout`, or what a handler threw
   */
  run(ctx: Run): unknown {
    let result: unknown
    try {
      const entries = this.#entries(ctx.topic)
      result =
        this.#layers.length === 0 ? runAll(entries, ctx) : this.#compose(ctx, () => runAll(entries, ctx))
    } catch (error) {
      ctx.end()
      throw error
    }
    if (isPromiseLike(result)) return this.#watch(result, ctx)
    ctx.end()
    return result
  }

  #watch(result: PromiseLike<unknown>, ctx: Run): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const run = this.#running.begin(() => {
        const took = `'${ctx.topic}' was not handled within ${this.#timeout} ms`
        const error = new RookeryError('handler_timeout', took)
        ctx.abort(error)
        ctx.end()
        reject(error)
      })
      const end = () => {
        ctx.end()
        this.#running.end(run)
      }
      // `Promise.resolve`, because a thenable of somebody else's may do anything.
      void Promise.resolve(result).then(resolve, reject).then(end)
    })
  }

  #entries(topic: string): readonly Entry[] {
    const sets = this.#matcher.match(topic)
    if (sets.length === 0) return NONE
    const entries = sets.flatMap((set) => [...set])
    return entries.length === 1 ? entries : entries.sort((one, other) => one.order - other.order)
  }

  /** Resolves when no handler is running. */
  idle(): Promise<void> {
    return this.#running.idle()
  }

  async #compose(ctx: Context, handlers: () => unknown): Promise<unknown> {
    const layers = this.#layers.filter(({ matches }) => matches(ctx.topic))
    const step = async (index: number): Promise<unknown> => {
      const layer = layers[index]
      if (!layer) return await handlers()
      let called = false
      const next: Next = () => {
        if (called) throw new Error('next() was called twice in one middleware')
        called = true
        const rest = step(index + 1)
        // Middleware that does not wait for the rest must not end the process when the rest fails.
        rest.catch(() => {})
        return rest
      }
      return await layer.middleware(ctx, next)
    }
    return await step(0)
  }
}

/** Runs handlers side by side and waits for all, so that one failing does not cut another short. */
const runAll = (entries: readonly Entry[], ctx: Context): unknown => {
  const first = entries[0]
  if (!first) throw new RookeryError('unknown_topic', `No handler takes '${ctx.topic}'`)
  return entries.length === 1 ? runOne(first, ctx) : runSeveral(entries, ctx)
}

const runSeveral = async (entries: readonly Entry[], ctx: Context): Promise<unknown> => {
  const outcomes = await Promise.allSettled(entries.map(async (entry) => await runOne(entry, ctx)))
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new HandlerErrors(errors, `${errors.length} handlers of '${ctx.topic}' failed`)
  return outcomes
    .map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value)
    .find((value) => value !== undefined)
}

/** At once where nothing has to be waited for: most of what is sent is small, and promises are most of its cost. */
const runOne = ({ schema, handler }: Entry, ctx: Context): unknown => {
  if (!schema) return handler(ctx, ctx.payload)
  const result = schema['~standard'].validate(ctx.payload)
  return isPromiseLike<Validated>(result)
    ? Promise.resolve(result).then((validated) => handler(ctx, validValue(validated)))
    : handler(ctx, validValue(result))
}

type Validated = StandardSchemaV1.Result<unknown>

/** @throws `invalid_payload` */
const validValue = (validated: Validated): unknown => {
  if (validated.issues) throw invalidPayload(validated.issues)
  return validated.value
}

const invalidPayload = (found: readonly StandardSchemaV1.Issue[]): RookeryError => {
  const issues = found.map(({ message, path }): Issue => {
    if (!path) return { message }
    // Not `path.map`: arktype's paths are a kind of array of their own, and would stay one.
    const keys = Array.from(path, (part) => (typeof part === 'object' ? part.key : part))
    return { message, path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)) }
  })
  const [first] = issues
  if (!first) return new RookeryError('invalid_payload')
  const where = first.path?.length ? `${first.path.join('.')}: ` : ''
  return new RookeryError('invalid_payload', `The payload is not valid: ${where}${first.message}`, { issues })
}

/** arktype's schemas are functions, the others' are objects. */
const isSchema = (value: unknown): boolean =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value
