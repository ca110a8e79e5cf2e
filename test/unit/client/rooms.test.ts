import { RookeryError } from 'rookery/client'
import { expect, it, vi } from 'vitest'
import { clientOf, MemoryTransport, opened } from './support.ts'

it('a handle on a room is joining while there is no connection, also if the client was in the room before', async () => {
  const transport = new MemoryTransport()
  transport.obliging = true
  const client = clientOf({ url: 'http://localhost:3000', transports: [transport] })
  await opened(client)
  const first = client.join('42')
  await first.ready
  transport.reachable = false
  transport.peer.close(new RookeryError('disconnected'))
  expect(client.join('42').state).toBe('joining')
  first.leave()
  const again = client.join('42')
  expect(again.state).toBe('joining')
  transport.reachable = true
  await vi.waitFor(() => expect(again.state).toBe('joined'))
  expect(transport.peer.frames).toMatchObject([{ topic: 'room/join', payload: { room: '42' } }])
})
