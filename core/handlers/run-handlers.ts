import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { CallContract, ContractIndex } from '../contract/contract.ts'
import { validate } from '../contract/schema.ts'
import { RookeryError } from '../protocol/errors.ts'
import { isPromiseLike } from '../util/promises.ts'
import type { AnyMiddleware, Context, Handler, Next } from './context.ts'
import type { SessionRate } from './session-rate.ts'

/** A handler with what runs before and after it. */
export interface HandlerEntry {
  readonly handler: Handler
  readonly schema: StandardSchemaV1 | undefined
  readonly rate: SessionRate | undefined
  /** Middleware of the handler's groups. */
  readonly use: readonly AnyMiddleware[]
  /** The call of the contract that the handler answers. */
  readonly call: CallContract | undefined
  /** The contract, for a handler of a pattern that may answer several calls. */
  readonly contract: ContractIndex | undefined
  readonly validatesOutput: boolean
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
 * others.
 *
 * @throws `unknown_topic` without a handler, `rate_limited`, `invalid_payload`, or the error of a handler
 */
export const runHandlers = (entries: readonly HandlerEntry[], ctx: Context): unknown => {
  const first = entries[0]
  if (!first) throw new RookeryError('unknown_topic', `No handler is registered for '${ctx.topic}'`)
  return entries.length === 1 ? runOne(first, ctx) : runSeveral(entries, ctx)
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
      Object.assign(ctx.state, state)
      const rest = step(index + 1)
      // Middleware may ignore this promise. Its rejection must not end the process.
      rest.catch(() => {})
      return rest
    }
    return await layer(ctx, next)
  }
  return await step(0)
}

const runSeveral = async (entries: readonly HandlerEntry[], ctx: Context): Promise<unknown> => {
  const outcomes = await Promise.allSettled(entries.map(async (entry) => await runOne(entry, ctx)))
  const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new HandlerErrors(errors, `${errors.length} handlers of '${ctx.topic}' failed`)
  return outcomes
    .map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value)
    .find((value) => value !== undefined)
}

const runOne = (entry: HandlerEntry, ctx: Context): unknown => {
  entry.rate?.take(ctx.session)
  return entry.use.length === 0 ? answer(entry, ctx) : runMiddleware(entry.use, ctx, () => answer(entry, ctx))
}

/** Stays synchronous if schemas and handler are: for small messages, promises are most of the cost. */
const answer = (entry: HandlerEntry, ctx: Context): unknown => {
  const call = entry.call ?? entry.contract?.callOf(ctx.topic)
  const schema = entry.schema ?? call?.input
  const payload = schema ? validate(schema, ctx.payload, 'The payload') : call ? undefined : ctx.payload
  const result = isPromiseLike(payload)
    ? payload.then((validated) => entry.handler(ctx, validated))
    : entry.handler(ctx, payload)
  if (!call) return result
  return isPromiseLike(result)
    ? result.then((value) => checkedResult(entry, call, value, ctx))
    : checkedResult(entry, call, result, ctx)
}

/** A call without an output has an empty reply. */
const checkedResult = (
  entry: HandlerEntry,
  { output }: CallContract,
  value: unknown,
  ctx: Context,
): unknown => {
  if (!output) return undefined
  if (!entry.validatesOutput) return value
  const failed = (cause: unknown): never => {
    const { message } = cause as Error
    throw new RookeryError('invalid_output', `handle('${ctx.topic}'): ${message}`, { cause })
  }
  try {
    const checked = validate(output, value, 'The result')
    return isPromiseLike(checked) ? checked.then(() => value, failed) : value
  } catch (cause) {
    return failed(cause)
  }
}
