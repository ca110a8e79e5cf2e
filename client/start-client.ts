import { ReconnectingClient } from './client.ts'
import type { CreateFallback } from './connection/fallback.ts'
import { type ClientOptions, readOptions } from './options.ts'
import type { ClientTransport } from './transports/transport.ts'
import type { Side } from './typed.ts'
import type { Client } from './types.ts'

/** What an entry point of the client brings along. */
export interface Preset {
  /** The transports if the application gives none. */
  readonly transports: () => readonly ClientTransport[]
  /** Undefined for an entry point with one transport. */
  readonly fallback?: CreateFallback
}

/**
 * Creates a client with what an entry point brings along, and connects it unless `autoConnect` is false.
 *
 * @throws `invalid_option`
 */
export const startClient = <Contract, As extends Side>(
  options: ClientOptions,
  preset: Preset,
): Client<Contract, As> => {
  const settings = readOptions(options, preset.transports, preset.fallback !== undefined)
  const client = new ReconnectingClient(settings, preset.fallback)
  if (settings.autoConnect) client.connect()
  return client as unknown as Client<Contract, As>
}
