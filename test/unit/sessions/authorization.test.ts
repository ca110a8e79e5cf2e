import { describe, expect, it } from 'vitest'
import { Authorization, type Authorizer } from '../../../core/sessions/authorization.ts'
import type { Session } from '../../../core/sessions/session.ts'

const session = { closed: false } as Session

const authorizer = (
  authorize: Authorizer['authorize'],
  authorizePattern: Authorizer['authorizePattern'] = () => 'each',
): Authorizer => ({ authorize, authorizePattern })

const accessOf = (...authorizers: Authorizer[]): Authorization => {
  const access = new Authorization()
  for (const one of authorizers) access.add(one)
  return access
}

const code = (code: string) => expect.objectContaining({ code })

describe('authorization', () => {
  it('is unlimited without an authorizer, before one is added and after it is removed', () => {
    const access = new Authorization()
    expect(access.unlimited).toBe(true)
    expect(access.check(session, 'send', 'a')).toBeUndefined()
    const remove = access.add(authorizer(() => false))
    expect(access.unlimited).toBe(false)
    expect(() => access.check(session, 'send', 'a')).toThrow(code('forbidden'))
    remove()
    expect(access.check(session, 'send', 'a')).toBeUndefined()
  })

  it('allows an action only if every authorizer does, at once or later', async () => {
    const yes = authorizer(() => true)
    const later = authorizer(async () => true)
    expect(accessOf(yes, yes).check(session, 'join', 'a')).toBeUndefined()
    await accessOf(yes, later).check(session, 'join', 'a')
    expect(() =>
      accessOf(
        later,
        authorizer(() => false),
      ).check(session, 'join', 'a'),
    ).toThrow(code('forbidden'))
    const refused = accessOf(
      yes,
      later,
      authorizer(async () => false),
    ).check(session, 'join', 'a')
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('is refused by every answer but true', async () => {
    for (const answer of [undefined, null, 0, 1, 'yes', {}]) {
      const access = accessOf(authorizer(() => answer as never))
      expect(() => access.check(session, 'send', 'a')).toThrow(code('forbidden'))
      const later = accessOf(authorizer(async () => answer as never))
      await expect(later.check(session, 'send', 'a')).rejects.toMatchObject({ code: 'forbidden' })
      const pattern = accessOf(
        authorizer(
          () => true,
          () => answer as never,
        ),
      )
      expect(() => pattern.checkPattern(session, 'a/*')).toThrow(code('forbidden'))
    }
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const thenable = { then: (resolve: (allowed: boolean) => void) => resolve(false) }
    const foreign = accessOf(authorizer(() => thenable as never)).check(session, 'send', 'a')
    await expect(foreign).rejects.toMatchObject({ code: 'forbidden' })
  })

  it('of a pattern checks each topic if one authorizer answers each', () => {
    const all = authorizer(
      () => true,
      () => true,
    )
    expect(accessOf(all).checkPattern(session, 'a/*')).toBe(false)
    expect(
      accessOf(
        all,
        authorizer(() => true),
      ).checkPattern(session, 'a/*'),
    ).toBe(true)
    expect(accessOf(authorizer(() => true)).checkPattern(session, 'a')).toBe(false)
  })

  it('that is refused at once causes no unhandled rejection of another check', () => {
    const failing = authorizer(async () => {
      throw new Error('no database')
    })
    expect(() =>
      accessOf(
        failing,
        authorizer(() => false),
      ).check(session, 'send', 'a'),
    ).toThrow(code('forbidden'))
  })
})
