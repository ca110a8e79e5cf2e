import {
  type Client,
  type ClientOptions,
  type ClientTransport,
  createClient,
  sse,
  websocket,
} from 'rookery/client'
import { socketio } from 'rookery/client/socketio'
import { onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

const create: Readonly<Record<string, () => ClientTransport>> = {
  websocket: () => websocket({ WebSocket }),
  sse: () => sse(),
  socketio: () => socketio(),
}

/** A client with one of the transports of `TRANSPORTS`. It reconnects fast. The end of the test closes it. */
export const clientBy = (transport: string, url: string, options: ClientOptions = {}): Client => {
  const client = createClient({
    url,
    transports: [create[transport]!()],
    reconnect: { min: 5, max: 50 },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

/** Records what the client warns about on the console. */
export const recordWarnings = (): string[] => {
  const warnings: string[] = []
  const spy = vi.spyOn(console, 'warn').mockImplementation((message) => void warnings.push(String(message)))
  onTestFinished(() => spy.mockRestore())
  return warnings
}
