import { RookeryError, type Session, type User } from 'rookery'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuthenticatedSessions } from '../../../plugins/auth/authenticated-sessions.ts'
import type { Identity } from '../../../plugins/auth/identity.ts'
import { RevocationList } from '../../../plugins/auth/revocation-list.ts'
import type { TokenVerifier } from '../../../plugins/auth/token-verifier.ts'
import { recordingLogger } from '../../support/app.ts'

const START = 1_000_000_000
const MINUTE_MS = 60_000

beforeEach(() => void vi.useFakeTimers({ now: START }))
afterEach(() => void vi.useRealTimers())

/** An identity with a token that is valid for `lifetime` milliseconds. */
const identity = (lifetime: number, tokenId = 'one', id = 'ada'): Identity => ({
  user: { id, name: id },
  claims: undefined,
  permissions: undefined,
  revocationKeys: [`user-${id}`, `token-${tokenId}`],
  issuedAt: Date.now() / 1000,
  expiresAt: Date.now() + lifetime,
  tokenId,
})

class FakeSession {
  readonly id = 's'
  user: User
  closed = false
  closeReason: RookeryError | undefined
  readonly events: unknown[] = []

  constructor(user: User) {
    this.user = user
  }

  push({ message }: { message: unknown }): void {
    this.events.push(message)
  }

  close(error: RookeryError): void {
    this.closed = true
    this.closeReason = error
    this.events.push(error.code)
  }

  get signal(): { readonly reason: unknown } {
    return { reason: this.closeReason ?? new RookeryError('disconnected') }
  }

  async renew(user: User): Promise<void> {
    this.user = user
  }
}

const start = (lifetime: number) => {
  const revocations = new RevocationList()
  const sessions = new AuthenticatedSessions(revocations, 25_000, () => recordingLogger())
  const fake = new FakeSession(sessions.admit(identity(lifetime)))
  const session = fake as unknown as Session
  sessions.opened(session, (frame) => fake.push(frame))
  const renew = (made: Identity | Promise<Identity>) =>
    sessions.renew(session, 'token', { verify: async () => await made } as unknown as TokenVerifier)
  return { revocations, sessions, fake, session, renew }
}

describe('an authenticated session', () => {
  it('is asked for a new token 30 s before the token expires, and is closed 25 s after that', () => {
    const { fake } = start(10 * MINUTE_MS)
    vi.advanceTimersByTime(10 * MINUTE_MS - 30_001)
    expect(fake.events).toEqual([])
    vi.advanceTimersByTime(1)
    expect(fake.events).toEqual([{ type: 'auth', expiresIn: 30_000 }])
    vi.advanceTimersByTime(54_999)
    expect(fake.closed).toBe(false)
    vi.advanceTimersByTime(1)
    expect(fake.events.at(-1)).toBe('token_expired')
  })

  it('stays open with a new token, even if it comes in the grace period', async () => {
    const { fake, renew } = start(MINUTE_MS)
    vi.advanceTimersByTime(MINUTE_MS + 24_000)
    expect(await renew(identity(10 * MINUTE_MS))).toEqual({ expiresIn: 10 * MINUTE_MS })
    vi.advanceTimersByTime(9 * MINUTE_MS)
    expect(fake.closed).toBe(false)
  })

  it('leaves no entry and no timer behind', async () => {
    const { sessions, session, renew } = start(MINUTE_MS)
    await renew(identity(MINUTE_MS, 'two'))
    expect(sessions.size).toBeGreaterThan(0)
    sessions.closed(session)
    sessions.closed(session)
    expect(sessions.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not registered if it was closed or revoked during the handshake', () => {
    const { sessions, revocations } = start(MINUTE_MS)
    const before = sessions.size
    const fake = new FakeSession(sessions.admit(identity(MINUTE_MS)))
    fake.closed = true
    sessions.opened(fake as unknown as Session, (frame) => fake.push(frame))
    expect(sessions.size).toBe(before)
    // Revoked after the handshake and before the session opens.
    const late = new FakeSession(sessions.admit(identity(MINUTE_MS, 'late')))
    revocations.add({ key: 'token-late', before: null, until: Date.now() + 1 }, Date.now())
    expect(() => sessions.opened(late as unknown as Session, () => {})).toThrow(
      expect.objectContaining({ code: 'token_revoked' }),
    )
  })

  it('is closed if its current token is revoked, and not for an earlier token', async () => {
    const { sessions, fake, renew } = start(MINUTE_MS)
    await renew(identity(MINUTE_MS, 'two'))
    expect(sessions.closeRevoked([{ key: 'token-one', before: null, until: 0 }])).toBe(0)
    expect(sessions.closeRevoked([{ key: 'user-ada', before: START / 1000 - 1, until: 0 }])).toBe(0)
    expect(fake.closed).toBe(false)
    expect(sessions.closeRevoked([{ key: 'token-two', before: null, until: 0 }])).toBe(1)
    expect(fake.events).toEqual(['token_revoked'])
  })

  it('refuses a new token if it was closed while the token was verified', async () => {
    const { sessions, fake, session, renew } = start(MINUTE_MS)
    let verified = (_identity: Identity): void => {}
    const renewing = renew(new Promise<Identity>((resolve) => (verified = resolve)))
    const refused = expect(renewing).rejects.toMatchObject({ code: 'disconnected' })
    fake.closed = true
    sessions.closed(session)
    verified(identity(MINUTE_MS))
    await refused
    expect(sessions.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
