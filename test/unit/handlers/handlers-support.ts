import { expect } from 'vitest'
// Adds the messages of the server's error codes, as an app does.
import '../../../core/protocol/error-table.ts'
import { Handlers } from '../../../core/handlers/handlers.ts'
import type { RookeryError } from '../../../core/protocol/errors.ts'
import { Work } from '../../../core/util/work.ts'

/** A registry of handlers, and a function that sends to it without an app. */
export const createHandlers = (timeout = 10_000) => {
  const work = new Work()
  const handlers = new Handlers(timeout, work)
  const send = async (topic: string, payload?: unknown): Promise<unknown> => {
    const controller = new AbortController()
    const ctx = { topic, payload, signal: controller.signal, state: {} }
    const abort = (reason: RookeryError) => controller.abort(reason)
    const fork = (): unknown => ({ ...ctx, state: {} })
    const run = { ...ctx, abort, end: () => {}, fork }
    return await handlers.run(run as unknown as Parameters<Handlers['run']>[0])
  }
  return { handlers, send, work }
}

/** Matches an error with the code. */
export const coded = (code: string, fields: object = {}) => expect.objectContaining({ code, ...fields })

/** Resolves with the reason for which the promise rejects. */
export const failureOf = (promise: Promise<unknown>): Promise<RookeryError & AggregateError> =>
  promise.then(
    () => expect.unreachable('it did not reject'),
    (error) => error,
  )
