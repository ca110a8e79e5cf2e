import { describe, expect, it } from 'vitest'
import { ec, makeToken, SECRET } from './support.ts'
import { verifierOf } from './verifier-support.ts'

describe('a token for another purpose', () => {
  it('is refused by typ, although the same key signs it for the same audience', async () => {
    const { codeOf } = verifierOf({ secret: SECRET, audience: 'chat', typ: 'at+jwt' })
    const make = (typ?: string) => makeToken({ aud: 'chat' }, typ === undefined ? {} : { typ })
    // RFC 9068 allows the whole media type, and RFC 2045 any case.
    for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT']) {
      expect(await codeOf(await make(typ)), typ).toBe('ok')
    }
    for (const typ of ['refresh+jwt', 'JWT', 'jwt', '', undefined]) {
      expect(await codeOf(await make(typ)), String(typ)).toBe('invalid_token')
    }
  })

  it('is accepted without typ, and a warning asks for an audience if there is none', async () => {
    const warning = { level: 'warn', msg: expect.stringContaining('set jwt.audience') }
    const jwks = { keys: [] }
    for (const key of [{ secret: SECRET }, { publicKey: ec().publicKey }, { jwks }]) {
      expect(verifierOf(key).lines).toMatchObject([warning])
      expect(verifierOf({ ...key, audience: 'chat' }).lines).toEqual([])
    }
    const { codeOf } = verifierOf({ secret: SECRET })
    expect(await codeOf(await makeToken({}, { typ: 'refresh+jwt' }))).toBe('ok')
  })

  it('cannot be refused by a typ that is not a string', () => {
    const wrong = () => verifierOf({ secret: SECRET, typ: 7 as never })
    expect(wrong).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })
})
