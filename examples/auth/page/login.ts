import type { Grant } from '../messages.ts'

/** What the server has against a request. */
export class Refusal extends Error {
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
  throw new Refusal(response.status, error)
}

const grant = async (path: string, body?: object): Promise<Grant> => await (await post(path, body)).json()

// The access token stays in memory. What outlives the page is in a cookie that no script can read.
export const logIn = (user: string, password: string): Promise<Grant> => grant('/login', { user, password })
export const refresh = (): Promise<Grant> => grant('/token')
export const logOut = (): Promise<Response> => post('/logout')
export const logOutEverywhere = (): Promise<Response> => post('/logout-everywhere')
