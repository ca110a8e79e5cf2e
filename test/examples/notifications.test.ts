import { expect, it } from 'vitest'
import { startServer } from '../../examples/notifications/server.ts'
import { runDemo } from '../support/example.ts'

it('the demo of the notifications example gives each device each notification once', async () => {
  const output = await runDemo('notifications')
  expect(output).toContain('to 0 sessions of ada: Barley is on its way')
  expect(output).toContain('laptop shows, as it was offline: Walnuts is on its way')
  expect(output).toMatch(/Each device has each notification once$/)
})

it('the routes of the notifications example refuse a request without a token, and one without an item', async () => {
  const server = await startServer(0)
  try {
    const post = (path: string, body: object, token = '') =>
      fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      })
    expect((await post('/orders', { item: 'Walnuts' })).status).toBe(401)
    const token = await (await post('/login/ada', {})).text()
    expect((await post('/orders', {}, token)).status).toBe(400)
    expect((await post('/orders', { item: 'Walnuts' }, token)).status).toBe(201)
    expect((await post('/orders/none/shipped', {})).status).toBe(404)
  } finally {
    await server.stop()
  }
})
