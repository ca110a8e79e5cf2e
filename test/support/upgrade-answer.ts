import { request } from 'node:http'
import { text } from 'node:stream/consumers'

/** Headers of a WebSocket upgrade request. */
export const UPGRADE = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
}

/** Requests a WebSocket upgrade. Resolves with the answer, and closes the WebSocket if it was opened. */
export const upgradeAnswer = (
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    const asking = request(url, { headers: { ...UPGRADE, ...headers } })
    asking.on('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject)
    })
    asking.on('upgrade', ({ statusCode }, socket) => {
      socket.destroy()
      resolve({ status: statusCode, body: '' })
    })
    asking.on('error', reject)
    asking.end()
  })
