import { setTimeout as sleep } from 'node:timers/promises'
import { connect, errors, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'

/** Milliseconds between two attempts to find a server that is not there yet. */
const RETRY_INTERVAL = 500

export interface Connecting {
  readonly options: NodeConnectionOptions
  /** Whether to wait for a server that is not there yet. */
  readonly wait: boolean
  /** Ends all waiting. */
  readonly stopped: AbortSignal
  readonly log: Logger
}

/**
 * Connects to NATS. Only for a server that is not there is it worth waiting: what a server refuses once it refuses
 * again.
 *
 * @throws `cluster_unavailable`
 */
export const connectTo = async ({ options, wait, stopped, log }: Connecting): Promise<NatsConnection> => {
  const where = [options.servers ?? `127.0.0.1:${options.port ?? 4222}`].flat().join(', ')
  let reported: string | undefined
  for (;;) {
    try {
      return await attempt(options, stopped)
    } catch (cause) {
      const why = reasonOf(cause)
      if (stopped.aborted) throw stoppedEarly(cause)
      if (cause instanceof errors.AuthorizationError) {
        const advice = "correct 'user' and 'pass', 'token' or 'authenticator'"
        throw unavailable(`NATS at ${where} does not let this node in (${why}): ${advice}`, cause)
      }
      if (isRefusal(cause)) {
        throw unavailable(`NATS at ${where} cannot be used with these options: ${why}`, cause)
      }
      const away = `NATS cannot be reached at ${where}`
      if (!wait) {
        const advice = "start it, correct 'servers', or wait for it with nats({ wait: true })"
        throw unavailable(`${away} (${why}): ${advice}`, cause)
      }
      if (why !== reported) log.warn({ err: cause }, `${away}: waiting for it`)
      reported = why
      await retryTime(stopped)
    }
  }
}

/**
 * Resolves when a connection that somebody else has made is there, which may be just reconnecting.
 *
 * @throws `cluster_unavailable`
 */
export const confirm = async (
  nats: NatsConnection,
  { wait, stopped }: Pick<Connecting, 'wait' | 'stopped'>,
): Promise<void> => {
  for (;;) {
    try {
      return await orStopped(nats.flush(), stopped)
    } catch (cause) {
      if (stopped.aborted) throw stoppedEarly(cause)
      if (nats.isClosed()) throw unavailable("the 'connection' that it was given is closed", cause)
      if (!wait) {
        const advice = 'connect it first, or wait for it with nats({ wait: true })'
        throw unavailable(`the 'connection' that it was given has no server: ${advice}`, cause)
      }
      await retryTime(stopped)
    }
  }
}

export const unavailable = (message: string, cause?: unknown): RookeryError =>
  new RookeryError('cluster_unavailable', message, { cause })

const attempt = async (options: NodeConnectionOptions, stopped: AbortSignal): Promise<NatsConnection> => {
  const connecting = connect({ ...options })
  try {
    return await orStopped(connecting, stopped)
  } catch (error) {
    // It cannot be called off, only closed when it comes about after all.
    connecting.then((nats) => nats.close()).catch(() => {})
    throw error
  }
}

const stoppedEarly = (cause: unknown): RookeryError =>
  unavailable('the app was stopped while it waited for NATS', cause)

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Whether no server will ever take this: options that contradict each other, and TLS that fails. */
const isRefusal = (cause: unknown): boolean => {
  if (cause instanceof errors.InvalidArgumentError || cause instanceof TypeError) return true
  const code = String((cause as { readonly code?: unknown } | null)?.code ?? '')
  return /^(ERR|CERT|DEPTH|SELF|UNABLE)_/.test(code) || /does not support|doesn't exist/.test(reasonOf(cause))
}

const retryTime = (stopped: AbortSignal): Promise<void> =>
  sleep(RETRY_INTERVAL, undefined, { signal: stopped }).catch(() => {})

const orStopped = async <T>(promise: Promise<T>, stopped: AbortSignal): Promise<T> => {
  let stop = (): void => {}
  const stopping = new Promise<never>((_resolve, reject) => {
    stop = () => reject(stopped.reason)
    stopped.addEventListener('abort', stop)
    if (stopped.aborted) stop()
  })
  try {
    return await Promise.race([promise, stopping])
  } finally {
    stopped.removeEventListener('abort', stop)
  }
}
