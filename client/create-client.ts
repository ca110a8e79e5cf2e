import { createFallback } from './connection/fallback.ts'
import type { ClientOptions } from './options.ts'
import { startClient } from './start-client.ts'
import { sse } from './transports/sse.ts'
import { websocket } from './transports/websocket.ts'
import type { CreateClient } from './typed-client.ts'

/**
 * Creates a client and connects it, unless `autoConnect` is false.
 *
 * The client keeps trying to connect until `close()`, or until a server refuses it for good. So the server may start
 * after the client.
 *
 * @throws `invalid_option`
 * @example
 * const client = createClient({ url: 'http://localhost:3000' })
 * client.subscribe('rooms/42/*', (payload, message) => console.log(message.topic, payload))
 * await client.call('chat/send', { text: 'hello' })
 */
export const createClient: CreateClient<ClientOptions> = (options: ClientOptions = {}) =>
  startClient(options, { transports: () => [websocket(), sse()], fallback: createFallback })
