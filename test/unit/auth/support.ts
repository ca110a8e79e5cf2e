import { generateKeyPairSync } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'

export const SECRET = 'a secret of this test that has more than 32 bytes'

export const now = (): number => Math.floor(Date.now() / 1000)

export interface TokenOptions {
  readonly key?: Parameters<SignJWT['sign']>[0]
  readonly alg?: string
  readonly kid?: string
  readonly typ?: string
}

/** Creates a signed token. A claim with the value `undefined` is left out. */
export const makeToken = async (
  claims: { readonly [claim: string]: unknown } = {},
  { key = new TextEncoder().encode(SECRET), alg = 'HS256', kid, typ }: TokenOptions = {},
): Promise<string> => {
  const all = { sub: 'ada', iat: now(), exp: now() + 600, ...claims } as JWTPayload
  const header = { alg, ...(kid !== undefined && { kid }), ...(typ !== undefined && { typ }) }
  return await new SignJWT(all).setProtectedHeader(header).sign(key)
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Creates a token without a signature. */
export const unsigned = (claims: object, alg = 'none'): string =>
  `${base64url({ alg })}.${base64url({ sub: 'ada', iat: now(), exp: now() + 600, ...claims })}.`

export const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve })
