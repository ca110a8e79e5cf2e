import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { CallContract, ContractIndex } from '../contract/contract.ts'
import type { NamedPattern } from '../contract/pattern.ts'
import { validate } from '../contract/schema.ts'
import { RookeryError } from '../protocol/errors.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { Context } from './context.ts'
import type { Handler } from './handle.ts'
import type { AnyMiddleware, Next } from './middleware.ts'
import type { SessionRate } from './session-rate.ts'

/** A handler with what runs before it. */
export interface HandlerEntry {
  readonly handler: Handler
  readonly schema: StandardSchemaV1 | undefined
  /** The named segments of its pattern. */
  readonly names: NamedPattern['names']
  readonly rate: SessionRate | undefined
  /** Middleware of the handler's groups. */
  readonly use: readonly AnyMiddleware[]
  /** Milliseconds. */
  readonly timeout: number
}

/** The handlers of one topic or pattern. */
export interface Handled {
  /** In the order in which they were added. */
  readonly entries: readonly HandlerEntry[]
  /** The call of the contract that the handlers answer. */
  readonly call: CallContract | undefined
  /** The contract, for handlers of a pattern that may answer several calls. */
  readonly contract: ContractIndex | undefined
  readonly validatesOutput: boolean
}

/** The context of a message that several handlers may get. */
export interface SharedContext extends Context {
  /** Creates the context of one of several handlers: with its own `params`, and a `state` that the others do not change. */
  fork(names: NamedPattern['names']): Context
}

/**
 * The errors of several failed handlers of one message, in the order of the handlers. The client gets the first
 * public one.
 */
class HandlerErrors extends AggregateError {
  override readonly name = 'HandlerErrors'
}

/**
 * Runs handlers concurrently and waits for all of them, so that a failed handler does not end the message for the
 * others. Stays synchronous if schemas and handler are: for small messages, promises are most of the cost.
 *
 * @throws `unknown_topic` without a handler, `rate_limited`, `invalid_payload`, `invalid_output`, or the error of a
 *   handler
 */
export const runHandlers = (handled: Handled | undefined, ctx: SharedContext): unknown => {
  if (!handled) throw new RookeryError('unknown_topic', `No handler is registered for '${ctx.topic}'`)
  const { entries, contract, validatesOutput } = handled
  const call = handled.call ?? contract?.callOf(ctx.topic)
  const result =
    entries.length === 1 ? runOne(entries[0] as HandlerEntry, call, ctx) : runSeveral(entries, call, ctx)
  if (!call) return result
  return isPromiseLike(result)
    ? result.then((value) => reply(call, value, ctx.topic, validatesOutput))
    : reply(call, result, ctx.topic, validatesOutput)
}

/** Runs middleware, and then what it surrounds. */
export const runMiddleware = async (
  layers: readonly AnyMiddleware[],
  ctx: Context,
  inner: () => unknown,
): Promise<unknown> => {
  const step = async (index: number): Promise<unknown> => {
    const layer = layers[index]
    if (!layer) return await inner()
    let called = false
    const next: Next = (state) => {
      if (called) throw new Error('next() was called twice in one middleware')
      called = true
      if (state) Object.assign(ctx.state, state)
      const rest = step(index + 1)
      // Middleware may ignore this promise. Its rejection must not end the process.
      rest.catch(() => {})
      return rest
    }
    return await layer(ctx, next)
  }
  return await step(0)
}

const runSeveral = async (
  entries: readonly HandlerEntry[],
  call: CallContract | undefined,
  ctx: SharedContext,
): Promise<unknown> => {
  const run = async (entry: HandlerEntry) => await runOne(entry, call, ctx.fork(entry.names))
  const outcomes = await Promise.allSettled(entries.map(run))
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new HandlerErrors(errors, `${errors.length} handlers of '${ctx.topic}' failed`)
  return outcomes
    .map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value)
    .find((value) => value !== undefined)
}

const runOne = (entry: HandlerEntry, call: CallContract | undefined, ctx: Context): unknown => {
  entry.rate?.take(ctx.session)
  return entry.use.length === 0
    ? handle(entry, call, ctx)
    : runMiddleware(entry.use, ctx, () => handle(entry, call, ctx))
}

const handle = ({ schema, handler }: HandlerEntry, call: CallContract | undefined, ctx: Context): unknown => {
  const wanted = schema ?? call?.input
  // A call without an input has no payload.
  if (!wanted) return handler(ctx, call ? undefined : ctx.payload)
  const payload = validate(wanted, ctx.payload, 'The payload')
  return isPromiseLike(payload) ? payload.then((validated) => handler(ctx, validated)) : handler(ctx, payload)
}

/** Returns the payload of the reply. A call without an output has an empty reply. */
const reply = ({ output }: CallContract, result: unknown, topic: string, validates: boolean): unknown => {
  if (!output) return undefined
  if (!validates) return result
  const checked = validate(output, result, `The result of '${topic}'`, 'invalid_output')
  return isPromiseLike(checked) ? checked.then(() => result) : result
}
