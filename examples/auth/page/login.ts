import type { Grant } from '../grant.ts'

/** The server's error answer to a request. */
export class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const post = async (path: string, body?: object): Promise<Response> => {
  const response = await fetch(path, {
    method: 'POST',
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  if (response.ok) return response
  const { error = response.statusText } = await response.json().catch(() => ({}))
  throw new RequestError(response.status, error)
}

const postForGrant = async (path: string, body?: object): Promise<Grant> =>
  await (await post(path, body)).json()

// The access token stays in memory. The refresh token, which outlives the page, is in a cookie that scripts cannot read.
export const logIn = (user: string, password: string): Promise<Grant> =>
  postForGrant('/login', { user, password })
export const refresh = (): Promise<Grant> => postForGrant('/token')
export const logOut = (): Promise<Response> => post('/logout')
export const logOutEverywhere = (): Promise<Response> => post('/logout-everywhere')
