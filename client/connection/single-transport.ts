import type { ClientTransport } from '../transports/transport.ts'
import type { Selector } from './fallback.ts'

/** Selects the transport of a client that has only one. */
export const singleTransport = (transport: ClientTransport): Selector => ({
  transport,
  limit: (connectTimeout) => connectTimeout,
  welcomed: () => {},
  failed: () => false,
  lost: () => false,
})
