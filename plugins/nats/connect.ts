import { setTimeout as sleep } from 'node:timers/promises'
import { connect, errors, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { RookeryError } from '../../core/protocol/errors.ts'
import type { Logger } from '../../core/util/logger.ts'

/** Time between two attempts to connect. */
const RETRY_INTERVAL_MS = 500

export interface ConnectSettings {
  readonly options: NodeConnectionOptions
  /** Whether to wait until a server can be reached. */
  readonly wait: boolean
  /** Aborted when the app stops; ends all waiting. */
  readonly stopped: AbortSignal
  readonly log: Logger
}

/**
 * Connects to NATS. With `wait` it retries while the server cannot be reached. It does not retry after a refusal,
 * because the server would refuse again.
 *
 * @throws `cluster_unavailable`
 */
export const connectToNats = async (settings: ConnectSettings): Promise<NatsConnection> => {
  const { options, wait, stopped, log } = settings
  const address = [options.servers ?? `127.0.0.1:${options.port ?? 4222}`].flat().join(', ')
  let reported: string | undefined
  for (;;) {
    try {
      return await connectOnce(options, stopped)
    } catch (cause) {
      const reason = reasonOf(cause)
      if (stopped.aborted) throw stoppedEarly(cause)
      if (cause instanceof errors.AuthorizationError) {
        const advice = "correct 'user' and 'pass', 'token' or 'authenticator'"
        throw unavailable(
          `NATS at ${address} refuses the credentials of this node (${reason}): ${advice}`,
          cause,
        )
      }
      if (isPermanent(cause)) {
        throw unavailable(`NATS at ${address} cannot be used with these options: ${reason}`, cause)
      }
      const unreachable = `NATS cannot be reached at ${address}`
      if (!wait) {
        const advice = "start it, correct 'servers', or wait for it with nats({ wait: true })"
        throw unavailable(`${unreachable} (${reason}): ${advice}`, cause)
      }
      if (reason !== reported) log.warn({ err: cause }, `${unreachable}: waiting for it`)
      reported = reason
      await retryDelay(stopped)
    }
  }
}

/**
 * Resolves when a connection has a server. The application may have handed in a connection that is reconnecting.
 *
 * @throws `cluster_unavailable`
 */
export const confirmConnection = async (
  nats: NatsConnection,
  { wait, stopped }: Pick<ConnectSettings, 'wait' | 'stopped'>,
): Promise<void> => {
  for (;;) {
    try {
      return await unlessStopped(nats.flush(), stopped)
    } catch (cause) {
      if (stopped.aborted) throw stoppedEarly(cause)
      if (nats.isClosed()) throw unavailable("the 'connection' of nats() is closed", cause)
      if (!wait) {
        const advice = 'connect it first, or wait for it with nats({ wait: true })'
        throw unavailable(`the 'connection' of nats() has no server: ${advice}`, cause)
      }
      await retryDelay(stopped)
    }
  }
}

export const unavailable = (message: string, cause?: unknown): RookeryError =>
  new RookeryError('cluster_unavailable', message, { cause })

const connectOnce = async (options: NodeConnectionOptions, stopped: AbortSignal): Promise<NatsConnection> => {
  const connecting = connect({ ...options })
  try {
    return await unlessStopped(connecting, stopped)
  } catch (error) {
    // The attempt cannot be cancelled. If it succeeds later, the connection is closed.
    connecting.then((nats) => nats.close()).catch(() => {})
    throw error
  }
}

const stoppedEarly = (cause: unknown): RookeryError =>
  unavailable('the app was stopped while it waited for NATS', cause)

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Whether a retry would fail the same way: the options contradict each other, or TLS fails. */
const isPermanent = (cause: unknown): boolean => {
  if (cause instanceof errors.InvalidArgumentError || cause instanceof TypeError) return true
  const code = String((cause as { readonly code?: unknown } | null)?.code ?? '')
  return /^(ERR|CERT|DEPTH|SELF|UNABLE)_/.test(code) || /does not support|doesn't exist/.test(reasonOf(cause))
}

const retryDelay = (stopped: AbortSignal): Promise<void> =>
  sleep(RETRY_INTERVAL_MS, undefined, { signal: stopped }).catch(() => {})

const unlessStopped = async <T>(promise: Promise<T>, stopped: AbortSignal): Promise<T> => {
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
