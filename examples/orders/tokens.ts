import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { SignJWT } from 'jose'
import { people } from './people.ts'

/** Signs and verifies tokens. Without `JWT_SECRET`, each start has another key, and pages ask for new tokens. */
const secret = new TextEncoder().encode(process.env.JWT_SECRET ?? randomBytes(32).toString('hex'))

const audience = 'rookery-orders-example'

/** The option `jwt` of `auth()`. */
export const jwt = { secret, audience }

/** Answers `POST /token?user=ada` with a token. The demo asks for no password: see examples/auth. */
export const answerToken: RequestListener = (request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const person = people.find(({ id }) => id === searchParams.get('user'))
  if (!person || request.method !== 'POST') {
    response.writeHead(404).end()
    return
  }
  const { id, name, role } = person
  new SignJWT({ name, role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('10 min')
    .sign(secret)
    .then(
      (token) => response.writeHead(200, { 'cache-control': 'no-store' }).end(token),
      (error) => response.destroy(error),
    )
}
