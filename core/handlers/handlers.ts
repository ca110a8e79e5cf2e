import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Issue, RookeryError } from '../protocol/errors.ts'
import { PatternTrie } from '../topics/pattern-trie.ts'
import { assertPattern, compilePattern, isReserved } from '../topics/topic.ts'
import { checkOptions, option } from '../util/options.ts'
import { isPromiseLike } from '../util/promises.ts'
import { Work } from '../util/work.ts'
import type { Context, HandleOptions, Handler, Middleware, Next } from './context.ts'
import { InFlight } from './in-flight.ts'

interface Entry {
  readonly schema: StandardSchemaV1 | undefined
  readonly handler: Handler
}

/** A context with callbacks for the progress of its message. */
interface Run extends Context {
  /** Called when the handlers have exceeded their time. */
  abort(reason: RookeryError): void
  /** Called when the handlers have settled or exceeded their time. Idempotent. */
  end(): void
}

interface Layer {
  readonly matches: (topic: string) => boolean
  readonly middleware: Middleware
}

/** The handlers of one topic or pattern, in the order in which they were added. A change replaces the list. */
interface Group {
  entries: readonly Entry[]
}

const NONE: readonly Entry[] = []

/**
 * The errors of several failed handlers of one message, in the order of the handlers. The client gets the first
 * public one.
 */
class HandlerErrors extends AggregateError {
  override readonly name = 'HandlerErrors'
}

/** The handlers of an app and their middleware. */
export class Handlers {
  readonly #groups = new PatternTrie<Group>()
  readonly #layers: Layer[] = []
  readonly #timeout: number
  readonly #running: InFlight
  readonly #work: Work

  /** @param timeout milliseconds for all handlers of one message together */
  constructor(timeout: number, work = new Work()) {
    this.#timeout = timeout
    this.#running = new InFlight(timeout)
    this.#work = work
  }

  /**
   * Adds a handler. Returns a function that removes it.
   *
   * @throws `invalid_pattern`, `reserved_topic`, `invalid_option`, `duplicate_handler`
   */
  add(
    topic: string,
    schema: StandardSchemaV1 | undefined,
    handler: Handler | undefined,
    options: HandleOptions = {},
  ): () => void {
    assertPattern(topic)
    if (isReserved(topic)) throw new RookeryError('reserved_topic', `Clients cannot send to '${topic}'`)
    // An arktype schema is a function, too: in `handle(topic, schema)` the handler is missing.
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
    checkOptions(`handle('${topic}')`, options, { also: option.boolean })
    const group = this.#groups.get(topic)
    if (group && !options.also) {
      throw new RookeryError(
        'duplicate_handler',
        `'${topic}' has a handler: remove one of the two, or add this one with { also: true } to run both`,
      )
    }
    const entry: Entry = { schema, handler }
    if (group) group.entries = [...group.entries, entry]
    else this.#groups.add(topic, { entries: [entry] })
    return () => this.#remove(topic, entry)
  }

  #remove(topic: string, entry: Entry): void {
    const group = this.#groups.get(topic)
    if (!group?.entries.includes(entry)) return
    group.entries = group.entries.filter((one) => one !== entry)
    if (group.entries.length === 0) this.#groups.delete(topic)
  }

  /**
   * Adds middleware. Returns a function that removes it.
   *
   * @throws `invalid_pattern`, `reserved_topic`, `invalid_option`
   */
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
   * @returns the first result that is not undefined, in the order of the handlers; a promise only if a handler, a
   *   schema or middleware is asynchronous
   * @throws `unknown_topic`, `invalid_payload`, `handler_timeout`, or the error of a handler
   */
  run(ctx: Run): unknown {
    let result: unknown
    try {
      const entries = this.#groups.mostSpecific(ctx.topic)?.entries ?? NONE
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
        // The message is answered, but its handlers go on.
        void this.#work.follow('handlers', result)
        reject(error)
      })
      const end = () => {
        ctx.end()
        this.#running.end(run)
      }
      // `Promise.resolve`, since a thenable of another library may not behave like a promise.
      void Promise.resolve(result).then(resolve, reject).then(end)
    })
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
        // Middleware may ignore this promise. Its rejection must not end the process.
        rest.catch(() => {})
        return rest
      }
      return await layer.middleware(ctx, next)
    }
    return await step(0)
  }
}

/**
 * Runs handlers concurrently and waits for all of them, so that a failed handler does not end the message for the
 * others.
 */
const runAll = (entries: readonly Entry[], ctx: Context): unknown => {
  const first = entries[0]
  if (!first) throw new RookeryError('unknown_topic', `No handler is registered for '${ctx.topic}'`)
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

/** Runs a handler synchronously if its schema is synchronous: for small messages, promises are most of the cost. */
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
    // Not `path.map`: arktype's paths are a subclass of Array, and `map` would return one, too.
    const keys = Array.from(path, (part) => (typeof part === 'object' ? part.key : part))
    return { message, path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)) }
  })
  const [first] = issues
  if (!first) return new RookeryError('invalid_payload')
  const where = first.path?.length ? `${first.path.join('.')}: ` : ''
  return new RookeryError('invalid_payload', `The payload is not valid: ${where}${first.message}`, { issues })
}

/** Whether a value is a Standard Schema. Schemas of arktype are functions, other schemas are objects. */
const isSchema = (value: unknown): boolean =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') && '~standard' in value
