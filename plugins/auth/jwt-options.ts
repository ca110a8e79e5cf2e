import type { KeyObject } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import type { User } from '../../core/protocol/protocol.ts'
import type { Duration } from '../../core/util/options.ts'
import type { Claims } from './tokens.ts'

/** How tokens are verified. Exactly one of `secret`, `publicKey` and `jwks` is required. */
export interface JwtOptions {
  /** The secret that signs tokens: at least 32 bytes for HS256, 48 for HS384, 64 for HS512. */
  readonly secret?: string | Uint8Array | undefined
  /** The issuer's public key: a PEM (SPKI or X.509), a KeyObject or a CryptoKey. */
  readonly publicKey?: string | KeyObject | CryptoKey | undefined
  /** The issuer's public keys: a key set, or its URL. */
  readonly jwks?: string | URL | JSONWebKeySet | undefined
  /** Required value of `iss`; with a list, one of its values. @default any */
  readonly issuer?: string | readonly string[] | undefined
  /** Value that `aud` must be or contain; with a list, one of its values. Without it, the log has a warning. @default any */
  readonly audience?: string | readonly string[] | undefined
  /**
   * Required `typ` of the token's header. With `'at+jwt'` (RFC 9068), a token for another purpose is refused, such as a
   * refresh token that the same key signs. @default any
   */
  readonly typ?: string | undefined
  /** Accepted signature algorithms. @default HS256 with a secret, otherwise all that fit the key */
  readonly algorithms?: readonly string[] | undefined
  /** Tolerated difference between clocks when `exp`, `nbf` and `iat` are checked. @default 0 */
  readonly clockTolerance?: Duration | undefined
}

/** Settings of the token verifier: the validated options, with defaults. */
export interface JwtSettings {
  readonly jwt: JwtOptions
  /** Milliseconds. */
  readonly clockTolerance: number
  /** Milliseconds. */
  readonly maxTokenAge: number
  /** Name of the claim that lists what a token allows. */
  readonly claim: string
  /** Makes the user from the claims; undefined for the default. */
  readonly user: ((claims: Claims) => User | Promise<User>) | undefined
}
