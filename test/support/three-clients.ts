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

const transports: Readonly<Record<string, () => ClientTransport>> = {
  websocket: () => websocket({ WebSocket }),
  sse: () => sse(),
  socketio: () => socketio({ transports: ['websocket'] }),
}

/** Creates a client that uses one transport and reconnects soon. It closes with the test. */
export const clientBy = (transport: string, url: string, options: ClientOptions = {}): Client => {
  const client = createClient({
    url,
    transports: [transports[transport]!()],
    reconnect: { min: 5, max: 50 },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
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
