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

/** Records the states of a client, a room or a subscription, with the codes of their errors. */
export const recordStates = (
  on: (listener: (state: string, error?: { code: string }) => void) => unknown,
) => {
  const states: string[] = []
  on((state, error) => states.push(error ? `${state}: ${error.code}` : state))
  return states
}

export const untilOpen = (client: Client) =>
  vi.waitFor(
    () => {
      if (client.state !== 'open') throw new Error(`The client is ${client.state}`)
    },
    { interval: 5, timeout: 10_000 },
  )
