import { connect } from 'node:http2'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createFullApp, USER_SERVER_KINDS, urlOf } from '../support/server-kinds.ts'

describe('a client of HTTP/2', () => {
  it('receives streams, sends frames up, and is refused from an origin that is not allowed', async () => {
    const server = await USER_SERVER_KINDS['node:http2 with allowHTTP1']!()
    const { app } = createFullApp({ server, health: '/live' })
    await app.start()
    const client = connect(urlOf(server), { rejectUnauthorized: false })
    onTestFinished(() => {
      client.destroy()
      server.close()
    })
    /** A request whose answer is read into a string. */
    const ask = (headers: Readonly<Record<string, string>>, body?: string) => {
      const stream = client.request(headers)
      const answer = { stream, status: 0, text: '' }
      stream.on('response', ({ ':status': status }) => {
        answer.status = status as number
      })
      stream.on('data', (data) => {
        answer.text += data
      })
      stream.end(body)
      return answer
    }
    const stream = ask({ ':path': '/api/v1/sse?topic=a/*' })
    await vi.waitFor(() => expect(stream.text).toContain('"type":"welcome"'))
    await app.publish('a/1', 'over HTTP/2')
    await vi.waitFor(() => expect(stream.text).toContain('over HTTP/2'))
    const [, session] = /"session":"([^"]+)"/.exec(stream.text) as unknown as [string, string]
    const headers = {
      ':method': 'POST',
      ':path': `/api/v1/sse/${session}`,
      'content-type': 'application/json',
    }
    const sent = ask(headers, '{"topic":"echo","payload":7,"id":1}')
    await vi.waitFor(() =>
      expect([sent.status, stream.text]).toEqual([200, expect.stringContaining('"payload":7')]),
    )
    const refused = ask({ ':path': '/api/v1/sse', origin: 'https://evil.example' })
    const live = ask({ ':path': '/live' })
    const own = ask({ ':path': '/mine' })
    await vi.waitFor(() => expect([refused.status, live.status, own.text]).toEqual([403, 200, 'mine']))
    stream.stream.close()
    await vi.waitFor(() => expect(app.usage.sessions).toBe(0))
  })
})
