import { createHmac } from 'node:crypto'
import type { Random } from '../../plugins/testing/random.ts'

/** The secret with which the fuzz test signs tokens. */
export const SECRET = 's'.repeat(32)

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const sign = (header: object, claims: object): string => {
  const body = `${encode(header)}.${encode(claims)}`
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`
}

/** A token of one of a few users: valid, expired, or signed with unusual claims. */
export const fuzzToken = (random: Random): string => {
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: `user${random.below(4)}`, iat: now, exp: now + random.pick([600, 600, 600, 1, -5]) }
  const header = { alg: 'HS256', typ: 'JWT' }
  switch (random.below(12)) {
    case 0:
      return sign({ ...header, alg: random.pick(['none', 'HS512', 'RS256', '']) }, claims)
    case 1:
      return sign(header, { ...claims, sub: random.pick([1, '', null, '\ud800', {}, '__proto__']) })
    case 2:
      return sign(header, { ...claims, exp: random.pick(['1', null, 1e300, -1]) })
    case 3:
      return sign(header, {
        ...claims,
        rookery: random.pick([{}, [], null, 'x', { subscribe: ['**', 1, 'a'] }]),
      })
    case 4:
      return random.pick(['', 'a.b.c', '..', `${sign(header, claims)}x`, 'x'.repeat(5000), 'eyJ.eyJ.', '\0'])
    default:
      return sign(header, claims)
  }
}
