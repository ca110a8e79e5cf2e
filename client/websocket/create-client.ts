import type { ClientOptions } from '../options.ts'
import { startClient } from '../start-client.ts'
import { websocket } from '../transports/websocket.ts'
import type { CreateClient } from '../typed-client.ts'

/** Options of `createClient` of `rookery/client/websocket`. */
export type WebSocketClientOptions = Omit<ClientOptions, 'transports' | 'upgrade'>

/**
 * Creates a client that uses WebSocket alone, and connects it unless `autoConnect` is false. It is as `createClient` of
 * `rookery/client`, but its bundle contains neither server-sent events nor the fallback between transports.
 *
 * @throws `invalid_option`
 * @example const client = createClient({ url: 'http://localhost:3000' })
 */
export const createClient: CreateClient<WebSocketClientOptions> = (options: WebSocketClientOptions = {}) =>
  startClient(options, { transports: () => [websocket()] })
