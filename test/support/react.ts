import './dom.ts'
import { cleanup, configure } from '@testing-library/react'
import { createElement, type ReactNode, StrictMode } from 'react'
import { type Client, createClient, websocket } from 'rookery/client'
import { RookeryProvider } from 'rookery/react'
import { afterEach, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

/** Uses Testing Library in a file of tests, with React's checks of effects in development. */
export const useTestingLibrary = (): void => {
  configure({ reactStrictMode: true })
  afterEach(cleanup)
}

interface RecordedFrame {
  readonly type?: string
  readonly topic?: string
  readonly topics?: readonly string[]
}

/** A client of an app that records the frames it sends. The end of the test closes it. */
export const recordingClient = (
  url: string,
): { readonly client: Client; readonly frames: RecordedFrame[] } => {
  const frames: RecordedFrame[] = []
  class RecordingWebSocket extends WebSocket {
    override send(data: string): void {
      frames.push(JSON.parse(data))
      super.send(data)
    }
  }
  const transports = [websocket({ WebSocket: RecordingWebSocket })]
  const client = createClient({ url, transports, reconnect: { min: 5, max: 50 } })
  onTestFinished(() => client.close())
  return { client, frames }
}

/** The frames that subscribe and unsubscribe, as `+a` and `-a`. */
export const subscriptionsIn = (frames: readonly RecordedFrame[]): string[] =>
  frames.flatMap(({ type, topics = [] }) => {
    if (type !== 'subscribe' && type !== 'unsubscribe') return []
    return topics.map((topic) => (type === 'subscribe' ? '+' : '-') + topic)
  })

/** A provider for `render` and `renderHook`. */
export const providerOf =
  (client: Client, linger?: number) =>
  ({ children }: { children?: ReactNode }) =>
    createElement(RookeryProvider, { client, linger }, children)

/** Whether the components of a test are in StrictMode. */
export const strict = (children: ReactNode) => createElement(StrictMode, null, children)
