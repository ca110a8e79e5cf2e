import { WebSocket } from 'ws'
import type { Token } from './logins.ts'
import type { NodeView, SessionView } from './messages.ts'

/** Stolen tokens that are tried. Older ones are forgotten. */
const MAX_STOLEN = 10

/** What has been revoked. No session may use a revoked token from then on, on any node. */
export class Revocations {
  count = 0
  /** The second up to which all tokens are revoked, by user. */
  readonly #users = new Map<string, number>()
  readonly #tokens = new Set<string>()
  readonly #sessions = new Set<string>()
  readonly #stolen: Token[] = []

  /**
   * @param second in which the revocation began
   * @returns forgets the revocation: the only node that knew it was killed
   */
  user(user: string, second: number, stolen: Token): () => void {
    this.count++
    const before = this.#users.get(user)
    this.#users.set(user, second)
    this.#stolen.push(stolen)
    if (this.#stolen.length > MAX_STOLEN) this.#stolen.shift()
    return () => {
      this.#users.set(user, before ?? 0)
      this.#stolen.splice(this.#stolen.indexOf(stolen), 1)
    }
  }

  token(jti: string): () => void {
    this.count++
    this.#tokens.add(jti)
    return () => this.#tokens.delete(jti)
  }

  session(id: string): () => void {
    this.count++
    this.#sessions.add(id)
    return () => this.#sessions.delete(id)
  }

  /** Revoked sessions that a node still has. */
  alive({ node, sessions }: NodeView): string[] {
    const isRevoked = ({ id, user, jti, iat }: SessionView) =>
      this.#sessions.has(id) || this.#tokens.has(jti) || iat <= (this.#users.get(user) ?? 0)
    return sessions
      .filter(isRevoked)
      .map(({ id, user }) => `${node} has the revoked session ${id.slice(0, 20)} of ${user}`)
  }

  /** Stolen tokens that a node accepts. */
  async accepted(node: string, url: string): Promise<string[]> {
    const answers = await Promise.all(
      this.#stolen.map(async (token) => ({ token, answer: await handshake(url, token) })),
    )
    return answers
      .filter(({ answer }) => answer === 'welcome')
      .map(({ token }) => `${node} welcomes a revoked token of ${token.user}`)
  }
}

/** Connects with a token. Resolves with `welcome`, or how the connection ended. */
const handshake = (url: string, { text }: Token): Promise<string> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${url}/api/v1/ws`, { headers: { authorization: `Bearer ${text}` } })
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as { type: string }
      if (frame.type !== 'welcome') return
      resolve('welcome')
      socket.terminate()
    })
    socket.on('error', (error) => resolve(error.message))
    socket.on('close', (code, reason) => resolve(`${code} ${reason}`))
  })
