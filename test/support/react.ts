import { cleanup, configure } from '@testing-library/react'
import { createElement, type ReactNode } from 'react'
import { type Client, createClient, websocket } from 'rookery/client'
import { RookeryProvider } from 'rookery/react'
import { afterEach, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'

/** Prepares Testing Library for a file of tests: all components are in StrictMode, and React reports nothing. */
export const useTestingLibrary = (): void => {
  configure({ reactStrictMode: true, asyncUtilTimeout: 20_000 })
  // Each hook cleans up in the test that has rendered it.
  afterEach(cleanup)
}

/** Fails the test if React or Testing Library reports a mistake on the console. */
export const expectNoReports = (): void => {
  const spy = vi.spyOn(console, 'error').mockImplementation((...report) => {
    throw new Error(`console.error: ${report.join(' ')}`)
  })
  onTestFinished(() => spy.mockRestore())
}

interface RecordedFrame {
  readonly type?: string
  readonly topic?: string
  readonly topics?: readonly string[]
}

/** A client of an app that records the frames it sends. The end of the test closes it. */
export const recordingClient = (url: string, params = {}) => {
  const frames: RecordedFrame[] = []
  const sockets: WebSocket[] = []
  class RecordingWebSocket extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols)
      sockets.push(this)
    }

    override send(data: string): void {
      frames.push(JSON.parse(data))
      super.send(data)
    }
  }
  const transports = [websocket({ WebSocket: RecordingWebSocket })]
  const client = createClient({ url, params, transports, reconnect: { min: 5, max: 50 } })
  onTestFinished(() => client.close())
  return {
    client: client as Client,
    frames,
    /** The frames that subscribe and unsubscribe, as `+news` and `-news`. */
    subscriptions: () =>
      frames.flatMap(({ type, topics = [] }) =>
        type === 'subscribe' || type === 'unsubscribe'
          ? topics.map((topic) => (type === 'subscribe' ? '+' : '-') + topic)
          : [],
      ),
    /** The calls and messages of the client, by their topics. */
    topics: () => frames.flatMap(({ topic }) => topic ?? []),
    /** Cuts the connection, as a network that is lost. */
    cut: () => sockets.at(-1)?.terminate(),
    sockets,
  }
}

/** A provider, as `wrapper` of `render` and `renderHook`. */
export const providerOf =
  (client: Client, linger?: number) =>
  ({ children }: { children?: ReactNode }) =>
    createElement(RookeryProvider, { client, linger }, children)
