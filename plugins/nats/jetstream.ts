/** Copies of a stream or bucket: with three, one NATS server may fail. */
export const REPLICAS = 3

/** Error codes of JetStream: the server is not in a cluster, or the cluster has too few servers. */
export const TOO_FEW_SERVERS = [10074, 10005]
export const NAME_IN_USE = 10058
export const STREAM_NOT_FOUND = 10059

export const NANOSECONDS_PER_MS = 1e6

export const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  codes.includes((error as { code?: unknown } | null)?.code as number)

/** Whether the server has no JetStream, the account may not use it, or the packages for it are not installed. */
export const isUnavailable = (error: unknown): boolean => {
  const { name, code } = error as { name?: unknown; code?: unknown }
  return name === 'JetStreamNotEnabled' || code === 'ERR_MODULE_NOT_FOUND'
}

/** Error codes of JetStream: the account or the server has too little storage. */
const TOO_LITTLE_STORAGE = [10047, 10028]

/**
 * What to change so that a stream can be used. Undefined if it is enough to wait.
 *
 * @param packages that must be installed
 */
export const adviceFor = (error: unknown, packages = "'@nats-io/jetstream'"): string | undefined => {
  const { name, code, status, message } = (error ?? {}) as Partial<Record<string, unknown>>
  if (code === 'ERR_MODULE_NOT_FOUND') return `install ${packages}`
  if (name === 'JetStreamNotEnabled')
    return 'start nats-server with JetStream (-js), or allow it for this account'
  if (error instanceof ForeignStreamError) return error.message
  const isRefused = typeof status === 'number' && status >= 400 && status < 500
  if (!hasCode(error, ...TOO_LITTLE_STORAGE) && (!isRefused || hasCode(error, ...TOO_FEW_SERVERS)))
    return undefined
  return `the server refuses the stream: ${message}`
}

/** The stream of a name was not made by Rookery. */
export class ForeignStreamError extends Error {
  constructor(stream: string) {
    super(`the stream '${stream}' was not created by Rookery: delete it, or set another 'prefix' of nats()`)
  }
}
