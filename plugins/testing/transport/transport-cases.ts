import { backpressure } from './cases/backpressure.ts'
import { closing } from './cases/closing.ts'
import { errors } from './cases/errors.ts'
import { handshake } from './cases/handshake.ts'
import { history } from './cases/history.ts'
import { limits } from './cases/limits.ts'
import { messages } from './cases/messages.ts'
import { opening } from './cases/opening.ts'
import { payloads } from './cases/payloads.ts'
import { reconnecting } from './cases/reconnecting.ts'
import { stopping } from './cases/stopping.ts'
import { subscriptions } from './cases/subscriptions.ts'
import type { TransportCase } from './transport-case.ts'

/** Every promise of the transport contract. */
export const transportCases: readonly TransportCase[] = [
  ...handshake,
  ...opening,
  ...messages,
  ...payloads,
  ...subscriptions,
  ...history,
  ...errors,
  ...limits,
  ...backpressure,
  ...closing,
  ...reconnecting,
  ...stopping,
]
