import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'

const BLOCK_BYTES = 16
const TAG_BYTES = 8
/** Bytes of a signature. A longer digest is cut off. */
const SIGNATURE_BYTES = 16
const CURSOR = /^[\w-]{22}$/

/**
 * Writes positions as cursors: one encrypted block (AES-128) of a tag of the epoch and the number. The same position has the
 * same cursor at every node with the key. A client learns nothing from it, and a cursor of another epoch, or a forged one,
 * decrypts to another tag.
 */
export class CursorCodec {
  readonly #key: Buffer
  readonly #tag: Buffer
  readonly #cipher
  readonly #decipher
  readonly #block = Buffer.alloc(BLOCK_BYTES)

  /** @param key 16 random bytes, the same at every node */
  constructor(epoch: string, key: Buffer = randomBytes(BLOCK_BYTES)) {
    this.#key = key
    this.#tag = createHash('sha256').update(epoch).digest().subarray(0, TAG_BYTES)
    // Blocks are independent, so one cipher serves all.
    this.#cipher = createCipheriv('aes-128-ecb', this.#key, null).setAutoPadding(false)
    this.#decipher = createDecipheriv('aes-128-ecb', this.#key, null).setAutoPadding(false)
  }

  encode(seq: number): string {
    this.#tag.copy(this.#block)
    this.#block.writeBigUInt64BE(BigInt(seq), TAG_BYTES)
    return this.#cipher.update(this.#block).toString('base64url')
  }

  /** Returns the number; undefined for a cursor of another epoch or key, and for a text that is no cursor. */
  decode(cursor: string): number | undefined {
    if (!CURSOR.test(cursor)) return undefined
    const block = this.#decipher.update(Buffer.from(cursor, 'base64url'))
    if (!block.subarray(0, TAG_BYTES).equals(this.#tag)) return undefined
    return Number(block.readBigUInt64BE(TAG_BYTES))
  }

  /** Signs a text with HMAC-SHA-256, for this epoch. */
  sign(text: string): string {
    const digest = createHmac('sha256', this.#key).update(this.#tag).update(text).digest()
    return digest.toString('base64url', 0, SIGNATURE_BYTES)
  }
}
