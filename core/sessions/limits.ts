import type { ConnectionLimitValues } from '../admission/connection-limits.ts'
import { createToken } from '../util/token.ts'

/** The limits of an app with their defaults applied. Sizes are in bytes, times in milliseconds, rates per second. */
export interface Limits extends ConnectionLimitValues {
  readonly maxPayload: number
  readonly maxSubscriptions: number
  readonly messageRate: number
  readonly messageBurst: number
  readonly maxBuffered: number
  readonly slowConsumer: 'disconnect' | 'drop' | 'resume'
  readonly pingInterval: number
  readonly pingTimeout: number
  readonly handshakeTimeout: number
  readonly byteRate: number
  readonly byteBurst: number
  readonly maxDepth: number
  readonly maxNodes: number
}

/** The app's limits, for plugins. */
export const Limits = createToken<Limits>('Limits')
