import { rooms } from 'rookery/rooms'
import { describe, expect, it } from 'vitest'
import { verifies } from '../requirements.ts'
import { ask, closedWith, connectBy, startThree, TRANSPORTS, welcomeBy } from '../support/three-transports.ts'

const join = (peer: Parameters<typeof ask>[0]) => ask(peer, { topic: 'room/join', payload: { room: '42' } })
const ids = (reply: unknown) => (reply as { members: { id: string }[] }).members.map(({ id }) => id)

describe.each(TRANSPORTS)('a guest of a room, over %s', (transport) => {
  it('has an id of 128 bits that no name can take', async () => {
    verifies('protocol.connect.username')
    const { url } = await startThree({ plugins: [rooms({ members: 'reject' })] })
    const guest = await welcomeBy(transport, url)
    const [id] = ids(await join(guest))
    expect(id).toMatch(/^\$guest-[0-9a-f]{32}$/)
    for (const username of [id as string, ` ${id}`, '$guest', '$']) {
      const refused = await connectBy(transport, url, { username, roomID: '42' })
      expect(await closedWith(refused), username).toBe('invalid_handshake')
    }
    const other = await welcomeBy(transport, url, { username: 'guest-1a2b3c4d' })
    expect(ids(await join(other))).toEqual([id, 'guest-1a2b3c4d'])
    const second = await welcomeBy(transport, url)
    expect(new Set(ids(await join(second))).size).toBe(3)
  })

  it('is another member than a user whose id your own code has taken from it', async () => {
    let taken: string | undefined
    const { url } = await startThree({
      plugins: [rooms({ members: 'replace' })],
      prepare: (app) => app.sessions.onAuthenticate(() => (taken ? { id: taken, name: 'Mallory' } : null)),
    })
    const guest = await welcomeBy(transport, url)
    ;[taken] = ids(await join(guest))
    const mallory = await welcomeBy(transport, url)
    expect(ids(await join(mallory))).toEqual([taken, `$${taken}`])
    expect(guest.closed).toBeUndefined()
  })
})
