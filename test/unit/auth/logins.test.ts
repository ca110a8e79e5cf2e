import { RookeryError, type Session, type User } from 'rookery'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Logins } from '../../../plugins/auth/logins.ts'
import { Revocations } from '../../../plugins/auth/revocations.ts'
import type { Login, Verifier } from '../../../plugins/auth/verifier.ts'
import { recordingLogger } from '../../support/app.ts'

const START = 1_000_000_000
const MINUTE = 60_000

beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

/** A login for so many milliseconds. */
const login = (life: number, tokenId = 'one', id = 'ada'): Login => ({
  user: { id, name: id },
  claims: undefined,
  permissions: undefined,
  keys: [`user-${id}`, `token-${tokenId}`],
  issuedAt: Date.now() / 1000,
  expiresAt: Date.now() + life,
  tokenId,
})

class FakeSession {
  readonly id = 's'
  user: User
  closed = false
  closeReason: RookeryError | undefined
  readonly said: unknown[] = []

  constructor(user: User) {
    this.user = user
  }

  push({ message }: { message: unknown }): void {
    this.said.push(message)
  }

  close(error: RookeryError): void {
    this.closed = true
    this.closeReason = error
    this.said.push(error.code)
  }

  get signal(): { readonly reason: unknown } {
    return { reason: this.closeReason ?? new RookeryError('disconnected') }
  }

  async renew(user: User): Promise<void> {
    this.user = user
  }
}

const start = (life: number) => {
  const revocations = new Revocations()
  const logins = new Logins(revocations, 25_000, () => recordingLogger())
  const fake = new FakeSession(logins.admit(login(life)))
  const session = fake as unknown as Session
  logins.opened(session, (frame) => fake.push(frame))
  const renew = (made: Login | Promise<Login>) =>
    logins.renew(session, 'token', { verify: async () => await made } as unknown as Verifier)
  return { revocations, logins, fake, session, renew }
}

describe('a login', () => {
  it('is asked for another token 30 s before its end, and ends 25 s after it', () => {
    const { fake } = start(10 * MINUTE)
    vi.advanceTimersByTime(10 * MINUTE - 30_001)
    expect(fake.said).toEqual([])
    vi.advanceTimersByTime(1)
    expect(fake.said).toEqual([{ type: 'auth', expiresIn: 30_000 }])
    vi.advanceTimersByTime(54_999)
    expect(fake.closed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(fake.said.at(-1)).toBe('token_expired')
  })

  it('goes on with another token, also in the grace', async () => {
    const { fake, renew } = start(MINUTE)
    vi.advanceTimersByTime(MINUTE + 24_000)
    expect(await renew(login(10 * MINUTE))).toEqual({ expiresIn: 10 * MINUTE })
    vi.advanceTimersByTime(9 * MINUTE)
    expect(fake.closed).toBe(false)
  })

  it('leaves nothing behind', async () => {
    const { logins, session, renew } = start(MINUTE)
    await renew(login(MINUTE, 'two'))
    expect(logins.size).toBeGreaterThan(0)
    logins.closed(session)
    logins.closed(session)
    expect(logins.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('of a session that has closed meanwhile is not begun', () => {
    const { logins, revocations } = start(MINUTE)
    const before = logins.size
    const fake = new FakeSession(logins.admit(login(MINUTE)))
    fake.closed = true
    logins.opened(fake as unknown as Session, (frame) => fake.push(frame))
    expect(logins.size).toBe(before)
    // Revoked between the handshake and the opening.
    const late = new FakeSession(logins.admit(login(MINUTE, 'late')))
    revocations.add({ key: 'token-late', before: null, until: Date.now() + 1 }, Date.now())
    expect(() => logins.opened(late as unknown as Session, () => {})).toThrow(
      expect.objectContaining({ code: 'token_revoked' }),
    )
  })

  it('is revoked by the token that it has now, and by none that it had', async () => {
    const { logins, fake, renew } = start(MINUTE)
    await renew(login(MINUTE, 'two'))
    expect(logins.close([{ key: 'token-one', before: null, until: 0 }])).toBe(0)
    expect(logins.close([{ key: 'user-ada', before: START / 1000 - 1, until: 0 }])).toBe(0)
    expect(fake.closed).toBe(false)
    expect(logins.close([{ key: 'token-two', before: null, until: 0 }])).toBe(1)
    expect(fake.said).toEqual(['token_revoked'])
  })

  it('takes no token any more when its session has closed while it was verified', async () => {
    const { logins, fake, session, renew } = start(MINUTE)
    let verified = (_login: Login): void => {}
    const renewing = renew(new Promise<Login>((resolve) => (verified = resolve)))
    const refused = expect(renewing).rejects.toMatchObject({ code: 'disconnected' })
    fake.closed = true
    logins.closed(session)
    verified(login(MINUTE))
    await refused
    expect(logins.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
